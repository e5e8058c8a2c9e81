//! `tealkeep snapshots`

use clap::Args;

use super::client::Client;
use super::{Outcome, print};
use crate::http::api::Snapshots;

#[derive(Debug, Args)]
pub struct SnapshotsArgs {
    /// The app's name; may be left out where there is only one.
    app: Option<String>,
}

/// Lists the snapshots of an app, and why each one stays.
pub async fn run(client: &Client, args: &SnapshotsArgs, json: bool) -> Outcome {
    let app = client.app(args.app.clone()).await?;
    let all: Snapshots = client.get(&format!("/api/v1/apps/{app}/snapshots")).await?;
    print(json, &all, || {
        let mut text = String::new();
        if all.snapshots.is_empty() {
            text.push_str("There is no snapshot yet; `tealkeep backup` takes one.\n");
        }
        for snapshot in &all.snapshots {
            let size = crate::backup::human(snapshot.bytes);
            let why = snapshot.why.join("; ");
            let goes = snapshot.goes.as_deref().unwrap_or("");
            text.push_str(&format!(
                "{}  {:<14} {size:>10} {:>9} rows  {why}; {goes}\n",
                snapshot.id,
                snapshot.reason.as_str(),
                snapshot.rows
            ));
        }
        for problem in &all.problems {
            text.push_str(&format!("! {problem}\n"));
        }
        text
    })
}
