//! `tealkeep serve` as a household has it: a configuration file, two apps, real processes and ports.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tealkeep::demo::releases::write_all;

use crate::support::{
    Said, TEALKEEP, colours_of, free_port, set_installed_at, until, until_blocking,
};

const APPS: [&str; 2] = ["home", "garden"];

/// A server with two apps, in a folder of its own; stopped with the test.
struct Server {
    dir: tempfile::TempDir,
    dashboard: u16,
    /// Of each app: its own, blue's and green's.
    ports: [[u16; 3]; 2],
    /// Further lines of each `[app.runtime]`.
    more: &'static str,
    /// Variables of the server's environment.
    env: Vec<(&'static str, String)>,
    process: Option<Child>,
}

impl Server {
    /// Everything that must exist before the first start, and nothing else: empty databases, releases that
    /// no colour stands on.
    fn prepare() -> Server {
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-serve-")
            .tempdir()
            .unwrap();
        fs::create_dir(dir.path().join("state")).unwrap();
        for app in APPS {
            for below in ["data", "releases", "backups"] {
                fs::create_dir_all(dir.path().join(app).join(below)).unwrap();
            }
            fs::write(dir.path().join(app).join("data/app.sqlite"), "").unwrap();
            write_all(&dir.path().join(app).join("releases")).unwrap();
        }
        let ports = [0, 1].map(|_| [free_port(), free_port(), free_port()]);
        Server {
            dir,
            dashboard: free_port(),
            ports,
            more: "",
            env: Vec::new(),
            process: None,
        }
    }

    fn folder(&self) -> &Path {
        self.dir.path()
    }

    fn of(&self, app: &str) -> PathBuf {
        self.folder().join(app)
    }

    fn socket(&self) -> PathBuf {
        self.folder().join("control.sock")
    }

    fn configuration(&self) -> String {
        let folder = self.folder().display();
        let mut text = format!(
            "zone = \"Europe/Berlin\"\nstate = \"{folder}/state\"\nsocket = \"{folder}/control.sock\"\n\
             [dashboard]\nlisten = \"127.0.0.1:{}\"\n",
            self.dashboard
        );
        let more = self.more;
        for (app, [own, blue, green]) in APPS.iter().zip(self.ports) {
            text += &format!(
                "[[app]]\nname = \"{app}\"\ndatabase = \"{folder}/{app}/data/app.sqlite\"\n\
                 releases = \"{folder}/{app}/releases\"\nbackups = \"{folder}/{app}/backups\"\n\
                 [app.runtime]\ncommand = [\"{TEALKEEP}\", \"home-app\"]\nblue_port = {blue}\ngreen_port = {green}\n{more}\
                 [app.router]\nlisten = \"127.0.0.1:{own}\"\n[app.deploy]\nkeep_releases = 20\n"
            );
        }
        text
    }

    fn command(&self) -> Command {
        let file = self.folder().join("tealkeep.toml");
        fs::write(&file, self.configuration()).unwrap();
        let mut command = Command::new(TEALKEEP);
        command
            .arg("serve")
            .arg("--config")
            .arg(file)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts it, and waits until it answers on its socket.
    fn start(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder().join("server.log"))
            .unwrap();
        let out = File::create(self.folder().join("server.out")).unwrap();
        self.process = Some(self.command().stdout(out).stderr(log).spawn().unwrap());
        until_blocking("the server answers", || {
            self.tealkeep(&["status"]).code == 0
        });
    }

    /// Starts it although it can't, and waits for its end.
    fn refuses_to_start(&self) -> Said {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        until_blocking("it ends", || child.try_wait().unwrap());
        Said::of(&child.wait_with_output().unwrap())
    }

    fn tealkeep(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(TEALKEEP);
        Said::of(
            &command
                .env("TEALKEEP_SOCKET", self.socket())
                .args(arguments)
                .output()
                .unwrap(),
        )
    }

