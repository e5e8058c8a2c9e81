//! What a pull key may do: the real rsync reads one backups folder and sees nothing else, and `tealkeep pulled` leaves a
//! report. Both accept only listed options; everything else is refused, whatever it means.

mod arguments;

use std::os::unix::process::CommandExt;
use std::path::Path;

use anyhow::anyhow;
use clap::Parser;

use super::super::outcome::{Failure, Outcome, USAGE_ERROR};
use super::super::progress::say;
use super::super::pulled::{self, PullReport};
use super::confine::confine;
use super::{TIMEOUT_OPTION, receiver, refused};
use crate::keys::door::PullScope;
use crate::names::AppName;

/// Why no report can be left, and the fix.
const OUTDATED_LINE_HINT: &str = "an older version wrote the line of this key, which pulls snapshots but cannot report it; `sudo tealkeep key add --pull APP KEY.pub` there rewrites the line";

/// The arguments of a report, after `tealkeep`.
#[derive(Debug, Parser)]
#[command(name = "pulled", disable_help_flag = true)]
struct ReportArguments {
    app: Option<AppName>,
    #[command(flatten)]
    report: PullReport,
}

/// Does what the other side requested, if it may.
pub fn run(pulls: &PullScope, spool: &Path, asked: Option<String>) -> Outcome {
    let Some(asked) = asked else {
        return Err(Failure::Usage(
            "this key is for pulls and gives no shell. On the laptop: tealkeep pull USER@HOST:/ FOLDER".to_owned(),
        ));
    };
    let words = shell_words::split(&asked).map_err(|e| refused(&format!("{e}")))?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["rsync", "--server", ref rest @ ..] => send(rest, &pulls.folder),
        ["tealkeep", "pulled", ..] => leave_report(&words[1..], pulls, spool),
        ["pulled", ..] => leave_report(&words, pulls, spool),
        _ => Err(refused(
            "this key may only read snapshots with rsync and run `tealkeep pulled`",
        )),
    }
}

fn leave_report(words: &[&str], pulls: &PullScope, spool: &Path) -> Outcome {
    let asked = parse(words, pulls).map_err(|why| {
        say(format_args!("tealkeep: refused: {why}"));
        Failure::Reported(USAGE_ERROR)
    })?;
    let Some(app) = &pulls.app else {
        return Err(refused(OUTDATED_LINE_HINT));
    };
    pulled::leave(spool, app, &asked.report)
}

fn parse(words: &[&str], pulls: &PullScope) -> Result<ReportArguments, String> {
    let asked = ReportArguments::try_parse_from(words).map_err(|e| e.render().to_string())?;
    match (&asked.app, &pulls.app) {
        (Some(app), Some(own)) if app != own => Err(format!("this key pulls {own}, not {app}")),
        _ => Ok(asked),
    }
}

/// Replaces this process with rsync, which reads the folder.
fn send(words: &[&str], folder: &Path) -> Outcome {
    let doing = |e| anyhow!("cannot read the backups folder {}: {e}", folder.display());
    let folder = folder.canonicalize().map_err(doing)?;
    let arguments = arguments::check(words, &folder).map_err(|why| refused(&why))?;
    confine(&[&folder], &[]);
    let error = receiver(&["--server", TIMEOUT_OPTION])
        .args(arguments)
        .current_dir(&folder)
        .exec();
    Err(Failure::Operation(anyhow!(
        "cannot run rsync: {error}. Install it on this machine: sudo apt install rsync"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> PullScope {
        "home:/var/backups/home".parse().unwrap()
    }

    #[test]
    fn the_word_is_of_the_keys_own_app_and_goes_to_the_doors_own_spool() {
        let parsed = |asked: &str| {
            let words = shell_words::split(asked).unwrap();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            parse(&words, &home()).is_ok()
        };
        for asked in [
            "pulled",
            "pulled home",
            "pulled home --laptop anna --newest 2026-11-21T033000Z --whole 12 --damaged 0",
        ] {
            assert!(parsed(asked), "{asked}");
        }
        for asked in [
            "pulled other",
            "pulled ../home",
            "pulled home --spool /etc",
            "pulled home --newest ../x",
            "pulled home --whole -1",
            "pulled home other",
            "pulled --help",
            "pulled home --socket /tmp/x",
        ] {
            assert!(!parsed(asked), "{asked}");
        }
    }

    #[test]
    fn whatever_is_neither_rsync_nor_the_word_is_refused() {
        for asked in [
            "id",
            "sh -c id",
            "tealkeep status",
            "tealkeep --json pulled",
            "tealkeep deploy home v2",
            "rsync --daemon .",
            "rsync -a / /tmp/x",
            "rsync --sender --server -e.x . /",
            "/usr/bin/rsync --server --sender -e.x . /",
            "scp -f /etc/passwd",
            "internal-sftp",
            "pulled; id",
            "'unclosed",
            "",
        ] {
            let done = run(&home(), Path::new("/nonexistent"), Some(asked.to_owned()));
            assert!(
                matches!(done, Err(Failure::Usage(_) | Failure::Reported(_))),
                "{asked}"
            );
        }
        assert!(matches!(
            run(&home(), Path::new("/"), None),
            Err(Failure::Usage(_))
        ));
    }
}
