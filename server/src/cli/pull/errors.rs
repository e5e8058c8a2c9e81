//! Translates error messages of ssh and rsync while pulling into what somebody at a laptop can do about them.

use std::process::ExitStatus;

use anyhow::anyhow;

use super::remote::Ended;
use super::source::Source;
use crate::cli::outcome::Failure;
use crate::cli::push::errors::{Keys, not_reached};
use crate::cli::remote::SSH_FAILED;
use crate::units::PULL_KEYS;

/// Where a pull key is stored.
const KEYS: Keys = Keys {
    file: PULL_KEYS,
    add: "sudo tealkeep key add --pull APP KEY.pub",
};

/// rsync(1): some files were not transferred.
const PARTIAL_TRANSFER: i32 = 23;
/// What the versions of rsync say about the whole folder, or about this end: every file would fail in the same way.
const WHOLE_FOLDER_ERRORS: [&str; 10] = [
    "No such file or directory",
    "change_dir",
    "opendir",
    "readdir",
    "[receiver]",
    "[Receiver]",
    "[generator]",
    "mkstemp",
    "No space left",
    "quota exceeded",
];

/// Why some files did not arrive, if the other side could not read them and nothing else was wrong.
pub fn unreadable_reason(ended: &Ended) -> Option<String> {
    parse_unreadable(ended.status, &ended.error_output)
}

fn parse_unreadable(status: ExitStatus, output: &str) -> Option<String> {
    let is_whole_folder = WHOLE_FOLDER_ERRORS.iter().any(|part| output.contains(part));
    if status.code() != Some(PARTIAL_TRANSFER) || is_whole_folder {
        return None;
    }
    // ssh may have printed something before, and rsync prints a summary at the end.
    let line = output
        .lines()
        .find(|line| line.starts_with("rsync: ") || line.starts_with("ERROR: "));
    Some(line.unwrap_or(output).to_owned())
}

/// Why rsync failed.
pub fn explain_rsync(ended: &Ended, source: &Source) -> Failure {
    explain_output(ended.status, &ended.error_output, source)
}

fn explain_output(status: ExitStatus, output: &str, source: &Source) -> Failure {
    let host = &source.host;
    let resume_hint =
        "The snapshots here are intact, and the same command continues where this one stopped";
    if let Some(line) = output.lines().find(|line| line.contains("refused:")) {
        let own = line.trim_start_matches("tealkeep: ");
        return Failure::Operation(anyhow!("{host} says: {own}"));
    }
    if output.contains("No space left") {
        return Failure::Operation(anyhow!("this disk is full. {resume_hint}"));
    }
    let is_missing = [
        "command not found",
        ": not found",
        "cannot run rsync",
        "rsync can't be run",
    ];
    if status.code() == Some(127) || is_missing.iter().any(|part| output.contains(part)) {
        return Failure::Operation(anyhow!(
            "rsync is not installed at {host}; there: sudo apt install rsync"
        ));
    }
    // rsync ends with ssh's own exit code where ssh failed before it could begin, unless it ends before ssh does.
    let never_began = ["(code 255)", "closed (0 bytes received so far)"];
    let never_connected = never_began.iter().any(|part| output.contains(part));
    if status.code() == Some(SSH_FAILED) || never_connected {
        return Failure::Operation(anyhow!(
            "{}. {resume_hint}",
            not_reached(output, host, &KEYS)
        ));
    }
    match status.code() {
        Some(PARTIAL_TRANSFER) if output.contains("No such file or directory") => {
            Failure::Usage(format!(
                "{source} does not exist. The folder is `backups` in the app's section of the configuration there, such as \
             /var/backups/home, or `/` for a key that may only pull ({output})"
            ))
        }
        Some(PARTIAL_TRANSFER) if output.contains("Permission denied") => {
            Failure::Operation(anyhow!(
                "that user may not read all of {source}, so nothing was fetched from it ({output})"
            ))
        }
        // rsync(1): an error in the protocol's stream, a timeout, a signal.
        Some(10 | 12 | 19 | 20 | 30 | 35) | None => Failure::Operation(anyhow!(
            "the connection to {host} was lost. {resume_hint} ({output})"
        )),
        Some(code) => Failure::Operation(anyhow!(
            "rsync ended with exit code {code}: {output}. {resume_hint}"
        )),
    }
}

