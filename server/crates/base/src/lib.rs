//! What every part of Tealkeep stands on: files that appear whole, folders walked by descriptors, child commands with a
//! deadline, the clock and the schedule, limits on what strangers may hold.

pub mod admission;
pub mod clock;
pub mod durable;
pub mod exec;
pub mod faults;
pub mod forwarded;
pub mod schedule;
pub mod tree;
