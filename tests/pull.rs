//! `tealkeep pull` on a laptop from a machine at home: a real sshd with the pulling key behind `tealkeep door --pull`,
//! the real rsync, and a backups folder of real snapshots.

mod trouble;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::sshd::Sshd;
use crate::support::{House, PATIENCE, Said, TEALKEEP};

/// The machine at home and the laptop, in one folder; the sshd ends with the test.
struct Pair {
    sshd: Sshd,
    dir: tempfile::TempDir,
}

impl Pair {
    /// With a database of some 3 MB that does not compress.
    fn start() -> Pair {
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-pull-")
            .tempdir()
            .unwrap();
        for folder in ["backups", "laptop", "spool"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let folder = dir.path().display();
        let door = format!("{TEALKEEP} door --pull home:{folder}/backups --spool {folder}/spool");
        let sshd = Sshd::start(dir.path(), &["key"], |key| {
            format!("restrict,command=\"{door}\" {key}")
        });
        let pair = Pair { dir, sshd };
        pair.script("ssh", "exec /usr/bin/ssh OPTIONS \"$@\"");
        pair.sql(
            "CREATE TABLE entry(id INTEGER PRIMARY KEY, at INTEGER, text BLOB);
             WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
             INSERT INTO entry SELECT i, i, randomblob(500) FROM n",
        );
        pair
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// Of the app's database.
    fn sql(&self, script: &str) {
        let connection = Connection::open(self.path("home.sqlite")).unwrap();
        connection.execute_batch(script).unwrap();
    }

    /// Takes a snapshot at home, and answers with its id.
    fn snapshot(&self) -> String {
        let taken = Command::new(TEALKEEP)
            .args(["backup", "--json", "--database"])
            .arg(self.path("home.sqlite"))
            .arg("--folder")
            .arg(self.path("backups"))
            .output();
        Said::of(&taken.unwrap()).succeeds();
        self.there().pop().unwrap()
    }

    /// The snapshots at home, oldest first.
    fn there(&self) -> Vec<String> {
        ids(&self.path("backups"))
    }

    /// A program on the laptop, as [`Sshd::script`] makes it.
    fn script(&self, name: &str, body: &str) {
        self.sshd.script(name, "key", body);
    }

    fn host(&self) -> String {
        self.sshd.host()
    }

    fn copy(&self) -> PathBuf {
        self.path("laptop/copy")
    }

    /// `tealkeep pull` with the ssh of this name.
    fn pull_with(&self, ssh: &str, options: &[&str]) -> Command {
        let mut command = Command::new(TEALKEEP);
        command
            .env("TEALKEEP_SSH", self.path("laptop").join(ssh))
            .args(["pull", "--json", "--laptop", "anna"])
            .args(options)
            .arg(format!("{}:/", self.host()))
            .arg(self.copy())
            .stdin(Stdio::null());
        command
    }

    fn pull(&self, options: &[&str]) -> Said {
        Said::of(&self.pull_with("ssh", options).output().unwrap())
    }

    /// A shell on the laptop, where ssh is the one that reaches the machine.
    fn laptop(&self, script: &str) -> Said {
        let path = format!(
            "{}:{}",
            self.path("laptop").display(),
            std::env::var("PATH").unwrap()
        );
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(self.path("laptop"))
            .env("PATH", path)
            .env("HOST", self.host())
            .env("TEALKEEP", TEALKEEP)
            .stdin(Stdio::null())
            .output();
        Said::of(&output.unwrap())
    }

    /// The word that was left and that nobody has taken yet.
    fn word(&self) -> Value {
        let left = fs::read_dir(self.path("spool")).unwrap();
        let left: Vec<PathBuf> = left.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left.len(), 1, "{left:?}");
        serde_json::from_slice(&fs::read(&left[0]).unwrap()).unwrap()
    }

    /// Every snapshot in the copy is byte for byte what it is at home, and every manifest has come with it.
    #[track_caller]
    fn all_that_is_visible_is_right(&self, originals: &BTreeMap<String, Vec<u8>>) {
        for id in ids(&self.copy()) {
            let file = self
                .copy()
                .join("snapshots")
                .join(format!("{id}.sqlite.gz"));
            assert!(
                fs::read(file).unwrap() == originals[&id],
                "{id} is not what it is at home"
            );
        }
        let sums = self.copy().join("SHA256SUMS");
        if sums.exists() {
            self.laptop("cd copy && sha256sum --quiet -c SHA256SUMS")
                .succeeds();
        }
    }

    fn originals(&self) -> BTreeMap<String, Vec<u8>> {
        let file = |id: &String| {
            self.path("backups/snapshots")
                .join(format!("{id}.sqlite.gz"))
        };
        let there = self.there();
        there
            .iter()
            .map(|id| (id.clone(), fs::read(file(id)).unwrap()))
            .collect()
    }
}

/// The snapshots in a backups folder that have a file, oldest first.
fn ids(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder.join("snapshots")) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut ids: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(".sqlite.gz")?.to_owned()))
        .collect();
    // The second of a second comes after the first: `Z` is followed by nothing or by `-2`.
    ids.sort_unstable();
    ids
}

