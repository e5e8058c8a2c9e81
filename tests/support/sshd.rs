//! A real sshd on a free port, with all of its files in a test's folder, and what reaches it from the folder's `laptop`:
//! keys, ssh's options, programs that stand in for ssh.

use std::fs::{self, File, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{TEALKEEP, free_port, until_it_listens};

/// A running sshd, stopped with the test.
pub struct Sshd {
    folder: PathBuf,
    port: u16,
    /// The user who runs this test, and whom it lets in.
    user: String,
    process: Option<Child>,
}

impl Sshd {
    /// Starts it. In `laptop` each of `keys` is made, and `authorized_keys` holds the line that `line` makes of the first
    /// one's public part.
    pub fn start(folder: &Path, keys: &[&str], line: impl FnOnce(&str) -> String) -> Sshd {
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let mut sshd = Sshd {
            folder: folder.to_owned(),
            port: free_port(),
            user: String::from_utf8(user).unwrap().trim().to_owned(),
            process: None,
        };
        make_key(&folder.join("host_key"));
        for key in keys {
            make_key(&sshd.laptop(key));
        }
        let public = fs::read_to_string(sshd.laptop(&format!("{}.pub", keys[0])));
        sshd.allow(&line(&public.unwrap()));
        let folder = folder.display();
        let configuration = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/authorized_keys\n\
             StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPidFile none\n",
            sshd.port
        );
        sshd.run(&configuration);
        sshd
    }

    /// Starts it once more as a package configures it for a user, with these lines as the file of keys. `user` is
    /// whose part of the package's file holds for this test's user.
    pub fn start_as_packaged(&mut self, user: &str, keys: &str) {
        self.stop();
        self.allow(keys);
        let folder = self.folder.display().to_string();
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
        let base = fs::read_to_string(self.folder.join("sshd_config")).unwrap();
        let base = base.split("Match User ").next().unwrap_or_default();
        self.run(&format!("{base}Match User {}\n{own}", self.user));
    }

    fn run(&mut self, configuration: &str) {
        fs::write(self.folder.join("sshd_config"), configuration).unwrap();
        // Where root starts it; elsewhere it is not needed.
        let _ = fs::create_dir_all("/run/sshd");
        let log = self.folder.join("sshd.log");
        let sshd = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(self.folder.join("sshd_config"))
            .stdin(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn();
        let sshd = self.process.insert(sshd.unwrap());
        until_it_listens(sshd, SocketAddr::from(([127, 0, 0, 1], self.port)), &log);
    }

    /// Replaces the file of keys, which counts from the next connection on.
    pub fn allow(&self, keys: &str) {
        fs::write(self.folder.join("authorized_keys"), keys).unwrap();
    }

    /// Where it is, as ssh is told.
    pub fn host(&self) -> String {
        format!("{}@127.0.0.1", self.user)
    }

    /// A program in `laptop`, a shell script. In its text `OPTIONS` are those with which ssh reaches this sshd by a key,
    /// `HERE` is the laptop's folder, and `HOME` the folder of all.
    pub fn script(&self, name: &str, key: &str, body: &str) {
        let folder = self.laptop("").display().to_string();
        let folder = folder.trim_end_matches('/');
        let options = format!(
            "-F none -p {} -i {folder}/{key} -o IdentitiesOnly=yes -o UserKnownHostsFile={folder}/known \
             -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR",
            self.port
        );
        let body = body
            .replace("OPTIONS", &options)
            .replace("HERE", folder)
            .replace("HOME", &self.folder.display().to_string());
        let path = self.laptop(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    fn laptop(&self, name: &str) -> PathBuf {
        self.folder.join("laptop").join(name)
    }

    fn stop(&mut self) {
        if let Some(mut sshd) = self.process.take() {
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let text = fs::read_to_string(self.folder.join("sshd.log")).unwrap_or_default();
            eprintln!("--- sshd.log ---\n{text}");
        }
    }
}

fn make_key(file: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(file)
        .status();
    assert!(made.unwrap().success());
}
