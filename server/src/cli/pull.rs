//! `tealkeep pull`: the laptop's copy of a backups folder, fetched by the real rsync over ssh. A snapshot gets its name
//! here only when all of it has arrived and has been verified: at any moment, also after a SIGKILL or a lost connection, every
//! named snapshot is intact. An intact snapshot here is never overwritten.

mod configuration;
mod dest;
mod error_output;
mod errors;
mod facts;
mod former;
mod index;
mod remote;
mod settle;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;

use super::outcome::{Failure, Outcome};
use super::output::print;
use super::progress::{Bytes, say_line};
use super::terminal;
use crate::backup::verify::verify_members;
use crate::backup::{Cancel, Catalogue, Manifest, SnapshotId, Verdict, Watch, catalogue, human};
use dest::Dest;
use facts::{Facts, FetchedSnapshot, text};
use index::Index;
use remote::{Arrival, Remote, Traffic};
use source::Source;

pub use dest::PULL_FOLDER;

/// The time limit for verifying one snapshot, or for the drill.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

#[derive(Debug, Args)]
pub struct PullArgs {
    /// The source, as for rsync: USER@HOST and the app's backups folder there, which is `/` for a key that may only
    /// pull: tealkeep-backup@raspberrypi:/
    #[arg(value_name = "HOST:FOLDER")]
    from: Source,
    /// The folder on this laptop; created if it does not exist.
    dest: PathBuf,
    /// Test whether the newest snapshot could be restored, by unpacking it.
    #[arg(long)]
    drill: bool,
    /// Verify older snapshots here too, and fetch damaged ones again.
    #[arg(long)]
    all: bool,
    /// Remove what the machine at home has removed, after everything that arrived has been verified. Never removes the
    /// newest intact snapshot, nor what was here before that machine started anew. Without this option, nothing here is
    /// ever removed.
    #[arg(long)]
    mirror: bool,
    /// Do not report this pull to the machine at home.
    #[arg(long, alias = "no-word")]
    no_report: bool,
    /// The name of this laptop in the report [default: its host name]
    #[arg(long, value_name = "NAME")]
    laptop: Option<String>,
    /// The rsync program on the other machine.
    #[arg(long, default_value = "rsync", value_name = "PROGRAM")]
    rsync_path: String,
    /// The size of the blocks by which rsync finds what is here already, in bytes.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(512..=131_072), hide = true)]
    block_size: Option<u32>,
}

/// Fetches, verifies, and reports.
pub fn run(args: &PullArgs, ssh: &str, json: bool) -> Outcome {
    let began = Instant::now();
    let remote = Remote::new(&args.from, ssh, &args.rsync_path, args.block_size)?;
    let dest = Dest::open(&args.dest)?;
    let (mut traffic, missed) = remote.fetch_index(&dest)?;
    let index = Index::read(&dest.index(), &args.from, missed)?;
    let before = Catalogue::read(dest.path()).map_err(anyhow::Error::from)?;
    let app = index.same_app(&before, dest.path())?;
    let here = entries(before);
    let former = former::update(&dest, &index, &here)?;

    let mut pull = Pull {
        remote,
        dest,
        index,
        here,
        former,
        came: BTreeMap::new(),
        vanished: Vec::new(),
        differ: Vec::new(),
    };
    let fetched = pull.fetch(args.all, &mut traffic);
    // What has arrived is put in place, whether or not everything did.
    let settled = pull.settle(args.mirror && fetched.is_ok());
    let configuration = pull.take_configuration();
    let removed = settled?;
    fetched?;

    let newest = pull.here.keys().next_back().copied();
    let (damaged, beyond_help) = (pull.damaged(), pull.beyond_help());
    let drill = match newest.filter(|_| args.drill) {
        Some(_) => Some(super::drill::unpack_newest(
            pull.dest.path(),
            None,
            VERIFY_TIMEOUT,
        )?),
        None => None,
    };
    let mut facts = Facts {
        app,
        dest: pull.dest.path().to_owned(),
        newest,
        whole: pull.here.len(),
        damaged,
        came: pull.came.into_values().collect(),
        vanished: pull.vanished,
        differ: pull.differ,
        unreadable: pull.index.unreadable.into_iter().collect(),
        removed,
        former: pull.former,
        traffic,
        configuration,
        took_ms: began.elapsed().as_millis(),
        drill,
        word_left: false,
    };
    if !args.no_report {
        facts.word_left = report_pull(&pull.remote, args, &facts);
    }
    print(json, &facts, || text(&facts, args.mirror))?;
    judge(&facts, &beyond_help)
}

