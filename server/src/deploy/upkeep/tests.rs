use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::sync::mpsc::UnboundedSender;

use super::*;
use crate::backup::Keeper;
use crate::clock::Clock;
use crate::config::Config;
use crate::deploy::Parts;
use crate::deploy::data::Data;
use crate::house::health::Verdict;
use crate::journal::Journal;
use crate::router::GateRouter;
use crate::router::gate::{Gate, GateConfig};
use crate::runtime::{Launch, Preparation, Runtime};

/// One process that listens, and answers once it was restarted.
struct Hanging {
    at: SocketAddr,
    pid: AtomicU32,
    restarts: AtomicU32,
    answers: AtomicBool,
}

impl Hanging {
    async fn listen() -> Arc<Hanging> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let process = Arc::new(Hanging {
            at: listener.local_addr().unwrap(),
            pid: AtomicU32::new(1),
            restarts: AtomicU32::default(),
            answers: AtomicBool::default(),
        });
        let own = process.clone();
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            loop {
                let mut stream = listener.accept().await.unwrap().0;
                if own.answers.load(Ordering::Relaxed) {
                    let _ = stream.read(&mut [0; 1024]).await.unwrap();
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                }
                waiting.push(stream);
            }
        });
        process
    }

    fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Runtime for Hanging {
    async fn adopt(&self) -> anyhow::Result<()> {
        Ok(())
    }

    async fn start(&self, colour: Colour, _: &Launch) -> anyhow::Result<()> {
        anyhow::bail!("{colour} runs already")
    }

    async fn stop(&self, _: Colour) -> anyhow::Result<()> {
        Ok(())
    }

    async fn restart(&self, _: Colour, _: &Launch) -> anyhow::Result<()> {
        self.pid.fetch_add(1, Ordering::Relaxed);
        self.restarts.fetch_add(1, Ordering::Relaxed);
        self.answers.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn leave(&self, _: Colour) -> anyhow::Result<()> {
        Ok(())
    }

    async fn prepare(&self, _: &Preparation, _: UnboundedSender<String>) -> anyhow::Result<()> {
        Ok(())
    }

    async fn state(&self, _: Colour) -> ColourState {
        ColourState::Running {
            pid: self.pid.load(Ordering::Relaxed),
            release: "v1".parse().unwrap(),
            since: Timestamp::UNIX_EPOCH,
            memory_bytes: None,
        }
    }

    async fn owns_its_port(&self, _: Colour) -> Option<bool> {
        None
    }

    async fn last_lines(&self, _: Colour, _: usize) -> String {
        String::new()
    }

    fn exits(&self) -> broadcast::Receiver<Exit> {
        broadcast::channel(1).1
    }

    fn address(&self, _: Colour) -> SocketAddr {
        self.at
    }
}

/// An app whose live colour is that process.
fn app_of(process: &Arc<Hanging>, dir: &std::path::Path) -> Arc<App> {
    let at = dir.display();
    std::fs::create_dir_all(dir.join("releases/v1")).unwrap();
    std::os::unix::fs::symlink("v1", dir.join("releases/blue")).unwrap();
    let source = format!(
        "[[app]]\nname = \"home\"\ndatabase = \"{at}/data/home.sqlite\"\nreleases = \"{at}/releases\"\n\
         [app.runtime]\ncommand = [\"true\"]\n[app.health]\nwithin = \"5s\"\ntimeout = \"100ms\"\n"
    );
    let config = Config::parse(&source, false).unwrap().apps.remove(0);
    let journal = Journal::open(dir).unwrap();
    let gate = Gate::new(GateConfig::new(process.at, process.at), Colour::Blue);
    let stop = tokio_util::sync::CancellationToken::new();
    let app = App::new(Parts {
        data: Data::new(
            config.name.clone(),
            Keeper::new(&config.database, &dir.join("backups")),
            Clock::new(None),
            journal.clone(),
            Duration::from_secs(60),
            stop.clone(),
        ),
        config,
        journal,
        runtime: process.clone(),
        router: Arc::new(GateRouter::new(
            gate,
            dir.join("active-color"),
            process.at,
            Duration::from_secs(30),
        )),
        folder: dir.to_owned(),
        tasks: tokio_util::task::TaskTracker::new(),
        stop,
    });
    app.control.end_rest();
    app
}

#[tokio::test]
async fn a_process_that_gives_no_answer_for_long_is_restarted_and_a_new_one_begins_anew() {
    const PATIENCE: Duration = Duration::from_millis(200);
    let dir = tempfile::tempdir().unwrap();
    let process = Hanging::listen().await;
    let app = app_of(&process, dir.path());
    let mut silent = None;
    assert!(!mend(&app, &mut silent, PATIENCE).await);
    assert_eq!(silent.map(|silence| silence.pid), Some(1));
    tokio::time::sleep(PATIENCE).await;
    process.pid.store(2, Ordering::Relaxed);
    assert!(!mend(&app, &mut silent, PATIENCE).await);
    assert_eq!(
        (silent.map(|silence| silence.pid), process.restarts()),
        (Some(2), 0),
        "it has only just begun to be silent"
    );
    tokio::time::sleep(PATIENCE).await;
    assert!(mend(&app, &mut silent, PATIENCE).await);
    assert_eq!((silent, process.restarts()), (None, 1));
    let said = app.journal.events(None, None, 10).await.unwrap();
    let said: Vec<&str> = said.iter().map(|event| event.text.as_str()).collect();
    let hangs = "The live colour blue (v1) runs and gave no answer within 100ms, for 0.2 s now; it is being started again.";
    assert!(said.contains(&hangs), "{said:?}");
    // It answers now.
    assert!(!mend(&app, &mut silent, PATIENCE).await);
    assert_eq!((silent, process.restarts()), (None, 1));
}

#[test]
fn nobody_hangs_before_a_minute_or_two_starts_have_passed() {
    for (within, expected) in [(1, 60), (30, 60), (31, 62), (3600, 7200)] {
        assert_eq!(
            patience(Duration::from_secs(within)),
            Duration::from_secs(expected)
        );
    }
}

#[test]
fn only_what_was_heard_of_a_process_counts_as_its_silence() {
    let began = Instant::now();
    let at = |second: u64| began + Duration::from_secs(second);
    let silence = || Err(NoAnswer::Silence("refused the connection".to_owned()));
    let unknown = || Err(NoAnswer::Unknown("too many open files".to_owned()));
    let one = (Colour::Blue, 1);

    let first = Silence::after(None, one, &silence(), at(0));
    let second = Silence::after(first, one, &silence(), at(5));
    assert_eq!(second.unwrap().since, at(0));
    // An answer, another process and the other colour end it.
    assert_eq!(Silence::after(second, one, &Ok(()), at(10)), None);
    for other in [(Colour::Blue, 2), (Colour::Green, 1)] {
        let began_anew = Silence::after(second, other, &silence(), at(10));
        assert_eq!(began_anew.unwrap().since, at(10));
        assert_eq!(Silence::after(second, other, &unknown(), at(10)), None);
    }
    // What could not be asked neither begins it, nor makes it longer.
    assert_eq!(Silence::after(None, one, &unknown(), at(0)), None);
    let not_known = Silence::after(second, one, &unknown(), at(65));
    let goes_on = Silence::after(not_known, one, &silence(), at(70)).unwrap();
    assert_eq!(at(70) - goes_on.since, Duration::from_secs(10));
}

#[tokio::test]
async fn what_the_live_colour_answers_is_known_to_whoever_asks_how_the_app_does() {
    let dir = tempfile::tempdir().unwrap();
    let process = Hanging::listen().await;
    let app = app_of(&process, dir.path());
    let mut silent = None;
    for answers in [false, true] {
        process.answers.store(answers, Ordering::Relaxed);
        let expected = match answers {
            true => Verdict::Well,
            false => Verdict::Silent {
                wrong: "gave no answer within 100ms".to_owned(),
            },
        };
        // On a busy machine it may take longer than that to answer.
        loop {
            assert!(!mend(&app, &mut silent, MIN_PATIENCE).await);
            let health = app.observations().await.unwrap().health.unwrap();
            assert_eq!(
                (health.colour, health.release.as_str()),
                (Colour::Blue, "v1")
            );
            if health.verdict == expected {
                break;
            }
            assert!(answers, "{health:?}");
        }
    }
}
