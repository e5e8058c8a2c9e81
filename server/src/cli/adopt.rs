//! `tealkeep adopt`: takes over the backups of the household's own script.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use jiff::civil::Time;

use super::client::Client;
use super::outcome::{Failure, Outcome};
use super::output::print;
use super::progress::{Bytes, Waiting};
use super::terminal;
use crate::backup::adopt::{AdoptOptions, Adoption, Outcome as Came, adopt};
use crate::backup::{Cancel, Keeper, Watch, human};
use crate::clock::Clock;
use crate::http::adopt::AdoptRequest;

/// The time limit without a server.
const ADOPT_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// The folder with `daily/`, `weekly/` and `monthly/`; it is only read.
    from: PathBuf,
    /// The app whose backups folder receives them; optional if there is only one.
    app: Option<String>,
    /// Without a server: the backups folder that receives them.
    #[arg(long, value_name = "FOLDER", conflicts_with = "app")]
    into: Option<PathBuf>,
    /// Date backups without a date in their path by the time of their last change. Without this option they are refused,
    /// because a copy of a folder often has the time of copying.
    #[arg(long)]
    by_mtime: bool,
    /// Verify everything and show what would be taken over, but write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Without a server: the local time of the nightly snapshot, for files without a time.
    #[arg(long, value_name = "HH:MM", default_value = "03:30", requires = "into", value_parser = time)]
    at: Time,
}

fn time(text: &str) -> Result<Time, String> {
    Time::strptime("%H:%M", text).map_err(|_| "a local time such as 03:30".to_owned())
}

impl AdoptArgs {
    /// Whether the command works without a server.
    pub fn is_local(&self) -> bool {
        self.into.is_some()
    }
}

/// Without a server.
pub fn local(args: &AdoptArgs, json: bool) -> Outcome {
    let Some(into) = &args.into else {
        unreachable!("the caller checked that --into was given")
    };
    // It takes over snapshots; no database is involved.
    let keeper = Keeper::new(Path::new(""), into);
    let order = AdoptOptions {
        from: args.from.clone(),
        now: Clock::new(None).local(),
        at: args.at,
        by_mtime: args.by_mtime,
        dry_run: args.dry_run,
    };
    let mut bar = Bytes::new();
    let mut on_progress = |progress| bar.show(progress);
    let outcome = adopt(
        &keeper,
        &order,
        &mut Watch::new(&mut on_progress, Cancel::never(), ADOPT_TIMEOUT),
    );
    bar.clear();
    let adoption = outcome.map_err(|error| {
        if error.is_wrong_call() {
            Failure::Usage(error.to_string())
        } else {
            Failure::Operation(anyhow!("{error}"))
        }
    })?;
    report(&adoption, args, json)
}

/// Through the server.
pub async fn run(client: &Client, args: &AdoptArgs, json: bool) -> Outcome {
    if args.from.to_str().is_none() {
        let text = format!(
            "the name of {} is not UTF-8 and cannot be sent to the server; rename it, or work without the server with --into",
            args.from.display()
        );
        return Err(Failure::Usage(text));
    }
    let app = client.app(args.app.clone()).await?;
    let request = AdoptRequest {
        // The server has its own working directory.
        from: std::path::absolute(&args.from)?,
        by_mtime: args.by_mtime,
        dry_run: args.dry_run,
    };
    let waiting = Waiting::new("verifying every backup");
    let adoption: Adoption = client
        .post(&format!("/api/v1/apps/{app}/adopt"), &request)
        .await?;
    drop(waiting);
    report(&adoption, args, json)
}

fn report(adoption: &Adoption, args: &AdoptArgs, json: bool) -> Outcome {
    print(json, adoption, || describe(adoption, args.dry_run))?;
    let all = adoption.files.len();
    match adoption.count(Came::Refused) {
        _ if all == 0 => Err(Failure::Operation(anyhow!(
            "there are no backups in {}: their names end with .sqlite.gz, .sqlite3.gz, .db.gz, .sqlite, .sqlite3 or .db",
            args.from.display()
        ))),
        0 => Ok(()),
        refused => Err(Failure::Operation(anyhow!(
            "{refused} of {all} cannot be relied on; nothing of {} was taken over",
            if refused == 1 { "it" } else { "them" }
        ))),
    }
}

fn describe(adoption: &Adoption, dry_run: bool) -> String {
    let mut text = String::new();
    for file in &adoption.files {
        let outcome = match (file.outcome, file.local_date) {
            (Came::Taken, Some(date)) => {
                let size = human(file.bytes);
                let rows = file.rows.unwrap_or_default();
                let what = if dry_run { "would be taken" } else { "taken" };
                let id = file.id.map_or_else(String::new, |id| format!(" as {id}"));
                format!("whole, {size}, {rows} rows; {what}{id} for {date}")
            }
            (Came::Taken, None) => file.why.clone(),
            (Came::Already | Came::Same, _) => format!("left: {}", file.why),
            (Came::Refused, _) => format!("NOT taken: {}", file.why),
        };
        text.push_str(&format!(
            "{}\n",
            terminal::line(&format!("{}: {outcome}", file.file))
        ));
    }
    if !adoption.others.is_empty() {
        text.push_str("Ignored, because their names do not end in .sqlite, .sqlite3 or .db, with or without .gz:\n");
        for other in &adoption.others {
            text.push_str(&format!("  {}\n", terminal::line(other)));
        }
    }
    if !adoption.plan.is_empty() {
        let stay = adoption.plan.iter().filter(|one| one.stays).count();
        let go = adoption.plan.len() - stay;
        let nothing = if dry_run {
            "Nothing was written."
        } else {
            "Nothing was removed; the originals are unchanged."
        };
        text.push_str(&format!(
            "{nothing} The next night's rotation keeps {stay} and removes {go}:\n"
        ));
        for one in &adoption.plan {
            let word = if one.stays { "stays" } else { "goes" };
            text.push_str(&format!(
                "  {}  {word}: {}\n",
                one.local_date,
                terminal::line(&one.why)
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::terminal::tests::{HOSTILE, assert_harmless};
    use super::*;
    use crate::backup::adopt::{FileReport, Planned};

    #[test]
    fn no_name_in_a_folder_reaches_the_terminal_as_an_order() {
        let looked = |outcome| FileReport {
            file: HOSTILE.to_owned(),
            bytes: 1,
            outcome,
            why: HOSTILE.to_owned(),
            id: None,
            local_date: Some(jiff::civil::date(2026, 11, 21)),
            rows: Some(1),
        };
        let adoption = Adoption {
            files: [Came::Taken, Came::Already, Came::Same, Came::Refused]
                .map(looked)
                .to_vec(),
            others: vec![HOSTILE.to_owned()],
            plan: vec![Planned {
                local_date: jiff::civil::date(2026, 11, 21),
                stays: true,
                why: HOSTILE.to_owned(),
            }],
        };
        assert_harmless(&describe(&adoption, false));
    }
}
