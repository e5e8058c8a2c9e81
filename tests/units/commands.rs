//! The commands that `tealkeep units` prints, run by a shell among programs that only say what they were asked.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tealkeep::config::Config;
use tealkeep::units::{Folder, mend_files};

use super::CADDY;

/// A folder with programs, each made of lines for a shell.
fn programs(dir: &Path, all: &[(&str, &str)]) -> PathBuf {
    let bin = dir.join("bin");
    fs::create_dir(&bin).unwrap();
    for (program, lines) in all {
        let path = bin.join(program);
        fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    bin
}

/// Runs a command as a script does, with those programs in the place of the machine's.
fn run_with(bin: &Path, command: &str) -> Output {
    Command::new("sh")
        .args(["-euc", command])
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .output()
        .unwrap()
}

/// Runs the command that mends the database's files, with `chown` and `runuser` that say what they were asked.
#[test]
fn mending_the_databases_files_passes_over_links() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let bin = programs(
        dir.path(),
        &[
            ("chown", "echo chown \"$@\""),
            ("runuser", "echo runuser \"$@\""),
        ],
    );
    let shadow = dir.path().join("shadow");
    fs::write(&shadow, "").unwrap();
    let database = data.join("home.sqlite");
    fs::write(&database, "").unwrap();
    symlink(&shadow, data.join("home.sqlite-journal")).unwrap();
    symlink("/nowhere", data.join("home.sqlite-shm")).unwrap();
    fs::hard_link(&shadow, data.join("home.sqlite-wal")).unwrap();
    let source = CADDY.replace("/srv/home/data/home.sqlite", database.to_str().unwrap());
    let config = Config::parse(&source, false).unwrap();
    let said = run_with(&bin, &mend_files(&config.apps[0], "home"));
    assert!(said.status.success());
    let shown = database.display();
    assert_eq!(
        String::from_utf8(said.stdout).unwrap(),
        format!("chown -h home:home {shown}\nrunuser -u home -- chmod 0660 {shown}\n")
    );
}

#[test]
fn a_folder_is_never_made_through_a_link_of_somebody_elses() {
    let dir = tempfile::tempdir().unwrap();
    let bin = programs(dir.path(), &[("install", "echo install \"$@\"")]);
    let is_root = rustix::process::geteuid().is_root();
    let victim = dir.path().join("it's root's");
    fs::create_dir(&victim).unwrap();
    let folder = |name: &str| Folder {
        what: "the database's folder",
        path: dir.path().join(name),
        owner: "pi".to_owned(),
        group: "pi".to_owned(),
        mode: 0o2770,
    };
    let link = |name: &str, target: &Path, owner: u32| {
        symlink(target, dir.path().join(name)).unwrap();
        if is_root {
            lchown(dir.path().join(name), Some(owner), Some(owner)).unwrap();
        }
    };
    const NOBODY: u32 = 65534;
    link("planted", &victim, NOBODY);
    link("dangling", Path::new("/nowhere"), NOBODY);
    for name in ["planted", "dangling"] {
        let said = run_with(&bin, &(folder(name).command() + "; echo went on"));
        let stderr = String::from_utf8_lossy(&said.stderr);
        assert!(!said.status.success() && said.stdout.is_empty(), "{said:?}");
        assert!(
            stderr.contains(&format!("{name}, the database's folder, is a link")),
            "{stderr}"
        );
    }
    let mut made = vec!["it's root's", "new"];
    if is_root {
        link("of root's", &victim, 0);
        made.push("of root's");
    }
    for name in made {
        let said = run_with(&bin, &folder(name).command());
        assert!(said.status.success(), "{said:?}");
        assert_eq!(
            String::from_utf8(said.stdout).unwrap(),
            format!(
                "install -d -o pi -g pi -m 2770 {}\n",
                dir.path().join(name).display()
            )
        );
    }
}
