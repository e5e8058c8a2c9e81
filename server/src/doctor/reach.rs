//! The way of a request: the entrance is asked, not assumed; the ports belong to whom they should; and the
//! app keeps its side.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;

use super::{Check, Findings, Kind, folder, live, machine, port};
use crate::config::{AppConfig, CaddySection, Config, GateSection, RouterConfig, RuntimeConfig};
use crate::names::Colour;
use crate::probe;
use crate::router::caddy;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where the router says which colour is live.
const LIVE_PATH: &str = "/.well-known/tealkeep";

pub async fn look(findings: &mut Findings, config: &Config, app: &AppConfig) {
    let live = live(config, app);
    let deployed = live.filter(|live| is_deployed(app, *live));
    if findings.wants(&[Check::Router]) {
        match &app.router {
            RouterConfig::Caddy(section) => caddy(findings, config, app, section, live).await,
            RouterConfig::Gate(section) => gate(findings, app, section, deployed.is_some()).await,
        }
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
            "nothing is deployed yet, so the app can't be asked",
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

/// Whether a colour stands on a release: before the first deploy one is live that has none.
fn is_deployed(app: &AppConfig, colour: Colour) -> bool {
    let link = app.releases.join(colour.as_str());
    !link
        .symlink_metadata()
        .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Whether another release could be gone back to.
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

/// What shows why the live colour of an app fails, and what takes it back where something can be gone back to.
fn look_at_it(app: &AppConfig, live: Option<Colour>) -> String {
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
        true => format!("{why}    # then mend the app, or: tealkeep rollback {name}"),
        false => format!("{why}    # then mend the app, and push it again"),
    }
}

/// The address at which this machine reaches what listens there.
fn within_reach(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        ip if ip.is_unspecified() => {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port())
        }
        ip => SocketAddr::new(ip, listen.port()),
    }
}

async fn gate(findings: &mut Findings, app: &AppConfig, section: &GateSection, deployed: bool) {
    let (at, path) = (within_reach(section.listen), app.health.path.as_str());
    let down = |findings: &mut Findings, why: &dyn std::fmt::Display| {
        let text = format!("{at}, where people's requests arrive, {why}");
        let restart = findings.machine.restart();
        findings.fail_as(Kind::NeedsServer, Check::Router, text, restart);
    };
    if !deployed {
        // It has nothing to pass requests on to, which is said elsewhere; a request would wait for that.
        let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(at)).await;
        match connected {
            Ok(Ok(_)) => findings.ok(Check::Router, format!("the gate listens on {at}")),
            Ok(Err(error)) => down(findings, &format!("takes no connection: {error}")),
            Err(_) => down(findings, &"takes no connection"),
        }
        return;
    }
    match probe::ask(at, path, PATIENCE).await {
        Ok(answer) if answer.status == 200 => {
            findings.ok(Check::Router, format!("asked at {at}, the gate answers"));
        }
        Ok(answer) => findings.fail(
            Check::Router,
            format!(
                "asked at {at} for {path}, the gate answers {}",
                answer.status
            ),
            look_at_it(app, None),
        ),
        Err(error) => down(findings, &error),
    }
}

