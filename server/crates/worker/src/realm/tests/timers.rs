//! Timers, microtasks and base64 (HTML, sections 8.3, 8.6 and 8.7): how arguments are converted.

use super::*;

#[test]
fn handlers_are_functions_or_scripts_and_delays_are_longs() {
    gives(
        "globalThis.log = []; const order = (...delays) => new Promise(done => { const seen = []; for (const d of delays) setTimeout(() => seen.push(String(d)), d); setTimeout(() => done(seen.join()), 200); });",
        &[
            (
                "[setTimeout.length, setInterval.length, clearTimeout.length, queueMicrotask.length, Object.keys(WorkerGlobalScope.prototype).includes('setTimeout')]",
                "[1,1,0,1,true]",
            ),
            (
                "order(2 ** 32, 3, -5, '2', null, NaN, undefined, { valueOf: () => 1 })",
                "4294967296,-5,null,NaN,undefined,[object Object],2,3",
            ),
            ("setTimeout()", "TypeError"),
            ("setTimeout(Symbol())", "TypeError"),
            ("setTimeout(() => {}, 1n)", "TypeError"),
            (
                "new Promise(done => setTimeout((...a) => done(a), 0, 1, 'b'))",
                "[1,\"b\"]",
            ),
            (
                "new Promise(done => setTimeout(function () { done(this === self); }))",
                "true",
            ),
            (
                "(setTimeout(\"log.push('ran')\"), new Promise(done => setTimeout(() => done(log), 5)))",
                "[\"ran\"]",
            ),
            (
                "(() => { const a = setTimeout(() => log.push('never')); clearInterval(a); clearTimeout(undefined); clearTimeout(a); return a > 0 && a !== setTimeout(() => {}); })()",
                "true",
            ),
            (
                "new Promise(done => { let n = 0; const id = setInterval(() => { if (++n === 3) { clearInterval(id); done(n + log.length); } }, -1); })",
                "4",
            ),
        ],
    );
}

#[test]
fn microtasks_run_in_order_with_undefined_as_this() {
    gives(
        "const log = [];",
        &[
            ("queueMicrotask()", "TypeError"),
            ("queueMicrotask('x')", "TypeError"),
            ("queueMicrotask({ handleEvent() {} })", "TypeError"),
            (
                "(queueMicrotask(function () { 'use strict'; log.push(this === undefined, arguments.length); }), Promise.resolve().then(() => log.push('then')), Promise.resolve().then(() => {}).then(() => log))",
                "[true,0,\"then\"]",
            ),
        ],
    );
}

#[test]
fn base64_is_forgiving_and_bytes_alone_are_encoded() {
    gives(
        "const code = f => { try { return f(); } catch (e) { return [e.name, e.code, e instanceof DOMException]; } };",
        &[
            (
                "[btoa.length, atob.length, btoa(''), btoa(null), btoa('\\xff\\0'), btoa([1, 2])]",
                "[1,1,\"\",\"bnVsbA==\",\"/wA=\",\"MSwy\"]",
            ),
            (
                "code(() => btoa('\\u0100'))",
                "[\"InvalidCharacterError\",5,true]",
            ),
            (
                "code(() => atob('\\ud800'))",
                "[\"InvalidCharacterError\",5,true]",
            ),
            ("btoa()", "TypeError"),
            ("atob()", "TypeError"),
            (
                "[atob(''), atob(' YQ = = '), atob('YWI'), atob('YR'), atob('\\tYQ\\f\\n\\r')]",
                "[\"\",\"a\",\"ab\",\"a\",\"a\"]",
            ),
            (
                "['Y', 'YQ=', 'Y===', '=', 'YQ==='].map(t => code(() => atob(t))[1])",
                "[5,5,5,5,5]",
            ),
            (
                "code(() => atob('YQ\\xa0'))",
                "[\"InvalidCharacterError\",5,true]",
            ),
            ("code(() => atob(undefined)).length", "3"),
            ("atob('AP8=').charCodeAt(1)", "255"),
        ],
    );
}
