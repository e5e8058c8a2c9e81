//! The line in which passwords wait for their check: known browsers first, then whoever tried least. Pure; it takes `now`.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::budget::{Account, Budget, Pace, remember};
use crate::admission::Network;

/// The paces of one dashboard.
#[derive(Debug, Clone, Copy)]
pub struct Paces {
    /// Of one network that is not known.
    pub network: Pace,
    /// Of one browser that signed in before.
    pub device: Pace,
    /// Of all networks together.
    pub strangers: Pace,
    /// How many tries may wait at once.
    pub line: usize,
    /// How long one may wait.
    pub max_wait: Duration,
}

impl Default for Paces {
    /// At most 43,200 guesses a day from all strangers together, and 4,320 from one network.
    fn default() -> Paces {
        let pace = |in_a_row, seconds| Pace {
            in_a_row,
            refill: Duration::from_secs(seconds),
        };
        Paces {
            network: pace(5, 20),
            device: pace(10, 10),
            strangers: pace(30, 2),
            line: 32,
            max_wait: Duration::from_secs(30),
        }
    }
}

/// Who tries a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A browser that holds this device's cookie.
    Device(String),
    /// Somebody from this network.
    Stranger(Network),
    /// Somebody who has proved already that they may: only the wait for the processor is left.
    Owner,
}

/// The try is not allowed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// After which time another one is likely to be.
    pub wait: Duration,
}

/// What [`Throttle`] decides, without a clock and without waiting.
#[derive(Debug)]
pub struct Line {
    pub paces: Paces,
    networks: HashMap<Network, Account>,
    devices: HashMap<String, Account>,
    strangers: Budget,
    pub waiting: BTreeSet<Rank>,
    next: u64,
    is_checking: bool,
}

/// What one in line is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is their turn.
    Go,
    /// Nothing changes for them before somebody else does something.
    Wait,
    /// It is their turn after this time, if nobody comes before them.
    WaitFor(Duration),
    /// They lost their place to somebody who tried less.
    Displaced,
}

/// The order of the line: known before unknown, then whoever tried least, then whoever came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    is_stranger: bool,
    tried: u32,
    number: u64,
}

impl Line {
    pub fn new(paces: Paces) -> Line {
        Line {
            paces,
            networks: HashMap::new(),
            devices: HashMap::new(),
            strangers: Budget::default(),
            waiting: BTreeSet::new(),
            next: 0,
            is_checking: false,
        }
    }

    /// Spends one try of the one who tries, and enters the line. Where it is full, the last one leaves it.
    pub fn join(&mut self, who: &Who, now: Instant) -> Result<Rank, TooMany> {
        let paces = self.paces;
        let tried = match who {
            Who::Device(device) => {
                remember(&mut self.devices, device.clone(), now).spend(paces.device, now)
            }
            Who::Stranger(network) => {
                remember(&mut self.networks, *network, now).spend(paces.network, now)
            }
            Who::Owner => Ok(0),
        };
        let tried = tried.map_err(|wait| TooMany { wait })?;
        self.next += 1;
        let rank = Rank {
            is_stranger: matches!(who, Who::Stranger(_)),
            tried,
            number: self.next,
        };
        self.waiting.insert(rank);
        if self.waiting.len() > paces.line && self.waiting.pop_last() == Some(rank) {
            // It still counts for the order: those who were refused are not as good as new the next time.
            return Err(TooMany {
                wait: paces.strangers.refill * 5,
            });
        }
        Ok(rank)
    }

    /// How it stands for one in line. After [`Answer::Go`] a password is being checked until [`Line::finish`].
    pub fn ask(&mut self, rank: Rank, now: Instant) -> Answer {
        if !self.waiting.contains(&rank) {
            return Answer::Displaced;
        }
        if self.is_checking || self.waiting.first() != Some(&rank) {
            return Answer::Wait;
        }
        if rank.is_stranger
            && let Err(wait) = self.strangers.spend(self.paces.strangers, now)
        {
            return Answer::WaitFor(wait);
        }
        self.waiting.remove(&rank);
        self.is_checking = true;
        Answer::Go
    }

    pub fn finish(&mut self) {
        self.is_checking = false;
    }

