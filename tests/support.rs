//! A house for tests: a demo of its own, as a real process, with free ports in a temporary folder.

pub mod backups;
pub mod browser;
pub mod content;
pub mod load;
pub mod pair;
pub mod pi;
pub mod random;
pub mod sshd;
pub mod visitor;
mod wait;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{LazyLock, Mutex};

use serde_json::Value;

pub use wait::{PATIENCE, until, until_blocking, until_it_listens};

/// The program under test.
pub const TEALKEEP: &str = env!("CARGO_BIN_EXE_tealkeep");

/// A running demo, stopped with the test.
pub struct House {
    dir: tempfile::TempDir,
    ports: Ports,
    process: Option<Child>,
    traffic: bool,
    /// The path of the one-time link that the last start printed.
    pub link: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    dashboard: u16,
    app: u16,
    blue: u16,
    green: u16,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// Its exit code; -1 when it was killed.
    pub code: i32,
}

impl Said {
    /// Of a command that has ended.
    pub fn of(output: &Output) -> Said {
        Said {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// It did what was asked.
    #[track_caller]
    pub fn succeeds(self) -> Said {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// It ended with this exit code.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> Said {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }
}

impl House {
    /// A demo without the family.
    pub async fn start() -> House {
        House::start_with(&[]).await
    }

    /// A demo without the family, with environment variables.
    pub async fn start_with(env: &[(&str, &str)]) -> House {
        let mut house = House::prepare(false);
        house.start_again(env).await;
        house
    }

    /// A demo with the family in it.
    pub async fn start_with_family() -> House {
        let mut house = House::prepare(true);
        house.start_again(&[]).await;
        house
    }

    fn prepare(traffic: bool) -> House {
        let ports = Ports {
            dashboard: free_port(),
            app: free_port(),
            blue: free_port(),
            green: free_port(),
        };
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-house-")
            .tempdir()
            .unwrap();
        House {
            dir,
            ports,
            process: None,
            traffic,
            link: None,
        }
    }

    /// Starts the server, which must not run, and waits until it says that it is up. With a
    /// `TEALKEEP_KILL_AT` among `env` that its start reaches, it may die before.
    pub async fn start_again(&mut self, env: &[(&str, &str)]) {
        assert!(self.process.is_none(), "the server already runs");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder().join("server.log"))
            .unwrap();
        let mut command = Command::new(TEALKEEP);
        command.arg("demo").arg("--folder").arg(self.folder());
        for (option, port) in [
            ("--port", self.ports.dashboard),
            ("--app-port", self.ports.app),
            ("--blue-port", self.ports.blue),
            ("--green-port", self.ports.green),
        ] {
            command.arg(option).arg(port.to_string());
        }
        if !self.traffic {
            command.arg("--no-traffic");
        }
        let mut child = command
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        self.process = Some(child);
        let (tell, told) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut lines = Vec::new();
            let mut reader = BufReader::new(stdout).lines().map_while(Result::ok);
            for line in reader.by_ref() {
                let is_last = line.starts_with("Ctrl-C stops it");
                lines.push(line);
                if is_last {
                    break;
                }
            }
            let _ = tell.send(lines);
            reader.for_each(drop);
        });
        let lines = tokio::time::timeout(PATIENCE, told)
            .await
            .expect("the demo said nothing")
            .unwrap();
        self.link = lines.iter().find_map(|line| {
            Some(format!(
                "/welcome/{}",
                line.split_once("/welcome/")?.1.trim()
            ))
        });
    }

