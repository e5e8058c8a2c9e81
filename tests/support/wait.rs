//! Waiting in tests: look at a condition again and again until it holds, with one bound on hanging for all of them.

use std::any::Any;
use std::fmt::{Debug, Display};
use std::net::{SocketAddr, TcpStream};
use std::panic::Location;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up: a bound on hanging, not a measure of speed.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// What a condition returns: `bool`, `Option` of what was waited for, or `Result` whose error is what was seen instead.
pub trait Look {
    /// What was waited for.
    type Found;

    /// What was waited for, or what was seen instead, for the message of the test that gives up.
    fn found(self) -> Result<Self::Found, String>;
}

impl Look for bool {
    type Found = ();

    fn found(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(String::new)
    }
}

impl<T> Look for Option<T> {
    type Found = T;

    fn found(self) -> Result<T, String> {
        self.ok_or_else(String::new)
    }
}

impl<T, E: Debug + 'static> Look for Result<T, E> {
    type Found = T;

    fn found(self) -> Result<T, String> {
        self.map_err(|seen| match (&seen as &dyn Any).downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => format!("{seen:#?}"),
        })
    }
}

/// Waits until a condition holds, and returns what it found.
///
/// # Panics
/// If it does not hold within [`PATIENCE`], with `what` and what was seen last.
#[track_caller]
pub fn until<L: Look>(
    what: impl Display,
    mut condition: impl AsyncFnMut() -> L,
) -> impl Future<Output = L::Found> {
    let at = Location::caller();
    async move {
        let wait = Wait::begin();
        loop {
            let look = tokio::time::timeout(PATIENCE, condition()).await;
            let look = look.unwrap_or_else(|_| {
                panic!("{at}: {what}: asking for the condition never returned")
            });
            match wait.judge(look) {
                Judged::Found(found) => return found,
                Judged::Again(pause) => tokio::time::sleep(pause).await,
                Judged::GiveUp(seen) => panic!("{at}: {what}: it never came\n{seen}"),
            }
        }
    }
}

/// The same on a thread that may block.
///
/// # Panics
/// If it does not hold within [`PATIENCE`], with `what` and what was seen last.
#[track_caller]
pub fn until_blocking<L: Look>(what: impl Display, mut condition: impl FnMut() -> L) -> L::Found {
    let wait = Wait::begin();
    loop {
        match wait.judge(condition()) {
            Judged::Found(found) => return found,
            Judged::Again(pause) => std::thread::sleep(pause),
            Judged::GiveUp(seen) => panic!("{what}: it never came\n{seen}"),
        }
    }
}

/// Waits until a process accepts connections. `log` is shown if it does not.
///
/// # Panics
/// If the process ends instead, or after [`PATIENCE`].
#[track_caller]
pub fn until_it_listens(process: &mut Child, at: SocketAddr, log: &Path) {
    until_blocking(format_args!("something listens on {at}"), || {
        let ended = process.try_wait().unwrap();
        let log = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(ended.is_none(), "it ended with {ended:?}:\n{}", log());
        TcpStream::connect(at).map_err(|error| format!("{error}\n{}", log()))
    });
}

/// The pauses between two looks: short at first, and never longer than a fiftieth of the wait so far.
struct Wait(Instant);

enum Judged<T> {
    Found(T),
    Again(Duration),
    GiveUp(String),
}

impl Wait {
    fn begin() -> Wait {
        Wait(Instant::now())
    }

    fn judge<L: Look>(&self, look: L) -> Judged<L::Found> {
        let waited = self.0.elapsed();
        match look.found() {
            Ok(found) => Judged::Found(found),
            Err(seen) if waited > PATIENCE => Judged::GiveUp(seen),
            Err(_) => {
                let pause = waited / 50;
                Judged::Again(pause.clamp(Duration::from_millis(1), Duration::from_millis(50)))
            }
        }
    }
}
