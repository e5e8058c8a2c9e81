//! Which colour answered a request, from when it began and ended, and from when Tealkeep switched. Caddy looks for the markers
//! when a request begins, so that is the instant that decides. Pure.

use std::collections::VecDeque;

use crate::names::Colour;

/// How many switches are remembered; a request that is older than all of them counts for the first colour that is known.
const MAX_SWITCHES: usize = 64;

/// When which colour was live.
#[derive(Debug)]
pub(super) struct Lives {
    /// The oldest first, in seconds since 1970; `None` while requests were held.
    switches: VecDeque<(f64, Option<Colour>)>,
    live: Colour,
    is_held: bool,
}

impl Lives {
    /// One that was live for as long as anybody knows.
    pub(super) fn new(live: Colour) -> Lives {
        Lives {
            switches: VecDeque::from([(f64::NEG_INFINITY, Some(live))]),
            live,
            is_held: false,
        }
    }

    /// From this instant on `live` gets new requests, or will get them when they are no longer held.
    pub(super) fn go_live(&mut self, at: f64, live: Colour) {
        self.live = live;
        self.switch(at);
    }

    /// From this instant on new requests are held, or no longer.
    pub(super) fn hold(&mut self, at: f64, is_held: bool) {
        self.is_held = is_held;
        self.switch(at);
    }

    fn switch(&mut self, at: f64) {
        // A clock that was set back must not make what follows older than what came before.
        self.switches.retain(|(earlier, _)| *earlier < at);
        self.switches
            .push_back((at, (!self.is_held).then_some(self.live)));
        while self.switches.len() > MAX_SWITCHES {
            self.switches.pop_front();
        }
    }

    /// The colour that answered a request. One that was held went to what was live when it ended.
    pub(super) fn of(&self, began: f64, ended: f64) -> Colour {
        self.at(began)
            .or_else(|| self.at(ended))
            .unwrap_or(self.live)
    }

    fn at(&self, instant: f64) -> Option<Colour> {
        let mut newest_first = self.switches.iter().rev();
        let found = newest_first.find(|(at, _)| *at <= instant);
        found.or(self.switches.front())?.1
    }
}