fn number(facts: &Value, key: &str) -> u64 {
    facts[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key}: {facts:#}"))
}

fn over_the_wire(facts: &Value) -> u64 {
    number(facts, "received_bytes") + number(facts, "sent_bytes")
}

#[test]
fn the_second_pull_sends_what_changed_and_the_copy_brings_the_data_back() {
    let pair = Pair::start();
    let first = pair.snapshot();
    let facts = pair.pull(&[]).succeeds().json();
    assert_eq!(facts["newest"], first.as_str(), "{facts:#}");
    assert_eq!((number(&facts, "whole"), number(&facts, "damaged")), (1, 0));
    assert_eq!(facts["word_left"], true, "{facts:#}");
    let word = pair.word();
    assert_eq!(word["laptop"], "anna");
    assert_eq!(word["newest"], first.as_str());

    pair.sql("UPDATE entry SET text = randomblob(500) WHERE id = 3000");
    let second = pair.snapshot();
    let facts = pair.pull(&["--drill"]).succeeds().json();
    let bytes = number(&facts["came"][0], "bytes");
    assert_eq!(facts["came"][0]["snapshot"], second.as_str());
    assert!(bytes > 2_000_000, "{facts:#}");
    assert!(over_the_wire(&facts) < bytes / 15, "{facts:#}");
    assert_eq!(number(&facts, "whole"), 2);
    let drill = &facts["drill"];
    assert_eq!(drill["snapshot"], second.as_str(), "{facts:#}");
    assert!(drill["failed"].is_null(), "{facts:#}");
    assert_eq!(drill["tables"][0]["rows"], 6000, "{facts:#}");

    // A third one moves nothing but names.
    let facts = pair.pull(&[]).succeeds().json();
    assert_eq!(facts["came"].as_array().unwrap().len(), 0);
    assert!(over_the_wire(&facts) < 20_000, "{facts:#}");
    pair.all_that_is_visible_is_right(&pair.originals());
    let links = |folder: &Path| {
        let found = Command::new("find")
            .args([".", "-type", "l", "-printf", "%p %l\n"])
            .current_dir(folder)
            .output();
        let text = String::from_utf8(found.unwrap().stdout).unwrap();
        let mut lines: Vec<String> = text
            .lines()
            .filter(|line| !line.contains(".tealkeep-pull"))
            .map(str::to_owned)
            .collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(links(&pair.copy()), links(&pair.path("backups")));

    pair.laptop("$TEALKEEP verify ./copy; $TEALKEEP restore --from copy --to back.db")
        .succeeds();
    let same = pair
        .laptop("sqlite3 back.db .dump | sha256sum; sqlite3 ../home.sqlite .dump | sha256sum")
        .succeeds();
    let sums: Vec<&str> = same.stdout.lines().collect();
    assert_eq!(sums[0], sums[1]);
}

#[test]
fn killed_at_any_instant_it_shows_nothing_that_is_not_whole() {
    let pair = Pair::start();
    for _ in 0..2 {
        pair.sql("UPDATE entry SET text = randomblob(500) WHERE id % 50 = 0");
        pair.snapshot();
    }
    let originals = pair.originals();
    let began = Instant::now();
    pair.pull(&[]).succeeds();
    let whole = began.elapsed();
    let kills = if std::env::var_os("TEALKEEP_LONG").is_some() {
        60
    } else {
        8
    };
    // A fixed seed: the instants are the same shares of a whole pull in every run.
    let mut seed: u64 = 0x5eed;
    for kill in 0..kills {
        // Every other one goes on where the killed one was.
        if kill % 2 == 0 {
            fs::remove_dir_all(pair.copy()).unwrap();
        }
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = (seed >> 33) as f64 / f64::from(1u32 << 31);
        let mut pull = pair
            .pull_with("ssh", &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole.mul_f64(share));
        pull.kill().unwrap();
        pull.wait().unwrap();
        pair.all_that_is_visible_is_right(&originals);
    }
    pair.pull(&[]).succeeds();
    pair.all_that_is_visible_is_right(&originals);
    assert_eq!(ids(&pair.copy()), pair.there());
    pair.laptop("$TEALKEEP verify ./copy").succeeds();
    let left = pair.copy().join(".tealkeep-pull/arrivals");
    let left: Vec<_> = fs::read_dir(left)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [".partial"]);
}

#[test]
fn a_lost_connection_leaves_nothing_half_and_the_next_pull_goes_on() {
    /// Checksums of blocks, the small files, and a block at either end.
    const SLACK: u64 = 150_000;
    let pair = Pair::start();
    // How much of it rsync has kept depends on which of its processes notices first.
    let part = || {
        let part = pair
            .copy()
            .join(".tealkeep-pull/arrivals/.partial/arriving");
        part.metadata().map_or(0, |meta| meta.len())
    };
    pair.snapshot();
    // Whatever buffers would hold back what rsync's two sides wait for.
    let cut = "import os\nleft = 1500000\nwhile left > 0:\n    data = os.read(0, min(left, 65536))\n    if not data:\n        break\n    left -= len(data)\n    while data:\n        data = data[os.write(1, data):]\n";
    fs::write(pair.path("laptop/cut.py"), cut).unwrap();
    // The line goes dead after the small files and 1.5 MB of a snapshot.
    pair.script(
        "ssh-cut",
        "case \"$*\" in *snapshots/*) /usr/bin/ssh OPTIONS \"$@\" | { python3 HERE/cut.py; kill -9 $$; };; *) exec /usr/bin/ssh OPTIONS \"$@\";; esac",
    );
    let cut = Said::of(&pair.pull_with("ssh-cut", &[]).output().unwrap()).fails_with(1);
    assert!(
        cut.stderr.contains("lost") && cut.stderr.contains("continues"),
        "{cut:#?}"
    );
    assert_eq!(ids(&pair.copy()), Vec::<String>::new());
    let came = part();
    assert!(came > 0);
    let facts = pair.pull(&[]).succeeds().json();
    let first = number(&facts["came"][0], "bytes");
    assert!(
        over_the_wire(&facts) + came < first + SLACK,
        "{came} {facts:#}"
    );
    pair.all_that_is_visible_is_right(&pair.originals());

    // The same with something to compare with: neither what is here nor what came is sent again.
    pair.sql("INSERT INTO entry(text) SELECT randomblob(500) FROM entry");
    pair.snapshot();
    let cut = Said::of(&pair.pull_with("ssh-cut", &[]).output().unwrap()).fails_with(1);
    assert!(cut.stderr.contains("lost"), "{cut:#?}");
    assert_eq!(ids(&pair.copy()).len(), 1);
    let came = part();
    let facts = pair.pull(&[]).succeeds().json();
    let bytes = number(&facts["came"][0], "bytes");
    // The new one begins with what the old one held; what came of it lies behind that.
    let is_here = came.max(first * 9 / 10);
    assert!(
        over_the_wire(&facts) + is_here < bytes + SLACK,
        "{came} {facts:#}"
    );
    pair.all_that_is_visible_is_right(&pair.originals());
}

#[test]
fn what_is_damaged_at_home_is_found_and_takes_no_place_here() {
    let pair = Pair::start();
    let good = pair.snapshot();
    let bad = pair.snapshot();
    let file = pair
        .path("backups/snapshots")
        .join(format!("{bad}.sqlite.gz"));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(&file, bytes).unwrap();
    let said = pair.pull(&[]).fails_with(1);
    let facts = said.json();
    assert_eq!((number(&facts, "whole"), number(&facts, "damaged")), (1, 1));
    assert!(said.stderr.contains("cannot be relied on"), "{said:#?}");
    assert_eq!(ids(&pair.copy()), [good.as_str()]);
    let word = pair.word();
    assert_eq!((number(&word, "whole"), number(&word, "damaged")), (1, 1));
    pair.laptop("$TEALKEEP verify ./copy; cd copy; sha256sum -c SHA256SUMS")
        .succeeds();
}

#[test]
fn the_configuration_comes_along_and_nothing_takes_it_away() {
    let pair = Pair::start();
    pair.snapshot();
    let said = pair.pull(&[]).succeeds().json();
    assert!(said["configuration"].is_null(), "{said}");
    let there = pair.path("backups/tealkeep.toml");
    let read = |name: &str| fs::read_to_string(pair.copy().join(name)).ok();
    let copy_of = |text: &str| format!("# A copy of Tealkeep's configuration, of {text}\n");
    for text in ["one", "two", "three"] {
        fs::write(&there, copy_of(text)).unwrap();
        let said = pair.pull(&[]).succeeds().json();
        assert!(
            said["configuration"]
                .as_str()
                .unwrap()
                .ends_with("/tealkeep.toml"),
            "{said}"
        );
        assert_eq!(read("tealkeep.toml"), Some(copy_of(text)));
    }
    assert_eq!(read("tealkeep.toml.before"), Some(copy_of("one")));
    let dated = fs::read_dir(pair.copy()).unwrap().flatten().find(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("tealkeep.toml.before-2")
    });
    let dated = dated.expect("the second one stays as well").path();
    assert_eq!(fs::read_to_string(dated).unwrap(), copy_of("two"));
    fs::remove_file(&there).unwrap();
    pair.pull(&["--mirror", "--all"]).succeeds();
    assert_eq!(read("tealkeep.toml"), Some(copy_of("three")));
    // What stands beside the snapshots disturbs nobody.
    Said::of(
        &Command::new(TEALKEEP)
            .arg("verify")
            .arg(pair.copy())
            .output()
            .unwrap(),
    )
    .succeeds();
}

