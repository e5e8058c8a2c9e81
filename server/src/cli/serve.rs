//! `tealkeep serve`

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{DEFAULT_CONFIG, Failure, Outcome};
use crate::config::Config;
use crate::supervisor::Supervisor;

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration.
    #[arg(long, default_value = DEFAULT_CONFIG, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the server until SIGTERM or Ctrl-C.
pub async fn run(args: &ServeArgs) -> Outcome {
    let config = Config::load(&args.config).map_err(|error| Failure::Call(error.to_string()))?;
    log_to_stderr("info");
    let supervisor = Supervisor::start(config).await?;
    let stop = Stop::listen()?;
    let at = supervisor.dashboard;
    eprintln!("The dashboard listens on http://{at}");
    if let Some(token) = &supervisor.first_link {
        eprintln!(
            "No password is set yet. This link sets one; it can be used once:\n  http://127.0.0.1:{}/welcome/{token}",
            at.port()
        );
    }
    stop.asked().await;
    supervisor.shut_down().await;
    Ok(())
}

/// SIGTERM and Ctrl-C, listened for from before the server says that it is up: whoever stops it as soon
/// as it has said so gets an orderly end too.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// From now on, a signal is remembered and does not end the process by itself.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn listen() -> std::io::Result<Stop> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits until one of them has come.
    pub async fn asked(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Sends what is logged to stderr; `RUST_LOG` changes how much.
pub fn log_to_stderr(usual: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(format!("{usual},tokio_cron_scheduler=warn"))
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}
