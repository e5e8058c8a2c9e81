//! The play against a scope that notes what is dispatched to it.

use std::cell::{Cell, RefCell};

use serde_json::json;

use super::*;
use crate::facts::{Limits, Mode, Registration};

#[derive(Default)]
struct Fake {
    count: Cell<u32>,
    install_rejects: bool,
    fails_at: Option<u32>,
    listeners: u32,
    tags: RefCell<Tags>,
    registers_at: Option<u32>,
}

impl Scope for Fake {
    fn load(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn dispatch(&self, event: &Event) -> Result<Ended, Failure> {
        let id = self.count.get() + 1;
        self.count.set(id);
        if self.fails_at == Some(id) {
            return Err(Failure::Limit {
                which: "time".to_owned(),
            });
        }
        if self.registers_at == Some(id) {
            self.tags.borrow_mut().sync.push("queue".to_owned());
        }
        let rejects = self.install_rejects && *event == Event::Install;
        Ok(Ended {
            id,
            listeners: self.listeners,
            rejected: rejects.then(|| "no".to_owned()),
            pending: false,
            responded: false,
            answered: None,
        })
    }

    fn take_tags(&self) -> Result<Tags, Failure> {
        Ok(self.tags.take())
    }

    fn words(&self) -> Words {
        Words {
            tags: vec!["own-tag".to_owned()],
            messages: vec![
                ("data".to_owned(), "skipWaiting".to_owned()),
                ("cmd".to_owned(), "refresh".to_owned()),
            ],
        }
    }

    fn kept(&self) -> Vec<Kept> {
        Vec::new()
    }
}

#[derive(Default)]
struct Watcher {
    rounds: RefCell<Vec<Round>>,
    visits: RefCell<Vec<Visit>>,
}

impl Audience for Watcher {
    fn round(&self, round: Round) {
        self.rounds.borrow_mut().push(round);
    }
    fn visited(&self, visit: Visit) {
        self.visits.borrow_mut().push(visit);
    }
}

fn wanted(url: &str, destination: &str) -> Wanted {
    Wanted {
        url: url.to_owned(),
        destination: destination.to_owned(),
        cors: false,
    }
}

fn plan() -> Plan {
    Plan {
        registration: Registration {
            script: "https://a.test/sw.js".to_owned(),
            scope: "https://a.test/".to_owned(),
            module: false,
        },
        limits: Limits::default(),
        messages: vec![json!({ "op": "warm", "urls": ["/"] })],
        pages: vec![
            PageVisit {
                url: "https://a.test/".to_owned(),
                wanted: vec![
                    wanted("https://a.test/a.css", "style"),
                    wanted("https://a.test/api/x", ""),
                ],
            },
            PageVisit {
                url: "https://a.test/b".to_owned(),
                wanted: vec![wanted("https://a.test/a.css", "style")],
            },
        ],
    }
}

#[test]
fn pages_are_visited_in_each_round_and_what_they_share_is_asked_for_once() {
    let watcher = Watcher::default();
    perform(&plan(), &Fake::default(), &watcher).unwrap();
    assert_eq!(
        *watcher.rounds.borrow(),
        [Round::Begin, Round::First, Round::Changed, Round::Offline]
    );
    let visits = watcher.visits.borrow();
    for round in [Round::First, Round::Changed, Round::Offline] {
        let asked: Vec<(String, Mode, String)> = visits
            .iter()
            .filter(|visit| visit.round == round)
            .filter_map(|visit| match &visit.event {
                Event::Fetch { request, .. } => Some((
                    request.url.clone(),
                    request.mode,
                    request.destination.clone(),
                )),
                _ => None,
            })
            .collect();
        assert_eq!(
            asked,
            [
                (
                    "https://a.test/".to_owned(),
                    Mode::Navigate,
                    "document".to_owned()
                ),
                (
                    "https://a.test/a.css".to_owned(),
                    Mode::NoCors,
                    "style".to_owned()
                ),
                ("https://a.test/api/x".to_owned(), Mode::Cors, String::new()),
                (
                    "https://a.test/b".to_owned(),
                    Mode::Navigate,
                    "document".to_owned()
                ),
            ]
        );
    }
    let ids: Vec<u32> = visits.iter().map(|visit| visit.id).collect();
    assert_eq!(ids, (1..=ids.len() as u32).collect::<Vec<_>>());
}

#[test]
fn a_worker_that_was_not_installed_is_not_activated() {
    let watcher = Watcher::default();
    let fake = Fake {
        install_rejects: true,
        ..Fake::default()
    };
    perform(&plan(), &fake, &watcher).unwrap();
    let visits = watcher.visits.borrow();
    assert_eq!(visits.len(), 1);
    assert_eq!(visits[0].event, Event::Install);
}

#[test]
fn events_that_nobody_listens_to_are_tried_once_a_kind() {
    let count = |listeners| {
        let watcher = Watcher::default();
        let fake = Fake {
            listeners,
            ..Fake::default()
        };
        perform(&plan(), &fake, &watcher).unwrap();
        let visits = watcher.visits.borrow();
        visits
            .iter()
            .filter(|visit| matches!(visit.event, Event::Message { .. }))
            .count()
    };
    assert_eq!(count(0), 2);
    assert!(count(1) > 10);
}

#[test]
fn what_fails_ends_the_play_and_stands_as_the_last_visit() {
    let watcher = Watcher::default();
    let fake = Fake {
        fails_at: Some(4),
        ..Fake::default()
    };
    let failure = perform(&plan(), &fake, &watcher).unwrap_err();
    assert!(matches!(failure, Failure::Limit { .. }));
    let visits = watcher.visits.borrow();
    assert_eq!(visits.len(), 4);
    assert_eq!((visits[3].id, visits[3].ended.clone()), (4, None));
}

#[test]
fn what_a_worker_registered_for_itself_is_played_also_once_the_network_is_back() {
    let rounds_of = |registers_at| {
        let watcher = Watcher::default();
        let fake = Fake {
            registers_at: Some(registers_at),
            ..Fake::default()
        };
        perform(&plan(), &fake, &watcher).unwrap();
        let told = Event::Sync {
            tag: "queue".to_owned(),
        };
        let visits = watcher.visits.borrow();
        let last = visits.last().map(|visit| visit.id).unwrap();
        let played: Vec<(Round, bool)> = visits
            .iter()
            .filter(|visit| visit.event == told)
            .map(|visit| (visit.round, visit.id == last))
            .collect();
        (played, watcher.rounds.borrow().len())
    };
    assert_eq!(rounds_of(3), (vec![(Round::First, false)], 4));
    let offline = {
        let watcher = Watcher::default();
        perform(&plan(), &Fake::default(), &watcher).unwrap();
        let visits = watcher.visits.borrow();
        let first = visits.iter().find(|visit| visit.round == Round::Offline);
        first.map(|visit| visit.id).unwrap()
    };
    assert_eq!(rounds_of(offline), (vec![(Round::Changed, true)], 5));
}

#[test]
fn the_words_of_the_script_are_tried_each_once() {
    let watcher = Watcher::default();
    let fake = Fake {
        listeners: 1,
        ..Fake::default()
    };
    perform(&plan(), &fake, &watcher).unwrap();
    let visits = watcher.visits.borrow();
    let told = |told: &dyn Fn(&Event) -> bool| -> Vec<Round> {
        let visits = visits.iter().filter(|visit| told(&visit.event));
        visits.map(|visit| visit.round).collect()
    };
    let both = [Round::First, Round::Changed];
    assert_eq!(
        told(&|event| matches!(event, Event::Sync { tag } if tag == "own-tag")),
        both
    );
    let says = |what: serde_json::Value| {
        told(&|event| matches!(event, Event::Message { data, .. } if *data == what))
    };
    assert_eq!(says(serde_json::json!("skipWaiting")), both);
    assert_eq!(
        says(serde_json::json!({ "cmd": "refresh" })),
        [Round::Changed]
    );
}
