//! The gate: Tealkeep's own reverse proxy.
