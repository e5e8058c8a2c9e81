//! What Tealkeep does when something fails that it relies on: after the swap, in the middle of taking back,
//! at its own start.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::content::Content;
use crate::support::random::is_long;
use crate::support::{House, PATIENCE, Said, TEALKEEP, colours_of, free_port, until};

/// A small app that is not Tealkeep's own. With a file `sick-when-live` in its release it is healthy until it
/// goes live.
const APP: &str = r#"
import http.server, os, sqlite3
sqlite3.connect(os.environ["DATABASE_PATH"]).execute("CREATE TABLE IF NOT EXISTS t(x)").connection.commit()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        sick = os.path.exists("sick-when-live") and os.path.exists(os.environ["TEALKEEP_LIVE_FILE"])
        self.send_response(503 if sick else 200)
        self.send_header("Tealkeep-Release", os.environ["TEALKEEP_RELEASE"])
        self.send_header("Content-Length", "0")
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// A server with that app, stopped with the test.
struct Server {
    dir: tempfile::TempDir,
    process: Child,
}

impl Server {
    async fn start() -> Server {
        Server::start_with("").await
    }

    /// With more lines at the end of the configuration.
    async fn start_with(more: &str) -> Server {
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-mending-")
            .tempdir()
            .unwrap();
        let folder = dir.path();
        for below in ["state", "data", "backups", "releases/v1", "releases/v2"] {
            fs::create_dir_all(folder.join(below)).unwrap();
        }
        fs::write(folder.join("data/app.sqlite"), "").unwrap();
        for release in ["v1", "v2"] {
            fs::write(folder.join("releases").join(release).join("app.py"), APP).unwrap();
        }
        fs::write(folder.join("releases/v2/sick-when-live"), "").unwrap();
        let at = folder.display();
        let [dashboard, gate, blue, green] = [free_port(), free_port(), free_port(), free_port()];
        let config = format!(
            "state = \"{at}/state\"\nsocket = \"{at}/control.sock\"\n[dashboard]\nlisten = \"127.0.0.1:{dashboard}\"\n\
             [[app]]\nname = \"tiny\"\ndatabase = \"{at}/data/app.sqlite\"\nreleases = \"{at}/releases\"\n\
             backups = \"{at}/backups\"\n[app.runtime]\ncommand = [\"python3\", \"app.py\"]\nblue_port = {blue}\n\
             green_port = {green}\nstop_timeout = \"1s\"\n[app.policy]\npages = \"none\"\n[app.router]\nlisten = \"127.0.0.1:{gate}\"\n{more}"
        );
        fs::write(folder.join("tealkeep.toml"), config).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let process = Command::new(TEALKEEP)
            .args(["serve", "--config"])
            .arg(folder.join("tealkeep.toml"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Server { dir, process };
        server.until(|_| true).await;
        server
    }

    fn folder(&self) -> &Path {
        self.dir.path()
    }

    fn tealkeep(&self, arguments: &[&str]) -> Said {
        let socket: PathBuf = self.folder().join("control.sock");
        Said::of(
            &Command::new(TEALKEEP)
                .env("TEALKEEP_SOCKET", socket)
                .args(arguments)
                .output()
                .unwrap(),
        )
    }

    async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        until("the status is as wanted", async || {
            let said = self.tealkeep(&["status", "--json"]);
            if said.code == 0 && wanted(&said.json()) {
                return Ok(said.json());
            }
            let log = fs::read_to_string(self.folder().join("log")).unwrap_or_default();
            Err(format!("{said:#?}\n{log}"))
        })
        .await
    }

    fn pid_of(&self, colour: &str) -> rustix::process::Pid {
        let status = self.tealkeep(&["status", "--json"]).json();
        let pid = status["apps"][0]["colours"][colour]["pid"]
            .as_i64()
            .unwrap();
        rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        for pid in colours_of(self.folder()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_sickens_at_the_swap_is_swapped_back() {
    let server = Server::start().await;
    server.tealkeep(&["deploy", "tiny", "v1"]).succeeds();
    let refused = server.tealkeep(&["deploy", "tiny", "v2"]).fails_with(1);
    assert!(
        refused.stderr.contains("through the router answered 503"),
        "{refused:#?}"
    );
    let status = server
        .until(|status| status["apps"][0]["run"].is_null())
        .await;
    let app = &status["apps"][0];
    assert_eq!(
        (&app["live"], &app["release"]),
        (&"green".into(), &"v1".into())
    );
    assert_eq!(app["colours"]["green"]["state"], "running");
    assert_eq!(app["colours"]["blue"]["state"], "stopped");
    assert!(
        status["sentence"]
            .as_str()
            .unwrap()
            .contains("taken back after the swap"),
        "{status:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_page_of_html_is_told_once_as_text_and_cut() {
    let server = Server::start_with("[app.health]\nwithin = \"20s\"\n").await;
    let page = format!(
        "<!DOCTYPE html><html><head><title>Internal Error</title><style>p {{ margin: 0 }}</style></head>\n\
         <body><h1>Internal Error</h1>\n<p>no such table: doses \x1b[2J</p>{}",
        "<p>at line</p>".repeat(500)
    );
    fs::write(server.folder().join("releases/v2/page.html"), page).unwrap();
    let app = APP.replace(
        "        self.send_header(\"Content-Length\", \"0\")\n        self.end_headers()\n",
        "        body = open(\"page.html\", \"rb\").read()\n        \
         self.send_header(\"Content-Length\", str(len(body)))\n        \
         self.end_headers()\n        self.wfile.write(body)\n",
    );
    let app = app.replace("503 if sick else 200", "500");
    assert!(app.contains("wfile"), "{app}");
    fs::write(server.folder().join("releases/v2/app.py"), app).unwrap();
    server.tealkeep(&["deploy", "tiny", "v1"]).succeeds();
    let refused = server.tealkeep(&["deploy", "tiny", "v2"]).fails_with(1);
    let said = refused.stderr.matches("no such table: doses").count();
    assert_eq!(said, 1, "{refused:#?}");
    assert!(
        refused
            .stderr
            .contains("answered 500: Internal Error no such table"),
        "{refused:#?}"
    );
    for wrong in ["<", "margin", "\x1b"] {
        assert!(!refused.stderr.contains(wrong), "{wrong}: {refused:#?}");
    }
    assert!(refused.stderr.len() < 3000, "{refused:#?}");
    // The same in JSON.
    let json = server
        .tealkeep(&["status", "tiny", "--follow", "--json"])
        .fails_with(1);
    let run = json.json();
    let reason = run["reason"].as_str().unwrap();
    assert!(
        reason.contains("answered 500: Internal Error no such table"),
        "{reason}"
    );
    assert!(
        !reason.contains('<') && reason.chars().count() < 600,
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_is_left_running_when_there_is_nothing_to_swap_back_to() {
    let server = Server::start().await;
    server.tealkeep(&["deploy", "tiny", "v1"]).succeeds();
    // Green runs on; once it ends it can't be started again.
    fs::remove_file(server.folder().join("releases/v1/app.py")).unwrap();
    let green = server.pid_of("green");
    let socket = server.folder().join("control.sock");
    let mut deploy = Command::new(TEALKEEP)
        .env("TEALKEEP_SOCKET", socket)
        .args(["deploy", "tiny", "v2"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    server
        .until(|status| status["apps"][0]["live"] == "blue")
        .await;
    rustix::process::kill_process(green, rustix::process::Signal::KILL).unwrap();
    let ended = tokio::task::spawn_blocking(move || deploy.wait())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.code(), Some(1));

    let status = server
        .until(|status| status["apps"][0]["run"].is_null())
        .await;
    let app = &status["apps"][0];
    assert_eq!(
        (&app["live"], &app["release"]),
        (&"blue".into(), &"v2".into())
    );
    assert_eq!(
        app["colours"]["blue"]["state"], "running",
        "a sick answer is better than none"
    );
    assert_eq!(status["well"], false);
    assert!(
        status["sentence"]
            .as_str()
            .unwrap()
            .contains("not all of it could be undone"),
        "{status:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_colour_that_gives_no_answer_for_long_is_restarted() {
    // It takes more than a minute; what decides is tested beside it, with less patience.
    if !is_long() {
        return;
    }
    let server = Server::start_with("[app.health]\nwithin = \"3s\"\ntimeout = \"1s\"\n").await;
    server.tealkeep(&["deploy", "tiny", "v1"]).succeeds();
    let green = server.pid_of("green");
    let began = Instant::now();
    rustix::process::kill_process(green, rustix::process::Signal::STOP).unwrap();
    // It is asked each half minute.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = green.as_raw_nonzero().get();
    let restarted = |status: &Value| {
        let green = &status["apps"][0]["colours"]["green"];
        green["state"] == "running" && green["pid"] != before
    };
    let status = server.until(restarted).await;
    assert!(
        began.elapsed() >= Duration::from_secs(60),
        "busy for a minute is no hanging"
    );
    let log = fs::read_to_string(server.folder().join("log")).unwrap();
    let said = "The live colour green (v1) runs and gave no answer within 1s, for 1 min now; it is being started again.";
    assert!(log.contains(said), "{log}");
    assert_eq!(status["apps"][0]["live"], "green");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_colour_that_could_not_be_started_is_tried_again_and_said_to_be_down() {
    let mut house = House::start().await;
    house.stop().await;
    let taken = TcpListener::bind(house.colour("blue")).unwrap();
    house.start_again(&[]).await;
    let status = house.status().await;
    assert_eq!(status["well"], false, "{status:#}");
    assert!(
        status["sentence"]
            .as_str()
            .unwrap()
            .starts_with("home is down"),
        "{status:#}"
    );

    drop(taken);
    let status = house
        .until(|status| status["apps"][0]["colours"]["blue"]["state"] == "running")
        .await;
    assert_eq!(status["apps"][0]["live"], "blue");
    house.until(|status| status["well"] == true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_taken_back_is_not_applied_by_a_later_start() {
    let mut house = House::start().await;
    let snapshot = crate::load::backup(&house);
    write(&house, "before");
    house.stop().await;
    house
        .start_again(&[("TEALKEEP_KILL_AT", "restore.unwound")])
        .await;
    // The restored content is started on green, which can't have its port.
    let taken = TcpListener::bind(house.colour("green")).unwrap();
    let before = Content::of(&house.database());
    let mut restore = house.begin(["restore", "home", &snapshot]);
    house.until_dead().await;
    restore.kill().unwrap();
    restore.wait().unwrap();
    drop(taken);

    house.start_again(&[]).await;
    house.until_quiet().await;
    assert_eq!(
        Content::of(&house.database()),
        before,
        "the content from before is back"
    );
    write(&house, "after");
    let after = Content::of(&house.database());
    house.stop().await;
    house.start_again(&[]).await;
    house.until_quiet().await;
    assert_eq!(
        Content::of(&house.database()),
        after,
        "what was written since is untouched"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_has_stopped_the_app_waits_for_nobody_elses_snapshot() {
    let mut house = House::start().await;
    let snapshot = crate::load::backup(&house);
    house.stop().await;
    let waits = house.folder().join("waits");
    let wait_at = format!("snapshot.pages={}", waits.display());
    house.start_again(&[("TEALKEEP_WAIT_AT", &wait_at)]).await;
    let restore = house.begin(["restore", "home", &snapshot]);
    house.until_waits(&waits).await;
    // The snapshot under way does not see it, so that there will be a second one, and somebody else asks for one as
    // well. Whenever that is heard, it is of the content that was restored.
    write(&house, "late");
    let backup = house.begin(["backup", "home", "--json"]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    fs::remove_file(&waits).unwrap();
    house.ended(restore).await.succeeds();
    let asked_for = house.ended(backup).await.succeeds().json();

    let all = house.get("/api/v1/apps/home/snapshots").await;
    let all = all["snapshots"].as_array().unwrap();
    let rows = |id: &str| {
        let found = all.iter().find(|one| one["id"] == id);
        found.unwrap()["rows"].as_u64().unwrap()
    };
    let before = all.iter().filter(|one| one["reason"] == "before-restore");
    let before: Vec<u64> = before
        .map(|one| rows(one["id"].as_str().unwrap()))
        .collect();
    assert_eq!(before, [rows(&snapshot) + 1, rows(&snapshot)], "{all:#?}");
    assert_eq!(
        rows(asked_for["id"].as_str().unwrap()),
        rows(&snapshot),
        "{all:#?}"
    );
}

/// Writes one row, as the app would.
fn write(house: &House, request_id: &str) {
    let connection = rusqlite::Connection::open(house.database()).unwrap();
    connection.busy_timeout(PATIENCE).unwrap();
    let insert =
        "INSERT INTO entries (request_id, kind, row_id, made_at) VALUES (?1, 'dose', 0, 0)";
    connection.execute(insert, [request_id]).unwrap();
}
