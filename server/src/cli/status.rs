//! `tealkeep status`, which can also follow the current run to its end.

use std::time::Duration;

use clap::Args;

use super::client::Client;
use super::deploy::{print_result, watch};
use super::outcome::{Failure, Outcome};
use super::output::print;
use super::progress::say;
use crate::clock::{local_time, seconds};
use crate::house::Severity;
use crate::http::api::{AppStatus, ColourStatus, Status};
use crate::http::conditions::ConditionFacts;
use crate::journal::runs::Run;
use crate::names::Colour;
use crate::router::Traffic;
use crate::runtime::ColourState;

/// How often to check whether a run that is just beginning has its number.
const START_POLL_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Only this app.
    app: Option<String>,
    /// Follow the current run and exit with its result; if there is none, show the result of the last one.
    #[arg(long)]
    follow: bool,
    /// Exit 1 while a warning or a failure holds that nobody has acknowledged.
    #[arg(long, conflicts_with = "follow")]
    check: bool,
}

/// Whether all is well, and how every app stands.
pub async fn run(client: &Client, args: &StatusArgs, json: bool) -> Outcome {
    if args.follow {
        return follow(client, args.app.clone(), json).await;
    }
    let mut status: Status = client.get("/api/v1/status").await?;
    if let Some(app) = &args.app {
        let all = std::mem::take(&mut status.apps);
        status.apps = vec![pick(all, app)?];
        status
            .conditions
            .retain(|condition| condition.app.as_ref().is_none_or(|of| of.as_str() == app));
    }
    print(json, &status, || {
        let mut text = format!("{}\n", status.sentence);
        text.push_str(&list(&status.conditions, &status.sentence));
        for app in &status.apps {
            text.push_str(&describe(app));
        }
        text
    })?;
    if args.check && status.conditions.iter().any(needs_a_person) {
        return Err(Failure::Reported(1));
    }
    Ok(())
}

fn needs_a_person(condition: &ConditionFacts) -> bool {
    condition.severity > Severity::Hint && condition.acknowledged.is_none()
}

/// The conditions, one per line, without the one that the sentence already names.
fn list(conditions: &[ConditionFacts], sentence: &str) -> String {
    let mut text = String::new();
    for condition in conditions {
        if condition.sentence == sentence && condition.acknowledged.is_none() {
            continue;
        }
        let acknowledged = condition
            .acknowledged
            .as_ref()
            .map_or_else(String::new, |by| {
                format!(" (acknowledged {} by {})", local_time(by.at), by.by)
            });
        text.push_str(&format!(
            "  {:<8} {}{acknowledged}\n",
            condition.severity.as_str(),
            condition.sentence
        ));
    }
    text
}

fn pick(apps: Vec<AppStatus>, name: &str) -> Result<AppStatus, Failure> {
    let known = apps
        .iter()
        .map(|app| app.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    apps.into_iter()
        .find(|app| app.name.as_str() == name)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "there is no app called {name:?}; there are: {known}"
            ))
        })
}

async fn follow(client: &Client, app: Option<String>, json: bool) -> Outcome {
    let name = client.app(app).await?;
    loop {
        let status: Status = client.get("/api/v1/status").await?;
        match pick(status.apps, &name)?.run {
            Some(underway) if underway.run == 0 => tokio::time::sleep(START_POLL_INTERVAL).await,
            Some(underway) => {
                if !json {
                    say(format_args!(
                        "the {} of {} has been running since {}",
                        underway.kind.noun(),
                        underway.subject,
                        local_time(underway.since)
                    ));
                }
                return watch(client, underway.run, json).await;
            }
            None => break,
        }
    }
    let runs: Vec<Run> = client.get(&format!("/api/v1/apps/{name}/runs")).await?;
    let Some(last) = runs.first() else {
        return print(json, &runs, || {
            format!("Nothing was deployed to {name} yet.")
        });
    };
    if !json && let Some(ended) = last.ended {
        say(format_args!(
            "no run is under way; the last one ended at {}",
            local_time(ended)
        ));
    }
    print_result(last, json)
}

fn describe(app: &AppStatus) -> String {
    let mut text = match &app.release {
        Some(release) => format!("\n{}: {release} is live on {}\n", app.name, app.live),
        None => format!(
            "\n{0}: nothing is deployed yet; `tealkeep deploy {0} DIRECTORY` deploys a release\n",
            app.name
        ),
    };
    for (colour, status) in [
        (Colour::Blue, &app.colours.blue),
        (Colour::Green, &app.colours.green),
    ] {
        let state = describe_colour(status);
        text.push_str(&format!("  {:<9} {state}\n", colour.as_str()));
    }
    match &app.snapshot {
        Some(snapshot) => {
            let age = jiff::Timestamp::now().duration_since(snapshot.taken_at);
            let age = seconds(std::time::Duration::try_from(age).unwrap_or_default());
            let size = crate::backup::human(snapshot.bytes);
            text.push_str(&format!(
                "  snapshot  {} ({}, {size}), {age} old\n",
                local_time(snapshot.taken_at),
                snapshot.reason.as_str()
            ));
        }
        None => text.push_str("  snapshot  none yet\n"),
    }
    text.push_str(&format!(
        "  next      nightly snapshot at {}\n",
        local_time(app.next_run)
    ));
    if let Some(run) = &app.run {
        text.push_str(&format!(
            "  running   the {} of {} since {}\n",
            run.kind.noun(),
            run.subject,
            local_time(run.since)
        ));
        for line in &run.output {
            text.push_str(&format!("            {line}\n"));
        }
    }
    text.push_str(&describe_traffic(&app.traffic));
    text
}

fn describe_traffic(traffic: &Traffic) -> String {
    let in_flight: u64 = traffic.requests_in_flight.iter().sum();
    let streams: u64 = traffic.streams.iter().sum();
    let totals = match (traffic.answered, traffic.failed) {
        (Some(answered), Some(failed)) => {
            format!("{answered} answered, {failed} of them with a server error; ")
        }
        _ => String::new(),
    };
    format!(
        "  requests  {totals}{in_flight} in flight, {streams} streams, {} held\n",
        traffic.held_now
    )
}

fn describe_colour(status: &ColourStatus) -> String {
    let restarts = match status.restarts {
        0 => String::new(),
        1 => ", restarted once".to_owned(),
        n => format!(", restarted {n} times"),
    };
    match &status.state {
        ColourState::Running {
            pid,
            release,
            memory_bytes,
            ..
        } => {
            let memory = memory_bytes
                .map(|bytes| format!(", {}", crate::backup::human(bytes)))
                .unwrap_or_default();
            let warm = status
                .warm_until
                .map(|until| format!(", kept warm until {}", local_time(until)))
                .unwrap_or_default();
            format!(
                "{release} runs as process {pid} on port {}{memory}{warm}{restarts}",
                status.port
            )
        }
        ColourState::Stopped => format!("stopped{restarts}"),
        ColourState::Ended { how } => format!("{how}{restarts}"),
    }
}
