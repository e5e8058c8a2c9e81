//! Runs the worker's script once, classic or a module, and interprets how it ended.

use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Error, Function, Module, Object, Persistent, Promise, Result as Js, Value};
use serde_json::json;

use crate::facts::{Failure, Place};
use crate::realm::convert::from_js;
use crate::realm::scripts::{Purpose, declare, evaluate, obtain};
use crate::realm::{Realm, place};

/// Syntax that the engine lacks and that browsers have, or are about to have.
const NEWER_SYNTAX: &[&str] = &[
    "import.defer(",
    "import.source(",
    "import defer ",
    "import source ",
];

impl Realm {
    /// See [`Realm::load`].
    pub(super) fn run_script(&self) -> Result<(), Failure> {
        let registration = &self.state.registration;
        let source = obtain(&self.state, &registration.script, Purpose::Main)
            .map_err(|refused| self.state.failure().unwrap_or(refused.into()))?;
        let url = registration.script.clone();
        if registration.module {
            self.run_module(&url, &source)?;
        } else {
            let done = self.turn(|ctx, internals| {
                let done = evaluate(ctx, &url, &source);
                outcome(ctx, &internals, done)
            })?;
            self.judge(done)?;
        }
        self.settle()
    }

    fn run_module(&self, url: &str, source: &str) -> Result<(), Failure> {
        self.state.set_linking(true);
        let promise = self.turn(|ctx, internals| {
            let run = declare(ctx, url, source).and_then(Module::eval);
            match run {
                Ok((_, promise)) => Ok(Ok(Persistent::save(ctx, promise))),
                Err(error) => Ok(Err(outcome(ctx, &internals, Err(error))?)),
            }
        });
        self.state.set_linking(false);
        let promise = match promise? {
            Ok(promise) => promise,
            Err(thrown) => return self.judge(thrown),
        };
        // A graph without top-level `await` has run to its end by now; HTML's "run a service worker" refuses any other,
        // also one whose promise the next microtask would resolve.
        let done = self.turn(|ctx, internals| {
            let promise: Promise = promise.clone().restore(ctx)?;
            match promise.state() {
                PromiseState::Resolved => Ok(None),
                PromiseState::Pending => Ok(Some(json!({
                    "text": "TypeError: Top-level await is disallowed in service workers.",
                    "stack": "",
                }))),
                PromiseState::Rejected => {
                    let result = promise.result::<Value>().unwrap_or(Err(Error::Unknown));
                    outcome(ctx, &internals, result.map(|_| ()))
                }
            }
        })?;
        self.microtasks_of(promise)?;
        self.judge(done)
    }

    /// Runs the microtasks of a module's evaluation; its own promise counts as handled.
    fn microtasks_of(&self, promise: Persistent<Promise<'static>>) -> Result<(), Failure> {
        self.turn(|ctx, internals| {
            let hear: Function = internals.get("hear")?;
            hear.call::<_, ()>((promise.restore(ctx)?,))
        })?;
        self.microtasks()
    }

    /// Syntax that is newer than the engine and that some script has. What does not parse then may do so in a browser.
    fn newer_syntax(&self) -> Option<&'static str> {
        let sources = self.state.sources.borrow();
        NEWER_SYNTAX
            .iter()
            .copied()
            .find(|syntax| sources.iter().any(|source| source.contains(syntax)))
    }

    /// What the end of the script's own run means.
    fn judge(&self, thrown: Option<serde_json::Value>) -> Result<(), Failure> {
        let Some(thrown) = thrown else {
            return Ok(());
        };
        if let Some(failure) = self.state.failure() {
            return Err(failure);
        }
        let text = thrown["text"].as_str().unwrap_or_default().to_owned();
        let stack = thrown["stack"].as_str().unwrap_or_default();
        if let Some(name) = thrown["missing"].as_str() {
            return Err(Failure::Missing {
                name: name.to_owned(),
            });
        }
        if let Some(url) = thrown["refused"].as_str() {
            return Err(Failure::Unobtainable {
                url: url.to_owned(),
                why: text,
            });
        }
        let place = place::nearest(stack);
        Err(if is_parse_error(&text, stack, &place) {
            match self.newer_syntax() {
                Some(syntax) => Failure::Engine {
                    text: format!(
                        "{text}: the engine of this check does not know {syntax}, which a browser may"
                    ),
                },
                None => Failure::Unparsable { text, place },
            }
        } else {
            Failure::Threw { text, place }
        })
    }
}

/// Whether the engine could not read a script: then the first frame of the stack is the script's own place,
/// without a function, and is no `eval` or `new Function` of a script that runs.
fn is_parse_error(text: &str, stack: &str, place: &Option<Place>) -> bool {
    let first = stack.lines().next().unwrap_or_default().trim();
    text.starts_with("SyntaxError")
        && !first.ends_with(')')
        && place
            .as_ref()
            .is_some_and(|place| first.contains(&place.url))
}

/// What a run threw, described by our own code, or nothing.
fn outcome<'js>(
    ctx: &Ctx<'js>,
    internals: &Object<'js>,
    done: Js<()>,
) -> Js<Option<serde_json::Value>> {
    match done {
        Ok(()) => Ok(None),
        Err(Error::Exception) => {
            let thrown = ctx.catch();
            if Realm::is_out_of_memory(&thrown) {
                return Err(ctx.throw(thrown));
            }
            let describe: Function = internals.get("describeError")?;
            let described: Value = describe.call((thrown,))?;
            Ok(Some(from_js(&described, 0)?))
        }
        Err(error) => Err(error),
    }
}
