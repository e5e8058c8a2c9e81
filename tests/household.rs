//! The life of a household on a real Debian, twice: behind Caddy and behind the gate. Its Pi is a container with a
//! systemd of its own, its laptop has ssh and rsync, its app is Node.js with a native module, and people use it all the
//! time: not one of their requests may be lost, nor anything that they were told is written, except for the very
//! instant of a power cut.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use serde_json::Value;

use crate::support::load::{Mix, Tally};
use crate::support::pi::{Crowd, DATABASE, Front, Household, Laptop, Pi, told};
use crate::support::random::is_long;
use crate::support::visitor::PASSWORD;

/// Two that keep their connection, one that does not, a WebSocket and an event stream.
const FAMILY: Mix = Mix {
    keep_alive: 2,
    new_connections: 1,
    uploads: 1,
    streams: 1,
};

#[test]
fn a_pi_boots_loses_its_power_and_boots_again_and_the_laptop_reaches_it() {
    let mut pi = Pi::boot();
    let mut laptop = Laptop::beside(&pi);
    pi.write("/root/.ssh/authorized_keys", &laptop.public_key());
    let said = laptop.run("ssh root@pi 'hostname; node --version; cat /etc/machine-id'");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "pi");
    assert!(lines[1].starts_with("v18."), "{said}");
    assert_eq!(lines[2].len(), 32, "its own identity");
    let of_nobody = pi.try_run_as("nobody", "systemctl stop ssh.service");
    assert!(
        !of_nobody.status.success(),
        "nobody may not stop what is not theirs"
    );
    pi.run("echo kept > /var/lib/kept; systemctl is-active caddy.service");
    pi.power_cut();
    pi.boot_again();
    assert_eq!(pi.run("cat /var/lib/kept"), "kept\n");

    let another = Pi::boot();
    another.write("/root/.ssh/authorized_keys", &laptop.public_key());
    another.run("test ! -e /var/lib/kept");
    laptop.carry_to(&another);
    let refused = laptop.try_run("ssh root@pi true");
    assert!(
        told(&refused).contains("REMOTE HOST IDENTIFICATION HAS CHANGED"),
        "each Pi has a host key of its own: {}",
        told(&refused)
    );
    laptop.run("ssh-keygen -R 10.77.0.1; ssh root@pi true");
}

#[test]
fn a_household_lives_behind_caddy_and_its_pi_burns() {
    let home = lives(Front::Caddy);
    burns(home);
}

#[test]
fn a_household_lives_behind_the_gate() {
    lives(Front::Gate);
}

fn lives(front: Front) -> Household {
    let mut home = Household::begins(front);
    is_deployed_to_for_the_first_time(&home);
    let at = home.night_comes_soon();

    // Nobody notices anything of all this.
    let family = Crowd::at(&home.pi, FAMILY);
    has_no_privileges(&home);
    is_deployed_to(&home);
    refuses_bad_releases(&home);
    sleeps_well(&home, at);
    is_upgraded_and_restarted(&home, &family);
    if front == Front::Caddy {
        // What people reach does not depend on Tealkeep's own life.
        is_killed_while_it_reads(&home);
    }
    family.until_answered(50);
    let all_day = family.stop();
    if front == Front::Gate {
        is_killed_while_it_reads(&home);
    }
    all_day.nothing_failed();
    all_day.was_answered_by(&["one", "two", "three"]);
    assert!(
        all_day.messages > 0 && all_day.events > 0 && all_day.uploads > 0,
        "{all_day:?}"
    );
    home.nothing_is_lost(&[&all_day]);

    restores_and_undoes(&home, &all_day);
    let through_cuts = loses_its_power(&mut home);
    let mut all: Vec<&Tally> = vec![&all_day];
    all.extend(&through_cuts);
    home.nothing_is_lost(&all);
    boots_without_tealkeep(&mut home);
    home
}

/// From a database with rows and no release to a release that people use.
fn is_deployed_to_for_the_first_time(home: &Household) {
    home.pushes("one");
    home.one_is_live();
    assert_eq!(
        rows_from_before(&home.copy_of_database()),
        5000,
        "the rows from before Tealkeep"
    );
    let doctor = home.pi.try_run("tealkeep doctor doses");
    assert!(doctor.status.success(), "{}", told(&doctor));
    assert!(
        told(&doctor).contains("its SQLite is 3."),
        "{}",
        told(&doctor)
    );
}

