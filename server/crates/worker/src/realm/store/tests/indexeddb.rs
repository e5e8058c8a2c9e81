//! IndexedDB 3.0, each test naming its section.

use super::*;

/// What every script here begins with: requests as promises, and the opening of a database.
const HELP: &str = "
    const done = (request) => new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result); request.onerror = () => reject(request.error); });
    const ended = (transaction) => new Promise((resolve) => {
      transaction.oncomplete = () => resolve('complete'); transaction.onabort = () => resolve('abort'); });
    const open = (called, version, upgrade) => { const request = indexedDB.open(called, version);
      request.onupgradeneeded = (event) => upgrade(request.result, request.transaction, event);
      request.onblocked = () => say('blocked'); return done(request); };
    const walk = (source, ...how) => new Promise((resolve, reject) => { const keys = [];
      const request = source.openCursor(...how); request.onerror = () => reject(request.error);
      request.onsuccess = () => { const cursor = request.result;
        if (cursor === null) return resolve(keys);
        keys.push(`${cursor.key}/${cursor.primaryKey}`); cursor.continue(); }; });
";

fn runs(body: &str) -> Vec<String> {
    says(&format!("{HELP}{body}"))
}

#[test]
fn a_database_is_upgraded_then_opened_and_its_events_come_in_order() {
    // Section 5.1 and 5.7.
    let said = runs(
        "const request = indexedDB.open('d', 3);
         say(request.readyState); try { request.result; } catch (error) { say(error.name); }
         request.onupgradeneeded = (event) => { say('upgrade', event.oldVersion, event.newVersion, request.transaction.mode);
           request.result.createObjectStore('s');
           request.transaction.oncomplete = () => say('complete'); };
         const db = await done(request);
         say(db.version, [...db.objectStoreNames], db.objectStoreNames.contains('s'), request.transaction);
         say(await indexedDB.databases());
         say(await name(open('d', 2, () => {})));",
    );
    assert_eq!(
        said,
        [
            r#""pending""#,
            r#""InvalidStateError""#,
            r#""upgrade" 0 3 "versionchange""#,
            r#""complete""#,
            r#"3 ["s"] true null"#,
            r#"[{"name":"d","version":3}]"#,
            r#""VersionError""#
        ]
    );
}

#[test]
fn keys_are_compared_as_section_2_4_orders_them() {
    let said = runs(
        "const db = await open('d', 1, (db) => db.createObjectStore('s'));
         const store = db.transaction('s', 'readwrite').objectStore('s');
         const keys = [[1, 'a'], new Uint8Array([1]), 'b', 'a', new Date(5), 3, -Infinity, [], [1]];
         for (const key of keys) store.put(0, key);
         say((await done(store.getAllKeys())).map((key) => key instanceof Date ? 'date' : key instanceof ArrayBuffer ? 'buffer' : key));
         for (const key of [NaN, undefined, null, {}, true, [undefined]]) try { store.put(0, key); say('stored'); } catch (error) { say(error.name); }
         say(indexedDB.cmp('a', 'b'), indexedDB.cmp([2], [1, 5]), indexedDB.cmp(0, -0));",
    );
    assert_eq!(
        said[0],
        r#"[null,3,"date","a","b","buffer",[],[1],[1,"a"]]"#
    );
    assert_eq!(said[1..7], [r#""DataError""#; 6].map(str::to_owned));
    assert_eq!(said[7], "-1 1 0");
}

#[test]
fn stores_take_their_keys_from_paths_and_generators() {
    // Sections 2.5, 2.11 and 7.2.
    let said = runs(
        "const db = await open('d', 1, (db) => { db.createObjectStore('path', { keyPath: 'a.b' });
           db.createObjectStore('auto', { keyPath: 'id', autoIncrement: true });
           db.createObjectStore('both', { keyPath: ['x', 'y'] }); db.createObjectStore('count', { autoIncrement: true }); });
         const transaction = db.transaction(['path', 'auto', 'both', 'count'], 'readwrite');
         const at = (called) => transaction.objectStore(called);
         say(await done(at('path').put({ a: { b: 7 } })), await done(at('both').put({ x: 1, y: 'z' })));
         say(await done(at('auto').add({ v: 1 })), await done(at('auto').add({ id: 10 })), await done(at('auto').add({})));
         say(await done(at('auto').getAll()));
         say(await done(at('count').add('x')), await done(at('count').add('y', 'key')));
         try { at('path').put({ a: 1 }); } catch (error) { say(error.name); }
         try { at('path').put({ a: { b: 1 } }, 5); } catch (error) { say(error.name); }",
    );
    assert_eq!(
        said,
        [
            r#"7 [1,"z"]"#,
            "1 10 11",
            r#"[{"v":1,"id":1},{"id":10},{"id":11}]"#,
            r#"1 "key""#,
            r#""DataError""#,
            r#""DataError""#
        ]
    );
}

