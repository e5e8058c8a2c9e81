//! What is shown of an app besides what its parts answer when asked. It is one value: pages read it, and whoever waits for a
//! change subscribes to it.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::journal::runs::{Kind, RunId};
use crate::names::Colour;

/// How many of the lines that a preparation printed are kept.
const LINES_KEPT: usize = 200;

/// How many of them stand in the status.
const LINES_SHOWN: usize = 10;

/// What is shown of an app.
#[derive(Debug, Clone, Default)]
pub struct AppStatus {
    /// The run under way, if one is.
    pub underway: Option<Underway>,
    /// What the newest run's preparation printed.
    pub printed: Printed,
    /// The colour that is kept warm, and until when.
    pub warm: Option<(Colour, Timestamp)>,
    /// What is wrong with the live colour, as the last look found it.
    pub unhealthy_reason: Option<String>,
    /// What is wrong with the router, as it was last proved.
    pub misrouted_reason: Option<String>,
    /// How often Tealkeep restarted each colour, blue first.
    pub restarts: [u32; 2],
}

/// A run under way.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Underway {
    /// Its number; 0 in the instant before the journal has given it one.
    pub run: RunId,
    /// What it is for.
    pub kind: Kind,
    /// Of which release or snapshot.
    pub subject: String,
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// The last lines that its preparation has printed, oldest first.
    #[serde(default)]
    pub output: Vec<String>,
}

/// What a run's preparation has printed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Printed {
    /// Which run; 0 for none.
    pub run: RunId,
    /// How many lines there were before those that are kept.
    pub before: u64,
    /// The newest lines, oldest first.
    pub lines: VecDeque<String>,
}

impl Printed {
    /// Keeps a line that a run's preparation printed; those of an earlier run go.
    pub(super) fn push(&mut self, run: RunId, line: String) {
        if self.run != run {
            *self = Printed {
                run,
                ..Printed::default()
            };
        }
        if self.lines.len() >= LINES_KEPT {
            self.lines.pop_front();
            self.before += 1;
        }
        self.lines.push_back(line);
    }
}

impl AppStatus {
    /// The run under way, with the last lines that its preparation printed.
    #[must_use]
    pub fn underway_with_output(&self) -> Option<Underway> {
        let underway = self.underway.clone()?;
        let mut output = Vec::new();
        if self.printed.run == underway.run {
            let lines = &self.printed.lines;
            let skip = lines.len().saturating_sub(LINES_SHOWN);
            output.extend(lines.iter().skip(skip).cloned());
        }
        Some(Underway { output, ..underway })
    }

    /// What a run's preparation has printed; nothing where that is another run's.
    #[must_use]
    pub fn printed_by(&self, run: RunId) -> Printed {
        match self.printed.run == run {
            true => self.printed.clone(),
            false => Printed::default(),
        }
    }
}
