//! The parent of the child process that a worker runs in: it starts it with nothing but a pipe, answers its
//! requests, keeps what it tells, and ends it. However the child ends, there is a record that says how.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tealkeep_worker::Failure;
use tealkeep_worker::child::{ENVIRONMENT, UNCONFINED};
use tealkeep_worker::play::{Plan, Record};
use tealkeep_worker::wire::{self, FromChild, LENGTH_BYTES, ToChild, WireError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout, Command};

use super::answers::Answers;

/// How long the child may take by itself: what the parent needs to answer it does not count.
pub const CHILD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long all the answers of the network may take together.
const ANSWERS_TIMEOUT: Duration = Duration::from_secs(180);
/// How long its end may take once it has said its last word, or is killed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How much it may tell in all, in bytes of JSON.
const MAX_OUTPUT_BYTES: usize = 48 << 20;
/// How much of what it complains of is kept, in bytes.
const MAX_STDERR_BYTES: usize = 4 << 10;

/// This very program, also after its file was replaced by a newer version: the two must speak alike.
const ITSELF: &str = "/proc/self/exe";
/// The verb that makes it the child.
const VERB: &str = "evaluate-worker";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the program that has the verb `evaluate-worker`, for a process that is not that program: a test's. Only
/// the first call counts.
pub fn use_program(program: PathBuf) {
    let _ = PROGRAM.set(program);
}

/// Plays the plan in a child process of its own. The child is gone when this returns, and when the future is dropped.
pub async fn run(plan: Plan, answers: &mut Answers<'_>, own_time: Duration) -> Record {
    let program = PROGRAM.get().map_or(ITSELF.as_ref(), PathBuf::as_path);
    run_in(program, plan, answers, own_time).await
}

async fn run_in(
    program: &Path,
    plan: Plan,
    answers: &mut Answers<'_>,
    own_time: Duration,
) -> Record {
    let mut record = Record::new(plan.registration.clone());
    if let Err(failure) = play(program, plan, answers, own_time, &mut record).await {
        record.failure = Some(failure);
    }
    record
}

async fn play(
    program: &Path,
    plan: Plan,
    answers: &mut Answers<'_>,
    own_time: Duration,
    record: &mut Record,
) -> Result<(), Failure> {
    let mut child = start(program)?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(engine("it was started without its pipes".to_owned()));
    };
    let complaints = tokio::spawn(kept(stderr));
    let most_requests = plan.limits.requests;
    let mut talk = Talk {
        stdin,
        stdout,
        left: own_time,
        own_time,
        left_for_answers: ANSWERS_TIMEOUT,
        told: 0,
    };
    let ended = match talk.tell(&ToChild::Plan(Box::new(plan))).await {
        Err(end @ End::Limit(_)) => Err(end),
        // Also of one that does not listen: what it said before tells more than that it is gone.
        Ok(()) | Err(End::Lost(_)) => talk.listen(answers, most_requests, record).await,
    };
    // A child that said its last word ends by itself; any other is ended.
    if !matches!(ended, Ok(()) | Err(End::Lost(WireError::Closed))) {
        let _ = child.start_kill();
    }
    let status = tokio::time::timeout(EXIT_TIMEOUT, child.wait()).await;
    let _ = child.start_kill();
    let complaints = tokio::time::timeout(EXIT_TIMEOUT, complaints).await;
    let complaints = complaints.ok().and_then(Result::ok).unwrap_or_default();
    match ended {
        // What it said counts only if it also ended well: a process that was hijacked may say anything first.
        Ok(()) => match status {
            Ok(Ok(status)) if !status.success() => Err(engine(with(in_words(status), &complaints))),
            Ok(Ok(_) | Err(_)) | Err(_) => Ok(()),
        },
        Err(End::Limit(which)) => Err(Failure::Limit { which }),
        Err(End::Lost(WireError::Closed)) => {
            let how = match status {
                Ok(Ok(status)) => in_words(status),
                Ok(Err(error)) => format!("it was lost sight of: {error}"),
                Err(_) => "it closed its pipe and went on".to_owned(),
            };
            Err(engine(with(how, &complaints)))
        }
        Err(End::Lost(error)) => Err(engine(with(format!("{error}"), &complaints))),
    }
}

fn start(program: &Path) -> Result<Child, Failure> {
    Command::new(program)
        .arg0("tealkeep")
        .arg(VERB)
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            engine(format!(
                "the child process could not be started from {}: {error}",
                program.display()
            ))
        })
}

/// Why the talk ended before the child's last word.
enum End {
    Limit(String),
    Lost(WireError),
}

impl From<WireError> for End {
    fn from(error: WireError) -> End {
        End::Lost(error)
    }
}

struct Talk {
    stdin: tokio::process::ChildStdin,
    stdout: ChildStdout,
    left: Duration,
    own_time: Duration,
    left_for_answers: Duration,
    told: usize,
}

