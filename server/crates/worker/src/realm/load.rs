//! The worker's script: fetched and checked as "Update" and `importScripts` of the Service Workers specification
//! demand, classic or a module with its static imports, and run once.

use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::promise::PromiseState;
use rquickjs::{
    Ctx, Error, Exception, Function, Module, Object, Persistent, Promise, Result as Js, Value,
};
use serde_json::json;
use url::Url;

use crate::facts::{Failure, Mode, Place, Request};
use crate::realm::convert::{from_js, to_js};
use crate::realm::natives::add as add_native;
use crate::realm::state::State;
use crate::realm::{Realm, place};

/// How many redirects Fetch follows.
const MOST_HOPS: u32 = 20;

/// Syntax that the engine lacks and that browsers have, or are about to have.
const NEWER_SYNTAX: &[&str] = &[
    "import.defer(",
    "import.source(",
    "import defer ",
    "import source ",
];

/// Why a script is not to be had.
struct Refused {
    /// What.
    url: String,
    /// Why not.
    why: String,
    /// Whether the network itself failed: another attempt may go otherwise.
    is_network: bool,
}

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

    /// Runs the microtasks of a module's evaluation; its own promise counts as heard.
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

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        Failure::Unobtainable {
            url: refused.url,
            why: refused.why,
        }
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

/// Runs a classic script in the global scope, its URL as its name.
fn evaluate<'js>(ctx: &Ctx<'js>, url: &str, source: &str) -> Js<()> {
    let mut options = EvalOptions::default();
    options.global = true;
    options.strict = false;
    options.filename = Some(url.to_owned());
    ctx.eval_with_options::<Value, _>(source, options)
        .map(|_| ())
}

/// A module with what HTML's `import.meta` holds.
fn declare<'js>(ctx: &Ctx<'js>, url: &str, source: &str) -> Js<Module<'js, Declared>> {
    let module = Module::declare(ctx.clone(), url, source)?;
    module.meta()?.set("url", url)?;
    Ok(module)
}

/// Adds `importScript` to the natives: null when it ran, else why it could not be had.
pub(super) fn add<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Js<()> {
    let shared = Rc::clone(state);
    add_native(
        host,
        ctx,
        "importScript",
        move |ctx: Ctx<'js>, url: String| -> Js<Value<'js>> {
            let known = shared.scripts.borrow().get(&url).cloned();
            let source = match known {
                Some(source) => source,
                None if !shared.are_imports_open() => {
                    return to_js(
                        &ctx,
                        &json!({
                            "why": "a script that was not imported before the worker was installed",
                        }),
                    );
                }
                None => match obtain(&shared, &url, Purpose::Import) {
                    Ok(source) => source,
                    Err(refused) => {
                        // A script that the network did not deliver this time is one that users may get: what
                        // this worker does without it says nothing. A refusal by status or type is for everybody.
                        if refused.is_network {
                            shared.fail(Failure::Unobtainable {
                                url: refused.url,
                                why: refused.why.clone(),
                            });
                        }
                        return to_js(&ctx, &json!({ "why": refused.why }));
                    }
                },
            };
            evaluate(&ctx, &url, &source)?;
            Ok(Value::new_null(ctx))
        },
    )
}

/// What a script is fetched for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The worker's own script.
    Main,
    /// `importScripts`.
    Import,
    /// A module's import.
    Module,
}

