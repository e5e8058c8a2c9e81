use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;

use super::*;
use crate::config::notify::{Address, NtfyConfig, WebhookConfig};
use crate::house::{Condition, Key, Kind, sample};
use crate::notify::message::Message;
use crate::notify::sign;

/// As the true one, a thousand times as fast and with few tries.
const QUICK: Backoff = Backoff {
    first: Duration::from_millis(10),
    longest: Duration::from_millis(40),
    give_up: Duration::from_millis(100),
    stale: None,
};
const PATIENCE: Duration = Duration::from_secs(60);

/// What the receiver answers next, after which it answers 204; none hangs for ever.
type Script = Arc<Mutex<VecDeque<Option<StatusCode>>>>;
type Seen = Arc<Mutex<Vec<(HeaderMap, String)>>>;

async fn receiver(script: &[Option<StatusCode>]) -> (SocketAddr, Seen) {
    let script: Script = Arc::new(Mutex::new(script.iter().copied().collect()));
    let seen = Seen::default();
    let answer = |Shared((script, seen)): Shared<(Script, Seen)>,
                  headers: HeaderMap,
                  body: String| async move {
        seen.lock().unwrap().push((headers, body));
        let next = script.lock().unwrap().pop_front();
        match next {
            Some(Some(status)) => status,
            Some(None) => std::future::pending().await,
            None => StatusCode::NO_CONTENT,
        }
    };
    let router = Router::new()
        .route("/{*any}", any(answer))
        .with_state((script, seen.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, seen)
}

struct House {
    dir: tempfile::TempDir,
    journal: Journal,
}

impl House {
    fn new() -> House {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("secret"),
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
        )
        .unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        House { dir, journal }
    }

    fn webhook(&self, at: SocketAddr) -> Post {
        self.post(Channel::Webhook(WebhookConfig {
            address: Address::parse(&format!("http://{at}/hook")).unwrap(),
            secret_file: self.dir.path().join("secret"),
        }))
    }

    fn ntfy(&self, at: SocketAddr) -> Post {
        self.post(Channel::Ntfy(NtfyConfig {
            address: Address::parse(&format!("http://{at}/home")).unwrap(),
            token_file: None,
        }))
    }

    fn post(&self, channel: Channel) -> Post {
        Post {
            journal: self.journal.clone(),
            channel,
            backoff: QUICK,
            deadline: PATIENCE,
            bell: Arc::new(Bell::new()),
            taken: Mutex::default(),
        }
    }

    /// Something is wrong, and is told by these.
    async fn raise(&self, channels: &[&str]) -> i64 {
        let key = Key::of(&"home".parse().unwrap(), Kind::Snapshot);
        let condition = Condition {
            title: "home: last night's snapshot failed".to_owned(),
            text: "It failed.".to_owned(),
            ..sample(key)
        };
        let now = Timestamp::now();
        let body = Message::raised(&condition, None, now).unwrap();
        let channels = channels.iter().map(|name| (*name).to_owned()).collect();
        let raised = self.journal.raise_notice(
            condition,
            None,
            now,
            channels,
            serde_json::to_string(&body).unwrap(),
        );
        raised.await.unwrap().unwrap().id
    }

    async fn until_nothing_waits(&self) {
        let began = Instant::now();
        while self.journal.undelivered().await.unwrap() > 0 {
            assert!(began.elapsed() < PATIENCE, "something still waits");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_message_that_is_not_taken_is_sent_again_under_the_same_id_until_it_is() {
    let house = House::new();
    let unavailable = Some(StatusCode::SERVICE_UNAVAILABLE);
    let moved = Some(StatusCode::TEMPORARY_REDIRECT);
    let (at, seen) = receiver(&[unavailable, moved]).await;
    house.raise(&["webhook"]).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(house.webhook(at).run(stop.clone()));
    house.until_nothing_waits().await;
    stop.cancel();
    running.await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for (headers, body) in seen.iter() {
        let header = |name: &str| headers[name].to_str().unwrap();
        assert_eq!(header(sign::ID), seen[0].0[sign::ID]);
        let sent_at: i64 = header(sign::TIMESTAMP).parse().unwrap();
        let key = crate::notify::secret::key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let sent_at = Timestamp::from_second(sent_at).unwrap();
        let right = sign::signature(&key, header(sign::ID), sent_at, body.as_bytes());
        assert_eq!(header(sign::SIGNATURE), right);
        let message: Message = serde_json::from_str(body).unwrap();
        assert_eq!(message.id, header(sign::ID));
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_keeps_no_other_channel_waiting_nor_the_end() {
    let house = House::new();
    let (hanging, _) = receiver(&[None]).await;
    let (at, seen) = receiver(&[]).await;
    house.raise(&["webhook", "ntfy"]).await;
    let stop = CancellationToken::new();
    let posts = [house.webhook(hanging), house.ntfy(at)];
    let running = posts.map(|post| tokio::spawn(post.run(stop.clone())));
    let began = Instant::now();
    while seen.lock().unwrap().is_empty() {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    for post in running {
        tokio::time::timeout(PATIENCE / 2, post)
            .await
            .unwrap()
            .unwrap();
    }
    // It is sent by the next start.
    assert_eq!(
        house
            .journal
            .waiting("webhook".to_owned())
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_try_has_a_deadline() {
    let house = House::new();
    let (at, seen) = receiver(&[None]).await;
    house.raise(&["ntfy"]).await;
    let post = Post {
        deadline: Duration::from_millis(50),
        ..house.ntfy(at)
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(post.run(stop.clone()));
    house.until_nothing_waits().await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_never_taken_is_given_up_with_its_end_and_the_journal_says_so_once() {
    let house = House::new();
    let gone = [Some(StatusCode::GONE); 50];
    let (at, seen) = receiver(&gone).await;
    let id = house.raise(&["ntfy"]).await;
    let well = Some("{}".to_owned());
    house
        .journal
        .clear_notice(id, Timestamp::now(), well)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(house.ntfy(at).run(stop.clone()));
    house.until_nothing_waits().await;
    let began = Instant::now();
    while house.journal.newest().await.unwrap().is_none() {
        assert!(began.elapsed() < PATIENCE, "the journal says nothing");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    running.await.unwrap();
    let tries = (1..).map_while(|n| QUICK.pause(n)).count() + 1;
    assert_eq!(seen.lock().unwrap().len(), tries);
    let events = house.journal.events(None, None, 9).await.unwrap();
    let said: Vec<_> = events.iter().map(|event| event.text.as_str()).collect();
    assert_eq!(
        said,
        [
            "A message could not be sent by ntfy for days, and was given up: 127.0.0.1 answered 410. `tealkeep notify` \
          tries it now."
        ]
    );
}

#[tokio::test]
async fn a_heartbeat_is_called_once_for_a_night_and_not_long_after_it() {
    let house = House::new();
    let (at, seen) = receiver(&[]).await;
    let address = Address::parse(&format!("http://{at}/ping/0b7f")).unwrap();
    let channel = Channel::Heartbeat("home".parse().unwrap(), address);
    let name = channel.name();
    let now = Timestamp::now();
    let call = |about: &str, at| house.journal.call_once(name.clone(), about.to_owned(), at);
    assert!(call("2026-11-21T033000Z", now).await.unwrap());
    assert!(!call("2026-11-21T033000Z", now).await.unwrap());
    let long_ago = now - SignedDuration::from_hours(2);
    assert!(call("2026-11-20T033000Z", long_ago).await.unwrap());
    let post = Post {
        backoff: Backoff::OF_HEARTBEATS,
        ..house.post(channel)
    };
    assert_eq!(post.round().await.unwrap(), None);
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert!(!call("2026-11-21T033000Z", now).await.unwrap());
    assert_eq!(house.journal.undelivered().await.unwrap(), 0);
}

#[tokio::test]
async fn a_clock_that_jumped_back_keeps_no_message_waiting_for_years() {
    let house = House::new();
    let (at, seen) = receiver(&[]).await;
    house.raise(&["ntfy"]).await;
    let waiting = house.journal.waiting("ntfy".to_owned()).await.unwrap();
    let ahead = Timestamp::now() + SignedDuration::from_hours(24 * 365);
    let failed = house.journal.note_unsent(
        waiting[0].id,
        Timestamp::now(),
        "no".to_owned(),
        Some(ahead),
    );
    failed.await.unwrap();
    house.ntfy(at).round().await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_taken_is_not_sent_again_while_the_journal_can_t_be_written() {
    let house = House::new();
    let (at, seen) = receiver(&[]).await;
    house.raise(&["ntfy"]).await;
    let connection = rusqlite::Connection::open(house.dir.path().join("journal.db")).unwrap();
    connection
        .execute_batch(
            "CREATE TRIGGER disk_is_full BEFORE UPDATE ON outgoing BEGIN SELECT raise(ABORT, 'the disk is full'); END",
        )
        .unwrap();
    let post = house.ntfy(at);
    for _ in 0..3 {
        let full = post.round().await.unwrap_err();
        assert!(format!("{full:#}").contains("the disk is full"), "{full:#}");
    }
    connection
        .execute_batch("DROP TRIGGER disk_is_full")
        .unwrap();
    assert_eq!(post.round().await.unwrap(), None);
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert_eq!(house.journal.undelivered().await.unwrap(), 0);
}