/// Fails if something cannot be relied on: the drill, a snapshot here, or one on the other machine.
fn judge(facts: &Facts, beyond_help: &[PathBuf]) -> Outcome {
    let drill = facts.drill.as_ref();
    if let Some(why) = drill.and_then(|report| report.failed.as_ref()) {
        return Err(Failure::Operation(anyhow!(
            "the drill failed: {}. A restore from here would fail in the same way; `tealkeep restore --from {} \
             --snapshot ID` takes an older one",
            terminal::line(why),
            facts.dest.display()
        )));
    }
    if !beyond_help.is_empty() {
        let paths = beyond_help.iter().map(|path| path.display().to_string());
        let paths: Vec<String> = paths.collect();
        say_line(format_args!(
            "Damaged here and already removed there, so nothing can replace it; remove it by hand: {}",
            paths.join(", ")
        ));
    }
    match facts.damaged - beyond_help.len() {
        0 if beyond_help.is_empty() => Ok(()),
        0 => Err(Failure::Operation(anyhow!(
            "everything on the other machine is here and intact; damaged here and no longer there: {}",
            beyond_help.len()
        ))),
        damaged => Err(Failure::Operation(anyhow!(
            "{damaged} of the snapshots there cannot be relied on; `tealkeep verify` on that machine says whether they are damaged there"
        ))),
    }
}

/// A pull in progress.
struct Pull<'a> {
    remote: Remote<'a>,
    dest: Dest,
    index: Index,
    /// The intact snapshots here.
    here: BTreeMap<SnapshotId, Manifest>,
    /// What was here before the folder there started anew.
    former: BTreeSet<SnapshotId>,
    came: BTreeMap<SnapshotId, FetchedSnapshot>,
    vanished: Vec<SnapshotId>,
    differ: Vec<SnapshotId>,
}

