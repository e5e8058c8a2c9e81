//! A message, as a receiver gets it: a JSON document that every channel renders in its own way.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::house::{Condition, title};
use crate::journal::Severity;
use crate::journal::notices::Notice;
use crate::names::AppName;

/// What a message says of what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is wrong from now on.
    Raised,
    /// It is well again.
    Well,
    /// Nothing: somebody tries whether messages arrive.
    Test,
}

/// A message. Its JSON is what a webhook gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The same however often it is sent, and of no other message.
    pub id: String,
    /// Which app it concerns; null where it is the machine.
    pub app: Option<AppName>,
    /// What kind of thing it is about: a [`crate::house::Kind`], or `test`.
    pub kind: String,
    /// What it says of it.
    pub state: State,
    /// How grave it is.
    pub severity: Severity,
    /// In less than 60 characters.
    pub title: String,
    /// What happened and what to do, in sentences.
    pub text: String,
    /// When that was found.
    pub at: Timestamp,
    /// The name of the machine at home.
    pub host: String,
    /// Where the dashboard shows it, if it is known by which name that is reached.
    pub link: Option<String>,
}

impl Message {
    /// That something is wrong, and where the dashboard shows it.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn raised(
        condition: &Condition,
        link: Option<String>,
        at: Timestamp,
    ) -> anyhow::Result<Message> {
        Ok(Message {
            id: new_id()?,
            app: condition.key.app.clone(),
            kind: condition.key.kind.as_str().to_owned(),
            state: State::Raised,
            severity: condition.severity.into(),
            title: condition.title.clone(),
            text: condition.text.clone(),
            at,
            host: host(),
            link,
        })
    }

    /// That something is wrong still, of which a channel that is new has not heard.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn still(notice: &Notice) -> anyhow::Result<Message> {
        Ok(Message {
            id: new_id()?,
            app: notice.app.clone(),
            kind: notice.kind.as_str().to_owned(),
            state: State::Raised,
            severity: notice.severity,
            title: notice.title.clone(),
            text: notice.text.clone(),
            at: notice.raised_at,
            host: host(),
            link: notice.link.clone(),
        })
    }

    /// That it is well again; `since` is the instant from which on it was wrong, as a wall shows it.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn well(notice: &Notice, since: &str, at: Timestamp) -> anyhow::Result<Message> {
        Ok(Message {
            id: new_id()?,
            app: notice.app.clone(),
            kind: notice.kind.as_str().to_owned(),
            state: State::Well,
            severity: Severity::Good,
            title: title(notice.app.as_ref(), notice.kind.well()),
            text: format!(
                "This is over: \"{}\", which was told on {since}. Nothing is to be done.",
                notice.title
            ),
            at,
            host: host(),
            link: notice.link.clone(),
        })
    }

    /// That messages arrive.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn test(at: Timestamp, link: Option<String>) -> anyhow::Result<Message> {
        let host = host();
        Ok(Message {
            id: new_id()?,
            app: None,
            kind: "test".to_owned(),
            state: State::Test,
            severity: Severity::Info,
            title: title(None, &format!("Tealkeep on {host}: messages arrive")),
            text: "This is a test that somebody asked for. When something is wrong at home it is told here, once, and \
                   once more when it is well again."
                .to_owned(),
            at,
            host,
            link,
        })
    }
}

/// 128 random bits, with the prefix that Standard Webhooks suggests.
fn new_id() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
    Ok(format!("msg_{:032x}", u128::from_be_bytes(bytes)))
}

/// This machine's own name.
fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
