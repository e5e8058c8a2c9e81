//! Whether a laptop pulls the backups. Laptops report their pulls; without a report, sshd's log shows who signed in with a pull
//! key, which is good for nothing else. Then it is unknown here what was pulled; `tealkeep verify` on the laptop says
//! that.

use super::ask;
use super::findings::{Check, Findings};
use crate::clock::local_time;
use crate::config::{AppConfig, BACKUP_USER};
use crate::journal::pulls::Pull;
use crate::units::{PULL_KEYS, pull_line, quote};

/// How far back to search, so that a long journal does not take long.
const SINCE_OPTION: &str = "--since=-30d";

pub async fn look(findings: &mut Findings, app: &AppConfig, host: &str, last: Option<&Pull>) {
    let manual_command = manual_command(findings.machine.has_service, app, host);
    let now = jiff::Timestamp::now();
    let within = app.backup.pull_within;
    let is_stale = |at: jiff::Timestamp| {
        let age = now.duration_since(at).unsigned_abs();
        !within.is_zero() && at < now && age > within
    };
    if let Some(pull) = last.filter(|pull| !is_stale(pull.at)) {
        match pull.damaged {
            None | Some(0) => findings.ok(Check::Pull, describe_report(pull)),
            Some(_) => findings.warn(
                Check::Pull,
                describe_report(pull),
                format!("tealkeep verify {}", app.name),
            ),
        }
        return;
    }
    if within.is_zero() && last.is_none() {
        findings.ok(
            Check::Pull,
            "no laptop is expected (`pull_within` is \"0s\"); without a copy elsewhere, the backups are lost with this machine",
        );
        return;
    }
    let Some(newest) = last_sign_in().await else {
        let text = match last {
            Some(pull) => describe_report(pull),
            None => no_sign_in().to_owned(),
        };
        findings.warn(Check::Pull, text, manual_command);
        return;
    };
    let text = format!("a laptop last signed in to pull at {}", local_time(newest));
    if !is_stale(newest) {
        findings.ok(Check::Pull, text);
        return;
    }
    let hours = now.duration_since(newest).as_hours();
    findings.warn(
        Check::Pull,
        format!("{text}, {} days ago", hours / 24),
        manual_command,
    );
}

/// When a laptop last signed in with a pull key, as far as this user may read the log.
async fn last_sign_in() -> Option<jiff::Timestamp> {
    let wanted = format!("--grep=Accepted publickey for {BACKUP_USER} ");
    let arguments = [
        "--quiet",
        "--reverse",
        "--lines=1",
        "--output=short-unix",
        SINCE_OPTION,
        &wanted,
        // The same field twice: either will do. Newer ones have the second name.
        "SYSLOG_IDENTIFIER=sshd",
        "SYSLOG_IDENTIFIER=sshd-session",
    ];
    // If it finds nothing, journalctl fails without output.
    let output = ask::program("journalctl", &arguments).await.ok()?;
    signed_in(&output)
}

fn no_sign_in() -> &'static str {
    match rustix::process::geteuid().is_root() {
        true => {
            "no laptop has pulled the backups, as far as the journal goes back; without a copy, they are lost with this machine"
        }
        false => {
            "this user sees no pull by a laptop; `sudo tealkeep doctor` sees the complete journal"
        }
    }
}

/// How to make a laptop pull: without a key here, the pull would be refused.
fn manual_command(has_service: bool, app: &AppConfig, host: &str) -> String {
    let name = &app.name;
    if !has_service {
        let folder = quote::shell(&app.backups.to_string_lossy());
        return format!("on the laptop: tealkeep pull {host}:{folder} ~/tealkeep/{name}");
    }
    let pull = format!("on the laptop: {}", pull_line(app, host));
    let is_key = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
    let has_none = match std::fs::read_to_string(PULL_KEYS) {
        Ok(text) => !text.lines().any(is_key),
        // A file that this user may not read may contain a key.
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    match has_none {
        true => format!(
            "sudo tealkeep key add --pull {name} KEY.pub    # with the laptop's public key; then {pull}"
        ),
        false => pull,
    }
}

/// A laptop's report about its last pull.
fn describe_report(pull: &Pull) -> String {
    let mut text = format!(
        "the laptop `{}` last pulled at {}",
        pull.laptop,
        local_time(pull.at)
    );
    if let Some(newest) = pull.newest {
        text.push_str(&format!(
            "; the newest snapshot there is of {}",
            local_time(newest.taken_at())
        ));
    }
    if let Some(damaged) = pull.damaged.filter(|damaged| *damaged > 0) {
        text.push_str(&format!("; {damaged} arrived damaged"));
    }
    text
}

/// The time of the newest line, from its `--output=short-unix` beginning; none if it is another line.
fn signed_in(output: &str) -> Option<jiff::Timestamp> {
    let line = output.lines().find(|line| !line.starts_with("--"))?;
    let (at, rest) = line.split_once(' ')?;
    // The name in a failed attempt could contain this text too, so it must follow the program directly.
    let (program, text) = rest.split_once("]: ")?;
    if !program.contains(" sshd")
        || !text.starts_with(&format!("Accepted publickey for {BACKUP_USER} "))
    {
        return None;
    }
    let seconds = at.split('.').next()?.parse().ok()?;
    jiff::Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journals_newest_line_says_when_a_laptop_came() {
        let second = |output: &str| signed_in(output).map(|at| at.as_second());
        let line = "1767225600.123456 pi sshd[812]: Accepted publickey for tealkeep-backup from 192.168.1.9 port 51234 ssh2: ED25519 SHA256:abc";
        assert_eq!(second(line), Some(1_767_225_600));
        let newer = line.replace("sshd[", "sshd-session[");
        assert_eq!(second(&newer), Some(1_767_225_600));
        for nothing in [
            "",
            "-- No entries --",
            &line.replace("tealkeep-backup", "tealkeep"),
            &line.replace(
                "Accepted publickey for",
                "Invalid user Accepted publickey for",
            ),
            &line.replace("sshd[", "app["),
            &line.replace("1767225600.123456", "yesterday"),
        ] {
            assert_eq!(second(nothing), None, "{nothing}");
        }
    }
}
