//! `tealkeep key`, and what the keys that it lets in open: through a real sshd that is configured as the package does it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::pair::Pair;
use crate::support::{Said, TEALKEEP};

/// `tealkeep key` on files of this folder.
fn key(folder: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(TEALKEEP)
        .arg("key")
        .args(arguments)
        .arg("--deploy-keys")
        .arg(folder.join("authorized_keys"))
        .arg("--pull-keys")
        .arg(folder.join("pull_keys"))
        .stdin(Stdio::null())
        .output();
    Said::of(&output.unwrap())
}

fn public(pair: &Pair, name: &str) -> String {
    pair.path("laptop")
        .join(format!("{name}.pub"))
        .display()
        .to_string()
}

#[test]
fn the_scope_of_a_keys_own_line_counts_and_no_line_gives_a_shell() {
    let mut pair = Pair::start();
    pair.build("v1", "one");
    let (one, other) = (public(&pair, "key"), public(&pair, "other_key"));
    fs::write(pair.path("authorized_keys"), "").unwrap();
    let home = pair.dir.path().to_owned();
    key(&home, &["add", &one, "--name", "reader", "--scope", "read"]).succeeds();
    key(
        &home,
        &["add", &other, "--name", "owner", "--scope", "admin"],
    )
    .succeeds();
    let lines = fs::read_to_string(pair.path("authorized_keys")).unwrap();
    pair.start_sshd_as_packaged("tealkeep", &lines);
    pair.script_with_key("owner", "other_key", "exec ssh OPTIONS \"$@\"");

    pair.asks("tealkeep status").succeeds();
    for asked in [
        "tealkeep deploy home v1",
        "tealkeep backup home",
        "tealkeep undo home",
    ] {
        let refused = pair.asks(asked).fails_with(2);
        assert!(
            refused.stderr.contains("this key has the scope read"),
            "{refused:#?}"
        );
    }
    let refused = pair.there(&["push", "v1", "home"]).fails_with(2);
    assert!(
        refused.stderr.contains("this key has the scope read"),
        "{refused:#?}"
    );
    let rsync = pair
        .asks("rsync --server -lrce.iLsfxCIvu . /x/.push-v1/")
        .fails_with(2);
    assert!(rsync.stderr.contains("refused"), "{rsync:#?}");

    let pushed = pair
        .laptop("owner", &["push", "v1", "home"])
        .output()
        .unwrap();
    Said::of(&pushed).succeeds();
    assert_eq!(pair.live(), "v1");
    // It may ask for that; that there is nothing to undo is another matter.
    let undo = pair
        .asks_through("owner", "tealkeep undo home")
        .fails_with(1);
    assert!(undo.stderr.contains("no restore"), "{undo:#?}");

    // The scope is changed by the same command, and counts for the next connection.
    key(
        &home,
        &["add", &one, "--name", "reader", "--scope", "deploy"],
    )
    .succeeds();
    pair.asks("tealkeep backup home").succeeds();

    for ssh in ["ssh", "owner"] {
        for asked in [
            "id",
            "sh -c id",
            "/bin/sh",
            "tealkeep password",
            "rsync --server --sender . /etc/",
        ] {
            let said = pair.asks_through(ssh, asked).fails_with(2);
            assert!(
                said.stdout.is_empty() && !said.stderr.contains("uid="),
                "{asked}: {said:#?}"
            );
        }
    }
    let shell = pair.asks_through("owner", "");
    assert!(shell.code != 0 && shell.stdout.is_empty(), "{shell:#?}");
}

#[test]
fn a_line_that_is_not_tealkeeps_gives_no_shell_and_no_more_than_a_deploy() {
    let mut pair = Pair::start();
    let one = fs::read_to_string(public(&pair, "key")).unwrap();
    // As somebody in a hurry writes it: as before, it deploys.
    pair.start_sshd_as_packaged("tealkeep", &one);
    pair.asks("tealkeep status").succeeds();
    pair.asks("tealkeep backup home").succeeds();
    let refused = pair.asks("tealkeep undo home").fails_with(2);
    assert!(
        refused.stderr.contains("this key has the scope deploy"),
        "{refused:#?}"
    );
    for line in [
        format!("command=\"/bin/sh\" {one}"),
        format!("restrict,command=\"/bin/sh -c 'tealkeep door'\" {one}"),
        format!("command=\"tealkeep door --scope admin; sh\" {one}"),
        format!(
            "command=\"tealkeep door --scope read\" {one}command=\"tealkeep door --scope admin\" {one}"
        ),
        format!("environment=\"SSH_USER_AUTH=/tmp/x\",command=\"sh\" {one}"),
    ] {
        fs::write(pair.path("authorized_keys"), &line).unwrap();
        for asked in ["id", "", "tealkeep status", "tealkeep undo home"] {
            let said = pair.asks(asked);
            assert!(
                said.code != 0 && said.stdout.is_empty(),
                "{line}{asked}: {said:#?}"
            );
        }
    }
    // The user whose keys pull: a line without a command opens nothing at all.
    pair.start_sshd_as_packaged("tealkeep-backup", &one);
    for asked in [
        "id",
        "",
        "rsync --server --sender -e.x . /",
        "tealkeep status",
    ] {
        let said = pair.asks(asked).fails_with(2);
        assert!(said.stdout.is_empty(), "{asked}: {said:#?}");
        assert!(said.stderr.contains("has no command"), "{asked}: {said:#?}");
    }
    let backups = pair.path("backups").display().to_string();
    let pulls =
        format!("restrict,command=\"/usr/bin/tealkeep door --pull 'home:{backups}'\" {one}");
    fs::write(pair.path("authorized_keys"), pulls).unwrap();
    fs::write(pair.path("backups/a snapshot"), "content").unwrap();
    let fetched = pair.path("laptop/fetched");
    let rsync = Command::new("rsync")
        .arg("-a")
        .arg("-e")
        .arg(pair.path("laptop/ssh"))
        .arg(format!("{}:/", pair.host()))
        .arg(&fetched)
        .output();
    Said::of(&rsync.unwrap()).succeeds();
    assert_eq!(fs::read(fetched.join("a snapshot")).unwrap(), b"content");
    pair.asks("tealkeep status").fails_with(2);
}

