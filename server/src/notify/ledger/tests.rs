use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::task::Poll;

use proptest::prelude::*;

use super::*;
use crate::house::{Acknowledgement, sample};
use crate::journal::outgoing::Outgoing;
use crate::notify::message::State;

fn key(app: &str, kind: Kind, subject: &str) -> Key {
    Key {
        subject: subject.to_owned(),
        ..Key::of(&app.parse().unwrap(), kind)
    }
}

fn wrong(keys: &[Key]) -> Vec<Condition> {
    keys.iter().cloned().map(sample).collect()
}

fn settings(channels: &[&str]) -> Settings {
    Settings {
        channels: channels.iter().map(|name| (*name).to_owned()).collect(),
        apps: ["home", "garden"].map(|name| name.parse().unwrap()).into(),
        zone: TimeZone::UTC,
        dashboard: None,
    }
}

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

async fn told(journal: &Journal, channel: &str) -> Vec<(State, String)> {
    let mut told = Vec::new();
    loop {
        let waiting = journal.waiting(channel.to_owned()).await.unwrap();
        let Some(first) = waiting.first() else {
            return told;
        };
        let message: Message = serde_json::from_str(&first.body).unwrap();
        told.push((message.state, message.title));
        journal.note_sent(first.id, now()).await.unwrap();
    }
}

#[tokio::test]
async fn what_came_and_went_untold_is_told_in_both_halves_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let disk = key("home", Kind::Pull, "");
    let settings = settings(&["ntfy"]);
    for assessment in [wrong(std::slice::from_ref(&disk)), wrong(&[])] {
        settle(&journal, &assessment, &settings, now())
            .await
            .unwrap();
    }
    let states: Vec<_> = told(&journal, "ntfy")
        .await
        .into_iter()
        .map(|(state, _)| state)
        .collect();
    assert_eq!(states, [State::Raised, State::Well]);
}

#[tokio::test]
async fn a_newer_failed_deploy_takes_the_place_of_the_older_one_and_neither_is_well_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let settings = settings(&["ntfy"]);
    let (first, second) = (
        key("home", Kind::Deploy, "1"),
        key("home", Kind::Deploy, "2"),
    );
    for assessment in [wrong(&[first]), wrong(&[second]), wrong(&[])] {
        settle(&journal, &assessment, &settings, now())
            .await
            .unwrap();
    }
    let told = told(&journal, "ntfy").await;
    let titles: Vec<_> = told.iter().map(|(_, title)| title.as_str()).collect();
    assert_eq!(
        titles,
        ["Deploy 1", "Deploy 2", "home: the last run went well"]
    );
}

#[tokio::test]
async fn what_was_wrong_with_an_app_that_is_gone_is_over_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let settings = settings(&["ntfy"]);
    let stranger = wrong(&[key("shed", Kind::Snapshot, "")]);
    settle(&journal, &stranger, &settings, now()).await.unwrap();
    settle(&journal, &wrong(&[]), &settings, now())
        .await
        .unwrap();
    assert_eq!(journal.open_notices().await.unwrap(), []);
    assert_eq!(told(&journal, "ntfy").await.len(), 1);
}

#[tokio::test]
async fn a_channel_that_is_new_is_not_told_that_something_is_well_of_which_it_never_heard() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let something = wrong(&[key("home", Kind::Drill, "")]);
    settle(&journal, &something, &settings(&["ntfy"]), now())
        .await
        .unwrap();
    settle(
        &journal,
        &wrong(&[]),
        &settings(&["ntfy", "webhook"]),
        now(),
    )
    .await
    .unwrap();
    assert_eq!(told(&journal, "webhook").await, []);
    assert_eq!(told(&journal, "ntfy").await.len(), 2);
}

#[tokio::test]
async fn a_channel_that_is_new_is_told_once_what_is_wrong_already_and_then_that_it_is_well() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let [over, lasting] = [Kind::Pull, Kind::Drill].map(|kind| key("home", kind, ""));
    let settings = settings(&["ntfy", "webhook"]);
    let both = ["ntfy".to_owned(), "webhook".to_owned()];
    let ntfy = Settings {
        channels: both[..1].to_vec(),
        ..settings.clone()
    };
    for assessment in [
        wrong(&[over, lasting.clone()]),
        wrong(std::slice::from_ref(&lasting)),
    ] {
        settle(&journal, &assessment, &ntfy, now()).await.unwrap();
    }
    assert_eq!(told(&journal, "ntfy").await.len(), 3);
    for _ in 0..2 {
        catch_up(&journal, &both, now()).await.unwrap();
    }
    assert_eq!(told(&journal, "ntfy").await, []);
    let heard = told(&journal, "webhook").await;
    assert_eq!(heard, [(State::Raised, "Drill ".to_owned())]);
    catch_up(&journal, &both, now()).await.unwrap();
    settle(&journal, &wrong(&[]), &settings, now())
        .await
        .unwrap();
    for channel in ["ntfy", "webhook"] {
        let heard = told(&journal, channel).await;
        assert_eq!(heard.len(), 1, "{channel}: {heard:?}");
        assert_eq!(heard[0].0, State::Well);
    }
}

