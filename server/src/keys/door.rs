//! What a key's line allows: `tealkeep door` with its options, as the forced command of the line.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

use crate::config::DEFAULT_SPOOL;
use crate::http::auth::Scope;
use crate::names::AppName;

/// The options of `tealkeep door`.
#[derive(Debug, Clone, Args)]
pub struct DoorArgs {
    /// What the key allows, like a token's scope: `read` shows the state, `deploy` also deploys, `admin` also restores.
    #[arg(long, default_value = "deploy")]
    pub scope: Scope,
    /// Allow only pulling this app's backups folder.
    #[arg(long, value_name = "APP:FOLDER", conflicts_with = "scope")]
    pub pull: Option<PullScope>,
    /// With --pull: the folder for reports of pulls.
    #[arg(long, default_value = DEFAULT_SPOOL, requires = "pull", value_name = "FOLDER")]
    pub spool: PathBuf,
    /// Allow what the key's line in this file of authorized keys says: for sshd's `ForceCommand`, with
    /// `ExposeAuthInfo yes`. A line without a command allows what `--scope` says.
    #[arg(long, value_name = "FILE", conflicts_with = "pull")]
    pub keys: Option<PathBuf>,
    /// With --keys: a line without a command allows nothing.
    #[arg(long, requires = "keys")]
    pub command_required: bool,
}

impl DoorArgs {
    /// The scope of a key that uses the server; `None` for a pull key.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        self.pull.is_none().then_some(self.scope)
    }

    /// The arguments for a pull key.
    fn for_pulling(pulls: PullScope) -> DoorArgs {
        DoorArgs {
            scope: Scope::Read,
            pull: Some(pulls),
            spool: DEFAULT_SPOOL.into(),
            keys: None,
            command_required: false,
        }
    }
}

/// The app whose snapshots a key pulls, and their folder: `home:/var/backups/home`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullScope {
    /// The app; none on a line that an older version printed, with which no report can be left.
    pub app: Option<AppName>,
    /// Its backups folder.
    pub folder: PathBuf,
}

impl FromStr for PullScope {
    type Err = String;

    fn from_str(text: &str) -> Result<PullScope, String> {
        let (app, folder) = text
            .split_once(':')
            .filter(|(_, folder)| folder.starts_with('/'))
            .ok_or(
                "write the app's name, a colon, and its backups folder: home:/var/backups/home",
            )?;
        Ok(PullScope {
            app: Some(app.parse().map_err(|e| format!("{e}"))?),
            folder: folder.into(),
        })
    }
}

/// What a key allows, and on which server's socket.
#[derive(Debug)]
pub struct Grant {
    /// What its line allows.
    pub door: DoorArgs,
    /// The server's socket.
    pub socket: PathBuf,
}

/// A command line that may stand on a key's line, as far as it is allowed to differ.
#[derive(Debug, Parser)]
#[command(name = "tealkeep", disable_help_flag = true)]
struct ForcedCommand {
    #[arg(long, global = true)]
    socket: Option<PathBuf>,
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: ForcedVerb,
}

#[derive(Debug, Subcommand)]
enum ForcedVerb {
    Door(DoorArgs),
}

/// What the command on a key's line allows: it must be `tealkeep door`, or what older versions printed for a pull key.
/// `socket` is the server's, unless the line names another one.
///
/// # Errors
/// Why it allows nothing.
pub fn parse_command(line: &str, socket: &Path) -> Result<Grant, String> {
    let wrong = |why: &str| {
        format!(
            "the command on the line of this key is not `tealkeep door …`, so it allows nothing: {why}"
        )
    };
    let mut words = shell_words::split(line).map_err(|e| wrong(&e.to_string()))?;
    if let Some(pulls) = parse_rrsync(&words) {
        return Ok(Grant {
            door: DoorArgs::for_pulling(pulls),
            socket: socket.to_owned(),
        });
    }
    let program = words.first().map(String::as_str).unwrap_or_default();
    if program.rsplit('/').next() != Some("tealkeep") {
        return Err(wrong(line));
    }
    "tealkeep".clone_into(&mut words[0]);
    let parsed =
        ForcedCommand::try_parse_from(&words).map_err(|e| wrong(e.render().to_string().trim()))?;
    let ForcedVerb::Door(door) = parsed.verb;
    match door.keys {
        None => Ok(Grant {
            door,
            socket: parsed.socket.unwrap_or_else(|| socket.to_owned()),
        }),
        Some(_) => Err(wrong(line)),
    }
}

/// Parses `/usr/bin/rrsync -ro FOLDER`, which older versions printed for a pull key. `tealkeep door` then serves that
/// folder itself, with its own lists of allowed options.
fn parse_rrsync(words: &[String]) -> Option<PullScope> {
    let [program, "-ro", folder] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return None;
    };
    let is_rrsync = program.rsplit('/').next() == Some("rrsync");
    (is_rrsync && folder.starts_with('/')).then(|| PullScope {
        app: None,
        folder: folder.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_door_is_opened() {
        let own = Path::new("/run/own.sock");
        let opened = |line: &str| parse_command(line, own);
        let read = opened("/usr/bin/tealkeep door --scope read").unwrap();
        assert_eq!((read.door.scope, &*read.socket), (Scope::Read, own));
        assert_eq!(opened("tealkeep door").unwrap().door.scope, Scope::Deploy);
        let other = opened("tealkeep --socket /run/other.sock door --scope=admin").unwrap();
        assert_eq!(other.socket, Path::new("/run/other.sock"));
        let pull = opened("/usr/bin/tealkeep door --pull 'home:/mnt/a b'").unwrap();
        assert_eq!(pull.door.pull.unwrap().folder, Path::new("/mnt/a b"));
        let older = opened("/usr/bin/rrsync -ro '/mnt/a b'")
            .unwrap()
            .door
            .pull
            .unwrap();
        assert_eq!((older.app, &*older.folder), (None, Path::new("/mnt/a b")));
        for line in [
            "",
            "sh",
            "/bin/sh -c 'tealkeep door'",
            "tealkeep status",
            "tealkeep door --scope all",
            "tealkeep door --keys /tmp/x",
            "tealkeep --host pi door",
            "tealkeep --help",
            "tealkeep door; id",
            "rrsync /var/backups/home",
            "rrsync -wo /var/backups/home",
            "rrsync -ro backups",
            "rrsync -ro -munge /var/backups/home",
            "rrsync -ro /var/backups/home; id",
            "sh -c 'rrsync -ro /var/backups/home'",
            "'unclosed",
        ] {
            assert!(opened(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_pull_key_is_for_one_app_and_one_folder() {
        let home: PullScope = "home:/var/backups/home".parse().unwrap();
        assert_eq!(home.folder, Path::new("/var/backups/home"));
        for wrong in ["home", "home:", "home:var", ":/var", "Ho me:/var"] {
            assert!(wrong.parse::<PullScope>().is_err(), "{wrong}");
        }
    }
}
