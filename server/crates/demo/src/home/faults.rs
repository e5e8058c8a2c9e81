//! What the broken releases do wrong. Each fault is a mistake that a real release could make, here in one place so that
//! the rest of the app has none of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::log::log;
use super::settings::Settings;

/// How long a leaking release answers correctly after it became live.
const LEAK_DELAY: Duration = Duration::from_secs(6);
/// Time from the first failing page to the largest share of them.
const LEAK_GROWTH_TIME: Duration = Duration::from_secs(30);
/// The largest share of pages that fail, in hundredths.
const MAX_LEAK_PERCENT: u64 = 90;
/// How often the leaking release checks whether it is live.
const LIVE_CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// The fault of the running release and how far it has got.
pub(super) struct Faults {
    fault: Option<Fault>,
    live_since: Mutex<Option<Instant>>,
    pages: AtomicU64,
}

impl Faults {
    pub(super) fn new(fault: Option<Fault>) -> Faults {
        Faults {
            fault,
            live_since: Mutex::new(None),
            pages: AtomicU64::new(0),
        }
    }

    /// Why `/healthz` must say 503, if it must.
    pub(super) fn unhealthy(&self) -> Option<&'static str> {
        (self.fault == Some(Fault::Unhealthy))
            .then_some("the calendar at calendar.home.example does not answer")
    }

    /// The wrong `Cache-Control` of a page, if it gets one.
    pub(super) fn page_cache_control(&self) -> Option<&'static str> {
        (self.fault == Some(Fault::CachesHtml)).then_some("public, max-age=600")
    }

    /// Whether this page fails. Counts it, so that exactly the share that is due fails.
    pub(super) fn page_fails(&self) -> bool {
        if self.fault != Some(Fault::SlowLeak) {
            return false;
        }
        let since = *self.live_since.lock().unwrap_or_else(|e| e.into_inner());
        let percent = since.map_or(0, |since| leaking_percent(since.elapsed()));
        let page = self.pages.fetch_add(1, Ordering::Relaxed);
        let fails = is_among(page, percent);
        if fails {
            log("error: page cache: cannot allocate 8 MiB (1021 MiB in use)");
        }
        fails
    }

    /// Remembers when this process became live, as long as that matters to its fault.
    pub(super) async fn watch(&self, settings: &Settings, shutdown: &CancellationToken) {
        if self.fault != Some(Fault::SlowLeak) {
            return;
        }
        while !shutdown.is_cancelled() {
            let is_live = settings.is_live();
            {
                let mut since = self.live_since.lock().unwrap_or_else(|e| e.into_inner());
                *since = match *since {
                    Some(since) if is_live => Some(since),
                    _ => is_live.then(Instant::now),
                };
            }
            tokio::select! {
                () = tokio::time::sleep(LIVE_CHECK_INTERVAL) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }
}

/// Prints what a crashing program leaves behind and returns the error that it ends with.
pub(super) fn crash() -> anyhow::Error {
    for line in [
        "loading the calendar of bin collections",
        "Unhandled error: cannot read property `collections` of undefined",
        "    at readCalendar (lib/bins/calendar:41:27)",
        "    at loadHousehold (lib/household:112:9)",
        "    at async main (server:18:3)",
        "hint: BINS_CALENDAR_URL is not set",
    ] {
        eprintln_quietly(line);
    }
    anyhow!("the release ended while it was starting: BINS_CALENDAR_URL is not set")
}

fn eprintln_quietly(line: &str) {
    use std::io::Write;
    // The process ends with 1 whether or not somebody reads why.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn leaking_percent(live_for: Duration) -> u64 {
    let Some(leaking) = live_for.checked_sub(LEAK_DELAY) else {
        return 0;
    };
    // It begins with one page in ten, so that the first failure is soon seen.
    let grown =
        10 + leaking.as_millis() as u64 * MAX_LEAK_PERCENT / LEAK_GROWTH_TIME.as_millis() as u64;
    grown.min(MAX_LEAK_PERCENT)
}

/// Spreads `percent` of all numbers evenly.
fn is_among(number: u64, percent: u64) -> bool {
    (number + 1) * percent / 100 != number * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_begins_late_and_grows_to_its_worst() {
        assert_eq!(leaking_percent(Duration::from_secs(5)), 0);
        assert_eq!(leaking_percent(LEAK_DELAY), 10);
        assert_eq!(leaking_percent(Duration::from_secs(3600)), MAX_LEAK_PERCENT);
        for percent in [0, 10, 37, 90] {
            let failing = (0..1000).filter(|n| is_among(*n, percent)).count() as u64;
            assert_eq!(failing, percent * 10);
        }
    }
}
