//! Threads that stand back, so that a snapshot can use every core and the app notices nothing: they run only where no
//! thread of anybody else wants to (`SCHED_IDLE`, sched(7)). On a machine that is busy for long they would come to nothing
//! that way; so each one counts how long it waits, and goes on as an ordinary nice thread (nice(2), 10) when it starves. Who
//! writes is never more than nice: the app's own fsync may wait for what was written beside it.

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

/// How much these threads stand back in any case (nice(2), 0 to 19).
const NICENESS: i32 = 10;

/// What is judged at once: a thread that waited for this long since the last judgement is looked at.
const WAITED: Duration = Duration::from_millis(250);

/// It starves when it waited this many times longer than it ran. Beside one who wants the whole core, a thread of nice 10
/// would run about a tenth of the time: with less than that, standing back further is worse than useless.
const STARVING: u32 = 9;

/// For how long after one has starved nobody stands back so far.
const BUSY_FOR: Duration = Duration::from_secs(10);

/// How often a thread looks at its account.
const LOOK_EVERY: Duration = Duration::from_millis(50);

thread_local! {
    /// Of this thread, as long as it runs only where nobody else wants to.
    static IDLER: RefCell<Option<Idler>> = const { RefCell::new(None) };
    /// Whether this thread and those that it starts never stand back.
    static HURRIES: Cell<bool> = const { Cell::new(false) };
}

/// When one of them starved last: the machine is as busy for the others.
static STARVED: Mutex<Option<Instant>> = Mutex::new(None);

/// Does all of `work` on a thread of its own, which may stand back; the caller's, which may be lent out of a pool, stays as
/// it is. A panic in it goes on here.
pub fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let span = tracing::Span::current();
    let done = std::thread::scope(|scope| spawn(scope, || span.in_scope(work)).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Does all of `work` as fast as the machine can, its threads too: people wait for it.
pub fn in_a_hurry<T>(work: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            HURRIES.set(self.0);
        }
    }
    let _before = Before(HURRIES.replace(true));
    work()
}

/// Starts a thread for the work that goes on here: where that hurries, so does the thread.
pub fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let hurries = HURRIES.get();
    scope.spawn(move || {
        HURRIES.set(hurries);
        work()
    })
}

/// From now on, all others' threads go before this one. It must hold nothing that they wait for, and write nothing that has
/// to reach the disk: whoever runs in this way also reads and writes behind everybody else, unless the process was told
/// otherwise (ioprio_set(2), "IOPRIO_CLASS_IDLE"). What it does next has to call [`look`] several times a second.
pub fn stand_back() {
    if HURRIES.get() {
        return;
    }
    let idler = match *MAY_COME_BACK && !is_busy() {
        true => Idler::new().ok(),
        false => None,
    };
    match idler.filter(|_| run_as(NormalThreadSchedulePolicy::Idle)) {
        Some(idler) => IDLER.set(Some(idler)),
        // One that can't tell how it fares does not risk it; a thread begins as the one that started it was.
        None => step_up(),
    }
}

/// From now on this thread is an ordinary nice one, for what writes and waits for the disk.
pub fn step_up() {
    if HURRIES.get() {
        return;
    }
    IDLER.set(None);
    match *MAY_COME_BACK {
        true => {
            run_as(NormalThreadSchedulePolicy::Other);
        }
        false => be_nice(niceness()),
    }
}

/// Whether this thread has stood back so far that it starves; then it steps up. Costs nothing in others.
pub fn look() {
    let starves = IDLER.with_borrow_mut(|idler| idler.as_mut().is_some_and(Idler::is_starved));
    if starves {
        step_up();
        tracing::debug!("the machine is busy: a thread of the snapshot stands back less");
    }
}

fn starved() -> MutexGuard<'static, Option<Instant>> {
    STARVED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_busy() -> bool {
    starved().is_some_and(|at| at.elapsed() < BUSY_FOR)
}

/// Whether who runs only where nobody else wants to may change that again. It depends on the capabilities, the limits
/// (`RLIMIT_NICE`) and the filters of the process, so a thread tries it out.
static MAY_COME_BACK: LazyLock<bool> = LazyLock::new(|| {
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
struct Idler {
    /// `/proc/thread-self/schedstat`, kept open.
    account: File,
    judged: Times,
    next_look: Instant,
}

impl Idler {
    fn new() -> io::Result<Idler> {
        let account = File::open("/proc/thread-self/schedstat")?;
        let judged = Times::read(&account)?;
        Ok(Idler {
            account,
            judged,
            next_look: Instant::now() + LOOK_EVERY,
        })
    }

    fn is_starved(&mut self) -> bool {
        let now = Instant::now();
        if now < self.next_look {
            return false;
        }
        self.next_look = now + LOOK_EVERY;
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
                *starved() = Some(now);
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
    if times.waited < WAITED {
        Verdict::TooEarly
    } else if times.waited > times.ran * STARVING {
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
        let (inside, how) = apart(|| {
            stand_back();
            (getpriority_process(None).unwrap(), policy())
        });
        assert!(inside >= NICENESS);
        assert!(how != IDLE || *MAY_COME_BACK);
        assert_eq!(getpriority_process(None).unwrap(), niceness);
        assert_eq!(policy(), before);
    }

    #[test]
    fn who_hurries_never_stands_back_and_neither_do_the_threads_that_it_starts() {
        let before = getpriority_process(None).unwrap();
        in_a_hurry(|| {
            let (niceness, how) = apart(|| {
                stand_back();
                step_up();
                (getpriority_process(None).unwrap(), policy())
            });
            assert_eq!(niceness, before);
            assert_eq!(how, policy());
        });
        assert!(!HURRIES.get());
    }

    #[test]
    fn who_steps_up_is_as_nice_as_it_was_told_and_no_nicer() {
        for told in [0, 15] {
            let (stood_back, stepped_up, how) = apart(|| {
                be_nice(told);
                stand_back();
                let stood_back = getpriority_process(None).unwrap();
                step_up();
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
                stand_back();
                // Another test's thread may have starved just now.
                while *MAY_COME_BACK && policy() != IDLE && goes_on() {
                    std::thread::sleep(LOOK_EVERY);
                    stand_back();
                }
                let stood_back = policy() == IDLE;
                while policy() == IDLE && goes_on() {
                    look();
                }
                (stood_back, policy(), getpriority_process(None).unwrap())
            });
            let fared = starving.join();
            over.store(true, Ordering::Relaxed);
            let (stood_back, policy, niceness) = fared.unwrap();
            // Without the right to come back it never stood back so far.
            assert_eq!(stood_back, *MAY_COME_BACK);
            assert_ne!(policy, IDLE, "it starves");
            assert!(niceness >= NICENESS);
        });
    }
}
