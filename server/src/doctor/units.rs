//! The units and the rule that lets Tealkeep use them: whether they exist, are loaded and enabled, and are what `tealkeep units`
//! prints today.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::advice::RESTART;
use super::ask;
use super::findings::{Check, Findings, Kind};
use crate::config::{AppConfig, Config, RuntimeConfig};
use crate::names::Colour;
use crate::units::{
    NoUnits, Place, Printed, Sheet, Standing, quote::shell, secure, sheet, standing,
};

/// Tealkeep's own unit. A colour's unit may be stopped, and Tealkeep watches it; this one must run, and nobody else watches.
const TEALKEEP: &str = "tealkeep.service";

pub async fn machine(findings: &mut Findings) {
    look(
        findings,
        TEALKEEP,
        &format!("systemctl enable --now {TEALKEEP}"),
        "apt install ./tealkeep_*.deb    # the package contains it",
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
            let mend = findings.machine.edit(&path, 1);
            findings.fail(Check::Units, error.to_string(), mend);
            return;
        }
    };
    files(findings, app, &sheet);
    if !findings.wants(&[Check::Units]) {
        return;
    }
    for colour in Colour::BOTH {
        let unit = systemd.unit(colour);
        let unknown = match systemd.command {
            Some(_) => "systemctl daemon-reload    # once its file is in its place",
            None => {
                "name the app's own units in `blue_unit` and `green_unit`, or give `command`, so that `tealkeep units` prints them"
            }
        };
        look(findings, unit, &format!("systemctl enable {unit}"), unknown).await;
    }
}

/// What the printed files amount to together.
#[derive(Default)]
struct Tally<'a> {
    /// How many must exist.
    expected: usize,
    missing: usize,
    older: Vec<(Check, &'a str)>,
}

/// The state of the printed files: whether they exist, are as printed, match the configuration, and have the right readers.
fn files(findings: &mut Findings, app: &AppConfig, sheet: &Sheet) {
    let mut tally = Tally::default();
    let files = sheet.files.iter();
    for file in files.filter(|file| file.place == Place::Machine) {
        let check = match file.name.as_str() {
            "polkit" => Check::Polkit,
            "caddy" => Check::Router,
            _ => Check::Units,
        };
        if !findings.wants(&[check]) {
            continue;
        }
        tally.expected += usize::from(!file.may_be_missing(app));
        match std::fs::read_to_string(&file.path) {
            Ok(content) => match standing(&content, &file.body) {
                Standing::Older => tally.older.push((check, file.path.as_str())),
                standing => compared(findings, check, app.name.as_str(), file, standing),
            },
            Err(error) => {
                let is_missing = unreadable(findings, check, app, file, &error);
                tally.missing += usize::from(is_missing);
            }
        }
        readers(findings, check, file);
    }
    summarise(findings, app.name.as_str(), &tally);
}

/// What the comparison of one file with the printed one says; older files are reported together.
fn compared(findings: &mut Findings, check: Check, name: &str, file: &Printed, standing: Standing) {
    let (only, path) = (shell(&file.name), shell(&file.path));
    match standing {
        Standing::Older => {}
        Standing::Current => findings.ok(check, format!("{} is as printed", file.path)),
        Standing::Edited => findings.warn(
            check,
            format!("{} differs from what `tealkeep units {name}` prints: somebody changed it", file.path),
            format!("tealkeep units {name} --only {only} | diff {path} -    # if that is intended, all is well"),
        ),
        Standing::EditedAndOlder => findings.fail(
            check,
            left_alone(name, file, "somebody changed it"),
            replace_command(name, file),
        ),
        Standing::Unmarked => findings.fail(
            check,
            left_alone(name, file, "it was printed by an older version, or changed by hand"),
            replace_command(name, file),
        ),
    }
}

/// Reports a file that could not be read; returns whether one is missing that must exist.
fn unreadable(
    findings: &mut Findings,
    check: Check,
    app: &AppConfig,
    file: &Printed,
    error: &std::io::Error,
) -> bool {
    let name = app.name.as_str();
    if error.kind() != ErrorKind::NotFound {
        let list = format!("ls -l {}", shell(&file.path));
        let mend = findings.machine.as_root(name, list);
        let text = format!("cannot access {}: {error}", file.path);
        findings.warn(check, text, mend);
        return false;
    }
    if file.name.ends_with(".socket") {
        return false;
    }
    if file.may_be_missing(app) {
        findings.warn(
            check,
            format!(
                "{} does not exist yet: the unit keeps running as before",
                file.path
            ),
            format!(
                "{}    # after the first `tealkeep push`",
                setup_commands(name)
            ),
        );
        return false;
    }
    let text = format!("{} does not exist", file.path);
    findings.fail_as(Kind::FileMissing, check, text, mend(name, file));
    true
}

