//! Translates error messages of ssh and rsync into what somebody at a laptop can do about them.

use std::process::{ExitStatus, Output};

use anyhow::anyhow;

use super::super::outcome::{Failure, USAGE_ERROR};
use super::super::remote::SSH_FAILED;
use crate::http::incoming::Incoming;
use crate::names::AppName;
use crate::units::DEPLOY_KEYS;

/// Where a laptop's key is stored on the other machine.
pub(in crate::cli) struct Keys {
    /// The file.
    pub(in crate::cli) file: &'static str,
    /// The command that adds its line.
    pub(in crate::cli) add: &'static str,
}

/// Where a deploy key is stored.
const KEYS: Keys = Keys {
    file: DEPLOY_KEYS,
    add: "sudo tealkeep key add KEY.pub",
};

/// Parts of ssh's error messages, and what they mean.
const SSH_ERRORS: [(&str, &str); 8] = [
    (
        "Permission denied",
        "does not accept this key: it is not in KEYS there (`ADD` adds it), or --ssh 'ssh -i KEY' must name another one",
    ),
    (
        "Host key verification failed",
        "is not known to this laptop, or its host key has changed; connect once with ssh by hand and check the key",
    ),
    (
        "Could not resolve",
        "cannot be resolved from this laptop; is the name right, and is this the network at home?",
    ),
    (
        "Connection refused",
        "refuses ssh connections; is sshd running there, on that port?",
    ),
    ("timed out", "does not answer; is it on?"),
    (
        "No route to host",
        "cannot be reached; is it on, and is this the network at home?",
    ),
    (
        "Connection closed",
        "closed the connection; its sshd's log says why",
    ),
    (
        "Connection reset",
        "cut the connection; its sshd's log says why",
    ),
];

/// Says that the server there uses an older version of its configuration file.
pub(super) fn warn_changed_configuration(incoming: &Incoming, host: &str) -> Option<String> {
    incoming.config_changed.then(|| {
        format!(
            "The configuration at {host} was changed after Tealkeep started, so this push uses the old one. \
             To use the new one, restart Tealkeep there: sudo systemctl restart tealkeep"
        )
    })
}

/// Names the printed files there that are older than the configuration: the release starts with their content.
pub(super) fn warn_outdated_units(incoming: &Incoming, app: &AppName, host: &str) -> Vec<String> {
    let (left_alone, replaced): (Vec<&str>, Vec<&str>) = incoming
        .outdated
        .iter()
        .map(String::as_str)
        .partition(|path| incoming.left_alone.iter().any(|kept| kept == path));
    let mut lines = Vec::new();
    if !replaced.is_empty() {
        lines.push(format!(
            "The units of {app} at {host} are older than the configuration there, so this release starts without its latest \
             changes: {}. To update them, run there: sudo tealkeep units {app} --only commands | sudo sh",
            replaced.join(", ")
        ));
    }
    if !left_alone.is_empty() {
        lines.push(format!(
            "Files of {app} at {host} do not follow from the configuration there, and the commands of `tealkeep units` \
             leave them alone, since they were changed by hand or printed by an older Tealkeep: {}. This command says \
             there how to bring them up to date: sudo tealkeep doctor {app}",
            left_alone.join(", ")
        ));
    }
    lines
}

/// Why a command over ssh failed.
pub(super) fn explain_ssh(output: &Output, host: &str) -> Failure {
    let output_text = String::from_utf8_lossy(&output.stderr);
    let output_text = output_text.trim();
    if output.status.code() == Some(SSH_FAILED) {
        return Failure::Operation(anyhow!(not_reached(output_text, host, &KEYS)));
    }
    if output.status.code() == Some(127) || output_text.contains("command not found") {
        return Failure::Operation(anyhow!(
            "tealkeep is not installed at {host}, or not in the PATH there"
        ));
    }
    if output_text.contains("unrecognized subcommand")
        || output_text.contains("unexpected argument")
    {
        return Failure::Operation(anyhow!(
            "the Tealkeep at {host} is older than this one ({}); install the same version on both",
            env!("CARGO_PKG_VERSION")
        ));
    }
    let own = output_text.trim_start_matches("tealkeep: ");
    let text = format!("{host} says: {own}");
    if output.status.code() == Some(i32::from(USAGE_ERROR)) {
        return Failure::Usage(text);
    }
    Failure::Operation(anyhow!(text))
}

/// Why ssh did not reach a host; `keys` is where this laptop's key is stored there.
pub(in crate::cli) fn not_reached(output_text: &str, host: &str, keys: &Keys) -> String {
    let known = SSH_ERRORS
        .iter()
        .find(|(part, _)| output_text.contains(part));
    match known {
        Some((_, means)) => {
            let means = means.replace("KEYS", keys.file).replace("ADD", keys.add);
            format!("{host} {means} ({output_text})")
        }
        None => format!("{host} was not reached through ssh: {output_text}"),
    }
}

