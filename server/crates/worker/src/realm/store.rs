//! What a worker's caches hold (Service Workers, section 5): in Rust, so that it counts against its own limits, is
//! found by its URL without a search, and changes only together with the fact that tells of it.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use rquickjs::{Ctx, Function, Object, Result, Value};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::facts::{Fact, Kept, Place, Seen, Source};
use crate::realm::convert::{array, bytes_of, from_js, to_js};
use crate::realm::state::State;

#[cfg(test)]
mod tests;

/// The number of a cache: it stays when another one gets its name.
type CacheId = u32;
/// The number of an entry; greater ones were written later.
type EntryId = u64;

/// What an entry weighs beside its body and its header fields, so that empty ones are not for nothing.
const ENTRY_BYTES: u64 = 64;

/// All caches of a realm.
#[derive(Default)]
pub(super) struct Store {
    // The name to cache map of section 5.4, in the order of making.
    named: Vec<(String, CacheId)>,
    // Those that were deleted stay for the Cache objects that script still has.
    caches: HashMap<CacheId, Cache>,
    made: CacheId,
    written: EntryId,
}

/// One cache: section 5.1's request response list, with two indexes.
#[derive(Default)]
struct Cache {
    name: String,
    entries: BTreeMap<EntryId, Entry>,
    by_url: HashMap<String, Vec<EntryId>>,
    by_path: HashMap<String, Vec<EntryId>>,
}

/// One request and its response.
struct Entry {
    query: Query,
    // What the response's `Vary` names.
    vary: Vec<String>,
    // What script's Request and Response are made of again; only the globals read it.
    request: Json,
    response: Json,
    body: Rc<[u8]>,
    seen: Seen,
    bytes: u64,
}

/// What is looked up: the parts of a request that section 5.4's "request matches cached item" reads.
#[derive(Debug, Clone, Deserialize)]
struct Query {
    url: String,
    method: String,
    headers: Vec<(String, String)>,
}

/// `CacheQueryOptions`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    ignore_search: bool,
    ignore_method: bool,
    ignore_vary: bool,
}

/// What is to be written.
#[derive(Debug, Deserialize)]
struct Write {
    query: Query,
    vary: Vec<String>,
    request: Json,
    response: Json,
    seen: Seen,
}

impl Store {
    /// Everything in the caches that have a name.
    pub(super) fn kept(&self) -> Vec<Kept> {
        self.named
            .iter()
            .filter_map(|(_, id)| self.caches.get(id))
            .flat_map(|cache| {
                cache.entries.values().map(|entry| Kept {
                    cache: cache.name.clone(),
                    url: entry.query.url.clone(),
                    status: entry.seen.status,
                    kind: entry.seen.kind.clone(),
                    content_type: entry.seen.content_type.clone(),
                    digest: entry.seen.digest.clone(),
                    bytes: entry.seen.bytes,
                })
            })
            .collect()
    }

    fn find(&self, name: &str) -> Option<CacheId> {
        self.named
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, id)| *id)
    }

    fn open(&mut self, name: &str) -> CacheId {
        self.find(name).unwrap_or_else(|| {
            self.made += 1;
            self.named.push((name.to_owned(), self.made));
            let cache = Cache {
                name: name.to_owned(),
                ..Cache::default()
            };
            self.caches.insert(self.made, cache);
            self.made
        })
    }

    /// Takes a cache's name away; how many entries and bytes went with it.
    fn drop_named(&mut self, name: &str) -> Option<(i64, i64)> {
        let at = self.named.iter().position(|(known, _)| known == name)?;
        let (_, id) = self.named.remove(at);
        let cache = self.caches.get(&id)?;
        let bytes = cache.entries.values().map(|entry| entry.bytes).sum();
        Some((signed(cache.entries.len() as u64), signed(bytes)))
    }

    /// Puts an entry at the end in place of those that its request matches (section 5.4.5 and "batch cache
    /// operations"); how many entries and bytes there are more or less.
    fn put(&mut self, id: CacheId, write: Write, body: Rc<[u8]>) -> (i64, i64) {
        let (mut entries, mut bytes) = (0, 0);
        self.written += 1;
        let written = self.written;
        let Some(cache) = self.caches.get_mut(&id) else {
            return (0, 0);
        };
        for old in cache.matching(&write.query, Options::default()) {
            if let Some(old) = cache.remove(old) {
                entries -= 1;
                bytes -= signed(old.bytes);
            }
        }
        let mut url = write.query.url.clone();
        cache.by_url.entry(url.clone()).or_default().push(written);
        url.truncate(without_search(&url).len());
        cache.by_path.entry(url).or_default().push(written);
        let entry = Entry {
            bytes: weigh(&write, body.len()),
            query: write.query,
            vary: write.vary,
            request: write.request,
            response: write.response,
            seen: write.seen,
            body,
        };
        entries += 1;
        bytes += signed(entry.bytes);
        cache.entries.insert(written, entry);
        (entries, bytes)
    }
}

impl Cache {
    /// Section 5.4, "query cache": the entries that a request matches, in the order of their writing.
    fn matching(&self, query: &Query, options: Options) -> Vec<EntryId> {
        if query.method != "GET" && !options.ignore_method {
            return Vec::new();
        }
        let url = without_fragment(&query.url);
        let found = if options.ignore_search {
            self.by_path.get(without_search(url))
        } else {
            self.by_url.get(url)
        };
        found
            .into_iter()
            .flatten()
            .copied()
            .filter(|id| options.ignore_vary || self.entries[id].varies_not(query))
            .collect()
    }