#[test]
fn cursors_go_both_ways_over_stores_and_indexes() {
    // Section 6.7.
    let said = runs(
        "const db = await open('d', 1, (db) => { const store = db.createObjectStore('s', { keyPath: 'id' });
           store.createIndex('t', 't'); store.createIndex('m', 'tags', { multiEntry: true }); });
         const store = db.transaction('s', 'readwrite').objectStore('s');
         store.put({ id: 1, t: 5, tags: ['a', 'b', 'a'] }); store.put({ id: 2, t: 5, tags: ['b'] }); store.put({ id: 3, t: 4 });
         for (const direction of ['next', 'nextunique', 'prev', 'prevunique']) say(await walk(store.index('t'), null, direction));
         say(await walk(store.index('m')), await walk(store, IDBKeyRange.bound(1, 3, true, false), 'prev'));
         const cursor = await done(store.openCursor());
         await done(cursor.update({ id: 1, t: 9 })); cursor.advance(2);
         const third = await done(cursor.request); say(third.key, third.value.t);
         await done(third.delete()); third.continue(); say(await done(third.request));
         say((await done(store.index('t').getAll())).map((value) => value.t), await done(store.index('t').getKey(9)));
         const keyed = await done(store.index('t').openKeyCursor()); keyed.continuePrimaryKey(9, 1);
         say((await done(keyed.request)).primaryKey); try { keyed.continue(2); } catch (error) { say(error.name); }",
    );
    assert_eq!(
        said,
        [
            r#"["4/3","5/1","5/2"]"#,
            r#"["4/3","5/1"]"#,
            r#"["5/2","5/1","4/3"]"#,
            r#"["5/1","4/3"]"#,
            r#"["a/1","b/1","b/2"] ["3/3","2/2"]"#,
            "3 4",
            "null",
            "[5,9] 1",
            "1",
            r#""DataError""#
        ]
    );
}

#[test]
fn an_error_that_nobody_prevents_rolls_everything_back_and_bubbles() {
    // Sections 5.5 and 5.10.
    let said = runs(
        "const db = await open('d', 1, (db) => db.createObjectStore('s').createIndex('u', 'u', { unique: true }));
         db.onerror = (event) => say('db', event.type, event.target === bad); db.onabort = () => say('db abort');
         let transaction = db.transaction('s', 'readwrite');
         transaction.objectStore('s').put({ u: 1 }, 'a');
         const bad = transaction.objectStore('s').add({ u: 2 }, 'a');
         const late = transaction.objectStore('s').put({ u: 3 }, 'b'); late.onerror = () => say('late', late.error.name);
         bad.onerror = () => say(bad.error.name);
         say(await ended(transaction), transaction.error.name);
         say(await done(db.transaction('s').objectStore('s').count()));
         db.onerror = null; transaction = db.transaction('s', 'readwrite');
         transaction.objectStore('s').put({ u: 1 }, 'a');
         const clash = transaction.objectStore('s').put({ u: 1 }, 'b');
         clash.onerror = (event) => { event.preventDefault(); event.stopPropagation(); };
         say(await ended(transaction), await done(db.transaction('s').objectStore('s').getAllKeys()));",
    );
    assert_eq!(
        said,
        [
            r#""ConstraintError""#,
            r#""db" "error" true"#,
            r#""late" "AbortError""#,
            r#""db" "error" false"#,
            // Who awaits the transaction goes on before the event reaches the database: HTML, "clean up after running script".
            r#""abort" "ConstraintError""#,
            r#""db abort""#,
            "0",
            r#""complete" ["a"]"#
        ]
    );
}

