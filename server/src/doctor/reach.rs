//! The way of a request: the entrance is asked, not assumed; the ports belong to whom they should; and the
//! app keeps its side.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Check, Findings, folder, live, machine, port};
use crate::config::{AppConfig, Config, RouterConfig, RuntimeConfig};
use crate::names::Colour;
use crate::probe;
use crate::router::caddy;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where the router says which colour is live.
const LIVE_PATH: &str = "/.well-known/tealkeep";

pub async fn look(findings: &mut Findings, config: &Config, app: &AppConfig) {
    let live = live(config, app);
    router(findings, config, app, live).await;
    ports(findings, app);
    match live {
        Some(live) if is_deployed(app, live) => contract(findings, config, app, live).await,
        Some(_) | None => findings.warn(
            Check::Contract,
            "nothing is deployed yet, so the app can't be asked",
            format!(
                "tealkeep push DIR {} --host tealkeep@HOST    # from the laptop",
                app.name
            ),
        ),
    }
}

/// Whether a colour stands on a release: before the first deploy one is live that has none.
fn is_deployed(app: &AppConfig, colour: Colour) -> bool {
    let link = app.releases.join(colour.as_str());
    !link
        .symlink_metadata()
        .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

async fn router(findings: &mut Findings, config: &Config, app: &AppConfig, live: Option<Colour>) {
    let (listen, path, serves) = match &app.router {
        RouterConfig::Caddy(caddy) => (caddy.listen, LIVE_PATH, "caddy.service"),
        RouterConfig::Gate(gate) => (gate.listen, app.health.path.as_str(), "tealkeep.service"),
    };
    let ip = match listen.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    let at = SocketAddr::new(ip, listen.port());
    let answer = match probe::ask(at, path, PATIENCE).await {
        Ok(answer) => answer,
        Err(error) => {
            findings.fail(
                Check::Router,
                format!("{at}, where people's requests arrive, {error}"),
                format!("systemctl status {serves}"),
            );
            return;
        }
    };
    let is_caddy = matches!(app.router, RouterConfig::Caddy(_));
    let said: Option<Colour> = answer.body.trim().parse().ok();
    match (is_caddy, said) {
        (true, Some(said)) if answer.status == 200 => match live {
            Some(live) if live != said => findings.fail(
                Check::Router,
                format!("Caddy sends people to {said}, but {live} is recorded as live"),
                "systemctl restart tealkeep.service    # it makes the record true",
            ),
            Some(_) | None => findings.ok(
                Check::Router,
                format!("asked at {at}, Caddy sends people to {said}"),
            ),
        },
        (true, _) => {
            let expected = live.unwrap_or(Colour::Blue);
            let folder = folder(config, app);
            let wrong = caddy::judge(answer.status, answer.body.trim(), expected, at, &folder);
            findings.fail(
                Check::Router,
                wrong.err().unwrap_or_default(),
                format!(
                    "tealkeep units {0} --only caddy | diff /etc/caddy/tealkeep-{0}.caddy - ; less /etc/caddy/Caddyfile",
                    app.name
                ),
            );
        }
        (false, _) if answer.status == 200 => {
            findings.ok(Check::Router, format!("asked at {at}, the gate answers"));
        }
        (false, _) => findings.fail(
            Check::Router,
            format!(
                "asked at {at} for {path}, the gate answers {}",
                answer.status
            ),
            format!(
                "tealkeep status && tealkeep rollback {0}    # or tealkeep deploy {0}",
                app.name
            ),
        ),
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
            findings.ok(Check::Ports, format!("port {port} is {colour}'s, or free"));
        } else {
            findings.fail(
                Check::Ports,
                format!(
                    "port {port}, which is {colour}'s, is held by the user {}",
                    strangers.join(", ")
                ),
                format!("ss -ltnp 'sport = :{port}'    # end that process, or give the colour another port"),
            );
        }
    }
}

async fn contract(findings: &mut Findings, config: &Config, app: &AppConfig, live: Colour) {
    let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port(app, live));
    let path = &app.health.path;
    let question = probe::Question {
        timeout: PATIENCE,
        ..probe::Question::of_health(at, &app.health)
    };
    match question.ask().await {
        Ok(answer) if answer.status == 200 => {
            findings.ok(Check::Contract, format!("{live} answers {path} with 200"));
            match answer.release {
                Some(release) => findings.ok(
                    Check::Contract,
                    format!("it says that it is release {release}"),
                ),
                None => findings.warn(
                    Check::Contract,
                    format!("its answer to {path} does not say which release it is, so that another process on that port could be taken for it"),
                    "let the app answer `Tealkeep-Release: $TEALKEEP_RELEASE` there",
                ),
            }
            if let Some(version) = answer.sqlite.as_deref() {
                sqlite(findings, version);
            }
        }
        Ok(answer) => findings.fail(
            Check::Contract,
            format!(
                "{live}, which is live, answers {path} with {} (asked was {question})",
                answer.status
            ),
            format!("tealkeep status && tealkeep rollback {}", app.name),
        ),
        Err(error) => findings.fail(
            Check::Contract,
            format!("{live}, which is live, {error}"),
            match &app.runtime {
                RuntimeConfig::Systemd(systemd) => {
                    format!("journalctl -u {}", systemd.unit(live))
                }
                RuntimeConfig::Process(_) => "tealkeep status".to_owned(),
            },
        ),
    }
    let mark = folder(config, app).join(live.as_str()).join("live");
    if mark.exists() {
        findings.ok(
            Check::Contract,
            "the live file is there, on which the app's timers run and by which it starts at boot",
        );
    } else {
        findings.fail(
            Check::Contract,
            format!(
                "{} is missing: the app would not start at boot, and runs no timers",
                mark.display()
            ),
            "systemctl restart tealkeep.service    # it makes it anew",
        );
    }
}

/// What the version of the app's SQLite means for a database that both colours write during a swap
/// (sqlite.org/wal.html, The WAL-Reset Bug).
fn sqlite(findings: &mut Findings, version: &str) {
    let numbers: Result<Vec<u32>, _> = version.split('.').map(str::parse).collect();
    match numbers {
        Ok(numbers) if numbers >= vec![3, 51, 3] => {
            findings.ok(Check::Contract, format!("its SQLite is {version}"));
        }
        Ok(_) => findings.warn(
            Check::Contract,
            format!("its SQLite is {version}: before 3.51.3 two processes that write and checkpoint at the same time, as both colours can during a swap, may damage the database, if rarely"),
            "let the app's next release bring SQLite 3.51.3 or later along, unless whoever packs it has mended this one",
        ),
        Err(_) => findings.warn(
            Check::Contract,
            format!("it says that its SQLite is `{version}`, which is no version"),
            "let the app answer `Tealkeep-SQLite:` with what `SELECT sqlite_version()` says",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn a_sqlite_that_could_damage_a_shared_database_is_said() {
        let level = |version: &str| {
            let mut findings = Findings::default();
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
