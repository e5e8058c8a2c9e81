//! What one datagram of Caddy says: an entry of its access log as JSON, of which everything about the request itself has been
//! removed. Pure; whatever is no such entry is nothing.

use serde::Deserialize;

/// The longest datagram that can be a report, in bytes; Caddy's have about 130.
pub(super) const MAX_BYTES: usize = 1024;

/// The status of a request whose client went away, in Caddy 2.7 and later.
const CLIENT_GONE: u16 = 499;

/// One request that Caddy is done with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Report {
    /// When it began, in seconds since 1970.
    pub(super) began: f64,
    /// When it ended.
    pub(super) ended: f64,
    pub(super) outcome: Outcome,
}

/// What the user got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It says nothing about the app: the client went away, or a WebSocket ended.
    Uncounted,
    /// An answer of the app.
    Answered,
    /// A 5xx answer of the app.
    Error,
    /// Caddy's own 502 to 504, because the app gave no answer.
    Unanswered,
}

#[derive(Deserialize)]
struct Entry {
    /// When it was written: at the request's end.
    ts: f64,
    /// In seconds.
    duration: f64,
    status: u16,
    /// Of the body, in bytes.
    size: u64,
}

impl Report {
    /// Reads a datagram; `None` if it is no report.
    pub(super) fn read(datagram: &[u8]) -> Option<Report> {
        if datagram.len() > MAX_BYTES {
            return None;
        }
        let entry: Entry = serde_json::from_slice(datagram).ok()?;
        let is_possible = entry.ts > 0.0 && entry.duration >= 0.0;
        Some(Report {
            began: entry.ts - entry.duration,
            ended: entry.ts,
            outcome: is_possible.then(|| outcome(entry.status, entry.size))??,
        })
    }
}

fn outcome(status: u16, size: u64) -> Option<Outcome> {
    Some(match status {
        // Caddy 2.6 logs 0 for a client that went away and for a WebSocket.
        0 | CLIENT_GONE => Outcome::Uncounted,
        100..=199 => Outcome::Uncounted,
        // What Caddy answers by itself has no body.
        502..=504 if size == 0 => Outcome::Unanswered,
        500..=599 => Outcome::Error,
        200..=999 => Outcome::Answered,
        _ => return None,
    })
}
