//! `tealkeep units`: the whole of what it prints, read by systemd itself, and that it overwrites nothing.

mod commands;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tealkeep::config::Config;
use tealkeep::router::gate::CLIENT_LIMIT;
use tealkeep::units::{Place, Printed, Sheet, sheet};

use crate::support::TEALKEEP;

/// An app as it is on a machine with the package, behind Caddy.
const CADDY: &str = r#"
[[app]]
name = "home"
database = "/srv/home/data/home.sqlite"
releases = "/srv/home/releases"
url = "https://home.example.org"
[app.runtime]
kind = "systemd"
command = ["node", "server.js"]
env = { NODE_ENV = "production" }
[app.router]
kind = "caddy"
preview = "0123456789abcdef"
active_color = "/srv/home/shared/active-color"
[app.deploy]
prepare = ["npm", "ci", "--omit=dev"]
prepare_inputs = ["package-lock.json"]
prepare_versions = [["node", "--version"]]
"#;

/// Units that were there before, behind the gate.
const GATE: &str = r#"
[[app]]
name = "garden"
database = "/home/pi/garden/garden.sqlite"
releases = "/home/pi/garden-releases"
[app.runtime]
kind = "systemd"
user = "pi"
blue_unit = "garden.service"
green_unit = "garden-second.service"
stop_timeout = "1500ms"
[app.router]
listen = "192.168.1.7:3000"
"#;

/// Everything that has ever been taken for something else.
const NASTY: &str = r#"
[[app]]
name = "home"
database = "/srv/my %h home/da\"ta/home.sqlite"
releases = "/srv/my %h home/re$leases [1]*"
backups = "/mnt/it's a disk/100%"
[app.runtime]
kind = "systemd"
command = ["/bin/true", "--say=\"$HOME\"", "%n", ";", "", "two\nlines", "back\\slash"]
env = { A = "say \"hi\"", B = "100%h", C = "two\nlines\n[Service]\nUser=root", D = "$PATH", E = "tail\\" }
[app.deploy]
prepare = ["/bin/true", "%i", "$HOME", "'"]
prepare_inputs = ["a b.json"]
prepare_versions = [["node", "a b"]]
"#;

#[track_caller]
fn of(source: &str) -> Sheet {
    let config = Config::parse(source, false).unwrap();
    sheet(&config, &config.apps[0], "raspberrypi").unwrap()
}

/// The program, with a configuration in `folder`.
fn tealkeep(folder: &Path, source: &str, args: &[&str]) -> Output {
    let file = folder.join("tealkeep.toml");
    fs::write(&file, source).unwrap();
    Command::new(TEALKEEP)
        .arg("units")
        .args(args)
        .arg("--config")
        .arg(&file)
        .output()
        .unwrap()
}

/// A text in which no version and no checksum stands: they change with everything else.
fn unmarked(text: &str) -> String {
    let mark = regex::Regex::new("(Printed by tealkeep) [^ ]+, sha256 [0-9a-f]{64}\n").unwrap();
    let text = mark.replace_all(text, "$1 VERSION, sha256 CHECKSUM\n");
    let sums = regex::Regex::new("(?m)^[0-9a-f]{64}  /etc/").unwrap();
    sums.replace_all(&text, "CHECKSUM  /etc/").into_owned()
}

#[test]
fn an_app_behind_caddy_gets_all_that_it_needs() {
    insta::assert_snapshot!("units_caddy", unmarked(&of(CADDY).text()));
}

#[test]
fn an_app_that_has_units_behind_the_gate_gets_drop_ins() {
    insta::assert_snapshot!("units_gate", unmarked(&of(GATE).text()));
}

#[test]
fn nothing_in_the_configuration_becomes_another_setting() {
    insta::assert_snapshot!("units_nasty", unmarked(&of(NASTY).text()));
}

/// What systemd itself says to the units and to the drop-ins beside them, with the programs that they run put where this
/// machine has them; and whether it takes them.
fn judged(files: &[Printed]) -> (Vec<String>, bool) {
    let dir = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    let mut put = |name: &str, body: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let body = body
            .replace("/usr/bin/tealkeep", TEALKEEP)
            .replace("ExecStart=node", "ExecStart=/bin/true");
        fs::write(&path, body).unwrap();
        if !name.contains('/') && !units.contains(&path) {
            units.push(path);
        }
    };
    // The socket's service, and one of the drop-ins', is the package's.
    let service = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd/tealkeep.service");
    put("tealkeep.service", &fs::read_to_string(service).unwrap());
    for file in files.iter().filter(|file| file.place == Place::Machine) {
        let Some(name) = file.path.strip_prefix("/etc/systemd/system/") else {
            continue;
        };
        if let Some((unit, _)) = name.split_once(".d/")
            && unit != "tealkeep.service"
        {
            put(unit, "[Service]\nUser=pi\nExecStart=/bin/true\n");
        }
        put(name, &file.body);
    }
    let said = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .args(&units)
        .output()
        .expect("systemd-analyze is missing: apt-get install systemd");
    let stderr = String::from_utf8_lossy(&said.stderr);
    let ours = stderr.lines().filter(|line| {
        units.iter().any(|unit| {
            let name = unit.file_name().unwrap().to_string_lossy();
            let stem = name.split(['@', '.']).next().unwrap();
            line.contains(stem)
        })
    });
    assert!(units.len() > 1);
    (ours.map(str::to_owned).collect(), said.status.success())
}

