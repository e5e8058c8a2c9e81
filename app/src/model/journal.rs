//! What happened, in the past tense.

use jiff::Timestamp;

/// `GET /journal?app=&before=`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The app that is looked at; `None` for all.
    pub app: Option<String>,
    /// The events, newest first.
    pub events: Vec<Event>,
    /// The id to ask for with `before=` to see older ones; `None` at the beginning of time.
    pub older: Option<i64>,
    /// Whether newer ones were left out, because `before=` was given.
    pub newer: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// To which app; `None` for Tealkeep itself.
    pub app: Option<String>,
    /// How bad.
    pub severity: Severity,
    /// What, as a sentence.
    pub sentence: String,
    /// The id of the run that it belongs to.
    pub run: Option<String>,
}

/// How bad an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Info,
    /// Something was brought to a good end.
    Good,
    /// Somebody should look.
    Warning,
    /// Something broke.
    Error,
}