/// More releases, a way back, and nothing prepared twice.
fn is_deployed_to(home: &Household) {
    home.pushes("two");
    let releases = "/srv/doses/releases";
    let native = "node_modules/better-sqlite3/build/Release/better_sqlite3.node";
    home.pi.run(&format!(
        "test \"$(stat -c %i {releases}/one/{native})\" = \"$(stat -c %i {releases}/two/{native})\"
        for file in {native} server.js; do
          runuser -u doses -- test -r {releases}/two/$file
          if runuser -u doses -- test -w {releases}/two/$file; then exit 1; fi
        done"
    ));
    let back = home
        .laptop
        .try_run("tealkeep rollback doses --host tealkeep@pi 2>&1");
    assert!(back.status.success(), "{}", told(&back));
    assert_eq!(home.serving(), "one");
    home.pushes("three");
    home.one_is_live();
    // The worker of the page was run by the hardened service, and what comes through the proxy is the same.
    home.until("what people see of it was found right", |status| {
        let checks = &status["apps"][0]["checks"];
        let is_right = |check: &Value| check["release"] == "three" && check["verdict"] == "pass";
        is_right(&checks["idle"]) && is_right(&checks["public"])
    });
}

/// Each is refused for its own reason, and people never get it.
fn refuses_bad_releases(home: &Household) {
    let bad = [
        (
            "fails-in-prepare",
            // A version that is not in the lock file.
            "sed -i 's/\"ws\": \"8.18.0\"/\"ws\": \"7.0.0\"/' package.json",
            "npm ci",
        ),
        (
            "fails-on-boot",
            "echo 'throw new Error(\"the boiler is cold\");' > database.js",
            "the boiler is cold",
        ),
        (
            "is-not-healthy",
            "sed -i \"s/doses.check();/return send(response, 503, 'text\\/plain', 'no water');/\" server.js; ! grep -q 'doses.check' server.js",
            "answered 503",
        ),
        (
            "keeps-pages",
            "sed -i \"s/'no-cache'/'max-age=600'/\" server.js; grep -q max-age server.js",
            "reusable at https://doses.test/",
        ),
        (
            "its-worker-keeps-pages",
            "sed -i \"s/fetch(event.request).catch/caches.open('pages').then((c) => c.add(event.request)).then(() => caches.match(event.request)).catch/\" worker.js; grep -q c.add worker.js",
            "caches-html at https://doses.test/",
        ),
        (
            "fails-in-public",
            "sed -i \"s/doses.check();/if (request.headers.host === 'doses.test') return send(response, 502, 'text\\/plain', 'not here');/\" server.js; grep -q 'not here' server.js",
            "https://doses.test",
        ),
    ];
    for (name, change, why) in bad {
        home.release(name, change);
        let said = home.try_push(name);
        assert_eq!(said.status.code(), Some(1), "{name}: {}", told(&said));
        let words = String::from_utf8_lossy(&said.stdout);
        assert!(words.contains(why), "{name}: {words}");
        assert_eq!(home.serving(), "three", "{name}");
        home.one_is_live();
    }
}

/// The snapshot of the night comes at its minute; the laptop pulls the folder and proves its copy.
fn sleeps_well(home: &Household, at: Timestamp) {
    let nights = || {
        let all = home.get("/api/v1/apps/doses/snapshots");
        let all = all["snapshots"].as_array().unwrap().iter();
        let nights = all.filter(|snapshot| snapshot["reason"] == "nightly");
        let times = nights.map(|night| night["taken_at"].as_str().unwrap().parse().unwrap());
        times.collect::<Vec<Timestamp>>()
    };
    home.until("the night's snapshot is there", |_| !nights().is_empty());
    let taken = nights();
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert!(taken[0] >= at, "it was taken at {}, before {at}", taken[0]);
    home.pi
        .run("test \"$(ls /var/backups/doses/daily/*.sqlite.gz | wc -l)\" = 1");
    pulls(home);
}