#[test]
fn a_transaction_ends_by_itself_and_is_inactive_outside_its_callbacks() {
    // Section 2.7.
    let said = runs(
        "const db = await open('d', 1, (db) => db.createObjectStore('s'));
         const transaction = db.transaction('s', 'readwrite'); const store = transaction.objectStore('s');
         const order = []; transaction.oncomplete = () => order.push('complete');
         await done(store.put(1, 1)); await done(store.put(2, 2)); await null; store.put(3, 3).onsuccess = () => order.push('put');
         await new Promise((resolve) => setTimeout(resolve, 5));
         say(order); try { store.put(4, 4); } catch (error) { say(error.name); }
         try { db.transaction('s').objectStore('s').put(1, 1); } catch (error) { say(error.name); }
         try { db.transaction('none'); } catch (error) { say(error.name); }
         const early = db.transaction('s', 'readwrite'); early.objectStore('s').put(9, 9); early.commit();
         try { early.objectStore('s').put(8, 8); } catch (error) { say(error.name); }
         say(await ended(early));",
    );
    assert_eq!(
        said,
        [
            r#"["put","complete"]"#,
            r#""TransactionInactiveError""#,
            r#""ReadOnlyError""#,
            r#""NotFoundError""#,
            r#""TransactionInactiveError""#,
            r#""complete""#
        ]
    );
}

#[test]
fn writers_wait_for_each_other_and_readers_see_what_was_written_before() {
    // Section 2.7.2.
    let said = runs(
        "const db = await open('d', 1, (db) => { db.createObjectStore('s'); db.createObjectStore('other'); });
         const order = [];
         const first = db.transaction('s', 'readwrite'); const second = db.transaction('s', 'readwrite');
         const reader = db.transaction('s'); const apart = db.transaction('other', 'readwrite');
         const log = (what, request) => { request.onsuccess = () => order.push(`${what} ${request.result}`); };
         log('reader', reader.objectStore('s').get(1)); log('second', second.objectStore('s').put('b', 1));
         const request = first.objectStore('s').put('a', 1);
         request.onsuccess = () => log('first', first.objectStore('s').get(1)); log('apart', apart.objectStore('other').put(1, 1));
         await Promise.all([first, second, reader, apart].map(ended)); say(order);",
    );
    let order = &said[0];
    let place = |what: &str| order.find(what).expect("it is there");
    assert!(
        place("first a") < place("second 1") && place("second 1") < place("reader b"),
        "{order}"
    );
    assert!(place("apart 1") < place("second 1"), "{order}");
}

#[test]
fn a_new_version_waits_for_the_old_connections() {
    // Section 5.1, "versionchange" and "blocked".
    let said = runs(
        "const one = await open('d', 1, (db) => db.createObjectStore('s'));
         one.onversionchange = (event) => say('change', event.oldVersion, event.newVersion);
         const upgraded = open('d', 2, (db, transaction, event) => { say('upgrade', event.oldVersion);
           transaction.objectStore('s').createIndex('i', 'i'); db.createObjectStore('t'); });
         await new Promise((resolve) => setTimeout(resolve, 5)); one.close();
         const two = await upgraded; say([...two.objectStoreNames]);
         two.onversionchange = () => two.close();
         await done(indexedDB.deleteDatabase('d')); say(await indexedDB.databases());
         say(await name(open('e', 1, (db, transaction) => transaction.abort())), await indexedDB.databases());",
    );
    assert_eq!(
        said,
        [
            r#""change" 1 2"#,
            r#""blocked""#,
            r#""upgrade" 1"#,
            r#"["s","t"]"#,
            "[]",
            r#""AbortError" []"#
        ]
    );
}

