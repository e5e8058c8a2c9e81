//! Registrations as pages and bundles write them, and what is none.

use super::super::super::web::{Asset, Nature};
use super::super::fixture::{answer, url};
use super::*;

const PAGE: &str = "https://a.test/app/index.html";

fn page(inline: &str, assets: usize) -> Page {
    Page {
        answer: answer(PAGE, "text/html", ""),
        with_cookie: false,
        inline_scripts: vec![(1, inline.to_owned())],
        assets: (0..assets).collect(),
        base: url(PAGE),
    }
}

fn script(at: &str, text: &str) -> Asset {
    Asset {
        url: url(at),
        destination: "script".to_owned(),
        module: false,
        answer: Some(answer(at, "text/javascript", text)),
        nature: Nature::Immutable(String::new()),
    }
}

/// What an inline script of the page comes to: `script scope type`, one registration a line; `?` for a riddle.
fn inline(text: &str) -> String {
    told(&Seen {
        pages: vec![page(text, 0)],
        ..Seen::default()
    })
}

/// The same of a script that the page loads from `/js/main.js`.
fn loaded(text: &str) -> String {
    told(&Seen {
        pages: vec![page("", 1)],
        assets: vec![script("https://a.test/js/main.js", text)],
        ..Seen::default()
    })
}

fn told(seen: &Seen) -> String {
    let sources = Sources::read(seen);
    let path = |url: &Url| url.as_str().replace("https://a.test", "");
    let mut lines: Vec<String> = sources
        .wishes
        .iter()
        .map(|wish| {
            let mut line = path(&wish.script);
            if let Some(scope) = &wish.scope {
                line.push_str(&format!(" {}", path(scope)));
            }
            if wish.module {
                line.push_str(" module");
            }
            if !wish.is_certain {
                line.push_str(" maybe");
            }
            line
        })
        .collect();
    if sources.wishes.is_empty() && !sources.riddles.is_empty() {
        lines.push("?".to_owned());
    }
    lines.join("\n")
}

