//! The word that a laptop leaves after a pull: one small file an app in the spool folder, which the user of the
//! pulling keys may write and who can reach nothing else of Tealkeep's. What stands in it is distrusted: it is
//! bounded, parsed into types, and told as the laptop's own claim.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::backup::SnapshotId;
use crate::durable;
use crate::http::Server;
use crate::journal::pulls::Pull;
use crate::journal::{NewEvent, Severity};
use crate::names::AppName;

/// Where the words are left, as the package makes it: `tealkeep:tealkeep-backup`, 2770.
pub const DEFAULT_SPOOL: &str = "/var/spool/tealkeep";

/// Longer than that is no word of ours.
const MOST_BYTES: u64 = 2048;
/// A laptop's name is cut there, in characters.
const LONGEST_NAME: usize = 64;
/// How often it is looked by itself; a page that shows the age of the last pull looks at once.
const PAUSE: Duration = Duration::from_secs(60);
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

/// Leaves word for an app, in the place of one that nobody has taken yet.
///
/// # Errors
/// The spool folder is not there, or can't be written.
pub fn leave(spool: &Path, app: &AppName, word: &Word) -> io::Result<()> {
    let text = serde_json::to_vec(word)?;
    durable::write_whole(&file(spool, app), &text, WORD_MODE)
}

/// Takes the word for an app out of the spool, with the time at which it was left. None was left, or there is no
/// spool: that is no error.
///
/// # Errors
/// What lies there can't be read or removed, or is no word; in the last case it is gone then.
pub fn take(spool: &Path, app: &AppName) -> io::Result<Option<(Word, SystemTime)>> {
    let path = file(spool, app);
    // Whoever may write there could put a link or a pipe in its place: neither is followed or waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(&path);
    let read = match opened {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => Err(e),
        Ok(file) => file.metadata().and_then(|meta| {
            if !meta.is_file() {
                return Err(io::Error::other("it is no plain file"));
            }
            let mut text = Vec::new();
            file.take(MOST_BYTES + 1).read_to_end(&mut text)?;
            Ok((text, meta.modified()?))
        }),
    };
    // Before it is believed: what can't be removed would be told again and again.
    match fs::remove_file(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        removed => removed?,
    }
    let (text, left_at) = read?;
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("it is too long"));
    }
    let mut word: Word = serde_json::from_slice(&text)?;
    word.laptop = name_of(&word.laptop);
    Ok(Some((word, left_at)))
}

