//! The caches, as `CacheStorage` and `Cache` ask for them. What changes a cache notes the fact in the same step.

use std::rc::Rc;

use rquickjs::{Ctx, Function, Object, Result, Value};
use serde_json::{Value as Json, json};

use crate::facts::{Fact, Failure, Place, Source};
use crate::realm::convert::{array, bytes_of, from_js, to_js};
use crate::realm::state::State;
use crate::realm::store::{CacheId, EntryId, Options, Query, Write, signed};

/// Adds the natives of the caches.
pub(super) fn add_caches<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    add_named(host, ctx, state)?;
    add_reading(host, ctx, state)?;
    add_writing(host, ctx, state)
}

/// What `CacheStorage` needs.
fn add_named<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    let shared = Rc::clone(state);
    let open = move |name: String| shared.store.borrow_mut().open(&name);
    host.set("cacheOpen", Function::new(ctx.clone(), open)?)?;

    let shared = Rc::clone(state);
    let find = move |name: String| shared.store.borrow().find(&name);
    host.set("cacheFind", Function::new(ctx.clone(), find)?)?;

    let shared = Rc::clone(state);
    let names = move |ctx: Ctx<'js>| {
        let names: Vec<String> = shared
            .store
            .borrow()
            .named
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        to_js(&ctx, &json!(names))
    };
    host.set("cacheNames", Function::new(ctx.clone(), names)?)?;

    let shared = Rc::clone(state);
    let storage = move |ctx: Ctx<'js>| {
        let use_of = json!({ "quota": shared.limits.stored_bytes, "usage": shared.stored_bytes() });
        to_js(&ctx, &use_of)
    };
    host.set("storage", Function::new(ctx.clone(), storage)?)?;

    let shared = Rc::clone(state);
    let drop = move |name: String| {
        let Some((entries, bytes)) = shared.store.borrow_mut().drop_named(&name) else {
            return false;
        };
        shared.count_stored(-entries, -bytes);
        shared.host.note(Fact::Dropped {
            event: shared.event(),
            cache: name,
        });
        true
    };
    host.set("cacheDrop", Function::new(ctx.clone(), drop)?)
}

/// What finds entries and gives them back.
fn add_reading<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    let shared = Rc::clone(state);
    // Without a query: everything.
    let find = move |ctx: Ctx<'js>, id: CacheId, query: Value<'js>, options: Value<'js>| {
        let store = shared.store.borrow();
        let Some(cache) = store.caches.get(&id) else {
            return to_js(&ctx, &json!([]));
        };
        let found = match serde_json::from_value::<Query>(from_js(&query, 0)?) {
            Ok(query) => cache.matching(&query, options_of(&options)?),
            Err(_) => cache.entries.keys().copied().collect(),
        };
        to_js(&ctx, &json!(found))
    };
    host.set("cacheMatch", Function::new(ctx.clone(), find)?)?;

    let shared = Rc::clone(state);
    let request = move |ctx: Ctx<'js>, id: CacheId, entry: f64| {
        let store = shared.store.borrow();
        let entry = store
            .caches
            .get(&id)
            .and_then(|cache| cache.entries.get(&entry_id(entry)));
        to_js(&ctx, entry.map_or(&Json::Null, |entry| &entry.request))
    };
    host.set("cacheRequest", Function::new(ctx.clone(), request)?)?;

    let shared = Rc::clone(state);
    let response = move |ctx: Ctx<'js>, id: CacheId, entry: f64| {
        let store = shared.store.borrow();
        let Some(cache) = store.caches.get(&id) else {
            return to_js(&ctx, &Json::Null);
        };
        let Some(entry) = cache.entries.get(&entry_id(entry)) else {
            return to_js(&ctx, &Json::Null);
        };
        let fetch = match &entry.seen.source {
            Source::Network { fetch } => Some(*fetch),
            Source::Cache { fetch, .. } => *fetch,
            Source::Script => None,
        };
        let source = Source::Cache {
            cache: cache.name.clone(),
            url: entry.query.url.clone(),
            fetch,
        };
        let found = Object::new(ctx.clone())?;
        // Without a prototype no setter of the worker's comes between.
        found.set_prototype(None)?;
        found.set("response", to_js(&ctx, &entry.response)?)?;
        found.set("source", to_js(&ctx, &json!(source))?)?;
        found.set("body", array(&ctx, &entry.body)?)?;
        Ok(found.into_value())
    };
    host.set("cacheResponse", Function::new(ctx.clone(), response)?)
}

/// What changes caches: here and nowhere else, together with the facts.
fn add_writing<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    let shared = Rc::clone(state);
    let put = move |id: CacheId,
                    how: String,
                    entry: Value<'js>,
                    body: Value<'js>,
                    place: Value<'js>|
          -> Result<bool> {
        let Ok(write) = serde_json::from_value::<Write>(from_js(&entry, 0)?) else {
            shared.fail(Failure::Engine {
                text: "an entry of a cache that has not the shape of one".to_owned(),
            });
            return Ok(false);
        };
        let place: Option<Place> = serde_json::from_value(from_js(&place, 0)?).unwrap_or_default();
        let (url, seen) = (write.query.url.clone(), write.seen.clone());
        let (entries, bytes) = shared
            .store
            .borrow_mut()
            .put(id, write, bytes_of(&body).into());
        let store = shared.store.borrow();
        shared.host.note(Fact::Stored {
            event: shared.event(),
            cache: store
                .caches
                .get(&id)
                .map(|cache| cache.name.clone())
                .unwrap_or_default(),
            how,
            url,
            response: seen,
            place,
        });
        Ok(shared.count_stored(entries, bytes))
    };
    host.set("cachePut", Function::new(ctx.clone(), put)?)?;

    let shared = Rc::clone(state);
    let delete = move |id: CacheId, query: Value<'js>, options: Value<'js>| -> Result<bool> {
        let Ok(query) = serde_json::from_value::<Query>(from_js(&query, 0)?) else {
            return Ok(false);
        };
        let options = options_of(&options)?;
        let mut store = shared.store.borrow_mut();
        let Some(cache) = store.caches.get_mut(&id) else {
            return Ok(false);
        };
        let found = cache.matching(&query, options);
        for id in &found {
            if let Some(entry) = cache.remove(*id) {
                shared.count_stored(-1, -signed(entry.bytes));
                shared.host.note(Fact::Removed {
                    event: shared.event(),
                    cache: cache.name.clone(),
                    url: entry.query.url,
                });
            }
        }
        Ok(!found.is_empty())
    };
    host.set("cacheDelete", Function::new(ctx.clone(), delete)?)
}

fn options_of(value: &Value<'_>) -> Result<Options> {
    Ok(serde_json::from_value(from_js(value, 0)?).unwrap_or_default())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was given out as a whole number below 2^53"
)]
fn entry_id(number: f64) -> EntryId {
    number as EntryId
}
