//! A snapshot as the pages show it.

use tealkeep_app::model as view;

use crate::backup::Tier;
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
        reason: snapshot.reason,
        tiers: tier_of(snapshot).into_iter().collect(),
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

/// The tier that keeps a snapshot.
pub(super) fn tier_of(snapshot: &SnapshotFacts) -> Option<Tier> {
    let name = snapshot.tier.as_deref()?;
    Tier::ALL.into_iter().find(|tier| tier.as_str() == name)
}

/// A snapshot in one line.
pub(super) fn brief(snapshot: &SnapshotFacts) -> view::SnapshotBrief {
    view::SnapshotBrief {
        taken: snapshot.taken_at,
        bytes: snapshot.bytes,
    }
}
