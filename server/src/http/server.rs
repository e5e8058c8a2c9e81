//! What every handler can reach.

use std::sync::Arc;

use axum::extract::State;
use tokio_util::sync::CancellationToken;

use super::auth::Auth;
use crate::admission::{Admission, Limits};
use crate::house::{House, Judge};

/// What every handler can reach.
pub struct Server {
    /// The apps, the journal and the configuration.
    pub house: Arc<House>,
    /// Decides whether all is well.
    pub judge: Arc<Judge>,
    /// Who may sign in.
    pub auth: Auth,
    /// The open event streams, counted by their owners.
    pub streams: Admission<String>,
    /// Ends what would otherwise go on for ever, such as event streams.
    pub stop: CancellationToken,
}

/// The server, as handlers get it.
pub type Shared = State<Arc<Server>>;

/// How many event streams may be open, and how many of one browser or token. A page holds one, and browsers hold no more
/// than six connections to one host.
pub const STREAMS: Limits = Limits {
    places: 64,
    per_network: 8,
};
