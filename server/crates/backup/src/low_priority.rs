//! Threads that run at idle priority, so that a snapshot can use every core without the app noticing: they run only when
//! no other thread wants the core (`SCHED_IDLE`, sched(7)). On a machine that is busy for long they would never run, so
//! each one measures how long it waits, and becomes an ordinary nice thread (nice(2), 10) when it starves. Threads that
//! write are never at idle priority, since the app's own fsync may wait for what they wrote.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{getpriority_process, setpriority_process};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
};

/// The niceness of these threads when they are not at idle priority (nice(2), 0 to 19).
const NICENESS: i32 = 10;

/// How long a thread waits before starvation is judged again.
const JUDGEMENT_INTERVAL: Duration = Duration::from_millis(250);

/// A thread starves when it waited this many times longer than it ran. Beside a thread that wants the whole core, one with
/// nice 10 runs about a tenth of the time, so with less than that idle priority only does harm.
const STARVATION_FACTOR: u32 = 9;

/// How long after a starvation no thread enters idle priority.
const BUSY_PERIOD: Duration = Duration::from_secs(10);

/// How often a thread reads its own scheduling statistics.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

thread_local! {
    /// The statistics of this thread while it is at idle priority.
    static IDLE_THREAD: RefCell<Option<IdleThread>> = const { RefCell::new(None) };
    /// Whether this thread, and those that it starts, never enter idle priority.
    static IS_FOREGROUND: Cell<bool> = const { Cell::new(false) };
}

/// When a thread last starved: the machine is as busy for the others.
static LAST_STARVATION: Mutex<Option<Instant>> = Mutex::new(None);

/// Runs `work` on a thread of its own, which may enter idle priority. The caller's thread, which may belong to a pool,
/// keeps its priority. A panic in `work` is resumed here.
pub fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let span = tracing::Span::current();
    let done = std::thread::scope(|scope| spawn(scope, || span.in_scope(work)).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Runs `work` and its threads at normal priority, because people wait for it.
pub fn in_foreground<T>(work: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            IS_FOREGROUND.set(self.0);
        }
    }
    let _before = Before(IS_FOREGROUND.replace(true));
    work()
}

/// Starts a thread that inherits whether the current one is in the foreground.
pub fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let is_foreground = IS_FOREGROUND.get();
    scope.spawn(move || {
        IS_FOREGROUND.set(is_foreground);
        work()
    })
}

/// Puts this thread at idle priority. It must hold nothing that other threads wait for, and write nothing that has to
/// reach the disk: an idle thread also reads and writes after all others, unless the process is configured otherwise
/// (ioprio_set(2), "IOPRIO_CLASS_IDLE"). From then on it has to call [`check_starvation`] several times a second.
pub fn enter_idle() {
    if IS_FOREGROUND.get() {
        return;
    }
    let idle_thread = match *CAN_LEAVE_IDLE && !is_busy() {
        true => IdleThread::new().ok(),
        false => None,
    };
    match idle_thread.filter(|_| run_as(NormalThreadSchedulePolicy::Idle)) {
        Some(idle_thread) => IDLE_THREAD.set(Some(idle_thread)),
        // Without statistics it would not notice starvation. A new thread inherits the priority of its parent.
        None => leave_idle(),
    }
}

/// Makes this thread an ordinary nice one, for work that writes and waits for the disk.
pub fn leave_idle() {
    if IS_FOREGROUND.get() {
        return;
    }
    IDLE_THREAD.set(None);
    match *CAN_LEAVE_IDLE {
        true => {
            run_as(NormalThreadSchedulePolicy::Other);
        }
        false => be_nice(niceness()),
    }
}

/// Leaves idle priority if this thread starves. Costs nothing in other threads.
pub fn check_starvation() {
    let starves = IDLE_THREAD
        .with_borrow_mut(|idle_thread| idle_thread.as_mut().is_some_and(IdleThread::is_starved));
    if starves {
        leave_idle();
        tracing::debug!("the machine is busy: a thread of the snapshot leaves idle priority");
    }
}

fn last_starvation() -> MutexGuard<'static, Option<Instant>> {
    LAST_STARVATION
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

