//! The table of findings, on records as a worker of each kind leaves them.

use tealkeep_worker::{Ended, Mode, Registration, Request};

use super::super::super::web::{Asset, Nature, Page};
use super::super::fixture::{answer, url};
use super::*;
use tealkeep_worker::Failure;

const PAGE: &str = "https://a.test/";
const HASHED: &str = "https://a.test/assets/app.3f2a91bc.js";
const ICON: &str = "https://a.test/icon.png";
const API: &str = "https://a.test/api/doses";
/// A page long enough to be told from another.
const HTML: &str = "<!doctype html><title>Doses</title><p>The page as it was at the first visit, word by word.</p>";

fn seen() -> Seen {
    let asset = |at: &str, destination: &str, kind: &str, nature: Nature| Asset {
        url: url(at),
        destination: destination.to_owned(),
        module: false,
        answer: Some(answer(at, kind, "x")),
        nature,
    };
    Seen {
        pages: vec![Page {
            answer: answer(PAGE, "text/html", HTML),
            with_cookie: false,
            inline_scripts: Vec::new(),
            assets: vec![0, 1],
            base: url(PAGE),
        }],
        assets: vec![
            asset(
                HASHED,
                "script",
                "text/javascript",
                Nature::Immutable("hashed".to_owned()),
            ),
            asset(
                ICON,
                "image",
                "image/png",
                Nature::Mutable("no hash".to_owned()),
            ),
        ],
        ..Seen::default()
    }
}

/// A worker's life, told event by event.
struct Life {
    heard: Heard,
    record: Record,
    asked: u32,
}

impl Life {
    fn new() -> Life {
        Life {
            heard: Heard::default(),
            record: Record::new(Registration {
                script: "https://a.test/sw.js".to_owned(),
                scope: PAGE.to_owned(),
                module: false,
            }),
            asked: 0,
        }
    }

    fn event(mut self, round: Round, event: Event) -> Life {
        let id = u32::try_from(self.record.visits.len()).expect("few") + 1;
        self.record.visits.push(Visit {
            id,
            round,
            event,
            ended: Some(Ended {
                id,
                listeners: 1,
                rejected: None,
                pending: false,
                responded: true,
                answered: None,
            }),
        });
        self
    }

    fn installs(self) -> Life {
        self.event(Round::Begin, Event::Install)
    }

    fn asks(self, round: Round, at: &str, mode: Mode, destination: &str) -> Life {
        self.event(
            round,
            Event::Fetch {
                request: Request {
                    method: "GET".to_owned(),
                    url: at.to_owned(),
                    headers: Vec::new(),
                    body: Vec::new(),
                    mode,
                    destination: destination.to_owned(),
                    credentials: "include".to_owned(),
                    cache: "default".to_owned(),
                },
                client: None,
                resulting_client: None,
            },
        )
    }

    fn navigates(self, round: Round) -> Life {
        self.asks(round, PAGE, Mode::Navigate, "document")
    }

    fn id(&self) -> u32 {
        u32::try_from(self.record.visits.len()).expect("few")
    }

    fn fetches(mut self, at: &str, kind: &str, navigation: bool, destination: &str) -> Life {
        self.asked += 1;
        self.record.facts.push(Fact::Fetched {
            id: self.asked,
            event: self.id(),
            method: "GET".to_owned(),
            url: at.to_owned(),
            mode: Mode::Cors,
            destination: destination.to_owned(),
            navigation,
            status: Some(200),
            content_type: (!kind.is_empty()).then(|| kind.to_owned()),
            digest: None,
            error: None,
            place: None,
        });
        self
    }

    fn response(&self, at: &str, kind: &str, source: Source) -> Response {
        Response {
            url: at.to_owned(),
            status: 200,
            kind: "basic".to_owned(),
            content_type: (!kind.is_empty()).then(|| kind.to_owned()),
            bytes: 1,
            digest: String::new(),
            source,
        }
    }

    /// Stores the last answer under a key.
    fn stores(mut self, key: &str) -> Life {
        let (at, kind) = match self.record.facts.last() {
            Some(Fact::Fetched {
                url, content_type, ..
            }) => (url.clone(), content_type.clone().unwrap_or_default()),
            other => panic!("nothing was fetched before: {other:?}"),
        };
        let source = Source::Network { fetch: self.asked };
        let response = self.response(&at, &kind, source);
        self.put(key, response);
        self
    }

    fn puts_own(mut self, key: &str, kind: &str) -> Life {
        let response = self.response("", kind, Source::Script);
        self.put(key, response);
        self
    }

    fn put(&mut self, key: &str, response: Response) {
        self.record.facts.push(Fact::Stored {
            event: self.id(),
            cache: "v1".to_owned(),
            how: "put".to_owned(),
            url: key.to_owned(),
            response,
            place: Some(Place {
                url: "https://a.test/sw.js".to_owned(),
                line: 3,
                column: 5,
            }),
        });
    }

    fn ended(mut self, change: impl FnOnce(&mut Ended)) -> Life {
        let visit = self.record.visits.last_mut().expect("an event");
        change(visit.ended.as_mut().expect("it ended"));
        self
    }

