//! Whether a name looks as if it changed with the content. Only a name: the weakest evidence, and the only one
//! for what nobody has asked for yet. A size, a date, a version, a number or a word is none.

mod token;

use std::collections::HashMap;

use regex::Regex;
use url::Url;

use super::Nature;
pub(super) use token::Look;

/// Why something counts as mutable when there is no evidence at all.
pub(super) const NOTHING_SPEAKS: &str =
    "nothing says that it can't change: its name has no part that is made of its content";

/// Folders in which a build puts nothing but files whose names change with their content.
const FOLDERS: &[(&str, &str)] = &[
    ("/_app/immutable/", "SvelteKit"),
    ("/_next/static/", "Next.js"),
    ("/_nuxt/builds/meta/", "Nuxt"),
];
/// What the same framework serves from such a folder while it is developed.
const DEVELOPED: &[&str] = &["/_next/static/development/", "/_next/static/webpack/"];

/// What is known of a site's names.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Configured patterns for paths of assets that never change.
    configured: Vec<Regex>,
    /// How many names of a shape surely carry a checksum.
    sure: HashMap<Shape, usize>,
    /// URLs that are known to have had other bytes, and where.
    pub(super) proven: HashMap<Url, String>,
}

/// Where in a name a part stands: names that a build made are alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shape {
    folder: String,
    separator: char,
    length: usize,
    alphabet: token::Alphabet,
}

impl Names {
    /// With the configured patterns; one that is no regular expression is told to the log and left out, since the
    /// configuration refuses it beforehand.
    #[must_use]
    pub fn new(patterns: &[String]) -> Names {
        let compiled = patterns.iter().filter_map(|pattern| {
            Regex::new(pattern)
                .inspect_err(|e| {
                    tracing::warn!("the pattern {pattern:?} for immutable assets: {e}")
                })
                .ok()
        });
        Names {
            configured: compiled.collect(),
            ..Names::default()
        }
    }

    /// Learns from a name that the site uses.
    pub(super) fn learn(&mut self, url: &Url) {
        let (folder, _) = folder_and_file(url.path());
        for part in parts(url.path()) {
            if let Look::Checksum(alphabet) = token::look(part.text) {
                let shape = Shape::of(folder, &part, alphabet);
                *self.sure.entry(shape).or_default() += 1;
            }
        }
    }

    /// Whether a configured pattern holds for a URL.
    pub(super) fn is_configured(&self, url: &Url) -> Option<String> {
        let with_query = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let found = self
            .configured
            .iter()
            .find(|pattern| pattern.is_match(with_query) || pattern.is_match(url.path()))?;
        Some(format!(
            "the configured pattern {:?} says so",
            found.as_str()
        ))
    }

    /// What the name alone says.
    pub(super) fn nature(&self, url: &Url) -> Nature {
        if let Some(proof) = self.proven.get(url) {
            return Nature::ProvenMutable(proof.clone());
        }
        if let Some(why) = self.is_configured(url) {
            return Nature::Immutable(why);
        }
        match self.by_name(url) {
            Some(why) => Nature::Immutable(why),
            None => Nature::Mutable(NOTHING_SPEAKS.to_owned()),
        }
    }

    /// Why a name is believed to change with the content, if it is.
    pub(super) fn by_name(&self, url: &Url) -> Option<String> {
        let path = url.path();
        if !DEVELOPED.iter().any(|folder| path.contains(folder))
            && let Some((folder, whose)) = FOLDERS.iter().find(|(f, _)| path.contains(f))
        {
            return Some(format!("{whose} puts only such files into {folder}"));
        }
        let (folder, _) = folder_and_file(path);
        parts(path).into_iter().find_map(|part| {
            let text = part.text;
            match token::look(text) {
                Look::Checksum(_) => Some(format!("“{text}” in its name looks like a checksum")),
                Look::Possible(alphabet) | Look::Alike(alphabet) => {
                    let alike: usize = alphabet
                        .wider()
                        .iter()
                        .filter_map(|wider| self.sure.get(&Shape::of(folder, &part, *wider)))
                        .sum();
                    (alike >= 2 && part.separator != ' ').then(|| {
                        format!(
                            "“{text}” stands in its name where {alike} of its neighbours have a checksum"
                        )
                    })
                }
                Look::Nothing => None,
            }
        })
    }

    /// A part of the name that could be a checksum, where other evidence has to decide.
    pub(super) fn possible(url: &Url) -> Option<String> {
        parts(url.path()).into_iter().find_map(|part| {
            let could_be = matches!(
                token::look(part.text),
                Look::Checksum(_) | Look::Possible(_)
            );
            (could_be && part.separator != ' ').then(|| part.text.to_owned())
        })
    }
}

impl Shape {
    fn of(folder: &str, part: &Part<'_>, alphabet: token::Alphabet) -> Shape {
        Shape {
            folder: folder.to_owned(),
            separator: part.separator,
            length: part.text.len(),
            alphabet,
        }
    }
}

/// A part of a file's name, and what stands before it; a space where it is the whole name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) separator: char,
}

/// The parts of a file's name that could be a checksum: what stands between dots, hyphens and underscores, and
/// the last eight characters before a dot, since base64url has hyphens and underscores itself.
pub(super) fn parts(path: &str) -> Vec<Part<'_>> {
    let (_, file) = folder_and_file(path);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let mut found: Vec<Part<'_>> = Vec::new();
    let mut push = |text, separator| {
        let part = Part { text, separator };
        if !found.contains(&part) {
            found.push(part);
        }
    };
    let mut start = 0;
    for dotted in stem.split('.') {
        if !dotted.contains(['-', '_', '~']) {
            let is_all = dotted.len() == stem.len();
            push(dotted, if is_all { ' ' } else { '.' });
        }
        // Vite's eight characters of base64url can hold a hyphen themselves.
        if let Some(at) = dotted.len().checked_sub(9)
            && dotted.is_char_boundary(at)
            && let Some(tail) = dotted[at..].strip_prefix(['-', '_'])
        {
            push(tail, '-');
        }
        for (at, c) in dotted.char_indices() {
            if matches!(c, '-' | '_' | '~') {
                push(&dotted[start..at], if start == 0 { '^' } else { '-' });
                start = at + 1;
            }
        }
        if start > 0 {
            push(&dotted[start..], '-');
        }
        start = 0;
    }
    found
}

fn folder_and_file(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests;
