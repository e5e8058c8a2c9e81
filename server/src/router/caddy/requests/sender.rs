//! Who sent a datagram. Every user of the machine can send one to the address at which Caddy reports, so that the kernel is
//! asked whose socket it came from (proc(5), `/proc/net/udp`): it must be the user whose socket listens on the app's port.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// For how long an answer holds. After that the port may be another process's.
const MAX_AGE: Duration = Duration::from_secs(60);
/// The least time between two looks for senders that are not known: whoever sends from one port after another costs no more.
const MIN_INTERVAL: Duration = Duration::from_millis(20);
/// How many senders are remembered.
const MAX_SENDERS: usize = 64;

/// A socket that listens, in the kernel's tables.
const LISTENS: &str = "0A";

/// What is known of senders.
#[derive(Debug)]
pub(super) struct Senders {
    /// The port of the app, on which Caddy listens.
    entrance: u16,
    known: HashMap<SocketAddr, (bool, Instant)>,
    looked_at: Option<Instant>,
}

impl Senders {
    pub(super) fn new(entrance: u16) -> Senders {
        Senders {
            entrance,
            known: HashMap::new(),
            looked_at: None,
        }
    }

    /// Whether `from` is a socket of the user who listens on the app's port, or of root.
    pub(super) async fn is_caddy(&mut self, from: SocketAddr, now: Instant) -> bool {
        let known = self.known.get(&from).copied();
        match known {
            Some((is_caddy, since)) if now.duration_since(since) < MAX_AGE => return is_caddy,
            // One that was Caddy's waits for nobody.
            Some((true, _)) => {}
            _ if self
                .looked_at
                .is_some_and(|last| now.duration_since(last) < MIN_INTERVAL) =>
            {
                return false;
            }
            _ => self.looked_at = Some(now),
        }
        let entrance = self.entrance;
        let looked = tokio::task::spawn_blocking(move || look(from, entrance)).await;
        let is_caddy = looked.unwrap_or(false);
        if self.known.len() >= MAX_SENDERS {
            self.known
                .retain(|_, (is_caddy, since)| *is_caddy && now.duration_since(*since) < MAX_AGE);
        }
        if is_caddy || self.known.len() < MAX_SENDERS {
            self.known.insert(from, (is_caddy, now));
        }
        is_caddy
    }
}

/// Asks the kernel. Where its tables can't be read, nobody can tell, and all senders are believed.
fn look(from: SocketAddr, entrance: u16) -> bool {
    let IpAddr::V4(ip) = from.ip() else {
        return false;
    };
    if !ip.is_loopback() {
        return false;
    }
    let read = |table: &str| std::fs::read_to_string(format!("/proc/net/{table}"));
    let (Ok(udp), Ok(tcp)) = (read("udp"), read("tcp")) else {
        return true;
    };
    // It is missing where IPv6 is switched off.
    let tcp6 = read("tcp6").unwrap_or_default();
    let senders = owners_of(&udp, ip, from.port());
    let listeners: Vec<u32> = listeners(&tcp, entrance)
        .chain(listeners(&tcp6, entrance))
        .collect();
    !senders.is_empty()
        && senders
            .iter()
            .all(|sender| *sender == 0 || listeners.contains(sender))
}

/// The users whose sockets have this local address, as `/proc/net/udp` lists them.
fn owners_of(table: &str, ip: Ipv4Addr, port: u16) -> Vec<u32> {
    // The address is written as the number that its four bytes are to this machine.
    let own = u32::from_ne_bytes(ip.octets());
    let at = |ip: u32| format!("{ip:08X}:{port:04X}");
    let (own, any) = (at(own), at(0));
    rows(table)
        .filter(|row| row[1] == own || row[1] == any)
        .filter_map(|row| row[7].parse().ok())
        .collect()
}

/// The users whose sockets listen on a port, as `/proc/net/tcp` and `/proc/net/tcp6` list them.
fn listeners(table: &str, port: u16) -> impl Iterator<Item = u32> {
    let port = format!(":{port:04X}");
    rows(table)
        .filter(move |row| row[3] == LISTENS && row[1].ends_with(&port))
        .filter_map(|row| row[7].parse().ok())
}

/// The fields of each row: its number, the local address, the other one, the state, queues, timers, retries, the user.
fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|row| row.len() > 7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    const UDP: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
         \x20 477: 0100007F:D431 FFFFFF7F:0BBB 01 00000000:00000000 00:00000000 00000000   998        0 20557 2 0000000000000000 0\n\
         \x20 478: FFFFFF7F:0BBB 00000000:0000 07 00000000:00000000 00:00000000 00000000   997        0 20558 2 0000000000000000 0\n\
         cut off\n";

    #[test]
    fn the_owner_of_a_socket_is_found_by_its_address() {
        if cfg!(target_endian = "little") {
            let own = Ipv4Addr::LOCALHOST;
            assert_eq!(owners_of(UDP, own, 0xD431), [998]);
            assert_eq!(owners_of(UDP, own, 0x0BBB), [] as [u32; 0]);
        }
        assert_eq!(owners_of("", Ipv4Addr::LOCALHOST, 1), [] as [u32; 0]);
    }

    #[tokio::test]
    async fn a_sender_is_caddy_only_while_its_user_listens_on_the_apps_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (from, entrance) = (socket.local_addr().unwrap(), listener.local_addr().unwrap());
        let now = Instant::now();
        let mut senders = Senders::new(entrance.port());
        assert!(senders.is_caddy(from, now).await);
        // Nobody has that socket, and nobody is remembered for it so soon.
        drop(socket);
        assert!(!look(from, entrance.port()));
        assert!(senders.is_caddy(from, now).await);
        assert!(!senders.is_caddy(from, now + MAX_AGE).await);
    }

    #[tokio::test]
    async fn whoever_sends_from_many_ports_costs_few_looks_and_little_memory() {
        let mut senders = Senders::new(1);
        let mut now = Instant::now();
        for port in 1..=1000 {
            now += MIN_INTERVAL;
            let from = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            assert!(!senders.is_caddy(from, now).await);
            assert!(senders.known.len() <= MAX_SENDERS);
            let last = senders.looked_at;
            assert!(
                !senders
                    .is_caddy(SocketAddr::from((Ipv4Addr::LOCALHOST, 2000)), now)
                    .await
            );
            assert_eq!(senders.looked_at, last, "one look in that time");
        }
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 5));
        assert!(!look(elsewhere, 1), "nobody comes from another machine");
    }
}
