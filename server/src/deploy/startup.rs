//! Waits until a starting colour is healthy, or until its time is up.

use std::time::{Duration, Instant};

use crate::names::{Colour, ReleaseId};
use crate::probe::{Question, judge};
use crate::runtime::{ColourState, Runtime};

/// The longest pause between two probes of a colour that starts; the pauses grow.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// The first pause between two probes of a colour that starts.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What a colour must show to count as healthy.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    /// The probe.
    pub question: &'a Question,
    /// The release that must answer.
    pub release: &'a ReleaseId,
}

/// Waits until a newly started colour is healthy, and returns how long that took.
///
/// An app that does not name its release counts only if the port belongs to the started process, as far as the machine can
/// tell.
///
/// # Errors
/// In words: the process ended, or `within` passed, with the result of the last probe.
pub async fn await_healthy(
    runtime: &dyn Runtime,
    colour: Colour,
    expected: &Expected<'_>,
    within: Duration,
) -> Result<Duration, String> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let found = expected.question.ask().await;
        match runtime.state(colour).await {
            ColourState::Running { .. } => {}
            ColourState::Stopped => return Err("it was stopped before it was healthy".to_owned()),
            ColourState::Ended { how } => return Err(format!("it {how} before it was healthy")),
        }
        let verdict = match &found {
            Ok(answer) => match judge(answer, expected.release) {
                Ok(())
                    if answer.release.is_none()
                        && runtime.owns_its_port(colour).await == Some(false) =>
                {
                    Err("was answered by another process's port".to_owned())
                }
                other => other,
            },
            Err(silence) => Err(silence.to_string()),
        };
        match verdict {
            Ok(()) => return Ok(began.elapsed()),
            Err(wrong) if began.elapsed() + pause > within => {
                return Err(format!(
                    "it was not healthy within {within:?}: {} {wrong} (asked was {})",
                    expected.question.path, expected.question
                ));
            }
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}