    fn remove(&mut self, id: EntryId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        let url = &entry.query.url;
        for (index, key) in [
            (&mut self.by_url, url.as_str()),
            (&mut self.by_path, without_search(url)),
        ] {
            if let Some(ids) = index.get_mut(key) {
                ids.retain(|known| *known != id);
                if ids.is_empty() {
                    index.remove(key);
                }
            }
        }
        Some(entry)
    }
}

impl Entry {
    /// Whether the fields that the response varies with are the same in both requests.
    fn varies_not(&self, query: &Query) -> bool {
        self.vary
            .iter()
            .all(|name| name != "*" && self.query.header(name) == query.header(name))
    }
}

impl Query {
    /// Fetch, "get a header": the values of all fields of that name.
    fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

fn without_search(url: &str) -> &str {
    url.split_once('?').map_or(url, |(url, _)| url)
}

fn weigh(write: &Write, body_bytes: usize) -> u64 {
    let fields: usize = write
        .query
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    ENTRY_BYTES + (body_bytes + write.query.url.len() + fields) as u64
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Adds the natives of the caches.
pub(super) fn add<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    add_named(host, ctx, state)?;
    add_reading(host, ctx, state)?;
    add_writing(host, ctx, state)
}

/// What `CacheStorage` needs.
fn add_named<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    let world = Rc::clone(state);
    let open = move |name: String| world.store.borrow_mut().open(&name);
    host.set("cacheOpen", Function::new(ctx.clone(), open)?)?;

    let world = Rc::clone(state);
    let find = move |name: String| world.store.borrow().find(&name);
    host.set("cacheFind", Function::new(ctx.clone(), find)?)?;

    let world = Rc::clone(state);
    let names = move |ctx: Ctx<'js>| {
        let names: Vec<String> = world
            .store
            .borrow()
            .named
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        to_js(&ctx, &json!(names))
    };
    host.set("cacheNames", Function::new(ctx.clone(), names)?)?;

    let world = Rc::clone(state);
    let storage = move |ctx: Ctx<'js>| {
        let use_of = json!({ "quota": world.limits.stored_bytes, "usage": world.stored_bytes() });
        to_js(&ctx, &use_of)
    };
    host.set("storage", Function::new(ctx.clone(), storage)?)?;

    let world = Rc::clone(state);
    let drop = move |name: String| {
        let Some((entries, bytes)) = world.store.borrow_mut().drop_named(&name) else {
            return false;
        };
        world.count_stored(-entries, -bytes);
        world.host.note(Fact::Dropped {
            event: world.event(),
            cache: name,
        });
        true
    };
    host.set("cacheDrop", Function::new(ctx.clone(), drop)?)
}

/// What finds entries and gives them back.
fn add_reading<'js>(host: &Object<'js>, ctx: &Ctx<'js>, state: &Rc<State>) -> Result<()> {
    let world = Rc::clone(state);
    // Without a query: everything.
    let find = move |ctx: Ctx<'js>, id: CacheId, query: Value<'js>, options: Value<'js>| {
        let store = world.store.borrow();
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

    let world = Rc::clone(state);
    let request = move |ctx: Ctx<'js>, id: CacheId, entry: f64| {
        let store = world.store.borrow();
        let entry = store
            .caches
            .get(&id)
            .and_then(|cache| cache.entries.get(&entry_id(entry)));
        to_js(&ctx, entry.map_or(&Json::Null, |entry| &entry.request))
    };
    host.set("cacheRequest", Function::new(ctx.clone(), request)?)?;

    let world = Rc::clone(state);
    let response = move |ctx: Ctx<'js>, id: CacheId, entry: f64| {
        let store = world.store.borrow();
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
    let world = Rc::clone(state);
    let put = move |id: CacheId,
                    how: String,
                    entry: Value<'js>,
                    body: Value<'js>,
                    place: Value<'js>|
          -> Result<bool> {
        let Ok(write) = serde_json::from_value::<Write>(from_js(&entry, 0)?) else {
            world.fail(crate::facts::Failure::Engine {
                text: "an entry of a cache that has not the shape of one".to_owned(),
            });
            return Ok(false);
        };
        let place: Option<Place> = serde_json::from_value(from_js(&place, 0)?).unwrap_or_default();
        let (url, seen) = (write.query.url.clone(), write.seen.clone());
        let (entries, bytes) = world
            .store
            .borrow_mut()
            .put(id, write, bytes_of(&body).into());
        let store = world.store.borrow();
        world.host.note(Fact::Stored {
            event: world.event(),
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
        Ok(world.count_stored(entries, bytes))
    };
    host.set("cachePut", Function::new(ctx.clone(), put)?)?;

    let world = Rc::clone(state);
    let delete = move |id: CacheId, query: Value<'js>, options: Value<'js>| -> Result<bool> {
        let Ok(query) = serde_json::from_value::<Query>(from_js(&query, 0)?) else {
            return Ok(false);
        };
        let options = options_of(&options)?;
        let mut store = world.store.borrow_mut();
        let Some(cache) = store.caches.get_mut(&id) else {
            return Ok(false);
        };
        let found = cache.matching(&query, options);
        for id in &found {
            if let Some(entry) = cache.remove(*id) {
                world.count_stored(-1, -signed(entry.bytes));
                world.host.note(Fact::Removed {
                    event: world.event(),
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
