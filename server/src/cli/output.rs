//! What commands print on stdout.

use std::io::Write;

use serde::Serialize;

use super::outcome::Outcome;
use super::terminal;

/// Prints facts, as JSON or as text.
pub(super) fn print<T: Serialize>(json: bool, facts: &T, text: impl FnOnce() -> String) -> Outcome {
    let text = if json {
        let text = serde_json::to_string_pretty(facts).map_err(anyhow::Error::from)?;
        terminal::json(&text).into_owned()
    } else {
        text().trim_end().to_owned()
    };
    print_text(&text)
}

/// Prints a text and a line break. Control sequences that are not ours become U+FFFD.
pub(super) fn print_text(text: &str) -> Outcome {
    match writeln!(std::io::stdout(), "{}", terminal::text(text)) {
        // The reader has seen enough: `tealkeep status | head -1`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
