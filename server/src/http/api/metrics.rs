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
