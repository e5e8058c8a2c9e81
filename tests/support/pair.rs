//! A machine at home and a laptop, in one folder of this machine: a real server, a real sshd with the deploying key
//! behind `tealkeep door`, and programs that reach it as a laptop does.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tealkeep::demo::releases::write_all;

use super::{PATIENCE, Said, TEALKEEP, colours_of, free_port};

/// The machine at home and the laptop, in one folder; stopped with the test.
pub struct Pair {
    pub dir: tempfile::TempDir,
    pub ssh_port: u16,
    pub app: u16,
    pub user: String,
    sshd: Option<Child>,
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
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let mut pair = Pair {
            dir,
            ssh_port: free_port(),
            app,
            user: String::from_utf8(user).unwrap().trim().to_owned(),
            sshd: None,
            server: None,
        };
        for folder in ["state", "data", "releases", "backups", "laptop", "samples"] {
            fs::create_dir(pair.path(folder)).unwrap();
        }
        // As on the machine: what is made in it belongs to the folder's group.
        let mode = fs::Permissions::from_mode(0o2750);
        fs::set_permissions(pair.path("releases"), mode).unwrap();
        fs::write(pair.path("data/home.sqlite"), "").unwrap();
        write_all(&pair.path("samples")).unwrap();
        pair.start_server(section, env);
        pair.start_sshd();
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
        until(|| self.here(&["status"]).code == 0);
    }

    pub fn start_sshd(&mut self) {
        for key in ["host_key", "laptop/key", "laptop/other_key"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(self.path(key))
                .status();
            assert!(made.unwrap().success());
        }
        let key = fs::read_to_string(self.path("laptop/key.pub")).unwrap();
        let folder = self.dir.path().display();
        let line =
            format!("command=\"{TEALKEEP} --socket {folder}/control.sock door\",restrict {key}");
        fs::write(self.path("authorized_keys"), line).unwrap();
        let configuration = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/authorized_keys\n\
             StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPidFile none\n",
            self.ssh_port
        );
        fs::write(self.path("sshd_config"), configuration).unwrap();
        self.run_sshd();
        // What a connection is made with: it says which process it is.
        self.script("ssh", "exec ssh OPTIONS \"$@\"");
    }

    fn run_sshd(&mut self) {
        // Where root starts it; elsewhere it is not needed.
        let _ = fs::create_dir_all("/run/sshd");
        let log = File::create(self.path("sshd.log")).unwrap();
        let sshd = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(self.path("sshd_config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn();
        self.sshd = Some(sshd.unwrap());
        let port = self.ssh_port;
        until(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    /// Starts sshd once more as a package configures it for a user, with these lines as the file of keys. `user` is
    /// whose part of the package's file holds for this test's user.
    pub fn start_sshd_as_packaged(&mut self, user: &str, keys: &str) {
        if let Some(mut sshd) = self.sshd.take() {
            sshd.kill().unwrap();
            sshd.wait().unwrap();
        }
        let folder = self.dir.path().display().to_string();
        fs::write(self.path("authorized_keys"), keys).unwrap();
        let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd/tealkeep.sshd");
        let packaged = fs::read_to_string(packaged).unwrap();
        let part = packaged
            .split("Match User ")
            .find_map(|part| part.strip_prefix(&format!("{user}\n")))
            .expect("the user's part");
        let file = part
            .lines()
            .find_map(|line| line.trim().strip_prefix("AuthorizedKeysFile "))
            .expect("its keys");
        let own = part
            .replace(file, &format!("{folder}/authorized_keys"))
            .replace(
                "/usr/bin/tealkeep",
                &format!("{TEALKEEP} --socket {folder}/control.sock"),
            );
        let base = fs::read_to_string(self.path("sshd_config")).unwrap();
        let base = base.split("Match User ").next().unwrap_or_default();
        let text = format!("{base}Match User {}\n{own}", self.user);
        fs::write(self.path("sshd_config"), text).unwrap();
        self.run_sshd();
    }

    /// A program on the laptop; `OPTIONS` are those that reach the machine.
    pub fn script(&self, name: &str, body: &str) -> PathBuf {
        let folder = self.path("laptop");
        let options = format!(
            "-F none -p {} -i {folder}/key -o IdentitiesOnly=yes -o UserKnownHostsFile={folder}/known \
             -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR",
            self.ssh_port,
            folder = folder.display()
        );
        let path = folder.join(name);
        let text = format!(
            "#!/bin/sh\necho $$ > {}/pid\n{}\n",
            folder.display(),
            body.replace("OPTIONS", &options)
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A program on the laptop as [`Pair::script`] makes it, with the laptop's other key.
    pub fn script_with_other_key(&self, name: &str, body: &str) {
        let path = self.script(name, body);
        let text = fs::read_to_string(&path).unwrap();
        let key = self.path("laptop/key").display().to_string();
        let other = self.path("laptop/other_key").display().to_string();
        fs::write(
            path,
            text.replace(&format!("-i {key} "), &format!("-i {other} ")),
        )
        .unwrap();
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
            .arg(format!("{}@127.0.0.1", self.user))
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
            .arg(format!("{}@127.0.0.1", self.user))
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
        until(|| self.status()["run"]["output"][0] == "waiting");
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for process in [&mut self.server, &mut self.sshd] {
            if let Some(mut process) = process.take() {
                let _ = process.kill();
                let _ = process.wait();
            }
        }
        if std::thread::panicking() {
            for log in ["server.log", "sshd.log"] {
                let text = fs::read_to_string(self.path(log)).unwrap_or_default();
                eprintln!("--- {log} ---\n{text}");
            }
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

#[track_caller]
pub fn until(mut wanted: impl FnMut() -> bool) {
    let began = Instant::now();
    while !wanted() {
        assert!(began.elapsed() < PATIENCE, "it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}
