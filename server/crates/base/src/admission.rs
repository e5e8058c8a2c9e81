//! Limits what clients may hold at once: a number of places in total and for each network. A newcomer always gets a
//! place; when none is left, another client loses its place. Clients that have not signed in lose first, and among them
//! the oldest of the network that holds the most, so that a flood from one network pushes out itself.
//!
//! A place stands for whatever its user bounds: an open connection, or the buffer of a request head that is not complete.
//! Its cost is fixed, so that the number of places is also a bound on memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The addresses that count as one client: a single IPv4 address, or the /56 that providers give one IPv6 household
/// (RIPE-690, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Network {
        match address.to_canonical() {
            IpAddr::V4(v4) => Network(IpAddr::V4(v4)),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Network(IpAddr::V6(Ipv6Addr::new(a, b, c, d & 0xff00, 0, 0, 0, 0)))
            }
        }
    }
}

/// How many places there are.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In total; at least 1.
    pub places: usize,
    /// For one network that has not signed in, or for one of whatever else places are counted by; at least 1.
    pub per_network: usize,
}

/// The places, counted by network or by something else; cheap to share.
#[derive(Debug)]
pub struct Admission<N = Network>(Arc<Inner<N>>);

#[derive(Debug)]
struct Inner<N> {
    limits: Limits,
    state: Mutex<State<N>>,
}

#[derive(Debug)]
struct State<N> {
    next: u64,
    taken: HashMap<u64, Entry<N>>,
}

#[derive(Debug)]
struct Entry<N> {
    /// Rises with each admission and each new request; the lowest is the oldest.
    since: u64,
    /// `None` while it is not known who it is, for example a proxy's connection before a request names its client.
    network: Option<N>,
    is_known: bool,
    lost: CancellationToken,
}

/// One place; dropping it gives it back.
#[derive(Debug)]
pub struct Place<N: Eq + Hash + Clone = Network> {
    id: u64,
    admission: Admission<N>,
    lost: CancellationToken,
}

impl<N> Clone for Admission<N> {
    fn clone(&self) -> Admission<N> {
        Admission(self.0.clone())
    }
}

impl<N: Eq + Hash + Clone> Admission<N> {
    /// With every place free.
    #[must_use]
    pub fn new(limits: Limits) -> Admission<N> {
        Admission(Arc::new(Inner {
            limits,
            state: Mutex::new(State {
                next: 0,
                taken: HashMap::new(),
            }),
        }))
    }

    /// Gives a stranger a place, at the cost of another's where none is left. `None` counts to no network.
    #[must_use]
    pub fn admit(&self, network: Option<N>) -> Place<N> {
        let mut state = self.state();
        let id = state.tick();
        let lost = CancellationToken::new();
        state.taken.insert(
            id,
            Entry {
                since: id,
                network,
                is_known: false,
                lost: lost.clone(),
            },
        );
        state.make_room(id, self.0.limits);
        Place {
            id,
            admission: self.clone(),
            lost,
        }
    }

    /// How many places are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.state().taken.len()
    }

    fn state(&self) -> MutexGuard<'_, State<N>> {
        // Every change is a single step, so a panic elsewhere leaves nothing half done.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N: Eq + Hash + Clone> Place<N> {
    /// The place now serves a request of this client, who has not signed in as far as is known: a proxy's connections
    /// carry one client after another.
    pub fn serve(&self, network: Option<N>) {
        let mut state = self.admission.state();
        let since = state.tick();
        if let Some(entry) = state.taken.get_mut(&self.id) {
            *entry = Entry {
                since,
                network,
                is_known: false,
                lost: entry.lost.clone(),
            };
            state.make_room(self.id, self.admission.0.limits);
        }
    }

    /// Whoever holds the place is known: it counts to no network, and is lost only when all others are known too.
    pub fn recognise(&self) {
        if let Some(entry) = self.admission.state().taken.get_mut(&self.id) {
            entry.is_known = true;
        }
    }

    /// Whoever holds the place is a stranger again.
    pub fn forget(&self) {
        if let Some(entry) = self.admission.state().taken.get_mut(&self.id) {
            entry.is_known = false;
        }
    }

    /// Resolves when the place has been given to somebody else; what it stood for has to end at once.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Whether the place has been given to somebody else.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }
}

impl<N: Eq + Hash + Clone> Drop for Place<N> {
    fn drop(&mut self) {
        self.admission.state().taken.remove(&self.id);
    }
}

