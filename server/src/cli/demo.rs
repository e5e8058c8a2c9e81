//! `tealkeep demo`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::outcome::Outcome;
use super::output::print_text;
use super::serve::{log_to_stderr, stop_signal};
use crate::demo::{Demo, DemoOptions};

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder for everything that the demo creates; its socket is `DIR/control.sock`.
    #[arg(long, default_value = "tealkeep-demo", value_name = "DIR")]
    folder: PathBuf,
    /// The dashboard's port.
    #[arg(long, default_value_t = 3330)]
    port: u16,
    /// The port of the household's app.
    #[arg(long, default_value_t = 3000)]
    app_port: u16,
    /// The port of blue.
    #[arg(long, default_value_t = 3001)]
    blue_port: u16,
    /// The port of green.
    #[arg(long, default_value_t = 3002)]
    green_port: u16,
    /// Do not simulate a family that uses the app.
    #[arg(long)]
    no_traffic: bool,
    /// How many seconds a swap waits for requests that the old colour is still answering.
    #[arg(
        long,
        hide = true,
        env = "TEALKEEP_DEMO_DRAIN_TIMEOUT",
        default_value_t = 10,
        value_name = "SECONDS"
    )]
    drain_timeout: u64,
}

/// Runs the demo until Ctrl-C.
pub async fn run(args: &DemoArgs) -> Outcome {
    log_to_stderr("warn");
    let options = DemoOptions {
        folder: args.folder.clone(),
        port: args.port,
        app_port: args.app_port,
        blue_port: args.blue_port,
        green_port: args.green_port,
        traffic: !args.no_traffic,
        drain_timeout: Duration::from_secs(args.drain_timeout),
    };
    let stopped = stop_signal()?;
    let demo = Demo::start(options).await?;
    print_text(&demo.welcome())?;
    stopped.await;
    print_text("Stopping; the next start finishes or undoes what was running.")?;
    print_text(&demo.shut_down().await)?;
    Ok(())
}
