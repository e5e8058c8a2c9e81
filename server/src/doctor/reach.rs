//! The way of a request: the entrance answers (`router`), the ports belong to the right users, and the app does its part.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::colours::{live_colour, port, state_folder};
use super::findings::{Check, Findings};
use super::{machine, router};
use crate::config::{AppConfig, Config, RuntimeConfig};
use crate::names::Colour;
use crate::probe;

/// How long to wait for an answer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

pub async fn look(findings: &mut Findings, config: &Config, app: &AppConfig) {
    let live = live_colour(config, app);
    let deployed = live.filter(|live| is_deployed(app, *live));
    if findings.wants(&[Check::Router]) {
        router::look(findings, config, app, live, deployed.is_some()).await;
    }
    if findings.wants(&[Check::Ports]) {
        ports(findings, app);
    }
    if !findings.wants(&[Check::Contract]) {
        return;
    }
    match deployed {
        Some(live) => contract(findings, config, app, live).await,
        None => findings.warn(
            Check::Contract,
            "nothing is deployed yet, so the app cannot be checked",
            match &app.runtime {
                RuntimeConfig::Systemd(_) => format!(
                    "tealkeep push DIR {} --host tealkeep@HOST    # from the laptop",
                    app.name
                ),
                RuntimeConfig::Process(_) => format!("tealkeep deploy {} ./DIR", app.name),
            },
        ),
    }
}

/// Whether a colour has a release: before the first deploy the live colour has none.
fn is_deployed(app: &AppConfig, colour: Colour) -> bool {
    let link = app.releases.join(colour.as_str());
    !link
        .symlink_metadata()
        .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Whether there is another release to roll back to.
fn has_another_release(app: &AppConfig) -> bool {
    let entries = std::fs::read_dir(&app.releases)
        .into_iter()
        .flatten()
        .flatten();
    let is_release = |entry: &std::fs::DirEntry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_folder && !entry.file_name().to_string_lossy().starts_with('.')
    };
    entries.filter(is_release).count() > 1
}

/// The command that shows why the live colour fails, and the rollback if there is one.
pub(super) fn inspect_command(app: &AppConfig, live: Option<Colour>) -> String {
    let name = &app.name;
    let why = match (&app.runtime, live) {
        (RuntimeConfig::Systemd(systemd), Some(live)) => {
            format!("journalctl --boot --lines=50 --unit={}", systemd.unit(live))
        }
        (RuntimeConfig::Systemd(_) | RuntimeConfig::Process(_), _) => {
            format!("tealkeep status {name}")
        }
    };
    match has_another_release(app) {
        true => format!("{why}    # then fix the app, or: tealkeep rollback {name}"),
        false => format!("{why}    # then fix the app and push it again"),
    }
}

fn ports(findings: &mut Findings, app: &AppConfig) {
    let RuntimeConfig::Systemd(systemd) = &app.runtime else {
        return;
    };
    for colour in Colour::BOTH {
        let port = port(app, colour);
        let strangers: Vec<String> = machine::listeners(port)
            .into_iter()
            .filter(|user| Some(*user) != machine::user(&systemd.user))
            .map(machine::user_name)
            .collect();
        if strangers.is_empty() {
            findings.ok(
                Check::Ports,
                format!("port {port} belongs to {colour} or is free"),
            );
        } else {
            findings.fail(
                Check::Ports,
                format!(
                    "port {port}, which belongs to {colour}, is used by the user {}",
                    strangers.join(", ")
                ),
                format!("ss -ltnp 'sport = :{port}'    # stop that process, or give the colour another port"),
            );
        }
    }
}

async fn contract(findings: &mut Findings, config: &Config, app: &AppConfig, live: Colour) {
    let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port(app, live));
    let path = &app.health.path;
    let question = probe::Question {
        timeout: ANSWER_TIMEOUT,
        ..probe::Question::of_health(at, &app.health)
    };
    match question.ask().await {
        Ok(answer) if answer.status == 200 => {
            findings.ok(Check::Contract, format!("{live} answers {path} with 200"));
            match answer.release {
                Some(release) => findings.ok(
                    Check::Contract,
                    format!("it reports release {release}"),
                ),
                None => findings.warn(
                    Check::Contract,
                    format!("its answer to {path} does not name its release, so another process on that port could be mistaken for it"),
                    "make the app answer `Tealkeep-Release: $TEALKEEP_RELEASE` there",
                ),
            }
            if let Some(version) = answer.sqlite.as_deref() {
                sqlite(findings, version);
            }
        }
        Ok(answer) => findings.fail(
            Check::Contract,
            format!(
                "{live}, which is live, answers {path} with {} (the request was {question})",
                answer.status
            ),
            inspect_command(app, Some(live)),
        ),
        Err(error) => findings.fail(
            Check::Contract,
            format!("{live}, which is live, {error}"),
            inspect_command(app, Some(live)),
        ),
    }
    let mark = state_folder(config, app).join(live.as_str()).join("live");
    if mark.exists() {
        findings.ok(
            Check::Contract,
            "the live file exists: the app's timers run, and the app starts at boot",
        );
    } else {
        findings.fail(
            Check::Contract,
            format!(
                "{} is missing: the app does not start at boot and runs no timers",
                mark.display()
            ),
            format!("{}    # this creates it again", findings.machine.restart()),
        );
    }
}

/// What the app's SQLite version means for a database to which both colours write during a swap
/// (sqlite.org/wal.html, The WAL-Reset Bug).
fn sqlite(findings: &mut Findings, version: &str) {
    let numbers: Result<Vec<u32>, _> = version.split('.').map(str::parse).collect();
    match numbers {
        Ok(numbers) if numbers >= vec![3, 51, 3] => {
            findings.ok(Check::Contract, format!("its SQLite is {version}"));
        }
        Ok(_) => findings.warn(
            Check::Contract,
            format!("its SQLite is {version}: before 3.51.3, two processes that write and checkpoint at the same time, as both colours can during a swap, may rarely damage the database"),
            "use SQLite 3.51.3 or later in the app's next release, unless this package has the fix",
        ),
        Err(_) => findings.warn(
            Check::Contract,
            format!("it reports the SQLite version `{version}`, which is not a version"),
            "make the app answer `Tealkeep-SQLite:` with the result of `SELECT sqlite_version()`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::advice::MACHINE;
    use crate::doctor::findings::Level;

    #[test]
    fn a_sqlite_that_could_damage_a_shared_database_is_said() {
        let level = |version: &str| {
            let mut findings = Findings::new(MACHINE, None);
            sqlite(&mut findings, version);
            findings.all[0].level
        };
        for version in ["3.51.3", "3.51.10", "3.53.0", "4.0"] {
            assert_eq!(level(version), Level::Ok, "{version}");
        }
        for version in ["3.40.1", "3.51.2", "3.51", "3.9.99", "", "newest"] {
            assert_eq!(level(version), Level::Warn, "{version}");
        }
    }
}
