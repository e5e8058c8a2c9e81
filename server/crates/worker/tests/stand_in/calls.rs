//! The system calls that an attacker would want, one function each, made without the C library in between.

#![expect(
    unsafe_code,
    reason = "an attacker does not ask a library, and a raw call is what the filter sees"
)]

use std::ffi::{CString, c_long};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a call can be aimed at.
pub struct Scene {
    /// A folder with `journal.db`, and `control.sock` on which somebody listens.
    pub folder: PathBuf,
    /// The process that the stand-in was started by.
    pub parent: i32,
    /// The address of eight readable bytes in the parent.
    pub parents_memory: usize,
}

/// One call of the table.
pub struct Call {
    /// What it is called in `tests/hostile.rs`.
    pub name: &'static str,
    /// Makes it; the error's number if the kernel refuses it.
    pub make: fn(&Scene) -> Result<(), i32>,
}

macro_rules! calls {
    ($($name:literal => $make:expr,)*) => {
        /// The whole table.
        pub const CALLS: &[Call] = &[$(Call { name: $name, make: $make },)*];
    };
}

/// One call as the kernel takes it.
fn raw<const N: usize>(number: c_long, arguments: [usize; N]) -> Result<usize, i32> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&arguments);
    let [a, b, c, d, e, f] = all;
    // SAFETY: every pointer that the callers pass lives until the call returns, and is as long as the call expects.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    match result {
        -1 => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)),
        result => Ok(usize::try_from(result).unwrap_or(0)),
    }
}

fn call<const N: usize>(number: c_long, arguments: [usize; N]) -> Result<(), i32> {
    raw(number, arguments).map(drop)
}

fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no zero in a path")
}

const HERE: usize = libc::AT_FDCWD as usize;
const PAGE: usize = 65536;

fn open(path: &Path, flags: i32) -> Result<(), i32> {
    call(
        libc::SYS_openat,
        [HERE, text(path).as_ptr() as usize, flags as usize, 0o600],
    )
}

/// A socket's address of the family AF_UNIX.
fn unix_address(path: &Path) -> (libc::sockaddr_un, usize) {
    // SAFETY: plain numbers, for which zero is a value.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as _;
    for (to, from) in address.sun_path.iter_mut().zip(path.as_os_str().as_bytes()) {
        *to = *from as _;
    }
    (address, size_of::<libc::sockaddr_un>())
}

fn connect_to(path: &Path) -> Result<(), i32> {
    let socket = raw(
        libc::SYS_socket,
        [libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0],
    )?;
    let (address, length) = unix_address(path);
    call(
        libc::SYS_connect,
        [socket, std::ptr::from_ref(&address) as usize, length],
    )
}

fn map(protection: i32, flags: i32) -> Result<usize, i32> {
    raw(
        libc::SYS_mmap,
        [0, PAGE, protection as usize, flags as usize, usize::MAX, 0],
    )
}

/// A child by fork(2) or the like, which ends at once.
fn spawned(number: c_long, flags: usize) -> Result<(), i32> {
    if raw(number, [flags, 0, 0, 0, 0])? == 0 {
        let _ = raw(libc::SYS_exit_group, [0]);
    }
    Ok(())
}

fn run(path: &str, number: c_long) -> Result<(), i32> {
    let path = CString::new(path).expect("no zero in a path");
    let word = c"done";
    let arguments = [path.as_ptr(), word.as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null::<libc::c_char>()];
    let (path, arguments, environment) = (
        path.as_ptr() as usize,
        arguments.as_ptr() as usize,
        environment.as_ptr() as usize,
    );
    match number {
        libc::SYS_execveat => call(number, [HERE, path, arguments, environment, 0]),
        _ => call(number, [path, arguments, environment]),
    }
}

fn copy_memory(number: c_long, scene: &Scene) -> Result<(), i32> {
    let mut here = [0_u8; 8];
    let local = [here.as_mut_ptr() as usize, 8];
    let remote = [scene.parents_memory, 8];
    call(
        number,
        [
            scene.parent as usize,
            local.as_ptr() as usize,
            1,
            remote.as_ptr() as usize,
            1,
            0,
        ],
    )
}

fn limit(resource: u32, soft: u64, hard: u64) -> Result<(), i32> {
    let limits = [soft, hard];
    call(
        libc::SYS_prlimit64,
        [0, resource as usize, limits.as_ptr() as usize, 0],
    )
}

fn zeroed(number: c_long) -> Result<(), i32> {
    let zeros = [0_u64; 64];
    let zeros = zeros.as_ptr() as usize;
    match number {
        libc::SYS_bpf => call(number, [0, zeros, 72]),
        libc::SYS_clone3 => call(number, [zeros, 8]),
        libc::SYS_io_uring_setup => call(number, [1, zeros]),
        libc::SYS_perf_event_open => call(number, [zeros, 0, usize::MAX, usize::MAX, 0]),
        _ => call(number, [zeros]),
    }
}

fn path_call<const N: usize>(number: c_long, path: &Path, rest: [usize; N]) -> Result<(), i32> {
    let path = text(path);
    let mut arguments = [0; 6];
    arguments[0] = HERE;
    arguments[1] = path.as_ptr() as usize;
    arguments[2..2 + N].copy_from_slice(&rest);
    call(number, arguments)
}

