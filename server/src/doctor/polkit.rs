//! Whether polkit lets Tealkeep use its units. The running polkit is asked, because another rule may come first and refuse.

use super::ask;
use super::findings::{Check, Findings};
use crate::config::{AppConfig, RuntimeConfig};
use crate::names::Colour;
use crate::units::VERBS;

/// The action that systemd checks with polkit before it starts or stops a unit.
const ACTION: &str = "org.freedesktop.systemd1.manage-units";

pub async fn look(findings: &mut Findings, app: &AppConfig) {
    let RuntimeConfig::Systemd(systemd) = &app.runtime else {
        return;
    };
    // Nobody else may ask on behalf of another process, with the unit that is meant.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let show = [
        "show",
        "--property=MainPID",
        "--value",
        "--",
        "tealkeep.service",
    ];
    let process = ask::program("systemctl", &show).await.unwrap_or_default();
    let process = process.trim();
    if matches!(process, "" | "0") {
        // Without a server there is no process to ask about; the check of the units reports that.
        return;
    }
    for colour in Colour::BOTH {
        let unit = systemd.unit(colour);
        for verb in VERBS {
            match may(process, unit, verb).await {
                Ok(true) => {}
                Ok(false) => {
                    findings.fail(
                        Check::Polkit,
                        format!("polkit does not let Tealkeep {verb} {unit}; the first rule that answers decides, in the order of the file names"),
                        "systemctl restart polkit.service; ls /etc/polkit-1/rules.d",
                    );
                    return;
                }
                Err(error) => {
                    findings.warn(
                        Check::Polkit,
                        format!("cannot ask polkit: {error}"),
                        "systemctl status polkit.service",
                    );
                    return;
                }
            }
        }
    }
    findings.ok(
        Check::Polkit,
        "polkit lets Tealkeep use the units of both colours",
    );
}

/// Asks through pkcheck(1).
async fn may(process: &str, unit: &str, verb: &str) -> Result<bool, String> {
    let asked = [
        "--action-id",
        ACTION,
        "--process",
        process,
        "--detail",
        "unit",
        unit,
        "--detail",
        "verb",
        verb,
    ];
    match ask::program("pkcheck", &asked).await {
        Ok(_) => Ok(true),
        Err(error)
            if ["Not authorized", "requires authentication"]
                .iter()
                .any(|no| error.contains(no)) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
