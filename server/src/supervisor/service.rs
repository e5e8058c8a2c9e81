//! Tells systemd how this process is (sd_notify(3)), if systemd wants to know.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::task::AbortOnDropHandle;

/// How often a start that takes its time says so.
const START_PAUSE: Duration = Duration::from_secs(10);

/// Says that everything is up, with one sentence for `systemctl status`, and feeds the watchdog from now on
/// until what is returned is dropped.
#[must_use]
pub fn ready(status: &str) -> Option<AbortOnDropHandle<()>> {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    let mut microseconds = 0;
    if !sd_notify::watchdog_enabled(false, &mut microseconds) {
        return None;
    }
    let pause = Duration::from_micros(microseconds) / 2;
    Some(AbortOnDropHandle::new(tokio::spawn(feed(pause))))
}

/// Says now and again that the start is still under way, until what is returned is dropped: how long it takes
/// is the apps' business, and each wait of theirs has a deadline of its own.
pub fn starting() -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async {
        let mut ticks = tokio::time::interval(START_PAUSE);
        loop {
            ticks.tick().await;
            let more = START_PAUSE.as_micros() * 6;
            tell(&[NotifyState::ExtendTimeoutUsec(
                u32::try_from(more).unwrap_or(u32::MAX),
            )]);
        }
    }))
}

/// Whether systemd waits to hear from this process.
#[must_use]
pub fn is_awaited() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Says that the end has begun.
pub fn stopping() {
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("What was under way is being left in order."),
    ]);
}

/// Each sign of life went through the timer, the queue of tasks and a thread for blocking work: whoever waits for
/// one of the three for ever is found out.
async fn feed(pause: Duration) {
    let mut ticks = tokio::time::interval(pause);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let through = tokio::spawn(tokio::task::spawn_blocking(|| {})).await;
        if matches!(through, Ok(Ok(()))) {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    // Not being heard has its own end: systemd's deadlines.
    if let Err(error) = sd_notify::notify(false, state) {
        tracing::warn!("systemd was not told: {error}");
    }
}
