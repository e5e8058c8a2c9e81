//! What becomes of the laptop's copy when something is wrong at home or on the way: a machine that was set up anew, a
//! disk that can't be read, an ssh that leaves something behind. What is good here stays, and what is good there comes.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::{Pair, ids, number};
use crate::support::{Said, TEALKEEP, until_blocking};

impl Pair {
    /// The machine at home is set up anew: other data, and a first snapshot of it, under a name that was not there
    /// before.
    fn begin_anew(&self) -> String {
        let before = self.there();
        until_blocking("a first snapshot has a new name", || {
            fs::remove_dir_all(self.path("backups")).unwrap();
            fs::create_dir(self.path("backups")).unwrap();
            self.sql("DELETE FROM entry");
            let first = self.snapshot();
            // Names are of the second.
            (!before.contains(&first)).then_some(first)
        })
    }

    fn remove_there(&self, id: &str) {
        for ending in ["sqlite.gz", "json"] {
            let name = format!("{id}.{ending}");
            fs::remove_file(self.path("backups/snapshots").join(name)).unwrap();
        }
    }

    /// An ssh whose other side can't read one of its files: each read of it fails, as with a bad sector.
    fn script_with_bad_sector(&self, name: &str, file: &str) {
        self.script(
            name,
            &format!(
                "while :; do case \"$1\" in *127.0.0.1) break;; esac; shift; done; shift\n\
                 export SSH_ORIGINAL_COMMAND=\"$*\"\n\
                 exec strace -f -qq -o /dev/null -P HOME/backups/snapshots/{file} -e inject=read,pread64:error=EIO \
                 {TEALKEEP} door --pull home:HOME/backups --spool HOME/spool"
            ),
        );
    }
}

#[test]
fn a_mirror_of_a_machine_that_begins_anew_removes_nothing_that_was_here_before() {
    let pair = Pair::start();
    let old: Vec<String> = (0..3).map(|_| pair.snapshot()).collect();
    pair.pull(&["--mirror"]).succeeds();
    let first = pair.begin_anew();
    let facts = pair.pull(&["--mirror"]).succeeds().json();
    assert_eq!(facts["removed"], json!([]), "{facts:#}");
    assert_eq!(facts["former"], json!(old), "{facts:#}");
    let all = |new: &[&String]| -> Vec<String> {
        old.iter().chain(new.iter().copied()).cloned().collect()
    };
    assert_eq!(ids(&pair.copy()), all(&[&first]));

    // By the next day what came first looks as if it had always been here.
    let second = pair.snapshot();
    let facts = pair.pull(&["--mirror"]).succeeds().json();
    assert_eq!(facts["removed"], json!([]), "{facts:#}");
    assert_eq!(ids(&pair.copy()), all(&[&first, &second]));

    // What is of the new history is mirrored, and the old one stays.
    pair.remove_there(&first);
    let said = pair
        .laptop("$TEALKEEP pull --ssh ./ssh --mirror $HOST:/ copy")
        .succeeds();
    assert!(
        said.stdout
            .contains("the folder on the other machine was started anew"),
        "{said:#?}"
    );
    assert_eq!(ids(&pair.copy()), all(&[&second]));
    pair.laptop("$TEALKEEP verify ./copy; cd copy; sha256sum --quiet -c SHA256SUMS")
        .succeeds();
}

#[test]
fn what_is_damaged_here_and_gone_there_is_named_and_stands_in_no_ones_way() {
    let pair = Pair::start();
    let all: Vec<String> = (0..3).map(|_| pair.snapshot()).collect();
    pair.pull(&[]).succeeds();
    let file = pair.copy().join(format!("snapshots/{}.sqlite.gz", all[0]));
    let mut bytes = fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    fs::write(&file, bytes).unwrap();
    pair.remove_there(&all[0]);
    pair.remove_there(&all[1]);
    let said = pair.pull(&["--all", "--mirror"]).fails_with(1);
    assert!(
        said.stderr.contains(&format!(
            "remove it by hand: {}",
            file.canonicalize().unwrap().display()
        )),
        "{said:#?}"
    );
    assert_eq!(said.json()["removed"], json!([all[1]]), "{said:#?}");
    fs::remove_file(&file).unwrap();
    fs::remove_file(file.with_extension("").with_extension("json")).unwrap();
    let facts = pair.pull(&["--all", "--mirror"]).succeeds().json();
    assert_eq!(facts["damaged"], 0, "{facts:#}");
    assert_eq!(ids(&pair.copy()), all[2..]);
}

