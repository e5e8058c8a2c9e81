//! The `systemd` runtime under a real systemd, D-Bus and polkit, in one container: the demo's household app in
//! two units written by hand, and Tealkeep as a user without rights of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::support::pi::Pi;
use super::support::random::is_long;
use super::support::{Said, TEALKEEP, until_blocking};

const UNITS: &str = "/etc/systemd/system";

#[test]
fn colours_live_as_units_whatever_happens_to_them_and_to_tealkeep() {
    let pi = Household::move_in();
    pi.a_release_goes_live_as_its_own_unit_and_back();
    pi.what_a_crashing_release_printed_is_told();
    pi.units_that_cant_be_started_say_what_to_do_each();
    pi.a_unit_that_hangs_while_stopping_is_stopped_in_the_end();
    pi.a_preparation_runs_in_its_own_unit_and_is_bounded();
    pi.a_bus_that_went_away_is_found_again();
    pi.a_start_limit_is_reset_for_a_start_that_is_wished();
    // It takes more than a minute; what decides is tested beside it, with less patience.
    if is_long() {
        pi.a_live_colour_that_hangs_is_restarted();
    }
    pi.colours_outlive_tealkeep_however_it_ends();
    pi.a_socket_of_systemds_is_the_gates_own_through_a_restart();
    pi.the_schedule_follows_the_zone_of_the_system();
    pi.the_clock_is_believed_as_timedate1_says();
    pi.what_is_private_has_the_modes_for_it();
    pi.a_service_worker_is_checked_inside_the_packages_unit();
}

/// A household's Pi: Tealkeep as a service, its app as two units.
struct Household {
    pi: Pi,
}

impl Household {
    fn move_in() -> Household {
        let pi = Pi::boot();
        let releases = tempfile::tempdir().unwrap();
        tealkeep::demo::releases::write_all(releases.path()).unwrap();
        pi.copy_in(Path::new(TEALKEEP), "/usr/bin/tealkeep");
        pi.copy_in(releases.path(), "/srv/home/releases");
        pi.write("/etc/tealkeep/tealkeep.toml", CONFIG);
        pi.write("/etc/polkit-1/rules.d/50-tealkeep-home.rules", POLKIT);
        pi.write(&format!("{UNITS}/tealkeep.service"), SERVICE);
        pi.write(&format!("{UNITS}/home-prepare@.service"), PREPARE);
        for (colour, port) in [("blue", "3001"), ("green", "3002")] {
            let unit = COLOUR.replace("@COLOUR@", colour).replace("@PORT@", port);
            pi.write(&format!("{UNITS}/home-{colour}.service"), &unit);
        }
        pi.run(
            "useradd --system --user-group --home-dir /var/lib/tealkeep --shell /usr/sbin/nologin tealkeep
             useradd --system --user-group --home-dir /srv/home --shell /usr/sbin/nologin home
             install -d -o home -g home -m 2770 /srv/home/data
             install -o home -g home -m 0660 /dev/null /srv/home/data/home.sqlite
             install -d -o tealkeep -g tealkeep -m 2750 /var/backups/home
             chown -R tealkeep:home /srv/home/releases
             find /srv/home/releases -type d -exec chmod 2750 {} +
             find /srv/home/releases -type f -exec chmod 0440 {} +
             systemctl daemon-reload
             systemctl enable -q home-blue home-green
             systemctl start tealkeep",
        );
        Household { pi }
    }

    fn tealkeep(&self, words: &str) -> Said {
        let output = self.pi.try_run_as("tealkeep", &format!("tealkeep {words}"));
        Said::of(&output)
    }

    fn property(&self, unit: &str, name: &str) -> String {
        self.pi
            .run(&format!("systemctl show {unit} -p {name} --value"))
            .trim()
            .to_owned()
    }

    /// The colour that is live, as `blue` or `green`, and the other one.
    fn colours(&self) -> (&'static str, &'static str) {
        let live = self.pi.run("cat /var/lib/tealkeep/apps/home/active-color");
        match live.trim() {
            "blue" => ("blue", "green"),
            _ => ("green", "blue"),
        }
    }

    /// The release that answers through the gate.
    fn answers(&self) -> String {
        self.pi.run(
            "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:3000/healthz\", timeout=10).headers[\"Tealkeep-Release\"])'",
        ).trim().to_owned()
    }

