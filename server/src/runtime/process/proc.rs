//! What `/proc` says about a process (proc(5)): which one has an environment, how much memory it uses, which sockets it has.

use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use jiff::Timestamp;
use rustix::process::Pid;

use crate::names::ReleaseId;

/// A colour's process that an earlier supervisor had started.
pub struct Found {
    /// The leader of its process group.
    pub pid: Pid,
    /// The release that it was started with.
    pub release: ReleaseId,
    /// When it was started.
    pub since: Timestamp,
}

/// The group leader that was started with this `TEALKEEP_LIVE_FILE`, if one runs.
pub fn find_by_live_file(live_file: &Path) -> Option<Found> {
    let wanted = [b"TEALKEEP_LIVE_FILE=", live_file.as_os_str().as_bytes()].concat();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        // Processes of other users can't be read; they are none of ours.
        let Ok(environment) = fs::read(entry.path().join("environ")) else {
            continue;
        };
        let mut variables = environment.split(|byte| *byte == 0);
        if !variables.clone().any(|variable| variable == wanted) {
            continue;
        }
        let Some(stat) = Stat::read(pid) else {
            continue;
        };
        if stat.group != pid || stat.is_over() {
            continue;
        }
        let release = variables
            .find_map(|variable| variable.strip_prefix(b"TEALKEEP_RELEASE="))
            .and_then(|value| std::str::from_utf8(value).ok())
            .and_then(|value| value.parse().ok());
        if let (Some(release), Some(pid)) = (release, Pid::from_raw(pid)) {
            return Some(Found {
                pid,
                release,
                since: stat.started(),
            });
        }
    }
    None
}

/// All processes, of whatever group, that were started with this `TEALKEEP_LIVE_FILE` and run.
pub fn all_by_live_file(live_file: &Path) -> Vec<Pid> {
    let wanted = [b"TEALKEEP_LIVE_FILE=", live_file.as_os_str().as_bytes()].concat();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let found = entries.flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse::<i32>().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        let runs = Stat::read(pid).is_some_and(|stat| !stat.is_over());
        (runs && variables.any(|variable| variable == wanted)).then_some(pid)
    });
    found.filter_map(Pid::from_raw).collect()
}

/// The resident memory of a process.
pub fn resident_bytes(pid: Pid) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{}/statm", pid.as_raw_nonzero())).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Whether some process of the group listens on this TCP port; `None` where that can't be told.
pub fn group_listens_on(group: Pid, port: u16) -> Option<bool> {
    let mut listening = HashSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let Ok(text) = fs::read_to_string(table) else {
            continue;
        };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // local_address is the second field, the state (0A: LISTEN) the fourth, the inode the tenth.
            let (Some(local), Some(&"0A"), Some(inode)) =
                (fields.get(1), fields.get(3), fields.get(9))
            else {
                continue;
            };
            let at = local
                .rsplit(':')
                .next()
                .and_then(|hex| u16::from_str_radix(hex, 16).ok());
            if at == Some(port) {
                listening.insert(format!("socket:[{inode}]"));
            }
        }
    }
    if listening.is_empty() {
        return None;
    }
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        if Stat::read(pid).is_none_or(|stat| stat.group != group.as_raw_nonzero().get()) {
            continue;
        }
        let Ok(descriptors) = fs::read_dir(entry.path().join("fd")) else {
            return None;
        };
        let mut links = descriptors
            .flatten()
            .filter_map(|fd| fs::read_link(fd.path()).ok());
        if links.any(|link| link.to_str().is_some_and(|link| listening.contains(link))) {
            return Some(true);
        }
    }
    Some(false)
}

struct Stat {
    state: char,
    group: i32,
    start_ticks: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command in parentheses may hold spaces and parentheses itself; the fields begin after the last.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Stat {
            state: fields.first()?.chars().next()?,
            group: fields.get(2)?.parse().ok()?,
            start_ticks: fields.get(19)?.parse().ok()?,
        })
    }

    fn is_over(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    fn started(&self) -> Timestamp {
        let uptime = fs::read_to_string("/proc/uptime")
            .ok()
            .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
            .unwrap_or_default();
        #[expect(
            clippy::cast_precision_loss,
            reason = "ticks since boot stay far below 2^52"
        )]
        let age = uptime - self.start_ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        Timestamp::now() - jiff::SignedDuration::from_secs_f64(age.max(0.0))
    }
}
