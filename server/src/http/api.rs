//! The API, version 1: what the command line speaks, and anybody else who is signed in.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Server;
use super::checks::{self, CheckFacts, LastChecks};
use super::conditions::ConditionFacts;
use super::guard::{Caller, Transport};
use super::problem::Problem;
use crate::backup::catalogue::is_ahead;
use crate::backup::drill::Report;
use crate::backup::{Catalogue, Plan, Reason, SnapshotId};
use crate::deploy::release::{Release, Source};
use crate::deploy::{App, Underway};
use crate::house::Judgement;
use crate::journal::Event;
use crate::journal::drills::Drill;
use crate::journal::pulls::Pull;
use crate::journal::runs::{Run, RunId, RunState};
use crate::names::{AppName, Colour, ReleaseId};
use crate::policy::Verdict;
use crate::router::Traffic;
use crate::runtime::ColourState;

/// How every app stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// This Tealkeep's version.
    pub version: String,
    /// Whether all is well, in one sentence, and if not, what to do.
    pub sentence: String,
    /// Whether all is well: no warning or failure holds that nobody has acknowledged.
    pub well: bool,
    /// What is wrong now and what is worth a hint: what needs a person first, the gravest of it first.
    #[serde(default)]
    pub conditions: Vec<ConditionFacts>,
    /// The apps, in the order of the configuration.
    pub apps: Vec<AppStatus>,
}

/// How one app stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AppStatus {
    /// Its name.
    pub name: AppName,
    /// The colour that new requests go to, once there is a release.
    pub live: Colour,
    /// The release on it; null before the first deploy.
    pub release: Option<ReleaseId>,
    /// Both colours.
    pub colours: Colours,
    /// The newest verified snapshot.
    pub snapshot: Option<SnapshotFacts>,
    /// The last time that a laptop said that it had pulled the snapshots.
    #[serde(default)]
    pub last_pull: Option<Pull>,
    /// When the next nightly snapshot is due.
    #[schemars(with = "String")]
    pub next_run: Timestamp,
    /// The run that is under way.
    pub run: Option<Underway>,
    /// What the router counts.
    pub traffic: Traffic,
    /// What the policies last found.
    #[serde(default)]
    pub checks: LastChecks,
    /// The newest restore drill.
    #[serde(default)]
    pub drill: Option<Drill>,
}

/// Both colours of an app.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Colours {
    /// The blue one.
    pub blue: ColourStatus,
    /// The green one.
    pub green: ColourStatus,
}

/// How one colour stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ColourStatus {
    /// Its process.
    #[serde(flatten)]
    pub state: ColourState,
    /// The release that its link names.
    pub link: Option<ReleaseId>,
    /// The port that it listens on, on loopback.
    pub port: u16,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// Until when it is kept warm for a rollback.
    #[schemars(with = "Option<String>")]
    pub warm_until: Option<Timestamp>,
}

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

/// What a restore takes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// The snapshot whose content goes into the database.
    #[schemars(with = "String")]
    pub snapshot: SnapshotId,
}

/// What a deploy takes: one of them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum DeployRequest {
    /// A release that is on the machine.
    Release(ReleaseId),
    /// A directory on the machine that is copied in as a release.
    Directory(PathBuf),
    /// What a push has sent, whole.
    Pushed(ReleaseId),
}

/// A run has begun.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Begun {
    /// Its number.
    pub run: RunId,
}

/// A one-time link for setting the password.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PasswordLink {
    /// Its path on the dashboard.
    pub path: String,
    /// The address that the dashboard can be opened at from this machine.
    pub address: std::net::SocketAddr,
    /// Whether a password was set before: it still holds until the link is used.
    pub replaces: bool,
    /// How long it can be used.
    pub minutes: u64,
}

/// Which part of the journal.
#[derive(Debug, Deserialize)]
pub struct JournalQuery {
    app: Option<AppName>,
    before: Option<i64>,
    limit: Option<u32>,
}

type Answer<T> = Result<Json<T>, Problem>;
type Shared = State<Arc<Server>>;

/// How many drills are listed: a year of weeks.
const DRILLS_LISTED: u32 = 52;

/// The most rows that one answer holds.
const MOST_ROWS: u32 = 500;

