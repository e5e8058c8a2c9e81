//! `tealkeep door`: does what a key may do here, as the forced command of its line in `authorized_keys`, or as that of
//! sshd's configuration, which then looks the line up ([`who`]). Allowed are the commands that use the server, and rsync into
//! a release that is being sent; with `--pull`, rsync out of one backups folder and the report of a pull.
//! Everything else is refused. No shell ever sees the request.

mod confine;
mod fetch;
mod rsync;
mod turn;
pub(super) mod who;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, FromArgMatches};

use super::client::Client;
use super::progress::say;
use super::{Cli, Failure, Outcome, put, threads};
use crate::config::DEFAULT_SPOOL;
use crate::http::auth::Scope;
use crate::http::incoming::Folder;

/// The variable with the command of the other side (sshd(8), `command="…"`).
const ASKED_FOR: &str = "SSH_ORIGINAL_COMMAND";

/// After ten minutes without a byte the other side counts as gone, and its locks are released.
const SILENCE: &str = "--timeout=600";

#[derive(Debug, Clone, Args)]
pub struct DoorArgs {
    /// What the key allows, like a token's scope: `read` only looks, `deploy` also deploys, `admin` also restores.
    #[arg(long, default_value = "deploy")]
    scope: Scope,
    /// Allow only pulling this app's backups folder.
    #[arg(long, value_name = "APP:FOLDER", conflicts_with = "scope")]
    pull: Option<fetch::Pulls>,
    /// With --pull: the folder for reports of pulls.
    #[arg(long, default_value = DEFAULT_SPOOL, requires = "pull", value_name = "FOLDER")]
    spool: PathBuf,
    /// Allow what the key's line in this file of authorized keys says: for sshd's `ForceCommand`, with
    /// `ExposeAuthInfo yes`. A line without a command allows what `--scope` says.
    #[arg(long, value_name = "FILE", conflicts_with = "pull")]
    keys: Option<PathBuf>,
    /// With --keys: a line without a command allows nothing.
    #[arg(long, requires = "keys")]
    command_required: bool,
}

impl DoorArgs {
    /// The scope of a key that uses the server; `None` for a pull key.
    pub(super) fn scope(&self) -> Option<Scope> {
        self.pull.is_none().then_some(self.scope)
    }

    /// What the key pulls, if it is a pull key.
    pub(crate) fn pulls(&self) -> Option<&fetch::Pulls> {
        self.pull.as_ref()
    }

    /// The arguments for a pull key.
    fn for_pulling(pulls: fetch::Pulls) -> DoorArgs {
        DoorArgs {
            scope: Scope::Read,
            pull: Some(pulls),
            spool: DEFAULT_SPOOL.into(),
            keys: None,
            command_required: false,
        }
    }
}

/// `tealkeep door`
pub fn run(args: &DoorArgs, socket: &Path) -> Outcome {
    match &args.keys {
        Some(file) => {
            let grant = who::grant(args, file, socket)?;
            open(&grant.door, &grant.socket)
        }
        None => open(args, socket),
    }
}

fn open(args: &DoorArgs, socket: &Path) -> Outcome {
    if let Some(pulls) = &args.pull {
        return fetch::run(pulls, &args.spool, std::env::var(ASKED_FOR).ok());
    }
    let Ok(asked) = std::env::var(ASKED_FOR) else {
        return Err(Failure::Call(
            "this key is for deploys and gives no shell. On the laptop: tealkeep push DIR APP --host …"
                .to_owned(),
        ));
    };
    let words = shell_words::split(&asked).map_err(|e| refused(&format!("{e}")))?;
    match words.first().map(String::as_str) {
        Some("tealkeep") => verb(&words, socket, args.scope),
        Some("rsync") if args.scope >= Scope::Deploy => send(&words, socket),
        _ => Err(refused("this key runs tealkeep and rsync only")),
    }
}

fn refused(why: &str) -> Failure {
    Failure::Call(format!("refused: {why}"))
}

/// Runs a command in this process, on the configured socket.
fn verb(words: &[String], socket: &Path, scope: Scope) -> Outcome {
    let mut cli = parse(words, scope)?;
    cli.socket = socket.to_owned();
    super::run(cli)
}

