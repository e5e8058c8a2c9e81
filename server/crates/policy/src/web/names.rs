//! Whether a name looks as if it changed with the content. Only a name: the weakest evidence, and the only one
//! for what nobody has asked for yet. A size, a date, a version, a number or a word is none.

mod odds;
mod token;

use std::collections::HashMap;

use regex::Regex;
use url::Url;

pub(super) use token::Look;

/// How many characters Vite, and what is built on it, write.
const VITE_HASH_LENGTH: usize = 8;
/// Why something counts as mutable when there is no evidence at all.
pub(super) const NO_HASH_FOUND: &str =
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
    /// How many names of a shape surely carry a checksum, and the alphabet that holds them all.
    sure: HashMap<Shape, (usize, token::Alphabet)>,
    /// URLs that are known to have had other bytes, and where.
    pub(super) proven: HashMap<Url, String>,
}

/// Where in a name a part stands: names that a build made are alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shape {
    place: Place,
    separator: char,
    length: usize,
}

/// Which names are compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    /// Those of a folder.
    Folder(String),
    /// Those below a folder of the root, such as `/static/`: the names of one build.
    Tree(String),
}

/// How many neighbours with a checksum decide for one that could be one.
const ENOUGH_IN_FOLDER: usize = 2;
/// The same where they lie in other folders of the same tree.
const ENOUGH_IN_TREE: usize = 4;
/// How much likelier a part may be as a word than as a checksum, in nats, where its neighbours have one: of the checksums
/// of eight characters of base64 fewer than one in 2,000 are that much like a word.
const LIKE_A_WORD: f64 = -6.5;
/// The same for letters of one case: among names that is nearly always a word.
const LIKE_A_SMALL_WORD: f64 = 0.0;

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
                for place in Place::of(folder) {
                    let shape = Shape::of(place, &part);
                    let (count, holds) = self.sure.entry(shape).or_insert((0, alphabet));
                    *count += 1;
                    *holds = holds.and(alphabet);
                }
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
            None => Nature::Mutable(NO_HASH_FOUND.to_owned()),
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
        if let Some(value) = Names::in_query(url) {
            return Some(format!("“{value}” in its query looks like a checksum"));
        }
        let (folder, _) = folder_and_file(path);
        parts(path).into_iter().find_map(|part| {
            let text = part.text;
            match token::look(text) {
                Look::Checksum(_) => Some(format!("“{text}” in its name looks like a checksum")),
                Look::Possible(_) | Look::Alike(_) | Look::Nothing => {
                    let alike = self.alike(folder, &part)?;
                    Some(format!(
                        "“{text}” stands in its name where {alike} of its neighbours have a checksum"
                    ))
                }
            }
        })
    }

    /// How many neighbours have a checksum where this part stands, if they are enough to take it for one too.
    fn alike(&self, folder: &str, part: &Part<'_>) -> Option<usize> {
        if token::is_none(part.text) {
            return None;
        }
        let its = token::alphabet(part.text);
        Place::of(folder).into_iter().find_map(|place| {
            let enough = match place {
                Place::Folder(_) => ENOUGH_IN_FOLDER,
                Place::Tree(_) => ENOUGH_IN_TREE,
            };
            let (count, alphabet) = self.sure.get(&Shape::of(place, part))?;
            let is_number = part.text.bytes().all(|byte| byte.is_ascii_digit());
            let is_like_one = match is_number {
                // As likely an identity as a checksum; its neighbours have a checksum.
                true => true,
                false => {
                    let is_small = part.text.bytes().all(|byte| byte.is_ascii_lowercase());
                    let least = if is_small {
                        LIKE_A_SMALL_WORD
                    } else {
                        LIKE_A_WORD
                    };
                    alphabet.holds(its) && odds::of_hash(part.text, *alphabet) >= least
                }
            };
            (*count >= enough && is_like_one).then_some(*count)
        })
    }

    /// A part of the name that could be a checksum, where other evidence has to decide.
    pub(super) fn possible(url: &Url) -> Option<String> {
        parts(url.path()).into_iter().find_map(|part| {
            let could_be = match token::look(part.text) {
                Look::Checksum(_) => true,
                // `UserList.js` is a name; beside another one it may be a checksum that came out so.
                Look::Possible(_) if part.separator != ' ' => true,
                Look::Possible(_) | Look::Alike(_) | Look::Nothing => {
                    !token::is_none(part.text)
                        && odds::of_hash(part.text, token::alphabet(part.text)) >= 0.0
                }
            };
            could_be.then(|| part.text.to_owned())
        })
    }

    /// The value of `?id=`, where it looks like a checksum: another one makes another URL.
    pub(super) fn in_query(url: &Url) -> Option<String> {
        let (_, value) = url.query_pairs().find(|(name, _)| name == "id")?;
        matches!(token::look(&value), Look::Checksum(_)).then(|| value.into_owned())
    }
}

impl Place {
    fn of(folder: &str) -> Vec<Place> {
        let mut places = vec![Place::Folder(folder.to_owned())];
        // The root itself holds what people put there.
        if let Some(tree) = folder.split('/').find(|segment| !segment.is_empty()) {
            places.push(Place::Tree(tree.to_owned()));
        }
        places
    }
}

impl Shape {
    fn of(place: Place, part: &Part<'_>) -> Shape {
        Shape {
            place,
            // What stands alone and what stands after a dot are one build's: `DiwrgTda.js`, `entry.DiwrgTda.css`.
            separator: if part.separator == ' ' {
                '.'
            } else {
                part.separator
            },
            length: part.text.len(),
        }
    }
}

/// A part of a file's name, and what stands before it; a space where it is the whole name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) separator: char,
}

/// The parts of a file's name that could be a checksum: what stands between dots, hyphens and underscores; and eight
/// characters at the end, alone, after a dot, or before Astro's mark of a changed picture, since base64url has hyphens
/// and underscores itself.
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
        } else if dotted.len() == VITE_HASH_LENGTH {
            // `page.-NEgbUZs.js`, `B-x_9aQz.js`
            let is_all = dotted.len() == stem.len();
            let is_first = stem.starts_with(dotted);
            if is_all || !is_first {
                push(dotted, if is_all { ' ' } else { '.' });
            }
        } else if let Some((head, mark)) = dotted.split_at_checked(VITE_HASH_LENGTH)
            && mark.starts_with('_')
            && !stem.starts_with(dotted)
        {
            // `photo.D8a9sQwz_Z1kMn2.webp`
            push(head, '.');
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

/// Whether the bytes under a URL can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nature {
    /// They can't: why that is believed.
    Immutable(String),
    /// They can: why that is believed, or that nothing speaks against it.
    Mutable(String),
    /// They did: proof.
    ProvenMutable(String),
}

#[cfg(test)]
mod tests;
