//! A script engine that was taken over can do no harm: each system call that an attacker would want works without the
//! confinement, or fails for a reason of its own, and with it ends the process by the filter's signal.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "stand_in/calls.rs"]
#[expect(dead_code, reason = "only the names are used here")]
mod calls;

use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use tealkeep_worker::play::{PageVisit, Plan, Wanted};
use tealkeep_worker::wire::{self, FromChild, ToChild};
use tealkeep_worker::{Answer, Fact, Limits, Registration, child, sandbox};

/// What stands in the parent's memory.
static SECRET: [u8; 8] = *b"a secret";

/// Calls that may be refused to some user, in some container or by some kernel even without the confinement.
const MAY_FAIL_ANYWAY: &[&str] = &[
    "abort-parent",
    "bpf",
    "clone3",
    "connect",
    "io-uring",
    "keyring",
    "make-executable-by-key",
    "map-file",
    "mount",
    "open-own-memory",
    "perf",
    "priority-of-parent",
    "read-parents-memory",
    "receive-message",
    "signal-itself-otherwise",
    "trace-parent",
    "unshare-user",
    "userfaultfd",
    "write-parents-memory",
    "write-to-stdin",
    "read-from-stdout",
];

struct Scene {
    folder: tempfile::TempDir,
    // Whoever connects must find somebody there.
    _listener: UnixListener,
}