/// Fails if somebody can read a file who must not.
fn readers(findings: &mut Findings, check: Check, file: &Printed) {
    if let Ok(meta) = std::fs::metadata(&file.path)
        && meta.mode() & 0o777 & !file.bits() != 0
    {
        findings.fail(
            check,
            format!(
                "{} may contain secrets, but its mode is {:04o}; it must be {}",
                file.path,
                meta.mode() & 0o7777,
                file.mode
            ),
            secure(file),
        );
    }
}

fn summarise(findings: &mut Findings, name: &str, tally: &Tally<'_>) {
    if let Some((check, _)) = tally.older.first() {
        let paths: Vec<&str> = tally.older.iter().map(|(_, path)| *path).collect();
        findings.fail(
            *check,
            format!(
                "older than the configuration, or printed by an older version: {}",
                paths.join(", ")
            ),
            setup_commands(name),
        );
    }
    let all = tally.expected;
    let (kind, text) = match tally.missing {
        0 | 1 => return,
        missing if missing == all => (
            Kind::NotSetUp,
            format!(
                "{name} is not set up on this machine: none of the {all} files that `tealkeep units {name}` prints exists"
            ),
        ),
        missing => (
            Kind::FilesMissing,
            format!(
                "{missing} of the {all} files that `tealkeep units {name}` prints do not exist"
            ),
        ),
    };
    findings.fail_as(kind, Check::Units, text, setup_commands(name));
}

fn setup_commands(name: &str) -> String {
    format!("tealkeep units {name} --only commands | sh")
}

/// Reports that a file is out of date and the printed commands do not replace it.
fn left_alone(name: &str, file: &Printed, why: &str) -> String {
    format!(
        "{} does not match the configuration, and {why}, so the commands of `tealkeep units {name}` leave it alone",
        file.path
    )
}

/// The commands that keep such a file under another name and replace it with the printed one.
fn replace_command(name: &str, file: &Printed) -> String {
    let path = shell(&file.path);
    format!(
        "mv {path} {path}.mine && {}    # {}",
        mend(name, file),
        reload_command(file)
    )
}

/// What to do with your own changes after the printed file is back.
fn reload_command(file: &Printed) -> String {
    match file.name.strip_suffix(".service") {
        Some(_) => format!(
            "then put your changes, if any, into a drop-in, which is never replaced: systemctl edit {}",
            file.name
        ),
        None => "then make your changes, if any, again".to_owned(),
    }
}

/// The commands that write a file, with its owner and mode before it has any content, and reload it.
fn mend(name: &str, file: &Printed) -> String {
    // The commands check Caddy's site before they keep it.
    if file.name == "caddy" {
        return format!("tealkeep units {name} --only commands | sh");
    }
    let (only, path) = (shell(&file.name), shell(&file.path));
    let read = match file.name.as_str() {
        // systemd reads the variables at each start.
        "env" => "",
        // polkit notices the change by itself, but not at once.
        "polkit" => " && systemctl try-restart polkit.service",
        _ => " && systemctl daemon-reload",
    };
    format!(
        "mkdir -p \"$(dirname {path})\" && install -o root -g {} -m {} /dev/null {path} && tealkeep units {name} --only {only} > {path}{read}",
        file.group, file.mode
    )
}

/// Whether a unit is loaded and starts at boot. `enable` is the command for that, `unknown` the fix if systemd does not know it.
async fn look(findings: &mut Findings, unit: &str, enable: &str, unknown: &str) {
    let asked = "--property=LoadState,UnitFileState,ActiveState,NeedDaemonReload,WantedBy";
    let said = match ask::program("systemctl", &["show", asked, "--", unit]).await {
        Ok(said) => said,
        Err(error) => {
            findings.warn(
                Check::Units,
                format!(
                    "cannot ask systemd about {unit}; run this on the machine itself, where systemd runs: {error}"
                ),
                match findings.machine.has_systemd {
                    true => "systemctl is-system-running",
                    false => "run this on the machine itself: systemd does not run here",
                },
            );
            return;
        }
    };
    judge(findings, unit, enable, unknown, &ask::properties(&said));
}

