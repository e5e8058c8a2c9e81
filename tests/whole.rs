//! Everything that runs over real sockets, files, processes and a browser.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod cli;
mod http;
mod pages;
mod support;
