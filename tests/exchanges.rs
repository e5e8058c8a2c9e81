//! A table of raw exchanges, byte by byte, over real sockets: what a client sends, what an app answers, and what has to
//! come of it at the gate. The same table is run against Caddy, with the site that Tealkeep prints, and against HAProxy;
//! each difference has its reason in the table, and one that is not so (any more) fails the test too.

pub mod app;
mod client;
mod proxies;
mod table;
mod wire;

use std::collections::BTreeMap;

use app::App;
use client::Outcome;
use proxies::Proxy;
use table::{Case, Check};

/// Fewer would not be a table worth its name.
const MIN_CASES: usize = 150;

/// What came of one case at one proxy: each check that does not hold, by its key, with what was found.
type Failing = BTreeMap<String, String>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_exchange_comes_out_as_the_table_says() {
    let cases = table::read(include_str!("exchanges/table.txt"));
    assert!(cases.len() >= MIN_CASES, "{} exchanges", cases.len());
    let mut wrong = Vec::new();
    for proxy in Proxy::ALL {
        let Some(running) = proxy.start().await else {
            // `tests/run` installs both.
            println!("{proxy}: not installed, left out");
            continue;
        };
        let mut differences = 0;
        for case in &cases {
            let mut failing = run(case, &running.app, running.at).await;
            if proxy != Proxy::Gate && !case.allows(proxy, &failing) {
                // A request of the exchange before may have reached the app only now: they still send the ones of a
                // client that has gone.
                failing = run(case, &running.app, running.at).await;
            }
            differences += usize::from(case.differs(proxy));
            if !case.allows(proxy, &failing) {
                wrong.push(format!("{proxy}: [{}] {failing:?}", case.name));
            }
        }
        println!(
            "{proxy}: {} exchanges, {} as the table wants them, {differences} otherwise",
            cases.len(),
            cases.len() - differences
        );
        if proxy == Proxy::Gate {
            assert_eq!(differences, 0, "the table is what the gate does");
        }
    }
    assert!(
        wrong.is_empty(),
        "{} exchanges came out otherwise:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

async fn run(case: &Case, app: &App, at: std::net::SocketAddr) -> Failing {
    app.will_answer(&case.answer, case.answer_closes);
    let outcome = client::exchange(at, case).await;
    let seen = app.seen();
    let checks = case.checks.iter();
    checks
        .filter_map(|check| {
            let found = check_one(check, &outcome, &seen).err()?;
            Some((check.key(), found))
        })
        .collect()
}

/// What was found instead, if a check does not hold.
fn check_one(check: &Check, outcome: &Outcome, seen: &[app::Seen]) -> Result<(), String> {
    let first = seen.first();
    let equal = |found: String, wanted: &str| (found == wanted).then_some(()).ok_or(found);
    match check {
        Check::Status(wanted) => equal(outcome.statuses(), wanted),
        Check::Interim(wanted) => equal(outcome.interim(), wanted),
        Check::Body(wanted) => equal(outcome.bodies(), wanted),
        Check::BodyContains(wanted) => {
            let found = outcome.bodies();
            found.contains(wanted.as_str()).then_some(()).ok_or(found)
        }
        Check::Has(name, wanted) => equal(outcome.field(name), wanted),
        Check::Lacks(name) => match outcome.field(name) {
            none if none.is_empty() => Ok(()),
            found => Err(found),
        },
        Check::Hides(text) => equal(outcome.fields_with(text), ""),
        Check::AppHides(text) => {
            let fields = seen.iter().flat_map(|seen| &seen.fields);
            let found: Vec<&str> = fields
                .map(|(_, value)| value.as_str())
                .filter(|value| value.contains(text.as_str()))
                .collect();
            equal(found.join("|"), "")
        }
        Check::App(wanted) => equal(
            first.map_or_else(String::new, |seen| seen.line.clone()),
            wanted,
        ),
        Check::AppHas(name, wanted) => equal(
            first.map_or_else(String::new, |seen| seen.field(name)),
            wanted,
        ),
        Check::AppLacks(name) => match first.map(|seen| seen.field(name)) {
            Some(found) if !found.is_empty() => Err(found),
            Some(_) | None => Ok(()),
        },
        Check::AppBody(wanted) => equal(
            first.map_or_else(String::new, |seen| seen.body.clone()),
            wanted,
        ),
        Check::AppAsked(wanted) => {
            let found = seen.len();
            (found == *wanted).then_some(()).ok_or_else(|| {
                let lines: Vec<&str> = seen.iter().map(|seen| seen.line.as_str()).collect();
                format!("{found}: {lines:?}")
            })
        }
        Check::Kept => outcome.kept.then_some(()).ok_or("closed".to_owned()),
        Check::Closed => (!outcome.kept).then_some(()).ok_or("kept".to_owned()),
        Check::Tunnel => outcome
            .tunnelled
            .then_some(())
            .ok_or("no tunnel".to_owned()),
        Check::Cut => outcome.cut.then_some(()).ok_or("whole".to_owned()),
    }
}
