//! Budgets of tries, and what is remembered of networks and browsers. Pure.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

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

/// A budget, kept as the time at which nothing of it is spent any more (the generic cell rate algorithm, ITU-T I.371).
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    full_at: Option<Instant>,
}

impl Budget {
    /// Spends one try; `Err` says how long until there is one. `Ok` says how many are spent now.
    pub fn spend(&mut self, pace: Pace, now: Instant) -> Result<u32, Duration> {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + pace.refill;
        let whole = pace.refill * pace.in_a_row;
        let debt = full_at - now;
        if debt > whole {
            return Err(debt - whole);
        }
        self.full_at = Some(full_at);
        Ok(u32::try_from(debt.as_nanos().div_ceil(pace.refill.as_nanos())).unwrap_or(u32::MAX))
    }

    pub fn give_back(&mut self, pace: Pace) {
        self.full_at = self.full_at.and_then(|at| at.checked_sub(pace.refill));
    }
}

/// What is remembered of one network, or of one browser.
#[derive(Debug, Clone, Copy, Default)]
pub struct Account {
    budget: Budget,
    /// How often it tried lately: over hours, so that pausing between guesses does not make a guesser as good as new.
    tried: Budget,
}

impl Account {
    /// Spends one try; `Ok` says how many there were lately.
    pub fn spend(&mut self, pace: Pace, now: Instant) -> Result<u32, Duration> {
        self.budget.spend(pace, now)?;
        self.tried.spend(TRY_MEMORY, now)
    }

    pub fn give_back(&mut self, pace: Pace) {
        self.budget.give_back(pace);
        self.tried.give_back(TRY_MEMORY);
    }
}

/// What is remembered of one. To bound it, those whose tries are long ago are forgotten, and if that is not enough the
/// one who tried least.
pub fn remember<K: Eq + Hash + Clone>(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_those_remembered_is_bounded() {
        let mut accounts = HashMap::new();
        let now = Instant::now();
        let pace = Pace {
            in_a_row: 5,
            refill: Duration::from_secs(20),
        };
        for n in 0..(MAX_ACCOUNTS + 100) {
            remember(&mut accounts, n, now).spend(pace, now).unwrap();
        }
        assert_eq!(accounts.len(), MAX_ACCOUNTS);
    }
}
