//! Wrong passwords, counted rather than written down one by one: the journal gets the first one from each kind of place
//! at once, and a sum of the others after a quarter of an hour. A guesser cannot push everything else out of it.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::admission::Network;
use crate::journal::{Journal, NewEvent, Severity};

/// How long wrong passwords are summed up.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);
/// How many networks are told apart in one window.
const MAX_NETWORKS: usize = 1000;

/// Where a wrong password came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    ThisMachine,
    HomeNetwork,
    Internet,
}

impl Place {
    fn of(address: IpAddr) -> Place {
        let address = address.to_canonical();
        let is_private = match address {
            IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
        };
        if address.is_loopback() {
            Place::ThisMachine
        } else if is_private {
            Place::HomeNetwork
        } else {
            Place::Internet
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Place::ThisMachine => "this machine",
            Place::HomeNetwork => "the home network",
            Place::Internet => "the internet",
        }
    }
}

/// The wrong passwords of one window from one kind of place, after the first.
#[derive(Debug, Default)]
struct Sum {
    more: u64,
    networks: HashSet<Network>,
}

/// The count of wrong passwords.
#[derive(Debug, Default)]
pub struct Failures {
    window: Mutex<BTreeMap<Place, Sum>>,
    opened: Notify,
}

impl Failures {
    /// Counts one; where it is the first of its kind of place in this window, the event to write down at once.
    #[must_use]
    pub fn count(&self, from: IpAddr) -> Option<NewEvent> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        match window.entry(Place::of(from)) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(Sum::default());
                self.opened.notify_one();
                let text = format!("A wrong password was tried from {}.", from.to_canonical());
                Some(NewEvent::new(Severity::Warning, text))
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let sum = entry.get_mut();
                sum.more += 1;
                if sum.networks.len() < MAX_NETWORKS {
                    sum.networks.insert(Network::from(from));
                }
                None
            }
        }
    }

    /// Writes each window's sums down when it ends, until `stop`; then what is left.
    pub async fn report(&self, journal: Journal, window: Duration, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => {}
                () = async {
                    self.opened.notified().await;
                    tokio::time::sleep(window).await;
                } => {}
            }
            for event in self.close() {
                journal.note(event).await;
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    fn close(&self) -> Vec<NewEvent> {
        let sums = std::mem::take(&mut *self.window.lock().unwrap_or_else(PoisonError::into_inner));
        let sums = sums.into_iter().filter(|(_, sum)| sum.more > 0);
        sums.map(|(place, sum)| {
            let (many, were) = match sum.more {
                1 => ("1 more wrong password".to_owned(), "was"),
                more => (format!("{more} more wrong passwords"), "were"),
            };
            let addresses = match sum.networks.len() {
                1 => "1 address".to_owned(),
                MAX_NETWORKS => format!("{MAX_NETWORKS} or more addresses"),
                many => format!("{many} addresses"),
            };
            let text = format!(
                "{many} {were} tried from {} within {} minutes, from {addresses}.",
                place.in_words(),
                WINDOW.as_secs() / 60
            );
            NewEvent::new(Severity::Warning, text)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn places_are_told_apart() {
        for (address, place) in [
            ("127.0.0.1", Place::ThisMachine),
            ("::1", Place::ThisMachine),
            ("::ffff:127.0.0.1", Place::ThisMachine),
            ("192.168.1.7", Place::HomeNetwork),
            ("169.254.3.4", Place::HomeNetwork),
            ("fd12::1", Place::HomeNetwork),
            ("fe80::1", Place::HomeNetwork),
            ("198.51.100.1", Place::Internet),
            ("2001:db8::1", Place::Internet),
        ] {
            assert_eq!(Place::of(from(address)), place, "{address}");
        }
    }

    #[tokio::test]
    async fn ten_thousand_wrong_passwords_are_a_handful_of_events() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let failures = Failures::default();
        for n in 0..10_000_u32 {
            for address in [
                format!("198.51.{}.{}", n / 200 % 100, n % 200),
                "192.168.1.7".to_owned(),
            ] {
                if let Some(event) = failures.count(from(&address)) {
                    journal.note(event).await;
                }
            }
        }
        let stop = CancellationToken::new();
        stop.cancel();
        failures.report(journal.clone(), WINDOW, stop).await;
        let events = journal.events(None, None, 100).await.unwrap();
        let texts: Vec<&str> = events
            .iter()
            .rev()
            .map(|event| event.text.as_str())
            .collect();
        assert_eq!(
            texts,
            [
                "A wrong password was tried from 198.51.0.0.",
                "A wrong password was tried from 192.168.1.7.",
                "9999 more wrong passwords were tried from the home network within 15 minutes, from 1 address.",
                "9999 more wrong passwords were tried from the internet within 15 minutes, from 1000 or more addresses.",
            ]
        );
    }

    #[tokio::test]
    async fn a_new_window_begins_with_an_event_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let failures = std::sync::Arc::new(Failures::default());
        assert!(failures.count(from("127.0.0.1")).is_some());
        assert!(failures.count(from("127.0.0.1")).is_none());
        let stop = CancellationToken::new();
        let mut events = journal.subscribe();
        let report = tokio::spawn({
            let (failures, journal, stop) = (failures.clone(), journal.clone(), stop.clone());
            async move {
                failures
                    .report(journal, Duration::from_millis(1), stop)
                    .await;
            }
        });
        let _ = events.recv().await.unwrap();
        assert!(failures.count(from("127.0.0.1")).is_some());
        stop.cancel();
        report.await.unwrap();
        let events = journal.events(None, None, 100).await.unwrap();
        assert_eq!(events.len(), 1, "{events:#?}");
        assert!(
            events[0]
                .text
                .starts_with("1 more wrong password was tried from this machine")
        );
    }
}
