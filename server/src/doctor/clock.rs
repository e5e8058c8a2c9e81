//! The clock and its zone, which decide when it is 03:30.

use super::ask;
use super::findings::{Check, Findings};
use crate::config::Config;

pub async fn look(findings: &mut Findings, config: &Config) {
    let output = match ask::program("timedatectl", &["show"]).await {
        Ok(output) => output,
        Err(error) => {
            findings.warn(
                Check::Clock,
                format!(
                    "cannot query the clock; run this on the machine itself, where systemd runs: {error}"
                ),
                match findings.machine.has_systemd {
                    true => "systemctl status dbus.service systemd-timedated.service",
                    false => "date    # compare it with a clock that you trust",
                },
            );
            return;
        }
    };
    let properties = ask::properties(&output);
    if properties.get("NTPSynchronized") == Some(&"yes") {
        findings.ok(Check::Clock, "the clock is synchronised");
    } else {
        findings.warn(
            Check::Clock,
            "the clock is not synchronised: with a wrong clock no snapshot is rotated, and nightly snapshots are taken at the wrong time",
            match properties.get("CanNTP") {
                // There is no service that it could enable.
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
                "nightly snapshots follow {}",
                zone.iana_name().unwrap_or("a custom zone")
            ),
        ),
        None if matches!(machine, "UTC" | "Etc/UTC") => findings.warn(
            Check::Clock,
            "the machine's zone is UTC, so nightly snapshots follow UTC",
            "timedatectl list-timezones    # then timedatectl set-timezone with yours; or set `zone` in the configuration, \"UTC\" if you want that",
        ),
        None => findings.ok(
            Check::Clock,
            format!("nightly snapshots follow the machine's zone, {machine}"),
        ),
    }
}
