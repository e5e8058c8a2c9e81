//! What is known of one snapshot: its id, and the manifest that lies beside it in the folder. A manifest is
//! written last, so a snapshot that has one has been read back.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::names::{AppName, ReleaseId};

use super::database::Facts;

/// The permission bits of everything in the folder: the laptop's key reads as the group.
pub const FILE_MODE: u32 = 0o640;

/// A snapshot's id: the UTC second at which its read transaction began, and which one of that second it is.
/// Written `2026-11-21T033000Z`, the second of that second `2026-11-21T033000Z-2`; sorts by time.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SnapshotId {
    taken_at: Timestamp,
    nth: u16,
}

const ID_FORMAT: &str = "%Y-%m-%dT%H%M%SZ";

impl SnapshotId {
    /// The id of the `nth` snapshot (from 1) of the second that `at` lies in.
    #[must_use]
    pub fn new(at: Timestamp, nth: u16) -> SnapshotId {
        let taken_at = Timestamp::from_second(at.as_second()).unwrap_or(at);
        SnapshotId {
            taken_at,
            nth: nth.max(1),
        }
    }

    /// The second at which it was taken.
    #[must_use]
    pub fn taken_at(self) -> Timestamp {
        self.taken_at
    }

    /// The name of its file in `snapshots/`.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("{self}.sqlite.gz")
    }

    /// The name of its manifest in `snapshots/`.
    #[must_use]
    pub fn manifest_name(self) -> String {
        format!("{self}.json")
    }

    /// The id that a file's name in `snapshots/` stands for, whether the snapshot's or the manifest's.
    #[must_use]
    pub fn from_file_name(name: &str) -> Option<SnapshotId> {
        let stem = name
            .strip_suffix(".sqlite.gz")
            .or_else(|| name.strip_suffix(".json"))?;
        stem.parse().ok()
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.taken_at.strftime(ID_FORMAT))?;
        match self.nth {
            1 => Ok(()),
            n => write!(f, "-{n}"),
        }
    }
}

/// A text is not a snapshot's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a snapshot's id: one looks like 2026-11-21T033000Z")]
pub struct BadSnapshotId(String);

impl FromStr for SnapshotId {
    type Err = BadSnapshotId;

    fn from_str(s: &str) -> Result<Self, BadSnapshotId> {
        let bad = || BadSnapshotId(s.to_owned());
        let (stamp, nth) = match s.split_once("Z-") {
            Some((stamp, nth)) => (format!("{stamp}Z"), nth.parse().map_err(|_| bad())?),
            None => (s.to_owned(), 1),
        };
        let at = jiff::civil::DateTime::strptime(ID_FORMAT, &stamp)
            .and_then(|local| local.to_zoned(jiff::tz::TimeZone::UTC))
            .map_err(|_| bad())?;
        let id = SnapshotId::new(at.timestamp(), nth);
        // One spelling an id, so that no two names stand for the same snapshot.
        if id.to_string() == s {
            Ok(id)
        } else {
            Err(bad())
        }
    }
}

impl TryFrom<String> for SnapshotId {
    type Error = BadSnapshotId;

    fn try_from(s: String) -> Result<Self, BadSnapshotId> {
        s.parse()
    }
}

impl From<SnapshotId> for String {
    fn from(id: SnapshotId) -> String {
        id.to_string()
    }
}

/// Why a snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The night's own, a catch-up included.
    Nightly,
    /// Somebody asked for it.
    Manual,
    /// A deploy takes one before it changes anything.
    BeforeDeploy,
    /// A restore takes one so that it can be undone.
    BeforeRestore,
}

impl Reason {
    /// As it stands in the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Nightly => "nightly",
            Reason::Manual => "manual",
            Reason::BeforeDeploy => "before-deploy",
            Reason::BeforeRestore => "before-restore",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
    /// SHA-256 of the database in it, in hex.
    pub plain_sha256: String,
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
    let mut text = serde_json::to_string_pretty(manifest)?;
    text.push('\n');
    durable::write_whole(
        &snapshots.join(manifest.id.manifest_name()),
        text.as_bytes(),
        FILE_MODE,
    )
}

/// Reads a manifest; its id must be the one in its name.
///
/// # Errors
/// `NotFound`, any other I/O error, or `InvalidData` when it is not a manifest.
pub fn read(path: &Path) -> io::Result<Manifest> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(path)?)
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

/// A timestamp without what is below a second, as it stands in a manifest.
#[must_use]
pub fn whole_seconds(at: Timestamp) -> Timestamp {
    at.round(
        jiff::TimestampRound::new()
            .smallest(Unit::Second)
            .mode(jiff::RoundMode::Floor),
    )
    .unwrap_or(at)
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
            sha256: super::super::hex(&[7; 32]),
            bytes: 3,
            plain_sha256: super::super::hex(&[8; 32]),
            plain_bytes: 4096,
            page_size: 4096,
            page_count: 1,
            user_version: 0,
            schema_hash: String::new(),
            tables: BTreeMap::from([("chores".to_owned(), 3)]),
            took_ms: 1,
            tool: "0".to_owned(),
            later: BTreeMap::new(),
        }
    }

    #[test]
    fn an_id_has_one_spelling_and_sorts_by_time_and_then_by_number() {
        let mut ids: Vec<SnapshotId> = [
            "2026-11-21T033000Z-10",
            "2026-11-21T033001Z",
            "2026-11-21T033000Z-2",
            "2026-11-21T033000Z",
        ]
        .map(|s| s.parse().unwrap())
        .to_vec();
        ids.sort();
        let sorted: Vec<String> = ids.iter().map(SnapshotId::to_string).collect();
        assert_eq!(
            sorted,
            [
                "2026-11-21T033000Z",
                "2026-11-21T033000Z-2",
                "2026-11-21T033000Z-10",
                "2026-11-21T033001Z"
            ]
        );
        for bad in [
            "",
            "2026-11-21",
            "2026-11-21T033000",
            "2026-11-21T033000Z-1",
            "2026-11-21T033000Z-02",
            "2026-02-30T033000Z",
            "2026-11-21T0330Z",
            "../2026-11-21T033000Z",
            " 2026-11-21T033000Z",
        ] {
            assert!(bad.parse::<SnapshotId>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn what_a_later_version_wrote_survives_a_pin() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = example("2026-11-21T033000Z");
        let mut value = serde_json::to_value(&manifest).unwrap();
        value["chunks"] = serde_json::json!({"size": 65536});
        let path = dir.path().join(manifest.id.manifest_name());
        fs::write(&path, value.to_string()).unwrap();

        assert!(set_pinned(dir.path(), manifest.id, true).unwrap().pinned);
        let again: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(again["chunks"]["size"], 65536);
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