#[test]
fn a_pulling_line_of_an_older_tealkeep_still_reads_its_folder_and_nothing_else() {
    let mut pair = Pair::start();
    let one = fs::read_to_string(public(&pair, "key")).unwrap();
    let folder = pair.path("backups").display().to_string();
    let line = format!("restrict,command=\"/usr/bin/rrsync -ro '{folder}'\" {one}");
    pair.start_sshd_as_packaged("tealkeep-backup", &line);
    fs::write(pair.path("backups/a snapshot"), "content").unwrap();
    fs::write(pair.path("samples/secret"), "secret").unwrap();
    std::os::unix::fs::symlink(pair.path("samples"), pair.path("backups/out")).unwrap();
    let rsync = |from: &str, to: &str| {
        let remote = |path: &str| match path.strip_prefix('@') {
            Some(path) => format!("{}:{path}", pair.host()),
            None => pair.path(path).display().to_string(),
        };
        let output = Command::new("rsync")
            .arg("-a")
            .arg("-e")
            .arg(pair.path("laptop/ssh"))
            .args([remote(from), remote(to)])
            .output();
        Said::of(&output.unwrap())
    };
    rsync("@/", "laptop/fetched").succeeds();
    let fetched = pair.path("laptop/fetched");
    assert_eq!(fs::read(fetched.join("a snapshot")).unwrap(), b"content");
    for outside in ["@/out/secret", "@/../samples/secret", "@/etc/hostname"] {
        let said = rsync(outside, "laptop/stolen");
        assert_ne!(said.code, 0, "{outside}: {said:#?}");
    }
    assert!(!pair.path("laptop/stolen").exists());
    let written = rsync("laptop/key.pub", "@/planted");
    assert!(
        written.code != 0 && written.stderr.contains("may only read"),
        "{written:#?}"
    );
    assert!(!pair.path("backups/planted").exists());
    for asked in ["id", "", "tealkeep status", "tealkeep deploy home v1"] {
        let said = pair.asks(asked).fails_with(2);
        assert!(said.stdout.is_empty(), "{asked}: {said:#?}");
    }
    let word = pair.asks("tealkeep pulled home").fails_with(2);
    assert!(
        word.stderr.contains("sudo tealkeep key add --pull"),
        "{word:#?}"
    );
    // Such a line is good for that alone.
    for command in [
        format!("rrsync {folder}"),
        format!("rrsync -wo {folder}"),
        format!("rrsync -ro -munge {folder}"),
        format!("rrsync -ro {folder} {folder}"),
        "rrsync -ro backups".to_owned(),
        "rrsync -ro".to_owned(),
        format!("sh -c 'rrsync -ro {folder}'"),
    ] {
        let line = format!("restrict,command=\"{command}\" {one}");
        fs::write(pair.path("authorized_keys"), line).unwrap();
        let said = rsync("@/", "laptop/none");
        assert!(
            said.code != 0 && said.stderr.contains("allows nothing"),
            "{command}: {said:#?}"
        );
    }
    assert!(!pair.path("laptop/none").exists());
}

