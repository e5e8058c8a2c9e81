//! How a worker's script gets in (Service Workers, "Update" and `importScripts`; HTML, section 8.1.4).

use super::*;

#[test]
fn a_script_must_be_there_and_be_javascript_and_not_redirect() {
    for answer in [
        reply(404, "text/javascript", ""),
        reply(200, "text/html", "<p>"),
        reply(302, "text/javascript", ""),
    ] {
        let stage = Stage::new("");
        stage.serve("http://a.test/sw.js", answer);
        let failure = stage.realm.load().expect_err("refused");
        assert!(
            matches!(failure, Failure::Unobtainable { .. }),
            "{failure:?}"
        );
    }
    let stage = Stage::new("");
    stage.realm.load().expect("it loads");
    let asked = stage.site.asked.borrow();
    assert_eq!(
        asked[0].headers,
        [("service-worker".to_owned(), "script".to_owned())]
    );
    assert_eq!(
        (asked[0].mode, asked[0].destination.as_str()),
        (Mode::SameOrigin, "serviceworker")
    );
}

#[test]
fn what_does_not_parse_and_what_throws_are_told_apart_with_their_lines() {
    let place = |failure: Failure| match failure {
        Failure::Unparsable { place, .. } => ("unparsable", place.map(|place| place.line)),
        Failure::Threw { place, .. } => ("threw", place.map(|place| place.line)),
        other => panic!("{other:?}"),
    };
    let fails = |script: &str| place(Stage::new(script).realm.load().expect_err("it fails"));
    assert_eq!(fails("1;\nlet = ;"), ("unparsable", Some(2)));
    assert_eq!(fails("1;\n\nnull.x;"), ("threw", Some(3)));
    assert_eq!(fails("\nnew Function('let = ;');"), ("threw", Some(2)));
    assert_eq!(fails("\nJSON.parse('{');"), ("threw", Some(2)));
    assert_eq!(fails("throw new SyntaxError('mine');"), ("threw", Some(1)));
}

#[test]
fn imported_scripts_run_in_order_in_the_global_scope_and_keep_their_lines() {
    let stage =
        Stage::new("importScripts('a.js', 'http://b.test/b.js?v=1'); console.log(one, two());");
    stage.serve(
        "http://a.test/a.js",
        reply(200, "text/javascript", "const one = 1;"),
    );
    stage.serve(
        "http://b.test/b.js?v=1",
        reply(
            200,
            "application/javascript",
            "\nfunction two() { console.log('in'); return one + 1; }",
        ),
    );
    stage.realm.load().expect("it loads");
    assert_eq!(stage.said(), ["in", "1 2"]);
}

#[test]
fn an_import_that_is_not_to_be_had_fails_the_worker_unless_it_is_caught() {
    let failure = Stage::new("importScripts('/gone.js');")
        .realm
        .load()
        .expect_err("gone");
    assert!(
        matches!(&failure, Failure::Unobtainable { url, .. } if url == "http://a.test/gone.js"),
        "{failure:?}"
    );
    assert_eq!(
        says(
            "try { importScripts('/gone.js'); } catch (e) { console.log(e.name, e instanceof DOMException); }"
        ),
        ["NetworkError true"]
    );
    let stage = Stage::new("importScripts('/broken.js');");
    stage.serve(
        "http://a.test/broken.js",
        reply(200, "text/javascript", "\n\nvar;"),
    );
    let failure = stage.realm.load().expect_err("broken");
    assert!(
        matches!(&failure, Failure::Unparsable { place: Some(place), .. } if place.url.ends_with("broken.js") && place.line == 3),
        "{failure:?}"
    );
}

#[test]
fn an_import_that_the_network_refused_is_a_failure_even_when_it_is_caught() {
    struct Down(Site);
    impl Host for Down {
        fn fetch(&self, request: &Request) -> Result<Answer, String> {
            if request.url.ends_with("lib.js") {
                return Err("refused".to_owned());
            }
            self.0.fetch(request)
        }
        fn note(&self, _: Fact) {}
    }
    let site = Site::default();
    site.answers.borrow_mut().insert(
        "http://a.test/sw.js".to_owned(),
        reply(
            200,
            "text/javascript",
            "try { importScripts('/lib.js'); } catch {}",
        ),
    );
    let registration = Registration {
        script: "http://a.test/sw.js".to_owned(),
        scope: "http://a.test/".to_owned(),
        module: false,
    };
    let realm =
        Realm::new(&registration, &Limits::default(), Rc::new(Down(site))).expect("a realm");
    let failure = realm.load().expect_err("refused");
    assert!(
        matches!(failure, Failure::Unobtainable { .. }),
        "{failure:?}"
    );
}