impl Talk {
    /// Hears and answers until the last word.
    async fn listen(
        &mut self,
        answers: &mut Answers<'_>,
        most_requests: u32,
        record: &mut Record,
    ) -> Result<(), End> {
        let mut asked = 0;
        loop {
            let (message, bytes) = self.hear().await?;
            if !matches!(message, FromChild::Ask { .. }) {
                self.told += bytes;
                if self.told > MAX_OUTPUT_BYTES {
                    return Err(End::Limit(format!(
                        "what it did takes more than {} MB to tell",
                        MAX_OUTPUT_BYTES >> 20
                    )));
                }
            }
            match message {
                FromChild::Ask { n, round, request } => {
                    asked += 1;
                    if n != asked {
                        return Err(confusion("its requests are not numbered in order"));
                    }
                    // The realm has counted already; a child that is no longer itself may not.
                    if asked > most_requests {
                        return Err(End::Limit(format!("more than {most_requests} requests")));
                    }
                    let began = Instant::now();
                    let answered = tokio::time::timeout(
                        self.left_for_answers,
                        answers.answer(round, &request),
                    )
                    .await
                    .map_err(|_| {
                        End::Limit(format!(
                            "its requests took more than {} s to answer",
                            ANSWERS_TIMEOUT.as_secs()
                        ))
                    })?;
                    self.left_for_answers = self.left_for_answers.saturating_sub(began.elapsed());
                    self.tell(&match answered {
                        Ok(answer) => ToChild::Answer { n, answer },
                        Err(why) => ToChild::NoAnswer { n, why },
                    })
                    .await?;
                }
                FromChild::Happened { facts } => {
                    if record.facts.len() + facts.len() > Record::MAX_FACTS {
                        return Err(End::Limit(format!(
                            "more than {} things that it did",
                            Record::MAX_FACTS
                        )));
                    }
                    record.facts.extend(facts);
                }
                FromChild::Visited { visit } => record.visits.push(*visit),
                FromChild::Done { kept, failure } => {
                    record.kept = kept;
                    record.failure = failure;
                    return Ok(());
                }
            }
        }
    }

    /// The next message, and its length. The time until it comes is the child's own.
    async fn hear(&mut self) -> Result<(FromChild, usize), End> {
        let began = Instant::now();
        let heard = tokio::time::timeout(self.left, read(&mut self.stdout)).await;
        self.left = self.left.saturating_sub(began.elapsed());
        let json = heard.map_err(|_| self.late())??;
        Ok((wire::message(&json)?, json.len()))
    }

    async fn tell(&mut self, message: &ToChild) -> Result<(), End> {
        let bytes = wire::frame(message)?;
        let began = Instant::now();
        let told = tokio::time::timeout(self.left, async {
            self.stdin.write_all(&bytes).await?;
            self.stdin.flush().await
        })
        .await;
        self.left = self.left.saturating_sub(began.elapsed());
        match told {
            Err(_) => Err(self.late()),
            // Why it does not listen any more is seen by its end.
            Ok(Err(_)) => Err(End::Lost(WireError::Closed)),
            Ok(Ok(())) => Ok(()),
        }
    }

    fn late(&self) -> End {
        End::Limit(format!(
            "it was not done after {} s and was ended",
            self.own_time.as_secs()
        ))
    }
}

async fn read(pipe: &mut ChildStdout) -> Result<Vec<u8>, WireError> {
    let mut lead = [0; LENGTH_BYTES];
    if let Err(error) = pipe.read_exact(&mut lead).await {
        return Err(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => WireError::Closed,
            _ => error.into(),
        });
    }
    let length = wire::length(lead)?;
    let mut json = Vec::new();
    pipe.take(length as u64).read_to_end(&mut json).await?;
    // A frame that was cut is the end of a process, and how that ended tells more.
    match json.len() < length {
        true => Err(WireError::Closed),
        false => Ok(json),
    }
}

/// What comes, up to a bound; the rest is read and dropped, so that nobody blocks on a full pipe.
async fn kept(mut pipe: impl AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    // A pipe that fails is one that has ended.
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let room = MAX_STDERR_BYTES.saturating_sub(bytes.len());
        bytes.extend_from_slice(&buffer[..read.min(room)]);
    }
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

fn engine(text: String) -> Failure {
    Failure::Engine { text }
}

fn confusion(why: &'static str) -> End {
    End::Lost(WireError::Pipe(std::io::Error::other(why)))
}

fn with(how: String, complaints: &str) -> String {
    match complaints.is_empty() {
        true => how,
        false => format!("{how}; it said: {complaints}"),
    }
}

/// What it means for the person that the child refused to run; why it did follows.
const UNCONFINED_IN_WORDS: &str = "the script was not run, because its process could not be confined on this machine. \
    The kernel needs seccomp filters, and a unit around Tealkeep needs `SystemCallFilter=seccomp` \
    (`tealkeep doctor` says which is missing)";

/// How a process ended that should have said more.
fn in_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(UNCONFINED), _) => UNCONFINED_IN_WORDS.to_owned(),
        (Some(code), _) => format!("its process ended with exit code {code} before it was done"),
        (None, Some(signal)) => format!("its process was ended by {}", signal_in_words(signal)),
        (None, None) => "its process ended before it was done".to_owned(),
    }
}

