//! Two network namespaces joined by one cable: the Pi's and the laptop's. Nothing else is in them, so that ports and
//! addresses can be the same in every test.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::succeeds;

/// The Pi's address.
pub const PI: &str = "10.77.0.1";
/// The laptop's address.
pub const LAPTOP: &str = "10.77.0.2";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// `tk-<process>-<number>`, never the same one twice.
pub(super) fn name() -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("tk-{}-{number}", std::process::id())
}

/// It goes away with its last user.
#[derive(Debug)]
pub struct Network {
    pub(super) name: String,
}

impl Network {
    #[track_caller]
    pub(super) fn make() -> Arc<Network> {
        let network = Network { name: name() };
        let (pi, laptop) = (
            format!("{}-pi", network.name),
            format!("{}-laptop", network.name),
        );
        ip(&["netns", "add", &pi]);
        ip(&["netns", "add", &laptop]);
        ip(&[
            "-n", &pi, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
            &laptop,
        ]);
        for (side, address) in [(&pi, PI), (&laptop, LAPTOP)] {
            ip(&[
                "-n",
                side,
                "address",
                "add",
                &format!("{address}/24"),
                "dev",
                "eth0",
            ]);
            ip(&["-n", side, "link", "set", "lo", "up"]);
            ip(&["-n", side, "link", "set", "eth0", "up"]);
        }
        Arc::new(network)
    }

    pub(super) fn pi(&self) -> PathBuf {
        PathBuf::from(format!("/run/netns/{}-pi", self.name))
    }

    pub(super) fn laptop(&self) -> PathBuf {
        PathBuf::from(format!("/run/netns/{}-laptop", self.name))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for side in ["pi", "laptop"] {
            // One that stays is taken away by the sweep before the next run.
            let _ = Command::new("ip")
                .args(["netns", "delete", &format!("{}-{side}", self.name)])
                .status();
        }
    }
}

#[track_caller]
fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().unwrap();
    succeeds(&format!("ip {}", arguments.join(" ")), &output);
}
