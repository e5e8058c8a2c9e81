//! What the pages read: view values for `tealkeep_app`, made from the journal, the folder and the parts
//! of each app. Nothing here changes anything.

mod conditions;
mod safety;

use std::time::Duration;

use jiff::Timestamp;
use tealkeep_app::model as view;

use super::{Server, api, checks};
use crate::backup::{Reason, SnapshotId};
use crate::deploy::App;
use crate::deploy::release::Release;
use crate::house::{Judgement, left_behind};
use crate::journal::checks::{Acceptance, Check, Target};
use crate::journal::runs::{Kind, Run, RunState, Step, StepState};
use crate::journal::{Event, Severity};
use crate::names::{Colour, ReleaseId};
use crate::policy;
use crate::router::HOLD_PATIENCE;
use crate::runtime::ColourState;
use safety::{drill_view, drills, failed_nights, laptop, room};

/// How many runs the deploys page shows.
const SHOWN_RUNS: u32 = 20;
/// How many events a page of the journal shows.
const SHOWN_EVENTS: u32 = 60;

/// `GET /`
pub async fn overview(server: &Server) -> anyhow::Result<view::Overview> {
    let judgement = server.judge.look(server, true).await?;
    let mut apps = Vec::new();
    for app in &server.apps {
        apps.push(card(server, app, &judgement).await?);
    }
    Ok(view::Overview {
        verdict: conditions::verdict(&judgement.sentence),
        conditions: judgement
            .conditions
            .iter()
            .map(conditions::condition)
            .collect(),
        apps,
        as_of: server.clock.now(),
    })
}

