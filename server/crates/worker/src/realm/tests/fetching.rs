//! fetch(), Request, Response and Headers (Fetch, sections 2, 4 and 5).

use super::*;

/// A site with a redirect, another origin with and without CORS.
fn site(script: &str) -> Stage {
    let stage = Stage::new(script);
    let with = |status, name: &str, value: &str| {
        let mut answer = reply(status, "text/plain", "elsewhere");
        answer.headers.push((name.to_owned(), value.to_owned()));
        answer
    };
    stage.serve(
        "http://a.test/data",
        reply(200, "application/json", r#"{"b": 1, "a": [2]}"#),
    );
    stage.serve("http://a.test/old", with(302, "location", "/data"));
    stage.serve("http://a.test/loop", with(302, "location", "/loop"));
    stage.serve(
        "http://b.test/open",
        with(200, "access-control-allow-origin", "*"),
    );
    stage.serve(
        "http://b.test/closed",
        reply(200, "text/plain", "elsewhere"),
    );
    stage
}

fn says_there(script: &str) -> Vec<String> {
    let stage = site(&format!("(async () => {{ {script} }})();"));
    stage.realm.load().expect("it loads");
    assert_eq!(stage.threw(), Vec::<String>::new());
    stage.said()
}

#[test]
fn redirects_are_followed_hop_by_hop_or_not_as_the_request_says() {
    let stage = site(
        "(async () => { const r = await fetch('/old'); console.log(r.url, r.redirected, r.status, r.type);\n\
         try { await fetch('/old', { redirect: 'error' }); } catch (e) { console.log(e.name); }\n\
         const m = await fetch('/old', { redirect: 'manual' }); console.log(m.type, m.status, m.url);\n\
         try { await fetch('/loop'); } catch (e) { console.log(e.name); } })();",
    );
    stage.realm.load().expect("it loads");
    assert_eq!(
        stage.said(),
        [
            "http://a.test/data true 200 basic",
            "TypeError",
            "opaqueredirect 0 http://a.test/old",
            "TypeError"
        ]
    );
    let facts = stage.site.facts.borrow();
    let statuses: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Fetched { status, .. } => *status,
            _ => None,
        })
        .collect();
    assert_eq!(statuses[..4], [302, 200, 302, 302]);
    assert_eq!(statuses.len(), 4 + 21);
}

#[test]
fn another_origin_needs_cors_or_stays_opaque() {
    assert_eq!(
        says_there(
            "const r = await fetch('http://b.test/open'); console.log(r.type, await r.text());\n\
             for (const mode of ['cors', 'same-origin']) try { await fetch('http://b.test/closed', { mode }); } catch (e) { console.log(e.name); }\n\
             const o = await fetch('http://b.test/closed', { mode: 'no-cors' });\n\
             console.log(o.type, o.status, o.ok, o.url === '', [...o.headers].length, o.body, await o.text() === '');\n\
             try { await fetch('http://b.test/open', { credentials: 'include' }); } catch (e) { console.log(e.name); }\n\
             try { await fetch('http://b.test/open', { method: 'PUT' }); } catch (e) { console.log(e.name); }"
        ),
        [
            "cors elsewhere",
            "TypeError",
            "TypeError",
            "opaque 0 false true 0 null true",
            "TypeError",
            "TypeError"
        ]
    );
}

#[test]
fn an_opaque_answer_keeps_its_bytes_for_the_facts() {
    let stage = site("addEventListener('fetch', e => e.respondWith(fetch(e.request)));");
    stage.realm.load().expect("it loads");
    let ended = stage.get("http://b.test/closed", Mode::NoCors, "script");
    let answered = ended.answered.expect("an answer");
    assert_eq!(
        (answered.response.kind.as_str(), answered.response.status),
        ("opaque", 0)
    );
    assert_eq!(
        answered.response.content_type.as_deref(),
        Some("text/plain")
    );
    assert_eq!(answered.body, b"elsewhere");
}

