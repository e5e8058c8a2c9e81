//! The largest bodies that are accepted.

/// The largest form or JSON body that is accepted.
pub const BODY_LIMIT_BYTES: usize = 64 * 1024;

/// The largest form that is accepted from somebody who is not signed in: two passwords and an address, encoded.
pub const OPEN_BODY_LIMIT_BYTES: usize = 8 * 1024;
