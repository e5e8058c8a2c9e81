//! Progress on stderr: a bar on a terminal, plain lines otherwise.

use std::collections::HashSet;
use std::io::Write;

use indicatif::{ProgressBar, ProgressStyle};

use super::terminal;
use crate::backup::{Progress, Stage};
use crate::deploy::Printed;
use crate::journal::runs::Step;
use crate::journal::runs::{Run, StepState};

/// Progress in bytes. A clone shares the bar.
#[derive(Clone)]
pub struct Bytes {
    bar: Option<ProgressBar>,
    stage: Option<Stage>,
}

impl Bytes {
    /// A bar, if stderr is a terminal.
    pub fn new() -> Bytes {
        let bar = terminal::stderr_is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template(
                "{msg:24} {bar:30} {bytes:>10} of {total_bytes} {bytes_per_sec}",
            ) {
                bar.set_style(style);
            }
            bar
        });
        Bytes { bar, stage: None }
    }

    /// Shows the progress.
    pub fn show(&mut self, progress: Progress) {
        let is_new = self.stage.replace(progress.stage) != Some(progress.stage);
        match &self.bar {
            Some(bar) => {
                bar.set_message(progress.stage.as_str());
                bar.set_length(progress.total);
                bar.set_position(progress.done);
            }
            None if is_new => say(progress.stage),
            None => {}
        }
    }

    /// Prints something while the bar is hidden.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Removes the bar.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Prints a line to stderr. A closed pipe or terminal is no reason to end the work.
pub fn say(line: impl std::fmt::Display) {
    let line = line.to_string();
    let _ = writeln!(std::io::stderr(), "{}", terminal::text(&line));
}

/// The same for a line that contains foreign text: a line break in it starts no second line.
pub fn say_line(line: impl std::fmt::Display) {
    say(terminal::line(&line.to_string()));
}

/// A wait of unknown length.
pub struct Waiting {
    bar: Option<ProgressBar>,
}

impl Waiting {
    /// Shows what the wait is for, if stderr is a terminal.
    pub fn new(what: &'static str) -> Waiting {
        let bar = terminal::stderr_is_terminal().then(|| {
            let bar = ProgressBar::new_spinner().with_message(what);
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
            bar
        });
        Waiting { bar }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The steps of a run.
pub struct Steps {
    bar: Option<ProgressBar>,
    shown_steps: HashSet<(Step, u8)>,
    /// How many lines of the preparation have been shown.
    lines: u64,
}

impl Steps {
    /// A bar, if stderr is a terminal.
    pub fn new() -> Steps {
        let bar = terminal::stderr_is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:20} {pos}/{len} {msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
            bar
        });
        Steps {
            bar,
            shown_steps: HashSet::new(),
            lines: 0,
        }
    }

    /// Shows the progress: each line that a preparation prints, and each step once when it ends.
    pub fn show(&mut self, run: &Run, printed: &Printed) {
        let shown = self.lines.saturating_sub(printed.before);
        for line in printed
            .lines
            .iter()
            .skip(usize::try_from(shown).unwrap_or(usize::MAX))
        {
            self.say(&format!("          {}", terminal::line(line)));
        }
        let in_all = printed.before + printed.lines.len() as u64;
        self.lines = self.lines.max(in_all);
        for row in &run.steps {
            let word = match row.state {
                StepState::Pending | StepState::Running => continue,
                StepState::Done => "done",
                StepState::Failed => "failed",
                StepState::Skipped => "skipped",
                StepState::Undone => "undone",
            };
            if !self.shown_steps.insert((row.step, row.state as u8)) {
                continue;
            }
            // Why a step failed is printed once, at the end.
            let detail = row
                .detail
                .as_deref()
                .filter(|_| row.state != StepState::Failed)
                .map(|detail| format!(": {detail}"))
                .unwrap_or_default();
            let line = format!("{:9} {word}{detail}", row.step.as_str());
            self.say(&line);
        }
        if let Some(bar) = &self.bar {
            bar.set_length(run.steps.len() as u64);
            let over = run
                .steps
                .iter()
                .filter(|row| !matches!(row.state, StepState::Pending | StepState::Running));
            bar.set_position(over.count() as u64);
            if let Some(row) = run.steps.iter().find(|row| row.state == StepState::Running) {
                bar.set_message(row.step.as_str());
            }
        }
    }

    /// Removes the bar.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(terminal::text(line)),
            None => say(line),
        }
    }
}

/// The progress of a transfer, in percent.
pub struct Sending {
    bar: Option<ProgressBar>,
}

impl Sending {
    /// A bar, if stderr is a terminal.
    pub fn new(what: String) -> Sending {
        if !terminal::stderr_is_terminal() {
            say(what);
            return Sending { bar: None };
        }
        let bar = ProgressBar::new(100).with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:20} {percent}% {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Sending { bar: Some(bar) }
    }

    /// Shows the progress.
    pub fn show(&self, hundredths: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(hundredths);
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
/// rsync's output, line by line: it ends progress lines with a carriage return.
#[derive(Default)]
pub struct RsyncLines {
    line: Vec<u8>,
}

impl RsyncLines {
    /// Takes the next byte and returns the line that it ends, if any.
    pub fn take(&mut self, byte: u8) -> Option<String> {
        if !matches!(byte, b'\r' | b'\n') {
            self.line.push(byte);
            return None;
        }
        let text = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        Some(text)
    }
}

/// The percentage in a progress line (rsync(1), `--info=progress2`).
pub fn hundredths<T: std::str::FromStr>(line: &str) -> Option<T> {
    line.split_whitespace()
        .find_map(|word| word.strip_suffix('%')?.parse().ok())
}
