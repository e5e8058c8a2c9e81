//! A worker's scripts: fetched and checked as "Update" and `importScripts` of the Service Workers specification demand,
//! and handed to the engine.

use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::module::Declared;
use rquickjs::{Ctx, Module, Result as Js, Value};
use url::{Origin, Url};

use crate::facts::{Answer, Failure, Mode, Request};
use crate::realm::state::State;

/// How many redirects Fetch follows.
const MAX_REDIRECTS: u32 = 20;

/// Why a script is not to be had.
pub(super) struct Refused {
    /// What.
    pub(super) url: String,
    /// Why not.
    pub(super) why: String,
    /// Whether the network itself failed: another attempt may go otherwise.
    pub(super) is_network: bool,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        Failure::Unobtainable {
            url: refused.url,
            why: refused.why,
        }
    }
}

/// What a script is fetched for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The worker's own script.
    Main,
    /// `importScripts`.
    Import,
    /// A module's import.
    Module,
}

/// Fetches a script, follows redirects where that is allowed, and checks status and type.
pub(super) fn obtain(state: &Rc<State>, url: &str, purpose: Purpose) -> Result<Rc<str>, Refused> {
    let refused = |why: String, is_network| Refused {
        url: url.to_owned(),
        why,
        is_network,
    };
    let origin = Url::parse(&state.registration.script).map(|script| script.origin());
    let mut at = Url::parse(url).map_err(|error| refused(error.to_string(), false))?;
    at.set_fragment(None);
    for _ in 0..=MAX_REDIRECTS {
        if !state.count_request() {
            return Err(refused("too many requests".to_owned(), false));
        }
        let answer = state.host.fetch(&request_for(&at, purpose));
        state.restart_turn();
        let answer = answer.map_err(|why| refused(why, true))?;
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
            let target = header(&answer, "location").and_then(|target| at.join(target).ok());
            at = target.ok_or_else(|| refused("a redirect to nowhere".to_owned(), false))?;
            continue;
        }
        let source_origin = (purpose == Purpose::Module).then(|| at.origin());
        check_answer(&answer, origin.as_ref().ok(), source_origin.as_ref())
            .map_err(|why| refused(why, false))?;
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
    Err(refused(
        format!("more than {MAX_REDIRECTS} redirects"),
        false,
    ))
}

fn request_for(url: &Url, purpose: Purpose) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.to_string(),
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
    }
}

/// Whether an answer may be run, by its status, its type and, for a module that comes from `source`, by CORS.
fn check_answer(
    answer: &Answer,
    own: Option<&Origin>,
    source: Option<&Origin>,
) -> Result<(), String> {
    if !(200..300).contains(&answer.status) {
        return Err(format!("it answers {}", answer.status));
    }
    let kind = header(answer, "content-type").unwrap_or_default();
    if !is_javascript(kind) {
        return Err(format!(
            "its Content-Type is {kind:?}, which is no JavaScript"
        ));
    }
    if source.is_some() && source != own {
        let allowed = header(answer, "access-control-allow-origin")
            .unwrap_or_default()
            .trim();
        let own = own.map(Origin::ascii_serialization);
        if allowed != "*" && own.as_deref() != Some(allowed) {
            return Err("CORS does not allow it".to_owned());
        }
    }
    Ok(())
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer
        .headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
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

/// Runs a classic script in the global scope, its URL as its name.
pub(super) fn evaluate<'js>(ctx: &Ctx<'js>, url: &str, source: &str) -> Js<()> {
    let mut options = EvalOptions::default();
    options.global = true;
    options.strict = false;
    options.filename = Some(url.to_owned());
    ctx.eval_with_options::<Value, _>(source, options)
        .map(|_| ())
}

/// A module with what HTML's `import.meta` holds.
pub(super) fn declare<'js>(ctx: &Ctx<'js>, url: &str, source: &str) -> Js<Module<'js, Declared>> {
    let module = Module::declare(ctx.clone(), url, source)?;
    module.meta()?.set("url", url)?;
    Ok(module)
}
