//! A household that lives with Tealkeep: the package installed on a Pi as docs/pi.md says, one app, and a laptop that
//! deploys to it. The app ran before, under its own user and with data; what Tealkeep needs is what `tealkeep units` prints.

use std::path::PathBuf;
use std::process::Output;

use jiff::Timestamp;
use serde_json::Value;

use super::{Laptop, Pi, commands_in, network, package_with_fault_points, tests, told};
use crate::support::{load::Tally, until_blocking};

/// What stands in front of the two colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// The household's Caddy, with marker files.
    Caddy,
    /// Tealkeep's gate, on a socket of systemd's.
    Gate,
}

/// A Pi with the package installed and configured, and a laptop with a key that may deploy.
pub struct Household {
    /// Its Pi.
    pub pi: Pi,
    /// Its laptop.
    pub laptop: Laptop,
    /// What stands in front.
    pub front: Front,
}

/// The database, as the app calls it.
pub const DATABASE: &str = "/srv/doses/data/doses.sqlite";
const CONFIG: &str = "/etc/tealkeep/tealkeep.toml";

impl Household {
    /// A household that has just installed Tealkeep: nothing was deployed yet.
    #[track_caller]
    pub fn begins(front: Front) -> Household {
        let pi = Pi::boot();
        let laptop = Laptop::beside(&pi);
        let home = Household { pi, laptop, front };
        home.has_an_app();
        home.installs();
        home
    }

    /// The same laptop with a new Pi, after the old one has burned. The household is brought back with the commands that
    /// docs/recovery.md prints.
    #[track_caller]
    pub fn burns(self) -> Household {
        let Household {
            pi,
            mut laptop,
            front,
        } = self;
        drop(pi);
        let pi = Pi::boot();
        laptop.carry_to(&pi);
        let home = Household { pi, laptop, front };
        home.pi.has_a_person("you", &home.laptop.public_key());
        std::fs::copy(
            package_with_fault_points(),
            home.laptop.path("tealkeep.deb"),
        )
        .unwrap();
        // What the pulls have brought along is all that the laptop knows of the configuration.
        assert!(home.laptop.path("tealkeep/doses/tealkeep.toml").exists());
        home.has_an_address();
        let [on_the_laptop, on_the_pi, _] = when_the_pi_has_burned();
        home.laptop.run(&on_the_laptop);
        home.you_run(&on_the_pi);
        home.has_npms_cache();
        home.has_the_key();
        home
    }

    /// Puts the snapshots from before the fire back, with the last commands of docs/recovery.md.
    #[track_caller]
    pub fn has_its_snapshots_back(&self) {
        let [_, _, back] = when_the_pi_has_burned();
        self.you_run(&back);
    }

    /// Runs commands on the Pi as the person who lives there, signed in from the laptop.
    #[track_caller]
    fn you_run(&self, commands: &str) {
        std::fs::write(self.laptop.path("commands"), commands).unwrap();
        let there = format!("you@{}", network::PI);
        self.laptop.run(&format!(
            "rsync commands {there}:; ssh {there} bash -euo pipefail commands"
        ));
    }

    #[track_caller]
    fn has_a_user(&self) {
        self.pi.run(
            "useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin doses
            install -d -o doses -g doses /srv/doses/data",
        );
        self.has_npms_cache();
    }

    /// What npm would fetch: there is no way out of here.
    #[track_caller]
    fn has_npms_cache(&self) {
        self.pi.run(
            "install -d -o doses -g doses -m 0700 /var/cache/doses-prepare
            cp -a /usr/local/share/doses-npm /var/cache/doses-prepare/.npm
            printf 'offline=true\\naudit=false\\nfund=false\\nupdate-notifier=false\\n' > /var/cache/doses-prepare/.npmrc
            chown -R doses:doses /var/cache/doses-prepare",
        );
    }

