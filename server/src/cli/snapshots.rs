//! `tealkeep snapshots`: lists snapshots, why each is kept and until when. `--plan` shows what a rotation would do, also for
//! a folder without a server; `--rotate` does it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::client::Client;
use super::outcome::{Failure, Outcome};
use super::output::print;
use crate::backup::{Catalogue, Keep, human, retention};
use crate::clock::{Clock, local_time};
use crate::http::api::Snapshots;
use crate::http::plan::{PlanFacts, RotationFacts};

#[derive(Debug, Args)]
pub struct SnapshotsArgs {
    /// The app's name; optional if there is only one. Or the path of a backups folder on this machine, with a `/` in
    /// it, which needs no server.
    app: Option<PathBuf>,
    /// Show what a rotation would remove now, and what goes next.
    #[arg(long)]
    plan: bool,
    /// Rotate now: remove what `--plan` shows.
    #[arg(long, conflicts_with = "plan")]
    rotate: bool,
}

impl SnapshotsArgs {
    /// Whether a path was given, whether or not it exists.
    pub fn is_path(&self) -> bool {
        let app = self.app.as_ref();
        app.is_some_and(|app| app.to_string_lossy().contains('/'))
    }

    /// Whether it removes something.
    pub fn removes(&self) -> bool {
        self.rotate
    }
}

/// How many of the next snapshots to go are listed.
const MAX_NEXT_SHOWN: usize = 5;

/// Through the server.
pub async fn run(client: &Client, args: &SnapshotsArgs, json: bool) -> Outcome {
    let named = args.app.as_ref().map(|app| app.display().to_string());
    let app = client.app(named).await?;
    if args.rotate {
        let done: RotationFacts = client
            .post(&format!("/api/v1/apps/{app}/rotations"), &())
            .await?;
        return print(json, &done, || describe_rotation(&done));
    }
    if args.plan {
        let plan: PlanFacts = client
            .get(&format!("/api/v1/apps/{app}/snapshots/plan"))
            .await?;
        return print(json, &plan, || describe_plan(&plan));
    }
    let all: Snapshots = client.get(&format!("/api/v1/apps/{app}/snapshots")).await?;
    print(json, &all, || describe_list(&all))
}

/// A folder without a server: what a rotation with the defaults would do there.
pub fn local(args: &SnapshotsArgs, json: bool) -> Outcome {
    let folder = args.app.as_deref().unwrap_or(Path::new("."));
    if args.rotate {
        return Err(Failure::Usage(
            "only the server that writes to a folder rotates it; name an app".to_owned(),
        ));
    }
    if !folder.is_dir() {
        return Err(Failure::Usage(format!(
            "{} is not a readable folder",
            folder.display()
        )));
    }
    let catalogue = Catalogue::read(folder)
        .with_context(|| format!("cannot read the backups folder {}", folder.display()))?;
    let (now, keep) = (Clock::new(None).local(), Keep::default());
    let entries = retention::entries(&catalogue);
    let plan = retention::plan(&entries, now.timestamp(), now.date(), &keep);
    let facts = PlanFacts::of(&catalogue, &plan, None);
    print(json, &facts, || {
        format!(
            "With the default of {} daily, {} weekly and {} monthly snapshots:\n\n{}",
            keep.daily,
            keep.weekly,
            keep.monthly,
            describe_plan(&facts)
        )
    })
}

fn describe_list(all: &Snapshots) -> String {
    if all.snapshots.is_empty() {
        return "There are no snapshots yet; `tealkeep backup` takes one.".to_owned();
    }
    let rows = all.snapshots.iter().map(|snapshot| {
        let why = snapshot.why.join("; ");
        let goes = snapshot.goes.as_deref().unwrap_or_default();
        let separator = if why.is_empty() { "" } else { "; " };
        [
            snapshot.id.to_string(),
            local_time(snapshot.id.taken_at()),
            snapshot.reason.to_string(),
            snapshot.tier.clone().unwrap_or_default(),
            human(snapshot.bytes),
            snapshot.rows.to_string(),
            format!("{why}{separator}{goes}"),
        ]
    });
    let head = [
        "snapshot",
        "taken at",
        "reason",
        "tier",
        "size",
        "rows",
        "stays because",
    ];
    let table = table(
        head,
        rows.collect(),
        [false, false, false, false, true, true, false],
    );
    format!("{table}{}", problem_lines(&all.problems))
}