/// `GET /healthz`
pub async fn healthz(State(server): Shared) -> Response {
    // A journal that can't be read means that nothing here can be trusted.
    match server.journal.newest().await {
        Ok(_) => ([(header::CACHE_CONTROL, "no-store")], "ok\n").into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// `GET /api/v1/status`
pub async fn status(State(server): Shared) -> Answer<Status> {
    Ok(Json(status_of(&server).await?))
}

/// How every app stands.
///
/// # Errors
/// The journal or a router can't be asked.
pub async fn status_of(server: &Server) -> anyhow::Result<Status> {
    Ok(judged_status(server).await?.0)
}

async fn judged_status(server: &Server) -> anyhow::Result<(Status, Judgement)> {
    let mut apps = Vec::new();
    for app in &server.apps {
        apps.push(app_status(server, app).await?);
    }
    let judgement = server.judge.look(server, true).await?;
    let status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sentence: judgement.sentence.text.clone(),
        well: judgement.sentence.is_well(),
        conditions: judgement
            .conditions
            .iter()
            .map(ConditionFacts::from)
            .collect(),
        apps,
    };
    Ok((status, judgement))
}

async fn app_status(server: &Server, app: &App) -> anyhow::Result<AppStatus> {
    // First: when no run is under way at this moment, what is read after it belongs together.
    let run = app.underway();
    let live = app.router.live().await?;
    // A folder that can't be read is told in the sentence; the rest of the status stands.
    let all = list_snapshots(app).await.ok();
    let snapshot = all.and_then(|all| all.newest(server.clock.now()).cloned());
    let (public, idle) = checks::newest_of(server, app).await?;
    Ok(AppStatus {
        name: app.name().clone(),
        live,
        release: app.releases.of_colour(live),
        colours: Colours {
            blue: colour_status(app, Colour::Blue).await,
            green: colour_status(app, Colour::Green).await,
        },
        snapshot,
        last_pull: crate::pulls::last(server, app.name()).await?,
        next_run: crate::schedule::next_run(
            server.clock.now(),
            &server.clock.zone(),
            app.config.backup.at,
        ),
        run,
        traffic: app.router.traffic().await,
        checks: LastChecks {
            public: public.as_ref().map(CheckFacts::from),
            idle: idle.as_ref().map(CheckFacts::from),
        },
        drill: app.last_drill().await?,
    })
}

async fn colour_status(app: &App, colour: Colour) -> ColourStatus {
    ColourStatus {
        state: app.runtime.state(colour).await,
        link: app.releases.of_colour(colour),
        port: app.runtime.address(colour).port(),
        restarts: app.restarts(colour),
        warm_until: app
            .warm()
            .filter(|(warm, _)| *warm == colour)
            .map(|(_, until)| until),
    }
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
pub(super) fn list_of(catalogue: &Catalogue, plan: &Plan) -> Snapshots {
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
    Ok(Json(server.journal.drills(name, DRILLS_LISTED).await?))
}

/// `POST /api/v1/apps/{app}/restores`
pub async fn begin_restore(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path(app): Path<String>,
    Json(request): Json<RestoreRequest>,
) -> Answer<Begun> {
    let run = find(&server, &app)?
        .restore(request.snapshot, caller.as_str())
        .await?;
    Ok(Json(Begun { run }))
}

/// `POST /api/v1/apps/{app}/undos`
pub async fn begin_undo(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path(app): Path<String>,
) -> Answer<Begun> {
    Ok(Json(Begun {
        run: find(&server, &app)?.undo(caller.as_str()).await?,
    }))
}

/// `GET /api/v1/apps/{app}/releases`
pub async fn releases(State(server): Shared, Path(app): Path<String>) -> Answer<Vec<Release>> {
    Ok(Json(find(&server, &app)?.releases.list()?))
}

/// `POST /api/v1/apps/{app}/deploys`
pub async fn begin_deploy(
    State(server): Shared,
    Extension(transport): Extension<Transport>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<String>,
    Json(request): Json<DeployRequest>,
) -> Answer<Begun> {
    let source = match (request, transport) {
        (DeployRequest::Release(release), _) => Source::Named(release),
        (DeployRequest::Pushed(release), _) => Source::Pushed(release),
        (DeployRequest::Directory(path), Transport::Socket(_)) => Source::Directory(path),
        (DeployRequest::Directory(_), Transport::Tcp(_)) => {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "a directory is taken over the unix socket only; name a release that is on the machine",
            ));
        }
    };
    Ok(Json(Begun {
        run: find(&server, &app)?.deploy(source, caller.as_str()).await?,
    }))
}

/// `POST /api/v1/apps/{app}/rollbacks`
pub async fn begin_rollback(
    State(server): Shared,
    Extension(caller): Extension<Caller>,
    Path(app): Path<String>,
) -> Answer<Begun> {
    Ok(Json(Begun {
        run: find(&server, &app)?.rollback(caller.as_str()).await?,
    }))
}

/// `GET /api/v1/apps/{app}/runs`
pub async fn runs(State(server): Shared, Path(app): Path<String>) -> Answer<Vec<Run>> {
    Ok(Json(
        server
            .journal
            .runs(find(&server, &app)?.name().clone(), 50)
            .await?,
    ))
}

