//! Names of users and groups, and who listens on which port, from the machine's own files.

use std::fs;

/// A user's number.
pub fn user(name: &str) -> Option<u32> {
    number("/etc/passwd", name)
}

/// A group's number.
pub fn group(name: &str) -> Option<u32> {
    number("/etc/group", name)
}

/// Whether a user is a member of a group.
pub fn is_member(user: &str, group: &str) -> bool {
    let text = fs::read_to_string("/etc/group").unwrap_or_default();
    has_member(&text, user, group)
}

/// Reads group(5): name, password, number, members with commas between.
fn has_member(text: &str, user: &str, group: &str) -> bool {
    text.lines().any(|line| {
        let mut fields = line.split(':');
        fields.next() == Some(group)
            && fields
                .nth(2)
                .is_some_and(|members| members.split(',').any(|member| member.trim() == user))
    })
}

/// A user's name, or its number if it has none.
pub fn user_name(id: u32) -> String {
    name("/etc/passwd", id)
}

/// A group's name, or its number if it has none.
pub fn group_name(id: u32) -> String {
    name("/etc/group", id)
}

/// The number of a name in a file like passwd(5) or group(5).
pub fn number(file: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    let line = text
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

fn name(file: &str, id: u32) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let id = id.to_string();
    let line = text
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&id));
    let name = line.and_then(|line| line.split(':').next());
    name.map_or(id.clone(), str::to_owned)
}

/// The numbers of the users that listen on a TCP port.
pub fn listeners(port: u16) -> Vec<u32> {
    let mut found = Vec::new();
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(file).unwrap_or_default();
        found.extend(listening(&text, port));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Reads a table of proc_pid_net(5): local address, state (0A: listening), user.
fn listening(table: &str, port: u16) -> Vec<u32> {
    let rows = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = fields.get(1)?.rsplit_once(':')?;
        let local = u16::from_str_radix(local, 16).ok()?;
        let uid = fields.get(7)?.parse().ok()?;
        (*fields.get(3)? == "0A" && local == port).then_some(uid)
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_group_are_known_by_their_whole_names() {
        let text = "home:x:990:pi,tealkeep\nhomes:x:991:\ngarden:x:992:tealkeep-backup\n";
        assert!(has_member(text, "tealkeep", "home"));
        assert!(has_member(text, "pi", "home"));
        assert!(!has_member(text, "tealkeep", "homes"));
        assert!(!has_member(text, "tealkeep", "garden"));
        assert!(!has_member(text, "", "home"));
    }

    #[test]
    fn a_port_is_somebodys_only_while_he_listens_there() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000   998        0 123 1
   1: 0100007F:0BBA 0100007F:9C40 01 00000000:00000000 00:00000000 00000000   997        0 124 1
";
        assert_eq!(listening(table, 3001), [998]);
        assert_eq!(listening(table, 3002), [0_u32; 0]);
    }
}
