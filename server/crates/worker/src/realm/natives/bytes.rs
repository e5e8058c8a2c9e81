//! Bytes as script sees them: searched, and as a string of one code unit each.

use rquickjs::{Ctx, Object, Result, TypedArray};

use super::define::define;
use crate::realm::convert::copied;

/// Adds `findBytes` and `binaryString`.
pub(super) fn add_bytes<'js>(host: &Object<'js>, ctx: &Ctx<'js>) -> Result<()> {
    define(
        host,
        ctx,
        "findBytes",
        move |bytes: TypedArray<'js, u8>, text: String, from: usize| find(&bytes, &text, from),
    )?;
    define(
        host,
        ctx,
        "binaryString",
        move |bytes: TypedArray<'js, u8>| -> String {
            copied(&bytes)
                .iter()
                .map(|byte| char::from(*byte))
                .collect()
        },
    )
}

/// Where a text begins at or after an index; -1 if it does not.
#[expect(
    unsafe_code,
    reason = "no script runs while the slice is borrowed, and copying a body for each search would be quadratic"
)]
fn find(bytes: &TypedArray<'_, u8>, text: &str, from: usize) -> f64 {
    // SAFETY: nothing can detach or resize the buffer before the search returns.
    let rest = unsafe { bytes.as_bytes() }
        .and_then(|bytes| bytes.get(from..))
        .unwrap_or_default();
    let found = rest
        .windows(text.len().max(1))
        .position(|window| window == text.as_bytes());
    #[expect(
        clippy::cast_precision_loss,
        reason = "a body is shorter than 2^53 bytes"
    )]
    found.map_or(-1.0, |index| (from + index) as f64)
}
