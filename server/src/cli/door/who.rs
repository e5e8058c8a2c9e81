//! Finds out which key signed in and what its line allows. The package's sshd configuration forces `tealkeep door --keys FILE`
//! for every key, so that none gives a shell whatever its line says. The `command=` of its line in that file, which sshd
//! then ignores, says which scope a key has. sshd names the key (sshd_config(5), `ExposeAuthInfo`).

use std::path::Path;

use super::super::outcome::Failure;
use super::refused;
use crate::durable::read_small;
use crate::keys::door::{DoorArgs, Grant, parse_command};
use crate::keys::{self, PublicKey};

/// Where sshd says how somebody signed in (ssh(1), "ENVIRONMENT").
const AUTH_FILE_VARIABLE: &str = "SSH_USER_AUTH";
/// The largest file of keys, in bytes; what sshd writes is smaller.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What the key that has just signed in allows. `forced` comes from sshd's configuration and applies to a line without a
/// command, unless such a line allows nothing.
///
/// # Errors
/// Nothing is allowed: sshd does not name the key, it is not in the file or has two commands there, or its line has a
/// command other than `tealkeep door`.
pub(super) fn grant(forced: &DoorArgs, file: &Path, socket: &Path) -> Result<Grant, Failure> {
    let how = std::env::var_os(AUTH_FILE_VARIABLE).ok_or_else(|| {
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
        Some(command) => parse_command(&command, socket).map_err(|why| refused(&why)),
        None if forced.command_required => Err(refused(
            "the line of this key has no command, so it allows nothing; `sudo tealkeep key add` there writes the line",
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
