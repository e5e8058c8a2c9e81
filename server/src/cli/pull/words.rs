//! What ssh and rsync complain about while pulling, as what somebody at a laptop can do something about.

use std::process::ExitStatus;

use anyhow::anyhow;

use super::source::Source;
use super::there::Ended;
use crate::cli::Failure;
use crate::cli::push::words::not_reached;
use crate::cli::remote::SSH_FAILED;

/// Where a pulling key belongs.
const KEYS: &str = "/var/lib/tealkeep-backup/.ssh/authorized_keys";

/// Why rsync failed.
pub fn of_rsync(ended: &Ended, source: &Source) -> Failure {
    of(ended.status, &ended.complaint, source)
}

fn of(status: ExitStatus, said: &str, source: &Source) -> Failure {
    let host = &source.host;
    let goes_on = "What is here is whole, and the same command goes on where this one was";
    if let Some(line) = said.lines().find(|line| line.contains("refused:")) {
        let own = line.trim_start_matches("tealkeep: ");
        return Failure::Tried(anyhow!("{host} says: {own}"));
    }
    if said.contains("No space left") {
        return Failure::Tried(anyhow!("this disk is full. {goes_on}"));
    }
    let is_missing = ["command not found", ": not found", "rsync can't be run"];
    if status.code() == Some(127) || is_missing.iter().any(|part| said.contains(part)) {
        return Failure::Tried(anyhow!(
            "rsync is not installed at {host}; there: sudo apt install rsync"
        ));
    }
    // rsync ends with ssh's own exit code where ssh failed before it could begin.
    if status.code() == Some(SSH_FAILED) || said.contains("(code 255)") {
        return Failure::Tried(anyhow!("{}. {goes_on}", not_reached(said, host, KEYS)));
    }
    match status.code() {
        Some(23) if said.contains("No such file or directory") => Failure::Call(format!(
            "{source} is not there. The folder is `backups` of the app's section in the configuration of that machine, such as \
             /var/backups/home, and `/` for a key that is for pulling only ({said})"
        )),
        Some(23) if said.contains("Permission denied") => Failure::Tried(anyhow!(
            "some of {source} may not be read by that user, so nothing was taken over from it ({said})"
        )),
        // rsync(1): an error in the protocol's stream, a timeout, a signal.
        Some(10 | 12 | 19 | 20 | 30 | 35) | None => Failure::Tried(anyhow!(
            "the connection to {host} was lost. {goes_on} ({said})"
        )),
        Some(code) => Failure::Tried(anyhow!(
            "rsync ended with exit code {code}: {said}. {goes_on}"
        )),
    }
}

/// Why no word was left.
pub fn of_word(status: ExitStatus, said: &str) -> String {
    if said.contains("command not found")
        || said.contains(": not found")
        || status.code() == Some(127)
    {
        return "tealkeep is not installed there, or not in the PATH".to_owned();
    }
    // What the restricting script of rsync says to all else, in its versions.
    if said.contains("rrsync")
        || said.contains("does not run rsync")
        || said.contains("not 'rsync'")
    {
        return "that key's line in authorized_keys is of an older version; `tealkeep units APP --only pull-key` there prints the new one".to_owned();
    }
    match said.lines().last() {
        Some(last) => last.trim_start_matches("tealkeep: ").to_owned(),
        None => format!("it ended with {status}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn each_usual_trouble_has_its_own_words() {
        let source: Source = "t@pi:/srv/x".parse().unwrap();
        let rsync = |code: i32, said: &str| match of(ExitStatus::from_raw(code << 8), said, &source)
        {
            Failure::Call(text) => format!("call: {text}"),
            Failure::Tried(error) => format!("{error:#}"),
            Failure::Said(code) => code.to_string(),
        };
        let key = rsync(
            255,
            "t@pi: Permission denied (publickey).\nrsync: connection unexpectedly closed",
        );
        assert!(
            key.contains("does not take this key") && key.contains(KEYS),
            "{key}"
        );
        assert!(rsync(127, "sh: 1: rsync: not found").contains("apt install rsync"));
        let folder = rsync(
            23,
            "rsync: change_dir \"/srv/x\" failed: No such file or directory (2)",
        );
        assert!(
            folder.starts_with("call: t@pi:/srv/x is not there"),
            "{folder}"
        );
        let lost = rsync(12, "rsync: connection unexpectedly closed");
        assert!(lost.contains("lost") && lost.contains("goes on"), "{lost}");
        assert!(rsync(11, "rsync: write failed: No space left on device (28)").contains("full"));
        let refused = rsync(12, "tealkeep: refused: /x is outside of the backups folder");
        assert!(refused.contains("outside"), "{refused}");
        let old = of_word(
            ExitStatus::from_raw(1 << 8),
            "/usr/bin/rrsync error: SSH_ORIGINAL_COMMAND does not run rsync",
        );
        assert!(old.contains("older version"), "{old}");
    }
}
