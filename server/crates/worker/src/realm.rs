//! A worker's global scope: its script, its globals, its events. Everything that it does goes through the
//! [`Host`], on a clock that moves only when nothing else is left to do.
//!
//! How it is put together. The globals are JavaScript of our own, in `realm/globals/*.js`, evaluated in the order
//! of [`GLOBALS`] before any script of the worker. Each file is one function expression
//! `(function (host, internals) { … })`:
//!
//! - `host` holds the natives (`natives.rs`) and never becomes reachable from the worker's script;
//! - `internals` is one object without a prototype through which the files offer things to each other; the
//!   comment at the top of each file lists what it adds, `core.js` has the rules that keep the recording honest when
//!   a worker changes the prototypes that are its own.
//!
//! The current event: QuickJS has no async context, and needs none here, since one event is dispatched and
//! drained at a time. Whatever happens is attributed to the event that was dispatched last.

mod clock;
mod convert;
mod feature_tests;
mod load;
mod modules;
mod natives;
mod place;
mod pump;
mod scripts;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use words::find_words;

use std::rc::Rc;

use rquickjs::{CatchResultExt, Context, Function, Object, Persistent, Runtime, Value};

use crate::facts::{
    Answered, Ended, Event, Failure, Host, Kept, Limits, Registration, Tags, Words,
};
use convert::{bytes_of, from_js, to_js};
use state::State;

/// The files of the globals in the order of their evaluation.
const GLOBALS: &[(&str, &str)] = &[
    ("core.js", include_str!("realm/globals/core.js")),
    ("webidl.js", include_str!("realm/globals/webidl.js")),
    ("timers.js", include_str!("realm/globals/timers.js")),
    ("events.js", include_str!("realm/globals/events.js")),
    ("abort.js", include_str!("realm/globals/abort.js")),
    ("base64.js", include_str!("realm/globals/base64.js")),
    ("url_params.js", include_str!("realm/globals/url_params.js")),
    ("url.js", include_str!("realm/globals/url.js")),
    (
        "streams/base.js",
        include_str!("realm/globals/streams/base.js"),
    ),
    (
        "streams/views.js",
        include_str!("realm/globals/streams/views.js"),
    ),
    ("encoding.js", include_str!("realm/globals/encoding.js")),
    (
        "streams/readable.js",
        include_str!("realm/globals/streams/readable.js"),
    ),
    (
        "streams/readers.js",
        include_str!("realm/globals/streams/readers.js"),
    ),
    (
        "streams/default-controller.js",
        include_str!("realm/globals/streams/default-controller.js"),
    ),
    (
        "streams/byte-controller.js",
        include_str!("realm/globals/streams/byte-controller.js"),
    ),
    (
        "streams/byte-queue.js",
        include_str!("realm/globals/streams/byte-queue.js"),
    ),
    (
        "streams/pull-into.js",
        include_str!("realm/globals/streams/pull-into.js"),
    ),
    (
        "streams/tee.js",
        include_str!("realm/globals/streams/tee.js"),
    ),
    (
        "streams/iterate.js",
        include_str!("realm/globals/streams/iterate.js"),
    ),
    (
        "streams/pipe.js",
        include_str!("realm/globals/streams/pipe.js"),
    ),
    (
        "streams/writable.js",
        include_str!("realm/globals/streams/writable.js"),
    ),
    (
        "streams/writer.js",
        include_str!("realm/globals/streams/writer.js"),
    ),
    (
        "streams/sink.js",
        include_str!("realm/globals/streams/sink.js"),
    ),
    (
        "streams/transform.js",
        include_str!("realm/globals/streams/transform.js"),
    ),
    (
        "streams/strategies.js",
        include_str!("realm/globals/streams/strategies.js"),
    ),
    (
        "streams/transfer.js",
        include_str!("realm/globals/streams/transfer.js"),
    ),
    (
        "streams/codecs.js",
        include_str!("realm/globals/streams/codecs.js"),
    ),
    (
        "streams/own.js",
        include_str!("realm/globals/streams/own.js"),
    ),
    ("headers.js", include_str!("realm/globals/headers.js")),
    (
        "urlpattern_parts.js",
        include_str!("realm/globals/urlpattern_parts.js"),
    ),
    (
        "urlpattern_string.js",
        include_str!("realm/globals/urlpattern_string.js"),
    ),
    ("urlpattern.js", include_str!("realm/globals/urlpattern.js")),
    (
        "performance_entries.js",
        include_str!("realm/globals/performance_entries.js"),
    ),
    (
        "performance_observer.js",
        include_str!("realm/globals/performance_observer.js"),
    ),
    (
        "performance.js",
        include_str!("realm/globals/performance.js"),
    ),
    ("mime.js", include_str!("realm/globals/mime.js")),
    ("blob.js", include_str!("realm/globals/blob.js")),
    ("file_list.js", include_str!("realm/globals/file_list.js")),
    ("formdata.js", include_str!("realm/globals/formdata.js")),
    ("multipart.js", include_str!("realm/globals/multipart.js")),
    (
        "progress_event.js",
        include_str!("realm/globals/progress_event.js"),
    ),
    ("filereader.js", include_str!("realm/globals/filereader.js")),
    ("body.js", include_str!("realm/globals/body.js")),
    ("request.js", include_str!("realm/globals/request.js")),
    ("response.js", include_str!("realm/globals/response.js")),
    ("fetch.js", include_str!("realm/globals/fetch.js")),
    ("crypto.js", include_str!("realm/globals/crypto.js")),
    ("clone.js", include_str!("realm/globals/clone.js")),
    ("scope.js", include_str!("realm/globals/scope.js")),
    ("lifetime.js", include_str!("realm/globals/lifetime.js")),
    ("support.js", include_str!("realm/globals/support.js")),
    ("cache.js", include_str!("realm/globals/cache.js")),
    (
        "indexeddb/values.js",
        include_str!("realm/globals/indexeddb/values.js"),
    ),
    (
        "indexeddb/transactions.js",
        include_str!("realm/globals/indexeddb/transactions.js"),
    ),
    (
        "indexeddb/stores.js",
        include_str!("realm/globals/indexeddb/stores.js"),
    ),
    (
        "indexeddb/cursors.js",
        include_str!("realm/globals/indexeddb/cursors.js"),
    ),
    (
        "indexeddb/databases.js",
        include_str!("realm/globals/indexeddb/databases.js"),
    ),
    ("clients.js", include_str!("realm/globals/clients.js")),
    (
        "registration.js",
        include_str!("realm/globals/registration.js"),
    ),
    ("push.js", include_str!("realm/globals/push.js")),
    ("messaging.js", include_str!("realm/globals/messaging.js")),
    ("navigator.js", include_str!("realm/globals/navigator.js")),
    ("missing.js", include_str!("realm/globals/missing.js")),
    (
        "wasm-memory.js",
        include_str!("realm/globals/wasm-memory.js"),
    ),
    ("intl.js", include_str!("realm/globals/intl.js")),
    ("surface.js", include_str!("realm/globals/surface.js")),
];

