//! The system-call filter (seccomp): an allow-list. Every other call ends the process.
//!
//! Why a refused call ends the process instead of returning `EPERM`: none of ours makes one, so the engine that makes one is no
//! longer ours, and nothing that it sends afterwards can be trusted. The parent sees the signal (SIGSYS) and fails the
//! check. What the C library might call by itself is avoided where the child is started: one malloc arena (shrinking
//! another one opens a file), and the time zone read before the filter is there.

use std::fs;

use super::unconfined::Unconfined;

/// Installs the filter in all threads of this process.
pub fn install() -> Result<(), Unconfined> {
    let failed = |error: seccompiler::Error| Unconfined::Seccomp(error.to_string());
    let program = program().map_err(Unconfined::Seccomp)?;
    seccompiler::apply_filter_all_threads(&program).map_err(failed)
}

/// Whether the kernel can end a process for a call (Linux 4.14), and this architecture has a filter.
pub fn are_filterable() -> bool {
    let actions = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    actions
        .split_whitespace()
        .any(|action| action == "kill_process")
        && program().is_ok()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn program() -> Result<seccompiler::BpfProgram, String> {
    Err(format!(
        "there is no filter for this architecture ({}), only for x86_64 and aarch64",
        std::env::consts::ARCH
    ))
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn program() -> Result<seccompiler::BpfProgram, String> {
    allowed::program().map_err(|error| error.to_string())
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod allowed {
    use std::collections::BTreeMap;

    use seccompiler::SeccompCmpArgLen::{Dword, Qword};
    use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
    use seccompiler::{
        BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule,
    };

    /// The calls that are allowed whatever their arguments are.
    const WITH_ANY_ARGUMENTS: &[libc::c_long] = &[
        // Memory that exists already. None of them makes a page executable.
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        // Clocks, where they are not read without a call.
        libc::SYS_clock_gettime,
        libc::SYS_clock_getres,
        libc::SYS_gettimeofday,
        // Threads that wait for each other.
        libc::SYS_sched_yield,
        // Seeds of hash tables.
        libc::SYS_getrandom,
        // A stack overflow or an abort on its way to the parent, and calls that a signal interrupted.
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_getpid,
        libc::SYS_gettid,
        // The end.
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    /// Of futex(2): waiting and waking. Its other operations have a record of holes in the kernel.
    const FUTEX_OPERATIONS: [libc::c_int; 3] =
        [libc::FUTEX_WAIT, libc::FUTEX_WAKE, libc::FUTEX_WAIT_BITSET];
    /// Which clock, and whose memory: flags, not operations.
    const FUTEX_FLAGS: libc::c_int = libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME;

    /// The filter for this architecture and this process.
    pub fn program() -> Result<BpfProgram, BackendError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = WITH_ANY_ARGUMENTS
            .iter()
            .map(|&call| (call, Vec::new()))
            .collect();
        rules.insert(libc::SYS_read, vec![first_is(libc::STDIN_FILENO)?]);
        for call in [libc::SYS_write, libc::SYS_writev] {
            let outputs = [libc::STDOUT_FILENO, libc::STDERR_FILENO];
            rules.insert(
                call,
                outputs
                    .into_iter()
                    .map(first_is)
                    .collect::<Result<_, _>>()?,
            );
        }
        // Memory of its own that nothing backs, and never executable.
        rules.insert(
            libc::SYS_mmap,
            vec![SeccompRule::new(vec![
                bits(2, libc::PROT_EXEC, 0)?,
                bits(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS)?,
            ])?],
        );
        rules.insert(
            libc::SYS_mprotect,
            vec![SeccompRule::new(vec![bits(2, libc::PROT_EXEC, 0)?])?],
        );
        let futex = |operation| SeccompRule::new(vec![bits(1, !FUTEX_FLAGS, operation)?]);
        rules.insert(
            libc::SYS_futex,
            FUTEX_OPERATIONS
                .into_iter()
                .map(futex)
                .collect::<Result<_, _>>()?,
        );
        // abort(3), which the parent reports as what it is.
        rules.insert(
            libc::SYS_tgkill,
            vec![SeccompRule::new(vec![
                SeccompCondition::new(0, Dword, Eq, u64::from(std::process::id()))?,
                argument(2, libc::SIGABRT)?,
            ])?],
        );
        let arch = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(
            rules,
            SeccompAction::KillProcess,
            SeccompAction::Allow,
            arch,
        )?
        .try_into()
    }

    fn first_is(descriptor: libc::c_int) -> Result<SeccompRule, BackendError> {
        SeccompRule::new(vec![argument(0, descriptor)?])
    }

    fn argument(index: u8, value: libc::c_int) -> Result<SeccompCondition, BackendError> {
        SeccompCondition::new(index, Dword, Eq, u64::from(value.cast_unsigned()))
    }

    fn bits(
        index: u8,
        mask: libc::c_int,
        value: libc::c_int,
    ) -> Result<SeccompCondition, BackendError> {
        // The kernel looks at these as ints (futex) or longs (mmap, mprotect); the bits that count are low either way.
        let mask = u64::from(mask.cast_unsigned());
        SeccompCondition::new(
            index,
            Qword,
            MaskedEq(mask),
            u64::from(value.cast_unsigned()),
        )
    }
}
