//! The laptop: this machine's own programs, with a home of their own, in a network where nothing is but the Pi.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use super::network::{self, Network};
use super::{Pi, shell, succeeds, told};
use crate::support::TEALKEEP;

/// Its home goes away with it; it can outlive a Pi and meet the next one.
pub struct Laptop {
    home: tempfile::TempDir,
    network: Arc<Network>,
}

impl Laptop {
    /// A laptop with a new ssh key, on the network of a Pi, where ssh knows the Pi as `pi`.
    #[track_caller]
    pub fn beside(pi: &Pi) -> Laptop {
        let home = tempfile::Builder::new()
            .prefix("tealkeep-laptop-")
            .tempdir()
            .unwrap();
        let laptop = Laptop {
            home,
            network: pi.network.clone(),
        };
        let (ssh, bin) = (laptop.path(".ssh"), laptop.path("bin"));
        std::fs::create_dir_all(&ssh).unwrap();
        std::fs::create_dir_all(&bin).unwrap();
        let key = ssh.join("id_ed25519");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "laptop", "-f"])
            .arg(&key)
            .output();
        succeeds("ssh-keygen", &made.unwrap());
        let config = format!(
            "Host pi {address}\n  HostName {address}\n  IdentityFile {key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n  StrictHostKeyChecking accept-new\n  BatchMode yes\n  ConnectTimeout 10\n",
            address = network::PI,
            key = key.display(),
            known = ssh.join("known_hosts").display()
        );
        std::fs::write(ssh.join("config"), config).unwrap();
        // They take their home from the user's entry, not from HOME.
        for (program, option, file) in
            [("ssh", "-F", "config"), ("ssh-keygen", "-f", "known_hosts")]
        {
            let wrapped = format!(
                "#!/bin/sh\nexec /usr/bin/{program} {option} {} \"$@\"\n",
                ssh.join(file).display()
            );
            let path = bin.join(program);
            std::fs::write(&path, wrapped).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).unwrap();
        }
        std::os::unix::fs::symlink(TEALKEEP, bin.join("tealkeep")).unwrap();
        laptop
    }

    /// Carries it to another Pi's network. What it knows of the old one's host key it still knows.
    pub fn carry_to(&mut self, pi: &Pi) {
        self.network = pi.network.clone();
    }

    /// Runs a script on it, by `bash -euo pipefail`, in its home, and returns what it printed.
    #[track_caller]
    pub fn run(&self, script: &str) -> String {
        let output = self.try_run(script);
        if !output.status.success() {
            panic!("on the laptop:\n{script}\n{}", told(&output));
        }
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a script on it, whatever comes of it.
    pub fn try_run(&self, script: &str) -> Output {
        shell(&mut self.in_its_network(), script)
    }

    fn in_its_network(&self) -> Command {
        let mut command = Command::new("nsenter");
        let path = format!(
            "{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            self.path("bin").display()
        );
        command
            .current_dir(self.home())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home())
            .env("LC_ALL", "C.UTF-8")
            .arg(format!("--net={}", self.network.laptop().display()));
        command
    }

    /// Its public ssh key, one line.
    pub fn public_key(&self) -> String {
        std::fs::read_to_string(self.path(".ssh/id_ed25519.pub"))
            .unwrap()
            .trim()
            .to_owned()
    }

    /// Its home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A path in its home.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.home().join(inside)
    }
}
