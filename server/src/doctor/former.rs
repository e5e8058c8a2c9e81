//! Whether another script has put files into the backups folder. `tealkeep adopt` takes them over, from a separate folder.
//! Until then they are neither counted nor rotated.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::findings::{Check, Findings, Level};
use super::machine;
use crate::backup::Tier;
use crate::backup::adopt::ENDINGS;
use crate::config::{AppConfig, BACKUP_GROUP, RuntimeConfig, USER};
use crate::units::quote::shell;

/// How many entries of a folder are read.
const MAX_ENTRIES_READ: usize = 2_000;

/// Whether a tier's folder contains more than Tealkeep's links.
pub fn has_foreign_files(tier: &Path) -> bool {
    let entries = fs::read_dir(tier)
        .into_iter()
        .flatten()
        .flatten()
        .take(MAX_ENTRIES_READ);
    let mut kinds = entries.filter(|entry| !is_hidden(&entry.path()));
    kinds.any(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()))
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b".")
}

/// What another script has left in a backups folder: files in the tiers' folders, folders of dates, other files.
fn find_files(backups: &Path) -> Vec<PathBuf> {
    let tiers = Tier::ALL.map(|tier| backups.join(tier.as_str()));
    let is_own = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        is_hidden(path)
            || ["snapshots", "files", "lost+found"]
                .iter()
                .any(|own| name == *own)
    };
    let is_backup = |path: &Path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        path.is_file() && ENDINGS.iter().any(|ending| name.ends_with(ending))
    };
    let entries = fs::read_dir(backups)
        .into_iter()
        .flatten()
        .flatten()
        .take(MAX_ENTRIES_READ);
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| !path.is_symlink() && !is_own(path))
        .filter(|path| match path.is_dir() {
            true if tiers.contains(path) => has_foreign_files(path),
            true => {
                let below = fs::read_dir(path)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .take(MAX_ENTRIES_READ);
                below.into_iter().any(|entry| is_backup(&entry.path()))
            }
            false => is_backup(path),
        })
        .collect();
    found.sort();
    found
}

pub fn look(findings: &mut Findings, app: &AppConfig) {
    let found = find_files(&app.backups);
    if found.is_empty() {
        return;
    }
    let (user, group) = match &app.runtime {
        RuntimeConfig::Systemd(_) => (machine::user(USER), Some(format!("{USER}:{BACKUP_GROUP}"))),
        RuntimeConfig::Process(_) => (None, None),
    };
    // A tier's folder of somebody else's keeps Tealkeep from showing its own there.
    let is_in_the_way = found.iter().any(|path| {
        path.is_dir()
            && user.is_some_and(|user| path.metadata().is_ok_and(|meta| meta.uid() != user))
    });
    let level = match is_in_the_way {
        true => Level::Fail,
        false => Level::Warn,
    };
    let names: Vec<String> = found
        .iter()
        .map(|path| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .escape_debug()
                .to_string()
        })
        .collect();
    let shown = match &names[..] {
        [first, second, third, fourth, _, ..] => {
            format!(
                "{first}, {second}, {third}, {fourth} and {} more",
                names.len() - 4
            )
        }
        names => names.join(", "),
    };
    findings.add(
        Check::Backups,
        level,
        format!(
            "{} contains backups that Tealkeep did not make ({shown}); it neither counts nor rotates them",
            app.backups.display()
        ),
        Some(adopt(app, &found, group.as_deref())),
    );
}

/// The commands that move them to a separate folder and take them over from there.
fn adopt(app: &AppConfig, found: &[PathBuf], owner: Option<&str>) -> String {
    let name = &app.name;
    let backups = app.backups.to_string_lossy();
    let own = (1..)
        .map(|number| match number {
            1 => format!("{backups}.before-tealkeep"),
            number => format!("{backups}.before-tealkeep-{number}"),
        })
        .find(|folder| !Path::new(folder).exists())
        .unwrap_or_default();
    let own = shell(&own);
    let moved: Vec<String> = found
        .iter()
        .map(|path| shell(&path.to_string_lossy()))
        .collect();
    let given = match owner {
        Some(owner) => format!(" && chown -hR {owner} {own}"),
        None => String::new(),
    };
    format!(
        "mkdir -m 0750 {own} && mv {} {own}/{given} && tealkeep adopt {own} {name}",
        moved.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::doctor::advice::MACHINE;

    #[test]
    fn what_a_script_kept_in_the_default_folder_is_found_and_the_command_takes_it_over() {
        let dir = tempfile::tempdir().unwrap();
        let backups = dir.path().join("my backups");
        let write = |path: &str| {
            let path = backups.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        for own in [
            "snapshots/2026-11-21T033000Z.sqlite.gz",
            "SHA256SUMS",
            "RESTORE.txt",
            "tealkeep.toml",
            ".tealkeep-pull/x.db",
        ] {
            write(own);
        }
        fs::create_dir(backups.join("daily")).unwrap();
        std::os::unix::fs::symlink(
            "../snapshots/2026-11-21T033000Z.sqlite.gz",
            backups.join("daily/2026-11-21.sqlite.gz"),
        )
        .unwrap();
        let source = format!(
            "[[app]]\nname = \"home\"\ndatabase = \"/srv/home/d.sqlite\"\nreleases = \"/srv/home/releases\"\nbackups = {backups:?}\n[app.runtime]\ncommand = [\"true\"]\n"
        );
        let config = Config::parse(&source, false).unwrap();
        let looked = || {
            let mut findings = Findings::new(MACHINE, None);
            look(&mut findings, &config.apps[0]);
            findings.all
        };
        assert_eq!(looked(), []);

        write("weekly/2026-W47.sqlite.gz");
        write("monthly/2026-10/db.sqlite");
        write("2026-11-20/home.db.gz");
        write("home-20261119.sqlite.gz");
        write("notes/read me.txt");
        let found = looked();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0]
                .text
                .contains("(2026-11-20, home-20261119.sqlite.gz, monthly, weekly)"),
            "{}",
            found[0].text
        );
        let mend = found[0].mend.clone().unwrap();
        let (moves, adopts) = mend.rsplit_once(" && ").unwrap();
        assert!(
            adopts.starts_with("tealkeep adopt '") && adopts.ends_with("before-tealkeep' home"),
            "{adopts}"
        );
        // The part before it does what it says.
        let ran = std::process::Command::new("sh")
            .args(["-ec", moves])
            .status()
            .unwrap();
        assert!(ran.success(), "{moves}");
        assert_eq!(looked(), []);
        let own = dir.path().join("my backups.before-tealkeep");
        assert!(own.join("weekly/2026-W47.sqlite.gz").exists() && backups.join("daily").exists());
    }
}
