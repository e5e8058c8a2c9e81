//! The words of Tealkeep as plain data: names, runs and their steps, snapshots, findings. Everything else builds on
//! these, and they build on nothing.

pub mod finding;
pub mod names;
pub mod run;
pub mod snapshot;
pub mod transition;
