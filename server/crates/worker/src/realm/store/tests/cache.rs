//! Cache and CacheStorage (Service Workers, sections 5.4 and 5.5).

use super::*;

#[test]
fn a_put_is_matched_by_url_and_gives_a_fresh_body_each_time() {
    let said = says(
        "const cache = await caches.open('v1');
         say(await cache.put('/a.js#x', new Response('one', { status: 201, headers: { 'X-A': 'b' } })));
         for (let i = 0; i < 2; i++) {
           const found = await cache.match('http://a.test/a.js');
           say(await found.text(), found.status, found.type, found.url, found.headers.get('x-a'));
         }
         const found = await cache.match('/a.js');
         try { found.headers.set('a', 'b'); } catch (error) { say(error.name); }
         say(await cache.match('/b.js') === undefined, (await cache.keys())[0].url);",
    );
    assert_eq!(
        said,
        [
            "",
            r#""one" 201 "default" "" "b""#,
            r#""one" 201 "default" "" "b""#,
            r#""TypeError""#,
            r#"true "http://a.test/a.js#x""#
        ]
    );
}

#[test]
fn put_refuses_what_section_5_4_5_names() {
    let said = says(
        "const cache = await caches.open('v1');
         const fine = () => new Response('x');
         say(await name(cache.put(new Request('/a', { method: 'POST' }), fine())));
         say(await name(cache.put('ftp://a.test/a', fine())));
         say(await name(cache.put('/a', await fetch('/partial'))));
         say(await name(cache.put('/a', await fetch('/varies'))));
         const used = fine(); await used.text();
         say(await name(cache.put('/a', used)));
         const locked = fine(); locked.body.getReader();
         say(await name(cache.put('/a', locked)));
         say(await name(cache.put('/a', 'no response')));
         say(await name(cache.put('/a')));
         say((await cache.keys()).length);",
    );
    assert_eq!(said[..8], [r#""TypeError""#; 8].map(str::to_owned));
    assert_eq!(said[8], "0");
}

#[test]
fn the_response_that_was_put_is_used_up_and_its_copy_is_not() {
    let said = says(
        "const cache = await caches.open('v1');
         const response = await fetch('/a.js');
         const copy = response.clone();
         await cache.put('/a.js', copy);
         say(copy.bodyUsed, response.bodyUsed, await response.text());
         const found = await cache.match('/a.js');
         say(found.url, found.type, await found.text());",
    );
    assert_eq!(
        said,
        [
            r#"true false "let a = 1;""#,
            r#""http://a.test/a.js" "basic" "let a = 1;""#
        ]
    );
}

#[test]
fn the_options_of_a_match_are_those_of_section_5_4() {
    let said = says(
        "const cache = await caches.open('v1');
         await cache.put('/a?x=1', new Response('1'));
         await cache.put('/a?x=2', new Response('2'));
         say(await cache.match('/a') === undefined);
         say(await (await cache.match('/a', { ignoreSearch: true })).text());
         say((await cache.matchAll('/a?y', { ignoreSearch: true })).length);
         const post = new Request('/a?x=2', { method: 'POST' });
         say(await cache.match(post) === undefined);
         say(await (await cache.match(post, { ignoreMethod: true })).text());
         const head = new Request('/a?x=2', { method: 'HEAD' });
         say(await cache.match(head) === undefined);
         say((await cache.keys('/a', { ignoreSearch: true })).map((key) => key.url));
         say(await cache.delete('/a', { ignoreSearch: true }), await cache.delete('/a', { ignoreSearch: true }));",
    );
    assert_eq!(
        said,
        [
            "true",
            r#""1""#,
            "2",
            "true",
            r#""2""#,
            "true",
            r#"["http://a.test/a?x=1","http://a.test/a?x=2"]"#,
            "true false"
        ]
    );
}

#[test]
fn entries_that_vary_stand_beside_each_other() {
    let said = says(
        "const cache = await caches.open('v1');
         const vary = (text) => new Response(text, { headers: { Vary: 'Accept-Language' } });
         const ask = (language) => new Request('/a', { headers: { 'Accept-Language': language } });
         await cache.put(ask('de'), vary('hallo'));
         await cache.put(ask('en'), vary('hello'));
         await cache.put(ask('de'), vary('moin'));
         say(await (await cache.match(ask('de'))).text(), await (await cache.match(ask('en'))).text());
         say(await cache.match('/a') === undefined, (await cache.matchAll('/a', { ignoreVary: true })).length);
         say((await cache.keys()).map((key) => key.headers.get('accept-language')));",
    );
    // What is put anew goes to the end of the list ("batch cache operations").
    assert_eq!(said, [r#""moin" "hello""#, "true 2", r#"["en","de"]"#]);
}

#[test]
fn add_all_stores_everything_or_nothing() {
    let stage = stage(
        "const cache = await caches.open('v1');
         say(await name(cache.addAll(['/a.js', '/missing'])));
         say(await name(cache.addAll(['/a.js', '/partial'])));
         say(await name(cache.addAll(['/a.js', '/varies'])));
         say(await name(cache.addAll(['/a.js', new Request('/b.css', { method: 'POST' })])));
         say(await name(cache.addAll(['/a.js', '/b.css', '/a.js'])));
         say(await name(cache.add(new Request('http://b.test/font', { mode: 'no-cors' }))));
         say((await cache.keys()).length);
         say(await name(cache.addAll(['/b.css', '/a.js'])));
         say((await cache.keys()).map((key) => key.url));",
    );
    stage.realm.load().expect("it loads");
    let mut expected = [r#""TypeError""#; 9].map(str::to_owned);
    expected[4] = r#""InvalidStateError""#.to_owned();
    expected[6] = "0".to_owned();
    expected[7] = r#""fine undefined""#.to_owned();
    expected[8] = r#"["http://a.test/b.css","http://a.test/a.js"]"#.to_owned();
    assert_eq!(stage.said(), expected);
    assert_eq!(
        stored(&stage),
        [
            "addAll v1 http://a.test/b.css :12",
            "addAll v1 http://a.test/a.js :12"
        ]
    );
}

#[test]
fn an_opaque_response_may_be_put_and_its_fact_tells_what_script_cannot_see() {
    let stage = stage(
        "const cache = await caches.open('fonts');
         const response = await fetch('http://b.test/font', { mode: 'no-cors' });
         await cache.put('http://b.test/font', response);
         const found = await cache.match('http://b.test/font');
         say(found.type, found.status, found.url, await found.text());",
    );
    stage.realm.load().expect("it loads");
    assert_eq!(stage.said(), [r#""opaque" 0 "" """#]);
    let kept = stage.realm.kept();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].content_type.as_deref(), Some("font/woff2"));
    assert_eq!((kept[0].kind.as_str(), kept[0].bytes), ("opaque", 19));
}

#[test]
fn caches_are_searched_in_the_order_of_their_making() {
    let stage = stage(
        "await (await caches.open('b')).put('/x', new Response('b'));
         await (await caches.open('a')).put('/x', new Response('a'));
         say(await caches.keys(), await (await caches.match('/x')).text());
         say(await (await caches.match('/x', { cacheName: 'a' })).text());
         say(await caches.match('/x', { cacheName: 'c' }) === undefined, await caches.has('c'));
         say(await caches.delete('b'), await caches.delete('b'), await caches.has('b'));
         say(await (await caches.match('/x')).text());",
    );
    stage.realm.load().expect("it loads");
    assert_eq!(
        stage.said(),
        [
            r#"["b","a"] "b""#,
            r#""a""#,
            "true false",
            "true false false",
            r#""a""#
        ]
    );
    assert_eq!(stored(&stage)[2..], ["dropped b".to_owned()]);
    assert_eq!(stage.realm.kept().len(), 1);
}

#[test]
fn a_body_that_streams_in_is_read_to_its_end_and_one_that_fails_is_not_stored() {
    let said = says(
        "const cache = await caches.open('v1');
         let step = 0;
         const slow = new ReadableStream({ pull(controller) {
           if (step++ < 3) return new Promise((resolve) => setTimeout(() => {
             controller.enqueue(new TextEncoder().encode('part' + step)); resolve(); }, 50));
           controller.close(); } });
         await cache.put('/slow', new Response(slow));
         say(await (await cache.match('/slow')).text());
         const broken = new ReadableStream({ start(controller) { controller.error(new RangeError('cut off')); } });
         say(await name(cache.put('/broken', new Response(broken))), await cache.match('/broken') === undefined);",
    );
    assert_eq!(said, [r#""part1part2part3""#, r#""RangeError" true"#]);
}

#[test]
fn what_comes_out_of_a_cache_carries_where_it_came_from() {
    let stage = Stage::new(
        "addEventListener('install', (event) => event.waitUntil(\n\
           caches.open('v1').then((cache) => cache.add('/page'))));\n\
         addEventListener('fetch', (event) => event.respondWith(caches.match(event.request)));",
    );
    serve(&stage);
    stage.realm.load().expect("it loads");
    stage.realm.dispatch(&Event::Install).expect("it ends");
    assert_eq!(stored(&stage), ["add v1 http://a.test/page :2"]);
    let ended = stage.get("http://a.test/page", Mode::Navigate, "document");
    let answered = ended.answered.expect("an answer");
    assert_eq!(answered.body, b"<p>a page");
    assert_eq!(
        answered.response.source,
        Source::Cache {
            cache: "v1".to_owned(),
            url: "http://a.test/page".to_owned(),
            fetch: Some(1)
        }
    );
    let facts = stage.site.facts.borrow();
    let Some(Fact::Stored {
        response, event, ..
    }) = facts
        .iter()
        .find(|fact| matches!(fact, Fact::Stored { .. }))
    else {
        panic!("nothing stored: {facts:?}");
    };
    assert_eq!(*event, 1);
    assert_eq!(response.content_type.as_deref(), Some("text/html"));
    assert_eq!(response.source, Source::Network { fetch: 1 });
    let kept = stage.realm.kept();
    assert_eq!(
        (kept[0].digest.as_str(), kept[0].bytes),
        (response.digest.as_str(), 9)
    );
}

#[test]
fn ten_thousand_precached_entries_are_put_and_matched_in_one_turn() {
    let script = wrap(
        "const cache = await caches.open('precache');
         for (let i = 0; i < 10000; i++) {
           await cache.put(`/assets/${i}.js?__WB_REVISION__=${i}`, new Response('content ' + i));
         }
         let found = 0;
         for (let i = 0; i < 10000; i += 20) {
           if (await cache.match(`/assets/${i}.js?__WB_REVISION__=${i}`)) found++;
         }
         say(found, (await cache.keys()).length, await (await cache.match('/assets/7.js', { ignoreSearch: true })).text());",
    );
    // The engine is not optimised in tests, and shares the machine with others: the turn may take its time here. A
    // search that walks through all entries would take hours.
    let limits = Limits {
        turn_ms: 120_000,
        ..Limits::default()
    };
    let stage = Stage::with(&script, false, limits);
    stage.realm.load().expect("it loads");
    assert_eq!(stage.said(), [r#"500 10000 "content 7""#]);
    assert_eq!(stage.realm.kept().len(), 10_000);
}

#[test]
fn what_does_not_fit_is_a_limit_and_not_a_quota_that_script_could_live_with() {
    let script = wrap(
        "const cache = await caches.open('v1');
         for (let i = 0; i < 20; i++) try { await cache.put('/' + i, new Response('x')); } catch { say('caught'); }",
    );
    let limits = Limits {
        stored_entries: 5,
        ..Limits::default()
    };
    let stage = Stage::with(&script, false, limits);
    let failure = stage.realm.load().expect_err("a limit");
    assert_eq!(
        failure,
        Failure::Limit {
            which: "5 stored entries".to_owned()
        }
    );
}

#[test]
fn deleting_makes_room_again() {
    let script = wrap(
        "const cache = await caches.open('v1');
         for (let i = 0; i < 20; i++) { await cache.put('/x' + i, new Response('x')); await cache.delete('/x' + i); }
         for (let i = 0; i < 20; i++) await cache.put('/same', new Response('x'));
         await cache.put('/1', new Response('x')); await caches.delete('v1');
         say((await navigator.storage.estimate()).usage);",
    );
    let limits = Limits {
        stored_entries: 2,
        ..Limits::default()
    };
    let stage = Stage::with(&script, false, limits);
    stage.realm.load().expect("it loads");
    assert_eq!(stage.said(), ["0"]);
}

#[test]
fn a_worker_that_replaces_our_methods_and_prototypes_is_recorded_all_the_same() {
    let stage = stage(
        "const put = Cache.prototype.put;
         Cache.prototype.put = function (request, response) { return put.call(this, request, response); };
         Map.prototype.get = Map.prototype.set = () => undefined;
         WeakMap.prototype.get = () => undefined;
         Array.prototype.push = () => 0;
         Array.prototype[Symbol.iterator] = function* () {};
         Object.prototype.toJSON = () => 'mine';
         String.prototype.split = () => [];
         RegExp.prototype.test = () => false;
         Object.defineProperty(Object.prototype, 'source', { set() {}, configurable: true });
         Object.defineProperty(Response.prototype, 'url', { get() { return 'http://elsewhere.test/'; } });
         Object.defineProperty(Response.prototype, 'status', { get() { return 204; } });
         const cache = await caches.open('v1');
         await cache.put('/page', await fetch('/page'));",
    );
    stage.realm.load().expect("it loads");
    let facts = stage.site.facts.borrow();
    let Some(Fact::Stored { url, response, .. }) = facts
        .iter()
        .find(|fact| matches!(fact, Fact::Stored { .. }))
    else {
        panic!("nothing stored: {facts:?}");
    };
    assert_eq!(url, "http://a.test/page");
    assert_eq!(
        (response.url.as_str(), response.status, &response.source),
        ("http://a.test/page", 200, &Source::Network { fetch: 1 })
    );
    assert_eq!(stage.realm.kept()[0].url, "http://a.test/page");
}

#[test]
fn nobody_makes_a_cache_of_his_own() {
    let said = says(
        "try { new Cache(); } catch (error) { say(error.name); }
         try { new CacheStorage(); } catch (error) { say(error.name); }
         say(await name(Cache.prototype.put.call({}, '/a', new Response('x'))));
         say(Object.prototype.toString.call(caches), caches instanceof CacheStorage, 'caches' in self);
         caches = null; say(typeof caches);",
    );
    assert_eq!(
        said,
        [
            r#""TypeError""#,
            r#""TypeError""#,
            r#""TypeError""#,
            r#""[object CacheStorage]" true true"#,
            r#""object""#
        ]
    );
}

#[test]
fn no_game_with_prototypes_writes_unseen() {
    for game in crate::realm::tests::games::GAMES {
        let stage = Stage::new(&format!(
            "const go = fetch, open = caches.open('v1'), request = new Request('/a.js'), then = Promise.prototype.then, Own = Response;\n\
             const reply = new Response('mine'); const reflect = Reflect.apply;\n\
             onfetch = (event) => {{ event.waitUntil(hold); }}; let cache, hold; reflect(then, open, [(opened) => {{ cache = opened; }}]);\n\
             oninstall = (event) => {{ {game}\n\
             cache.put('/mine', reply);\n\
             cache.addAll([request]); }};"
        ));
        serve(&stage);
        stage
            .realm
            .load()
            .unwrap_or_else(|failure| panic!("{game}: {failure:?}"));
        stage
            .realm
            .dispatch(&Event::Install)
            .unwrap_or_else(|failure| panic!("{game}: {failure:?}"));
        assert_eq!(
            stored(&stage),
            [
                "put v1 http://a.test/mine :5",
                "addAll v1 http://a.test/a.js :6"
            ],
            "{game}: {:?}",
            stage.threw()
        );
        let kept: Vec<String> = stage
            .realm
            .kept()
            .into_iter()
            .map(|kept| kept.url)
            .collect();
        assert_eq!(kept, ["http://a.test/mine", "http://a.test/a.js"], "{game}");
    }
}

#[test]
fn the_type_that_is_told_is_the_one_that_is_stored_however_the_response_was_made() {
    let stage = stage(
        "const cache = await caches.open('made');
         const page = await (await fetch('/page')).text();
         await cache.put('/edited', new Response(page.replace('a', 'b'), { headers: { 'Content-Type': 'text/html' } }));
         await cache.put('/blob', new Response(new Blob([page + '!'], { type: 'Text/HTML' })));
         await cache.put('/of-blob', new Response(await (await fetch('/page')).blob()));
         const late = new Response(page + '?'); late.headers.set('content-type', 'text/html; charset=utf-8');
         await cache.put('/late', late);
         await cache.put('/plain', new Response(page));
         class Own extends Response { get headers() { return new Headers(); } clone() { return this; } get url() { return '/x.png'; } }
         await cache.put('/own', new Own(page + '.', { headers: [['content-type', 'text/html']] }));
         const proxied = new Proxy(new Request('/asset.js'), {});
         await cache.put(proxied, new Response('x')).catch((error) => say(error.name));
         await cache.put('/proxy', new Proxy(new Response('x'), {})).catch((error) => say(error.name));",
    );
    stage.realm.load().expect("it loads");
    assert_eq!(stage.said(), [r#""TypeError""#]);
    let facts = stage.site.facts.borrow();
    let told: Vec<String> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Stored { url, response, .. } => Some(format!(
                "{} {} {}",
                url.trim_start_matches("http://a.test/"),
                response.content_type.as_deref().unwrap_or("none"),
                match response.source {
                    Source::Network { .. } => "network",
                    Source::Cache { .. } => "cache",
                    Source::Script => "script",
                }
            )),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [
            "edited text/html script",
            "blob text/html script",
            "of-blob text/html network",
            "late text/html; charset=utf-8 script",
            "plain text/plain;charset=UTF-8 network",
            "own text/html script",
            "[object%20Request] text/plain;charset=UTF-8 script",
        ]
    );
}