/// Caddy is asked what it sends people to, by each name and at each address by which they may come: another site on the
/// same port may take some of them, or all.
async fn caddy(
    findings: &mut Findings,
    config: &Config,
    app: &AppConfig,
    section: &CaddySection,
    live: Option<Colour>,
) {
    let at = within_reach(section.listen);
    let answer = match probe::ask(at, LIVE_PATH, PATIENCE).await {
        Ok(answer) => answer,
        Err(error) => {
            findings.fail(
                Check::Router,
                format!("{at}, where people's requests arrive, {error}"),
                match Path::new("/usr/bin/caddy").exists() {
                    true => "systemctl status caddy.service; ss -ltnp",
                    false => "apt install caddy",
                },
            );
            return;
        }
    };
    let said: Option<Colour> = answer.body.trim().parse().ok();
    let folder = folder(config, app);
    let loaded = caddy::loaded::loaded(section.admin, section.listen, &folder).await;
    let rivals = match &loaded {
        Ok(loaded) => &loaded.rivals[..],
        Err(_) => &[],
    };
    let Some(said) = said.filter(|_| answer.status == 200) else {
        let expected = live.unwrap_or(Colour::Blue);
        let wrong = caddy::judge(answer.status, answer.body.trim(), expected, at, &folder);
        let mut text = wrong.err().unwrap_or_default();
        match (rivals.first(), &loaded) {
            (Some(rival), _) => {
                text.push_str(&format!(
                    ". Of what Caddy has loaded, this gets the requests: {rival}"
                ));
            }
            (None, Ok(loaded)) if !loaded.is_ours_there => {
                text.push_str(". It is not among what Caddy has loaded");
            }
            (None, Ok(_)) => {}
            (None, Err(error)) => {
                text.push_str(&format!(". What Caddy has loaded can't be told: {error}"))
            }
        }
        findings.fail(Check::Router, text, take_out(app, !rivals.is_empty()));
        return;
    };
    match live {
        Some(live) if live != said => findings.fail(
            Check::Router,
            format!("Caddy sends people to {said}, but {live} is recorded as live"),
            format!(
                "{}    # it makes the record true",
                findings.machine.restart()
            ),
        ),
        Some(_) | None => findings.ok(
            Check::Router,
            format!("asked at {at}, Caddy sends people to {said}"),
        ),
    }
    let mut is_lost = false;
    for (at, host) in ways(app, at, rivals) {
        let Err(instead) = caddy::colour_for(at, &host).await else {
            continue;
        };
        is_lost = true;
        let rival = rivals.iter().find(|rival| {
            let is_host = |name: &String| host.split(':').next() == Some(name.as_str());
            rival.hosts.is_empty() || rival.hosts.iter().any(is_host)
        });
        let who = rival.map_or_else(String::new, |rival| {
            format!(". Of what Caddy has loaded, this gets them: {rival}")
        });
        findings.fail(
            Check::Router,
            format!("requests to {host} at {at} don't reach the app; the answer is {instead}{who}"),
            take_out(app, true),
        );
    }
    if !is_lost && let Some(rival) = rivals.first() {
        findings.ok(
            Check::Router,
            format!("on the app's port Caddy has another site too, for other requests: {rival}"),
        );
    }
}

/// What shows the site that is in the way, and what comes after it is gone.
fn take_out(app: &AppConfig, has_rival: bool) -> String {
    let name = &app.name;
    let RouterConfig::Caddy(section) = &app.router else {
        return String::new();
    };
    let again = match (&app.runtime, has_rival) {
        (RuntimeConfig::Process(_), _) => "systemctl reload caddy.service".to_owned(),
        (RuntimeConfig::Systemd(_), _) => format!("tealkeep units {name} --only commands | sh"),
    };
    match has_rival {
        true => format!(
            "grep -rn '{}' /etc/caddy    # take that site out of its file, then: {again}",
            section.listen.port()
        ),
        false => format!(
            "less /etc/caddy/Caddyfile    # it must import /etc/caddy/tealkeep-*.caddy; then: {again}"
        ),
    }
}

/// The names and addresses by which people reach the app, as far as this machine knows them.
fn ways(
    app: &AppConfig,
    at: SocketAddr,
    rivals: &[caddy::loaded::Rival],
) -> Vec<(SocketAddr, String)> {
    let port = at.port();
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let mut hosts = vec![
        format!("localhost:{port}"),
        format!("{name}:{port}"),
        format!("{name}.local:{port}"),
    ];
    // A proxy in front hands its own name on.
    hosts.extend(
        app.url
            .as_ref()
            .and_then(http::Uri::host)
            .map(str::to_owned),
    );
    let mut ways: Vec<(SocketAddr, String)> = hosts.into_iter().map(|host| (at, host)).collect();
    // A site that is bound to one address of this machine takes what comes there.
    let bound = rivals
        .iter()
        .filter_map(|rival| rival.listen.trim_start_matches("tcp/").parse().ok());
    ways.extend(bound.map(|at: SocketAddr| (within_reach(at), within_reach(at).to_string())));
    ways
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
    match probe::ask(at, path, PATIENCE).await {
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
                "{live}, which is live, answers {path} with {}",
                answer.status
            ),
            look_at_it(app, Some(live)),
        ),
        Err(error) => findings.fail(
            Check::Contract,
            format!("{live}, which is live, {error}"),
            look_at_it(app, Some(live)),
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
            format!("{}    # it makes it anew", findings.machine.restart()),
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
    use crate::doctor::{Level, MACHINE};

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
