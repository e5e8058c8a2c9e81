//! What a worker finds in its global scope, and what not.

use super::*;

#[test]
fn a_worker_has_no_window_and_no_document() {
    assert_eq!(
        says(
            "console.log(typeof window, typeof document, typeof localStorage, typeof XMLHttpRequest, 'window' in self);\n\
             try { window; } catch (e) { console.log(e.name); }\n\
             console.log(self instanceof ServiceWorkerGlobalScope, self instanceof WorkerGlobalScope, self === globalThis, this === self);\n\
             console.log(location.href, location.origin, origin, isSecureContext, self.location.pathname);"
        ),
        [
            "undefined undefined undefined undefined false",
            "ReferenceError",
            "true true true true",
            "http://a.test/sw.js http://a.test http://a.test true /sw.js"
        ]
    );
}

#[test]
fn a_global_that_is_missing_may_be_asked_for_and_dooms_the_worker_only_when_it_is_used() {
    let script = "console.log(typeof WebSocket, 'WebSocket' in self, typeof WebAssembly, ({}) instanceof WebSocket);\n\
                  addEventListener('install', e => e.waitUntil((async () => new WebSocket('ws://a.test'))()));\n\
                  console.log(typeof WebAssembly.instantiate, 'compile' in WebAssembly, typeof Intl.DateTimeFormat.prototype.formatRange);\n\
                  console.log(1 instanceof WebAssembly.Module, typeof Intl.Nothing, new Date().toLocaleString() !== '', (1234.5).toLocaleString() !== '');";
    let stage = Stage::new(script);
    stage.realm.load().expect("it loads");
    assert_eq!(
        stage.said(),
        [
            "function true object false",
            "function true function",
            "false undefined true true"
        ]
    );
    let missed = |stage: &Stage| {
        let facts = stage.site.facts.borrow();
        facts.iter().any(|fact| matches!(fact, Fact::Missed { .. }))
    };
    assert!(!missed(&stage), "asking is no use");
    let failure = stage.realm.dispatch(&Event::Install).expect_err("used");
    assert_eq!(
        failure,
        Failure::Missing {
            name: "WebSocket".to_owned()
        }
    );
    let stage = Stage::new("try { WebAssembly.compile(); } catch { console.log('caught'); }");
    stage.realm.load().expect("it was caught");
    assert!(missed(&stage), "and using is told although it was caught");
    let failure = Stage::new("new OffscreenCanvas(1, 1);")
        .realm
        .load()
        .expect_err("used");
    assert!(matches!(failure, Failure::Missing { .. }), "{failure:?}");
}

#[test]
fn time_and_chance_are_the_same_in_every_run() {
    let script = "console.log(new Date().toISOString(), Math.random(), crypto.randomUUID(), performance.timeOrigin);";
    let first = says(script);
    assert_eq!(first, says(script));
    assert!(
        first[0].starts_with("2026-01-01T00:00:00.000Z 0."),
        "{first:?}"
    );
    assert!(first[0].ends_with(" 1767225600000"), "{first:?}");
}

#[test]
fn what_is_said_and_thrown_over_and_over_fills_no_evidence() {
    let stage = Stage::new("for (let n = 0; n < 1500; n++) { console.log(n); Promise.reject(n); }");
    stage.realm.load().expect("it loads");
    assert_eq!((stage.said().len(), stage.threw().len()), (1000, 1000));
}

#[test]
fn data_urls_are_fetched_without_a_network() {
    let stage = Stage::new(
        "(async () => { for (const url of ['data:,a%20b%+f', 'data:text/html;base64,PHA+', 'data:;charset=utf-8,x'])\n\
         { const r = await fetch(url); console.log(r.headers.get('content-type'), await r.text()); } })();",
    );
    stage.realm.load().expect("it loads");
    assert_eq!(
        stage.said(),
        [
            "text/plain;charset=US-ASCII a b%+f",
            "text/html <p>",
            "text/plain;charset=utf-8 x"
        ]
    );
    assert_eq!(stage.site.asked.borrow().len(), 1);
}

#[test]
fn urls_and_their_parameters_follow_the_url_standard() {
    assert_eq!(
        says(
            "const u = new URL('../x?a=1#h', 'http://a.test:80/b/c'); u.searchParams.append('b', 'ä b'); u.hash = '';\n\
             console.log(String(u), u.origin, JSON.stringify(u), new URL('/y', location).href);\n\
             console.log(new URLSearchParams('?a=1&a=2&b').getAll('a').join(), new URLSearchParams({ x: 'y z' }).toString(), URL.canParse('x'));\n\
             try { new URL('nowhere'); } catch (e) { console.log(e.name); }"
        ),
        [
            "http://a.test/x?a=1&b=%C3%A4+b http://a.test \"http://a.test/x?a=1&b=%C3%A4+b\" http://a.test/y",
            "1,2 x=y+z false",
            "TypeError"
        ]
    );
}

#[test]
fn text_and_bytes_go_both_ways() {
    assert_eq!(
        says(
            "const b = new TextEncoder().encode('ä€😀'); const d = new TextDecoder();\n\
             console.log(b.length, d.decode(b.subarray(0, 3), { stream: true }) + d.decode(b.subarray(3)));\n\
             console.log(new TextDecoder('latin1').decode(new Uint8Array([228])), new TextDecoder('utf-16le').encoding);\n\
             try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])); } catch (e) { console.log(e.name); }\n\
             console.log(btoa('hi'), atob(' aGk '), JSON.stringify(structuredClone({ a: [new Date(0)], s: new Set([1]) })));\n\
             try { structuredClone(() => {}); } catch (e) { console.log(e.name, e.code); }"
        ),
        [
            "9 ä€😀",
            "ä utf-16le",
            "TypeError",
            "aGk= hi {\"a\":[\"1970-01-01T00:00:00.000Z\"],\"s\":{}}",
            "DataCloneError 25"
        ]
    );
}

#[test]
fn streams_are_read_teed_piped_and_cancelled() {
    assert_eq!(
        says(
            "(async () => { const s = new ReadableStream({ start(c) { c.enqueue('a'); c.enqueue('b'); c.close(); } });\n\
             const [x, y] = s.tee(); console.log(s.locked); let t = ''; for await (const c of x) t += c; const r = y.getReader(); console.log(t, (await r.read()).value);\n\
             let why; await new ReadableStream({ cancel(r) { why = r; } }).cancel('enough'); console.log(why);\n\
             const got = []; await new ReadableStream({ start(c) { for (let i = 0; i < 5; i++) c.enqueue(i); c.close(); } })\n\
               .pipeThrough(new TransformStream({ transform(n, c) { if (n % 2) c.enqueue(n * 10); }, flush(c) { c.enqueue('end'); } }))\n\
               .pipeTo(new WritableStream({ write(n) { got.push(n); } })); console.log(got.join());\n\
             const bad = new ReadableStream({ pull() { throw new Error('broken'); } }); try { await new Response(bad).text(); } catch (e) { console.log(e.message); }\n\
             const { readable, writable } = new TransformStream(); const w = writable.getWriter(); w.write(new Uint8Array([72, 105])); w.close(); console.log(await new Response(readable).text()); })();"
        ),
        ["true", "ab a", "enough", "10,30,end", "broken", "Hi"]
    );
}
