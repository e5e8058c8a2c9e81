//! What is known of one snapshot: the manifest that lies beside it in the folder. It is written last, so a
//! snapshot that has one has been read back.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use tealkeep_base::durable;
use tealkeep_words::names::{AppName, ReleaseId};

use super::database::Facts;
use super::gzip::Chunks;
use super::integrity::Concerns;
use tealkeep_words::snapshot::SnapshotId;

pub use tealkeep_words::snapshot::Reason;

/// The permission bits of everything in the folder: the laptop's key reads as the group.
pub const FILE_MODE: u32 = 0o640;

/// More than any manifest has: some ten thousand tables.
const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// The manifest: `snapshots/<id>.json`. Fields that a later version wrote are kept when this one rewrites it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Which snapshot.
    pub id: SnapshotId,
    /// Whose database; absent when it was taken without a configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    /// Why it was taken.
    pub reason: Reason,
    /// When the read transaction began, UTC.
    pub taken_at: Timestamp,
    /// The local date that it counts for: for a catch-up, the night that was missed.
    pub local_date: Date,
    /// The household's offset from UTC at that time, such as `+01:00`.
    pub offset: String,
    /// The release that was live, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// Kept for ever.
    #[serde(default)]
    pub pinned: bool,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// The file's size.
    pub bytes: u64,
    /// SHA-256 of the database in it, in hex. Only snapshots that are one gzip member have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain_sha256: Option<String>,
    /// What proves the database in it chunk by chunk; see [`Written::content_blake3`](super::gzip::Written).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_blake3: Option<String>,
    /// The chunks that it is made of, and how many of them the snapshot before had already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<Chunks>,
    /// The size of the database in it.
    pub plain_bytes: u64,
    /// Bytes a page.
    pub page_size: u32,
    /// Pages.
    pub page_count: u32,
    /// `PRAGMA user_version`.
    pub user_version: i32,
    /// See [`Facts::schema_hash`].
    pub schema_hash: String,
    /// See [`Facts::tables`].
    pub tables: BTreeMap<String, u64>,
    /// See [`Facts::concerns`]: `content_findings` and `unchecked`, absent where there are none.
    #[serde(flatten)]
    pub concerns: Concerns,
    /// How long it took, reading back included, in milliseconds.
    pub took_ms: u64,
    /// Tealkeep's version.
    pub tool: String,
    /// What later versions wrote.
    #[serde(flatten)]
    pub later: BTreeMap<String, serde_json::Value>,
}

impl Manifest {
    /// What the manifest says of the database in it, for comparing with one that is open. The journal mode
    /// is not part of the content.
    #[must_use]
    pub fn difference(&self, found: &Facts) -> Option<String> {
        let counts = (self.page_size, self.page_count, self.user_version);
        let found_counts = (found.page_size, found.page_count, found.user_version);
        if counts != found_counts {
            Some(format!(
                "page size, page count and user_version are {found_counts:?}, and were {counts:?}"
            ))
        } else if self.schema_hash != found.schema_hash {
            Some("the schema differs".to_owned())
        } else {
            difference_in_rows(&self.tables, &found.tables)
        }
    }
}

/// The first table whose number of rows is not what it was, in words.
pub(crate) fn difference_in_rows(
    was: &BTreeMap<String, u64>,
    is: &BTreeMap<String, u64>,
) -> Option<String> {
    was.iter().find_map(|(table, rows)| match is.get(table) {
        Some(found) if found == rows => None,
        Some(found) => Some(format!("table `{table}` has {found} rows, and had {rows}")),
        None => Some(format!("table `{table}` is missing, and had {rows} rows")),
    })
}

/// Writes a manifest beside its snapshot, whole and durable.
///
/// # Errors
/// Any I/O error; the old manifest, if any, is then still there.
pub fn write(snapshots: &Path, manifest: &Manifest) -> io::Result<()> {
    prepare(snapshots, manifest)?.publish()
}

/// Writes a manifest that gets its name when its snapshot has one. Cut off between the two, [`finish`] does the rest.
///
/// # Errors
/// Any I/O error; nothing is left then.
pub fn prepare(snapshots: &Path, manifest: &Manifest) -> io::Result<durable::Waiting> {
    let mut text = serde_json::to_string_pretty(manifest)?;
    text.push('\n');
    durable::Waiting::write(
        &snapshots.join(manifest.id.manifest_name()),
        text.as_bytes(),
        FILE_MODE,
    )
}

