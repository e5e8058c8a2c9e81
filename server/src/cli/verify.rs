//! `tealkeep verify`: a file, a folder, or an app's snapshots; the first two need no server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use super::client::Client;
use super::outcome::{Failure, Outcome};
use super::output::print;
use super::progress::{Bytes, Waiting};
use super::terminal;
use crate::backup::drill::counted;
use crate::backup::verify::{Depth, Found, Look, survey, verify_file, verify_members};
use crate::backup::{Cancel, SnapshotId, Verdict, Watch};
use crate::http::api::{Snapshots, Verified};

/// The time limit.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A snapshot's file or a backups folder on this machine; or an app's name, for the server.
    what: PathBuf,
    /// With an app's name: only this snapshot.
    snapshot: Option<String>,
    /// With a path: read every byte and compare checksums, but unpack nothing.
    #[arg(long)]
    quick: bool,
}

impl VerifyArgs {
    /// Whether a path was given, whether or not it exists.
    pub fn is_path(&self) -> bool {
        self.what.to_string_lossy().contains('/')
    }

    /// Whether the command works without a server: with a path, or the name of something that exists here.
    pub fn is_local(&self) -> bool {
        self.is_path() || self.what.exists()
    }
}

/// Without a server.
pub fn local(args: &VerifyArgs, json: bool) -> Outcome {
    let path = &args.what;
    if args.snapshot.is_some() {
        return Err(Failure::Usage(
            "name either a path, or an app and a snapshot".to_owned(),
        ));
    }
    let meta = path
        .metadata()
        .map_err(|e| Failure::Usage(format!("{} can't be read: {e}", path.display())))?;
    let depth = if args.quick {
        Depth::Members
    } else {
        Depth::Content
    };
    let (bar, mut rows) = (Bytes::new(), Vec::new());
    let mut shown = bar.clone();
    let mut on_progress = |progress| shown.show(progress);
    let mut watch = Watch::new(&mut on_progress, Cancel::never(), VERIFY_TIMEOUT);
    let mut printed = Ok(());
    let mut each = |row: Row| {
        // Results are printed at once, because a large folder takes time.
        if !json && printed.is_ok() {
            printed = bar.suspend(|| print(false, &row, || row.line()));
        }
        rows.push(row);
    };
    let done = if meta.is_dir() {
        let look = Look {
            depth,
            scratch: None,
            only: None,
        };
        let mut found = |found: Found<'_>| each(Row::of(&found));
        survey(path, &look, &mut watch, &mut found).map(drop)
    } else {
        let verdict = match depth {
            Depth::Members => verify_members(path, &mut watch),
            Depth::Content => verify_file(path, None, &mut watch),
        };
        verdict.map(|verdict| each(Row::of(&Found::Verdict(&name_of(path), &verdict))))
    };
    bar.clear();
    done.map_err(|e| anyhow!("{e}"))?;
    printed?;
    if json {
        print(true, &rows, String::new)?;
    } else if meta.is_dir() {
        print(false, &rows, || summary(&rows))?;
    }
    judge(&rows)
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// Through the server.
pub async fn run(client: &Client, args: &VerifyArgs, json: bool) -> Outcome {
    if args.quick {
        let text = "--quick needs a path; the server always verifies a snapshot completely";
        return Err(Failure::Usage(text.to_owned()));
    }
    let app = args.what.to_string_lossy();
    let mut rows = Vec::new();
    let ids: Vec<SnapshotId> = match &args.snapshot {
        Some(id) => vec![id.parse().map_err(|e| Failure::Usage(format!("{e}")))?],
        None => {
            let all: Snapshots = client.get(&format!("/api/v1/apps/{app}/snapshots")).await?;
            rows.extend(all.problems.into_iter().map(|problem| Row {
                snapshot: "the folder".to_owned(),
                whole: false,
                state: State::Problem,
                verdict: problem,
            }));
            all.snapshots.iter().map(|snapshot| snapshot.id).collect()
        }
    };
    let waiting = Waiting::new("reading every byte");
    for id in ids {
        let verified: Verified = client
            .post(&format!("/api/v1/apps/{app}/snapshots/{id}/verify"), &())
            .await?;
        rows.push(Row {
            snapshot: id.to_string(),
            whole: verified.whole,
            state: match (verified.whole, verified.verdict.starts_with("missing")) {
                (true, _) => State::Whole,
                (false, true) => State::Missing,
                (false, false) => State::Damaged,
            },
            verdict: verified.verdict,
        });
    }
    drop(waiting);
    print(json, &rows, || {
        let lines: String = rows.iter().map(|row| format!("{}\n", row.line())).collect();
        format!("{lines}{}", summary(&rows))
    })?;
    judge(&rows)
}

/// One result, as scripts read it.
#[derive(Debug, Serialize)]
struct Row {
    /// A snapshot's id or file; or the path of another problem, below the folder.
    snapshot: String,
    whole: bool,
    state: State,
    /// In words.
    verdict: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Whole,
    Damaged,
    Missing,
    /// Something other than a snapshot: a line of `SHA256SUMS`, a link.
    Problem,
}

impl Row {
    fn of(found: &Found<'_>) -> Row {
        match found {
            Found::Verdict(name, verdict) => Row {
                snapshot: (*name).to_owned(),
                whole: verdict.is_whole(),
                state: match verdict {
                    Verdict::Whole { .. } | Verdict::Intact { .. } => State::Whole,
                    Verdict::Damaged(_) => State::Damaged,
                    Verdict::Missing => State::Missing,
                },
                verdict: verdict.to_string(),
            },
            Found::Trouble(trouble) => Row {
                snapshot: trouble.subject().to_owned(),
                whole: false,
                state: State::Problem,
                verdict: trouble.to_string(),
            },
        }
    }

    fn line(&self) -> String {
        terminal::line(&format!("{}: {}", self.snapshot, self.verdict))
    }
}

/// All results in one line: `3 snapshots: 1 whole, 1 damaged, 1 missing; and 1 other problem.`
fn summary(rows: &[Row]) -> String {
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    let problems = count(State::Problem);
    let snapshots = rows.len() - problems;
    let mut text = match snapshots {
        0 => "There are no snapshots here".to_owned(),
        _ => {
            let mut text = counted(snapshots as u64, "snapshot");
            let counts = [
                (count(State::Whole), "whole"),
                (count(State::Damaged), "damaged"),
                (count(State::Missing), "missing"),
            ];
            let parts = counts.iter().filter(|(count, _)| *count > 0);
            let parts: Vec<String> = parts
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            text.push_str(": ");
            text.push_str(&parts.join(", "));
            text
        }
    };
    match problems {
        0 => text.push('.'),
        1 => text.push_str("; and 1 other problem."),
        _ => text.push_str(&format!("; and {problems} other problems.")),
    }
    text
}

fn judge(rows: &[Row]) -> Outcome {
    match rows.iter().filter(|row| !row.whole).count() {
        0 if rows.is_empty() => Err(Failure::Operation(anyhow!("there was nothing to verify"))),
        0 => Ok(()),
        damaged => Err(Failure::Operation(anyhow!(
            "{damaged} of {} cannot be relied on",
            rows.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::terminal::tests::{HOSTILE, assert_harmless};
    use super::*;
    use crate::backup::verify::{Damage, Trouble};

    #[test]
    fn nothing_in_a_copy_reaches_the_terminal_as_an_order() {
        let verdicts = [
            Damage::Integrity(vec![HOSTILE.to_owned()]),
            Damage::Content(HOSTILE.to_owned()),
            Damage::Manifest(HOSTILE.to_owned()),
            Damage::Unreadable(HOSTILE.to_owned()),
        ];
        for damage in verdicts {
            let verdict = Verdict::Damaged(damage);
            assert_harmless(&Row::of(&Found::Verdict(HOSTILE, &verdict)).line());
        }
        let trouble = Trouble::Link {
            link: HOSTILE.to_owned(),
            to: HOSTILE.into(),
        };
        assert_harmless(&Row::of(&Found::Trouble(&trouble)).line());
    }
}
