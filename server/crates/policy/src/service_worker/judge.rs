//! The judgement of a worker by what it was seen to do: a pure function of the record, of what the site's URLs are,
//! and of what they answered.

mod content;
mod unfinished;
pub(super) mod words;

use std::collections::HashMap;

use serde_json::Value;
use tealkeep_worker::play::{Record, Round, Visit};
use tealkeep_worker::{
    Answered, Event, Fact, FetchId, Mode, Place, Seen as Response, Source, Words,
};

use super::super::web::Seen;
use super::super::{Finding, Kind, Policy, Severity, Site};
use super::answers::{Answers, is_html};
use super::marks;
use super::registration::Riddle;
use content::{Content, Fetched};

/// How many URLs of one kind are listed; the last of them says how many more there are.
const MAX_FINDINGS_PER_KIND: usize = 40;
/// How much of a page's text must stand in an answer for it to be made of that page, in bytes.
const MIN_PAGE_PART_BYTES: usize = 64;

/// Everything that is wrong with a worker. All of it fails.
///
/// Without a network nothing is found: answers from what is stored are what a worker is for then, and what it
/// throws reaches nobody who would otherwise have been served.
pub fn judge(record: &Record, seen: &Seen, answers: &Answers<'_>, heard: &Heard) -> Vec<Finding> {
    let case = Case {
        record,
        seen,
        answers,
        heard,
        fetches: fetches(record),
    };
    let mut found = Found::default();
    for fact in &record.facts {
        if let Fact::Stored { .. } = fact {
            case.stored(fact, &mut found);
        }
    }
    for visit in &record.visits {
        case.navigated(visit, &mut found);
    }
    let mut findings = found.findings();
    findings.extend(case.unfinished());
    findings
}

/// What a worker is known to listen to.
#[derive(Debug, Default)]
pub struct Heard {
    /// The words that its scripts compare with.
    words: Words,
    /// What the pages' scripts send to it.
    sent: Vec<Value>,
}

impl Heard {
    /// Of the worker whose scripts were asked for last.
    pub fn of(answers: &Answers<'_>, sent: &[Value]) -> Heard {
        let heard = answers.scripts().iter();
        let texts: Vec<_> = heard
            .filter_map(|url| answers.heard(url.as_str()))
            .map(|answer| String::from_utf8_lossy(&answer.body))
            .collect();
        Heard {
            words: tealkeep_worker::words(texts.iter().map(AsRef::as_ref)),
            sent: sent.to_vec(),
        }
    }
}

/// A registration whose URL can't be told.
pub fn riddle(site: &Site, riddles: &[Riddle]) -> Finding {
    let places: Vec<String> = riddles
        .iter()
        .take(5)
        .map(|riddle| format!("{}:{}", riddle.url, riddle.line))
        .collect();
    finding(
        Kind::CannotEvaluate,
        site.origin.to_string(),
        format!(
            "A page registers a service worker, but which script it registers can't be told from the call at {}.",
            places.join(", ")
        ),
        "Name the script in the app's configuration, `[app.policy] service_worker = \"/sw.js\"`, or with \
         `tealkeep check URL --service-worker /sw.js`, with the query string that the pages give it."
            .to_owned(),
    )
}

/// What was configured is no URL.
pub fn no_url(site: &Site, named: &str, error: &url::ParseError) -> Finding {
    finding(
        Kind::CannotEvaluate,
        site.origin.to_string(),
        format!("`{named}` was named as the service worker, and is no URL: {error}."),
        "Name its path with a leading slash, such as `/sw.js`.".to_owned(),
    )
}

/// The scripts of the pages could not be read.
pub fn unreadable(site: &Site) -> Finding {
    finding(
        Kind::CannotEvaluate,
        site.origin.to_string(),
        "The scripts of the pages could not be searched for a registration: the search itself failed.".to_owned(),
        "Name the service worker's script in the configuration, and report this.".to_owned(),
    )
}

/// A finding of a worker; it fails.
pub(super) fn finding(kind: Kind, url: String, evidence: String, advice: String) -> Finding {
    Finding {
        policy: Policy::ServiceWorker,
        kind,
        severity: Severity::Fail,
        url,
        evidence,
        advice,
    }
}

/// What was found, each kind and URL once, in the order in which it came up.
#[derive(Default)]
struct Found {
    order: Vec<(Kind, String)>,
    evidence: HashMap<(Kind, String), (String, usize)>,
}

impl Found {
    fn add(&mut self, kind: Kind, url: &str, evidence: impl FnOnce() -> String) {
        let key = (kind, url.to_owned());
        match self.evidence.get_mut(&key) {
            Some((_, count)) => *count += 1,
            None => {
                self.evidence.insert(key.clone(), (evidence(), 1));
                self.order.push(key);
            }
        }
    }

    fn findings(mut self) -> Vec<Finding> {
        let mut of_kind: HashMap<Kind, usize> = HashMap::new();
        for (kind, _) in &self.order {
            *of_kind.entry(*kind).or_default() += 1;
        }
        let mut listed: HashMap<Kind, usize> = HashMap::new();
        let mut findings = Vec::new();
        for key in self.order {
            let number = listed.entry(key.0).or_default();
            *number += 1;
            if *number > MAX_FINDINGS_PER_KIND {
                continue;
            }
            let Some((mut evidence, count)) = self.evidence.remove(&key) else {
                continue;
            };
            if count > 1 {
                evidence.push_str(&format!("\nSeen {count} times in all."));
            }
            let more = of_kind[&key.0] - *number;
            if *number == MAX_FINDINGS_PER_KIND && more > 0 {
                evidence.push_str(&format!("\nThe same of {more} more URLs."));
            }
            let (kind, url) = key;
            findings.push(finding(kind, url, evidence, words::advice(kind)));
        }
        findings
    }
}

