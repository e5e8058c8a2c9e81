//! What a worker's caches hold (Service Workers, section 5): in Rust, so that it counts against its own limits and is
//! found by its URL without a search.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::facts::{Kept, Seen};

#[cfg(test)]
mod tests;

/// The number of a cache: it stays when another one gets its name.
pub(super) type CacheId = u32;
/// The number of an entry; greater ones were written later.
pub(super) type EntryId = u64;

/// What an entry weighs beside its body and its header fields, so that empty ones are not for nothing.
const ENTRY_BYTES: u64 = 64;

/// All caches of a realm.
#[derive(Default)]
pub(super) struct Store {
    // The name to cache map of section 5.4, in the order of making.
    pub(super) named: Vec<(String, CacheId)>,
    // Those that were deleted stay for the Cache objects that script still has.
    pub(super) caches: HashMap<CacheId, Cache>,
    made: CacheId,
    written: EntryId,
}

/// One cache: section 5.1's request response list, with two indexes.
#[derive(Default)]
pub(super) struct Cache {
    pub(super) name: String,
    pub(super) entries: BTreeMap<EntryId, Entry>,
    by_url: HashMap<String, Vec<EntryId>>,
    by_path: HashMap<String, Vec<EntryId>>,
}

/// One request and its response.
pub(super) struct Entry {
    pub(super) query: Query,
    // What the response's `Vary` names.
    vary: Vec<String>,
    // What script's Request and Response are made of again; only the globals read it.
    pub(super) request: Json,
    pub(super) response: Json,
    pub(super) body: Rc<[u8]>,
    pub(super) seen: Seen,
    pub(super) bytes: u64,
}

/// What is looked up: the parts of a request that section 5.4's "request matches cached item" reads.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Query {
    pub(super) url: String,
    method: String,
    headers: Vec<(String, String)>,
}

/// `CacheQueryOptions`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Options {
    ignore_search: bool,
    ignore_method: bool,
    ignore_vary: bool,
}

/// What is to be written.
#[derive(Debug, Deserialize)]
pub(super) struct Write {
    pub(super) query: Query,
    vary: Vec<String>,
    request: Json,
    response: Json,
    pub(super) seen: Seen,
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

    pub(super) fn find(&self, name: &str) -> Option<CacheId> {
        self.named
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, id)| *id)
    }

    pub(super) fn open(&mut self, name: &str) -> CacheId {
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
    pub(super) fn drop_named(&mut self, name: &str) -> Option<(i64, i64)> {
        let at = self.named.iter().position(|(known, _)| known == name)?;
        let (_, id) = self.named.remove(at);
        let cache = self.caches.get(&id)?;
        let bytes = cache.entries.values().map(|entry| entry.bytes).sum();
        Some((signed(cache.entries.len() as u64), signed(bytes)))
    }

    /// Puts an entry at the end in place of those that its request matches (section 5.4.5 and "batch cache
    /// operations"); how many entries and bytes there are more or less.
    pub(super) fn put(&mut self, id: CacheId, write: Write, body: Rc<[u8]>) -> (i64, i64) {
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
    pub(super) fn matching(&self, query: &Query, options: Options) -> Vec<EntryId> {
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

    pub(super) fn remove(&mut self, id: EntryId) -> Option<Entry> {
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

/// As a difference.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
