//! The configuration: every refusal as the text that a person reads, and the documented example held to
//! what the reader knows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use tealkeep::config::{Config, RouterConfig, RuntimeConfig};

use crate::support::TEALKEEP;

const EXAMPLE: &str = include_str!("../tealkeep.example.toml");

/// Only what must be there.
pub const LEAST: &str = r#"
[[app]]
name = "home"
database = "/srv/home/data/home.sqlite"
releases = "/srv/home/releases"
[app.runtime]
command = ["node", "server.js"]
"#;

/// What is wrong with a text, without a look at the machine.
#[track_caller]
fn refusal(source: &str) -> String {
    let problems = Config::parse(source, false).expect_err("it was accepted");
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

/// What the program says to a file, with the folder's path taken out.
fn serve(folder: &Path, source: &str) -> (String, i32) {
    let file = folder.join("tealkeep.toml");
    fs::write(&file, source).unwrap();
    let output = Command::new(TEALKEEP)
        .args(["serve", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let said = String::from_utf8(output.stderr)
        .unwrap()
        .replace(&*folder.to_string_lossy(), "[dir]");
    (said, output.status.code().unwrap_or(-1))
}

/// A folder with everything that [`whole`] names.
fn house() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["state", "run", "data", "releases", "backups"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    empty_database(&dir.path().join("data/home.sqlite"));
    dir
}

/// An empty file is an empty database, says SQLite.
fn empty_database(path: &Path) {
    fs::write(path, "").unwrap();
}

/// A configuration whose paths all are in `folder`.
fn whole(folder: &Path) -> String {
    format!(
        r#"state = "{0}/state"
socket = "{0}/run/control.sock"
[[app]]
name = "home"
database = "{0}/data/home.sqlite"
releases = "{0}/releases"
backups = "{0}/backups"
[app.runtime]
command = ["/bin/true"]
"#,
        folder.display()
    )
}

/// Everything in a folder, to see that nothing was changed.
fn listing(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path.clone());
            }
            found.insert(path.display().to_string());
        }
    }
    found
}

#[test]
fn the_least_that_must_be_there_is_enough() {
    let config = Config::parse(LEAST, false).unwrap();
    assert_eq!(config.apps.len(), 1);
    assert_eq!(config.apps[0].backups, Path::new("/var/backups/home"));
    assert_eq!(config.apps[0].backup.keep.daily, 7);
}

#[test]
fn unknown_keys_are_named_with_the_likeliest_right_one() {
    let source = r#"
stat = "/var/lib/tealkeep"
[dashbord]
listen = "0.0.0.0:3330"
[[app]]
name = "home"
databse = "/srv/home/data/home.sqlite"
database = "/srv/home/data/home.sqlite"
releases = "/srv/home/releases"
owner = "me"
[app.backup]
keep_dayly = 7
[app.runtime]
command = ["node", "server.js"]
blueport = 3001
[app.router]
hold = "30s"
[app.health]
zzz = 1
[app.deploy]
keep-warm = "10m"
"#;
    insta::assert_snapshot!("unknown_keys", refusal(source));
}

#[test]
fn proxies_are_read_and_what_is_none_is_named_with_its_line() {
    let source = format!(
        "[dashboard]\ntrusted_proxies = [\"caddy\", \"127.0.0.1\", \"0.0.0.0/0\", \"10.0.0.1/8\"]\n{LEAST}"
    );
    let said = refusal(&source);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    for (line, proxy) in lines.iter().zip(["0.0.0.0/0", "10.0.0.1/8", "caddy"]) {
        let begin = format!("line 2: dashboard.trusted_proxies: `{proxy}` ");
        assert!(line.starts_with(&begin), "{line}");
    }
    let trusts = |lines: &str, address: &str| {
        let config = Config::parse(&format!("[dashboard]\n{lines}\n{LEAST}"), false).unwrap();
        let trusted = config.dashboard.trusted_proxies;
        trusted.contains(address.parse().unwrap())
    };
    assert!(trusts("trusted_proxies = [\"10.0.0.0/24\"]", "10.0.0.7"));
    assert!(!trusts("trusted_proxies = [\"10.0.0.0/24\"]", "127.0.0.1"));
    // With HTTPS there is a proxy, usually on this machine.
    assert!(trusts("https = true", "127.0.0.1") && trusts("https = true", "::1"));
    assert!(!trusts("https = true\ntrusted_proxies = []", "127.0.0.1"));
    assert!(!trusts("https = false", "127.0.0.1"));
}

