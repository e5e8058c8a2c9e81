//! The mistakes of the broken releases, by name.

use std::str::FromStr;

use anyhow::bail;

/// The mistakes, as `behaviour` in a `release.toml` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// `/healthz` always answers 503.
    Unhealthy,
    /// Pages may be cached for ten minutes, and the service worker caches them.
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