#[test]
fn a_configuration_that_cant_be_kept_leaves_the_snapshots_whole() {
    let pair = Pair::start();
    pair.snapshot();
    pair.pull(&[]).succeeds();
    let own = pair.copy().join("tealkeep.toml");
    fs::write(&own, "mine\n").unwrap();
    fs::write(
        pair.path("backups/tealkeep.toml"),
        "# A copy of Tealkeep's configuration, of the machine at home\n",
    )
    .unwrap();
    let newest = pair.snapshot();
    let said = pair.pull(&[]).succeeds();
    assert!(said.stderr.contains("stays unchanged"), "{}", said.stderr);
    assert!(said.json()["configuration"].is_null());
    assert_eq!(fs::read_to_string(&own).unwrap(), "mine\n");
    let sums = fs::read_to_string(pair.copy().join("SHA256SUMS")).unwrap();
    assert!(sums.contains(&newest.to_string()), "{sums}");
}

#[test]
fn what_is_rotated_away_meanwhile_is_no_failure() {
    let pair = Pair::start();
    let oldest = pair.snapshot();
    pair.snapshot();
    // The newest comes first; by then the other one is gone.
    pair.script(
        "ssh-late",
        &format!("case \"$*\" in *snapshots*) rm -f HOME/backups/snapshots/{oldest}.*;; esac; exec /usr/bin/ssh OPTIONS \"$@\""),
    );
    let facts = Said::of(&pair.pull_with("ssh-late", &[]).output().unwrap())
        .succeeds()
        .json();
    assert_eq!(facts["vanished"], serde_json::json!([oldest]));
    assert_eq!(number(&facts, "whole"), 1);
    pair.laptop("$TEALKEEP verify ./copy").succeeds();
}

