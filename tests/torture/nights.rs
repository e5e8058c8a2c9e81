//! The server, killed at random instants of a night that is caught up, with its rotation: started again it
//! takes the night once, rotates, and leaves nothing of the one that died.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use tealkeep::backup::{Catalogue, Keeper, Reason};
use tealkeep::schedule::Trust;

use super::tempdir;
use crate::support::backups::{copy_folder, is_consistent, is_tidy, listed, nightly, sums, take};
use crate::support::random::{Random, is_long};
use crate::support::{House, set_installed_at, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_instants_of_a_night_it_is_taken_once_and_the_folder_is_consistent() {
    let mut random = Random::seeded();
    let mut house = House::start().await;
    house.stop().await;
    let database = house.database();
    let mut keeper = Keeper::new(&database, &house.backups());
    keeper.app = Some("home".parse().unwrap());
    for days_ago in (3..=26).rev() {
        let mut order = nightly(days_ago);
        if days_ago <= 12 {
            order.trust = Trust::Untrusted("the clock is set by hand".to_owned());
        }
        take(&keeper, &order);
    }
    let long_ago = Timestamp::now() - 1000.hours();
    set_installed_at(&house.folder().join("state"), long_ago);
    let (_kept, template) = {
        let dir = tempdir();
        copy_folder(&house.backups(), &dir.path().join("backups"));
        copy_journal(&house.folder().join("state"), dir.path());
        let path = dir.path().to_owned();
        (dir, path)
    };
    let before = listed(&house.backups());

    let began = Instant::now();
    house.start_again(&[]).await;
    until_taken(&house).await;
    let whole = u64::try_from(began.elapsed().as_millis()).unwrap();
    let after = listed(&house.backups());
    assert!(
        after.len() + 3 < before.len(),
        "the rotation takes some: {after:#?}"
    );
    println!("an undisturbed night takes {whole} ms from the start on");

    for round in 0..if is_long() { 120 } else { 8 } {
        house.stop().await;
        copy_journal(&template, &house.folder().join("state"));
        std::fs::remove_dir_all(house.backups()).unwrap();
        copy_folder(&template.join("backups"), &house.backups());

        let at = Duration::from_millis(random.below(whole));
        let what = format!("round {round}, seed {}: killed after {at:?}", random.seed);
        let began = Instant::now();
        // It says that it is up in the middle of the night, or before, or not at all.
        let _ = tokio::time::timeout(at, house.start_again(&[])).await;
        tokio::time::sleep_until((began + at).into()).await;
        house.kill();
        is_consistent(&house.backups(), house.folder(), &what);
        house.start_again(&[]).await;
        until_listed(&house).await;
        // A rotation that was cut off is finished by the next one.
        house.tealkeep(["backup"]).succeeds();
        house.until_quiet().await;
        is_tidy(&house.backups(), house.folder(), &what);
        for (id, sum) in listed(&house.backups()) {
            match before.get(&id) {
                Some(was) => assert_eq!(*was, sum, "{what}: {id} changed"),
                None => assert!(!after.contains_key(&id) || after[&id] == sum),
            }
        }
        let stay = |all: &std::collections::BTreeMap<String, String>| {
            let old = all.keys().filter(|id| before.contains_key(*id));
            old.cloned().collect::<Vec<_>>()
        };
        assert_eq!(stay(&listed(&house.backups())), stay(&after), "{what}");
    }
}

/// Waits until the night is taken, its rotation is through, and nobody works in the folder.
async fn until_taken(house: &House) {
    until_listed(house).await;
    // Unless the rotation is through, the list holds what it named before, and what is there is more or less.
    until("the rotation is through", async || {
        let folder = house.backups();
        sums(&folder).len() == Catalogue::read(&folder).unwrap().entries.len()
    })
    .await;
    house.until_quiet().await;
}

/// Waits until the night is taken, which it is only once, and the server is at rest.
async fn until_listed(house: &House) {
    until("the night is taken", async || {
        let catalogue = Catalogue::read(&house.backups()).unwrap();
        let since = jiff::Zoned::now().date() - 2.days();
        let of_late = catalogue.entries.iter().filter(|entry| {
            entry.manifest.reason == Reason::Nightly && entry.manifest.local_date > since
        });
        let taken = of_late.count();
        assert!(taken <= 1, "the night was taken twice: {catalogue:#?}");
        match taken {
            1 => Ok(()),
            _ => Err(house.journal().await),
        }
    })
    .await;
    house.until_quiet().await;
}

/// The journal of a server that is not running, with what SQLite keeps beside it.
fn copy_journal(from: &Path, to: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let name = format!("journal.db{ending}");
        // What is not there in the one must not be there in the other.
        let _ = std::fs::remove_file(to.join(&name));
        if from.join(&name).exists() {
            std::fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}
