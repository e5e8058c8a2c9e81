//! The examples in `docs/examples`: each is built with the real tools of its framework and deployed as its own part of the
//! configuration says, but for what a machine without systemd and Caddy lacks. A browser's form is taken, a second release
//! goes live, and what was stored is still there.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use toml_edit::{DocumentMut, value};

use crate::support::random::is_long;
use crate::support::{Said, TEALKEEP, colours_of, free_port, until_blocking, until_it_listens};

#[tokio::test(flavor = "multi_thread")]
async fn sveltekit_takes_a_form_over_plain_http_and_a_second_release() {
    let house = House::of("sveltekit");
    house.refuses_forms_without_its_variables().await;
    house.lives(Form::Field("/", "what"), Keeps::Nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn django_migrates_takes_a_form_and_a_second_release() {
    House::of("django")
        .lives(Form::Field("/", "what"), Keeps::InDatabase)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_take_a_form_and_a_second_release() {
    if !is_long() {
        // Each takes minutes to build; their parts of the configuration are read in every run.
        return;
    }
    House::of("next")
        .lives(Form::Field("/buy", "what"), Keeps::Nothing)
        .await;
    House::of("go")
        .lives(Form::Field("/", "what"), Keeps::Nothing)
        .await;
    let records = Form::Multipart("/api/collections/bought/records", "what");
    House::of("pocketbase")
        .lives(records, Keeps::InDatabase)
        .await;
    House::of("rails")
        .lives(Form::Field("/", "what"), Keeps::InDatabase)
        .await;
}

#[test]
fn every_example_is_a_configuration_with_its_units() {
    let mut seen = 0;
    for entry in fs::read_dir(examples()).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(source) = fs::read_to_string(folder.join("tealkeep.toml")) else {
            continue;
        };
        let config = tealkeep::config::Config::parse(&source, false)
            .unwrap_or_else(|problems| panic!("{}: {problems:?}", folder.display()));
        tealkeep::units::sheet(&config, &config.apps[0], "pi").unwrap();
        assert!(folder.join("README.md").exists(), "{}", folder.display());
        seen += 1;
    }
    assert_eq!(seen, 6);
}

/// How a browser sends what somebody has bought.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// `application/x-www-form-urlencoded`, to this path, in this field.
    Field(&'static str, &'static str),
    /// `multipart/form-data`.
    Multipart(&'static str, &'static str),
}

/// Whether the app keeps what it is told from one release to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// The smallest apps forget it.
    Nothing,
    /// It is in the database.
    InDatabase,
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples")
}

/// A household with one example; everything in it ends with the test.
struct House {
    dir: tempfile::TempDir,
    made: PathBuf,
    health: String,
    port: u16,
    server: Option<Child>,
}

impl House {
    fn of(name: &str) -> House {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/examples/make");
        let made = Said::of(&Command::new(script).arg(name).output().unwrap()).succeeds();
        let dir = tempfile::Builder::new()
            .prefix("tealkeep-example-")
            .tempdir()
            .unwrap();
        for below in ["data", "releases", "backups", "state"] {
            fs::create_dir(dir.path().join(below)).unwrap();
        }
        let mut house = House {
            dir,
            made: made.stdout.trim().into(),
            health: String::new(),
            port: free_port(),
            server: None,
        };
        house.is_configured(name);
        for release in ["v1", "v2"] {
            let copied = Command::new("cp")
                .arg("-a")
                .args([
                    house.made.join(release),
                    house.path("releases").join(release),
                ])
                .status();
            assert!(copied.unwrap().success());
        }
        house
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// The example's own part, with paths and ports of this house, the `process` runtime and the gate.
    fn is_configured(&mut self, name: &str) {
        let source = fs::read_to_string(examples().join(name).join("tealkeep.toml")).unwrap();
        let mut document: DocumentMut = source.parse().unwrap();
        let text = |path: PathBuf| value(path.to_str().unwrap());
        let state = [
            ("state", "state"),
            ("socket", "control.sock"),
            ("spool", "spool"),
        ];
        for (key, below) in state {
            document[key] = text(self.path(below));
        }
        document["dashboard"] = toml_edit::table();
        document["dashboard"]["listen"] = value(format!("127.0.0.1:{}", free_port()));
        let app = document["app"]
            .as_array_of_tables_mut()
            .unwrap()
            .get_mut(0)
            .unwrap();
        let database = Path::new(app["database"].as_str().unwrap())
            .file_name()
            .unwrap()
            .to_owned();
        let database = self.path("data").join(database);
        fs::write(&database, "").unwrap();
        app["database"] = text(database);
        app["releases"] = text(self.path("releases"));
        app["backups"] = text(self.path("backups"));
        app["runtime"]["kind"] = value("process");
        app["runtime"]["blue_port"] = value(i64::from(free_port()));
        app["runtime"]["green_port"] = value(i64::from(free_port()));
        app["router"] = toml_edit::table();
        app["router"]["listen"] = value(format!("127.0.0.1:{}", self.port));
        if app.get("health").is_none() {
            app["health"] = toml_edit::table();
        }
        // The machine of the tests is busy.
        app["health"]["within"] = value("80s");
        app["health"]["timeout"] = value("20s");
        let path = app["health"].get("path").and_then(toml_edit::Item::as_str);
        self.health = path.unwrap_or("/healthz").to_owned();
        fs::write(self.path("tealkeep.toml"), document.to_string()).unwrap();
    }

    fn starts(&mut self) {
        let log = File::create(self.path("server.log")).unwrap();
        let server = Command::new(TEALKEEP)
            .arg("serve")
            .arg("--config")
            .arg(self.path("tealkeep.toml"))
            // What `prepare` would fetch is here already.
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", self.made.join("wheels"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.server = Some(server.unwrap());
        until_blocking("the server answers", || {
            let ended = self.server.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "it ended with {ended:?}: {}", self.log());
            let is_up = self.tealkeep(&["status"]).code == 0;
            is_up.then_some(()).ok_or_else(|| self.log())
        });
    }

