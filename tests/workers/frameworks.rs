//! What the findings and the docs advise for a framework, built with that framework's own tools and served by its own
//! server: the careless app is found out, and the same app with the line in its place passes. The lines are taken from
//! the findings themselves.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::advice::{Caddy, for_caddy, is_in_docs};
use super::site::Site;
use super::verdicts::check;
use crate::support::random::is_long;
use crate::support::{free_port, until_it_listens};

/// Where everything of this module lies.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/workers/frameworks");
const YEAR: &str = "public, max-age=31536000, immutable";

/// What the findings of a site advise that does everything wrong.
struct Findings(Value);

impl Findings {
    async fn of_a_careless_site() -> Findings {
        fn answer(status: u16, kind: &str, control: &str, body: &'static str) -> Response {
            let fields = [("content-type", kind), ("cache-control", control)];
            let status = axum::http::StatusCode::from_u16(status).unwrap();
            (status, fields, body).into_response()
        }
        let home = "<!doctype html><a href=/reused>1</a><a href=/shared>2</a><img src=/file.png>\
                    <script src=/assets/app-D8a9sQwz.js></script><script src=/assets/lost-B7k2xQ9d.js></script>";
        let router = Router::new()
            .route(
                "/",
                get(async move || answer(200, "text/html", "no-cache", home)),
            )
            .route(
                "/reused",
                get(async || answer(200, "text/html", "max-age=600", "<p>1")),
            )
            .route(
                "/shared",
                get(async || {
                    answer(
                        200,
                        "text/html",
                        "max-age=0, must-revalidate, s-maxage=600",
                        "<p>2",
                    )
                }),
            )
            .route(
                "/file.png",
                get(async || answer(200, "image/png", YEAR, "3")),
            )
            .route(
                "/assets/app-D8a9sQwz.js",
                get(async || answer(200, "text/javascript", "no-cache", "4")),
            )
            .fallback(async || answer(404, "text/plain", YEAR, "5"));
        let site = Site::of(router).await;
        Findings(check(&[&site.origin()]).await.json())
    }

    fn of(&self, kind: &str) -> &Value {
        let mut findings = self.0["findings"].as_array().unwrap().iter();
        let finding = findings.find(|finding| finding["kind"] == kind);
        finding.unwrap_or_else(|| panic!("there is no {kind}: {:#}", self.0))
    }

    /// The line for a framework, of the finding of that kind.
    fn line(&self, kind: &str, place: &str) -> String {
        let advice = self.of(kind)["advice"].as_str().unwrap();
        let begin = format!("  {place}: ");
        let mut lines = advice.lines().filter_map(|line| line.strip_prefix(&begin));
        lines
            .next()
            .unwrap_or_else(|| panic!("{advice}"))
            .to_owned()
    }

    /// What stands between backticks in that line.
    fn code(&self, kind: &str, place: &str) -> Vec<String> {
        let line = self.line(kind, place);
        line.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }

    /// The same where it is this many pieces.
    fn codes<const N: usize>(&self, kind: &str, place: &str) -> [String; N] {
        let pieces = self.code(kind, place);
        pieces
            .try_into()
            .unwrap_or_else(|pieces| panic!("{kind}, {place}: {pieces:?}"))
    }
}

/// An app's sources, before they are built.
struct Sources {
    folder: tempfile::TempDir,
    tools: &'static str,
}

impl Sources {
    fn of(name: &str, tools: &'static str) -> Sources {
        let folder = tempfile::tempdir().unwrap();
        let from = Path::new(HERE).join("apps").join(name).join(".");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(from)
            .arg(folder.path())
            .status();
        assert!(copied.unwrap().success());
        Sources { folder, tools }
    }

    /// With this in a file.
    fn file(self, path: &str, text: &str) -> Sources {
        let file = self.folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        self
    }

