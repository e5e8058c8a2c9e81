//! The child's end of the pipe: a realm's only way to the world. Facts are collected and sent in order, before
//! whatever is requested or ended after them.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::mpsc::Receiver;

use crate::facts::{Answer, Fact, Failure, Host, Request};
use crate::play::{Audience, Record, Round, Visit};
use crate::wire::{self, FromChild, ToChild, WireError};

/// How many facts go in one frame.
const FACTS_PER_FRAME: usize = 200;
/// How many lines that a script logs, or errors that it does not catch, are sent; the others would add nothing.
const MAX_LOG_LINES: u32 = 200;
/// How long such a line may be, in characters.
const MAX_LINE_CHARS: usize = 500;

/// A host at the other end of which is another process.
pub struct Pipe {
    answers: Receiver<ToChild>,
    round: Cell<Round>,
    requests: Cell<u32>,
    log_lines: Cell<u32>,
    noted: Cell<usize>,
    facts: RefCell<Vec<Fact>>,
    broken: RefCell<Option<WireError>>,
}

impl Pipe {
    /// With the answers that will come, in order.
    pub fn new(answers: Receiver<ToChild>) -> Pipe {
        Pipe {
            answers,
            round: Cell::new(Round::Begin),
            requests: Cell::new(0),
            log_lines: Cell::new(0),
            noted: Cell::new(0),
            facts: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    /// Sends one message; the first failure is kept, and nothing is sent after it.
    pub fn send(&self, message: &FromChild) {
        let mut broken = self.broken.borrow_mut();
        if broken.is_none() {
            *broken = wire::write(&mut io::stdout().lock(), message).err();
        }
    }

    /// Sends the facts that were collected.
    pub fn send_facts(&self) {
        let facts = std::mem::take(&mut *self.facts.borrow_mut());
        if !facts.is_empty() {
            self.send(&FromChild::Happened { facts });
        }
    }

    /// The limit that was passed, if more happened than is noted.
    pub fn overflow(&self) -> Option<Failure> {
        (self.noted.get() >= Record::MAX_FACTS).then(|| Failure::Limit {
            which: format!("more than {} things that it did", Record::MAX_FACTS),
        })
    }

    /// The first failure to send.
    pub fn result(&self) -> Result<(), WireError> {
        self.broken.take().map_or(Ok(()), Err)
    }
}

impl Host for Pipe {
    fn fetch(&self, request: &Request) -> Result<Answer, String> {
        let n = self.requests.get() + 1;
        self.requests.set(n);
        self.send_facts();
        self.send(&FromChild::Ask {
            n,
            round: self.round.get(),
            request: request.clone(),
        });
        match self.answers.recv() {
            Ok(ToChild::Answer { n: number, answer }) if number == n => Ok(answer),
            Ok(ToChild::NoAnswer { n: number, why }) if number == n => Err(why),
            Ok(_) => Err("the answer was for another request".to_owned()),
            Err(_) => Err("the process that answers is gone".to_owned()),
        }
    }

    fn note(&self, mut fact: Fact) {
        if let Fact::Said { text, .. } | Fact::Threw { text, .. } = &mut fact {
            self.log_lines.set(self.log_lines.get().saturating_add(1));
            if self.log_lines.get() > MAX_LOG_LINES {
                return;
            }
            if let Some((end, _)) = text.char_indices().nth(MAX_LINE_CHARS) {
                text.truncate(end);
            }
        }
        if self.noted.get() >= Record::MAX_FACTS {
            return;
        }
        self.noted.set(self.noted.get() + 1);
        self.facts.borrow_mut().push(fact);
        if self.facts.borrow().len() >= FACTS_PER_FRAME {
            self.send_facts();
        }
    }
}

impl Audience for Pipe {
    fn round(&self, round: Round) {
        self.round.set(round);
    }

    fn visited(&self, visit: Visit) {
        self.send_facts();
        self.send(&FromChild::Visited {
            visit: Box::new(visit),
        });
    }
}