/// Fetches a script, follows redirects where that is allowed, and checks status and type.
fn obtain(state: &Rc<State>, url: &str, purpose: Purpose) -> Result<Rc<str>, Refused> {
    let refused = |why: String, is_network| Refused {
        url: url.to_owned(),
        why,
        is_network,
    };
    let origin = Url::parse(&state.registration.script).map(|script| script.origin());
    let mut at = Url::parse(url).map_err(|error| refused(error.to_string(), false))?;
    at.set_fragment(None);
    for _ in 0..=MOST_HOPS {
        let is_same_origin = origin.as_ref().is_ok_and(|origin| *origin == at.origin());
        let request = Request {
            method: "GET".to_owned(),
            url: at.to_string(),
            headers: match purpose {
                Purpose::Main => vec![("service-worker".to_owned(), "script".to_owned())],
                Purpose::Import | Purpose::Module => Vec::new(),
            },
            body: Vec::new(),
            mode: match purpose {
                Purpose::Main => Mode::SameOrigin,
                Purpose::Import => Mode::NoCors,
                Purpose::Module => Mode::Cors,
            },
            destination: match purpose {
                Purpose::Main | Purpose::Module => "serviceworker",
                Purpose::Import => "script",
            }
            .to_owned(),
            credentials: "same-origin".to_owned(),
            cache: "no-cache".to_owned(),
        };
        if !state.count_request() {
            return Err(refused("too many requests".to_owned(), false));
        }
        let answer = state.host.fetch(&request);
        state.restart_turn();
        let answer = answer.map_err(|why| refused(why, true))?;
        let header = |name: &str| {
            answer
                .headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
        };
        if matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            if purpose == Purpose::Main {
                return Err(refused(
                    format!(
                        "it answers {}, and a worker's script must not redirect",
                        answer.status
                    ),
                    false,
                ));
            }
            let target = header("location").and_then(|location| at.join(location).ok());
            at = target.ok_or_else(|| refused("a redirect to nowhere".to_owned(), false))?;
            continue;
        }
        if !(200..300).contains(&answer.status) {
            return Err(refused(format!("it answers {}", answer.status), false));
        }
        let kind = header("content-type").unwrap_or_default();
        if !is_javascript(kind) {
            return Err(refused(
                format!("its Content-Type is {kind:?}, which is no JavaScript"),
                false,
            ));
        }
        if purpose == Purpose::Module && !is_same_origin {
            let allowed = header("access-control-allow-origin")
                .unwrap_or_default()
                .trim();
            let own = origin.as_ref().map(url::Origin::ascii_serialization);
            if allowed != "*" && own.as_deref() != Ok(allowed) {
                return Err(refused("CORS does not allow it".to_owned(), false));
            }
        }
        if answer.body.len() > state.limits.script_bytes {
            state.pass_limit(format!("{} bytes of script", state.limits.script_bytes));
            return Err(refused("it is too long".to_owned(), false));
        }
        let body = answer
            .body
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(&answer.body);
        let source: Rc<str> = String::from_utf8_lossy(body).into();
        state.add_source(&source);
        if purpose == Purpose::Import {
            let mut scripts = state.scripts.borrow_mut();
            scripts.insert(url.to_owned(), Rc::clone(&source));
        }
        return Ok(source);
    }
    Err(refused(format!("more than {MOST_HOPS} redirects"), false))
}

/// Whether a `Content-Type` names a JavaScript MIME type (MIME Sniffing, section 4.6).
fn is_javascript(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    matches!(
        essence.as_str(),
        "application/ecmascript"
            | "application/javascript"
            | "application/x-ecmascript"
            | "application/x-javascript"
            | "text/ecmascript"
            | "text/javascript"
            | "text/javascript1.0"
            | "text/javascript1.1"
            | "text/javascript1.2"
            | "text/javascript1.3"
            | "text/javascript1.4"
            | "text/javascript1.5"
            | "text/jscript"
            | "text/livescript"
            | "text/x-ecmascript"
            | "text/x-javascript"
    )
}

/// A module's imports: those that stand in the source are fetched while it is linked; `import()` is rejected, as
/// HTML's "import a module script dynamically" demands of a service worker.
pub(super) struct Modules(pub(super) Rc<State>);

impl Resolver for Modules {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> Js<String> {
        if attributes.is_some() {
            return Err(Exception::throw_type(
                ctx,
                "Import attributes cannot be evaluated here.",
            ));
        }
        if !self.0.is_linking() {
            return Err(Exception::throw_type(
                ctx,
                "import() is disallowed on ServiceWorkerGlobalScope by the HTML specification.",
            ));
        }
        let is_relative = ["/", "./", "../"]
            .iter()
            .any(|start| name.starts_with(start));
        let resolved = match Url::parse(name) {
            Ok(url) => Some(url),
            Err(_) if is_relative => Url::parse(base).and_then(|base| base.join(name)).ok(),
            Err(_) => None,
        };
        resolved.map(String::from).ok_or_else(|| {
            Exception::throw_type(
                ctx,
                &format!("Failed to resolve module specifier \"{name}\"."),
            )
        })
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Js<Module<'js, Declared>> {
        match obtain(&self.0, name, Purpose::Module) {
            Ok(source) => declare(ctx, name, &source),
            Err(refused) => {
                let why = refused.why.clone();
                self.0.fail(refused.into());
                Err(Exception::throw_type(ctx, &why))
            }
        }
    }
}
