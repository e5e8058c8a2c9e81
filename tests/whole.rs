//! Everything that runs over real sockets, files, processes and a browser.

mod cli;
mod kills;
mod load;
mod support;
