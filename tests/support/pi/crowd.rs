//! The people at home: the load of the other tests, in the laptop's network.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::runtime::{Builder, Runtime};

use super::{Pi, network};
use crate::support::load::{Load, Mix, Tally};

/// Clients that use the app on a Pi, until they are told to stop.
pub struct Crowd {
    /// Its threads have joined the laptop's network, for good.
    runtime: Runtime,
    load: Load,
}

impl Crowd {
    /// Lets them begin, at port 3000.
    #[track_caller]
    pub fn at(pi: &Pi, mix: Mix) -> Crowd {
        let namespace = File::open(pi.laptops_namespace()).unwrap();
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .on_thread_start(move || {
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), network).unwrap();
            })
            .build()
            .unwrap();
        let address: Ipv4Addr = network::PI.parse().unwrap();
        let inside = runtime.enter();
        let load = Load::begin(SocketAddr::from((address, 3000)), mix);
        drop(inside);
        Crowd { runtime, load }
    }

    /// Waits until so many more requests were answered.
    #[track_caller]
    pub fn until_answered(&self, more: u64) {
        self.runtime.block_on(self.load.until_answered(more));
    }

    /// What they saw so far.
    pub fn so_far(&self) -> Tally {
        self.load.so_far()
    }

    /// Lets each finish its request, and says what they saw.
    #[track_caller]
    pub fn stop(self) -> Tally {
        self.runtime.block_on(self.load.stop())
    }
}
