//! A deploying key in the wrong hands, through the real sshd and the real rsync: whatever it asks for, no file of a
//! release that is there already changes, and nothing that arrives has a special bit.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Said;
use crate::support::pair::Pair;

/// Everything that could be changed of what lies below a folder.
fn state(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let content = match meta.is_file() {
                true => fs::read(&path).unwrap(),
                false => Vec::new(),
            };
            let shown = format!(
                "{} {:o} {}:{} {}.{} {content:?}",
                meta.ino(),
                meta.mode(),
                meta.uid(),
                meta.gid(),
                meta.mtime(),
                meta.mtime_nsec()
            );
            if meta.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path, shown);
        }
    }
    found
}

/// Files below a folder that have a setuid, setgid or sticky bit, or are no regular ones.
fn special(folder: &Path) -> Vec<PathBuf> {
    let paths = state(folder).into_keys();
    paths
        .filter(|path| {
            let meta = path.symlink_metadata().unwrap();
            !meta.is_dir() && !meta.is_symlink() && (meta.mode() & 0o7000 != 0 || !meta.is_file())
        })
        .collect()
}

/// A push of v1 that is live, and on the laptop the same content with the worst modes that there are.
fn sealed() -> (Pair, PathBuf) {
    let pair = Pair::start();
    pair.build("v1", "one");
    pair.there(&["push", "v1", "home"]).succeeds();
    let evil = pair.build("evil", "one");
    fs::remove_dir_all(evil.join("node_modules")).unwrap();
    for name in ["same.bin", "tool.sh", "lock", "release.toml"] {
        fs::set_permissions(evil.join(name), Permissions::from_mode(0o6777)).unwrap();
    }
    (pair, evil)
}

/// The real rsync from the laptop into a push of v2, with these options, through this ssh.
fn rsync(pair: &Pair, ssh: &str, options: &[&str], from: &Path, to: &str) -> Said {
    let releases = pair.path("releases").display().to_string();
    let output = Command::new("rsync")
        .args(options)
        .arg("-e")
        .arg(pair.path("laptop").join(ssh))
        .arg(format!("{}/", from.display()))
        .arg(format!("{}:{releases}/{to}/", pair.host()))
        .output()
        .unwrap();
    Said::of(&output)
}

#[test]
fn no_option_of_rsync_changes_a_sealed_release() {
    let (pair, evil) = sealed();
    let v1 = pair.path("releases/v1");
    let before = state(&v1);
    assert_eq!(special(&v1), [] as [PathBuf; 0]);
    for options in [
        "-rlpc --link-dest=../v1",
        "-rlpc --copy-dest=../v1",
        "-rlc --link-dest=../v1",
        "-rlpc --chmod=F6777 --link-dest=../v1",
        "-rlcE --chmod=F6777 --link-dest=../v1",
        "-a --link-dest=../v1",
        "-aHAX --copy-dest=../v1",
        "-rlctO --copy-dest=../v1",
        "-rlcog --copy-dest=../v1",
        "-rlcD --copy-dest=../v1",
        "-rlc --inplace --copy-dest=../v1",
        "-rlc --append --copy-dest=../v1",
        "-rlc --write-devices --copy-dest=../v1",
        "-rlc --fake-super --copy-dest=../v1 -M--fake-super",
        "-rlc --partial-dir=../v1",
        "-rlc --temp-dir=../v1",
        "-rlcb --backup-dir=../v1",
        "-rlc --compare-dest=../v1",
        "-rlcK --copy-dest=../v1",
        "-rlc --copy-dest=../v1 -M--chmod=u+s",
        "-rlc --copy-dest=../v1 -M--perms",
        "-rlc --copy-dest=../v1 -M--link-dest=../v1",
        "-rlc --copy-dest=/etc",
        "-rlc --copy-dest=../../data",
    ] {
        let words: Vec<&str> = options.split(' ').collect();
        let said = rsync(&pair, "ssh", &words, &evil, ".push-v2");
        assert!(
            said.code != 0 && said.stderr.contains("refused"),
            "{options}: {said:#?}"
        );
        assert_eq!(state(&v1), before, "{options}");
    }
    for to in ["v1", "", ".push-v2/../v1", "blue", "green"] {
        let said = rsync(&pair, "ssh", &["-rlc", "--delete"], &evil, to);
        assert_ne!(said.code, 0, "{to}: {said:#?}");
        assert_eq!(state(&v1), before, "{to}");
    }
    // And what is allowed, twice over the same directory, with the modes changed in between.
    let allowed = [
        "-rlcE",
        "--chmod=F6777",
        "--partial",
        "--delete",
        "--copy-dest=../v1",
    ];
    for mode in [0o6777, 0o6666, 0o0400, 0o7777] {
        fs::set_permissions(evil.join("same.bin"), Permissions::from_mode(mode)).unwrap();
        let said = rsync(&pair, "ssh", &allowed, &evil, ".push-v2");
        assert_eq!(said.code, 0, "{said:#?}");
        assert_eq!(state(&v1), before, "{mode:o}");
        let arrived = special(&pair.path("releases/.push-v2"));
        assert_eq!(arrived, [] as [PathBuf; 0], "{mode:o}");
    }
}