impl Scene {
    fn set() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("journal.db"), "precious").unwrap();
        let listener = UnixListener::bind(folder.path().join("control.sock")).unwrap();
        Scene {
            folder,
            _listener: listener,
        }
    }

    fn plays(mode: &str, call: &str) -> Output {
        Scene::set().play(mode, call)
    }

    fn play(&self, mode: &str, call: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_hostile-stand-in"))
            .args([mode, self.folder.path().to_str().unwrap()])
            .arg(std::process::id().to_string())
            .arg((SECRET.as_ptr() as usize).to_string())
            .arg(call)
            .env_clear()
            .envs(child::ENVIRONMENT)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

/// What it printed, in words.
fn words(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().map(str::to_owned).collect()
}

fn told(output: &Output) -> String {
    format!(
        "{:?}, printed {:?}, complained {:?}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn every_call_of_an_attacker_ends_the_process() {
    let mut wrong = Vec::new();
    for call in calls::CALLS {
        let free = Scene::plays("free", call.name);
        let works = words(&free) == ["trying", "done"] && free.status.success();
        let fails_by_itself =
            MAY_FAIL_ANYWAY.contains(&call.name) && free.status.signal() != Some(libc::SIGSYS);
        if !works && !fails_by_itself {
            wrong.push(format!("{} without the filter: {}", call.name, told(&free)));
        }
        let sealed = Scene::plays("sealed", call.name);
        if words(&sealed) != ["trying"] || sealed.status.signal() != Some(libc::SIGSYS) {
            wrong.push(format!("{} with the filter: {}", call.name, told(&sealed)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(calls::CALLS.len() > 60);
}

#[test]
fn limits_and_landlock_refuse_by_themselves_what_they_can() {
    let support = sandbox::support();
    assert!(support.seccomp, "this machine has seccomp");
    let mut expected = vec![
        ("open-file", libc::EMFILE),
        ("open-journal", libc::EMFILE),
        ("open-in-place-of-stdin", libc::EMFILE),
        ("open-own-memory", libc::EMFILE),
        ("openat2", libc::EMFILE),
        ("socket-unix", libc::EMFILE),
        ("socket-inet", libc::EMFILE),
        ("connect-control-socket", libc::EMFILE),
        ("pipe", libc::EMFILE),
        ("memfd", libc::EMFILE),
        ("epoll", libc::EMFILE),
        ("duplicate-descriptor", libc::EMFILE),
        ("fcntl", libc::EINVAL),
    ];
    // Limits are raised by root all the same: that is what the filter is for.
    if !rustix::process::geteuid().is_root() {
        expected.push(("raise-descriptors", libc::EPERM));
    }
    if support.landlock {
        expected.extend([
            ("make-directory", libc::EACCES),
            ("unlink-journal", libc::EACCES),
            ("truncate-journal", libc::EACCES),
            ("execve", libc::EACCES),
            ("trace-parent", libc::EPERM),
            ("read-parents-memory", libc::EPERM),
        ]);
    }
    let scene = Scene::set();
    for (call, errno) in expected {
        let output = scene.play("restricted", call);
        assert_eq!(
            words(&output),
            ["trying", &errno.to_string()],
            "{call}: {}",
            told(&output)
        );
    }
    let journal = std::fs::read(scene.folder.path().join("journal.db")).unwrap();
    assert_eq!(journal, b"precious");
}

#[test]
fn what_an_engine_needs_goes_on_working() {
    let output = Scene::plays("sealed", "ordinary-work");
    assert_eq!(words(&output), ["trying", "done"], "{}", told(&output));
    assert!(output.status.success(), "{}", told(&output));
}

/// A script that uses much of what a realm has, and tells whether it did.
const BUSY: &str = "
    const all = Array.from({ length: 200000 }, (_, n) => ({ n, text: 'x'.repeat(n % 50) }));
    oninstall = (e) => e.waitUntil((async () => {
      const cache = await caches.open('a');
      await cache.put('/a.css', new Response('a{}', { headers: { 'content-type': 'text/css' } }));
      const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(1 << 20));
      const text = new Date(0).toString() + new Date().getTimezoneOffset() + (1.5).toLocaleString() + 'b'.localeCompare('a');
      await new Promise((done) => setTimeout(done, 1000));
      try { (function f() { f() })() } catch (error) { console.log(error.name) }
      console.log('done', all.length, digest.byteLength, text.length > 10, structuredClone(all[9]).n, Math.random() < 1);
    })());
    onfetch = (e) => e.respondWith(fetch(e.request));";

/// Plays a worker in a child process that is confined as in production, and returns what it says and how it ends.
fn play(script: &str) -> (Vec<String>, Option<tealkeep_worker::Failure>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hostile-stand-in"))
        .arg("child")
        .env_clear()
        .envs(child::ENVIRONMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let url = |path: &str| format!("http://a.test{path}");
    let plan = Plan {
        registration: Registration {
            script: url("/sw.js"),
            scope: url("/"),
            module: false,
        },
        limits: Limits::default(),
        pages: vec![PageVisit {
            url: url("/"),
            wanted: vec![Wanted {
                url: url("/a.css"),
                destination: "style".to_owned(),
                cors: false,
            }],
        }],
        messages: Vec::new(),
    };
    wire::write(&mut to, &ToChild::Plan(Box::new(plan))).unwrap();
    let mut said = Vec::new();
    let failure = loop {
        match wire::read(&mut from) {
            Ok(FromChild::Ask { n, .. }) => {
                let answer = Answer {
                    status: 200,
                    status_text: "OK".to_owned(),
                    headers: vec![("content-type".to_owned(), "text/javascript".to_owned())],
                    body: script.as_bytes().to_vec(),
                };
                wire::write(&mut to, &ToChild::Answer { n, answer }).unwrap();
            }
            Ok(FromChild::Happened { facts }) => {
                said.extend(facts.into_iter().filter_map(|fact| match fact {
                    Fact::Said { text, .. } => Some(text),
                    _ => None,
                }));
            }
            Ok(FromChild::Visited { .. }) => {}
            Ok(FromChild::Done { failure, .. }) => break failure,
            Err(error) => panic!("{error}: {:?}", child.wait()),
        }
    };
    assert!(child.wait().unwrap().success());
    (said, failure)
}

#[test]
fn a_whole_worker_is_played_behind_the_filter() {
    let (said, failure) = play(BUSY);
    assert_eq!(failure, None);
    assert_eq!(said, ["RangeError", "done 200000 32 true 9 true"]);
}
