//! The child process that a worker runs in: it limits itself, reads its plan, plays it and tells what happened.
//! It never outlives whoever started it, whatever the script is doing: when its input ends, so does the process.

mod limits;
mod pipe;

use std::io;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::mpsc;

use crate::facts::{Failure, Limits};
use crate::play::{self, Plan};
use crate::realm::Realm;
use crate::wire::{self, FromChild, ToChild, WireError};
use pipe::Pipe;

/// The exit code when what came over the pipe was not what was agreed on.
pub const CONFUSED: i32 = 3;
/// The exit code when the child itself is broken: its message stands on standard error.
pub const PANICKED: i32 = 101;

/// The stack of the thread that the engine runs on, over what the engine allows its scripts: native functions
/// called from the deepest script, and what they call, need room of their own.
const STACK_BESIDE: usize = 7 << 20;

/// Runs the child on this process's standard input and output, and ends the process.
///
/// Nothing may have been read from or written to either before, and the process should have no other threads.
pub fn run() -> ! {
    std::process::exit(match serve() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            CONFUSED
        }
    })
}

fn serve() -> Result<(), WireError> {
    limits::impose()?;
    let mut input = io::stdin().lock();
    let ToChild::Plan(plan) = wire::read(&mut input)? else {
        return Err(io::Error::other("an answer came before the plan").into());
    };
    let (answers, heard) = mpsc::channel();
    let engine = std::thread::Builder::new()
        .name("engine".to_owned())
        .stack_size(plan.limits.stack_bytes + STACK_BESIDE)
        .spawn(move || {
            // The other thread waits for the parent, who waits for a word of this one: a panic must end them both.
            let played =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| perform(&plan, heard)));
            let code = match played {
                Ok(Ok(())) => 0,
                Ok(Err(error)) => {
                    eprintln!("{error}");
                    CONFUSED
                }
                Err(_) => PANICKED,
            };
            std::process::exit(code)
        })?;
    // This thread reads all the time, so that the end of the input is seen also while a script spins.
    loop {
        match wire::read(&mut input) {
            Ok(answer) => {
                if answers.send(answer).is_err() {
                    break;
                }
            }
            Err(WireError::Closed) => std::process::exit(0),
            Err(error) => return Err(error),
        }
    }
    // The engine's thread ends by ending the process.
    let _ = engine.join();
    Err(io::Error::other("the engine's thread ended").into())
}

/// Plays and tells, until the last word is said.
fn perform(plan: &Plan, answers: mpsc::Receiver<ToChild>) -> Result<(), WireError> {
    let pipe = Rc::new(Pipe::new(answers));
    let played = rehearse(&plan.limits, plan, &pipe);
    pipe.tell_facts();
    let (kept, failure) = match played {
        Ok(kept) => (kept, None),
        Err(failure) => (Vec::new(), Some(failure)),
    };
    let failure = pipe.overflow().or(failure);
    pipe.tell(&FromChild::Done { kept, failure });
    pipe.fate()
}

fn rehearse(
    limits: &Limits,
    plan: &Plan,
    pipe: &Rc<Pipe>,
) -> Result<Vec<crate::facts::Kept>, Failure> {
    // The engine's own end is somebody else's code once more; the process ends instead, also after a panic.
    let realm = ManuallyDrop::new(Realm::new(&plan.registration, limits, pipe.clone())?);
    play::perform(plan, &*realm, pipe.as_ref())
}
