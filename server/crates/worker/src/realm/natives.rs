//! What our globals may ask of Rust: the network, the clock, facts, digests, text and URLs. The object lives only
//! in the closures of `globals/*.js`.

use std::rc::Rc;

use rquickjs::function::Opt;
use rquickjs::{Ctx, Object, Result, TypedArray, Value};
use serde_json::json;

use crate::facts::{Fact, Failure, FetchId, Place, Request};
use crate::realm::clock::START_MS;
use crate::realm::convert::{array, buffer, bytes_of, copied, from_js, to_js};
use crate::realm::place;
use crate::realm::state::{State, hex, sha256};

mod bytes;
mod caches;
mod codecs;
mod define;
mod import_script;
mod sha1;
mod text;
mod urls;

use define::define;

/// The natives.
pub(super) fn build<'js>(ctx: &Ctx<'js>, state: &Rc<State>) -> Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    host.set_prototype(None)?;
    world(&host, ctx, state)?;
    time(&host, ctx, state)?;
    content(&host, ctx, state)?;
    bytes::add_bytes(&host, ctx)?;
    text::add_text(&host, ctx)?;
    codecs::add_codecs(&host, ctx, state)?;
    urls::add_urls(&host, ctx)?;
    import_script::add_import_script(&host, ctx, state)?;
    caches::add_caches(&host, ctx, state)?;
    Ok(host)
}

/// The network, the facts, the limits, the registration.
fn world<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    let registration = json!({
        "script": state.registration.script,
        "scope": state.registration.scope,
        "module": state.registration.module,
    });
    host.set("registration", to_js(ctx, &registration)?)?;

    let shared = Rc::clone(state);
    define(host, ctx, "event", move || shared.event())?;

    let shared = Rc::clone(state);
    define(host, ctx, "note", move |fact: Value<'js>| -> Result<()> {
        if let Ok(fact) = serde_json::from_value::<Fact>(from_js(&fact, 0)?) {
            shared.host.note(fact);
            return Ok(());
        }
        shared.fail(Failure::Engine {
            text: "a fact that has not the shape of one".to_owned(),
        });
        Ok(())
    })?;

    let shared = Rc::clone(state);
    define(
        host,
        ctx,
        "send",
        move |ctx: Ctx<'js>, request: Value<'js>, body: Value<'js>, more: Value<'js>| {
            send(&ctx, &shared, &request, &body, &more)
        },
    )?;

    let shared = Rc::clone(state);
    define(host, ctx, "count", move |entries: f64, bytes: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "counts, far below 2^53")]
        shared.count_stored(entries as i64, bytes as i64)
    })?;

    let shared = Rc::clone(state);
    define(host, ctx, "passLimit", move |which: String| {
        shared.pass_limit(which);
    })?;

    let shared = Rc::clone(state);
    define(host, ctx, "setMissing", move |names: Vec<String>| {
        *shared.missing.borrow_mut() = names;
    })?;

    let shared = Rc::clone(state);
    define(host, ctx, "failMissing", move |name: String| {
        shared.fail(Failure::Missing { name });
    })?;

    let shared = Rc::clone(state);
    define(
        host,
        ctx,
        "failUnobtainable",
        move |url: String, why: String| {
            shared.fail(Failure::Unobtainable { url, why });
        },
    )?;

    let shared = Rc::clone(state);
    define(host, ctx, "failMemory", move || {
        shared.pass_memory();
    })?;

    let shared = Rc::clone(state);
    define(host, ctx, "checkpoint", move |ctx: Ctx<'js>| {
        checkpoint(&ctx, &shared)
    })?;

    define(
        host,
        ctx,
        "place",
        move |ctx: Ctx<'js>, stack: Opt<String>| {
            let place = stack.0.and_then(|stack| place::nearest(&stack));
            to_js(&ctx, &serde_json::to_value(place).unwrap_or_default())
        },
    )
}

/// HTML, "perform a microtask checkpoint": what runs when a listener has returned to an empty stack.
///
/// # Errors
/// A job was interrupted or had no memory left: the caller gets that error.
fn checkpoint(ctx: &Ctx<'_>, state: &State) -> Result<()> {
    while state.failure().is_none() && ctx.execute_pending_job() {
        // A job's own exception rejects its promise; what is left here is an interruption or a lack of memory.
        let thrown = ctx.catch();
        if thrown.type_of() != rquickjs::Type::Uninitialized {
            if state.failure().is_none() {
                state.pass_memory();
            }
            return Err(ctx.throw(thrown));
        }
    }
    Ok(())
}

