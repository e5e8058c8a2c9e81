//! `tealkeep prepare`: prepares a release on this machine, or reuses the result of an earlier one through hard links if nothing on
//! which it depends has changed and it does not contain that release's path. If it is interrupted, the next attempt for
//! the same release starts from scratch: a record that is written last says what counts as prepared.

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

pub use child::run_in_child;
pub use record::{FILE as RECORD_FILE, Record};

use crate::clock::seconds;
use crate::names::ReleaseId;
use crate::tree::remove;
use tree::Tree;

/// What to prepare, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// The folder of all releases, from which an earlier result may be reused.
    pub releases: PathBuf,
    /// The release to prepare; its directory is in that folder.
    pub release: ReleaseId,
    /// Files of the release, relative to it, on which the result depends.
    pub inputs: Vec<PathBuf>,
    /// Commands on whose output the result depends, as a shell would split them.
    pub versions: Vec<String>,
    /// The command that prepares the release, run in its directory.
    pub command: Vec<String>,
}

/// What a preparation made in a release, completed or not, according to its record. The record belongs to the app's user, who
/// prepared the release, and counts only for files of that user.
#[derive(Debug)]
pub struct PreparedFiles {
    record: Option<(record::State, u32)>,
}

/// What the record says about a preparation in this release.
///
/// # Errors
/// The record can't be read or is invalid.
pub fn read_made(directory: &Path) -> anyhow::Result<PreparedFiles> {
    let record = record::read_with_owner(directory)?;
    Ok(PreparedFiles { record })
}

/// The largest file that is searched for paths when an older version made the result, in bytes: files that name a directory
/// they need are scripts, configurations or small programs.
const MAX_SEARCHED_BYTES: u64 = 1 << 20;

/// Which of these directories, by index, a release needs because a version that did not search for paths reused the preparation of
/// an earlier release. Everything that was made is read once for all of them, except files over 1 MiB.
///
/// # Errors
/// The record or the result can't be read.
pub fn find_needed(directory: &Path, others: &[&Path]) -> anyhow::Result<BTreeSet<usize>> {
    let Some(record) = Record::of(directory)? else {
        return Ok(BTreeSet::new());
    };
    if record.searched || record.taken_from.is_none() {
        return Ok(BTreeSet::new());
    }
    bound::all_named(directory, &record.entries, others, MAX_SEARCHED_BYTES)
}

impl PreparedFiles {
    /// Whether this path, relative to the release, is the record itself.
    #[must_use]
    pub fn is_record(path: &Path) -> bool {
        path == Path::new(RECORD_FILE)
    }

    /// Whether the preparation made this, with everything in it: the record says so, and it has the same owner.
    #[must_use]
    pub fn accounts_for(&self, path: &Path, owner: u32) -> bool {
        let Some((state, preparer)) = &self.record else {
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

/// Prepares a release; `report` gets plain sentences. The command's output goes where this process's output goes.
///
/// Afterwards everything that was made is read-only for the user who made it, and can be removed by its group.
/// A failure leaves what was made for inspection; it never counts as prepared.
///
/// # Errors
/// An input is missing, a version command fails, or the command failed or changed received files.
pub fn run(order: &Order, report: &mut dyn FnMut(&str)) -> anyhow::Result<Record> {
    let directory = order.directory();
    if !directory.is_dir() {
        bail!("{} is not a release's directory", directory.display());
    }
    let key = key::compute(order, &directory)?;
    let received = match record::read(&directory)? {
        Some(record::State::Done(done)) if done.key == key && done.is_whole(&directory) => {
            report(&format!(
                "{} is already prepared; nothing on which it depends has changed",
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
            report("an earlier attempt was interrupted or failed; removing what it left");
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
    let record = match take_over(order, &directory, &key, report)? {
        Some(record) => record,
        None => make(order, &directory, key, &received, report)?,
    };
    tree::sync(&directory)?;
    record::State::Done(record.clone()).write(&directory)?;
    Ok(record)
}

/// Runs the command and determines what it made.
fn make(
    order: &Order,
    directory: &Path,
    key: String,
    received: &Tree,
    report: &mut dyn FnMut(&str),
) -> anyhow::Result<Record> {
    let command_line = order.command.join(" ");
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
        .with_context(|| format!("cannot run `{program}`; is it installed, and in the PATH?"))?;
    if !status.success() {
        bail!("`{command_line}` ended with {status}");
    }
    let took = began.elapsed();
    let after = Tree::read(directory)?;
    if let Some(changed) = received.first_change(&after) {
        bail!(
            "`{command_line}` changed or removed {}, a received file; a release must stay as it was sent",
            changed.display()
        );
    }
    let entries = received.appeared_in(&after);
    let files = tree::seal(directory, &entries)?;
    let bound = bound::first_naming(directory, &entries, directory)?;
    report(&format!(
        "{command_line} took {}: {files} files{}",
        seconds(took),
        describe_bound(bound.as_deref())
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

/// Says that a result can't be reused, as the end of a sentence; empty if it can.
fn describe_bound(bound: Option<&Path>) -> String {
    bound.map_or_else(String::new, |file| {
        format!(
            "; {} names this release's own path, so every release makes its own",
            file.display()
        )
    })
}

/// Links the result of an earlier release into this one; `None` if none matches, or if this file system does not allow it.
fn take_over(
    order: &Order,
    directory: &Path,
    key: &str,
    report: &mut dyn FnMut(&str),
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
        Err(error) => return Err(error).context("cannot link the result of an earlier release"),
    };
    if let Some(trouble) = trouble {
        report(&format!(
            "the result of {earlier} cannot be reused ({trouble}); running the command"
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
    report(&record.describe());
    Ok(Some(record))
}

/// Another disk or another mount of the same one (link(2): a unit whose `ReadWritePaths` names only this release mounts it
/// separately, so it must name the folder of all releases), a kernel that protects others' hard links
/// (`fs.protected_hardlinks`), too many links, or an earlier release that is being removed: then the command runs.
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
    /// How it was prepared, as a sentence without a full stop.
    #[must_use]
    pub fn describe(&self) -> String {
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
                "{what} was reused from {earlier} through hard links in {took}: {files} files, nothing on which it depends has changed"
            ),
            None => format!(
                "`{}` made {what} in {took}: {files} files{}",
                self.command.join(" "),
                describe_bound(self.bound.as_deref())
            ),
        }
    }
}

#[cfg(test)]
mod tests;
