//! The app over real sockets and files: what it promises to Tealkeep, and what each broken release breaks.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::CancellationToken;

use super::{Settings, serve};
use crate::releases;

const DEADLINE: Duration = Duration::from_secs(30);

/// A folder with every sample release and one database.
struct House(TempDir);

impl House {
    fn new() -> House {
        let dir = tempfile::tempdir().unwrap();
        releases::write_all(&dir.path().join("releases")).unwrap();
        House(dir)
    }

    fn release(&self, id: &str) -> PathBuf {
        self.0.path().join("releases").join(id)
    }

    fn settings(&self, id: &str, colour: &str) -> Settings {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        Settings::from_env(&self.release(id), |key| match key {
            "PORT" => Some("0".to_owned()),
            "DATABASE_PATH" => Some(text(self.0.path().join("home.db"))),
            "TEALKEEP_COLOUR" => Some(colour.to_owned()),
            "TEALKEEP_LIVE_FILE" => Some(text(self.live_file(colour))),
            _ => None,
        })
        .unwrap()
    }

    fn live_file(&self, colour: &str) -> PathBuf {
        self.0.path().join(format!("live-{colour}"))
    }

    async fn start(&self, id: &str, colour: &str) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let settings = self.settings(id, colour);
        let task = tokio::spawn(serve(listener, settings, shutdown.clone()));
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(DEADLINE)
            .build()
            .unwrap();
        Running {
            address,
            shutdown,
            task,
            client,
        }
    }

    async fn refused(&self, id: &str) -> String {
        let running = self.start(id, "blue").await;
        let error = soon(running.task).await.unwrap();
        format!("{:#}", error.unwrap_err())
    }

    fn query<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let connection = Connection::open(self.0.path().join("home.db")).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn schema(&self) -> String {
        self.query(
            "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY name)",
        )
    }

    /// A copy of `v1` with one more migration.
    fn with_migration(&self, id: &str, sql: &str) {
        copy(&self.release("v1"), &self.release(id));
        fs::write(self.release(id).join("migrations/005-more.sql"), sql).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(&target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
    client: Client,
}

impl Running {
    async fn get(&self, path: &str) -> Response {
        self.client
            .get(format!("http://{}{path}", self.address))
            .send()
            .await
            .unwrap()
    }

    async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.unwrap()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let url = format!("http://{}{path}", self.address);
        let request = self
            .client
            .post(url)
            .header("accept", "application/json")
            .form(form);
        request.send().await.unwrap()
    }

    async fn stop(self) {
        drop(self.client);
        self.shutdown.cancel();
        soon(self.task).await.unwrap().unwrap();
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap()
}

async fn next_frame(
    socket: &mut (impl StreamExt<Item = tungstenite::Result<Message>> + Unpin),
) -> Message {
    soon(socket.next()).await.unwrap().unwrap()
}

/// Reads a response's body into `received` until that holds `text`.
async fn read_until(response: &mut Response, received: &mut String, text: &str) {
    while !received.contains(text) {
        let piece = soon(response.chunk()).await.unwrap().unwrap();
        received.push_str(std::str::from_utf8(&piece).unwrap());
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_healthy_release_says_which_release_and_colour_it_is() {
    let house = House::new();
    let running = house.start("v1", "green").await;
    let health = running.get("/healthz").await;
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(header(&health, "tealkeep-release"), "v1");
    assert_eq!(header(&health, "tealkeep-colour"), "green");
    assert_eq!(header(&health, "cache-control"), "no-store");
    assert_eq!(health.json::<Value>().await.unwrap()["status"], "ok");
    assert!(house.query::<i64>("SELECT count(*) FROM doses") > 200);
    running.stop().await;
}

#[tokio::test]
async fn both_colours_boot_at_once_on_a_new_database_and_each_migration_runs_once() {
    let house = House::new();
    let (blue, green) = tokio::join!(house.start("v1", "blue"), house.start("v2", "green"));
    let (first, second) = tokio::join!(blue.get("/healthz"), green.get("/healthz"));
    assert_eq!(
        (first.status(), second.status()),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(house.query::<i64>("SELECT count(*) FROM migrations"), 5);
    assert_eq!(house.query::<i64>("SELECT count(*) FROM people"), 4);

    let dose = [
        ("person", "1"),
        ("medicine", "1"),
        ("note", "with breakfast"),
    ];
    assert_eq!(blue.post("/doses", &dose).await.status(), StatusCode::OK);
    assert_eq!(green.post("/doses", &dose).await.status(), StatusCode::OK);
    let notes =
        "SELECT group_concat(note, '|') FROM (SELECT note FROM doses ORDER BY id DESC LIMIT 2)";
    assert_eq!(house.query::<String>(notes), "with breakfast|");
    assert!(green.text("/medicine").await.contains("“with breakfast”"));
    assert!(!blue.text("/medicine").await.contains("with breakfast"));
    blue.stop().await;
    green.stop().await;
}

#[tokio::test]
async fn the_second_release_keeps_the_data_of_the_first() {
    let house = House::new();
    house.start("v1", "blue").await.stop().await;
    let before: String =
        house.query("SELECT group_concat(id || ' ' || taken_at || amount) FROM doses");
    house.start("v2", "green").await.stop().await;
    let after: String =
        house.query("SELECT group_concat(id || ' ' || taken_at || amount) FROM doses");
    assert_eq!(before, after);
    assert_eq!(house.query::<String>("SELECT DISTINCT note FROM doses"), "");
    // And back: an older release runs on the newer schema.
    house.start("v1", "blue").await.stop().await;
}

#[tokio::test]
async fn a_failing_migration_leaves_the_schema_as_it_was_and_says_which_it_was() {
    let house = House::new();
    house.start("v1", "blue").await.stop().await;
    let before = house.schema();
    house.with_migration(
        "broken",
        "ALTER TABLE doses ADD COLUMN x TEXT; DROP TABLE attic;",
    );
    let error = house.refused("broken").await;
    assert!(error.contains("migration 005-more.sql failed"), "{error}");
    assert!(error.contains("no such table: attic"), "{error}");
    assert_eq!(house.schema(), before);

    house.with_migration(
        "commits",
        "ALTER TABLE doses ADD COLUMN x TEXT; COMMIT; BEGIN;",
    );
    let error = house.refused("commits").await;
    assert!(
        error.contains("leave out BEGIN, COMMIT and ROLLBACK"),
        "{error}"
    );
    assert_eq!(house.schema(), before);
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_ran_is_refused() {
    let house = House::new();
    house.with_migration("first", "CREATE TABLE attic (id INTEGER);");
    house.start("first", "blue").await.stop().await;
    house.with_migration("second", "CREATE TABLE cellar (id INTEGER);");
    let error = house.refused("second").await;
    assert!(
        error.contains("005-more.sql") && error.contains("was changed"),
        "{error}"
    );
}

#[tokio::test]
async fn the_fourth_release_takes_away_what_the_first_reads() {
    let house = House::new();
    let blue = house.start("v1", "blue").await;
    assert_eq!(blue.get("/medicine").await.status(), StatusCode::OK);
    let green = house.start("v4-drops-a-column", "green").await;
    assert_eq!(green.get("/healthz").await.status(), StatusCode::OK);
    assert!(green.text("/medicine").await.contains("500 mg"));
    assert_eq!(
        blue.get("/medicine").await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    let health = blue.get("/healthz").await;
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(health.text().await.unwrap().contains("no such column"));
    let dose = [("person", "1"), ("medicine", "1")];
    assert_eq!(green.post("/doses", &dose).await.status(), StatusCode::OK);
    let newest = "SELECT milligrams FROM doses ORDER BY id DESC LIMIT 1";
    assert_eq!(house.query::<i64>(newest), 500);
    blue.stop().await;
    green.stop().await;
}

#[tokio::test]
async fn a_request_that_is_sent_twice_counts_once_and_gets_the_same_answer() {
    let house = House::new();
    let running = house.start("v2", "blue").await;
    let count = "SELECT (SELECT count(*) FROM doses) + (SELECT count(*) FROM chore_runs) + (SELECT count(*) FROM shopping_items)";
    running.get("/healthz").await;
    let before: i64 = house.query(count);
    for (path, form) in [
        (
            "/doses",
            vec![("person", "2"), ("medicine", "3"), ("request_id", "a-1")],
        ),
        ("/chores/4/done", vec![("request_id", "a-2")]),
        (
            "/shopping",
            vec![("person", "4"), ("name", "Jam"), ("request_id", "a-3")],
        ),
    ] {
        let first: Value = running.post(path, &form).await.json().await.unwrap();
        let second: Value = running.post(path, &form).await.json().await.unwrap();
        assert_eq!(first, second);
        assert!(
            first["id"].is_i64() && first["request_id"].is_string(),
            "{first}"
        );
    }
    assert_eq!(house.query::<i64>(count), before + 3);
    assert_eq!(house.query::<i64>("SELECT count(*) FROM entries"), 3);
    let reused = running
        .post("/chores/4/done", &[("request_id", "a-1")])
        .await;
    assert_eq!(reused.status(), StatusCode::CONFLICT);
    running.stop().await;
}

#[tokio::test]
async fn a_json_body_and_the_header_for_the_key_do_the_same() {
    let house = House::new();
    let running = house.start("v1", "blue").await;
    let request = running
        .client
        .post(format!("http://{}/doses", running.address))
        .header("accept", "application/json")
        .header("idempotency-key", "from-the-header")
        .json(&json!({ "person": 1, "medicine": 2 }));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["request_id"], "from-the-header");
    let row = "SELECT row_id FROM entries WHERE request_id = 'from-the-header'";
    assert_eq!(answer["id"], house.query::<i64>(row));
    running.stop().await;
}

#[tokio::test]
async fn what_is_impossible_is_refused_and_changes_nothing() {
    let house = House::new();
    let running = house.start("v1", "blue").await;
    for (path, form, status) in [
        ("/doses", vec![("person", "99"), ("medicine", "1")], 404),
        ("/doses", vec![("person", "1")], 422),
        ("/chores/99/done", vec![], 404),
        ("/shopping/9999/bought", vec![], 404),
        ("/shopping", vec![("person", "1"), ("name", " \n ")], 422),
        ("/chores/1/done", vec![("request_id", "no spaces")], 400),
    ] {
        assert_eq!(
            running.post(path, &form).await.status().as_u16(),
            status,
            "{path} {form:?}"
        );
    }
    assert_eq!(house.query::<i64>("SELECT count(*) FROM entries"), 0);
    let url = format!("http://{}/chores/1/done", running.address);
    let cross = running
        .client
        .post(url)
        .header("sec-fetch-site", "cross-site");
    assert_eq!(cross.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    running.stop().await;
}

/// Everything that answers with HTML, errors and redirects included.
async fn answers_with_html(running: &Running) -> Vec<(String, Response)> {
    let mut all = Vec::new();
    for (method, path, body) in [
        (Method::GET, "/", ""),
        (Method::GET, "/chores", ""),
        (Method::GET, "/medicine", ""),
        (Method::GET, "/shopping", ""),
        (Method::GET, "/nowhere", ""),
        (Method::GET, "/assets/home.css", ""),
        (Method::GET, "/doses", ""),
        (Method::POST, "/shopping", "name=&person=1"),
        (Method::POST, "/doses", "person=x"),
        (Method::POST, "/chores/1/done", "back=/"),
    ] {
        let url = format!("http://{}{path}", running.address);
        let form = "application/x-www-form-urlencoded";
        let request = running.client.request(method.clone(), url);
        let request = request.header("content-type", form).body(body);
        all.push((format!("{method} {path}"), request.send().await.unwrap()));
    }
    all
}

#[tokio::test]
async fn every_html_answer_must_be_asked_for_again_but_for_the_release_that_caches_it() {
    let house = House::new();
    let good = house.start("v2", "blue").await;
    for (name, response) in answers_with_html(&good).await {
        let control = header(&response, "cache-control");
        assert_eq!(control, "no-cache, must-revalidate", "{name}");
    }
    good.stop().await;
    let bad = house.start("v5-caches-html", "blue").await;
    assert_eq!(
        header(&bad.get("/").await, "cache-control"),
        "public, max-age=600"
    );
    bad.stop().await;
}

#[tokio::test]
async fn an_asset_is_kept_for_a_year_only_under_the_hash_of_its_own_content() {
    let house = House::new();
    let (first, second) = (
        house.start("v1", "blue").await,
        house.start("v2", "green").await,
    );
    let page = first.text("/").await;
    let mut seen = 0;
    for path in page.split('"').filter(|text| text.starts_with("/assets/")) {
        let asset = first.get(path).await;
        assert_eq!(
            header(&asset, "cache-control"),
            "public, max-age=31536000, immutable",
            "{path}"
        );
        seen += 1;
        let elsewhere = second.get(path).await;
        assert_eq!(elsewhere.status(), StatusCode::OK);
        let expected = if path.contains("theme") {
            "no-store"
        } else {
            "public, max-age=31536000, immutable"
        };
        assert_eq!(header(&elsewhere, "cache-control"), expected, "{path}");
    }
    assert_eq!(seen, 4);
    let worker = first.get("/sw.js").await;
    assert_eq!(header(&worker, "cache-control"), "no-cache");
    let manifest: Value = first
        .get("/manifest.webmanifest")
        .await
        .json()
        .await
        .unwrap();
    assert!(page.contains(manifest["icons"][0]["src"].as_str().unwrap()));
    assert_eq!(manifest["theme_color"], "#0f766e");
    first.stop().await;
    second.stop().await;
}

#[test]
fn the_worker_leaves_navigations_alone_and_stores_only_what_is_immutable() {
    let good = include_str!("../content/base/public/sw.js");
    let leaves = good.find("request.mode === \"navigate\") return;").unwrap();
    assert!(leaves < good.find("respondWith").unwrap());
    assert_eq!(good.matches(".put(").count(), 1);
    assert!(good.find("includes(\"immutable\")").unwrap() < good.find(".put(").unwrap());
    assert!(!good.contains("addAll") && !good.contains("cache.add("));
    let bad = include_str!("../content/v5-caches-html/sw.js");
    assert!(bad.contains("addAll([\"/\""));
}

#[tokio::test]
async fn what_people_write_is_shown_and_never_run() {
    let house = House::new();
    let running = house.start("v2", "blue").await;
    let nasty = "<script>alert('1')</script>\"&";
    running
        .post("/shopping", &[("person", "1"), ("name", nasty)])
        .await;
    running
        .post(
            "/doses",
            &[
                ("person", "1"),
                ("medicine", "1"),
                ("note", nasty),
                ("amount", nasty),
            ],
        )
        .await;
    for path in ["/", "/shopping", "/medicine"] {
        let page = running.text(path).await;
        assert!(!page.contains("<script>"), "{path}");
        assert!(
            page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;"),
            "{path}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn a_request_in_flight_is_finished_after_the_app_was_told_to_stop() {
    let house = House::new();
    let running = house.start("v1", "blue").await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head =
        "POST /upload HTTP/1.1\r\nHost: home\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The interim answer comes when the handler reads: from here on the request is in flight.
    let mut interim = [0; 25];
    soon(stream.read_exact(&mut interim)).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    running.shutdown.cancel();
    stream.write_all(b"abcdef").await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"bytes\":6"), "{answer}");
    let sha256 = "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721";
    assert!(answer.contains(sha256), "{answer}");
    soon(running.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_websocket_echoes_tells_changes_and_is_closed_politely() {
    let house = House::new();
    let running = house.start("v1", "blue").await;
    let url = format!("ws://{}/ws", running.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let hello: Value =
        serde_json::from_str(next_frame(&mut socket).await.to_text().unwrap()).unwrap();
    assert_eq!(hello["release"], "v1");
    running.post("/chores/2/done", &[]).await;
    let change: Value =
        serde_json::from_str(next_frame(&mut socket).await.to_text().unwrap()).unwrap();
    assert_eq!(change["kind"], "chore");
    socket.send(Message::text("hello?")).await.unwrap();
    assert_eq!(next_frame(&mut socket).await, Message::text("hello?"));
    socket.send(Message::Ping("p".into())).await.unwrap();
    assert_eq!(next_frame(&mut socket).await, Message::Pong("p".into()));
    running.shutdown.cancel();
    let Message::Close(Some(frame)) = next_frame(&mut socket).await else {
        panic!("the app went without a goodbye");
    };
    assert_eq!(u16::from(frame.code), 1001);
    soon(running.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_event_stream_tells_changes_and_ends_when_the_app_stops() {
    let house = House::new();
    let running = house.start("v1", "blue").await;
    let mut stream = running.get("/events").await;
    assert_eq!(header(&stream, "content-type"), "text/event-stream");
    let mut received = String::new();
    read_until(&mut stream, &mut received, "\"release\":\"v1\"").await;
    running
        .post("/shopping", &[("person", "1"), ("name", "Salt")])
        .await;
    read_until(&mut stream, &mut received, "\"kind\":\"shopping\"").await;
    running.shutdown.cancel();
    while soon(stream.chunk()).await.unwrap().is_some() {}
    soon(running.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn timers_run_only_while_the_live_file_is_there() {
    let house = House::new();
    let running = house.start("v1", "blue").await;
    running.get("/healthz").await;
    assert_eq!(house.query::<i64>("SELECT count(*) FROM reminders"), 0);
    fs::write(house.live_file("blue"), "").unwrap();
    let noted = async {
        while house.query::<i64>("SELECT count(*) FROM reminders") == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(noted).await;
    running.stop().await;
    let mut rehearsal = house.settings("v1", "blue");
    assert!(rehearsal.is_live());
    rehearsal.rehearsal = true;
    assert!(!rehearsal.is_live());
}

#[tokio::test]
async fn the_unhealthy_release_never_says_200_and_says_why() {
    let house = House::new();
    let running = house.start("v3-unhealthy", "green").await;
    let health = running.get("/healthz").await;
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&health, "tealkeep-release"), "v3-unhealthy");
    let body: Value = health.json().await.unwrap();
    assert!(
        body["reason"].as_str().unwrap().contains("calendar"),
        "{body}"
    );
    running.stop().await;
}

#[tokio::test]
async fn the_crashing_release_ends_before_it_touches_the_database() {
    let house = House::new();
    let error = house.refused("v6-crashes-on-boot").await;
    assert!(error.contains("BINS_CALENDAR_URL is not set"), "{error}");
    assert!(!house.0.path().join("home.db").exists());
}

#[tokio::test]
async fn the_leaking_release_fails_pages_only_after_it_became_live_and_stays_healthy() {
    let house = House::new();
    let running = house.start("v7-slow-leak", "green").await;
    for _ in 0..20 {
        assert_eq!(running.get("/").await.status(), StatusCode::OK);
    }
    fs::write(house.live_file("green"), "").unwrap();
    let failing = async {
        while running.get("/").await.status() != StatusCode::INTERNAL_SERVER_ERROR {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(failing).await;
    assert_eq!(running.get("/healthz").await.status(), StatusCode::OK);
    running.stop().await;
}
