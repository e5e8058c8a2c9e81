//! Limits on clients that have not sent a whole request: how many such connections there are, and how many bytes of
//! unfinished heads, in all and for each address. Past a limit the gate closes the oldest ones of the address that has
//! the most, so that many slow clients never keep others out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::switch::lock;

/// The smallest buffer that a head is read into; it is counted from the first byte on.
const MIN_BUFFER_BYTES: usize = 8 * 1024;

/// What unfinished heads may take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadBudget {
    /// Bytes of all unfinished heads together.
    pub bytes: usize,
    /// Bytes of one address's unfinished heads.
    pub bytes_per_address: usize,
    /// Connections of one address without a whole request yet. In all they may take three quarters of the places.
    pub connections_per_address: usize,
    /// A connection that has sent nothing at all is not closed before this age: a burst of new ones is no attack.
    pub patience: Duration,
}

impl Default for HeadBudget {
    fn default() -> HeadBudget {
        HeadBudget {
            bytes: 16 * 1024 * 1024,
            bytes_per_address: 1024 * 1024,
            connections_per_address: 512,
            patience: Duration::from_secs(3),
        }
    }
}

impl HeadBudget {
    /// For clients that all come through one proxy, whose address says nothing about them.
    #[must_use]
    pub(super) fn behind_a_proxy(self) -> HeadBudget {
        HeadBudget {
            bytes_per_address: self.bytes,
            connections_per_address: usize::MAX,
            ..self
        }
    }
}

/// What unfinished heads take up now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnfinishedHeads {
    /// Connections without a whole request yet.
    pub connections: usize,
    /// Bytes that their heads are counted with.
    pub bytes: usize,
    /// Connections that were closed, since the start, because a bound was passed.
    pub closed: u64,
}

/// Whose connections are counted together: an IPv4 address, or a /64 network of IPv6, which one household or one
/// machine commonly has for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Origin(IpAddr);

