//! Which service workers a site's pages register: read from the scripts that stand in the pages and those that they
//! load, by their tokens. What is registered under a URL that can't be told is said, never passed over.

mod calls;
mod messages;
mod scan;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tealkeep_worker::Registration;
use url::Url;

use super::super::web::{Page, Seen};
use super::answers::{Answers, content_type, field};
use super::marks;
pub use calls::ViaCache;
use calls::{Call, Known};
use scan::{Lexeme, scan};
use value::Script;

/// How many workers of a site are evaluated.
const MAX_REGISTRATIONS: usize = 8;
/// How many different messages of the pages are played.
const MAX_MESSAGES: usize = 40;
/// How much script is read in all, in bytes: what pages load beyond it is not looked through.
const MAX_SCRIPT_BYTES: usize = 24 << 20;

/// A registration that was seen in a script.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wish {
    /// The worker's script.
    pub script: Url,
    /// The scope, if one is named.
    pub scope: Option<Url>,
    /// Whether it is registered as an ES module.
    pub module: bool,
    /// Whether that is what the script says, or only what it may come to, or a custom of some library: then it
    /// counts only if a script is there.
    pub is_certain: bool,
    /// Whether it can be what a call comes to that says nothing by itself: a library was told of it.
    pub explains: bool,
}

/// A registration whose URL can't be told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Riddle {
    /// The script in which it stands.
    pub url: String,
    /// Its line.
    pub line: u32,
}

/// What the scripts of a site say.
#[derive(Debug, Default)]
pub struct Sources {
    /// The registrations, each once, in the order of the pages.
    pub wishes: Vec<Wish>,
    /// Those that can't be told.
    pub riddles: BTreeSet<Riddle>,
    /// For each page by its number what its scripts ask for by `fetch()`.
    data: BTreeMap<usize, Vec<Url>>,
    /// For each worker's script what its registrations say of `updateViaCache`, the most lenient one.
    via_cache: BTreeMap<Url, ViaCache>,
    /// What the pages' scripts send to a worker, each once.
    pub messages: Vec<Value>,
}

impl Sources {
    /// What of that worker a browser looks for in its HTTP cache.
    pub fn via_cache(&self, script: &str) -> ViaCache {
        let known = Url::parse(script)
            .ok()
            .and_then(|url| self.via_cache.get(&url));
        known.copied().unwrap_or(ViaCache::Imports)
    }

    /// What the scripts of that page ask for.
    pub fn data_of(&self, page: usize) -> &[Url] {
        self.data.get(&page).map_or(&[], Vec::as_slice)
    }

    /// Reads all the scripts. Long ones take their time: not to be called where others wait.
    pub fn read(seen: &Seen) -> Sources {
        let mut sources = Sources::default();
        let mut left = MAX_SCRIPT_BYTES;
        let mut scanned: BTreeMap<usize, Vec<Lexeme>> = BTreeMap::new();
        let mut told: BTreeMap<usize, Known> = BTreeMap::new();
        let mut files: BTreeSet<Url> = BTreeSet::new();
        for (number, page) in seen.pages.iter().enumerate() {
            let mut known = Known::default();
            for (line, text) in &page.inline_scripts {
                if let Some(rest) = left.checked_sub(text.len()) {
                    left = rest;
                    let tokens = scan(text);
                    let script = Script::new(&tokens, &page.base, &page.answer.url);
                    calls::read(&script, line.saturating_sub(1), &mut known);
                }
            }
            for at in &page.assets {
                let Some(asset) = seen.assets.get(*at) else {
                    continue;
                };
                known.library(&asset.url);
                let Some(answer) = asset.answer.as_ref() else {
                    continue;
                };
                if asset.destination != "script" || answer.status != 200 {
                    continue;
                }
                let tokens = scanned.entry(*at).or_insert_with(|| {
                    match left.checked_sub(answer.body.len()) {
                        Some(rest) => {
                            left = rest;
                            scan(&String::from_utf8_lossy(&answer.body))
                        }
                        None => Vec::new(),
                    }
                });
                // Most scripts say the same on each page that loads them.
                if let Some(same) = told.get(at) {
                    known.add(same);
                    continue;
                }
                let script = Script::new(tokens, &page.base, &asset.url);
                let mut its = Known::default();
                calls::read(&script, 0, &mut its);
                known.add(&its);
                if !script.asked_where() {
                    told.insert(*at, its);
                }
            }
            sources.of_page(number, page, known, &mut files);
        }
        sources.settle(&files);
        sources
    }

    fn of_page(&mut self, number: usize, page: &Page, known: Known, files: &mut BTreeSet<Url>) {
        let mut data: Vec<Url> = Vec::new();
        for target in &known.data {
            if let Ok(url) = page.base.join(target)
                && !data.contains(&url)
            {
                data.push(url);
            }
        }
        self.data.insert(number, data);
        for message in known.messages {
            if self.messages.len() < MAX_MESSAGES && !self.messages.contains(&message) {
                self.messages.push(message);
            }
        }
        files.extend(
            known
                .files
                .iter()
                .filter_map(|file| page.base.join(file).ok()),
        );
        for call in known.calls {
            match call {
                Call::Riddle { url, line } => {
                    self.riddles.insert(Riddle { url, line });
                }
                Call::Plain {
                    scripts,
                    scope,
                    module,
                    is_custom,
                    by_hand,
                    via_cache,
                } => {
                    let is_certain = scripts.len() == 1 && !is_custom;
                    for script in scripts {
                        // What is no URL at all is rejected by `register()`.
                        let Ok(script) = page.base.join(&script) else {
                            continue;
                        };
                        let scope = scope.as_ref().and_then(|scope| page.base.join(scope).ok());
                        let known = self.via_cache.entry(script.clone()).or_insert(via_cache);
                        *known = (*known).max(via_cache);
                        self.wish(Wish {
                            script,
                            scope,
                            module,
                            is_certain,
                            explains: !by_hand,
                        });
                    }
                }
            }
        }
    }

