//! `tealkeep serve`

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::outcome::{Failure, Outcome};
use super::progress::say;
use crate::clock::seconds;
use crate::config::Config;
use crate::config::DEFAULT_CONFIG;
use crate::supervisor::sockets::Sockets;
use crate::supervisor::{Supervisor, service};

/// How long to wait under systemd for something that the machine lacks: about as long as systemd waits for a disk.
const LATE_DISK_TIMEOUT: Duration = Duration::from_secs(90);
/// How often to check for it.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration.
    #[arg(long, default_value = DEFAULT_CONFIG, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the server until SIGTERM or Ctrl-C.
pub async fn run(args: &ServeArgs) -> Outcome {
    let config = load(&args.config).await?;
    log_to_stderr("info");
    let sockets = Sockets::from_env();
    let stopped = stop_signal()?;
    let starting = service::starting();
    let supervisor = Supervisor::start_with(config, sockets).await?;
    drop(starting);
    let at = supervisor.dashboard;
    say(format_args!("The dashboard listens on http://{at}"));
    if let Some(token) = &supervisor.first_link {
        say(format_args!(
            "No password is set yet. This link sets one; it works once:\n  http://127.0.0.1:{}/welcome/{token}",
            at.port()
        ));
    }
    // The watchdog gets its pings to the very end: a slow stop is not a hang.
    let _alive = service::ready(&format!("The dashboard listens on http://{at}."));
    stopped.await;
    service::stopping();
    supervisor.shut_down().await;
    Ok(())
}

/// Reads the configuration. If it is wrong itself, this process ends with the exit code of a wrong call, and systemd does not
/// restart it. If only the machine lacks something, such as a disk at boot, this process waits for it, and then the
/// next one does.
async fn load(path: &Path) -> Result<Config, Failure> {
    let began = Instant::now();
    let mut refused: Option<String> = None;
    loop {
        let error = match Config::load(path) {
            Ok(config) => return Ok(config),
            Err(error) => error.to_string(),
        };
        let may_come = service::is_awaited() && super::units::read(path).is_ok();
        match after_refusal(may_come, refused.as_deref(), &error, began.elapsed()) {
            Next::GiveUp => return Err(Failure::Usage(error)),
            Next::StartAnew => return Err(Failure::Operation(anyhow!(error))),
            Next::Wait => {}
        }
        if refused.is_none() {
            let limit = seconds(LATE_DISK_TIMEOUT);
            say(format_args!(
                "tealkeep: {error}\nThis may still appear, as a disk does at boot: waiting for it up to {limit}, and then again after a \
                 restart."
            ));
            refused = Some(error);
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

/// What to do after a configuration was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Check again.
    Wait,
    /// End this process; systemd starts another one.
    StartAnew,
    /// End this process; nobody starts another one until something has been changed.
    GiveUp,
}

/// Decides it by whether what is missing `may_come` later, what was missing at first and now, and for how long.
fn after_refusal(may_come: bool, first: Option<&str>, now: &str, waited: Duration) -> Next {
    if !may_come {
        return Next::GiveUp;
    }
    // A disk check may take an hour.
    if waited >= LATE_DISK_TIMEOUT {
        return Next::StartAnew;
    }
    match first {
        // Something has appeared, but this process can't write to it: systemd set up its view of the folders before
        // that. The next process can.
        Some(first) if first != now => Next::StartAnew,
        Some(_) | None => Next::Wait,
    }
}

/// Waits for SIGTERM or Ctrl-C, which are handled from this call on: a signal during the start ends it cleanly and leaves
/// no colour behind.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Logs to stderr, in colour on a terminal only; `RUST_LOG` sets the level.
pub fn log_to_stderr(usual: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(format!("{usual},tokio_cron_scheduler=warn"))
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(super::terminal::stderr_is_terminal())
        .with_target(false)
        // Logging failed because stderr did, so there is nowhere to report it.
        .log_internal_errors(false)
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_machine_lacks_never_stops_tealkeep_for_good() {
        let (disk, lock) = ("/srv/home does not exist", "the database is locked");
        let hour = Duration::from_secs(3600);
        for waited in [Duration::ZERO, LATE_DISK_TIMEOUT - CHECK_INTERVAL] {
            assert_eq!(after_refusal(true, None, disk, waited), Next::Wait);
            assert_eq!(after_refusal(true, Some(disk), disk, waited), Next::Wait);
            assert_eq!(
                after_refusal(true, Some(disk), lock, waited),
                Next::StartAnew
            );
        }
        for waited in [LATE_DISK_TIMEOUT, hour] {
            assert_eq!(
                after_refusal(true, Some(disk), disk, waited),
                Next::StartAnew
            );
        }
    }

    #[test]
    fn a_configuration_that_is_wrong_in_itself_is_not_tried_again() {
        for waited in [Duration::ZERO, LATE_DISK_TIMEOUT] {
            for first in [None, Some("line 1"), Some("line 2")] {
                assert_eq!(after_refusal(false, first, "line 1", waited), Next::GiveUp);
            }
        }
    }
}
