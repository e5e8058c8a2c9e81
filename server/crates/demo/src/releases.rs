//! The demo's sample releases: two that work and five that each have a mistake that real releases have. They are written
//! as ordinary release directories, completely or not at all, and left alone when they are right already.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tealkeep_base::durable;

/// What the process runtime appends to the path of the `tealkeep` binary to start the household app; the
/// working directory is the release's.
pub const START: &[&str] = &["home-app"];

/// One release to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Its release id and the name of its directory.
    pub id: &'static str,
    /// What it calls itself.
    pub title: &'static str,
    /// One sentence for people: what happens when it is deployed.
    pub expect: &'static str,
}

/// All of them, in the order in which to try them.
pub const SAMPLES: [Sample; 7] = [
    Sample {
        id: "v1",
        title: "Home 1",
        expect: "The demo starts with it. Deploy it again to return to the start.",
    },
    Sample {
        id: "v2",
        title: "Home 2",
        expect: "Succeeds: it adds a column, the page turns indigo, and nobody notices the swap.",
    },
    Sample {
        id: "v3-unhealthy",
        title: "Home 3",
        expect: "Is rejected before the swap: its /healthz never answers 200, and says why.",
    },
    Sample {
        id: "v4-drops-a-column",
        title: "Home 4",
        expect: "Breaks the release that runs beside it: its migration drops a column that every older release reads.",
    },
    Sample {
        id: "v5-caches-html",
        title: "Home 5",
        expect: "Is rejected before the swap: its HTML and its service worker would keep yesterday's pages on every phone.",
    },
    Sample {
        id: "v6-crashes-on-boot",
        title: "Home 6",
        expect: "Is rejected before the swap: it crashes while it starts, and Tealkeep shows its last output.",
    },
    Sample {
        id: "v7-slow-leak",
        title: "Home 7",
        expect: "Is healthy at first; a few seconds after the swap a growing share of its pages answers 500.",
    },
];

const BASE: &[(&str, &[u8])] = &[
    (
        "migrations/001-people-and-chores.sql",
        include_bytes!("content/base/migrations/001-people-and-chores.sql"),
    ),
    (
        "migrations/002-medicine.sql",
        include_bytes!("content/base/migrations/002-medicine.sql"),
    ),
    (
        "migrations/003-shopping.sql",
        include_bytes!("content/base/migrations/003-shopping.sql"),
    ),
    (
        "migrations/004-entries.sql",
        include_bytes!("content/base/migrations/004-entries.sql"),
    ),
    (
        "public/home.css",
        include_bytes!("content/base/public/home.css"),
    ),
    (
        "public/home.js",
        include_bytes!("content/base/public/home.js"),
    ),
    (
        "public/icon.svg",
        include_bytes!("content/base/public/icon.svg"),
    ),
    (
        "public/manifest.webmanifest",
        include_bytes!("content/base/public/manifest.webmanifest"),
    ),
    ("public/sw.js", include_bytes!("content/base/public/sw.js")),
];

const DOSE_NOTES: (&str, &[u8]) = (
    "migrations/005-dose-notes.sql",
    include_bytes!("content/v2/005-dose-notes.sql"),
);

/// Writes every sample as `folder/<id>/`, and returns them.
///
/// A directory whose content is already right is not touched, not even its times; one that differs is
/// replaced by rename, so that a reader sees the old one or the new one.
///
/// # Errors
/// Any I/O error, with the path in its text.
pub fn write_all(folder: &Path) -> io::Result<Vec<Sample>> {
    fs::create_dir_all(folder).map_err(|e| with_path("create", folder, &e))?;
    for sample in SAMPLES {
        let target = folder.join(sample.id);
        write_one(&target, &content(sample.id)).map_err(|e| with_path("write", &target, &e))?;
    }
    Ok(SAMPLES.to_vec())
}

