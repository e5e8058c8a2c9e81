//! The sources over real sockets and processes: the gate, an app that answers, processes that are killed.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::sync::mpsc::UnboundedSender;

use super::*;
use crate::config::ProcessConfig;
use crate::house::health::Verdict;
use crate::journal::traffic::DayTraffic;
use crate::probe;
use crate::router::GateRouter;
use crate::router::gate::{Gate, GateConfig};
use crate::runtime::process::ProcessRuntime;
use crate::runtime::{Launch, Preparation};

/// Far longer than anything here takes; only a test that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(60);

/// An app that answers every request with the status that it is told, and its body with words.
struct Site {
    at: SocketAddr,
    status: Arc<AtomicU16>,
}

impl Site {
    async fn start(status: u16) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let status = Arc::new(AtomicU16::new(status));
        let told = status.clone();
        let app = axum::Router::new().fallback(move || async move {
            let status = http::StatusCode::from_u16(told.load(Ordering::SeqCst)).unwrap();
            (status, "no such table: todo")
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Site { at, status }
    }

    fn answer_from_now(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

/// A gate that carries requests to one address, which plays both colours.
async fn gate_to(app: SocketAddr, folder: &Path) -> (SocketAddr, Arc<GateRouter>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let gate = Gate::new(GateConfig::new(app, app), Colour::Blue);
    let live_file = folder.join("active-color");
    let router = GateRouter::new(gate.clone(), live_file, at, Duration::from_secs(30));
    tokio::spawn(async move { gate.serve(listener, CancellationToken::new()).await });
    (at, Arc::new(router))
}

/// A visitor's request.
async fn visit(at: SocketAddr) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("no such table"), "{answer}");
}

/// Colours of which nothing runs but what the test says.
struct Colours {
    at: SocketAddr,
    state: Mutex<ColourState>,
    exits: broadcast::Sender<Exit>,
}

impl Colours {
    fn running_at(at: SocketAddr) -> Arc<Colours> {
        Arc::new(Colours {
            at,
            state: Mutex::new(running()),
            exits: broadcast::channel(64).0,
        })
    }

    fn end(&self, colour: Colour, intended: bool) {
        let how = "was killed by SIGKILL".to_owned();
        *self.state.lock().unwrap() = ColourState::Ended { how: how.clone() };
        let exit = Exit {
            colour,
            how,
            intended,
            times: 1,
            at: Instant::now(),
        };
        self.exits.send(exit).unwrap();
    }
}

fn running() -> ColourState {
    ColourState::Running {
        pid: 1,
        release: "v1".parse().unwrap(),
        since: Timestamp::UNIX_EPOCH,
        memory_bytes: None,
    }
}

#[async_trait]
impl Runtime for Colours {
    async fn adopt(&self) -> anyhow::Result<()> {
        Ok(())
    }

    async fn start(&self, _: Colour, _: &Launch) -> anyhow::Result<()> {
        *self.state.lock().unwrap() = running();
        Ok(())
    }

    async fn stop(&self, _: Colour) -> anyhow::Result<()> {
        *self.state.lock().unwrap() = ColourState::Stopped;
        Ok(())
    }

    async fn leave(&self, colour: Colour) -> anyhow::Result<()> {
        self.stop(colour).await
    }

    async fn prepare(&self, _: &Preparation, _: UnboundedSender<String>) -> anyhow::Result<()> {
        Ok(())
    }

    async fn state(&self, _: Colour) -> ColourState {
        self.state.lock().unwrap().clone()
    }

    async fn owns_its_port(&self, _: Colour) -> Option<bool> {
        None
    }

    async fn last_lines(&self, _: Colour, _: usize) -> String {
        String::new()
    }

    fn exits(&self) -> broadcast::Receiver<Exit> {
        self.exits.subscribe()
    }

