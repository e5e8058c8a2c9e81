//! URL records and their serialisation (URL Standard, sections 4.1, 4.5 and 4.7).

/// A URL's path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Path {
    /// One text without structure, as in `data:,x`.
    Opaque(String),
    /// Segments, each after a slash.
    List(Vec<String>),
}

/// A URL record. The host is serialised: `None` is null, an empty text the empty host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub(super) scheme: String,
    pub(super) username: String,
    pub(super) password: String,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) path: Path,
    pub(super) query: Option<String>,
    pub(super) fragment: Option<String>,
}

/// The special schemes' default ports; the outer `None` means "not special".
pub(super) fn default_port(scheme: &str) -> Option<Option<u16>> {
    match scheme {
        "ftp" => Some(Some(21)),
        "file" => Some(None),
        "http" | "ws" => Some(Some(80)),
        "https" | "wss" => Some(Some(443)),
        _ => None,
    }
}

impl Record {
    pub(super) fn new() -> Record {
        Record {
            scheme: String::new(),
            username: String::new(),
            password: String::new(),
            host: None,
            port: None,
            path: Path::List(Vec::new()),
            query: None,
            fragment: None,
        }
    }

    pub(super) fn is_special(&self) -> bool {
        default_port(&self.scheme).is_some()
    }

    pub(super) fn has_opaque_path(&self) -> bool {
        matches!(self.path, Path::Opaque(_))
    }

    pub(super) fn has_credentials(&self) -> bool {
        !self.username.is_empty() || !self.password.is_empty()
    }

    /// "Cannot have a username/password/port".
    pub(super) fn lacks_authority(&self) -> bool {
        self.host.as_deref().is_none_or(str::is_empty) || self.scheme == "file"
    }

    /// The path's segments; an opaque path becomes an empty list.
    pub(super) fn segments(&mut self) -> &mut Vec<String> {
        if self.has_opaque_path() {
            self.path = Path::List(Vec::new());
        }
        match &mut self.path {
            Path::List(list) => list,
            Path::Opaque(_) => unreachable!("it was replaced above"),
        }
    }

    /// "Shorten a url's path".
    pub(super) fn shorten_path(&mut self) {
        let is_file = self.scheme == "file";
        let list = self.segments();
        if is_file && matches!(&list[..], [only] if is_normalized_drive(only)) {
            return;
        }
        list.pop();
    }

    /// "Potentially strip trailing spaces from an opaque path".
    pub(super) fn strip_opaque_path(&mut self) {
        if self.fragment.is_none()
            && self.query.is_none()
            && let Path::Opaque(text) = &mut self.path
        {
            text.truncate(text.trim_end_matches(' ').len());
        }
    }

    /// The URL path serializer.
    pub(super) fn pathname(&self) -> String {
        match &self.path {
            Path::Opaque(text) => text.clone(),
            Path::List(list) => list
                .iter()
                .fold(String::new(), |text, part| text + "/" + part),
        }
    }

    /// The host and its port.
    pub(super) fn host_and_port(&self) -> String {
        let host = self.host.clone().unwrap_or_default();
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }

    /// The URL serializer.
    pub(super) fn href(&self) -> String {
        let mut text = format!("{}:", self.scheme);
        if self.host.is_some() {
            text.push_str("//");
            if self.has_credentials() {
                text.push_str(&self.username);
                if !self.password.is_empty() {
                    text.push(':');
                    text.push_str(&self.password);
                }
                text.push('@');
            }
            text.push_str(&self.host_and_port());
        } else if matches!(&self.path, Path::List(list) if list.len() > 1 && list[0].is_empty()) {
            // Otherwise the path would be read as a host.
            text.push_str("/.");
        }
        text.push_str(&self.pathname());
        for (mark, part) in [('?', &self.query), ('#', &self.fragment)] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
        text
    }
}

/// "Windows drive letter": a letter and `:` or `|`.
pub(super) fn is_drive(text: &[char]) -> bool {
    matches!(text, [letter, ':' | '|'] if letter.is_ascii_alphabetic())
}

/// "Normalized Windows drive letter": a letter and `:`.
pub(super) fn is_normalized_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}
