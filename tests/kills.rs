//! What a power cut leaves behind: the server is killed at every named point of every kind of run, at random
//! instants, and stopped in the middle of runs. Started again it must say what it found, and be in order.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::backup;
use crate::support::content::Content;
use crate::support::load::{Load, Mix};
use crate::support::random::{Random, is_long};
use crate::support::{House, PATIENCE, until};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Deploy,
    Rollback,
    Restore,
    Undo,
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Kind::Deploy => "deploy",
            Kind::Rollback => "rollback",
            Kind::Restore => "restore",
            Kind::Undo => "undo",
        }
    }

    fn steps(self) -> &'static [&'static str] {
        match self {
            Kind::Deploy => &[
                "receive", "snapshot", "start", "probe", "policy", "swap", "verify", "drain",
            ],
            Kind::Rollback => &["start", "probe", "swap", "verify", "drain"],
            Kind::Restore | Kind::Undo => &[
                "verify", "snapshot", "hold", "stop", "copy", "start", "probe", "swap", "release",
            ],
        }
    }

    /// Every point at which such a run can be killed, with whether a start afterwards completes it: a deploy once
    /// the swap is recorded, a restore once it may have begun to copy.
    fn points(self) -> Vec<(String, bool)> {
        let mut points = Vec::new();
        let (mut completes, from) = match self {
            Kind::Deploy | Kind::Rollback => (false, "swap.after"),
            Kind::Restore | Kind::Undo => (false, "copy.before"),
        };
        for step in self.steps() {
            for when in ["before", "after"] {
                let point = format!("{step}.{when}");
                completes |= point == from;
                points.push((format!("{}.{point}", self.noun()), completes));
            }
            if *step == "copy" {
                points.push(("restore.pages".to_owned(), true));
            }
            if *step == "snapshot" {
                points.push(("snapshot.pages".to_owned(), false));
            }
        }
        points
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_in_a_deploy_it_is_unwound_or_completed() {
    kill_everywhere(Kind::Deploy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_in_a_rollback_it_is_unwound_or_completed() {
    kill_everywhere(Kind::Rollback).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_in_a_restore_the_database_is_the_old_or_the_new() {
    kill_everywhere(Kind::Restore).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_in_an_undo_the_database_is_the_old_or_the_new() {
    kill_everywhere(Kind::Undo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_a_snapshot_nothing_of_it_is_left() {
    let mut house = House::start().await;
    fill(&house);
    let before = (
        house.get("/api/v1/apps/home/snapshots").await,
        Content::of(&house.database()),
    );
    house.kill();
    house
        .start_again(&[("TEALKEEP_KILL_AT", "snapshot.pages")])
        .await;
    let command = house.begin(["backup"]);
    house.until_dead().await;
    kill(command);
    house.start_again(&[]).await;
    house.until_quiet().await;
    let after = (
        house.get("/api/v1/apps/home/snapshots").await,
        Content::of(&house.database()),
    );
    assert_eq!(after, before);
    let found = "Tealkeep had been cut off while it took a manual snapshot; ";
    assert!(
        house
            .journal()
            .await
            .iter()
            .any(|text| text.starts_with(found)),
        "{:#?}",
        house.journal().await
    );
    is_in_order(&house, "snapshot.pages").await;
    backup(&house);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_at_random_instants_under_load_it_is_always_in_order_again() {
    let mut random = Random::seeded();
    let mut scene = Scene::new().await;
    for round in 0..if is_long() { 200 } else { 8 } {
        let kind = [Kind::Deploy, Kind::Restore, Kind::Rollback, Kind::Undo][round % 4];
        let at = Duration::from_millis(random.below(700));
        let what = format!(
            "round {round}, seed {}: {kind:?} killed after {at:?}",
            random.seed
        );
        println!("{what}");
        let verb = scene.prepare(kind).await;
        let loaded = matches!(kind, Kind::Deploy | Kind::Rollback);
        let load = loaded.then(|| Load::begin(scene.house.app(), Mix::REQUESTS));
        let (before, content) = (newest_run(&scene.house).await, scene.content());
        let command = scene.house.begin(&verb);
        tokio::time::sleep(at).await;
        scene.house.kill();
        kill(command);
        scene.house.start_again(&[]).await;
        scene.house.until_quiet().await;
        let run = newest_run(&scene.house).await;
        if let Some(load) = load {
            load.until_answered(10).await;
            let tally = load.stop().await;
            tally.is_in_exactly_once(&scene.house.database());
        } else if run["id"] != before["id"] && run["state"] == "done" {
            assert_eq!(scene.content(), scene.wanted(kind), "{what}");
        } else {
            assert_eq!(scene.content(), content, "{what}: {run:#}");
        }
        is_in_order(&scene.house, &what).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stopped_in_the_middle_of_a_deploy_it_is_finished_or_unwound_at_the_next_start() {
    let mut house = House::start().await;
    let earlier = newest_run(&house).await;
    let deploy = house.begin(["deploy", "home", "v3-unhealthy"]);
    until_step(&house, "probe", &earlier).await;
    house.stop().await;
    kill(deploy);
    house.start_again(&[]).await;
    let status = house.until_quiet().await;
    assert_eq!(
        (&status["apps"][0]["live"], &status["apps"][0]["release"]),
        (&"blue".into(), &"v1".into())
    );
    let run = newest_run(&house).await;
    assert_eq!(
        (&run["facts"]["release"], &run["state"]),
        (&"v3-unhealthy".into(), &"failed".into())
    );
    is_in_order(&house, "stopped while probing").await;

    // What is in flight keeps the drain going.
    let slow = tokio::spawn(reqwest::get(format!("http://{}/slow?ms=3000", house.app())));
    house
        .until(|status| status["apps"][0]["traffic"]["requests_in_flight"][0] == 1)
        .await;
    let earlier = newest_run(&house).await;
    let deploy = house.begin(["deploy", "home", "v2"]);
    until_step(&house, "drain", &earlier).await;
    house.stop().await;
    kill(deploy);
    assert_eq!(
        slow.await.unwrap().unwrap().status(),
        200,
        "what was in flight is answered before the end"
    );
    house.start_again(&[]).await;
    let status = house.until_quiet().await;
    assert_eq!(
        (&status["apps"][0]["live"], &status["apps"][0]["release"]),
        (&"green".into(), &"v2".into())
    );
    let run = newest_run(&house).await;
    assert_eq!(
        (&run["facts"]["release"], &run["state"]),
        (&"v2".into(), &"done".into())
    );
    is_in_order(&house, "stopped while draining").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stopped_in_the_middle_of_a_restore_the_database_is_the_old_or_the_new() {
    let mut scene = Scene::new().await;
    for step in ["hold", "stop", "copy", "start", "probe"] {
        let verb = scene.prepare(Kind::Restore).await;
        let before = scene.content();
        let earlier = newest_run(&scene.house).await;
        let restore = scene.house.begin(&verb);
        until_step(&scene.house, step, &earlier).await;
        scene.house.stop().await;
        kill(restore);
        scene.house.start_again(&[]).await;
        scene.house.until_quiet().await;
        let run = newest_run(&scene.house).await;
        let expected = if run["state"] == "done" {
            scene.wanted(Kind::Restore)
        } else {
            before
        };
        assert_eq!(scene.content(), expected, "stopped at {step}: {run:#}");
        is_in_order(&scene.house, step).await;
    }
}

async fn kill_everywhere(kind: Kind) {
    let mut scene = Scene::new().await;
    for (point, completes) in kind.points() {
        let began = Instant::now();
        let verb = scene.prepare(kind).await;
        scene.house.kill();
        scene
            .house
            .start_again(&[("TEALKEEP_KILL_AT", &point)])
            .await;
        let (before, content) = (scene.house.status().await, scene.content());
        let command = scene.house.begin(&verb);
        scene.house.until_dead().await;
        scene.house.start_again(&[]).await;
        let after = scene.house.until_quiet().await;
        kill(command);

        let (before, after) = (&before["apps"][0], &after["apps"][0]);
        let run = newest_run(&scene.house).await;
        assert_eq!(run["kind"], kind.noun(), "{point}");
        assert_eq!(
            run["state"],
            if completes { "done" } else { "failed" },
            "{point}: {run:#}"
        );
        assert_eq!(
            before["live"] != after["live"],
            completes,
            "{point}: {after:#}"
        );
        let release = if completes {
            &run["facts"]["release"]
        } else {
            &before["release"]
        };
        assert_eq!(&after["release"], release, "{point}");
        let now = scene.content();
        let expected = if completes {
            scene.wanted(kind)
        } else {
            content.clone()
        };
        let expected = if matches!(kind, Kind::Deploy | Kind::Rollback) {
            content
        } else {
            expected
        };
        assert_eq!(
            now.beyond(&expected),
            Default::default(),
            "{point}: more than there should be"
        );
        assert_eq!(
            expected.beyond(&now),
            Default::default(),
            "{point}: less than there should be"
        );
        let found = format!("Tealkeep had been cut off during the {} of ", kind.noun());
        let journal = scene.house.journal().await;
        assert!(
            journal.iter().any(|text| text.starts_with(&found)),
            "{point}: {journal:#?}"
        );
        is_in_order(&scene.house, &point).await;

        let other = other_release(&scene.house).await;
        scene.house.tealkeep(["deploy", "home", other]).succeeds();
        scene.house.until_quiet().await;
        is_in_order(&scene.house, &format!("a deploy after {point}")).await;
        println!("{point} in {:?}", began.elapsed());
    }
}

/// A house with two releases that work on the same schema, and a snapshot to go back to.
struct Scene {
    house: House,
    snapshot: String,
    /// What the snapshot holds.
    then: Content,
    /// What the last restore replaced.
    replaced: Option<Content>,
    turn: u32,
}

impl Scene {
    async fn new() -> Scene {
        let house = House::start().await;
        fill(&house);
        house.tealkeep(["deploy", "home", "v2"]).succeeds();
        house.tealkeep(["rollback"]).succeeds();
        let snapshot = backup(&house);
        let then = Content::of(&house.database());
        Scene {
            house,
            snapshot,
            then,
            replaced: None,
            turn: 0,
        }
    }

    /// Brings about what such a run needs, changes something, and returns the command that begins the run.
    async fn prepare(&mut self, kind: Kind) -> Vec<String> {
        self.turn += 1;
        let words = match kind {
            Kind::Deploy => vec!["deploy", "home", other_release(&self.house).await],
            Kind::Rollback => {
                let other = other_release(&self.house).await;
                self.house.tealkeep(["deploy", "home", other]).succeeds();
                vec!["rollback"]
            }
            Kind::Restore => vec!["restore", "home", &self.snapshot],
            Kind::Undo => {
                change(&self.house, &format!("replaced-{}", self.turn)).await;
                self.replaced = Some(self.content());
                self.house
                    .tealkeep(["restore", "home", &self.snapshot])
                    .succeeds();
                vec!["undo"]
            }
        };
        let words = words.into_iter().map(str::to_owned).collect();
        change(&self.house, &format!("change-{}", self.turn)).await;
        words
    }

    fn content(&self) -> Content {
        Content::of(&self.house.database())
    }

    /// What the database holds when such a run is done.
    fn wanted(&self, kind: Kind) -> Content {
        match kind {
            Kind::Deploy | Kind::Rollback => self.content(),
            Kind::Restore => self.then.clone(),
            Kind::Undo => self.replaced.clone().unwrap(),
        }
    }
}

/// Makes the database so large that it takes several steps to copy.
fn fill(house: &House) {
    let mut connection = rusqlite::Connection::open(house.database()).unwrap();
    connection.busy_timeout(PATIENCE).unwrap();
    let transaction = connection.transaction().unwrap();
    for number in 0..4000 {
        let insert =
            "INSERT INTO entries (request_id, kind, row_id, made_at) VALUES (?1, 'dose', 0, 0)";
        transaction
            .execute(insert, [format!("filler-{number:0>50}")])
            .unwrap();
    }
    transaction.commit().unwrap();
}

/// Changes something through the gate, as the household does.
async fn change(house: &House, amount: &str) {
    let dose = serde_json::json!({ "person": 1, "medicine": 1, "amount": amount });
    let client = reqwest::Client::new();
    let request = client
        .post(format!("http://{}/doses", house.app()))
        .header("accept", "application/json")
        .json(&dose);
    let answer = request.send().await.unwrap();
    assert_eq!(
        answer.status(),
        200,
        "{amount}: {}",
        answer.text().await.unwrap()
    );
}

/// A command line that would wait for the server to come back.
fn kill(mut command: std::process::Child) {
    // It may have ended by itself.
    let _ = command.kill();
    command.wait().unwrap();
}

async fn newest_run(house: &House) -> Value {
    house.get("/api/v1/apps/home/runs").await[0].clone()
}

async fn other_release(house: &House) -> &'static str {
    if house.status().await["apps"][0]["release"] == "v1" {
        "v2"
    } else {
        "v1"
    }
}

/// Waits until a run that came after `earlier` has begun this step, or is past it.
async fn until_step(house: &House, step: &str, earlier: &Value) {
    let began = Instant::now();
    house
        .until(|status| status["apps"][0]["run"]["run"].as_i64() != Some(0))
        .await;
    until(format!("a later run has begun {step:?}"), async || {
        let run = newest_run(house).await;
        if run["id"] == earlier["id"] {
            return Err(run);
        }
        let steps = run["steps"].as_array().unwrap();
        let begun = steps
            .iter()
            .any(|row| row["step"] == step && row["state"] != "pending");
        let is_past = begun
            || run["state"] != "running"
                && house.status().await["apps"][0]["run"].is_null()
                && began.elapsed() > Duration::from_secs(2);
        is_past.then_some(()).ok_or(run)
    })
    .await;
}

/// Exactly one colour is live, whoever is asked; the household's requests work; nothing temporary is left.
#[track_caller]
fn is_in_order<'a>(house: &'a House, what: &'a str) -> impl Future<Output = ()> + 'a {
    let at = std::panic::Location::caller();
    async move {
        let status = house.status().await;
        let app = &status["apps"][0];
        let (live, release) = (
            app["live"].as_str().unwrap(),
            app["release"].as_str().unwrap(),
        );
        assert!(
            app["run"].is_null() && app["traffic"]["held_now"] == 0,
            "{at}: {what}: {app:#}"
        );
        assert_eq!(
            app["colours"][live]["state"], "running",
            "{at}: {what}: {app:#}"
        );
        let state = house.folder().join("state/apps/home");
        for colour in ["blue", "green"] {
            let says_live = state.join(colour).join("live").exists();
            assert_eq!(
                says_live,
                colour == live,
                "{at}: {what}: the live file of {colour}, and {live} is live"
            );
            assert!(
                !state.join(colour).join("draining").exists(),
                "{at}: {what}: {colour} drains for ever"
            );
        }
        let recorded = std::fs::read_to_string(state.join("active-color"));
        assert_eq!(
            recorded.map_or_else(|_| "blue".to_owned(), |text| text.trim().to_owned()),
            live,
            "{at}: {what}"
        );
        for path in ["/healthz", "/", "/medicine"] {
            let answer = reqwest::get(format!("http://{}{path}", house.app()))
                .await
                .unwrap();
            let headers = ["tealkeep-release", "tealkeep-colour"]
                .map(|name| answer.headers()[name].to_str().unwrap().to_owned());
            assert_eq!(headers, [release, live], "{at}: {what}: who answers");
            assert_eq!(answer.status(), 200, "{at}: {what}: {path}");
        }
        change(house, "in-order").await;
        assert_eq!(leftovers(house), Vec::<PathBuf>::new(), "{at}: {what}");
    }
}

/// Files that should have been removed, in all folders but the app's own data.
fn leftovers(house: &House) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["state", "releases", "backups"] {
        look_for_leftovers(&house.folder().join(folder), &mut found);
    }
    found
}

fn look_for_leftovers(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // The one is held by whoever works in the backups folder, and is empty.
        let is_leftover = name.starts_with('.') && !name.contains("lock")
            || [".part", "-part"]
                .iter()
                .any(|ending| name.ends_with(ending))
            || name.starts_with("unpacked-")
            || name == "taking";
        if is_leftover {
            found.push(entry.path());
        } else if entry.file_type().unwrap().is_dir() {
            look_for_leftovers(&entry.path(), found);
        }
    }
}