#[track_caller]
fn verified(source: &str) {
    assert_eq!(judged(&of(source).files), (Vec::new(), true));
}

#[test]
fn systemd_takes_every_unit_as_it_is_printed() {
    verified(CADDY);
    verified(GATE);
}

#[test]
fn systemd_takes_units_of_nasty_values_too() {
    verified(NASTY);
}

#[test]
fn a_drop_in_that_systemd_would_not_take_is_found() {
    for (source, name) in [(GATE, "garden.service.d"), (CADDY, "tealkeep.service.d")] {
        let mut files = of(source).files;
        let file = files.iter_mut().find(|file| file.name == name).unwrap();
        file.body.push_str("[Service]\nReadWritePath=/srv\n");
        let (said, _) = judged(&files);
        assert!(
            said.iter().any(|line| line.contains("ReadWritePath")),
            "{name}: {said:?}"
        );
    }
}

#[test]
fn the_packaged_service_has_descriptors_for_two_gates_that_are_full() {
    let service = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd/tealkeep.service");
    let service = fs::read_to_string(service).unwrap();
    let limit = service
        .lines()
        .find_map(|line| line.strip_prefix("LimitNOFILE="))
        .expect("the limit");
    let limit: usize = limit.parse().unwrap();
    // A client's own connection, and the one to a colour.
    assert!(limit > 2 * 2 * CLIENT_LIMIT, "{limit}");
}

#[test]
fn the_packaged_service_is_exposed_by_two_at_most() {
    let service = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd/tealkeep.service");
    let said = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
        .arg(&service)
        .output()
        .expect("systemd-analyze is missing: apt-get install systemd");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success(), "{text}");
    assert!(text.contains("Overall exposure level"), "{text}");
}

#[test]
fn paths_that_no_unit_can_hold_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let source = CADDY.replace("/srv/home/releases", "/srv/home/two\\nlines");
    let said = tealkeep(dir.path(), &source, &[]);
    assert_eq!(said.status.code(), Some(2));
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(
        said.contains("two\\nlines") && said.contains("control character"),
        "{said}"
    );
}

#[test]
fn one_file_is_printed_alone() {
    let dir = tempfile::tempdir().unwrap();
    let sheet = of(CADDY);
    for file in &sheet.files {
        let said = tealkeep(
            dir.path(),
            CADDY,
            &["home", "--machine", "raspberrypi", "--only", &file.name],
        );
        assert_eq!(String::from_utf8(said.stdout).unwrap(), file.body);
    }
    let said = tealkeep(dir.path(), CADDY, &["--only", "commands"]);
    assert_eq!(String::from_utf8(said.stdout).unwrap(), sheet.commands);
    let said = tealkeep(dir.path(), CADDY, &["--only", "nothing"]);
    assert_eq!(said.status.code(), Some(2));
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(
        said.contains("home-blue.service, home-green.service"),
        "{said}"
    );
}

#[test]
fn the_commands_are_a_script_that_a_shell_takes() {
    for source in [CADDY, GATE, NASTY] {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("commands.sh");
        fs::write(&script, of(source).commands).unwrap();
        let said = Command::new("sh").arg("-n").arg(&script).output().unwrap();
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
    }
}

#[test]
fn a_folder_is_filled_once_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("home-units");
    let into_text = into.to_str().unwrap();
    let said = tealkeep(dir.path(), CADDY, &["--into", into_text]);
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    let unit = into.join("machine/etc/systemd/system/home-blue.service");
    assert_eq!(fs::read_to_string(&unit).unwrap(), of(CADDY).files[0].body);
    assert!(
        into.join("laptop/.config/systemd/user/tealkeep-pull-home.timer")
            .exists()
    );
    assert!(into.join("by-hand/deploy-key").exists());
    fs::write(&unit, "mine").unwrap();
    let said = tealkeep(dir.path(), CADDY, &["--into", into_text]);
    assert_eq!(said.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&unit).unwrap(), "mine");
}

#[test]
fn secrets_stand_in_files_that_their_readers_alone_can_read() {
    let source = CADDY.replace("production", "hunter2 \\\"$`");
    let sheet = of(&source);
    for file in &sheet.files {
        // The checksum of a short secret is one too: it can be found by trying.
        let secret = file.body.contains("hunter2")
            || file
                .body
                .contains("\t@preview header Tealkeep-Preview 0123456789abcdef")
            || file.name == "sums";
        assert_eq!(secret, file.bits() & 0o004 == 0, "{}", file.path);
    }
    let env = sheet.file("env").unwrap();
    assert_eq!(
        (env.path.as_str(), env.mode),
        ("/etc/tealkeep/home.env", "0600")
    );
    assert!(
        env.body.ends_with("NODE_ENV=\"hunter2 \\\"\\$\\`\"\n"),
        "{}",
        env.body
    );
    let unit = &sheet.file("home-blue.service").unwrap().body;
    let at = |line: &str| {
        unit.find(line)
            .unwrap_or_else(|| panic!("no {line} in {unit}"))
    };
    assert!(at("EnvironmentFile=/etc/tealkeep/home.env") < at("release.env"));

    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("printed");
    let said = tealkeep(dir.path(), &source, &["--into", into.to_str().unwrap()]);
    assert!(said.status.success());
    let mode = |path: &str| {
        let meta = fs::metadata(into.join("machine").join(path)).unwrap();
        meta.permissions().mode() & 0o777
    };
    assert_eq!(mode("etc/tealkeep/home.env"), 0o600);
    assert_eq!(mode("etc/caddy/tealkeep-home.caddy") & 0o007, 0);
}

