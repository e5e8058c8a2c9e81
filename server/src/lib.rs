//! Tealkeep's supervisor: snapshots, blue/green deploys and restores of household web apps, and the
//! HTTP API and dashboard that show them. `ARCHITECTURE.md` is the map of this library.

// They panic where nobody reads any more.
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod beside;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod deploy;
pub mod doctor;
pub mod http;
pub mod journal;
pub mod keys;
mod memory;
pub mod notify;
pub mod prepare;
pub mod probe;
pub mod pulls;
pub mod router;
pub mod runtime;
pub mod supervisor;
pub mod units;

use tealkeep_base::tree;

pub use tealkeep_backup as backup;
pub use tealkeep_base::{admission, durable, exec, faults, forwarded, schedule};
pub use tealkeep_policy as policy;
pub use tealkeep_words::names;
