//! The look around: pages breadth first from `/` and the configured paths, then what they load. GET only, own
//! origin only, with bounds on pages, assets, depth, bytes and time, and nothing asked that could change anything.

pub(super) mod leave;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt;
use futures_util::stream;
use sha2::{Digest, Sha256};
use url::Url;

use super::super::order::Order;
use super::super::site::{Answer, Site, Unreachable};
use super::ask::ask;
use super::fields::{self, Fields};
use super::html::{self, Load, Markup};
use super::names::Nature;
use super::seen::{Asset, Page, Seen};
use super::{content, css, names, script};

/// How many pages are asked for, configured ones not counted; as many again with a cookie.
pub const MAX_PAGES: usize = 40;
/// How many assets.
pub const MAX_ASSETS: usize = 200;
/// How many links away from `/`.
pub const MAX_DEPTH: usize = 5;
/// How deep a script's imports are followed: bundlers part the registration of a worker from the page's first script.
const MAX_IMPORT_DEPTH: usize = 4;
/// How many URLs that differ in nothing but their query: a calendar has no end.
const MAX_QUERIES: usize = 3;
/// How many bytes in all.
const MAX_TOTAL_BYTES: usize = 64 << 20;
/// How long all of it may take. What is not reached by then is not looked at.
const CRAWL_TIMEOUT: Duration = Duration::from_secs(60);
/// How many requests at a time: a Pi answers its household meanwhile.
const MAX_CONCURRENT: usize = 4;
/// The longest page that is read.
const MAX_PAGE_BYTES: usize = 4 << 20;
/// The longest asset that is read, pictures and scripts.
const MAX_ASSET_BYTES: usize = 8 << 20;
/// The longest piece of a film or a song: its fields are what matters.
const MAX_MEDIUM_BYTES: usize = 256 << 10;

/// Looks around.
///
/// # Errors
/// `/` gave no answer.
pub(super) async fn look(site: &Site, order: &Order) -> Result<Seen, Unreachable> {
    let mut crawl = Crawl {
        site,
        order,
        seen: Seen {
            at: Some(SystemTime::now()),
            names: names::Names::new(&order.immutable),
            api_only: order.api_only,
            ..Seen::default()
        },
        assets: HashMap::new(),
        children: HashMap::new(),
        pinned: HashSet::new(),
        ends: Instant::now() + CRAWL_TIMEOUT,
        bytes: 0,
    };
    crawl.pages(None).await?;
    if let Some(cookie) = &order.cookie {
        crawl.pages(Some(cookie)).await?;
    }
    crawl.give_children();
    let Crawl {
        mut seen,
        pinned,
        ends,
        ..
    } = crawl;
    super::nature::settle(site, order, &mut seen, &pinned).await;
    super::refresh::look(site, order, &mut seen, ends).await;
    Ok(seen)
}

struct Crawl<'a> {
    site: &'a Site,
    order: &'a Order,
    seen: Seen,
    /// Where an asset stands in `seen`.
    assets: HashMap<Url, usize>,
    /// What an asset loads itself.
    children: HashMap<usize, Vec<usize>>,
    /// Assets whose bytes a page pins.
    pinned: HashSet<Url>,
    ends: Instant,
    bytes: usize,
}

/// A page to ask for.
struct Step {
    url: Url,
    depth: usize,
    /// Asked for whatever the bounds say.
    is_ordered: bool,
}

