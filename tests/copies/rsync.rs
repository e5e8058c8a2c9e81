//! rsync in a loop, while snapshots are taken and rotated away as fast as they can be: every file that
//! `SHA256SUMS` names hashes right at every moment, in the folder and in the copy. It may be absent, never wrong.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use tealkeep::backup::{Catalogue, Keeper};

use super::{run, shell, tempdir};
use crate::support::backups::{
    hidden, is_consistent, is_tidy, links_lead_somewhere, make_bank, named_files_hash_right,
    nightly, take, transfer,
};
use crate::support::random::is_long;

/// rsync(1): some files vanished before they could be transferred, since a rotation took them.
const VANISHED: i32 = 24;

#[test]
fn whenever_rsync_comes_what_is_named_hashes_right() {
    let dir = tempdir();
    let database = dir.path().join("home.sqlite");
    let folder = dir.path().join("backups");
    let copies = ["grows", "mirrors"].map(|name| dir.path().join(name));
    let mut bank = make_bank(&database, 3000);
    let keeper = Keeper::new(&database, &folder);
    let nights = if is_long() { 600 } else { 60 };
    take(&keeper, &nightly(nights));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let maker = scope.spawn(|| {
            for days_ago in (0..nights).rev() {
                transfer(&mut bank, 5);
                take(&keeper, &nightly(days_ago));
            }
            done.store(true, Ordering::Relaxed);
        });
        let checker = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) {
                named_files_hash_right(&folder, "in the folder");
                links_lead_somewhere(&folder, "in the folder");
                looks += 1;
            }
            looks
        });
        let mut passes = 0;
        // The last pass begins when nothing changes any more.
        loop {
            let was_done = done.load(Ordering::Relaxed) || maker.is_finished();
            for (copy, delete) in copies.iter().zip([false, true]) {
                let mut words = vec!["-a", "--exclude=.*"];
                if delete {
                    words.push("--delete");
                }
                if was_done {
                    // rsync compares times in whole seconds: a list that was written twice in one, and is as
                    // long as before, is fetched when it changes again. That is now or never.
                    words.push("--ignore-times");
                }
                let (from, to) = (format!("{}/", folder.display()), copy.to_string_lossy());
                words.extend([&*from, &*to]);
                let said = run("rsync", words);
                assert!([0, VANISHED].contains(&said.code), "{said:#?}");
                named_files_hash_right(copy, "in the copy");
                assert!(hidden(copy).is_empty(), "{:?}", hidden(copy));
                passes += 1;
            }
            if was_done {
                break;
            }
        }
        maker.join().unwrap();
        println!(
            "{} looks and {passes} passes of rsync during {nights} nights",
            checker.join().unwrap()
        );
    });
    let left = Catalogue::read(&folder).unwrap().entries.len();
    assert!(left < 25, "the rotation took none: {left}");
    is_tidy(&folder, dir.path(), "in the end");
    for copy in &copies {
        is_consistent(copy, dir.path(), "the copy in the end");
        let said = shell(copy, "sha256sum --strict --check SHA256SUMS", &[]);
        assert_eq!(said.matches(": OK\n").count(), left, "{said}");
    }
    let kept = fs::read_dir(copies[0].join("snapshots")).unwrap().count();
    assert!(kept >= 2 * left, "without --delete older ones stay: {kept}");
}
