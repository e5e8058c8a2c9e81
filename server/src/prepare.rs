//! `tealkeep prepare`: makes a release ready on this machine, or takes the result of an earlier one over
//! by hard links when nothing that it depends on has changed and it does not name that release's path. Cut off at any instant, the next one of the
//! same release begins from scratch: what counts as prepared is said by a record that is written last.

mod bound;
mod child;
mod key;
mod record;
mod tree;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

pub use child::in_a_child;
pub use record::{FILE as RECORD_FILE, Record};

use crate::clock::seconds;
use crate::names::ReleaseId;
use crate::tree::remove;
use tree::Tree;

/// What is to be prepared, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// The folder of all releases, where an earlier one's result may be taken from.
    pub releases: PathBuf,
    /// The release that is to be made ready; its directory is below that folder.
    pub release: ReleaseId,
    /// Files of the release, relative to it, that the result depends on.
    pub inputs: Vec<PathBuf>,
    /// Commands whose output the result depends on, in words as a shell would split them.
    pub versions: Vec<String>,
    /// What makes the release ready, run in its directory.
    pub command: Vec<String>,
}

/// What a preparation made in a release, completed or not, as far as its record says: that belongs to whoever
/// prepared it, the app's user, and is believed about what is that user's only.
#[derive(Debug)]
pub struct Made {
    told: Option<(record::State, u32)>,
}

/// What is told of a preparation in this release.
///
/// # Errors
/// The record can't be read, or is none.
pub fn made_in(directory: &Path) -> anyhow::Result<Made> {
    let told = record::read_with_owner(directory)?;
    Ok(Made { told })
}

/// A file that names a directory that it needs is a script, a configuration or a small program; a larger one is not looked
/// through for an older version's sake, in bytes.
const MAX_LEANING_BYTES: u64 = 1 << 20;

/// Which of these directories, by their places in the list, a release can't do without, since its preparation was taken over
/// from an earlier release by a version that did not look for paths in it. It reads what was made once for all of them,
/// apart from files over 1 MiB.
///
/// # Errors
/// The record or what was made can't be read.
pub fn leans_on(directory: &Path, others: &[&Path]) -> anyhow::Result<BTreeSet<usize>> {
    let Some(record) = Record::of(directory)? else {
        return Ok(BTreeSet::new());
    };
    if record.searched || record.taken_from.is_none() {
        return Ok(BTreeSet::new());
    }
    bound::all_named(directory, &record.entries, others, MAX_LEANING_BYTES)
}

impl Made {
    /// Whether this path, relative to the release, is the record itself.
    #[must_use]
    pub fn is_record(path: &Path) -> bool {
        path == Path::new(RECORD_FILE)
    }

    /// Whether the preparation made this, with all in it: it says so, and has the same owner.
    #[must_use]
    pub fn accounts_for(&self, path: &Path, owner: u32) -> bool {
        let Some((state, preparer)) = &self.told else {
            return false;
        };
        let is_named = match state {
            record::State::Done(record) => record.entries.iter().any(|entry| entry == path),
            record::State::Begun { received } => !received.iter().any(|entry| entry == path),
        };
        is_named && owner == *preparer
    }
}

impl Order {
    fn directory(&self) -> PathBuf {
        self.releases.join(self.release.as_str())
    }
}