impl Origin {
    pub(super) fn of(address: IpAddr) -> Origin {
        Origin(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = v6.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// The number of one connection in the count; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

impl Ticket {
    /// As a number that is never 0.
    pub(super) fn to_number(self) -> u64 {
        self.0
    }

    /// The reverse; `None` for 0.
    pub(super) fn from_number(number: u64) -> Option<Ticket> {
        (number != 0).then_some(Ticket(number))
    }
}

/// The connections without a whole request.
#[derive(Debug)]
pub(super) struct Heads {
    budget: HeadBudget,
    max_connections: usize,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    last: u64,
    bytes: usize,
    closed: u64,
    /// By age.
    all: BTreeMap<Ticket, Unfinished>,
    origins: HashMap<Origin, OriginHeads>,
}

#[derive(Debug)]
struct Unfinished {
    origin: Origin,
    since: Instant,
    bytes: usize,
    connection: AbortHandle,
}

#[derive(Debug, Default)]
struct OriginHeads {
    bytes: usize,
    tickets: BTreeSet<Ticket>,
}

impl Heads {
    /// For a gate with this many places for clients.
    pub(super) fn new(budget: HeadBudget, places: usize) -> Heads {
        Heads {
            budget,
            max_connections: (places * 3).div_ceil(4),
            counted: Mutex::default(),
        }
    }

    /// A connection is there that has sent `received` bytes of a head; past a bound, older ones are closed.
    pub(super) fn enter(
        &self,
        origin: Origin,
        received: usize,
        connection: AbortHandle,
        now: Instant,
    ) -> Ticket {
        let mut counted = lock(&self.counted);
        counted.last += 1;
        let ticket = Ticket(counted.last);
        counted.all.insert(
            ticket,
            Unfinished {
                origin,
                since: now,
                bytes: 0,
                connection,
            },
        );
        let heads = counted.origins.entry(origin).or_default();
        heads.tickets.insert(ticket);
        counted.set_bytes(ticket, received);
        self.trim(&mut counted, now, Some(origin));
        ticket
    }

    /// Its head is `received` bytes long by now, and still not whole.
    pub(super) fn grow(&self, ticket: Ticket, received: usize, now: Instant) {
        let mut counted = lock(&self.counted);
        if let Some(origin) = counted.set_bytes(ticket, received) {
            self.trim(&mut counted, now, Some(origin));
        }
    }

    /// Its head is whole, or the connection has ended.
    pub(super) fn leave(&self, ticket: Ticket) {
        lock(&self.counted).remove(ticket);
    }

    /// Closes what has become old enough for it.
    pub(super) fn sweep(&self, now: Instant) {
        self.trim(&mut lock(&self.counted), now, None);
    }

    pub(super) fn unfinished(&self) -> UnfinishedHeads {
        let counted = lock(&self.counted);
        UnfinishedHeads {
            connections: counted.all.len(),
            bytes: counted.bytes,
            closed: counted.closed,
        }
    }

    /// Closes connections until every bound holds, as far as their age allows it. Of the addresses only `changed` is
    /// looked at, or all.
    fn trim(&self, counted: &mut Counted, now: Instant, changed: Option<Origin>) {
        while let Some(ticket) = self.to_close(counted, now, changed) {
            if let Some(closed) = counted.remove(ticket) {
                closed.connection.abort();
                counted.closed += 1;
            }
        }
    }

    /// The next connection that has to go.
    fn to_close(&self, counted: &Counted, now: Instant, changed: Option<Origin>) -> Option<Ticket> {
        let budget = &self.budget;
        let origins = || counted.origins.values();
        if counted.bytes > budget.bytes {
            let largest = origins().max_by_key(|heads| heads.bytes)?;
            return self.oldest(counted, largest, true, now);
        }
        if counted.all.len() > self.max_connections {
            let largest = origins().max_by_key(|heads| heads.tickets.len())?;
            return self.oldest(counted, largest, false, now);
        }
        let over_its_own = |heads: &OriginHeads| {
            let over_bytes = heads.bytes > budget.bytes_per_address;
            let over = over_bytes || heads.tickets.len() > budget.connections_per_address;
            over.then(|| self.oldest(counted, heads, over_bytes, now))
                .flatten()
        };
        match changed {
            Some(changed) => over_its_own(counted.origins.get(&changed)?),
            None => origins().find_map(over_its_own),
        }
    }

    /// The oldest connection of one address: of those that have sent something where it is bytes that are too many.
    fn oldest(
        &self,
        counted: &Counted,
        heads: &OriginHeads,
        by_bytes: bool,
        now: Instant,
    ) -> Option<Ticket> {
        heads.tickets.iter().copied().find(|ticket| {
            counted.all.get(ticket).is_some_and(|unfinished| {
                let is_old =
                    now.saturating_duration_since(unfinished.since) >= self.budget.patience;
                unfinished.bytes > 0 || !by_bytes && is_old
            })
        })
    }
}

impl Counted {
    /// Whose connection it is; `None` when it is not counted any more.
    fn set_bytes(&mut self, ticket: Ticket, received: usize) -> Option<Origin> {
        let unfinished = self.all.get_mut(&ticket)?;
        let bytes = match received {
            0 => 0,
            some => some.max(MIN_BUFFER_BYTES),
        };
        let before = std::mem::replace(&mut unfinished.bytes, bytes);
        let origin = unfinished.origin;
        self.bytes = self.bytes - before + bytes;
        if let Some(heads) = self.origins.get_mut(&origin) {
            heads.bytes = heads.bytes - before + bytes;
        }
        Some(origin)
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Unfinished> {
        let unfinished = self.all.remove(&ticket)?;
        self.bytes -= unfinished.bytes;
        if let Some(heads) = self.origins.get_mut(&unfinished.origin) {
            heads.bytes -= unfinished.bytes;
            heads.tickets.remove(&ticket);
            if heads.tickets.is_empty() {
                self.origins.remove(&unfinished.origin);
            }
        }
        Some(unfinished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: HeadBudget = HeadBudget {
        bytes: 6 * MIN_BUFFER_BYTES,
        bytes_per_address: 2 * MIN_BUFFER_BYTES,
        connections_per_address: 3,
        patience: Duration::from_secs(1),
    };

    struct Clients {
        heads: Heads,
        began: Instant,
        tasks: Vec<(Ticket, tokio::task::JoinHandle<()>)>,
    }

    impl Clients {
        fn new() -> Clients {
            Clients {
                heads: Heads::new(SMALL, 16),
                began: Instant::now(),
                tasks: Vec::new(),
            }
        }

        fn enter(&mut self, origin: &str, received: usize, at_ms: u64) -> usize {
            let task = tokio::spawn(std::future::pending());
            let now = self.began + Duration::from_millis(at_ms);
            let origin = Origin::of(origin.parse().unwrap());
            let ticket = self.heads.enter(origin, received, task.abort_handle(), now);
            self.tasks.push((ticket, task));
            self.tasks.len() - 1
        }

        async fn closed(&mut self) -> Vec<usize> {
            // An aborted task ends when it is next run.
            tokio::task::yield_now().await;
            let ended = self.tasks.iter().enumerate();
            ended
                .filter(|(_, (_, task))| task.is_finished())
                .map(|(number, _)| number)
                .collect()
        }
    }

    #[tokio::test]
    async fn past_the_bytes_of_an_address_its_oldest_head_goes_and_nobody_elses() {
        let mut clients = Clients::new();
        clients.enter("192.0.2.2", 1, 0);
        for _ in 0..3 {
            clients.enter("192.0.2.1", 100, 0);
        }
        assert_eq!(clients.closed().await, [1]);
        // One that grows past its buffer counts with what it has.
        let ticket = clients.tasks[3].0;
        clients
            .heads
            .grow(ticket, 2 * MIN_BUFFER_BYTES, clients.began);
        assert_eq!(clients.closed().await, [1, 2]);
        let unfinished = clients.heads.unfinished();
        assert_eq!((unfinished.connections, unfinished.closed), (2, 2));
        assert_eq!(unfinished.bytes, 3 * MIN_BUFFER_BYTES);
        clients.heads.leave(ticket);
        clients.heads.leave(ticket);
        assert_eq!(clients.heads.unfinished().bytes, MIN_BUFFER_BYTES);
    }

    #[tokio::test]
    async fn past_the_bytes_of_all_the_address_with_the_most_loses_its_oldest() {
        let mut clients = Clients::new();
        for last in 1..=5 {
            clients.enter(&format!("192.0.2.{last}"), 1, 0);
        }
        clients.enter("192.0.2.3", 1, 0);
        assert!(clients.closed().await.is_empty());
        clients.enter("192.0.2.6", 1, 0);
        assert_eq!(clients.closed().await, [2]);
    }

    #[tokio::test]
    async fn silent_connections_are_closed_only_once_they_are_old_enough() {
        let mut clients = Clients::new();
        for at in [0, 0, 0, 900] {
            clients.enter("192.0.2.1", 0, at);
        }
        assert!(clients.closed().await.is_empty());
        clients
            .heads
            .sweep(clients.began + Duration::from_millis(1000));
        assert_eq!(clients.closed().await, [0]);
        assert_eq!(clients.heads.unfinished().bytes, 0);
    }

    #[tokio::test]
    async fn a_quarter_of_all_places_stays_free_of_connections_without_a_request() {
        let mut clients = Clients::new();
        for number in 0..12 {
            clients.enter(&format!("192.0.2.{}", number % 6), 0, 0);
        }
        assert!(clients.closed().await.is_empty());
        clients.enter("192.0.2.9", 0, 1000);
        assert_eq!(clients.closed().await.len(), 1);
        assert_eq!(clients.heads.unfinished().connections, 12);
    }

    #[tokio::test]
    async fn behind_a_proxy_only_the_bounds_in_all_hold() {
        let mut clients = Clients::new();
        clients.heads = Heads::new(SMALL.behind_a_proxy(), 16);
        for _ in 0..6 {
            clients.enter("127.0.0.1", 1, 0);
        }
        assert!(clients.closed().await.is_empty());
        clients.enter("127.0.0.1", 1, 0);
        assert_eq!(clients.closed().await, [0]);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let origin = |text: &str| Origin::of(text.parse().unwrap());
        assert_eq!(origin("2001:db8:1:2::1"), origin("2001:db8:1:2:ffff::9"));
        assert_ne!(origin("2001:db8:1:2::1"), origin("2001:db8:1:3::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
    }
}