#[test]
fn a_request_is_made_by_the_rules() {
    assert_eq!(
        says_there(
            "const fails = (f) => { try { f(); console.log('made'); } catch (e) { console.log(e.name); } };\n\
             fails(() => new Request('/x', { mode: 'navigate' }));\n\
             fails(() => new Request('http://u:p@a.test/'));\n\
             fails(() => new Request('/x', { body: 'b' }));\n\
             fails(() => new Request('/x', { method: 'TRACE' }));\n\
             fails(() => new Request('/x', { cache: 'only-if-cached' }));\n\
             const r = new Request('x?q#f', { method: 'post', body: 'hi', headers: { 'X-A': '1', Cookie: 'no' } });\n\
             console.log(r.method, r.url, r.mode, r.credentials, r.destination === '', r.headers.get('cookie'), r.headers.get('content-type'));\n\
             const c = r.clone(); const n = new Request(r); console.log(r.bodyUsed, await n.text(), await c.text());"
        ),
        [
            "TypeError",
            "TypeError",
            "TypeError",
            "TypeError",
            "TypeError",
            "POST http://a.test/x?q#f cors same-origin true null text/plain;charset=UTF-8",
            "true hi hi"
        ]
    );
}

#[test]
fn a_navigation_s_request_changes_its_mode_only_with_an_init() {
    let stage = site(
        "addEventListener('fetch', e => { const copy = new Request(e.request), other = new Request(e.request, { headers: { a: 'b' } });\n\
         console.log(e.request.mode, copy.mode, other.mode, e.request.destination, e.request.redirect);\n\
         e.respondWith((async () => { await fetch(copy); await fetch(other); await fetch(e.request.url); await fetch('/else'); return fetch(e.request); })()); });",
    );
    stage.realm.load().expect("it loads");
    stage.get("http://a.test/data", Mode::Navigate, "document");
    assert_eq!(
        stage.said(),
        ["navigate navigate same-origin document manual"]
    );
    let facts = stage.site.facts.borrow();
    let navigations: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Fetched { navigation, .. } => Some(*navigation),
            _ => None,
        })
        .collect();
    assert_eq!(navigations, [true, true, true, false, true]);
}

#[test]
fn a_body_is_used_once() {
    assert_eq!(
        says_there(
            "const r = await fetch('/data'); const c = r.clone(); console.log(r.bodyUsed, (await r.json()).b, r.bodyUsed);\n\
             try { await r.text(); } catch (e) { console.log(e.name); } try { r.clone(); } catch (e) { console.log(e.name); }\n\
             console.log((await c.arrayBuffer()).byteLength, c.headers.get('content-type'));\n\
             try { c.headers.set('a', 'b'); } catch (e) { console.log(e.name); }\n\
             console.log(Response.error().type, Response.redirect('/y', 301).headers.get('location'), await Response.json([1]).text());\n\
             try { new Response('x', { status: 204 }); } catch (e) { console.log(e.name); } try { new Response('x', { status: 99 }); } catch (e) { console.log(e.name); }"
        ),
        [
            "false 1 true",
            "TypeError",
            "TypeError",
            "18 application/json",
            "TypeError",
            "error http://a.test/y [1]",
            "TypeError",
            "RangeError"
        ]
    );
}

#[test]
fn the_content_s_source_is_followed_through_what_script_does_with_it() {
    for (made, source) in [
        ("fetch('/data')", Source::Network { fetch: 1 }),
        (
            "fetch('/data').then(r => r.clone())",
            Source::Network { fetch: 1 },
        ),
        (
            "fetch('/data').then(r => new Response(r.body, { headers: r.headers }))",
            Source::Network { fetch: 1 },
        ),
        (
            "fetch('/data').then(r => new Response(r.body.tee()[1]))",
            Source::Network { fetch: 1 },
        ),
        (
            "fetch('/data').then(r => new Response(r.body.pipeThrough(new TransformStream())))",
            Source::Network { fetch: 1 },
        ),
        (
            "fetch('/data').then(r => r.text()).then(t => new Response(t))",
            Source::Network { fetch: 1 },
        ),
        (
            "fetch('/data').then(r => r.json()).then(j => new Response(JSON.stringify(j)))",
            Source::Network { fetch: 1 },
        ),
        (
            "fetch('/data').then(r => r.blob()).then(b => new Response(b))",
            Source::Network { fetch: 1 },
        ),
        (
            "fetch('/data').then(() => new Response('of my own'))",
            Source::Script,
        ),
    ] {
        let stage = site(&format!(
            "addEventListener('fetch', e => e.respondWith({made}));"
        ));
        stage.realm.load().expect("it loads");
        let ended = stage.get("http://a.test/page", Mode::Cors, "");
        assert_eq!(ended.rejected, None, "{made}");
        assert_eq!(
            ended.answered.expect(made).response.source,
            source,
            "{made}"
        );
    }
}

