//! The HTTP side: the dashboard's pages, the API and the event stream, over TCP for browsers and over
//! a unix socket for the command line. Which route asks for what is one table, `routes`.

pub mod adopt;
pub mod api;
pub mod auth;
mod body_deadline;
mod caller;
pub mod checks;
pub mod conditions;
mod console;
mod cookies;
mod events;
mod find;
mod guard;
pub mod incoming;
mod limits;
pub mod listen;
pub mod loss;
pub mod notices;
mod openapi;
mod page;
mod pages;
mod peer;
pub mod plan;
mod problem;
mod route;
pub mod routes;
mod server;
mod signed_in;
pub mod tokens;

pub use limits::OPEN_BODY_LIMIT_BYTES;
pub use route::Access;
pub use server::{STREAMS, Server};
