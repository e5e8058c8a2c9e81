//! The state that all workers of a gate share.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::config::GateConfig;
use super::heads::Heads;
use super::maintenance::Maintenance;
use super::switch::Switch;
use tealkeep_words::names::Colour;

/// What every worker of one gate reads.
pub(super) struct Shared {
    pub(super) config: GateConfig,
    pub(super) switch: Arc<Switch>,
    pub(super) heads: Heads,
    pub(super) maintenance: ArcSwap<Maintenance>,
}

impl Shared {
    pub(super) fn new(config: GateConfig, live: Colour) -> Shared {
        let head_budget = match config.trust_forwarded {
            true => config.head_budget.behind_a_proxy(),
            false => config.head_budget,
        };
        Shared {
            heads: Heads::new(head_budget, config.client_limit),
            config,
            switch: Arc::new(Switch::new(live)),
            maintenance: ArcSwap::from_pointee(Maintenance::default()),
        }
    }
}
