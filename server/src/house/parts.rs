//! The supervised apps and what they share, for everything that looks after them without serving requests.

use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::config::Config;
use crate::deploy::App;
use crate::journal::Journal;
use crate::names::AppName;

/// The supervised apps and what they share.
pub struct House {
    /// The apps, in the order of the configuration.
    pub apps: Vec<Arc<App>>,
    /// The record of what happened.
    pub journal: Journal,
    /// The household's clock.
    pub clock: Clock,
    /// When this process began.
    pub started: Timestamp,
    /// What all of this was built from.
    pub config: Config,
}

impl House {
    /// The app of that name.
    #[must_use]
    pub fn app(&self, name: &AppName) -> Option<&Arc<App>> {
        self.apps.iter().find(|app| app.name() == name)
    }
}