#[test]
fn registrations_as_people_write_them() {
    for (text, expected) in [
        ("navigator.serviceWorker.register('/sw.js')", "/sw.js"),
        ("navigator.serviceWorker.register(\"sw.js\");", "/app/sw.js"),
        ("navigator.serviceWorker.register(`./sw.js`)", "/app/sw.js"),
        (
            "navigator.serviceWorker.register('/sw.js?v=3&debug')",
            "/sw.js?v=3&debug",
        ),
        (
            "navigator.serviceWorker.register('/sw.js', { scope: '/app/' })",
            "/sw.js /app/",
        ),
        (
            "navigator.serviceWorker.register('/sw.js', { scope: './', type: 'module' })",
            "/sw.js /app/ module",
        ),
        (
            "navigator.serviceWorker.register('/sw.js', {updateViaCache: 'none', 'scope': \"/\"})",
            "/sw.js /",
        ),
        (
            "if ('serviceWorker' in navigator) { window.addEventListener('load', () => { navigator.serviceWorker.register('/service-worker.js').then((r) => console.log(r)) }) }",
            "/service-worker.js",
        ),
        ("navigator['serviceWorker']['register']('/sw.js')", "/sw.js"),
        ("navigator[\"serviceWorker\"].register('/sw.js')", "/sw.js"),
        ("navigator.serviceWorker?.register('/sw.js')", "/sw.js"),
        ("navigator?.serviceWorker?.register?.('/sw.js')", "/sw.js"),
        (
            "window.navigator.serviceWorker\n  .register('/sw.js')\n  .catch(() => {})",
            "/sw.js",
        ),
        (
            "const { serviceWorker } = navigator; serviceWorker.register('/sw.js')",
            "/sw.js",
        ),
        (
            "const {serviceWorker:t}=window.navigator;t&&t.register(\"/sw.js\")",
            "/sw.js",
        ),
        (
            "const n = navigator.serviceWorker;\nn.register('/sw.js')",
            "/sw.js",
        ),
        (
            "var c='serviceWorker' in navigator&&navigator.serviceWorker;c&&c.register('/sw.js')",
            "/sw.js",
        ),
        ("(navigator.serviceWorker).register('/sw.js')", "/sw.js"),
        (
            "const url = '/sw.js'; navigator.serviceWorker.register(url)",
            "/sw.js",
        ),
        (
            "const url = '/sw.js'\nnavigator.serviceWorker.register(url)",
            "/sw.js",
        ),
        (
            "const base = '/app/';\nnavigator.serviceWorker.register(base + 'sw.js', { scope: base })",
            "/app/sw.js /app/",
        ),
        (
            "const v = 'abc'; navigator.serviceWorker.register(`/sw.js?v=${v}`)",
            "/sw.js?v=abc",
        ),
        ("navigator.serviceWorker.register('/sw' + '.js')", "/sw.js"),
        (
            "navigator.serviceWorker.register(location.origin + '/sw.js')",
            "/sw.js",
        ),
        (
            "navigator.serviceWorker.register(window.location.protocol + '//' + window.location.host + '/sw.js')",
            "/sw.js",
        ),
        (
            "navigator.serviceWorker.register(new URL('sw.js', document.baseURI))",
            "/app/sw.js",
        ),
        (
            "navigator.serviceWorker.register(new URL('/sw.js', location.href).href)",
            "/sw.js",
        ),
        (
            "const o = { scope: '/app/' }; navigator.serviceWorker.register('/sw.js', o)",
            "/sw.js /app/",
        ),
        (
            "const scope = '/app/'; navigator.serviceWorker.register('/sw.js', { scope })",
            "/sw.js /app/",
        ),
        (
            "const config = { swUrl: '/sw.js' }; navigator.serviceWorker.register(config.swUrl)",
            "/sw.js",
        ),
        (
            "function reg(u) { return navigator.serviceWorker.register(u) }\nreg('/sw.js')",
            "/sw.js",
        ),
        (
            "const reg = async (u, s = '/') => { await navigator.serviceWorker.register(u, { scope: s }) }; reg('/sw.js')",
            "/sw.js /",
        ),
        (
            "function reg(u = '/sw.js') { navigator.serviceWorker.register(u) } reg()",
            "/sw.js",
        ),
        (
            "(function(e){ navigator.serviceWorker.register(e) })('/sw.js')",
            "/sw.js",
        ),
        (
            "const policy = trustedTypes.createPolicy('sw', {}); navigator.serviceWorker.register(policy.createScriptURL('/sw.js'))",
            "/sw.js",
        ),
        (
            "navigator.serviceWorker.register(window.swUrl || '/sw.js')",
            "/sw.js",
        ),
        (
            "navigator.serviceWorker.register(dev ? '/dev-sw.js' : '/sw.js')",
            "/dev-sw.js maybe\n/sw.js maybe",
        ),
        (
            "const re = /['\"]/g, h = a / b; navigator.serviceWorker.register('/sw.js')",
            "/sw.js",
        ),
        (
            "if (x) /\"/.test(y); navigator.serviceWorker.register('/sw.js')",
            "/sw.js",
        ),
        (
            "navigator.serviceWorker.register(/* where */ '/sw.js' // it is\n)",
            "/sw.js",
        ),
        (
            "navigator.serviceWorker.register('\\u002fsw\\x2ejs')",
            "/sw.js",
        ),
        (
            "const t = `${navigator.serviceWorker.register('/sw.js')}`",
            "/sw.js",
        ),
        (
            "navigator.serviceWorker.register('/a.js',{scope:'/a/'});navigator.serviceWorker.register('/b.js',{scope:'/b/'})",
            "/a.js /a/\n/b.js /b/",
        ),
        (
            "import { Workbox } from 'https://storage.googleapis.com/workbox-cdn/releases/7.0.0/workbox-window.prod.mjs'; const wb = new Workbox('/sw.js'); wb.register()",
            "/sw.js",
        ),
        (
            "const wb = new workbox.Workbox('/sw.js', { scope: '/app/' })",
            "/sw.js /app/",
        ),
    ] {
        assert_eq!(inline(text), expected, "{text}");
    }
}

