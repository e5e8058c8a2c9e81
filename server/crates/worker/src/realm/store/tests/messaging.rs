//! Messages, locks and the navigator (HTML, sections 9.4, 9.5 and 8.1.2; Web Locks).

use super::*;

#[test]
fn a_port_delivers_once_it_is_started_and_in_order() {
    let said = says(
        "const { port1, port2 } = new MessageChannel();
         port1.postMessage({ a: [1] }); port1.postMessage('two');
         await new Promise((resolve) => { let n = 0;
           port2.onmessage = (event) => { say(event.data, event.target === port2); if (++n === 2) resolve(); }; });
         const second = new MessageChannel();
         port2.postMessage({ port: second.port2 }, [second.port2]);
         const got = await new Promise((resolve) => { port1.onmessage = resolve; });
         say(got.ports.length, got.data.port === got.ports[0]);
         got.ports[0].postMessage('through');
         say((await new Promise((resolve) => { second.port1.onmessage = resolve; })).data);
         port1.close(); port2.postMessage('lost');",
    );
    assert_eq!(
        said,
        [
            r#"{"a":[1]} true"#,
            r#""two" true"#,
            "1 true",
            r#""through""#
        ]
    );
}

#[test]
fn a_broadcast_reaches_the_other_channels_of_that_name() {
    let said = says(
        "const [a, b, c] = ['x', 'x', 'y'].map((name) => new BroadcastChannel(name));
         a.onmessage = () => say('itself'); c.onmessage = () => say('another name');
         b.addEventListener('message', (event) => say(event.data, event.origin));
         a.postMessage({ type: 'CACHE_UPDATED' });
         await new Promise((resolve) => setTimeout(resolve, 5));
         b.close(); a.postMessage('lost'); a.close();
         try { a.postMessage('closed'); } catch (error) { say(error.name); }",
    );
    assert_eq!(
        said,
        [
            r#"{"type":"CACHE_UPDATED"} "http://a.test""#,
            r#""InvalidStateError""#
        ]
    );
}

#[test]
fn locks_are_held_until_their_callback_is_done() {
    let said = says(
        "const order = [];
         const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
         const first = navigator.locks.request('l', async (lock) => { order.push(lock.mode); await wait(20); order.push(1); return 'r'; });
         const second = navigator.locks.request('l', () => { order.push(2); });
         const none = await navigator.locks.request('l', { ifAvailable: true }, (lock) => lock);
         say(none, (await navigator.locks.query()).pending.length);
         say(await first, await second, order);
         await Promise.all([1, 2].map((n) => navigator.locks.request('s', { mode: 'shared' }, async () => {
           order.push('in'); await wait(5); order.push('out'); })));
         say(order.slice(3));",
    );
    assert_eq!(
        said,
        [
            "null 1",
            r#""r"  ["exclusive",1,2]"#,
            r#"["in","in","out","out"]"#
        ]
    );
}

#[test]
fn the_navigator_is_a_workers() {
    let said = says(
        "say(navigator instanceof WorkerNavigator, navigator.onLine, 'serviceWorker' in navigator);
         say(/Chrome\\/\\d+/.test(navigator.userAgent), navigator.language, navigator.connection.effectiveType);
         say((await navigator.permissions.query({ name: 'notifications' })).state, await navigator.storage.persisted());",
    );
    assert_eq!(
        said,
        [
            "true true false",
            r#"true "en-US" "4g""#,
            r#""granted" false"#
        ]
    );
}

#[test]
fn what_is_cloned_keeps_its_kind_its_cycles_and_nothing_of_its_class() {
    let said = says(
        "class Own { constructor() { this.a = 1; } get b() { return 2; } }
         const cycle = { list: [1, , 3], date: new Date(5), map: new Map([[1, { two: 2 }]]), own: new Own() };
         cycle.self = cycle;
         const copy = structuredClone(cycle);
         say(copy !== cycle, copy.self === copy, 1 in copy.list, copy.list.length, copy.date.getTime());
         say(copy.map.get(1), copy.own instanceof Own, copy.own.b === undefined, copy.own.a);
         say(structuredClone(new Uint16Array([1, 2])).length, structuredClone(/x/gi).flags, structuredClone(Object.create(null)) !== null);
         for (const bad of [() => 1, { deep: [Symbol('x')] }, new Response(''), Promise.resolve()]) {
           try { structuredClone(bad); say('cloned'); } catch (error) { say(error.name); }
         }",
    );
    assert_eq!(
        said,
        [
            "true true false 3 5",
            r#"{"two":2} false true 1"#,
            r#"2 "gi" true"#,
            r#""DataCloneError""#,
            r#""DataCloneError""#,
            r#""DataCloneError""#,
            r#""DataCloneError""#,
        ]
    );
}