/// An upgrade of the package, and a restart by hand: the live colour is the same process all the time, and people are
/// answered all the time. Behind the gate they wait in the socket that systemd keeps open, and no more than that.
fn is_upgraded_and_restarted(home: &Household, family: &Crowd) {
    let pid = |unit: &str| home.pi.run(&format!("systemctl show -P MainPID {unit}"));
    let colour = format!("doses-{}.service", home.one_is_live());
    let app = pid(&colour);
    let deeds: [&dyn Fn(); 2] = [&|| home.pi.upgrade(), &|| {
        home.pi.run("systemctl restart tealkeep.service");
    }];
    for deed in deeds {
        let before = pid("tealkeep.service");
        let answered = family.so_far().requests;
        deed();
        home.is_up();
        assert!(family.so_far().requests > answered, "nobody was there");
        assert_ne!(pid("tealkeep.service"), before, "it is the same as before");
        family.until_answered(30);
        assert_eq!(pid(&colour), app, "the live colour was started anew");
    }
    assert_eq!(
        home.pi.run("dpkg-query -W -f '${Version}' tealkeep"),
        "999.0.0-1"
    );
}

/// The laptop's copy by plain rsync, the very line that `tealkeep units` prints, is whole.
fn pulls(home: &Household) {
    let key = home.pi.run("tealkeep units doses --only pull-key");
    let key = key.replace(
        "ssh-ed25519 PUBLIC-KEY you@laptop",
        &home.laptop.public_key(),
    );
    home.pi
        .write("/var/lib/tealkeep-backup/.ssh/authorized_keys", &key);
    home.laptop.run(
        "mkdir -p tealkeep/doses
        rsync -a --exclude='.*' tealkeep-backup@pi:/ ~/tealkeep/doses/
        tealkeep verify ~/tealkeep/doses
        cd ~/tealkeep/doses && sha256sum --quiet -c SHA256SUMS",
    );
    // Reading is all that this key can do.
    let wrote = home
        .laptop
        .try_run("echo x > x; rsync -a x tealkeep-backup@pi:/x");
    assert!(
        !wrote.status.success(),
        "the laptop's key can write into the backups"
    );
    let shell = home.laptop.try_run("ssh tealkeep-backup@pi id");
    assert!(
        !shell.status.success(),
        "the laptop's key opens a shell: {}",
        told(&shell)
    );
}

/// The process is its own user's, without any capability; it writes where it must and nowhere else, and it has
/// power over the units of its app and no others.
fn has_no_privileges(home: &Household) {
    let pi = &home.pi;
    let status = pi.run("cat /proc/$(systemctl show -P MainPID tealkeep.service)/status");
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap_or_else(|| panic!("no {name} in {status}"))
            .trim()
            .to_owned()
    };
    let id = pi.run("id -u tealkeep").trim().to_owned();
    assert_eq!(
        field("Uid").split_whitespace().collect::<Vec<_>>(),
        [&id; 4]
    );
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!(field("NoNewPrivs"), "1");

    // In its own view of the file system, as its user with its groups: every folder that it can write to.
    let writable = pi.run(
        "pid=$(systemctl show -P MainPID tealkeep.service)
        groups=$(sed -n 's/^Groups:[ \\t]*//p' /proc/$pid/status | sed 's/ *$//; s/ /,/g')
        nsenter --target $pid --mount setpriv --reuid tealkeep --regid tealkeep --groups $groups --bounding-set=-all --no-new-privs \
          find / -path /proc -prune -o -type d -writable -print 2>/dev/null || true",
    );
    let own = [
        "/var/lib/tealkeep",
        "/run/tealkeep",
        "/srv/doses/data",
        "/srv/doses/releases",
        "/var/backups/doses",
        // Where the laptops' word lies.
        "/var/spool/tealkeep",
        // Its own ones: PrivateTmp=, and an empty /dev/shm.
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/dev/mqueue",
        // Everybody's, sticky.
        "/run/lock",
    ];
    for folder in writable.lines() {
        assert!(
            own.iter().any(|own| Path::new(folder).starts_with(own)),
            "it can write to {folder}: {writable}"
        );
    }
    for needed in [
        "/srv/doses/data",
        "/srv/doses/releases",
        "/var/backups/doses",
    ] {
        assert!(
            writable.lines().any(|folder| folder == needed),
            "it can't write to {needed}: {writable}"
        );
    }
    let live = home.one_is_live();
    for denied in [
        "systemctl stop caddy.service",
        "systemctl restart ssh.service",
        "systemctl stop tealkeep.service",
        "systemctl start doses-other@x.service",
        &format!("systemctl kill doses-{live}.service"),
        &format!("systemctl disable doses-{live}.service"),
        "systemctl daemon-reload",
        "systemctl poweroff",
        "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StartTransientUnit 'ssa(sv)a(sa(sv))' x.service fail 0 0",
    ] {
        let said = pi.try_run_as("tealkeep", denied);
        assert!(
            !said.status.success(),
            "Tealkeep's user may do this: {denied}\n{}",
            told(&said)
        );
    }
    pi.run("systemctl is-active --quiet caddy.service ssh.service tealkeep.service");
    let allowed = pi.try_run_as("tealkeep", &format!("systemctl start doses-{live}.service"));
    assert!(
        allowed.status.success(),
        "it has no power over its own units: {}",
        told(&allowed)
    );
    the_app_opens_its_database(home);
}

