//! How fast passwords may be tried. Each network and each known browser has a budget of its own; strangers share a slow
//! one as well, for which they wait in line instead of being refused. Whoever tried least is next, known browsers first,
//! and one password is checked at a time. So a flood of guesses delays the right password, but does not shut it out.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::admission::Network;

/// How many networks, and how many browsers, are remembered; those that tried least are forgotten first.
const MAX_ACCOUNTS: usize = 4096;
/// How long one try counts for the order of the line.
const TRY_MEMORY: Pace = Pace {
    in_a_row: u32::MAX,
    refill: Duration::from_secs(60 * 60),
};

/// A number of tries in a row, and the time after which one more is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// At least 1.
    pub in_a_row: u32,
    /// Not zero.
    pub refill: Duration,
}

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

/// Decides whose password is checked next; cheap to share.
#[derive(Debug, Clone)]
pub struct Throttle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    line: Mutex<Line>,
    changed: Notify,
}

/// What [`Throttle`] decides, without a clock and without waiting.
#[derive(Debug)]
struct Line {
    paces: Paces,
    networks: HashMap<Network, Account>,
    devices: HashMap<String, Account>,
    strangers: Budget,
    waiting: BTreeSet<Rank>,
    next: u64,
    is_checking: bool,
}

/// What one in line is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
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
struct Rank {
    is_stranger: bool,
    tried: u32,
    number: u64,
}

/// A budget, kept as the time at which nothing of it is spent any more (the generic cell rate algorithm, ITU-T I.371).
#[derive(Debug, Clone, Copy, Default)]
struct Budget {
    full_at: Option<Instant>,
}

impl Budget {
    /// Spends one try; `Err` says how long until there is one. `Ok` says how many are spent now.
    fn spend(&mut self, pace: Pace, now: Instant) -> Result<u32, Duration> {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + pace.refill;
        let whole = pace.refill * pace.in_a_row;
        let debt = full_at - now;
        if debt > whole {
            return Err(debt - whole);
        }
        self.full_at = Some(full_at);
        Ok(u32::try_from(debt.as_nanos().div_ceil(pace.refill.as_nanos())).unwrap_or(u32::MAX))
    }

    fn give_back(&mut self, pace: Pace) {
        self.full_at = self.full_at.and_then(|at| at.checked_sub(pace.refill));
    }
}

/// What is remembered of one network, or of one browser.
#[derive(Debug, Clone, Copy, Default)]
struct Account {
    budget: Budget,
    /// How often it tried lately: over hours, so that pausing between guesses does not make a guesser as good as new.
    tried: Budget,
}

impl Account {
    /// Spends one try; `Ok` says how many there were lately.
    fn spend(&mut self, pace: Pace, now: Instant) -> Result<u32, Duration> {
        self.budget.spend(pace, now)?;
        self.tried.spend(TRY_MEMORY, now)
    }

    fn give_back(&mut self, pace: Pace) {
        self.budget.give_back(pace);
        self.tried.give_back(TRY_MEMORY);
    }
}

