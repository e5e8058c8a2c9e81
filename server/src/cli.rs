//! The command line: one file per command. Most commands use the HTTP API over the unix socket; those that are needed
//! most when there is no server work without one.

mod accept;
mod adopt;
mod backup;
mod check;
mod client;
mod compare;
mod demo;
mod deploy;
mod doctor;
mod door;
mod drill;
mod evaluate_worker;
mod incoming;
mod key;
mod manual;
mod notify;
mod password;
mod prepare;
mod progress;
mod pull;
mod pulled;
mod push;
mod remote;
mod restore;
mod serve;
mod snapshots;
mod status;
mod terminal;
mod token;
mod units;
mod verify;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use serde::Serialize;

use crate::config::{DEFAULT_CONFIG, DEFAULT_SOCKET};
use crate::http::auth::Scope;
use client::Client;

pub(crate) use door::who::opened_by;

/// Exit code: the command tried and failed.
const FAILED: u8 = 1;
/// Exit code: the call itself was wrong.
const WRONG_CALL: u8 = 2;

/// The commands in the order of the help, everyday ones first.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Every day",
        &[
            "status",
            "backup",
            "snapshots",
            "deploy",
            "rollback",
            "restore",
        ],
    ),
    ("From the laptop", &["push", "pull"]),
    (
        "Occasionally",
        &[
            "undo", "verify", "compare", "drill", "check", "accept", "adopt", "notify", "password",
            "token", "key",
        ],
    ),
    (
        "Installation and operation",
        &["doctor", "units", "serve", "demo"],
    ),
];

const AFTER: &str = "\
`tealkeep COMMAND --help` describes one of them.
Exit codes: 0 the command did what was asked, 1 it tried and failed, 2 the call itself was wrong.";

/// Supervises household web apps on a small machine: verified snapshots, blue/green deploys, restores
/// without errors for users.
#[derive(Debug, Parser)]
#[command(name = "tealkeep", version, after_help = AFTER, arg_required_else_help = true)]
struct Cli {
    /// The server's unix socket.
    #[arg(long, global = true, env = "TEALKEEP_SOCKET", hide_env_values = true, default_value = DEFAULT_SOCKET, value_name = "PATH")]
    socket: PathBuf,
    /// Print facts as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Run the command on the machine at home, through ssh.
    #[arg(long, global = true, value_name = "USER@HOST")]
    host: Option<String>,
    /// The ssh command to use for that, with its options.
    #[arg(
        long,
        global = true,
        env = "TEALKEEP_SSH",
        hide_env_values = true,
        default_value = "ssh",
        value_name = "COMMAND"
    )]
    ssh: String,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show whether all is well, and the state of every app.
    Status(status::StatusArgs),
    /// Take a snapshot now; with --database and --folder, of any database
    Backup(backup::BackupArgs),
    /// List an app's snapshots, and why each one is kept.
    Snapshots(snapshots::SnapshotsArgs),
    /// Make a release live, by its name or from a directory.
    Deploy(deploy::DeployArgs),
    /// Make the previous release live again.
    Rollback(AppArg),
    /// Put a snapshot's content back; with --file and --to, unpack one
    Restore(restore::RestoreArgs),
    /// Undo the last restore.
    Undo(restore::UndoArgs),
    /// Verify every byte of snapshots: a file, a folder, or an app's
    Verify(verify::VerifyArgs),
    /// Compare a database before and after a migration: does the old release keep working?
    Compare(compare::CompareArgs),
    /// Check any site like a browser does: whether a deploy of it reaches people.
    Check(check::CheckArgs),
    /// Show what the checks of an app found and what to change, and accept findings.
    Accept(accept::AcceptArgs),
    /// Test whether the newest snapshot could be restored, by unpacking it elsewhere.
    Drill(drill::DrillArgs),
    /// Take over the backups of a script: daily/DATE/db.sqlite.gz and so on
    Adopt(adopt::AdoptArgs),
    /// Send a test message through every configured channel.
    Notify(notify::NotifyArgs),
    /// Print a one-time link that sets the dashboard's password.
    Password,
    /// Create, list and revoke tokens for the API.
    Token(token::TokenArgs),
    /// Add, list and remove the ssh keys of laptops.
    Key(key::KeyArgs),
    /// Send a release from this laptop to the machine at home and make it live there.
    Push(push::PushArgs),
    /// Fetch the snapshots to this laptop and verify them.
    Pull(pull::PullArgs),
    /// Report that the snapshots were fetched.
    #[command(hide = true)]
    Pulled(pulled::PulledArgs),
    /// Check everything that Tealkeep relies on, and print how to fix what is wrong.
    Doctor(doctor::DoctorArgs),
    /// Print the units, rules and commands that an app needs on this machine; changes nothing.
    Units(units::UnitsArgs),
    /// Run the server.
    Serve(serve::ServeArgs),
    /// Try everything out, in one folder, with an app included.
    Demo(demo::DemoArgs),
    /// The demo's own app.
    #[command(hide = true)]
    HomeApp(HomeAppArgs),
    /// Prepare a release; its unit runs this.
    #[command(hide = true)]
    Prepare(prepare::PrepareArgs),
    /// Say where to send a release.
    #[command(hide = true)]
    Incoming(incoming::IncomingArgs),
    /// Do what a laptop's key may do here: the forced command of an authorized key.
    #[command(hide = true)]
    Door(door::DoorArgs),
    /// Run a service worker for a check, in this child process.
    #[command(hide = true)]
    EvaluateWorker,
    /// Write the manual pages and shell completions, for a package.
    #[command(hide = true)]
    Manual(manual::ManualArgs),
}

