//! Runs somebody else's service worker in an environment that behaves as a browser's, and tells what it did.
//! It knows nothing of who asks: requests go to a [`Host`], facts come back, and nobody is judged here.

pub mod facts;
pub mod realm;

pub use facts::*;
pub use realm::Realm;
