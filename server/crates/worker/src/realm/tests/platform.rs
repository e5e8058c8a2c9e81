//! Small parts of the platform, each as its specification has it.

use super::*;

#[test]
fn a_request_without_cors_takes_safelisted_headers_only() {
    // Fetch, "append" and "CORS-safelisted request-header".
    assert_eq!(
        says(
            "const h = new Request('/x', { mode: 'no-cors' }).headers;\n\
             h.append('accept', 'text/html'); h.append('accept', '\"'); h.set('content-type', 'application/json'); h.append('content-language', 'de{'); h.set('x-mine', '1'); h.set('range', 'bytes=0-1');\n\
             h.set('accept-language', 'en, de;q=0.5'); h.append('accept-language', 'x'.repeat(120)); h.delete('accept-charset');\n\
             console.log(JSON.stringify([...h]));\n\
             const r = new Request('/x', { headers: { 'x-http-method': 'GET, TRACE', 'x-method-override': 'GET', cookie: 'a', 'sec-x': '1' } }).headers; console.log(JSON.stringify([...r]));\n\
             for (const call of [() => h.append('a'), () => h.set('a'), () => h.delete()]) { try { call(); console.log('no'); } catch (e) { console.log(e.name); } }"
        ),
        [
            r#"[["accept","text/html"],["accept-language","en, de;q=0.5"]]"#,
            r#"[["x-method-override","GET"]]"#,
            "TypeError",
            "TypeError",
            "TypeError",
        ]
    );
}

#[test]
fn signals_that_follow_others_abort_together_and_tell_in_order() {
    // DOM, section 3.2, "signal abort" and "create a dependent abort signal".
    assert_eq!(
        says(
            "const c = new AbortController(); const one = AbortSignal.any([c.signal]); const two = AbortSignal.any([one]); const order = [];\n\
             c.signal.onabort = () => order.push('source', one.aborted, two.aborted); two.onabort = () => order.push('two'); one.onabort = () => order.push('one');\n\
             c.abort('why'); console.log(order.join(), one.reason, two.reason === 'why', AbortSignal.any([]).aborted);\n\
             const done = AbortSignal.any([AbortSignal.abort(1), AbortSignal.abort(2)]); console.log(done.aborted, done.reason);\n\
             for (const call of [() => AbortSignal.any(), () => AbortSignal.any([{}]), () => AbortSignal.timeout(-1), () => AbortSignal.timeout()]) { try { call(); console.log('no'); } catch (e) { console.log(e.name); } }"
        ),
        [
            "source,true,true,one,two why true false",
            "true 1",
            "TypeError",
            "TypeError",
            "TypeError",
            "TypeError",
        ]
    );
}

#[test]
fn what_is_cloned_is_a_copy_of_its_kind_or_refused() {
    // HTML, "StructuredSerializeInternal".
    assert_eq!(
        says(
            "const b = new Blob(['x'], { type: 'a/b' }); const c = structuredClone(b); console.log(c !== b, c instanceof Blob, c.size, c.type);\n\
             const f = structuredClone(new File(['ab'], 'n.txt', { lastModified: 5 })); console.log(f instanceof File, f.name, f.size, f.lastModified);\n\
             const r = structuredClone(new RegExp('', 'gi')); console.log(r instanceof RegExp, String(r), structuredClone(Object(1n)) == 1n);\n\
             const e = structuredClone(Object.assign(new RangeError('m', { cause: [1] }), { extra: 1 })); console.log(e instanceof RangeError, e.message, e.cause[0], e.extra);\n\
             const d = structuredClone(new DOMException('m', 'AbortError')); console.log(d instanceof DOMException, d.name, d.code);\n\
             for (const bad of [Symbol(), Object(Symbol()), () => {}, new WeakMap(), new WeakSet(), Promise.resolve(), new Response(), self]) { try { structuredClone(bad); console.log('no'); } catch (e) { console.log(e.name); } }"
        ),
        [
            "true true 1 a/b",
            "true n.txt 2 5",
            "true /(?:)/gi true",
            "true m 1 undefined",
            "true AbortError 20",
            "DataCloneError",
            "DataCloneError",
            "DataCloneError",
            "DataCloneError",
            "DataCloneError",
            "DataCloneError",
            "DataCloneError",
            "DataCloneError",
        ]
    );
}

#[test]
fn events_cannot_be_made_to_look_trusted() {
    // DOM, section 2.2: `isTrusted` is [LegacyUnforgeable].
    assert_eq!(
        says(
            "const e = new Event('x'); const own = Object.getOwnPropertyDescriptor(e, 'isTrusted'); console.log(e.isTrusted, own.configurable, own.enumerable, own.set, 'isTrusted' in Event.prototype);\n\
             console.log(own.get === Object.getOwnPropertyDescriptor(new CustomEvent('y'), 'isTrusted').get, own.get.name);\n\
             try { Object.defineProperty(e, 'isTrusted', { value: true }); } catch (error) { console.log(error.name); }\n\
             const c = new CustomEvent('x'); c.initCustomEvent('y', true, true, 7); console.log(c.type, c.detail, c.bubbles);\n\
             const m = new MessageEvent('x'); m.initMessageEvent('y', false, false, 1, 'o'); console.log(m.type, m.data, m.origin);"
        ),
        [
            "false false true undefined false",
            "true get isTrusted",
            "TypeError",
            "y 7 true",
            "y 1 o",
        ]
    );
}

#[test]
fn a_body_that_was_read_stays_locked() {
    // Fetch, "fully read".
    assert_eq!(
        says(
            "(async () => { const r = new Response('x'); await r.text(); console.log(r.bodyUsed, r.body.locked);\n\
             const s = new Response('y'); s.body; await s.arrayBuffer(); try { s.body.getReader(); console.log('no'); } catch (e) { console.log(e.name); } })();"
        ),
        ["true true", "TypeError"]
    );
}

#[test]
fn a_page_s_request_has_the_referrer_that_a_browser_gives_it() {
    let stage = Stage::new(
        "onfetch = (e) => console.log(JSON.stringify(e.request.referrer), e.request.referrerPolicy);",
    );
    stage.realm.load().expect("it loads");
    let sent = |url: &str, mode, destination: &str, client: Option<&str>| {
        stage
            .realm
            .dispatch(&Event::Fetch {
                request: request(url, mode, destination),
                client: client.map(str::to_owned),
                resulting_client: None,
            })
            .expect("it ends");
    };
    sent("http://a.test/", Mode::Navigate, "document", None);
    sent(
        "http://a.test/b",
        Mode::Navigate,
        "document",
        Some("http://a.test/?q#h"),
    );
    sent(
        "http://a.test/x.css",
        Mode::NoCors,
        "style",
        Some("http://a.test/b"),
    );
    sent(
        "http://cdn.test/x.css",
        Mode::NoCors,
        "style",
        Some("http://a.test/b"),
    );
    let policy = "strict-origin-when-cross-origin";
    assert_eq!(
        stage.said(),
        [
            format!("\"\" {policy}"),
            format!("\"http://a.test/?q\" {policy}"),
            format!("\"http://a.test/b\" {policy}"),
            format!("\"http://a.test/\" {policy}"),
        ]
    );
}