/// Makes a release ready; `tell` gets plain sentences. The command's own output goes where this process's goes.
///
/// Afterwards everything that was made is read-only to the user who made it, and may be removed by its group.
/// A failure leaves what was made for a look; it never counts as prepared.
///
/// # Errors
/// An input is missing, a version can't be asked, the command failed or changed what had been received.
pub fn run(order: &Order, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Record> {
    let directory = order.directory();
    if !directory.is_dir() {
        bail!("{} is not a release's directory", directory.display());
    }
    let key = key::of(order, &directory)?;
    let received = match record::read(&directory)? {
        Some(record::State::Done(done)) if done.key == key && done.is_whole(&directory) => {
            tell(&format!(
                "{} was prepared already; nothing that it depends on has changed",
                order.release
            ));
            return Ok(done);
        }
        Some(record::State::Done(done)) => {
            for entry in &done.entries {
                remove(&directory.join(entry))?;
            }
            Tree::read(&directory)?
        }
        Some(record::State::Begun { received }) => {
            tell("an earlier try was cut off or failed; what it left is removed");
            let received = received.into_iter().collect();
            tree::remove_all_but(&directory, &received)?;
            Tree::read(&directory)?
        }
        None => Tree::read(&directory)?,
    };
    record::State::Begun {
        received: received.paths(),
    }
    .write(&directory)?;
    let record = match take_over(order, &directory, &key, tell)? {
        Some(record) => record,
        None => make(order, &directory, key, &received, tell)?,
    };
    tree::sync(&directory)?;
    record::State::Done(record.clone()).write(&directory)?;
    Ok(record)
}

/// Runs the command, and finds out what it made.
fn make(
    order: &Order,
    directory: &Path,
    key: String,
    received: &Tree,
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<Record> {
    let said = order.command.join(" ");
    let (program, arguments) = order
        .command
        .split_first()
        .context("no command was named")?;
    let began = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("`{program}` can't be run; is it installed, and in the PATH?"))?;
    if !status.success() {
        bail!("`{said}` ended with {status}");
    }
    let took = began.elapsed();
    let after = Tree::read(directory)?;
    if let Some(changed) = received.first_change(&after) {
        bail!(
            "`{said}` changed or removed {}, which was received; a release stays as it was sent",
            changed.display()
        );
    }
    let entries = received.appeared_in(&after);
    let files = tree::seal(directory, &entries)?;
    let bound = bound::first_naming(directory, &entries, directory)?;
    tell(&format!(
        "{said} took {}: {files} files{}",
        seconds(took),
        told_bound(bound.as_deref())
    ));
    Ok(Record {
        key,
        command: order.command.clone(),
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        taken_from: None,
        entries,
        files,
        bound,
        searched: true,
    })
}

/// That a result can't be taken over, as the end of a sentence; empty where it can.
fn told_bound(bound: Option<&Path>) -> String {
    bound.map_or_else(String::new, |file| {
        format!(
            "; {} names this release's own path, so every release makes its own",
            file.display()
        )
    })
}

/// Links what an earlier release made into this one; `None` where there is none that fits, or where this
/// file system does not allow it.
fn take_over(
    order: &Order,
    directory: &Path,
    key: &str,
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<Option<Record>> {
    let Some((earlier, record)) = record::newest_with(&order.releases, &order.release, key)? else {
        return Ok(None);
    };
    let began = Instant::now();
    let from = order.releases.join(earlier.as_str());
    let mut linked = Ok(0);
    for entry in &record.entries {
        linked = linked.and_then(|sum| Ok(sum + tree::link(&from, directory, entry)?));
    }
    let trouble = match linked {
        Ok(files) if files == record.files => None,
        Ok(files) => Some(format!("{files} files of {} are still there", record.files)),
        Err(error) if is_no_reason_to_fail(&error) => Some(error.to_string()),
        Err(error) => return Err(error).context("cannot link what an earlier release made"),
    };
    if let Some(trouble) = trouble {
        tell(&format!(
            "what {earlier} made can't be taken over ({trouble}); it is made anew"
        ));
        for entry in &record.entries {
            remove(&directory.join(entry))?;
        }
        return Ok(None);
    }
    tree::seal_directories(directory, &record.entries)?;
    let record = Record {
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        taken_from: Some(earlier),
        ..record
    };
    tell(&record.told());
    Ok(Some(record))
}

/// Another disk or another mount of the same one (link(2): a unit whose `ReadWritePaths` names only this release
/// mounts it apart, so it must name the folder of all of them), a kernel that protects hard links of others (`fs.protected_hardlinks`), too many links, or
/// an earlier release that is just being removed: the command does it then.
fn is_no_reason_to_fail(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::CrossesDevices
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::TooManyLinks
            | io::ErrorKind::NotFound
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::Unsupported
    )
}

impl Record {
    /// How it came about, in a sentence without its full stop.
    #[must_use]
    pub fn told(&self) -> String {
        let what = self
            .entries
            .iter()
            .map(|entry| entry.display().to_string())
            .collect::<Vec<_>>();
        let what = match &*what {
            [] => "nothing".to_owned(),
            [one] => one.clone(),
            [one, two] => format!("{one} and {two}"),
            [one, rest @ ..] => format!("{one} and {} more", rest.len()),
        };
        let (took, files) = (seconds(Duration::from_millis(self.took_ms)), self.files);
        match &self.taken_from {
            Some(earlier) => format!(
                "{what} was taken from {earlier} by hard links in {took}: {files} files, nothing that it depends on has changed"
            ),
            None => format!(
                "`{}` made {what} in {took}: {files} files{}",
                self.command.join(" "),
                told_bound(self.bound.as_deref())
            ),
        }
    }
}

#[cfg(test)]
mod tests;
