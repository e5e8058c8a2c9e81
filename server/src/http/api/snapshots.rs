//! The snapshots of an app in the API: listing, taking, verifying and drills.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup::catalogue::is_ahead;
use crate::backup::drill::Report;
use crate::backup::{Catalogue, Plan, Reason, SnapshotId};
use crate::deploy::App;
use crate::http::find::{find, snapshot_id};
use crate::http::problem::{Answer, Problem};
use crate::http::server::Shared;
use crate::journal::drills::Drill;
use crate::names::ReleaseId;

/// How many drills are listed: a year of weeks.
const MAX_DRILLS: u32 = 52;

/// A snapshot, as the API tells it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotFacts {
    /// Its id, which is its file's name without the ending.
    #[schemars(with = "String")]
    pub id: SnapshotId,
    /// When it was taken.
    #[schemars(with = "String")]
    pub taken_at: Timestamp,
    /// Why it was taken.
    #[schemars(with = "String")]
    pub reason: Reason,
    /// The size of its file.
    pub bytes: u64,
    /// The size of the database in it.
    pub plain_bytes: u64,
    /// The rows of all tables.
    pub rows: u64,
    /// The release that was live.
    pub release: Option<ReleaseId>,
    /// Whether it is kept for ever.
    pub pinned: bool,
    /// The checksum of its file.
    pub sha256: String,
    /// The tier that it stands in, if it does: `daily`, `weekly` or `monthly`.
    pub tier: Option<String>,
    /// Why it stays, in words.
    pub why: Vec<String>,
    /// When it goes, in words.
    pub goes: Option<String>,
}

/// The snapshots of an app.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Snapshots {
    /// Newest first.
    pub snapshots: Vec<SnapshotFacts>,
    /// What in the folder does not fit together, in words.
    pub problems: Vec<String>,
}

impl Snapshots {
    /// The newest one, as [`Catalogue::newest_by`] has it.
    #[must_use]
    pub fn newest(&self, now: Timestamp) -> Option<&SnapshotFacts> {
        let mut newest_first = self.snapshots.iter();
        newest_first
            .find(|snapshot| !is_ahead(snapshot.taken_at, now))
            .or(self.snapshots.first())
    }
}

/// What came of verifying a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// Which.
    #[schemars(with = "String")]
    pub id: SnapshotId,
    /// Whether a restore may use it.
    pub whole: bool,
    /// What was found, in words.
    pub verdict: String,
}

/// The snapshots of an app, newest first.
///
/// # Errors
/// The backups folder can't be read.
pub async fn list_snapshots(app: &App) -> anyhow::Result<Snapshots> {
    let (catalogue, plan) = app.data.catalogue().await?;
    Ok(list_of(&catalogue, &plan))
}

/// The same, from a folder that was read already.
pub(in crate::http) fn list_of(catalogue: &Catalogue, plan: &Plan) -> Snapshots {
    let mut snapshots: Vec<SnapshotFacts> = catalogue
        .entries
        .iter()
        .map(|entry| {
            let manifest = &entry.manifest;
            let kept = plan.keep.iter().find(|kept| kept.id == manifest.id);
            let dropped = plan.drop.iter().find(|dropped| dropped.id == manifest.id);
            SnapshotFacts {
                id: manifest.id,
                taken_at: manifest.taken_at,
                reason: manifest.reason,
                bytes: manifest.bytes,
                plain_bytes: manifest.plain_bytes,
                rows: manifest.tables.values().sum(),
                release: manifest.release.clone(),
                pinned: manifest.pinned,
                sha256: manifest.sha256.clone(),
                tier: kept
                    .and_then(|kept| kept.bucket.as_ref())
                    .map(|bucket| bucket.tier.as_str().to_owned()),
                why: kept.map(|kept| kept.reasons.clone()).unwrap_or_default(),
                goes: kept.map(|kept| kept.goes.to_string()).or_else(|| {
                    dropped.map(|dropped| format!("goes with the next rotation: {}", dropped.why))
                }),
            }
        })
        .collect();
    snapshots.reverse();
    Snapshots {
        snapshots,
        problems: catalogue.problems.iter().map(ToString::to_string).collect(),
    }
}

/// `GET /api/v1/apps/{app}/snapshots`
pub async fn snapshots(State(server): Shared, Path(app): Path<String>) -> Answer<Snapshots> {
    Ok(Json(list_snapshots(find(&server, &app)?).await?))
}

/// `POST /api/v1/apps/{app}/snapshots`
pub async fn take_snapshot(
    State(server): Shared,
    Path(app): Path<String>,
) -> Answer<SnapshotFacts> {
    let app = find(&server, &app)?;
    let taken = app.backup(Reason::Manual).await?;
    let all = list_snapshots(app).await?;
    let facts = all
        .snapshots
        .into_iter()
        .find(|snapshot| snapshot.id == taken.id);
    facts.map(Json).ok_or_else(|| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the snapshot was taken and is not listed",
        )
    })
}

/// `POST /api/v1/apps/{app}/snapshots/{id}/verify`
pub async fn verify_snapshot(
    State(server): Shared,
    Path((app, id)): Path<(String, String)>,
) -> Answer<Verified> {
    let app = find(&server, &app)?;
    let id = snapshot_id(&id)?;
    let verdict = app.data.verify(id).await?;
    Ok(Json(Verified {
        id,
        whole: verdict.is_whole(),
        verdict: verdict.to_string(),
    }))
}

/// `POST /api/v1/apps/{app}/drill`
pub async fn drill_now(State(server): Shared, Path(app): Path<String>) -> Answer<Report> {
    Ok(Json(find(&server, &app)?.drill().await?))
}

/// `GET /api/v1/apps/{app}/drills`
pub async fn drills(State(server): Shared, Path(app): Path<String>) -> Answer<Vec<Drill>> {
    let name = find(&server, &app)?.name().clone();
    Ok(Json(server.house.journal.drills(name, MAX_DRILLS).await?))
}
