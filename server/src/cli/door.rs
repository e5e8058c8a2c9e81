//! `tealkeep door`: what a deploying key may do here, as the forced command of its line in
//! `authorized_keys`. The verbs that speak to the server, and rsync into a release that is being sent;
//! everything else is refused. No shell ever sees what was asked for.

mod rsync;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use clap::{Args, FromArgMatches};

use super::client::Client;
use super::{Cli, Failure, Outcome, threads};
use crate::http::incoming::Folder;

/// Where sshd puts what the other side asked for (sshd(8), `command="…"`).
const ASKED_FOR: &str = "SSH_ORIGINAL_COMMAND";

#[derive(Debug, Args)]
pub struct DoorArgs {}

/// `tealkeep door`
pub fn run(_args: &DoorArgs, socket: &Path) -> Outcome {
    let Ok(asked) = std::env::var(ASKED_FOR) else {
        return Err(Failure::Call(
            "this key is for deploying: it opens no shell. From the laptop: tealkeep push DIR APP --host …"
                .to_owned(),
        ));
    };
    let words = shell_words::split(&asked).map_err(|e| refused(&format!("{e}")))?;
    match words.first().map(String::as_str) {
        Some("tealkeep") => verb(&words, socket),
        Some("rsync") => send(&words, socket),
        _ => Err(refused("this key runs tealkeep and rsync only")),
    }
}

fn refused(why: &str) -> Failure {
    Failure::Call(format!("refused: {why}"))
}

/// Runs a verb in this process, on this door's own socket.
fn verb(words: &[String], socket: &Path) -> Outcome {
    let mut cli = parse(words)?;
    cli.socket = socket.to_owned();
    super::run(cli)
}

/// The verb that was asked for, if it is one for this door.
fn parse(words: &[String]) -> Result<Cli, Failure> {
    let elsewhere = ["--socket", "--host", "--ssh"];
    if let Some(word) = words
        .iter()
        .find(|word| elsewhere.iter().any(|begin| word.starts_with(begin)))
    {
        return Err(refused(&format!("{word} is not for this key")));
    }
    let cli = super::command()
        .try_get_matches_from(words)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match cli {
        Ok(cli) => cli,
        // Help and the version are asked for in this way too.
        Err(error) => {
            let text = error.render();
            if !error.use_stderr() {
                println!("{text}");
                return Err(Failure::Said(0));
            }
            eprintln!("{text}");
            return Err(Failure::Said(super::WRONG_CALL));
        }
    };
    if !cli.verb.is_for_the_door() || is_local(&cli.verb) {
        return Err(refused("this key may not ask for that"));
    }
    Ok(cli)
}

/// A snapshot's or an app's name that is also a file's here.
fn is_local(verb: &super::Verb) -> bool {
    matches!(verb, super::Verb::Verify(args) if args.is_local())
}

/// Becomes rsync, which receives into a release that is being sent.
fn send(words: &[String], socket: &Path) -> Outcome {
    let client = Client::new(socket.to_owned());
    let folders: Vec<Folder> = threads()?.block_on(client.get("/api/v1/incoming"))?;
    let releases: Vec<_> = folders.into_iter().map(|folder| folder.releases).collect();
    rsync::check(&words[1..], &releases).map_err(|why| refused(&why))?;
    let error = Command::new("rsync").args(&words[1..]).exec();
    Err(Failure::Tried(anyhow::anyhow!(
        "rsync can't be run: {error}. Install it on this machine: sudo apt install rsync"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(asked: &str) -> bool {
        parse(&shell_words::split(asked).unwrap()).is_ok()
    }

    #[test]
    fn a_deploying_key_asks_the_server_and_nothing_else() {
        for asked in [
            "tealkeep status --json",
            "tealkeep status home --follow",
            "tealkeep incoming home v2",
            "tealkeep deploy home v2 --pushed --lines",
            "tealkeep rollback home",
            "tealkeep backup home",
            "tealkeep verify an-app-of-this-name",
        ] {
            assert!(allows(asked), "{asked}");
        }
        for asked in [
            "tealkeep serve",
            "tealkeep demo",
            "tealkeep prepare --releases / --release a -- sh",
            "tealkeep restore --file /etc/shadow --to /tmp/x",
            "tealkeep backup --database /etc/shadow --folder /tmp",
            "tealkeep verify /etc/shadow",
            "tealkeep deploy home /etc",
            "tealkeep deploy home ..",
            "tealkeep password",
            "tealkeep status --socket /tmp/mine.sock",
            "tealkeep status --socket=/tmp/mine.sock",
            "tealkeep status --host other",
            "tealkeep --ssh 'sh -c id' status",
            "tealkeep push . home",
            "tealkeep door",
            "tealkeep status ; id",
            "tealkeep status $(id) x",
            "tealkeep status && id",
        ] {
            assert!(!allows(asked), "{asked}");
        }
    }
}
