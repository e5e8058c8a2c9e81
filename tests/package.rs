//! The package on a real Debian: installed, configured, removed and purged, with the household's data untouched by
//! all of it (the upgrade, with people at home, is in `household`); what `tealkeep doctor` says meanwhile; the laptop's
//! timer; and the day after the fire.

use std::collections::BTreeMap;
use std::process::Command;

use crate::support::pi::{Laptop, Pi, commands_in, package, told};
use crate::support::random::is_long;
use crate::support::{Said, TEALKEEP};

/// One app behind Caddy. Its program only stays alive: here nothing is deployed.
const CONFIG: &str = r#"
[[app]]
name = "home"
database = "/srv/home/data/home.sqlite"
releases = "/srv/home/releases"
[app.runtime]
kind = "systemd"
command = ["/usr/bin/sleep", "infinity"]
[app.router]
kind = "caddy"
[app.deploy]
prepare = ["/bin/true"]
"#;

/// Another app beside it.
const GARDEN: &str = r#"
[[app]]
name = "garden"
database = "/srv/garden/data/garden.sqlite"
releases = "/srv/garden/releases"
[app.runtime]
kind = "systemd"
command = ["/usr/bin/sleep", "infinity"]
blue_port = 3101
green_port = 3102
[app.router]
kind = "caddy"
listen = "0.0.0.0:3100"
hold_listen = "127.0.0.1:3103"
"#;

const ROWS: &str = "CREATE TABLE doses(id INTEGER PRIMARY KEY, what TEXT); \
    INSERT INTO doses(what) SELECT 'dose ' || value FROM generate_series(1, 500);";

/// Installs the package, writes the configuration, and runs the printed commands.
fn moved_in(pi: &Pi) {
    pi.install(package());
    pi.write("/etc/tealkeep/tealkeep.toml", CONFIG);
    pi.run("tealkeep units home --only commands > /root/commands.sh; sh /root/commands.sh");
}

/// A Pi with the package and the configuration, where Caddy serves this already. Nothing is set up yet.
fn with_caddyfile(content: &str) -> Pi {
    let pi = Pi::boot();
    pi.install(package());
    pi.write("/etc/caddy/Caddyfile", content);
    pi.run("systemctl reload-or-restart caddy.service");
    pi.write("/etc/tealkeep/tealkeep.toml", CONFIG);
    pi
}

/// Runs the printed commands of an app, which must fail, and returns what they said.
#[track_caller]
fn commands_fail(pi: &Pi, app: &str) -> String {
    let output = pi.try_run(&format!("tealkeep units {app} --only commands | sh"));
    let said = told(&output);
    assert!(!output.status.success(), "{said}");
    said
}

/// Runs the command that `tealkeep doctor --json` names for what fails, which must be one thing.
#[track_caller]
fn mend_the_only_failure(pi: &Pi, text: &str) {
    let findings: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    let fails: Vec<_> = findings
        .iter()
        .filter(|found| found["level"] == "fail")
        .collect();
    assert_eq!(fails.len(), 1, "{text}");
    pi.run(fails[0]["mend"].as_str().unwrap());
}

/// The findings of `tealkeep doctor`, by check, the worst of each; and its exit code.
fn doctor(pi: &Pi, user: &str) -> (BTreeMap<String, String>, Option<i32>, String) {
    let said = pi.try_run_as(user, "tealkeep doctor --json");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&said.stderr);
    let findings: Vec<serde_json::Value> =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}{stderr}"));
    let mut worst: BTreeMap<String, String> = BTreeMap::new();
    for finding in &findings {
        let check = finding["check"].as_str().unwrap().to_owned();
        let level = finding["level"].as_str().unwrap();
        let known = worst.entry(check).or_insert_with(|| "ok".to_owned());
        if level == "fail" || (level == "warn" && known == "ok") {
            *known = level.to_owned();
        }
    }
    (worst, said.status.code(), text)
}

