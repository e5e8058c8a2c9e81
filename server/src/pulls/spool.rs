//! The spool folder, which the user of the pulling keys may write and who can reach nothing else of Tealkeep's: one small
//! file an app and laptop. What stands in it is distrusted: it is bounded and parsed into types, and nothing but files
//! of these names is looked at.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::backup::SnapshotId;
use crate::durable;
use crate::names::AppName;

/// Longer than that is no word of ours.
const MAX_WORD_BYTES: u64 = 2048;
/// A laptop's name is cut there, in characters.
const LONGEST_NAME: usize = 64;
/// So many digits of a hash of its name stand for a laptop in the name of a file.
const LAPTOP_DIGITS: usize = 16;
/// So many words are taken at a time.
const MAX_PER_ROUND: usize = 16;
/// So many may wait for an app: whoever leaves word under one name after another fills no disk.
const MAX_WAITING: usize = 64;
/// Others can't enter the spool folder; the server that reads it is not in the group of who writes.
const WORD_MODE: u32 = 0o644;

/// What a laptop says of its copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// What it calls itself.
    pub laptop: String,
    /// The newest snapshot that it has.
    #[serde(default)]
    pub newest: Option<SnapshotId>,
    /// How many snapshots it knows to be whole.
    #[serde(default)]
    pub whole: Option<u32>,
    /// How many came damaged.
    #[serde(default)]
    pub damaged: Option<u32>,
}

/// Leaves word for an app, in the place of one of the same laptop that nobody has taken yet.
///
/// # Errors
/// The spool folder is not there, or can't be written, or holds too many words already.
pub fn leave(spool: &Path, app: &AppName, word: &Word) -> io::Result<()> {
    let path = file(spool, app, &word.laptop);
    if !path.exists() && files(spool, app, MAX_WAITING)?.len() >= MAX_WAITING {
        return Err(io::Error::other(format!(
            "{MAX_WAITING} words for {app} wait there already; Tealkeep takes them when it runs"
        )));
    }
    let text = serde_json::to_vec(word)?;
    durable::write_whole(&path, &text, WORD_MODE)
}

/// A word that lies in the spool, and stays there until it is [removed](Left::remove).
#[derive(Debug)]
pub struct Left {
    /// The word.
    pub word: Word,
    /// When it was left.
    pub at: SystemTime,
    path: PathBuf,
    inode: u64,
}

impl Left {
    /// Takes it out of the spool. One that the same laptop has left meanwhile stays.
    ///
    /// # Errors
    /// It can't be removed.
    pub fn remove(&self) -> io::Result<()> {
        match fs::symlink_metadata(&self.path) {
            Ok(meta) if meta.ino() != self.inode => Ok(()),
            Ok(_) => fs::remove_file(&self.path),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e),
        }
    }
}

/// What lies in the spool for an app.
#[derive(Debug, Default)]
pub struct Found {
    /// The words, the oldest first, and not all of them where there are many.
    pub words: Vec<Left>,
    /// Why one of the others was none. It is gone then, unless that is what failed.
    pub fault: Option<io::Error>,
}

/// Reads what was left for an app. None was left, or there is no spool: that is no error.
///
/// # Errors
/// The spool can't be read.
pub fn look(spool: &Path, app: &AppName) -> io::Result<Found> {
    let mut found = Found::default();
    for path in files(spool, app, MAX_PER_ROUND)? {
        match read(&path) {
            Ok(left) => found.words.extend(left),
            Err(no_word) => {
                let removed = fs::remove_file(&path);
                found.fault = Some(removed.err().unwrap_or(no_word));
            }
        }
    }
    found.words.sort_by_key(|left| left.at);
    Ok(found)
}

/// Reads a word; `None` if it is gone.
fn read(path: &Path) -> io::Result<Option<Left>> {
    // Whoever may write there could put a link or a pipe in its place: neither is followed or waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path);
    let file = match opened {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    let mut text = Vec::new();
    file.take(MAX_WORD_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_WORD_BYTES {
        return Err(io::Error::other("it is too long"));
    }
    let mut word: Word = serde_json::from_slice(&text)?;
    word.laptop = name_of(&word.laptop);
    Ok(Some(Left {
        word,
        at: meta.modified()?,
        path: path.to_owned(),
        inode: meta.ino(),
    }))
}

/// The file of a laptop's word. No name of an app has an `@` in it.
fn file(spool: &Path, app: &AppName, laptop: &str) -> PathBuf {
    let hash = blake3::hash(laptop.as_bytes()).to_hex();
    spool.join(format!("{app}@{}.json", &hash[..LAPTOP_DIGITS]))
}

/// The files that are an app's by their names, `most` of them. A spool that is not there has none.
fn files(spool: &Path, app: &AppName, most: usize) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(spool) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry
            .file_name()
            .to_str()
            .is_some_and(|name| is_of(name, app))
        {
            found.push(entry.path());
        }
        if found.len() >= most {
            break;
        }
    }
    Ok(found)
}

fn is_of(name: &str, app: &AppName) -> bool {
    let of_app = name.strip_prefix(app.as_str());
    let Some(laptop) = of_app.and_then(|rest| rest.strip_suffix(".json")) else {
        return false;
    };
    // An older version left one for all laptops.
    laptop.is_empty()
        || laptop.strip_prefix('@').is_some_and(|digits| {
            digits.len() == LAPTOP_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit())
        })
}

