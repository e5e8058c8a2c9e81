//! `tealkeep demo`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::serve::{log_to_stderr, stopped};
use super::{Outcome, put};
use crate::demo::{Demo, DemoOptions};

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Everything that the demo makes lies in this folder; its socket is `DIR/control.sock`.
    #[arg(long, default_value = "tealkeep-demo", value_name = "DIR")]
    folder: PathBuf,
    /// The dashboard's port.
    #[arg(long, default_value_t = 3330)]
    port: u16,
    /// The port that the household uses.
    #[arg(long, default_value_t = 3000)]
    app_port: u16,
    /// The blue colour's port.
    #[arg(long, default_value_t = 3001)]
    blue_port: u16,
    /// The green colour's port.
    #[arg(long, default_value_t = 3002)]
    green_port: u16,
    /// Without the family that uses the app all the time.
    #[arg(long)]
    no_traffic: bool,
    /// How many seconds a swap waits for the requests that the old colour still has.
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
    let stopped = stopped()?;
    let demo = Demo::start(options).await?;
    put(&demo.welcome())?;
    stopped.await;
    put("Stopping; what was under way is finished or taken back at the next start.")?;
    put(&demo.shut_down().await)?;
    Ok(())
}
