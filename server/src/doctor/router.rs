//! The entrance for people's requests: sends requests to the gate or Caddy with each name and address that people may use,
//! because another site on Caddy's port may get some of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use tokio::net::TcpStream;

use super::colours::state_folder;
use super::findings::{Check, Findings, Kind};
use super::reach::{ANSWER_TIMEOUT, inspect_command};
use crate::config::{AppConfig, CaddySection, Config, GateSection, RouterConfig, RuntimeConfig};
use crate::names::Colour;
use crate::probe;
use crate::router::caddy;
use crate::router::caddy::rivals::{Loaded, Rival};

/// The path at which Caddy's site says which colour is live.
const LIVE_PATH: &str = caddy::WELL_KNOWN;

pub async fn look(
    findings: &mut Findings,
    config: &Config,
    app: &AppConfig,
    live: Option<Colour>,
    is_deployed: bool,
) {
    match &app.router {
        RouterConfig::Caddy(section) => caddy(findings, config, app, section, live).await,
        RouterConfig::Gate(section) => gate(findings, app, section, is_deployed).await,
    }
}

/// The address at which this machine reaches a listener.
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
        // There is no release to answer, which another check reports; a request would wait for one.
        let connected = tokio::time::timeout(ANSWER_TIMEOUT, TcpStream::connect(at)).await;
        match connected {
            Ok(Ok(_)) => findings.ok(Check::Router, format!("the gate listens on {at}")),
            Ok(Err(error)) => down(findings, &format!("accepts no connections: {error}")),
            Err(_) => down(findings, &"accepts no connections"),
        }
        return;
    }
    match probe::ask(at, path, ANSWER_TIMEOUT).await {
        Ok(answer) if answer.status == 200 => {
            findings.ok(Check::Router, format!("the gate answers at {at}"));
        }
        Ok(answer) => findings.fail(
            Check::Router,
            format!("the gate at {at} answers {path} with {}", answer.status),
            inspect_command(app, None),
        ),
        Err(error) => down(findings, &error),
    }
}

/// Asks Caddy where it sends people, with each name and address that they may use: another site on the same port may get some
/// or all of their requests.
async fn caddy(
    findings: &mut Findings,
    config: &Config,
    app: &AppConfig,
    section: &CaddySection,
    live: Option<Colour>,
) {
    let at = within_reach(section.listen);
    let answer = match probe::ask(at, LIVE_PATH, ANSWER_TIMEOUT).await {
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
    let answered: Option<Colour> = answer.body.trim().parse().ok();
    let folder = state_folder(config, app);
    let loaded = caddy::rivals::loaded(section.admin, section.listen, &folder).await;
    let Some(answered) = answered.filter(|_| answer.status == 200) else {
        let expected = live.unwrap_or(Colour::Blue);
        let wrong = caddy::judge(answer.status, answer.body.trim(), expected, at, &folder);
        let has_rival = loaded.as_ref().is_ok_and(|it| !it.rivals.is_empty());
        let text = format!("{}{}", wrong.err().unwrap_or_default(), instead(&loaded));
        findings.fail(Check::Router, text, removal_command(app, has_rival));
        return;
    };
    match live {
        Some(live) if live != answered => findings.fail(
            Check::Router,
            format!("Caddy sends people to {answered}, but {live} is recorded as live"),
            format!(
                "{}    # this corrects the record",
                findings.machine.restart()
            ),
        ),
        Some(_) | None => findings.ok(
            Check::Router,
            format!("Caddy at {at} sends people to {answered}"),
        ),
    }
    let rivals = loaded.map(|loaded| loaded.rivals).unwrap_or_default();
    names(findings, app, at, &rivals).await;
}

/// Who gets the requests in place of this app's site, as the end of a sentence.
fn instead(loaded: &Result<Loaded, String>) -> String {
    match loaded {
        Ok(loaded) => match loaded.rivals.first() {
            Some(rival) => format!(". This loaded site gets the requests instead: {rival}"),
            None if !loaded.is_ours_there => ". Caddy has not loaded it".to_owned(),
            None => String::new(),
        },
        Err(error) => format!(". Cannot tell what Caddy has loaded: {error}"),
    }
}

/// Sends a request with each name and address by which people reach the app.
async fn names(findings: &mut Findings, app: &AppConfig, at: SocketAddr, rivals: &[Rival]) {
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
            format!(". This loaded site gets them instead: {rival}")
        });
        findings.fail(
            Check::Router,
            format!(
                "requests to {host} at {at} do not reach the app; the answer is {instead}{who}"
            ),
            removal_command(app, true),
        );
    }
    if !is_lost && let Some(rival) = rivals.first() {
        findings.ok(
            Check::Router,
            format!("Caddy has another site on the app's port, for other requests: {rival}"),
        );
    }
}

/// The command that shows the other site, and what to do after it is removed.
fn removal_command(app: &AppConfig, has_rival: bool) -> String {
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
            "grep -rn '{}' /etc/caddy    # remove that site from its file, then: {again}",
            section.listen.port()
        ),
        false => format!(
            "less /etc/caddy/Caddyfile    # it must import /etc/caddy/tealkeep-*.caddy; then: {again}"
        ),
    }
}

/// The names and addresses by which people reach the app, as far as this machine knows them.
fn ways(app: &AppConfig, at: SocketAddr, rivals: &[Rival]) -> Vec<(SocketAddr, String)> {
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
    // A proxy in front passes on its own name.
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