async fn card(server: &Server, app: &App, judgement: &Judgement) -> anyhow::Result<view::AppCard> {
    let live = app.router.live().await?;
    let release = app.releases.of_colour(live);
    let traffic = app.router.traffic().await;
    let mut colours = Vec::new();
    for colour in Colour::BOTH {
        // Before the first deploy requests go nowhere.
        let is_live = colour == live && release.is_some();
        colours.push(colour_view(app, colour, is_live, &traffic).await);
    }
    let runs = server.journal.runs(app.name().clone(), SHOWN_RUNS).await?;
    let (last_snapshot, cannot_back_up) = match api::list_snapshots(app).await {
        Ok(all) => (all.newest(server.clock.now()).map(brief), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let (seen, before_swap) = checks::newest_of(server, app).await?;
    let last_check = seen.or(before_swap);
    Ok(view::AppCard {
        name: app.name().to_string(),
        url: app.config.url.as_ref().map(ToString::to_string),
        live: release.as_ref().map(|_| colour_of(live)),
        live_since: live_since(&runs, release.as_ref()),
        release: release.map(String::from),
        colours,
        last_snapshot,
        laptop: laptop(server, app, judgement).await?,
        last_drill: app.last_drill().await?.map(drill_view),
        next_run: Some(next_run(server, app)),
        running: runs
            .iter()
            .find(|run| run.state == RunState::Running)
            .map(run_view),
        traffic: Some(view::Traffic {
            in_flight: traffic
                .requests_in_flight
                .iter()
                .chain(&traffic.streams)
                .sum(),
            answered: traffic.answered,
            failed: traffic.failed,
            since: server.started,
        }),
        last_check: last_check.as_ref().map(check_brief),
        cannot_back_up,
    })
}

async fn colour_view(
    app: &App,
    colour: Colour,
    is_live: bool,
    traffic: &crate::router::Traffic,
) -> view::ColourView {
    let state = app.runtime.state(colour).await;
    let link = app.releases.of_colour(colour).map(String::from);
    let (word, release, since, pid, memory_bytes) = match state {
        ColourState::Running {
            pid,
            release,
            since,
            memory_bytes,
        } => (
            view::ColourState::Running,
            Some(release.to_string()),
            Some(since),
            Some(pid),
            memory_bytes,
        ),
        ColourState::Stopped => (view::ColourState::Stopped, link, None, None, None),
        ColourState::Ended { .. } if is_live => {
            (view::ColourState::Restarting, link, None, None, None)
        }
        ColourState::Ended { .. } => (view::ColourState::Failed, link, None, None, None),
    };
    view::ColourView {
        colour: colour_of(colour),
        state: word,
        live: is_live,
        release,
        since,
        restarts: app.restarts(colour),
        pid,
        memory_bytes,
        in_flight: Some(
            traffic.requests_in_flight[colour as usize] + traffic.streams[colour as usize],
        ),
    }
}

/// `GET /apps/{app}/backups`
pub async fn backups(server: &Server, app: &App) -> anyhow::Result<view::Backups> {
    let (catalogue, plan) = app.data.catalogue().await?;
    let all = api::list_of(&catalogue, &plan);
    let snapshots: Vec<view::Snapshot> = all.snapshots.iter().map(snapshot_view).collect();
    let nights = all
        .snapshots
        .iter()
        .filter_map(|snapshot| {
            let tier = tier_of(snapshot.tier.as_deref()?)?;
            Some(view::HeldNight {
                date: catalogue.find(snapshot.id)?.manifest.local_date,
                tiers: vec![tier],
                snapshot: snapshot.id.to_string(),
            })
        })
        .collect();
    let runs = server.journal.runs(app.name().clone(), 1).await?;
    let judgement = server.judge.look(server, true).await?;
    let now = server.clock.now();
    let newest = catalogue.newest_by(now).map(|entry| &entry.manifest);
    Ok(view::Backups {
        app: app.name().to_string(),
        latest: all.newest(now).map(brief),
        laptop: laptop(server, app, &judgement).await?,
        drills: drills(server, app, newest.is_some()).await?,
        // Without an answer the page says nothing of it; the snapshot itself will.
        room: room(app, newest.map(|newest| newest.bytes)).await.ok(),
        reuse: newest
            .and_then(|newest| newest.chunks.as_ref())
            .map(|chunks| view::Reuse {
                total: chunks.total,
                reused: chunks.reused,
            }),
        failed_nights: failed_nights(server, app, &catalogue).await?,
        next_run: Some(next_run(server, app)),
        nights,
        snapshots,
        undo: undo_offer(app).await?.map(|(offer, _)| offer),
        running: runs
            .iter()
            .find(|run| run.state == RunState::Running)
            .map(run_view),
        problems: all.problems,
        beside: beside(server, app).await,
        cannot_back_up: None,
    })
}

/// What no snapshot holds, in words.
async fn beside(server: &Server, app: &App) -> Option<String> {
    let (config, state) = (app.config.clone(), server.config.state.clone());
    let look = move || crate::beside::look(&config, &state).said();
    tokio::task::spawn_blocking(look).await.ok().flatten()
}

async fn undo_offer(app: &App) -> anyhow::Result<Option<(view::UndoOffer, SnapshotId)>> {
    Ok(app.undo_target().await?.ok().and_then(|run| {
        let before = run.facts.before?;
        let offer = view::UndoOffer {
            restored_at: run.ended.unwrap_or(run.began),
            restored_to: run.facts.snapshot?.taken_at(),
            cannot_undo: busy(app),
        };
        Some((offer, before))
    }))
}

/// `GET /apps/{app}/snapshots/{id}/restore`; `None` where there is no such snapshot.
pub async fn confirm_restore(
    app: &App,
    id: SnapshotId,
) -> anyhow::Result<Option<view::ConfirmRestore>> {
    let all = api::list_snapshots(app).await?;
    let Some(facts) = all.snapshots.iter().find(|snapshot| snapshot.id == id) else {
        return Ok(None);
    };
    let mut snapshot = snapshot_view(facts);
    snapshot.cannot_restore = busy(app);
    let live = app.router.live().await?;
    Ok(Some(view::ConfirmRestore {
        app: app.name().to_string(),
        live_release: app.releases.of_colour(live).map(String::from),
        // Without a count the page still says what will happen.
        rows_now: app.data.rows().await.ok(),
        estimate: Some(app.data.restore_estimate(facts.plain_bytes)),
        requests_wait: requests_wait(app, facts),
        snapshot,
    }))
}

/// `GET /apps/{app}/undo`; `None` where there is nothing to undo.
pub async fn confirm_undo(app: &App) -> anyhow::Result<Option<view::ConfirmUndo>> {
    let Some((offer, before)) = undo_offer(app).await? else {
        return Ok(None);
    };
    let all = api::list_snapshots(app).await?;
    let Some(facts) = all.snapshots.iter().find(|snapshot| snapshot.id == before) else {
        return Ok(None);
    };
    Ok(Some(view::ConfirmUndo {
        app: app.name().to_string(),
        offer,
        snapshot: snapshot_view(facts),
        estimate: Some(app.data.restore_estimate(facts.plain_bytes)),
        requests_wait: requests_wait(app, facts),
    }))
}

fn requests_wait(app: &App, snapshot: &api::SnapshotFacts) -> bool {
    app.data.restore_estimate(snapshot.plain_bytes) + HOLD_PATIENCE
        < app.config.router.hold_timeout()
}

/// `GET /apps/{app}/deploys`
pub async fn deploys(server: &Server, app: &App) -> anyhow::Result<view::Deploys> {
    let runs = server.journal.runs(app.name().clone(), SHOWN_RUNS).await?;
    let (live, previous, cannot_roll_back) = positions(app, &runs).await?;
    let releases = app
        .releases
        .list()?
        .into_iter()
        .map(|release| release_view(release, live.as_ref(), previous.as_ref()))
        .collect();
    Ok(view::Deploys {
        app: app.name().to_string(),
        live,
        previous,
        cannot_roll_back,
        releases,
        runs: runs.iter().map(run_view).collect(),
    })
}

/// `GET /apps/{app}/deploys/{release}`; `None` where there is no such release.
pub async fn confirm_deploy(
    server: &Server,
    app: &App,
    id: &ReleaseId,
) -> anyhow::Result<Option<view::ConfirmDeploy>> {
    let runs = server.journal.runs(app.name().clone(), SHOWN_RUNS).await?;
    let (live, previous, _) = positions(app, &runs).await?;
    let Some(release) = app
        .releases
        .list()?
        .into_iter()
        .find(|release| release.id == *id)
    else {
        return Ok(None);
    };
    let mut release = release_view(release, live.as_ref(), previous.as_ref());
    release.cannot_deploy = busy(app);
    let to = colour_of(app.router.live().await?.other());
    Ok(Some(view::ConfirmDeploy {
        app: app.name().to_string(),
        release,
        live,
        to,
    }))
}

/// `GET /apps/{app}/rollback`
pub async fn confirm_rollback(server: &Server, app: &App) -> anyhow::Result<view::ConfirmRollback> {
    let runs = server.journal.runs(app.name().clone(), SHOWN_RUNS).await?;
    let (live, previous, cannot_roll_back) = positions(app, &runs).await?;
    Ok(view::ConfirmRollback {
        app: app.name().to_string(),
        live,
        previous,
        cannot_roll_back,
    })
}

type Positions = (
    Option<view::LiveRelease>,
    Option<view::PreviousRelease>,
    Option<String>,
);

async fn positions(app: &App, runs: &[Run]) -> anyhow::Result<Positions> {
    let colour = app.router.live().await?;
    let release = app.releases.of_colour(colour);
    let since = live_since(runs, release.as_ref());
    let live = release.map(|release| view::LiveRelease {
        colour: colour_of(colour),
        release: release.to_string(),
        since,
    });
    let (previous, impossible) = match app.rollback_target().await? {
        Ok(release) => {
            let warm = app
                .warm()
                .filter(|(warm, _)| app.releases.of_colour(*warm).as_ref() == Some(&release));
            let previous = view::PreviousRelease {
                colour: colour_of(colour.other()),
                release: release.to_string(),
                warm_until: warm.map(|(_, until)| until),
            };
            (Some(previous), None)
        }
        Err(why) => (None, Some(why)),
    };
    Ok((live, previous, busy(app).or(impossible)))
}

fn release_view(
    release: Release,
    live: Option<&view::LiveRelease>,
    previous: Option<&view::PreviousRelease>,
) -> view::Release {
    let id = release.id.to_string();
    let role = if live.is_some_and(|live| live.release == id) {
        view::ReleaseRole::Live
    } else if previous.is_some_and(|previous| previous.release == id) {
        view::ReleaseRole::Previous
    } else {
        view::ReleaseRole::Waiting
    };
    view::Release {
        id,
        received: Some(release.received),
        bytes: None,
        role,
        note: None,
        cannot_deploy: None,
    }
}

fn live_since(runs: &[Run], release: Option<&ReleaseId>) -> Option<Timestamp> {
    runs.iter()
        .find(|run| {
            run.state == RunState::Done
                && matches!(run.kind, Kind::Deploy | Kind::Rollback)
                && Some(&run.facts.release) == release
        })
        .and_then(|run| run.ended)
}

fn busy(app: &App) -> Option<String> {
    app.underway()
        .map(|run| format!("the {} of {} is under way", run.kind.noun(), run.subject))
}

/// `GET /apps/{app}/runs/{id}`
#[must_use]
pub fn run_view(run: &Run) -> view::Run {
    let took = |began: Option<Timestamp>, ended: Option<Timestamp>| {
        Duration::try_from(ended?.duration_since(began?)).ok()
    };
    let steps = run
        .steps
        .iter()
        .map(|row| view::Step {
            name: row.step.as_str().to_owned(),
            state: match row.state {
                StepState::Pending => view::StepState::Pending,
                StepState::Running => view::StepState::Running,
                StepState::Done => view::StepState::Done,
                StepState::Failed => view::StepState::Failed,
                StepState::Skipped => view::StepState::Skipped,
                StepState::Undone => view::StepState::Undone,
            },
            took: took(row.began, row.ended),
            note: row.detail.clone(),
        })
        .collect();
    let (noun, about) = (run.kind.noun(), run.facts.subject());
    let swapped_back = run
        .steps
        .iter()
        .any(|row| row.state == StepState::Undone && row.step == Step::Swap);
    let outcome = match run.state {
        RunState::Running => view::RunOutcome::Running,
        RunState::Done => view::RunOutcome::Succeeded,
        RunState::Failed if swapped_back => view::RunOutcome::Undone,
        RunState::Failed => view::RunOutcome::Failed,
    };
    let sentence = match (run.state, run.kind) {
        (RunState::Running, _) => format!("The {noun} of {about} is under way."),
        (RunState::Done, Kind::Deploy) => format!("{about} went live on {}.", run.facts.to),
        (RunState::Done, Kind::Rollback) => {
            format!("{about} went live again, on {}.", run.facts.to)
        }
        (RunState::Done, Kind::Restore) => format!("The content of {about} was put back."),
        (RunState::Done, Kind::Undo) => {
            format!("The restore was undone with the content of {about}.")
        }
        (RunState::Failed, _) => format!("The {noun} of {about} failed; {}.", left_behind(run)),
    };
    view::Run {
        id: run.id.to_string(),
        app: run.app.to_string(),
        kind: match run.kind {
            Kind::Deploy => view::RunKind::Deploy,
            Kind::Rollback => view::RunKind::Rollback,
            Kind::Restore => view::RunKind::Restore,
            Kind::Undo => view::RunKind::Undo,
        },
        subject: about,
        outcome,
        started: run.began,
        took: took(Some(run.began), run.ended),
        steps,
        sentence,
        failure: run.reason.clone(),
        last_lines: run
            .output
            .iter()
            .flat_map(|output| output.lines())
            .map(str::to_owned)
            .collect(),
    }
}

/// `GET /apps/{app}/checks`
pub async fn checks(server: &Server, app: &App) -> anyhow::Result<view::Checks> {
    let history = checks::all_of(server, app, checks::LISTED).await?;
    let (public, before_swap) = checks::newest_of(server, app).await?;
    let accepted = server
        .journal
        .acceptances(app.name().clone(), false)
        .await?;
    Ok(view::Checks {
        app: app.name().to_string(),
        url: app.config.url.as_ref().map(ToString::to_string),
        next: app.next_check(server.clock.now()).await?,
        checking: app.is_checking(),
        public: public.as_ref().map(check_view),
        before_swap: before_swap.as_ref().map(check_view),
        history: history.iter().map(check_brief).collect(),
        accepted: accepted.into_iter().map(accepted_view).collect(),
    })
}

/// A check with all that it found, the gravest first.
pub(super) fn check_view(check: &Check) -> view::Check {
    let mut findings: Vec<view::Finding> = check
        .findings
        .iter()
        .map(|found| view::Finding {
            policy: found.finding.policy.to_string(),
            kind: found.finding.kind.to_string(),
            fails: found.finding.severity == policy::Severity::Fail,
            url: found.finding.url.clone(),
            evidence: found.finding.evidence.clone(),
            advice: found.finding.advice.clone(),
            accepted: found.accepted.clone().map(accepted_view),
        })
        .collect();
    findings.sort_by_key(|finding| (finding.accepted.is_some(), !finding.fails));
    view::Check {
        brief: check_brief(check),
        seen: check.seen.as_ref().map(policy::Coverage::in_words),
        findings,
    }
}

fn check_brief(check: &Check) -> view::CheckBrief {
    let facts = checks::CheckFacts::from(check);
    view::CheckBrief {
        id: u64::try_from(check.id).unwrap_or_default(),
        at: check.at,
        took: Duration::from_millis(check.took_ms),
        target: match check.target {
            Target::Idle => view::CheckTarget::BeforeSwap,
            Target::Public | Target::Live => view::CheckTarget::Public {
                url: check.url.clone(),
            },
        },
        release: check.release.clone().map(String::from),
        run: check.run.and_then(|run| u64::try_from(run).ok()),
        outcome: match check.verdict {
            Some(policy::Verdict::Pass) => view::CheckOutcome::Pass,
            Some(policy::Verdict::Warn) => view::CheckOutcome::Warn,
            Some(policy::Verdict::Fail) => view::CheckOutcome::Fail,
            None => view::CheckOutcome::Unreachable {
                why: check.unreachable.clone().unwrap_or_default(),
            },
        },
        fails: facts.fails,
        warns: facts.warns,
        accepted: facts.accepted,
    }
}

fn accepted_view(acceptance: Acceptance) -> view::Accepted {
    view::Accepted {
        id: u64::try_from(acceptance.id).unwrap_or_default(),
        policy: acceptance.policy.to_string(),
        kind: acceptance
            .kind
            .map_or_else(|| "*".to_owned(), |kind| kind.to_string()),
        url: acceptance.url,
        is_pattern: acceptance.is_pattern,
        by: acceptance.by,
        why: acceptance.why,
        at: acceptance.at,
    }
}

/// `GET /journal`
pub async fn journal(
    server: &Server,
    app: Option<&App>,
    before: Option<i64>,
) -> anyhow::Result<view::Journal> {
    let name = app.map(|app| app.name().clone());
    let events = server
        .journal
        .events(name.clone(), before, SHOWN_EVENTS)
        .await?;
    let full = events.len() == SHOWN_EVENTS as usize;
    Ok(view::Journal {
        app: name.map(String::from),
        older: events.last().filter(|_| full).map(|event| event.id),
        newer: before.is_some(),
        events: events.into_iter().map(event_view).collect(),
    })
}

fn event_view(event: Event) -> view::Event {
    view::Event {
        id: event.id,
        at: event.at,
        app: event.app.map(String::from),
        severity: match event.severity {
            Severity::Good => view::Severity::Good,
            Severity::Info => view::Severity::Info,
            Severity::Warning => view::Severity::Warning,
            Severity::Bad => view::Severity::Error,
        },
        sentence: event.text,
        run: event.run.map(|run| run.to_string()),
    }
}

fn snapshot_view(snapshot: &api::SnapshotFacts) -> view::Snapshot {
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

fn tier_of(word: &str) -> Option<view::Tier> {
    match word {
        "daily" => Some(view::Tier::Daily),
        "weekly" => Some(view::Tier::Weekly),
        "monthly" => Some(view::Tier::Monthly),
        _ => None,
    }
}

fn brief(snapshot: &api::SnapshotFacts) -> view::SnapshotBrief {
    view::SnapshotBrief {
        id: snapshot.id.to_string(),
        taken: snapshot.taken_at,
        bytes: snapshot.bytes,
    }
}

fn next_run(server: &Server, app: &App) -> view::NextRun {
    let at = crate::schedule::next_run(
        server.clock.now(),
        &server.clock.zone(),
        app.config.backup.at,
    );
    view::NextRun {
        at,
        what: "nightly snapshot".to_owned(),
    }
}

fn colour_of(colour: Colour) -> view::Colour {
    match colour {
        Colour::Blue => view::Colour::Blue,
        Colour::Green => view::Colour::Green,
    }
}
