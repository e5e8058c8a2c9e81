use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

/// A folder of releases, each with a lock file.
struct Shelf {
    dir: tempfile::TempDir,
}

/// Makes two files, one of them executable, a link and a folder, and counts its runs.
const MAKES: &str = "echo made >> ../runs; mkdir -p node_modules/a/bin; echo 1 > node_modules/a/index.js; \
     echo 2 > node_modules/a/bin/run; chmod 755 node_modules/a/bin/run; ln -s a node_modules/b; echo 3 > built";

impl Shelf {
    fn new() -> Shelf {
        Shelf {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn add(&self, id: &str, lock: &str) {
        fs::create_dir_all(self.path(id).join("src")).unwrap();
        fs::write(self.path(id).join("lock"), lock).unwrap();
        fs::write(self.path(id).join("src/main.js"), "main").unwrap();
    }

    fn order(&self, id: &str, script: &str) -> Order {
        Order {
            releases: self.dir.path().to_owned(),
            release: id.parse().unwrap(),
            inputs: vec!["lock".into()],
            versions: vec!["echo 'v 1'".to_owned()],
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        }
    }

    fn prepare(&self, id: &str, script: &str) -> anyhow::Result<Record> {
        run(&self.order(id, script), &mut |_| {})
    }

    fn runs(&self) -> usize {
        let runs = fs::read_to_string(self.path("runs")).unwrap_or_default();
        runs.lines().count()
    }

    fn meta(&self, below: &str) -> fs::Metadata {
        self.path(below).symlink_metadata().unwrap()
    }
}

#[test]
fn what_an_equal_release_made_is_linked_and_the_command_does_not_run() {
    let shelf = Shelf::new();
    for id in ["v1", "v2", "v3"] {
        shelf.add(id, "the same");
    }
    let first = shelf.prepare("v1", MAKES).unwrap();
    assert_eq!(
        first.entries,
        [Path::new("built"), Path::new("node_modules")]
    );
    assert_eq!((first.files, first.taken_from, shelf.runs()), (4, None, 1));
    for id in ["v2", "v3"] {
        let second = shelf.prepare(id, MAKES).unwrap();
        assert!(second.taken_from.is_some());
        assert_eq!((second.files, shelf.runs()), (4, 1));
        for file in ["built", "node_modules/a/index.js", "node_modules/a/bin/run"] {
            let (one, two) = (
                shelf.meta(&format!("v1/{file}")),
                shelf.meta(&format!("{id}/{file}")),
            );
            assert_eq!(one.ino(), two.ino(), "{file}");
        }
        let link = fs::read_link(shelf.path(id).join("node_modules/b")).unwrap();
        assert_eq!(link, Path::new("a"));
    }
    // The same again has nothing to do.
    shelf.prepare("v3", MAKES).unwrap();
    assert_eq!(shelf.runs(), 1);
}

#[test]
fn what_was_made_is_sealed_and_can_be_removed_all_the_same() {
    let shelf = Shelf::new();
    for id in ["v1", "v2"] {
        shelf.add(id, "the same");
        shelf.prepare(id, MAKES).unwrap();
        let mode = |below: &str| shelf.meta(&format!("{id}/{below}")).mode() & 0o777;
        assert_eq!(mode("node_modules"), 0o570);
        assert_eq!(mode("node_modules/a/bin"), 0o570);
        assert_eq!(mode("node_modules/a/index.js"), 0o460);
        assert_eq!(mode("node_modules/a/bin/run"), 0o570);
        assert_eq!(mode("src/main.js") & 0o200, 0o200);
    }
    remove(&shelf.path("v1")).unwrap();
    assert!(!shelf.path("v1").exists());
    assert_eq!(fs::read(shelf.path("v2/built")).unwrap(), b"3\n");
}

#[test]
fn whatever_the_result_depends_on_makes_the_command_run_again() {
    let shelf = Shelf::new();
    shelf.add("v1", "one");
    shelf.prepare("v1", MAKES).unwrap();
    shelf.add("v2", "two");
    shelf.prepare("v2", MAKES).unwrap();
    assert_eq!(shelf.runs(), 2, "another lock file");
    shelf.add("v3", "two");
    let mut order = shelf.order("v3", MAKES);
    order.versions = vec!["echo 'v 2'".to_owned()];
    run(&order, &mut |_| {}).unwrap();
    assert_eq!(shelf.runs(), 3, "another version");
    shelf.add("v4", "two");
    shelf.prepare("v4", &format!("true; {MAKES}")).unwrap();
    assert_eq!(shelf.runs(), 4, "another command");
    // A release that is asked for with another key is made anew, without what it had.
    order.release = "v4".parse().unwrap();
    order.command = ["sh", "-c", "echo made >> ../runs; echo > only"]
        .map(str::to_owned)
        .to_vec();
    let record = run(&order, &mut |_| {}).unwrap();
    assert_eq!(record.entries, [Path::new("only")]);
    assert!(!shelf.path("v4/node_modules").exists());
}

#[test]
fn an_input_that_is_missing_is_named() {
    let shelf = Shelf::new();
    shelf.add("v1", "one");
    let mut order = shelf.order("v1", MAKES);
    order.inputs.push("package-lock.json".into());
    let refused = format!("{:#}", run(&order, &mut |_| {}).unwrap_err());
    assert!(
        refused.contains("no readable package-lock.json"),
        "{refused}"
    );
    order.inputs.clear();
    order.versions = vec!["no-such-program --version".to_owned()];
    let refused = format!("{:#}", run(&order, &mut |_| {}).unwrap_err());
    assert!(refused.contains("no-such-program"), "{refused}");
}

#[test]
fn a_failed_or_cut_off_try_never_counts_and_the_next_begins_from_scratch() {
    let shelf = Shelf::new();
    for id in ["v1", "v2"] {
        shelf.add(id, "the same");
    }
    let fails = "mkdir half; echo x > half/file; exit 3";
    let failed = shelf.prepare("v1", fails).unwrap_err().to_string();
    assert!(failed.contains("exit status: 3"), "{failed}");
    assert!(shelf.path("v1/half/file").exists(), "it is left for a look");
    assert_eq!(Record::of(&shelf.path("v1")).unwrap(), None);
    let (made, owner) = (
        read_made(&shelf.path("v1")).unwrap(),
        shelf.meta("v1").uid(),
    );
    assert!(made.accounts_for(Path::new("half"), owner));
    assert!(!made.accounts_for(Path::new("src"), owner));
    assert_eq!(shelf.prepare("v2", MAKES).unwrap().taken_from, None);
    let again = shelf.prepare("v1", MAKES).unwrap();
    assert_eq!(again.taken_from, Some("v2".parse().unwrap()));
    assert!(!shelf.path("v1/half").exists());
    assert!(shelf.path("v1/src/main.js").exists());
}

#[test]
fn a_command_that_changes_what_was_received_is_refused() {
    let shelf = Shelf::new();
    shelf.add("v1", "one");
    let refused = shelf.prepare("v1", "echo x >> src/main.js").unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("changed or removed src/main.js"),
        "{refused}"
    );
    assert_eq!(Record::of(&shelf.path("v1")).unwrap(), None);
}

#[test]
fn a_result_with_something_missing_is_made_anew() {
    let shelf = Shelf::new();
    for id in ["v1", "v2"] {
        shelf.add(id, "the same");
    }
    shelf.prepare("v1", MAKES).unwrap();
    let folder = shelf.path("v1/node_modules/a");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).unwrap();
    fs::remove_file(folder.join("index.js")).unwrap();
    let mut said = Vec::new();
    let order = shelf.order("v2", MAKES);
    let second = run(&order, &mut |line| said.push(line.to_owned())).unwrap();
    assert_eq!((second.taken_from, shelf.runs()), (None, 2), "{said:?}");
    assert!(said[0].contains("3 files of 4"), "{said:?}");
    assert!(shelf.path("v2/node_modules/a/index.js").exists());
}

