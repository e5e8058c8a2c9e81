//! Runs somebody else's service worker in an environment that behaves like a browser's, and reports what it did.
//! Requests go to a [`Host`], facts come back, and nothing is judged here.

pub mod child;
pub mod facts;
pub mod play;
pub mod realm;
pub mod sandbox;
pub mod wire;

pub use facts::*;
pub use realm::Realm;

/// The words that scripts compare messages and tags with, as [`Realm::words`] finds them.
#[must_use]
pub fn words<'a>(sources: impl Iterator<Item = &'a str>) -> Words {
    realm::find_words(sources)
}