#[test]
fn an_aborted_fetch_rejects_with_abort_error_and_integrity_is_checked() {
    assert_eq!(
        says_there(
            "const c = new AbortController(); const p = fetch('/data', { signal: c.signal }); c.abort();\n\
             try { await p; } catch (e) { console.log(e.name); }\n\
             try { await fetch('/data', { signal: AbortSignal.timeout(1) }); } catch (e) { console.log(e.name); }\n\
             try { await fetch('/data', { integrity: 'sha256-AAAA' }); } catch (e) { console.log(e.name); }\n\
             const d = await crypto.subtle.digest('SHA-384', await (await fetch('/data')).arrayBuffer());\n\
             const good = 'sha384-' + btoa(String.fromCharCode(...new Uint8Array(d)));\n\
             console.log((await fetch('/data', { integrity: good })).status);"
        ),
        ["AbortError", "TimeoutError", "TypeError", "200"]
    );
}

#[test]
fn headers_are_sorted_combined_and_guarded() {
    assert_eq!(
        says(
            "const h = new Headers([['B', ' 1 '], ['a', '2'], ['b', '3']]); h.append('Set-Cookie', 'x'); h.append('Set-Cookie', 'y');\n\
             console.log(JSON.stringify([...h]), JSON.stringify(h.getSetCookie()));\n\
             const fails = (f) => { try { f(); } catch (e) { console.log(e.name); } };\n\
             fails(() => h.set('a b', '1')); fails(() => h.set('a', '1\\n2')); fails(() => h.get(''));\n\
             console.log(new Response('', { headers: { 'Set-Cookie': 'no' } }).headers.has('set-cookie'));"
        ),
        [
            r#"[["a","2"],["b","1, 3"],["set-cookie","x"],["set-cookie","y"]] ["x","y"]"#,
            "TypeError",
            "TypeError",
            "TypeError",
            "false"
        ]
    );
}

#[test]
fn what_a_navigation_is_redirected_to_is_the_navigation_s_too() {
    for ask in [
        "fetch(e.request.url)",
        "fetch(new Request(e.request, { headers: { a: 'b' }, redirect: 'follow' }))",
    ] {
        let stage = Stage::new(&format!(
            "addEventListener('fetch', e => e.waitUntil({ask}));"
        ));
        let mut away = reply(302, "text/plain", "");
        away.headers
            .push(("location".to_owned(), "/login".to_owned()));
        stage.serve("http://a.test/home", away);
        stage.serve("http://a.test/login", reply(200, "text/html", "<p>log in"));
        stage.realm.load().expect("it loads");
        stage.get("http://a.test/home", Mode::Navigate, "document");
        let facts = stage.site.facts.borrow();
        let of_navigation: Vec<bool> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Fetched { navigation, .. } => Some(*navigation),
                _ => None,
            })
            .collect();
        assert_eq!(of_navigation, [true, true], "{ask}");
    }
}

#[test]
fn a_request_is_aborted_through_the_signal_that_it_was_given_and_no_other() {
    assert_eq!(
        says(
            "const c = new AbortController(); const given = new Request('/a', { signal: c.signal });\n\
             const copy = given.clone(), again = new Request(given), alone = new Request('/b'), cut = new Request(given, { signal: null });\n\
             const all = [given, copy, again, alone, cut];\n\
             console.log(alone.signal === alone.signal, alone.signal instanceof AbortSignal, given.signal !== c.signal);\n\
             c.abort(); console.log(all.map(r => r.signal.aborted).join());\n\
             Promise.all(all.map(r => fetch(r).then(() => 'fine', e => e.name))).then(x => console.log(x.join()));"
        ),
        [
            "true true true",
            "true,true,true,false,false",
            "AbortError,AbortError,AbortError,fine,fine"
        ]
    );
}
