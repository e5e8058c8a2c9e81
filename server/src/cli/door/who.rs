//! Finds out which key signed in and what its line allows. The package's sshd configuration forces `tealkeep door --keys FILE`
//! for every key, so that none gives a shell whatever its line says. The `command=` of its line in that file, which sshd
//! then ignores, says which scope a key has. sshd names the key (sshd_config(5), `ExposeAuthInfo`).

use std::path::{Path, PathBuf};

use clap::FromArgMatches;
use clap::parser::ValueSource;

use super::super::{Cli, Failure, Verb, command};
use super::fetch::Pulls;
use super::{DoorArgs, refused};
use crate::durable::read_small;
use crate::keys::{self, PublicKey};

/// Where sshd says how somebody signed in (ssh(1), "ENVIRONMENT").
const HOW: &str = "SSH_USER_AUTH";
/// The largest file of keys, in bytes; what sshd writes is smaller.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What a key allows, and on which server's socket.
#[derive(Debug)]
pub(crate) struct Grant {
    /// What its line allows.
    pub(crate) door: DoorArgs,
    /// The server's socket.
    pub(in crate::cli) socket: PathBuf,
}

/// What the key that has just signed in allows. `forced` comes from sshd's configuration and applies to a line without a
/// command, unless such a line allows nothing.
///
/// # Errors
/// Nothing is allowed: sshd does not name the key, it is not in the file or has two commands there, or its line has a
/// command other than `tealkeep door`.
pub(super) fn grant(forced: &DoorArgs, file: &Path, socket: &Path) -> Result<Grant, Failure> {
    let how = std::env::var_os(HOW).ok_or_else(|| {
        refused(
            "sshd does not say which key signed in. Its configuration needs `ExposeAuthInfo yes`, as the package's \
             /etc/ssh/sshd_config.d/tealkeep.conf has it",
        )
    })?;
    let read = |path: &Path| {
        let bytes = read_small(path, MAX_FILE_BYTES)
            .map_err(|e| refused(&format!("cannot read {}: {e}", path.display())))?;
        Ok::<_, Failure>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let offered = offered(&read(Path::new(&how))?);
    let command = command_of(&read(file)?, &offered).map_err(|why| {
        refused(&format!(
            "{why}, in {}; `sudo tealkeep key list` there shows what each key may do",
            file.display()
        ))
    })?;
    match command {
        Some(command) => opened_by(&command, socket).map_err(|why| refused(&why)),
        None if forced.command_required => Err(refused(
            "the line of this key has no command, so it opens nothing; `sudo tealkeep key add` there writes the line",
        )),
        None => Ok(Grant {
            door: DoorArgs {
                keys: None,
                ..forced.clone()
            },
            socket: socket.to_owned(),
        }),
    }
}

/// The keys that the client proved to have: lines of `publickey`, its kind and its base64.
fn offered(how: &str) -> Vec<PublicKey> {
    how.lines()
        .filter_map(|line| {
            let mut words = line.strip_prefix("publickey ")?.split_whitespace();
            PublicKey::new(words.next()?, words.next()?).ok()
        })
        .collect()
}

/// The command on the line of one of these keys.
fn command_of(text: &str, offered: &[PublicKey]) -> Result<Option<String>, String> {
    let mut found = None;
    for line in keys::lines(text).flatten() {
        if !offered.contains(&line.key) {
            continue;
        }
        let command = line
            .command()
            .map_err(|why| format!("the options of this key cannot be read: {why}"))?;
        match &found {
            // Nobody says which of two lines applied (`from=` may differ), so neither counts.
            Some(other) if *other != command => {
                return Err("this key is on two lines with different commands".to_owned());
            }
            _ => found = Some(command),
        }
    }
    found.ok_or_else(|| "the key that signed in has no line".to_owned())
}

/// What a line's command allows: it must be `tealkeep door`, or what older versions printed for a pull key.
///
/// # Errors
/// Why it allows nothing.
pub(crate) fn opened_by(line: &str, socket: &Path) -> Result<Grant, String> {
    let wrong = |why: &str| {
        format!(
            "the command on the line of this key is not `tealkeep door …`, so it opens nothing: {why}"
        )
    };
    let mut words = shell_words::split(line).map_err(|e| wrong(&e.to_string()))?;
    if let Some(pulls) = of_older_tealkeep(&words) {
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
    let matches = command()
        .try_get_matches_from(&words)
        .map_err(|e| wrong(e.render().to_string().trim()))?;
    let names_socket = matches.value_source("socket") == Some(ValueSource::CommandLine);
    let cli = Cli::from_arg_matches(&matches).map_err(|e| wrong(&e.to_string()))?;
    match cli.verb {
        Verb::Door(door) if door.keys.is_none() => Ok(Grant {
            door,
            socket: match names_socket {
                true => cli.socket,
                false => socket.to_owned(),
            },
        }),
        _ => Err(wrong(line)),
    }
}

/// Parses `/usr/bin/rrsync -ro FOLDER`, which older versions printed for a pull key. `tealkeep door` then serves that
/// folder itself, with its own lists of allowed options.
fn of_older_tealkeep(words: &[String]) -> Option<Pulls> {
    let [program, "-ro", folder] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return None;
    };
    let is_rrsync = program.rsplit('/').next() == Some("rrsync");
    (is_rrsync && folder.starts_with('/')).then(|| Pulls {
        app: None,
        folder: folder.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::auth::Scope;

    const A: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const B: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/";

    #[test]
    fn the_command_is_that_of_the_key_that_signed_in() {
        let a = offered(&format!("password\npublickey {A}\n"));
        assert_eq!(a.len(), 1);
        let of = |text: &str| command_of(text, &a);
        let (one, other) = (
            format!("command=\"one\" {A}"),
            format!("command=\"two\" {B}"),
        );
        assert_eq!(
            of(&format!("{other}\n{one} x\n")),
            Ok(Some("one".to_owned()))
        );
        assert_eq!(of(A), Ok(None));
        assert_eq!(of(&format!("{one}\n{one}\n")), Ok(Some("one".to_owned())));
        assert!(of(&other).is_err());
        assert!(of("").is_err());
        assert!(of(&format!("{one}\n{A}\n")).is_err());
        assert!(of(&format!("command=x {A}")).is_err());
        assert_eq!(offered("publickey\npublickey x y\nhostbased a\n"), []);
    }

    #[test]
    fn only_a_door_is_opened() {
        let own = Path::new("/run/own.sock");
        let opened = |line: &str| opened_by(line, own);
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
}