fn is_busy() -> bool {
    last_starvation().is_some_and(|at| at.elapsed() < BUSY_PERIOD)
}

/// Whether a thread at idle priority may leave it again. That depends on the capabilities, the limits (`RLIMIT_NICE`) and
/// the system call filters of the process, so a thread tries it.
static CAN_LEAVE_IDLE: LazyLock<bool> = LazyLock::new(|| {
    let tried = std::thread::Builder::new().spawn(|| {
        be_nice(NICENESS);
        run_as(NormalThreadSchedulePolicy::Idle) && run_as(NormalThreadSchedulePolicy::Other)
    });
    let tried = tried.ok().and_then(|thread| thread.join().ok());
    tried.unwrap_or(false)
});

/// Whether this thread is one of that policy now; it is nice in any case.
fn run_as(policy: NormalThreadSchedulePolicy) -> bool {
    let (policy, niceness) = (ThreadSchedulePolicy::Normal(policy), niceness());
    // It sets a niceness too, which may be refused, and is set anew in any case; so what holds now is asked.
    let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
    be_nice(niceness);
    thread_schedule_policy() == Ok(policy)
}

/// How nice this thread is to be: as it was told, or more.
fn niceness() -> i32 {
    getpriority_process(None).unwrap_or(0).max(NICENESS)
}

/// On Linux this is a thread's own affair (setpriority(2), "C library/kernel differences"). Everybody may become nicer, so a
/// refusal means that it is nicer already.
fn be_nice(niceness: i32) {
    let _ = setpriority_process(None, niceness);
}

/// How a thread that stands back fares.
struct IdleThread {
    /// `/proc/thread-self/schedstat`, kept open.
    account: File,
    judged: Times,
    next_check: Instant,
}

impl IdleThread {
    fn new() -> io::Result<IdleThread> {
        let account = File::open("/proc/thread-self/schedstat")?;
        let judged = Times::read(&account)?;
        Ok(IdleThread {
            account,
            judged,
            next_check: Instant::now() + CHECK_INTERVAL,
        })
    }

    fn is_starved(&mut self) -> bool {
        let now = Instant::now();
        if now < self.next_check {
            return false;
        }
        self.next_check = now + CHECK_INTERVAL;
        if is_busy() {
            return true;
        }
        // Who can't tell any more does not risk it.
        let Ok(times) = Times::read(&self.account) else {
            return true;
        };
        match judge(times.since(self.judged)) {
            Verdict::TooEarly => false,
            Verdict::Fed => {
                self.judged = times;
                false
            }
            Verdict::Starved => {
                *last_starvation() = Some(now);
                true
            }
        }
    }
}

/// What the kernel says of a thread (Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Times {
    ran: Duration,
    /// Ready to run, while others did.
    waited: Duration,
}

