//! Loading, events, and how they end (Service Workers, sections 4.4 to 4.6).

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
    assert_eq!(answered.response.source, Source::Network { fetch: 2 });
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