impl Verb {
    /// Whether the command needs a server, here or elsewhere.
    fn speaks_to_server(&self) -> bool {
        match self {
            Verb::Backup(args) => !args.is_local(),
            Verb::Snapshots(args) => !args.is_path(),
            Verb::Restore(args) => !args.is_local(),
            Verb::Verify(args) => !args.is_path(),
            Verb::Drill(args) => !args.is_path(),
            Verb::Adopt(args) => !args.is_local(),
            Verb::Deploy(args) => !args.is_path(),
            Verb::Status(_)
            | Verb::Rollback(_)
            | Verb::Undo(_)
            | Verb::Notify(_)
            | Verb::Password
            | Verb::Token(_)
            | Verb::Accept(_)
            | Verb::Doctor(_)
            | Verb::Units(_)
            | Verb::Incoming(_) => true,
            Verb::Compare(_)
            | Verb::Check(_)
            | Verb::Push(_)
            | Verb::Pull(_)
            | Verb::Pulled(_)
            | Verb::Serve(_)
            | Verb::Demo(_)
            | Verb::HomeApp(_)
            | Verb::Prepare(_)
            | Verb::Door(_)
            | Verb::EvaluateWorker
            | Verb::Key(_)
            | Verb::Manual(_) => false,
        }
    }

    /// The scope that a key needs to run the command through `tealkeep door`, like a token. `None` if no key may: the
    /// command gives access to more, or reads and writes files by their paths.
    fn scope_at_the_door(&self) -> Option<Scope> {
        let needed = match self {
            Verb::Snapshots(args) if args.removes() => Scope::Admin,
            Verb::Status(_) | Verb::Snapshots(_) => Scope::Read,
            Verb::Backup(_)
            | Verb::Deploy(_)
            | Verb::Rollback(_)
            | Verb::Verify(_)
            | Verb::Drill(_)
            | Verb::Incoming(_) => Scope::Deploy,
            Verb::Restore(_) | Verb::Undo(_) => Scope::Admin,
            Verb::Compare(_)
            | Verb::Check(_)
            | Verb::Accept(_)
            | Verb::Adopt(_)
            | Verb::Notify(_)
            | Verb::Password
            | Verb::Token(_)
            | Verb::Push(_)
            | Verb::Pull(_)
            | Verb::Pulled(_)
            | Verb::Doctor(_)
            | Verb::Units(_)
            | Verb::Serve(_)
            | Verb::Demo(_)
            | Verb::HomeApp(_)
            | Verb::Prepare(_)
            | Verb::Door(_)
            | Verb::EvaluateWorker
            | Verb::Key(_)
            | Verb::Manual(_) => return None,
        };
        self.speaks_to_server().then_some(needed)
    }
}

/// Which app.
#[derive(Debug, Args)]
struct AppArg {
    /// The app's name; optional if there is only one.
    app: Option<String>,
}

#[derive(Debug, Args)]
struct HomeAppArgs {
    /// The release's directory.
    #[arg(long, default_value = ".")]
    release: PathBuf,
}

/// Why a command did not do what was asked.
#[derive(Debug)]
enum Failure {
    /// The call was wrong: exit code 2.
    Call(String),
    /// The command tried and failed: exit code 1.
    Tried(anyhow::Error),
    /// The reason has been printed, by a program that ended with this exit code.
    Said(u8),
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
    let matches = command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    exit_code(run(cli))
}

