//! A stand-in for a script engine that an attacker has taken over: it confines itself as the child process does, then
//! makes one system call. `tests/hostile.rs` runs it once per call, with and without the confinement.
//!
//! `hostile-stand-in child` is the child process itself.
//!
//! `hostile-stand-in MODE FOLDER PARENT ADDRESS CALL`: the mode is `free`, `restricted` (limits and Landlock) or
//! `sealed` (the filter as well). It prints `trying`, then `done` or the error's number. Nothing but the filter ends it
//! by a signal.

mod calls;

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc;

use calls::{CALLS, Scene};
use tealkeep_worker::sandbox;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("MODE FOLDER PARENT ADDRESS CALL");
    let mode = next();
    if mode == "child" {
        tealkeep_worker::child::run();
    }
    let scene = Scene {
        folder: PathBuf::from(next()),
        parent: next().parse().expect("a process id"),
        parents_memory: next().parse().expect("an address"),
    };
    let name = next();
    if mode != "free" {
        sandbox::restrict().expect("it is restricted");
    }
    // As in the child process, the call comes from a thread that was there before the filter.
    let (go, is_go) = mpsc::channel::<()>();
    let (ready, is_ready) = mpsc::channel::<()>();
    let engine = std::thread::spawn(move || {
        ready.send(()).expect("the main thread listens");
        is_go.recv().expect("the main thread says when");
        attempt(&name, &scene);
    });
    is_ready.recv().expect("the thread starts");
    if mode == "sealed" {
        sandbox::seal().expect("it is sealed");
    }
    go.send(()).expect("the thread listens");
    engine.join().expect("the attempt ends");
}

fn attempt(name: &str, scene: &Scene) {
    say("trying");
    if name == "ordinary-work" {
        calls::ordinary_work();
        return say("done");
    }
    let call = CALLS
        .iter()
        .find(|call| call.name == name)
        .expect("a call of the table");
    match (call.make)(scene) {
        Ok(()) => say("done"),
        Err(errno) => say(&errno.to_string()),
    }
}

fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word}").expect("the parent reads");
    out.flush().expect("the parent reads");
}