/// Why the report could not be left.
pub fn explain_report(status: ExitStatus, output: &str) -> String {
    if output.contains("command not found")
        || output.contains(": not found")
        || status.code() == Some(127)
    {
        return "tealkeep is not installed there, or not in the PATH".to_owned();
    }
    // What the versions of rrsync say to any other command.
    if output.contains("rrsync")
        || output.contains("does not run rsync")
        || output.contains("not 'rsync'")
    {
        return "an older version wrote that key's line in authorized_keys; `sudo tealkeep key add --pull APP KEY.pub` there rewrites it".to_owned();
    }
    match output.lines().last() {
        Some(last) => last.trim_start_matches("tealkeep: ").to_owned(),
        None => format!("it ended with {status}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_there_is_told_from_what_is_wrong_with_all_of_them() {
        let unreadable =
            |code: i32, output: &str| parse_unreadable(ExitStatus::from_raw(code << 8), output);
        let sum = "rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1956)";
        for output in [
            "rsync: [sender] read errors mapping \"/srv/x/a\": Input/output error (5)",
            "rsync: send_files failed to open \"/srv/x/a\": Permission denied (13)",
            "ERROR: a failed verification -- update put into partial-dir.",
            "rsync: [sender] link_stat \"/srv/x/a\" failed: Input/output error (5)",
        ] {
            let whole = format!("Welcome home.\n{output}\n{sum}");
            assert_eq!(unreadable(23, &whole).as_deref(), Some(output));
            assert_eq!(unreadable(12, &whole), None);
        }
        for output in [
            "rsync: [sender] change_dir \"/srv/x\" failed: No such file or directory (2)",
            "rsync: [sender] opendir \"/srv/x/snapshots\" failed: Permission denied (13)",
            "rsync: [receiver] mkstemp \"/home/.arriving.a1\" failed: No space left on device (28)",
            "rsync: mkstemp \"/home/.arriving.a1\" failed: Permission denied (13)",
        ] {
            assert_eq!(
                unreadable(23, &format!("{output}\n{sum}")),
                None,
                "{output}"
            );
        }
    }

    #[test]
    fn each_usual_trouble_has_its_own_words() {
        let source: Source = "t@pi:/srv/x".parse().unwrap();
        let rsync = |code: i32, output: &str| match explain_output(
            ExitStatus::from_raw(code << 8),
            output,
            &source,
        ) {
            Failure::Usage(text) => format!("call: {text}"),
            Failure::Operation(error) => format!("{error:#}"),
            Failure::Reported(code) => code.to_string(),
        };
        let key = rsync(
            255,
            "t@pi: Permission denied (publickey).\nrsync: connection unexpectedly closed",
        );
        assert!(
            key.contains("does not accept this key") && key.contains(KEYS.file),
            "{key}"
        );
        assert!(
            key.contains("`sudo tealkeep key add --pull APP KEY.pub`"),
            "{key}"
        );
        let early = rsync(
            12,
            "ssh: connect to host pi port 22: Connection refused\nrsync: connection unexpectedly closed (0 bytes received so far) [Receiver]",
        );
        assert!(early.contains("refuses ssh connections"), "{early}");
        assert!(rsync(127, "sh: 1: rsync: not found").contains("apt install rsync"));
        let folder = rsync(
            23,
            "rsync: change_dir \"/srv/x\" failed: No such file or directory (2)",
        );
        assert!(
            folder.starts_with("call: t@pi:/srv/x does not exist"),
            "{folder}"
        );
        let lost = rsync(12, "rsync: connection unexpectedly closed");
        assert!(
            lost.contains("lost") && lost.contains("continues"),
            "{lost}"
        );
        assert!(rsync(11, "rsync: write failed: No space left on device (28)").contains("full"));
        let refused = rsync(12, "tealkeep: refused: /x is outside of the backups folder");
        assert!(refused.contains("outside"), "{refused}");
        let old = explain_report(
            ExitStatus::from_raw(1 << 8),
            "/usr/bin/rrsync error: SSH_ORIGINAL_COMMAND does not run rsync",
        );
        assert!(
            old.contains("older version") && old.contains("sudo tealkeep key add --pull APP"),
            "{old}"
        );
    }
}
