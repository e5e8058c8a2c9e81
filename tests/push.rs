//! `tealkeep push` from a laptop to a machine at home: a real sshd with the deploying key behind
//! `tealkeep door`, the real rsync, and a server with a preparation.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tealkeep::demo::releases::write_all;

use crate::support::{PATIENCE, Said, TEALKEEP, colours_of, free_port};

/// The machine at home and the laptop, in one folder; stopped with the test.
struct Pair {
    dir: tempfile::TempDir,
    ssh_port: u16,
    app: u16,
    user: String,
    sshd: Option<Child>,
    server: Option<Child>,
}

/// Counts its runs, waits while `wait` is there, fails while `fail` is there, and makes two files.
const PREPARES: &str = "echo run >> F/runs; while [ -e F/wait ]; do echo waiting; sleep 0.05; done; \
     if [ -e F/fail ]; then echo npm error: no such package; exit 7; fi; \
     mkdir -p node_modules/a; echo a > node_modules/a/index.js; echo b > node_modules/b.js";

impl Pair {
    fn start() -> Pair {
        Pair::start_with("", &[])
    }

    /// With further lines in the app's section, and in the server's environment.
    fn start_with(section: &str, env: &[(&str, &Path)]) -> Pair {
        Pair::start_on(free_port(), section, env)
    }

