//! The app's log, on standard output.

use std::io::Write;

/// Writes one line for people and for the supervisor's journal.
pub(super) fn log(line: &str) {
    // When nobody reads the pipe any more, the app has work to do all the same.
    let _ = writeln!(std::io::stdout(), "home: {line}");
}