#[test]
fn pulls_during_snapshots_and_rotations_end_well_each_time() {
    let pair = Pair::start();
    pair.snapshot();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The twelfth drops the first two: ten by hand are kept.
            for _ in 0..12 {
                pair.sql("UPDATE entry SET text = randomblob(500) WHERE id % 1000 = 0");
                pair.snapshot();
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            pair.pull(&["--no-report"]).succeeds();
            pair.laptop("cd copy && sha256sum --quiet -c SHA256SUMS")
                .succeeds();
        }
    });
    pair.pull(&[]).succeeds();
    let here = ids(&pair.copy());
    assert!(pair.there().iter().all(|id| here.contains(id)), "{here:?}");
    pair.laptop("$TEALKEEP verify ./copy").succeeds();
}

#[test]
fn plain_rsync_and_one_word_do_the_same() {
    let pair = Pair::start();
    let newest = pair.snapshot();
    pair.laptop("rsync -a --exclude='.*' -e ssh $HOST:/ copy/ && ssh $HOST pulled")
        .succeeds();
    assert_eq!(ids(&pair.copy()), [newest.as_str()]);
    assert_eq!(pair.word()["laptop"], "127.0.0.1");
    pair.laptop("diff -r ../backups copy && $TEALKEEP verify ./copy")
        .succeeds();
    pair.laptop(
        "rsync -avzR -e ssh \"$HOST:/snapshots/*.json\" other/ && test -s other/snapshots/*.json",
    )
    .succeeds();
    // And a pull goes on from there: nothing comes, since all is here.
    let facts = pair.pull(&[]).succeeds().json();
    assert_eq!(facts["came"].as_array().unwrap().len(), 0);
    assert_eq!(number(&facts, "whole"), 1);

    for refused in [
        "echo x > x; rsync -a -e ssh x $HOST:/x",
        "rsync -a --delete -e ssh other/ $HOST:/",
        "rsync -a -e ssh $HOST:/../home.sqlite .",
        "rsync -a --remove-source-files -e ssh $HOST:/snapshots/ gone/",
        "rsync -aL -e ssh $HOST:/ links/",
        "ssh $HOST id",
        "ssh $HOST",
        "ssh $HOST tealkeep status",
        "ssh $HOST tealkeep pulled other",
        "ssh $HOST tealkeep pulled home --spool /tmp",
        "scp -S ssh $HOST:/SHA256SUMS .",
    ] {
        let said = pair.laptop(refused);
        assert_ne!(said.code, 0, "{refused}: {said:#?}");
        assert!(!said.stdout.contains("uid="), "{refused}: {said:#?}");
    }
    assert!(pair.path("home.sqlite").exists() && !pair.path("backups/x").exists());
    assert_eq!(pair.there(), [newest.as_str()]);
}

