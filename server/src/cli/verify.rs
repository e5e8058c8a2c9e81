//! `tealkeep verify`: a file, a folder, or an app's snapshots; the first two need no server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;

use super::client::Client;
use super::progress::{Bytes, Waiting};
use super::{Failure, Outcome, print};
use crate::backup::verify::{verify_file, verify_folder};
use crate::backup::{Cancel, SnapshotId, Watch};
use crate::http::api::{Snapshots, Verified};

/// How long it may take.
const DEADLINE: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A snapshot's file or a backups folder on this machine; or an app's name, to ask the server.
    what: PathBuf,
    /// With an app's name: only this snapshot.
    snapshot: Option<String>,
}

impl VerifyArgs {
    /// Whether a path was given, whatever lies there.
    pub fn is_path(&self) -> bool {
        self.what.to_string_lossy().contains('/')
    }

    /// Whether no server is needed: it is a path, or something of this name lies here.
    pub fn is_local(&self) -> bool {
        self.is_path() || self.what.exists()
    }
}

/// Without a server.
pub fn local(args: &VerifyArgs, json: bool) -> Outcome {
    let path = &args.what;
    if args.snapshot.is_some() {
        return Err(Failure::Call(
            "name either a path, or an app and a snapshot".to_owned(),
        ));
    }
    let meta = path
        .metadata()
        .map_err(|e| Failure::Call(format!("{} can't be read: {e}", path.display())))?;
    let mut bar = Bytes::new();
    let mut tell = |progress| bar.show(progress);
    let mut watch = Watch::new(&mut tell, Cancel::never(), DEADLINE);
    let verdicts = if meta.is_dir() {
        verify_folder(path, None, &mut watch, &mut |_, _| {}).map(|all| {
            all.into_iter()
                .map(|(id, verdict)| (id.to_string(), verdict))
                .collect::<Vec<_>>()
        })
    } else {
        verify_file(path, None, &mut watch).map(|verdict| vec![(name_of(path), verdict)])
    };
    bar.clear();
    let verdicts = verdicts.map_err(|e| anyhow!("{e}"))?;
    let rows = verdicts
        .iter()
        .map(|(name, verdict)| (name.clone(), verdict.is_whole(), verdict.to_string()))
        .collect();
    report(rows, json)
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// Through the server.
pub async fn run(client: &Client, args: &VerifyArgs, json: bool) -> Outcome {
    let app = args.what.to_string_lossy();
    let ids: Vec<SnapshotId> = match &args.snapshot {
        Some(id) => vec![id.parse().map_err(|e| Failure::Call(format!("{e}")))?],
        None => {
            let all: Snapshots = client.get(&format!("/api/v1/apps/{app}/snapshots")).await?;
            all.snapshots.iter().map(|snapshot| snapshot.id).collect()
        }
    };
    let mut rows = Vec::new();
    let waiting = Waiting::new("reading every byte");
    for id in ids {
        let verified: Verified = client
            .post(&format!("/api/v1/apps/{app}/snapshots/{id}/verify"), &())
            .await?;
        rows.push((id.to_string(), verified.whole, verified.verdict));
    }
    drop(waiting);
    report(rows, json)
}

fn report(rows: Vec<(String, bool, String)>, json: bool) -> Outcome {
    let facts: Vec<_> = rows
        .iter()
        .map(|(name, whole, verdict)| serde_json::json!({"snapshot": name, "whole": whole, "verdict": verdict}))
        .collect();
    print(json, &facts, || {
        if rows.is_empty() {
            return "There is no snapshot here.".to_owned();
        }
        rows.iter()
            .map(|(name, _, verdict)| format!("{name}: {verdict}\n"))
            .collect()
    })?;
    match rows.iter().filter(|(_, whole, _)| !whole).count() {
        0 if rows.is_empty() => Err(Failure::Tried(anyhow!("there was nothing to verify"))),
        0 => Ok(()),
        damaged => Err(Failure::Tried(anyhow!(
            "{damaged} of {} can't be relied on",
            rows.len()
        ))),
    }
}
