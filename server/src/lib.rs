//! Tealkeep's supervisor: snapshots, blue/green deploys and restores of household web apps, and the
//! HTTP API and dashboard that show them. `ARCHITECTURE.md` is the map of this library.

// They panic where nobody reads any more.
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod admission;
pub mod backup;
pub mod beside;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod deploy;
pub mod doctor;
pub mod durable;
pub mod exec;
pub mod faults;
pub mod forwarded;
pub mod house;
pub mod http;
pub mod journal;
pub mod keys;
pub mod names;
pub mod notify;
pub mod policy;
pub mod prepare;
pub mod probe;
pub mod pulls;
pub mod router;
pub mod runtime;
pub mod schedule;
pub mod supervisor;
mod tree;
pub mod units;