/// The requested command, if this key may run it.
fn parse(words: &[String], scope: Scope) -> Result<Cli, Failure> {
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
        // Help and the version arrive in this way too.
        Err(error) => {
            let text = error.render();
            if !error.use_stderr() {
                put(&text.to_string())?;
                return Err(Failure::Said(0));
            }
            say(text);
            return Err(Failure::Said(super::WRONG_CALL));
        }
    };
    match cli.verb.scope_at_the_door() {
        Some(needed) if !is_local(&cli.verb) => {
            if scope >= needed {
                return Ok(cli);
            }
            Err(refused(&format!(
                "this key opens {scope}, but that needs {needed}; `sudo tealkeep key add --scope {needed} KEY` there would \
                 allow it"
            )))
        }
        Some(_) | None => Err(refused("this key may not ask for that")),
    }
}

/// Whether the name of a snapshot or an app is also a file here.
fn is_local(verb: &super::Verb) -> bool {
    matches!(verb, super::Verb::Verify(args) if args.is_local())
}

/// Replaces this process with rsync, which receives a release.
fn send(words: &[String], socket: &Path) -> Outcome {
    let client = Client::new(socket.to_owned());
    let folders: Vec<Folder> = threads()?.block_on(client.get("/api/v1/incoming"))?;
    let releases: Vec<_> = folders.into_iter().map(|folder| folder.releases).collect();
    let reception = rsync::parse(&words[1..], &releases).map_err(|why| refused(&why))?;
    let _turn = turn::take(&reception.target)?;
    // rsync uses the sender's mode minus this, so that nobody outside of the group can read the files meanwhile.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o027));
    let basis: Vec<&Path> = reception.basis.iter().map(PathBuf::as_path).collect();
    confine::confine(&basis, &[&reception.target]);
    let error = receiver(&["--server", SILENCE])
        .args(&reception.arguments)
        .exec();
    Err(Failure::Tried(anyhow::anyhow!(
        "cannot run rsync: {error}. Install it on this machine: sudo apt install rsync"
    )))
}

/// The real rsync with these arguments and a clean environment, because some variables are options of rsync.
fn receiver(words: &[&str]) -> Command {
    let mut command = Command::new("rsync");
    command.args(words).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(asked: &str) -> bool {
        allows_for(asked, Scope::Deploy)
    }

    fn allows_for(asked: &str, scope: Scope) -> bool {
        parse(&shell_words::split(asked).unwrap(), scope).is_ok()
    }

    #[test]
    fn only_a_key_for_everything_touches_people_s_data() {
        for (asked, least) in [
            ("tealkeep status", Some(Scope::Read)),
            ("tealkeep snapshots home", Some(Scope::Read)),
            ("tealkeep backup home", Some(Scope::Deploy)),
            ("tealkeep deploy home v2", Some(Scope::Deploy)),
            ("tealkeep restore home 20260101T000000Z", Some(Scope::Admin)),
            ("tealkeep undo home", Some(Scope::Admin)),
            ("tealkeep restore --file /etc/shadow --to /tmp/x", None),
            ("tealkeep token", None),
            ("tealkeep password", None),
        ] {
            for scope in [Scope::Read, Scope::Deploy, Scope::Admin] {
                let is_allowed = least.is_some_and(|least| scope >= least);
                assert_eq!(allows_for(asked, scope), is_allowed, "{asked} {scope}");
            }
        }
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
            "tealkeep undo home",
            "tealkeep status --socket /tmp/mine.sock",
            "tealkeep status --socket=/tmp/mine.sock",
            "tealkeep status --host other",
            "tealkeep --ssh 'sh -c id' status",
            "tealkeep push . home",
            "tealkeep door",
            "tealkeep door --pull home:/",
            "tealkeep pull root@other:/ /tmp/x",
            "tealkeep pulled home",
            "tealkeep pulled home --spool /etc",
            "tealkeep status ; id",
            "tealkeep status $(id) x",
            "tealkeep status && id",
        ] {
            assert!(!allows(asked), "{asked}");
        }
    }
}