/// Does what is done once in a process, at first use, by system calls that a realm needs no more afterwards: the time zone,
/// which the C library reads from a file (where none can be opened, the zone is UTC), and the kernel's place for clocks.
pub(crate) fn warm_up() {
    let _ = state::processor_time();
    // Without memory for an engine this fails, and so will the realm, which says so.
    let Ok(runtime) = Runtime::new() else { return };
    let Ok(context) = Context::full(&runtime) else {
        return;
    };
    context.with(|ctx| {
        let _ = ctx.eval::<f64, _>("new Date(0).getTimezoneOffset()");
    });
}

/// A service worker's global scope, and the engine that it lives in.
pub struct Realm {
    // There until it is dropped.
    engine: Option<Engine>,
    state: Rc<State>,
}

/// The engine with what is held of it.
struct Engine {
    // Before the context: it must be let go first.
    internals: Persistent<Object<'static>>,
    context: Context,
    runtime: Runtime,
}

impl Realm {
    /// An empty scope with a worker's globals. Nothing was fetched or run yet.
    ///
    /// # Errors
    /// [`Failure::Engine`]: there is no memory for it.
    pub fn new(
        registration: &Registration,
        limits: &Limits,
        host: Rc<dyn Host>,
    ) -> Result<Realm, Failure> {
        let runtime = Runtime::new().map_err(engine)?;
        runtime.set_memory_limit(limits.memory_bytes);
        runtime.set_max_stack_size(limits.stack_bytes);
        let state = Rc::new(State::new(registration.clone(), *limits, host));
        let tracker = Rc::clone(&state);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(
            move |ctx, promise, reason, is_handled| {
                tracker.rejection(&ctx, promise, reason, is_handled);
            },
        )));
        runtime.set_loader(
            modules::Modules(Rc::clone(&state)),
            modules::Modules(Rc::clone(&state)),
        );
        let context = Context::full(&runtime).map_err(engine)?;
        let internals = context.with(|ctx| {
            let built = (|| {
                let host = natives::build(&ctx, &state)?;
                let internals = Object::new(ctx.clone())?;
                internals.set_prototype(None)?;
                for (name, source) in GLOBALS {
                    let mut options = rquickjs::context::EvalOptions::default();
                    options.strict = true;
                    options.filename = Some(format!("{}{name}", place::OWN_PREFIX));
                    let build: Value = ctx.eval_with_options(*source, options)?;
                    if let Some(build) = build.into_function() {
                        build.call::<_, ()>((host.clone(), internals.clone()))?;
                    }
                }
                Ok(Persistent::save(&ctx, internals))
            })();
            built.catch(&ctx).map_err(|error| Failure::Engine {
                text: error.to_string(),
            })
        });
        let internals = match internals {
            Ok(internals) => internals,
            Err(failure) => {
                // As below: an engine without memory is not taken apart.
                std::mem::forget((context, runtime));
                return Err(failure);
            }
        };
        // Only now: building the globals is our own time, not the script's.
        let watched = Rc::clone(&state);
        runtime.set_interrupt_handler(Some(Box::new(move || watched.is_over_time())));
        Ok(Realm {
            engine: Some(Engine {
                internals,
                context,
                runtime,
            }),
            state,
        })
    }

    /// Fetches the script with its imports and runs it once, until nothing is left to do.
    ///
    /// # Errors
    /// Why it can't be judged.
    pub fn load(&self) -> Result<(), Failure> {
        self.run_script()
    }

    /// Dispatches an event and runs until nothing is left to do, timers included.
    ///
    /// # Errors
    /// A limit was passed, a lazy import can't be had, or a global was missing.
    pub fn dispatch(&self, event: &Event) -> Result<Ended, Failure> {
        let id = self.state.begin_event();
        let value = serde_json::to_value(event).map_err(engine)?;
        self.turn(|ctx, internals| {
            let dispatch: Function = internals.get("dispatchEvent")?;
            dispatch.call::<_, ()>((to_js(ctx, &value)?,))
        })?;
        self.settle()?;
        let ended = self.turn(|_, internals| {
            let end: Function = internals.get("endEvent")?;
            let ended: Object = end.call(())?;
            let answered: Option<Object> = ended.get("answered")?;
            let rejected: Option<String> = ended.get("rejected")?;
            let answered = match answered {
                None => None,
                Some(answered) => Some((
                    from_js(&answered.get::<_, Value>("response")?, 0)?,
                    bytes_of(&answered.get::<_, Value>("body")?),
                    from_js(&answered.get::<_, Value>("headers")?, 0)?,
                    from_js(&answered.get::<_, Value>("place")?, 0)?,
                )),
            };
            Ok((
                ended.get("listeners")?,
                rejected,
                ended.get("pending")?,
                ended.get("responded")?,
                answered,
            ))
        })?;
        let (listeners, rejected, pending, responded, answered) = ended;
        let answered = match answered {
            None => None,
            Some((response, body, headers, place)) => Some(Answered {
                response: serde_json::from_value(response).map_err(engine)?,
                body,
                headers: serde_json::from_value(headers).map_err(engine)?,
                place: serde_json::from_value(place).map_err(engine)?,
            }),
        };
        if matches!(event, Event::Install) {
            self.state.close_imports();
        }
        Ok(Ended {
            id,
            listeners,
            rejected,
            pending,
            responded,
            answered,
        })
    }

    /// The tags that the worker has registered since this was asked last, and all periodic ones.
    ///
    /// # Errors
    /// Why it can't be judged.
    pub fn take_tags(&self) -> Result<Tags, Failure> {
        let tags = self.turn(|_, internals| {
            let take: Function = internals.get("takeTags")?;
            from_js(&take.call::<_, Value>(())?, 0)
        })?;
        serde_json::from_value(tags).map_err(engine)
    }

    /// The words that the scripts that have been loaded so far compare with.
    #[must_use]
    pub fn words(&self) -> Words {
        find_words(self.state.sources.borrow().iter().map(|source| &**source))
    }

    /// The engine.
    fn engine(&self) -> &Engine {
        self.engine
            .as_ref()
            .expect("the engine is there until the realm is dropped")
    }

    /// What all its caches hold now, in the order of their making.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        self.state.store.borrow().kept()
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        // QuickJS does not survive taking apart an engine that was interrupted inside of an async function or has
        // no memory left (an assertion of its garbage collector): that one stays until its process ends.
        if self.state.failure().is_some() {
            std::mem::forget(self.engine.take());
            std::mem::forget(self.state.take_rejections());
        }
        // The natives hold the state and the state may hold values: without this neither would ever go.
        self.state.take_rejections();
    }
}

/// An error that is the engine's own.
fn engine(error: impl std::fmt::Display) -> Failure {
    Failure::Engine {
        text: error.to_string(),
    }
}
