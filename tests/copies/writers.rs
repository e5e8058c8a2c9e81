//! Snapshots of a database that another process writes all the time: each one is a single instant, in which
//! all tables agree, and no commit of that process fails.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::{run, shell, tempdir};
use crate::support::TEALKEEP;
use crate::support::backups::{BANK_AGREES, is_tidy, make_bank, newest};
use crate::support::random::is_long;

/// Moves money between accounts until its standard input ends, with a pause in seconds in between, each time in
/// one transaction that touches three
/// tables' rows, and prints the number of its last transfer.
const WRITER: &str = r#"
import random, sqlite3, sys, threading, time
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
bank = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
print("begun", flush=True)
while not ended.is_set():
    giver, taker, amount = random.randint(1, 10), random.randint(1, 10), random.randint(1, 50)
    bank.execute("BEGIN IMMEDIATE")
    bank.execute("UPDATE account SET holds = holds - ? WHERE id = ?", (amount, giver))
    last = bank.execute("INSERT INTO transfer (from_id, to_id, amount, note) VALUES (?, ?, ?, randomblob(100))",
        (giver, taker, amount)).lastrowid
    bank.execute("UPDATE account SET holds = holds + ? WHERE id = ?", (amount, taker))
    bank.execute("COMMIT")
    time.sleep(float(sys.argv[2]))
print(last)
"#;

#[test]
fn each_snapshot_under_a_busy_writer_is_one_instant() {
    // With a rollback journal a writer without any pause lets no reader in, be it who it may.
    for (journal, pause) in [("wal", "0"), ("delete", "0.02")] {
        let dir = tempdir();
        let database = dir.path().join("home.sqlite");
        let folder = dir.path().join("backups");
        let bank = make_bank(&database, 3000);
        bank.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(()))
            .unwrap();
        let last_transfer = || -> i64 {
            bank.query_row("SELECT max(seq) FROM transfer", [], |row| row.get(0))
                .unwrap()
        };
        let mut writer = Command::new("python3")
            .args(["-c", WRITER])
            .arg(&database)
            .arg(pause)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(writer.stdout.take().unwrap()).lines();
        assert_eq!(said.next().unwrap().unwrap(), "begun");
        let mut instants = Vec::new();
        for _ in 0..if is_long() { 60 } else { 8 } {
            let before = last_transfer();
            run(
                TEALKEEP,
                [
                    "backup".as_ref(),
                    "--database".as_ref(),
                    database.as_os_str(),
                    "--folder".as_ref(),
                    folder.as_os_str(),
                ],
            )
            .succeeds();
            let after = last_transfer();
            let question =
                format!("PRAGMA integrity_check; {BANK_AGREES}; SELECT max(seq) FROM transfer");
            let line = r#"gunzip --stdout "$1" > unpacked && sqlite3 unpacked "$2""#;
            let found = shell(dir.path(), line, &[&newest(&folder), question.as_ref()]);
            let lines: Vec<&str> = found.lines().collect();
            let ["ok", "1", last] = lines[..] else {
                panic!("{journal}: the tables disagree: {found}")
            };
            let last: i64 = last.parse().unwrap();
            assert!(
                (before..=after).contains(&last),
                "{journal}: {last} is no instant between {before} and {after}"
            );
            instants.push(last);
        }
        drop(writer.stdin.take());
        let last: i64 = said.next().unwrap().unwrap().parse().unwrap();
        assert!(writer.wait().unwrap().success(), "a commit failed");
        assert!(last > instants[0], "it wrote meanwhile");
        assert_eq!(last_transfer(), last);
        is_tidy(&folder, dir.path(), journal);
    }
}
