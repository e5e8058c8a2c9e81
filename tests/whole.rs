//! Everything that runs over real sockets, files, processes and a browser.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod adopt;
mod browser;
mod caddy;
mod check;
mod cli;
mod config;
mod copies;
mod drill;
mod examples;
mod exchanges;
mod hostile;
mod house;
mod household;
mod http;
mod keys;
mod kills;
mod load;
mod mending;
mod nightly;
mod notify;
mod package;
mod pages;
mod policies;
mod preparations;
mod pull;
mod push;
mod runs;
mod seen;
mod serve;
mod space;
mod support;
mod systemd;
mod torture;
mod units;
mod workers;
