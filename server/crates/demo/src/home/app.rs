//! What the app's handlers and tasks share.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::assets::Assets;
use super::changes::Changes;
use super::faults::Faults;
use super::release::Release;
use super::settings::Settings;
use super::store::Store;
use tealkeep_base::clock::WallClock;

/// What every handler gets.
pub(super) type App = Arc<Home>;

/// What every handler shares.
pub(super) struct Home {
    pub(super) settings: Settings,
    pub(super) release: Release,
    pub(super) assets: Assets,
    pub(super) store: Store,
    pub(super) changes: Changes,
    pub(super) faults: Faults,
    pub(super) clock: WallClock,
    pub(super) shutdown: CancellationToken,
    /// WebSockets outlive their request, so that they are waited for here.
    pub(super) sockets: TaskTracker,
}