/// One request over the network: an object with `id` and either `error` or the answer.
fn send<'js>(
    ctx: &Ctx<'js>,
    state: &Rc<State>,
    request: &Value<'js>,
    body: &Value<'js>,
    more: &Value<'js>,
) -> Result<Value<'js>> {
    let mut request = from_js(request, 0)?;
    request["body"] = json!("");
    let more = from_js(more, 0)?;
    let mut request: Request = match serde_json::from_value(request) {
        Ok(request) => request,
        Err(error) => return to_js(ctx, &json!({ "id": 0, "error": error.to_string() })),
    };
    request.body = bytes_of(body);
    let Some(id) = state.begin_fetch() else {
        return to_js(ctx, &json!({ "id": 0, "error": "too many requests" }));
    };
    let answer = state.host.fetch(&request);
    state.restart_turn();
    let place: Option<Place> = serde_json::from_value(more["place"].clone()).unwrap_or_default();
    let mut fact = Sent {
        id,
        request: &request,
        navigation: more["navigation"].as_bool().unwrap_or(false),
        place,
        status: None,
        content_type: None,
        digest: None,
        error: None,
    };
    match answer {
        Err(error) => {
            fact.error = Some(error.clone());
            state.host.note(fact.into_fact(state.event()));
            to_js(ctx, &json!({ "id": id, "error": error }))
        }
        Ok(answer) if answer.body.len() > state.limits.body_bytes => {
            let error = format!("the body is longer than {} bytes", state.limits.body_bytes);
            fact.status = Some(answer.status);
            fact.error = Some(error.clone());
            state.host.note(fact.into_fact(state.event()));
            state.pass_limit(format!("{} bytes of one answer", state.limits.body_bytes));
            to_js(ctx, &json!({ "id": id, "error": error }))
        }
        Ok(answer) => {
            let digest = state.remember(id, &answer.body);
            fact.status = Some(answer.status);
            fact.content_type = content_type(&answer.headers);
            fact.digest = Some(hex(&digest));
            state.host.note(fact.into_fact(state.event()));
            let value = to_js(
                ctx,
                &json!({
                    "id": id,
                    "status": answer.status,
                    "statusText": answer.status_text,
                    "headers": answer.headers,
                }),
            )?;
            if let Some(object) = value.as_object() {
                // Without a prototype no setter of the worker's comes between.
                object.set_prototype(None)?;
                object.set("body", array(ctx, &answer.body)?)?;
            }
            Ok(value)
        }
    }
}

/// What becomes [`Fact::Fetched`].
struct Sent<'a> {
    id: FetchId,
    request: &'a Request,
    navigation: bool,
    place: Option<Place>,
    status: Option<u16>,
    content_type: Option<String>,
    digest: Option<String>,
    error: Option<String>,
}

impl Sent<'_> {
    fn into_fact(self, event: u32) -> Fact {
        Fact::Fetched {
            id: self.id,
            event,
            method: self.request.method.clone(),
            url: self.request.url.clone(),
            mode: self.request.mode,
            destination: self.request.destination.clone(),
            navigation: self.navigation,
            status: self.status,
            content_type: self.content_type,
            digest: self.digest,
            error: self.error,
            place: self.place,
        }
    }
}

/// The value of `Content-Type`, several lines joined as Fetch's header list "get" does.
fn content_type(headers: &[(String, String)]) -> Option<String> {
    let values: Vec<&str> = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.as_str())
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The clock.
fn time<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    host.set("startMs", START_MS)?;
    let shared = Rc::clone(state);
    define(host, ctx, "elapsed", move || shared.clock.elapsed_ms())?;
    let shared = Rc::clone(state);
    define(host, ctx, "arm", move |delay: f64, id: Opt<u32>| {
        shared.clock.arm(id.0, delay)
    })?;
    let shared = Rc::clone(state);
    define(host, ctx, "disarm", move |id: u32| shared.clock.disarm(id))?;
    let shared = Rc::clone(state);
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what a fraction has"
    )]
    define(host, ctx, "random", move || {
        (shared.random() >> 11) as f64 / (1u64 << 53) as f64
    })?;
    let shared = Rc::clone(state);
    define(
        host,
        ctx,
        "randomBytes",
        move |ctx: Ctx<'js>, length: usize| {
            let mut bytes = Vec::with_capacity(length.min(65536) + 8);
            while bytes.len() < length.min(65536) {
                bytes.extend_from_slice(&shared.random().to_le_bytes());
            }
            bytes.truncate(length);
            array(&ctx, &bytes)
        },
    )
}

/// Digests, and content that is known.
fn content<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    define(host, ctx, "sha256", move |bytes: TypedArray<'js, u8>| {
        hex(&sha256(&copied(&bytes)))
    })?;
    define(
        host,
        ctx,
        "digest",
        move |ctx: Ctx<'js>, algorithm: String, bytes: TypedArray<'js, u8>| {
            use sha2::Digest;
            let bytes = &copied(&bytes);
            let digest = match algorithm.as_str() {
                "SHA-1" => sha1::digest(bytes).to_vec(),
                "SHA-384" => sha2::Sha384::digest(bytes).to_vec(),
                "SHA-512" => sha2::Sha512::digest(bytes).to_vec(),
                _ => sha2::Sha256::digest(bytes).to_vec(),
            };
            buffer(&ctx, &digest)
        },
    )?;
    let shared = Rc::clone(state);
    define(host, ctx, "recognise", move |bytes: TypedArray<'js, u8>| {
        shared.recognise(&copied(&bytes))
    })
}
