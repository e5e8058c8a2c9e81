//! The base that every part of Tealkeep uses: atomic file writes, folders walked by descriptors, child commands with a
//! deadline, the clock and the schedule, limits for clients that have not signed in.

pub mod admission;
pub mod clock;
pub mod durable;
pub mod exec;
pub mod faults;
pub mod forwarded;
pub mod schedule;
pub mod tree;
