//! Who holds a lock on a file: what a person needs to know when a database stays locked.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How many processes are named.
const MAX_NAMED: usize = 3;

/// A process that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// What it calls itself (`/proc/PID/comm`), where this process may know that.
    pub name: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} (process {})", self.pid),
            None => write!(f, "process {}", self.pid),
        }
    }
}

/// The other processes that hold a lock on `path` now, as the kernel lists them (proc(5), `/proc/locks`). Empty where
/// there are none, or where they can't be told, as for a process in another container.
#[must_use]
pub fn holders(path: &Path) -> Vec<Holder> {
    let (Ok(meta), Ok(locks)) = (fs::metadata(path), fs::read_to_string("/proc/locks")) else {
        return Vec::new();
    };
    let own = std::process::id();
    let mut pids = pids_of(&locks, meta.dev(), meta.ino());
    pids.retain(|pid| *pid != own);
    pids.truncate(MAX_NAMED);
    let holder = |pid| Holder {
        pid,
        name: fs::read_to_string(format!("/proc/{pid}/comm"))
            .ok()
            .map(|name| name.trim().to_owned()),
    };
    pids.into_iter().map(holder).collect()
}

/// `1: POSIX  ADVISORY  WRITE 4711 08:01:131 0 EOF`, with the device's numbers in hexadecimal. A process waiting for a
/// lock stands behind `->`.
fn pids_of(locks: &str, device: u64, inode: u64) -> Vec<u32> {
    let file = format!(
        "{:02x}:{:02x}:{inode}",
        rustix::fs::major(device),
        rustix::fs::minor(device)
    );
    let mut pids = Vec::new();
    for line in locks.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, _, pid, held, ..] = fields[..] else {
            continue;
        };
        if held == file
            && let Ok(pid) = pid.parse()
            && !pids.contains(&pid)
        {
            pids.push(pid);
        }
    }
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_is_read_by_device_and_inode() {
        let locks = "1: POSIX  ADVISORY  READ 4711 fe:00:131 1073741826 1073742335\n\
                     2: POSIX  ADVISORY  WRITE 4711 fe:00:131 0 EOF\n\
                     2: -> POSIX  ADVISORY  WRITE 4712 fe:00:131 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 4713 fe:00:132 0 EOF\n\
                     4: POSIX  ADVISORY  WRITE -1 fe:00:131 0 EOF\n";
        let device = rustix::fs::makedev(0xfe, 0);
        assert_eq!(pids_of(locks, device, 131), [4711]);
        assert_eq!(pids_of(locks, device, 132), [4713]);
        assert_eq!(pids_of(locks, device, 133), Vec::<u32>::new());
    }
}
