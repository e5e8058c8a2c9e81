//! The command line: one file per command. Most commands use the HTTP API over the unix socket; those that are needed
//! most when there is no server work without one.

mod accept;
mod adopt;
mod backup;
mod check;
mod client;
mod command;
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
mod outcome;
mod output;
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
mod threads;
mod token;
mod units;
mod verify;

use std::process::ExitCode;

use clap::FromArgMatches;

use client::Client;
use command::{Cli, Verb, command};
use outcome::{FAILED, Failure, Outcome, USAGE_ERROR};

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
        Err(Failure::Reported(code)) => ExitCode::from(code),
        Err(Failure::Usage(text)) => {
            progress::say(format_args!("tealkeep: {text}"));
            ExitCode::from(USAGE_ERROR)
        }
        Err(Failure::Operation(error)) => {
            progress::say(format_args!("tealkeep: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
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
            return threads::start()?.block_on(push::run(&args, &host, &ssh, json));
        }
        (None, Verb::Push(_)) => {
            return Err(Failure::Usage(
                "name the machine to send it to: --host tealkeep@raspberrypi".to_owned(),
            ));
        }
        (Some(host), verb) if verb.speaks_to_server() => return remote::run(&host, &ssh, json),
        (Some(_), _) => {
            return Err(Failure::Usage(
                "this command works on this machine only; --host does not apply to it".to_owned(),
            ));
        }
        (None, verb) => verb,
    };
    // Some start their own threads, or need none.
    let verb = match verb {
        Verb::Door(args) => return door::run(&args, &socket, run),
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
    threads::start()?.block_on(async {
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
            Verb::Manual(args) => manual::run(&args, command()),
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