impl Times {
    fn read(account: &File) -> io::Result<Times> {
        let mut bytes = [0; 96];
        let length = account.read_at(&mut bytes, 0)?;
        Times::parse(&String::from_utf8_lossy(&bytes[..length])).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "schedstat is not two numbers")
        })
    }

    fn parse(text: &str) -> Option<Times> {
        let mut numbers = text.split_ascii_whitespace().map(str::parse);
        let mut next = || Some(Duration::from_nanos(numbers.next()?.ok()?));
        Some(Times {
            ran: next()?,
            waited: next()?,
        })
    }

    fn since(self, earlier: Times) -> Times {
        Times {
            ran: self.ran.saturating_sub(earlier.ran),
            waited: self.waited.saturating_sub(earlier.waited),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    TooEarly,
    Fed,
    Starved,
}

fn judge(times: Times) -> Verdict {
    if times.waited < JUDGEMENT_INTERVAL {
        Verdict::TooEarly
    } else if times.waited > times.ran * STARVATION_FACTOR {
        Verdict::Starved
    } else {
        Verdict::Fed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::*;

    fn policy() -> ThreadSchedulePolicy {
        thread_schedule_policy().unwrap()
    }

    const IDLE: ThreadSchedulePolicy =
        ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);

    #[test]
    fn who_waits_nine_times_as_long_as_it_runs_starves() {
        let of = |ran, waited| {
            judge(Times {
                ran: Duration::from_millis(ran),
                waited: Duration::from_millis(waited),
            })
        };
        for (ran, waited, verdict) in [
            (0, 0, Verdict::TooEarly),
            (0, 249, Verdict::TooEarly),
            (0, 250, Verdict::Starved),
            (27, 250, Verdict::Starved),
            (28, 250, Verdict::Fed),
            (5000, 20_000, Verdict::Fed),
            (5000, 45_001, Verdict::Starved),
        ] {
            assert_eq!(of(ran, waited), verdict, "ran {ran} ms, waited {waited} ms");
        }
    }

    #[test]
    fn the_kernels_account_is_read() {
        let times = Times::parse("1200 3400 7\n").unwrap();
        assert_eq!(times.ran, Duration::from_nanos(1200));
        assert_eq!(times.waited, Duration::from_nanos(3400));
        for wrong in ["", "12", "12 x 3", "-1 2 3"] {
            assert_eq!(Times::parse(wrong), None, "{wrong}");
        }
        let account = File::open("/proc/thread-self/schedstat").unwrap();
        let before = Times::read(&account).unwrap();
        while Times::read(&account).unwrap().ran == before.ran {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn the_callers_thread_stays_as_it_is() {
        let (niceness, before) = (getpriority_process(None).unwrap(), policy());
        let (inside, how) = on_own_thread(|| {
            enter_idle();
            (getpriority_process(None).unwrap(), policy())
        });
        assert!(inside >= NICENESS);
        assert!(how != IDLE || *CAN_LEAVE_IDLE);
        assert_eq!(getpriority_process(None).unwrap(), niceness);
        assert_eq!(policy(), before);
    }

    #[test]
    fn who_hurries_never_stands_back_and_neither_do_the_threads_that_it_starts() {
        let before = getpriority_process(None).unwrap();
        in_foreground(|| {
            let (niceness, how) = on_own_thread(|| {
                enter_idle();
                leave_idle();
                (getpriority_process(None).unwrap(), policy())
            });
            assert_eq!(niceness, before);
            assert_eq!(how, policy());
        });
        assert!(!IS_FOREGROUND.get());
    }

    #[test]
    fn who_steps_up_is_as_nice_as_it_was_told_and_no_nicer() {
        for told in [0, 15] {
            let (stood_back, stepped_up, how) = on_own_thread(|| {
                be_nice(told);
                enter_idle();
                let stood_back = getpriority_process(None).unwrap();
                leave_idle();
                (stood_back, getpriority_process(None).unwrap(), policy())
            });
            assert_eq!(
                (stood_back, stepped_up),
                (told.max(NICENESS), told.max(NICENESS))
            );
            assert_ne!(how, IDLE);
        }
    }

    #[test]
    fn a_thread_that_starves_stands_back_less() {
        let over = AtomicBool::new(false);
        let cores = sched_getaffinity(None).unwrap();
        let one = (0..CpuSet::MAX_CPU)
            .find(|&core| cores.is_set(core))
            .unwrap();
        let mut only = CpuSet::new();
        only.set(one);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                sched_setaffinity(None, &only).unwrap();
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let starving = scope.spawn(|| {
                sched_setaffinity(None, &only).unwrap();
                let given_up = Instant::now() + Duration::from_secs(300);
                let goes_on = || Instant::now() < given_up;
                enter_idle();
                // Another test's thread may have starved just now.
                while *CAN_LEAVE_IDLE && policy() != IDLE && goes_on() {
                    std::thread::sleep(CHECK_INTERVAL);
                    enter_idle();
                }
                let stood_back = policy() == IDLE;
                while policy() == IDLE && goes_on() {
                    check_starvation();
                }
                (stood_back, policy(), getpriority_process(None).unwrap())
            });
            let fared = starving.join();
            over.store(true, Ordering::Relaxed);
            let (stood_back, policy, niceness) = fared.unwrap();
            // Without the right to come back it never stood back so far.
            assert_eq!(stood_back, *CAN_LEAVE_IDLE);
            assert_ne!(policy, IDLE, "it starves");
            assert!(niceness >= NICENESS);
        });
    }
}