    /// With something else in place of what stands in a file.
    fn with(self, path: &str, place: &str, text: &str) -> Sources {
        let before = std::fs::read_to_string(self.folder.path().join(path)).unwrap();
        assert!(before.contains(place), "{path} has no {place}");
        self.file(path, &before.replace(place, text))
    }

    /// Builds them, or finds what was built of them before.
    async fn build(self) -> PathBuf {
        let make = move || {
            let make = Path::new(HERE).join("make");
            let output = Command::new(make)
                .arg(self.tools)
                .arg(self.folder.path())
                .output();
            let output = output.unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {said}", self.tools);
            PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
        };
        tokio::task::spawn_blocking(make).await.unwrap()
    }
}

/// An app that runs; it ends with all of its processes when this is dropped.
struct Served {
    child: Child,
    port: u16,
}

impl Served {
    fn run(app: &Path, command: &[&str]) -> Served {
        let port = free_port();
        let log = app.join(format!("log-{port}"));
        let command: Vec<String> = command
            .iter()
            .map(|word| word.replace("PORT", &port.to_string()))
            .collect();
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .current_dir(app)
            .env("PORT", port.to_string())
            .env("HOST", "127.0.0.1")
            .env("PYTHONPATH", app.join("../lib"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NEXT_TELEMETRY_DISABLED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .process_group(0)
            .spawn()
            .unwrap();
        until_it_listens(&mut child, ([127, 0, 0, 1], port).into(), &log);
        std::fs::remove_file(&log).unwrap();
        Served { child, port }
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What is found: kinds and paths.
    async fn findings(&self) -> (BTreeSet<(String, String)>, Value) {
        let report = check(&[&self.origin()]).await.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found = report["findings"].as_array().unwrap().iter().map(|one| {
            let url = url::Url::parse(&text(&one["url"])).unwrap();
            (text(&one["kind"]), url.path().to_owned())
        });
        (found.collect(), report)
    }

    /// These are among the findings, and nothing is found at the other paths.
    async fn is_found_out(&self, expected: &[(&str, &str)], but_not_at: &[&str]) {
        let (found, report) = self.findings().await;
        for (kind, path) in expected {
            let is_it = |(k, p): &(String, String)| {
                k == kind
                    && (p == path
                        || path
                            .strip_suffix('*')
                            .is_some_and(|path| p.starts_with(path)))
            };
            assert!(found.iter().any(is_it), "{kind} {path}: {report:#}");
        }
        for path in but_not_at {
            let seen = reqwest::get(format!("{}{path}", self.origin()))
                .await
                .unwrap();
            assert_eq!(seen.status(), 200, "{path}");
            assert!(found.iter().all(|(_, p)| p != path), "{path}: {report:#}");
        }
    }

    /// Nothing is found, of at least so many pages and with files; the worker is seen at work, where there is one.
    async fn passes(&self, worker: Option<&str>) {
        let said = check(&[&self.origin()]).await;
        let report = said.json();
        assert_eq!(report["findings"], json!([]), "{report:#}");
        assert_eq!(said.code, 0, "{report:#}");
        assert!(report["seen"]["pages"].as_u64() >= Some(3), "{report:#}");
        assert!(report["seen"]["assets"].as_u64() >= Some(2), "{report:#}");
        let seen = &report["seen"]["worker"];
        match worker {
            Some(worker) => {
                assert_eq!(
                    seen["url"],
                    format!("{}{worker}", self.origin()),
                    "{report:#}"
                );
                assert!(seen["events"].as_u64() > Some(10), "{report:#}");
            }
            None => assert!(seen.is_null(), "{report:#}"),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).unwrap();
        let group = rustix::process::Pid::from_raw(group).unwrap();
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn express_with_the_lines_of_the_findings_passes() {
    let findings = Findings::of_a_careless_site().await;
    let run = |app: &Path| Served::run(app, &["node", "server.js"]);
    let careless = "app.use(express.static('dist'));\napp.use(express.static('public', { maxAge: '1y', immutable: true }));";
    let app = Sources::of("express", "express")
        .with("server.js", "/* SET UP */", careless)
        .build()
        .await;
    let expected = [
        ("heuristic-freshness", "/"),
        ("heuristic-freshness", "/old"),
        ("kept-by-proxy", "/shared"),
        ("mutable-immutable", "/app.js"),
        ("hashed-not-immutable", "/assets/app-D8a9sQwz.css"),
    ];
    run(&app).is_found_out(&expected, &[]).await;

    let [pages] = findings.codes("reusable", "Express");
    let [hashed] = findings.codes("hashed-not-immutable", "Express");
    let [stable] = findings.codes("mutable-immutable", "Express");
    let [shared] = findings.codes("kept-by-proxy", "Express");
    let app = Sources::of("express", "express")
        .with(
            "server.js",
            "/* SET UP */",
            &[hashed, pages, stable].join("\n"),
        )
        .with("server.js", "/* SHARED */", &shared)
        .build()
        .await;
    run(&app).passes(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn django_with_the_lines_of_the_findings_passes() {
    let findings = Findings::of_a_careless_site().await;
    let run = |app: &Path| Served::run(app, &["python3", "serve.py"]);
    let app = Sources::of("django", "django").build().await;
    let expected = [
        ("heuristic-freshness", "/"),
        ("reusable", "/about/"),
        // Django's own redirect to the slash.
        ("heuristic-freshness", "/about"),
        ("heuristic-freshness", "/old/"),
        ("kept-by-proxy", "/shared/"),
        ("mutable-reusable", "/static/app.js"),
    ];
    run(&app).is_found_out(&expected, &[]).await;

    let [pages, import] = findings.codes("reusable", "Django");
    let [shared] = findings.codes("kept-by-proxy", "Django");
    // WhiteNoise's own storage, and Django's, which WhiteNoise serves as well.
    for kind in ["hashed-not-immutable", "mutable-immutable"] {
        let [storage] = findings.codes(kind, "Django");
        let app = Sources::of("django", "django")
            .with("household/settings.py", "# SETTINGS", &storage)
            .with(
                "household/settings.py",
                "# MIDDLEWARE",
                "\"household.freshness.ask_again\",",
            )
            .with("household/freshness.py", "# IMPORT", &import)
            .with(
                "household/freshness.py",
                "return get_response(request)",
                &pages,
            )
            .with("household/urls.py", "# IMPORT", &import)
            .with("household/urls.py", "# SHARED", &shared)
            .build()
            .await;
        run(&app).passes(None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rails_with_the_lines_of_the_findings_passes() {
    if !is_long() {
        // It needs some hundred packages of Debian.
        return;
    }
    let findings = Findings::of_a_careless_site().await;
    let puma = [
        "puma",
        "--bind",
        "tcp://127.0.0.1:PORT",
        "--environment",
        "production",
        "config.ru",
    ];
    let run = |app: &Path| Served::run(app, &puma);
    let app = Sources::of("rails", "rails").build().await;
    let expected = [
        ("reusable", "/list"),
        ("heuristic-freshness", "/tealkeep-check-*"),
        ("kept-by-proxy", "/shared"),
        ("hashed-not-immutable", "/assets/application-*"),
    ];
    run(&app).is_found_out(&expected, &[]).await;

    let [pages, errors] = findings.codes("reusable", "Rails");
    let [shared] = findings.codes("kept-by-proxy", "Rails");
    let [hashed] = findings.codes("hashed-not-immutable", "Rails");
    // Those two lines alone: what lies in public/ is kept for good with the rest, as the finding says.
    let with_lines = || {
        Sources::of("rails", "rails")
            .with(
                "app/controllers/application_controller.rb",
                "# BEFORE ALL",
                &pages,
            )
            .with("app/controllers/home_controller.rb", "# SHARED", &shared)
            .with(
                "config/application.rb",
                "# SETTINGS",
                &format!("{errors}\n  {hashed}"),
            )
    };
    let app = with_lines().build().await;
    run(&app)
        .is_found_out(&[("mutable-immutable", "/file.png")], &["/list"])
        .await;
    let home = "app/views/home/index.html.erb";
    let app = with_lines().with(home, "/file.png", "<%= asset_path(\"file.png\") %>");
    run(&app.build().await).passes(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sveltekit_with_the_lines_of_the_findings_passes() {
    let findings = Findings::of_a_careless_site().await;
    let run = |app: &Path| Served::run(app, &["node", "build"]);
    let [shared] = findings.codes("kept-by-proxy", "SvelteKit");
    let hook = format!(
        "export async function handle({{ event, resolve }}) {{ const response = await resolve(event); \
         if (event.url.pathname === '/quiet') {{ {shared}; }} return response; }}"
    );
    let prerendered = ("src/routes/told/+page.js", "export const prerender = true;");
    let app = Sources::of("sveltekit", "sveltekit")
        .file(prerendered.0, prerendered.1)
        .file("src/hooks.server.js", &hook)
        .build()
        .await;
    let expected = [
        ("heuristic-freshness", "/"),
        ("heuristic-freshness", "/about/"),
        ("heuristic-freshness", "/old"),
        ("heuristic-freshness", "/told"),
        ("kept-by-proxy", "/shared"),
        ("mutable-reusable", "/file.js"),
    ];
    let served = run(&app);
    served.is_found_out(&expected, &["/quiet"]).await;

    // In front of it, Caddy sends the header for prerendered pages and redirects too.
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let lines = for_caddy(findings.of("reusable")).unwrap();
    let _caddy = Caddy::serve(
        folder.path(),
        port,
        &lines,
        &format!("reverse_proxy 127.0.0.1:{}", served.port),
    );
    let said = check(&[&format!("http://127.0.0.1:{port}")]).await;
    assert_eq!(said.json()["findings"], json!([]), "{said:#?}");

    let [hook, prerender, slash] = findings.codes("reusable", "SvelteKit");
    let [import] = findings.codes("mutable-immutable", "SvelteKit");
    let app = Sources::of("sveltekit", "sveltekit")
        .file("src/hooks.server.js", &hook)
        .file(
            "src/routes/+layout.js",
            &format!("{prerender};\n{slash};\n"),
        )
        .with(
            "src/routes/+page.svelte",
            "const url = '/file.png';",
            &import,
        )
        .with("src/app.html", "<script src=\"/file.js\"></script>", "")
        .build()
        .await;
    run(&app).passes(None).await;
}

/// `next.config.mjs` with this plugin around it, and what the findings advise.
fn next_config(plugin: &str, [headers, permanent, slash]: &[String; 3], more: &str) -> String {
    format!(
        "{plugin}
const advised = {{ {headers} }};
export default wrap({{
  {slash},
  redirects: async () => [{{ source: '/old', destination: '/about', {permanent} }}],
  headers: async () => [...(await advised.headers()){more}],
}});
"
    )
}

fn next(app: &Path) -> Served {
    let next = "../node_modules/next/dist/bin/next";
    Served::run(
        app,
        &[
            "node",
            next,
            "start",
            "--port",
            "PORT",
            "--hostname",
            "127.0.0.1",
        ],
    )
}

const KEEPS_PICTURE: &str = "{ source: '/file.png', headers: [{ key: 'Cache-Control', value: 'public, max-age=31536000, immutable' }] }";

#[tokio::test(flavor = "multi_thread")]
async fn next_without_the_lines_is_found_out() {
    let findings = Findings::of_a_careless_site().await;
    let config = format!(
        "export default {{
  redirects: async () => [{{ source: '/old', destination: '/about', permanent: true }}],
  headers: async () => [
    {{ source: '/_next/static/:path*', headers: [{{ key: 'Cache-Control', value: 'public, max-age=86400' }}] }},
    {KEEPS_PICTURE},
  ],
}};
"
    );
    let [fresh, _] = findings.codes("kept-by-proxy", "Next.js");
    let app = Sources::of("next", "next")
        .file("next.config.mjs", &config)
        .with("app/fresh/page.js", "/* FRESH */", &format!("{fresh};"))
        .build()
        .await;
    let expected = [
        ("heuristic-freshness", "/"),
        ("heuristic-freshness", "/about/"),
        ("heuristic-freshness", "/old"),
        ("kept-by-proxy", "/list"),
        ("mutable-immutable", "/file.png"),
        ("hashed-not-immutable", "/_next/static/*"),
    ];
    next(&app).is_found_out(&expected, &["/fresh"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn next_with_next_pwa_by_the_docs_passes() {
    const RECIPE: &str = include_str!("../../docs/recipes/next-pwa.js");
    is_in_docs("next-pwa.js", RECIPE);
    let findings = Findings::of_a_careless_site().await;
    let plugin = "import withPWA from 'next-pwa';\nimport { pwa } from './pwa.mjs';\nconst wrap = withPWA(pwa);";
    let config = next_config(plugin, &findings.codes("reusable", "Next.js"), "");
    let app = Sources::of("next-pages", "next")
        .file("pwa.mjs", RECIPE)
        .file("next.config.mjs", &config)
        .build()
        .await;
    next(&app).passes(Some("/sw.js")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn next_with_the_fork_of_next_pwa_by_the_docs_passes() {
    const RECIPE: &str = include_str!("../../docs/recipes/next-pwa-ducanh2912.js");
    is_in_docs("next-pwa-ducanh2912.js", RECIPE);
    let findings = Findings::of_a_careless_site().await;
    let plugin = "import withPWA from '@ducanh2912/next-pwa';\nimport { pwa } from './pwa.mjs';\nconst wrap = withPWA(pwa);";
    let [stable] = findings.codes("mutable-immutable", "Next.js");
    let more = format!(", {KEEPS_PICTURE}, {stable}");
    let config = next_config(plugin, &findings.codes("reusable", "Next.js"), &more);
    let app = Sources::of("next", "next")
        .file(
            "package.json",
            r#"{ "private": true, "scripts": { "build": "next build --webpack" } }"#,
        )
        .file("pwa.mjs", RECIPE)
        .file("next.config.mjs", &config)
        // A page of the older router has manifests built that the newer one has not.
        .file(
            "pages/older.js",
            "export default function Page() {\n  return <h1>Older</h1>;\n}\n",
        )
        .build()
        .await;
    next(&app).passes(Some("/sw.js")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn next_with_serwist_by_the_docs_passes() {
    const RECIPE: &str = include_str!("../../docs/recipes/serwist-sw.js");
    is_in_docs("serwist-sw.js", RECIPE);
    let setting = RECIPE.split('`').nth(1).unwrap();
    assert!(setting.starts_with("globPublicPatterns"), "{setting}");
    let findings = Findings::of_a_careless_site().await;
    let plugin = format!(
        "import withSerwist from '@serwist/next';\n\
         const wrap = withSerwist({{ swSrc: 'app/sw.js', swDest: 'public/sw.js', {setting} }});"
    );
    let [_, permanent, slash] = findings.codes("reusable", "Next.js");
    let [_, for_no_proxy] = findings.codes("kept-by-proxy", "Next.js");
    let config = next_config(&plugin, &[for_no_proxy, permanent, slash], "");
    let app = Sources::of("next", "next")
        .file(
            "package.json",
            r#"{ "private": true, "scripts": { "build": "next build --webpack" } }"#,
        )
        .file("next.config.mjs", &config)
        .file("app/sw.js", RECIPE)
        // "import it instead of putting it into public/"
        .with(
            "app/page.js",
            "import Link",
            "import picture from '../public/file.png';\nimport Link",
        )
        .with("app/page.js", "src=\"/file.png\"", "src={picture.src}")
        .build()
        .await;
    next(&app).passes(Some("/sw.js")).await;
}