impl Crawl<'_> {
    async fn pages(&mut self, cookie: Option<&str>) -> Result<(), Unreachable> {
        let mut level = self.beginning();
        let mut known: HashSet<Url> = level.iter().map(|step| step.url.clone()).collect();
        let mut queries: HashMap<String, usize> = HashMap::new();
        let mut left = MAX_PAGES;
        while !level.is_empty() {
            level.retain(|step| {
                if !step.is_ordered && left > 0 {
                    left -= 1;
                    return true;
                }
                step.is_ordered
            });
            if Instant::now() >= self.ends {
                level.retain(|step| step.is_ordered);
            }
            let (site, ends, room) = (self.site, self.ends, self.room(MAX_PAGE_BYTES));
            let answers: Vec<_> = stream::iter(level)
                .map(|step| async move {
                    let headers = fields::navigation(cookie);
                    (ask(site, &step.url, &headers, ends, room).await, step)
                })
                .buffered(MAX_CONCURRENT)
                .collect()
                .await;
            let mut next = Vec::new();
            for (answer, step) in answers {
                let answer = match answer {
                    Ok(answer) => answer,
                    Err(why) if step.url.path() == "/" && step.depth == 0 && cookie.is_none() => {
                        return Err(why);
                    }
                    Err(why) => {
                        self.seen.unanswered.push(why);
                        continue;
                    }
                };
                for (url, depth) in self.page(answer, cookie.is_some(), step.depth) {
                    let is_further = self.site.has(&url)
                        && depth <= MAX_DEPTH
                        && !leave::alone(&url)
                        && !known.contains(&url);
                    let same = queries.entry(url.path().to_owned()).or_default();
                    if is_further && *same < MAX_QUERIES {
                        *same += 1;
                        known.insert(url.clone());
                        next.push(Step {
                            url,
                            depth,
                            is_ordered: false,
                        });
                    }
                }
            }
            level = next;
        }
        self.ask_assets(cookie).await;
        Ok(())
    }

    /// Where to begin: `/`, what was ordered, and a page that surely does not exist.
    fn beginning(&self) -> Vec<Step> {
        let mut urls = Vec::new();
        let nowhere = nowhere(&self.site.origin);
        let ordered = self.order.paths.iter().map(String::as_str);
        for path in ["/"].into_iter().chain(ordered).chain([nowhere.as_str()]) {
            let Ok(mut url) = self.site.origin.join(path) else {
                continue;
            };
            url.set_fragment(None);
            if self.site.has(&url) && !urls.contains(&url) {
                urls.push(url);
            }
        }
        let step = |url| Step {
            url,
            depth: 0,
            is_ordered: true,
        };
        urls.into_iter().map(step).collect()
    }

    /// Notes an answer, and says where it leads.
    fn page(&mut self, answer: Answer, with_cookie: bool, depth: usize) -> Vec<(Url, usize)> {
        self.bytes += answer.body.len();
        let is_html = content::is_html(&answer);
        if !is_html && !answer.is_redirect() && answer.status < 400 {
            let is_home = answer.url.path() == "/" && answer.url.query().is_none();
            if is_home && self.seen.home.is_none() {
                self.seen.home = Some(answer);
            }
            return Vec::new();
        }
        let markup = is_html.then(|| html::read(&answer.url, &answer.body));
        let Markup {
            base,
            links,
            mut loads,
            inline_scripts,
        } = markup.unwrap_or_else(|| Markup {
            base: answer.url.clone(),
            links: Vec::new(),
            loads: Vec::new(),
            inline_scripts: Vec::new(),
        });
        if is_html {
            loads.extend(content::loads_in_link_fields(&answer));
        }
        let mut assets = Vec::new();
        for load in &loads {
            if let Some(index) = self.asset(load)
                && !assets.contains(&index)
            {
                assets.push(index);
            }
        }
        let mut leads: Vec<(Url, usize)> = links.into_iter().map(|url| (url, depth + 1)).collect();
        // A chain of redirects is bounded as links are.
        leads.extend(answer.target().map(|target| (target, depth + 1)));
        self.seen.pages.push(Page {
            answer,
            with_cookie,
            inline_scripts,
            assets,
            base,
        });
        leads
    }

    /// Where an asset stands, put there if it is new and there is room.
    fn asset(&mut self, load: &Load) -> Option<usize> {
        if load.pinned {
            self.pinned.insert(load.url.clone());
        }
        if let Some(known) = self.assets.get(&load.url) {
            let asset = &mut self.seen.assets[*known];
            asset.module |= load.module;
            return Some(*known);
        }
        if self.seen.assets.len() >= MAX_ASSETS {
            return None;
        }
        let index = self.seen.assets.len();
        self.assets.insert(load.url.clone(), index);
        self.seen.assets.push(Asset {
            url: load.url.clone(),
            destination: load.destination.to_owned(),
            module: load.module,
            answer: None,
            nature: Nature::Mutable(names::NO_HASH_FOUND.to_owned()),
        });
        Some(index)
    }

    /// Asks for the assets that have no answer yet, then for what these load themselves.
    async fn ask_assets(&mut self, cookie: Option<&str>) {
        let mut asked = self.ask_those_without_answer(0, cookie).await;
        for depth in 0..MAX_IMPORT_DEPTH {
            let known = self.seen.assets.len();
            for index in asked {
                let asset = &self.seen.assets[index];
                if depth > 0 && asset.destination != "script" {
                    continue;
                }
                let loads = loads_of(asset);
                let children: Vec<usize> =
                    loads.iter().filter_map(|load| self.asset(load)).collect();
                self.children.insert(index, children);
            }
            if self.seen.assets.len() == known {
                return;
            }
            asked = self.ask_those_without_answer(known, cookie).await;
        }
    }

    async fn ask_those_without_answer(&mut self, from: usize, cookie: Option<&str>) -> Vec<usize> {
        let room = self.room(MAX_ASSET_BYTES);
        let (site, ends) = (self.site, self.ends);
        let wanted: Vec<(usize, Url, Fields, usize)> = self
            .seen
            .assets
            .iter()
            .enumerate()
            .skip(from)
            .filter(|(_, asset)| asset.answer.is_none() && site.has(&asset.url))
            .filter(|(_, asset)| leave::is_file(&asset.url) || !leave::alone(&asset.url))
            .map(|(index, asset)| {
                let longest = match asset.destination.as_str() {
                    "video" | "audio" => MAX_MEDIUM_BYTES,
                    _ => MAX_ASSET_BYTES,
                };
                let headers = fields::subresource(&asset.destination, asset.module, cookie);
                (index, asset.url.clone(), headers, longest.min(room))
            })
            .collect();
        let mut answers = stream::iter(wanted)
            .map(|(index, url, headers, longest)| async move {
                (index, ask(site, &url, &headers, ends, longest).await)
            })
            .buffered(MAX_CONCURRENT);
        let mut asked = Vec::new();
        while let Some((index, answer)) = answers.next().await {
            match answer {
                Ok(answer) => {
                    self.bytes += answer.body.len();
                    self.seen.assets[index].answer = Some(answer);
                    asked.push(index);
                }
                // A page without its picture; the page itself answered.
                Err(why) => tracing::debug!(%why, "an asset was not had"),
            }
        }
        asked
    }

    /// What an asset loads, its pages load.
    fn give_children(&mut self) {
        for page in &mut self.seen.pages {
            let (mut all, mut known) = (Vec::new(), HashSet::new());
            let mut next: Vec<usize> = page.assets.iter().rev().copied().collect();
            while let Some(index) = next.pop() {
                if known.insert(index) {
                    all.push(index);
                    next.extend(self.children.get(&index).into_iter().flatten().rev());
                }
            }
            page.assets = all;
        }
    }

    /// How much may still be read of one answer.
    fn room(&self, longest: usize) -> usize {
        MAX_TOTAL_BYTES.saturating_sub(self.bytes).min(longest)
    }
}

/// What a style sheet or a module loads itself.
fn loads_of(asset: &Asset) -> Vec<Load> {
    let Some(answer) = &asset.answer else {
        return Vec::new();
    };
    if answer.status != 200 || content::is_html(answer) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&answer.body);
    let found: Vec<(String, &'static str, bool)> = match asset.destination.as_str() {
        "style" => css::loads(&text)
            .into_iter()
            .map(|(target, destination)| (target, destination, false))
            .collect(),
        "script" => script::imports(&text, asset.module)
            .into_iter()
            .map(|target| (target, "script", true))
            .collect(),
        _ => Vec::new(),
    };
    found
        .into_iter()
        .filter_map(|(target, destination, module)| {
            let mut url = asset.url.join(&target).ok()?;
            url.set_fragment(None);
            matches!(url.scheme(), "http" | "https").then_some(Load {
                url,
                destination,
                module,
                pinned: false,
            })
        })
        .collect()
}

/// A path that no site has; the same each time, so that two looks can be compared.
fn nowhere(origin: &Url) -> String {
    let digest = Sha256::digest(origin.as_str());
    let tail: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
    format!("/tealkeep-check-{tail}")
}

#[cfg(test)]
mod tests;