    fn answers(self, source: Source, body: &str) -> Life {
        let response = self.response(PAGE, "text/html", source);
        let body = body.as_bytes().to_vec();
        self.ended(|ended| {
            ended.answered = Some(Answered {
                response,
                body,
                headers: Vec::new(),
                place: None,
            });
        })
    }

    fn fails(mut self, failure: Failure) -> Life {
        self.record.failure = Some(failure);
        self
    }

    fn findings(&self) -> Vec<Finding> {
        let seen = seen();
        let site = Site::new(url(PAGE), None);
        judge(
            &self.record,
            &seen,
            &Answers::new(&site, None, &seen),
            &self.heard,
        )
    }

    fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.findings().iter().map(|found| found.kind).collect();
        kinds.sort();
        kinds
    }
}

fn from_cache(fetch: u32) -> Source {
    Source::Cache {
        cache: "v1".to_owned(),
        url: PAGE.to_owned(),
        fetch: Some(fetch),
    }
}

#[test]
fn what_is_stored_is_judged_by_what_it_is() {
    let stored = |at: &str, kind: &str, key: &str| {
        Life::new()
            .installs()
            .fetches(at, kind, false, "")
            .stores(key)
            .kinds()
    };
    assert_eq!(
        stored(PAGE, "text/html; charset=utf-8", PAGE),
        [Kind::CachesHtml]
    );
    assert_eq!(
        stored(
            "https://a.test/x",
            "Application/XHTML+XML",
            "https://a.test/x"
        ),
        [Kind::CachesHtml]
    );
    assert_eq!(stored(HASHED, "text/javascript", HASHED), []);
    assert_eq!(stored(ICON, "image/png", ICON), [Kind::CachesMutableAsset]);
    // By what pages refer to, where the type says something else.
    assert_eq!(
        stored(ICON, "application/json", ICON),
        [Kind::CachesMutableAsset]
    );
    // A revision beside the URL is no part of it.
    assert_eq!(
        stored(
            ICON,
            "image/png",
            "https://a.test/icon.png?__WB_REVISION__=abc"
        ),
        [Kind::CachesMutableAsset]
    );
    assert_eq!(
        stored(
            HASHED,
            "text/javascript",
            "https://a.test/assets/app.3f2a91bc.js?__WB_REVISION__=abc"
        ),
        []
    );
    // What can't change lies under a URL that can.
    assert_eq!(
        stored(HASHED, "text/javascript", "https://a.test/latest.js"),
        [Kind::CachesMutableAsset]
    );
    assert_eq!(
        stored(API, "application/json", API),
        [Kind::CachesApiResponse]
    );
    assert_eq!(stored(API, "text/plain", API), [Kind::CachesApiResponse]);
    assert_eq!(
        stored(
            "https://a.test/f.woff2",
            "application/octet-stream",
            "https://a.test/f.woff2"
        ),
        [Kind::CachesMutableAsset]
    );
}

#[test]
fn what_a_worker_writes_for_itself_is_no_answer_of_an_api() {
    let life = Life::new()
        .installs()
        .puts_own("https://a.test/ngsw:db:control", "application/json");
    assert_eq!(life.kinds(), []);
}

#[test]
fn a_stored_navigation_is_found_beside_its_html_and_whatever_its_type() {
    let life = |kind| {
        Life::new()
            .navigates(Round::First)
            .fetches(PAGE, kind, true, "document")
            .stores(PAGE)
            .kinds()
    };
    assert_eq!(
        life("text/html"),
        [Kind::CachesHtml, Kind::CachesNavigation]
    );
    assert_eq!(life("application/pdf"), [Kind::CachesNavigation]);
}

#[test]
fn a_type_that_script_gave_does_not_hide_the_true_one() {
    let mut life = Life::new().installs().fetches(PAGE, "text/html", false, "");
    let response = life.response("", "text/plain", Source::Network { fetch: 1 });
    life.put("https://a.test/shell", response);
    assert_eq!(life.kinds(), [Kind::CachesHtml]);
}

#[test]
fn a_navigation_from_the_store_is_stale_while_the_network_is_up() {
    let visit = |round| {
        let life = Life::new()
            .installs()
            .fetches(PAGE, "text/html", false, "")
            .navigates(round)
            .answers(from_cache(1), HTML);
        life.kinds()
    };
    assert_eq!(visit(Round::First), [Kind::ServesStaleNavigation]);
    assert_eq!(visit(Round::Changed), [Kind::ServesStaleNavigation]);
    assert_eq!(visit(Round::Offline), []);
}

#[test]
fn a_navigation_that_went_through_the_store_in_the_same_event_is_fresh() {
    let life = Life::new()
        .installs()
        .navigates(Round::First)
        .fetches(PAGE, "text/html", true, "document")
        .answers(from_cache(1), HTML);
    assert_eq!(life.kinds(), []);
}

