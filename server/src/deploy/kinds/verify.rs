//! The proof after a swap: the router answers from the new release, and so does the public address if there is one.

use std::time::Duration;

use anyhow::bail;

use super::{Context, Outcome};
use crate::probe::{self, Question};

/// How long the public address may take to answer from the new release: a tunnel may hiccup.
const PUBLIC_WITHIN: Duration = Duration::from_secs(20);
/// The pause between two probes of the public address.
const PUBLIC_PAUSE: Duration = Duration::from_millis(500);
/// How long the router may take to answer from the new release.
const VERIFY_WITHIN: Duration = Duration::from_secs(10);
/// The pause between two probes through the router.
const VERIFY_PAUSE: Duration = Duration::from_millis(100);

/// Asks the way that users take.
pub(super) async fn through_router(run: &Context) -> anyhow::Result<Outcome> {
    let (app, release) = (&run.app, &run.facts.release);
    let health = &app.config.health;
    let until = tokio::time::Instant::now() + VERIFY_WITHIN;
    loop {
        let question = Question::of_health(app.router.entrance(), health);
        let found = question.ask().await;
        let found = found.map_err(|silence| silence.to_string());
        match found.and_then(|answer| probe::judge(&answer, release)) {
            Ok(()) => break,
            Err(wrong) if tokio::time::Instant::now() >= until => {
                bail!(
                    "after the swap, {} through the router {wrong} (asked was {question})",
                    health.path
                )
            }
            Err(_) => tokio::time::sleep(VERIFY_PAUSE).await,
        }
    }
    let Some(url) = &app.config.url else {
        return Ok(Outcome::Done(format!(
            "{release} answers through the router"
        )));
    };
    let public = probe::public::Public::at(url, &health.path)?;
    at_public_address(run, &public).await
}

async fn at_public_address(
    run: &Context,
    public: &probe::public::Public,
) -> anyhow::Result<Outcome> {
    let (health, release) = (&run.app.config.health, &run.facts.release);
    let until = tokio::time::Instant::now() + PUBLIC_WITHIN;
    loop {
        let found = public.ask(health.timeout).await;
        let is_late = tokio::time::Instant::now() >= until;
        let (wrong, lasts) = match found {
            Ok(answer) => match probe::judge(&answer, release) {
                Ok(()) => {
                    return Ok(Outcome::Done(format!(
                        "{release} answers through the router and at {public}"
                    )));
                }
                Err(wrong) => (wrong, false),
            },
            Err(silence) => (silence.why, silence.lasts),
        };
        if lasts || is_late {
            bail!("after the swap, {public} {wrong}");
        }
        tokio::time::sleep(PUBLIC_PAUSE).await;
    }
}
