//! A household behind a Caddy of its own: a real `tealkeep serve` with the `caddy` router, a real Caddy of either
//! version, free ports, all in a temporary folder.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tealkeep::config::{CaddySection, Config, RouterConfig};
use tealkeep::demo::releases::write_all;
use tealkeep::router::caddy::caddyfile;

use crate::support::{PATIENCE, Said, TEALKEEP, colours_of, free_port, until, until_it_listens};

/// Which Caddy.
#[derive(Debug, Clone, Copy)]
pub enum Version {
    /// The one in `PATH`; Debian 12 has 2.6.2.
    Packaged,
    /// 2.11 or later.
    Newest,
}

impl Version {
    fn binary(self) -> PathBuf {
        static NEWEST: LazyLock<PathBuf> = LazyLock::new(|| {
            if let Some(named) = std::env::var_os("TEALKEEP_CADDY_211") {
                return named.into();
            }
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/support/caddy-2.11");
            let said = Said::of(&Command::new(script).output().unwrap());
            assert_eq!(
                said.code, 0,
                "no Caddy 2.11: name one in TEALKEEP_CADDY_211: {said:#?}"
            );
            said.stdout.trim().into()
        });
        match self {
            Version::Packaged => "caddy".into(),
            Version::Newest => NEWEST.clone(),
        }
    }
}

/// The ports of a house.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub app: u16,
    pub blue: u16,
    pub green: u16,
    pub hold: u16,
    pub admin: u16,
    dashboard: u16,
}

/// A household; everything in it ends with the test.
pub struct House {
    dir: tempfile::TempDir,
    pub ports: Ports,
    version: Version,
    /// What the configuration says of how long a restarting colour is waited for: far longer than by default, since
    /// the machine of the tests is busy.
    retry: &'static str,
    /// What the configuration says besides, before its app.
    notify: String,
    server: Option<Child>,
    caddy: Option<Child>,
}

impl House {
    /// One whose first release is live, and whose Caddy runs.
    pub async fn start(version: Version) -> House {
        House::prepare(version).goes_live().await
    }

    /// Its retries are those of a configuration that says nothing of them.
    pub fn with_defaults(mut self) -> House {
        self.retry = "";
        self
    }