#[tokio::test]
async fn a_channel_that_was_none_for_a_while_is_told_what_it_had_not_heard_of() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let channels = ["ntfy".to_owned()];
    let something = wrong(&[key("home", Kind::Drill, "")]);
    settle(&journal, &something, &settings(&["ntfy"]), now())
        .await
        .unwrap();
    journal.keep_channels(Vec::new(), now()).await.unwrap();
    assert_eq!(journal.waiting("ntfy".to_owned()).await.unwrap(), []);
    journal
        .keep_channels(channels.to_vec(), now())
        .await
        .unwrap();
    catch_up(&journal, &channels, now()).await.unwrap();
    assert_eq!(told(&journal, "ntfy").await.len(), 1);
    // What it took is not told again.
    journal.keep_channels(Vec::new(), now()).await.unwrap();
    catch_up(&journal, &channels, now()).await.unwrap();
    assert_eq!(told(&journal, "ntfy").await, []);
}

#[tokio::test]
async fn what_waits_for_a_channel_that_is_down_for_ever_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let settings = settings(&["ntfy"]);
    for run in 0..120 {
        let newer = wrong(&[key("home", Kind::Deploy, &run.to_string())]);
        settle(&journal, &newer, &settings, now()).await.unwrap();
    }
    assert_eq!(journal.undelivered().await.unwrap(), 100);
    // Those that were let go are the oldest.
    let first = told(&journal, "ntfy").await.swap_remove(0);
    assert_eq!(first.1, "Deploy 20");
}

#[tokio::test]
async fn what_is_let_go_takes_along_that_it_is_well_again() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let settings = settings(&["ntfy"]);
    let mut keys = vec![key("home", Kind::Pull, "")];
    settle(&journal, &wrong(&keys), &settings, now())
        .await
        .unwrap();
    // Its end is the second message of a hundred and one.
    keys = (0..99)
        .map(|nth| key("home", Kind::Disk, &format!("{nth:02}")))
        .collect();
    settle(&journal, &wrong(&keys), &settings, now())
        .await
        .unwrap();
    let told = told(&journal, "ntfy").await;
    assert_eq!(told.len(), 99);
    assert!(told.iter().all(|(state, _)| *state == State::Raised));
}

#[tokio::test]
async fn what_gets_worse_is_told_anew_and_nobody_can_live_with_it_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let settings = settings(&["ntfy"]);
    let mut disk = sample(key("home", Kind::Pull, ""));
    let mut states = Vec::new();
    for (severity, acknowledged) in [
        (Severity::Warning, true),
        (Severity::Warning, true),
        (Severity::Failure, false),
        (Severity::Warning, false),
        (Severity::Hint, false),
    ] {
        disk.severity = severity;
        let all = std::slice::from_ref(&disk);
        settle(&journal, all, &settings, now()).await.unwrap();
        if states.is_empty() {
            let notice = journal.open_notices().await.unwrap().swap_remove(0);
            let by = Acknowledgement {
                at: now(),
                by: "the dashboard".to_owned(),
            };
            for is_first in [true, false] {
                let done = journal.acknowledge_notice(notice.id, severity, by.clone());
                assert_eq!(done.await.unwrap(), is_first);
            }
        }
        let open = journal.open_notices().await.unwrap();
        assert_eq!(
            open.iter().any(|notice| notice.acknowledged.is_some()),
            acknowledged,
            "{severity:?}"
        );
        let told = told(&journal, "ntfy").await;
        states.push(told.into_iter().map(|(state, _)| state).collect::<Vec<_>>());
    }
    let (raised, well) = (vec![State::Raised], vec![State::Well]);
    assert_eq!(states, [raised.clone(), vec![], raised, vec![], well]);
}

#[tokio::test]
async fn hints_and_what_has_not_lasted_are_left_to_the_pages() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let mut all = wrong(&[key("home", Kind::Pull, ""), key("home", Kind::Live, "")]);
    all[0].severity = Severity::Hint;
    all[1].is_lasting = false;
    let written = settle(&journal, &all, &settings(&["ntfy"]), now()).await;
    assert!(!written.unwrap());
    assert_eq!(journal.open_notices().await.unwrap(), []);
}

#[tokio::test]
async fn where_nothing_changes_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let settings = settings(&["ntfy"]);
    let something = wrong(&[key("home", Kind::Pull, "")]);
    settle(&journal, &something, &settings, now())
        .await
        .unwrap();
    let changes = || journal.with(|connection| Ok(connection.total_changes()));
    let before = changes().await.unwrap();
    for _ in 0..3 {
        assert!(
            !settle(&journal, &something, &settings, now())
                .await
                .unwrap()
        );
        journal.waiting("ntfy".to_owned()).await.unwrap();
    }
    assert_eq!(changes().await.unwrap(), before);
}