#[test]
fn a_mirror_of_a_machine_that_was_put_back_to_an_older_day_removes_nothing_that_came_since() {
    let pair = Pair::start();
    let all: Vec<String> = (0..4).map(|_| pair.snapshot()).collect();
    pair.pull(&["--mirror"]).succeeds();
    pair.remove_there(&all[2]);
    pair.remove_there(&all[3]);
    let facts = pair.pull(&["--mirror"]).succeeds().json();
    assert_eq!(facts["removed"], json!([]), "{facts:#}");
    assert_eq!(facts["former"], json!(all[2..]), "{facts:#}");
    // The next night comes, and the day after that one.
    let next = pair.snapshot();
    pair.remove_there(&all[0]);
    let facts = pair.pull(&["--mirror"]).succeeds().json();
    assert_eq!(facts["removed"], json!([all[0]]), "{facts:#}");
    let stay: Vec<String> = all[1..].iter().cloned().chain([next]).collect();
    assert_eq!(ids(&pair.copy()), stay);
}

#[test]
fn that_a_machine_began_anew_is_remembered_until_the_next_mirror() {
    let pair = Pair::start();
    let old = pair.snapshot();
    let last = pair.snapshot();
    pair.pull(&[]).succeeds();
    let first = pair.begin_anew();
    pair.pull(&[]).succeeds();
    let facts = pair.pull(&["--mirror"]).succeeds().json();
    assert_eq!(facts["removed"], json!([]), "{facts:#}");
    assert_eq!(ids(&pair.copy()), [old, last, first]);
}

#[test]
fn a_manifest_that_cannot_be_read_there_takes_no_good_copy_away() {
    let pair = Pair::start();
    let all: Vec<String> = (0..4).map(|_| pair.snapshot()).collect();
    pair.pull(&[]).succeeds();
    let manifest = |id: &String| pair.path("backups/snapshots").join(format!("{id}.json"));
    fs::write(manifest(&all[0]), "{").unwrap();
    let text = fs::read_to_string(manifest(&all[1])).unwrap();
    // As a newer version may give.
    let newer = text.replace("\"manual\"", "\"before-a-storm\"");
    assert_ne!(newer, text);
    fs::write(manifest(&all[1]), newer).unwrap();
    let said = pair.pull(&["--mirror"]).fails_with(1);
    let facts = said.json();
    assert_eq!(facts["removed"], json!([]), "{facts:#}");
    assert_eq!(facts["unreadable"], json!(all[..2]), "{facts:#}");
    assert!(said.stderr.contains("this one is too old"), "{said:#?}");
    assert_eq!(ids(&pair.copy()), all);
    assert_eq!(number(&pair.word(), "damaged"), 2);
}