    /// The demo's folder.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.folder().join("control.sock")
    }

    /// The app's live database.
    pub fn database(&self) -> PathBuf {
        self.folder().join("data/home.sqlite")
    }

    /// The backups folder.
    pub fn backups(&self) -> PathBuf {
        self.folder().join("backups/home")
    }

    /// Where the household's requests go.
    pub fn app(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.app))
    }

    /// Where the dashboard is.
    pub fn dashboard(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.dashboard))
    }

    /// Where a colour listens.
    pub fn colour(&self, colour: &str) -> SocketAddr {
        SocketAddr::from((
            [127, 0, 0, 1],
            if colour == "blue" {
                self.ports.blue
            } else {
                self.ports.green
            },
        ))
    }

    /// Runs a verb against this house, and waits for its end.
    pub fn tealkeep<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Said {
        let output = Command::new(TEALKEEP)
            .env("TEALKEEP_SOCKET", self.socket())
            .args(arguments)
            .output()
            .unwrap();
        Said::of(&output)
    }

    /// Begins a verb against this house, and does not wait.
    pub fn begin<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Child {
        Command::new(TEALKEEP)
            .env("TEALKEEP_SOCKET", self.socket())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits for the end of a verb that was begun.
    pub async fn ended(&self, verb: Child) -> Said {
        let ended = tokio::task::spawn_blocking(move || verb.wait_with_output());
        let output = tokio::time::timeout(PATIENCE, ended).await;
        Said::of(&output.expect("it goes on").unwrap().unwrap())
    }

    /// What `tealkeep status --json` says.
    pub async fn status(&self) -> Value {
        self.tealkeep(["status", "--json"]).succeeds().json()
    }

    /// Asks the API over the unix socket.
    pub async fn get(&self, path: &str) -> Value {
        let client = reqwest::Client::builder()
            .unix_socket(self.socket())
            .build()
            .unwrap();
        client
            .get(format!("http://tealkeep{path}"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// What happened, newest first, as sentences.
    pub async fn journal(&self) -> Vec<String> {
        let events = self.get("/api/v1/journal?limit=200").await;
        events
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits until the status is as wanted.
    #[track_caller]
    pub fn until<F: Fn(&Value) -> bool>(&self, wanted: F) -> impl Future<Output = Value> {
        until("the status is as wanted", async move || {
            let said = self.tealkeep(["status", "--json"]);
            match said.code == 0 && wanted(&said.json()) {
                true => Ok(said.json()),
                false => Err(said),
            }
        })
    }

    /// Waits until the journal has a sentence with these words in it.
    #[track_caller]
    pub fn until_told(&self, words: &str) -> impl Future<Output = ()> {
        until(format!("the journal says {words:?}"), async move || {
            let journal = self.journal().await;
            let is_told = journal.iter().any(|text| text.contains(words));
            is_told.then_some(()).ok_or(journal)
        })
    }

    /// Waits until a thread waits at a fault point, as `TEALKEEP_WAIT_AT` says it by this file.
    #[track_caller]
    pub fn until_waits(&self, file: &Path) -> impl Future<Output = ()> {
        until(
            "a thread waits at the fault point",
            async move || match file.exists() {
                true => Ok(()),
                false => Err(self.journal().await),
            },
        )
    }

    /// Waits until no run is under way.
    pub async fn until_quiet(&self) -> Value {
        self.until(|status| status["apps"][0]["run"].is_null())
            .await
    }

    /// Kills the server with SIGKILL, as a power cut would; its colours go on.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Waits until the server has died by itself, of a `TEALKEEP_KILL_AT`.
    pub async fn until_dead(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        let ended = tokio::task::spawn_blocking(move || process.wait());
        tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("the server goes on")
            .unwrap()
            .unwrap();
    }

    /// Stops the server with SIGTERM and waits for its end.
    pub async fn stop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let ended = tokio::task::spawn_blocking(move || process.wait());
        let status = tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("the server does not stop")
            .unwrap()
            .unwrap();
        assert!(status.success(), "the server ended with {status}");
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder().join("server.log")).unwrap_or_default();
            eprintln!("--- the server's log ---\n{log}");
        }
        for pid in colours_of(self.folder()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Pretends that the Tealkeep with this state was installed at another instant. It must not run.
pub fn set_installed_at(state: &Path, at: jiff::Timestamp) {
    let journal = rusqlite::Connection::open(state.join("journal.db")).unwrap();
    let update = "UPDATE setting SET value = ?1 WHERE key = 'installed-at'";
    assert_eq!(journal.execute(update, [at.to_string()]).unwrap(), 1);
}

/// The processes of the colours whose database lies in a folder: they outlive a killed server.
pub fn colours_of(folder: &Path) -> Vec<rustix::process::Pid> {
    let told = format!("DATABASE_PATH={}", folder.display());
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let colours = processes.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        String::from_utf8_lossy(&environment)
            .contains(&told)
            .then(|| rustix::process::Pid::from_raw(pid))?
    });
    colours.collect()
}

/// Waits until nothing of a process that was killed runs any more.
pub async fn until_gone(pid: i32) {
    until(format!("process {pid} is gone"), async || {
        // The state stands after the name in parentheses (proc_pid_stat(5)). The first thread is a zombie while
        // others may still be ending, and the last one to end closes the listener.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
        let state = stat.rsplit(") ").next().unwrap_or_default();
        let is_gone = threads <= 1 && (state.is_empty() || state.starts_with(['Z', 'X']));
        is_gone.then_some(()).ok_or(stat)
    })
    .await;
}

/// A port that nobody uses and that the system does not hand out by itself (those begin at 32768), never
/// the same one twice in this process.
pub fn free_port() -> u16 {
    static TAKEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    let mut taken = TAKEN.lock().unwrap();
    loop {
        let mut bytes = [0_u8; 2];
        getrandom::fill(&mut bytes).unwrap();
        let port = 10_000 + u16::from_ne_bytes(bytes) % 20_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() && taken.insert(port) {
            return port;
        }
    }
}