/// What happens to a try.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is taken, and that is written down.
    Taken,
    /// It is taken, and everything dies before that is written down.
    TakenThenKilled,
    /// It is not taken.
    Refused,
}

/// One look at the home: what is wrong, after how many steps it is cut off first, and what becomes of some tries.
#[derive(Debug, Clone)]
struct Look {
    wrong: Vec<usize>,
    cut_off_after: Option<usize>,
    fates: Vec<Fate>,
}

fn looks() -> impl Strategy<Value = Vec<Look>> {
    let fate = prop_oneof![
        Just(Fate::Taken),
        Just(Fate::TakenThenKilled),
        Just(Fate::Refused)
    ];
    let look = (
        proptest::sample::subsequence(vec![0, 1, 2, 3], 0..=4),
        proptest::option::of(0_usize..8),
        proptest::collection::vec(fate, 0..4),
    );
    let look = look.prop_map(|(wrong, cut_off_after, fates)| Look {
        wrong,
        cut_off_after,
        fates,
    });
    proptest::collection::vec(look, 1..8)
}

/// Lets a future go on for some steps and then drops it, as a process that dies there would.
async fn cut_off<T>(after: usize, future: impl Future<Output = T>) {
    let mut future = std::pin::pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls >= after {
            return Poll::Ready(());
        }
        polls += 1;
        future.as_mut().poll(context).map(drop)
    })
    .await;
}

/// A receiver: what it took, in order, and each once, by its id.
#[derive(Default)]
struct Receiver {
    seen: HashSet<String>,
    taken: Vec<Message>,
}

impl Receiver {
    fn take(&mut self, outgoing: &Outgoing) {
        let message: Message = serde_json::from_str(&outgoing.body).unwrap();
        if self.seen.insert(message.id.clone()) {
            self.taken.push(message);
        }
    }
}

async fn live_through(looks: Vec<Look>) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path()).unwrap();
    let keys = [
        key("home", Kind::Snapshot, ""),
        key("home", Kind::Drill, ""),
        key("garden", Kind::Snapshot, ""),
        key("garden", Kind::Pull, ""),
    ];
    let settings = settings(&["ntfy", "webhook"]);
    let mut receivers = [
        ("ntfy", Receiver::default()),
        ("webhook", Receiver::default()),
    ];
    let mut open: BTreeSet<usize> = BTreeSet::new();
    let mut expected: BTreeMap<usize, Vec<State>> = BTreeMap::new();
    for look in looks {
        let now_open: BTreeSet<usize> = look.wrong.iter().copied().collect();
        for raised in now_open.difference(&open) {
            expected.entry(*raised).or_default().push(State::Raised);
        }
        for cleared in open.difference(&now_open) {
            expected.entry(*cleared).or_default().push(State::Well);
        }
        open = now_open;
        let found = wrong(
            &look
                .wrong
                .iter()
                .map(|i| keys[*i].clone())
                .collect::<Vec<_>>(),
        );
        if let Some(after) = look.cut_off_after {
            cut_off(after, settle(&journal, &found, &settings, now())).await;
            journal = Journal::open(dir.path()).unwrap();
        }
        settle(&journal, &found, &settings, now()).await.unwrap();
        for (channel, receiver) in &mut receivers {
            for fate in &look.fates {
                let waiting = journal.waiting((*channel).to_owned()).await.unwrap();
                let Some(first) = waiting.first() else {
                    break;
                };
                match fate {
                    Fate::Taken => {
                        receiver.take(first);
                        journal.note_sent(first.id, now()).await.unwrap();
                    }
                    Fate::TakenThenKilled => receiver.take(first),
                    Fate::Refused => {
                        let next = Some(now());
                        journal
                            .note_unsent(first.id, now(), "no".to_owned(), next)
                            .await
                            .unwrap();
                    }
                }
            }
        }
    }
    for (channel, receiver) in &mut receivers {
        loop {
            let waiting = journal.waiting((*channel).to_owned()).await.unwrap();
            let Some(first) = waiting.first() else {
                break;
            };
            receiver.take(first);
            journal.note_sent(first.id, now()).await.unwrap();
        }
        for (index, key) in keys.iter().enumerate() {
            let of_key: Vec<State> = receiver
                .taken
                .iter()
                .filter(|message| message.app == key.app && message.kind == key.kind.as_str())
                .map(|message| message.state)
                .collect();
            let expected = expected.get(&index).cloned().unwrap_or_default();
            assert_eq!(of_key, expected, "{channel}: {key:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_and_goes_and_wherever_it_is_cut_off_each_is_told_once_and_in_order(looks in looks()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(live_through(looks));
    }
}
