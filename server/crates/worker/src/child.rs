//! The child process that a worker runs in: it confines itself, reads its plan, plays it and reports what happened.
//! It never outlives whoever started it, whatever the script is doing: when its input ends, so does the process.

mod pipe;

use std::io;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use crate::facts::{Failure, Limits};
use crate::play::{self, Plan};
use crate::realm::{self, Realm};
use crate::sandbox::{self, Unconfined};
use crate::wire::{self, FromChild, ToChild, WireError};
use pipe::Pipe;

/// The exit code when something else came over the pipe than the protocol allows.
pub const PROTOCOL_ERROR: i32 = 3;
/// The exit code when the process could not be confined, so that nothing was read or run. Why stands on standard error.
pub const UNCONFINED: i32 = 4;
/// The exit code when the child itself is broken: its message stands on standard error.
pub const PANICKED: i32 = 101;

/// Variables that the child must be started with, and no others. glibc opens a file when it shrinks an arena other
/// than the first, which the system-call filter would take for an attack: so there is one arena.
pub const ENVIRONMENT: [(&str, &str); 2] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("GLIBC_TUNABLES", "glibc.malloc.arena_max=1"),
];

/// The stack of the thread that the engine runs on, over what the engine allows its scripts: native functions
/// called from the deepest script, and what they call, need room of their own.
const NATIVE_STACK_BYTES: usize = 7 << 20;

/// Why the child ends early.
#[derive(Debug, thiserror::Error)]
enum EarlyEnd {
    #[error(transparent)]
    Unconfined(#[from] Unconfined),
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl From<io::Error> for EarlyEnd {
    fn from(error: io::Error) -> EarlyEnd {
        EarlyEnd::Wire(error.into())
    }
}

/// Runs the child on this process's standard input and output, and ends the process.
///
/// Nothing may have been read from or written to either before, and the process should have no other threads.
pub fn run() -> ! {
    // Open until the process ends: the engine's thread takes a closed one for the end of the input, and would end the
    // process with its own exit code before this thread has reported why.
    let (to_engine, plan_and_answers) = mpsc::channel();
    std::process::exit(match serve(&to_engine, plan_and_answers) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            match error {
                EarlyEnd::Unconfined(_) => UNCONFINED,
                EarlyEnd::Wire(_) => PROTOCOL_ERROR,
            }
        }
    })
}

/// Confines the process before it reads a byte, then reads until the other side ends.
fn serve(
    to_engine: &mpsc::Sender<ToChild>,
    plan_and_answers: mpsc::Receiver<ToChild>,
) -> Result<(), EarlyEnd> {
    sandbox::restrict()?;
    let engine = start_engine(plan_and_answers)?;
    sandbox::seal()?;
    let mut input = io::stdin().lock();
    // This thread reads all the time, so that the end of the input is seen also while a script spins.
    loop {
        match wire::read::<ToChild>(&mut input) {
            Ok(message) => {
                if to_engine.send(message).is_err() {
                    break;
                }
            }
            Err(WireError::Closed) => std::process::exit(0),
            Err(error) => return Err(error.into()),
        }
    }
    // The engine's thread ends by ending the process.
    let _ = engine.join();
    Err(io::Error::other("the engine's thread ended").into())
}

/// Starts the engine's thread. When this returns, the thread makes no more system calls than the filter allows.
fn start_engine(messages: mpsc::Receiver<ToChild>) -> Result<JoinHandle<()>, EarlyEnd> {
    let (to_starter, started) = mpsc::channel();
    let engine = std::thread::Builder::new()
        .name("engine".to_owned())
        .stack_size(Limits::MAX_STACK_BYTES + NATIVE_STACK_BYTES)
        .spawn(move || {
            // The other thread waits for the parent, which waits for a message of this one: a panic must end them both.
            let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                realm::warm_up();
                // Nobody listens only when the process ends.
                let _ = to_starter.send(());
                serve_plan(messages)
            }));
            let code = match played {
                Ok(Ok(())) => 0,
                Ok(Err(error)) => {
                    eprintln!("{error}");
                    PROTOCOL_ERROR
                }
                Err(_) => PANICKED,
            };
            std::process::exit(code)
        })?;
    started
        .recv()
        .map_err(|_| io::Error::other("the engine's thread did not start"))?;
    Ok(engine)
}

/// Waits for the plan, plays it, and reports what happened.
fn serve_plan(messages: mpsc::Receiver<ToChild>) -> Result<(), WireError> {
    let Ok(first) = messages.recv() else {
        return Err(WireError::Closed);
    };
    let ToChild::Plan(plan) = first else {
        return Err(io::Error::other("an answer came before the plan").into());
    };
    if plan.limits.stack_bytes > Limits::MAX_STACK_BYTES {
        return Err(io::Error::other("the plan wants a larger stack than there is").into());
    }
    perform(&plan, messages)
}

/// Plays and reports, to the last message.
fn perform(plan: &Plan, answers: mpsc::Receiver<ToChild>) -> Result<(), WireError> {
    let pipe = Rc::new(Pipe::new(answers));
    let played = run_plan(&plan.limits, plan, &pipe);
    pipe.send_facts();
    let (kept, failure) = match played {
        Ok(kept) => (kept, None),
        Err(failure) => (Vec::new(), Some(failure)),
    };
    let failure = pipe.overflow().or(failure);
    pipe.send(&FromChild::Done { kept, failure });
    pipe.result()
}

fn run_plan(
    limits: &Limits,
    plan: &Plan,
    pipe: &Rc<Pipe>,
) -> Result<Vec<crate::facts::Kept>, Failure> {
    // Taking the engine apart runs somebody else's code once more; the process ends instead, also after a panic.
    let realm = ManuallyDrop::new(Realm::new(&plan.registration, limits, pipe.clone())?);
    play::perform(plan, &*realm, pipe.as_ref())
}
