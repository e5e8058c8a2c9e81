//! A machine at home and a laptop, in one folder of this machine: a real server, a real sshd with the deploying key
//! behind `tealkeep door`, and programs that reach it as a laptop does.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tealkeep::demo::releases::write_all;

use super::sshd::Sshd;
use super::{Said, TEALKEEP, colours_of, free_port, until_blocking};

/// The machine at home and the laptop, in one folder; stopped with the test.
pub struct Pair {
    sshd: Sshd,
    pub dir: tempfile::TempDir,
    pub app: u16,
    server: Option<Child>,
}

/// Counts its runs, waits while `wait` is there, fails while `fail` is there, and makes two files.
const PREPARES: &str = "echo run >> F/runs; while [ -e F/wait ]; do echo waiting; sleep 0.05; done; \
     if [ -e F/fail ]; then echo npm error: no such package; exit 7; fi; \
     mkdir -p node_modules/a; echo a > node_modules/a/index.js; echo b > node_modules/b.js";

impl Pair {
    pub fn start() -> Pair {
        Pair::start_with("", &[])
    }

    /// With further lines in the app's section, and in the server's environment.
    pub fn start_with(section: &str, env: &[(&str, &Path)]) -> Pair {
        Pair::start_on(free_port(), section, env)
    }

    /// The same, with the app on this port.
    pub fn start_on(app: u16, section: &str, env: &[(&str, &Path)]) -> Pair {
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-push-")
            .tempdir()
            .unwrap();
        for folder in ["state", "data", "releases", "backups", "laptop", "samples"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let socket = dir.path().join("control.sock");
        let door = format!("{TEALKEEP} --socket {} door", socket.display());
        let sshd = Sshd::start(dir.path(), &["key", "other_key"], |key| {
            format!("command=\"{door}\",restrict {key}")
        });
        let mut pair = Pair {
            dir,
            app,
            sshd,
            server: None,
        };
        // What a connection is made with: it says which process it is.
        pair.script("ssh", "exec ssh OPTIONS \"$@\"");
        // As on the machine: what is made in it belongs to the folder's group.
        let mode = fs::Permissions::from_mode(0o2750);
        fs::set_permissions(pair.path("releases"), mode).unwrap();
        fs::write(pair.path("data/home.sqlite"), "").unwrap();
        write_all(&pair.path("samples")).unwrap();
        pair.start_server(section, env);
        pair
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub fn start_server(&mut self, section: &str, env: &[(&str, &Path)]) {
        let folder = self.dir.path().display().to_string();
        let prepares = PREPARES.replace("F/", &format!("{folder}/"));
        let configuration = format!(
            "state = \"{folder}/state\"\nsocket = \"{folder}/control.sock\"\n[dashboard]\nlisten = \"127.0.0.1:{}\"\n\
             [[app]]\nname = \"home\"\ndatabase = \"{folder}/data/home.sqlite\"\n\
             releases = \"{folder}/releases\"\nbackups = \"{folder}/backups\"\n{section}\n\
             [app.runtime]\ncommand = [\"{TEALKEEP}\", \"home-app\"]\nblue_port = {}\ngreen_port = {}\n\
             [app.router]\nlisten = \"127.0.0.1:{}\"\n",
            free_port(),
            free_port(),
            free_port(),
            self.app,
        );
        let timeout = match section.contains("# late") {
            true => "1s",
            false => "60s",
        };
        let deploy = match section.contains("# unprepared") {
            true => String::new(),
            false => format!(
                "[app.deploy]\nprepare = [\"sh\", \"-c\", {prepares:?}]\nprepare_inputs = [\"lock\"]\n\
                 prepare_versions = [[\"echo\", \"version 1\"]]\nprepare_timeout = \"{timeout}\"\n"
            ),
        };
        let configuration = format!("{configuration}{deploy}");
        let file = self.path("tealkeep.toml");
        fs::write(&file, configuration).unwrap();
        let log = File::create(self.path("server.log")).unwrap();
        let server = Command::new(TEALKEEP)
            .arg("serve")
            .arg("--config")
            .arg(file)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.server = Some(server.unwrap());
        until_blocking("the server answers", || {
            let said = self.here(&["status"]);
            (said.code == 0).then_some(()).ok_or(said)
        });
    }

    /// Starts sshd once more as a package configures it; see [`Sshd::start_as_packaged`].
    pub fn start_sshd_as_packaged(&mut self, user: &str, keys: &str) {
        self.sshd.start_as_packaged(user, keys);
    }

    /// A program on the laptop, as [`Sshd::script`] makes it. It says in `pid` which process it is.
    pub fn script(&self, name: &str, body: &str) {
        self.script_with_key(name, "key", body);
    }

    /// The same with another of the laptop's keys.
    pub fn script_with_key(&self, name: &str, key: &str, body: &str) {
        let body = format!("echo $$ > HERE/pid\n{body}");
        self.sshd.script(name, key, &body);
    }

    /// Where ssh finds the machine at home.
    pub fn host(&self) -> String {
        self.sshd.host()
    }

    /// Runs a verb at home, and waits for its end.
    pub fn here(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(TEALKEEP);
        command.env("TEALKEEP_SOCKET", self.path("control.sock"));
        Said::of(&command.args(arguments).output().unwrap())
    }

    /// A verb on the laptop, which has no server.
    pub fn laptop(&self, ssh: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(TEALKEEP);
        command
            .env("TEALKEEP_SOCKET", self.path("laptop/none.sock"))
            .env("TEALKEEP_SSH", self.path("laptop").join(ssh))
            .current_dir(self.path("laptop"))
            .args(arguments)
            .arg("--host")
            .arg(self.host())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn there(&self, arguments: &[&str]) -> Said {
        Said::of(&self.laptop("ssh", arguments).output().unwrap())
    }

    /// What this key gets when it asks ssh itself.
    pub fn asks(&self, words: &str) -> Said {
        self.asks_through("ssh", words)
    }

    /// The same through another program on the laptop.
    pub fn asks_through(&self, ssh: &str, words: &str) -> Said {
        let output = Command::new(self.path("laptop").join(ssh))
            .arg(self.host())
            .arg(words)
            .stdin(Stdio::null())
            .output();
        Said::of(&output.unwrap())
    }

    /// A release on the laptop, as a build leaves it: every file with a new time.
    pub fn build(&self, name: &str, lock: &str) -> PathBuf {
        let folder = self.path("laptop").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(folder.join("node_modules/laptop")).unwrap();
        fs::create_dir_all(folder.join(".git")).unwrap();
        fs::write(folder.join("node_modules/laptop/index.js"), "not this one").unwrap();
        fs::write(folder.join(".git/HEAD"), "not this either").unwrap();
        fs::write(folder.join("notes.txt"), "nor this").unwrap();
        fs::write(folder.join(".tealkeepignore"), "*.txt\n").unwrap();
        fs::copy(
            self.path("samples/v1/release.toml"),
            folder.join("release.toml"),
        )
        .unwrap();
        copy(&self.path("samples/v1"), &folder);
        fs::write(folder.join("lock"), lock).unwrap();
        fs::write(folder.join("same.bin"), vec![7; 100_000]).unwrap();
        fs::write(folder.join("tool.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(folder.join("tool.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    pub fn runs(&self) -> usize {
        let runs = fs::read_to_string(self.path("runs")).unwrap_or_default();
        runs.lines().count()
    }

    pub fn meta(&self, below: &str) -> fs::Metadata {
        self.path("releases")
            .join(below)
            .symlink_metadata()
            .unwrap()
    }

    pub fn status(&self) -> Value {
        self.here(&["status", "--json"]).succeeds().json()["apps"][0].clone()
    }

    pub fn live(&self) -> String {
        self.status()["release"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    }

    /// Waits until a preparation waits, and has said so.
    pub fn until_preparing(&self) {
        until_blocking("a preparation waits", || {
            let status = self.status();
            let is_waiting = status["run"]["output"][0] == "waiting";
            is_waiting.then_some(()).ok_or(status)
        });
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        if std::thread::panicking() {
            let text = fs::read_to_string(self.path("server.log")).unwrap_or_default();
            eprintln!("--- server.log ---\n{text}");
        }
        for pid in colours_of(self.dir.path()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}
