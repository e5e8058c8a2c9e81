//! What keeps a hijacked script engine harmless: the child process gives up everything that it does not need
//! before it reads a byte from the outside.
//!
//! The engine is written in C and runs scripts from strangers, so this assumes that a script takes over the
//! process. Three layers, each complete without the others:
//!
//! - [`restrict`] sets resource limits (no new descriptors, memory, processor time), closes inherited descriptors,
//!   makes the process non-dumpable, and enters a Landlock domain that grants nothing where the kernel has Landlock;
//! - [`seal`] installs a seccomp filter in all threads that allows reading standard input, writing standard output
//!   and standard error, memory management, futexes, clock reads and exit. Every other call ends the process.
//!
//! Between the two the process starts its threads: `clone` is not allowed afterwards.

mod filesystem;
mod limits;
mod syscalls;
mod unconfined;

pub use filesystem::Landlock;
pub use limits::MAX_CPU_SECONDS;
pub use unconfined::Unconfined;

/// Gives up files, memory and privileges, for good. Call it while the process has one thread: Landlock covers the
/// calling thread and those that it starts later.
///
/// # Errors
/// [`Unconfined`]: the process must not run a foreign script.
pub fn restrict() -> Result<Landlock, Unconfined> {
    limits::make_undumpable()?;
    limits::close_inherited_descriptors()?;
    let landlock = filesystem::deny_all()?;
    // Last, since Landlock needs a descriptor while it is set up.
    limits::impose()?;
    Ok(landlock)
}

/// Installs the system-call filter in all threads of the process, for good.
///
/// # Errors
/// [`Unconfined::Seccomp`]: the kernel, the processor's architecture or the unit's `SystemCallFilter=` does not
/// allow it. The process must not run a foreign script.
pub fn seal() -> Result<(), Unconfined> {
    syscalls::install()
}

/// What this kernel offers to confine a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// Whether [`seal`] can work: the kernel knows filters that end a process, on an architecture that is supported.
    pub seccomp: bool,
    /// Whether the kernel enforces Landlock rules.
    pub landlock: bool,
}

/// Asks the kernel; changes nothing in this process.
#[must_use]
pub fn support() -> Support {
    Support {
        seccomp: syscalls::are_filterable(),
        landlock: filesystem::is_supported(),
    }
}
