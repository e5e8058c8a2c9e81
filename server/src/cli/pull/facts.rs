//! What came of a pull: as `--json` prints it, and in words.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::there::Traffic;
use crate::backup::drill::Report;
use crate::backup::{SnapshotId, human};
use crate::cli::terminal;
use crate::names::AppName;

/// What came of a pull, as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// Whose snapshots they are, where their manifests say so.
    pub app: Option<AppName>,
    /// The folder here.
    #[serde(serialize_with = "lossily")]
    pub dest: PathBuf,
    /// The snapshots that came, oldest first.
    pub came: Vec<Came>,
    /// Those that were rotated away there meanwhile.
    pub vanished: Vec<SnapshotId>,
    /// Those that are here by the same name with another content; what is here was left alone.
    pub differ: Vec<SnapshotId>,
    /// Those that stand there with a manifest that can't be read here.
    pub unreadable: Vec<SnapshotId>,
    /// What `--mirror` removed.
    pub removed: Vec<SnapshotId>,
    /// Those of a history that is not there any more, which `--mirror` leaves.
    pub former: BTreeSet<SnapshotId>,
    /// The newest whole snapshot here.
    pub newest: Option<SnapshotId>,
    /// How many are here whole: proven when they came, or now.
    pub whole: usize,
    /// How many came damaged, could not be read there, or were found damaged here and could not be fetched anew.
    pub damaged: usize,
    /// What went over the wire.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// The copy of the configuration that is here, without its secrets; null where none ever came.
    pub configuration: Option<PathBuf>,
    /// How long all of it took.
    pub took_ms: u128,
    /// What came of the drill that was asked for.
    pub drill: Option<Report>,
    /// Whether word was left there.
    pub word_left: bool,
}

/// One snapshot that came.
#[derive(Debug, Serialize)]
pub struct Came {
    /// Which.
    pub snapshot: SnapshotId,
    /// Its size there.
    pub bytes: u64,
    /// Whether it was proven, and is here.
    pub whole: bool,
    /// What was found, in words.
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
            "{} holds {} whole snapshots, the newest of them {newest}.",
            facts.dest.display(),
            facts.whole
        ),
        None => format!("{} holds no whole snapshot.", facts.dest.display()),
    };
    let came = facts.came.iter().filter(|came| came.whole).count();
    text.push_str(&format!(
        "\n{came} came in {:.1} s, {} over the wire.",
        facts.took_ms as f64 / 1000.0,
        human(facts.traffic.received_bytes + facts.traffic.sent_bytes)
    ));
    if !facts.removed.is_empty() {
        text.push_str(&format!(
            "\n{} were removed, as there.",
            facts.removed.len()
        ));
    }
    if mirrors && !facts.former.is_empty() {
        text.push_str(&format!(
            "\nOf a history that is not there any more, {} stay here: what is there begins anew, or on an older day. Remove \
             them by hand when nobody needs them, or pull what is there into another folder.",
            facts.former.len()
        ));
    }
    if let Some(report) = facts.drill.as_ref().filter(|report| report.is_proven()) {
        text.push_str(&format!(
            "\nA restore of the newest one would work: {}.",
            report.proven()
        ));
        for warning in &report.warnings {
            text.push_str(&format!("\nLook at this: {}.", terminal::line(warning)));
        }
    }
    text
}
