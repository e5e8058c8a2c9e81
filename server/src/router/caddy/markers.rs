//! The marker files in the folder that Caddy's user can enter. Whether `green` is there is the truth about
//! what is live; each change is on the disk when it returns.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};

use crate::durable;
use crate::names::Colour;

/// A file whose being there says something to Caddy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// New requests go to green; without it, to blue.
    Green,
    /// New requests wait.
    Hold,
    /// New requests get the maintenance page.
    Maintenance,
}

impl Marker {
    const ALL: [Marker; 3] = [Marker::Green, Marker::Hold, Marker::Maintenance];

    pub(super) fn name(self) -> &'static str {
        match self {
            Marker::Green => "green",
            Marker::Hold => "hold",
            Marker::Maintenance => "maintenance",
        }
    }
}

/// The folder of the markers.
#[derive(Debug, Clone)]
pub(super) struct Markers {
    folder: PathBuf,
}

impl Markers {
    pub(super) fn new(folder: PathBuf) -> Markers {
        Markers { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder what Caddy needs: there, open to whoever wants to enter and list it, without what a
    /// crash left in it.
    pub(super) fn make_whole(&self) -> anyhow::Result<()> {
        let folder = self.folder.display();
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot make {folder}"))?;
        // Said outright, since the umask of a service may take it from others.
        fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot open {folder} to Caddy's user"))?;
        durable::remove_parts(&self.folder)?;
        if let Some(parent) = self.folder.parent() {
            durable::sync_dir(parent)?;
        }
        Ok(())
    }

    pub(super) fn is_set(&self, marker: Marker) -> anyhow::Result<bool> {
        let path = self.folder.join(marker.name());
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("cannot look for {}", path.display())),
        }
    }

    /// In one instant, for good.
    pub(super) fn set(&self, marker: Marker, on: bool) -> anyhow::Result<()> {
        let path = self.folder.join(marker.name());
        if on {
            durable::write_whole(&path, b"", 0o644)?;
        } else {
            durable::remove(&path)?;
        }
        Ok(())
    }

    /// When a marker last came or went, in seconds since 1970; now where that can't be told.
    pub(super) fn changed_at(&self) -> f64 {
        let changed = fs::metadata(&self.folder).and_then(|folder| folder.modified());
        let changed = changed.unwrap_or_else(|_| SystemTime::now());
        let since = changed.duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or_default().as_secs_f64()
    }

    /// The colour that Caddy sends to.
    pub(super) fn live(&self) -> anyhow::Result<Colour> {
        Ok(if self.is_set(Marker::Green)? {
            Colour::Green
        } else {
            Colour::Blue
        })
    }

    /// What lies in the folder and is no marker.
    pub(super) fn strangers(&self) -> anyhow::Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder)
            .with_context(|| format!("cannot read {}", self.folder.display()))?;
        let mut strangers = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // A marker that is just being written has such a name for an instant.
            if !Marker::ALL.iter().any(|marker| marker.name() == name)
                && !name.ends_with(".tealkeep-part")
            {
                strangers.push(name);
            }
        }
        strangers.sort();
        Ok(strangers)
    }
}

/// What the markers in a folder say; blue where there never was one. `repeated` is the file that repeats it.
pub(super) fn recorded(folder: &Path, repeated: &Path) -> anyhow::Result<Colour> {
    let markers = Markers::new(folder.to_owned());
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => markers.live(),
        Ok(_) => bail!("{} is no folder; remove it", folder.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let said = fs::read_to_string(repeated).unwrap_or_default();
            if said.trim() == Colour::Green.to_string() {
                bail!(
                    "the folder {0} is gone, so Caddy sends to blue, and {1} says that green was live. \
                     If green is to be live: `mkdir {0} && touch {0}/green`; if blue: `rm {1}`",
                    folder.display(),
                    repeated.display()
                );
            }
            Ok(Colour::Blue)
        }
        Err(error) => Err(error).with_context(|| {
            format!(
                "cannot look into {}, where Caddy's markers are",
                folder.display()
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_the_truth_and_a_folder_that_went_missing_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, repeated) = (dir.path().join("router"), dir.path().join("active-color"));
        assert_eq!(recorded(&folder, &repeated).unwrap(), Colour::Blue);
        let markers = Markers::new(folder.clone());
        markers.make_whole().unwrap();
        markers.set(Marker::Green, true).unwrap();
        fs::write(&repeated, "blue\n").unwrap();
        assert_eq!(recorded(&folder, &repeated).unwrap(), Colour::Green);
        assert_eq!(markers.strangers().unwrap(), Vec::<String>::new());
        fs::write(folder.join("notes"), "").unwrap();
        assert_eq!(markers.strangers().unwrap(), ["notes"]);
        markers.set(Marker::Green, false).unwrap();
        markers.set(Marker::Green, false).unwrap();
        assert_eq!(recorded(&folder, &repeated).unwrap(), Colour::Blue);

        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(recorded(&folder, &repeated).unwrap(), Colour::Blue);
        fs::write(&repeated, "green\n").unwrap();
        let error = recorded(&folder, &repeated).unwrap_err().to_string();
        assert!(error.contains("is gone, so Caddy sends to blue"), "{error}");
        fs::write(&folder, "").unwrap();
        assert!(recorded(&folder, &repeated).is_err());
    }

    #[test]
    fn the_folder_is_open_to_others_whatever_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("router");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(folder.join(".green.tealkeep-part"), "").unwrap();
        let markers = Markers::new(folder.clone());
        markers.make_whole().unwrap();
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
