//! The units and the rule that lets Tealkeep use them: there, loaded, enabled, and such as `tealkeep units`
//! prints today.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Check, Findings, RESTART, ask, change};
use crate::config::{AppConfig, Config, RuntimeConfig};
use crate::names::Colour;
use crate::units::{NoUnits, Place, Printed, quote::shell, secure, sheet};

/// Tealkeep's own unit. A colour's may be stopped, and is looked after; this one must run, and nobody else looks.
const TEALKEEP: &str = "tealkeep.service";

pub async fn machine(findings: &mut Findings) {
    look(
        findings,
        TEALKEEP,
        &format!("systemctl enable --now {TEALKEEP}"),
    )
    .await;
}

pub async fn app(
    findings: &mut Findings,
    config: &Config,
    app: &AppConfig,
    host: &str,
    path: &Path,
) {
    let RuntimeConfig::Systemd(systemd) = &app.runtime else {
        return;
    };
    let sheet = match sheet(config, app, host) {
        Ok(sheet) => sheet,
        Err(NoUnits::OtherRuntime(_)) => return,
        Err(error @ NoUnits::Unwritable(_)) => {
            let path = shell(&path.to_string_lossy());
            findings.fail(Check::Units, error.to_string(), change(&path, 1));
            return;
        }
    };
    let name = &app.name;
    for file in &sheet.files {
        if file.place != Place::Machine {
            continue;
        }
        let check = match file.name.as_str() {
            "polkit" => Check::Polkit,
            "caddy" => Check::Router,
            _ => Check::Units,
        };
        let (only, path) = (shell(&file.name), shell(&file.path));
        match std::fs::read_to_string(&file.path) {
            Ok(there) if there == file.body => {
                findings.ok(check, format!("{} is as printed", file.path));
            }
            Ok(_) => findings.warn(
                check,
                format!(
                    "{} differs from what `tealkeep units {name}` prints now",
                    file.path
                ),
                format!("tealkeep units {name} --only {only} | diff {path} -"),
            ),
            // The gate's socket is there for who wants it.
            Err(error) if error.kind() == ErrorKind::NotFound && file.name.ends_with(".socket") => {
            }
            Err(error)
                if error.kind() == ErrorKind::NotFound
                    && file.is_of_an_older_unit()
                    && !is_deployed(app) =>
            {
                findings.warn(
                    check,
                    format!("{} is not there yet: the unit goes on as it was", file.path),
                    format!("tealkeep units {name} --only commands | sh    # after the first `tealkeep push`"),
                );
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                findings.fail(
                    check,
                    format!("{} is not there", file.path),
                    mend(name.as_str(), file),
                );
            }
            Err(error) => findings.warn(
                check,
                format!("{} can't be looked at: {error}", file.path),
                format!("sudo tealkeep doctor {name}"),
            ),
        }
        if let Ok(meta) = std::fs::metadata(&file.path)
            && meta.mode() & 0o777 & !file.bits() != 0
        {
            findings.fail(
                check,
                format!(
                    "{} may hold secrets, and its mode is {:04o}; it must be {}",
                    file.path,
                    meta.mode() & 0o7777,
                    file.mode
                ),
                secure(file),
            );
        }
    }
    for colour in Colour::BOTH {
        let unit = systemd.unit(colour);
        look(findings, unit, &format!("systemctl enable {unit}")).await;
    }
}

/// Whether any colour stands on a release.
fn is_deployed(app: &AppConfig) -> bool {
    let mut links = Colour::BOTH
        .map(|colour| app.releases.join(colour.as_str()))
        .into_iter();
    links.any(|link| link.symlink_metadata().is_ok())
}

