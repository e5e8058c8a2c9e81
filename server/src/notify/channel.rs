//! The ways to notify somebody: a webhook, an ntfy topic, and a heartbeat, which is called after each good night and only says
//! that there was one.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use hyper::body::Bytes;
use jiff::Timestamp;

use super::message::{Message, State};
use super::{secret, sign};
use crate::config::notify::{Address, NotifyConfig, NtfyConfig, WebhookConfig};
use crate::journal::Severity;
use crate::names::AppName;

/// How many bytes of a title go into one encoded word of a header; an encoded word has 75 characters at most
/// (RFC 2047, section 2).
const ENCODED_WORD_BYTES: usize = 45;

/// One way.
#[derive(Debug, Clone)]
pub enum Channel {
    /// Takes each message as JSON, signed.
    Webhook(WebhookConfig),
    /// Shows each message on the phones that subscribe to it.
    Ntfy(NtfyConfig),
    /// Is called after each good night of an app.
    Heartbeat(AppName, Address),
}

impl Channel {
    /// The ways that messages go.
    #[must_use]
    pub fn for_messages(config: &NotifyConfig) -> Vec<Channel> {
        let webhook = config.webhook.clone().map(Channel::Webhook);
        let ntfy = config.ntfy.clone().map(Channel::Ntfy);
        webhook.into_iter().chain(ntfy).collect()
    }

    /// What it is called in the journal: the same after a restart, whatever its address.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Channel::Webhook(_) => "webhook".to_owned(),
            Channel::Ntfy(_) => "ntfy".to_owned(),
            Channel::Heartbeat(app, _) => format!("heartbeat of {app}"),
        }
    }

    /// Where it leads; only the host of it may be shown.
    #[must_use]
    pub fn address(&self) -> &Address {
        match self {
            Channel::Webhook(webhook) => &webhook.address,
            Channel::Ntfy(ntfy) => &ntfy.address,
            Channel::Heartbeat(_, address) => address,
        }
    }

    /// How long it is tried.
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        match self {
            Channel::Webhook(_) | Channel::Ntfy(_) => Backoff::OF_MESSAGES,
            Channel::Heartbeat(..) => Backoff::OF_HEARTBEATS,
        }
    }

    /// The request that carries a message; a heartbeat carries none. Secrets are read now, so that they can be renewed.
    ///
    /// # Errors
    /// It can't be made, in words that continue "it could not be sent: ".
    pub fn request(&self, body: &str, now: Timestamp) -> Result<Request<Full<Bytes>>, String> {
        let agent = concat!("tealkeep/", env!("CARGO_PKG_VERSION"));
        let builder = Request::builder()
            .uri(self.address().uri().clone())
            .header(header::USER_AGENT, agent);
        let message = || {
            serde_json::from_str::<Message>(body)
                .map_err(|e| format!("the journal holds no message there: {e}"))
        };
        let built = match self {
            Channel::Heartbeat(..) => builder.body(Full::default()),
            Channel::Webhook(webhook) => {
                let key = secret::signing_key(&webhook.secret_file)
                    .map_err(|wrong| format!("{} {wrong}", webhook.secret_file.display()))?;
                let id = message()?.id;
                builder
                    .method(http::Method::POST)
                    .header(header::CONTENT_TYPE, "application/json")
                    .header(sign::TIMESTAMP, now.as_second())
                    .header(
                        sign::SIGNATURE,
                        sign::signature(&key, &id, now, body.as_bytes()),
                    )
                    .header(sign::ID, id)
                    .body(Full::from(body.to_owned()))
            }
            Channel::Ntfy(ntfy) => {
                let message = message()?;
                let (priority, tag) = look(&message);
                let mut builder = builder
                    .method(http::Method::POST)
                    .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
                    .header("Title", encoded(&message.title))
                    .header("Priority", priority)
                    .header("Tags", tag);
                if let Some(link) = &message.link {
                    builder = builder.header("Click", link);
                }
                if let Some(file) = &ntfy.token_file {
                    let token = secret::token(file)
                        .map_err(|wrong| format!("{} {wrong}", file.display()))?;
                    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                        .map_err(|_| format!("{} holds no token", file.display()))?;
                    value.set_sensitive(true);
                    builder = builder.header(header::AUTHORIZATION, value);
                }
                builder.body(Full::from(message.text))
            }
        };
        built.map_err(|e| format!("it can't be asked for: {e}"))
    }
}

/// How a phone shows a message: ntfy's priority, 1 to 5 with 3 the usual, and an emoji by its short code
/// (<https://docs.ntfy.sh/publish/>, "Message priority" and "Tags & emojis").
fn look(message: &Message) -> (&'static str, &'static str) {
    match (message.state, message.severity) {
        (State::Raised, Severity::Bad) => ("4", "rotating_light"),
        (State::Raised, _) => ("3", "warning"),
        (State::Well, _) => ("3", "white_check_mark"),
        (State::Test, _) => ("3", "bell"),
    }
}

/// A text as a header can carry it: itself where it is ASCII, otherwise as encoded words (RFC 2047), which ntfy reads.
fn encoded(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let mut words: Vec<String> = vec![String::new()];
    for character in text.chars() {
        if words
            .last()
            .is_some_and(|word| word.len() + character.len_utf8() > ENCODED_WORD_BYTES)
        {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(character);
        }
    }
    words
        .iter()
        .map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// When something that was not taken is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first try; each further one is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// For how long it is tried, counted in pauses: a clock that jumps changes nothing.
    pub give_up: Duration,
    /// How old it may be to be sent at all, where an old one would say something wrong.
    pub stale: Option<Duration>,
}

impl Backoff {
    /// Messages: for three days.
    pub const OF_MESSAGES: Backoff = Backoff {
        first: Duration::from_secs(60),
        longest: Duration::from_secs(3600),
        give_up: Duration::from_secs(3 * 24 * 3600),
        stale: None,
    };
    /// Heartbeats: within the hour. One that comes later would hide that the night was not heard of in time.
    pub const OF_HEARTBEATS: Backoff = Backoff {
        first: Duration::from_secs(60),
        longest: Duration::from_secs(600),
        give_up: Duration::from_secs(3600),
        stale: Some(Duration::from_secs(3600)),
    };

    /// The pause after the try of this number, counted from 1; none where that was the last.
    #[must_use]
    pub fn pause(&self, tries: u32) -> Option<Duration> {
        let after = |tries: u32| {
            let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
            self.first.saturating_mul(doubled).min(self.longest)
        };
        let mut waited = Duration::ZERO;
        for earlier in 1..tries {
            waited = waited.saturating_add(after(earlier));
            if waited >= self.give_up {
                return None;
            }
        }
        let pause = after(tries);
        (waited.saturating_add(pause) <= self.give_up).then_some(pause)
    }
}

#[cfg(test)]
mod tests;
