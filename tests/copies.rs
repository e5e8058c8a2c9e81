//! Snapshots as other programs see them: what a household has at hand when Tealkeep is gone, and rsync, which
//! comes at any moment.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rsync;
mod tools;
mod writers;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Said;

/// Runs a program to its end.
fn run<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Said {
    let output = Command::new(program).args(arguments).output();
    Said::of(&output.unwrap_or_else(|e| panic!("{program}: {e}")))
}

/// Runs a line of the shell in a folder: what people type.
#[track_caller]
fn shell(folder: &Path, line: &str, arguments: &[&Path]) -> String {
    let output = Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", line, "bash"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said::of(&output).succeeds().stdout
}

fn tempdir() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("tealkeep-copies-")
        .tempdir()
        .unwrap()
}
