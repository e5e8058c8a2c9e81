//! A child command with a deadline: it ends by itself or is killed then, and its output is kept up to a limit.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// How much of each of the two outputs is kept; the rest is read and dropped, so that the command does not
/// block on a full pipe.
const MAX_OUTPUT_BYTES: usize = 1024 * 1024;

/// How a command ended by itself, and what it printed.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, at most a megabyte of it.
    pub stdout: String,
    /// Its standard error, at most a megabyte of it.
    pub stderr: String,
}

/// Why a command did not end by itself.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// It could not be started.
    #[error("cannot start `{program}`: {error}; is it installed?")]
    Start {
        /// The program.
        program: String,
        /// The system's error.
        error: std::io::Error,
    },
    /// It was killed.
    #[error("`{program}` did not end within {} and was killed", crate::clock::seconds(*.deadline))]
    Late {
        /// The program.
        program: String,
        /// The deadline.
        deadline: Duration,
    },
    /// Its output or its end could not be read.
    #[error("`{program}` can't be waited for: {error}")]
    Lost {
        /// The program.
        program: String,
        /// The system's error.
        error: std::io::Error,
    },
}

/// Runs a command without input to its end. Dropping the future kills it.
///
/// A helper that it left behind with its output open is not waited for longer than the deadline.
///
/// # Errors
/// [`ExecError`]; an exit code other than 0 is none.
pub async fn run(mut command: Command, deadline: Duration) -> Result<Ended, ExecError> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| ExecError::Start {
            program: program.clone(),
            error,
        })?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let (status, stdout, stderr) = tokio::join!(child.wait(), kept(out), kept(err));
        status.map(|status| Ended {
            status,
            stdout,
            stderr,
        })
    };
    match tokio::time::timeout(deadline, ended).await {
        Ok(Ok(ended)) => Ok(ended),
        Ok(Err(error)) => Err(ExecError::Lost { program, error }),
        Err(_) => {
            // Killed here, not only by the drop, so that it is gone when this returns.
            let _ = child.kill().await;
            Err(ExecError::Late { program, deadline })
        }
    }
}

async fn kept(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else {
        return String::new();
    };
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    // A pipe that fails is one that has ended.
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let room = MAX_OUTPUT_BYTES.saturating_sub(bytes.len());
        bytes.extend_from_slice(&buffer[..read.min(room)]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn both_outputs_and_the_exit_code_are_kept() {
        let ended = run(
            shell("echo out; echo err >&2; exit 3"),
            Duration::from_secs(60),
        )
        .await
        .unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!((&*ended.stdout, &*ended.stderr), ("out\n", "err\n"));
    }

    #[tokio::test]
    async fn a_command_that_prints_without_end_is_killed_at_its_deadline() {
        let error = run(shell("echo $$; exec yes"), Duration::from_millis(300))
            .await
            .unwrap_err();
        assert!(matches!(error, ExecError::Late { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let error = run(
            Command::new("/nonexistent/program"),
            Duration::from_secs(60),
        )
        .await
        .unwrap_err();
        assert!(error.to_string().contains("`/nonexistent/program`"));
    }
}