impl Pull<'_> {
    /// Fetches what is there but not here, newest first, and verifies each before the next.
    fn fetch(&mut self, prove_all: bool, traffic: &mut Traffic) -> Outcome {
        if prove_all {
            self.prove_here()?;
        }
        let known: Vec<Manifest> = self.index.manifests.values().rev().cloned().collect();
        for manifest in known {
            match self.here.get(&manifest.id) {
                Some(here) if here.sha256 == manifest.sha256 => {}
                Some(_) => {
                    say_line(format_args!(
                        "{}: the content there differs; the snapshot here is intact and stays",
                        manifest.id
                    ));
                    self.differ.push(manifest.id);
                }
                None => *traffic += self.fetch_one(manifest)?,
            }
        }
        Ok(())
    }

    /// Fetches one and verifies it. If it can't be read there, or is damaged, the others are still fetched.
    fn fetch_one(&mut self, manifest: Manifest) -> Result<Traffic, Failure> {
        let id = manifest.id;
        let basis = self.dest.basis_for(id, self.here.keys());
        self.dest.lay_basis(basis, manifest.bytes)?;
        let (arrival, traffic) = self.remote.fetch(id, manifest.bytes, &self.dest)?;
        match arrival {
            Arrival::Whole => {}
            Arrival::Gone => {
                say_line(format_args!(
                    "{id}: removed on the other machine during this pull"
                ));
                self.vanished.push(id);
                return Ok(traffic);
            }
            Arrival::Unreadable(why) => {
                say_line(format_args!("{id}: cannot be read there: {why}"));
                // If there is nothing here, the part that arrived is all that the next pull can build on.
                if !self.here.is_empty() {
                    self.dest.forget_part()?;
                }
                let verdict = format!("it cannot be read there: {why}");
                self.note(&manifest, false, verdict);
                return Ok(traffic);
            }
        }
        let manifest_text = self.index.text(id)?;
        let path = self.dest.begin_proof(id, &manifest_text)?;
        let verdict = prove(&path)?;
        let whole = verdict.is_whole();
        say_line(format_args!(
            "{id}: {verdict}; {} of {} over the wire",
            human(traffic.received_bytes + traffic.sent_bytes),
            human(manifest.bytes)
        ));
        self.note(&manifest, whole, verdict.to_string());
        if whole {
            self.dest.publish(id, &manifest_text)?;
            self.here.insert(id, manifest);
        } else {
            self.dest.end_proof()?;
        }
        Ok(traffic)
    }

    /// Verifies everything here; a damaged snapshot counts as missing, so that it is fetched again.
    fn prove_here(&mut self) -> Outcome {
        let folder = catalogue::snapshots(self.dest.path());
        for id in self.here.keys().copied().collect::<Vec<_>>() {
            let verdict = prove(&folder.join(id.file_name()))?;
            if verdict.is_whole() {
                continue;
            }
            say_line(format_args!("{id}: {verdict}"));
            let lost = self.here.remove(&id);
            if let Some(lost) = lost.filter(|_| !self.index.manifests.contains_key(&id)) {
                self.note(&lost, false, verdict.to_string());
            }
        }
        Ok(())
    }

    fn note(&mut self, manifest: &Manifest, whole: bool, verdict: String) {
        let came = FetchedSnapshot {
            snapshot: manifest.id,
            bytes: manifest.bytes,
            whole,
            verdict,
        };
        self.came.insert(manifest.id, came);
    }

    /// Stores the copy of the configuration, if one arrived. A pull is about the snapshots; it does not fail if that copy
    /// can't be stored.
    fn take_configuration(&self) -> Option<PathBuf> {
        let taken = configuration::take_over(&self.dest, jiff::Timestamp::now());
        taken.unwrap_or_else(|error| {
            say_line(format_args!(
                "The copy of the configuration was not stored: {error:#}"
            ));
            None
        })
    }

    /// Whether it exists there, or may exist.
    fn is_there(&self, id: SnapshotId) -> bool {
        let index = &self.index;
        index.manifests.contains_key(&id) || index.unreadable.contains(&id) || !index.is_complete
    }

    /// The files that are damaged here and removed there: nothing can replace them.
    fn beyond_help(&self) -> Vec<PathBuf> {
        let snapshots = catalogue::snapshots(self.dest.path());
        let lost = self.came.values().filter(|came| !came.whole);
        lost.filter(|came| !self.is_there(came.snapshot))
            .map(|came| snapshots.join(came.snapshot.file_name()))
            .collect()
    }

    /// How many cannot be relied on, here or there; if some manifests could not be fetched, that counts as one.
    fn damaged(&self) -> usize {
        let came = self.came.values().filter(|came| !came.whole).count();
        let missed = usize::from(!self.index.is_complete);
        came + self.differ.len() + self.index.unreadable.len() + missed
    }

    /// Updates manifests, links and `SHA256SUMS`, and removes what `--mirror` removes.
    fn settle(&mut self, mirror: bool) -> anyhow::Result<Vec<SnapshotId>> {
        let mut came = self.came.values();
        let whole = came.all(|came| came.whole || !self.is_there(came.snapshot));
        let whole = whole && self.differ.is_empty();
        let removals = match mirror && whole && self.index.is_complete {
            true => settle::plan_removals(&self.index, &self.here, &self.former),
            false => Vec::new(),
        };
        settle::settle(&self.dest, &self.index, &mut self.here, &removals)?;
        Ok(removals)
    }
}

/// Reads every byte of a snapshot and compares it and each of its members with their checksums. If they match, it is what
/// was opened and checked at home when it was taken.
fn prove(path: &Path) -> anyhow::Result<Verdict> {
    let mut bar = Bytes::new();
    let mut on_progress = |progress| bar.show(progress);
    let verdict = verify_members(
        path,
        &mut Watch::new(&mut on_progress, Cancel::never(), VERIFY_TIMEOUT),
    );
    bar.clear();
    verdict.map_err(|e| anyhow!("{e}. Nothing here has changed; pull again"))
}

/// The listed snapshots of a folder.
fn entries(catalogue: Catalogue) -> BTreeMap<SnapshotId, Manifest> {
    let entries = catalogue.entries.into_iter();
    entries.map(|entry| (entry.id(), entry.manifest)).collect()
}

/// Reports to the machine at home. The pull does not fail if the report does.
fn report_pull(remote: &Remote<'_>, args: &PullArgs, facts: &Facts) -> bool {
    let laptop = args.laptop.clone().unwrap_or_else(super::units::host_name);
    let mut words = vec!["pulled".to_owned()];
    words.extend(facts.app.as_ref().map(ToString::to_string));
    words.extend(["--laptop".to_owned(), laptop]);
    if let Some(newest) = facts.newest {
        words.extend(["--newest".to_owned(), newest.to_string()]);
    }
    words.extend(["--whole".to_owned(), facts.whole.to_string()]);
    words.extend(["--damaged".to_owned(), facts.damaged.to_string()]);
    match remote.tealkeep(&words) {
        Ok(()) => true,
        Err(why) => {
            say_line(format_args!(
                "This pull could not be reported, so the dashboard still shows the previous one: {why}"
            ));
            false
        }
    }
}