#[test]
fn a_snapshot_that_cannot_be_read_there_keeps_no_other_from_coming() {
    let pair = Pair::start();
    let old = pair.snapshot();
    let older_good = pair.snapshot();
    let bad = pair.snapshot();
    pair.script_with_bad_sector("ssh-bad", &format!("{bad}.sqlite.gz"));
    let said = Said::of(&pair.pull_with("ssh-bad", &[]).output().unwrap()).fails_with(1);
    let facts = said.json();
    assert_eq!(
        (number(&facts, "whole"), number(&facts, "damaged")),
        (2, 1),
        "{said:#?}"
    );
    assert_eq!(ids(&pair.copy()), [old.as_str(), older_good.as_str()]);
    assert!(
        said.stderr
            .contains(&format!("{bad}: cannot be read there")),
        "{said:#?}"
    );
    let word = pair.word();
    assert_eq!((number(&word, "whole"), number(&word, "damaged")), (2, 1));
    pair.laptop("$TEALKEEP verify ./copy").succeeds();

    // It is tried again each time, and comes when it can be read.
    Said::of(&pair.pull_with("ssh-bad", &[]).output().unwrap()).fails_with(1);
    let facts = pair.pull(&[]).succeeds().json();
    assert_eq!(facts["newest"], bad.as_str(), "{facts:#}");
    pair.all_that_is_visible_is_right(&pair.originals());
}

#[test]
fn a_manifest_on_a_bad_sector_removes_nothing_and_keeps_no_other_from_coming() {
    let pair = Pair::start();
    let gone = pair.snapshot();
    pair.snapshot();
    pair.pull(&[]).succeeds();
    pair.remove_there(&gone);
    let bad = pair.snapshot();
    let good = pair.snapshot();
    pair.script_with_bad_sector("ssh-bad", &format!("{bad}.json"));
    let said = Said::of(&pair.pull_with("ssh-bad", &["--mirror"]).output().unwrap()).fails_with(1);
    let facts = said.json();
    assert_eq!(facts["newest"], good.as_str(), "{said:#?}");
    assert_eq!(facts["removed"], json!([]), "{facts:#}");
    assert_eq!(number(&pair.word(), "damaged"), 1);
    assert!(ids(&pair.copy()).contains(&gone));
    let facts = pair.pull(&["--mirror"]).succeeds().json();
    assert_eq!(facts["removed"], json!([gone]), "{facts:#}");
}

/// The processes that an ssh leaves behind, which end with the test.
struct Left<'a>(&'a Pair);

impl Left<'_> {
    /// How many there are. One that has ended and that nobody asked about has no command line any more, proc(5).
    fn living(&self) -> usize {
        let lives = |pid: &&String| {
            let line = fs::read(format!("/proc/{pid}/cmdline"));
            line.is_ok_and(|line| !line.is_empty())
        };
        self.pids().iter().filter(lives).count()
    }

    fn end(&self) {
        for pid in self.pids() {
            // One that has ended by itself is as good.
            let _ = Command::new("kill").args(["-KILL", &pid]).output();
        }
    }

    fn pids(&self) -> Vec<String> {
        let text = fs::read_to_string(self.0.path("laptop/left")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn what_ssh_leaves_behind_is_not_waited_for() {
    /// Holds the error output open, as the master of a shared connection does, for longer than anybody waits.
    const HOLD: &str = "sleep 900 </dev/null >/dev/null & echo $! >> HERE/left;";
    let pair = Pair::start();
    let left = Left(&pair);
    pair.snapshot();
    pair.script(
        "ssh-mute",
        &format!(
            "case \"$*\" in *pulled*) {HOLD} echo 'not today' >&2; exit 1;; *) {HOLD} exec /usr/bin/ssh OPTIONS \"$@\";; esac"
        ),
    );
    let said = Said::of(&pair.pull_with("ssh-mute", &[]).output().unwrap()).succeeds();
    assert_eq!(said.json()["word_left"], false);
    assert!(said.stderr.contains("not today"), "{said:#?}");
    assert_eq!(
        left.living(),
        3,
        "of the small files, of the snapshot, of the word"
    );
    // What they inherited is the lock on the folder as well.
    left.end();

    pair.script(
        "ssh-none",
        &format!("{HOLD} echo 'ssh: connect to host pi port 22: Connection refused' >&2; exit 255"),
    );
    let nobody = Said::of(&pair.pull_with("ssh-none", &[]).output().unwrap()).fails_with(1);
    assert!(
        nobody.stderr.contains("refuses ssh connections"),
        "{nobody:#?}"
    );
    assert!(left.living() > 0);
}
