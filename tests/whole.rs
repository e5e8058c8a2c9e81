//! Everything that runs over real sockets, files, processes and a browser.

mod browser;
mod cli;
mod http;
mod pages;
mod support;
