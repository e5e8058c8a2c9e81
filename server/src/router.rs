//! What new requests are sent to.

pub mod gate;
