//! Other programs' word, waited for no longer than a few seconds.

use std::collections::HashMap;
use std::time::Duration;

use tokio::process::Command;

/// How long a program may take to say what it knows.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a program printed.
///
/// # Errors
/// It is not there, took too long, or failed; in words.
pub async fn program(name: &str, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new(name);
    command
        .args(args)
        .env("LC_ALL", "C")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .map_err(|_| format!("`{name}` did not end within {PATIENCE:?}"))?
        .map_err(|e| format!("`{name}` can't be run: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("`{name}` failed: {}", said.trim()))
    }
}

/// Reads `Key=value` lines, as `systemctl show` and `timedatectl show` print them.
pub fn properties(text: &str) -> HashMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .collect()
}
