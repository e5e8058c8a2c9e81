//! What a restore or an undo would replace, before it does: the rows of each table now and in the snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::find;
use super::problem::Problem;
use super::server::Server;
use crate::backup::SnapshotId;
use crate::names::ReleaseId;

/// What a restore would put in place of what.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Loss {
    /// The snapshot whose content would go into the database.
    #[schemars(with = "String")]
    pub snapshot: SnapshotId,
    /// When it was taken.
    #[schemars(with = "String")]
    pub taken_at: Timestamp,
    /// The release that was live then.
    pub release: Option<ReleaseId>,
    /// Why the rows of now are not known, if they are not.
    pub unknown: Option<String>,
    /// The tables whose number of rows differs, by name; all of the snapshot's where the rows of now are not known.
    pub tables: Vec<TableLoss>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableLoss {
    /// Its name.
    pub table: String,
    /// Its rows now; null where there is no such table, or nobody knows.
    pub now: Option<u64>,
    /// Its rows in the snapshot; null where there is no such table.
    pub then: Option<u64>,
}

/// Which restore.
#[derive(Debug, Default, Deserialize)]
pub struct LossQuery {
    /// The snapshot; left out, an undo is meant.
    snapshot: Option<String>,
}

/// `GET /api/v1/apps/{app}/restores/preview`
pub async fn preview(
    State(server): State<Arc<Server>>,
    Path(app): Path<String>,
    Query(query): Query<LossQuery>,
) -> Result<Json<Loss>, Problem> {
    let app = find(&server, &app)?;
    let snapshot = match query.snapshot {
        Some(id) => id
            .parse()
            .map_err(|e| Problem::new(StatusCode::BAD_REQUEST, format!("{e}")))?,
        None => {
            let target = app.undo_target().await?;
            let refused = |why| Problem::new(StatusCode::CONFLICT, why);
            let before = target.map_err(refused)?.facts.before;
            before.ok_or_else(|| refused("there was no restore".to_owned()))?
        }
    };
    let manifest = app.data.manifest(snapshot).await?.ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            format!(
                "{} has no snapshot {snapshot}; `tealkeep snapshots {0}` lists those that there are",
                app.name()
            ),
        )
    })?;
    let (now, unknown) = match app.data.tables().await {
        Ok(now) => (Some(now), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    Ok(Json(Loss {
        snapshot,
        taken_at: manifest.taken_at,
        release: manifest.release,
        unknown,
        tables: compare(now.as_ref(), &manifest.tables),
    }))
}

fn compare(now: Option<&BTreeMap<String, u64>>, then: &BTreeMap<String, u64>) -> Vec<TableLoss> {
    let names: BTreeSet<&String> = then
        .keys()
        .chain(now.into_iter().flat_map(BTreeMap::keys))
        .collect();
    let rows = names.into_iter().map(|table| TableLoss {
        table: table.clone(),
        now: now.and_then(|now| now.get(table).copied()),
        then: then.get(table).copied(),
    });
    rows.filter(|row| now.is_none() || row.now != row.then)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tables_that_differ_are_listed() {
        let of = |rows: &[(&str, u64)]| {
            let rows = rows
                .iter()
                .map(|(table, rows)| ((*table).to_owned(), *rows));
            rows.collect::<BTreeMap<_, _>>()
        };
        let (now, then) = (
            of(&[("doses", 500), ("people", 3), ("new", 1)]),
            of(&[("doses", 480), ("people", 3), ("old", 7)]),
        );
        let row = |table: &str, now, then| TableLoss {
            table: table.to_owned(),
            now,
            then,
        };
        assert_eq!(
            compare(Some(&now), &then),
            [
                row("doses", Some(500), Some(480)),
                row("new", Some(1), None),
                row("old", None, Some(7)),
            ]
        );
        assert_eq!(compare(None, &then).len(), 3);
        assert_eq!(compare(Some(&then), &then), []);
    }
}
