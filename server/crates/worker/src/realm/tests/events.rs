//! Listeners and errors (DOM, sections 2.7 and 2.9; HTML, sections 8.1.4.7 and 8.1.8.1).

use super::*;

#[test]
fn listeners_run_in_order_whatever_form_they_have() {
    let stage = Stage::new(
        "const log = (x) => console.log(x);\n\
         addEventListener('install', () => log('function'));\n\
         self.oninstall = () => log('first handler');\n\
         addEventListener('install', { handleEvent(e) { log('object ' + (this.handleEvent !== undefined) + e.isTrusted); } });\n\
         self.oninstall = () => log('handler keeps its place');\n\
         addEventListener('install', () => log('capture'), true);\n\
         addEventListener('install', () => log('once'), { once: true });\n\
         const gone = () => log('removed'); addEventListener('install', gone); removeEventListener('install', gone);\n\
         const c = new AbortController(); addEventListener('install', () => log('aborted'), { signal: c.signal }); c.abort();\n\
         const twice = () => log('added once'); addEventListener('install', twice); addEventListener('install', twice);",
    );
    stage.realm.load().expect("it loads");
    let ended = stage.realm.dispatch(&Event::Install).expect("it ends");
    assert_eq!(
        stage.said(),
        [
            "capture",
            "function",
            "handler keeps its place",
            "object truetrue",
            "once",
            "added once"
        ]
    );
    assert_eq!(ended.listeners, 6);
}

#[test]
fn what_a_listener_throws_is_reported_and_stops_no_other() {
    let stage = Stage::new(
        "addEventListener('error', e => console.log('heard', e.message, e.lineno));\n\
         addEventListener('install', () => { throw new TypeError('first'); });\n\
         addEventListener('install', () => console.log('second'));",
    );
    stage.realm.load().expect("it loads");
    let ended = stage.realm.dispatch(&Event::Install).expect("it ends");
    assert_eq!(stage.threw(), ["TypeError: first"]);
    assert_eq!(
        stage.said(),
        ["heard Uncaught TypeError: first 2", "second"]
    );
    assert_eq!(ended.rejected, None);
}

#[test]
fn a_rejection_that_nobody_hears_is_reported_and_a_late_catch_counts() {
    let stage = Stage::new(
        "addEventListener('unhandledrejection', e => console.log('unheard', e.reason.message));\n\
         addEventListener('install', () => { Promise.reject(new Error('lost'));\n\
           const p = Promise.reject(new Error('caught')); p.catch(() => {}); });",
    );
    stage.realm.load().expect("it loads");
    stage.realm.dispatch(&Event::Install).expect("it ends");
    assert_eq!(stage.threw(), ["Error: lost"]);
    assert_eq!(stage.said(), ["unheard lost"]);
}

#[test]
fn targets_of_script_s_own_work_as_in_the_dom() {
    assert_eq!(
        says(
            "const t = new EventTarget(); let n = 0;\n\
             t.addEventListener('x', e => { n++; e.stopImmediatePropagation(); e.preventDefault(); });\n\
             t.addEventListener('x', () => { n += 10; });\n\
             const e = new Event('x', { cancelable: true });\n\
             console.log(t.dispatchEvent(e), n, e.defaultPrevented, e.isTrusted, e.target === t);\n\
             console.log(new CustomEvent('y', { detail: 7 }).detail);"
        ),
        ["false 1 true false true", "7"]
    );
}

#[test]
fn a_timer_of_a_minute_does_not_take_one_and_keeps_its_order() {
    assert_eq!(
        says(
            "setTimeout(() => console.log('minute', performance.now(), Date.now() - start), 60000);\n\
             const start = Date.now(); setTimeout((a, b) => console.log(a, b), 10, 'x', 'y');\n\
             let n = 0; const i = setInterval(() => { if (++n === 3) { clearInterval(i); console.log('three'); } }, 100);\n\
             clearTimeout(setTimeout(() => console.log('never'), 5));\n\
             queueMicrotask(() => console.log('micro')); console.log('now');"
        ),
        ["now", "micro", "x y", "three", "minute 60000 60000"]
    );
}

#[test]
fn microtasks_run_after_each_listener_while_the_event_is_still_dispatched() {
    let stage = Stage::new(
        "addEventListener('fetch', async () => { await null; await null; console.log('first listener'); });\n\
         addEventListener('fetch', async e => { console.log('a tardy listener'); await fetch('/x'); try { e.respondWith(1); } catch (x) { console.log(x.name); } });\n\
         addEventListener('fetch', async e => {\n\
           console.log('second listener'); await null;\n\
           e.respondWith((await caches.open('pages')).match(e.request)); });\n\
         addEventListener('install', e => e.waitUntil(caches.open('pages').then(c => c.add('/page'))));",
    );
    stage.serve("http://a.test/page", reply(200, "text/html", "<p>the page"));
    stage.realm.load().expect("it loads");
    stage.realm.dispatch(&Event::Install).expect("it ends");
    let ended = stage.get("http://a.test/page", Mode::Navigate, "document");
    assert_eq!(
        stage.said(),
        [
            "first listener",
            "a tardy listener",
            "second listener",
            "InvalidStateError"
        ]
    );
    let answered = ended.answered.expect("it is answered from the cache");
    assert!(matches!(answered.response.source, Source::Cache { .. }));
}

#[test]
fn a_listener_whose_microtasks_never_end_is_interrupted() {
    let limits = Limits {
        turn_ms: 60,
        ..Limits::default()
    };
    let stage = Stage::with(
        "addEventListener('install', async () => { for (;;) await null; });",
        false,
        limits,
    );
    stage.realm.load().expect("it loads");
    let failure = stage.realm.dispatch(&Event::Install).expect_err("no end");
    assert!(matches!(failure, Failure::Limit { .. }), "{failure:?}");
}

#[test]
fn a_message_brings_a_port_to_answer_through() {
    let stage = Stage::new(
        "addEventListener('message', e => { const port = e.ports[0];\n\
           e.waitUntil(caches.open('c').then(c => c.addAll(e.data.urls)).then(() => port.postMessage('done'))); });",
    );
    stage.serve("http://a.test/page", reply(200, "text/html", "<p>the page"));
    stage.realm.load().expect("it loads");
    let message = Event::Message {
        data: serde_json::json!({ "urls": ["/page"] }),
        client: Some("http://a.test/".to_owned()),
    };
    let ended = stage.realm.dispatch(&message).expect("it ends");
    assert_eq!((ended.rejected, ended.pending), (None, false));
    assert_eq!(stage.realm.kept().len(), 1);
}

#[test]
fn static_routes_may_be_added_and_keep_nothing_from_being_played() {
    let stage = Stage::new(
        "addEventListener('install', e => {\n\
           e.addRoutes({ condition: { urlPattern: '/*' }, source: 'cache' });\n\
           e.waitUntil(caches.open('c').then(c => c.add('/page'))); });",
    );
    stage.serve("http://a.test/page", reply(200, "text/html", "<p>the page"));
    stage.realm.load().expect("it loads");
    let ended = stage.realm.dispatch(&Event::Install).expect("it ends");
    assert_eq!((ended.rejected, stage.threw().len()), (None, 0));
    assert_eq!(stage.realm.kept().len(), 1);
}