fn judge(
    findings: &mut Findings,
    unit: &str,
    enable: &str,
    unknown: &str,
    properties: &HashMap<&str, &str>,
) {
    let property = |name: &str| properties.get(name).copied().unwrap_or_default();
    let is_wanted = !property("WantedBy").is_empty();
    match (property("LoadState"), property("UnitFileState")) {
        ("masked", _) | (_, "masked") => findings.fail(
            Check::Units,
            format!("{unit} is masked, so nothing can start it"),
            format!("systemctl unmask {unit} && {enable}"),
        ),
        ("not-found", _) => {
            let text = format!("systemd does not know {unit}");
            findings.fail_as(Kind::FileMissing, Check::Units, text, unknown);
        }
        // A generator made it, such as Podman's from a Quadlet file: `systemctl enable` refuses it, and its own file says
        // whether it starts at boot.
        ("loaded", "enabled") | ("loaded", "generated") if property("UnitFileState") == "enabled" || is_wanted => match property("ActiveState") {
            down @ ("failed" | "inactive") if unit == TEALKEEP => findings.fail_as(
                Kind::ServerDown,
                Check::Units,
                format!("{unit} is enabled but not running ({down}): no snapshots are taken, and nothing supervises the apps"),
                RESTART,
            ),
            "failed" => findings.warn(
                Check::Units,
                format!("{unit} is enabled but has failed"),
                format!("journalctl --boot --lines=20 --unit={unit}"),
            ),
            state => findings.ok(Check::Units, format!("{unit} is enabled and {state}")),
        },
        ("loaded", "generated") => findings.fail(
            Check::Units,
            format!("{unit} does not start at boot: a generator made it from a file that does not ask for that"),
            "add to that file, for Podman a .container one: [Install] and below it WantedBy=multi-user.target; then systemctl daemon-reload",
        ),
        ("loaded", "static") => findings.fail(
            Check::Units,
            format!("{unit} does not start at boot: it has no [Install] section, so it cannot be enabled"),
            format!("systemctl edit --full {unit}    # add [Install] and below it WantedBy=multi-user.target; then {enable}"),
        ),
        ("loaded", _) => findings.fail(
            Check::Units,
            format!("{unit} is not enabled: it does not start at boot"),
            enable,
        ),
        (other, _) => findings.fail(
            Check::Units,
            format!("systemd cannot load {unit} ({other})"),
            format!("systemctl status {unit}"),
        ),
    }
    if property("NeedDaemonReload") == "yes" {
        findings.warn(
            Check::Units,
            format!("{unit} has changed since systemd read it"),
            "systemctl daemon-reload",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::advice::MACHINE;
    use crate::doctor::findings::Level;

    /// What is found of a unit that is enabled, and the command that mends it.
    fn found(unit: &str, state: &str) -> (Level, Option<String>) {
        found_of(
            unit,
            &format!("UnitFileState=enabled\nActiveState={state}\n"),
        )
    }

    fn found_of(unit: &str, properties: &str) -> (Level, Option<String>) {
        let mut findings = Findings::new(MACHINE, None);
        let said = format!("LoadState=loaded\nNeedDaemonReload=no\n{properties}");
        judge(
            &mut findings,
            unit,
            "enable",
            "unknown",
            &ask::properties(&said),
        );
        assert_eq!(findings.all.len(), 1);
        (findings.all[0].level, findings.all[0].mend.clone())
    }

    #[test]
    fn a_unit_that_cannot_be_enabled_is_not_told_to_be() {
        let unit = "home-blue.service";
        let generated = "UnitFileState=generated\nActiveState=active\n";
        assert_eq!(
            found_of(unit, &format!("{generated}WantedBy=multi-user.target\n")),
            (Level::Ok, None)
        );
        for (properties, helps) in [
            (generated, "WantedBy=multi-user.target"),
            (
                "UnitFileState=static\nActiveState=inactive\n",
                "systemctl edit --full home-blue.service",
            ),
        ] {
            let (level, mend) = found_of(unit, properties);
            let mend = mend.unwrap();
            assert_eq!(level, Level::Fail, "{properties}");
            assert!(
                mend.contains(helps) && !mend.starts_with("enable"),
                "{mend}"
            );
        }
        let (level, mend) = found_of(unit, "UnitFileState=disabled\nActiveState=inactive\n");
        assert_eq!((level, mend.as_deref()), (Level::Fail, Some("enable")));
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
