//! `tealkeep doctor`: checks everything that Tealkeep relies on, by section, each finding with its fix.

use std::io::{ErrorKind, IsTerminal};
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::client::Client;
use super::outcome::{Failure, Outcome};
use super::output::print;
use super::units::host_name;
use crate::config::DEFAULT_CONFIG;
use crate::doctor::advice::{self, RESTART};
use crate::doctor::configuration::{self, Source};
use crate::doctor::findings::{Check, Finding, Kind, Level};
use crate::doctor::fold::fold;
use crate::doctor::{self, Subject};
use crate::http::api::Status;

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Check only this app.
    app: Option<String>,
    /// Run only this check.
    #[arg(long, value_name = "CHECK")]
    only: Option<Check>,
    /// The configuration.
    #[arg(long, default_value = DEFAULT_CONFIG, value_name = "FILE")]
    config: PathBuf,
}

/// `tealkeep doctor`
pub async fn run(client: &Client, args: &DoctorArgs, json: bool) -> Outcome {
    let text = std::fs::read_to_string(&args.config);
    let source = Source {
        path: &args.config,
        text: &text,
    };
    let (mut findings, config) = configuration::look(&source);
    if let Some(config) = &config {
        let apps = match args.app.as_deref() {
            Some(name) => vec![super::units::pick(config, Some(name))?],
            None => config.apps.iter().collect(),
        };
        let status = client.get::<Status>("/api/v1/status").await;
        let pulls = status.iter().flat_map(|status| &status.apps);
        let pulls = pulls
            .filter_map(|app| Some((app.name.clone(), app.last_pull.clone()?)))
            .collect();
        if args.only.is_none_or(|only| only == Check::Server) {
            findings.push(server(status, advice::restart(config, &args.config)));
        }
        let subject = Subject {
            config,
            apps: &apps,
            host: &host_name(),
            path: &args.config,
            pulls: &pulls,
            only: args.only,
        };
        findings.extend(doctor::examine(&subject).await);
    }
    // If there are several causes, the unit's state says more than a server that does not answer.
    findings.sort_by_key(|finding| finding.check != Check::Units);
    fold(&mut findings);
    // A stable sort: within a section, in the order of the apps.
    findings.sort_by_key(|finding| finding.check);
    let coloured = std::io::stdout().is_terminal();
    print(json, &findings, || describe(&findings, coloured))?;
    let is_root = |f: &&Finding| f.level == Level::Fail && f.cause.is_none();
    match findings.iter().filter(is_root).count() {
        0 => Ok(()),
        1 => Err(Failure::Operation(anyhow!("one thing is wrong"))),
        wrong => Err(Failure::Operation(anyhow!("{wrong} things are wrong"))),
    }
}

/// The server's answer as a finding; `restart` is the command that starts it again.
fn server(answer: Result<Status, Failure>, restart: &str) -> Finding {
    let mut kind = Kind::Single;
    let (level, text, mend) = match answer {
        Ok(status) => (Level::Ok, status.sentence, None),
        Err(failure) if is_down(&failure) => (
            {
                kind = Kind::ServerDown;
                Level::Fail
            },
            text_of(failure),
            Some(restart.to_owned()),
        ),
        Err(failure) => (
            Level::Warn,
            text_of(failure),
            Some(match restart == RESTART {
                true => {
                    "systemctl status tealkeep.service; journalctl -u tealkeep.service".to_owned()
                }
                false => "read the output of `tealkeep serve`".to_owned(),
            }),
        ),
    };
    Finding {
        check: Check::Server,
        app: None,
        level,
        text,
        mend,
        cause: None,
        kind,
    }
}

/// Whether nobody listens on the socket. Without permission to use it, that cannot be told.
fn is_down(failure: &Failure) -> bool {
    let Failure::Operation(error) = failure else {
        return false;
    };
    error.downcast_ref::<std::io::Error>().is_some_and(|error| {
        matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::ConnectionRefused
        )
    })
}

fn text_of(failure: Failure) -> String {
    match failure {
        Failure::Usage(error) => error,
        Failure::Reported(code) => format!("ended with {code}"),
        Failure::Operation(error) => format!("{error:#}"),
    }
}

fn describe(findings: &[Finding], coloured: bool) -> String {
    let mut text = String::new();
    let several = {
        let mut apps: Vec<_> = findings.iter().filter_map(|f| f.app.as_ref()).collect();
        apps.dedup();
        apps.sort();
        apps.dedup();
        apps.len() > 1
    };
    let mut heading = None;
    for finding in findings.iter().filter(|finding| finding.cause.is_none()) {
        if heading != Some(finding.check) {
            let gap = if heading.is_some() { "\n" } else { "" };
            text.push_str(&format!("{gap}{}\n", finding.check.title()));
            heading = Some(finding.check);
        }
        let (word, colour) = match finding.level {
            Level::Ok => ("ok  ", "32"),
            Level::Warn => ("warn", "33"),
            Level::Fail => ("FAIL", "31"),
        };
        let word = match coloured {
            true => format!("\x1b[{colour}m{word}\x1b[0m"),
            false => word.to_owned(),
        };
        let whose = match &finding.app {
            Some(app) if several => format!("{app}: "),
            Some(_) | None => String::new(),
        };
        text.push_str(&format!("  {word}  {whose}{}\n", finding.text));
        if let Some(mend) = &finding.mend {
            for line in mend.lines() {
                text.push_str(&format!("          {line}\n"));
            }
        }
        let follow = |other: &&Finding| other.cause.as_deref() == Some(finding.text.as_str());
        let follow: Vec<&Finding> = findings.iter().filter(follow).collect();
        if !follow.is_empty() {
            text.push_str("        this also causes:\n");
            for other in follow {
                text.push_str(&format!("          - {}\n", other.text));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_nobody_hears_is_a_failure_and_one_that_may_not_be_asked_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("control.sock");
        let client = Client::new(socket.clone());
        let found = || async { server(client.get::<Status>("/api/v1/status").await, RESTART) };
        let nobody = found().await;
        // A socket of a server that was killed stays.
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let dead = found().await;
        for finding in [nobody, dead] {
            assert_eq!(finding.level, Level::Fail, "{}", finding.text);
            assert_eq!(finding.mend.as_deref(), Some(RESTART));
        }
        let denied = std::io::Error::from(ErrorKind::PermissionDenied);
        let denied = server(Err(Failure::Operation(anyhow::Error::new(denied))), RESTART);
        assert_eq!(denied.level, Level::Warn);
    }
}