/// Why rsync failed.
pub(super) fn explain_rsync(status: ExitStatus, error_output: &[u8], host: &str) -> Failure {
    let output_text = String::from_utf8_lossy(error_output);
    let output_text = output_text.trim();
    let resume_hint =
        "Nothing has changed there, and the same command continues where this one stopped";
    if output_text.contains("No space left") {
        return Failure::Operation(anyhow!("the disk at {host} is full. {resume_hint}"));
    }
    if output_text.contains("rsync: command not found")
        || output_text.contains("rsync: not found")
        || output_text.contains("cannot run rsync")
        || output_text.contains("rsync can't be run")
        || status.code() == Some(127)
    {
        return Failure::Operation(anyhow!(
            "rsync is not installed at {host}; there: sudo apt install rsync"
        ));
    }
    if let Some(line) = output_text.lines().find(|line| line.contains("refused:")) {
        return Failure::Operation(anyhow!(
            "{host} says: {}",
            line.trim_start_matches("tealkeep: ")
        ));
    }
    match status.code() {
        // rsync(1): an error in the protocol's stream, a timeout, ssh's own failure, a signal.
        Some(10 | 12 | 20 | 30 | 35 | SSH_FAILED) | None => Failure::Operation(anyhow!(
            "the connection to {host} was lost while sending. {resume_hint}. ({output_text})"
        )),
        // rsync(1): some files were not transferred, or vanished meanwhile.
        Some(23 | 24) => Failure::Operation(anyhow!(
            "some files could not be sent, so it was not deployed: {output_text}"
        )),
        Some(code) => {
            Failure::Operation(anyhow!("rsync ended with exit code {code}: {output_text}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn text(failure: Failure) -> String {
        match failure {
            Failure::Usage(text) => text,
            Failure::Operation(error) => format!("{error:#}"),
            Failure::Reported(code) => code.to_string(),
        }
    }

    #[test]
    fn a_file_that_the_commands_leave_alone_is_one_for_the_doctor() {
        let (commands, doctor) = ("--only commands", "sudo tealkeep doctor home");
        let of = |outdated: &[&str], left_alone: &[&str]| {
            let incoming = serde_json::json!({
                "version": "1.0.0", "id": "v1", "folder": "/r", "basis": null, "taken": false, "resumes": false,
                "prepares": false, "free_bytes": 1, "url": null, "outdated": outdated, "left_alone": left_alone,
            });
            let incoming: Incoming = serde_json::from_value(incoming).unwrap();
            warn_outdated_units(&incoming, &"home".parse().unwrap(), "pi")
        };
        assert_eq!(of(&[], &[]), Vec::<String>::new());
        let all = of(&["/a", "/b"], &[]);
        assert!(all.len() == 1 && all[0].contains("/a, /b") && all[0].contains(commands));
        let none = of(&["/a"], &["/a"]);
        assert!(none.len() == 1 && none[0].contains("/a") && none[0].contains(doctor));
        assert!(!none[0].contains(commands), "{none:?}");
        let both = of(&["/a", "/b"], &["/b"]);
        assert!(
            both[0].contains(": /a. ") && both[1].contains(": /b. "),
            "{both:?}"
        );
    }

    #[test]
    fn each_usual_trouble_has_its_own_words() {
        let ssh = |code: i32, output_text: &str| {
            let output = Output {
                status: ExitStatus::from_raw(code << 8),
                stdout: Vec::new(),
                stderr: output_text.as_bytes().to_vec(),
            };
            text(explain_ssh(&output, "t@pi"))
        };
        let key = ssh(255, "t@pi: Permission denied (publickey).");
        assert!(key.contains("does not accept this key"), "{key}");
        let name = ssh(
            255,
            "ssh: Could not resolve hostname pi: Name or service not known",
        );
        assert!(
            name.contains("cannot be resolved from this laptop"),
            "{name}"
        );
        assert!(ssh(127, "bash: tealkeep: command not found").contains("not installed"));
        assert!(ssh(2, "error: unrecognized subcommand 'incoming'").contains("is older"));
        let app = ssh(2, "tealkeep: there is no app called \"x\"");
        assert_eq!(app, "t@pi says: there is no app called \"x\"");
        let rsync = |code: i32, output_text: &str| {
            text(explain_rsync(
                ExitStatus::from_raw(code << 8),
                output_text.as_bytes(),
                "pi",
            ))
        };
        assert!(rsync(11, "rsync: write failed: No space left on device (28)").contains("full"));
        assert!(rsync(12, "connection unexpectedly closed").contains("lost"));
        assert!(rsync(127, "sh: 1: rsync: not found").contains("apt install rsync"));
    }
}