    fn status(&self) -> Value {
        self.tealkeep(&["status", "--json"]).succeeds().json()
    }

    /// How many nights of an app gave a snapshot.
    fn nights(&self, app: &str) -> usize {
        let listed = self.tealkeep(&["snapshots", app, "--json"]).succeeds();
        let listed = listed.json();
        let snapshots = listed["snapshots"].as_array().unwrap().iter();
        snapshots
            .filter(|snapshot| snapshot["reason"] == "nightly")
            .count()
    }

    fn app(&self, index: usize) -> Value {
        self.status()["apps"][index].clone()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder().join("server.log")).unwrap_or_default()
    }

    /// The release that the app's own port answers with.
    async fn answers(&self, index: usize) -> Option<String> {
        let url = format!("http://127.0.0.1:{}/healthz", self.ports[index][0]);
        let response = reqwest::get(url).await.ok()?;
        Some(
            response
                .headers()
                .get("tealkeep-release")?
                .to_str()
                .unwrap()
                .to_owned(),
        )
    }

    /// SIGTERM, and its end.
    fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        until_blocking("the server ends", || process.try_wait().unwrap());
        assert!(process.wait().unwrap().success(), "{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        for pid in colours_of(self.folder()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}", self.log());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_new_apps_come_up_from_nothing_and_go_their_own_ways() {
    let mut server = Server::prepare();
    server.start();

    // Nothing is deployed: it says what to do, and the household gets an answer.
    let fresh = server.tealkeep(&["status"]).succeeds();
    for app in APPS {
        let wanted = format!(
            "{app}: nothing is deployed yet; `tealkeep deploy {app} DIRECTORY` deploys a release"
        );
        assert!(fresh.stdout.contains(&wanted), "{}", fresh.stdout);
    }
    for index in [0, 1] {
        let app = server.app(index);
        assert_eq!(app["name"], APPS[index]);
        assert!(
            app["release"].is_null() && app["snapshot"].is_null(),
            "{app}"
        );
    }
    let url = format!("http://127.0.0.1:{}/", server.ports[0][0]);
    let response = reqwest::get(url).await.unwrap();
    assert!(response.status().is_server_error(), "{response:?}");
    server.tealkeep(&["rollback", "home"]).fails_with(1);

    // The first deploy needs nothing from before.
    server.tealkeep(&["deploy", "home", "v1"]).succeeds();
    let (home, garden) = (server.app(0), server.app(1));
    assert_eq!(home["release"], "v1");
    assert_eq!(home["snapshot"]["reason"], "before-deploy");
    assert!(garden["release"].is_null(), "{garden}");
    assert_eq!(server.answers(0).await.as_deref(), Some("v1"));
    assert_eq!(server.answers(1).await, None);

    // The second app, and then a deploy of the first that leaves the second as it is.
    server.tealkeep(&["deploy", "garden", "v1"]).succeeds();
    server.tealkeep(&["backup", "garden"]).succeeds();
    let before = server.app(1);
    server.tealkeep(&["deploy", "home", "v2"]).succeeds();
    let (home, after) = (server.app(0), server.app(1));
    assert_eq!(home["release"], "v2");
    for same in ["release", "live", "snapshot"] {
        assert_eq!(after[same], before[same]);
    }
    let process = |app: &Value| app["colours"][app["live"].as_str().unwrap()]["pid"].clone();
    assert!(process(&before).is_u64(), "{before}");
    assert_eq!(process(&after), process(&before));
    assert_eq!(server.answers(0).await.as_deref(), Some("v2"));
    assert_eq!(server.answers(1).await.as_deref(), Some("v1"));
    assert_eq!(
        fs::read_dir(server.of("garden").join("backups/snapshots"))
            .unwrap()
            .count(),
        4
    );

    // Where an app must be named, both are offered.
    for verb in ["backup", "snapshots", "rollback", "undo"] {
        let said = server.tealkeep(&[verb]).fails_with(2);
        assert!(
            said.stderr.contains("home, garden"),
            "{verb}: {}",
            said.stderr
        );
    }
    let said = server.tealkeep(&["backup", "kitchen"]).fails_with(2);
    assert!(said.stderr.contains("kitchen"), "{}", said.stderr);

    // The rollback of one is not the other's.
    server.tealkeep(&["rollback", "home"]).succeeds();
    assert_eq!(server.answers(0).await.as_deref(), Some("v1"));
    server.tealkeep(&["rollback", "garden"]).fails_with(1);
    assert_eq!(server.answers(1).await.as_deref(), Some("v1"));
}

#[test]
fn the_night_of_one_app_never_waits_for_anothers() {
    let mut server = Server::prepare();
    for app in APPS {
        let database = server.of(app).join("data/app.sqlite");
        let database = rusqlite::Connection::open(database).unwrap();
        let content = "CREATE TABLE chore(name TEXT); INSERT INTO chore VALUES ('dishes')";
        database.execute_batch(content).unwrap();
    }
    server.start();
    server.stop();
    let three_days_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(72);
    set_installed_at(&server.folder().join("state"), three_days_ago);

    // Both are due now. The snapshot that gets there first stands still in the middle of its pages.
    let slow = server.folder().join("slow");
    server.env = vec![(
        "TEALKEEP_WAIT_AT",
        format!("snapshot.pages={}", slow.display()),
    )];
    server.start();
    until_blocking("a snapshot waits", || slow.exists());
    until_blocking("one of them has its night", || {
        APPS.iter().any(|app| server.nights(app) == 1)
    });
    assert_eq!(APPS.map(|app| server.nights(app)).iter().sum::<usize>(), 1);
    fs::remove_file(&slow).unwrap();
    until_blocking("both have their night", || {
        APPS.iter().all(|app| server.nights(app) == 1)
    });
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_backups_folder_has_a_copy_of_the_configuration_without_its_secrets() {
    let mut server = Server::prepare();
    server.more = "env = { TOKEN = \"hunter2\" }\n";
    server.start();
    for app in APPS {
        let path = server.of(app).join("backups/tealkeep.toml");
        until_blocking("there is a copy", || path.exists());
        let copy = fs::read_to_string(&path).unwrap();
        assert!(!copy.contains("hunter2"), "{copy}");
        for kept in [
            "name = \"home\"",
            "name = \"garden\"",
            "home-app",
            "TOKEN = \"(removed from this copy)\"",
        ] {
            assert!(copy.contains(kept), "{kept}: {copy}");
        }
    }
    // It goes along with the snapshots, which it does not disturb.
    server.tealkeep(&["backup", "home"]).succeeds();
    server.tealkeep(&["verify", "home"]).succeeds();
    server.stop();
    // It is refused as it is, with each line that has to be written anew.
    let copy = fs::read_to_string(server.of("home").join("backups/tealkeep.toml")).unwrap();
    let config = server.folder().join("copy.toml");
    fs::write(&config, copy).unwrap();
    let said = Command::new(TEALKEEP)
        .arg("serve")
        .arg("--config")
        .arg(&config)
        .output();
    let said = Said::of(&said.unwrap()).fails_with(2);
    assert_eq!(
        said.stderr.matches("was removed from this copy").count(),
        2,
        "{said:#?}"
    );
}

/// Here are no units, no Caddy and no package: advice that needs them would help nobody.
#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_advises_nothing_that_this_machine_does_not_have() {
    let mut server = Server::prepare();
    let doctor = |server: &Server| {
        let file = server.folder().join("tealkeep.toml");
        fs::write(&file, server.configuration()).unwrap();
        let said = server.tealkeep(&["doctor", "--json", "--config", file.to_str().unwrap()]);
        let findings = said.json();
        let findings = findings.as_array().unwrap().clone();
        for finding in &findings {
            let mend = finding["mend"].as_str().unwrap_or_default();
            for useless in [
                "tealkeep units",
                "tealkeep.service",
                "tealkeep-backup",
                "push",
                "caddy",
                "sysusers",
                "tmpfiles",
            ] {
                assert!(!mend.contains(useless), "{finding:#}");
            }
        }
        (said.code, findings)
    };
    // Nothing runs: that is one failure, and what follows from it is none of its own.
    let (code, findings) = doctor(&server);
    let fails: Vec<&Value> = findings
        .iter()
        .filter(|found| found["level"] == "fail")
        .collect();
    let roots = fails
        .iter()
        .filter(|found| found["cause"].is_null())
        .count();
    assert_eq!((code, roots), (1, 1), "{findings:#?}");
    assert_eq!(
        fails.len(),
        3,
        "the gates of both apps follow: {findings:#?}"
    );

    server.start();
    let (code, findings) = doctor(&server);
    assert_eq!(code, 0, "{findings:#?}");

    fs::write(server.of("home").join("data/photo.jpg"), "x").unwrap();
    let (code, findings) = doctor(&server);
    let said = findings
        .iter()
        .find(|found| found["text"].to_string().contains("photo.jpg"));
    assert_eq!(said.unwrap()["level"], "warn");
    assert_eq!(code, 0);
    server.stop();

    // A database that is not there is made in the way of this runtime.
    fs::remove_file(server.of("garden").join("data/app.sqlite")).unwrap();
    let (_, findings) = doctor(&server);
    let missing = findings
        .iter()
        .find(|found| found["check"] == "database" && found["level"] == "fail");
    let mend = missing.unwrap()["mend"].as_str().unwrap();
    assert!(mend.contains("touch "), "{mend}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_everything_and_the_next_start_remembers() {
    let mut server = Server::prepare();
    server.start();
    for app in APPS {
        server.tealkeep(&["deploy", app, "v1"]).succeeds();
    }
    server.tealkeep(&["deploy", "home", "v2"]).succeeds();
    // Two of home's, since the old one is kept warm, and one of garden's.
    assert_eq!(colours_of(server.folder()).len(), 3);

    server.stop();
    assert_eq!(colours_of(server.folder()), []);
    for port in server
        .ports
        .as_flattened()
        .iter()
        .chain([&server.dashboard])
    {
        assert!(
            TcpStream::connect(("127.0.0.1", *port)).is_err(),
            "port {port} still answers"
        );
    }
    assert!(UnixStream::connect(server.socket()).is_err());
    let said = server.tealkeep(&["status"]).fails_with(1);
    assert!(
        said.stderr.contains("no server answers on"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("TEALKEEP_SOCKET"), "{}", said.stderr);

    server.start();
    until("both apps are back", async || {
        let answers = (server.answers(0).await, server.answers(1).await);
        let wanted = (Some("v2".to_owned()), Some("v1".to_owned()));
        (answers == wanted).then_some(()).ok_or(answers)
    })
    .await;
    let journal = journal_of(&server).await;
    let kept = |text: &str| journal.iter().filter(|line| line.contains(text)).count();
    assert_eq!(kept("The deploy of v2 began"), 1, "{journal:#?}");
    assert_eq!(kept("Tealkeep stopped."), 1, "{journal:#?}");
    assert_eq!(
        journal
            .iter()
            .filter(|line| line.starts_with("Tealkeep ") && line.ends_with(" started."))
            .count(),
        2
    );
    // What was live before is what a rollback goes back to.
    server.tealkeep(&["rollback", "home"]).succeeds();
    assert_eq!(server.answers(0).await.as_deref(), Some("v1"));
}

#[test]
fn a_stop_in_the_middle_of_a_start_leaves_nothing_behind() {
    let mut server = Server::prepare();
    server.start();
    for app in APPS {
        server.tealkeep(&["deploy", app, "v1"]).succeeds();
    }
    server.stop();
    let log = File::options()
        .append(true)
        .open(server.folder().join("server.log"))
        .unwrap();
    let process = server.command().stdout(Stdio::null()).stderr(log).spawn();
    server.process = Some(process.unwrap());
    // The first app's colour runs; the second's may or may not be on its way.
    until_blocking("a colour runs", || !colours_of(server.folder()).is_empty());
    server.stop();
    assert_eq!(colours_of(server.folder()), []);
}

async fn journal_of(server: &Server) -> Vec<String> {
    let client = reqwest::Client::builder()
        .unix_socket(server.socket())
        .build()
        .unwrap();
    let response = client
        .get("http://tealkeep/api/v1/journal?limit=200")
        .send()
        .await
        .unwrap();
    let events: Value = response.json().await.unwrap();
    events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["text"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_state_is_refused_and_the_first_goes_on() {
    let mut server = Server::prepare();
    server.start();
    let pid = server.process.as_ref().unwrap().id();
    let said = server.refuses_to_start().fails_with(1);
    let wanted = format!(
        "another Tealkeep (process {pid}) runs on {}/state",
        server.folder().display()
    );
    assert!(said.stderr.contains(&wanted), "{}", said.stderr);
    assert_eq!(server.status()["apps"][0]["name"], "home");
    let journal = journal_of(&server).await;
    assert_eq!(
        journal
            .iter()
            .filter(|line| line.ends_with(" started."))
            .count(),
        1,
        "{journal:#?}"
    );
}

#[test]
fn a_port_that_is_taken_is_refused_with_the_key_to_change() {
    let server = Server::prepare();
    for (port, key) in [
        (server.ports[1][0], "app.garden.router.listen"),
        (server.dashboard, "dashboard.listen"),
    ] {
        let other = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let said = server.refuses_to_start().fails_with(1);
        assert!(said.stderr.contains(key), "{}", said.stderr);
        assert!(said.stderr.contains(&port.to_string()), "{}", said.stderr);
        drop(other);
    }
    assert_eq!(colours_of(server.folder()), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colours_port_that_is_taken_is_told_and_the_other_app_runs() {
    let mut server = Server::prepare();
    server.start();
    server.tealkeep(&["deploy", "garden", "v1"]).succeeds();
    let other = TcpListener::bind(("127.0.0.1", server.ports[0][2])).unwrap();
    let said = server.tealkeep(&["deploy", "home", "v1"]).fails_with(1);
    assert!(
        said.stderr
            .contains(&format!("port {}", server.ports[0][2])),
        "{}",
        said.stderr
    );
    assert_eq!(server.answers(1).await.as_deref(), Some("v1"));
    drop(other);
    server.tealkeep(&["deploy", "home", "v1"]).succeeds();
    assert_eq!(server.answers(0).await.as_deref(), Some("v1"));
}

#[test]
fn the_log_is_plain_lines_with_the_way_in() {
    let mut server = Server::prepare();
    server.start();
    server.tealkeep(&["deploy", "home", "v1"]).succeeds();
    server.stop();
    let log = server.log();
    assert!(!log.contains('\u{1b}'), "{log:?}");
    assert!(
        log.contains(&format!(
            "The dashboard listens on http://127.0.0.1:{}",
            server.dashboard
        )),
        "{log}"
    );
    assert!(
        log.contains(&format!("http://127.0.0.1:{}/welcome/", server.dashboard)),
        "{log}"
    );
    for line in ["started.", "The deploy of v1 began", "Tealkeep stopped."] {
        assert!(log.contains(line), "{log}");
    }
    assert!(!log.contains("ERROR"), "{log}");
    assert!(log.lines().all(|line| line.len() < 400), "{log}");
    assert_eq!(
        fs::read_to_string(server.folder().join("server.out")).unwrap(),
        ""
    );
}
