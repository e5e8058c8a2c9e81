//! The parts of a URL that script reads.

use super::parser::parse;
use super::record::Record;

impl Record {
    /// The origin, serialised; an opaque one is `null`.
    pub(super) fn origin(&self) -> String {
        match self.scheme.as_str() {
            "blob" => match parse(&self.pathname(), None) {
                Some(inner) if inner.scheme == "http" || inner.scheme == "https" => inner.origin(),
                _ => "null".to_owned(),
            },
            "ftp" | "http" | "https" | "ws" | "wss" => {
                format!("{}://{}", self.scheme, self.host_and_port())
            }
            _ => "null".to_owned(),
        }
    }

    /// A part, as the attribute of `URL` with that name gives it.
    pub(super) fn part(&self, name: &str) -> String {
        let marked = |mark: char, part: &Option<String>| match part.as_deref() {
            None | Some("") => String::new(),
            Some(part) => format!("{mark}{part}"),
        };
        match name {
            "origin" => self.origin(),
            "protocol" => format!("{}:", self.scheme),
            "username" => self.username.clone(),
            "password" => self.password.clone(),
            "host" => self.host_and_port(),
            "hostname" => self.host.clone().unwrap_or_default(),
            "port" => self.port.map(|port| port.to_string()).unwrap_or_default(),
            "pathname" => self.pathname(),
            "search" => marked('?', &self.query),
            "hash" => marked('#', &self.fragment),
            _ => self.href(),
        }
    }
}
