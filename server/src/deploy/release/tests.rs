use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;
use crate::prepare;

#[test]
fn a_directory_becomes_a_release_that_nobody_writes_to() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("v9");
    fs::create_dir_all(source.join("public")).unwrap();
    fs::write(source.join("public/a.css"), "a").unwrap();
    let folder = dir.path().join("releases");
    fs::create_dir(&folder).unwrap();
    let releases = Releases::new(folder.clone());
    let id = releases.id_for(&source, Timestamp::UNIX_EPOCH).unwrap();
    releases.receive(&source, &id).unwrap();
    assert_eq!(id.as_str(), "v9");
    assert_eq!(fs::read(folder.join("v9/public/a.css")).unwrap(), b"a");
    let mode = fs::metadata(folder.join("v9/public/a.css"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o440);
    let again = releases.id_for(&source, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(again.as_str(), "v9-19700101T000000Z");
}

#[test]
fn a_directory_around_the_releases_is_no_release() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("releases");
    fs::create_dir_all(folder.join("v1/public")).unwrap();
    let releases = Releases::new(folder.clone());
    for wrong in [dir.path(), &folder, &folder.join("v1/public")] {
        let refused = releases.id_for(wrong, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(
            refused.to_string().contains("one lies in the other"),
            "{refused}"
        );
    }
    assert_eq!(releases.holding(&folder.join("v1")).unwrap().as_str(), "v1");
    assert_eq!(releases.holding(dir.path()), None);
}

#[test]
fn pruning_spares_what_a_colour_stands_on() {
    let dir = tempfile::tempdir().unwrap();
    let releases = Releases::new(dir.path().to_owned());
    for (age, name) in ["v1", "v2", "v3", "v4"].iter().enumerate() {
        fs::create_dir(dir.path().join(name)).unwrap();
        let file = fs::File::open(dir.path().join(name)).unwrap();
        let when = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000 + age as u64);
        file.set_modified(when).unwrap();
    }
    let v1: ReleaseId = "v1".parse().unwrap();
    releases.set_colour(Colour::Blue, &v1).unwrap();
    let gone = releases.prune(2, std::slice::from_ref(&v1)).unwrap();
    assert_eq!(
        gone.iter().map(ReleaseId::as_str).collect::<Vec<_>>(),
        ["v2"]
    );
    assert!(releases.has(&v1));
    assert_eq!(releases.of_colour(Colour::Blue), Some(v1));
}

#[test]
fn a_release_whose_path_an_older_versions_preparation_names_is_not_pruned() {
    let dir = tempfile::tempdir().unwrap();
    let releases = Releases::new(dir.path().to_owned());
    let v1 = dir.path().join("v1");
    for (age, name) in ["v0", "v1", "v2"].iter().enumerate() {
        let path = dir.path().join(name);
        fs::create_dir_all(path.join("venv")).unwrap();
        let script = format!("#!{}/venv/python\n", v1.display());
        fs::write(path.join("venv/run"), script).unwrap();
        let record = r#"{"state":"done","key":"","command":[],"took_ms":0,"files":1,"taken_from":"v1","entries":["venv"]}"#;
        fs::write(path.join(prepare::RECORD_FILE), record).unwrap();
        let when = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000 + age as u64);
        fs::File::open(&path).unwrap().set_modified(when).unwrap();
    }
    let gone = releases.prune(1, &[]).unwrap();
    let gone: Vec<_> = gone.iter().map(ReleaseId::as_str).collect();
    assert_eq!(gone, ["v0"]);
    // What can't be read may name any of them.
    let record = dir.path().join("v2").join(prepare::RECORD_FILE);
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("[\"venv\"]", "[\"lost\"]")).unwrap();
    assert!(releases.prune(1, &[]).unwrap().is_empty());
    fs::write(&record, text).unwrap();
    // Once the newest no longer uses it, it goes. What a large file names is not looked for.
    let mut large = v1.to_str().unwrap().as_bytes().to_owned();
    large.resize((1 << 20) + 1, b'\n');
    fs::write(dir.path().join("v2/venv/addon.node"), large).unwrap();
    fs::write(dir.path().join("v2/venv/run"), "#!/usr/bin/python\n").unwrap();
    assert_eq!(releases.prune(1, &[]).unwrap().len(), 1);
    assert!(!v1.exists());
}