#[test]
fn keys_are_added_listed_changed_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let make = |name: &str, comment: &str| {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"])
            .arg(folder.join(name))
            .status();
        assert!(made.unwrap().success());
        folder.join(format!("{name}.pub")).display().to_string()
    };
    let (anna, ben) = (make("anna", "anna@laptop"), make("ben", ""));
    let keys = folder.join("authorized_keys");
    fs::write(&keys, "# Kept by hand\nno key at all\n").unwrap();
    fs::set_permissions(&keys, Permissions::from_mode(0o600)).unwrap();

    let added = key(folder, &["add", &anna]).succeeds();
    assert!(
        added
            .stdout
            .contains("anna@laptop may now sign in as tealkeep: it may deploy"),
        "{added:#?}"
    );
    let text = fs::read_to_string(&keys).unwrap();
    let own = fs::read_to_string(&anna).unwrap();
    let wanted =
        format!("# Kept by hand\nno key at all\nrestrict,command=\"/usr/bin/tealkeep door\" {own}");
    assert_eq!(text, wanted);
    assert_eq!(
        fs::metadata(&keys).unwrap().permissions().mode() & 0o7777,
        0o644
    );
    let again = key(folder, &["add", &anna]).succeeds();
    assert!(again.stdout.contains("already had access"), "{again:#?}");
    // The line itself, in quotes, is as good as its file.
    let changed = key(folder, &["add", own.trim(), "--scope", "admin"]).succeeds();
    assert!(
        changed
            .stdout
            .contains("from now on it may deploy and restore"),
        "{changed:#?}"
    );
    assert_eq!(fs::read_to_string(&keys).unwrap().lines().count(), 3);

    let nameless = key(folder, &["add", &ben]).fails_with(2);
    assert!(nameless.stderr.contains("--name"), "{nameless:#?}");
    let taken = key(folder, &["add", &ben, "--name", "anna@laptop"]).fails_with(2);
    assert!(
        taken.stderr.contains("another key named anna@laptop"),
        "{taken:#?}"
    );
    let config = folder.join("tealkeep.toml").display().to_string();
    fs::write(
        &config,
        "[[app]]\nname = \"home\"\ndatabase = \"/srv/home.db\"\nreleases = \"/srv/releases\"\nbackups = \"/mnt/it's a \\\"disk\\\"\"\n[app.runtime]\ncommand = [\"/bin/true\"]\n",
    )
    .unwrap();
    let pulls = key(
        folder,
        &[
            "add", &ben, "--name", "ben", "--pull", "home", "--config", &config,
        ],
    )
    .succeeds();
    assert!(
        pulls
            .stdout
            .contains("ben may now sign in as tealkeep-backup: it may pull the snapshots of home"),
        "{pulls:#?}"
    );
    key(
        folder,
        &[
            "add", &ben, "--name", "ben", "--pull", "garden", "--config", &config,
        ],
    )
    .fails_with(2);

    let listed = key(folder, &["list", "--json"]).succeeds();
    assert!(listed.stderr.contains("line 2 of"), "{listed:#?}");
    let listed = listed.json();
    assert_eq!(listed[0]["name"], "anna@laptop");
    assert_eq!(listed[0]["opens"], "may deploy and restore");
    assert_eq!(listed[1]["opens"], "may pull the snapshots of home");
    let told = Command::new("ssh-keygen")
        .args(["-l", "-f", &anna])
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.contains(listed[0]["fingerprint"].as_str().unwrap()),
        "{told}"
    );

    key(folder, &["remove", "nobody"]).fails_with(2);
    key(
        folder,
        &["remove", listed[0]["fingerprint"].as_str().unwrap()],
    )
    .succeeds();
    key(folder, &["remove", "ben"]).succeeds();
    assert_eq!(
        fs::read_to_string(&keys).unwrap(),
        "# Kept by hand\nno key at all\n"
    );
    assert_eq!(key(folder, &[]).succeeds().stdout.lines().count(), 1);
}

#[test]
fn what_is_no_public_key_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let private = folder.join("id");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&private)
        .status();
    assert!(made.unwrap().success());
    let keys = folder.join("authorized_keys");
    fs::write(&keys, "# before\n").unwrap();
    let public = fs::read_to_string(folder.join("id.pub")).unwrap();
    for (given, said) in [
        (private.display().to_string(), "a private key"),
        (
            folder.join("missing.pub").display().to_string(),
            "can't be read",
        ),
        ("-".to_owned(), "no key in it"),
        (format!("command=\"sh\" {public}"), "the public key alone"),
        (public.replace("AAAA", "AAAB"), "not whole"),
        (format!("{public}{public}"), "more than one line"),
    ] {
        let refused = key(folder, &["add", &given, "--name", "x"]).fails_with(2);
        assert!(refused.stderr.contains(said), "{said}: {refused:#?}");
    }
    let odd = key(folder, &["add", public.trim(), "--name", "a\nb"]).fails_with(2);
    assert!(
        odd.stderr.contains("cannot be the name of a key"),
        "{odd:#?}"
    );
    assert_eq!(fs::read_to_string(&keys).unwrap(), "# before\n");
    // A link could lead to a file of somebody else's.
    fs::rename(&keys, folder.join("real")).unwrap();
    std::os::unix::fs::symlink("real", &keys).unwrap();
    let refused = key(folder, &["add", public.trim()]).fails_with(1);
    assert!(
        refused.stderr.contains("not a regular file"),
        "{refused:#?}"
    );
    assert_eq!(
        fs::read_to_string(folder.join("real")).unwrap(),
        "# before\n"
    );
}
