//! A hash per row that tells types apart, and sums of them that have no order.

use rusqlite::types::ValueRef;

/// A sum of hashes: the same rows in any order have the same sum, and sums can be subtracted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum(u128);

impl Sum {
    /// Adds a row.
    pub fn add(&mut self, hash: [u8; 16]) {
        self.0 = self.0.wrapping_add(u128::from_le_bytes(hash));
    }

    /// What came on top of an earlier sum.
    #[must_use]
    pub fn since(self, earlier: Sum) -> Sum {
        Sum(self.0.wrapping_sub(earlier.0))
    }
}

/// The hash of a row's values, each with its type and length.
pub fn hash<'a>(values: impl IntoIterator<Item = ValueRef<'a>>) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    let mut part = |tag: u8, bytes: &[u8]| {
        let mut head = [tag; 9];
        head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&head);
        hasher.update(bytes);
    };
    for value in values {
        match value {
            ValueRef::Null => part(0, &[]),
            ValueRef::Integer(n) => part(1, &n.to_le_bytes()),
            // There are two zeros.
            ValueRef::Real(n) => part(2, &(n + 0.0).to_bits().to_le_bytes()),
            ValueRef::Text(text) => part(3, text),
            ValueRef::Blob(bytes) => part(4, bytes),
        }
    }
    let mut hash = [0; 16];
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    hash
}