#[test]
fn a_mirror_follows_what_was_removed_and_damage_here_is_mended() {
    let pair = Pair::start();
    let ids_there: Vec<String> = (0..4).map(|_| pair.snapshot()).collect();
    pair.pull(&[]).succeeds();
    for id in [&ids_there[1], &ids_there[3]] {
        for ending in ["sqlite.gz", "json"] {
            fs::remove_file(
                pair.path("backups/snapshots")
                    .join(format!("{id}.{ending}")),
            )
            .unwrap();
        }
    }
    pair.pull(&[]).succeeds();
    assert_eq!(ids(&pair.copy()), ids_there);
    // The newest one stays, whatever is there.
    let facts = pair.pull(&["--mirror"]).succeeds().json();
    assert_eq!(facts["removed"], serde_json::json!([ids_there[1]]));
    assert_eq!(
        ids(&pair.copy()),
        [0, 2, 3].map(|nth: usize| ids_there[nth].clone())
    );
    pair.laptop("$TEALKEEP verify ./copy; cd copy; sha256sum -c SHA256SUMS")
        .succeeds();

    let file = pair
        .copy()
        .join("snapshots")
        .join(format!("{}.sqlite.gz", ids_there[0]));
    let mut bytes = fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let facts = pair.pull(&["--all"]).succeeds().json();
    assert_eq!(facts["came"][0]["snapshot"], ids_there[0].as_str());
    assert!(
        over_the_wire(&facts) < number(&facts["came"][0], "bytes") / 15,
        "{facts:#}"
    );
    pair.all_that_is_visible_is_right(&pair.originals_and(&ids_there[3]));
}

impl Pair {
    /// What is at home, and one that is here alone.
    fn originals_and(&self, id: &str) -> BTreeMap<String, Vec<u8>> {
        let mut originals = self.originals();
        let file = self
            .copy()
            .join("snapshots")
            .join(format!("{id}.sqlite.gz"));
        originals.insert(id.to_owned(), fs::read(file).unwrap());
        originals
    }
}

#[test]
fn a_wrong_call_says_what_would_be_right() {
    let pair = Pair::start();
    let empty = pair.pull(&[]).fails_with(2);
    assert!(
        empty.stderr.contains("is not a backups folder"),
        "{empty:#?}"
    );
    pair.snapshot();
    let wrong = pair
        .laptop("$TEALKEEP pull --ssh ./ssh $HOST:/none copy")
        .fails_with(2);
    assert!(wrong.stderr.contains("does not exist"), "{wrong:#?}");
    let wrong = pair
        .laptop("$TEALKEEP pull /var/backups/home copy")
        .fails_with(2);
    assert!(wrong.stderr.contains("write the host"), "{wrong:#?}");
    let foreign = pair
        .laptop("mkdir docs; echo mine > docs/diary; $TEALKEEP pull --ssh ./ssh $HOST:/ docs")
        .fails_with(2);
    assert!(
        foreign.stderr.contains("contains something else"),
        "{foreign:#?}"
    );
    fs::remove_dir(pair.path("spool")).unwrap();
    let untold = pair.pull(&[]).succeeds();
    assert_eq!(untold.json()["word_left"], false);
    assert!(
        untold.stderr.contains("could not be reported"),
        "{untold:#?}"
    );
    pair.script(
        "ssh-none",
        "echo 'ssh: connect to host pi port 22: Connection refused' >&2; exit 255",
    );
    let nobody = Said::of(&pair.pull_with("ssh-none", &[]).output().unwrap()).fails_with(1);
    assert!(
        nobody.stderr.contains("refuses ssh connections"),
        "{nobody:#?}"
    );
}

