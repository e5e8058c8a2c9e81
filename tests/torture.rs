//! What becomes of a backups folder when the system fails under Tealkeep: a call that fails, a process that is
//! killed, bytes that changed on the disk. Whatever happens, what is listed is whole, and the next run tidies up.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bytes;
mod faults;
mod kills;
mod nights;
mod strace;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use tealkeep::backup::Keeper;
use tealkeep::schedule::Trust;

use crate::support::backups::{
    copy_folder, is_consistent, is_tidy, listed, make_bank, newest, nightly, take, transfer,
};
use crate::support::content::Content;
use crate::support::{Said, TEALKEEP};
use strace::Struck;

/// What Tealkeep is doing when it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// The first snapshot ever, into a folder that is made for it.
    First,
    /// One more, which can build on the one before.
    Second,
    /// One more, after which many go and links move.
    Rotation,
    /// A snapshot unpacked into a new file.
    Restore,
    /// A folder proven.
    Verify,
}

/// A database, and a folder with what was there before; copied for every case.
struct Scene {
    work: Work,
    template: tempfile::TempDir,
    /// What is listed, with its checksums.
    before: BTreeMap<String, String>,
    /// What the database holds.
    content: Content,
    /// What a rotation may take.
    may_go: Vec<String>,
}

impl Scene {
    /// With several chunks of 64 KiB, and small enough for hundreds of runs.
    fn new(work: Work) -> Scene {
        Scene::of(work, 4000)
    }

    /// With a database of so many transfers.
    fn of(work: Work, transfers: u32) -> Scene {
        let template = tempdir();
        let place = Place(template.path().to_owned());
        let mut bank = make_bank(&place.database(), transfers);
        let keeper = Keeper::new(&place.database(), &place.folder());
        match work {
            Work::First => {}
            Work::Second | Work::Restore | Work::Verify => {
                for days_ago in [2, 1] {
                    take(&keeper, &nightly(days_ago));
                    transfer(&mut bank, 20);
                }
            }
            Work::Rotation => {
                for days_ago in (1..=26).rev() {
                    let mut order = nightly(days_ago);
                    if days_ago <= 12 {
                        // Nights that pile up, as those of a clock that was wrong for a while.
                        order.trust = Trust::Untrusted("the clock is set by hand".to_owned());
                    }
                    take(&keeper, &order);
                    transfer(&mut bank, 1);
                }
            }
        }
        // The app has written since the last checkpoint and was cut off: there is a log to recover.
        bank.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        transfer(&mut bank, 1);
        for ending in ["", "-wal"] {
            let name = format!("home.sqlite{ending}");
            let copy = template.path().join(format!("copy{ending}"));
            std::fs::copy(template.path().join(name), copy).unwrap();
        }
        drop(bank);
        for ending in ["", "-wal"] {
            let copy = template.path().join(format!("copy{ending}"));
            std::fs::rename(copy, template.path().join(format!("home.sqlite{ending}"))).unwrap();
        }
        let content = {
            let look = tempdir();
            copy_folder(template.path(), look.path());
            Content::of(&look.path().join("home.sqlite"))
        };
        let catalogue = keeper.catalogue().unwrap();
        let plan = keeper.plan(&catalogue, &jiff::Zoned::now());
        let may_go: Vec<String> = plan.drop.iter().map(|gone| gone.id.to_string()).collect();
        assert_eq!(work == Work::Rotation, may_go.len() > 3, "{may_go:?}");
        Scene {
            work,
            before: listed(&place.folder()),
            template,
            content,
            may_go,
        }
    }

    /// A fresh copy of everything.
    fn place(&self) -> (tempfile::TempDir, Place) {
        let dir = tempdir();
        copy_folder(self.template.path(), dir.path());
        let place = Place(dir.path().to_owned());
        (dir, place)
    }

