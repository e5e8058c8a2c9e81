//! `GET /metrics`: facts for Prometheus.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::status::{AppStatus, ColourStatus, judged_status};
use crate::http::checks::facts::CheckFacts;
use crate::http::problem::Problem;
use crate::http::server::Shared;
use crate::http::{conditions, notices};
use crate::journal::drills::Drill;
use crate::names::Colour;
use crate::policy::Verdict;
use crate::runtime::ColourState;

/// `GET /metrics`, in Prometheus' text format 0.0.4.
pub async fn metrics(State(server): Shared) -> Result<Response, Problem> {
    let (status, judgement) = judged_status(&server).await?;
    let mut text = String::new();
    for (name, kind, help) in METRICS {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        for app in &status.apps {
            for (labels, value) in values(name, app, server.house.clock.now()) {
                text.push_str(&format!("{name}{{app=\"{}\"{labels}}} {value}\n", app.name));
            }
        }
    }
    text.push_str(&conditions::metrics(&judgement));
    text.push_str(&notices::metrics(&server.house.journal).await?);
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

/// The values of a metric of one app, each with its labels besides the app's.
fn values(metric: &str, app: &AppStatus, now: Timestamp) -> Vec<(String, String)> {
    match metric {
        metric if metric.starts_with("tealkeep_check_") => check_values(metric, app),
        metric if metric.starts_with("tealkeep_drill_") => drill_value(metric, app),
        "tealkeep_live" => by_colour(app, |colour, _| {
            u64::from(colour == app.live && app.release.is_some())
        }),
        "tealkeep_colour_running" => by_colour(app, |_, status| {
            u64::from(matches!(status.state, ColourState::Running { .. }))
        }),
        "tealkeep_colour_restarts_total" => by_colour(app, |_, status| u64::from(status.restarts)),
        "tealkeep_snapshot_age_seconds" => {
            let age = |taken_at| now.duration_since(taken_at).as_secs();
            without_labels(app.snapshot.as_ref().map(|newest| age(newest.taken_at)))
        }
        "tealkeep_snapshot_bytes" => {
            without_labels(app.snapshot.as_ref().map(|newest| newest.bytes))
        }
        "tealkeep_pull_age_seconds" => {
            let age = |at| now.duration_since(at).as_secs().max(0);
            without_labels(app.last_pull.as_ref().map(|pull| age(pull.at)))
        }
        "tealkeep_requests_total" => request_counts(app),
        _ => by_colour(app, |colour, _| {
            app.traffic.requests_in_flight[colour as usize] + app.traffic.streams[colour as usize]
        }),
    }
}

/// One value; none where nothing is known.
fn without_labels(value: Option<impl ToString>) -> Vec<(String, String)> {
    value
        .map(|value| (String::new(), value.to_string()))
        .into_iter()
        .collect()
}

fn by_colour(
    app: &AppStatus,
    value: impl Fn(Colour, &ColourStatus) -> u64,
) -> Vec<(String, String)> {
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
}

fn request_counts(app: &AppStatus) -> Vec<(String, String)> {
    // A number that nobody counted would be mistaken for a real one.
    let (Some(answered), Some(failed)) = (app.traffic.answered, app.traffic.failed) else {
        return Vec::new();
    };
    vec![
        (
            ",outcome=\"answered\"".to_owned(),
            (answered - failed.min(answered)).to_string(),
        ),
        (",outcome=\"failed\"".to_owned(), failed.to_string()),
    ]
}

fn check_values(metric: &str, app: &AppStatus) -> Vec<(String, String)> {
    let values = |check: &CheckFacts| match metric {
        "tealkeep_check_verdict" => [
            ("pass", Some(Verdict::Pass)),
            ("warn", Some(Verdict::Warn)),
            ("fail", Some(Verdict::Fail)),
            ("unreachable", None),
        ]
        .map(|(word, verdict)| {
            let label = format!(",verdict=\"{word}\"");
            (label, u64::from(check.verdict == verdict))
        })
        .to_vec(),
        "tealkeep_check_findings" => [("fail", check.fails), ("warn", check.warns)]
            .map(|(word, count)| (format!(",severity=\"{word}\""), count as u64))
            .to_vec(),
        _ => vec![(String::new(), seconds_since_1970(check.at))],
    };
    let targets = [("public", &app.checks.public), ("idle", &app.checks.idle)];
    let mut all = Vec::new();
    for (target, check) in targets {
        let values = check.iter().flat_map(values);
        all.extend(
            values.map(|(labels, value)| {
                (format!(",target=\"{target}\"{labels}"), value.to_string())
            }),
        );
    }
    all
}

fn drill_value(metric: &str, app: &AppStatus) -> Vec<(String, String)> {
    let value = |drill: &Drill| match metric {
        "tealkeep_drill_proven" => u64::from(drill.failed.is_none()),
        "tealkeep_drill_warnings" => drill.warnings.len() as u64,
        _ => seconds_since_1970(drill.at),
    };
    // Before the first drill there is nothing to report.
    without_labels(app.drill.as_ref().map(value))
}

fn seconds_since_1970(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or_default()
}
