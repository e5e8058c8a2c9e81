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
                match findings.machine.has_systemd {
                    true => "systemctl status dbus.service systemd-timedated.service",
                    false => "date    # compare it with a clock that you trust",
                },
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
            match properties.get("CanNTP") {
                // There is nobody whom it could switch on.
                Some(&"no") => "apt install systemd-timesyncd && timedatectl set-ntp true",
                Some(_) | None => "timedatectl set-ntp true; timedatectl",
            },
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
            "timedatectl list-timezones    # then timedatectl set-timezone with yours; or `zone` in the configuration, \"UTC\" if that is meant",
        ),
        None => findings.ok(
            Check::Clock,
            format!("the night is reckoned in the machine's zone, {machine}"),
        ),
    }
}
