//! Resource limits and attributes of the child process: descriptors, memory, processor time, privileges.

use std::fs;
use std::io;
use std::os::fd::RawFd;

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::unconfined::Unconfined;

/// How much it may write to, in bytes: the engine, the script's caches, bodies in transit.
const MAX_DATA_BYTES: u64 = 448 << 20;
/// How much it may map at all, in bytes: this includes its own code and what the allocator reserves per thread.
const MAX_ADDRESS_BYTES: u64 = 1536 << 20;
/// How much processor time it may use in total, in seconds; the kernel ends it then, should nothing else.
pub const MAX_CPU_SECONDS: u64 = 60;

/// The highest of standard input, standard output and standard error.
const LAST_STANDARD_DESCRIPTOR: RawFd = 2;

/// Limits this process for good: it can open no descriptor and write no file, has no way to more privileges, and
/// yields to everything else on the machine.
///
/// The number of processes is not limited: that limit counts all of a user's processes, so it would fail on a busy
/// machine, and root is exempt. The system-call filter refuses new processes. There is no signal at the parent's death
/// (`PR_SET_PDEATHSIG`) either: the kernel sends it when the parent's *thread* ends, and pool threads do.
pub fn impose() -> Result<(), Unconfined> {
    set("RLIMIT_CORE", Resource::Core, 0)?;
    set("RLIMIT_FSIZE", Resource::Fsize, 0)?;
    // The limit is on the number of a new descriptor (getrlimit(2)). Zero refuses all, also after 0 was closed.
    set("RLIMIT_NOFILE", Resource::Nofile, 0)?;
    set("RLIMIT_CPU", Resource::Cpu, MAX_CPU_SECONDS)?;
    set("RLIMIT_DATA", Resource::Data, MAX_DATA_BYTES)?;
    set("RLIMIT_AS", Resource::As, MAX_ADDRESS_BYTES)?;
    rustix::thread::set_no_new_privs(true).map_err(refused("PR_SET_NO_NEW_PRIVS"))?;
    // Only courtesy: where it is forbidden, the check runs at normal priority.
    let _ = rustix::process::nice(10);
    Ok(())
}

/// Other processes of the same user can no longer trace this one or read its memory, nor can it its own through
/// `/proc`, and it leaves no core dump (`PR_SET_DUMPABLE`).
pub fn make_undumpable() -> Result<(), Unconfined> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(refused("PR_SET_DUMPABLE"))
}

/// Closes every descriptor but 0, 1 and 2. Whoever starts the process marks its own close-on-exec; this covers one
/// that was forgotten, or came from further up.
pub fn close_inherited_descriptors() -> Result<(), Unconfined> {
    let unreadable = |error| Unconfined::Refused {
        what: "/proc/self/fd",
        error,
    };
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        open.extend(name.to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    for descriptor in open {
        // The descriptor that listed the folder is in the list, and closed by now.
        let is_open = || fs::symlink_metadata(format!("/proc/self/fd/{descriptor}")).is_ok();
        if descriptor > LAST_STANDARD_DESCRIPTOR && is_open() {
            close(descriptor);
        }
    }
    Ok(())
}

/// Closes a descriptor that was inherited.
#[expect(
    unsafe_code,
    reason = "nothing in this process owns an inherited descriptor, so there is no owner to drop"
)]
fn close(descriptor: RawFd) {
    // SAFETY: the process has just started, with one thread, and has opened nothing itself that is still in use.
    unsafe { rustix::io::close(descriptor) };
}

/// Lowers a limit, never raises one.
fn set(what: &'static str, resource: Resource, max: u64) -> Result<(), Unconfined> {
    let current = rustix::process::getrlimit(resource);
    let max = current.maximum.map_or(max, |maximum| maximum.min(max));
    setrlimit(
        resource,
        Rlimit {
            current: Some(max),
            maximum: Some(max),
        },
    )
    .map_err(refused(what))
}

fn refused(what: &'static str) -> impl Fn(Errno) -> Unconfined {
    move |errno| Unconfined::Refused {
        what,
        error: io::Error::from(errno),
    }
}