/// `GET /api/v1/runs/{id}`
///
/// A run is told as running until the next one can begin: whoever waits for its end may go on at once.
pub async fn run(State(server): Shared, Path(id): Path<RunId>) -> Answer<Run> {
    // The turn first: one that is given back between the two looks leaves a run that has ended.
    let holds_its_turn = server
        .apps
        .iter()
        .any(|app| app.underway().is_some_and(|underway| underway.run == id));
    let run = server.journal.run(id).await?;
    let mut run =
        run.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no run {id}")))?;
    if holds_its_turn {
        run.state = RunState::Running;
    }
    Ok(Json(run))
}

/// `GET /api/v1/journal`
pub async fn journal(
    State(server): Shared,
    Query(query): Query<JournalQuery>,
) -> Answer<Vec<Event>> {
    let limit = query.limit.unwrap_or(100).min(MOST_ROWS);
    Ok(Json(
        server
            .journal
            .events(query.app, query.before, limit)
            .await?,
    ))
}

/// `POST /api/v1/password-link`
pub async fn new_password_link(State(server): Shared) -> Answer<PasswordLink> {
    let token = server.auth.new_link().await?;
    let replaces = *server.auth.password_is_set().borrow();
    let listen = server.dashboard.listen;
    // Until a password exists, and where it listens everywhere, it is on loopback.
    let ip = if replaces && !listen.ip().is_unspecified() {
        listen.ip()
    } else {
        Ipv4Addr::LOCALHOST.into()
    };
    Ok(Json(PasswordLink {
        path: format!("/welcome/{token}"),
        address: (ip, listen.port()).into(),
        replaces,
        minutes: super::auth::LINK_LIFETIME.as_secs() / 60,
    }))
}

