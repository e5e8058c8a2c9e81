//! Whose port it is. Another user's descriptors can't be read, but the owner of a listening socket can (proc(5),
//! `/proc/net/tcp`).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::process::Command;

use crate::exec;

/// How long a port that should be silent may take to refuse a connection.
const KNOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the system may take to look a user up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether anybody answers on a port of loopback; one that neither answers nor refuses counts as answered.
pub async fn is_answered(port: u16) -> bool {
    let connected = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    !matches!(
        tokio::time::timeout(KNOCK_TIMEOUT, connected).await,
        Ok(Err(_))
    )
}

/// Whether a port is listened on by this user; `None` where nobody listens, or the user is not known here.
pub async fn belongs_to(port: u16, user: &str) -> Option<bool> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"]
        .map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let owners: BTreeSet<u32> = tables
        .iter()
        .flat_map(|table| owners(table, port))
        .collect();
    if owners.is_empty() {
        return None;
    }
    Some(owners.contains(&uid_of(user).await?))
}

/// The users whose sockets listen on a port, by one of the kernel's two tables.
fn owners(table: &str, port: u16) -> Vec<u32> {
    let lines = table.lines().skip(1);
    lines
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // local_address is the second field, the state (0A: LISTEN) the fourth, the uid the eighth.
            let (local, state, uid) = (fields.get(1)?, fields.get(3)?, fields.get(7)?);
            let at = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
            (*state == "0A" && at == port)
                .then(|| uid.parse().ok())
                .flatten()
        })
        .collect()
}

async fn uid_of(user: &str) -> Option<u32> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    if let Some(uid) = uid_in(&passwd, user) {
        return Some(uid);
    }
    // Users of a directory service stand in no file.
    let mut command = Command::new("id");
    command.args(["-u", "--", user]);
    let ended = exec::run(command, LOOKUP_TIMEOUT).await.ok()?;
    ended.stdout.trim().parse().ok()
}

fn uid_in(passwd: &str, user: &str) -> Option<u32> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == user)
            .then(|| fields.nth(1)?.parse().ok())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_of_a_listening_socket_counts() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000   998        0 1 1 0 100\n\
            1: 0100007F:0BBA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   997        0 2 1 0 100\n\
            2: 0100007F:0BB9 0100007F:E1D2 01 00000000:00000000 00:00000000 00000000     5        0 3 1 0 100\n";
        assert_eq!(owners(table, 3001), [998]);
        assert_eq!(owners(table, 3003), [] as [u32; 0]);
        let passwd = "root:x:0:0:root:/root:/bin/bash\nhome:x:998:998::/:/usr/sbin/nologin\n";
        assert_eq!(uid_in(passwd, "home"), Some(998));
        assert_eq!(uid_in(passwd, "hom"), None);
    }

    #[tokio::test]
    async fn a_port_of_this_process_is_its_users_own_and_a_closed_one_is_nobodys() {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = rustix::process::geteuid().as_raw();
        let tables = std::fs::read_to_string("/proc/net/tcp").unwrap();
        assert_eq!(owners(&tables, port), [own]);
        assert!(is_answered(port).await);
        drop(listener);
        assert!(!is_answered(port).await);
        assert_eq!(belongs_to(port, "root").await, None);
    }
}
