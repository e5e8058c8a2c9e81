//! A Pi for tests: a real Debian in a container with its own systemd, D-Bus, polkit, sshd, Caddy and Node.js, and a
//! laptop that reaches it over a network of their own. The Debian is made once and kept (`tests/support/pi/rootfs`); each
//! container writes to a layer of its own above it, so that it begins afresh and leaves nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crowd;
mod household;
mod laptop;
mod network;
mod package;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal};

pub use crowd::Crowd;
pub use household::{DATABASE, Front, Household};
pub use laptop::Laptop;
use network::Network;
pub use package::{package, package_with_fault_points};

use super::until_blocking;

/// A container with a Debian that has booted. It goes away with this value, and all that it wrote.
pub struct Pi {
    /// `tk-<process>-<number>`: by the process the next test run knows what a killed one left.
    name: String,
    network: Arc<Network>,
    /// Which end of the network's cable is its own.
    namespace: PathBuf,
    /// `root`, where the container's file system is mounted, and the layer that it writes to.
    folder: PathBuf,
    /// The container's manager; `None` while the power is off.
    nspawn: Option<Child>,
}

impl Pi {
    /// Boots one, and waits until its systemd says that everything runs.
    ///
    /// # Panics
    /// Where this is not root, or where what it needs is not installed, with what to do.
    #[track_caller]
    pub fn boot() -> Pi {
        let lower = root();
        let network = Network::make();
        let (name, namespace) = (network.name.clone(), network.pi());
        Pi::made_of(&lower, name, "pi", network, namespace)
    }

    /// The same Debian once more, as the laptop at the other end of this one's cable: for what a laptop's own systemd
    /// does there.
    #[track_caller]
    pub fn boot_a_laptop(&self) -> Pi {
        let network = self.network.clone();
        let namespace = network.laptop();
        Pi::made_of(&root(), network::name(), "laptop", network, namespace)
    }