    /// The same, with the app on this port.
    fn start_on(app: u16, section: &str, env: &[(&str, &Path)]) -> Pair {
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

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn start_server(&mut self, section: &str, env: &[(&str, &Path)]) {
        let folder = self.dir.path().display().to_string();
        let prepares = PREPARES.replace("F/", &format!("{folder}/"));
        let configuration = format!(
            "state = \"{folder}/state\"\nsocket = \"{folder}/control.sock\"\n[dashboard]\nlisten = \"127.0.0.1:{}\"\n\
             [[app]]\nname = \"home\"\ndatabase = \"{folder}/data/home.sqlite\"\n\
             releases = \"{folder}/releases\"\nbackups = \"{folder}/backups\"\n{section}\n\
             [app.runtime]\ncommand = [\"{TEALKEEP}\", \"home-app\"]\nblue_port = {}\ngreen_port = {}\n\
             [app.router]\nlisten = \"127.0.0.1:{}\"\n\
             [app.deploy]\nprepare = [\"sh\", \"-c\", {prepares:?}]\nprepare_inputs = [\"lock\"]\n\
             prepare_versions = [[\"echo\", \"version 1\"]]\nprepare_timeout = \"{}\"\n",
            free_port(),
            free_port(),
            free_port(),
            self.app,
            if section.contains("# late") {
                "1s"
            } else {
                "60s"
            },
        );
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

    fn start_sshd(&mut self) {
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
        // What a connection is made with: it says which process it is.
        self.script("ssh", "exec ssh OPTIONS \"$@\"");
    }

    /// A program on the laptop; `OPTIONS` are those that reach the machine.
    fn script(&self, name: &str, body: &str) -> PathBuf {
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

    /// Runs a verb at home, and waits for its end.
    fn here(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(TEALKEEP);
        command.env("TEALKEEP_SOCKET", self.path("control.sock"));
        Said::of(&command.args(arguments).output().unwrap())
    }

    /// A verb on the laptop, which has no server.
    fn laptop(&self, ssh: &str, arguments: &[&str]) -> Command {
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

    fn there(&self, arguments: &[&str]) -> Said {
        Said::of(&self.laptop("ssh", arguments).output().unwrap())
    }

    /// What this key gets when it asks ssh itself.
    fn asks(&self, words: &str) -> Said {
        let output = Command::new(self.path("laptop/ssh"))
            .arg(format!("{}@127.0.0.1", self.user))
            .arg(words)
            .stdin(Stdio::null())
            .output();
        Said::of(&output.unwrap())
    }

    /// A release on the laptop, as a build leaves it: every file with a new time.
    fn build(&self, name: &str, lock: &str) -> PathBuf {
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

    fn runs(&self) -> usize {
        let runs = fs::read_to_string(self.path("runs")).unwrap_or_default();
        runs.lines().count()
    }

    fn meta(&self, below: &str) -> fs::Metadata {
        self.path("releases")
            .join(below)
            .symlink_metadata()
            .unwrap()
    }

    fn status(&self) -> Value {
        self.here(&["status", "--json"]).succeeds().json()["apps"][0].clone()
    }

    fn live(&self) -> String {
        self.status()["release"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    }

    /// Waits until a preparation waits, and has said so.
    fn until_preparing(&self) {
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

fn copy(from: &Path, to: &Path) {
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
fn until(mut wanted: impl FnMut() -> bool) {
    let began = Instant::now();
    while !wanted() {
        assert!(began.elapsed() < PATIENCE, "it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_unchanged_lock_file_means_no_preparation_and_unchanged_files_are_linked() {
    let pair = Pair::start();
    pair.build("v1", "one");
    let first = pair.there(&["push", "v1", "home"]).succeeds();
    assert!(first.stdout.contains("v1 is live"), "{first:#?}");
    assert!(first.stderr.contains("prepare   done"), "{first:#?}");
    assert_eq!((pair.live().as_str(), pair.runs()), ("v1", 1));
    for left_out in [
        ".git",
        "notes.txt",
        ".tealkeepignore",
        "node_modules/laptop",
    ] {
        assert!(
            !pair.path("releases/v1").join(left_out).exists(),
            "{left_out}"
        );
    }
    let mode = |below: &str| pair.meta(below).mode() & 0o7777;
    assert_eq!(mode("v1"), 0o2750);
    assert_eq!(mode("v1/same.bin"), 0o440);
    assert_eq!(mode("v1/tool.sh"), 0o550);

    let built = pair.build("v2", "one");
    fs::write(built.join("new.txt.js"), "new").unwrap();
    let second = pair.there(&["push", "v2", "home"]).succeeds();
    assert!(
        second.stderr.contains("was taken from v1 by hard links"),
        "{second:#?}"
    );
    assert_eq!((pair.live().as_str(), pair.runs()), ("v2", 1));
    for same in ["same.bin", "tool.sh", "lock", "node_modules/a/index.js"] {
        let (one, two) = (
            pair.meta(&format!("v1/{same}")),
            pair.meta(&format!("v2/{same}")),
        );
        assert_eq!(one.ino(), two.ino(), "{same}");
    }
    assert_ne!(pair.meta("v1").ino(), pair.meta("v2").ino());

    pair.build("v3", "two");
    pair.there(&["push", "v3", "home"]).succeeds();
    assert_eq!((pair.live().as_str(), pair.runs()), ("v3", 2));

    // The name is taken: it gets the time.
    pair.build("v3", "two");
    pair.there(&["push", "v3", "home"]).succeeds();
    assert!(pair.live().starts_with("v3-20"), "{}", pair.live());
    // Asked for by its name, the same content is the same release, and another one is refused.
    pair.there(&["push", "v3", "home", "--name", "v3"])
        .succeeds();
    assert_eq!(pair.live(), "v3");
    let changed = pair.build("v3", "two");
    fs::write(changed.join("same.bin"), "not the same").unwrap();
    let refused = pair.there(&["push", "v3", "home", "--name", "v3"]);
    assert_ne!(refused.code, 0, "{refused:#?}");
    assert!(
        refused.stderr.contains("differs in same.bin"),
        "{refused:#?}"
    );
    assert_eq!(pair.live(), "v3");
}

#[test]
fn a_connection_cut_while_sending_changes_nothing_and_the_next_push_goes_on() {
    let pair = Pair::start();
    let built = pair.build("v1", "one");
    let mut bytes = vec![0_u8; 8_000_000];
    getrandom::fill(&mut bytes).unwrap();
    fs::write(built.join("big.bin"), &bytes).unwrap();
    pair.script(
        "cut",
        "case \"$*\" in *rsync*) stdbuf -o0 head -c 5000000 | ssh OPTIONS \"$@\";; *) exec ssh OPTIONS \"$@\";; esac",
    );
    let cut = pair
        .laptop("cut", &["push", "v1", "home"])
        .output()
        .unwrap();
    let cut = Said::of(&cut).fails_with(1);
    assert!(
        cut.stderr.contains("goes on where this one was"),
        "{cut:#?}"
    );
    assert_eq!(pair.live(), "none");
    until(|| pair.path("releases/.push-v1/big.bin").exists());
    assert!(!pair.path("releases/v1").exists());
    let early = pair.here(&["deploy", "home", "v1"]);
    assert!(early.stderr.contains("may not be whole"), "{early:#?}");

    let again = pair.there(&["push", "v1", "home"]).succeeds();
    assert!(
        again.stderr.contains("going on where an earlier push"),
        "{again:#?}"
    );
    assert_eq!(pair.live(), "v1");
    assert_eq!(fs::read(pair.path("releases/v1/big.bin")).unwrap(), bytes);
    assert!(!pair.path("releases/.push-v1").exists());
}

#[test]
fn a_deploy_goes_on_without_its_laptop_and_status_picks_the_thread_up() {
    let pair = Pair::start();
    for name in ["v1", "v2"] {
        pair.build(name, name);
        File::create(pair.path("wait")).unwrap();
        let push = pair.laptop("ssh", &["push", name, "home"]).spawn().unwrap();
        pair.until_preparing();
        let (victim, signal) = if name == "v1" {
            let pid = fs::read_to_string(pair.path("laptop/pid")).unwrap();
            (pid.trim().parse().unwrap(), rustix::process::Signal::KILL)
        } else {
            (push.id().cast_signed(), rustix::process::Signal::INT)
        };
        let victim = rustix::process::Pid::from_raw(victim).unwrap();
        rustix::process::kill_process(victim, signal).unwrap();
        let lost = Said::of(&push.wait_with_output().unwrap()).fails_with(1);
        assert!(lost.stderr.contains("goes on by itself"), "{lost:#?}");
        assert!(lost.stderr.contains("--follow"), "{lost:#?}");

        let shown = pair.there(&["status", "home"]).succeeds();
        assert!(shown.stdout.contains("waiting"), "{shown:#?}");
        let follow = pair
            .laptop("ssh", &["status", "home", "--follow"])
            .spawn()
            .unwrap();
        fs::remove_file(pair.path("wait")).unwrap();
        let followed = Said::of(&follow.wait_with_output().unwrap()).succeeds();
        assert!(
            followed.stdout.contains(&format!("{name} is live")),
            "{followed:#?}"
        );
        assert_eq!(pair.live(), name);
    }
    // Nothing is under way any more: it tells how the last one ended.
    let after = pair.there(&["status", "--follow"]).succeeds();
    assert!(after.stdout.contains("v2 is live"), "{after:#?}");
}

#[test]
fn a_preparation_that_fails_is_refused_with_its_last_lines() {
    let pair = Pair::start();
    pair.build("v1", "one");
    pair.there(&["push", "v1", "home"]).succeeds();
    File::create(pair.path("fail")).unwrap();
    pair.build("v2", "two");
    let refused = pair.there(&["push", "v2", "home"]).fails_with(1);
    assert!(
        refused.stderr.contains("v2 was not made ready"),
        "{refused:#?}"
    );
    assert!(refused.stderr.contains("exit status: 7"), "{refused:#?}");
    assert!(
        refused.stderr.contains("npm error: no such package"),
        "{refused:#?}"
    );
    assert_eq!(pair.live(), "v1");
    assert_eq!(pair.meta("v2").mode() & 0o7777, 0o2750);
    let last = pair.there(&["status", "--follow"]).fails_with(1);
    assert!(
        last.stderr.contains("npm error: no such package"),
        "{last:#?}"
    );
    fs::remove_file(pair.path("fail")).unwrap();
    pair.there(&["deploy", "home", "v2"]).succeeds();
    assert_eq!(pair.live(), "v2");
}

#[test]
fn a_preparation_that_takes_too_long_is_stopped_with_everything_it_started() {
    let pair = Pair::start_with("# late", &[]);
    File::create(pair.path("wait")).unwrap();
    pair.build("v1", "one");
    let late = pair.there(&["push", "v1", "home"]).fails_with(1);
    assert!(late.stderr.contains("was not ready after"), "{late:#?}");
    let wanted = pair.path("releases/v1");
    until(|| {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        !processes
            .filter_map(|entry| fs::read_link(entry.path().join("cwd")).ok())
            .any(|cwd| cwd == wanted)
    });
}

#[test]
fn the_deploying_key_opens_nothing_else() {
    let pair = Pair::start();
    pair.build("v1", "one");
    let releases = pair.path("releases").display().to_string();
    for asked in [
        "id",
        "sh -c id",
        "tealkeep status; id",
        "tealkeep password",
        "tealkeep serve",
        "tealkeep restore home 20260101T000000Z",
        "tealkeep undo home",
        "rsync --server --sender -lprce.iLsfxCIvu . /etc/",
        "rsync --server -lprce.iLsfxCIvu . /tmp/",
        &format!("rsync --server -lprce.iLsfxCIvu . {releases}/.push-v1/../../x/"),
        &format!("rsync --server -lprce.iLsfxCIvu --link-dest=/etc . {releases}/.push-v1/"),
    ] {
        let said = pair.asks(asked).fails_with(2);
        assert!(!said.stdout.contains("uid="), "{asked}: {said:#?}");
        assert!(!said.stderr.is_empty(), "{asked}");
    }
    assert!(
        pair.asks("tealkeep status")
            .succeeds()
            .stdout
            .contains("home")
    );
    // The real rsync, asked to fetch and to write elsewhere.
    for (from, to) in [
        (format!("H:{releases}/"), "fetched/".to_owned()),
        ("v1/".to_owned(), format!("H:{releases}/v1/")),
    ] {
        let host = format!("{}@127.0.0.1:", pair.user);
        let rsync = Command::new("rsync")
            .args(["-rlpc", "-e"])
            .arg(pair.path("laptop/ssh"))
            .arg(from.replace("H:", &host))
            .arg(to.replace("H:", &host))
            .current_dir(pair.path("laptop"))
            .output()
            .unwrap();
        let said = Said::of(&rsync);
        assert!(
            said.code != 0 && said.stderr.contains("refused"),
            "{said:#?}"
        );
    }
    assert!(!pair.path("releases/v1").exists());
}

#[test]
fn two_pushes_of_one_name_do_not_fill_one_directory() {
    let pair = Pair::start();
    pair.build("v1", "one");
    let releases = pair.path("releases").display().to_string();
    let receive = format!("rsync --server -lprce.iLsfxCIvu . {releases}/.push-v1/");
    // Its other side says nothing, so it waits.
    let mut first = Command::new(pair.path("laptop/ssh"))
        .arg(format!("{}@127.0.0.1", pair.user))
        .arg(&receive)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until(|| pair.path("releases/.push-v1").exists());
    until(|| pair.asks(&receive).stderr.contains("another push"));
    let refused = pair.there(&["push", "v1", "home"]);
    assert_ne!(refused.code, 0, "{refused:#?}");
    assert!(
        refused.stderr.contains("another push of this name"),
        "{refused:#?}"
    );
    let early = pair.here(&["deploy", "home", "v1", "--pushed"]);
    assert!(early.stderr.contains("still being sent"), "{early:#?}");
    assert_eq!(pair.live(), "none");
    first.kill().unwrap();
    first.wait().unwrap();
    pair.there(&["push", "v1", "home"]).succeeds();
    assert_eq!(pair.live(), "v1");
}

#[test]
fn a_link_out_of_the_release_is_not_received() {
    let pair = Pair::start();
    let built = pair.build("v1", "one");
    std::os::unix::fs::symlink("/var/lib/tealkeep", built.join("state")).unwrap();
    let refused = pair.there(&["push", "v1", "home"]).fails_with(1);
    assert!(
        refused
            .stderr
            .contains("the link state leads to /var/lib/tealkeep"),
        "{refused:#?}"
    );
    assert_eq!(pair.live(), "none");
    // Mended, the same push goes on.
    fs::remove_file(built.join("state")).unwrap();
    pair.there(&["push", "v1", "home"]).succeeds();
    assert_eq!(pair.live(), "v1");
}

#[test]
fn each_usual_trouble_of_a_push_is_told() {
    let pair = Pair::start();
    pair.build("v1", "one");
    let fails = |arguments: &[&str], ssh: &str, said: &str| {
        let output = pair.laptop(ssh, arguments).output().unwrap();
        let failed = Said::of(&output);
        assert!(
            failed.code != 0 && failed.stderr.contains(said),
            "{said}: {failed:#?}"
        );
    };
    fails(&["push", "v1", "garden"], "ssh", "no app called");
    fails(&["push", "missing", "home"], "ssh", "can't be read");
    fs::create_dir(pair.path("laptop/nothing")).unwrap();
    fails(&["push", "nothing", "home"], "ssh", "is empty");
    pair.script("stranger", "exec ssh -F none -p PORT -i KEY -o IdentitiesOnly=yes -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no \"$@\"");
    let text = fs::read_to_string(pair.path("laptop/stranger")).unwrap();
    let key = pair.path("laptop/other_key").display().to_string();
    let text = text
        .replace("PORT", &pair.ssh_port.to_string())
        .replace("KEY", &key);
    fs::write(pair.path("laptop/stranger"), text).unwrap();
    fails(
        &["push", "v1", "home"],
        "stranger",
        "does not take this key",
    );
    pair.script("silent", "exec ssh OPTIONS -p 1 \"$@\"");
    let silent = fs::read_to_string(pair.path("laptop/silent")).unwrap();
    let silent = silent.replace(&format!("-p {}", pair.ssh_port), "-p 1");
    fs::write(pair.path("laptop/silent"), silent).unwrap();
    fails(
        &["push", "v1", "home"],
        "silent",
        "does not take ssh connections",
    );
    fails(&["serve"], "ssh", "can't be asked of another");
    assert_eq!(pair.live(), "none");
}

/// What stands in front of the app for the household: TLS, and the same bytes on.
async fn tunnel(
    issuer: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    to: u16,
) -> (u16, tokio::task::JoinHandle<()>) {
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = rustls::crypto::ring::default_provider();
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                if let Ok(mut app) = tokio::net::TcpStream::connect(("127.0.0.1", to)).await {
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut app).await;
                }
            });
        }
    });
    (port, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_address_is_asked_over_tls_and_a_bad_certificate_swaps_back() {
    let authority = || {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
    };
    let (known, other) = (authority(), authority());
    let roots = tempfile::NamedTempFile::new().unwrap();
    fs::write(roots.path(), known.pem()).unwrap();
    for (issuer, said) in [(&known, None), (&other, Some("does not trust"))] {
        let app = free_port();
        let (port, tunnel) = tunnel(issuer, app).await;
        let url = format!("url = \"https://localhost:{port}\"");
        let env = [("SSL_CERT_FILE", roots.path())];
        let pair = Pair::start_on(app, &url, &env);
        pair.build("v1", "one");
        let pushed = pair.there(&["push", "v1", "home"]);
        match said {
            None => {
                let pushed = pushed.succeeds();
                let address = format!("and at https://localhost:{port}/healthz.");
                assert!(pushed.stdout.contains(&address), "{pushed:#?}");
            }
            Some(said) => {
                let failed = pushed.fails_with(1);
                assert!(failed.stderr.contains(said), "{failed:#?}");
                assert!(
                    failed.stderr.contains("swap      taken back"),
                    "{failed:#?}"
                );
            }
        }
        tunnel.abort();
    }
}