    fn wish(&mut self, mut new: Wish) {
        new.script.set_fragment(None);
        if let Some(scope) = &mut new.scope {
            scope.set_fragment(None);
        }
        let twin = self
            .wishes
            .iter_mut()
            .find(|wish| wish.script == new.script && (wish.scope == new.scope || !new.is_certain));
        match twin {
            Some(twin) => {
                twin.is_certain |= new.is_certain;
                twin.module |= new.module;
                twin.explains |= new.explains;
            }
            None => self.wishes.push(new),
        }
    }

    /// A library registers what it is told somewhere else: where a call says nothing by itself, the files that the
    /// scripts name as one names a worker are what it can mean. With such files, or with a library that was told,
    /// the riddle is solved; a registration that another call makes by hand does not solve it.
    fn settle(&mut self, files: &BTreeSet<Url>) {
        if self.riddles.is_empty() {
            return;
        }
        for file in files {
            if !self.wishes.iter().any(|wish| wish.script == *file) {
                self.wish(Wish {
                    script: file.clone(),
                    scope: None,
                    module: false,
                    is_certain: false,
                    explains: true,
                });
            }
        }
    }
}

/// What is to be evaluated, and what can't be.
#[derive(Debug, Default)]
pub struct Chosen {
    /// The workers that a browser would install.
    pub registrations: Vec<Registration>,
    /// The registrations that stay riddles.
    pub riddles: Vec<Riddle>,
}

/// Which of the wishes a browser would fulfil (Service Workers, sections 3.4.3 and "Register").
///
/// A registration that a browser refuses (another origin, no secure scheme of the web, an encoded slash, a scope above
/// the script's folder without `Service-Worker-Allowed`) installs no worker, so that there is nothing to judge.
/// Plain HTTP is judged all the same: the same pages are served over HTTPS elsewhere, or soon.
pub async fn choose(sources: &Sources, answers: &mut Answers<'_>, origin: &Url) -> Chosen {
    let mut chosen = Chosen::default();
    let mut is_explained = false;
    for wish in &sources.wishes {
        if chosen.registrations.len() == MAX_REGISTRATIONS {
            break;
        }
        if let Some(registration) = granted(wish, answers, origin).await {
            is_explained |= wish.explains;
            if !chosen.registrations.contains(&registration) {
                chosen.registrations.push(registration);
            }
        }
    }
    if !is_explained {
        chosen.riddles = sources.riddles.iter().cloned().collect();
    }
    chosen
}

/// The registration that was configured: in force whatever the pages say, with the scope and type that they give it.
pub fn configured(script: &Url, sources: &Sources) -> Registration {
    let wish = sources
        .wishes
        .iter()
        .find(|wish| wish.script == *script)
        .or_else(|| {
            sources
                .wishes
                .iter()
                .find(|wish| wish.script.path() == script.path())
        });
    let scope = wish.and_then(|wish| wish.scope.clone());
    Registration {
        script: script.to_string(),
        scope: scope.unwrap_or_else(|| folder(script)).to_string(),
        module: wish.is_some_and(|wish| wish.module),
    }
}

async fn granted(wish: &Wish, answers: &mut Answers<'_>, origin: &Url) -> Option<Registration> {
    let folder = folder(&wish.script);
    let scope = wish.scope.clone().unwrap_or_else(|| folder.clone());
    let is_own = |url: &Url| url.origin() == origin.origin();
    let is_encoded = |url: &Url| {
        let path = url.path().to_ascii_lowercase();
        path.contains("%2f") || path.contains("%5c")
    };
    if !is_own(&wish.script) || !is_own(&scope) || is_encoded(&wish.script) || is_encoded(&scope) {
        return None;
    }
    let is_inside = scope.path().starts_with(folder.path());
    if !is_inside || !wish.is_certain {
        let answer = answers.script(&wish.script).await;
        if !wish.is_certain && !answer.as_ref().is_ok_and(is_script) {
            return None;
        }
        let allowed = answer.ok().and_then(|answer| {
            let allowed = field(&answer.headers, "service-worker-allowed")?;
            wish.script.join(allowed).ok()
        });
        let is_allowed = allowed
            .is_some_and(|allowed| is_own(&allowed) && scope.path().starts_with(allowed.path()));
        if !is_inside && !is_allowed {
            return None;
        }
    }
    Some(Registration {
        script: wish.script.to_string(),
        scope: scope.to_string(),
        module: wish.module,
    })
}

/// Whether it is an answer that a browser takes as a worker's script ("Update", step of the MIME type).
fn is_script(answer: &super::super::site::Answer) -> bool {
    let essence = content_type(&answer.headers)
        .map(marks::essence)
        .unwrap_or_default();
    (200..300).contains(&answer.status)
        && (essence.ends_with("/javascript")
            || essence.ends_with("/x-javascript")
            || essence.ends_with("/ecmascript"))
}

/// The folder of a script: a worker's scope when none is named, and the widest by itself.
fn folder(script: &Url) -> Url {
    let mut folder = script.join("./").unwrap_or_else(|_| script.clone());
    folder.set_query(None);
    folder.set_fragment(None);
    folder
}

#[cfg(test)]
mod tests;