    /// Adds lines to a unit until the value that this returns is dropped.
    fn amend(&self, unit: &str, lines: &str) -> Amended<'_> {
        let folder = format!("{UNITS}/{unit}.d");
        self.pi.write(&format!("{folder}/test.conf"), lines);
        self.pi.run("systemctl daemon-reload");
        Amended {
            house: self,
            folder,
        }
    }

    /// Waits for a text in what Tealkeep logged since it was last started.
    #[track_caller]
    fn until_logged(&self, text: &str) {
        self.until_logged_one_of(&[text]);
    }

    /// The end of a process that was killed: how, unless systemd had started it anew before anybody looked.
    #[track_caller]
    fn until_its_end_is_logged(&self, live: &str) {
        self.until_logged_one_of(&[
            &format!("The live colour {live} (v1) was killed by SIGKILL; it"),
            &format!("The live colour {live} (v1) ended; it has been started again already"),
        ]);
    }

    /// What Tealkeep logged since it was last started.
    #[track_caller]
    fn log(&self) -> String {
        self.pi.run(
            "journalctl -o cat --no-pager -u tealkeep _SYSTEMD_INVOCATION_ID=$(systemctl show tealkeep -p InvocationID --value)",
        )
    }

    #[track_caller]
    fn until_logged_one_of(&self, texts: &[&str]) {
        until_blocking(format_args!("one of {texts:?} is logged"), || {
            let log = self.log();
            let is_logged = texts.iter().any(|text| log.contains(text));
            is_logged.then_some(()).ok_or(log)
        });
    }

    fn a_release_goes_live_as_its_own_unit_and_back(&self) {
        self.tealkeep("deploy home v1").succeeds();
        assert_eq!(self.answers(), "v1");
        let (first, second) = self.colours();
        self.tealkeep("deploy home v2").succeeds();
        assert_eq!(
            (self.answers(), self.colours().0),
            ("v2".to_owned(), second)
        );
        assert_eq!(
            self.property(&format!("home-{first}"), "ActiveState"),
            "inactive",
            "it is not kept warm"
        );
        self.tealkeep("rollback home").succeeds();
        assert_eq!((self.answers(), self.colours().0), ("v1".to_owned(), first));
        // As the app's own user, which a status shows with the unit's own process.
        let pid = self.property(&format!("home-{first}"), "MainPID");
        assert_eq!(self.pi.run(&format!("ps -o user= -p {pid}")).trim(), "home");
        let status = self.tealkeep("status").succeeds();
        assert!(
            status.stdout.contains(&format!("v1 runs as process {pid}")),
            "{status:?}"
        );
        // Nothing lets an idle colour start that nobody asked for.
        assert_eq!(self.pi.run("ls /run/tealkeep").trim(), "control.sock");
        let idle = self.pi.run(&format!(
            "systemctl start home-{second}; systemctl show home-{second} -p ActiveState --value"
        ));
        assert_eq!(idle.trim(), "inactive");
    }

    fn what_a_crashing_release_printed_is_told(&self) {
        let said = self
            .tealkeep("deploy home v6-crashes-on-boot")
            .fails_with(1);
        assert!(
            said.stderr
                .contains("it ended with exit code 1 before it was healthy"),
            "{said:#?}"
        );
        assert!(
            said.stderr.contains("hint: BINS_CALENDAR_URL is not set"),
            "{said:#?}"
        );
        assert_eq!(self.answers(), "v1");
        // Without the group, the reason is told in place of the lines.
        {
            let _outside = self.amend(
                "tealkeep.service",
                "[Service]\nSupplementaryGroups=\nSupplementaryGroups=home\n",
            );
            self.pi.run("systemctl restart tealkeep");
            let said = self
                .tealkeep("deploy home v6-crashes-on-boot")
                .fails_with(1);
            assert!(
                said.stderr
                    .contains("Tealkeep is not in the group systemd-journal"),
                "{said:#?}"
            );
        }
        self.pi.run("systemctl restart tealkeep");
    }

    fn units_that_cant_be_started_say_what_to_do_each(&self) {
        let (_, idle) = self.colours();
        let unit = format!("home-{idle}.service");
        let file = format!("{UNITS}/{unit}");
        let refused = |why: &str| {
            let said = self.tealkeep("deploy home v2").fails_with(1);
            assert!(said.stderr.contains(why), "{why:?} is not in {said:#?}");
            assert!(
                !said.stderr.contains("The last lines"),
                "nothing ran that could have printed: {said:#?}"
            );
            assert_eq!(self.answers(), "v1");
        };
        self.pi.run(&format!(
            "mv {file} /root/; ln -s /dev/null {file}; systemctl daemon-reload"
        ));
        refused(&format!("`sudo systemctl unmask {unit}` takes that back"));
        self.pi.run(&format!("rm {file}; systemctl daemon-reload"));
        refused(&format!(
            "the unit {unit} does not exist; `tealkeep units home` prints it"
        ));
        self.pi.run(&format!(
            "grep -v ^ExecStart /root/{unit} >{file}; systemctl daemon-reload"
        ));
        refused(&format!("the unit {unit} can't be loaded: "));
        self.pi
            .run(&format!("mv /root/{unit} {file}; systemctl daemon-reload"));
        {
            let _amended = self.amend(&unit, "[Unit]\nConditionPathExists=/nowhere\n");
            refused(
                "since its conditions were not met (ConditionPathExists=/nowhere); expected are ConditionPathExists=|/var/lib/tealkeep/apps/home/",
            );
        }
        {
            let _amended = self.amend(
                &unit,
                "[Unit]\nRequires=nobody.service\nAfter=nobody.service\n",
            );
            refused("Unit nobody.service not found");
        }
        let rule = "/etc/polkit-1/rules.d/50-tealkeep-home.rules";
        self.pi
            .run(&format!("mv {rule} /root/; systemctl restart polkit"));
        refused(&format!(
            "Tealkeep may not start {unit}: polkit refused it. `tealkeep units home` prints the rule"
        ));
        self.pi.run(&format!(
            "mv /root/50-tealkeep-home.rules {rule}; systemctl restart polkit"
        ));
        let port = if idle == "blue" { 3001 } else { 3002 };
        self.pi.run(&format!(
            "systemd-run -q --unit=squatter python3 -c 'import socket, time; s = socket.create_server((\"127.0.0.1\", {port})); time.sleep(600)'"
        ));
        self.pi
            .until(&format!("ss -Hltn sport = :{port} | grep -q LISTEN"));
        refused(&format!(
            "port {port} of {idle} is already answered by another process"
        ));
        self.pi.run("systemctl stop squatter");
        assert_eq!(self.pi.run("ls /run/tealkeep").trim(), "control.sock");
    }

    fn a_unit_that_hangs_while_stopping_is_stopped_in_the_end(&self) {
        let (live, _) = self.colours();
        let unit = format!("home-{live}.service");
        // A signal that the app does not heed, in SIGTERM's place.
        let hangs = "[Service]\nTimeoutStopSec=1\nKillSignal=SIGWINCH\n";
        let amended = self.amend(&unit, hangs);
        // With two swaps the live colour is the one that hangs.
        self.tealkeep("deploy home v2").succeeds();
        self.tealkeep("rollback home").succeeds();
        self.tealkeep("deploy home v2").succeeds();
        self.until_logged(&format!(
            "{unit} did not end 1.0 s after SIGTERM, so systemd killed it"
        ));
        assert_eq!(self.property(&unit, "ActiveState"), "inactive");
        drop(amended);
        self.tealkeep("rollback home").succeeds();
        assert_eq!(self.answers(), "v1");
    }

    fn a_start_limit_is_reset_for_a_start_that_is_wished(&self) {
        let (live, _) = self.colours();
        let unit = format!("home-{live}.service");
        let _amended = self.amend(
            &unit,
            "[Unit]\nStartLimitBurst=1\nStartLimitIntervalSec=600\n",
        );
        for _ in 0..3 {
            let killed = self.property(&unit, "MainPID");
            self.pi.run(&format!(
                "systemctl kill --kill-who=main --signal=KILL {unit}"
            ));
            self.pi.until(&format!(
                "now=$(systemctl show {unit} -p MainPID --value); [ $now != {killed} ] && [ $now != 0 ]"
            ));
            // After the third kill it keeps crashing, which stays said for a while; but it runs.
            self.pi.until(
                "status=$(tealkeep status --json) && ! echo \"$status\" | grep -q '\"kind\": *\"live\"'",
            );
        }
        assert_eq!(self.answers(), "v1");
        self.until_its_end_is_logged(live);
    }

    fn a_preparation_runs_in_its_own_unit_and_is_bounded(&self) {
        let with = CONFIG.replace(
            "[app.deploy]\n",
            "[app.deploy]\nprepare = [\"true\"]\nprepare_timeout = \"3s\"\n",
        );
        self.pi.write("/etc/tealkeep/tealkeep.toml", &with);
        self.pi.run("systemctl restart tealkeep");
        self.tealkeep("deploy home v2").succeeds();
        assert_eq!(
            self.pi.run("cat /srv/home/data/prepared").trim(),
            "v2 as home"
        );
        let unit = format!("{UNITS}/home-prepare@.service");
        for (command, why) in [
            ("exit 3", "the preparation ended with exit code 1"),
            (
                "sleep 600",
                "prepare_timeout (3.0 s) passed, so the preparation was ended",
            ),
        ] {
            self.pi.write(
                &unit,
                &PREPARE.replace("id -un", &format!("{command}; id -un")),
            );
            self.pi.run("systemctl daemon-reload");
            let said = self.tealkeep("deploy home v1").fails_with(1);
            assert!(said.stderr.contains(why), "{said:#?}");
            assert_eq!(self.property("home-prepare@v1", "MainPID"), "0");
        }
        self.pi.run(&format!("rm {unit}; systemctl daemon-reload"));
        let said = self.tealkeep("deploy home v3-unhealthy").fails_with(1);
        assert!(
            said.stderr
                .contains("the unit home-prepare@v3-unhealthy.service does not exist"),
            "{said:#?}"
        );
        self.pi.write("/etc/tealkeep/tealkeep.toml", CONFIG);
        self.pi.run("systemctl restart tealkeep");
        self.tealkeep("rollback home").succeeds();
    }

    fn a_bus_that_went_away_is_found_again(&self) {
        // A restart of dbus.service is refused by some systemds; a daemon that dies is not.
        self.pi
            .run("kill -KILL $(systemctl show dbus -p MainPID --value)");
        self.tealkeep("deploy home v2").succeeds();
        assert_eq!(self.answers(), "v2");
        // Also in the middle of a job: this one takes two seconds to stop, while the bus dies.
        let (live, _) = self.colours();
        let slow = self.amend(
            &format!("home-{live}.service"),
            "[Service]\nExecStopPost=/bin/sleep 2\n",
        );
        self.pi.run(
            "(sleep 1; kill -KILL $(systemctl show dbus -p MainPID --value)) >/dev/null 2>&1 &
             runuser -u tealkeep -- tealkeep rollback home
             wait",
        );
        drop(slow);
        assert_eq!(self.answers(), "v1");
        // The ends of processes are heard of again.
        let (live, _) = self.colours();
        let killed = self.property(&format!("home-{live}"), "MainPID");
        self.pi.run(&format!(
            "systemctl kill --kill-who=main --signal=KILL home-{live}"
        ));
        self.pi.until(&format!(
            "tealkeep status | grep '^All is well' && ! tealkeep status | grep 'process {killed} '"
        ));
        self.until_its_end_is_logged(live);
    }

    fn a_live_colour_that_hangs_is_restarted(&self) {
        let (live, _) = self.colours();
        let unit = format!("home-{live}.service");
        let before = self.property(&unit, "InvocationID");
        self.pi.run(&format!(
            "systemctl kill --kill-who=main --signal=STOP {unit}"
        ));
        // It is asked each half minute.
        std::thread::sleep(Duration::from_secs(60));
        self.until_logged(&format!(
            "The live colour {live} (v1) runs and gave no answer within 2s, for 1 min now; it is being started again."
        ));
        self.until_logged(&format!("The live colour {live} (v1) answers again"));
        assert_ne!(self.property(&unit, "InvocationID"), before);
        assert_eq!(self.answers(), "v1");
        // It was meant, and is not taken for a crash.
        assert_eq!(self.property(&unit, "Result"), "success");
        assert_eq!(self.property(&unit, "NRestarts"), "0");
    }

    fn colours_outlive_tealkeep_however_it_ends(&self) {
        let (live, _) = self.colours();
        let unit = format!("home-{live}");
        let pid = self.property(&unit, "MainPID");
        self.pi.run("systemctl restart tealkeep");
        self.until_logged(&format!("was still running as process {pid} and goes on"));
        self.pi
            .run("systemctl kill --kill-who=main --signal=KILL tealkeep");
        self.pi.until("test $(systemctl show tealkeep -p NRestarts --value) -gt 0 && systemctl is-active tealkeep");
        self.until_logged(&format!("was still running as process {pid} and goes on"));
        // One whose loop stands still is found out, and comes back likewise.
        let own = self.property("tealkeep", "MainPID");
        self.pi
            .run("systemctl kill --kill-who=main --signal=STOP tealkeep");
        self.pi.until(&format!(
            "now=$(systemctl show tealkeep -p MainPID --value); test $now != 0 && test $now != {own} && systemctl is-active tealkeep"
        ));
        self.until_logged(&format!("was still running as process {pid} and goes on"));
        assert_eq!(self.property(&unit, "MainPID"), pid);
        assert_eq!(self.answers(), "v1");
        let said = self.property("tealkeep", "StatusText");
        assert!(
            said.starts_with("The dashboard listens on http://"),
            "{said}"
        );
    }

    fn a_socket_of_systemds_is_the_gates_own_through_a_restart(&self) {
        let socket = "[Socket]\nListenStream=127.0.0.1:3000\nService=tealkeep.service\nFileDescriptorName=gate-home\n";
        self.pi
            .write(&format!("{UNITS}/tealkeep-gate@home.socket"), socket);
        self.pi.run("systemctl daemon-reload; systemctl stop tealkeep; systemctl start tealkeep-gate@home.socket; systemctl start tealkeep");
        assert_eq!(self.answers(), "v1");
        // Whoever comes while Tealkeep is away waits, and is answered.
        self.pi.run("systemctl stop tealkeep");
        assert_eq!(self.answers(), "v1");
        self.pi
            .run("systemctl stop tealkeep tealkeep-gate@home.socket");
        // One that listens elsewhere than the configuration says is no gate.
        self.pi.write(
            &format!("{UNITS}/tealkeep-gate@home.socket"),
            &socket.replace(":3000", ":3009"),
        );
        self.pi.run("systemctl daemon-reload; systemctl start tealkeep-gate@home.socket; ! systemctl start tealkeep");
        self.pi.until("journalctl -u tealkeep -o cat | grep 'the socket gate-home of systemd listens on 127.0.0.1:3009, and app.home.router.listen says 127.0.0.1:3000'");
        self.pi.run(&format!(
            "systemctl stop tealkeep-gate@home.socket; rm {UNITS}/tealkeep-gate@home.socket
             systemctl daemon-reload; systemctl reset-failed; systemctl start tealkeep"
        ));
    }

    fn the_schedule_follows_the_zone_of_the_system(&self) {
        for (zone, offset) in [("Europe/Berlin", "+01:00"), ("Pacific/Auckland", "+13:00")] {
            let before = self.property("tealkeep", "MainPID");
            // By the link itself: timedated, which does the same, may not run in every container.
            self.pi.run(&format!(
                "ln -sfn ../usr/share/zoneinfo/{zone} /etc/localtime.new; mv -T /etc/localtime.new /etc/localtime"
            ));
            let next: jiff::Timestamp = self.tealkeep("status --json").succeeds().json()["apps"][0]
                ["next_run"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap();
            let local = next.to_zoned(jiff::tz::TimeZone::get(zone).unwrap());
            assert_eq!((local.hour(), local.minute()), (3, 30), "{zone} {offset}");
            assert_eq!(self.property("tealkeep", "MainPID"), before);
        }
    }

    /// A machine that booted a minute ago, and whose clock nobody has set so far; then it was set.
    fn the_clock_is_believed_as_timedate1_says(&self) {
        self.pi.write("/etc/a-minute", "60.00 60.00\n");
        let _booted = self.amend(
            "tealkeep.service",
            "[Service]\nBindReadOnlyPaths=/etc/a-minute:/proc/uptime\n",
        );
        // The service that answers is started by the bus when nobody has its name; here somebody has.
        let timedate = Timedate::default();
        let synchronised = Arc::clone(&timedate.synchronised);
        self.pi.run("systemctl stop systemd-timedated.service");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _on_the_bus = runtime
            .block_on(async {
                zbus::connection::Builder::address(self.pi.bus().as_str())?
                    .name("org.freedesktop.timedate1")?
                    .serve_at("/org/freedesktop/timedate1", timedate)?
                    .build()
                    .await
            })
            .unwrap();
        let withheld = "Nothing was rotated, since the clock can't be trusted: the clock has not been set by the network";
        self.pi.run("systemctl restart tealkeep");
        self.tealkeep("backup home").succeeds();
        self.until_logged(withheld);
        // Once a day is enough, however many snapshots there are.
        self.tealkeep("backup home").succeeds();
        assert_eq!(self.log().matches(withheld).count(), 1, "{}", self.log());
        synchronised.store(true, Ordering::Relaxed);
        self.pi.run("systemctl restart tealkeep");
        self.tealkeep("backup home").succeeds();
        let log = self.log();
        assert!(!log.contains("Nothing was rotated"), "{log}");
    }

    /// All that confines Tealkeep's own unit lets the worker's process confine itself further. Without the calls for that,
    /// nothing is run, and both the check and `doctor` say so.
    fn a_service_worker_is_checked_inside_the_packages_unit(&self) {
        let pi = &self.pi;
        pi.write(
            "/srv/site/index.html",
            "<!doctype html><title>x</title><script>navigator.serviceWorker.register('/sw.js')</script>",
        );
        pi.write(
            "/srv/site/sw.js",
            "oninstall = (e) => e.waitUntil(caches.open('a').then((c) => c.add('/')));",
        );
        pi.run("systemd-run -q --unit=site --working-directory=/srv/site python3 -m http.server --bind 127.0.0.1 8099");
        pi.until(
            "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:8099/sw.js\")'",
        );
        let found = self.found_by("check-worker", |unit| unit.to_owned());
        assert!(found.contains("\"caches-html\""), "{found}");
        assert!(!found.contains("\"cannot-evaluate\""), "{found}");
        let without = |unit: &str| {
            let lines = unit.lines();
            let kept: Vec<_> = lines
                .filter(|line| !line.starts_with("SystemCallFilter=seccomp"))
                .collect();
            kept.join("\n")
        };
        let found = self.found_by("check-worker-unconfined", without);
        assert!(found.contains("could not be confined"), "{found}");
        assert!(!found.contains("\"caches-html\""), "{found}");
        pi.run("systemctl stop site.service; systemctl reset-failed");
    }

    /// What `tealkeep check` finds in a unit that differs from the package's only in what it runs, and by `change`.
    fn found_by(&self, name: &str, change: impl Fn(&str) -> String) -> String {
        let kept = include_str!("../systemd/tealkeep.service")
            .lines()
            .filter(|line| {
                // What belongs to a server: its folders, its word of readiness, its restarts.
                let of_a_server = [
                    "ConditionPathExists=",
                    "ExecStart=",
                    "NotifyAccess=",
                    "Restart",
                    "RuntimeDirectory",
                    "StateDirectory",
                    "Type=",
                    "WatchdogSec=",
                ];
                !of_a_server.iter().any(|start| line.starts_with(start))
            });
        let run = format!(
            "[Service]\nType=oneshot\nStandardOutput=file:/run/{name}.json\n\
             ExecStart=/usr/bin/tealkeep check --json http://127.0.0.1:8099/\n"
        );
        let unit = kept.collect::<Vec<_>>().join("\n");
        self.pi.write(
            &format!("{UNITS}/{name}.service"),
            &format!("{}\n{run}", change(&unit)),
        );
        // It fails each time, since something is found that fails.
        let script = format!("systemctl daemon-reload; ! systemctl start {name}.service");
        self.pi.run(&script);
        self.pi.run(&format!("cat /run/{name}.json"))
    }

    fn what_is_private_has_the_modes_for_it(&self) {
        let modes = self.pi.run(
            "cd /var/lib/tealkeep; stat -c '%a %n' . apps apps/home apps/home/{blue,green,scratch} journal.db journal.db-wal journal.db-shm lock apps/home/*/release.env apps/home/active-color",
        );
        assert_eq!(
            modes,
            "711 .\n711 apps\n755 apps/home\n755 apps/home/blue\n755 apps/home/green\n\
             700 apps/home/scratch\n600 journal.db\n600 journal.db-wal\n600 journal.db-shm\n600 lock\n\
             644 apps/home/blue/release.env\n644 apps/home/green/release.env\n644 apps/home/active-color\n"
        );
    }
}

