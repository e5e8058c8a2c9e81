//! Events of a worker's life and how they end (Service Workers, sections 4.4 to 4.6).

use super::*;

#[test]
fn a_worker_answers_a_navigation_from_the_network() {
    let stage = Stage::new(
        "self.addEventListener('install', e => e.waitUntil(Promise.resolve()));\n\
         addEventListener('fetch', e => {\n e.respondWith(fetch(e.request)); });",
    );
    stage.serve("http://a.test/", reply(200, "text/html", "<p>hello"));
    stage.realm.load().expect("it loads");
    let installed = stage.realm.dispatch(&Event::Install).expect("it ends");
    assert_eq!(
        (installed.id, installed.listeners, installed.pending),
        (1, 1, false)
    );
    let ended = stage.get("http://a.test/", Mode::Navigate, "document");
    let answered = ended.answered.expect("an answer");
    assert_eq!(answered.body, b"<p>hello");
    assert_eq!(answered.response.source, Source::Network { fetch: 1 });
    assert_eq!(answered.place.expect("a place").line, 3);
    let facts = stage.site.facts.borrow();
    let Some(Fact::Fetched {
        navigation,
        event,
        place,
        ..
    }) = facts.last()
    else {
        panic!("no fetch: {facts:?}");
    };
    assert_eq!((*navigation, *event), (true, 2));
    assert_eq!(place.as_ref().expect("a place").line, 3);
}

fn install(script: &str) -> (Stage, Ended) {
    let stage = Stage::new(script);
    stage.realm.load().expect("it loads");
    let ended = stage.realm.dispatch(&Event::Install).expect("it ends");
    (stage, ended)
}

#[test]
fn wait_until_may_be_late_while_something_is_waited_for_and_not_afterwards() {
    let (stage, ended) = install(
        "addEventListener('install', e => {\n\
           e.waitUntil(new Promise(r => setTimeout(r, 100)));\n\
           setTimeout(() => { e.waitUntil(Promise.resolve()); console.log('late is fine'); }, 50);\n\
           setTimeout(() => { try { e.waitUntil(1); } catch (x) { console.log(x.name); } }, 500); });",
    );
    assert_eq!(stage.said(), ["late is fine", "InvalidStateError"]);
    assert_eq!((ended.rejected, ended.pending), (None, false));
}

#[test]
fn the_first_rejection_is_told_and_what_never_settles_is_pending() {
    let (_, ended) = install(
        "addEventListener('install', e => { e.waitUntil(Promise.reject(new Error('one'))); e.waitUntil(Promise.reject(new Error('two'))); });",
    );
    assert_eq!(ended.rejected.as_deref(), Some("Error: one"));
    let (_, ended) =
        install("addEventListener('install', e => e.waitUntil(new Promise(() => {})));");
    assert!(ended.pending);
    let (_, ended) = install("1;");
    assert_eq!((ended.listeners, ended.pending), (0, false));
}

#[test]
fn work_that_is_left_after_wait_until_is_drained() {
    let (stage, _) = install(
        "addEventListener('install', e => { e.waitUntil(Promise.resolve()); setTimeout(() => fetch('/late'), 30000); });",
    );
    let facts = stage.site.facts.borrow();
    assert!(
        facts.iter().any(
            |fact| matches!(fact, Fact::Fetched { url, event: 1, .. } if url.ends_with("/late"))
        )
    );
}

fn answer(script: &str) -> (Stage, Ended) {
    let stage = Stage::new(script);
    stage.serve("http://a.test/page", reply(200, "text/html", "<p>the page"));
    stage.realm.load().expect("it loads");
    let ended = stage.get("http://a.test/page", Mode::Navigate, "document");
    (stage, ended)
}

#[test]
fn respond_with_is_for_the_dispatch_alone_and_once() {
    let (stage, ended) = answer(
        "addEventListener('fetch', e => { e.respondWith(new Response('one')); try { e.respondWith(new Response('two')); } catch (x) { console.log(x.name); } });\n\
         addEventListener('fetch', () => console.log('not reached'));",
    );
    assert_eq!(stage.said(), ["InvalidStateError"]);
    let answered = ended.answered.expect("an answer");
    assert_eq!(
        (answered.body.as_slice(), answered.response.source),
        (&b"one"[..], Source::Script)
    );
    let (stage, ended) = answer(
        "addEventListener('fetch', e => { setTimeout(() => { try { e.respondWith(new Response('late')); } catch (x) { console.log(x.name); } }, 1); });",
    );
    assert_eq!(stage.said(), ["InvalidStateError"]);
    assert_eq!((ended.answered, ended.rejected), (None, None));
}

#[test]
fn what_can_not_be_an_answer_is_a_network_error() {
    for (given, why) in [
        ("Promise.reject(new Error('offline'))", "offline"),
        ("undefined", "no Response"),
        ("'text'", "no Response"),
        ("Response.error()", "an error"),
        (
            "fetch('/page').then(async r => { await r.text(); return r; })",
            "used already",
        ),
        ("fetch('http://b.test/x', { mode: 'no-cors' })", "opaque"),
        (
            "fetch('/gone', { redirect: 'follow' }).then(() => fetch('/moved'))",
            "redirected",
        ),
    ] {
        let stage = Stage::new(&format!(
            "addEventListener('fetch', e => e.respondWith({given}));"
        ));
        stage.serve("http://a.test/page", reply(200, "text/html", "<p>the page"));
        let mut moved = reply(302, "text/plain", "");
        moved
            .headers
            .push(("location".to_owned(), "/page".to_owned()));
        stage.serve("http://a.test/moved", moved);
        stage.realm.load().expect("it loads");
        let ended = stage.get("http://a.test/page", Mode::Navigate, "document");
        let rejected = ended.rejected.unwrap_or_default();
        assert!(rejected.contains(why), "{given}: {rejected}");
        assert_eq!(ended.answered, None, "{given}");
    }
}

#[test]
fn an_answer_that_streams_is_read_to_its_end() {
    let (_, ended) = answer(
        "addEventListener('fetch', e => e.respondWith(new Response(new ReadableStream({ async start(c) {\n\
           for (const part of ['<p>', 'the ', 'page']) { c.enqueue(new TextEncoder().encode(part)); await new Promise(r => setTimeout(r, 100)); }\n\
           c.close(); } }))));",
    );
    let answered = ended.answered.expect("an answer");
    assert_eq!(answered.body, b"<p>the page");
    assert_eq!(answered.response.bytes, 11);
    let (_, ended) = answer(
        "addEventListener('fetch', e => e.respondWith(new Response(new ReadableStream({ pull() { return new Promise(() => {}); } }))));",
    );
    assert!(ended.pending);
}

#[test]
fn a_worker_that_leaves_a_request_alone_answers_nothing() {
    let (stage, ended) = answer(
        "addEventListener('fetch', e => { console.log(e.request.url, e.clientId === '', e.request.headers.get('accept'), e.cancelable); e.preventDefault(); });",
    );
    assert_eq!(stage.said(), ["http://a.test/page true */* true"]);
    assert_eq!((ended.listeners, ended.answered), (1, None));
}