/// Where a run was cut off after its snapshot had its name and before the manifest had: gives the manifest its name
/// too. `part` is a dot-name in `snapshots`; answers whether it was such a one. For a folder that nobody writes to now.
///
/// # Errors
/// The manifest can't be given its name.
pub fn finish(snapshots: &Path, part: &str) -> io::Result<bool> {
    let path = snapshots.join(part);
    // One that was not written to its end is no manifest.
    let Some(manifest) = durable::read_small(&path, MAX_MANIFEST_BYTES)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok())
        .filter(|manifest| durable::waits_for(part) == Some(&*manifest.id.manifest_name()))
    else {
        return Ok(false);
    };
    let named = snapshots.join(manifest.id.manifest_name());
    let file = fs::symlink_metadata(snapshots.join(manifest.id.file_name()));
    let is_whole = file.is_ok_and(|meta| meta.is_file() && meta.len() == manifest.bytes);
    if !is_whole || fs::symlink_metadata(&named).is_ok() {
        return Ok(false);
    }
    durable::publish_part(&path, &named)?;
    Ok(true)
}

/// Reads a manifest; its id must be the one in its name.
///
/// # Errors
/// `NotFound`, any other I/O error, or `InvalidData` when it is not a manifest.
pub fn read(path: &Path) -> io::Result<Manifest> {
    let manifest: Manifest =
        serde_json::from_slice(&durable::read_small(path, MAX_MANIFEST_BYTES)?)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    if name.as_deref() == Some(&manifest.id.manifest_name()) {
        Ok(manifest)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is the manifest of {}", manifest.id),
        ))
    }
}

/// Pins a snapshot, or takes the pin out, and answers with the manifest as it is then.
///
/// # Errors
/// It can't be read or written; then nothing changed.
pub fn set_pinned(snapshots: &Path, id: SnapshotId, pinned: bool) -> io::Result<Manifest> {
    let mut manifest = read(&snapshots.join(id.manifest_name()))?;
    if manifest.pinned != pinned {
        manifest.pinned = pinned;
        write(snapshots, &manifest)?;
    }
    Ok(manifest)
}

/// An offset as manifests spell it: `+01:00`.
#[must_use]
pub fn offset_text(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn example(id: &str) -> Manifest {
        let id: SnapshotId = id.parse().unwrap();
        Manifest {
            id,
            app: Some("home".parse().unwrap()),
            reason: Reason::Nightly,
            taken_at: id.taken_at(),
            local_date: id.taken_at().to_zoned(jiff::tz::TimeZone::UTC).date(),
            offset: "+00:00".to_owned(),
            release: None,
            pinned: false,
            sha256: super::super::hex::hex(&[7; 32]),
            bytes: 3,
            plain_sha256: Some(super::super::hex::hex(&[8; 32])),
            content_blake3: None,
            chunks: None,
            plain_bytes: 4096,
            page_size: 4096,
            page_count: 1,
            user_version: 0,
            schema_hash: String::new(),
            tables: BTreeMap::from([("chores".to_owned(), 3)]),
            concerns: Concerns::default(),
            took_ms: 1,
            tool: "0".to_owned(),
            later: BTreeMap::new(),
        }
    }

    #[test]
    fn what_a_later_version_wrote_survives_a_pin() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = example("2026-11-21T033000Z");
        let mut value = serde_json::to_value(&manifest).unwrap();
        value["cipher"] = serde_json::json!({"size": 65536});
        let path = dir.path().join(manifest.id.manifest_name());
        fs::write(&path, value.to_string()).unwrap();

        assert!(set_pinned(dir.path(), manifest.id, true).unwrap().pinned);
        let again: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(again["cipher"]["size"], 65536);
        assert_eq!(again["pinned"], true);
        assert_eq!(again["reason"], "nightly");
        assert_eq!(again["local_date"], "2026-11-21");
    }

    #[test]
    fn a_manifest_under_another_ones_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = example("2026-11-21T033000Z");
        write(dir.path(), &manifest).unwrap();
        let wrong = dir.path().join("2026-11-22T033000Z.json");
        fs::rename(dir.path().join(manifest.id.manifest_name()), &wrong).unwrap();
        let said = read(&wrong).unwrap_err().to_string();
        assert!(said.contains("2026-11-21T033000Z"), "{said}");
    }

    #[test]
    fn offsets_are_spelt_with_sign_hours_and_minutes() {
        for (seconds, text) in [
            (0, "+00:00"),
            (3600, "+01:00"),
            (-12600, "-03:30"),
            (37800, "+10:30"),
        ] {
            assert_eq!(offset_text(Offset::from_seconds(seconds).unwrap()), text);
        }
    }
}