struct Case<'a> {
    record: &'a Record,
    seen: &'a Seen,
    answers: &'a Answers<'a>,
    heard: &'a Heard,
    fetches: HashMap<FetchId, Fetched<'a>>,
}

fn fetches(record: &Record) -> HashMap<FetchId, Fetched<'_>> {
    let facts = record.fetches();
    facts
        .into_iter()
        .filter_map(|(id, fact)| Some((id, Fetched::of(fact)?)))
        .collect()
}

impl<'a> Case<'a> {
    /// The request that the content of a response came from.
    fn origin(&self, response: &Response) -> Option<&Fetched<'a>> {
        let fetch = match &response.source {
            Source::Network { fetch } => Some(*fetch),
            Source::Cache { fetch, .. } => *fetch,
            Source::Script => None,
        };
        self.fetches.get(&fetch?)
    }

    fn stored(&self, fact: &Fact, found: &mut Found) {
        let Fact::Stored {
            event,
            cache,
            how,
            url,
            response,
            place,
        } = fact
        else {
            return;
        };
        let fetched = self.origin(response);
        // What the network said counts, also where script gave it another type.
        let type_is_html = is_html(fetched.and_then(|fetched| fetched.content_type))
            || is_html(response.content_type.as_deref());
        let evidence = |what: &str| {
            format!(
                "{}, {what} was written to the cache \"{cache}\" under {url} by `{how}`{}.{}",
                words::during(self.record.visit(*event), *event),
                words::origin(response, fetched),
                self.line(place.as_ref())
            )
        };
        if fetched.is_some_and(|fetched| fetched.navigation) {
            found.add(Kind::CachesNavigation, url, || {
                evidence("the response of the navigation itself")
            });
        }
        if type_is_html {
            found.add(Kind::CachesHtml, url, || {
                let kind = fetched
                    .and_then(|fetched| fetched.content_type)
                    .or(response.content_type.as_deref());
                evidence(&format!(
                    "a response of type `{}`",
                    kind.unwrap_or("text/html")
                ))
            });
            return;
        }
        // What script made itself is the worker's own state. A worker's own script can't be what it keeps stale.
        let made_by_script = response.source == Source::Script;
        if made_by_script || fetched.is_some_and(|fetched| fetched.navigation) {
            return;
        }
        match content::of(self.record, self.seen, self.answers, url, response, fetched) {
            Content::Immutable => {}
            Content::Asset(why) => found.add(Kind::CachesMutableAsset, url, || {
                format!(
                    "{}\nThat URL can get other bytes: {why}.",
                    evidence("a response")
                )
            }),
            Content::Data => found.add(Kind::CachesApiResponse, url, || {
                evidence(&format!(
                    "the response of a request for data (type `{}`)",
                    response.content_type.as_deref().unwrap_or("unknown")
                ))
            }),
        }
    }

    fn navigated(&self, visit: &Visit, found: &mut Found) {
        let Event::Fetch { request, .. } = &visit.event else {
            return;
        };
        let Some(answered) = visit
            .ended
            .as_ref()
            .and_then(|ended| ended.answered.as_ref())
        else {
            return;
        };
        if request.mode != Mode::Navigate || !visit.round.has_network() {
            return;
        }
        if let Some(how) = self.stale(visit, answered) {
            found.add(Kind::ServesStaleNavigation, &request.url, || {
                format!(
                    "With the network up, {} was answered {how}.{}",
                    words::visit(visit),
                    self.line(answered.place.as_ref())
                )
            });
        }
    }

    /// How a navigation was answered with something that is not of this visit.
    fn stale(&self, visit: &Visit, answered: &Answered) -> Option<String> {
        let response = &answered.response;
        // A redirect shows nothing; where it leads is a navigation of its own.
        if (300..400).contains(&response.status) || response.kind == "opaqueredirect" {
            return None;
        }
        match &response.source {
            Source::Cache { cache, url, fetch } => {
                // Stored a moment ago and read back: the network's answer, by a detour.
                let fetched = fetch.and_then(|fetch| self.fetches.get(&fetch));
                let is_fresh = fetched.is_some_and(|fetched| fetched.event == visit.id);
                (!is_fresh)
                    .then(|| format!("from the cache \"{cache}\", where it was stored under {url}"))
            }
            Source::Network { fetch } => {
                let fetched = self.fetches.get(fetch)?;
                let asked = self.record.visit(fetched.event);
                let is_older =
                    fetched.event < visit.id && asked.is_none_or(|asked| asked.round < visit.round);
                is_older.then(|| {
                    format!(
                        "with what {} had been answered before, {}",
                        fetched.url,
                        words::during(asked, fetched.event).to_lowercase()
                    )
                })
            }
            Source::Script => {
                let is_new = contains(&answered.body, marks::MARK.as_bytes());
                if visit.round != Round::Changed || is_new {
                    return None;
                }
                let older = self.answers.pages().find(|page| {
                    page.body.len() >= MIN_PAGE_PART_BYTES && contains(&answered.body, &page.body)
                })?;
                Some(format!(
                    "with a page that script put together, and which holds {} as it was before it changed",
                    older.url
                ))
            }
        }
    }

    /// Where that stands, with the line itself where it was seen.
    fn line(&self, place: Option<&Place>) -> String {
        let Some(place) = place else {
            return String::new();
        };
        let heard = self.answers.heard(&place.url);
        let text = heard.map(|answer| String::from_utf8_lossy(&answer.body));
        words::place(place, text.as_deref())
    }
}

/// In time that grows with the two lengths, not with their product.
fn contains(body: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(body, part).is_some()
}

#[cfg(test)]
mod tests;
