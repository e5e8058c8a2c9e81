//! The text of a Caddyfile, line by line.

use std::fmt::Write;
use std::time::Duration;

/// Lines, indented as `caddy fmt` does it.
#[derive(Default)]
pub(super) struct Page {
    pub(super) text: String,
    depth: usize,
}

impl Page {
    /// The width of a comment's line.
    pub(super) const WIDTH: usize = 110;

    pub(super) fn line(&mut self, line: &str) {
        let indent = "\t".repeat(self.depth);
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "{indent}{line}");
    }

    pub(super) fn blank(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(super) fn open(&mut self, head: &str) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
    }

    pub(super) fn close(&mut self) {
        if self.text.ends_with("\n\n") {
            self.text.pop();
        }
        self.depth -= 1;
        self.line("}");
    }

    /// A comment in whole sentences.
    pub(super) fn says(&mut self, text: &str) {
        let mut line = "#".to_owned();
        if text.starts_with(' ') {
            return self.line(&format!("#{text}"));
        }
        for word in text.split(' ') {
            if line.len() + 1 + word.len() > Page::WIDTH - 4 * self.depth {
                self.line(&line);
                line = "#".to_owned();
            }
            if !word.is_empty() {
                line.push(' ');
                line.push_str(word);
            }
        }
        self.line(&line);
    }
}

/// A length of time as Caddy reads it.
pub(super) fn in_caddys_words(length: Duration) -> String {
    if length.subsec_nanos() == 0 {
        format!("{}s", length.as_secs())
    } else {
        format!("{}ms", length.as_millis())
    }
}

/// A word of a Caddyfile that may hold spaces.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
