//! A worker may change every prototype that is its own: what is recorded stays true.

use super::*;

/// Whatever a worker does to the language before its handlers run.
pub(in crate::realm) const GAMES: &[&str] = &[
    "Promise.prototype.then = function () { return new Promise(() => {}); };",
    "for (const name of Object.getOwnPropertyNames(Array.prototype)) if (name !== 'length' && name !== 'constructor') Array.prototype[name] = () => { throw 1; };",
    "for (const name of ['push', 'slice', 'filter', 'indexOf']) Object.defineProperty(Array.prototype, name, { value: null });",
    "Array.prototype[Symbol.iterator] = function* () {};",
    "Object.defineProperty(Array.prototype, 0, { set() {}, configurable: true });",
    "for (const name of ['url', 'status', 'fact', 'place', 'toJSON', 'error', 'from', 'get', 'set']) Object.defineProperty(Object.prototype, name, { set() {}, get() { return undefined; }, configurable: true });",
    "Object.prototype.toJSON = () => 'fooled'; String.prototype.toJSON = () => 'fooled';",
    "JSON.stringify = JSON.parse = () => { throw 1; };",
    "RegExp.prototype.exec = () => null; RegExp.prototype.test = () => false; RegExp.prototype[Symbol.split] = null;",
    "for (const name of Object.getOwnPropertyNames(String.prototype)) if (typeof String.prototype[name] === 'function') String.prototype[name] = () => '';",
    "for (const name of ['get', 'set', 'has']) { Map.prototype[name] = WeakMap.prototype[name] = () => undefined; } WeakSet.prototype.has = () => false;",
    "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw 1; };",
    "Reflect.apply = Reflect.construct = Reflect.ownKeys = () => { throw 1; };",
    "for (const name of ['url', 'status', 'headers', 'body', 'type', 'clone']) Object.defineProperty(Response.prototype, name, { get() { return 'fooled'; } });",
    "for (const name of ['url', 'mode', 'method', 'headers']) Object.defineProperty(Request.prototype, name, { get() { return 'http://b.test/fooled'; } });",
    "Headers.prototype.get = Headers.prototype.append = () => 'fooled';",
    "Error.prepareStackTrace = () => 'fooled'; Error.stackTraceLimit = 0; Error = class {}; ",
    "self.Response = self.Request = self.Headers = self.Error = self.URL = class {};",
    "globalThis.Uint8Array = class {}; Object.getPrototypeOf(Int8Array.prototype).slice = () => [];",
    "Event.prototype.constructor = null; for (const name of ['type', 'isTrusted', 'eventPhase']) Object.defineProperty(Event.prototype, name, { get() { return null; } });",
    "try { Object.defineProperty(Promise.prototype, 'constructor', { get() { throw 1; } }); } catch {} Promise.prototype.constructor = null; Promise.resolve = () => { throw 1; };",
    "Object.assign = Object.create = Object.defineProperty = () => { throw 1; };",
];

#[test]
fn no_game_with_prototypes_loses_a_fact_or_makes_one_up() {
    for game in GAMES {
        let stage = Stage::new(&format!(
            "const go = fetch, own = fetch.bind(null, '/page'); {game}\n\
             self.onfetch = (e) => {{\n e.respondWith(go(e.request)); }};"
        ));
        stage.serve("http://a.test/page", reply(200, "text/html", "<p>the page"));
        stage
            .realm
            .load()
            .unwrap_or_else(|failure| panic!("{game}: {failure:?}"));
        let ended = stage.get("http://a.test/page", Mode::Navigate, "document");
        assert_eq!(ended.rejected, None, "{game}");
        let answered = ended
            .answered
            .unwrap_or_else(|| panic!("{game}: no answer, {:?}", stage.threw()));
        assert_eq!(answered.body, b"<p>the page", "{game}");
        assert_eq!(answered.response.url, "http://a.test/page", "{game}");
        assert_eq!(
            answered.response.source,
            Source::Network { fetch: 1 },
            "{game}"
        );
        assert_eq!(answered.place.map(|place| place.line), Some(3), "{game}");
        let facts = stage.site.facts.borrow();
        let fetched = facts.iter().any(|fact| {
            matches!(fact, Fact::Fetched { url, navigation: true, status: Some(200), place: Some(place), .. }
                if url == "http://a.test/page" && place.line == 3)
        });
        assert!(fetched, "{game}: {facts:?}");
    }
}

#[test]
fn the_natives_are_not_to_be_reached() {
    assert_eq!(
        says(
            "console.log(typeof host, typeof internals, Object.getOwnPropertyNames(globalThis).filter(n => /host|internals/.test(n)).length);\n\
             try { fetch.caller; console.log('no'); } catch (e) { console.log(e.name); }\n\
             const seen = []; const old = Object.getPrototypeOf; addEventListener('x', function f() { seen.push(f.caller === undefined || f.caller === null); });\n\
             dispatchEvent(new Event('x')); console.log(typeof Error.prepareStackTrace);"
        )[0],
        "undefined undefined 0"
    );
}

#[test]
fn what_is_not_of_the_class_is_refused() {
    let stage = Stage::new(
        "addEventListener('fetch', e => e.respondWith(Object.create(Response.prototype)));\n\
         try { Object.getOwnPropertyDescriptor(Response.prototype, 'url').get.call({}); } catch (e) { console.log(e.name); }\n\
         try { new ServiceWorkerGlobalScope(); } catch (e) { console.log(e.name); }\n\
         try { new ExtendableEvent('x').waitUntil(1); } catch (e) { console.log(e.name); }",
    );
    stage.realm.load().expect("it loads");
    assert_eq!(
        stage.said(),
        ["TypeError", "TypeError", "InvalidStateError"]
    );
    let ended = stage.get("http://a.test/", Mode::Navigate, "document");
    assert!(
        ended
            .rejected
            .is_some_and(|why| why.contains("no Response"))
    );
    assert_eq!(ended.answered, None);
}

#[test]
fn no_setter_of_the_worker_s_comes_between_what_is_had_and_what_is_told_of_it() {
    let stage = Stage::new(
        "for (const name of ['body', 'source', 'response', 'headers', 'id', 'status']) Object.defineProperty(Object.prototype, name, {\n\
           set() {}, get() { return name === 'source' ? { from: 'script' } : name === 'body' ? new Uint8Array(3) : undefined; } });\n\
         addEventListener('fetch', e => e.respondWith((async () => {\n\
           const cache = await caches.open('pages'); await cache.put('/kept', await fetch(e.request));\n\
           return cache.match('/kept'); })()));",
    );
    stage.serve("http://a.test/page", reply(200, "text/html", "<p>the page"));
    stage.realm.load().expect("it loads");
    let ended = stage.get("http://a.test/page", Mode::Navigate, "document");
    let answered = ended.answered.expect("an answer");
    assert_eq!(answered.body, b"<p>the page");
    assert_eq!(
        answered.response.source,
        Source::Cache {
            cache: "pages".to_owned(),
            url: "http://a.test/kept".to_owned(),
            fetch: Some(1)
        }
    );
}
