//! Shapes of published holes in script engines of this kind: memory that goes away while it is being worked on.
//! The worker either behaves, so that what it stores is found, or its process ends. It never passes.

use tealkeep::policy::Kind;

use super::{OWN_TIME, found};

/// A page in a cache, which any check that still sees something finds.
const STORES_A_PAGE: &str =
    "oninstall = (e) => e.waitUntil(caches.open('a').then((c) => c.add('/')));";

#[tokio::test]
async fn buffers_that_shrink_under_the_engine_are_never_a_pass() {
    let shapes = [
        // A comparison that shrinks what is sorted.
        "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }), a = new Float64Array(b); \
         a.fill(1.5); let n = 0; a.sort(() => { if (n++ === 3) b.resize(8); return -1 })",
        "const b = new ArrayBuffer(4096), a = new Uint32Array(b); let n = 0; \
         a.sort(() => { if (n++ === 3) b.transfer(); return 1 })",
        // An index whose conversion shrinks the view that it goes to.
        "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }), a = new Uint8Array(b); \
         a.fill({ valueOf() { b.resize(0); return 7 } }); \
         a.with(2000, 1)",
        "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }), a = new Uint8Array(b); \
         a.copyWithin(0, { valueOf() { b.resize(16); return 100 } }, 4096)",
        "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }), a = new Uint8Array(b); \
         a.subarray({ valueOf() { b.resize(16); return 1000 } }, 4000).fill(65); a.slice(0, { valueOf() { b.resize(4); return 16 } })",
        "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }), d = new DataView(b, 8); \
         d.setFloat64({ valueOf() { b.resize(0); return 4000 } }, { valueOf() { b.resize(9); return 1 } })",
        "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }), a = new Uint8Array(b); \
         a.set({ length: 4000, get 0() { b.resize(1); return 1 }, 3999: 7 })",
        "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }), a = new Uint8Array(b); \
         a.lastIndexOf(0, { valueOf() { b.resize(2); return 4095 } }); a.includes(undefined, { valueOf() { b.resize(0); return 0 } })",
        "const b = new ArrayBuffer(64, { maxByteLength: 8192 }), a = new Uint8Array(b); \
         a.map((x, i) => { if (i === 1) b.resize(i); return x }); a.join({ toString() { b.resize(0); return '-' } })",
        // Constructors that are handed their source by script.
        "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }); \
         class C extends Uint8Array { static get [Symbol.species]() { return function (n) { b.resize(0); return new Uint8Array(b) } } }; \
         new C(b).slice(0, 4096); new C(b).map((x) => x); new C(b).filter(() => true)",
        "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }); \
         const t = new Proxy(function () {}, { get(f, k) { if (k === 'prototype') b.resize(8); return f[k] } }); \
         Reflect.construct(Float64Array, [b, 8, 500], t); Reflect.construct(DataView, [b, 0, 4000], t)",
        "const a = new Uint8Array(new ArrayBuffer(4096, { maxByteLength: 8192 })); \
         new Uint16Array({ length: 1 << 12, get 5() { a.buffer.resize(3); return a[4095] }, [Symbol.iterator]: null }); \
         ArrayBuffer.prototype.slice.call(a.buffer, { valueOf() { a.buffer.resize(0); return 0 } }, 4000)",
        // Lists that change while they are worked on.
        "const a = Array.from({ length: 5000 }, (_, i) => ({ toString() { a.length = 1; return '' + i } })); a.sort(); a.join(); \
         a.splice({ valueOf() { a.length = 0; return 0 } }, 5000); a.concat({ length: 2 ** 32, [Symbol.isConcatSpreadable]: true, get 1() { throw 1 } })",
        "const a = [1, 2, 3]; Object.defineProperty(a, 1, { get() { a.length = 0; gc = Array(1e5).fill(a); return 1 } }); \
         a.flat(9); a.toSpliced(0, 1); a.toSorted(); [].concat(a, a); Math.max.apply(null, a)",
        // Strings and expressions.
        "const r = /(?:)/g; r.lastIndex = 2 ** 31; 'x'.replace(r, { toString() { r.compile('(a+)+$'); return '$1' } }); \
         'aaaa'.replaceAll(/a/g, () => { r.compile('b'); return '$&' }); /(?<=(a*?)){2,9}\\1/u.exec('a'.repeat(5000))",
        // Objects that die while they are used.
        "const m = new Map([[1, 1], [2, 2]]); m.forEach((v, k) => { m.clear(); for (let i = 0; i < 1000; i++) m.set(i, i) }); \
         const g = (function* () { yield* { [Symbol.iterator]() { return { next() { g.return(); return { done: true } } } } } })(); g.next()",
        "const w = new WeakMap(), f = new FinalizationRegistry(() => {}); \
         for (let i = 0; i < 20000; i++) { const o = {}; w.set(o, { o }); f.register(o, i, o); if (i % 3) f.unregister(o) }",
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 1); \
         const b = new SharedArrayBuffer(8, { maxByteLength: 64 }); Atomics.add(new Int32Array(b), { valueOf() { b.grow(64); return 1 } }, 5)",
    ];
    for shape in shapes {
        let script = format!("try {{ {shape} }} catch {{ }} {STORES_A_PAGE}");
        let findings = found(&script, OWN_TIME).await;
        assert!(
            findings
                .iter()
                .any(|finding| matches!(finding.kind, Kind::CachesHtml | Kind::CannotEvaluate)),
            "{shape}: {findings:#?}"
        );
    }
}