#[test]
fn wrong_values_are_all_named_at_once() {
    let source = r#"
zone = "Europe/Berlinn"
state = "var/lib/tealkeep"
socket = 5
[dashboard]
listen = "localhost:3330"
hosts = ["https://home.example.org", "home.example.org:3330"]
https = "yes"
[[app]]
name = "My Home"
database = ""
releases = ["/srv/home/releases"]
[app.backup]
at = "3.30 pm"
keep_daily = 0
keep_weekly = -1
keep_monthly = "6"
keep_manual = 1.5
keep_before_deploy = 5000
keep_before_restore_days = 0
deadline = 3600
level = 13
drill_shrink = 101
[app.runtime]
command = "node server.js"
blue_port = 0
green_port = 70000
stop_timeout = "ten seconds"
port_variable = "MY PORT"
env = { PORT = "80", TEALKEEP_COLOUR = "red", "A=B" = "c" }
[app.router]
listen = "0.0.0.0"
hold_timeout = "-5s"
retry_for = "1d"
trust_forwarded = 1
[app.health]
path = "healthz"
[app.deploy]
keep_releases = 1
"#;
    insta::assert_snapshot!("wrong_values", refusal(source));
}

#[test]
fn heads_and_hosts_that_make_no_sense_are_refused() {
    let said = refusal(&format!(
        "{LEAST}[app.router]\nmax_head_bytes = 100\n[app.health]\nhost = \"https://home\"\n"
    ));
    for problem in [
        "router.max_head_bytes: 100 is out of range; it must be from 8192 to 262144 bytes",
        "health.host: `https://home` is not a host; it must be a name or an address",
    ] {
        assert!(said.contains(problem), "{said}");
    }
}

#[test]
fn lengths_of_time_that_make_no_sense_are_refused() {
    let of = |length: &str| {
        let text = format!(
            r#"{LEAST}stop_timeout = "{length}"
[app.backup]
deadline = "{length}"
[app.router]
hold_timeout = "{length}"
retry_for = "{length}"
[app.health]
within = "{length}"
timeout = "{length}"
[app.deploy]
drain_timeout = "{length}"
keep_warm = "{length}"
"#
        );
        format!("{length}\n{}\n", refusal(&text))
    };
    insta::assert_snapshot!("lengths_of_time", ["0s", "2000000000h"].map(of).concat());
    let text = format!("{LEAST}[app.health]\nwithin = \"5s\"\ntimeout = \"6s\"\n");
    insta::assert_snapshot!("a_probe_longer_than_the_start", refusal(&text));
}

#[test]
fn a_port_can_be_used_once() {
    let source = r#"
[dashboard]
listen = "0.0.0.0:3001"
[[app]]
name = "home"
database = "/srv/home/home.sqlite"
releases = "/srv/home/releases"
[app.runtime]
command = ["node", "server.js"]
blue_port = 3001
green_port = 3001
[app.router]
listen = "127.0.0.1:3001"
[[app]]
name = "garden"
database = "/srv/garden/garden.sqlite"
releases = "/srv/garden/releases"
[app.runtime]
command = ["node", "server.js"]
green_port = 3330
"#;
    insta::assert_snapshot!("equal_ports", refusal(source));
    // The second app's defaults are those of the first.
    let second = LEAST.replace("home", "garden");
    insta::assert_snapshot!("two_apps_by_default", refusal(&format!("{LEAST}{second}")));
}

#[test]
fn a_path_can_be_used_once_and_nothing_lies_where_old_things_are_removed() {
    let source = r#"
state = "/srv/home/backups"
[[app]]
name = "home"
database = "/srv/home/releases/home.sqlite"
releases = "/srv/home/releases/"
backups = "/srv/home/backups"
[app.runtime]
command = ["node", "server.js"]
[[app]]
name = "garden"
database = "/srv/home/releases/home.sqlite"
releases = "/srv/garden"
backups = "/srv/garden/backups"
[app.runtime]
command = ["node", "server.js"]
blue_port = 3101
green_port = 3102
[app.router]
listen = "0.0.0.0:3100"
"#;
    insta::assert_snapshot!("equal_paths", refusal(source));
}