#[test]
fn the_start_mark_is_where_the_service_puts_it_whatever_the_socket() {
    let sheet = of(&format!(
        "socket = \"/srv/elsewhere/control.sock\"\n{CADDY}"
    ));
    for colour in ["blue", "green"] {
        let unit = &sheet.file(&format!("home-{colour}.service")).unwrap().body;
        let mark = format!("\nConditionPathExists=|/run/tealkeep/home-{colour}.start\n");
        assert!(unit.contains(&mark), "{unit}");
    }
}

#[test]
fn each_file_begins_with_the_checksum_of_what_follows() {
    let sheet = of(CADDY);
    for file in sheet
        .files
        .iter()
        .filter(|file| file.place == Place::Machine)
    {
        let (first, rest) = file.body.split_once('\n').unwrap();
        let (_, sum) = first.rsplit_once(' ').unwrap();
        let digest = <sha2::Sha256 as sha2::Digest>::digest(rest.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum, digest, "{}", file.path);
    }
    // What Tealkeep itself can't read, it knows by its checksum.
    let sums = sheet.file("sums").unwrap();
    assert_eq!((sums.mode, sums.group), ("0640", "tealkeep"));
    for hidden in [
        "  /etc/tealkeep/home.env\n",
        "  /etc/caddy/tealkeep-home.caddy\n",
    ] {
        assert!(sums.body.contains(hidden), "{}", sums.body);
    }
    assert!(!sums.body.contains("home-blue.service"), "{}", sums.body);
}

#[test]
fn what_another_app_lacks_is_said_at_once_with_the_commands_that_bring_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().display();
    for below in ["home/releases", "home/backups", "state"] {
        fs::create_dir_all(dir.path().join(below)).unwrap();
    }
    fs::write(dir.path().join("home/home.sqlite"), "").unwrap();
    let app = |name: &str, port: u16| {
        format!(
            "[[app]]\nname = \"{name}\"\ndatabase = \"{folder}/{name}/{name}.sqlite\"\nreleases = \"{folder}/{name}/releases\"\n\
             backups = \"{folder}/{name}/backups\"\n[app.runtime]\nkind = \"systemd\"\ncommand = [\"true\"]\nblue_port = {}\n\
             green_port = {}\n[app.router]\nlisten = \"127.0.0.1:{port}\"\n",
            port + 1,
            port + 2
        )
    };
    let two = format!(
        "state = \"{folder}/state\"\nsocket = \"{folder}/s.sock\"\nspool = \"{folder}/spool\"\n{}{}",
        app("home", 3000),
        app("garden", 3100)
    );
    let said = tealkeep(dir.path(), &two, &["home", "--waits-for"]);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.contains("garden.sqlite"), "{text}");
    assert!(!text.contains("home.sqlite"), "{text}");
    assert!(
        text.ends_with("  tealkeep units garden --only commands | sh\n"),
        "{text}"
    );

    for below in ["garden/releases", "garden/backups"] {
        fs::create_dir_all(dir.path().join(below)).unwrap();
    }
    fs::write(dir.path().join("garden/garden.sqlite"), "").unwrap();
    let said = tealkeep(dir.path(), &two, &["garden", "--waits-for"]);
    assert!(said.status.success(), "{said:?}");
}

#[test]
fn an_app_of_child_processes_is_told_what_to_write() {
    let dir = tempfile::tempdir().unwrap();
    let source = GATE.split("[app.runtime]").next().unwrap().to_owned()
        + "[app.runtime]\ncommand = [\"node\"]\n";
    let said = tealkeep(dir.path(), &source, &[]);
    assert_eq!(said.status.code(), Some(2));
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("kind = \"systemd\""), "{said}");
}

#[test]
fn the_polkit_rule_says_yes_to_these_units_and_verbs_alone() {
    let sheet = of(CADDY);
    let rule = &sheet.file("polkit").unwrap().body;
    // The rule's own words, as its engine would judge them.
    assert!(rule.contains(r#"var units = ["home-blue.service","home-green.service"];"#));
    assert!(rule.contains(r#"var verbs = ["start","stop","restart","reset-failed"];"#));
    assert!(rule.contains(r"/^home-(prepare|rehearse)@[A-Za-z0-9._-]+\.service$/.test(unit)"));
    assert!(rule.contains("subject.user != \"tealkeep\""));
}
