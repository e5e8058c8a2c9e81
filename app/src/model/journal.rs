//! What happened, in the past tense.

use jiff::Timestamp;

/// `GET /journal?app=&before=`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The app whose events are shown; `None` for all.
    pub app: Option<String>,
    /// The events, newest first.
    pub events: Vec<Event>,
    /// The `before=` of the next older page; `None` on the last page.
    pub older: Option<i64>,
    /// Whether newer events were left out because of `before=`.
    pub newer: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The app; `None` for Tealkeep itself.
    pub app: Option<String>,
    /// How severe it is.
    pub severity: Severity,
    /// What happened, as a sentence.
    pub sentence: String,
    /// The id of the run that it belongs to.
    pub run: Option<String>,
}

/// How severe an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing unusual.
    Info,
    /// Something succeeded.
    Good,
    /// Somebody should look.
    Warning,
    /// Something broke.
    Error,
}