/// There is no file of the database that the app's user can't read and write.
fn the_app_opens_its_database(home: &Household) {
    home.pi.run(&format!(
        "for file in {DATABASE}*; do
          runuser -u doses -- test -r $file -a -w $file || {{ ls -l /srv/doses/data >&2; exit 1; }}
        done"
    ));
    home.copy_of_database();
}

/// SIGKILL in the middle of a snapshot leaves no file that the app can't open; Tealkeep comes back and takes it.
fn is_killed_while_it_reads(home: &Household) {
    home.dies_at("snapshot.pages", "tealkeep backup doses");
    the_app_opens_its_database(home);
    home.pi
        .run("systemctl daemon-reload; systemctl start tealkeep.service");
    home.is_up();
    home.said("had been cut off while it took a manual snapshot");
    home.pi.run("tealkeep backup doses");
    the_app_opens_its_database(home);
}

/// Through the dashboard, from the laptop, as a browser would. The restore puts back what the snapshot holds, and takes
/// away what was written since; the undo brings back all that anybody was told is written.
fn restores_and_undoes(home: &Household, before: &Tally) {
    home.pi.run("tealkeep backup doses");
    let all = home.get("/api/v1/apps/doses/snapshots");
    let newest = newest(&all);
    let kept = rows(&unpacked(home, &newest));
    home.pi.run(&format!(
        "link=$(tealkeep password | grep -o '/welcome/[^ ]*')
        curl -fsS -H 'Origin: http://127.0.0.1:3330' --data-urlencode 'password={PASSWORD}' --data-urlencode 'password_again={PASSWORD}' \"http://127.0.0.1:3330$link\""
    ));
    let browser = "curl -fsS -b jar -c jar -H 'Origin: http://10.77.0.1:3330' --retry 20 --retry-connrefused --retry-delay 1";
    home.laptop.run(&format!(
        "{browser} --data-urlencode 'password={PASSWORD}' http://10.77.0.1:3330/sign-in"
    ));

    let family = Crowd::at(&home.pi, FAMILY);
    family.until_answered(30);
    let live = home.one_is_live();
    let since = family.so_far();
    home.laptop.run(&format!(
        "{browser} {browser_form} http://10.77.0.1:3330/apps/doses/snapshots/{newest}/restore",
        browser_form = "-X POST"
    ));
    let status = home.until("the restore has ended", |status| {
        status["apps"][0]["run"].is_null()
    });
    assert_ne!(
        home.one_is_live(),
        live,
        "a restore ends on the other colour: {status}"
    );
    family.until_answered(30);
    let until_now = family.so_far();
    let (others, restored) = told_apart(home, &since.run);
    assert_eq!(others, kept, "the restore put back something else");
    for written in &since.written {
        assert!(!restored.contains(&written.id), "it stayed: {written:?}");
    }
    home.laptop.run(&format!(
        "{browser} -X POST http://10.77.0.1:3330/apps/doses/undo"
    ));
    home.is_up();
    family.until_answered(30);
    let meanwhile = family.stop();
    meanwhile.nothing_failed();
    let (others, undone) = told_apart(home, &since.run);
    assert_eq!(others, kept, "the undo put back something else");
    assert!(!since.written.is_empty() && !restored.is_empty());
    for written in &since.written {
        assert!(undone.contains(&written.id), "it is lost: {written:?}");
    }
    // What was answered while the restore began: down to the last write before the hold.
    for written in &until_now.written {
        let is_there = undone.contains(&written.id) || restored.contains(&written.id);
        assert!(is_there, "it is lost: {written:?}");
    }
    let stayed: Vec<_> = undone.intersection(&restored).collect();
    assert!(stayed.is_empty(), "not undone: {stayed:?}");
    home.nothing_is_lost(&[before]);
    home.said("was undone");
}

