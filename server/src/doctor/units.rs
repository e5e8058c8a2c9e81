//! The units and the rule that lets Tealkeep use them: there, loaded, enabled, and such as `tealkeep units`
//! prints today.

use std::io::ErrorKind;

use super::{Check, Findings, ask};
use crate::config::{AppConfig, Config, RuntimeConfig};
use crate::names::Colour;
use crate::units::{NoUnits, Place, quote::shell, sheet};

pub async fn machine(findings: &mut Findings) {
    look(
        findings,
        "tealkeep.service",
        "systemctl enable --now tealkeep.service",
    )
    .await;
}

pub async fn app(findings: &mut Findings, config: &Config, app: &AppConfig, host: &str) {
    let RuntimeConfig::Systemd(systemd) = &app.runtime else {
        return;
    };
    let sheet = match sheet(config, app, host) {
        Ok(sheet) => sheet,
        Err(NoUnits::OtherRuntime(_)) => return,
        Err(error @ NoUnits::Unwritable(_)) => {
            findings.fail(Check::Units, error.to_string(), "change the configuration");
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
            Err(error)
                if error.kind() == ErrorKind::NotFound && file.name.ends_with(".socket") => {}
            Err(error) if error.kind() == ErrorKind::NotFound => findings.fail(
                check,
                format!("{} is not there", file.path),
                format!(
                    "mkdir -p \"$(dirname {path})\" && tealkeep units {name} --only {only} > {path} && systemctl daemon-reload"
                ),
            ),
            Err(error) => findings.warn(
                check,
                format!("{} can't be looked at: {error}", file.path),
                format!("sudo tealkeep doctor {name}"),
            ),
        }
    }
    for colour in Colour::BOTH {
        let unit = systemd.unit(colour);
        look(findings, unit, &format!("systemctl enable {unit}")).await;
    }
}

/// Whether a unit is loaded, and would start at boot.
async fn look(findings: &mut Findings, unit: &str, enable: &str) {
    let asked = "--property=LoadState,UnitFileState,ActiveState,NeedDaemonReload";
    let said = match ask::program("systemctl", &["show", asked, "--", unit]).await {
        Ok(said) => said,
        Err(error) => {
            findings.warn(
                Check::Units,
                format!("systemd can't be asked for {unit}: {error}"),
                "this must run where systemd does",
            );
            return;
        }
    };
    let properties = ask::properties(&said);
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
        ("loaded", "enabled") => findings.ok(
            Check::Units,
            format!("{unit} is enabled, and {} now", property("ActiveState")),
        ),
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
