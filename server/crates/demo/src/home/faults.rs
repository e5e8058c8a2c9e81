//! What the broken releases do wrong. Each fault is a mistake that a real release could make, kept here
//! in one place so that the rest of the app is an honest one.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

use super::{Home, say};

/// How long a leaking release answers well after it became live.
const LEAK_AFTER: Duration = Duration::from_secs(6);
/// Time from the first failing page to the largest share of them.
const LEAK_GROWS_FOR: Duration = Duration::from_secs(30);
/// The largest share of pages that fail, in hundredths.
const LEAK_WORST_PERCENT: u64 = 90;
/// How often the leaking release looks whether it is live.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The mistakes, as `behaviour` in a `release.toml` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// `/healthz` answers 503 for ever.
    Unhealthy,
    /// Pages may be kept for ten minutes, and the service worker keeps them.
    CachesHtml,
    /// It exits with 1 before it listens.
    CrashesOnBoot,
    /// Some seconds after it became live, a growing share of pages answers 500; `/healthz` stays 200.
    SlowLeak,
}

impl FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Fault> {
        Ok(match text {
            "unhealthy" => Fault::Unhealthy,
            "caches-html" => Fault::CachesHtml,
            "crashes-on-boot" => Fault::CrashesOnBoot,
            "slow-leak" => Fault::SlowLeak,
            _ => bail!(
                "`behaviour` is `{text}`: it is unhealthy, caches-html, crashes-on-boot or \
                 slow-leak, or left out"
            ),
        })
    }
}

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

    /// What `Cache-Control` a page gets.
    pub(super) fn page_cache_control(&self) -> &'static str {
        if self.fault == Some(Fault::CachesHtml) {
            "public, max-age=600"
        } else {
            super::pages::CACHE_CONTROL
        }
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
            say("error: page cache: cannot allocate 8 MiB (1021 MiB in use)");
        }
        fails
    }
}

/// Remembers when this process became live, as long as that matters to its fault.
pub(super) async fn watch(home: Arc<Home>) {
    if home.release.fault != Some(Fault::SlowLeak) {
        return;
    }
    while !home.shutdown.is_cancelled() {
        let live = home.settings.is_live();
        {
            let mut since = home
                .faults
                .live_since
                .lock()
                .unwrap_or_else(|e| e.into_inner());
            *since = match *since {
                Some(since) if live => Some(since),
                _ => live.then(Instant::now),
            };
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = home.shutdown.cancelled() => {}
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
    let Some(leaking) = live_for.checked_sub(LEAK_AFTER) else {
        return 0;
    };
    // It begins with one page in ten, so that the first failure is soon seen.
    let grown =
        10 + leaking.as_millis() as u64 * LEAK_WORST_PERCENT / LEAK_GROWS_FOR.as_millis() as u64;
    grown.min(LEAK_WORST_PERCENT)
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
        assert_eq!(leaking_percent(LEAK_AFTER), 10);
        assert_eq!(
            leaking_percent(Duration::from_secs(3600)),
            LEAK_WORST_PERCENT
        );
        for percent in [0, 10, 37, 90] {
            let failing = (0..1000).filter(|n| is_among(*n, percent)).count() as u64;
            assert_eq!(failing, percent * 10);
        }
    }
}