/// Lines that were added to a unit; taken away again with this value.
struct Amended<'a> {
    house: &'a Household,
    folder: String,
}

impl Drop for Amended<'_> {
    fn drop(&mut self) {
        self.house
            .pi
            .try_run(&format!("rm -r {}; systemctl daemon-reload", self.folder));
    }
}

/// What org.freedesktop.timedate1(5) says of the clock.
#[derive(Default)]
struct Timedate {
    synchronised: Arc<AtomicBool>,
}

#[zbus::interface(name = "org.freedesktop.timedate1")]
impl Timedate {
    #[zbus(property, name = "NTPSynchronized")]
    fn ntp_synchronized(&self) -> bool {
        self.synchronised.load(Ordering::Relaxed)
    }
}

const CONFIG: &str = r#"
[dashboard]
listen = "127.0.0.1:3330"
[[app]]
name = "home"
database = "/srv/home/data/home.sqlite"
releases = "/srv/home/releases"
[app.health]
within = "30s"
[app.deploy]
keep_warm = "0s"
keep_releases = 20
[app.runtime]
kind = "systemd"
[app.router]
kind = "gate"
listen = "127.0.0.1:3000"
"#;

const SERVICE: &str = "
[Unit]
After=dbus.service
StartLimitIntervalSec=0
[Service]
Type=notify
User=tealkeep
SupplementaryGroups=home systemd-journal
UMask=0027
StateDirectory=tealkeep
StateDirectoryMode=0711
RuntimeDirectory=tealkeep
ExecStart=/usr/bin/tealkeep serve
WatchdogSec=3
Restart=on-failure
RestartSec=100ms
ProtectSystem=strict
ProtectProc=invisible
ReadWritePaths=/srv/home/data /srv/home/releases /var/backups/home
NoNewPrivileges=yes
CapabilityBoundingSet=
";

