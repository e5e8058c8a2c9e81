//! Which of an app's files on this machine are missing or do not match the configuration.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use super::marked::{SUMS, Standing, content_checksum, standing};
use super::printed::{Place, Printed};
use super::sheet::sheet;
use crate::config::{AppConfig, Config};

/// A file that is missing or does not match the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated {
    /// Its path.
    pub path: String,
    /// Whether the commands of `tealkeep units` leave it alone, as far as this user can tell.
    pub is_left_alone: bool,
}

/// An app's files that are missing or do not match the configuration, as far as this user can tell.
/// Empty for an app without units, or whose units can't be printed.
#[must_use]
pub fn outdated(config: &Config, app: &AppConfig) -> Vec<Outdated> {
    // Only the laptop's files name the host.
    let Ok(sheet) = sheet(config, app, "localhost") else {
        return Vec::new();
    };
    let known = sheet
        .file(SUMS)
        .map(|sums| known_sums(Path::new(&sums.path)));
    let known = known.unwrap_or_default();
    let outdated = |file: &Printed| {
        // The commands follow no link.
        let is_link = Path::new(&file.path).is_symlink();
        let is_left_alone = match std::fs::read_to_string(&file.path) {
            Ok(there) => match standing(&there, &file.body) {
                Standing::Current | Standing::Edited => return None,
                Standing::Older => is_link,
                Standing::EditedAndOlder | Standing::Unmarked => true,
            },
            Err(error) if error.kind() == ErrorKind::NotFound && file.may_be_missing(app) => {
                return None;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => is_link,
            // If it is not in the list either, nothing is known about it.
            Err(_) => {
                let sum = known.get(&file.path)?;
                if *sum == content_checksum(&file.body) {
                    return None;
                }
                false
            }
        };
        Some(Outdated {
            path: file.path.clone(),
            is_left_alone,
        })
    };
    let files = sheet
        .files
        .iter()
        .filter(|file| file.place == Place::Machine);
    files.filter_map(outdated).collect()
}

/// Reads the list; a missing or unreadable one counts as empty.
fn known_sums(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    lines
        .map(|(sum, path)| (path.to_owned(), sum.to_owned()))
        .collect()
}
