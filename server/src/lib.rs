//! Tealkeep's supervisor: snapshots, blue/green deploys and restores of household web apps, and the
//! HTTP API and dashboard that show them. `ARCHITECTURE.md` is the map of this library.

pub mod backup;
pub mod clock;
pub mod demo;
pub mod durable;
pub mod names;
pub mod router;
pub mod schedule;