impl<N: Eq + Hash + Clone> State<N> {
    fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Takes places away until what `newcomer` brought fits.
    fn make_room(&mut self, newcomer: u64, limits: Limits) {
        let network = self
            .taken
            .get(&newcomer)
            .and_then(|entry| entry.network.clone());
        if let Some(network) = network {
            let is_of =
                |entry: &Entry<N>| !entry.is_known && entry.network.as_ref() == Some(&network);
            let held = self.taken.values().filter(|entry| is_of(entry)).count();
            for _ in limits.per_network..held {
                self.take_oldest(newcomer, is_of);
            }
        }
        // Each admission adds one, so that one is enough.
        if self.taken.len() <= limits.places {
            return;
        }
        let mut held: HashMap<N, usize> = HashMap::new();
        for entry in self.taken.values().filter(|entry| !entry.is_known) {
            if let Some(network) = &entry.network {
                *held.entry(network.clone()).or_default() += 1;
            }
        }
        let most = held.values().copied().max().unwrap_or_default();
        let holds_most = |entry: &Entry<N>| {
            let of = entry.network.as_ref().and_then(|n| held.get(n));
            !entry.is_known && most > 1 && of == Some(&most)
        };
        let _ = self.take_oldest(newcomer, holds_most)
            || self.take_oldest(newcomer, |entry| !entry.is_known)
            || self.take_oldest(newcomer, |_| true);
    }

    fn take_oldest(&mut self, newcomer: u64, may_be: impl Fn(&Entry<N>) -> bool) -> bool {
        let oldest = self
            .taken
            .iter()
            .filter(|(id, entry)| **id != newcomer && may_be(entry))
            .min_by_key(|(_, entry)| entry.since)
            .map(|(id, _)| *id);
        let Some(entry) = oldest.and_then(|id| self.taken.remove(&id)) else {
            return false;
        };
        entry.lost.cancel();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Option<Network> {
        Some(Network::from(address.parse::<IpAddr>().unwrap()))
    }

    fn admission(places: usize, per_network: usize) -> Admission {
        Admission::new(Limits {
            places,
            per_network,
        })
    }

    #[test]
    fn a_household_is_one_network() {
        assert_eq!(of("2001:db8:1:2:3::1"), of("2001:db8:1:ff:4::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:102::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[test]
    fn a_network_that_wants_more_than_its_share_loses_its_own_oldest_place() {
        let admission = admission(8, 2);
        let other = admission.admit(of("10.0.0.9"));
        let places: Vec<Place> = (0..5).map(|_| admission.admit(of("10.0.0.1"))).collect();
        let lost: Vec<bool> = places.iter().map(Place::is_lost).collect();
        assert_eq!(lost, [true, true, true, false, false]);
        assert!(!other.is_lost());
        assert_eq!(admission.taken(), 3);
    }

    #[test]
    fn when_all_places_are_taken_the_network_with_the_most_loses_its_oldest() {
        let admission = admission(4, 3);
        let owner = admission.admit(of("10.0.0.9"));
        let flood: Vec<Place> = (0..3).map(|_| admission.admit(of("10.0.0.1"))).collect();
        let newcomer = admission.admit(of("10.0.0.8"));
        assert!(flood[0].is_lost() && !flood[1].is_lost());
        assert!(!owner.is_lost() && !newcomer.is_lost());
    }

    #[test]
    fn when_all_hold_one_place_the_oldest_stranger_goes_first() {
        let admission = admission(3, 3);
        let known = admission.admit(of("10.0.0.1"));
        known.recognise();
        let old = admission.admit(of("10.0.0.2"));
        let young = admission.admit(of("10.0.0.3"));
        let newcomer = admission.admit(of("10.0.0.4"));
        assert!(old.is_lost());
        assert!(!known.is_lost() && !young.is_lost() && !newcomer.is_lost());
    }

    #[test]
    fn those_who_are_known_lose_a_place_only_when_nobody_else_can() {
        let admission = admission(2, 2);
        let known: Vec<Place> = (0..2).map(|_| admission.admit(of("10.0.0.1"))).collect();
        known.iter().for_each(Place::recognise);
        let newcomer = admission.admit(of("10.0.0.2"));
        assert!(known[0].is_lost() && !known[1].is_lost() && !newcomer.is_lost());
    }

    #[test]
    fn a_proxys_connection_counts_to_the_client_of_its_request() {
        let admission = admission(8, 1);
        let idle: Vec<Place> = (0..4).map(|_| admission.admit(None)).collect();
        assert!(!idle.iter().any(Place::is_lost));
        idle[0].serve(of("10.0.0.1"));
        idle[1].recognise();
        idle[1].serve(of("10.0.0.1"));
        assert!(idle[0].is_lost() && !idle[1].is_lost());
        // What was lost is not counted again.
        idle[0].serve(of("10.0.0.2"));
        assert_eq!(admission.taken(), 3);
    }

    #[test]
    fn a_place_that_is_dropped_is_free_again() {
        let admission = admission(1, 1);
        drop(admission.admit(of("10.0.0.1")));
        let first = admission.admit(of("10.0.0.1"));
        assert_eq!(admission.taken(), 1);
        let second = admission.admit(of("10.0.0.1"));
        drop(first);
        assert_eq!(admission.taken(), 1);
        assert!(!second.is_lost());
    }

    #[tokio::test]
    async fn who_loses_a_place_is_told() {
        let admission = admission(1, 1);
        let first = admission.admit(None);
        let _second = admission.admit(None);
        first.lost().await;
    }
}
