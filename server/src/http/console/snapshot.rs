//! A snapshot as the pages show it.

use tealkeep_app::model as view;

use crate::backup::Reason;
use crate::http::api::SnapshotFacts;

/// A snapshot with everything that is known of it.
pub(super) fn snapshot_view(snapshot: &SnapshotFacts) -> view::Snapshot {
    let mut fate = snapshot.why.join("; ");
    if let Some(goes) = &snapshot.goes {
        fate = if fate.is_empty() {
            goes.clone()
        } else {
            format!("{fate}; {goes}")
        };
    }
    view::Snapshot {
        id: snapshot.id.to_string(),
        taken: snapshot.taken_at,
        reason: match snapshot.reason {
            Reason::Nightly => view::Reason::Nightly,
            Reason::Manual => view::Reason::Manual,
            Reason::BeforeDeploy => view::Reason::BeforeDeploy,
            Reason::BeforeRestore => view::Reason::BeforeRestore,
        },
        tiers: snapshot
            .tier
            .as_deref()
            .and_then(tier_of)
            .into_iter()
            .collect(),
        pinned: snapshot.pinned,
        bytes: snapshot.bytes,
        database_bytes: Some(snapshot.plain_bytes),
        rows: Some(snapshot.rows),
        release: snapshot.release.clone().map(String::from),
        // What is listed has been read back as it was taken.
        verified: Some(snapshot.taken_at),
        fate,
        cannot_restore: None,
    }
}

pub(super) fn tier_of(word: &str) -> Option<view::Tier> {
    match word {
        "daily" => Some(view::Tier::Daily),
        "weekly" => Some(view::Tier::Weekly),
        "monthly" => Some(view::Tier::Monthly),
        _ => None,
    }
}

/// A snapshot in one line.
pub(super) fn brief(snapshot: &SnapshotFacts) -> view::SnapshotBrief {
    view::SnapshotBrief {
        id: snapshot.id.to_string(),
        taken: snapshot.taken_at,
        bytes: snapshot.bytes,
    }
}