    /// An app that has run before, with rows in its database, and the household's public address with HTTPS.
    #[track_caller]
    fn has_an_app(&self) {
        self.has_a_user();
        self.pi.run(&format!(
            "runuser -u doses -- sqlite3 {DATABASE} \"PRAGMA journal_mode = wal;
            CREATE TABLE doses (id INTEGER PRIMARY KEY, person INTEGER NOT NULL, medicine INTEGER NOT NULL, amount TEXT NOT NULL,
              taken_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
            CREATE TABLE entries (request_id TEXT PRIMARY KEY, dose INTEGER NOT NULL REFERENCES doses (id)) WITHOUT ROWID;
            CREATE TABLE reminders (second TEXT PRIMARY KEY, colour TEXT NOT NULL, release TEXT NOT NULL) WITHOUT ROWID;
            PRAGMA user_version = 1;
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
              INSERT INTO doses (person, medicine, amount) SELECT 1 + i % 4, 1 + i % 7, 'before ' || i || hex(randomblob(40)) FROM n;\" >/dev/null
            chmod 0644 {DATABASE}*"
        ));
    }

    /// The package, one file edited, what `tealkeep units` prints, and the laptop's key.
    #[track_caller]
    fn installs(&self) {
        let pi = &self.pi;
        pi.install(package_with_fault_points());
        pi.write(CONFIG, &self.config("03:30"));
        let mut commands = pi.run("tealkeep units doses --only commands");
        if self.front == Front::Gate {
            // As the comment there says, for who wants the port kept open while Tealkeep restarts.
            commands = commands
                .replace("\n#put tealkeep-gate@", "\nput tealkeep-gate@")
                .replace("\n#put 'tealkeep-gate@", "\nput 'tealkeep-gate@")
                .replace(
                    "\n#systemctl enable --now tealkeep-gate@",
                    "\nsystemctl stop tealkeep.service\nsystemctl enable --now tealkeep-gate@",
                );
            assert!(
                commands.contains("\nsystemctl enable --now tealkeep-gate@doses.socket"),
                "{commands}"
            );
        }
        self.has_an_address();
        pi.run(&commands);
        pi.run("systemctl reload-or-restart caddy.service");
        self.has_the_key();
        self.is_up();
    }

    /// The laptop may deploy.
    #[track_caller]
    fn has_the_key(&self) {
        let key = self.pi.run("tealkeep units doses --only deploy-key");
        let key = key.replace(
            "ssh-ed25519 PUBLIC-KEY you@laptop",
            &self.laptop.public_key(),
        );
        assert!(key.contains(&self.laptop.public_key()), "{key}");
        self.pi.write("/etc/ssh/tealkeep_authorized_keys", &key);
    }

    /// The household's public address, which ends at this Pi with a certificate that the Pi trusts.
    #[track_caller]
    fn has_an_address(&self) {
        self.pi.run(
            "cd /etc/caddy
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=A household' \
              -keyout /root/ca.key -out /usr/local/share/ca-certificates/household.crt -addext basicConstraints=critical,CA:TRUE 2>/dev/null
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=doses.test \
              -CA /usr/local/share/ca-certificates/household.crt -CAkey /root/ca.key \
              -keyout public.key -out public.crt -addext subjectAltName=DNS:doses.test -addext basicConstraints=critical,CA:FALSE 2>/dev/null
            chown caddy public.key
            update-ca-certificates >/dev/null 2>&1
            echo '127.0.0.1 doses.test' >> /etc/hosts
            printf 'https://doses.test {\\n\\ttls /etc/caddy/public.crt /etc/caddy/public.key\\n\\treverse_proxy 127.0.0.1:3000\\n}\\n' >> Caddyfile",
        );
    }

    /// The one file that somebody edits.
    fn config(&self, at: &str) -> String {
        let router = match self.front {
            Front::Caddy => "kind = \"caddy\"",
            Front::Gate => "kind = \"gate\"\ntrust_forwarded = true",
        };
        format!(
            r#"[[app]]
name = "doses"
url = "https://doses.test"
database = "{DATABASE}"
releases = "/srv/doses/releases"

[app.backup]
at = "{at}"

[app.runtime]
kind = "systemd"
command = ["/usr/bin/node", "server.js"]

[app.router]
{router}

[app.health]
within = "10s"

[app.deploy]
prepare = ["npm", "ci", "--omit=dev"]
prepare_inputs = ["package.json", "package-lock.json"]
prepare_versions = [["node", "--version"]]
drain_timeout = "3s"
"#
        )
    }

    /// Edits the configuration so that the night's snapshot is due in the next minute that is not already
    /// nearly here, and says when. Tealkeep reads it at its start.
    #[track_caller]
    pub fn night_comes_soon(&self) -> Timestamp {
        let said = self.pi.run("date -d '+70 seconds' '+%H:%M %s'");
        let (at, seconds) = said.trim().split_once(' ').unwrap();
        let seconds: i64 = seconds.parse().unwrap();
        self.pi.write(CONFIG, &self.config(at));
        self.pi.run(&format!(
            "chown root:tealkeep {CONFIG}; chmod 0640 {CONFIG}; systemctl restart tealkeep.service"
        ));
        self.is_up();
        Timestamp::from_second(seconds - seconds.rem_euclid(60)).unwrap()
    }

    /// Waits until Tealkeep answers and has nothing under way.
    #[track_caller]
    pub fn is_up(&self) -> Value {
        self.until("it is up and quiet", |status| {
            status["apps"][0]["run"].is_null()
        })
    }

    /// Waits until the status is as wanted.
    #[track_caller]
    pub fn until<F: Fn(&Value) -> bool>(&self, what: &str, wanted: F) -> Value {
        until_blocking(what, || {
            let said = self.pi.try_run("tealkeep status --json");
            let status: Option<Value> = serde_json::from_slice(&said.stdout).ok();
            let status = status.filter(|status| said.status.success() && wanted(status));
            status.ok_or_else(|| format!("{}\n{}", told(&said), self.pi.journal()))
        })
    }

    /// Makes a release on the laptop: the app, changed by a script that runs in its directory.
    #[track_caller]
    pub fn release(&self, name: &str, change: &str) -> PathBuf {
        let app = tests().join("fixtures/doses");
        self.laptop.run(&format!(
            "rm -rf {name}; mkdir {name}; cd {name}; cp {}/*.js* .; echo '// {name}' >> server.js\n{change}",
            app.display()
        ));
        self.laptop.path(name)
    }

    /// Pushes a release from the laptop.
    pub fn try_push(&self, name: &str) -> Output {
        self.laptop.try_run(&format!(
            "tealkeep push {name} doses --host tealkeep@pi 2>&1"
        ))
    }

    /// Pushes a release from the laptop, and it is live.
    #[track_caller]
    pub fn pushes(&self, name: &str) -> String {
        self.release(name, "");
        let output = self.try_push(name);
        assert!(
            output.status.success(),
            "push of {name}: {}\n{}",
            told(&output),
            self.pi.journal()
        );
        assert_eq!(self.serving(), name);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The release that people get, asked through the front.
    #[track_caller]
    pub fn serving(&self) -> String {
        let said = self
            .laptop
            .run("curl -fsS --retry 20 --retry-delay 1 --retry-connrefused --max-time 60 -D - -o /dev/null http://10.77.0.1:3000/healthz");
        let header = said.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("tealkeep-release")
                .then(|| value.trim().to_owned())
        });
        header.unwrap_or_else(|| panic!("no release in {said}"))
    }

