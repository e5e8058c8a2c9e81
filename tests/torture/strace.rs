//! strace(1) as the hand that strikes: at the n-th call of one kind, in one thread or any other, the call fails or the
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

/// Whose calls are struck at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thread {
    /// The first one's, and nobody else's.
    Main,
    /// Those of each, since strace follows all or none. What the main one does before it starts another comes first.
    Others,
}

/// The n-th call of its kind, from 1 on: strace counts every kind for each thread alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point<'a> {
    pub thread: Thread,
    pub call: &'a str,
    pub nth: u32,
}

impl std::fmt::Display for Point<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} number {} ({:?})", self.call, self.nth, self.thread)
    }
}

/// A run that was struck, or got away.
#[derive(Debug)]
pub struct Struck {
    /// How it ended, and what it said.
    pub said: Said,
    /// The calls that were struck, as strace prints them, each descriptor with its path.
    pub hits: Vec<String>,
    /// In which threads.
    pub threads: BTreeSet<Thread>,
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

/// Lets a command run, and answers with its calls of these kinds. Left out are those that are about nothing below
/// `place`, but for words.
pub fn points<'a>(command: &[OsString], calls: &[&'a str], place: &Path) -> Vec<Point<'a>> {
    let (said, log) = trace(command, Thread::Others, calls, &[]);
    said.succeeds();
    let main = main_of(&log);
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut points = BTreeSet::new();
    for line in log.lines() {
        let (id, rest) = line.split_once(' ').unwrap_or_default();
        let (name, _) = rest.trim_start().split_once('(').unwrap_or_default();
        let Some(call) = calls.iter().find(|call| **call == name) else {
            continue;
        };
        let nth = counts.entry((id, call)).or_default();
        *nth += 1;
        if rest.contains(&*place.to_string_lossy()) || name == "write" {
            points.insert(Point {
                thread: thread_of(id, main),
                call,
                nth: *nth,
            });
        }
    }
    assert!(!points.is_empty(), "strace saw nothing:\n{log}");
    points.into_iter().collect()
}

/// Lets a command run, and strikes at one of its calls.
pub fn strike(command: &[OsString], at: Point<'_>, blow: Blow) -> Struck {
    let how = match blow {
        Blow::Fails(error) => format!("error={error}"),
        Blow::Kills => "signal=KILL".to_owned(),
    };
    let inject = format!("inject={}:{how}:when={}", at.call, at.nth);
    let (said, log) = trace(command, at.thread, &[at.call], &["-e", &inject]);
    let hits = hits(&log);
    let main = main_of(&log);
    Struck {
        said,
        threads: hits.iter().map(|(id, _)| thread_of(id, main)).collect(),
        hits: hits.into_iter().map(|(_, line)| line).collect(),
    }
}

/// The first line is of the program's start, which is its main thread's.
fn main_of(log: &str) -> &str {
    log.split(' ').next().unwrap_or_default()
}

fn thread_of(id: &str, main: &str) -> Thread {
    if id == main {
        Thread::Main
    } else {
        Thread::Others
    }
}

/// Each line of the log begins with its thread's number.
fn trace(command: &[OsString], whose: Thread, calls: &[&str], more: &[&str]) -> (Said, String) {
    let log = tempfile::NamedTempFile::new().unwrap();
    // A name that this machine's kernel does not know is passed over.
    let calls: Vec<String> = calls.iter().map(|call| format!("?{call}")).collect();
    let began = Instant::now();
    let output = Command::new("timeout")
        .args(["--signal=KILL", &PATIENCE.as_secs().to_string()])
        .args(["strace", "-y", "-s", "0", "-o"])
        .arg(log.path())
        .args((whose == Thread::Others).then_some("-f"))
        .arg("-e")
        .arg(format!("trace=execve,{}", calls.join(",")))
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
    let log = std::fs::read_to_string(log.path()).unwrap();
    match whose {
        Thread::Others => (said, log),
        // Of one thread alone strace does not say which.
        Thread::Main => {
            let lines = log.lines().map(|line| format!("0 {line}\n"));
            (said, lines.collect())
        }
    }
}

/// The calls that were struck, each with its thread's number. A call during which another thread ran stands in two lines.
fn hits(log: &str) -> Vec<(&str, String)> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut hits = Vec::new();
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').unwrap_or_default();
        if line.ends_with("<unfinished ...>") {
            begun.insert(thread, rest);
        }
        if line.ends_with("(INJECTED)") {
            let first = begun.get(thread).filter(|_| rest.contains("resumed>"));
            hits.push((
                thread,
                format!("{}{rest}", first.copied().unwrap_or_default()),
            ));
        } else if line.ends_with("+++ killed by SIGKILL +++") {
            hits.push((thread, rest.to_owned()));
        }
    }
    hits
}
