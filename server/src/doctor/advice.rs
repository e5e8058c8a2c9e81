//! The commands that advice is made of, which depend on the machine.

use std::path::Path;

use crate::config::{Config, DEFAULT_CONFIG, RuntimeConfig};

/// The command that starts a stopped server.
pub(crate) const RESTART: &str = "systemctl restart tealkeep.service";

/// What is known about this machine beforehand. Advice depends on it: a systemd command does not help without systemd.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine {
    /// Whether Tealkeep is, or will be, installed as a service here.
    pub(super) has_service: bool,
    /// Whether systemd runs here.
    pub(super) has_systemd: bool,
    /// Whether this is root, who can see everything.
    pub(super) is_root: bool,
}

impl Machine {
    /// What the path of a configuration tells about the machine.
    pub(super) fn of_path(path: &Path) -> Machine {
        Machine {
            has_service: path == Path::new(DEFAULT_CONFIG),
            has_systemd: Path::new("/run/systemd/system").exists(),
            is_root: rustix::process::geteuid().is_root(),
        }
    }

    /// The same with the configuration, which may use systemd from any path.
    pub(super) fn of(config: &Config, path: &Path) -> Machine {
        let machine = Machine::of_path(path);
        let mut runtimes = config.apps.iter().map(|app| &app.runtime);
        Machine {
            has_service: machine.has_service
                || runtimes.any(|runtime| matches!(runtime, RuntimeConfig::Systemd(_))),
            ..machine
        }
    }

    /// The command that restarts the server.
    pub(super) fn restart(self) -> &'static str {
        match self.has_service && self.has_systemd {
            true => RESTART,
            false => "stop `tealkeep serve` and start it again",
        }
    }

    /// The command that shows more than this user sees; for root, who sees everything, `otherwise`.
    pub(super) fn as_root(self, app: &str, otherwise: impl Into<String>) -> String {
        match self.is_root {
            true => otherwise.into(),
            false => format!("sudo tealkeep doctor {app}"),
        }
    }

    /// The command that opens the configuration at a line and applies the change: after a refused start the server does not
    /// restart by itself.
    pub(super) fn edit(self, path: &str, line: usize) -> String {
        let line = line.max(1);
        match self.has_service && self.has_systemd {
            true => format!("nano +{line} {path} && {RESTART}"),
            false => format!("nano +{line} {path}    # then {}", self.restart()),
        }
    }
}

/// How to restart the server with the configuration at `path`: a command, or what to do without a service.
#[must_use]
pub fn restart(config: &Config, path: &Path) -> &'static str {
    Machine::of(config, path).restart()
}

/// A machine with the package, seen by root.
#[cfg(test)]
pub(super) const MACHINE: Machine = Machine {
    has_service: true,
    has_systemd: true,
    is_root: true,
};