fn describe_plan(plan: &PlanFacts) -> String {
    if plan.keep.is_empty() && plan.drop.is_empty() {
        return format!("There are no snapshots.\n{}", problem_lines(&plan.problems));
    }
    let mut text = String::new();
    if plan.drop.is_empty() {
        text.push_str("A rotation now would remove nothing.\n");
    } else {
        text.push_str(&format!(
            "A rotation now would remove {} and free {}:\n",
            count(plan.drop.len()),
            human(plan.frees)
        ));
        text.push_str(&leaving_table(plan));
    }
    if let Some(why) = &plan.withheld {
        text.push_str(&format!(
            "But nothing is removed while the clock cannot be trusted: {why}.\n"
        ));
    }
    text.push_str(&format!("\n{} would stay:\n", count(plan.keep.len())));
    text.push_str(&staying_table(plan));
    if !plan.next.is_empty() {
        text.push_str("\nThese go next, if every night has a snapshot:\n");
        for next in plan.next.iter().take(MAX_NEXT_SHOWN) {
            text.push_str(&format!(
                "{}  {}  in the night before {}\n",
                next.id,
                local_time(next.id.taken_at()),
                next.on
            ));
        }
    }
    text.push_str(&problem_lines(&plan.problems));
    text
}

fn leaving_table(plan: &PlanFacts) -> String {
    let rows = plan.drop.iter().map(|leaving| {
        [
            leaving.id.to_string(),
            local_time(leaving.id.taken_at()),
            leaving.reason.to_string(),
            human(leaving.bytes),
            leaving.why.clone(),
        ]
    });
    let head = ["snapshot", "taken at", "reason", "size", "goes because"];
    table(head, rows.collect(), [false, false, false, true, false])
}

fn staying_table(plan: &PlanFacts) -> String {
    let rows = plan.keep.iter().map(|stays| {
        [
            stays.id.to_string(),
            local_time(stays.id.taken_at()),
            stays.reason.to_string(),
            stays.tier.map(|tier| tier.to_string()).unwrap_or_default(),
            human(stays.bytes),
            format!("{}; {}", stays.why.join("; "), stays.goes),
        ]
    });
    let head = [
        "snapshot",
        "taken at",
        "reason",
        "tier",
        "size",
        "stays because",
    ];
    table(
        head,
        rows.collect(),
        [false, false, false, false, true, false],
    )
}

fn describe_rotation(done: &RotationFacts) -> String {
    match &done.withheld {
        Some(why) => format!("Nothing was removed, because the clock cannot be trusted: {why}."),
        None if done.dropped.is_empty() => "There is nothing to remove.".to_owned(),
        None => {
            let dropped = done.dropped.iter();
            let times: Vec<String> = dropped.map(|id| local_time(id.taken_at())).collect();
            format!(
                "{} removed, which freed {}. Taken at: {}.",
                match times.len() {
                    1 => "1 snapshot was".to_owned(),
                    n => format!("{n} snapshots were"),
                },
                human(done.freed),
                times.join(", ")
            )
        }
    }
}

fn count(n: usize) -> String {
    match n {
        1 => "1 snapshot".to_owned(),
        n => format!("{n} snapshots"),
    }
}

fn problem_lines(problems: &[String]) -> String {
    problems
        .iter()
        .map(|problem| format!("! {problem}\n"))
        .collect()
}

/// Columns as wide as their content, numbers right-aligned; the last one is not padded.
fn table<const N: usize>(head: [&str; N], rows: Vec<[String; N]>, right: [bool; N]) -> String {
    let mut widths = head.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let head = head.map(str::to_owned);
    let mut text = String::new();
    for row in std::iter::once(&head).chain(&rows) {
        let mut line = String::new();
        for (n, cell) in row.iter().enumerate() {
            let width = widths[n];
            line.push_str(&if right[n] {
                format!("{cell:>width$}  ")
            } else {
                format!("{cell:<width$}  ")
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_content() {
        let rows = vec![
            ["a".to_owned(), "12".to_owned(), "why".to_owned()],
            ["long one".to_owned(), "3".to_owned(), String::new()],
        ];
        assert_eq!(
            table(["name", "n", "because"], rows, [false, true, false]),
            "name       n  because\na         12  why\nlong one   3\n"
        );
    }
}