/// The doses in the live database that are none of one load's, and the texts of those that are.
fn told_apart(home: &Household, run: &str) -> (Vec<(i64, String)>, BTreeSet<String>) {
    let all = rows(&home.copy_of_database()).into_iter();
    let (of_run, others): (Vec<_>, Vec<_>) = all.partition(|(_, amount)| amount.starts_with(run));
    (
        others,
        of_run.into_iter().map(|(_, amount)| amount).collect(),
    )
}

/// A snapshot's content, unpacked by others' tools.
fn unpacked(home: &Household, snapshot: &str) -> std::path::PathBuf {
    let database = home.laptop.path("unpacked.sqlite");
    let packed = format!("/var/backups/doses/snapshots/{snapshot}.sqlite.gz");
    let gunzip = Command::new("gunzip")
        .arg("--stdout")
        .arg(home.pi.path(&packed))
        .output()
        .unwrap();
    assert!(gunzip.status.success(), "{snapshot}: {}", gunzip.status);
    std::fs::write(&database, gunzip.stdout).unwrap();
    database
}

fn newest(snapshots: &Value) -> String {
    let all = snapshots["snapshots"].as_array().unwrap().iter();
    let ids = all.map(|snapshot| snapshot["id"].as_str().unwrap().to_owned());
    ids.max().unwrap()
}

/// The power goes at named points, for the first process of the Pi and with it for all at once: afterwards one colour is
/// live, what was under way is finished or unwound and said, and nothing that anybody was told is written is gone.
fn loses_its_power(home: &mut Household) -> Vec<Tally> {
    let mut points = vec![
        "deploy.start.after",
        "deploy.swap.after",
        "snapshot.pages",
        "restore.pages",
    ];
    if is_long() {
        points.extend([
            "deploy.receive.after",
            "deploy.prepare.before",
            "deploy.prepare.after",
            "deploy.snapshot.after",
            "deploy.probe.after",
            "deploy.swap.before",
            "deploy.verify.after",
            "deploy.drain.before",
            "restore.hold.after",
            "restore.stop.after",
            "restore.copy.after",
            "restore.probe.after",
            "restore.swap.after",
            "restore.release.before",
        ]);
    }
    let mut tallies = Vec::new();
    for (number, point) in points.into_iter().enumerate() {
        let name = format!("cut-{number}");
        let serving = home.serving();
        let is_restore = point.starts_with("restore");
        let act = match point {
            _ if is_restore => {
                // What it puts back is what is there: nobody writes from here on.
                home.pi.run("tealkeep backup doses");
                let snapshot = newest(&home.get("/api/v1/apps/doses/snapshots"));
                format!("tealkeep restore doses {snapshot}")
            }
            "snapshot.pages" => "tealkeep backup doses".to_owned(),
            _ => {
                home.release(&name, "");
                home.laptop.run(&format!(
                    "rsync -a --chmod=D2750,F440 {name}/ staged-{name}"
                ));
                home.pi.copy_in(
                    &home.laptop.path(&format!("staged-{name}")),
                    &format!("/srv/doses/releases/{name}"),
                );
                home.pi.run(&format!("chown -R tealkeep:doses /srv/doses/releases/{name}; chmod 2750 /srv/doses/releases/{name}"));
                format!("tealkeep deploy doses {name}")
            }
        };
        let content = is_restore.then(|| rows(&home.copy_of_database()));
        let family = (!is_restore).then(|| Crowd::at(&home.pi, FAMILY));
        if let Some(family) = &family {
            family.until_answered(20);
        }
        match point {
            "snapshot.pages" => stands_back(home, &act),
            _ => home.stands_still_at(point, &act),
        }
        home.pi.power_cut();
        let tally = family.map(Crowd::stop);
        home.pi.boot_again();
        home.is_up();
        home.one_is_live();
        let now = home.serving();
        let finishes = point.starts_with("deploy")
            && ["swap.after", "verify", "drain"]
                .iter()
                .any(|late| point.contains(late));
        let expected = if finishes { &name } else { &serving };
        assert_eq!(&now, expected, "{point}: {:#?}", home.happened());
        home.said("had been cut off");
        the_app_opens_its_database(home);
        let copy = home.copy_of_database();
        if let Some(tally) = &tally {
            tally.is_in_exactly_once(&copy);
        }
        if let Some(content) = content {
            assert_eq!(rows(&copy), content, "{point}");
        }
        tallies.extend(tally);
    }
    tallies
}

