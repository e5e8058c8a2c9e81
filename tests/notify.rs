//! Being told, by a whole server and a receiver that listens: once when something is wrong, once when it is well
//! again, whatever is restarted meanwhile and however the receiver behaves.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use tealkeep::demo::releases::write_all;

use crate::support::{PATIENCE, Said, TEALKEEP, colours_of, free_port, set_installed_at, until};

/// What messages are signed with: 32 bytes.
const KEY: [u8; 32] = *b"only the receiver and the server";

/// How the receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Takes,
    Refuses,
    Hangs,
}

/// Something that arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Arrived {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {self:#?}"))
            .to_str()
            .unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Holds the signature against the specification of Standard Webhooks.
    fn is_signed(&self) {
        let signed = format!(
            "{}.{}.{}",
            self.header("webhook-id"),
            self.header("webhook-timestamp"),
            self.body
        );
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &KEY);
        let signature = self
            .header("webhook-signature")
            .strip_prefix("v1,")
            .unwrap();
        let signature = STANDARD.decode(signature).unwrap();
        ring::hmac::verify(&key, signed.as_bytes(), &signature).expect("the signature is wrong");
        let sent: i64 = self.header("webhook-timestamp").parse().unwrap();
        let age = Timestamp::now().as_second() - sent;
        assert!((0..=PATIENCE.as_secs()).contains(&age.unsigned_abs()));
    }
}

