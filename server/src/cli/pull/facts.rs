//! The result of a pull, as JSON and in words.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::remote::Traffic;
use crate::backup::drill::{Report, counted};
use crate::backup::{SnapshotId, human};
use crate::cli::terminal;
use crate::clock::local_time;
use crate::names::AppName;

/// The result of a pull, as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// The app of the snapshots, if their manifests name it.
    pub app: Option<AppName>,
    /// The folder here.
    #[serde(serialize_with = "lossily")]
    pub dest: PathBuf,
    /// The snapshots that arrived, oldest first.
    pub came: Vec<FetchedSnapshot>,
    /// Those that were removed there meanwhile.
    pub vanished: Vec<SnapshotId>,
    /// Those that are here under the same name with different content; they were not changed.
    pub differ: Vec<SnapshotId>,
    /// Those there whose manifest can't be read here.
    pub unreadable: Vec<SnapshotId>,
    /// What `--mirror` removed.
    pub removed: Vec<SnapshotId>,
    /// Those from a former history, which `--mirror` keeps.
    pub former: BTreeSet<SnapshotId>,
    /// The newest intact snapshot here.
    pub newest: Option<SnapshotId>,
    /// How many intact snapshots are here: verified when they arrived, or now.
    pub whole: usize,
    /// How many arrived damaged, could not be read there, or are damaged here and could not be fetched again.
    pub damaged: usize,
    /// The bytes on the wire.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// The copy of the configuration here, without its secrets; null if none ever arrived.
    pub configuration: Option<PathBuf>,
    /// How long everything took.
    pub took_ms: u128,
    /// The result of the drill, if one was requested.
    pub drill: Option<Report>,
    /// Whether the pull was reported there.
    pub word_left: bool,
}

/// One snapshot that arrived.
#[derive(Debug, Serialize)]
pub struct FetchedSnapshot {
    /// Which.
    pub snapshot: SnapshotId,
    /// Its size there.
    pub bytes: u64,
    /// Whether it was verified, and is here.
    pub whole: bool,
    /// The result, in words.
    pub verdict: String,
}

/// JSON is text, and a path need not be.
fn lossily<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// The same for people, as sentences.
pub fn text(facts: &Facts, mirrors: bool) -> String {
    let mut text = match facts.newest {
        Some(newest) => format!(
            "{} has {}, the newest of {}.",
            facts.dest.display(),
            counted(facts.whole as u64, "intact snapshot"),
            local_time(newest.taken_at())
        ),
        None => format!("{} has no intact snapshot.", facts.dest.display()),
    };
    let came = facts.came.iter().filter(|came| came.whole).count();
    text.push_str(&format!(
        "\n{} arrived in {:.1} s, {} over the wire.",
        counted(came as u64, "snapshot"),
        facts.took_ms as f64 / 1000.0,
        human(facts.traffic.received_bytes + facts.traffic.sent_bytes)
    ));
    if !facts.removed.is_empty() {
        text.push_str(&format!(
            "\nRemoved, as on the other machine: {}.",
            counted(facts.removed.len() as u64, "snapshot")
        ));
    }
    if mirrors && !facts.former.is_empty() {
        text.push_str(&format!(
            "\nKept: {} from before the folder on the other machine was started anew or replaced by an older copy. Remove them \
             when nobody needs them, or pull into another folder.",
            counted(facts.former.len() as u64, "snapshot")
        ));
    }
    if let Some(report) = facts.drill.as_ref().filter(|report| report.is_proven()) {
        text.push_str(&format!(
            "\nThe newest one can be restored: {}.",
            report.proven()
        ));
        for warning in &report.warnings {
            text.push_str(&format!("\nWarning: {}.", terminal::line(warning)));
        }
    }
    text
}
