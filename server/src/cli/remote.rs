//! `--host`: runs the same command on the machine at home, through ssh, with its arguments quoted so that they arrive
//! unchanged.

use std::io::IsTerminal;
use std::process::{Command, Stdio};

use anyhow::Context;

use super::outcome::{FAILED, Failure, Outcome};

/// The exit code of ssh if ssh itself failed.
pub const SSH_FAILED: i32 = 255;

/// The ssh command: the words of `--ssh`, then timeouts if it is OpenSSH.
///
/// # Errors
/// The words can't be split, name no program, or the host could be taken for an option.
pub fn ssh_words(ssh: &str, host: &str) -> Result<Vec<String>, Failure> {
    let mut words = shell_words::split(ssh)
        .map_err(|e| Failure::Usage(format!("--ssh {ssh:?} cannot be split into words: {e}")))?;
    let program = words
        .first()
        .ok_or_else(|| Failure::Usage("--ssh names no program".to_owned()))?;
    if host.is_empty() || host.starts_with('-') || host.contains(char::is_whitespace) {
        return Err(Failure::Usage(format!(
            "{host:?} is not a host; write for example tealkeep@raspberrypi"
        )));
    }
    if program.rsplit('/').next() == Some("ssh") {
        // After the given options, because the first one counts (ssh_config(5)).
        words
            .extend(["-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15"].map(str::to_owned));
    }
    Ok(words)
}

/// Runs this process's command line there, without the options that name the machine.
pub fn run(host: &str, ssh: &str, json: bool) -> Outcome {
    let mut words = ssh_words(ssh, host)?;
    let is_interactive = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
    if is_interactive && !json {
        words.insert(1, "-t".to_owned());
    }
    let arguments = remote_arguments(std::env::args().skip(1));
    let status = Command::new(&words[0])
        .args(&words[1..])
        .arg(host)
        .arg(format!("tealkeep {}", shell_words::join(arguments)))
        .stdin(Stdio::inherit())
        .status()
        .with_context(|| format!("cannot run {}; is it installed?", words[0]))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(SSH_FAILED) => Err(Failure::Operation(anyhow::anyhow!(
            "{host} was not reached through ssh, or the connection was lost. A run there continues by itself; \
             `tealkeep status --host {host} --follow` shows the rest"
        ))),
        code => Err(Failure::Reported(
            code.and_then(|code| u8::try_from(code).ok())
                .unwrap_or(FAILED),
        )),
    }
}

/// The arguments for the other machine: all but those that name it.
fn remote_arguments(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words = words;
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" => {
                kept.push(word);
                kept.extend(words.by_ref());
            }
            "--host" | "--ssh" | "--socket" => drop(words.next()),
            _ if ["--host=", "--ssh=", "--socket="]
                .iter()
                .any(|begin| word.starts_with(begin)) => {}
            _ => kept.push(word),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_where_stays_here_and_everything_else_goes_there() {
        let given = [
            "--host",
            "t@pi",
            "verify",
            "--ssh=ssh -p 1",
            "home",
            "--json",
            "--",
            "--host",
        ];
        let arguments = remote_arguments(given.iter().map(ToString::to_string));
        assert_eq!(arguments, ["verify", "home", "--json", "--", "--host"]);
    }

    #[test]
    fn a_host_is_never_an_option_of_ssh() {
        assert!(ssh_words("ssh", "-oProxyCommand=evil").is_err());
        assert!(ssh_words("ssh", "pi evil").is_err());
        assert!(ssh_words("", "pi").is_err());
        assert_eq!(
            ssh_words("ssh -p 22", "t@pi").unwrap()[..3],
            ["ssh", "-p", "22"]
        );
    }
}