/// The commands that put a file in its place, with its owner and mode before it has any content, and have it read.
fn mend(name: &str, file: &Printed) -> String {
    // Caddy's site is tried before it stays: those commands do so.
    if file.name == "caddy" {
        return format!("tealkeep units {name} --only commands | sh");
    }
    let (only, path) = (shell(&file.name), shell(&file.path));
    let read = match file.name.as_str() {
        // systemd reads the variables at each start.
        "env" => "",
        // It looks by itself, but not at once.
        "polkit" => " && systemctl try-restart polkit.service",
        _ => " && systemctl daemon-reload",
    };
    format!(
        "mkdir -p \"$(dirname {path})\" && install -o root -g {} -m {} /dev/null {path} && tealkeep units {name} --only {only} > {path}{read}",
        file.group, file.mode
    )
}

/// Whether a unit is loaded, and would start at boot.
async fn look(findings: &mut Findings, unit: &str, enable: &str) {
    let asked = "--property=LoadState,UnitFileState,ActiveState,NeedDaemonReload";
    let said = match ask::program("systemctl", &["show", asked, "--", unit]).await {
        Ok(said) => said,
        Err(error) => {
            findings.warn(
                Check::Units,
                format!(
                    "systemd can't be asked for {unit}, and this must run where it does: {error}"
                ),
                "systemctl is-system-running",
            );
            return;
        }
    };
    judge(findings, unit, enable, &ask::properties(&said));
}

fn judge(findings: &mut Findings, unit: &str, enable: &str, properties: &HashMap<&str, &str>) {
    let property = |name: &str| properties.get(name).copied().unwrap_or_default();
    match (property("LoadState"), property("UnitFileState")) {
        ("masked", _) | (_, "masked") => findings.fail(
            Check::Units,
            format!("{unit} is masked, so that nothing can start it"),
            format!("systemctl unmask {unit} && {enable}"),
        ),
        ("not-found", _) => findings.fail(
            Check::Units,
            format!("systemd knows no {unit}"),
            "systemctl daemon-reload    # once its file is in its place",
        ),
        ("loaded", "enabled") => match property("ActiveState") {
            down @ ("failed" | "inactive") if unit == TEALKEEP => findings.fail(
                Check::Units,
                format!("{unit} is enabled, but does not run ({down}): nobody takes snapshots or looks after the apps"),
                RESTART,
            ),
            "failed" => findings.warn(
                Check::Units,
                format!("{unit} is enabled, and has failed"),
                format!("journalctl --boot --lines=20 --unit={unit}"),
            ),
            state => findings.ok(Check::Units, format!("{unit} is enabled, and {state} now")),
        },
        ("loaded", _) => findings.fail(
            Check::Units,
            format!("{unit} is not enabled: it would not start at boot"),
            enable,
        ),
        (other, _) => findings.fail(
            Check::Units,
            format!("systemd can't load {unit} ({other})"),
            format!("systemctl status {unit}"),
        ),
    }
    if property("NeedDaemonReload") == "yes" {
        findings.warn(
            Check::Units,
            format!("{unit} was changed since systemd read it"),
            "systemctl daemon-reload",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    /// What is found of a unit that is enabled, and the command that mends it.
    fn found(unit: &str, state: &str) -> (Level, Option<String>) {
        let mut findings = Findings::default();
        let said = format!(
            "LoadState=loaded\nUnitFileState=enabled\nActiveState={state}\nNeedDaemonReload=no\n"
        );
        judge(&mut findings, unit, "enable", &ask::properties(&said));
        assert_eq!(findings.all.len(), 1);
        (findings.all[0].level, findings.all[0].mend.clone())
    }

    #[test]
    fn tealkeep_itself_must_run_and_a_colour_may_be_stopped() {
        for down in ["failed", "inactive"] {
            let mend = "systemctl restart tealkeep.service".to_owned();
            assert_eq!(found(TEALKEEP, down), (Level::Fail, Some(mend)), "{down}");
        }
        for state in ["active", "activating", "deactivating", "reloading"] {
            assert_eq!(found(TEALKEEP, state), (Level::Ok, None), "{state}");
        }
        assert_eq!(found("home-green.service", "inactive"), (Level::Ok, None));
        assert_eq!(found("home-green.service", "failed").0, Level::Warn);
    }
}
