//! Deciding about one file: which night it is of, whether it is whole, and whether its content is already known.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::civil::Date;

use tealkeep_words::snapshot::SnapshotId;

use super::candidates::Candidate;
use super::dates::{self, Night, PathDate};
use super::options::AdoptOptions;
use super::outcome::{FileReport, Outcome};
use super::proof::{self, Packing, Proven, Unproven};
use super::publish::ADOPTED;
use crate::catalogue::Catalogue;
use crate::watch::Watch;

/// What to do with a file.
pub(super) enum Inspected {
    /// Adopt it: its content with its checksum, its night, and the most bytes that its snapshot will need.
    Fit(Box<(Proven, String)>, Night, u64),
    /// Nothing: its content is known already.
    Known(Box<FileReport>),
}

/// Inspects the files of one folder.
pub(super) struct Inspector<'a> {
    /// What to adopt, and how.
    pub options: &'a AdoptOptions,
    /// The days that modification times can't tell apart.
    pub crowded: BTreeSet<Date>,
    /// Where to unpack.
    pub scratch: &'a Path,
}

impl Inspector<'_> {
    /// Reads and verifies one file.
    pub(super) fn inspect(
        &self,
        candidate: &Candidate,
        known: &Known,
        watch: &mut Watch<'_>,
    ) -> Result<Inspected, Unproven> {
        let night = self.night(candidate).map_err(Unproven::Refused)?;
        let own = candidate.is_nights_own().then_some(night.date);
        let mut opened = proof::read(&candidate.path, watch)?;
        if let Some(location) = known.find(&opened.sha256, own) {
            return Ok(Inspected::Known(Box::new(location.report(candidate))));
        }
        let proven = proof::prove(&mut opened, self.scratch, watch)?;
        if let Some(location) = known.find(&proven.plain_sha256, own) {
            return Ok(Inspected::Known(Box::new(location.report(candidate))));
        }
        if known.is_another_database(&proven) {
            return Err(Unproven::Refused(
                "it is another database: it has none of the tables of the newest snapshot"
                    .to_owned(),
            ));
        }
        let max_bytes = match opened.packing {
            Packing::Gzip => opened.bytes,
            // Compression may not make it any smaller.
            Packing::Plain => proven.plain_bytes,
        };
        let fit = Box::new((proven, opened.sha256));
        Ok(Inspected::Fit(fit, night, max_bytes))
    }

    /// The night that a file is of, or why that is unknown.
    fn night(&self, candidate: &Candidate) -> Result<Night, String> {
        let options = self.options;
        let changed = candidate.changed.to_zoned(options.now.time_zone().clone());
        let night = dates::night(
            candidate.path_date,
            &changed,
            &options.now,
            options.at,
            options.by_mtime,
        )?;
        if candidate.path_date == PathDate::Nothing && self.crowded.contains(&night.date) {
            return Err(format!(
                "its path has no date, and other files without a date were last changed on {} too, so that day is \
                 probably not theirs; put the date of each into its name",
                night.date
            ));
        }
        Ok(night)
    }
}

/// The days on which more than one file without a date was last changed. Copying the folder probably gave them all the
/// same time; they would become one night, of which retention keeps one.
pub(super) fn crowded_days(candidates: &[Candidate], options: &AdoptOptions) -> BTreeSet<Date> {
    let mut files: BTreeMap<Date, usize> = BTreeMap::new();
    let undated = candidates
        .iter()
        .filter(|one| one.path_date == PathDate::Nothing);
    for candidate in undated {
        let changed = candidate.changed.to_zoned(options.now.time_zone().clone());
        *files.entry(changed.date()).or_default() += 1;
    }
    files.retain(|_, count| *count > 1);
    files.into_keys().collect()
}

/// Where content exists already.
#[derive(Debug, Clone)]
pub(super) enum Location {
    /// In the backups folder.
    Listed(SnapshotId),
    /// In another file of the same folder, which is adopted.
    OtherFile(String),
}

impl Location {
    fn report(&self, candidate: &Candidate) -> FileReport {
        match self {
            Location::Listed(id) => FileReport {
                id: Some(*id),
                ..candidate.report(
                    Outcome::Already,
                    format!("its content exists already, as {id}"),
                )
            },
            Location::OtherFile(name) => {
                candidate.report(Outcome::Same, format!("it has the same content as {name}"))
            }
        }
    }
}

/// The content that exists already, by checksum.
#[derive(Debug, Default)]
pub(super) struct Known {
    content: BTreeMap<String, Vec<(Date, Location)>>,
    /// The tables of the newest snapshot.
    tables: Vec<String>,
}

impl Known {
    /// The content of the backups folder.
    pub(super) fn of(catalogue: &Catalogue) -> Known {
        let mut known = Known::default();
        for entry in &catalogue.entries {
            let manifest = &entry.manifest;
            let location = Location::Listed(manifest.id);
            // Its file's bytes, its content, and the bytes of the file that it was compressed from.
            let content = manifest.plain_sha256.as_deref();
            let original = manifest
                .later
                .get(ADOPTED)
                .and_then(|adopted| adopted.get("sha256")?.as_str());
            let hashes = [Some(&*manifest.sha256), content, original];
            known.add(hashes.into_iter().flatten(), manifest.local_date, &location);
        }
        if let Some(newest) = catalogue.latest_verified() {
            known.tables = newest.manifest.tables.keys().cloned().collect();
        }
        known
    }

    /// Adds content under its checksums.
    pub(super) fn add<'a>(
        &mut self,
        hashes: impl IntoIterator<Item = &'a str>,
        date: Date,
        location: &Location,
    ) {
        for hash in hashes {
            let places = self.content.entry(hash.to_owned()).or_default();
            places.push((date, location.clone()));
        }
    }

    /// Where this content exists. A night's own file matches only content of the same night, since two quiet nights may
    /// have equal content; a file of a coarser tier matches any night.
    fn find(&self, hash: &str, own: Option<Date>) -> Option<&Location> {
        let mut places = self.content.get(hash)?.iter();
        let (_, location) = places.find(|(date, _)| own.is_none_or(|own| own == *date))?;
        Some(location)
    }

    fn is_another_database(&self, proven: &Proven) -> bool {
        !self.tables.is_empty()
            && !proven.facts.tables.is_empty()
            && !self
                .tables
                .iter()
                .any(|table| proven.facts.tables.contains_key(table))
    }
}