    /// The program and what it is called with.
    fn command(&self, place: &Place) -> Vec<OsString> {
        let words: Vec<OsString> = match self.work {
            Work::First | Work::Second | Work::Rotation => vec![
                "backup".into(),
                "--database".into(),
                place.database().into(),
                "--folder".into(),
                place.folder().into(),
            ],
            Work::Restore => vec![
                "restore".into(),
                "--file".into(),
                newest(&place.folder()).into(),
                "--to".into(),
                place.restored().into(),
            ],
            Work::Verify => vec!["verify".into(), place.folder().into()],
        };
        std::iter::once(TEALKEEP.into()).chain(words).collect()
    }

    /// Runs it to its end, undisturbed.
    fn run(&self, place: &Place) -> Said {
        let command = self.command(place);
        Said::of(
            &Command::new(&command[0])
                .args(&command[1..])
                .env("TZ", "UTC")
                .output()
                .unwrap(),
        )
    }

    /// What must hold after the work was disturbed, and after it is done again.
    fn judge(&self, place: &Place, struck: &Struck, what: &str) {
        let (folder, said) = (place.folder(), &struck.said);
        let what = &format!("{what}\n{:#?}\n{said:#?}", struck.hits);
        is_consistent(&folder, &place.0, what);
        let after = listed(&folder);
        let is_new = |id: &&String| !self.before.contains_key(*id);
        let new = after.keys().filter(is_new).count();
        for (id, sum) in &self.before {
            match after.get(id) {
                Some(found) => assert_eq!(found, sum, "{id} changed: {what}"),
                None => assert!(new == 1 && self.may_go.contains(id), "{id} is gone: {what}"),
            }
        }
        let takes = matches!(self.work, Work::First | Work::Second | Work::Rotation);
        match said.code {
            0 => assert_eq!(new, usize::from(takes), "it said that it was done: {what}"),
            // It was done, and could not be said.
            _ if struck.was_on_the_terminal() => assert!(new <= usize::from(takes), "{what}"),
            _ if struck.is_dead() => assert!(new <= usize::from(takes), "{what}"),
            _ => {
                assert_eq!(new, 0, "it said that it failed: {what}");
                assert!(!place.restored().exists(), "it said that it failed: {what}");
            }
        }
        if place.restored().exists() {
            assert_eq!(
                Content::of(&place.restored()),
                self.restored_content(place),
                "{what}"
            );
            for ending in ["", "-wal", "-shm"] {
                // It is there already: the next run would refuse to replace it.
                let _ = std::fs::remove_file(place.0.join(format!("restored.sqlite{ending}")));
            }
        } else {
            assert!(self.work != Work::Restore || said.code != 0, "{what}");
        }

        self.run(place).succeeds();
        match self.work {
            Work::Restore => assert_eq!(
                Content::of(&place.restored()),
                self.restored_content(place),
                "{what}"
            ),
            Work::First | Work::Second | Work::Rotation => {
                is_tidy(&folder, &place.0, what);
                let all = listed(&folder);
                assert!(self.may_go.iter().all(|id| !all.contains_key(id)), "{what}");
            }
            Work::Verify => is_tidy(&folder, &place.0, what),
        }
        assert_eq!(Content::of(&place.database()), self.content, "{what}");
    }

    fn restored_content(&self, place: &Place) -> Content {
        let unpacked = place.0.join("unpacked.sqlite");
        let packed = std::fs::File::open(newest(&place.folder())).unwrap();
        let mut reader = flate2::read::MultiGzDecoder::new(packed);
        std::io::copy(&mut reader, &mut std::fs::File::create(&unpacked).unwrap()).unwrap();
        Content::of(&unpacked)
    }
}

/// A copy of the scene.
struct Place(PathBuf);

impl Place {
    fn database(&self) -> PathBuf {
        self.0.join("home.sqlite")
    }

    fn folder(&self) -> PathBuf {
        self.0.join("backups")
    }

    fn restored(&self) -> PathBuf {
        self.0.join("restored.sqlite")
    }
}

fn tempdir() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("tealkeep-torture-")
        .tempdir()
        .unwrap()
}

/// Whether a line that strace printed is about a file below this path.
fn is_about(line: &str, path: &Path) -> bool {
    line.contains(&*path.to_string_lossy())
}