    /// A try that was right costs nothing.
    pub fn give_back(&mut self, who: &Who) {
        match who {
            Who::Device(device) => {
                if let Some(account) = self.devices.get_mut(device) {
                    account.give_back(self.paces.device);
                }
            }
            Who::Stranger(network) => {
                if let Some(account) = self.networks.get_mut(network) {
                    account.give_back(self.paces.network);
                }
            }
            Who::Owner => {}
        }
    }

    pub fn was_right(&mut self, who: &Who) {
        self.give_back(who);
        if matches!(who, Who::Stranger(_)) {
            self.strangers.give_back(self.paces.strangers);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn from(address: &str) -> Who {
        Who::Stranger(Network::from(address.parse::<IpAddr>().unwrap()))
    }

    fn guesser(n: usize) -> Who {
        from(&format!("10.0.{}.{}", n / 250, n % 250))
    }

    fn device() -> Who {
        Who::Device("device:d".to_owned())
    }

    /// A line with a clock that the test moves.
    struct Clocked {
        line: Line,
        began: Instant,
        now: Instant,
    }

    impl Clocked {
        fn new(paces: Paces) -> Clocked {
            let now = Instant::now();
            Clocked {
                line: Line::new(paces),
                began: now,
                now,
            }
        }

        fn join(&mut self, who: &Who) -> Result<Rank, TooMany> {
            self.line.join(who, self.now)
        }

        fn ask(&mut self, rank: Rank) -> Answer {
            self.line.ask(rank, self.now)
        }

        /// A wrong password with nobody else in line.
        fn guess(&mut self, who: &Who) -> Result<Answer, TooMany> {
            let rank = self.join(who)?;
            let answer = self.ask(rank);
            self.line.waiting.remove(&rank);
            if answer == Answer::Go {
                self.line.finish();
            }
            Ok(answer)
        }
    }

    #[test]
    fn guesses_of_one_network_are_slow_and_those_of_others_are_not() {
        let mut clocked = Clocked::new(Paces::default());
        for _ in 0..5 {
            assert_eq!(clocked.guess(&from("192.0.2.1")), Ok(Answer::Go));
        }
        let wait = 20 * SECOND;
        assert_eq!(clocked.guess(&from("192.0.2.1")), Err(TooMany { wait }));
        assert_eq!(clocked.guess(&from("192.0.2.2")), Ok(Answer::Go));
        clocked.now += wait;
        assert_eq!(clocked.guess(&from("192.0.2.1")), Ok(Answer::Go));
        assert!(clocked.guess(&from("192.0.2.1")).is_err());
    }

    #[test]
    fn a_stolen_device_cookie_guesses_slowly() {
        let mut clocked = Clocked::new(Paces::default());
        for _ in 0..10 {
            assert_eq!(clocked.guess(&device()), Ok(Answer::Go));
        }
        let wait = 10 * SECOND;
        assert_eq!(clocked.guess(&device()), Err(TooMany { wait }));
    }

    #[test]
    fn a_right_password_costs_nothing() {
        let mut clocked = Clocked::new(Paces::default());
        for who in [from("192.0.2.1"), device()] {
            for _ in 0..200 {
                let rank = clocked.join(&who).unwrap();
                assert_eq!(clocked.ask(rank), Answer::Go);
                clocked.line.was_right(&who);
                clocked.line.finish();
            }
        }
    }

    #[test]
    fn strangers_together_are_slow_and_devices_do_not_wait_for_them() {
        let mut clocked = Clocked::new(Paces::default());
        for n in 0..30 {
            assert_eq!(clocked.guess(&guesser(n)), Ok(Answer::Go));
        }
        let rank = clocked.join(&guesser(30)).unwrap();
        assert_eq!(clocked.ask(rank), Answer::WaitFor(2 * SECOND));
        assert_eq!(clocked.guess(&device()), Ok(Answer::Go));
        assert_eq!(clocked.guess(&Who::Owner), Ok(Answer::Go));
        clocked.now += 2 * SECOND;
        assert_eq!(clocked.ask(rank), Answer::Go);
    }

    #[test]
    fn one_password_is_checked_at_a_time_and_known_browsers_are_next() {
        let mut clocked = Clocked::new(Paces::default());
        let first = clocked.join(&Who::Owner).unwrap();
        assert_eq!(clocked.ask(first), Answer::Go);
        let stranger = clocked.join(&from("192.0.2.1")).unwrap();
        let known = clocked.join(&device()).unwrap();
        assert_eq!(clocked.ask(stranger), Answer::Wait);
        assert_eq!(clocked.ask(known), Answer::Wait);
        clocked.line.finish();
        assert_eq!(clocked.ask(stranger), Answer::Wait);
        assert_eq!(clocked.ask(known), Answer::Go);
        clocked.line.finish();
        assert_eq!(clocked.ask(stranger), Answer::Go);
    }

    #[test]
    fn the_line_has_an_end_and_whoever_tried_most_leaves_it_first() {
        let mut clocked = Clocked::new(Paces {
            line: 2,
            ..Paces::default()
        });
        assert_eq!(clocked.guess(&from("192.0.2.1")), Ok(Answer::Go));
        let tried_before = clocked.join(&from("192.0.2.1")).unwrap();
        let first = clocked.join(&from("192.0.2.2")).unwrap();
        let second = clocked.join(&from("192.0.2.3")).unwrap();
        assert_eq!(clocked.ask(tried_before), Answer::Displaced);
        // As good as the last one in line, but later.
        assert!(clocked.join(&from("192.0.2.4")).is_err());
        assert_eq!(clocked.ask(first), Answer::Go);
        clocked.line.finish();
        assert_eq!(clocked.ask(second), Answer::Go);
    }

    /// The defaults, against 400 networks that guess as fast as they are let for an hour, each pausing until it has five
    /// tries again. The owner signs in every minute, without a cookie, from a network of their own.
    #[test]
    fn the_owner_is_never_shut_out_by_a_flood_of_guesses() {
        let mut clocked = Clocked::new(Paces::default());
        let owner = from("192.0.2.1");
        let mut guessing: Vec<Option<(Rank, Instant)>> = vec![None; 400];
        let mut waiting: Option<(Rank, Instant)> = None;
        let (mut sign_ins, mut guesses) = (0, 0);
        let max_wait = clocked.line.paces.max_wait;
        while clocked.now - clocked.began < Duration::from_secs(3600) {
            let (seconds, now) = ((clocked.now - clocked.began).as_secs(), clocked.now);
            if seconds % 100 < 2 {
                for (n, rank) in guessing.iter_mut().enumerate() {
                    if rank.is_none() {
                        *rank = clocked.line.join(&guesser(n), now).ok().map(|r| (r, now));
                    }
                }
            }
            // Not in the first minutes: until they have tried, so many networks are as good as the owner's.
            if seconds > 120 && seconds % 60 == 30 && waiting.is_none() {
                waiting = Some((clocked.join(&owner).expect("the owner is refused"), now));
            }
            if let Some((rank, since)) = waiting {
                match clocked.ask(rank) {
                    Answer::Go => {
                        clocked.line.was_right(&owner);
                        clocked.line.finish();
                        sign_ins += 1;
                        waiting = None;
                    }
                    Answer::Displaced => panic!("the owner lost the place in line"),
                    Answer::Wait | Answer::WaitFor(_) => {
                        assert!(now - since <= 5 * SECOND, "the owner waits and waits");
                    }
                }
            }
            for slot in &mut guessing {
                let Some((rank, since)) = *slot else { continue };
                match clocked.ask(rank) {
                    Answer::Go => {
                        clocked.line.finish();
                        guesses += 1;
                        *slot = None;
                    }
                    Answer::Displaced => *slot = None,
                    Answer::Wait | Answer::WaitFor(_) if now - since > max_wait => {
                        clocked.line.waiting.remove(&rank);
                        *slot = None;
                    }
                    Answer::Wait | Answer::WaitFor(_) => {}
                }
            }
            clocked.now += SECOND / 2;
        }
        assert!(sign_ins >= 57, "{sign_ins}");
        assert!(
            (500..=1830).contains(&guesses),
            "{guesses} guesses in an hour"
        );
    }
}