calls! {
    // Files.
    "open-file" => |_| open(Path::new("/etc/passwd"), libc::O_RDONLY),
    "open-journal" => |scene| open(&scene.folder.join("journal.db"), libc::O_RDWR),
    "create-file" => |scene| open(&scene.folder.join("new"), libc::O_RDWR | libc::O_CREAT),
    "open-through-proc-self-fd" => |_| open(Path::new("/proc/self/fd/0"), libc::O_RDONLY),
    "open-own-memory" => |_| open(Path::new("/proc/self/mem"), libc::O_RDWR),
    "open-in-place-of-stdin" => |_| {
        call(libc::SYS_close, [0])?;
        open(Path::new("/etc/passwd"), libc::O_RDONLY)
    },
    "openat2" => |_| {
        let how = [0_u64; 3];
        let path = c"/etc/passwd";
        call(libc::SYS_openat2, [HERE, path.as_ptr() as usize, how.as_ptr() as usize, 24])
    },
    "stat" => |scene| {
        let found = [0_u64; 64];
        path_call(libc::SYS_newfstatat, &scene.folder, [found.as_ptr() as usize, 0])
    },
    "read-link" => |_| {
        let found = [0_u64; 64];
        path_call(libc::SYS_readlinkat, Path::new("/proc/self/exe"), [found.as_ptr() as usize, 512])
    },
    "make-directory" => |scene| path_call(libc::SYS_mkdirat, &scene.folder.join("made"), [0o700]),
    "unlink-journal" => |scene| path_call(libc::SYS_unlinkat, &scene.folder.join("journal.db"), [0]),
    "truncate-journal" => |scene| {
        let path = text(&scene.folder.join("journal.db"));
        call(libc::SYS_truncate, [path.as_ptr() as usize, 0])
    },
    "change-mode" => |scene| path_call(libc::SYS_fchmodat, &scene.folder.join("journal.db"), [0o777]),
    "change-directory" => |_| call(libc::SYS_chdir, [c"/".as_ptr() as usize]),
    "mount" => |scene| {
        let (folder, kind) = (text(&scene.folder), c"tmpfs");
        let kind = kind.as_ptr() as usize;
        // MS_REMOUNT of what is no mount point: refused by the kernel itself, too.
        call(libc::SYS_mount, [kind, folder.as_ptr() as usize, kind, 32, 0])
    },
    "watch-files" => |_| call(libc::SYS_inotify_init1, [0]),
    // Descriptors.
    "duplicate-descriptor" => |_| call(libc::SYS_dup, [0]),
    "fcntl" => |_| call(libc::SYS_fcntl, [0, libc::F_DUPFD as usize, 0]),
    "ioctl" => |_| {
        let waiting = 0_u64;
        call(libc::SYS_ioctl, [1, libc::FIONREAD as usize, std::ptr::from_ref(&waiting) as usize])
    },
    "pipe" => |_| {
        let ends = [0_u32; 2];
        call(libc::SYS_pipe2, [ends.as_ptr() as usize, 0])
    },
    "eventfd" => |_| call(libc::SYS_eventfd2, [0, 0]),
    "epoll" => |_| call(libc::SYS_epoll_create1, [0]),
    "memfd" => |_| call(libc::SYS_memfd_create, [c"x".as_ptr() as usize, 0]),
    "close" => |_| call(libc::SYS_close, [2]),
    "read-from-stdout" => |_| {
        let nothing = [0_u8; 1];
        call(libc::SYS_read, [1, nothing.as_ptr() as usize, 0])
    },
    "write-to-stdin" => |_| call(libc::SYS_write, [0, c"x".as_ptr() as usize, 0]),
    // Sockets.
    "socket-unix" => |_| call(libc::SYS_socket, [libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0]),
    "socket-inet" => |_| call(libc::SYS_socket, [libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0]),
    "socket-netlink" => |_| call(libc::SYS_socket, [libc::AF_NETLINK as usize, libc::SOCK_RAW as usize, 0]),
    "socket-pair" => |_| {
        let ends = [0_u32; 2];
        call(libc::SYS_socketpair, [libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0, ends.as_ptr() as usize])
    },
    "connect-control-socket" => |scene| connect_to(&scene.folder.join("control.sock")),
    "connect" => |_| call(libc::SYS_connect, [0, 0, 0]),
    "receive-message" => |_| call(libc::SYS_recvmsg, [0, 0, 0]),
    // Programs, processes and threads.
    "execve" => |_| run("/bin/echo", libc::SYS_execve),
    "execveat" => |_| run("/bin/echo", libc::SYS_execveat),
    "fork" => |_| spawned(libc::SYS_clone, libc::SIGCHLD as usize),
    "clone3" => |_| zeroed(libc::SYS_clone3),
    "thread" => |_| match std::thread::Builder::new().spawn(|| {}) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.raw_os_error().unwrap_or(0)),
    },
    "unshare-user" => |_| call(libc::SYS_unshare, [libc::CLONE_NEWNS as usize]),
    "trace-parent" => |scene| call(libc::SYS_ptrace, [libc::PTRACE_SEIZE as usize, scene.parent as usize, 0, 0]),
    "read-parents-memory" => |scene| copy_memory(libc::SYS_process_vm_readv, scene),
    "write-parents-memory" => |scene| copy_memory(libc::SYS_process_vm_writev, scene),
    "signal-parent" => |scene| call(libc::SYS_kill, [scene.parent as usize, 0]),
    "signal-parents-thread" => |scene| call(libc::SYS_tgkill, [scene.parent as usize, scene.parent as usize, 0]),
    "abort-parent" => |scene| {
        // The right signal, the wrong process: one that does not exist, so that nobody is harmed without the filter.
        let _ = scene;
        call(libc::SYS_tgkill, [1 << 29, 1 << 29, libc::SIGABRT as usize])
    },
    "signal-itself-otherwise" => |_| {
        call(libc::SYS_tgkill, [std::process::id() as usize, std::process::id() as usize, 0])
    },
    "descriptor-of-parent" => |scene| call(libc::SYS_pidfd_open, [scene.parent as usize, 0]),
    "priority-of-parent" => |scene| call(libc::SYS_setpriority, [0, scene.parent as usize, 19]),
    // Code.
    "map-executable" => |_| {
        map(libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS).map(drop)
    },
    "map-all-rights" => |_| {
        map(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC, libc::MAP_SHARED | libc::MAP_ANONYMOUS).map(drop)
    },
    "map-file" => |_| map(libc::PROT_READ, libc::MAP_PRIVATE).map(drop),
    "make-executable" => |_| {
        let memory = map(libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS)?;
        call(libc::SYS_mprotect, [memory, PAGE, (libc::PROT_READ | libc::PROT_EXEC) as usize])
    },
    "make-executable-by-key" => |_| {
        let memory = map(libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS)?;
        call(libc::SYS_pkey_mprotect, [memory, PAGE, (libc::PROT_READ | libc::PROT_EXEC) as usize, usize::MAX])
    },
    "personality" => |_| call(libc::SYS_personality, [0xffff_ffff]),
    // The confinement itself.
    "become-dumpable" => |_| call(libc::SYS_prctl, [libc::PR_SET_DUMPABLE as usize, 1]),
    "name-thread" => |_| call(libc::SYS_prctl, [libc::PR_SET_NAME as usize, c"x".as_ptr() as usize]),
    "raise-descriptors" => |_| limit(libc::RLIMIT_NOFILE, 3, 3),
    "raise-file-size" => |_| limit(libc::RLIMIT_FSIZE, 1 << 20, 1 << 20),
    "lower-limit" => |_| limit(libc::RLIMIT_CORE, 0, 0),
    "other-filter" => |_| call(libc::SYS_seccomp, [libc::SECCOMP_GET_ACTION_AVAIL as usize, 0, std::ptr::from_ref(&libc::SECCOMP_RET_ALLOW) as usize]),
    // Holes of kernels past.
    "io-uring" => |_| zeroed(libc::SYS_io_uring_setup),
    "bpf" => |_| zeroed(libc::SYS_bpf),
    "perf" => |_| zeroed(libc::SYS_perf_event_open),
    "userfaultfd" => |_| call(libc::SYS_userfaultfd, [0]),
    "keyring" => |_| call(libc::SYS_keyctl, [0, -4_isize as usize, 0]),
    "message-queue" => |_| call(libc::SYS_msgget, [0, 0o600]),
    "shared-memory" => |_| call(libc::SYS_shmget, [0, PAGE, 0o600]),
    "futex-requeue" => |_| {
        let word = [0_u32; 2];
        call(libc::SYS_futex, [word.as_ptr() as usize, libc::FUTEX_CMP_REQUEUE as usize, 0, 0, word.as_ptr() as usize, 0])
    },
    "change-user" => |_| call(libc::SYS_setuid, [rustix::process::getuid().as_raw() as usize]),
    "sleep" => |_| {
        let no_time = [0_u64; 2];
        call(libc::SYS_nanosleep, [no_time.as_ptr() as usize, 0])
    },
}

/// What an engine does all the time, and must be able to do: much memory in many sizes taken and given back, a panic that is
/// caught, clocks, hash tables, threads that talk.
pub fn ordinary_work() {
    for size in [16, 4096, 100_000, 1 << 20, 48 << 20] {
        let mut all = Vec::new();
        for _ in 0..(64 << 20) / size.max(100_000) {
            all.push(vec![1_u8; size]);
        }
        for bytes in &mut all {
            bytes.resize(size + size / 2, 2);
        }
    }
    assert!(std::panic::catch_unwind(|| panic!("as expected")).is_err());
    let map: std::collections::HashMap<_, _> =
        (0..1000).map(|n| (n, std::time::Instant::now())).collect();
    assert_eq!(map.len(), 1000);
    assert!(std::time::SystemTime::now() > std::time::UNIX_EPOCH);
    let _ = std::sync::mpsc::channel::<()>()
        .1
        .recv_timeout(std::time::Duration::from_millis(1));
}
