//! What a rotation would do, before it does it: what stays and why, what goes and why, and when the next one goes.
//! And the rotation itself, for a person who asks for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::find;
use super::problem::Problem;
use super::server::Server;
use crate::backup::retention::Goes;
use crate::backup::{Catalogue, Plan, Reason, Rotation, SnapshotId, Tier};

/// What a rotation would do now.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PlanFacts {
    /// What would stay, newest first.
    pub keep: Vec<Stays>,
    /// What would go, newest first.
    pub drop: Vec<Leaves>,
    /// The bytes that would become free.
    pub frees: u64,
    /// What goes next if every night to come has a snapshot, the first of it first.
    pub next: Vec<Next>,
    /// Why nothing would be removed all the same: the clock can't be trusted.
    pub withheld: Option<String>,
    /// What in the folder does not fit together, in words; a rotation leaves that alone.
    pub problems: Vec<String>,
}

/// A snapshot that would stay.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Stays {
    /// Which.
    #[schemars(with = "String")]
    pub id: SnapshotId,
    /// Why it was taken.
    #[schemars(with = "String")]
    pub reason: Reason,
    /// The size of its file.
    pub bytes: u64,
    /// The tier that holds it, if one does.
    #[schemars(with = "Option<String>")]
    pub tier: Option<Tier>,
    /// The bucket that it stands for there, such as `2026-W47`.
    pub bucket: Option<String>,
    /// Why it stays, in words.
    pub why: Vec<String>,
    /// When it goes, in words.
    pub goes: String,
}

/// A snapshot that would go.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Leaves {
    /// Which.
    #[schemars(with = "String")]
    pub id: SnapshotId,
    /// Why it was taken.
    #[schemars(with = "String")]
    pub reason: Reason,
    /// The size of its file.
    pub bytes: u64,
    /// Why it would go, in words.
    pub why: String,
}

/// A snapshot whose last date is known.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Next {
    /// Which.
    #[schemars(with = "String")]
    pub id: SnapshotId,
    /// In the night to this date.
    #[schemars(with = "String")]
    pub on: Date,
}

/// What a rotation that was asked for did.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RotationFacts {
    /// The snapshots that are gone.
    #[schemars(with = "Vec<String>")]
    pub dropped: Vec<SnapshotId>,
    /// The bytes that became free.
    pub freed: u64,
    /// Why nothing was removed, where the clock can't be trusted.
    pub withheld: Option<String>,
}

impl PlanFacts {
    /// A plan with the sizes from the folder that it was made for.
    #[must_use]
    pub fn of(catalogue: &Catalogue, plan: &Plan, withheld: Option<String>) -> PlanFacts {
        let manifest = |id| catalogue.find(id).map(|entry| &entry.manifest);
        let stays = plan.keep.iter().filter_map(|kept| {
            let manifest = manifest(kept.id)?;
            Some(Stays {
                id: kept.id,
                reason: manifest.reason,
                bytes: manifest.bytes,
                tier: kept.bucket.as_ref().map(|bucket| bucket.tier),
                bucket: kept.bucket.as_ref().map(|bucket| bucket.name.clone()),
                why: kept.reasons.clone(),
                goes: kept.goes.to_string(),
            })
        });
        let leaves = plan.drop.iter().filter_map(|dropped| {
            let manifest = manifest(dropped.id)?;
            Some(Leaves {
                id: dropped.id,
                reason: manifest.reason,
                bytes: manifest.bytes,
                why: dropped.why.clone(),
            })
        });
        let mut next: Vec<Next> = plan
            .keep
            .iter()
            .filter_map(|kept| match kept.goes {
                Goes::On(on) => Some(Next { id: kept.id, on }),
                Goes::Never
                | Goes::AfterMore(_)
                | Goes::NotBefore(_)
                | Goes::CountsFrom(_)
                | Goes::Later => None,
            })
            .collect();
        next.sort_by_key(|next| (next.on, next.id));
        let drop: Vec<Leaves> = leaves.collect();
        PlanFacts {
            keep: stays.collect(),
            frees: drop.iter().map(|leaving| leaving.bytes).sum(),
            drop,
            next,
            withheld,
            problems: catalogue.problems.iter().map(ToString::to_string).collect(),
        }
    }
}

/// `GET /api/v1/apps/{app}/snapshots/plan`
pub async fn preview(
    State(server): State<Arc<Server>>,
    Path(app): Path<String>,
) -> Result<Json<PlanFacts>, Problem> {
    let app = find(&server, &app)?;
    let (catalogue, plan) = app.data.catalogue().await?;
    let doubt = app.data.clock_doubt().await?;
    Ok(Json(PlanFacts::of(&catalogue, &plan, doubt)))
}

/// `POST /api/v1/apps/{app}/rotations`
pub async fn rotate(
    State(server): State<Arc<Server>>,
    Path(app): Path<String>,
) -> Result<Json<RotationFacts>, Problem> {
    let app = find(&server, &app)?;
    let (dropped, freed, withheld) = match app.data.rotate().await? {
        Rotation::Done(rotated) => (rotated.dropped, rotated.freed_bytes, None),
        Rotation::Withheld(why) => (Vec::new(), 0, Some(why)),
        Rotation::Failed(error) => return Err(anyhow::Error::from(error).into()),
    };
    Ok(Json(RotationFacts {
        dropped,
        freed,
        withheld,
    }))
}