#[test]
fn a_sender_that_does_not_do_what_it_announced_changes_no_mode() {
    let (pair, evil) = sealed();
    let v1 = pair.path("releases/v1");
    let before = state(&v1);
    // It keeps modes and links files, and tells the door that it does neither.
    let lies = "set -- $(printf '%s ' \"$@\" | sed 's/ -lprc/ -lrc/; s/--link-dest/--copy-dest/'); exec ssh OPTIONS \"$@\"";
    pair.script("liar", lies);
    let options = ["-rlpc", "--chmod=F6777,D7777", "--link-dest=../v1"];
    for _ in 0..2 {
        let said = rsync(&pair, "liar", &options, &evil, ".push-v2");
        assert_eq!(said.code, 0, "{said:#?}");
        assert_eq!(state(&v1), before);
    }
    let push = pair.path("releases/.push-v2");
    assert_eq!(special(&push), [] as [PathBuf; 0]);
    pair.asks("tealkeep deploy home v2 --pushed").succeeds();
    assert_eq!(pair.live(), "v2");
    let v2 = pair.path("releases/v2");
    assert_eq!(special(&v2), [] as [PathBuf; 0]);
    let mode = |name: &str| fs::metadata(v2.join(name)).unwrap().mode() & 0o7777;
    assert_eq!(mode("same.bin"), 0o550);
    assert_eq!(mode(""), 0o2750);
    // One more name of a file changes its ctime and its count of names, and nothing that is in `before`.
    assert_eq!(state(&v1), before);
}

#[test]
fn a_push_that_an_older_version_began_shares_no_file_with_a_release() {
    let (pair, _) = sealed();
    let (v1, push) = (pair.path("releases/v1"), pair.path("releases/.push-v2"));
    fs::create_dir(&push).unwrap();
    for name in ["same.bin", "tool.sh"] {
        fs::hard_link(v1.join(name), push.join(name)).unwrap();
    }
    let before = state(&v1);
    let built = pair.build("v2", "one");
    fs::set_permissions(built.join("same.bin"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(built.join("tool.sh"), Permissions::from_mode(0o644)).unwrap();
    pair.there(&["push", "v2", "home"]).succeeds();
    assert_eq!(pair.live(), "v2");
    assert_eq!(state(&v1), before);
    let mode = |name: &str| pair.meta(name).mode() & 0o7777;
    assert_eq!((mode("v1/same.bin"), mode("v2/same.bin")), (0o440, 0o550));
    assert_eq!((mode("v1/tool.sh"), mode("v2/tool.sh")), (0o550, 0o440));
}

#[test]
fn what_no_release_may_hold_is_refused_by_name_however_it_arrived() {
    let (pair, _) = sealed();
    for (name, make) in [
        ("pipe", "mkfifo"),
        ("socket", "socket"),
        ("device", "mknod"),
    ] {
        let push = pair.path("releases").join(format!(".push-{name}"));
        fs::create_dir(&push).unwrap();
        let path = push.join(name);
        match make {
            "socket" => drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
            "mkfifo" => {
                let made = Command::new("mkfifo").arg(&path).status().unwrap();
                assert!(made.success());
            }
            _ => {
                let made = Command::new("mknod")
                    .arg(&path)
                    .args(["c", "1", "3"])
                    .status();
                // Where this user may not make one, nobody can send one either.
                if !made.unwrap().success() {
                    continue;
                }
            }
        }
        let refused = pair.asks(&format!("tealkeep deploy home {name} --pushed"));
        assert_eq!(refused.code, 1, "{refused:#?}");
        let said = format!("{name} is neither a file, a directory nor a link");
        assert!(refused.stderr.contains(&said), "{refused:#?}");
        assert_eq!(pair.live(), "v1");
    }
}

#[test]
fn a_link_in_a_release_leads_the_receiver_to_nothing_outside_of_it() {
    let (pair, evil) = sealed();
    // The app's user owns what a preparation made, and may put a link there at any time.
    let secret = pair.path("state/secret");
    fs::write(&secret, "known by its checksum, and not to be read").unwrap();
    let made = pair.path("releases/v1/node_modules");
    fs::set_permissions(&made, Permissions::from_mode(0o770)).unwrap();
    std::os::unix::fs::symlink(pair.path("state"), made.join("out")).unwrap();
    fs::create_dir_all(evil.join("node_modules/out")).unwrap();
    fs::copy(&secret, evil.join("node_modules/out/secret")).unwrap();
    let options = ["-rlcE", "--stats", "--copy-dest=../v1"];
    let said = rsync(&pair, "ssh", &options, &evil, ".push-v2");
    // Were it read there, it would be copied on the machine, and nothing of it sent.
    let sent = said
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("Literal data: "));
    let sent: u64 = sent
        .and_then(|sent| sent.split(' ').next()?.replace(',', "").parse().ok())
        .unwrap_or(0);
    let arrived = pair
        .path("releases/.push-v2/node_modules/out/secret")
        .exists();
    assert!(
        !arrived || sent >= secret.metadata().unwrap().len(),
        "{said:#?}"
    );
    assert!(said.code != 0 || arrived, "{said:#?}");
}
