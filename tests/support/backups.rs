//! A backups folder as a visitor finds it, who has only its files, and what must hold of it at every instant.
//! The judgement rests on hashes and on the library's reader, never on what the writer said.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use jiff::{ToSpan, Zoned};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use tealkeep::backup::catalogue::{self, Problem};
use tealkeep::backup::verify::verify_file;
use tealkeep::backup::{Cancel, Catalogue, Keeper, Order, Reason, Taken, Watch};

use super::PATIENCE;

/// The folders of links.
pub const TIERS: [&str; 3] = ["daily", "weekly", "monthly"];

/// The SHA-256 of a file in hex, or `None` where there is none.
pub fn sha256(path: &Path) -> Option<String> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return None,
        Err(e) => panic!("{}: {e}", path.display()),
    };
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    let bytes = hash.finalize();
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What `SHA256SUMS` names, each file with its checksum; every line must be as sha256sum(1) writes it.
pub fn sums(folder: &Path) -> BTreeMap<PathBuf, String> {
    let text = match fs::read_to_string(folder.join("SHA256SUMS")) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return BTreeMap::new(),
        Err(e) => panic!("SHA256SUMS: {e}"),
    };
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "SHA256SUMS is cut short: {text}"
    );
    let line = |line: &str| {
        let (sum, name) = line
            .split_once("  ")
            .unwrap_or_else(|| panic!("a line of SHA256SUMS: {line:?}"));
        assert!(
            sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit()),
            "{line}"
        );
        (PathBuf::from(name), sum.to_owned())
    };
    text.lines().map(line).collect()
}

/// Every file that `SHA256SUMS` names hashes right or is absent. Answers with how many were there.
pub fn named_files_hash_right(folder: &Path, what: &str) -> usize {
    let mut there = 0;
    for (name, sum) in sums(folder) {
        if let Some(found) = sha256(&folder.join(&name)) {
            assert_eq!(found, sum, "{what}: {} is wrong", name.display());
            there += 1;
        }
    }
    there
}

/// Every link of the tiers leads to a file, as it does at every instant.
pub fn links_lead_somewhere(folder: &Path, what: &str) {
    for tier in TIERS {
        let dir = folder.join(tier);
        let Ok(listing) = fs::read_dir(&dir) else {
            continue;
        };
        for item in listing {
            let link = item.unwrap().path();
            let hidden = link.file_name().unwrap().to_string_lossy().starts_with('.');
            let Ok(target) = fs::read_link(&link) else {
                // A rotation removed it since the listing began.
                continue;
            };
            if hidden || dir.join(&target).exists() {
                continue;
            }
            // Only a link that still leads nowhere is wrong: a rotation may have moved it meanwhile.
            let still = fs::read_link(&link).is_ok_and(|now| now == target);
            assert!(
                !still,
                "{what}: {} leads nowhere: {}",
                link.display(),
                target.display()
            );
        }
    }
}

/// Each snapshot that is listed, with its file's SHA-256.
pub fn listed(folder: &Path) -> BTreeMap<String, String> {
    let entries = Catalogue::read(folder).unwrap().entries;
    let hashed = entries
        .iter()
        .map(|entry| (entry.id().to_string(), sha256(&entry.path).unwrap()));
    hashed.collect()
}

/// Names that begin with a dot, anywhere in the folder: rsync's documented filter leaves them out.
pub fn hidden(folder: &Path) -> Vec<PathBuf> {
    files(folder)
        .into_iter()
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with('.'))
        .collect()
}

/// What must hold whatever happened to whoever wrote in the folder: every snapshot that is listed is whole,
/// `SHA256SUMS` is right, links lead somewhere, and nothing is to be seen that does not belong there. A
/// snapshot whose writer died just before its manifest is whole too, and not listed.
pub fn is_consistent(folder: &Path, scratch: &Path, what: &str) {
    let catalogue = Catalogue::read(folder).unwrap();
    for entry in &catalogue.entries {
        let verdict = verdict(&entry.path, scratch);
        assert!(verdict.is_whole(), "{what}: {}: {verdict}", entry.id());
    }
    for problem in &catalogue.problems {
        match problem {
            Problem::NoManifest { path, .. } => {
                let verdict = verdict(path, scratch);
                assert!(verdict.is_whole(), "{what}: {problem}: {verdict}");
            }
            Problem::NoFile { .. }
            | Problem::WrongSize { .. }
            | Problem::BadManifest { .. }
            | Problem::NotAFile { .. } => {
                panic!("{what}: {problem}")
            }
        }
    }
    named_files_hash_right(folder, what);
    links_lead_somewhere(folder, what);
    for path in files(folder) {
        let name = path.strip_prefix(folder).unwrap().to_string_lossy();
        let parts: Vec<&str> = name.split('/').collect();
        let belongs = match parts[..] {
            ["SHA256SUMS"] => true,
            ["snapshots", file] => {
                file.ends_with("Z.json") || file.ends_with(".sqlite.gz") || {
                    file.ends_with(".json") && file.contains("Z-")
                }
            }
            [tier, file] => TIERS.contains(&tier) && file.ends_with(".sqlite.gz"),
            _ => false,
        };
        let hidden = parts.last().is_some_and(|name| name.starts_with('.'));
        assert!(hidden || belongs, "{what}: {name} does not belong there");
    }
}