#[test]
fn a_lazy_import_works_while_installing_and_afterwards_only_what_was_imported() {
    let stage = Stage::new(
        "addEventListener('install', () => { importScripts('/lib.js'); });\n\
         addEventListener('activate', () => { importScripts('/lib.js');\n\
           try { importScripts('/new.js'); } catch (e) { console.log(e.name); } });",
    );
    stage.serve(
        "http://a.test/lib.js",
        reply(200, "text/javascript", "console.log('lib');"),
    );
    stage.serve(
        "http://a.test/new.js",
        reply(200, "text/javascript", "console.log('new');"),
    );
    stage.realm.load().expect("it loads");
    stage.realm.dispatch(&Event::Install).expect("it ends");
    stage.realm.dispatch(&Event::Activate).expect("it ends");
    assert_eq!(stage.said(), ["lib", "lib", "NetworkError"]);
}

#[test]
fn a_module_gets_its_imports_and_no_import_scripts() {
    let stage = Stage::with(
        "import { two } from './lib/two.js';\nconsole.log(two, this === undefined);\n\
         try { importScripts('/x.js'); } catch (e) { console.log(e.name); }\n\
         addEventListener('install', e => e.waitUntil(import('./lib/two.js')));",
        true,
        Limits::default(),
    );
    stage.serve(
        "http://a.test/lib/two.js",
        reply(
            200,
            "text/javascript",
            "import './one.js'; export const two = 2;",
        ),
    );
    stage.serve(
        "http://a.test/lib/one.js",
        reply(200, "text/javascript", "console.log('one');"),
    );
    stage.realm.load().expect("it loads");
    assert_eq!(stage.said(), ["one", "2 true", "TypeError"]);
    let ended = stage.realm.dispatch(&Event::Install).expect("it ends");
    let rejected = ended.rejected.expect("import() is rejected");
    assert!(rejected.starts_with("TypeError"), "{rejected}");
}

#[test]
fn a_module_s_failures_are_told_apart_too() {
    let fails = |script: &str| {
        Stage::with(script, true, Limits::default())
            .realm
            .load()
            .expect_err("it fails")
    };
    let gone = fails("import './gone.js';");
    assert!(
        matches!(&gone, Failure::Unobtainable { url, .. } if url.ends_with("gone.js")),
        "{gone:?}"
    );
    let broken = fails("let = ;");
    assert!(matches!(broken, Failure::Unparsable { .. }), "{broken:?}");
    let threw = fails("1;\nnull.x;");
    assert!(
        matches!(&threw, Failure::Threw { place: Some(place), .. } if place.line == 2),
        "{threw:?}"
    );
    for script in [
        "await new Promise(() => {});",
        "await null;",
        "import './late.js';",
    ] {
        let stage = Stage::with(script, true, Limits::default());
        let late = reply(200, "text/javascript", "export const late = await 1;");
        stage.serve("http://a.test/late.js", late);
        let waits = stage.realm.load().expect_err("top-level await");
        assert!(
            matches!(&waits, Failure::Threw { text, .. } if text.contains("Top-level await")),
            "{script}: {waits:?}"
        );
    }
}

#[test]
fn import_is_rejected_in_a_classic_worker_too() {
    let stage = Stage::new("import('/x.js').catch(e => console.log(e.name));");
    stage.realm.load().expect("it loads");
    assert_eq!(stage.said(), ["TypeError"]);
}

#[test]
fn a_module_knows_its_own_url() {
    let stage = Stage::with(
        "import './lib/one.js'; console.log(import.meta.url);",
        true,
        Limits::default(),
    );
    stage.serve(
        "http://a.test/lib/one.js",
        reply(200, "text/javascript", "console.log(import.meta.url);"),
    );
    stage.realm.load().expect("it loads");
    assert_eq!(
        stage.said(),
        ["http://a.test/lib/one.js", "http://a.test/sw.js"]
    );
}

#[test]
fn syntax_that_the_engine_lacks_is_its_own_limit_and_no_refusal_by_a_browser() {
    for script in ["import.source('/x.wasm');", "import.defer('/x.js');"] {
        let failure = Stage::new(script).realm.load().expect_err("unknown");
        assert!(
            matches!(&failure, Failure::Engine { text } if text.contains("does not know import.")),
            "{failure:?}"
        );
    }
    // What browsers have today is known.
    for script in [
        "{ using x = null; }",
        "/(?i:a)(?<b>x)|(?<b>y)/v;",
        "class A { static { this.x ??= 1_000 } #x; static has(o) { return #x in o } }",
        "<!-- as in the old days\nlabel: function g() {}",
    ] {
        Stage::new(script).realm.load().expect(script);
    }
}