/// `GET /metrics`, in Prometheus' text format 0.0.4.
pub async fn metrics(State(server): Shared) -> Result<Response, Problem> {
    let (status, judgement) = judged_status(&server).await?;
    let mut text = String::new();
    for (name, kind, help) in METRICS {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        for app in &status.apps {
            for (labels, value) in values(name, app, server.clock.now()) {
                text.push_str(&format!("{name}{{app=\"{}\"{labels}}} {value}\n", app.name));
            }
        }
    }
    text.push_str(&super::conditions::metrics(&judgement));
    text.push_str(&super::notices::metrics(&server).await?);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

const METRICS: &[(&str, &str, &str)] = &[
    (
        "tealkeep_live",
        "gauge",
        "1 for the colour that new requests go to; 0 for both before the first deploy.",
    ),
    (
        "tealkeep_colour_running",
        "gauge",
        "1 for a colour whose process runs.",
    ),
    (
        "tealkeep_colour_restarts_total",
        "counter",
        "How often a colour was started again after it had ended by itself.",
    ),
    (
        "tealkeep_snapshot_age_seconds",
        "gauge",
        "The age of the newest verified snapshot.",
    ),
    (
        "tealkeep_snapshot_bytes",
        "gauge",
        "The size of the newest verified snapshot.",
    ),
    (
        "tealkeep_pull_age_seconds",
        "gauge",
        "How long ago a laptop last said that it had pulled the snapshots.",
    ),
    (
        "tealkeep_requests_total",
        "counter",
        "Requests that the router answered, by outcome.",
    ),
    (
        "tealkeep_requests_in_flight",
        "gauge",
        "Requests and streams in flight.",
    ),
    (
        "tealkeep_check_verdict",
        "gauge",
        "1 for what the newest check of a target came to.",
    ),
    (
        "tealkeep_check_findings",
        "gauge",
        "What the newest check of a target found and nobody accepted, by severity.",
    ),
    (
        "tealkeep_check_timestamp_seconds",
        "gauge",
        "When a target was last checked, in seconds since 1970.",
    ),
    (
        "tealkeep_drill_proven",
        "gauge",
        "1 where the newest restore drill proved its snapshot, 0 where it failed.",
    ),
    (
        "tealkeep_drill_warnings",
        "gauge",
        "What the newest restore drill found that a person should look at.",
    ),
    (
        "tealkeep_drill_timestamp_seconds",
        "gauge",
        "When the newest restore drill ended, in seconds since 1970.",
    ),
];

fn values(metric: &str, app: &AppStatus, now: Timestamp) -> Vec<(String, String)> {
    let by_colour = |value: &dyn Fn(Colour, &ColourStatus) -> u64| {
        [
            (Colour::Blue, &app.colours.blue),
            (Colour::Green, &app.colours.green),
        ]
        .map(|(colour, status)| {
            (
                format!(",colour=\"{colour}\""),
                value(colour, status).to_string(),
            )
        })
        .to_vec()
    };
    let traffic = &app.traffic;
    let by_check = |values: &dyn Fn(&CheckFacts) -> Vec<(String, u64)>| {
        let targets = [("public", &app.checks.public), ("idle", &app.checks.idle)];
        let known = targets
            .iter()
            .filter_map(|(name, check)| Some((*name, check.as_ref()?)));
        known
            .flat_map(|(target, check)| {
                let labelled = move |(labels, value): (String, u64)| {
                    (format!(",target=\"{target}\"{labels}"), value.to_string())
                };
                values(check).into_iter().map(labelled)
            })
            .collect::<Vec<_>>()
    };
    // Before the first one there is nothing to tell.
    let by_drill = |value: &dyn Fn(&Drill) -> u64| {
        let drill = app.drill.iter();
        drill
            .map(|drill| (String::new(), value(drill).to_string()))
            .collect::<Vec<_>>()
    };
    match metric {
        "tealkeep_check_verdict" => by_check(&|check| {
            [
                ("pass", Some(Verdict::Pass)),
                ("warn", Some(Verdict::Warn)),
                ("fail", Some(Verdict::Fail)),
                ("unreachable", None),
            ]
            .map(|(word, verdict)| {
                let label = format!(",verdict=\"{word}\"");
                (label, u64::from(check.verdict == verdict))
            })
            .to_vec()
        }),
        "tealkeep_check_findings" => by_check(&|check| {
            [("fail", check.fails), ("warn", check.warns)]
                .map(|(word, count)| (format!(",severity=\"{word}\""), count as u64))
                .to_vec()
        }),
        "tealkeep_check_timestamp_seconds" => by_check(&|check| {
            let at = u64::try_from(check.at.as_second()).unwrap_or_default();
            vec![(String::new(), at)]
        }),
        "tealkeep_drill_proven" => by_drill(&|drill| u64::from(drill.failed.is_none())),
        "tealkeep_drill_warnings" => by_drill(&|drill| drill.warnings.len() as u64),
        "tealkeep_drill_timestamp_seconds" => {
            by_drill(&|drill| u64::try_from(drill.at.as_second()).unwrap_or_default())
        }
        "tealkeep_live" => {
            by_colour(&|colour, _| u64::from(colour == app.live && app.release.is_some()))
        }
        "tealkeep_colour_running" => {
            by_colour(&|_, status| u64::from(matches!(status.state, ColourState::Running { .. })))
        }
        "tealkeep_colour_restarts_total" => by_colour(&|_, status| u64::from(status.restarts)),
        "tealkeep_snapshot_age_seconds" => app
            .snapshot
            .iter()
            .map(|snapshot| {
                (
                    String::new(),
                    now.duration_since(snapshot.taken_at).as_secs().to_string(),
                )
            })
            .collect(),
        "tealkeep_snapshot_bytes" => app
            .snapshot
            .iter()
            .map(|s| (String::new(), s.bytes.to_string()))
            .collect(),
        "tealkeep_pull_age_seconds" => app
            .last_pull
            .iter()
            .map(|pull| {
                (
                    String::new(),
                    now.duration_since(pull.at).as_secs().max(0).to_string(),
                )
            })
            .collect(),
        "tealkeep_requests_total" => match (traffic.answered, traffic.failed) {
            (Some(answered), Some(failed)) => vec![
                (
                    ",outcome=\"answered\"".to_owned(),
                    (answered - failed.min(answered)).to_string(),
                ),
                (",outcome=\"failed\"".to_owned(), failed.to_string()),
            ],
            // A number that nobody counted would be taken for one.
            _ => Vec::new(),
        },
        _ => by_colour(&|colour, _| {
            traffic.requests_in_flight[colour as usize] + traffic.streams[colour as usize]
        }),
    }
}

/// The app of a name that came with a request.
///
/// # Errors
/// There is none, with the names that there are.
pub fn find<'a>(server: &'a Server, name: &str) -> Result<&'a Arc<App>, Problem> {
    let app = name
        .parse::<AppName>()
        .ok()
        .and_then(|name| server.app(&name));
    app.ok_or_else(|| {
        let known = server
            .apps
            .iter()
            .map(|app| app.name().as_str())
            .collect::<Vec<_>>()
            .join(", ");
        Problem::new(
            StatusCode::NOT_FOUND,
            format!("there is no app called {name:?}; there are: {known}"),
        )
    })
}

/// The snapshot id that came with a request.
///
/// # Errors
/// It can't be one.
pub fn snapshot_id(text: &str) -> Result<SnapshotId, Problem> {
    text.parse()
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("{error}")))
}
