//! The child's end of the pipe: a realm's only way to the world. Facts are gathered and told in order, before
//! whatever is asked or ended after them.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::mpsc::Receiver;

use crate::facts::{Answer, Fact, Failure, Host, Request};
use crate::play::{Audience, Record, Round, Visit};
use crate::wire::{self, FromChild, ToChild, WireError};

/// How many facts go in one frame.
const AT_ONCE: usize = 200;
/// How many lines that a script says, or errors that it leaves, are told; the others tell nothing new.
const MOST_SAID: u32 = 200;
/// How long such a line may be, in characters.
const LONGEST_TEXT: usize = 500;

/// A host at the other end of which is another process.
pub struct Pipe {
    answers: Receiver<ToChild>,
    round: Cell<Round>,
    asked: Cell<u32>,
    said: Cell<u32>,
    told: Cell<usize>,
    facts: RefCell<Vec<Fact>>,
    broken: RefCell<Option<WireError>>,
}

impl Pipe {
    /// With the answers that will come, in order.
    pub fn new(answers: Receiver<ToChild>) -> Pipe {
        Pipe {
            answers,
            round: Cell::new(Round::Begin),
            asked: Cell::new(0),
            said: Cell::new(0),
            told: Cell::new(0),
            facts: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    /// Says one thing; the first failure is kept, and nothing is said after it.
    pub fn tell(&self, said: &FromChild) {
        let mut broken = self.broken.borrow_mut();
        if broken.is_none() {
            *broken = wire::write(&mut io::stdout().lock(), said).err();
        }
    }

    /// Tells the facts that were gathered.
    pub fn tell_facts(&self) {
        let facts = std::mem::take(&mut *self.facts.borrow_mut());
        if !facts.is_empty() {
            self.tell(&FromChild::Happened { facts });
        }
    }

    /// Whether more happened than is told.
    pub fn overflow(&self) -> Option<Failure> {
        (self.told.get() >= Record::MOST_FACTS).then(|| Failure::Limit {
            which: format!("more than {} things that it did", Record::MOST_FACTS),
        })
    }

    /// How the pipe fared.
    pub fn fate(&self) -> Result<(), WireError> {
        self.broken.take().map_or(Ok(()), Err)
    }
}

impl Host for Pipe {
    fn fetch(&self, request: &Request) -> Result<Answer, String> {
        let n = self.asked.get() + 1;
        self.asked.set(n);
        self.tell_facts();
        self.tell(&FromChild::Ask {
            n,
            round: self.round.get(),
            request: request.clone(),
        });
        match self.answers.recv() {
            Ok(ToChild::Answer { n: of, answer }) if of == n => Ok(answer),
            Ok(ToChild::NoAnswer { n: of, why }) if of == n => Err(why),
            Ok(_) => Err("the answer was for another request".to_owned()),
            Err(_) => Err("nobody answers any more".to_owned()),
        }
    }

    fn note(&self, mut fact: Fact) {
        if let Fact::Said { text, .. } | Fact::Threw { text, .. } = &mut fact {
            self.said.set(self.said.get().saturating_add(1));
            if self.said.get() > MOST_SAID {
                return;
            }
            if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
                text.truncate(end);
            }
        }
        if self.told.get() >= Record::MOST_FACTS {
            return;
        }
        self.told.set(self.told.get() + 1);
        self.facts.borrow_mut().push(fact);
        if self.facts.borrow().len() >= AT_ONCE {
            self.tell_facts();
        }
    }
}

impl Audience for Pipe {
    fn round(&self, round: Round) {
        self.round.set(round);
    }

    fn visited(&self, visit: Visit) {
        self.tell_facts();
        self.tell(&FromChild::Visited {
            visit: Box::new(visit),
        });
    }
}
