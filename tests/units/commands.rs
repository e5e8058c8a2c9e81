//! The commands that `tealkeep units` prints, run by a shell among programs that only say what they were asked.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tealkeep::config::Config;
use tealkeep::units::{Folder, mend_backups, mend_files};

use super::{CADDY, of};
use crate::support::TEALKEEP;

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

/// Runs the command that mends a backups folder, with the tests' own user in the place of Tealkeep's.
#[test]
fn backups_behind_a_link_of_roots_are_mended_and_behind_any_other_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("the disk");
    fs::create_dir_all(disk.join("snapshots")).unwrap();
    let hidden = disk.join("snapshots/one.sqlite.gz");
    let shadow = dir.path().join("shadow");
    for file in [&hidden, &shadow] {
        fs::write(file, "").unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    symlink(&shadow, disk.join("snapshots/link")).unwrap();
    let link = dir.path().join("backups");
    symlink(&disk, &link).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    const NOBODY: u32 = 65534;
    let (uid, gid) = match is_root {
        true => (NOBODY, NOBODY),
        false => (
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
        ),
    };
    let bin = programs(dir.path(), &[("runuser", "shift 3; exec \"$@\"")]);
    let mend = mend_backups(&link).replace("tealkeep:tealkeep-backup", &format!("{uid}:{gid}"));
    let state = |path: &Path| {
        let meta = fs::symlink_metadata(path).unwrap();
        (meta.uid(), meta.mode() & 0o777)
    };
    let before = state(&shadow);

    // Root's link: what lies behind it is meant.
    if is_root {
        assert!(run_with(&bin, &mend).status.success());
        assert_eq!(state(&hidden), (NOBODY, 0o640));
        assert_eq!(state(&shadow), before);
        fs::set_permissions(&hidden, fs::Permissions::from_mode(0o600)).unwrap();
        lchown(&link, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let said = run_with(&bin, &mend);
    assert!(!said.status.success());
    assert!(
        String::from_utf8_lossy(&said.stderr).contains("the backups folder, is a link"),
        "{said:?}"
    );
    assert_eq!(state(&hidden).1, 0o600);
    // A folder that is none.
    fs::rename(&disk, dir.path().join("folder")).unwrap();
    let hidden = dir.path().join("folder/snapshots/one.sqlite.gz");
    let mend = mend.replace(
        link.to_str().unwrap(),
        dir.path().join("folder").to_str().unwrap(),
    );
    assert!(run_with(&bin, &mend).status.success());
    assert_eq!(state(&hidden), (uid, 0o640));
    assert_eq!(state(&shadow), before);
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

/// A machine in a folder, on which the commands are run as they are printed. Its Caddy refuses its files while there is one
/// called `refuses`, fails to reload them while there is one called `fails`, and is told to reload in `told`; what it was
/// run with by its unit stands in `ran`.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Machine {
        let machine = Machine(tempfile::tempdir().unwrap());
        for folder in ["etc/caddy", "srv", "var"] {
            fs::create_dir_all(machine.at(folder)).unwrap();
        }
        let told = machine.at("told").display().to_string();
        let [refuses, fails] =
            ["refuses", "fails"].map(|name| machine.at(name).display().to_string());
        let ran = machine.at("ran").display().to_string();
        let caddy = format!(
            "case $1 in validate) [ ! -e {refuses} ];; reload) echo $1 >> {told}; [ ! -e {fails} ];; esac"
        );
        // As systemd 252 prints them.
        let systemctl = "case $* in
            *--property=Environment' '*) printf '%s\\n' 'PORT=3200 \"GREETING=hello \\$you, it'\\''s \\\"mine\\\"\"';;
            *--property=EnvironmentFiles' '*) printf '%s\\n' '/etc/my house/*.env (ignore_errors=no)' '/etc/none (ignore_errors=yes)';;
            esac";
        let systemd_run = format!(
            "printf '%s\\n' \"$@\" > {ran}; while [ \"${{1#-}}\" != \"$1\" ]; do shift; done; exec \"$@\""
        );
        programs(
            machine.0.path(),
            &[
                ("caddy", &caddy),
                ("systemctl", systemctl),
                ("systemd-run", &systemd_run),
                ("runuser", "shift 3; exec \"$@\""),
                (
                    "install",
                    "for last; do :; done; case $1 in -d) mkdir -p \"$last\";; *) : > \"$last\";; esac",
                ),
                ("tealkeep", "echo \"$@\""),
                ("id", ""),
                ("usermod", ""),
                ("chown", ""),
                ("chmod", ""),
            ],
        );
        machine
    }

    /// The same, where the program prints what it really does, of the configuration in `tealkeep.toml`.
    fn that_prints(source: &str) -> Machine {
        let machine = Machine::new();
        machine.is_configured(source);
        let lines = format!(
            "#!/bin/sh\ncase $* in *--only' '[a-z]*' router'|*--only' 'router|*--waits-for*) exit 0;; esac\nexec {TEALKEEP} \"$@\" --config {}\n",
            machine.at("tealkeep.toml").display()
        );
        fs::write(machine.at("bin/tealkeep"), lines).unwrap();
        machine
    }

    fn is_configured(&self, source: &str) {
        fs::write(self.at("tealkeep.toml"), source).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn has(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    fn runs_the_commands(&self) -> (bool, String) {
        let said = self.run_the_commands();
        (
            said.status.success(),
            String::from_utf8(said.stderr).unwrap(),
        )
    }

    fn run_the_commands(&self) -> Output {
        let mut script = of(CADDY).commands;
        for folder in ["/etc/", "/srv/", "/var/"] {
            script = script.replace(folder, &format!("{}{folder}", self.0.path().display()));
        }
        run_with(&self.at("bin"), &script)
    }
}

#[test]
fn a_change_of_the_configuration_reaches_what_nobody_changed_by_hand() {
    const BLUE: &str = "etc/systemd/system/home-blue.service";
    const GREEN: &str = "etc/systemd/system/home-green.service";
    const ENV: &str = "etc/tealkeep/home.env";
    let machine = Machine::that_prints(CADDY);
    let (worked, said) = machine.runs_the_commands();
    assert!(worked && machine.read(ENV).contains("production"), "{said}");
    let site = machine.read(SITE);

    machine.is_configured(
        &CADDY
            .replace("server.js", "second.js")
            .replace("production", "staging"),
    );
    assert!(machine.runs_the_commands().0);
    for unit in [BLUE, GREEN] {
        assert!(machine.read(unit).contains("second.js"), "{unit}");
    }
    assert!(machine.read(ENV).contains("staging"));
    assert_eq!(machine.read(SITE), site);

    // One that a person changed stays, and is named; the others go on.
    let mine = machine.read(BLUE) + "# mine\n";
    fs::write(machine.at(BLUE), &mine).unwrap();
    machine.is_configured(&CADDY.replace("server.js", "third.js"));
    assert!(machine.runs_the_commands().0);
    assert_eq!(machine.read(BLUE), mine);
    assert!(machine.read(GREEN).contains("third.js"));
    assert!(machine.read(ENV).contains("production"));

    // One from before there were checksums, with the content that it would have today, gets its line.
    let green = machine.read(GREEN);
    fs::write(machine.at(GREEN), green.split_once('\n').unwrap().1).unwrap();
    assert!(machine.runs_the_commands().0);
    assert_eq!(machine.read(GREEN), green);

    // With other content nobody knows whether a person changed it, so no person is blamed.
    fs::write(
        machine.at(GREEN),
        "[Unit]\nDescription=as printed long ago\n",
    )
    .unwrap();
    let said = String::from_utf8(machine.run_the_commands().stdout).unwrap();
    assert!(machine.read(GREEN).contains("long ago"));
    let left_alone = |why: &str, file: &str| {
        let line = format!("left alone because {why}: {}", machine.at(file).display());
        assert!(said.contains(&line), "{line}: {said}");
    };
    left_alone("somebody changed it", BLUE);
    left_alone(
        "it was printed by an older version, or changed by hand",
        GREEN,
    );
    for folder in ["etc/systemd/system", "etc/tealkeep", "etc/caddy"] {
        let names = fs::read_dir(machine.at(folder)).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        let is_left = |name: &std::ffi::OsString| {
            let name = name.to_string_lossy();
            name.ends_with(".new") || name.ends_with(".before")
        };
        assert!(!names.iter().any(is_left), "{names:?}");
    }
}

#[test]
fn a_new_site_that_caddy_refuses_leaves_the_one_from_before_in_its_place() {
    let machine = Machine::that_prints(CADDY);
    assert!(machine.runs_the_commands().0);
    let site = machine.read(SITE);
    machine.is_configured(&CADDY.replace("preview = \"0123456789abcdef\"\n", ""));
    fs::write(machine.at("refuses"), "").unwrap();
    let (worked, said) = machine.runs_the_commands();
    assert!(
        !worked && said.contains("The site from before stands in its place"),
        "{said}"
    );
    assert_eq!(machine.read(SITE), site);
    assert!(machine.has(ASIDE));
    fs::remove_file(machine.at("refuses")).unwrap();
    assert!(machine.runs_the_commands().0);
    assert!(!machine.read(SITE).contains("Tealkeep-Preview"));
}

const SITE: &str = "etc/caddy/tealkeep-home.caddy";
const ASIDE: &str = "etc/caddy/tealkeep-home.caddy.refused";
const MAIN: &str = "etc/caddy/Caddyfile";

#[test]
fn a_site_that_caddy_refuses_does_not_stay_where_it_is_imported() {
    for trouble in ["refuses", "fails"] {
        let machine = Machine::new();
        // The import is there already, for another app's sake.
        let main = format!(
            "import {}/tealkeep-*.caddy\n",
            machine.at("etc/caddy").display()
        );
        fs::write(machine.at(MAIN), &main).unwrap();
        fs::write(machine.at(trouble), "").unwrap();
        let (worked, said) = machine.runs_the_commands();
        assert!(
            !worked && !machine.has(SITE) && machine.has(ASIDE),
            "{said}"
        );
        assert!(said.contains("tealkeep-home.caddy.refused."), "{said}");
        assert_eq!(fs::read_to_string(machine.at(MAIN)).unwrap(), main);
        // All else is done.
        assert!(machine.has("etc/polkit-1/rules.d/50-tealkeep-home.rules"));

        fs::remove_file(machine.at(trouble)).unwrap();
        let (worked, said) = machine.runs_the_commands();
        assert!(worked && machine.has(SITE), "{said}");
    }
}

#[test]
fn a_caddyfile_that_would_not_go_with_ours_is_as_it_was() {
    let machine = Machine::new();
    fs::write(machine.at("refuses"), "").unwrap();
    let (worked, said) = machine.runs_the_commands();
    assert!(
        !worked && !machine.has(SITE) && !machine.has(MAIN),
        "{said}"
    );
    fs::write(machine.at(MAIN), "# mine\n").unwrap();
    let (worked, said) = machine.runs_the_commands();
    assert!(!worked && !machine.has(SITE), "{said}");
    assert_eq!(fs::read_to_string(machine.at(MAIN)).unwrap(), "# mine\n");
}

#[test]
fn a_site_from_before_is_left_where_it_is_and_its_danger_is_said() {
    let machine = Machine::new();
    assert!(machine.runs_the_commands().0);
    let main = fs::read_to_string(machine.at(MAIN)).unwrap();
    fs::write(machine.at(SITE), "# mine\n").unwrap();
    fs::write(machine.at("refuses"), "").unwrap();
    let (worked, said) = machine.runs_the_commands();
    assert!(!worked && said.contains("would not start again"), "{said}");
    assert_eq!(fs::read_to_string(machine.at(SITE)).unwrap(), "# mine\n");
    assert_eq!(fs::read_to_string(machine.at(MAIN)).unwrap(), main);
}

#[test]
fn caddy_is_told_to_reload_in_the_way_that_does_nothing_where_nothing_changed() {
    let machine = Machine::new();
    assert!(machine.runs_the_commands().0);
    assert!(machine.runs_the_commands().0);
    assert_eq!(
        fs::read_to_string(machine.at("told")).unwrap(),
        "reload\nreload\n"
    );
    let script = of(CADDY).commands;
    for forced in ["--force", "reload-or-restart", "systemctl reload"] {
        let mut commands = script.lines().filter(|line| !line.starts_with('#'));
        assert!(!commands.any(|line| line.contains(forced)), "{forced}");
    }
}

#[test]
fn caddys_files_are_read_with_the_variables_of_its_unit() {
    let machine = Machine::new();
    assert!(machine.runs_the_commands().0);
    let ran = fs::read_to_string(machine.at("ran")).unwrap();
    let options: Vec<&str> = ran.lines().filter(|word| word.contains('=')).collect();
    let root = machine.0.path().display();
    assert_eq!(
        options,
        [
            "--uid=caddy",
            "--gid=caddy",
            "--setenv=PORT=3200",
            "--setenv=GREETING=hello $you, it's \"mine\"",
            "--property=PassEnvironment=",
            "--property=UnsetEnvironment=",
            "--property=EnvironmentFile=/etc/my house/*.env",
            "--property=EnvironmentFile=-/etc/none",
        ]
    );
    assert!(
        ran.ends_with(&format!(
            "caddy\nreload\n--adapter\ncaddyfile\n--config\n{root}/etc/caddy/Caddyfile\n"
        )),
        "{ran}"
    );
}