/// A house whose laptops leave word.
struct Told(House);

impl Told {
    async fn start() -> Told {
        let house = House::start().await;
        fs::create_dir(house.folder().join("spool")).unwrap();
        Told(house)
    }

    fn spool(&self) -> PathBuf {
        self.0.folder().join("spool")
    }

    fn leave(&self, laptop: &str, words: &[&str]) {
        let spool = self.spool().display().to_string();
        let mut all = vec!["pulled", "home", "--spool", &spool, "--laptop", laptop];
        all.extend(words);
        self.0.tealkeep(all).succeeds();
    }

    async fn last(&self) -> Value {
        self.0.status().await["apps"][0]["last_pull"].clone()
    }

    fn left(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.spool()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_word_is_shown_at_home() {
    let told = Told::start().await;
    assert!(told.last().await.is_null());
    told.leave(
        "anna",
        &[
            "--newest",
            "2026-11-21T033000Z",
            "--whole",
            "12",
            "--damaged",
            "0",
        ],
    );
    let pull = told.last().await;
    assert_eq!(
        (&pull["laptop"], &pull["whole"]),
        (&"anna".into(), &12.into()),
        "{pull:#}"
    );
    let said = told.0.journal().await.join("\n");
    assert!(said.contains("The laptop `anna` pulled"), "{said}");
    told.leave("anna", &["--damaged", "1"]);
    assert_eq!(told.last().await["damaged"], 1);
    assert!(told.left().is_empty());
    // Whatever else lies there changes nothing.
    let other = told.spool().join("other.json");
    for name in ["home.json", "home@0123456789abcdef.json", "other.json"] {
        fs::write(told.spool().join(name), "{\"laptop\": 3}").unwrap();
    }
    assert_eq!(told.last().await["damaged"], 1);
    assert_eq!(told.left(), [other]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_laptops_both_are_heard_and_the_last_one_is_shown() {
    let told = Told::start().await;
    told.leave("bert", &["--whole", "3"]);
    told.leave("anna", &["--whole", "4"]);
    assert_eq!(told.last().await["laptop"], "anna");
    let said = told.0.journal().await.join("\n");
    for laptop in ["anna", "bert"] {
        assert!(
            said.contains(&format!("The laptop `{laptop}` pulled")),
            "{said}"
        );
    }
    assert!(told.left().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_waits_until_the_journal_has_taken_it_and_is_told_once() {
    let told = Told::start().await;
    let journal = rusqlite::Connection::open(told.0.folder().join("state/journal.db")).unwrap();
    journal.busy_timeout(PATIENCE).unwrap();
    // As with a disk that is full.
    let full = "CREATE TRIGGER full BEFORE INSERT ON pull BEGIN SELECT RAISE(ABORT, 'full'); END";
    journal.execute_batch(full).unwrap();
    told.leave("anna", &["--whole", "3"]);
    assert!(told.last().await.is_null());
    let left = told.left();
    assert_eq!(left.len(), 1, "{left:?}");
    let text = fs::read(&left[0]).unwrap();
    let at = fs::metadata(&left[0]).unwrap().modified().unwrap();

    journal.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(told.last().await["laptop"], "anna");
    assert!(told.left().is_empty());
    // Cut off between the journal and the spool it finds the same word again.
    fs::write(&left[0], text).unwrap();
    let again = File::options().write(true).open(&left[0]).unwrap();
    again.set_modified(at).unwrap();
    drop(again);
    assert_eq!(told.last().await["laptop"], "anna");
    assert!(told.left().is_empty());
    let pulls = journal.query_row("SELECT count(*) FROM pull", [], |row| row.get::<_, u32>(0));
    assert_eq!(pulls.unwrap(), 1);
    let said = told.0.journal().await;
    let told_of = said.iter().filter(|text| text.contains("`anna` pulled"));
    assert_eq!(told_of.count(), 1, "{said:#?}");
}