fn signal_in_words(signal: i32) -> String {
    use rustix::process::Signal;
    let known = [
        (
            Signal::ABORT,
            "SIGABRT: it ran out of memory, or the engine gave up",
        ),
        (
            Signal::SYS,
            "SIGSYS: the kernel's filter ended it, because it tried a system call that no worker needs. \
             Either the script attacks the script engine, or the engine is broken",
        ),
        (
            Signal::SEGV,
            "SIGSEGV: it touched memory that is not its own",
        ),
        (Signal::BUS, "SIGBUS: it touched memory that is not there"),
        (
            Signal::ILL,
            "SIGILL: the engine came to an impossible place",
        ),
        (
            Signal::TRAP,
            "SIGTRAP: the engine came to an impossible place",
        ),
        (Signal::FPE, "SIGFPE: the engine divided by nought"),
        (
            Signal::XCPU,
            "SIGXCPU: it used up the processor time that it is given",
        ),
        (
            Signal::KILL,
            "SIGKILL: somebody, or the kernel for want of memory, ended it",
        ),
        (Signal::TERM, "SIGTERM: somebody ended it"),
    ];
    known
        .iter()
        .find(|(number, _)| number.as_raw() == signal)
        .map_or_else(
            || format!("signal {signal}"),
            |(_, words)| (*words).to_owned(),
        )
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use tealkeep_worker::{Limits, Registration};
    use url::Url;

    use super::super::super::Site;
    use super::super::super::web::Seen;
    use super::*;

    /// How a play ends whose child is another program.
    async fn failure_of(program: &str) -> String {
        let site = Site::new(Url::parse("https://a.test/").expect("a URL"), None);
        let seen = Seen::default();
        let plan = Plan {
            registration: Registration {
                script: "https://a.test/sw.js".to_owned(),
                scope: "https://a.test/".to_owned(),
                module: false,
            },
            limits: Limits::default(),
            pages: Vec::new(),
            messages: Vec::new(),
        };
        let mut answers = Answers::new(&site, None, &seen);
        let record = run_in(Path::new(program), plan, &mut answers, CHILD_TIMEOUT).await;
        record.failure.expect("it failed").to_string()
    }

    #[tokio::test]
    async fn a_child_that_says_something_else_is_ended() {
        let failure = failure_of("/bin/echo").await;
        assert!(failure.contains("is longer than any"), "{failure}");
    }

    #[tokio::test]
    async fn a_child_that_ends_early_is_reported_with_its_end_and_its_complaint() {
        let failure = failure_of("/bin/true").await;
        assert!(
            failure.contains("exit code 0 before it was done"),
            "{failure}"
        );
        let failure = failure_of("/bin/cat").await;
        assert!(failure.contains("exit code 1"), "{failure}");
        assert!(failure.contains("it said: "), "{failure}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let failure = failure_of("/nonexistent/tealkeep").await;
        assert!(failure.contains("/nonexistent/tealkeep"), "{failure}");
    }

    /// A stand-in for the child that does `act` once it has read a byte.
    async fn failure_of_one_that(act: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("stand-in");
        // Written by another process: while this one has it open for writing, a child that another test forks
        // meanwhile does so too, and the kernel does not run a file that is being written.
        let written = std::process::Command::new("sh")
            .args([
                "-c",
                r#"printf '#!/bin/sh\nhead -c 1 >/dev/null\n%s\n' "$1" >"$0"; chmod 755 "$0""#,
            ])
            .arg(&program)
            .arg(act)
            .status()
            .expect("sh runs");
        assert!(written.success());
        failure_of(program.to_str().expect("UTF-8")).await
    }

    #[tokio::test]
    async fn a_child_that_the_kernels_filter_ended_is_a_failure_that_says_so() {
        let failure = failure_of_one_that("kill -SYS $$").await;
        assert!(failure.contains("SIGSYS: the kernel's filter"), "{failure}");
    }

    #[tokio::test]
    async fn a_last_word_counts_for_nothing_when_the_process_ends_badly() {
        let done = wire::frame(&FromChild::Done {
            kept: Vec::new(),
            failure: None,
        })
        .expect("a frame");
        let octal: String = done.iter().map(|byte| format!("\\{byte:03o}")).collect();
        let failure = failure_of_one_that(&format!("printf '{octal}'; kill -SYS $$")).await;
        assert!(failure.contains("SIGSYS: the kernel's filter"), "{failure}");
    }

    #[tokio::test]
    async fn a_child_that_cannot_be_confined_says_that_nothing_was_run() {
        let failure = failure_of_one_that("echo 'no seccomp here' >&2; exit 4").await;
        assert!(failure.contains("the script was not run"), "{failure}");
        assert!(failure.contains("no seccomp here"), "{failure}");
    }

    #[test]
    fn ends_are_told_in_words() {
        assert!(in_words(ExitStatus::from_raw(6)).contains("SIGABRT"));
        assert!(in_words(ExitStatus::from_raw(24)).contains("processor time"));
        assert!(in_words(ExitStatus::from_raw(64)).contains("signal 64"));
    }
}