#[test]
fn what_poses_as_a_record_is_neither_waited_for_nor_followed_nor_read_without_end() {
    let shelf = Shelf::new();
    shelf.add("v1", "one");
    let record = shelf.path("v1").join(RECORD_FILE);
    let pose = |how: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", how, "sh"]).arg(&record);
        assert!(shell.status().unwrap().success());
        let directory = shelf.path("v1");
        let (told, saying) = std::sync::mpsc::channel();
        std::thread::spawn(move || drop(told.send(Record::of(&directory))));
        let said = saying.recv_timeout(Duration::from_secs(60)).expect(how);
        fs::remove_file(&record).unwrap();
        said
    };
    for how in [
        "mkfifo \"$1\"",
        "ln -s /dev/zero \"$1\"",
        "truncate -s 1G \"$1\"",
    ] {
        let refused = format!("{:#}", pose(how).unwrap_err());
        assert!(refused.contains("remove it, and deploy again"), "{refused}");
    }
    assert_eq!(pose("echo nonsense > \"$1\"").unwrap(), None);
}

#[test]
fn a_record_is_believed_about_its_own_user_s_files_only() {
    let shelf = Shelf::new();
    shelf.add("v1", "one");
    shelf.prepare("v1", MAKES).unwrap();
    let made = read_made(&shelf.path("v1")).unwrap();
    let owner = shelf.meta("v1").uid();
    let built = Path::new("built");
    assert!(made.accounts_for(built, owner));
    assert!(!made.accounts_for(built, owner + 1));
    assert!(!made.accounts_for(Path::new("lock"), owner));
}

