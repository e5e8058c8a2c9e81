//! Messages: whoever is configured hears once of what is wrong at home, and once more when it is well again. Nothing
//! ever waits for it.
//!
//! [`crate::house`] decides what is wrong, [`ledger`] writes it down with the messages that say so, and a [`Post`] for
//! each channel sends those. What came and went before it could be sent is sent all the same, both halves in their
//! order: it happened.

pub mod channel;
pub mod ledger;
pub mod message;
mod post;
pub(crate) mod secret;
pub mod send;
pub mod sign;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify as Bell;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::NotifyConfig;
use crate::house::facts::AppFacts;
use crate::house::{self, Judge};
use crate::journal::nights::Night;

pub use channel::{Backoff, Channel};
pub use message::{Message, State};
pub use post::Post;

/// How often it looks when nothing happens: apps that fail, nights that are missed and disks that fill up say nothing by
/// themselves.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// The pause between two looks while much happens.
const MIN_LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// How long it waits for what comes together, such as the steps of a run.
const SETTLE_TIME: Duration = Duration::from_millis(500);
/// A good night is called out within this time; later, silence is what is true.
const HEARTBEAT_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// Looks and tells until `stop`.
pub async fn run(judge: Arc<Judge>, config: NotifyConfig, stop: CancellationToken) {
    let house = &judge.house;
    let bell_of = |channel: Channel| (channel, Arc::new(Bell::new()));
    let messages: Vec<_> = Channel::for_messages(&config)
        .into_iter()
        .map(bell_of)
        .collect();
    let heartbeats: Vec<_> = house
        .apps
        .iter()
        .filter_map(|app| {
            let address = app.config.backup.heartbeat.clone()?;
            Some(Channel::Heartbeat(app.name().clone(), address))
        })
        .map(bell_of)
        .collect();
    let all = || messages.iter().chain(&heartbeats);
    let names = all().map(|(channel, _)| channel.name()).collect();
    let to_tell: Vec<String> = messages.iter().map(|(to, _)| to.name()).collect();
    let (journal, now) = (&house.journal, Timestamp::now());
    let ready = async {
        journal.keep_channels(names, now).await?;
        ledger::catch_up(journal, &to_tell, now).await
    };
    if let Err(error) = ready.await {
        tracing::error!("what waits to be told could not be made ready: {error:#}");
    }
    let posts = TaskTracker::new();
    for (channel, bell) in all() {
        let post = Post {
            journal: house.journal.clone(),
            backoff: channel.backoff(),
            channel: channel.clone(),
            deadline: send::DEADLINE,
            bell: bell.clone(),
            taken: Mutex::default(),
        };
        posts.spawn(post.run(stop.clone()));
    }
    posts.close();
    let watch = Watch {
        judge,
        messages,
        heartbeats,
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = watch.run() => {}
    }
    posts.wait().await;
}

type Belled = (Channel, Arc<Bell>);

/// What looks, again and again.
struct Watch {
    judge: Arc<Judge>,
    messages: Vec<Belled>,
    heartbeats: Vec<Belled>,
}

impl Watch {
    async fn run(self) {
        let mut journal = self.judge.house.journal.subscribe();
        let mut anew = true;
        loop {
            if let Err(error) = self.look(anew).await {
                tracing::error!("whether something is wrong could not be told: {error:#}");
            }
            let looked = Instant::now();
            anew = tokio::select! {
                // One that was missed is a sign as well.
                _ = journal.recv() => true,
                () = sleep_until(looked + LOOK_INTERVAL) => false,
            };
            if anew {
                sleep(SETTLE_TIME).await;
                sleep_until(looked + MIN_LOOK_INTERVAL).await;
                journal = journal.resubscribe();
            }
        }
    }

    async fn look(&self, anew: bool) -> anyhow::Result<()> {
        let house = &self.judge.house;
        let house::Judgement {
            facts, conditions, ..
        } = self.judge.look(anew).await?;
        for app in &facts.apps {
            if let Some(night) = &app.night {
                self.call_heartbeat(app, night, facts.now).await?;
            }
        }
        let settings = ledger::Settings {
            channels: self
                .messages
                .iter()
                .map(|(channel, _)| channel.name())
                .collect(),
            apps: house.apps.iter().map(|app| app.name().clone()).collect(),
            zone: facts.zone.clone(),
            dashboard: house::address_of(&house.config.dashboard),
        };
        if ledger::settle(&house.journal, &conditions, &settings, facts.now).await? {
            for (_, bell) in &self.messages {
                bell.notify_one();
            }
        }
        Ok(())
    }

    /// Has the heartbeat called of a night that is good, once.
    async fn call_heartbeat(
        &self,
        app: &AppFacts,
        night: &Night,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        let (Some(snapshot), None) = (night.snapshot, &night.failed) else {
            return Ok(());
        };
        if now.duration_since(night.at).abs() > HEARTBEAT_WITHIN {
            return Ok(());
        }
        for (channel, bell) in &self.heartbeats {
            if !matches!(channel, Channel::Heartbeat(of, _) if *of == app.name) {
                continue;
            }
            let journal = &self.judge.house.journal;
            if journal
                .call_once(channel.name(), snapshot.to_string(), now)
                .await?
            {
                bell.notify_one();
            }
        }
        Ok(())
    }
}
