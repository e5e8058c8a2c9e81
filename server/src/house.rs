//! What is known of how an app does, gathered where it happens and kept in memory: how its requests went, how often its
//! live colour crashed, and how that answers its health check. These are facts; nothing here decides whether they are bad.

pub mod crashes;
pub mod health;
pub mod observed;
pub mod traffic;