    fn address(&self, _: Colour) -> SocketAddr {
        self.at
    }
}

/// What is observed of an app, while it is watched.
struct Watched {
    observed: Arc<Observed>,
    router: Arc<dyn Router>,
    clock: Clock,
    _stop: tokio_util::sync::DropGuard,
}

impl Watched {
    fn start(router: Arc<dyn Router>, runtime: Arc<dyn Runtime>) -> Watched {
        let (observed, stop) = (Arc::<Observed>::default(), CancellationToken::new());
        let clock = Clock::new(None);
        let exits = runtime.exits();
        let sources = Sources {
            router: router.clone(),
            runtime,
            health: HealthConfig {
                path: "/healthz".to_owned(),
                host: None,
                forwarded_proto: "http",
                within: PATIENCE,
                timeout: PATIENCE,
            },
            clock: clock.clone(),
        };
        tokio::spawn(watch(observed.clone(), sources, exits, stop.clone()));
        Watched {
            observed,
            router,
            clock,
            _stop: stop.drop_guard(),
        }
    }

    async fn now(&self) -> Observations {
        let live = self.router.live().await.unwrap();
        self.observed.now(live, &*self.router, &self.clock).await
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Observations) -> bool) -> Observations {
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let now = self.now().await;
                if is_so(&now) {
                    return now;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        match waited.await {
            Ok(found) => found,
            Err(_) => panic!("it never came to be that {what}: {:?}", self.now().await),
        }
    }

    async fn swap(&self, to: Colour) {
        self.router.swap(to).await.unwrap();
        self.observed.begin(to, &*self.router, &self.clock).await;
    }
}

#[tokio::test]
async fn what_users_get_is_counted_and_what_tealkeep_asks_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(200).await;
    let (at, router) = gate_to(site.at, dir.path()).await;
    let watched = Watched::start(router, Colours::running_at(site.at));
    for _ in 0..3 {
        visit(at).await;
    }
    site.answer_from_now(500);
    for _ in 0..2 {
        visit(at).await;
    }
    let asked = probe::ask(at, "/healthz", PATIENCE).await.unwrap();
    assert_eq!(asked.status, 500);
    let found = watched.now().await;
    let expected = Answers {
        requests: 5,
        errors: 2,
        unanswered: 0,
    };
    assert_eq!(found.last_day, Some(expected));
    let recent = found.recent.unwrap();
    assert_eq!(
        (recent.answers, recent.failed_share()),
        (expected, Some(0.4))
    );

    watched.swap(Colour::Green).await;
    visit(at).await;
    let recent = watched.now().await.recent.unwrap();
    assert_eq!((recent.answers.requests, recent.answers.errors), (1, 1));
    // Back on blue, which begins anew as well.
    watched.swap(Colour::Blue).await;
    let found = watched.now().await;
    assert_eq!(found.recent.unwrap().failed_share(), None);
    assert_eq!(found.last_day.unwrap().requests, 6);
}

#[tokio::test]
async fn the_totals_of_a_date_are_written_once_and_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(500).await;
    let (at, router) = gate_to(site.at, dir.path()).await;
    let watched = Watched::start(router, Colours::running_at(site.at));
    let journal = Journal::open(dir.path()).unwrap();
    let home: AppName = "home".parse().unwrap();
    let mut total = 0;
    for visits in [2, 0, 1] {
        for _ in 0..visits {
            visit(at).await;
        }
        total += visits;
        watched.now().await;
        watched.observed.write_days(&home, &journal).await.unwrap();
        let (first, last) = (jiff::civil::Date::MIN, jiff::civil::date(9999, 12, 31));
        let written = journal.traffic(home.clone(), first, last).await.unwrap();
        // Midnight may come in between.
        let sum = |of: fn(&DayTraffic) -> u64| written.iter().map(of).sum::<u64>();
        assert_eq!(
            (sum(|day| day.requests), sum(|day| day.errors)),
            (total, total)
        );
    }
}

#[tokio::test]
async fn a_router_that_does_not_count_is_unknown_and_not_well() {
    let observed = Observed::default();
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(200).await;
    let section = crate::config::Config::parse(
        "[[app]]\nname = \"home\"\ndatabase = \"/d.sqlite\"\nreleases = \"/r\"\n\
         [app.runtime]\ncommand = [\"true\"]\n[app.router]\nkind = \"caddy\"\n",
        false,
    );
    let crate::config::RouterConfig::Caddy(section) = section.unwrap().apps.remove(0).router else {
        unreachable!("it says caddy");
    };
    let gate = Gate::new(GateConfig::new(site.at, site.at), Colour::Blue);
    let router =
        crate::router::caddy::CaddyRouter::new(gate, section, dir.path(), [site.at, site.at], None);
    let found = observed.now(Colour::Blue, &router, &Clock::new(None)).await;
    assert_eq!((found.recent, found.last_day), (None, None));
    let why = "the configuration says `count_requests = false`";
    assert_eq!(found.uncounted.as_deref(), Some(why));
}