#[test]
fn the_pattern_of_promise_wrappers_runs_as_it_does_in_a_browser() {
    // What `idb`, Workbox's expiration and its background sync do: requests wrapped by a cache of promises, methods
    // looked up on the prototypes, a transaction's end as a promise, cursors that continue from a promise.
    let said = runs(
        "const promises = new WeakMap();
         const wrap = (request) => { const promise = new Promise((resolve, reject) => {
             const unlisten = () => { request.removeEventListener('success', success); request.removeEventListener('error', error); };
             const success = () => { resolve(request.result); unlisten(); };
             const error = () => { reject(request.error); unlisten(); };
             request.addEventListener('success', success); request.addEventListener('error', error); });
           promises.set(promise, request); return promise; };
         const advance = IDBCursor.prototype.continue;
         const db = await open('workbox-expiration', 1, (db) => {
           const store = db.createObjectStore('cache-entries', { keyPath: 'id' });
           store.createIndex('cacheName', 'cacheName', { unique: false }); store.createIndex('timestamp', 'timestamp', { unique: false }); });
         for (let i = 0; i < 5; i++) { const transaction = db.transaction('cache-entries', 'readwrite', { durability: 'relaxed' });
           const end = ended(transaction);
           await wrap(transaction.objectStore('cache-entries').put({ id: 'c|/' + i, url: '/' + i, timestamp: 100 - i, cacheName: 'c' }));
           await end; }
         const transaction = db.transaction('cache-entries', 'readwrite'); const end = ended(transaction);
         let cursor = await wrap(transaction.objectStore('cache-entries').index('timestamp').openCursor(null, 'prev'));
         const gone = []; let kept = 0;
         while (cursor) { if (kept >= 2) { gone.push(cursor.value.url); await wrap(cursor.delete()); } else kept++;
           advance.call(cursor); cursor = await wrap(cursor.request); }
         say(gone, await end, db instanceof IDBDatabase, transaction instanceof IDBTransaction);",
    );
    assert_eq!(said, [r#"["/2","/3","/4"] "complete" true true"#]);
}

#[test]
fn values_are_copied_in_and_out() {
    // Section 2.3: structured clones.
    let said = runs(
        "const db = await open('d', 1, (db) => db.createObjectStore('s'));
         const store = db.transaction('s', 'readwrite').objectStore('s');
         const value = { date: new Date(7), bytes: new Uint8Array([1, 2]), map: new Map([[1, 'x']]) };
         store.put(value, 1); value.date = null;
         const one = await done(store.get(1)); one.map.set(2, 'y'); const two = await done(store.get(1));
         say(two.date.getTime(), [...two.bytes], two.map.size, one !== two);
         try { store.put(() => {}, 2); } catch (error) { say(error.name); }
         say(await done(store.get('none')) === undefined);",
    );
    assert_eq!(said, ["7 [1,2] 1 true", r#""DataCloneError""#, "true"]);
}

#[test]
fn tables_count_against_the_same_limits_as_caches() {
    let script = wrap(&format!(
        "{HELP} const db = await open('d', 1, (db) => db.createObjectStore('s'));
         for (let i = 0; i < 20; i++) {{ const store = db.transaction('s', 'readwrite').objectStore('s');
           await done(store.put(i, 1)); await done(store.put(i, 2)); await done(store.delete(2)); }}
         for (let i = 0; i < 20; i++) await done(db.transaction('s', 'readwrite').objectStore('s').put(i, i)).catch(() => say('caught'));"
    ));
    let limits = Limits {
        stored_entries: 10,
        ..Limits::default()
    };
    let stage = Stage::with(&script, false, limits);
    let failure = stage.realm.load().expect_err("a limit");
    assert_eq!(
        failure,
        Failure::Limit {
            which: "10 stored entries".to_owned()
        }
    );
    assert_eq!(stage.said(), Vec::<String>::new());
}

#[test]
fn what_throws_after_a_commit_aborts_nothing() {
    // Section 5.9: only a transaction that is still active is aborted by a listener that throws.
    let stage = Stage::new(&format!(
        "(async () => {{ {HELP}
           const db = await open('d', 1, (db) => db.createObjectStore('s'));
           const transaction = db.transaction('s', 'readwrite');
           transaction.objectStore('s').put(1, 'k').onsuccess = () => {{ transaction.commit(); throw new Error('late'); }};
           console.log(await ended(transaction), await done(db.transaction('s').objectStore('s').get('k')));
           const other = db.transaction('s', 'readwrite');
           other.objectStore('s').put(2, 'k').onsuccess = () => {{ throw new Error('early'); }};
           console.log(await ended(other), await done(db.transaction('s').objectStore('s').get('k')));
         }})();"
    ));
    stage.realm.load().expect("it loads");
    assert_eq!(stage.said(), ["complete 1", "abort 1"]);
    assert_eq!(stage.threw().len(), 2, "{:?}", stage.threw());
}

#[test]
fn databases_are_listed_as_they_were_committed() {
    // Section 4.3, `databases()`.
    let said = runs(
        "const listed = []; const look = () => listed.push(indexedDB.databases());
         const first = await open('d', 1, look); first.close();
         look();
         const second = await open('d', 2, look); second.close();
         look();
         for (const found of listed) say((await found).map(({ name, version }) => `${name} ${version}`));",
    );
    assert_eq!(said, ["[]", r#"["d 1"]"#, r#"["d 1"]"#, r#"["d 2"]"#]);
}