/// A folder of releases, with what a push has sent for v1: a file at the top, and one below.
fn pushed() -> (tempfile::TempDir, Releases, ReleaseId) {
    let dir = tempfile::tempdir().unwrap();
    let releases = Releases::new(dir.path().to_owned());
    let id: ReleaseId = "v1".parse().unwrap();
    push(&releases, &id);
    (dir, releases, id)
}

fn push(releases: &Releases, id: &ReleaseId) {
    let sent = releases.push_path(id);
    fs::create_dir_all(sent.join("packages/a")).unwrap();
    fs::write(sent.join("main.js"), "one").unwrap();
    fs::write(sent.join("packages/a/index.js"), "two").unwrap();
}

fn modes(root: &Path, paths: &[&str]) -> Vec<u32> {
    let mode = |path: &&str| fs::symlink_metadata(root.join(path)).unwrap().mode() & 0o777;
    paths.iter().map(mode).collect()
}

#[test]
fn every_directory_that_came_with_a_release_opens_to_the_group_and_closes_again() {
    let (dir, releases, id) = pushed();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o700)).unwrap();
    releases.adopt(&id, None).unwrap();
    let root = releases.path(&id);
    let received = ["", "packages", "packages/a"];
    assert_eq!(modes(&root, &received), [0o750; 3]);
    releases.open_to_group(&id, true).unwrap();
    assert_eq!(modes(&root, &received), [0o770; 3]);
    // What the preparation made and sealed, and where a link leads to, stay as they are.
    let made = root.join("packages/a/node_modules");
    fs::create_dir(&made).unwrap();
    fs::set_permissions(&made, fs::Permissions::from_mode(0o570)).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("packages/link")).unwrap();
    releases.open_to_group(&id, false).unwrap();
    assert_eq!(modes(&root, &received), [0o750; 3]);
    assert_eq!(modes(&root, &["packages/a/node_modules"]), [0o570]);
    assert_eq!(modes(&root, &["main.js"]), [0o440]);
    assert_eq!(modes(dir.path(), &["outside"]), [0o700]);
    releases
        .open_to_group(&"none".parse().unwrap(), true)
        .unwrap();
}

#[test]
fn a_record_that_lies_hides_no_change() {
    let (_dir, releases, id) = pushed();
    releases.adopt(&id, None).unwrap();
    let lie = r#"{"state":"done","key":"","command":[],"took_ms":0,"files":2,
        "entries":["main.js","packages","made"]}"#;
    let root = releases.path(&id);
    fs::write(root.join(prepare::RECORD_FILE), lie).unwrap();
    fs::write(root.join("made"), "here").unwrap();
    push(&releases, &id);
    releases.check_same(&id).unwrap();
    for changed in ["main.js", "packages/a/index.js"] {
        let path = releases.push_path(&id).join(changed);
        let before = fs::read(&path).unwrap();
        fs::write(&path, "xyz").unwrap();
        let refused = releases.check_same(&id).unwrap_err().to_string();
        let said = format!("differs in {changed}");
        assert!(refused.contains(&said), "{refused}");
        fs::write(&path, before).unwrap();
    }
    fs::write(root.join("not-told"), "here").unwrap();
    let refused = releases.check_same(&id).unwrap_err().to_string();
    assert!(refused.contains("differs in not-told"), "{refused}");
}

#[test]
fn what_is_still_being_sent_becomes_no_release() {
    let (_dir, releases, id) = pushed();
    let sending = releases.locked_push(&id).unwrap();
    let refused = releases.adopt(&id, None).unwrap_err().to_string();
    assert!(refused.contains("still being sent"), "{refused}");
    assert!(!releases.has(&id));
    drop(sending);
    releases.adopt(&id, None).unwrap();
    assert!(releases.has(&id) && !releases.is_pushed(&id));
}

#[test]
fn a_link_out_of_the_release_stops_a_push() {
    let (_dir, releases, id) = pushed();
    let link = releases.push_path(&id).join("packages/state");
    std::os::unix::fs::symlink("/var/lib/tealkeep", &link).unwrap();
    let refused = format!("{:#}", releases.adopt(&id, None).unwrap_err());
    assert!(refused.contains("the link packages/state"), "{refused}");
    assert!(!releases.has(&id) && releases.is_pushed(&id));
}
