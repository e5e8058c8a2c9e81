//! What is wrong, which notices were sent about it, and a test message.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::server::Shared;
use crate::house::address_of;
use crate::journal::Journal;
use crate::journal::notices::Notice;
use crate::notify::{Channel, Message, send};

/// How many notices one answer holds of those that are well again.
const MAX_RECENT: u32 = 100;

/// What is wrong, and what was.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Notices {
    /// What is wrong now, the oldest first.
    pub open: Vec<Notice>,
    /// What is well again, newest first.
    pub recent: Vec<Notice>,
    /// How many messages are waiting to be sent, calls of heartbeats among them.
    pub undelivered: u64,
}

/// What came of a test of one channel.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    /// The channel: `webhook` or `ntfy`.
    pub channel: String,
    /// The host that was asked; the rest of the address is as good as a password.
    pub host: String,
    /// Whether it was taken.
    pub sent: bool,
    /// What came back, in words that continue "the host …".
    pub said: String,
}

/// `GET /api/v1/notices`
pub async fn list(State(server): Shared) -> Result<Json<Notices>, Problem> {
    let open = server.house.journal.open_notices().await?;
    let mut recent = server.house.journal.notices(MAX_RECENT).await?;
    recent.retain(|notice| notice.cleared_at.is_some());
    Ok(Json(Notices {
        open,
        recent,
        undelivered: server.house.journal.undelivered().await?,
    }))
}

/// `POST /api/v1/notify/test`: through every channel at once, each with its own deadline.
pub async fn test(State(server): Shared) -> Result<Json<Vec<Tried>>, Problem> {
    let now = server.house.clock.now();
    let link = address_of(&server.house.config.dashboard).map(|address| format!("{address}/"));
    let body = serde_json::to_string(&Message::test(now, link)?).map_err(anyhow::Error::from)?;
    let channels = Channel::for_messages(&server.house.config.notify);
    let tried = channels.iter().map(|channel| attempt(channel, &body, now));
    Ok(Json(futures_util::future::join_all(tried).await))
}

async fn attempt(channel: &Channel, body: &str, now: Timestamp) -> Tried {
    let answered = match channel.request(body, now) {
        Ok(request) => send::send(request, send::DEADLINE).await,
        Err(why) => Err(format!("was not asked: {why}")),
    };
    Tried {
        channel: channel.name(),
        host: channel.address().host().to_owned(),
        sent: answered.is_ok(),
        said: match answered {
            Ok(status) => format!("took it ({status})"),
            Err(why) => why,
        },
    }
}

/// What Prometheus is told of them.
///
/// # Errors
/// The journal can't be read.
pub async fn metrics(journal: &Journal) -> anyhow::Result<String> {
    let open = journal.open_notices().await?.len();
    let undelivered = journal.undelivered().await?;
    Ok(format!(
        "# HELP tealkeep_notices_open What is wrong now, as notices.\n\
         # TYPE tealkeep_notices_open gauge\n\
         tealkeep_notices_open {open}\n\
         # HELP tealkeep_messages_undelivered Messages that wait to be sent.\n\
         # TYPE tealkeep_messages_undelivered gauge\n\
         tealkeep_messages_undelivered {undelivered}\n"
    ))
}