/// After a run that nothing disturbed: consistent, nothing hidden is left, and `SHA256SUMS` names exactly
/// what is listed.
pub fn is_tidy(folder: &Path, scratch: &Path, what: &str) {
    is_consistent(folder, scratch, what);
    assert_eq!(hidden(folder), Vec::<PathBuf>::new(), "{what}");
    let named: BTreeSet<String> = sums(folder).into_values().collect();
    let listed: BTreeSet<String> = listed(folder).into_values().collect();
    assert_eq!(named, listed, "{what}: SHA256SUMS against the list");
}

/// What the library says of one snapshot.
pub fn verdict(path: &Path, scratch: &Path) -> tealkeep::backup::Verdict {
    let mut tell = |_| {};
    let mut watch = Watch::new(&mut tell, Cancel::never(), PATIENCE);
    verify_file(path, Some(scratch), &mut watch).unwrap()
}

/// Takes a snapshot through the library and rotates.
pub fn take(keeper: &Keeper, order: &Order) -> Taken {
    let mut tell = |_| {};
    let mut watch = Watch::new(&mut tell, Cancel::never(), PATIENCE);
    keeper.take_and_rotate(order, &mut watch).unwrap()
}

/// The night's snapshot, so many days ago.
pub fn nightly(days_ago: i64) -> Order {
    Order::new(Reason::Nightly, &Zoned::now() - days_ago.days())
}

/// The file of the newest snapshot that is listed.
pub fn newest(folder: &Path) -> PathBuf {
    let catalogue = Catalogue::read(folder).unwrap();
    let id = catalogue.latest_verified().expect("one is listed").id();
    catalogue::snapshots(folder).join(id.file_name())
}

/// A database whose tables must agree with each other at every instant: what the accounts hold never changes
/// in sum, and follows from the transfers.
pub fn make_bank(path: &Path, transfers: u32) -> Connection {
    let mut conn = Connection::open(path).unwrap();
    conn.busy_timeout(PATIENCE).unwrap();
    conn.execute_batch(
        "PRAGMA journal_mode = wal;
         CREATE TABLE account (id INTEGER PRIMARY KEY, holds INTEGER NOT NULL);
         CREATE TABLE transfer (seq INTEGER PRIMARY KEY, from_id INTEGER NOT NULL, to_id INTEGER NOT NULL,
             amount INTEGER NOT NULL, note BLOB NOT NULL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
         INSERT INTO account SELECT i, 1000 FROM n;",
    )
    .unwrap();
    transfer(&mut conn, transfers);
    conn
}

/// Makes so many transfers in one transaction.
pub fn transfer(conn: &mut Connection, count: u32) {
    let transaction = conn.transaction().unwrap();
    for _ in 0..count {
        transaction
            .execute_batch(
                "INSERT INTO transfer (from_id, to_id, amount, note)
                 VALUES (1 + abs(random() % 10), 1 + abs(random() % 10), abs(random() % 50), randomblob(100));
                 UPDATE account SET holds = holds - (SELECT amount FROM transfer ORDER BY seq DESC LIMIT 1)
                 WHERE id = (SELECT from_id FROM transfer ORDER BY seq DESC LIMIT 1);
                 UPDATE account SET holds = holds + (SELECT amount FROM transfer ORDER BY seq DESC LIMIT 1)
                 WHERE id = (SELECT to_id FROM transfer ORDER BY seq DESC LIMIT 1);",
            )
            .unwrap();
    }
    transaction.commit().unwrap();
}

/// One row and one column: 1 where the tables agree, and what `max(seq)` is.
pub const BANK_AGREES: &str = "
    SELECT (SELECT sum(holds) FROM account) = 10000
       AND (SELECT count(*) = ifnull(max(seq), 0) FROM transfer)
       AND NOT EXISTS (SELECT 1 FROM account WHERE holds <> 1000
           + ifnull((SELECT sum(amount) FROM transfer WHERE to_id = id), 0)
           - ifnull((SELECT sum(amount) FROM transfer WHERE from_id = id), 0))";

/// Copies a folder with everything in it, links as links.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        let kind = item.file_type().unwrap();
        if kind.is_dir() {
            copy_folder(&item.path(), &target);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(item.path()).unwrap(), &target).unwrap();
        } else {
            fs::copy(item.path(), &target).unwrap();
        }
    }
}

/// Everything below a folder that is no folder itself.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = listing.map(|item| item.unwrap().path());
    let mut found: Vec<PathBuf> = paths
        .flat_map(|path| {
            if path.is_dir() && !path.is_symlink() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect();
    found.sort();
    found
}
