//! The command line: one file a verb. Most verbs speak the HTTP API over the unix socket; three work
//! with no server at all, since that is when they are needed most.

mod backup;
mod client;
mod demo;
mod deploy;
mod password;
mod progress;
mod restore;
mod serve;
mod snapshots;
mod status;
mod verify;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::config::{DEFAULT_CONFIG, DEFAULT_SOCKET};
use client::Client;

/// Exit code: it was tried, and failed.
const FAILED: u8 = 1;
/// Exit code: the call itself was wrong.
const WRONG_CALL: u8 = 2;

const GROUPS: &str = "\
Every day:   status, backup, snapshots, deploy, rollback, restore
Now and then: undo, verify, password
Running it:  serve, demo

Exit codes: 0 it did what was asked, 1 it tried and failed, 2 the call itself was wrong.";

/// Supervises household web apps on a small machine: verified snapshots, blue/green deploys, restores
/// that nobody notices.
#[derive(Debug, Parser)]
#[command(name = "tealkeep", version, after_help = GROUPS, arg_required_else_help = true)]
struct Cli {
    /// The unix socket of the server.
    #[arg(long, global = true, env = "TEALKEEP_SOCKET", default_value = DEFAULT_SOCKET, value_name = "PATH")]
    socket: PathBuf,
    /// Print facts as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Whether all is well, and how every app stands.
    Status,
    /// Take a snapshot now; with --database and --folder, without a server.
    Backup(backup::BackupArgs),
    /// List the snapshots of an app, and why each one stays.
    Snapshots(AppArg),
    /// Make a release live: by its name, or from a directory.
    Deploy(deploy::DeployArgs),
    /// Make the release from before live again.
    Rollback(AppArg),
    /// Put a snapshot's content into the live database; with --file and --to, unpack one without a server.
    Restore(restore::RestoreArgs),
    /// Take the last restore back.
    Undo(AppArg),
    /// Read snapshots from the first byte to the last: a file, a folder, or an app's.
    Verify(verify::VerifyArgs),
    /// Print a one-time link that sets the dashboard's password.
    Password,
    /// Run the server.
    Serve(serve::ServeArgs),
    /// Everything for real, in one folder, with an app to try it on.
    Demo(demo::DemoArgs),
    /// The demo's own app.
    #[command(hide = true)]
    HomeApp(HomeAppArgs),
}

/// Which app.
#[derive(Debug, Args)]
struct AppArg {
    /// The app's name; may be left out where there is only one.
    app: Option<String>,
}

#[derive(Debug, Args)]
struct HomeAppArgs {
    /// The release's directory.
    #[arg(long, default_value = ".")]
    release: PathBuf,
}

/// Why a verb did not do what was asked.
#[derive(Debug)]
enum Failure {
    /// The call was wrong: exit code 2.
    Call(String),
    /// It was tried, and failed: exit code 1.
    Tried(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Tried(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Tried(error.into())
    }
}

type Outcome = Result<(), Failure>;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Call(text)) => {
            eprintln!("tealkeep: {text}");
            ExitCode::from(WRONG_CALL)
        }
        Err(Failure::Tried(error)) => {
            eprintln!("tealkeep: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(cli: Cli) -> Outcome {
    let Cli { socket, json, verb } = cli;
    // Two of them bring their own threads.
    let verb = match verb {
        Verb::HomeApp(args) => return Ok(crate::demo::home::run(&args.release)?),
        Verb::Backup(args) if args.is_local() => return backup::local(&args, json),
        Verb::Verify(args) if args.is_local() => return verify::local(&args, json),
        Verb::Restore(args) if args.is_local() => return restore::local(&args, json),
        other => other,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| anyhow::anyhow!("cannot start the threads: {e}"))?;
    runtime.block_on(async {
        let client = Client::new(socket);
        match verb {
            Verb::Status => status::run(&client, json).await,
            Verb::Backup(args) => backup::run(&client, &args, json).await,
            Verb::Snapshots(args) => snapshots::run(&client, args.app, json).await,
            Verb::Deploy(args) => deploy::deploy(&client, &args, json).await,
            Verb::Rollback(args) => deploy::rollback(&client, args.app, json).await,
            Verb::Restore(args) => restore::run(&client, &args, json).await,
            Verb::Undo(args) => restore::undo(&client, args.app, json).await,
            Verb::Verify(args) => verify::run(&client, &args, json).await,
            Verb::Password => password::run(&client, json).await,
            Verb::Serve(args) => serve::run(&args).await,
            Verb::Demo(args) => demo::run(&args).await,
            Verb::HomeApp(_) => unreachable!("it was run above"),
        }
    })
}

/// Prints facts: as JSON where that was asked for, as text otherwise.
fn print<T: Serialize>(json: bool, facts: &T, text: impl FnOnce() -> String) -> Outcome {
    if json {
        let text = serde_json::to_string_pretty(facts).map_err(anyhow::Error::from)?;
        println!("{text}");
    } else {
        println!("{}", text().trim_end());
    }
    Ok(())
}

/// Whether a person watches the progress.
fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