#[test]
fn a_published_program_has_no_fault_points() {
    // What cargo would build for a package: the test's own program has its features from the tests.
    let plain = Command::new("cargo")
        .args(["tree", "--offline", "--locked", "--package", "tealkeep"])
        .args(["--edges", "normal,build,features", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let features = Said::of(&plain.unwrap()).succeeds().stdout;
    assert!(features.contains("tealkeep-base v"), "{features}");
    assert!(!features.contains("fault-points"), "{features}");

    let has_them = |program: &[u8]| {
        let names: [&[u8]; 3] = [
            b"TEALKEEP_KILL_AT",
            b"TEALKEEP_STOP_AT",
            b"TEALKEEP_WAIT_AT",
        ];
        names.map(|name| memchr::memmem::find(program, name).is_some())
    };
    assert_eq!(has_them(&std::fs::read(TEALKEEP).unwrap()), [true; 3]);
    if is_long() {
        let into = tempfile::tempdir().unwrap();
        let unpacked = Command::new("dpkg-deb")
            .arg("--extract")
            .args([package(), into.path()])
            .output();
        Said::of(&unpacked.unwrap()).succeeds();
        let program = std::fs::read(into.path().join("usr/bin/tealkeep")).unwrap();
        assert_eq!(has_them(&program), [false; 3]);
    }
}

#[test]
fn the_package_is_installed_upgraded_removed_and_purged() {
    let pi = Pi::boot();
    pi.install(package());
    // Nothing is configured, so nothing runs, and nothing has failed.
    pi.run("systemctl is-enabled tealkeep.service; ! systemctl is-active tealkeep.service");
    assert_eq!(pi.run("systemctl --failed --no-legend | wc -l").trim(), "0");
    pi.run("systemd-analyze security --threshold=20 --no-pager tealkeep.service");
    pi.run("test ! -e /etc/tealkeep/tealkeep.toml; test -e /usr/share/doc/tealkeep/tealkeep.example.toml");
    pi.run("test -e /usr/share/man/man1/tealkeep-units.1.gz; bash -n /usr/share/bash-completion/completions/tealkeep");
    assert_eq!(
        pi.run("stat -c '%U:%G %a' /etc/tealkeep /var/lib/tealkeep"),
        "root:tealkeep 750\ntealkeep:tealkeep 711\n"
    );

    moved_in(&pi);
    pi.until("systemctl is-active tealkeep.service");
    assert_eq!(
        pi.run("ps -o user= -p $(systemctl show --value -p MainPID tealkeep.service)")
            .trim(),
        "tealkeep"
    );
    let capabilities = pi.run(
        "grep -E 'Cap(Prm|Eff|Bnd|Amb)' /proc/$(systemctl show --value -p MainPID tealkeep.service)/status",
    );
    assert!(
        capabilities
            .lines()
            .all(|line| line.ends_with("0000000000000000")),
        "{capabilities}"
    );
    assert_eq!(
        pi.run("stat -c '%U:%G %a' /srv/home/data /srv/home/releases /var/backups/home"),
        "home:home 2770\ntealkeep:home 2750\ntealkeep:tealkeep-backup 2750\n"
    );
    // The commands can be run again, and leave what somebody changed.
    pi.run("echo '# mine' >> /etc/systemd/system/home-blue.service; sh /root/commands.sh");
    pi.run("tail -n 1 /etc/systemd/system/home-blue.service | grep -qx '# mine'");

    // A colour that runs goes on through everything that happens to the package.
    pi.run(
        "mkdir -p /srv/home/releases/one /var/lib/tealkeep/apps/home/green
         ln -sfn one /srv/home/releases/green
         echo TEALKEEP_RELEASE=one > /var/lib/tealkeep/apps/home/green/release.env
         systemctl stop tealkeep.service
         touch /var/lib/tealkeep/apps/home/green/live
         systemctl start home-green.service; systemctl is-active home-green.service",
    );
    let colour = "systemctl show --value -p MainPID home-green.service";
    let pid = pi.run(colour);
    assert_ne!(pid.trim(), "0");
    pi.run("rm -r /var/lib/tealkeep/apps/home/green; cp -a /var/backups/home /root/before");
    pi.run("cp -a /etc/tealkeep/tealkeep.toml /root/config");
    pi.run("runuser -u home -- sqlite3 /srv/home/data/home.sqlite 'CREATE TABLE kept(x)'");
    pi.run("touch /var/lib/tealkeep/apps/home/router/green");
    pi.run("dpkg --remove tealkeep");
    pi.run("test ! -e /usr/bin/tealkeep; cmp /etc/tealkeep/tealkeep.toml /root/config; test -d /var/lib/tealkeep/apps");
    assert_eq!(pi.run(colour), pid);
    pi.install(package());
    pi.run("id tealkeep; systemctl is-enabled tealkeep.service");
    assert_eq!(pi.run(colour), pid);
    let said = pi.run("dpkg --purge tealkeep 2>&1");
    assert!(
        said.contains("backups, releases, databases, users and the files"),
        "{said}"
    );
    // Caddy goes on to where it went: the marks of what is live are no rubbish.
    pi.run("test ! -e /etc/tealkeep; test -e /var/lib/tealkeep/apps/home/router/green; test -d /var/backups/home");
    assert_eq!(pi.run("ls -A /var/lib/tealkeep"), "apps\n");
    assert_eq!(pi.run(colour), pid);
    pi.run("sqlite3 /srv/home/data/home.sqlite 'SELECT * FROM kept'");
}

#[test]
fn the_doctor_finds_what_is_wrong_and_its_commands_mend_it() {
    let pi = Pi::boot();
    pi.install(package());
    let (found, code, text) = doctor(&pi, "root");
    assert_eq!(
        (found["configuration"].as_str(), code),
        ("fail", Some(1)),
        "{text}"
    );

    pi.write("/etc/tealkeep/tealkeep.toml", CONFIG);
    let (found, code, text) = doctor(&pi, "root");
    assert_eq!(code, Some(1), "{text}");
    for check in ["owners", "units", "polkit", "router", "database"] {
        assert_eq!(found[check], "fail", "{check}: {text}");
    }

    pi.run("tealkeep units home --only commands | sh");
    pi.until("systemctl is-active tealkeep.service");
    pi.until("curl -fsS http://127.0.0.1:3000/.well-known/tealkeep");
    let (found, code, text) = doctor(&pi, "root");
    assert_eq!(code, Some(0), "{text}");
    for check in [
        "configuration",
        "server",
        "owners",
        "units",
        "polkit",
        "router",
        "ports",
        "sandbox",
    ] {
        assert_eq!(found[check], "ok", "{check}: {text}");
    }
    assert_eq!(found["pull"], "warn", "{text}");
    assert_eq!(found["keys"], "ok", "{text}");
    assert!(
        text.contains("polkit lets Tealkeep use the units of both colours"),
        "{text}"
    );
    // Without root it knows less, and says so rather than that something is wrong.
    let (_, code, text) = doctor(&pi, "tealkeep");
    assert_eq!(code, Some(0), "{text}");

    // Each of these is found; the commands that are printed mend all of them.
    pi.run(&format!(
        "runuser -u home -- sqlite3 /srv/home/data/home.sqlite \"PRAGMA journal_mode=WAL; {ROWS}\"; tealkeep backup home"
    ));
    let wrong = [
        ("owners", "chmod g-s /var/backups/home/snapshots"),
        (
            "owners",
            "chown root:root /var/backups/home/daily; chgrp -R tealkeep /var/backups/home/snapshots",
        ),
        ("owners", "chmod 0755 /srv/home/data"),
        (
            "owners",
            "chown root /srv/home/data/home.sqlite; chmod 0640 /srv/home/data/home.sqlite",
        ),
        ("units", "systemctl disable home-green.service"),
        (
            "units",
            "rm /etc/systemd/system/home-blue.service; systemctl daemon-reload",
        ),
        ("polkit", "rm /etc/polkit-1/rules.d/50-tealkeep-home.rules"),
        ("units", "systemctl stop tealkeep.service"),
        (
            "server",
            "systemctl kill -s KILL tealkeep.service; systemctl stop tealkeep.service",
        ),
    ];
    for (check, breaking) in wrong {
        pi.run(breaking);
        let (found, code, text) = doctor(&pi, "root");
        assert_eq!(
            (found[check].as_str(), code),
            ("fail", Some(1)),
            "{breaking}: {text}"
        );
        let findings: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        for finding in findings.iter().filter(|finding| finding["level"] == "fail") {
            pi.run(finding["mend"].as_str().unwrap());
        }
        let (found, _, text) = doctor(&pi, "root");
        assert_eq!(found[check], "ok", "{breaking}: {text}");
    }
    // A rule that comes before ours: each file is as it should be, and the answer is no.
    let no = "polkit.addRule(function (action, subject) { if (action.id == \"org.freedesktop.systemd1.manage-units\") { return polkit.Result.NO; } });";
    pi.write("/etc/polkit-1/rules.d/10-no.rules", no);
    pi.run("systemctl restart polkit.service");
    let (found, code, text) = doctor(&pi, "root");
    assert_eq!(
        (found["polkit"].as_str(), code),
        ("fail", Some(1)),
        "{text}"
    );
    assert!(
        text.contains("polkit does not let Tealkeep start home-blue.service"),
        "{text}"
    );
    pi.run("rm /etc/polkit-1/rules.d/10-no.rules; systemctl restart polkit.service");
    // What was changed by hand is no mistake, but said.
    pi.run("echo '# mine' >> /etc/systemd/system/home-blue.service; systemctl daemon-reload");
    let (found, code, text) = doctor(&pi, "root");
    assert_eq!((found["units"].as_str(), code), ("warn", Some(0)), "{text}");
}

#[test]
fn a_deploying_key_is_confined_whatever_stands_before_it() {
    let pi = Pi::boot();
    moved_in(&pi);
    let laptop = Laptop::beside(&pi);
    pi.until("systemctl is-active tealkeep.service && tealkeep status");
    pi.run("systemctl is-active ssh.service");
    let keys = "/etc/ssh/tealkeep_authorized_keys";
    assert_eq!(
        pi.run(&format!("stat -c '%U:%G %a' {keys}")),
        "root:root 644\n"
    );
    // As printed, and as somebody in a hurry would write it.
    let printed = pi.run("tealkeep units home --only deploy-key");
    let printed = printed.replace("ssh-ed25519 PUBLIC-KEY you@laptop", &laptop.public_key());
    let added = {
        pi.write("/root/laptop.pub", &laptop.public_key());
        pi.run("tealkeep key add /root/laptop.pub --name the-laptop");
        pi.run(&format!("cat {keys}"))
    };
    assert_eq!(
        pi.run(&format!("stat -c '%U:%G %a' {keys}")),
        "root:root 644\n"
    );
    for line in [printed, added, laptop.public_key() + "\n"] {
        pi.write(keys, &line);
        let said = laptop.run("ssh tealkeep@pi tealkeep status --json");
        serde_json::from_str::<serde_json::Value>(&said).unwrap();
        for other in ["id", "sh -c id", "rsync --server --sender . /etc/"] {
            let said = laptop.try_run(&format!("ssh tealkeep@pi '{other}'"));
            assert!(!said.status.success(), "{other}");
            assert!(said.stdout.is_empty(), "{other}: {}", told(&said));
        }
        let shell = laptop.try_run("echo id | ssh -T tealkeep@pi");
        assert!(
            !String::from_utf8_lossy(&shell.stdout).contains("uid="),
            "{}",
            told(&shell)
        );
    }
    // The scope of the key's own line counts.
    pi.write(keys, "");
    pi.run("tealkeep key add /root/laptop.pub --name the-laptop --scope read");
    laptop.run("ssh tealkeep@pi tealkeep status --json");
    let refused = laptop.try_run("ssh tealkeep@pi tealkeep backup home");
    assert!(
        told(&refused).contains("this key has the scope read"),
        "{}",
        told(&refused)
    );
    pi.run("tealkeep key add /root/laptop.pub --name the-laptop --scope admin");
    let refused = laptop.try_run("ssh tealkeep@pi tealkeep undo home");
    assert!(told(&refused).contains("no restore"), "{}", told(&refused));
    // Nor does a line without a command open anything to the user who pulls.
    pi.write(
        "/var/lib/tealkeep-backup/.ssh/authorized_keys",
        &(laptop.public_key() + "\n"),
    );
    for asked in ["id", "rsync --server --sender -e.x . /etc/"] {
        let refused = laptop.try_run(&format!("ssh tealkeep-backup@pi '{asked}'"));
        assert!(
            !refused.status.success() && refused.stdout.is_empty(),
            "{asked}: {}",
            told(&refused)
        );
    }
    // A key that the user has put there himself is none.
    pi.write(keys, "");
    pi.run("install -d -o tealkeep -m 0700 /var/lib/tealkeep/.ssh");
    pi.write(
        "/var/lib/tealkeep/.ssh/authorized_keys",
        &laptop.public_key(),
    );
    pi.run("chown tealkeep /var/lib/tealkeep/.ssh/authorized_keys; chmod 0600 /var/lib/tealkeep/.ssh/authorized_keys");
    let refused = laptop.try_run("ssh tealkeep@pi tealkeep status");
    assert!(!refused.status.success());
    assert!(told(&refused).contains("denied"), "{}", told(&refused));

    // And the pull leaves a trace that the doctor finds.
    pi.write("/var/lib/tealkeep-backup/.ssh/authorized_keys", "");
    pi.run("tealkeep key add /root/laptop.pub --name the-laptop --pull home");
    laptop.run(
        "mkdir -p tealkeep/home; rsync -a --exclude='.*' tealkeep-backup@pi:/ ~/tealkeep/home/",
    );
    pi.until("tealkeep doctor --json | grep -q 'last signed in to pull'");
}

#[test]
fn the_laptops_timer_pulls_and_leaves_word() {
    let pi = Pi::boot();
    moved_in(&pi);
    pi.run(&format!(
        "runuser -u home -- sqlite3 /srv/home/data/home.sqlite \"PRAGMA journal_mode=WAL; {ROWS}\""
    ));
    pi.until("systemctl is-active tealkeep.service && tealkeep backup home");

    // Somebody whose laptop has a systemd, and the package.
    let laptop = pi.boot_a_laptop();
    laptop.install(package());
    laptop.run(
        "useradd --create-home --shell /bin/bash you; loginctl enable-linger you
        install -d -o you -g you -m 0700 /home/you/.ssh",
    );
    laptop.until("systemctl is-active user@$(id -u you).service");
    let you = |script: &str| {
        let output = laptop.try_run_as(
            "you",
            &format!("export HOME=/home/you XDG_RUNTIME_DIR=/run/user/$(id -u); cd\n{script}"),
        );
        assert!(output.status.success(), "{script}\n{}", told(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let printed = commands_in("pi.md");
    let block = |with: &str| {
        let found = printed.iter().find(|block| block.contains(with));
        found.unwrap_or_else(|| panic!("docs/pi.md prints nothing with {with}"))
    };
    // Its keys, as docs/pi.md says, and the one that it signs in with anyway.
    you(block("ssh-keygen"));
    you("ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519");
    let config = block("Match originalhost").replace("raspberrypi.local", "10.77.0.1");
    laptop.write(
        "/home/you/.ssh/config",
        &format!("StrictHostKeyChecking accept-new\n{config}"),
    );
    pi.has_a_person("you", &you("cat .ssh/id_ed25519.pub"));
    // A user who may use the commands there without `sudo`, as docs/pi.md says.
    pi.run("usermod --append --groups tealkeep you");
    let key = pi.run("tealkeep units home --only pull-key");
    let own = you("cat .ssh/tealkeep-backup.pub");
    let key = key.replace("ssh-ed25519 PUBLIC-KEY you@laptop", own.trim());
    pi.write("/var/lib/tealkeep-backup/.ssh/authorized_keys", &key);

    // The units that are printed there, then those that the package brings along; each does what its timer would have
    // it do.
    let arrived = |unit: &str, said: &str| {
        you(&format!(
            "systemctl --user is-active {unit}.timer
            systemctl --user list-timers --no-legend {unit}.timer | grep {unit}.service
            systemctl --user start {unit}.service || {{ journalctl --no-pager _UID=$(id -u); exit 1; }}
            tealkeep verify ~/tealkeep/home
            test \"$(ls ~/tealkeep/home/snapshots/*.sqlite.gz | wc -l)\" = 1"
        ));
        pi.until(&format!("tealkeep doctor --json | grep -F {said}"));
    };
    you(block("--only tealkeep-pull-home.timer"));
    arrived("tealkeep-pull-home", "'the laptop `laptop` last pulled at'");
    you("systemctl --user disable --now tealkeep-pull-home.timer; rm -r tealkeep");
    you(block("tealkeep-pull@home.timer"));
    you("echo 'OPTIONS=--drill --laptop attic' >> ~/.config/tealkeep/pull-home.env");
    arrived("tealkeep-pull@home", "'the laptop `attic` last pulled at'");
}

#[test]
fn a_change_of_the_configuration_reaches_the_units_and_is_said_until_it_has() {
    let pi = Pi::boot();
    let laptop = Laptop::beside(&pi);
    moved_in(&pi);
    let key = pi.run("tealkeep units home --only deploy-key");
    let key = key.replace("ssh-ed25519 PUBLIC-KEY you@laptop", &laptop.public_key());
    pi.write("/etc/ssh/tealkeep_authorized_keys", &key);
    let outdated = || {
        pi.until("systemctl is-active tealkeep.service && tealkeep status");
        let said = pi.run("runuser -u tealkeep -- tealkeep incoming home one");
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        serde_json::from_value::<Vec<String>>(said["outdated"].clone()).unwrap()
    };
    assert_eq!(outdated(), Vec::<String>::new());

    // Another command, another variable.
    let changed = CONFIG.replace(
        "\"infinity\"]",
        "\"1000000\"]\nenv = { GREETING = \"hello\" }",
    );
    pi.write("/etc/tealkeep/tealkeep.toml", &changed);
    pi.run("systemctl restart tealkeep.service");
    let units = [
        "/etc/systemd/system/home-blue.service",
        "/etc/systemd/system/home-green.service",
    ];
    let said = outdated();
    for path in units.iter().chain(&["/etc/tealkeep/home.env"]) {
        assert!(said.contains(&(*path).to_owned()), "{path}: {said:?}");
    }
    laptop.run("mkdir one; echo x > one/file");
    let push = told(&laptop.try_run("tealkeep push one home --host tealkeep@pi 2>&1"));
    assert!(
        push.contains("older than the configuration there") && push.contains(units[0]),
        "{push}"
    );
    let (found, code, text) = doctor(&pi, "root");
    assert_eq!((found["units"].as_str(), code), ("fail", Some(1)), "{text}");
    let commands = "tealkeep units home --only commands | sh";
    pi.run(commands);
    pi.run("grep -q 1000000 /etc/systemd/system/home-blue.service; grep -q hello /etc/tealkeep/home.env");
    assert_eq!(outdated(), Vec::<String>::new());
    let (_, code, text) = doctor(&pi, "root");
    assert_eq!(code, Some(0), "{text}");

    // A variable alone: its file only root can read, and the server knows it by its checksum.
    pi.write(
        "/etc/tealkeep/tealkeep.toml",
        &changed.replace("hello", "good morning"),
    );
    pi.run("systemctl restart tealkeep.service");
    let said = outdated();
    assert!(
        said.contains(&"/etc/tealkeep/home.env".to_owned()) && !said.contains(&units[0].to_owned()),
        "{said:?}"
    );

    // A unit that a person changed is left alone, and the doctor's own command mends it.
    pi.run("echo '# mine' >> /etc/systemd/system/home-blue.service");
    pi.write(
        "/etc/tealkeep/tealkeep.toml",
        &changed.replace("1000000", "2000000"),
    );
    let said = pi.run(commands);
    assert!(
        said.contains(
            "left alone because somebody changed it: /etc/systemd/system/home-blue.service"
        ),
        "{said}"
    );
    let (_, code, text) = doctor(&pi, "root");
    assert_eq!(code, Some(1), "{text}");
    mend_the_only_failure(&pi, &text);
    pi.run("grep -q 2000000 /etc/systemd/system/home-blue.service; grep -qx '# mine' /etc/systemd/system/home-blue.service.mine");
    let (_, code, text) = doctor(&pi, "root");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn two_apps_are_set_up_in_any_order_and_what_is_missing_is_one_failure() {
    let pi = Pi::boot();
    pi.install(package());
    pi.write("/etc/tealkeep/tealkeep.toml", &format!("{CONFIG}{GARDEN}"));
    for (app, other) in [("garden", "home"), ("home", "garden")] {
        let said = pi.try_run(&format!("tealkeep units {app} --only commands | sh"));
        assert!(said.status.success(), "{}", told(&said));
        pi.run(&format!("systemctl is-enabled {app}-blue.service"));
        if app == "garden" {
            // The site is proven although Tealkeep can't start yet; nobody waits for it.
            assert!(
                told(&said).contains(&format!("tealkeep units {other} --only commands | sh")),
                "{}",
                told(&said)
            );
            pi.run("systemctl show --value -p ActiveState tealkeep.service | grep -qx inactive");
            let text = pi.try_run("tealkeep doctor");
            let text = told(&text);
            assert!(text.contains("one thing is wrong"), "{text}");
            assert!(
                text.contains("home is not set up on this machine"),
                "{text}"
            );
            assert!(text.contains("this also causes:"), "{text}");
        }
    }
    pi.until("systemctl is-active tealkeep.service && tealkeep status");
    let (_, code, text) = doctor(&pi, "root");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_site_of_the_same_address_that_wins_is_named_by_the_commands() {
    // Caddy takes this beside ours, and sends everything to it.
    let pi = with_caddyfile(
        ":3000 {\n\trespond \"the old site\"\n}\nimport /etc/caddy/tealkeep-*.caddy\n",
    );
    let said = commands_fail(&pi, "home");
    assert!(said.contains("answers `the old site`"), "{said}");
    pi.write(
        "/etc/caddy/Caddyfile",
        "import /etc/caddy/tealkeep-*.caddy\n",
    );
    pi.run("tealkeep units home --only commands | sh");
    pi.run("curl -fsS http://127.0.0.1:3000/.well-known/tealkeep");
}

#[test]
fn what_a_script_has_left_in_the_backups_folder_is_taken_over_by_the_doctors_command() {
    let pi = Pi::boot();
    pi.run(&format!(
        "mkdir -p /var/backups/home/daily/2026-11-20 /var/backups/home/weekly
        sqlite3 /root/old.sqlite \"{ROWS}\"
        gzip -c /root/old.sqlite > /var/backups/home/daily/2026-11-20/db.sqlite.gz
        cp /var/backups/home/daily/2026-11-20/db.sqlite.gz /var/backups/home/weekly/2026-W46.sqlite.gz"
    ));
    moved_in(&pi);
    pi.until("systemctl is-active tealkeep.service && tealkeep status");
    let (found, code, text) = doctor(&pi, "root");
    assert_eq!(
        (found["backups"].as_str(), code),
        ("fail", Some(1)),
        "{text}"
    );
    mend_the_only_failure(&pi, &text);
    let all = pi.run("tealkeep snapshots home --json");
    assert!(all.contains("2026-11-20"), "{all}");
    pi.run("tealkeep backup home");
    let (_, code, text) = doctor(&pi, "root");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn caddy_keeps_its_site_when_ours_would_not_go_with_it() {
    let own = "http://:3000 {\n\trespond \"the old site\"\n}\n";
    let pi = with_caddyfile(own);
    let said = commands_fail(&pi, "home");
    assert!(said.contains("site on port 3000"), "{said}");
    assert_eq!(pi.run("cat /etc/caddy/Caddyfile"), own);
    assert_eq!(pi.run("curl -fsS http://127.0.0.1:3000/"), "the old site");
    // All else is done.
    pi.run("systemctl is-enabled home-blue.service home-green.service tealkeep.service");
    pi.write("/etc/caddy/Caddyfile", "");
    pi.run("tealkeep units home --only commands | sh");
    pi.until("curl -fsS http://127.0.0.1:3000/.well-known/tealkeep");
    // Caddy writes this file whenever it reads its sites anew, which loses requests: once more is no reason for it.
    let read = "stat -c '%i %y' /var/lib/caddy/.config/caddy/autosave.json";
    let before = pi.run(read);
    pi.run("tealkeep units home --only commands | sh");
    assert_eq!(pi.run(read), before);

    // A second app, whose site would not go with one that is there; then whose port another program has.
    let two = format!("{CONFIG}{GARDEN}");
    pi.write("/etc/tealkeep/tealkeep.toml", &two);
    pi.run("cp /etc/caddy/Caddyfile /root/Caddyfile; printf 'http://:3100 {\n\trespond theirs\n}\n' >> /etc/caddy/Caddyfile; systemctl reload caddy.service");
    let refused = || {
        let said = commands_fail(&pi, "garden");
        assert!(said.contains("port 3100"), "{said}");
        assert!(said.contains("tealkeep-garden.caddy.refused"), "{said}");
        pi.run("test ! -e /etc/caddy/tealkeep-garden.caddy; test -e /etc/caddy/tealkeep-garden.caddy.refused");
        // systemd has no reload of it under way, for which everybody's next one would wait.
        pi.run("systemctl show --value -p ActiveState caddy.service | grep -qx active");
        // What matters: all others are there after the next start.
        pi.run("systemctl restart caddy.service");
        pi.until("curl -fsS http://127.0.0.1:3000/.well-known/tealkeep");
    };
    refused();
    assert_eq!(pi.run("curl -fsS http://127.0.0.1:3100/"), "theirs");
    pi.run("mv /root/Caddyfile /etc/caddy/Caddyfile; systemctl reload caddy.service");
    pi.run("systemd-run -q --unit=squatter python3 -m http.server --bind 0.0.0.0 3100");
    pi.until("curl -fsS http://127.0.0.1:3100/ >/dev/null");
    refused();
    pi.run("systemctl stop squatter; tealkeep units garden --only commands | sh");
    pi.until("curl -fsS http://127.0.0.1:3100/.well-known/tealkeep");
    pi.run("curl -fsS http://127.0.0.1:3000/.well-known/tealkeep");
}

#[test]
fn a_caddyfile_with_variables_of_caddys_unit_is_read_with_them() {
    let pi = Pi::boot();
    pi.install(package());
    let greeting = "hello $2a$14$you, 100% there";
    pi.write(
        "/etc/systemd/system/caddy.service.d/house.conf",
        "[Service]\nEnvironment=OTHER=1 \"GREETING=hello $2a$14$you, 100%% there\"\nEnvironmentFile=/etc/caddy/house.env\nEnvironmentFile=-/etc/caddy/none.env\n",
    );
    pi.write("/etc/caddy/house.env", "HOUSE_PORT=3200\n");
    pi.write(
        "/etc/caddy/Caddyfile",
        "http://:{$HOUSE_PORT} {\n\trespond \"{$GREETING}\"\n}\n",
    );
    pi.run(
        "chmod 0600 /etc/caddy/house.env; systemctl daemon-reload; systemctl restart caddy.service",
    );
    let greets = |port: u16| {
        assert_eq!(
            pi.until(&format!("curl -fsS http://127.0.0.1:{port}/")),
            greeting
        );
        pi.run("curl -fsS http://127.0.0.1:3000/.well-known/tealkeep");
    };
    moved_in(&pi);
    greets(3200);
    let read = "stat -c '%i %y' /var/lib/caddy/.config/caddy/autosave.json";
    let before = pi.run(read);
    pi.run("sh /root/commands.sh");
    assert_eq!(pi.run(read), before);
    greets(3200);
    // A variable that has changed since Caddy began is what a reload puts in.
    pi.run("echo HOUSE_PORT=3201 > /etc/caddy/house.env; rm /etc/caddy/tealkeep-home.caddy; sh /root/commands.sh");
    greets(3201);
    // One that would not go with ours is seen before anything is loaded.
    pi.run("echo HOUSE_PORT=3000 > /etc/caddy/house.env");
    let said = pi.try_run("sh /root/commands.sh");
    assert!(!said.status.success());
    assert!(
        told(&said).contains("would not start again"),
        "{}",
        told(&said)
    );
    greets(3201);
}

#[test]
fn a_configuration_that_is_refused_is_tried_once_and_a_late_disk_is_waited_for() {
    let pi = Pi::boot();
    moved_in(&pi);
    pi.until("systemctl is-active tealkeep.service");
    let (write, restarts) = (
        |config: &str| {
            pi.write("/etc/tealkeep/tealkeep.toml", config);
            pi.run("chown root:tealkeep /etc/tealkeep/tealkeep.toml; chmod 0640 /etc/tealkeep/tealkeep.toml");
        },
        || pi.run("systemctl show --value -p NRestarts tealkeep.service"),
    );
    write(&format!("colour = \"mauve\"\n{CONFIG}"));
    pi.run("! systemctl restart tealkeep.service");
    pi.run("sleep 5; systemctl is-failed tealkeep.service");
    assert_eq!(restarts(), "0\n");
    let (found, _, text) = doctor(&pi, "root");
    assert_eq!(found["configuration"], "fail", "{text}");
    assert!(
        text.contains("nano +1 /etc/tealkeep/tealkeep.toml && systemctl restart tealkeep.service"),
        "{text}"
    );
    write(CONFIG);
    pi.run("systemctl restart tealkeep.service");

    pi.run("mv /var/backups/home /root/away; systemctl restart --no-block tealkeep.service");
    pi.until("journalctl -b -u tealkeep.service | grep -q 'This may still appear'");
    pi.run("sleep 3; mv /root/away /var/backups/home");
    pi.until("systemctl is-active tealkeep.service");
}

#[test]
fn what_ran_before_goes_on_after_the_commands_and_after_a_restart() {
    let pi = Pi::boot();
    pi.install(package());
    pi.run("useradd --system --user-group home");
    pi.write(
        "/etc/systemd/system/garden.service",
        "[Service]\nUser=home\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
    );
    pi.write(
        "/etc/systemd/system/garden-second.service",
        "[Service]\nUser=home\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
    );
    pi.run("systemctl daemon-reload; systemctl enable --now garden.service");
    let config = CONFIG.replace(
        "command = [\"/usr/bin/sleep\", \"infinity\"]",
        "blue_unit = \"garden.service\"\ngreen_unit = \"garden-second.service\"\nenv = { SECRET = '''say \"hi\" $HOME `id` \\$ 100%h\nROOT=yes\\''' }",
    );
    pi.write("/etc/tealkeep/tealkeep.toml", &config);
    let said = pi.run("tealkeep units home --only commands | sh");
    assert!(said.contains("in use: garden.service."), "{said}");
    pi.run("test -e /etc/systemd/system/garden-second.service.d/tealkeep.conf; test ! -e /etc/systemd/system/garden.service.d");
    assert_eq!(
        pi.run("stat -c '%U:%G %a' /etc/tealkeep/home.env"),
        "root:root 600\n"
    );
    // systemd reads the value as it was written.
    let read = "systemd-run --quiet --wait --pipe -p EnvironmentFile=/etc/tealkeep/home.env";
    assert_eq!(
        pi.run(&format!("{read} printenv SECRET")),
        "say \"hi\" $HOME `id` \\$ 100%h\nROOT=yes\\\n"
    );
    pi.run(&format!("! {read} printenv ROOT"));
    pi.run("systemctl restart garden.service; systemctl is-active garden.service");
    let (_, _, text) = doctor(&pi, "root");
    assert!(text.contains("the unit keeps running as before"), "{text}");
    // Once something has been deployed, it follows.
    pi.run("mkdir /srv/home/releases/one; ln -s one /srv/home/releases/green; tealkeep units home --only commands | sh");
    pi.run("test -e /etc/systemd/system/garden.service.d/tealkeep.conf; systemctl is-enabled garden.service");
}

#[test]
fn when_the_pi_has_burned_the_laptops_folder_brings_the_data_back() {
    let pi = Pi::boot();
    moved_in(&pi);
    pi.run(&format!(
        "runuser -u home -- sqlite3 /srv/home/data/home.sqlite \"PRAGMA journal_mode=WAL; {ROWS}\""
    ));
    pi.until("systemctl is-active tealkeep.service && tealkeep backup home");
    // What the laptop has: rsync's copy, here on a disk of its own.
    pi.until("test -e /var/backups/home/tealkeep.toml");
    pi.run("mkdir -p /root/laptop; rsync -a --exclude='.*' /var/backups/home/ /root/laptop/home/");
    let copy = pi.path("/root/laptop");

    let new = Pi::boot();
    new.copy_in(&copy, "/mnt/laptop");
    new.install(package());
    // The configuration is in the copy too.
    new.run("install -m 0640 -o root -g tealkeep /mnt/laptop/home/tealkeep.toml /etc/tealkeep/tealkeep.toml");
    new.run("tealkeep units home --only commands | sh");
    let said = new.run("tealkeep restore home --from /mnt/laptop/home");
    assert!(said.contains("500 rows"), "{said}");
    assert_eq!(
        new.run("runuser -u home -- sqlite3 /srv/home/data/home.sqlite 'SELECT count(*), min(what) FROM doses'"),
        "500|dose 1\n"
    );
    assert_eq!(
        new.run("stat -c '%U:%G %a' /srv/home/data /srv/home/data/home.sqlite"),
        "home:home 2770\nhome:home 660\n"
    );
    // A second time there is content, which is not overwritten without a word.
    let again = new.try_run("tealkeep restore home --from /mnt/laptop/home");
    assert_eq!(again.status.code(), Some(1));
    // Nor is a database that somebody has open.
    let used = new.try_run(
        "(echo 'SELECT 1 FROM doses;'; sleep 5) | sqlite3 /srv/home/data/home.sqlite >/dev/null & sleep 1
         tealkeep restore home --from /mnt/laptop/home --force",
    );
    let used = String::from_utf8_lossy(&used.stderr).into_owned();
    assert!(used.contains("in use"), "{used}");
    new.run("systemctl stop tealkeep.service");
    new.until("tealkeep restore home --from /mnt/laptop/home --force");
    new.run("ls /srv/home/data/ | grep -q before-");
}