/// A laptop's name as it may stand in a sentence: printable, on one line, of bounded length, never empty.
#[must_use]
pub fn name_of(said: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || " .-_@:+".contains(*c);
    let name: String = said.chars().filter(kept).take(LONGEST_NAME).collect();
    match name.trim() {
        "" => "a laptop".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pulls::tests::word;

    fn home() -> AppName {
        "home".parse().unwrap()
    }

    /// Who left word, the oldest first; all of it must be words.
    fn laptops(spool: &Path) -> Vec<String> {
        let found = look(spool, &home()).unwrap();
        assert!(found.fault.is_none(), "{found:?}");
        found
            .words
            .into_iter()
            .map(|left| left.word.laptop)
            .collect()
    }

    #[test]
    fn a_word_stays_until_it_is_removed() {
        let spool = tempfile::tempdir().unwrap();
        assert!(laptops(spool.path()).is_empty());
        assert!(laptops(&spool.path().join("none")).is_empty());
        leave(spool.path(), &home(), &word("anna")).unwrap();
        assert_eq!(laptops(spool.path()), ["anna"]);
        let found = look(spool.path(), &home()).unwrap();
        assert_eq!(found.words[0].word, word("anna"));
        found.words[0].remove().unwrap();
        assert!(laptops(spool.path()).is_empty());
        found.words[0].remove().unwrap();
        assert!(leave(&spool.path().join("none"), &home(), &word("anna")).is_err());
    }

    #[test]
    fn a_word_that_was_left_meanwhile_stays() {
        let spool = tempfile::tempdir().unwrap();
        leave(spool.path(), &home(), &word("anna")).unwrap();
        let found = look(spool.path(), &home()).unwrap();
        leave(spool.path(), &home(), &word("anna")).unwrap();
        found.words[0].remove().unwrap();
        assert_eq!(laptops(spool.path()), ["anna"]);
    }

    #[test]
    fn each_laptop_has_a_word_of_its_own_and_the_oldest_comes_first() {
        let spool = tempfile::tempdir().unwrap();
        let at = |path: &Path, seconds: u64| {
            let file = fs::File::options().write(true).open(path).unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds);
            file.set_modified(at).unwrap();
        };
        for (nth, laptop) in ["bert", "anna"].into_iter().enumerate() {
            leave(spool.path(), &home(), &word(laptop)).unwrap();
            at(&file(spool.path(), &home(), laptop), nth as u64 + 1);
        }
        // As an older version leaves it.
        let old = spool.path().join("home.json");
        fs::write(&old, serde_json::to_vec(&word("carl")).unwrap()).unwrap();
        at(&old, 0);
        for foreign in ["home-2.json", "home@12.json", "home@x", "other.json"] {
            fs::write(spool.path().join(foreign), "{}").unwrap();
        }
        leave(spool.path(), &"home-2".parse().unwrap(), &word("dora")).unwrap();
        assert_eq!(laptops(spool.path()), ["carl", "bert", "anna"]);
    }

    #[test]
    fn whoever_leaves_word_under_one_name_after_another_fills_no_disk() {
        let spool = tempfile::tempdir().unwrap();
        for nth in 0..MAX_WAITING {
            leave(spool.path(), &home(), &word(&format!("laptop {nth}"))).unwrap();
        }
        assert!(leave(spool.path(), &home(), &word("one more")).is_err());
        leave(spool.path(), &home(), &word("laptop 0")).unwrap();
        assert_eq!(laptops(spool.path()).len(), MAX_PER_ROUND);
    }

    #[test]
    fn what_is_no_word_is_refused_and_gone() {
        let spool = tempfile::tempdir().unwrap();
        let path = file(spool.path(), &home(), "anna");
        let secret = spool.path().join("secret");
        fs::write(&secret, serde_json::to_vec(&word("mallory")).unwrap()).unwrap();
        let long = serde_json::to_string(&word(&"x".repeat(5000))).unwrap();
        let refused = || {
            let found = look(spool.path(), &home()).unwrap();
            found.fault.is_some() && found.words.is_empty()
        };
        for text in [
            "",
            "{}",
            "[]",
            "{\"laptop\":1}",
            "{\"laptop\":\"a\",\"newest\":\"../x\"}",
            "{\"laptop\":\"a\",\"whole\":-1}",
            &long,
        ] {
            fs::write(&path, text).unwrap();
            assert!(refused(), "{text}");
            assert!(laptops(spool.path()).is_empty(), "{text}");
        }
        std::os::unix::fs::symlink(&secret, &path).unwrap();
        assert!(refused());
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert!(refused());
        assert!(secret.exists() && !path.exists());
        // What can't be removed is never believed, and keeps nobody else's word from being taken.
        fs::create_dir(&path).unwrap();
        leave(spool.path(), &home(), &word("bert")).unwrap();
        let found = look(spool.path(), &home()).unwrap();
        assert!(found.fault.is_some());
        assert_eq!(found.words[0].word, word("bert"));
    }

    #[test]
    fn a_name_is_one_short_printable_line() {
        assert_eq!(name_of("anna's\n<b>laptop</b>\u{202e}"), "annasblaptopb");
        assert_eq!(name_of(" \n"), "a laptop");
        assert_eq!(name_of(&"ä".repeat(100)).chars().count(), LONGEST_NAME);
    }
}