/// Prints why a command failed, if it did.
fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Said(code)) => ExitCode::from(code),
        Err(Failure::Call(text)) => {
            progress::say(format_args!("tealkeep: {text}"));
            ExitCode::from(WRONG_CALL)
        }
        Err(Failure::Tried(error)) => {
            progress::say(format_args!("tealkeep: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

/// The parser, with the commands of its help in groups, which clap does not support itself.
fn command() -> clap::Command {
    let command = Cli::command();
    let mut verbs = String::new();
    for (heading, names) in GROUPS {
        verbs.push_str(&format!("{heading}:\n"));
        for name in names {
            let about = command
                .find_subcommand(name)
                .and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            verbs.push_str(&format!("  {name:<10} {about}\n"));
        }
        verbs.push('\n');
    }
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{verbs}Options:\n{{options}}{{after-help}}\n"
    ))
}

fn run(cli: Cli) -> Outcome {
    let Cli {
        socket,
        json,
        host,
        ssh,
        verb,
    } = cli;
    let verb = match (host, verb) {
        (Some(host), Verb::Push(args)) => {
            return threads()?.block_on(push::run(&args, &host, &ssh, json));
        }
        (None, Verb::Push(_)) => {
            return Err(Failure::Call(
                "name the machine to send it to: --host tealkeep@raspberrypi".to_owned(),
            ));
        }
        (Some(host), verb) if verb.speaks_to_server() => return remote::run(&host, &ssh, json),
        (Some(_), _) => {
            return Err(Failure::Call(
                "this command works on this machine only; --host does not apply to it".to_owned(),
            ));
        }
        (None, verb) => verb,
    };
    // Some start their own threads, or need none.
    let verb = match verb {
        Verb::Door(args) => return door::run(&args, &socket),
        Verb::EvaluateWorker => evaluate_worker::run(),
        Verb::HomeApp(args) => return Ok(crate::demo::home::run(&args.release)?),
        Verb::Backup(args) if args.is_local() => return backup::local(&args, json),
        Verb::Snapshots(args) if args.is_path() => return snapshots::local(&args, json),
        Verb::Verify(args) if args.is_local() => return verify::local(&args, json),
        Verb::Restore(args) if args.is_local() => return restore::local(&args, json),
        Verb::Drill(args) if args.is_path() => return drill::local(&args, json),
        Verb::Adopt(args) if args.is_local() => return adopt::local(&args, json),
        Verb::Pull(args) => return pull::run(&args, &ssh, json),
        Verb::Pulled(args) => return pulled::run(&args),
        Verb::Key(args) => return key::run(&args, json),
        Verb::Compare(args) => return compare::run(&args, json),
        other => other,
    };
    threads()?.block_on(async {
        let client = Client::new(socket);
        match verb {
            Verb::Status(args) => status::run(&client, &args, json).await,
            Verb::Backup(args) => backup::run(&client, &args, json).await,
            Verb::Snapshots(args) => snapshots::run(&client, &args, json).await,
            Verb::Deploy(args) => deploy::deploy(&client, &args, json).await,
            Verb::Rollback(args) => deploy::rollback(&client, args.app, json).await,
            Verb::Restore(args) => restore::run(&client, &args, json).await,
            Verb::Undo(args) => restore::undo(&client, &args, json).await,
            Verb::Verify(args) => verify::run(&client, &args, json).await,
            Verb::Check(args) => check::run(&args, json).await,
            Verb::Accept(args) => accept::run(&client, &args, json).await,
            Verb::Drill(args) => drill::run(&client, &args, json).await,
            Verb::Adopt(args) => adopt::run(&client, &args, json).await,
            Verb::Notify(args) => notify::run(&client, &args, json).await,
            Verb::Password => password::run(&client, json).await,
            Verb::Token(args) => token::run(&client, &args, json).await,
            Verb::Incoming(args) => incoming::run(&client, &args).await,
            Verb::Doctor(args) => doctor::run(&client, &args, json).await,
            Verb::Units(args) => units::run(&args, json).await,
            Verb::Prepare(args) => prepare::run(&args, json).await,
            Verb::Manual(args) => manual::run(&args, json).await,
            Verb::Serve(args) => serve::run(&args).await,
            Verb::Demo(args) => demo::run(&args).await,
            Verb::HomeApp(_)
            | Verb::Push(_)
            | Verb::Pull(_)
            | Verb::Pulled(_)
            | Verb::Door(_)
            | Verb::Key(_)
            | Verb::Compare(_)
            | Verb::EvaluateWorker => {
                unreachable!("these commands returned above")
            }
        }
    })
}

fn threads() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| anyhow::anyhow!("cannot start threads: {e}").into())
}

/// Prints facts, as JSON or as text.
fn print<T: Serialize>(json: bool, facts: &T, text: impl FnOnce() -> String) -> Outcome {
    let text = if json {
        let text = serde_json::to_string_pretty(facts).map_err(anyhow::Error::from)?;
        terminal::json(&text).into_owned()
    } else {
        text().trim_end().to_owned()
    };
    put(&text)
}

/// Prints a text and a line break. Control sequences that are not ours become U+FFFD.
fn put(text: &str) -> Outcome {
    match writeln!(std::io::stdout(), "{}", terminal::text(text)) {
        // The reader has seen enough: `tealkeep status | head -1`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Whether stderr is a terminal, so that progress can be shown.
fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_stands_in_one_group_of_the_help() {
        let command = command();
        let mut known: Vec<&str> = command
            .get_subcommands()
            .filter(|verb| !verb.is_hide_set())
            .map(clap::Command::get_name)
            .collect();
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        known.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(grouped, known);
        command.debug_assert();
    }
}