    #[track_caller]
    fn made_of(
        lower: &Path,
        name: String,
        hostname: &str,
        network: Arc<Network>,
        namespace: PathBuf,
    ) -> Pi {
        let folder = cache().join("run").join(&name);
        for part in ["root", "upper", "work"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        let layers = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.display(),
            folder.join("upper").display(),
            folder.join("work").display()
        );
        let mount = Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &layers])
            .arg(folder.join("root"))
            .output()
            .unwrap();
        if !mount.status.success() {
            // A file system that can't be a layer: a copy does the same, and takes longer.
            std::fs::remove_dir(folder.join("root")).unwrap();
            let copy = Command::new("cp")
                .args(["-a", "--reflink=auto"])
                .args([lower, &folder.join("root")])
                .output();
            succeeds("copying the root file system", &copy.unwrap());
        }
        let mut pi = Pi {
            name,
            network,
            namespace,
            folder,
            nspawn: None,
        };
        pi.write("/etc/hostname", &format!("{hostname}\n"));
        pi.boot_again();
        pi
    }

    /// Switches the power on again, after [`Pi::power_cut`].
    #[track_caller]
    pub fn boot_again(&mut self) {
        assert!(self.nspawn.is_none(), "it is already on");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("console"))
            .unwrap();
        let nspawn = Command::new(script("alone"))
            .arg(&self.name)
            .arg("systemd-nspawn")
            .arg(format!(
                "--directory={}",
                self.folder.join("root").display()
            ))
            .arg(format!("--machine={}", self.name))
            .arg(format!(
                "--network-namespace-path={}",
                self.namespace.display()
            ))
            .args([
                "--boot",
                "--register=no",
                "--keep-unit",
                "--console=pipe",
                "--quiet",
            ])
            .args(["--resolv-conf=off", "--timezone=off", "--link-journal=no"])
            // A Pi has no filter around its systemd; a container's own would refuse these.
            .arg("--system-call-filter=seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.nspawn = Some(nspawn);
        // Until D-Bus is there, there is nobody to be asked.
        until_blocking("the container is up", || {
            let said = self.try_run("systemctl is-system-running --wait || true");
            let state = String::from_utf8_lossy(&said.stdout).trim().to_owned();
            if let "running" | "degraded" = state.as_str() {
                return Ok(());
            }
            let ended = self.nspawn.as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none(),
                "the container ended: {ended:?}\n{}",
                self.console()
            );
            let stderr = String::from_utf8_lossy(&said.stderr);
            Err(format!("{state}\n{stderr}\n{}", self.console()))
        });
    }

    /// Runs a script as root in it, by `bash -euo pipefail`, and returns what it printed.
    #[track_caller]
    pub fn run(&self, script: &str) -> String {
        let output = self.try_run(script);
        if !output.status.success() {
            panic!("on the Pi:\n{script}\n{}", told(&output));
        }
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a script as root in it, whatever comes of it.
    pub fn try_run(&self, script: &str) -> Output {
        self.try_run_as("root", script)
    }

    /// Runs a script as one of its users, with all the groups that this user has.
    pub fn try_run_as(&self, user: &str, script: &str) -> Output {
        let Some(leader) = self.leader() else {
            return Output {
                status: std::os::unix::process::ExitStatusExt::from_raw(256),
                stdout: Vec::new(),
                stderr: b"it has no first process yet".to_vec(),
            };
        };
        let mut command = Command::new("nsenter");
        command
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("HOME", "/root")
            .env("LC_ALL", "C.UTF-8")
            .args(["--target", &leader.to_string(), "--all", "--wdns=/"]);
        if user != "root" {
            command.args(["runuser", "-u", user, "--"]);
        }
        shell(&mut command, script)
    }

    /// Where a path of its own lies on this machine.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder
            .join("root")
            .join(inside.trim_start_matches('/'))
    }

    /// Copies a file or a folder of this machine into it, owned by root there.
    #[track_caller]
    pub fn copy_in(&self, host: &Path, inside: &str) {
        let to = self.path(inside);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        let copy = Command::new("cp")
            .args(["-rT", "--preserve=mode,timestamps"])
            .args([host, &to])
            .output();
        succeeds("copying into the container", &copy.unwrap());
    }

    /// Writes a file in it, owned by root.
    #[track_caller]
    pub fn write(&self, inside: &str, content: &str) {
        let to = self.path(inside);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, content).unwrap();
    }

    /// Installs a package of this machine with apt, without any network.
    #[track_caller]
    pub fn install(&self, deb: &Path) {
        self.copy_in(deb, "/root/tealkeep.deb");
        self.run("DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends /root/tealkeep.deb");
    }

    /// Installs the same package once more with apt, as a later version.
    #[track_caller]
    pub fn upgrade(&self) {
        self.run(
            "rm -rf /root/next
            dpkg-deb -R /root/tealkeep.deb /root/next
            sed -i 's/^Version: .*/Version: 999.0.0-1/' /root/next/DEBIAN/control
            dpkg-deb -Znone -b /root/next /root/next.deb
            DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends /root/next.deb",
        );
    }

    /// Gives it a person as the imager of Raspberry Pi OS does: who signs in with this key, and may do everything by sudo
    /// without a password.
    #[track_caller]
    pub fn has_a_person(&self, name: &str, key: &str) {
        self.run(&format!(
            "useradd --create-home --shell /bin/bash {name}
            install -d -o {name} -g {name} -m 0700 /home/{name}/.ssh
            echo '{name} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{name}; chmod 0440 /etc/sudoers.d/{name}"
        ));
        self.write(&format!("/home/{name}/.ssh/authorized_keys"), key);
    }

    /// The address of its system bus, for a client or a service outside.
    #[track_caller]
    pub fn bus(&self) -> String {
        let leader = self.leader().expect("it is on");
        format!("unix:path=/proc/{leader}/root/run/dbus/system_bus_socket")
    }

    /// The namespace of the laptop's side, as a path for setns(2).
    pub fn laptops_namespace(&self) -> PathBuf {
        self.network.laptop()
    }

    /// Cuts its power: every process in it is gone at the same instant, what was written stays.
    #[track_caller]
    pub fn power_cut(&mut self) {
        let leader = self.leader().expect("it is on");
        rustix::process::kill_process(Pid::from_raw(leader).unwrap(), Signal::KILL).unwrap();
        self.until_off();
    }

    #[track_caller]
    fn until_off(&mut self) {
        let mut nspawn = self.nspawn.take().expect("it is on");
        until_blocking("the container ends", || {
            nspawn.try_wait().unwrap().ok_or_else(|| self.console())
        });
    }

    /// Waits until a script succeeds, and returns what it printed.
    #[track_caller]
    pub fn until(&self, script: &str) -> String {
        until_blocking(format_args!("on the Pi:\n{script}"), || {
            let output = self.try_run(script);
            match output.status.success() {
                true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
                false => Err(format!("{}\n{}", told(&output), self.journal())),
            }
        })
    }

    /// The last lines of its journal, for a failure's message.
    pub fn journal(&self) -> String {
        String::from_utf8_lossy(
            &self
                .try_run("journalctl -b -n 120 --no-pager -o short-precise")
                .stdout,
        )
        .into_owned()
    }

    fn console(&self) -> String {
        std::fs::read_to_string(self.folder.join("console")).unwrap_or_default()
    }

    /// The container's first process, by its id outside.
    fn leader(&self) -> Option<i32> {
        let nspawn = self.nspawn.as_ref()?.id();
        let children =
            std::fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
        let leader: i32 = children.split_whitespace().next()?.parse().ok()?;
        // Before it is systemd it is still a part of nspawn, in half-made namespaces.
        let name = std::fs::read_to_string(format!("/proc/{leader}/comm")).ok()?;
        (name.trim() == "systemd").then_some(leader)
    }
}