/// A webhook, a topic and a heartbeat, all at one port.
pub struct Receiver {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

type Shared = (Arc<Mutex<Manner>>, Arc<Mutex<Vec<Arrived>>>);

impl Receiver {
    pub async fn new() -> Receiver {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Receiver {
            port: listener.local_addr().unwrap().port(),
            manner: Arc::new(Mutex::new(Manner::Takes)),
            arrived: Arc::default(),
        };
        let take = |State((manner, arrived)): State<Shared>,
                    uri: Uri,
                    headers: HeaderMap,
                    body: String| async move {
            let path = uri.path().to_owned();
            arrived.lock().unwrap().push(Arrived {
                path,
                headers,
                body,
            });
            let manner = *manner.lock().unwrap();
            match manner {
                Manner::Takes => StatusCode::OK,
                Manner::Refuses => StatusCode::FORBIDDEN,
                Manner::Hangs => std::future::pending().await,
            }
        };
        let router = Router::new()
            .route("/{*path}", any(take))
            .with_state((receiver.manner.clone(), receiver.arrived.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    /// The address of its webhook.
    pub fn webhook(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub fn at(&self, path: &str) -> Vec<Arrived> {
        let arrived = self.arrived.lock().unwrap();
        arrived
            .iter()
            .filter(|one| one.path == path)
            .cloned()
            .collect()
    }

    /// Waits until so many have arrived there.
    pub async fn until(&self, path: &str, count: usize) -> Vec<Arrived> {
        until(format!("{path} is told {count} times"), async || {
            let arrived = self.at(path);
            match arrived.len() >= count {
                true => Ok(arrived),
                false => Err(arrived),
            }
        })
        .await
    }
}

/// A server with one app, in a folder of its own; stopped with the test.
pub struct House {
    dir: tempfile::TempDir,
    ports: [u16; 4],
    /// The table `[notify]` and what `[app.backup]` has.
    notify: String,
    pub backup: String,
    process: Option<Child>,
}

impl House {
    fn prepare(notify: String, backup: String) -> House {
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-notify-")
            .tempdir()
            .unwrap();
        for below in ["state", "data", "releases", "backups"] {
            fs::create_dir(dir.path().join(below)).unwrap();
        }
        let secret = dir.path().join("secret");
        fs::write(&secret, format!("whsec_{}\n", STANDARD.encode(KEY))).unwrap();
        fs::write(dir.path().join("token"), "tk_only_for_this_test\n").unwrap();
        for private in ["secret", "token"] {
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(dir.path().join(private), mode).unwrap();
        }
        write_all(&dir.path().join("releases")).unwrap();
        let house = House {
            dir,
            ports: [free_port(), free_port(), free_port(), free_port()],
            notify,
            backup,
            process: None,
        };
        fs::write(house.database(), "").unwrap();
        house
    }

    /// One that tells this receiver everything.
    pub fn telling(receiver: &Receiver) -> House {
        let port = receiver.port;
        let mut house = House::prepare(
            String::new(),
            format!("heartbeat = \"http://127.0.0.1:{port}/ping/0b7f\"\npull_within = \"0s\"\n"),
        );
        let folder = house.folder().display();
        house.notify = format!(
            "[notify]\nwebhook = \"http://127.0.0.1:{port}/hook\"\nwebhook_secret_file = \"{folder}/secret\"\n\
             ntfy = \"http://127.0.0.1:{port}/topic\"\nntfy_token_file = \"{folder}/token\"\ndisk_free = 0\n"
        );
        house
    }

    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Where the household's requests go.
    pub fn app(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    /// Asks over the unix socket, whose user is signed in.
    pub async fn ask(&self, path: &str) -> String {
        let client = reqwest::Client::builder()
            .unix_socket(self.folder().join("control.sock"))
            .build()
            .unwrap();
        let answer = client.get(format!("http://tealkeep{path}")).send().await;
        answer
            .unwrap()
            .error_for_status()
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    pub fn database(&self) -> PathBuf {
        self.folder().join("data/home.sqlite")
    }

    fn configuration(&self) -> String {
        let folder = self.folder().display();
        let [dashboard, own, blue, green] = self.ports;
        format!(
            "zone = \"UTC\"\nstate = \"{folder}/state\"\nsocket = \"{folder}/control.sock\"\n\
             [dashboard]\nlisten = \"127.0.0.1:{dashboard}\"\nhosts = [\"tealkeep.example.org\"]\nhttps = true\n{}\
             [[app]]\nname = \"home\"\ndatabase = \"{folder}/data/home.sqlite\"\nreleases = \"{folder}/releases\"\n\
             backups = \"{folder}/backups\"\n[app.backup]\ndrill_every = \"0s\"\n{}\
             [app.runtime]\ncommand = [\"{TEALKEEP}\", \"home-app\"]\nblue_port = {blue}\ngreen_port = {green}\n\
             [app.router]\nlisten = \"127.0.0.1:{own}\"\n[app.deploy]\nkeep_releases = 20\n",
            self.notify, self.backup
        )
    }

    pub async fn start(&mut self) {
        let file = self.folder().join("tealkeep.toml");
        fs::write(&file, self.configuration()).unwrap();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder().join("server.log"))
            .unwrap();
        let mut command = Command::new(TEALKEEP);
        command
            .arg("serve")
            .arg("--config")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        self.process = Some(command.spawn().unwrap());
        until("the server answers", async || {
            let said = self.tealkeep(&["status"]).await;
            (said.code == 0).then_some(()).ok_or(said)
        })
        .await;
    }

    pub async fn tealkeep(&self, arguments: &[&str]) -> Said {
        let mut command = tokio::process::Command::new(TEALKEEP);
        command
            .env("TEALKEEP_SOCKET", self.folder().join("control.sock"))
            .args(arguments);
        Said::of(&command.output().await.unwrap())
    }

    async fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        until("the server ends", async || process.try_wait().unwrap()).await;
    }

    fn journal(&self) -> rusqlite::Connection {
        let journal = rusqlite::Connection::open(self.folder().join("state/journal.db")).unwrap();
        journal.busy_timeout(PATIENCE).unwrap();
        journal
    }

    /// Pretends that this Tealkeep was installed three days ago, which the first start makes possible.
    pub async fn age(&mut self) {
        self.start().await;
        self.stop().await;
        set_installed_at(&self.folder().join("state"), Timestamp::now() - 72.hours());
    }

    /// Writes a page of the database over, which whoever opens it does not notice at once; returns what stood there.
    fn damage(&self) -> Vec<u8> {
        let database = rusqlite::Connection::open(self.database()).unwrap();
        database
            .execute_batch(
                "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
                 INSERT INTO note SELECT i, hex(zeroblob(500)) FROM n;",
            )
            .unwrap();
        drop(database);
        let whole = fs::read(self.database()).unwrap();
        let mut file = File::options().write(true).open(self.database()).unwrap();
        file.seek(SeekFrom::Start(20 * 4096)).unwrap();
        file.write_all(&[0xa5; 4096]).unwrap();
        whole
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        for pid in colours_of(self.folder()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder().join("server.log")).unwrap_or_default();
            eprintln!("--- the server's log ---\n{log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_that_failed_is_told_once_and_once_more_when_it_is_well_and_then_the_heartbeat_is_called()
 {
    let receiver = Receiver::new().await;
    let mut house = House::telling(&receiver);
    house.age().await;
    let whole = house.damage();

    house.start().await;
    let told = receiver.until("/hook", 1).await;
    told[0].is_signed();
    let message = told[0].json();
    assert_eq!(message["title"], "home: last night's snapshot failed");
    for (key, value) in [
        ("app", "home"),
        ("kind", "snapshot"),
        ("state", "raised"),
        ("severity", "bad"),
        ("link", "https://tealkeep.example.org/apps/home/backups"),
    ] {
        assert_eq!(message[key], value, "{message:#}");
    }
    assert_eq!(message["id"], told[0].header("webhook-id"));
    let topic = receiver.until("/topic", 1).await;
    assert_eq!(
        topic[0].header("title"),
        "home: last night's snapshot failed"
    );
    assert_eq!(topic[0].header("priority"), "4");
    assert_eq!(
        topic[0].header("authorization"),
        "Bearer tk_only_for_this_test"
    );
    assert_eq!(topic[0].body, message["text"]);
    assert_eq!(
        topic[0].header("click"),
        "https://tealkeep.example.org/apps/home/backups"
    );

    // Started again it fails again, which everybody knows by now; what is new is told, by the same look at all there is.
    house.stop().await;
    house.backup = house.backup.replace("\"0s\"", "\"1h\"");
    house.start().await;
    let told = receiver.until("/hook", 2).await;
    assert_eq!(told[1].json()["title"], "home: no laptop has pulled yet");
    house.stop().await;

    fs::write(house.database(), whole).unwrap();
    house.start().await;
    let told = receiver.until("/hook", 3).await;
    told[2].is_signed();
    let message = told[2].json();
    assert_eq!(message["state"], "well");
    assert_eq!(message["title"], "home: the nightly snapshot is well again");
    receiver.until("/topic", 3).await;
    receiver.until("/ping/0b7f", 1).await;

    house.stop().await;
    house.start().await;
    house.tealkeep(&["backup"]).await.succeeds();
    house.tealkeep(&["notify"]).await.succeeds();
    // The test came last, so that nothing that was to come before it is missing.
    assert_eq!(receiver.at("/hook").len(), 4, "{:#?}", receiver.at("/hook"));
    assert_eq!(receiver.at("/topic").len(), 4);
    assert_eq!(receiver.at("/ping/0b7f").len(), 1);
    let log = fs::read_to_string(house.folder().join("server.log")).unwrap();
    for secret in ["whsec_", "tk_only", "0b7f"] {
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_a_wrong_clock_dated_hides_no_night_that_failed() {
    let receiver = Receiver::new().await;
    let mut house = House::telling(&receiver);
    house.age().await;
    house.start().await;
    receiver.until("/ping/0b7f", 1).await;
    house.stop().await;
    // The one that was just taken had been dated in the future once, so the night is due still; and it fails.
    let taken: String = house
        .journal()
        .query_row("SELECT snapshot FROM night", [], |row| row.get(0))
        .unwrap();
    let misdated = house.journal().execute(
        "INSERT INTO setting VALUES ('misdated-snapshots', ?1)",
        [format!("[\"{taken}\"]")],
    );
    assert_eq!(misdated.unwrap(), 1);
    house.damage();
    house.start().await;
    let told = receiver.until("/hook", 1).await;
    assert_eq!(
        told[0].json()["title"],
        "home: last night's snapshot failed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_failed_in_the_night_is_told_and_the_night_has_its_snapshot() {
    let receiver = Receiver::new().await;
    let mut house = House::telling(&receiver);
    house.age().await;
    // A folder stands where the night's link is to be, whichever of two nights that is.
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for date in [today.yesterday().unwrap(), today] {
        let link = format!("backups/daily/{date}.sqlite.gz/in-the-way");
        fs::create_dir_all(house.folder().join(link)).unwrap();
    }
    house.start().await;
    let told = receiver.until("/hook", 1).await;
    let message = told[0].json();
    assert_eq!(message["title"], "home: the night ended with a problem");
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("failed: the rotation ("), "{text}");
    let (snapshot, failed): (Option<String>, Option<String>) = house
        .journal()
        .query_row("SELECT snapshot, failed FROM night", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(snapshot.is_some() && failed.is_some());
    let all = house.tealkeep(&["snapshots", "--json"]).await.succeeds();
    assert_eq!(all.json()["snapshots"][0]["reason"], "nightly", "{all:?}");
    assert_eq!(receiver.at("/ping/0b7f").len(), 0, "it was no good night");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_delays_no_backup_and_no_end_and_a_later_start_tells_it() {
    let receiver = Receiver::new().await;
    receiver.behave(Manner::Hangs);
    let mut house = House::telling(&receiver);
    house.backup = "pull_within = \"1h\"\n".to_owned();
    house.age().await;
    house.start().await;
    receiver.until("/hook", 1).await;
    receiver.until("/topic", 1).await;
    house.tealkeep(&["backup"]).await.succeeds();
    house.stop().await;

    receiver.behave(Manner::Takes);
    house.start().await;
    let told = receiver.until("/hook", 2).await;
    assert_eq!(told[1].json()["kind"], "pull");
    assert_eq!(
        told[0].header("webhook-id"),
        told[1].header("webhook-id"),
        "a receiver that did take it knows it by its id"
    );
    let pulled = house.journal().execute(
        "INSERT INTO pull(app, at, laptop) VALUES ('home', ?1, 'annas-laptop')",
        [Timestamp::now().as_millisecond()],
    );
    pulled.unwrap();
    house.tealkeep(&["backup"]).await.succeeds();
    let told = receiver.until("/hook", 3).await;
    assert_eq!(told[2].json()["title"], "home: no pull is overdue any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_configured_later_is_told_what_is_wrong_already() {
    let receiver = Receiver::new().await;
    let mut house = House::telling(&receiver);
    house.backup = "pull_within = \"1h\"\n".to_owned();
    let channels = std::mem::replace(&mut house.notify, "[notify]\ndisk_free = 0\n".to_owned());
    house.age().await;
    house.start().await;
    let open = "SELECT count(*) FROM notice WHERE cleared_at IS NULL";
    until("something is wrong", async || {
        house.journal().query_row(open, [], |row| row.get(0)) == Ok(1)
    })
    .await;
    house.stop().await;
    house.notify = channels;
    for _ in 0..2 {
        house.start().await;
        let told = receiver.until("/hook", 1).await;
        assert_eq!(told[0].json()["title"], "home: no laptop has pulled yet");
        receiver.until("/topic", 1).await;
        house.stop().await;
    }
    house.start().await;
    house.tealkeep(&["notify"]).await.succeeds();
    // One that was cut off as it arrived is sent anew, under its own id.
    let told = receiver.at("/hook");
    let ids: BTreeSet<&str> = told.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!(ids.len(), 2, "it was told twice: {told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_was_refused_is_told_with_the_page_of_its_run() {
    let receiver = Receiver::new().await;
    let mut house = House::telling(&receiver);
    house.start().await;
    house.tealkeep(&["deploy", "home", "v1"]).await.succeeds();
    house
        .tealkeep(&["deploy", "home", "v6-crashes-on-boot"])
        .await
        .fails_with(1);
    let told = receiver.until("/hook", 1).await;
    let message = told[0].json();
    assert_eq!(message["kind"], "deploy");
    assert_eq!(
        message["title"],
        "home: the deploy of v6-crashes-on-boot was refused"
    );
    assert_eq!(
        message["link"],
        "https://tealkeep.example.org/apps/home/runs/2"
    );
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("home stays on v1."), "{text}");

    let said = house.tealkeep(&["deploy", "home", "v2"]).await;
    said.succeeds();
    let told = receiver.until("/hook", 2).await;
    assert_eq!(told[1].json()["state"], "well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_snapshots_that_can_t_be_read_is_told_and_the_metrics_count_it() {
    let receiver = Receiver::new().await;
    let mut house = House::telling(&receiver);
    house.start().await;
    let snapshots = house.folder().join("backups/snapshots");
    fs::remove_dir_all(&snapshots).unwrap();
    fs::write(&snapshots, "no folder").unwrap();
    house.tealkeep(&["backup"]).await.fails_with(1);
    let told = receiver.until("/hook", 1).await;
    assert_eq!(
        told[0].json()["title"],
        "home: the backups folder can't be read"
    );
    let socket = house.folder().join("control.sock");
    let ask = async |path: &str| {
        let asked = tokio::process::Command::new("curl")
            .args(["-sS", "--unix-socket"])
            .arg(&socket)
            .arg(format!("http://localhost{path}"))
            .output();
        Said::of(&asked.await.unwrap()).succeeds()
    };
    let notices = ask("/api/v1/notices").await.json();
    assert_eq!(notices["open"][0]["kind"], "snapshot", "{notices:#}");
    let metrics = ask("/metrics").await.stdout;
    assert!(metrics.contains("\ntealkeep_notices_open 1\n"), "{metrics}");
    assert!(
        metrics.contains("\ntealkeep_messages_undelivered "),
        "{metrics}"
    );

    fs::remove_file(&snapshots).unwrap();
    fs::create_dir(&snapshots).unwrap();
    house.tealkeep(&["backup"]).await.succeeds();
    let told = receiver.until("/hook", 2).await;
    assert_eq!(told[1].json()["state"], "well");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verb_says_by_channel_what_came_back_and_how_to_configure_one() {
    let receiver = Receiver::new().await;
    let mut house = House::telling(&receiver);
    house.start().await;
    let said = house.tealkeep(&["notify"]).await.succeeds();
    assert_eq!(
        said.stdout,
        "webhook  sent    127.0.0.1 took it (200)\nntfy     sent    127.0.0.1 took it (200)\n"
    );
    let message = receiver.at("/hook")[0].json();
    assert_eq!(message["state"], "test");
    receiver.behave(Manner::Refuses);
    let said = house.tealkeep(&["notify", "--json"]).await.fails_with(1);
    let tried = said.json();
    assert_eq!(tried[0]["sent"], false);
    assert_eq!(tried[0]["said"], "answered 403");
    house.stop().await;

    house.notify = String::new();
    house.start().await;
    let said = house.tealkeep(&["notify"]).await.fails_with(1);
    assert!(said.stdout.contains("[notify]"), "{}", said.stdout);
}