#[tokio::test]
async fn each_unexpected_end_of_the_live_colour_counts_also_when_it_runs_again_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(200).await;
    let (_, router) = gate_to(site.at, dir.path()).await;
    let runtime = Arc::new(ProcessRuntime::new(
        ProcessConfig {
            command: ["sleep", "300"].map(str::to_owned).to_vec(),
            // Nobody listens on a port that needs a capability here.
            blue_port: 1,
            green_port: 2,
            stop_timeout: Duration::from_secs(5),
            port_variable: "PORT".to_owned(),
            database_variable: "DATABASE_PATH".to_owned(),
            env: std::collections::BTreeMap::new(),
        },
        dir.path().join("d.sqlite"),
        dir.path().to_owned(),
    ));
    let watched = Watched::start(router, runtime.clone());
    let launch = Launch {
        release: "v1".parse().unwrap(),
        directory: dir.path().to_owned(),
        live_file: dir.path().join("blue/live"),
    };
    for kills in 1..=20 {
        runtime.start(Colour::Blue, &launch).await.unwrap();
        let ColourState::Running { pid, .. } = runtime.state(Colour::Blue).await else {
            panic!("it does not run");
        };
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let found = watched
            .until("it was counted", |now| now.crashes.count >= kills)
            .await;
        assert_eq!(found.crashes.count, kills);
        let newest = found.crashes.newest.unwrap();
        assert_eq!(newest.how, "was killed by SIGKILL");
    }
    // One that is stopped on purpose is no crash, nor is one of the colour that is not live.
    runtime.start(Colour::Blue, &launch).await.unwrap();
    runtime.stop(Colour::Blue).await.unwrap();
    watched.swap(Colour::Green).await;
    assert_eq!(watched.now().await.crashes, Crashes::default());
}

#[tokio::test]
async fn only_ends_of_the_live_colour_that_nobody_asked_for_are_crashes() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(200).await;
    let (_, router) = gate_to(site.at, dir.path()).await;
    let colours = Colours::running_at(site.at);
    let watched = Watched::start(router, colours.clone());
    colours.end(Colour::Green, false);
    colours.end(Colour::Blue, true);
    colours.end(Colour::Blue, false);
    let found = watched
        .until("one was counted", |now| now.crashes.count > 0)
        .await;
    assert_eq!(found.crashes.count, 1);
}

#[tokio::test]
async fn the_live_colour_is_asked_at_once_and_what_it_answers_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let site = Site::start(200).await;
    let (_, router) = gate_to(site.at, dir.path()).await;
    let colours = Colours::running_at(site.at);
    let watched = Watched::start(router, colours.clone());
    assert_eq!(watched.now().await.health, None);
    let verdict = |now: &Observations| now.health.as_ref().map(|health| health.verdict.clone());
    watched.observed.ask_soon();
    let is_well = |now: &Observations| verdict(now) == Some(Verdict::Well);
    watched.until("it is well", is_well).await;

    // A restore put data back that the release can't read.
    site.answer_from_now(500);
    watched.observed.ask_soon();
    let found = watched.until("it is not", |now| !is_well(now)).await;
    let expected = Verdict::Badly {
        status: 500,
        excerpt: "no such table: todo".to_owned(),
        wrong: "answered 500: no such table: todo".to_owned(),
    };
    assert_eq!(verdict(&found), Some(expected));

    // It crashes: that it is down is known without asking it.
    colours.end(Colour::Blue, false);
    let expected = Verdict::Silent {
        wrong: "was killed by SIGKILL".to_owned(),
    };
    watched
        .until("it is down", |now| verdict(now) == Some(expected.clone()))
        .await;

    // A swap asks the colour that is live then.
    site.answer_from_now(200);
    *colours.state.lock().unwrap() = running();
    watched.swap(Colour::Green).await;
    let found = watched.until("it is well", is_well).await;
    assert_eq!(
        found.health.map(|health| health.colour),
        Some(Colour::Green)
    );
}