impl Drop for Pi {
    fn drop(&mut self) {
        if std::thread::panicking() && self.nspawn.is_some() {
            eprintln!("--- the Pi's journal ---\n{}", self.journal());
        }
        if let (Some(leader), Some(mut nspawn)) = (self.leader(), self.nspawn.take()) {
            // Whatever fails here is taken away by the sweep, now or before the next run.
            let _ = Pid::from_raw(leader)
                .map(|leader| rustix::process::kill_process(leader, Signal::KILL));
            let _ = nspawn.wait();
        }
        // The network may be shared with a laptop that stays; it goes with its last user.
        let _ = Command::new("umount")
            .arg(self.folder.join("root"))
            .status();
        let _ = std::fs::remove_dir_all(&self.folder);
        let _ = Command::new(script("alone"))
            .args(["--remove", &self.name])
            .status();
    }
}

/// The folder of the Debian that containers are made of; made at the first call.
#[track_caller]
pub fn root() -> PathBuf {
    use std::sync::OnceLock;
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests boot a container, which only root can; run them as root, or leave them out: TEALKEEP_WITHOUT_ROOT=1 tests/run"
        );
        for (program, package) in [
            ("systemd-nspawn", "systemd-container"),
            ("debootstrap", "debootstrap"),
            ("ip", "iproute2"),
            ("nsenter", "util-linux"),
            ("rsync", "rsync"),
            ("ssh", "openssh-client"),
        ] {
            let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
                .chain([PathBuf::from("/usr/sbin")])
                .any(|folder| folder.join(program).exists());
            assert!(found, "there is no {program}; as root: apt-get install {package}");
        }
        succeeds("sweeping", &Command::new(script("sweep")).output().unwrap());
        let made = Command::new(script("rootfs")).output().unwrap();
        succeeds("making the root file system", &made);
        PathBuf::from(String::from_utf8(made.stdout).unwrap().trim())
    })
    .clone()
}

fn cache() -> PathBuf {
    std::env::var_os("TEALKEEP_TEST_CACHE")
        .map_or_else(|| PathBuf::from("/var/cache/tealkeep-tests"), PathBuf::from)
}

fn script(name: &str) -> PathBuf {
    tests().join("support/pi").join(name)
}

/// The folder `tests` of the sources.
pub fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("tests")
}

/// The commands that a page of `docs` prints, block by block.
#[track_caller]
pub fn commands_in(page: &str) -> Vec<String> {
    let path = tests().with_file_name("docs").join(page);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let blocks = text.split("\n```").skip(1).step_by(2);
    blocks.map(|block| format!("{}\n", block.trim())).collect()
}

/// Runs a script by a shell that was begun with `command`. It can't read from this process's input, nor what is left of
/// the script from its own.
fn shell(command: &mut Command, script: &str) -> Output {
    command
        .args(["bash", "-euo", "pipefail", "-c", script])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn succeeds(what: &str, output: &Output) {
    assert!(output.status.success(), "{what}: {}", told(output));
}

/// What a command printed and how it ended.
pub fn told(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
