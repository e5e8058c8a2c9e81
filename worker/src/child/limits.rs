//! What the child takes from itself before it reads a byte: memory, processor, files, and the way back.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

/// What it may write to, in bytes: the engine, the script's caches, the bodies on their way.
const DATA_BYTES: u64 = 448 << 20;
/// What it may map at all, in bytes: with its own code, and what the allocator reserves for each thread.
const ADDRESS_BYTES: u64 = 1536 << 20;
/// How much processor time it may use in all, in seconds: the kernel's own word, should nothing else end it.
pub const CPU_SECONDS: u64 = 60;

/// Limits this process for good. It can open no further file, write no file, start no program with more rights,
/// and yields to everything else on the machine.
///
/// The number of processes is not limited: that limit counts all of a user's, so that it would fail on a busy
/// machine and says nothing to root. No native function that a script can reach starts one. Nor is there a signal at
/// the parent's death (`PR_SET_PDEATHSIG`): it is sent when the parent's *thread* ends, and threads of a pool do.
///
/// # Errors
/// The system refused a limit.
pub fn impose() -> io::Result<()> {
    set(Resource::Core, 0)?;
    set(Resource::Fsize, 0)?;
    // 0, 1 and 2 stay open; nothing else can be opened, a socket included.
    set(Resource::Nofile, 3)?;
    set(Resource::Cpu, CPU_SECONDS)?;
    set(Resource::Data, DATA_BYTES)?;
    set(Resource::As, ADDRESS_BYTES)?;
    rustix::thread::set_no_new_privs(true)?;
    // A machine that forbids this runs it all the same, only less politely.
    let _ = rustix::process::nice(10);
    Ok(())
}

/// Lowers a limit, never raises one.
fn set(resource: Resource, most: u64) -> io::Result<()> {
    let known = rustix::process::getrlimit(resource);
    let most = known.maximum.map_or(most, |maximum| maximum.min(most));
    Ok(setrlimit(
        resource,
        Rlimit {
            current: Some(most),
            maximum: Some(most),
        },
    )?)
}
