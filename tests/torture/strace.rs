//! strace(1) as the hand that strikes: at the n-th call of one kind, in any thread, the call fails or the
//! process is killed before the call is made. It works at the boundary to the kernel, so nothing is left out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::support::{PATIENCE, Said};

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// It fails with this error, and nothing is done.
    Fails(&'static str),
    /// The process is killed instead of it.
    Kills,
}

/// A run that was struck, or got away.
#[derive(Debug)]
pub struct Struck {
    /// How it ended, and what it said.
    pub said: Said,
    /// The calls that were struck, as strace prints them, each descriptor with its path.
    pub hits: Vec<String>,
}

impl Struck {
    /// Whether only its words were lost: they go to the terminal.
    pub fn was_on_the_terminal(&self) -> bool {
        let lost = |hit: &String| hit.contains("write(1<") || hit.contains("write(2<");
        !self.hits.is_empty() && self.hits.iter().all(lost)
    }

    /// Whether it was killed.
    pub fn is_dead(&self) -> bool {
        self.hits
            .iter()
            .any(|hit| hit.contains("killed by SIGKILL"))
    }
}

/// Lets a command run, and answers with its calls of these kinds, each with its number: strace counts every
/// kind for each thread alone, from 1 on. Left out are those that are about nothing below `place`, but for words.
pub fn points<'a>(command: &[OsString], calls: &[&'a str], place: &Path) -> Vec<(&'a str, u32)> {
    let (said, log) = trace(command, calls, &[]);
    said.succeeds();
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut points = BTreeSet::new();
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').unwrap_or_default();
        let (name, _) = rest.trim_start().split_once('(').unwrap_or_default();
        let Some(call) = calls.iter().find(|call| **call == name) else {
            continue;
        };
        let nth = counts.entry((thread, call)).or_default();
        *nth += 1;
        if rest.contains(&*place.to_string_lossy()) || name == "write" {
            points.insert((*call, *nth));
        }
    }
    assert!(!points.is_empty(), "strace saw nothing:\n{log}");
    points.into_iter().collect()
}

/// Lets a command run, and strikes at its n-th call, from 1 on.
pub fn strike(command: &[OsString], call: &str, nth: u32, blow: Blow) -> Struck {
    let how = match blow {
        Blow::Fails(error) => format!("error={error}"),
        Blow::Kills => "signal=KILL".to_owned(),
    };
    let inject = format!("inject={call}:{how}:when={nth}");
    let (said, log) = trace(command, &[call], &["-e", &inject]);
    Struck {
        said,
        hits: hits(&log),
    }
}

fn trace(command: &[OsString], calls: &[&str], more: &[&str]) -> (Said, String) {
    let log = tempfile::NamedTempFile::new().unwrap();
    // A name that this machine's kernel does not know is passed over.
    let calls: Vec<String> = calls.iter().map(|call| format!("?{call}")).collect();
    let began = Instant::now();
    let output = Command::new("timeout")
        .args(["--signal=KILL", &PATIENCE.as_secs().to_string()])
        .args(["strace", "-f", "-y", "-s", "0", "-o"])
        .arg(log.path())
        .arg("-e")
        .arg(format!("trace={}", calls.join(",")))
        .args(more)
        .arg("--")
        .args(command)
        .env_remove("RUST_BACKTRACE")
        // Else it searches all zones for the one that the system is set to.
        .env("TZ", "UTC")
        .output()
        .expect("strace is installed: apt-get install strace");
    let said = Said::of(&output);
    assert!(
        !said.stderr.contains("ptrace"),
        "strace may not trace here (CAP_SYS_PTRACE, kernel.yama.ptrace_scope): {said:#?}"
    );
    assert!(began.elapsed() < PATIENCE, "it hangs: {said:#?}");
    (said, std::fs::read_to_string(log.path()).unwrap())
}

/// The lines of calls that were struck. A call during which another thread ran stands in two lines.
fn hits(log: &str) -> Vec<String> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut hits = Vec::new();
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').unwrap_or_default();
        if line.ends_with("<unfinished ...>") {
            begun.insert(thread, rest);
        }
        if line.ends_with("(INJECTED)") {
            let first = begun.get(thread).filter(|_| rest.contains("resumed>"));
            hits.push(format!("{}{rest}", first.copied().unwrap_or_default()));
        } else if line.ends_with("+++ killed by SIGKILL +++") {
            hits.push(rest.to_owned());
        }
    }
    hits
}