fn file(spool: &Path, app: &AppName) -> PathBuf {
    spool.join(format!("{app}.json"))
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

/// Takes what was left for an app and writes it down in the journal.
///
/// # Errors
/// The spool or the journal can't be used.
pub async fn collect(server: &Server, app: &AppName) -> anyhow::Result<()> {
    let (spool, of) = (server.spool.clone(), app.clone());
    let taken = tokio::task::spawn_blocking(move || take(&spool, &of)).await?;
    let taken = taken.map_err(|error| {
        anyhow::anyhow!(
            "the word of a pull in {} can't be taken: {error}",
            server.spool.display()
        )
    })?;
    let Some((word, left_at)) = taken else {
        return Ok(());
    };
    let now = server.clock.now();
    let at = Timestamp::try_from(left_at).map_or(now, |at| at.min(now));
    let event = NewEvent::new(severity(&word), sentence(&word)).of(app);
    let pull = Pull {
        at,
        laptop: word.laptop,
        newest: word.newest,
        whole: word.whole,
        damaged: word.damaged,
    };
    server.journal.note_pull(app.clone(), pull).await?;
    server.journal.note(event).await;
    Ok(())
}

/// The newest pull of an app, what was left just now included.
///
/// # Errors
/// The journal can't be read.
pub async fn last(server: &Server, app: &AppName) -> anyhow::Result<Option<Pull>> {
    // A spool that can't be read is told by `watch`; what is known already is shown all the same.
    if let Err(error) = collect(server, app).await {
        tracing::debug!("{error:#}");
    }
    let pulls = server.journal.pulls(app.clone(), 1).await?;
    Ok(pulls.into_iter().next())
}

/// Looks for words once a minute until `stop`. The same fault is told once.
pub async fn watch(server: std::sync::Arc<Server>, stop: CancellationToken) {
    let mut told = None;
    loop {
        for app in &server.apps {
            let Err(error) = collect(&server, app.name()).await else {
                continue;
            };
            let text = format!("{error:#}");
            if told.as_ref() != Some(&text) {
                tracing::warn!(app = %app.name(), "{text}");
                told = Some(text);
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn severity(word: &Word) -> Severity {
    match word.damaged {
        None | Some(0) => Severity::Info,
        Some(_) => Severity::Warning,
    }
}

fn sentence(word: &Word) -> String {
    let mut text = format!("The laptop `{}` pulled", word.laptop);
    if let Some(newest) = word.newest {
        text.push_str(&format!("; the newest there is {newest}"));
    }
    if let Some(whole) = word.whole {
        text.push_str(&format!("; whole there: {whole}"));
    }
    match word.damaged {
        None | Some(0) => text.push('.'),
        Some(damaged) => text.push_str(&format!(
            "; {damaged} came damaged. `tealkeep verify` on this machine says whether that is so here."
        )),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> AppName {
        "home".parse().unwrap()
    }

    fn word(laptop: &str) -> Word {
        Word {
            laptop: laptop.to_owned(),
            newest: Some("2026-11-21T033000Z".parse().unwrap()),
            whole: Some(12),
            damaged: Some(0),
        }
    }

    #[test]
    fn a_word_is_taken_once() {
        let spool = tempfile::tempdir().unwrap();
        assert_eq!(take(spool.path(), &home()).unwrap(), None);
        assert_eq!(take(&spool.path().join("none"), &home()).unwrap(), None);
        leave(spool.path(), &home(), &word("anna")).unwrap();
        let (taken, _) = take(spool.path(), &home()).unwrap().unwrap();
        assert_eq!(taken, word("anna"));
        assert_eq!(take(spool.path(), &home()).unwrap(), None);
        assert!(leave(&spool.path().join("none"), &home(), &taken).is_err());
    }

    #[test]
    fn what_is_no_word_is_refused_and_gone() {
        let spool = tempfile::tempdir().unwrap();
        let path = spool.path().join("home.json");
        let secret = spool.path().join("secret");
        fs::write(&secret, serde_json::to_vec(&word("mallory")).unwrap()).unwrap();
        let long = serde_json::to_string(&word(&"x".repeat(5000))).unwrap();
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
            assert!(take(spool.path(), &home()).is_err(), "{text}");
            assert_eq!(take(spool.path(), &home()).unwrap(), None, "{text}");
        }
        std::os::unix::fs::symlink(&secret, &path).unwrap();
        assert!(take(spool.path(), &home()).is_err());
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert!(take(spool.path(), &home()).is_err());
        assert!(secret.exists() && !path.exists());
        // What can't be removed is never believed.
        fs::create_dir(&path).unwrap();
        assert!(take(spool.path(), &home()).is_err());
    }

    #[test]
    fn a_name_is_one_short_printable_line() {
        assert_eq!(name_of("anna's\n<b>laptop</b>\u{202e}"), "annasblaptopb");
        assert_eq!(name_of(" \n"), "a laptop");
        assert_eq!(name_of(&"ä".repeat(100)).chars().count(), LONGEST_NAME);
    }

    #[test]
    fn damage_is_a_warning() {
        let damaged = Word {
            damaged: Some(1),
            ..word("anna")
        };
        assert_eq!(severity(&damaged), Severity::Warning);
        assert!(sentence(&damaged).contains("1 came damaged"));
        assert_eq!(severity(&word("anna")), Severity::Info);
        assert_eq!(
            sentence(&word("anna")),
            "The laptop `anna` pulled; the newest there is 2026-11-21T033000Z; whole there: 12."
        );
    }
}
