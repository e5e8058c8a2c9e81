//! `Cache-Control` by its grammar (RFC 9111 section 5.2, lists as in RFC 9110 section 5.6.1): several lines are
//! one list, names are compared without case, an argument may be quoted, what is not known is ignored, and what
//! can't be read is told rather than guessed.

/// The largest number of seconds that is told apart; more is this much (RFC 9111 section 1.2.2).
pub(super) const MAX_SECONDS: u64 = 1 << 31;
/// Directives that have no argument; with one they are not what they seem.
const FLAGS: &[&str] = &[
    "immutable",
    "must-revalidate",
    "must-understand",
    "no-store",
    "no-transform",
    "proxy-revalidate",
    "public",
];

/// The directives of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CacheControl {
    directives: Vec<Directive>,
    /// Members of the list that follow no grammar, as they stand there.
    pub(super) unreadable: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Directive {
    /// In lower case.
    name: String,
    /// What stands behind the `=`, quotes taken off.
    argument: Option<String>,
}

/// What a directive says that takes a number of seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seconds {
    /// So many, at most [`MAX_SECONDS`].
    Of(u64),
    /// Several that differ: the first, and the others. RFC 9111 section 4.2.1 lets a cache take the first or none.
    Several(u64, Vec<u64>),
    /// It is no number; a cache is encouraged to take the answer as stale (RFC 9111 section 4.2.1).
    Unreadable(String),
}

impl CacheControl {
    /// Of the lines of one field. It never fails.
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a str>) -> CacheControl {
        // RFC 9110 section 5.3: several lines are one, joined by commas.
        let joined = lines.collect::<Vec<_>>().join(", ");
        let mut read = CacheControl::default();
        for member in members(&joined) {
            match directive(member) {
                Some(directive) => read.directives.push(directive),
                None => read.unreadable.push(member.to_owned()),
            }
        }
        for directive in &read.directives {
            if directive.argument.is_some() && FLAGS.contains(&directive.name.as_str()) {
                let argument = directive.argument.as_deref().unwrap_or_default();
                read.unreadable
                    .push(format!("{}={argument}", directive.name));
            }
        }
        read
    }

    /// Whether nothing at all is said.
    pub(super) fn is_empty(&self) -> bool {
        self.directives.is_empty() && self.unreadable.is_empty()
    }

    /// Whether a directive stands there without an argument.
    pub(super) fn is_flagged(&self, name: &str) -> bool {
        self.of_name(name).any(|its| its.argument.is_none())
    }

    /// The field names that a `no-cache` is limited to (RFC 9111 section 5.2.2.4).
    pub(super) fn qualified_no_cache(&self) -> Option<&str> {
        self.of_name("no-cache")
            .find_map(|its| its.argument.as_deref())
    }

    /// What a directive with seconds says, if it is there.
    pub(super) fn seconds(&self, name: &str) -> Option<Seconds> {
        let mut found = Vec::new();
        for directive in self.of_name(name) {
            let argument = directive.argument.as_deref().unwrap_or_default();
            match delta_seconds(argument) {
                Some(seconds) => found.push(seconds),
                None => return Some(Seconds::Unreadable(argument.to_owned())),
            }
        }
        let first = *found.first()?;
        found.retain(|other| *other != first);
        Some(if found.is_empty() {
            Seconds::Of(first)
        } else {
            Seconds::Several(first, found)
        })
    }

    /// Whether a directive with seconds gives any time at all, by its first or its most generous value.
    pub(super) fn gives(&self, name: &str) -> Option<u64> {
        let most = match self.seconds(name)? {
            Seconds::Of(seconds) => seconds,
            Seconds::Several(first, others) => others.into_iter().fold(first, u64::max),
            Seconds::Unreadable(_) => 0,
        };
        (most > 0).then_some(most)
    }

    /// All of it, in a form in which two that say the same are equal.
    pub(super) fn normal(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .directives
            .iter()
            .map(|its| match &its.argument {
                Some(argument) => format!("{}={argument}", its.name),
                None => its.name.clone(),
            })
            .chain(self.unreadable.iter().cloned())
            .collect();
        all.sort();
        all.dedup();
        all
    }

    fn of_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Directive> {
        self.directives.iter().filter(move |its| its.name == name)
    }
}

/// RFC 9111 section 1.2.2.
fn delta_seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(MAX_SECONDS).min(MAX_SECONDS))
}

/// The members of a list, trimmed, without empty ones. A quotation that never ends takes all that follows with
/// it: nothing behind it may be believed.
fn members(list: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in list.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                found.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&list[start..]);
    found
        .into_iter()
        .map(|member| member.trim_matches([' ', '\t']))
        .filter(|member| !member.is_empty())
        .collect()
}

/// `token [ "=" ( token / quoted-string ) ]`
fn directive(member: &str) -> Option<Directive> {
    let (name, argument) = match member.split_once('=') {
        None => (member, None),
        Some((name, argument)) => (name, Some(argument)),
    };
    if !is_token(name) {
        // White space around the sign is against the grammar; some caches read it and some don't.
        let wanted = name.trim().to_ascii_lowercase();
        let spaced = wanted == "max-age" && argument.is_some();
        return spaced.then(|| Directive {
            name: wanted,
            argument: Some(format!(" {}", argument.unwrap_or_default())),
        });
    }
    let name = name.to_ascii_lowercase();
    let argument = match argument {
        None => None,
        Some(text) if is_token(text) => Some(text.to_owned()),
        Some(text) => match unquoted(text) {
            Some(text) => Some(text),
            // The name was meant; its value can't be read.
            None if name == "max-age" => Some(text.to_owned()),
            None => return None,
        },
    };
    Some(Directive { name, argument })
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// RFC 9110 section 5.6.4.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => out.push(chars.next()?),
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests;
