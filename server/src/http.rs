//! The HTTP side: the dashboard's pages, the API and the event stream, over TCP for browsers and over
//! a unix socket for the command line. Which route asks for what is one table, `routes`.

pub mod adopt;
pub mod api;
pub mod auth;
mod body_deadline;
pub mod checks;
pub mod conditions;
mod console;
mod cookies;
mod events;
mod guard;
pub mod incoming;
pub mod listen;
pub mod loss;
pub mod notices;
mod openapi;
mod pages;
mod peer;
pub mod plan;
mod problem;
pub mod routes;
pub mod tokens;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::admission::{Admission, Limits};
use crate::clock::Clock;
use crate::config::{Config, Dashboard, NotifyConfig};
use crate::deploy::App;
use crate::house::Judge;
use crate::journal::Journal;
use crate::names::AppName;
use auth::Auth;

/// What every handler can reach.
pub struct Server {
    /// Decides whether all is well.
    pub judge: Judge,
    /// The supervised apps, in the order of the configuration.
    pub apps: Vec<Arc<App>>,
    /// The record of what happened.
    pub journal: Journal,
    /// Who may come in.
    pub auth: Auth,
    /// The household's clock.
    pub clock: Clock,
    /// Where the dashboard is, and by which names.
    pub dashboard: Dashboard,
    /// Who is told when something is wrong.
    pub notify: NotifyConfig,
    /// When this process began.
    pub started: Timestamp,
    /// Where laptops leave word of their pulls.
    pub spool: PathBuf,
    /// What all of this was built from.
    pub config: Config,
    /// The event streams that are open, counted by whose they are.
    pub streams: Admission<String>,
    /// Ends what would otherwise go on for ever, such as event streams.
    pub stop: CancellationToken,
}

/// How many event streams may be open, and how many of one browser or token. A page holds one, and browsers hold no more
/// than six connections to one host.
pub const STREAMS: Limits = Limits {
    places: 64,
    per_network: 8,
};

impl Server {
    /// The app of that name.
    #[must_use]
    pub fn app(&self, name: &AppName) -> Option<&Arc<App>> {
        self.apps.iter().find(|app| app.name() == name)
    }
}