#[test]
fn apps_are_told_apart_by_name_and_there_is_at_least_one() {
    let second = LEAST.replace("/srv/home", "/srv/other");
    let ports = "blue_port = 3101\ngreen_port = 3102\n[app.router]\nlisten = \"0.0.0.0:3100\"\n";
    insta::assert_snapshot!(
        "two_apps_of_one_name",
        refusal(&format!("{LEAST}{second}{ports}"))
    );
    insta::assert_snapshot!("an_empty_file", refusal(""));
    insta::assert_snapshot!(
        "an_app_as_a_single_table",
        refusal("[app]\nname = \"home\"\n")
    );
    insta::assert_snapshot!("an_empty_app", refusal("[[app]]\n"));
    insta::assert_snapshot!(
        "a_table_that_is_a_value",
        refusal(&format!("dashboard = 3330\n{LEAST}env = [1]\n"))
    );
}

#[test]
fn kinds_that_there_are_not_are_refused() {
    let source = format!("{LEAST}kind = \"docker\"\n[app.router]\nkind = \"nginx\"\n");
    insta::assert_snapshot!("unknown_kinds", refusal(&source));
    let source = LEAST.replace(r#"["node", "server.js"]"#, "[]");
    insta::assert_snapshot!("an_empty_command", refusal(&source));
    let source = LEAST.replace(r#"["node", "server.js"]"#, r#"["node", 5]"#);
    insta::assert_snapshot!("a_command_with_a_number", refusal(&source));
    let source = format!("{LEAST}port_variable = \"X\"\ndatabase_variable = \"X\"\n");
    insta::assert_snapshot!("equal_variables", refusal(&source));
}

#[test]
fn what_is_not_toml_is_said_with_its_line() {
    insta::assert_snapshot!(
        "not_toml",
        refusal("state = \"/var/lib/tealkeep\"\nthis is not it\n")
    );
    insta::assert_snapshot!(
        "a_quote_left_open",
        refusal("state = \"/var/lib/tealkeep\n")
    );
    insta::assert_snapshot!("a_key_twice", refusal("state = \"/a\"\nstate = \"/b\"\n"));
}

#[test]
fn serve_says_everything_at_once_and_changes_nothing() {
    let dir = house();
    let folder = dir.path();
    fs::write(folder.join("data/home.sqlite"), "my diary\n".repeat(200)).unwrap();
    fs::write(folder.join("run/control.sock"), "precious").unwrap();
    fs::write(folder.join("file"), "").unwrap();
    let source = whole(folder)
        .replace("/state", "/file/state")
        .replace("/releases", "/nowhere/releases")
        .replace("/backups", "/file")
        .replace("/bin/true", "/no/such/program")
        + "color = \"red\"\n[app.backup]\nkeep_daily = 0\nat = \"24:00\"\n";
    fs::write(folder.join("tealkeep.toml"), &source).unwrap();
    let before = listing(folder);
    let (said, code) = serve(folder, &source);
    insta::assert_snapshot!("everything_at_once", said);
    assert_eq!(code, 2);
    assert_eq!(listing(folder), before);
    assert_eq!(
        fs::read_to_string(folder.join("run/control.sock")).unwrap(),
        "precious"
    );
}

#[test]
fn missing_files_are_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (said, code) = serve(
        dir.path(),
        &whole(dir.path()).replace("/bin/true", "no-such-program-here"),
    );
    insta::assert_snapshot!("missing_files", said);
    assert_eq!(code, 2);
    assert_eq!(listing(dir.path()).len(), 1);
}

#[test]
fn a_database_must_be_a_file_of_sqlite() {
    let dir = house();
    let folder = dir.path();
    let database = folder.join("data/home.sqlite");
    let mut said = String::new();
    fs::remove_file(&database).unwrap();
    said += &serve(folder, &whole(folder)).0;
    fs::create_dir(&database).unwrap();
    said += &serve(folder, &whole(folder)).0;
    fs::remove_dir(&database).unwrap();
    fs::write(&database, [7_u8; 4096]).unwrap();
    said += &serve(folder, &whole(folder)).0;
    said += &serve(
        folder,
        &whole(folder).replace("data/home.sqlite", "data/home.sqlite/more"),
    )
    .0;
    insta::assert_snapshot!("a_database_that_is_not_one", said);
}

#[test]
fn a_folder_that_cant_be_written_is_refused() {
    let dir = house();
    let folder = dir.path();
    // Nobody can make a file there, not even root.
    let source = whole(folder).replace(&format!("{}/backups", folder.display()), "/proc/self");
    let (said, code) = serve(folder, &source);
    // Root hears something else there than other users do.
    let filters = vec![(r": [A-Za-z ]+ \(os error \d+\)", ": [why]")];
    insta::with_settings!({filters => filters}, {
        insta::assert_snapshot!("a_folder_that_cant_be_written", said);
    });
    assert_eq!(code, 2);
}

#[test]
fn a_link_to_the_same_folder_is_the_same_folder() {
    let dir = house();
    let folder = dir.path();
    std::os::unix::fs::symlink(folder.join("releases"), folder.join("other")).unwrap();
    let (said, _) = serve(folder, &whole(folder).replace("/backups", "/other"));
    insta::assert_snapshot!("one_folder_by_two_names", said);
}

#[test]
fn a_socket_path_that_linux_cant_have_is_refused() {
    let long = format!("socket = \"/run/{}\"\n{LEAST}", "x".repeat(120));
    insta::assert_snapshot!("a_long_socket_path", refusal(&long));
}

#[test]
fn a_configuration_that_is_not_there_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("none.toml");
    let output = Command::new(TEALKEEP)
        .args(["serve", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr)
        .unwrap()
        .replace(&*dir.path().to_string_lossy(), "[dir]");
    insta::assert_snapshot!("no_configuration", said);
}

/// The example with each `#key = value` line uncommented.
fn uncommented(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest,
        Some(_) | None => line,
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_example_is_right_as_it_stands() {
    let config = Config::parse(EXAMPLE, false).unwrap();
    assert_eq!(config.apps.len(), 1);
    // It says nothing but what must be said.
    assert_eq!(
        format!("{config:?}"),
        format!("{:?}", Config::parse(LEAST, false).unwrap())
    );
}

/// What must be there of the example's second app, and the ports that can't be those of the first.
const GARDEN: &str = r#"
[[app]]
name = "garden"
database = "/srv/garden/data/garden.sqlite"
releases = "/srv/garden/releases"
[app.runtime]
kind = "systemd"
blue_port = 3101
green_port = 3102
[app.router]
kind = "caddy"
listen = "0.0.0.0:3100"
hold_listen = "127.0.0.1:3103"
"#;

#[test]
fn the_documented_defaults_are_the_real_ones() {
    let everything = uncommented(EXAMPLE);
    let mut documented = Config::parse(&everything, false).unwrap();
    let defaults = Config::parse(&format!("{LEAST}{GARDEN}"), false).unwrap();
    assert_eq!(documented.apps.len(), 2);
    // The keys whose defaults can't be written down: nothing at all, or the zone of the machine.
    assert!(documented.zone.take().is_some() && defaults.zone.is_none());
    assert!(documented.apps[0].url.take().is_some());
    assert!(documented.apps[0].backup.heartbeat.take().is_some());
    let notify = &mut documented.notify;
    assert!(notify.webhook.take().is_some());
    assert!(
        notify
            .ntfy
            .take()
            .is_some_and(|topic| topic.token_file.is_some())
    );
    let health = &mut documented.apps[0].health;
    assert!(health.host.take().is_some());
    // It follows from the address.
    let proto = std::mem::replace(&mut health.forwarded_proto, "http");
    assert_eq!(proto, "https");
    let prepare = documented.apps[0].deploy.prepare.take().unwrap();
    assert_eq!(prepare.timeout.as_secs(), 600);
    let policy = &mut documented.apps[0].policy;
    assert!(policy.cookie.take().is_some() && policy.cookie_file.take().is_some());
    assert!(policy.worker.take().is_some());
    let garden = &mut documented.apps[1];
    let RuntimeConfig::Systemd(systemd) = &mut garden.runtime else {
        panic!("garden has no units");
    };
    assert!(systemd.command.take().is_some());
    let RouterConfig::Caddy(caddy) = &mut garden.router else {
        panic!("garden is not behind Caddy");
    };
    assert!(caddy.preview.take().is_some() && caddy.active_color.take().is_some());
    assert_eq!(format!("{documented:#?}"), format!("{defaults:#?}"));
}

#[test]
fn every_key_that_the_reader_knows_is_documented() {
    let (home, garden) = EXAMPLE.split_once("# A second app").unwrap();
    let seen = documented_keys(&uncommented(home));
    assert!(seen > 40, "only {seen} keys were looked at");
    // The second app's tables that are of other kinds; what it shares with the first stands there.
    let garden = uncommented(garden);
    let seen = documented_keys(&garden[garden.find("[[app]]").unwrap()..]);
    assert!(seen > 15, "only {seen} keys were looked at");
}

/// Looks for each key that the reader knows, in the tables that `everything` has; returns how many there are.
#[track_caller]
fn documented_keys(everything: &str) -> usize {
    let is_first = everything.contains("[dashboard]");
    let mut tables = Vec::new();
    if is_first {
        tables.push((String::new(), String::new()));
    }
    tables.extend(
        everything
            .lines()
            .filter(|line| line.starts_with('['))
            .map(|line| {
                (
                    line.trim_matches(['[', ']']).to_owned(),
                    format!("{line}\n"),
                )
            }),
    );
    let mut seen = 0;
    for (table, header) in &tables {
        if !is_first && table == "app" {
            continue;
        }
        // A key that nobody can mean: the refusal lists those that are known in this table.
        let planted = if header.is_empty() {
            format!("zzzzzz = 1\n{everything}")
        } else {
            everything.replacen(header, &format!("{header}zzzzzz = 1\n"), 1)
        };
        let said = refusal(&planted);
        let (_, known) = said
            .split_once("known are ")
            .unwrap_or_else(|| panic!("{table}: {said}"));
        let section = match header.is_empty() {
            true => everything.split("\n[").next().unwrap(),
            false => everything
                .split(header)
                .nth(1)
                .unwrap()
                .split("\n[")
                .next()
                .unwrap(),
        };
        for key in known.split('`').skip(1).step_by(2) {
            let below = if table.is_empty() {
                key.to_owned()
            } else {
                format!("{table}.{key}")
            };
            let is_table = tables.iter().any(|(name, _)| *name == below);
            let is_key = section
                .lines()
                .any(|line| line.starts_with(&format!("{key} = ")));
            assert!(
                is_table || is_key,
                "`{below}` is not documented in tealkeep.example.toml"
            );
            seen += 1;
        }
    }
    seen
}

#[test]
fn units_caddy_and_preparation_are_held_to_what_they_can_be() {
    let home = LEAST.split("[app.runtime]").next().unwrap();
    let source = format!(
        r#"{home}url = "home.example.org"
[app.runtime]
kind = "systemd"
user = "Robert'); --"
blue_unit = "home blue"
green_unit = "home@.service"
blue_port = 3000
stop_timeout = "0s"
comand = []
[app.router]
kind = "caddy"
admin = "0.0.0.0:2019"
hold_listen = "0.0.0.0:3002"
preview = "short"
[app.deploy]
prepare = []
prepare_inputs = ["../../etc/shadow"]
prepare_versions = [["node"], [""]]
prepare_timeout = "7h"
"#
    );
    insta::assert_snapshot!("bad_units_caddy_and_preparation", refusal(&source));
    let source = format!(
        "{home}[app.runtime]\nkind = \"systemd\"\nuser = \"root\"\nblue_unit = \"x.service\"\ngreen_unit = \"x.service\"\n[app.deploy]\nprepare_timeout = \"1m\"\n"
    );
    insta::assert_snapshot!("units_of_root_and_a_lone_timeout", refusal(&source));
}