#[test]
fn registrations_as_bundlers_write_them() {
    for (text, expected) in [
        // create-react-app
        (
            "!function(e){if(\"serviceWorker\"in navigator){if(new URL(\"\",window.location.href).origin!==window.location.origin)return;window.addEventListener(\"load\",(function(){var t=\"\".concat(\"\",\"/service-worker.js\");o?function(e,t){fetch(e).then((function(){a(e,t)}))}(t,e):a(t,e)}))}}();function a(e,t){navigator.serviceWorker.register(e).then((function(n){t&&t.onUpdate&&t.onUpdate(n)}))}",
            "/service-worker.js",
        ),
        // vite-plugin-pwa, registerSW.js
        (
            "if('serviceWorker' in navigator) {window.addEventListener('load', () => {navigator.serviceWorker.register('/sw.js', { scope: '/' })})}",
            "/sw.js /",
        ),
        // vite-plugin-pwa, the virtual module
        (
            "async function n(){const{Workbox:o}=await e(async()=>{const{Workbox:o}=await import(\"./workbox-window.prod.es5-B9K5rw8f.js\");return{Workbox:o}},[]);r=new o(\"/sw.js\",{scope:\"/\",type:\"classic\"})}",
            "/sw.js /",
        ),
        // next-pwa
        (
            "window.workbox=new n.tm(window.location.origin+\"/sw.js\",{scope:\"/\"}),window.workbox.register()",
            "/sw.js /",
        ),
        // Serwist
        (
            "\"undefined\"!=typeof window&&\"serviceWorker\"in navigator&&(window.serwist=new a.Serwist(\"/sw.js\",{scope:\"/\",type:\"classic\"}),window.serwist.register())",
            "/sw.js /",
        ),
        // webpack's public path
        (
            "n.p=\"/static/\";(()=>{navigator.serviceWorker.register(n.p+\"sw.js\")})()",
            "/static/sw.js",
        ),
        // beside the script itself
        (
            "navigator.serviceWorker.register(new URL(\"sw.js\",import.meta.url),{type:\"module\"})",
            "/js/sw.js module",
        ),
        // Angular: told to the framework, registered by it
        (
            "function X(e,t,n){return()=>{o.then(()=>navigator.serviceWorker.register(e,{scope:t.scope}))}}bootstrap(A,{providers:[P(\"ngsw-worker.js\",{enabled:!0,registrationStrategy:\"registerWhenStable:30000\"})]})",
            "/app/ngsw-worker.js maybe",
        ),
        // SvelteKit
        (
            "if ('serviceWorker' in navigator) { addEventListener('load', function () { navigator.serviceWorker.register('/service-worker.js'); }); }",
            "/service-worker.js",
        ),
        // Firebase's SDK
        (
            "const De=\"/firebase-messaging-sw.js\",xe=\"/firebase-cloud-messaging-push-scope\";async function z(e){e.swRegistration=await navigator.serviceWorker.register(De,{scope:xe})}",
            "/firebase-messaging-sw.js /firebase-cloud-messaging-push-scope maybe",
        ),
        // workbox-window's own class, whose field says nothing, beside its use
        (
            "class W{constructor(t,e){this.u=t;this.l=e}async register(){return await navigator.serviceWorker.register(this.u,this.l)}}const w=new W(\"/sw.js\",{scope:\"/\"});w.register()",
            "/sw.js /",
        ),
    ] {
        assert_eq!(loaded(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_registration() {
    for text in [
        "// navigator.serviceWorker.register('/sw.js')",
        "/* navigator.serviceWorker.register('/sw.js') */",
        "console.log(\"navigator.serviceWorker.register('/sw.js')\")",
        "const doc = `navigator.serviceWorker.register('/sw.js')`",
        "const re = /navigator.serviceWorker.register('\\/sw.js')/",
        "navigator.serviceWorker.getRegistrations().then((all) => all.forEach((r) => r.unregister()))",
        "navigator.serviceWorker.ready.then((r) => r.unregister())",
        "new Worker('/sw.js', { type: 'module' })",
        "customElements.register('/sw.js'); registry.register('/sw.js')",
        "const file = '/service-worker.js'",
        "if ('serviceWorker' in navigator) { navigator.serviceWorker.addEventListener('message', f) }",
    ] {
        assert_eq!(inline(text), "", "{text}");
    }
}

#[test]
fn a_registration_that_cannot_be_told_is_a_riddle() {
    for text in [
        "navigator.serviceWorker.register(window.config.worker)",
        "fetch('/where').then((r) => r.text()).then((u) => navigator.serviceWorker.register(u))",
        "navigator.serviceWorker.register(atob('L3N3Lmpz'))",
    ] {
        assert_eq!(inline(text), "?", "{text}");
    }
}

#[test]
fn a_minified_name_means_what_it_was_given_in_its_own_block() {
    let text = "function a(){var t=\"/other.js\";load(t)}function b(){var t=\"/sw.js\";navigator.serviceWorker.register(t)}function c(){var t=\"/third.js\"}";
    assert_eq!(loaded(text), "/sw.js");
}

#[test]
fn a_library_from_elsewhere_registers_by_custom() {
    let mut asset = script(
        "https://cdn.onesignal.com/sdks/web/v16/OneSignalSDK.page.js",
        "",
    );
    asset.answer = None;
    let seen = Seen {
        pages: vec![page("", 1)],
        assets: vec![asset],
        ..Seen::default()
    };
    assert_eq!(told(&seen), "/OneSignalSDKWorker.js / maybe");
}

#[test]
fn data_that_pages_ask_for_is_read_from_their_scripts() {
    let seen = Seen {
        pages: vec![page(
            "fetch('/api/doses'); fetch('/api/save', { method: 'POST' }); fetch(`/api/logout`);\n\
             axios.get('api/x?y=1'); self.fetch('/api/me', { headers: {} }); cache.fetch('/no'); function fetch(a) {}",
            0,
        )],
        ..Seen::default()
    };
    let sources = Sources::read(&seen);
    let asked: Vec<&str> = sources.data_of(0).iter().map(Url::path).collect();
    assert_eq!(asked, ["/api/doses", "/app/api/x", "/api/me"]);
}

#[test]
fn the_lines_of_a_riddle_are_those_of_the_page() {
    let mut page = page("\n\nnavigator.serviceWorker.register(x())", 0);
    page.inline_scripts[0].0 = 10;
    let sources = Sources::read(&Seen {
        pages: vec![page],
        ..Seen::default()
    });
    let riddle = sources.riddles.first().expect("a riddle");
    assert_eq!((riddle.url.as_str(), riddle.line), (PAGE, 12));
}

/// What a browser makes of a wish, the worker's script being there or not and saying what it may.
async fn granted_to(its: &str, scope: Option<&str>, allowed: Option<&str>) -> bool {
    let mut asset = script(its, "");
    if let (Some(answer), Some(allowed)) = (&mut asset.answer, allowed) {
        let field = ("service-worker-allowed".to_owned(), allowed.to_owned());
        answer.headers.push(field);
    }
    let seen = Seen {
        assets: vec![asset],
        ..Seen::default()
    };
    let site = super::super::super::Site::new(url("https://a.test/"), None);
    let sources = Sources {
        wishes: vec![Wish {
            script: url(its),
            scope: scope.map(url),
            module: false,
            is_certain: true,
            explains: false,
        }],
        ..Sources::default()
    };
    let mut answers = Answers::new(&site, None, &seen);
    let chosen = choose(&sources, &mut answers, &site.origin).await;
    !chosen.registrations.is_empty()
}

#[tokio::test]
async fn a_browser_refuses_other_origins_and_scopes_that_are_too_wide() {
    let sw = "https://a.test/js/sw.js";
    assert!(granted_to(sw, None, None).await);
    assert!(granted_to(sw, Some("https://a.test/js/x"), None).await);
    assert!(!granted_to(sw, Some("https://a.test/"), None).await);
    assert!(granted_to(sw, Some("https://a.test/"), Some("/")).await);
    assert!(!granted_to(sw, Some("https://a.test/"), Some("/js")).await);
    assert!(!granted_to(sw, Some("https://b.test/js/"), None).await);
    assert!(!granted_to("https://b.test/sw.js", None, None).await);
    assert!(!granted_to("https://a.test/a%2fb/sw.js", None, None).await);
}

#[test]
fn a_script_that_is_a_maze_is_left_in_time_and_stays_a_riddle() {
    let names = "a=b;b=a;".repeat(30_000);
    let maze = format!(
        "{names}{};navigator.serviceWorker.register(a)",
        "fetch(a+b);".repeat(10_000)
    );
    assert_eq!(inline(&maze), "?");
    let calls = "f(f(a,b),f(b,a));".repeat(10_000);
    let functions =
        format!("function f(a,b){{return navigator.serviceWorker.register(a?b:a)}}{calls}");
    assert_eq!(inline(&functions), "?");
    // Each slash might begin a regular expression, and none does.
    let slashes = format!(
        "{}\nnavigator.serviceWorker.register('/sw.js')",
        "/[".repeat(100_000)
    );
    assert_eq!(inline(&slashes), "/sw.js");
}

#[tokio::test]
async fn a_known_registration_does_not_hide_one_that_cannot_be_told() {
    for (text, riddles) in [
        (
            "navigator.serviceWorker.register('/sw.js'); navigator.serviceWorker.register(atob('L3gu'))",
            1,
        ),
        ("navigator.serviceWorker.register('/sw.js')", 0),
        // The library's own call is what its use explains.
        (
            "class W{constructor(t){this.u=t}r(){navigator.serviceWorker.register(this.u)}}new W('/sw.js',{scope:'/'})",
            0,
        ),
    ] {
        let seen = Seen {
            pages: vec![page(text, 0)],
            assets: vec![script("https://a.test/sw.js", "")],
            ..Seen::default()
        };
        let site = super::super::super::Site::new(url("https://a.test/"), None);
        let sources = Sources::read(&seen);
        let mut answers = Answers::new(&site, None, &seen);
        let chosen = choose(&sources, &mut answers, &site.origin).await;
        assert_eq!(chosen.registrations.len(), 1, "{text}");
        assert_eq!(chosen.riddles.len(), riddles, "{text}");
    }
}
