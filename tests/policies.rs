//! The policies where they run: as a step of real deploys of the demo's releases, against the public address after
//! the swap, on the dashboard and in the API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::support::visitor::Visitor;
use crate::support::{House, Said, TEALKEEP, colours_of, free_port, until};

const CHECKS: &str = "/api/v1/apps/home/checks";
const ACCEPTANCES: &str = "/api/v1/apps/home/acceptances";

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_keeps_pages_is_refused_before_the_swap_and_one_that_does_not_goes_through()
{
    let house = House::start().await;
    let refused = house
        .tealkeep(["deploy", "home", "v5-caches-html"])
        .fails_with(1);
    let status = house.until_quiet().await;
    let app = &status["apps"][0];
    assert_eq!(
        (&app["live"], &app["release"]),
        (&"blue".into(), &"v1".into())
    );
    assert_eq!(app["colours"]["green"]["state"], "stopped", "{app:#}");

    let run = &house.get("/api/v1/apps/home/runs").await[0];
    assert_eq!(states(run, "policy"), "failed", "{run:#}");
    assert_eq!(states(run, "swap"), "pending");
    let reason = run["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("the policies refuse v5-caches-html: "),
        "{reason}"
    );

    let check = newest(&house.socket()).await;
    assert_eq!(
        (&check["target"], &check["run"]),
        (&"idle".into(), &run["id"])
    );
    assert_eq!(
        (&check["release"], &check["verdict"]),
        (&"v5-caches-html".into(), &"fail".into())
    );
    for (policy, kind) in [
        ("html-cache", "reusable"),
        ("service-worker", "caches-html"),
    ] {
        assert!(has(&check, policy, kind), "{kind} is not among {check:#}");
    }
    let page = format!("/apps/home/checks/{}", check["id"]);
    assert!(reason.contains(&page), "{reason}");
    assert!(refused.stderr.contains(&page), "{refused:#?}");
    // Whoever listens for what happens is told.
    let journal = house.journal().await;
    let told = "The deploy of v5-caches-html failed at the step policy: the policies refuse";
    assert!(journal[0].starts_with(told), "{journal:#?}");
    assert!(
        journal[0].ends_with("v1 is live on blue, as before."),
        "{journal:#?}"
    );

    for release in ["v2", "v7-slow-leak", "v1"] {
        house.tealkeep(["deploy", "home", release]).succeeds();
        let check = newest(&house.socket()).await;
        assert_eq!(
            (&check["verdict"], &check["findings"]),
            (&"pass".into(), &json!([])),
            "{release}: {check:#}"
        );
        let run = &house.get("/api/v1/apps/home/runs").await[0];
        assert_eq!(states(run, "policy"), "done", "{run:#}");
    }
    let status = house.status().await;
    let idle = &status["apps"][0]["checks"]["idle"];
    assert_eq!(
        (&idle["verdict"], &idle["fails"]),
        (&"pass".into(), &0.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_findings_let_a_release_through_until_one_of_them_is_taken_back() {
    let house = House::start().await;
    let socket = house.socket();
    let v5 = ["deploy", "home", "v5-caches-html"];
    house.tealkeep(v5).fails_with(1);
    let check = newest(&socket).await;
    let failing = failing(&check);
    assert!(failing.len() >= 2, "{check:#}");

    let (status, refused) = post(&socket, ACCEPTANCES, &accepting(&failing[0], "  ")).await;
    assert_eq!(status, 409);
    assert!(says(&refused, "say why it is accepted"), "{refused}");
    let mut elsewhere = accepting(&failing[0], "a typo");
    elsewhere["url"] = "http://localhost/nowhere".into();
    let (status, refused) = post(&socket, ACCEPTANCES, &elsewhere).await;
    assert_eq!(status, 409);
    assert!(
        says(&refused, "no check of home that is kept has found"),
        "{refused}"
    );

    let mut ids = Vec::new();
    for finding in &failing {
        let (status, accepted) =
            post(&socket, ACCEPTANCES, &accepting(finding, "It is a museum")).await;
        assert_eq!(status, 200, "{accepted}");
        ids.push(accepted["id"].as_i64().unwrap());
    }
    let (status, twice) = post(&socket, ACCEPTANCES, &accepting(&failing[0], "again")).await;
    assert_eq!(status, 409, "{twice}");
    assert!(says(&twice, "was accepted before"), "{twice}");
    // The check that found it shows it as accepted from now on.
    let check = house.get(&format!("{CHECKS}/{}", check["id"])).await;
    assert_ne!(check["verdict"], "fail", "{check:#}");
    assert_eq!(check["findings"][0]["accepted"]["why"], "It is a museum");
    let journal = house.journal().await;
    assert!(journal[0].starts_with("The finding "), "{journal:#?}");
    assert!(journal[0].ends_with(": It is a museum."), "{journal:#?}");

    house.tealkeep(v5).succeeds();
    let run = &house.get("/api/v1/apps/home/runs").await[0];
    let detail = step(run, "policy")["detail"].as_str().unwrap();
    assert!(detail.contains("findings were accepted before"), "{detail}");

    // A way back has no gate.
    house.tealkeep(["rollback"]).succeeds();
    let (status, revoked) = post(
        &socket,
        &format!("{ACCEPTANCES}/{}/revoke", ids[0]),
        &Value::Null,
    )
    .await;
    assert_eq!((status, revoked["id"].as_i64().unwrap()), (200, ids[0]));
    let (status, _) = post(
        &socket,
        &format!("{ACCEPTANCES}/{}/revoke", ids[0]),
        &Value::Null,
    )
    .await;
    assert_eq!(status, 409);
    house.tealkeep(v5).fails_with(1);
    let check = newest(&socket).await;
    let left = self::failing(&check);
    assert_eq!(left.len(), 1, "{check:#}");
    assert_eq!(left[0]["url"], failing[0]["url"]);
    assert_eq!(
        house.get(ACCEPTANCES).await.as_array().unwrap().len(),
        ids.len() - 1
    );
    let all = house.get(&format!("{ACCEPTANCES}?all=true")).await;
    assert_eq!(all.as_array().unwrap().len(), ids.len());
    assert_eq!(house.status().await["apps"][0]["release"], "v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_warns_or_is_off_stops_no_deploy() {
    let warns = "html_cache = \"warn\"\nasset_cache = \"warn\"\nservice_worker = \"warn\"\n";
    let home = Home::start(warns, None).await;
    home.tealkeep(&["deploy", "home", "v5-caches-html"])
        .succeeds();
    let check = newest(&home.socket()).await;
    assert_eq!(check["verdict"], "warn", "{check:#}");
    assert!(has(&check, "service-worker", "caches-html"), "{check:#}");
    let run = &home.get("/api/v1/apps/home/runs").await[0];
    let detail = step(run, "policy")["detail"].as_str().unwrap();
    assert!(detail.starts_with("goes on with a warning: "), "{detail}");
    drop(home);

    let home = Home::start(&warns.replace("warn", "off"), None).await;
    home.tealkeep(&["deploy", "home", "v5-caches-html"])
        .succeeds();
    let run = &home.get("/api/v1/apps/home/runs").await[0];
    assert_eq!(states(run, "policy"), "skipped", "{run:#}");
    assert_eq!(home.get(CHECKS).await, json!([]));
    let (status, refused) = post(&home.socket(), CHECKS, &Value::Null).await;
    assert_eq!(status, 409);
    assert!(says(&refused, "switched off"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_in_between_changes_is_told_after_the_swap_and_when_it_is_mended() {
    let gate = free_port();
    let between = Between::before(gate).await;
    let home = Home::start_at(gate, "every = \"0s\"\n", Some(&between.url())).await;
    home.tealkeep(&["deploy", "home", "v2"]).succeeds();
    let check = home.until_check(|check| check["target"] == "public").await;
    assert_eq!(check["verdict"], "pass", "{check:#}");
    let run = &home.get("/api/v1/apps/home/runs").await[0];
    assert_eq!(
        (&check["run"], &check["release"]),
        (&run["id"], &"v2".into())
    );

    between.meddles.store(true, Ordering::SeqCst);
    let (status, check) = post(&home.socket(), CHECKS, &Value::Null).await;
    assert_eq!(
        (status, &check["verdict"]),
        (200, &"fail".into()),
        "{check:#}"
    );
    let changed = check["findings"].as_array().unwrap().iter();
    assert!(
        changed.clone().any(|f| f["kind"] == "changed-on-the-way"),
        "{check:#}"
    );
    let said = home.tealkeep(&["status"]);
    assert!(
        said.stdout.contains("People may be shown old pages"),
        "{said:#?}"
    );
    let told = "The check of http://127.0.0.1:";
    assert!(
        home.journal().await[0].starts_with(told),
        "{:#?}",
        home.journal().await
    );
    assert!(home.journal().await[0].contains(" found what keeps old pages"));
    let id = check["id"].clone();
    // The same again is counted, and not told once more.
    let events = home.journal().await.len();
    let (_, again) = post(&home.socket(), CHECKS, &Value::Null).await;
    assert_eq!((&again["id"], &again["times"]), (&id, &2.into()));
    assert_eq!(home.journal().await.len(), events);
    let metrics = home.text("/metrics").await;
    for line in [
        "tealkeep_check_verdict{app=\"home\",target=\"public\",verdict=\"fail\"} 1",
        "tealkeep_check_verdict{app=\"home\",target=\"public\",verdict=\"pass\"} 0",
        "tealkeep_check_verdict{app=\"home\",target=\"idle\",verdict=\"pass\"} 1",
        "tealkeep_check_timestamp_seconds{app=\"home\",target=\"public\"} ",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }

    between.meddles.store(false, Ordering::SeqCst);
    let (_, mended) = post(&home.socket(), CHECKS, &Value::Null).await;
    assert_eq!(mended["verdict"], "pass", "{mended:#}");
    assert!(home.journal().await[0].ends_with("found nothing wrong any more."));
    let said = home.tealkeep(&["status"]).stdout;
    assert!(!said.contains("old pages"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_asks_by_itself_and_a_silent_public_address_is_said_once() {
    let gate = free_port();
    let between = Between::before(gate).await;
    let url = between.url();
    let mut home = Home::start_at(gate, "every = \"6h\"\n", Some(&url)).await;
    let after_swap = home.until_check(|check| check["target"] == "public").await;
    assert_eq!(after_swap["times"], 1);

    // A start that comes too early asks nobody: whoever made it would be the same check once more.
    home.start_again(|_| {}).await;
    let (_, asked) = post(&home.socket(), CHECKS, &Value::Null).await;
    assert_eq!(
        (&asked["id"], &asked["times"]),
        (&after_swap["id"], &2.into())
    );
    let seven_hours = 7 * 3600 * 1000;
    let age = |folder: &Path| {
        let journal = rusqlite::Connection::open(folder.join("state/journal.db")).unwrap();
        let older = "UPDATE policy_check SET at = at - ?1 WHERE target = 'public'";
        assert_eq!(journal.execute(older, [seven_hours]).unwrap(), 1);
    };
    home.start_again(age).await;
    home.until_check(|check| check["times"] == 3).await;

    between.end().await;
    for _ in 0..2 {
        let (status, check) = post(&home.socket(), CHECKS, &Value::Null).await;
        assert_eq!(
            (status, &check["verdict"]),
            (200, &Value::Null),
            "{check:#}"
        );
        let why = check["unreachable"].as_str().unwrap();
        assert!(why.starts_with(&url), "{check:#}");
    }
    let silent = |text: &&String| text.contains(" got no answer: ");
    let journal = home.journal().await;
    assert_eq!(journal.iter().filter(silent).count(), 1, "{journal:#?}");
    let said = home.tealkeep(&["status"]).stdout;
    assert!(
        said.contains("could not be checked where people reach it"),
        "{said}"
    );
    assert_eq!(home.get("/api/v1/status").await["well"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_shows_checks_and_accepts_and_takes_back() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    visitor.get("/apps/home/checks").await.is(200);
    house
        .tealkeep(["deploy", "home", "v5-caches-html"])
        .fails_with(1);
    let check = newest(&house.socket()).await;
    let page = format!("/apps/home/checks/{}", check["id"]);
    visitor
        .get("/apps/home/checks")
        .await
        .is(200)
        .says("caches-html");
    visitor.get(&page).await.is(200).says("caches-html");
    visitor.get("/apps/home/checks/99999").await.is(404);

    let finding = &failing(&check)[0];
    let text = |key: &str| finding[key].as_str().unwrap();
    let form = |why| {
        [
            ("policy", text("policy")),
            ("kind", text("kind")),
            ("url", text("url")),
            ("why", why),
            ("back", page.as_str()),
        ]
    };
    let accept = "/apps/home/acceptances";
    visitor.post(accept, &form("")).await.leads_to(&page);
    visitor
        .get(&page)
        .await
        .is(200)
        .says("Say why it is accepted");
    let why = "Nobody uses it offline <b>";
    visitor.post(accept, &form(why)).await.leads_to(&page);
    visitor
        .get(&page)
        .await
        .is(200)
        .says("Nobody uses it offline &lt;b");
    let id = house.get(ACCEPTANCES).await[0]["id"].clone();
    assert_eq!(house.get(ACCEPTANCES).await[0]["by"], "the dashboard");
    let revoke = format!("{accept}/{id}/revoke");
    visitor
        .post(&revoke, &[])
        .await
        .leads_to("/apps/home/checks");
    assert_eq!(house.get(ACCEPTANCES).await, json!([]));
    let evil = [("back", "https://evil.example/")];
    visitor.post(&revoke, &evil).await.leads_to("/");

    // Without a public address it is the live colour that is asked.
    visitor
        .post("/apps/home/checks", &[])
        .await
        .leads_to("/apps/home/checks");
    let live = until("the live colour is checked", async || {
        let newest = newest(&house.socket()).await;
        match newest["target"] == "live" {
            true => Ok(newest),
            false => Err(newest),
        }
    })
    .await;
    assert_eq!(
        (&live["verdict"], &live["release"]),
        (&"pass".into(), &"v1".into())
    );
    visitor.get("/").await.is(200);
}

/// Each choice of the form under a finding accepts what it says: this one, the same at such addresses, the same
/// everywhere, everything of the policy.
#[tokio::test(flavor = "multi_thread")]
async fn the_dashboards_form_accepts_as_much_as_was_chosen() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    house
        .tealkeep(["deploy", "home", "v5-caches-html"])
        .fails_with(1);
    let check = newest(&house.socket()).await;
    let page = format!("/apps/home/checks/{}", check["id"]);
    let all = failing(&check);
    let key = |one: &Value| {
        let text = |key: &str| one[key].as_str().unwrap().to_owned();
        (text("policy"), text("kind"), text("url"))
    };
    let all: BTreeSet<(String, String, String)> = all.iter().map(key).collect();
    // One of a kind that is found at several addresses, in a policy that finds more kinds than that.
    let chosen = all.iter().rfind(|(policy, kind, _)| {
        let of_policy = all.iter().filter(|(p, _, _)| p == policy);
        let of_kind = of_policy.clone().filter(|(_, k, _)| k == kind).count();
        of_kind > 1 && of_policy.count() > of_kind
    });
    let chosen = chosen.unwrap_or_else(|| panic!("{all:#?}"));
    let (policy, kind, url) = chosen;
    let path = url::Url::parse(url).unwrap().path().to_owned();
    let pattern = format!("http*{path}");
    let elsewhere = "https://nowhere.example/*".to_owned();
    let form = |scope: &str, pattern: &str| {
        [
            ("policy", policy.clone()),
            ("kind", kind.clone()),
            ("url", url.clone()),
            ("scope", scope.to_owned()),
            ("pattern", pattern.to_owned()),
            ("why", "A museum".to_owned()),
            ("back", page.clone()),
        ]
    };
    let accept = "/apps/home/acceptances";
    type Is<'a> = Box<dyn Fn(&(String, String, String)) -> bool + 'a>;
    let choices: [(&str, &str, Option<&str>, &str, Is<'_>); 4] = [
        (
            "one",
            &elsewhere,
            Some(kind),
            url,
            Box::new(|one| one == chosen),
        ),
        (
            "pattern",
            &pattern,
            Some(kind),
            &pattern,
            Box::new(|(p, k, u)| p == policy && k == kind && u.ends_with(&path)),
        ),
        (
            "kind",
            &elsewhere,
            Some(kind),
            "*",
            Box::new(|(p, k, _)| p == policy && k == kind),
        ),
        (
            "policy",
            &elsewhere,
            None,
            "*",
            Box::new(|(p, _, _)| p == policy),
        ),
    ];
    let mut taken_in = Vec::new();
    for (scope, pattern, of_kind, at, is_accepted) in choices {
        let form = form(scope, pattern);
        let form: Vec<(&str, &str)> = form
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        visitor.post(accept, &form).await.leads_to(&page);
        visitor.get(&page).await.is(200).says("A museum");
        let accepted = house.get(ACCEPTANCES).await;
        assert_eq!(accepted.as_array().unwrap().len(), 1, "{accepted:#}");
        let accepted = &accepted[0];
        let is_pattern = scope != "one";
        assert_eq!(
            (
                &accepted["policy"],
                &accepted["kind"],
                &accepted["url"],
                &accepted["is_pattern"]
            ),
            (
                &json!(policy),
                &json!(of_kind),
                &json!(at),
                &json!(is_pattern)
            ),
            "{scope}"
        );
        let check = house.get(&format!("/api/v1{page}")).await;
        let left: BTreeSet<_> = failing(&check).iter().map(key).collect();
        let expected: BTreeSet<_> = all
            .iter()
            .filter(|one| !is_accepted(one))
            .cloned()
            .collect();
        assert_eq!(left, expected, "{scope}");
        taken_in.push(all.len() - left.len());
        let revoke = format!("{accept}/{}/revoke", accepted["id"]);
        visitor
            .post(&revoke, &[("back", &page)])
            .await
            .leads_to(&page);
        assert_eq!(
            failing(&house.get(&format!("/api/v1{page}")).await).len(),
            all.len()
        );
    }

    assert_eq!(taken_in[0], 1);
    assert!(
        taken_in[1] < taken_in[2] && taken_in[2] < taken_in[3],
        "{taken_in:?}"
    );

    // A pattern that nobody wrote accepts nothing, and neither does a choice that there is not.
    let empty = form("pattern", "  ");
    let empty: Vec<(&str, &str)> = empty
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    visitor.post(accept, &empty).await.leads_to(&page);
    visitor
        .get(&page)
        .await
        .is(200)
        .says("Write the addresses that are meant");
    let unknown = form("everything", "*");
    let unknown: Vec<(&str, &str)> = unknown
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    visitor.post(accept, &unknown).await.is(422);
    assert_eq!(house.get(ACCEPTANCES).await, json!([]));
}

/// The demo's app behind a configuration of the test's own, stopped with the test.
struct Home {
    dir: tempfile::TempDir,
    process: Child,
}

impl Home {
    async fn start(policy: &str, url: Option<&str>) -> Home {
        Home::start_at(free_port(), policy, url).await
    }

    /// With the gate on that port, `v1` deployed before anything can be refused.
    async fn start_at(gate: u16, policy: &str, url: Option<&str>) -> Home {
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-policies-")
            .tempdir()
            .unwrap();
        let folder = dir.path();
        for below in ["state", "data", "backups", "releases"] {
            fs::create_dir_all(folder.join(below)).unwrap();
        }
        tealkeep::demo::releases::write_all(&folder.join("releases")).unwrap();
        fs::write(folder.join("data/home.sqlite"), "").unwrap();
        let at = folder.display();
        let [dashboard, blue, green] = [free_port(), free_port(), free_port()];
        let url = url.map_or_else(String::new, |url| format!("url = \"{url}\"\n"));
        let config = format!(
            "state = \"{at}/state\"\nsocket = \"{at}/control.sock\"\n[dashboard]\nlisten = \"127.0.0.1:{dashboard}\"\n\
             [[app]]\nname = \"home\"\ndatabase = \"{at}/data/home.sqlite\"\nreleases = \"{at}/releases\"\n{url}\
             backups = \"{at}/backups\"\n[app.backup]\ndrill_every = \"0s\"\n[app.runtime]\ncommand = [\"{TEALKEEP}\", \"home-app\"]\nblue_port = {blue}\n\
             green_port = {green}\n[app.router]\nlisten = \"127.0.0.1:{gate}\"\n[app.deploy]\nkeep_releases = 50\n[app.policy]\n{policy}"
        );
        fs::write(folder.join("tealkeep.toml"), config).unwrap();
        let process = serve(folder);
        let home = Home { dir, process };
        home.until_up().await;
        home.tealkeep(&["deploy", "home", "v1"]).succeeds();
        home
    }

    async fn until_up(&self) {
        until("the server answers", async || {
            let is_up = self.tealkeep(&["status"]).code == 0;
            is_up.then_some(()).ok_or_else(|| self.log())
        })
        .await;
    }

    /// Kills the server, as a power cut would, and starts it again after `meanwhile`.
    async fn start_again(&mut self, meanwhile: impl FnOnce(&Path)) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        meanwhile(self.dir.path());
        self.process = serve(self.dir.path());
        self.until_up().await;
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn socket(&self) -> std::path::PathBuf {
        self.dir.path().join("control.sock")
    }

    fn tealkeep(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(TEALKEEP);
        command
            .env("TEALKEEP_SOCKET", self.socket())
            .args(arguments);
        Said::of(&command.output().unwrap())
    }

    async fn text(&self, path: &str) -> String {
        get(&self.socket(), path).await
    }

    async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).unwrap()
    }

    async fn journal(&self) -> Vec<String> {
        let events = self.get("/api/v1/journal?limit=200").await;
        let events = events.as_array().unwrap().iter();
        events
            .map(|event| event["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits for a check after the newest run that is as wanted.
    async fn until_check(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let run = self.get("/api/v1/apps/home/runs").await[0]["id"].clone();
        until("a check of the newest run is as wanted", async || {
            let check = newest(&self.socket()).await;
            match check["run"] == run && wanted(&check) {
                true => Ok(check),
                false => Err(format!("{check:#}\n{}", self.log())),
            }
        })
        .await
    }
}

fn serve(folder: &Path) -> Child {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .unwrap();
    Command::new(TEALKEEP)
        .args(["serve", "--config"])
        .arg(folder.join("tealkeep.toml"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}", self.log());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        for pid in colours_of(self.dir.path()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Something between people and the gate, that can be told to keep pages.
struct Between {
    at: SocketAddr,
    meddles: Arc<AtomicBool>,
    stop: tokio_util::sync::CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Way {
    gate: u16,
    client: reqwest::Client,
    meddles: Arc<AtomicBool>,
}

impl Between {
    async fn before(gate: u16) -> Between {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let meddles = Arc::new(AtomicBool::new(false));
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let way = Way {
            gate,
            client,
            meddles: meddles.clone(),
        };
        let app = axum::Router::new().fallback(hand_on).with_state(way);
        let stop = tokio_util::sync::CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            tokio::select! {
                served = async { axum::serve(listener, app).await } => served.unwrap(),
                () = stopped => {}
            }
        });
        Between {
            at,
            meddles,
            stop,
            serving,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// From now on nobody answers there.
    async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

async fn hand_on(State(way): State<Way>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let url = format!("http://127.0.0.1:{}{}", way.gate, parts.uri);
    let mut headers = parts.headers;
    headers.remove(header::CONNECTION);
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let sent = way
        .client
        .request(parts.method, url)
        .headers(headers)
        .body(body)
        .send()
        .await;
    let Ok(answer) = sent else {
        return axum::http::StatusCode::BAD_GATEWAY.into_response();
    };
    let mut response = Response::builder().status(answer.status());
    *response.headers_mut().unwrap() = answer.headers().clone();
    let fields = response.headers_mut().unwrap();
    fields.remove(header::TRANSFER_ENCODING);
    fields.remove(header::CONNECTION);
    let is_html = fields
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
    if is_html && way.meddles.load(Ordering::SeqCst) {
        let keeps = HeaderValue::from_static("public, max-age=3600");
        fields.insert(header::CACHE_CONTROL, keeps);
    }
    response
        .body(Body::from_stream(answer.bytes_stream()))
        .unwrap()
}

async fn get(socket: &Path, path: &str) -> String {
    let client = reqwest::Client::builder()
        .unix_socket(socket)
        .build()
        .unwrap();
    let answer = client.get(format!("http://tealkeep{path}")).send().await;
    answer.unwrap().text().await.unwrap()
}

async fn post(socket: &Path, path: &str, body: &Value) -> (u16, Value) {
    let client = reqwest::Client::builder()
        .unix_socket(socket)
        .build()
        .unwrap();
    let mut request = client.post(format!("http://tealkeep{path}"));
    if !body.is_null() {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// The newest check with all that it found; null where there is none.
async fn newest(socket: &Path) -> Value {
    let all: Value = serde_json::from_str(&get(socket, CHECKS).await).unwrap();
    let Some(id) = all[0]["id"].as_i64() else {
        return Value::Null;
    };
    serde_json::from_str(&get(socket, &format!("{CHECKS}/{id}")).await).unwrap()
}

fn has(check: &Value, policy: &str, kind: &str) -> bool {
    let findings = check["findings"].as_array().unwrap();
    findings
        .iter()
        .any(|finding| finding["policy"] == policy && finding["kind"] == kind)
}

/// What fails and nobody accepted.
fn failing(check: &Value) -> Vec<Value> {
    let findings = check["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["severity"] == "fail" && finding["accepted"].is_null())
        .cloned()
        .collect()
}

fn accepting(finding: &Value, why: &str) -> Value {
    json!({"policy": finding["policy"], "kind": finding["kind"], "url": finding["url"], "why": why})
}

fn says(problem: &Value, words: &str) -> bool {
    problem["detail"].as_str().unwrap().contains(words)
}

fn step<'a>(run: &'a Value, name: &str) -> &'a Value {
    let steps = run["steps"].as_array().unwrap();
    steps.iter().find(|row| row["step"] == name).unwrap()
}

fn states<'a>(run: &'a Value, name: &str) -> &'a str {
    step(run, name)["state"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_shown_and_accepted_on_the_command_line_by_policy_kind_and_pattern() {
    let house = House::start().await;
    let v5 = ["deploy", "home", "v5-caches-html"];
    let refused = house.tealkeep(v5).fails_with(1);
    assert!(
        refused.stderr.contains("tealkeep accept home"),
        "{refused:#?}"
    );
    let listed = house.tealkeep(["accept", "home"]).succeeds();
    for part in [
        "(caches-html)",
        "(reusable)",
        "What to change:",
        "--finding ID",
    ] {
        assert!(listed.stdout.contains(part), "{part}: {listed:#?}");
    }
    // One finding, by its digits, and never without a reason.
    let facts = house
        .tealkeep(["accept", "home", "--json"])
        .succeeds()
        .json();
    let first = facts["findings"][0].clone();
    let id = first["id"].as_str().unwrap();
    house
        .tealkeep(["accept", "home", "--finding", id])
        .fails_with(2);
    house
        .tealkeep(["accept", "home", "--finding", "zzzzzz", "--why", "x"])
        .fails_with(2);
    let one = house
        .tealkeep([
            "accept",
            "home",
            "--finding",
            id,
            "--why",
            "A museum",
            "--json",
        ])
        .succeeds()
        .json();
    assert_eq!(
        (&one["url"], &one["is_pattern"]),
        (&first["url"], &json!(false)),
        "{one:#}"
    );
    let number = one["id"].to_string();
    house
        .tealkeep(["accept", "home", "--revoke", &number])
        .succeeds();
    house
        .tealkeep(["accept", "home", "--revoke", &number])
        .fails_with(1);

    // All of a policy, and a kind at addresses like a pattern: together they let it through.
    house
        .tealkeep(["accept", "home", "--policy", "nonsense", "--why", "x"])
        .fails_with(2);
    house
        .tealkeep([
            "accept",
            "home",
            "--policy",
            "service-worker",
            "--at",
            "https://nowhere/*",
            "--why",
            "x",
        ])
        .fails_with(1);
    let all = house
        .tealkeep([
            "accept",
            "home",
            "--policy",
            "service-worker",
            "--why",
            "A museum",
            "--json",
        ])
        .succeeds()
        .json();
    assert_eq!(
        (&all["kind"], &all["url"]),
        (&Value::Null, &json!("*")),
        "{all:#}"
    );
    house.tealkeep(v5).fails_with(1);
    for policy in ["html-cache", "asset-cache"] {
        house.tealkeep([
            "accept", "home", "--policy", policy, "--at", "http*", "--why", "A museum",
        ]);
    }
    house.tealkeep(v5).succeeds();
    let run = &house.get("/api/v1/apps/home/runs").await[0];
    let detail = step(run, "policy")["detail"].as_str().unwrap();
    assert!(
        detail.contains("looked at") && detail.contains("service worker"),
        "{detail}"
    );
    let journal = house.journal().await;
    let told = "Every finding of service-worker at any address was accepted by";
    assert!(
        journal.iter().any(|line| line.starts_with(told)),
        "{journal:#?}"
    );

    // What an API's caller leaves out widens nothing.
    let socket = house.socket();
    for body in [
        json!({"policy": "html-cache", "why": "x"}),
        json!({"policy": "html-cache", "url": "*", "why": "x"}),
        json!({"policy": "html-cache", "kind": "reusable", "why": "x"}),
        json!({"policy": "html-cache", "kind": "reusable", "url": "a", "pattern": "*", "why": "x"}),
    ] {
        let (status, refused) = post(&socket, ACCEPTANCES, &body).await;
        assert_eq!(status, 422, "{body}: {refused}");
    }
    let check = newest(&socket).await;
    assert!(check["seen"]["pages"].as_u64() > Some(1), "{check:#}");
    assert!(check["seen"]["worker"]["url"].is_string(), "{check:#}");
}