impl Line {
    fn new(paces: Paces) -> Line {
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
    fn join(&mut self, who: &Who, now: Instant) -> Result<Rank, TooMany> {
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
    fn ask(&mut self, rank: Rank, now: Instant) -> Answer {
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

    fn finish(&mut self) {
        self.is_checking = false;
    }

    /// A try that was right costs nothing.
    fn give_back(&mut self, who: &Who) {
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

    fn was_right(&mut self, who: &Who) {
        self.give_back(who);
        if matches!(who, Who::Stranger(_)) {
            self.strangers.give_back(self.paces.strangers);
        }
    }
}

impl Throttle {
    /// With every budget full.
    #[must_use]
    pub fn new(paces: Paces) -> Throttle {
        Throttle(Arc::new(Inner {
            line: Mutex::new(Line::new(paces)),
            changed: Notify::new(),
        }))
    }

    /// Waits until this one's password may be checked. Nobody else's is until the returned turn ends.
    ///
    /// # Errors
    /// [`TooMany`]: the budget is spent, the line is full of those who tried less, or the wait was too long.
    pub async fn turn(&self, who: Who) -> Result<Turn, TooMany> {
        let place = {
            let mut line = self.line();
            InLine {
                throttle: self.clone(),
                rank: line.join(&who, Instant::now())?,
            }
        };
        // Whoever was displaced has to learn of it.
        self.0.changed.notify_waiters();
        let paces = self.line().paces;
        let too_many = TooMany {
            wait: paces.strangers.refill,
        };
        let deadline = Instant::now() + paces.max_wait;
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // Before the look, so that no change falls between the two.
            changed.as_mut().enable();
            let now = Instant::now();
            let answer = self.line().ask(place.rank, now);
            let wake_at = match answer {
                Answer::Go => break,
                Answer::Displaced => return Err(too_many),
                Answer::Wait => deadline,
                Answer::WaitFor(wait) => deadline.min(now + wait),
            };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(wake_at.into()) => {
                    if Instant::now() >= deadline {
                        return Err(too_many);
                    }
                }
            }
        }
        Ok(Turn {
            throttle: self.clone(),
            who,
        })
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // Every change is a single step, so a panic elsewhere leaves nothing half done.
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is remembered of one. To bound it, those whose tries are long ago are forgotten, and if that is not enough the
/// one who tried least.
fn remember<K: Eq + Hash + Clone>(
    accounts: &mut HashMap<K, Account>,
    key: K,
    now: Instant,
) -> &mut Account {
    if accounts.len() >= MAX_ACCOUNTS && !accounts.contains_key(&key) {
        accounts.retain(|_, account| account.tried.full_at.is_some_and(|at| at > now));
        if accounts.len() >= MAX_ACCOUNTS {
            let least = accounts
                .iter()
                .min_by_key(|(_, account)| account.tried.full_at)
                .map(|(key, _)| key.clone());
            if let Some(least) = least {
                accounts.remove(&least);
            }
        }
    }
    accounts.entry(key).or_default()
}

/// A place in line; given up when it is dropped.
struct InLine {
    throttle: Throttle,
    rank: Rank,
}

impl Drop for InLine {
    fn drop(&mut self) {
        self.throttle.line().waiting.remove(&self.rank);
        self.throttle.0.changed.notify_waiters();
    }
}

/// The right to check one password. It ends when this is dropped, so it has to go along to wherever the checking is done.
#[derive(Debug)]
pub struct Turn {
    throttle: Throttle,
    who: Who,
}

impl Turn {
    /// The password was right: the try costs nothing.
    pub fn was_right(&self) {
        self.throttle.line().was_right(&self.who);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.throttle.line().finish();
        self.throttle.0.changed.notify_waiters();
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

    #[test]
    fn the_number_of_those_remembered_is_bounded() {
        let mut accounts = HashMap::new();
        let now = Instant::now();
        let pace = Paces::default().network;
        for n in 0..(MAX_ACCOUNTS + 100) {
            remember(&mut accounts, n, now).spend(pace, now).unwrap();
        }
        assert_eq!(accounts.len(), MAX_ACCOUNTS);
    }

    #[tokio::test]
    async fn a_turn_ends_where_it_is_dropped_and_who_leaves_holds_nobody_up() {
        let throttle = Throttle::new(Paces {
            max_wait: Duration::from_millis(1),
            ..Paces::default()
        });
        let turn = throttle.turn(Who::Owner).await.unwrap();
        assert!(throttle.turn(from("192.0.2.1")).await.is_err());
        assert!(throttle.line().waiting.is_empty());
        drop(turn);
        throttle.turn(device()).await.unwrap().was_right();
        throttle.turn(from("192.0.2.1")).await.unwrap();
    }
}
