//! The words of Tealkeep as plain data: names, runs and their steps, snapshots, findings, conditions. Everything else builds on
//! these, and they build on nothing.

pub mod condition;
pub mod finding;
pub mod names;
pub mod run;
pub mod size;
pub mod snapshot;
pub mod transition;
