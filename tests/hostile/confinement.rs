//! The child process of the real program is confined before it reads a byte. What an engine that was taken over could try
//! in there is shown call by call by the tests of the crate `worker`.

use std::process::{Child, Command, Stdio};

use crate::support::{TEALKEEP, until_blocking};

/// A user without privileges, as whom the child can be started when the test is root.
const NOBODY: u32 = 65534;

/// A child that waits for its first byte.
struct Waiting(Child);

impl Waiting {
    fn start() -> Waiting {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(TEALKEEP);
        command
            .arg("evaluate-worker")
            .env_clear()
            .envs(tealkeep_worker::child::ENVIRONMENT)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        Waiting(command.spawn().unwrap()).until_confined()
    }

    /// Waits for the filter, which is the last thing before the first byte is read.
    fn until_confined(self) -> Waiting {
        until_blocking("the filter is there", || {
            let status = self.file("status");
            let is_confined = field(&status, "Seccomp") == "2";
            is_confined.then_some(()).ok_or(status)
        });
        self
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.0.id())).unwrap()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn field(text: &str, name: &str) -> String {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
        .trim()
        .to_owned()
}

#[test]
fn the_child_is_confined_in_all_its_threads_before_it_reads_a_byte() {
    use std::os::unix::fs::MetadataExt;
    let child = Waiting::start();
    let process = format!("/proc/{}", child.0.id());
    let mut threads = 0;
    for thread in std::fs::read_dir(format!("{process}/task")).unwrap() {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert_eq!(field(&status, "Seccomp"), "2", "{status}");
        assert_eq!(field(&status, "NoNewPrivs"), "1", "{status}");
        threads += 1;
    }
    assert_eq!(threads, 2, "the one that reads and the engine's");
    let limits = child.file("limits");
    for limit in ["Max open files", "Max file size", "Max core file size"] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        let values: Vec<&str> = line[limit.len()..].split_whitespace().collect();
        assert_eq!(values[..2], ["0", "0"], "{line}");
    }
    let mut open: Vec<String> = std::fs::read_dir(format!("{process}/fd"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    open.sort();
    assert_eq!(open, ["0", "1", "2"]);
    // Of a process that is not dumpable, everything here belongs to root.
    assert_eq!(
        std::fs::metadata(format!("{process}/mem")).unwrap().uid(),
        0
    );
    let environment = child.file("environ");
    let names: Vec<&str> = environment
        .split_terminator('\0')
        .filter_map(|variable| variable.split('=').next())
        .collect();
    assert_eq!(names, ["GLIBC_TUNABLES", "MALLOC_ARENA_MAX"]);
}

#[test]
fn a_descriptor_that_was_passed_on_by_mistake_is_closed() {
    let child = Command::new("sh")
        .args([
            "-c",
            "exec 7</etc/passwd 8<>/dev/null; exec \"$0\" evaluate-worker",
            TEALKEEP,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let child = Waiting(child).until_confined();
    assert_eq!(
        std::fs::read_dir(format!("/proc/{}/fd", child.0.id()))
            .unwrap()
            .count(),
        3
    );
}
