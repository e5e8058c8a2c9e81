//! What a unit printed, read from the system's journal with `journalctl`.

use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc::UnboundedSender;

use crate::exec;
use crate::names::AppName;

/// How long the journal may take: a Pi's card is slow.
const DEADLINE: Duration = Duration::from_secs(15);
/// How often a journal that holds nothing yet is asked again: it is written a moment after the process printed.
const TRIES: u32 = 3;
/// The pause before that.
const PAUSE: Duration = Duration::from_millis(150);

/// Which output is meant.
#[derive(Debug, Clone)]
pub enum Span {
    /// What one start of the unit printed.
    Invocation(String),
    /// What it printed since an instant.
    Since(Timestamp),
}

/// The last lines of a unit, oldest first; a sentence in parentheses where they can't be read.
pub async fn last_lines(app: &AppName, unit: &str, span: &Span, count: usize) -> String {
    let mut tries = 0;
    loop {
        let lines = match lines(app, unit, span, Some(count)).await {
            Ok(lines) => lines,
            Err(why) => return format!("({why})"),
        };
        tries += 1;
        if !lines.is_empty() || tries == TRIES {
            return lines.join("\n");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The lines of a unit, oldest first.
///
/// # Errors
/// The journal can't be read; the text says why and what to do.
pub async fn lines(
    app: &AppName,
    unit: &str,
    span: &Span,
    count: Option<usize>,
) -> Result<Vec<String>, String> {
    let mut command = journalctl(unit, span);
    command
        .arg("-n")
        .arg(count.map_or("all".to_owned(), |count| count.to_string()));
    let ended = exec::run(command, DEADLINE)
        .await
        .map_err(|error| format!("what {unit} printed can't be read: {error}"))?;
    if is_refused(&ended.stderr) {
        return Err(format!(
            "what {unit} printed can't be read, since Tealkeep is not in the group systemd-journal; the drop-in that `tealkeep units {app}` prints says so, then restart Tealkeep"
        ));
    }
    if !ended.status.success() {
        return Err(format!(
            "what {unit} printed can't be read: {}",
            ended.stderr.trim()
        ));
    }
    Ok(ended
        .stdout
        .lines()
        .filter(|line| *line != "-- No entries --")
        .map(str::to_owned)
        .collect())
}

/// Tells each line that a unit prints from `since` on, until it is dropped; returns how many it told when
/// the follower ends by itself.
pub async fn follow(
    unit: &str,
    since: Timestamp,
    tell: &UnboundedSender<String>,
    told: &mut usize,
) {
    let mut command = journalctl(unit, &Span::Since(since));
    command
        .args(["-f", "-n", "all"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true);
    // What can't be followed is told at the end, when it is read once more.
    let Ok(mut child) = command.spawn() else {
        return;
    };
    let Some(pipe) = child.stdout.take() else {
        return;
    };
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line != "-- No entries --" {
            *told += 1;
            // Nobody may be listening.
            let _ = tell.send(line);
        }
    }
}

fn journalctl(unit: &str, span: &Span) -> Command {
    let mut command = Command::new("journalctl");
    command.env("LC_ALL", "C").args(["-o", "cat", "--no-pager"]);
    // Only what the processes of the unit printed; `-u` adds what systemd says about it.
    command.arg(format!("_SYSTEMD_UNIT={unit}"));
    match span {
        Span::Invocation(id) => command.arg(format!("_SYSTEMD_INVOCATION_ID={id}")),
        Span::Since(at) => command.arg(format!(
            "--since=@{}.{:06}",
            at.as_second(),
            at.subsec_microsecond()
        )),
    };
    command
}

/// How journalctl says that its caller may read nothing, or only what is its own.
fn is_refused(stderr: &str) -> bool {
    stderr.contains("insufficient permissions")
        || stderr.contains("not seeing messages from other users")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_outside_of_the_group_is_told_apart_from_an_empty_journal() {
        assert!(is_refused(
            "Hint: You are currently not seeing messages from other users and the system.\n"
        ));
        assert!(is_refused(
            "No journal files were opened due to insufficient permissions.\n"
        ));
        assert!(!is_refused("No journal files were found.\n"));
    }

    #[test]
    fn an_instant_keeps_its_microseconds() {
        let at: Timestamp = "2026-11-21T03:30:00.001002Z".parse().unwrap();
        let command = journalctl("a.service", &Span::Since(at));
        let last = command.as_std().get_args().last().unwrap().to_owned();
        assert_eq!(last, *format!("--since=@{}.001002", at.as_second()));
    }
}
