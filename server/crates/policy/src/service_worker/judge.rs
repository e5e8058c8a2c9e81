//! The judgement of a worker by what it was seen to do: a pure function of the record, of what the site's URLs are,
//! and of what they answered.

mod content;
pub(super) mod words;

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use tealkeep_worker::play::{Record, Round, Visit};
use tealkeep_worker::{
    Answered, Event, EventId, Fact, Failure, FetchId, Mode, Place, Seen as Response, Source, Words,
};

use super::super::web::Seen;
use super::super::{Finding, Kind, Policy, Severity, Site};
use super::answers::{Answers, is_html};
use super::marks;
use super::registration::Riddle;
use content::{Content, Fetched};

/// How many URLs of one kind are listed; the last of them says how many more there are.
const MOST_OF_A_KIND: usize = 40;
/// How much of a page's text must stand in an answer for it to be made of that page, in bytes.
const PART_OF_A_PAGE: usize = 64;

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
            if *number > MOST_OF_A_KIND {
                continue;
            }
            let Some((mut evidence, count)) = self.evidence.remove(&key) else {
                continue;
            };
            if count > 1 {
                evidence.push_str(&format!("\nSeen {count} times in all."));
            }
            let more = of_kind[&key.0] - *number;
            if *number == MOST_OF_A_KIND && more > 0 {
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
                    page.body.len() >= PART_OF_A_PAGE && contains(&answered.body, &page.body)
                })?;
                Some(format!(
                    "with a page that script put together, and which holds {} as it was before it changed",
                    older.url
                ))
            }
        }
    }

    /// What kept it from being judged, in one finding; a script that does not parse in another.
    fn unfinished(&self) -> Vec<Finding> {
        let script = &self.record.registration.script;
        let mut findings = Vec::new();
        let mut reasons: Vec<String> = Vec::new();
        let last = self.record.visits.last();
        let is_offline = last.is_some_and(|visit| visit.round == Round::Offline);
        match &self.record.failure {
            None => {}
            Some(failure @ Failure::Unparsable { place, .. }) => {
                findings.push(finding(
                    Kind::Unparsable,
                    script.clone(),
                    format!(
                        "This check's engine can't parse the script: {failure}. Either it has a syntax error, and browsers \
                         refuse it too, or its syntax is newer than what the engine knows; then it can't be told what it \
                         does.{}",
                        self.line(place.as_ref())
                    ),
                    words::advice(Kind::Unparsable),
                ));
            }
            // Everything that is judged was seen by then; how a worker fares without a network is its own affair.
            Some(
                Failure::Limit { .. } | Failure::Unobtainable { .. } | Failure::Missing { .. },
            ) if is_offline => {}
            Some(failure) => {
                let place = match failure {
                    Failure::Threw { place, .. } | Failure::Unparsable { place, .. } => {
                        place.as_ref()
                    }
                    Failure::Unobtainable { .. }
                    | Failure::Missing { .. }
                    | Failure::Limit { .. }
                    | Failure::Engine { .. } => None,
                };
                let during = match last {
                    None => "While the script was loaded".to_owned(),
                    Some(visit) => match visit.ended {
                        None => words::during(Some(visit), visit.id),
                        Some(_) => format!("After {}", words::visit(visit)),
                    },
                };
                reasons.push(format!("{during}: {failure}.{}", self.line(place)));
            }
        }
        let mut missed = HashSet::new();
        for fact in &self.record.facts {
            if let Fact::Missed { name } = fact
                && missed.insert(name)
            {
                reasons.push(format!(
                    "It uses `{name}`, which this check's environment does not have."
                ));
            }
        }
        reasons.extend(self.rejected_while_loaded());
        for visit in &self.record.visits {
            reasons.extend(self.unsettled(visit));
        }
        reasons.extend(self.messages_that_threw());
        let count = reasons.len();
        if count > 0 {
            reasons.truncate(8);
            if count > reasons.len() {
                reasons.push(format!("And {} more.", count - reasons.len()));
            }
            findings.push(finding(
                Kind::CannotEvaluate,
                script.clone(),
                format!(
                    "It can't be told what this worker does, which is never taken for a pass.\n{}",
                    reasons.join("\n")
                ),
                words::advice(Kind::CannotEvaluate),
            ));
        }
        findings
    }

    /// What an event left open that a page or a browser waits for.
    fn unsettled(&self, visit: &Visit) -> Option<String> {
        let ended = visit.ended.as_ref()?;
        if !visit.round.has_network() {
            return None;
        }
        let thrown = || {
            let place = self.record.facts.iter().find_map(|fact| match fact {
                Fact::Threw { event, place, .. } if *event == visit.id => place.as_ref(),
                _ => None,
            });
            self.line(place)
        };
        match &visit.event {
            Event::Install => match (&ended.rejected, ended.pending) {
                (Some(why), _) => Some(format!(
                    "Its installation was rejected, so that a browser drops it: {why}.{}",
                    thrown()
                )),
                (None, true) => Some(
                    "Its installation never ended: something given to `waitUntil` never settled."
                        .to_owned(),
                ),
                (None, false) => None,
            },
            Event::Activate if ended.pending => Some(
                "Its activation never ended: something given to `waitUntil` never settled."
                    .to_owned(),
            ),
            Event::Fetch { .. } if ended.answered.is_none() => {
                match (&ended.rejected, ended.pending) {
                    // The page gets the network's answer. A request of the worker's own that went nowhere, such as a
                    // POST that a check does not send, is no error of the script.
                    (Some(why), _) if !ended.responded => {
                        (!self.asked_in_vain(visit.id)).then(|| {
                            format!(
                                "With the network up, {} was left to the network, and what was given to `waitUntil` was \
                                 rejected, so that what it would have done can't be told: {why}.{}",
                                words::visit(visit),
                                thrown()
                            )
                        })
                    }
                    // In a browser it may settle: a page answers a message, a request comes back.
                    (None, true) if !ended.responded => {
                        (!self.asked_in_vain(visit.id)).then(|| {
                            format!(
                                "With the network up, {} was left to the network, and what was given to `waitUntil` never \
                                 settled, so that what it would have done can't be told.",
                                words::visit(visit)
                            )
                        })
                    }
                    (Some(why), _) => Some(format!(
                        "With the network up, {} got an error instead of an answer: {why}.{}",
                        words::visit(visit),
                        thrown()
                    )),
                    (None, true) => Some(format!(
                        "With the network up, {} was never answered: what was given to `respondWith` never settled.",
                        words::visit(visit)
                    )),
                    (None, false) => self.threw(visit.id).map(|why| {
                        format!(
                            "With the network up, {} was left to the network after an error that nobody caught, so \
                             that what it would have done can't be told: {why}.{}",
                            words::visit(visit),
                            thrown()
                        )
                    }),
                }
            }
            // What these leave open, nobody waits for: a message that no page of theirs sent, a client that never
            // answers back.
            Event::Activate
            | Event::Fetch { .. }
            | Event::Message { .. }
            | Event::Push { .. }
            | Event::Sync { .. }
            | Event::PeriodicSync { .. }
            | Event::NotificationClick { .. }
            | Event::PushSubscriptionChange => None,
        }
    }

    /// A promise that was rejected while the script was loaded, and that nobody handled.
    fn rejected_while_loaded(&self) -> Option<String> {
        let why = self.threw(0)?;
        let place = self.record.facts.iter().find_map(|fact| match fact {
            Fact::Threw {
                event: 0, place, ..
            } => place.as_ref(),
            _ => None,
        });
        Some(format!(
            "While the script was loaded, an error came up that nobody caught, so that what it would have done can't be \
             told: {why}.{}",
            self.line(place)
        ))
    }

    /// The messages that the worker waits for, or that its pages send, and that it threw on however they were put.
    fn messages_that_threw(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let threw_on_all = |is_meant: &dyn Fn(&Value) -> bool| {
            let mut last = None;
            for visit in self.record.visits.iter().filter(|v| v.round.has_network()) {
                let Event::Message { data, .. } = &visit.event else {
                    continue;
                };
                if is_meant(data) {
                    let why = self.failed(visit)?;
                    last = Some(format!(
                        "With the network up, {} ended in an error: {why}.",
                        words::visit(visit)
                    ));
                }
            }
            last
        };
        for (field, word) in &self.heard.words.messages {
            let is_meant = |data: &Value| match field.as_str() {
                "data" => data.as_str() == Some(word),
                field => data.get(field).and_then(Value::as_str) == Some(word),
            };
            reasons.extend(threw_on_all(&is_meant));
        }
        for sent in self.heard.sent.iter().filter(|sent| is_told_whole(sent)) {
            let reason = threw_on_all(&|data: &Value| data == sent);
            reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
        }
        reasons
    }

    /// The error that a listener of an event ended in.
    fn failed(&self, visit: &Visit) -> Option<String> {
        if self.asked_in_vain(visit.id) {
            return None;
        }
        let rejected = visit
            .ended
            .as_ref()
            .and_then(|ended| ended.rejected.clone());
        self.threw(visit.id).map(str::to_owned).or(rejected)
    }

    /// Whether a request that was sent during an event got no answer.
    fn asked_in_vain(&self, during: EventId) -> bool {
        self.fetches
            .values()
            .any(|fetched| fetched.event == during && fetched.has_failed)
    }

    /// What a listener threw; not what came of a request of its own that went nowhere, which is no matter of the
    /// script's.
    fn threw(&self, during: EventId) -> Option<&'a str> {
        let mut threw = None;
        for fact in &self.record.facts {
            match fact {
                Fact::Threw { event, text, .. } if *event == during => {
                    threw.get_or_insert(text.as_str());
                }
                Fact::Fetched {
                    event,
                    error: Some(_),
                    ..
                } if *event == during => return None,
                Fact::Fetched { .. }
                | Fact::Stored { .. }
                | Fact::Removed { .. }
                | Fact::Dropped { .. }
                | Fact::Said { .. }
                | Fact::Threw { .. }
                | Fact::Missed { .. } => {}
            }
        }
        threw
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

/// Whether every field of a message could be told.
fn is_told_whole(message: &Value) -> bool {
    match message {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => items.iter().all(is_told_whole),
        Value::Object(fields) => fields.values().all(is_told_whole),
    }
}

/// In time that grows with the two lengths, not with their product.
fn contains(body: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(body, part).is_some()
}

#[cfg(test)]
mod tests;
