//! What is shown of an app besides what its parts say when they are asked: one value, which whoever draws a page looks at
//! and whoever waits for a change subscribes to.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::App;
use super::step::Kind;
use crate::journal::runs::RunId;
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
    fn push(&mut self, run: RunId, line: String) {
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

impl App {
    /// What is shown of it, now and whenever it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<AppStatus> {
        self.status.subscribe()
    }

    /// The run under way, if one is.
    #[must_use]
    pub fn underway(&self) -> Option<Underway> {
        let status = self.status.borrow();
        let underway = status.underway.clone()?;
        let mut output = Vec::new();
        if status.printed.run == underway.run {
            let lines = &status.printed.lines;
            let skip = lines.len().saturating_sub(LINES_SHOWN);
            output.extend(lines.iter().skip(skip).cloned());
        }
        Some(Underway { output, ..underway })
    }

    /// What a run's preparation has printed; nothing where that is another run's.
    #[must_use]
    pub fn printed(&self, run: RunId) -> Printed {
        let status = self.status.borrow();
        match status.printed.run == run {
            true => status.printed.clone(),
            false => Printed::default(),
        }
    }

    /// The colour that is kept warm, and until when.
    #[must_use]
    pub fn warm(&self) -> Option<(Colour, Timestamp)> {
        self.status.borrow().warm
    }

    /// What is wrong with the live colour, in words, if something is.
    #[must_use]
    pub fn ailment(&self) -> Option<String> {
        self.status.borrow().unhealthy_reason.clone()
    }

    /// What is wrong with the way to the live colour, in words, as the router was last proved.
    #[must_use]
    pub fn misrouted(&self) -> Option<String> {
        self.status.borrow().misrouted_reason.clone()
    }

    /// How often a colour was restarted after it had ended by itself.
    #[must_use]
    pub fn restarts(&self, colour: Colour) -> u32 {
        let own = self.status.borrow().restarts[colour as usize];
        // Where both look after a colour, both count the same ends.
        own.max(self.runtime.restarts(colour).unwrap_or_default())
    }

    pub(super) fn set_underway(&self, underway: Option<Underway>) {
        self.status.send_modify(|status| status.underway = underway);
    }

    /// Keeps a line that a run's preparation printed.
    pub(super) fn print_line(&self, run: RunId, line: String) {
        self.status
            .send_modify(|status| status.printed.push(run, line));
    }

    pub(super) fn set_ailment(&self, wrong: Option<String>) {
        self.status
            .send_modify(|status| status.unhealthy_reason = wrong);
    }

    /// Proves the router by a request that takes a user's way, and keeps what was found for [`App::misrouted`].
    pub(super) async fn prove_router(&self) -> Result<(), String> {
        let proved = self.router.prove().await;
        let wrong = proved.clone().err();
        self.status
            .send_modify(|status| status.misrouted_reason = wrong);
        proved
    }

    /// Counts a restart of a colour by Tealkeep.
    pub(super) fn count_restart(&self, colour: Colour) {
        self.status
            .send_modify(|status| status.restarts[colour as usize] += 1);
    }
}
