//! Deploys, rollbacks, restores and undos of one app: one machine, one run at a time. [`App`] is what everything else asks;
//! what it does is in the files below.
//!
//! # Locks
//!
//! Whoever needs more than one takes them in this order:
//!
//! 1. the app's turn (`turn`), which a run holds from its beginning to its end;
//! 2. the right to take a snapshot (`data::Quiet`), which a restore holds on top of it;
//! 3. the colour lock (`health`), held while the live colour is started or stopped outside of a deploy's own steps.
//!
//! A check and a drill each hold a lock of their own, under which none of these is taken. What is shown is one
//! [`AppStatus`], which is changed and looked at without waiting for anybody.

mod adoptions;
mod app;
mod backups;
mod boot;
mod checks;
mod colour_control;
pub mod data;
mod drills;
mod health;
mod kinds;
mod refusal;
pub mod release;
mod requests;
mod runner;
mod schema;
mod startup;
mod status;
pub mod targets;
mod turn;
mod turns;
mod upkeep;
pub mod verdict;
mod warm;
mod warm_timer;

pub use app::{App, Parts};
pub use refusal::Refusal;
pub use status::{AppStatus, Printed, Underway};