/// The files of a sample by their path in the release.
fn content(id: &str) -> BTreeMap<&'static str, &'static [u8]> {
    macro_rules! release_toml {
        ($id:literal) => {
            (
                "release.toml",
                include_bytes!(concat!("content/", $id, "/release.toml")).as_slice(),
            )
        };
    }
    let own: Vec<(&str, &[u8])> = match id {
        "v2" => vec![release_toml!("v2"), DOSE_NOTES],
        "v3-unhealthy" => vec![release_toml!("v3-unhealthy")],
        "v4-drops-a-column" => vec![
            release_toml!("v4-drops-a-column"),
            DOSE_NOTES,
            (
                "migrations/006-doses-in-milligrams.sql",
                include_bytes!("content/v4-drops-a-column/006-doses-in-milligrams.sql"),
            ),
        ],
        "v5-caches-html" => vec![
            release_toml!("v5-caches-html"),
            DOSE_NOTES,
            (
                "public/sw.js",
                include_bytes!("content/v5-caches-html/sw.js"),
            ),
        ],
        "v6-crashes-on-boot" => vec![release_toml!("v6-crashes-on-boot")],
        "v7-slow-leak" => vec![release_toml!("v7-slow-leak"), DOSE_NOTES],
        _ => vec![release_toml!("v1")],
    };
    BASE.iter().copied().chain(own).collect()
}

fn write_one(target: &Path, files: &BTreeMap<&str, &[u8]>) -> io::Result<()> {
    if is_right(target, files)? {
        return Ok(());
    }
    let beside = |suffix: &str| {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        target.with_file_name(format!(".{name}.{suffix}"))
    };
    let (coming, going) = (beside("coming"), beside("going"));
    for leftover in [&coming, &going] {
        remove_tree(leftover)?;
    }
    for (name, bytes) in files {
        let path = coming.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, bytes)?;
        // Read-only, as a received release is: nothing changes it by accident.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444))?;
        fs::File::open(&path)?.sync_all()?;
    }
    if target.exists() {
        fs::rename(target, &going)?;
    }
    fs::rename(&coming, target)?;
    if let Some(folder) = target.parent() {
        durable::sync_dir(folder)?;
    }
    remove_tree(&going)
}

/// Whether `target` holds exactly these files with this content.
fn is_right(target: &Path, files: &BTreeMap<&str, &[u8]>) -> io::Result<bool> {
    let mut found = 0;
    let mut folders = vec![target.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(target).ok().and_then(Path::to_str);
            let expected = name.and_then(|name| files.get(name));
            match expected {
                Some(bytes) if fs::read(&path)? == *bytes => found += 1,
                Some(_) | None => return Ok(false),
            }
        }
    }
    Ok(found == files.len())
}

fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn with_path(doing: &str, path: &Path, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("cannot {doing} {}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tealkeep_words::names::ReleaseId;

    #[test]
    fn every_sample_is_a_release_with_its_own_title() {
        let folder = tempfile::tempdir().unwrap();
        for sample in write_all(folder.path()).unwrap() {
            assert!(sample.id.parse::<ReleaseId>().is_ok());
            let toml = folder.path().join(sample.id).join("release.toml");
            let toml = fs::read_to_string(toml).unwrap();
            assert!(
                toml.contains(&format!("title = \"{}\"", sample.title)),
                "{toml}"
            );
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), SAMPLES.len());
    }

    #[test]
    fn what_is_right_is_left_alone_and_what_is_not_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path()).unwrap();
        let identity = |id: &str| {
            use std::os::unix::fs::MetadataExt;
            fs::metadata(folder.path().join(id)).unwrap().ino()
        };
        let (first, second) = (identity("v1"), identity("v2"));
        fs::write(folder.path().join("v2/public/extra.js"), "").unwrap();
        fs::remove_file(folder.path().join("v3-unhealthy/release.toml")).unwrap();
        write_all(folder.path()).unwrap();
        assert_eq!(identity("v1"), first);
        assert_ne!(identity("v2"), second);
        assert!(!folder.path().join("v2/public/extra.js").exists());
        assert!(folder.path().join("v3-unhealthy/release.toml").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), SAMPLES.len());
    }
}
