//! The ports and paths of a configuration: each may be used only once, and nothing may lie in a folder that Tealkeep prunes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::reader::{Placed, Table};

/// What happens to the content of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing is removed from it: other paths may be inside.
    Kept,
    /// Old content is removed from it: nothing else may be inside.
    Pruned,
}

/// The ports and paths that a configuration may use only once.
#[derive(Default)]
pub(super) struct Claims {
    ports: HashMap<u16, String>,
    paths: Vec<(PathBuf, String, Content)>,
}

impl Claims {
    /// Claims the port of an address.
    pub fn port(&mut self, table: &Table<'_>, at: &Placed<SocketAddr>) {
        self.claim(table, at.value.port(), at);
    }

    /// Claims a port on loopback.
    pub fn local_port(&mut self, table: &Table<'_>, at: &Placed<u16>) {
        self.claim(table, at.value, at);
    }

    fn claim<T>(&mut self, table: &Table<'_>, port: u16, at: &Placed<T>) {
        if let Some(whose) = self.ports.get(&port) {
            let text = if at.given {
                format!("port {port} is already that of {whose}; each needs its own")
            } else {
                format!("its default, port {port}, is already that of {whose}; give it another one")
            };
            table.problem_at(at, text);
            return;
        }
        let whose = match at.given {
            true => format!("{} (line {})", at.key, at.line),
            false => format!("{} (by default)", at.key),
        };
        self.ports.insert(port, whose);
    }

    /// Claims a path; `on_this_machine` follows links first.
    pub fn path(
        &mut self,
        table: &Table<'_>,
        path: &Placed<PathBuf>,
        content: Content,
        on_this_machine: bool,
    ) {
        let shown = path.value.display();
        let real = match path.value.canonicalize() {
            Ok(real) if on_this_machine => real,
            Ok(_) | Err(_) => path.value.clone(),
        };
        let clash = self.paths.iter().find_map(|(other, key, others)| {
            if *other == real {
                Some(format!("{shown} is already that of {key}; each needs its own"))
            } else if *others == Content::Pruned && real.starts_with(other) {
                Some(format!("{shown} is inside {key}, from which Tealkeep removes old files; choose a place outside it"))
            } else if content == Content::Pruned && other.starts_with(&real) {
                Some(format!("{key} is inside {shown}, from which Tealkeep removes old files; choose another folder"))
            } else {
                None
            }
        });
        if let Some(text) = clash {
            table.problem_at(path, text);
        }
        self.paths.push((real, path.key.clone(), content));
    }
}
