//! The clock and its zone, by which 03:30 comes.

use super::{Check, Findings, ask};
use crate::config::Config;

pub async fn look(findings: &mut Findings, config: &Config) {
    let said = match ask::program("timedatectl", &["show"]).await {
        Ok(said) => said,
        Err(error) => {
            findings.warn(
                Check::Clock,
                format!(
                    "the clock can't be asked for, and this must run where systemd does: {error}"
                ),
                "systemctl status dbus.service systemd-timedated.service",
            );
            return;
        }
    };
    let properties = ask::properties(&said);
    if properties.get("NTPSynchronized") == Some(&"yes") {
        findings.ok(Check::Clock, "the clock is synchronised");
    } else {
        findings.warn(
            Check::Clock,
            "the clock is not synchronised: with a wrong one nothing is rotated, and the night comes at another time",
            "timedatectl set-ntp true; timedatectl timesync-status",
        );
    }
    let machine = properties.get("Timezone").copied().unwrap_or("UTC");
    match &config.zone {
        Some(zone) => findings.ok(
            Check::Clock,
            format!(
                "the night is reckoned in {}",
                zone.iana_name().unwrap_or("a zone of its own")
            ),
        ),
        None if matches!(machine, "UTC" | "Etc/UTC") => findings.warn(
            Check::Clock,
            "the machine's zone is UTC, so that the night is reckoned in it",
            "timedatectl set-timezone Europe/Berlin    # or `zone = \"Europe/Berlin\"` in the configuration",
        ),
        None => findings.ok(
            Check::Clock,
            format!("the night is reckoned in the machine's zone, {machine}"),
        ),
    }
}