    /// Asks the API over the unix socket.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        let said = self.pi.run(&format!(
            "curl -fsS --max-time 60 --unix-socket /run/tealkeep/control.sock 'http://tealkeep{path}'"
        ));
        serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"))
    }

    /// What happened, newest first, as sentences.
    #[track_caller]
    pub fn happened(&self) -> Vec<String> {
        let events = self.get("/api/v1/journal?limit=200");
        let events = events.as_array().unwrap().iter();
        events
            .map(|event| event["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The journal has a sentence with this in it.
    #[track_caller]
    pub fn said(&self, words: &str) {
        let happened = self.happened();
        assert!(
            happened.iter().any(|text| text.contains(words)),
            "nobody said {words:?}: {happened:#?}"
        );
    }

    /// Exactly one colour is live: by its marker, by its unit, and by who answers.
    #[track_caller]
    pub fn one_is_live(&self) -> String {
        let live = self.pi.run("cd /var/lib/tealkeep/apps/doses; ls -d */live");
        assert_eq!(live.lines().count(), 1, "{live}");
        let colour = live.trim().trim_end_matches("/live").to_owned();
        assert_eq!(
            self.pi
                .run("cat /var/lib/tealkeep/apps/doses/active-color")
                .trim(),
            colour
        );
        self.pi.run(&format!(
            "systemctl is-active --quiet doses-{colour}.service"
        ));
        colour
    }

    /// A copy of the live database on this machine, made by the app's user.
    #[track_caller]
    pub fn copy_of_database(&self) -> PathBuf {
        self.pi.run(&format!(
            "install -d -o doses -m 0700 /run/copy; rm -f /run/copy/*
            runuser -u doses -- sqlite3 -cmd '.timeout 20000' {DATABASE} \"VACUUM INTO '/run/copy/doses.sqlite'\""
        ));
        // /run is the container's own mount, so that it can't be read from here.
        self.pi
            .run("mv /run/copy/doses.sqlite /var/lib/copy.sqlite");
        let copy = self.laptop.path("copy.sqlite");
        std::fs::copy(self.pi.path("/var/lib/copy.sqlite"), &copy).unwrap();
        copy
    }

    /// Whatever was acknowledged is in the database exactly once.
    #[track_caller]
    pub fn nothing_is_lost(&self, tallies: &[&Tally]) {
        let copy = self.copy_of_database();
        for tally in tallies {
            tally.is_in_exactly_once(&copy);
        }
    }

    /// Has Tealkeep die at a named point of what `act` begins. It does not come back by itself.
    #[track_caller]
    pub fn dies_at(&self, point: &str, act: &str) {
        // Nor by its socket, until the next boot or the next word.
        let lines = format!(
            "Environment=TEALKEEP_KILL_AT={point}\nRestart=no\n\
             ExecStartPre=/usr/bin/test ! -e /run/died\nExecStopPost=+/usr/bin/touch /run/died\n"
        );
        let has_died =
            "test -e /run/died; test \"$(systemctl show -P MainPID tealkeep.service)\" = 0";
        self.does_until(&lines, act, has_died);
    }

    /// Has Tealkeep stand still at a named point of what `act` begins, with everything in the middle of it.
    #[track_caller]
    pub fn stands_still_at(&self, point: &str, act: &str) {
        self.stands_still_with("", point, act);
    }

    /// The same, with more lines in its unit.
    #[track_caller]
    pub fn stands_still_with(&self, lines: &str, point: &str, act: &str) {
        let lines = format!("Environment=TEALKEEP_STOP_AT={point}\n{lines}");
        // proc_pid_status(5): stopped by a signal.
        let stands =
            "grep -q '^State:.T' /proc/$(systemctl show -P MainPID tealkeep.service)/status";
        self.does_until(&lines, act, stands);
    }

    /// Starts Tealkeep anew with lines in its unit that are gone at its next start, and has it do something.
    #[track_caller]
    fn does_until(&self, lines: &str, act: &str, reached: &str) {
        let drop_in = "/etc/systemd/system/tealkeep.service.d/zz-until.conf";
        self.pi.write(drop_in, &format!("[Service]\n{lines}"));
        self.pi.run("systemctl daemon-reload; systemctl stop tealkeep.service; rm -f /run/died; systemctl start tealkeep.service");
        self.is_up();
        // Whoever gave the command may wait for the server's return.
        self.pi.run(&format!(
            "setsid timeout 30 {act} >/dev/null 2>&1 </dev/null &"
        ));
        self.pi.until(reached);
        std::fs::remove_file(self.pi.path(drop_in)).unwrap();
    }
}

/// The commands of docs/recovery.md with this household's names: the laptop's, the new Pi's, and those that put the
/// snapshots back.
fn when_the_pi_has_burned() -> [String; 3] {
    let own = |block: String| {
        let words = block.split_inclusive([' ', '\n']).map(|word| {
            let bare = word.trim_end();
            match bare.strip_prefix("./").unwrap_or(bare) {
                file if file.ends_with(".deb") => word.replace(file, "tealkeep.deb"),
                _ => word
                    .replace("home", "doses")
                    .replace("raspberrypi.local", network::PI),
            }
        });
        words.collect::<String>()
    };
    let blocks: Vec<String> = commands_in("recovery.md").into_iter().map(own).collect();
    blocks
        .try_into()
        .expect("one block for each machine, and one for the snapshots")
}