    /// It tells a webhook there what is wrong.
    pub fn telling(mut self, webhook: &str) -> House {
        let secret = self.folder().join("secret");
        std::fs::write(&secret, WEBHOOK_SECRET).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&secret, private).unwrap();
        self.notify = format!(
            "[notify]\nwebhook = \"{webhook}\"\nwebhook_secret_file = \"{}\"\ndisk_free = 0\n",
            secret.display()
        );
        self
    }

    /// Caddy and Tealkeep run, and the first release is deployed.
    pub async fn goes_live(mut self) -> House {
        self.start_caddy(|file| file, None);
        self.start_server(&[]).await;
        self.tealkeep(["deploy", "home", "v1"]).succeeds();
        self
    }

    /// Nothing runs yet.
    pub fn prepare(version: Version) -> House {
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-caddy-")
            .tempdir()
            .unwrap();
        for below in ["data", "releases", "backups", "state", "caddy"] {
            std::fs::create_dir(dir.path().join(below)).unwrap();
        }
        std::fs::write(dir.path().join("data/home.sqlite"), "").unwrap();
        write_all(&dir.path().join("releases")).unwrap();
        let [app, blue, green, hold, admin, dashboard] = [(); 6].map(|()| free_port());
        let ports = Ports {
            app,
            blue,
            green,
            hold,
            admin,
            dashboard,
        };
        House {
            dir,
            ports,
            version,
            retry: "retry_for = \"20s\"\n",
            notify: String::new(),
            server: None,
            caddy: None,
        }
    }

    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    pub fn markers(&self) -> PathBuf {
        self.folder().join("state/apps/home/router")
    }

    pub fn database(&self) -> PathBuf {
        self.folder().join("data/home.sqlite")
    }

    /// Where the household's requests go.
    pub fn app(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.app))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.app())
    }

    fn configuration(&self) -> String {
        let (folder, retry, notify) = (self.folder().display(), self.retry, &self.notify);
        let Ports {
            app,
            blue,
            green,
            hold,
            admin,
            dashboard,
        } = self.ports;
        format!(
            "zone = \"Europe/Berlin\"\nstate = \"{folder}/state\"\nsocket = \"{folder}/control.sock\"\n\
             [dashboard]\nlisten = \"127.0.0.1:{dashboard}\"\n{notify}\
             [[app]]\nname = \"home\"\ndatabase = \"{folder}/data/home.sqlite\"\n\
             releases = \"{folder}/releases\"\nbackups = \"{folder}/backups\"\n\
             [app.runtime]\ncommand = [\"{TEALKEEP}\", \"home-app\"]\nblue_port = {blue}\ngreen_port = {green}\n\
             [app.router]\nkind = \"caddy\"\nlisten = \"127.0.0.1:{app}\"\nadmin = \"127.0.0.1:{admin}\"\n\
             hold_listen = \"127.0.0.1:{hold}\"\n{retry}preview = \"{SECRET}\"\n\
             active_color = \"{folder}/colour-for-scripts\"\n\
             [app.deploy]\nkeep_releases = 20\ndrain_timeout = \"2s\"\n"
        )
    }

    /// `[app.router]` as it is configured.
    pub fn section(&self) -> CaddySection {
        let mut config = Config::parse(&self.configuration(), false).unwrap();
        match config.apps.remove(0).router {
            RouterConfig::Caddy(section) => section,
            RouterConfig::Gate(_) => unreachable!("it says caddy"),
        }
    }

    /// What Caddy has logged so far.
    pub fn caddys_log(&self) -> String {
        std::fs::read_to_string(self.folder().join("caddy.log")).unwrap()
    }

    /// A page of the dashboard, or an answer of its API, as whoever may use the socket gets it.
    pub async fn ask(&self, path: &str) -> String {
        let client = reqwest::Client::builder()
            .unix_socket(self.folder().join("control.sock"))
            .build()
            .unwrap();
        let asked = client.get(format!("http://tealkeep{path}")).send().await;
        let answer = asked.unwrap().error_for_status().unwrap();
        answer.text().await.unwrap()
    }

    /// The Caddyfile as `tealkeep units` prints it.
    pub fn caddyfile(&self) -> String {
        let config = Config::parse(&self.configuration(), false).unwrap();
        caddyfile(&config.apps[0], &config.state)
    }

    /// Starts Caddy with what `change` makes of the printed file, perhaps as another user, and waits until its
    /// site is listened on.
    pub fn start_caddy(&mut self, change: impl FnOnce(String) -> String, user: Option<u32>) {
        self.start_caddy_with(change, user, &format!("127.0.0.1:{}", self.ports.admin));
    }

    /// The same with another admin address, or `off`.
    pub fn start_caddy_with(
        &mut self,
        change: impl FnOnce(String) -> String,
        user: Option<u32>,
        admin: &str,
    ) {
        assert!(self.caddy.is_none(), "Caddy already runs");
        let own = self.caddy_folder(user);
        let site = own.join("tealkeep-home.caddy");
        std::fs::write(&site, change(self.caddyfile())).unwrap();
        let main = own.join("Caddyfile");
        let text = format!(
            "{{\n\tadmin {admin}\n\tauto_https off\n}}\nimport {}/tealkeep-*.caddy\n",
            own.display()
        );
        std::fs::write(&main, text).unwrap();
        let log = File::create(self.folder().join("caddy.log")).unwrap();
        let mut binary = self.version.binary();
        if user.is_some() && binary.is_absolute() {
            // The cache is in somebody's home, which nobody else need be able to enter.
            std::fs::copy(&binary, own.join("caddy-binary")).unwrap();
            binary = own.join("caddy-binary");
        }
        let mut command = Command::new(binary);
        command
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(&main)
            .env("HOME", &own)
            .env("XDG_DATA_HOME", &own)
            .env("XDG_CONFIG_HOME", &own)
            .current_dir(&own)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let (at, log) = (self.app(), self.folder().join("caddy.log"));
        let caddy = self.caddy.insert(command.spawn().unwrap());
        until_it_listens(caddy, at, &log);
    }

    /// Where Caddy's own files are: another user must be able to read them.
    fn caddy_folder(&self, user: Option<u32>) -> PathBuf {
        let Some(user) = user else {
            return self.folder().join("caddy");
        };
        let own = std::env::temp_dir().join(format!("tealkeep-caddy-of-{user}-{}", self.ports.app));
        std::fs::create_dir_all(&own).unwrap();
        std::os::unix::fs::chown(&own, Some(user), Some(user)).unwrap();
        own
    }

    pub fn stop_caddy(&mut self) {
        let mut caddy = self.caddy.take().expect("Caddy runs");
        caddy.kill().unwrap();
        caddy.wait().unwrap();
    }

    /// Writes the configuration into its folder.
    pub fn write_configuration(&self) -> PathBuf {
        let file = self.folder().join("tealkeep.toml");
        std::fs::write(&file, self.configuration()).unwrap();
        file
    }

    /// Starts the server and waits until it answers. With a `TEALKEEP_KILL_AT` among `env` it may die before.
    pub async fn start_server(&mut self, env: &[(&str, &str)]) {
        assert!(self.server.is_none(), "the server already runs");
        let file = self.write_configuration();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder().join("server.log"))
            .unwrap();
        let mut server = Command::new(TEALKEEP)
            .arg("serve")
            .arg("--config")
            .arg(file)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        until("the server answers", async || {
            let ended = server.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended with {ended:?}");
            self.tealkeep(["status"]).code == 0
        })
        .await;
        self.server = Some(server);
    }

    /// Waits until the server has died by itself, of a `TEALKEEP_KILL_AT`.
    pub async fn until_dead(&mut self) {
        let mut process = self.server.take().expect("the server runs");
        let ended = tokio::task::spawn_blocking(move || process.wait());
        tokio::time::timeout(PATIENCE, ended)
            .await
            .expect("the server goes on")
            .unwrap()
            .unwrap();
    }

    /// Stops the server with SIGTERM and waits for its end; its colours end with it.
    pub async fn stop(&mut self) {
        let process = self.server.as_ref().expect("the server runs");
        let pid = rustix::process::Pid::from_child(process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.until_dead().await;
    }

    /// Runs a verb against this house, and waits for its end.
    pub fn tealkeep<const N: usize>(&self, arguments: [&str; N]) -> Said {
        let output = Command::new(TEALKEEP)
            .env("TEALKEEP_SOCKET", self.folder().join("control.sock"))
            .args(arguments)
            .output()
            .unwrap();
        Said::of(&output)
    }

    /// What `tealkeep doctor` says under one heading, whether a server runs or not.
    pub fn doctor(&self, only: &str) -> Said {
        let file = self.folder().join("tealkeep.toml");
        std::fs::write(&file, self.configuration()).unwrap();
        let file = file.to_str().unwrap();
        self.tealkeep(["doctor", "--only", only, "--config", file])
    }

    /// Begins a verb against this house, and does not wait.
    pub fn begin<const N: usize>(&self, arguments: [&str; N]) -> Child {
        Command::new(TEALKEEP)
            .env("TEALKEEP_SOCKET", self.folder().join("control.sock"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The app, as `tealkeep status --json` shows it.
    pub fn home(&self) -> Value {
        self.tealkeep(["status", "--json"]).succeeds().json()["apps"][0].clone()
    }

    /// Waits until the app stands as wanted.
    #[track_caller]
    pub fn until<F: Fn(&Value) -> bool>(&self, wanted: F) -> impl Future<Output = Value> {
        until("the app stands as wanted", async move || {
            let said = self.tealkeep(["status", "--json"]);
            if said.code == 0 {
                let home = said.json()["apps"][0].clone();
                if wanted(&home) {
                    return Ok(home);
                }
            }
            Err(said)
        })
    }

    /// What happened, newest first, as sentences.
    pub async fn journal(&self) -> Vec<String> {
        let client = reqwest::Client::builder()
            .unix_socket(self.folder().join("control.sock"))
            .build()
            .unwrap();
        let asked = client.get("http://tealkeep/api/v1/journal?limit=200");
        let events: Value = asked.send().await.unwrap().json().await.unwrap();
        let texts = events.as_array().unwrap().iter();
        texts
            .map(|event| event["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What the last run said of its steps.
    pub async fn steps_of_the_last_run(&self) -> String {
        let client = reqwest::Client::builder()
            .unix_socket(self.folder().join("control.sock"))
            .build()
            .unwrap();
        let asked = client.get("http://tealkeep/api/v1/apps/home/runs");
        let runs: Value = asked.send().await.unwrap().json().await.unwrap();
        runs[0]["steps"].to_string()
    }

    /// Waits until the journal has a sentence with these words in it.
    #[track_caller]
    pub fn until_told<'a>(&'a self, words: &'a str) -> impl Future<Output = ()> + 'a {
        until(format!("the journal says {words:?}"), async move || {
            let journal = self.journal().await;
            let is_told = journal.iter().any(|text| text.contains(words));
            is_told.then_some(()).ok_or(journal)
        })
    }
}

/// What messages are signed with.
const WEBHOOK_SECRET: &str = "whsec_b25seSB0aGUgcmVjZWl2ZXIgYW5kIHRoZSBzZXJ2ZXI=\n";
/// What opens the preview.
pub const SECRET: &str = "a-secret-of-this-test-only";

impl Drop for House {
    fn drop(&mut self) {
        for mut process in [self.server.take(), self.caddy.take()]
            .into_iter()
            .flatten()
        {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            for log in ["server.log", "caddy.log"] {
                let text = std::fs::read_to_string(self.folder().join(log)).unwrap_or_default();
                let from = text.len().saturating_sub(8000);
                eprintln!("--- {log} ---\n{}", text.get(from..).unwrap_or(&text));
            }
        }
        for pid in colours_of(self.folder()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let of_nobody = std::env::temp_dir();
        let of_nobody = of_nobody.join(format!("tealkeep-caddy-of-{NOBODY}-{}", self.ports.app));
        let _ = std::fs::remove_dir_all(of_nobody);
    }
}

/// A user that may enter nothing of anybody's.
pub const NOBODY: u32 = 65534;
