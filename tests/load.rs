//! What the household notices of swaps, restores, bad releases and crashes while it uses the app: nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use crate::support::content::Content;
use crate::support::load::{Killed, Load, Mix, Tally, doses};
use crate::support::{House, until, until_gone};

/// The drain's deadline in these tests, in seconds.
const SHORT_DRAIN: (&str, &str) = ("TEALKEEP_DEMO_DRAIN_TIMEOUT", "1");

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_swaps_under_load_lose_nothing_and_do_nothing_twice() {
    let mut house = House::start_with(&[SHORT_DRAIN]).await;
    let load = Load::begin(house.app(), Mix::EVERYTHING);
    load.until_answered(20).await;
    let began = Instant::now();
    for swap in 0..50 {
        let live = if swap % 2 == 0 {
            house.tealkeep(["deploy", "home", "v2"]).succeeds();
            "v2"
        } else {
            house.tealkeep(["rollback"]).succeeds();
            "v1"
        };
        assert_eq!(
            house.status().await["apps"][0]["release"],
            live,
            "after swap {swap}"
        );
    }
    let took = began.elapsed();
    load.until_answered(20).await;
    let tally = load.stop().await;
    println!("50 swaps in {took:?} under {} requests", tally.requests);
    tally.nothing_failed();
    tally.was_answered_by(&["v1", "v2"]);
    assert!(
        tally.uploads > 5 && tally.messages > 50 && tally.events > 50,
        "{tally:?}"
    );
    assert!(
        tally.told_to_go >= 50,
        "streams were told to go {} times in 50 swaps",
        tally.told_to_go
    );
    house.stop().await;
    tally.is_in_exactly_once(&house.database());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_restore_and_its_undo_under_load_lose_no_request_and_mix_no_content() {
    let mut house = House::start().await;
    let load = Load::begin(house.app(), Mix::EVERYTHING);
    load.until_answered(60).await;
    let snapshot = backup(&house);
    load.until_answered(60).await;
    house.tealkeep(["restore", "home", &snapshot]).succeeds();
    assert_eq!(house.status().await["apps"][0]["live"], "green");
    load.until_answered(60).await;
    let tally = load.stop().await;
    tally.nothing_failed();

    // The restored content was brought up on the other colour: which colour answered says on which side of the
    // restore a change was made.
    let (before, after) = (written_by(&tally, "blue"), written_by(&tally, "green"));
    let unpacked = house.folder().join("unpacked.sqlite");
    let file = snapshot_file(&house, &snapshot);
    house
        .tealkeep([
            "restore".as_ref(),
            "--file".as_ref(),
            file.as_os_str(),
            "--to".as_ref(),
            unpacked.as_os_str(),
        ])
        .succeeds();
    let kept: BTreeSet<String> = doses(&unpacked).into_keys().collect();
    assert!(
        kept.len() > 5 && kept.is_subset(&before),
        "{} of {} were in the snapshot",
        kept.len(),
        before.len()
    );
    assert!(before.len() > kept.len() && !after.is_empty());
    let found = doses(&house.database());
    assert!(found.values().all(|count| *count == 1));
    assert_eq!(found.into_keys().collect::<BTreeSet<_>>(), &kept | &after);
    let (wanted, is) = (Content::of(&unpacked), Content::of(&house.database()));
    assert_eq!(
        wanted.beyond(&is),
        Default::default(),
        "rows of the snapshot are not there"
    );
    let more = is.beyond(&wanted);
    assert_eq!(
        more.keys().collect::<Vec<_>>(),
        ["doses", "entries"],
        "{more:#?}"
    );
    assert_eq!(more["doses"].len(), after.len());

    let load = Load::begin(house.app(), Mix::EVERYTHING);
    load.until_answered(60).await;
    house.tealkeep(["undo"]).succeeds();
    assert_eq!(house.status().await["apps"][0]["live"], "blue");
    load.until_answered(60).await;
    let second = load.stop().await;
    second.nothing_failed();
    house.stop().await;
    let found = doses(&house.database());
    assert!(found.values().all(|count| *count == 1));
    assert!(!written_by(&second, "green").is_empty() && !written_by(&second, "blue").is_empty());
    assert_eq!(
        found.into_keys().collect::<BTreeSet<_>>(),
        &before | &written_by(&second, "blue")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_release_that_does_not_come_up_is_refused_and_nobody_notices_it() {
    let mut house = House::start().await;
    let load = Load::begin(house.app(), Mix::EVERYTHING);
    load.until_answered(20).await;
    let snapshot = backup(&house);
    let blue = house.status().await["apps"][0]["colours"]["blue"].clone();
    assert!(blue["pid"].is_i64());

    let unhealthy = house.begin(["deploy", "home", "v3-unhealthy"]);
    house
        .until(|status| status["apps"][0]["run"]["run"].as_i64() > Some(0))
        .await;
    // One at a time, and the second is told by the first one's name and age.
    for second in [
        vec!["deploy", "home", "v2"],
        vec!["restore", "home", &snapshot],
        vec!["rollback"],
        vec!["undo"],
    ] {
        let said = house.tealkeep(&second).fails_with(1);
        let refusal = "home is busy: the deploy of v3-unhealthy has been under way for ";
        assert!(said.stderr.contains(refusal), "{second:?}: {said:#?}");
        let age = said.stderr.split(refusal).nth(1).unwrap();
        assert!(
            age.starts_with(|first: char| first.is_ascii_digit()),
            "{age}"
        );
    }
    let client = reqwest::Client::builder()
        .unix_socket(house.socket())
        .build()
        .unwrap();
    let request = client
        .post("http://tealkeep/api/v1/apps/home/deploys")
        .json(&serde_json::json!({ "release": "v2" }));
    assert_eq!(request.send().await.unwrap().status(), 409);
    let ended = tokio::task::spawn_blocking(|| unhealthy.wait_with_output().unwrap())
        .await
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert!(
        stderr.contains("v3-unhealthy on green is not healthy") && stderr.contains("calendar"),
        "{stderr}"
    );
    assert!(
        stderr.contains("The last lines that v3-unhealthy printed:\nhome: "),
        "{stderr}"
    );

    let crashed = house
        .tealkeep(["deploy", "home", "v6-crashes-on-boot"])
        .fails_with(1);
    assert!(
        crashed.stderr.contains("BINS_CALENDAR_URL is not set"),
        "{crashed:#?}"
    );

    let runs = house.get("/api/v1/apps/home/runs").await;
    let journal = house.journal().await;
    for (run, release, step, words) in [
        (&runs[1], "v3-unhealthy", "probe", "calendar"),
        (&runs[0], "v6-crashes-on-boot", "probe", "BINS_CALENDAR_URL"),
    ] {
        assert_eq!(
            (&run["facts"]["release"], &run["state"]),
            (&release.into(), &"failed".into())
        );
        assert!(
            run["reason"].as_str().unwrap().contains("is not healthy"),
            "{run:#}"
        );
        assert!(run["output"].as_str().unwrap().contains(words), "{run:#}");
        let told = format!("The deploy of {release} failed at the step {step}: ");
        let told = journal
            .iter()
            .find(|text| text.starts_with(&told))
            .unwrap_or_else(|| panic!("{journal:#?}"));
        assert!(told.ends_with("v1 is live on blue, as before."), "{told}");
    }
    let now = house.status().await;
    assert_eq!(
        (&now["apps"][0]["live"], &now["apps"][0]["release"]),
        (&"blue".into(), &"v1".into())
    );
    for same in ["pid", "since"] {
        assert_eq!(now["apps"][0]["colours"]["blue"][same], blue[same]);
    }
    assert_ne!(
        now["apps"][0]["colours"]["green"]["state"], "running",
        "{now:#}"
    );
    let told_to_go = load.so_far().told_to_go;
    assert_eq!(told_to_go, 0, "no stream had to come again");
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    let tally = load.stop().await;
    tally.nothing_failed();
    house.stop().await;
    tally.is_in_exactly_once(&house.database());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_live_release_that_is_killed_costs_only_what_it_had_in_hand() {
    let mut house = House::start().await;
    let load = Load::begin(
        house.app(),
        Mix {
            streams: 0,
            ..Mix::EVERYTHING
        },
    );
    load.until_answered(20).await;
    let mut gone = Vec::new();
    for restarts in 1..=4 {
        gone.push(kill_live(&house).await);
        house
            .until(|status| {
                let blue = &status["apps"][0]["colours"]["blue"];
                blue["restarts"] == restarts && blue["state"] == "running"
            })
            .await;
        load.until_answered(20).await;
    }
    let tally = load.stop().await;
    tally.lost_only_what_was_in_hand(&gone);
    let journal = house.journal().await;
    let crashes = journal.iter().filter(|text| {
        text.starts_with(
            "The live colour blue (v1) was killed by SIGKILL; it is being started again.",
        )
    });
    assert_eq!(crashes.count(), 4, "{journal:#?}");
    let back = journal
        .iter()
        .filter(|text| text.starts_with("The live colour blue (v1) answers again, after "));
    assert_eq!(back.count(), 4, "{journal:#?}");
    house.stop().await;
    tally.is_in_exactly_once(&house.database());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_live_release_that_is_killed_as_soon_as_it_is_back_comes_back_again() {
    let house = House::start().await;
    for _ in 0..6 {
        kill_live(&house).await;
        // Again in the instant in which it answers: the supervisor may still be noting that it is back.
        until("it is back", async || {
            match answers(house.colour("blue")).await {
                true => Ok(()),
                false => Err(house.journal().await),
            }
        })
        .await;
    }
    house
        .until(|status| status["apps"][0]["colours"]["blue"]["state"] == "running")
        .await;
    assert!(answers(house.app()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_warm_colour_takes_over_when_the_live_one_does_not_come_back() {
    let mut house = House::start().await;
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    let load = Load::begin(
        house.app(),
        Mix {
            streams: 0,
            ..Mix::EVERYTHING
        },
    );
    load.until_answered(20).await;
    std::fs::remove_file(house.folder().join("releases/v2/release.toml")).unwrap();
    let gone = kill_live(&house).await;
    house
        .until(|status| status["apps"][0]["live"] == "blue" && status["apps"][0]["release"] == "v1")
        .await;
    load.until_answered(30).await;
    let tally = load.stop().await;
    tally.lost_only_what_was_in_hand(&[gone]);
    tally.was_answered_by(&["v1", "v2"]);
    let journal = house.journal().await;
    assert!(
        journal
            .iter()
            .any(|text| text.contains("so blue (v1), still warm, took over")),
        "{journal:#?}"
    );
    house.stop().await;
    tally.is_in_exactly_once(&house.database());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_damaged_snapshot_is_not_restored_and_nothing_is_touched() {
    let mut house = House::start().await;
    let load = Load::begin(
        house.app(),
        Mix {
            streams: 0,
            ..Mix::EVERYTHING
        },
    );
    load.until_answered(20).await;
    let snapshot = backup(&house);
    let file = snapshot_file(&house, &snapshot);
    let manifest = file.with_file_name(format!("{snapshot}.json"));
    let (whole, said_of_it) = (
        std::fs::read(&file).unwrap(),
        std::fs::read(&manifest).unwrap(),
    );
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    let mut as_long = whole.clone();
    as_long.fill(b'x');
    let damages: [(&str, Vec<u8>); 6] = [
        ("one byte flipped", flipped),
        ("not gzip, and as long as it should be", as_long),
        ("cut short", whole[..whole.len() / 3].to_vec()),
        (
            "not gzip",
            b"this is not gzip, whatever its name says".repeat(100),
        ),
        (
            "gzip of something else",
            gzip(&b"this is not a database\n".repeat(1000)),
        ),
        ("gone", Vec::new()),
    ];
    let before = house.status().await;
    assert!(before["apps"][0]["colours"]["blue"]["pid"].is_i64());
    for (what, bytes) in damages {
        std::fs::remove_file(&file).unwrap();
        if what != "gone" {
            std::fs::write(&file, bytes).unwrap();
        }
        let said = house.tealkeep(["restore", "home", &snapshot]);
        println!("{what}: {}", said.stderr);
        let told = ["is damaged", "can't be restored: "]
            .iter()
            .any(|words| said.stderr.contains(words));
        assert!(
            said.code == 1 && told && said.stderr.contains(&snapshot),
            "{what}: {said:#?}"
        );
        assert_eq!(load.so_far().told_to_go, 0);
        // Whoever asked hears of the end an instant before the next one may begin.
        let after = house.until_quiet().await;
        let (before, after) = (&before["apps"][0], &after["apps"][0]);
        for same in ["live", "release", "run"] {
            assert_eq!(after[same], before[same], "{what}");
        }
        assert_eq!(
            after["colours"]["blue"]["pid"], before["colours"]["blue"]["pid"],
            "{what}"
        );
        assert_eq!(after["traffic"]["held_now"], 0, "{what}");
        load.until_answered(10).await;
    }
    std::fs::write(&file, &whole).unwrap();
    std::fs::remove_file(&manifest).unwrap();
    let said = house.tealkeep(["restore", "home", &snapshot]).fails_with(1);
    assert!(said.stderr.contains("manifest"), "{said:#?}");

    // Nothing about the snapshot was wrong but the damage.
    std::fs::write(&manifest, said_of_it).unwrap();
    let tally = load.stop().await;
    tally.nothing_failed();
    tally.is_in_exactly_once(&house.database());
    house.tealkeep(["restore", "home", &snapshot]).succeeds();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_directory_is_copied_in_and_a_release_that_is_not_there_is_named_beside_those_that_are() {
    let house = House::start().await;
    let mine = house.folder().join("mine-7");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(house.folder().join("releases/v2"))
        .arg(&mine)
        .status();
    assert!(copied.unwrap().success());
    house
        .tealkeep(["deploy".as_ref(), "home".as_ref(), mine.as_os_str()])
        .succeeds();
    let status = house.status().await;
    assert_eq!(
        (&status["apps"][0]["release"], &status["apps"][0]["live"]),
        (&"mine-7".into(), &"green".into())
    );
    std::fs::remove_dir_all(&mine).unwrap();
    assert!(
        house
            .folder()
            .join("releases/mine-7/release.toml")
            .is_file()
    );
    assert!(answers(house.app()).await);

    let said = house.tealkeep(["deploy", "home", "v99"]).fails_with(2);
    for known in ["v99", "v1", "v2", "v3-unhealthy", "mine-7"] {
        assert!(said.stderr.contains(known), "{said:#?}");
    }
    house
        .tealkeep(["deploy".as_ref(), "home".as_ref(), mine.as_os_str()])
        .fails_with(2);
}

/// Takes a snapshot, and returns its id.
pub fn backup(house: &House) -> String {
    house
        .tealkeep(["backup", "home", "--json"])
        .succeeds()
        .json()["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Where a snapshot lies.
pub fn snapshot_file(house: &House, snapshot: &str) -> PathBuf {
    house
        .backups()
        .join("snapshots")
        .join(format!("{snapshot}.sqlite.gz"))
}

/// Whether an app's page comes at once.
async fn answers(at: std::net::SocketAddr) -> bool {
    let asked = reqwest::get(format!("http://{at}/healthz")).await;
    asked.is_ok_and(|answer| answer.status() == 200)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn written_by(tally: &Tally, colour: &str) -> BTreeSet<String> {
    tally
        .written
        .iter()
        .filter(|written| written.colour == colour)
        .map(|written| written.id.clone())
        .collect()
}

/// Kills what is live with SIGKILL, and waits until it is gone for certain.
async fn kill_live(house: &House) -> Killed {
    let status = house
        .until(|status| {
            let live = status["apps"][0]["live"].as_str().unwrap();
            status["apps"][0]["colours"][live]["pid"].is_i64()
        })
        .await;
    let live = status["apps"][0]["live"].as_str().unwrap();
    let pid = status["apps"][0]["colours"][live]["pid"].as_i64().unwrap();
    let pid = i32::try_from(pid).unwrap();
    let process = rustix::process::Pid::from_raw(pid).unwrap();
    let signalled = Instant::now();
    // It may be gone already, if this is the second time.
    let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
    until_gone(pid).await;
    (signalled, Instant::now())
}