#[test]
fn a_page_put_together_by_script_is_stale_when_it_holds_an_older_one() {
    let together = |body: &str| {
        Life::new()
            .installs()
            .navigates(Round::Changed)
            .answers(Source::Script, body)
            .kinds()
    };
    assert_eq!(
        together(&format!("<header>{HTML}</header>")),
        [Kind::ServesStaleNavigation]
    );
    assert_eq!(together(&format!("{HTML}<!-- {} -->", marks::MARK)), []);
    assert_eq!(together("<p>made by hand</p>"), []);
}

#[test]
fn what_keeps_a_worker_from_being_judged_is_never_a_pass() {
    let install = |change: fn(&mut Ended)| Life::new().installs().ended(change).kinds();
    assert_eq!(install(|_| {}), []);
    assert_eq!(
        install(|ended| ended.rejected = Some("TypeError".to_owned())),
        [Kind::CannotEvaluate]
    );
    assert_eq!(
        install(|ended| ended.pending = true),
        [Kind::CannotEvaluate]
    );

    let visit = |round, change: fn(&mut Ended)| Life::new().navigates(round).ended(change).kinds();
    assert_eq!(visit(Round::First, |_| {}), []);
    assert_eq!(
        visit(Round::First, |ended| ended.rejected =
            Some("Error".to_owned())),
        [Kind::CannotEvaluate]
    );
    assert_eq!(
        visit(Round::Changed, |ended| ended.pending = true),
        [Kind::CannotEvaluate]
    );
    assert_eq!(
        visit(Round::Offline, |ended| ended.rejected =
            Some("Error".to_owned())),
        []
    );

    let text = || "text".to_owned();
    let fails = |failure| Life::new().installs().fails(failure).kinds();
    assert_eq!(
        fails(Failure::Unparsable {
            text: text(),
            place: None
        }),
        [Kind::Unparsable]
    );
    for failure in [
        Failure::Threw {
            text: text(),
            place: None,
        },
        Failure::Unobtainable {
            url: text(),
            why: text(),
        },
        Failure::Missing { name: text() },
        Failure::Limit { which: text() },
        Failure::Engine { text: text() },
    ] {
        assert_eq!(fails(failure), [Kind::CannotEvaluate]);
    }
}

#[test]
fn a_listener_that_throws_is_never_a_pass() {
    let throws = |mut life: Life| {
        let threw = Fact::Threw {
            event: life.id(),
            text: "TypeError: not a function".to_owned(),
            place: None,
        };
        life.record.facts.push(threw);
        life
    };
    let life = throws(Life::new().installs().navigates(Round::First));
    assert_eq!(life.kinds(), [Kind::CannotEvaluate]);
    assert!(
        life.findings()[0]
            .evidence
            .contains("TypeError: not a function")
    );
    // A worker may fare as it likes without a network, and what it has answered already it has answered.
    assert_eq!(
        throws(Life::new().installs().navigates(Round::Offline)).kinds(),
        []
    );
    let answers = Life::new().installs().navigates(Round::First);
    assert_eq!(throws(answers.answers(Source::Script, "")).kinds(), []);
    // A request of its own that goes nowhere, such as to a counter of visits, is no fault of the script's.
    let mut counts = Life::new().installs().navigates(Round::First);
    counts = counts.fetches("https://counter.test/", "text/plain", false, "");
    if let Some(Fact::Fetched { error, .. }) = counts.record.facts.last_mut() {
        *error = Some("there is no network to it".to_owned());
    }
    assert_eq!(throws(counts).kinds(), []);
}

#[test]
fn a_message_that_nobody_answers_keeps_nothing_from_being_judged() {
    let life = Life::new()
        .event(
            Round::First,
            Event::Message {
                data: serde_json::json!("hello"),
                client: None,
            },
        )
        .ended(|ended| ended.pending = true);
    assert_eq!(life.kinds(), []);
}

#[test]
fn a_finding_says_which_event_which_url_and_which_line() {
    let life = Life::new()
        .installs()
        .fetches(PAGE, "text/html", false, "")
        .stores(PAGE)
        .fetches(PAGE, "text/html", false, "")
        .stores(PAGE);
    let findings = life.findings();
    assert_eq!(findings.len(), 1);
    let evidence = &findings[0].evidence;
    for part in [
        "During the install event",
        "text/html",
        "cache \"v1\"",
        "https://a.test/sw.js:3:5",
        "Seen 2 times",
    ] {
        assert!(evidence.contains(part), "{part}: {evidence}");
    }
    assert!(!findings[0].advice.is_empty());
    assert_eq!(findings[0].severity, Severity::Fail);
}

#[test]
fn ten_thousand_urls_of_a_kind_are_not_told_one_by_one() {
    let mut life = Life::new().installs();
    for number in 0..10_000 {
        let at = format!("https://a.test/{number}.png");
        life = life.fetches(&at, "image/png", false, "").stores(&at);
    }
    let findings = life.findings();
    assert_eq!(findings.len(), MAX_FINDINGS_PER_KIND);
    let last = findings.last().expect("the last");
    assert!(
        last.evidence.contains("9960 more URLs"),
        "{}",
        last.evidence
    );
}
