//! Runs other programs for information, for a few seconds at most.

use std::collections::HashMap;
use std::time::Duration;

use tokio::process::Command;

use crate::exec;

/// How long a program may run.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(10);

/// The output of a program.
///
/// # Errors
/// It does not exist, took too long, or failed; in words.
pub async fn program(name: &str, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new(name);
    command.args(args).env("LC_ALL", "C");
    let ended = exec::run(command, PROGRAM_TIMEOUT)
        .await
        .map_err(|e| e.to_string())?;
    if ended.status.success() {
        Ok(ended.stdout)
    } else {
        Err(format!("`{name}` failed: {}", ended.stderr.trim()))
    }
}

/// Reads `Key=value` lines, as `systemctl show` and `timedatectl show` print them.
pub fn properties(text: &str) -> HashMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .collect()
}