/// In the packaged unit with all that it forbids, who is reading the database runs only where nobody else wants to, and
/// is nice besides.
fn stands_back(home: &Household, act: &str) {
    const POINT: &str = "snapshot.pages";
    // proc_pid_stat(5): the 41st field is the policy, of which 5 is SCHED_IDLE (sched(7)), the 19th the niceness; the
    // first two end with the last bracket.
    let threads = || {
        let said = home.pi.run(
            "cat /proc/$(systemctl show -P MainPID tealkeep.service)/task/*/stat | sed 's/.*) //' | awk '{print $39, $17}'",
        );
        said.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    home.stands_still_at(POINT, act);
    let limit = home.pi.run(
        "awk '/^Max nice priority/ {print $4}' /proc/$(systemctl show -P MainPID tealkeep.service)/limits",
    );
    if limit.trim() != "10" {
        // Here systemd itself may raise no limit. Then it is only nice; what LimitNICE= would allow comes by a capability,
        // to see that nothing else in the unit is in its way.
        let as_it_is = threads();
        assert!(as_it_is.contains("0 10"), "{as_it_is:?}");
        home.pi
            .run("systemctl kill --signal=SIGKILL tealkeep.service");
        let lines = "CapabilityBoundingSet=CAP_SYS_NICE\nAmbientCapabilities=CAP_SYS_NICE\n";
        home.stands_still_with(lines, POINT, act);
    }
    let threads = threads();
    assert!(threads.contains("5 10"), "{threads:?}");
}

/// Tealkeep is switched off, and the power goes and comes back: the live colour starts by itself, the idle one does not,
/// and behind Caddy people see nothing of it. Then Tealkeep comes back, and finds all as it is.
fn boots_without_tealkeep(home: &mut Household) {
    let (live, serving) = (home.one_is_live(), home.serving());
    let (idle, port) = match live.as_str() {
        "blue" => ("green", 3001),
        _ => ("blue", 3002),
    };
    home.pi.run("systemctl disable tealkeep.service");
    home.pi.power_cut();
    home.pi.boot_again();
    let answered = home.pi.until(&format!(
        "curl -fsS --max-time 10 -D - -o /dev/null http://127.0.0.1:{port}/healthz"
    ));
    assert!(
        answered
            .to_lowercase()
            .contains(&format!("tealkeep-release: {serving}\r\n")),
        "{answered}"
    );
    let is_so = format!(
        "systemctl is-active --quiet doses-{live}.service
        test \"$(systemctl is-active doses-{idle}.service)\" = inactive
        test \"$(systemctl is-active tealkeep.service)\" = inactive
        ! pgrep -x tealkeep"
    );
    home.pi.run(&is_so);
    let mut family = None;
    if home.front == Front::Caddy {
        let at_home = Crowd::at(&home.pi, FAMILY);
        at_home.until_answered(30);
        home.pi.run(&is_so);
        family = Some(at_home);
    }
    let pid = format!("systemctl show -P MainPID doses-{live}.service");
    let app = home.pi.run(&pid);
    home.pi.run("systemctl enable --now tealkeep.service");
    home.is_up();
    if let Some(family) = family {
        family.until_answered(30);
        family.stop().nothing_failed();
    }
    assert_eq!((home.one_is_live(), home.serving()), (live, serving));
    assert_eq!(home.pi.run(&pid), app, "it was started anew");
    home.pushes("after-all");
    home.one_is_live();
}

/// The Pi burns. A new one, the package, the laptop's folder and docs/recovery.md: every row is back.
fn burns(home: Household) {
    home.pi.run("tealkeep backup doses");
    pulls(&home);
    // The copy of a pull has folders with the laptop's own modes, and one of its own beside the snapshots.
    home.laptop.run(
        "rm -r tealkeep/doses; tealkeep pull tealkeep-backup@pi:/ ~/tealkeep/doses
        test -d tealkeep/doses/.tealkeep-pull; test \"$(stat -c %a tealkeep/doses/snapshots)\" = 750",
    );
    let newest_before = newest(&home.get("/api/v1/apps/doses/snapshots"));
    let rows_before = rows(&home.copy_of_database());

    let home = home.burns();
    home.pushes("one");
    let (before, after) = (rows_before, rows(&home.copy_of_database()));
    assert_eq!(before, after, "restored from {newest_before}");
    home.one_is_live();

    home.has_its_snapshots_back();
    home.pi
        .run(&format!("test -e /var/backups/doses/snapshots/{newest_before}.json; test ! -e /var/backups/doses/.tealkeep-pull"));
    // What is taken from now on can be pulled like all that came before.
    home.pi.run("tealkeep backup doses");
    let newest_now = newest(&home.get("/api/v1/apps/doses/snapshots"));
    pulls(&home);
    home.laptop.run(&format!(
        "cd tealkeep/doses/snapshots; ls {newest_before}.sqlite.gz {newest_now}.sqlite.gz
        tealkeep pull tealkeep-backup@pi:/ ~/tealkeep/doses
        tealkeep pull tealkeep-backup@pi:/ ~/a-new-copy; ls ~/a-new-copy/snapshots/{newest_now}.sqlite.gz"
    ));
    let doctor = home.pi.try_run("tealkeep doctor doses");
    assert!(doctor.status.success(), "{}", told(&doctor));
}

/// Every dose, in order.
fn rows(database: &Path) -> Vec<(i64, String)> {
    let connection = rusqlite::Connection::open(database).unwrap();
    let mut rows = connection
        .prepare("SELECT id, amount FROM doses ORDER BY id")
        .unwrap();
    let rows = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

fn rows_from_before(database: &Path) -> usize {
    rows(database)
        .iter()
        .filter(|(_, amount)| amount.starts_with("before "))
        .count()
}

/// What `tests/bench/push` prints: the native module is compiled, as on any machine that its authors publish none for.
#[cfg(feature = "measures")]
#[test]
fn a_push_is_measured_against_the_same_by_hand() {
    let home = Household::begins(Front::Caddy);
    home.pi.run(
        "echo build-from-source=true >> /var/cache/doses-prepare/.npmrc
        install -d -o doses -g doses /srv/hand /srv/hand/app /srv/hand/data
        cp -a /var/cache/doses-prepare /srv/hand/home
        printf '[Service]\\nUser=doses\\nWorkingDirectory=/srv/hand/app\\nEnvironment=PORT=3100 DATABASE_PATH=/srv/hand/data/doses.sqlite\\nExecStart=/usr/bin/node server.js\\n' > /etc/systemd/system/hand.service
        systemctl daemon-reload",
    );
    home.pi
        .write("/root/.ssh/authorized_keys", &home.laptop.public_key());
    let timed = |what: &dyn Fn()| {
        let began = std::time::Instant::now();
        what();
        began.elapsed().as_secs_f64()
    };
    let by_hand = |name: &str| {
        home.release(name, "");
        timed(&|| {
            let script = "cd /srv/hand/app && chown -R doses:doses . && runuser -u doses -- env HOME=/srv/hand/home npm ci --omit=dev >/dev/null && systemctl restart hand.service && curl -fsS --retry 200 --retry-delay 1 --retry-connrefused http://127.0.0.1:3100/healthz";
            home.laptop.run(&format!("rsync -a --delete --exclude=node_modules {name}/ root@pi:/srv/hand/app/; ssh root@pi '{script}'"));
        })
    };
    let pushed = |name: &str| {
        home.release(name, "");
        timed(&|| {
            let output = home.try_push(name);
            assert!(output.status.success(), "{}", told(&output));
        })
    };
    let (first, by_hand_first) = (pushed("one"), by_hand("one"));
    let (again, by_hand_again) = (pushed("two"), by_hand("two"));
    println!("first time:          push {first:.1} s, by hand {by_hand_first:.1} s");
    println!(
        "lock file unchanged: push {again:.1} s, by hand {by_hand_again:.1} s, {:.3} of it",
        again / by_hand_again
    );
}
