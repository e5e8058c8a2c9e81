//! Streams and codecs within the limits of memory and time.

use super::limits::{limit_of, quick};
use super::*;

#[test]
fn what_unfolds_without_an_end_is_bounded() {
    let limits = Limits {
        memory_bytes: 24 << 20,
        turn_ms: 20_000,
        ..Limits::default()
    };
    // A chunk of 100 KiB that unfolds to 100 MiB, of which all is kept.
    let which = limit_of(
        "addEventListener('install', e => e.waitUntil((async () => {\n\
           const zeros = new Uint8Array(1 << 20); const pack = new CompressionStream('gzip'); const w = pack.writable.getWriter();\n\
           (async () => { for (let n = 0; n < 100; n++) await w.write(zeros); w.close(); })();\n\
           const bomb = await new Response(pack.readable).arrayBuffer(); if (bomb.byteLength > 200000) throw new Error('no bomb');\n\
           await new Response(new Blob([bomb]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer(); })()));",
        limits,
    );
    assert!(which.contains("memory"), "{which}");
}

#[test]
fn what_unfolds_is_read_piece_by_piece_in_little_memory() {
    let limits = Limits {
        memory_bytes: 24 << 20,
        turn_ms: 20_000,
        ..Limits::default()
    };
    let stage = Stage::with(
        "addEventListener('install', e => e.waitUntil((async () => {\n\
           const zeros = new Uint8Array(1 << 16); let n = 0, total = 0;\n\
           const source = new ReadableStream({ pull(c) { c.enqueue(zeros); if (++n === 800) c.close(); } });\n\
           const back = source.pipeThrough(new CompressionStream('deflate')).pipeThrough(new DecompressionStream('deflate'));\n\
           for await (const piece of back) total += piece.length; console.log(total === 800 * 65536); })()));",
        false,
        limits,
    );
    stage.realm.load().expect("it loads");
    stage.realm.dispatch(&Event::Install).expect("it ends");
    assert_eq!(stage.said(), ["true"]);
}

#[test]
fn compression_streams_are_counted_while_they_hold_memory() {
    let limits = Limits {
        turn_ms: 20_000,
        ..Limits::default()
    };
    let open = "const open = () => { const s = new CompressionStream('gzip'); const w = s.writable.getWriter(); w.write(new Uint8Array(1)); return s; };\n";
    let which = limit_of(
        &format!(
            "{open}const all = []; addEventListener('install', () => {{ for (let n = 0; n < 200; n++) {{ const s = open(); s.readable.getReader().read(); all.push(s); }} }});"
        ),
        limits,
    );
    assert!(which.contains("compression streams"), "{which}");
    let stage = Stage::with(
        "addEventListener('install', e => e.waitUntil((async () => { for (let n = 0; n < 300; n++) {\n\
           const s = new CompressionStream('gzip'); s.writable.getWriter().close(); await new Response(s.readable).arrayBuffer(); }\n\
           const idle = []; for (let n = 0; n < 300; n++) idle.push(new DecompressionStream('gzip')); console.log(idle.length); })()));",
        false,
        limits,
    );
    stage.realm.load().expect("it loads");
    stage.realm.dispatch(&Event::Install).expect("it ends");
    assert_eq!(stage.said(), ["300"]);
}

#[test]
fn a_stream_without_an_end_ends_by_the_budget() {
    for script in [
        "const s = new ReadableStream({ pull(c) { c.enqueue(1); } }, { highWaterMark: Infinity });",
        "new ReadableStream({ pull(c) { c.enqueue(1); } }).pipeTo(new WritableStream());",
        "new ReadableStream({ type: 'bytes', pull(c) { c.enqueue(new Uint8Array(1)); } }).pipeThrough(new DecompressionStream('deflate-raw'))\n\
           .pipeTo(new WritableStream()).catch(() => {}); (async () => { for await (const x of new ReadableStream({ pull(c) { c.enqueue(1); } })); })();",
        "const [a, b] = new ReadableStream({ type: 'bytes', autoAllocateChunkSize: 8, pull(c) { c.byobRequest.respond(1); } }).tee();\n\
           a.pipeTo(new WritableStream()); b.pipeTo(new WritableStream());",
    ] {
        let which = limit_of(
            &format!("addEventListener('install', () => {{ {script} }});"),
            quick(),
        );
        assert!(
            which.contains("processor time") || which.contains("memory"),
            "{script}: {which}"
        );
    }
}