/// A measure, for somebody who reads the figures: `cargo test --features measures --lib ten_thousand -- --nocapture`.
#[cfg(feature = "measures")]
#[test]
fn ten_thousand_files_are_taken_over() {
    let shelf = Shelf::new();
    for id in ["v1", "v2"] {
        shelf.add(id, "the same");
    }
    let script = "for d in $(seq 200); do mkdir -p node_modules/$d; for f in $(seq 50); do echo $d > node_modules/$d/$f; done; done";
    for id in ["v1", "v2"] {
        let began = Instant::now();
        let record = shelf.prepare(id, script).unwrap();
        println!("{:?}: {}", began.elapsed(), record.describe());
        assert_eq!(record.files, 10_000);
    }
}

#[test]
fn a_result_that_names_its_own_release_is_made_anew_for_each() {
    let shelf = Shelf::new();
    let makes = "echo made >> ../runs; mkdir venv; echo \"#!$PWD/venv/python\" > venv/run";
    for id in ["v1", "v2", "v3"] {
        shelf.add(id, "the same");
        let mut told = Vec::new();
        let order = shelf.order(id, makes);
        let record = run(&order, &mut |line| told.push(line.to_owned())).unwrap();
        assert_eq!(record.bound, Some("venv/run".into()));
        assert_eq!(record.taken_from, None);
        let said = "venv/run names this release's own path, so every release makes its own";
        assert!(record.describe().contains(said), "{}", record.describe());
        assert!(told.iter().any(|line| line.contains(said)), "{told:?}");
        let script = fs::read_to_string(shelf.path(id).join("venv/run")).unwrap();
        let own = shelf.path(id).canonicalize().unwrap();
        assert!(script.contains(own.to_str().unwrap()), "{script}");
        // The earlier one may go.
        if id == "v2" {
            remove(&shelf.path("v1")).unwrap();
        }
    }
    assert_eq!(shelf.runs(), 3);
    // In the same release it is as good as before.
    shelf.prepare("v3", makes).unwrap();
    assert_eq!(shelf.runs(), 3);
}