const COLOUR: &str = "
[Unit]
ConditionPathExists=|/var/lib/tealkeep/apps/home/@COLOUR@/live
ConditionPathExists=|/run/tealkeep/home-@COLOUR@.start
[Service]
User=home
UMask=0007
WorkingDirectory=/srv/home/releases/@COLOUR@
EnvironmentFile=-/var/lib/tealkeep/apps/home/@COLOUR@/release.env
Environment=PORT=@PORT@ DATABASE_PATH=/srv/home/data/home.sqlite TEALKEEP_COLOUR=@COLOUR@
Environment=TEALKEEP_LIVE_FILE=/var/lib/tealkeep/apps/home/@COLOUR@/live
ExecStart=/usr/bin/tealkeep home-app
Restart=on-failure
TimeoutStopSec=10
ReadOnlyPaths=/srv/home/releases
[Install]
WantedBy=multi-user.target
";

const PREPARE: &str = "
[Service]
Type=oneshot
User=home
ExecStart=/usr/bin/tealkeep prepare --releases /srv/home/releases --release %i -- /bin/sh -c 'id -un; me=$$(id -un); echo \"%i as $$me\" >/srv/home/data/prepared'
UMask=0007
TimeoutStartSec=3
";

const POLKIT: &str = r#"
polkit.addRule(function (action, subject) {
  if (action.id !== "org.freedesktop.systemd1.manage-units" || subject.user !== "tealkeep") {
    return polkit.Result.NOT_HANDLED;
  }
  var unit = action.lookup("unit"), verb = action.lookup("verb");
  var ours = /^home-(blue|green|prepare@[A-Za-z0-9._-]+)\.service$/.test(unit);
  return ours && ["start", "stop", "restart", "reset-failed"].indexOf(verb) >= 0 ? polkit.Result.YES : polkit.Result.NOT_HANDLED;
});
"#;
