//! A worker's global scope: its script, its globals, its events. Everything that it does goes through the
//! [`Host`], on a clock that moves only when nothing else is left to do.

use std::rc::Rc;

use crate::facts::{Ended, Event, Failure, Host, Kept, Limits, Registration};

/// A service worker's global scope, and the engine that it lives in.
pub struct Realm {
    #[expect(dead_code, reason = "the globals come with it")]
    host: Rc<dyn Host>,
}

impl Realm {
    /// An empty scope with a worker's globals. Nothing was fetched or run yet.
    ///
    /// # Errors
    /// [`Failure::Engine`]: there is no memory for it.
    pub fn new(
        _registration: &Registration,
        _limits: &Limits,
        host: Rc<dyn Host>,
    ) -> Result<Realm, Failure> {
        Ok(Realm { host })
    }

    /// Fetches the script with its imports and runs it once, until nothing is left to do.
    ///
    /// # Errors
    /// Why it can't be judged.
    pub fn load(&self) -> Result<(), Failure> {
        Err(Failure::Engine {
            text: "not built".to_owned(),
        })
    }

    /// Dispatches an event and runs until nothing is left to do, timers included.
    ///
    /// # Errors
    /// A limit was passed, a lazy import can't be had, or a global was missing.
    pub fn dispatch(&self, _event: &Event) -> Result<Ended, Failure> {
        Err(Failure::Engine {
            text: "not built".to_owned(),
        })
    }

    /// What all its caches hold now, in the order of their making.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        Vec::new()
    }
}