    fn tealkeep(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(TEALKEEP);
        let command = command.env("TEALKEEP_SOCKET", self.path("control.sock"));
        Said::of(&command.args(arguments).output().unwrap())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("server.log")).unwrap_or_default()
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn lives(mut self, form: Form, keeps: Keeps) {
        self.starts();
        self.goes_live("v1", "Shopping list").await;
        let shown = self.sends(form).await;
        assert!(shown.contains("oat milk"), "{shown}");
        self.goes_live("v2", "Second list").await;
        let shown = match form {
            Form::Field(..) => self.gets("/").await.1,
            Form::Multipart(path, _) => self.gets(path).await.1,
        };
        assert_eq!(
            shown.contains("oat milk"),
            keeps == Keeps::InDatabase,
            "{shown}"
        );
        let shown = self.sends(form).await;
        assert!(shown.contains("oat milk"), "{shown}");
    }

    /// Deploys a release: people get its page, and its health says which one answers.
    async fn goes_live(&self, release: &str, heading: &str) {
        let said = self.tealkeep(&["deploy", "home", release]);
        assert_eq!(said.code, 0, "{said:#?}\n{}", self.log());
        let health = reqwest::get(format!("{}{}", self.origin(), self.health))
            .await
            .unwrap();
        assert_eq!(health.status(), 200);
        assert_eq!(health.headers()["tealkeep-release"], release);
        let (status, page) = self.gets("/").await;
        assert!(status == 200 && page.contains(heading), "{status}: {page}");
    }

    async fn gets(&self, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("{}{path}", self.origin()))
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Sends the form of the page as a browser does, and answers with what is shown then.
    async fn sends(&self, form: Form) -> String {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let page = client
            .get(format!("{}/", self.origin()))
            .send()
            .await
            .unwrap();
        let cookies = page.headers().get_all(SET_COOKIE).iter();
        let cookies: Vec<String> = cookies
            .map(|field| {
                field
                    .to_str()
                    .unwrap()
                    .split(';')
                    .next()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        let page = page.text().await.unwrap();
        let (Form::Field(path, field) | Form::Multipart(path, field)) = form;
        let mut fields = vec![(field.to_owned(), "oat milk".to_owned())];
        fields.extend(hidden(&page));
        let mut asked = client
            .post(format!("{}{path}", self.origin()))
            .header(ORIGIN, self.origin());
        if !cookies.is_empty() {
            asked = asked.header(COOKIE, cookies.join("; "));
        }
        let asked = match form {
            Form::Field(..) => asked.form(&fields),
            Form::Multipart(..) => {
                let body: String = fields
                    .iter()
                    .map(|(name, value)| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"))
                    .collect();
                asked
                    .header("content-type", "multipart/form-data; boundary=x")
                    .body(format!("{body}--x--\r\n"))
            }
        };
        let answer = asked.send().await.unwrap();
        let status = answer.status();
        let place = answer
            .headers()
            .get(LOCATION)
            .map(|place| place.to_str().unwrap().to_owned());
        let body = answer.text().await.unwrap();
        match place {
            Some(place) => {
                assert!(status.is_redirection(), "{status}: {body}");
                let own = place
                    .strip_prefix(&self.origin())
                    .unwrap_or(&place)
                    .to_owned();
                self.gets(&own).await.1
            }
            None => {
                assert!(status.is_success(), "{status}: {body}");
                body
            }
        }
    }

    /// The app by itself, without what its part of the configuration sets: what the example says of it is so.
    async fn refuses_forms_without_its_variables(&self) {
        let port = free_port();
        let mut app = Command::new("node")
            .arg("build")
            .current_dir(self.path("releases/v1"))
            .env("PORT", port.to_string())
            .env("HOST", "127.0.0.1")
            .env_remove("PROTOCOL_HEADER")
            .env_remove("HOST_HEADER")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        until_it_listens(&mut app, at, &self.path("server.log"));
        let origin = format!("http://{at}");
        let client = reqwest::Client::new();
        let asked = client
            .post(format!("{origin}/"))
            .header(ORIGIN, origin.clone());
        let answer = asked.form(&[("what", "oat milk")]).send().await;
        app.kill().unwrap();
        app.wait().unwrap();
        assert_eq!(answer.unwrap().status(), 403);
    }
}

/// The hidden fields of a page's form.
fn hidden(page: &str) -> Vec<(String, String)> {
    let field = regex::Regex::new("<input[^>]*type=\"hidden\"[^>]*>").unwrap();
    let of = |input: &str, name: &str| {
        let (_, rest) = input.split_once(&format!("{name}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    let inputs = field.find_iter(page).map(|found| found.as_str());
    inputs
        .filter_map(|input| Some((of(input, "name")?, of(input, "value")?)))
        .collect()
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- server.log ---\n{}", self.log());
        }
        for pid in colours_of(self.dir.path()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}
