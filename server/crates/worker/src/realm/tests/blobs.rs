//! `Blob` and `File` (File API, sections 3 and 4) and `ProgressEvent`.

use super::*;

#[test]
fn the_interfaces_are_bound_as_web_idl_has_it() {
    gives(
        "const keys = c => Object.keys(c.prototype).join(); const b = new Blob(['x']);",
        &[
            (
                "[Blob.length, File.length, ProgressEvent.length, Blob.prototype.slice.length]",
                "[0,2,1,0]",
            ),
            (
                "keys(Blob)",
                "size,type,slice,stream,text,arrayBuffer,bytes,textStream",
            ),
            (
                // The last of them is Chromium's own; whoever uses it is told so.
                "keys(File)",
                "name,lastModified,webkitRelativePath,lastModifiedDate",
            ),
            (
                "[String(b), String(new File([], 'x')), Object.keys(globalThis).includes('Blob')]",
                "[\"[object Blob]\",\"[object File]\",false]",
            ),
            ("Blob()", "TypeError"),
            (
                "Object.getOwnPropertyDescriptor(Blob.prototype, 'size').get.call({})",
                "TypeError",
            ),
            (
                "Object.getOwnPropertyDescriptor(File.prototype, 'name').get.call(b)",
                "TypeError",
            ),
            (
                "Object.getOwnPropertyDescriptor(File.prototype, 'webkitRelativePath').get.call(b)",
                "TypeError",
            ),
            ("Blob.prototype.slice.call({})", "TypeError"),
            (
                "(p => { p.catch(() => {}); return p instanceof Promise; })(Blob.prototype.text.call({}))",
                "true",
            ),
            ("Blob.prototype.text.call({})", "TypeError"),
            (
                "['createObjectURL' in URL, 'revokeObjectURL' in URL]",
                "[false,false]",
            ),
        ],
    );
}

#[test]
fn parts_are_a_sequence_that_is_converted_as_it_is_walked() {
    gives(
        "const text = (...a) => new Blob(...a).text();\n\
         const log = []; const noted = name => ({ toString() { log.push(name); return name; } });",
        &[
            ("text()", ""),
            ("text(undefined)", ""),
            ("text(null)", "TypeError"),
            ("text('text')", "TypeError"),
            ("text({})", "TypeError"),
            ("text(new Date())", "TypeError"),
            ("text({ 0: 'a', length: 1 })", "TypeError"),
            (
                "text({ [Symbol.iterator]: Array.prototype[Symbol.iterator], 0: 'PASS', length: 1 })",
                "PASS",
            ),
            ("text(new String('xyz'))", "xyz"),
            ("text(new Uint8Array([1, 2, 3]))", "123"),
            (
                "text([null, undefined, true, 1, ['x', 'y'], {}])",
                "nullundefinedtrue1x,y[object Object]",
            ),
            (
                "text([new Blob(['a']), new Uint8Array([98]), new Uint8Array([99]).buffer, 'd', new DataView(new Uint8Array([101, 102]).buffer, 1)])",
                "abcdf",
            ),
            ("text(['\\ud800'])", "\u{fffd}"),
            (
                "(() => { const list = [{ toString() { list.pop(); return 'a'; } }, { toString() { return 'b'; } }]; return text(list); })()",
                "a",
            ),
            (
                "text([{ toString() { throw new RangeError(); } }], { get type() { log.push('type'); } })",
                "RangeError",
            ),
            ("log.length", "0"),
            (
                "new Blob([noted('part')], { type: noted('type'), endings: noted('native') }) && log.join()",
                "part,native,type",
            ),
            ("new Blob([], 1)", "TypeError"),
            ("new Blob([], 'x')", "TypeError"),
            (
                "new Blob([], null).size + new Blob([], function () {}).size",
                "0",
            ),
            ("new Blob([], { endings: 'Native' })", "TypeError"),
            (
                "text(['a\\r\\nb\\rc\\nd\\n\\re'], { endings: 'native' })",
                "a\nb\nc\nd\n\ne",
            ),
            ("text(['a\\r\\nb'])", "a\r\nb"),
            (
                "(() => { const bytes = new Uint8Array([97]); const b = new Blob([bytes]); bytes[0] = 98; return b.text(); })()",
                "a",
            ),
        ],
    );
}

#[test]
fn types_are_printable_and_in_lower_case() {
    gives(
        "const type = t => new Blob([], { type: t }).type;",
        &[
            (
                "[type('TEXT/Html'), type(' a '), type('\\t'), type('å'), type('a\\x7f'), type(null), type('İ')]",
                "[\"text/html\",\" a \",\"\",\"\",\"\",\"null\",\"\"]",
            ),
            ("new Blob(['x'], { type: 'a/b' }).slice().type", ""),
            (
                "new Blob(['x'], { type: 'a/b' }).slice(0, 1, 'C/D').type",
                "c/d",
            ),
            ("new Blob(['x']).slice(0, 1, null).type", "null"),
            ("new Blob(['x']).slice(0, 1, '\\0').type", ""),
        ],
    );
}

#[test]
fn slices_count_from_both_ends_and_clamp() {
    gives(
        "const b = new Blob(['abcdef']); const s = (...a) => b.slice(...a).text();",
        &[
            ("s()", "abcdef"),
            ("s(2)", "cdef"),
            ("s(-2)", "ef"),
            ("s(1, -1)", "bcde"),
            ("s(4, 2)", ""),
            ("s(null, undefined)", "abcdef"),
            ("s('1', {})", ""),
            ("s(NaN, 2.5)", "ab"),
            ("s(-1e30, 1e30)", "abcdef"),
            ("s(0.5, 1.5)", "ab"),
            ("s(Infinity)", ""),
            (
                "b.slice(0, 1) instanceof Blob && new File(['a'], 'n').slice() instanceof File",
                "false",
            ),
        ],
    );
}

#[test]
fn content_is_read_as_text_bytes_and_a_stream() {
    gives(
        "const b = new Blob(['\\ufeffhä']);",
        &[
            ("b.text()", "hä"),
            (
                "b.arrayBuffer().then(x => [x instanceof ArrayBuffer, x.byteLength])",
                "[true,6]",
            ),
            (
                "b.bytes().then(x => [x instanceof Uint8Array, x.length])",
                "[true,6]",
            ),
            (
                "new Response(b.stream()).arrayBuffer().then(x => x.byteLength)",
                "6",
            ),
        ],
    );
}

#[test]
fn files_have_a_name_and_a_time() {
    gives(
        "const log = []; const f = (...a) => new File([], ...a);",
        &[
            ("f()", "TypeError"),
            ("new File('x', 'y')", "TypeError"),
            (
                "[f('a/b').name, f(null).name, f('\\ud800').name]",
                "[\"a/b\",\"null\",\"\u{fffd}\"]",
            ),
            ("f('n').lastModified === Date.now()", "true"),
            (
                "[42, 1.9, -1.9, '7', null, NaN, Infinity, undefined].map(t => f('n', { lastModified: t }).lastModified).slice(0, 7)",
                "[42,1,-1,7,0,0,0]",
            ),
            ("f('n', { lastModified: new Date(5) }).lastModified", "5"),
            (
                "f('n', { lastModified: 2 ** 64 + 4096 }).lastModified",
                "4096",
            ),
            ("f('n', 1)", "TypeError"),
            (
                "f('n', { get lastModified() { log.push('l'); }, get type() { log.push('t'); }, get endings() { log.push('e'); } }) && log.join()",
                "e,t,l",
            ),
            (
                "[f('n', { type: 'A' }).type, f('n').webkitRelativePath, f('n') instanceof Blob]",
                "[\"a\",\"\",true]",
            ),
        ],
    );
}

#[test]
fn progress_events_have_numbers() {
    gives(
        "const e = init => { const p = new ProgressEvent('x', init); return [p.type, p.lengthComputable, p.loaded, p.total]; };",
        &[
            ("e()", "[\"x\",false,0,0]"),
            (
                "e({ lengthComputable: 1, loaded: '2', total: 3.5 })",
                "[\"x\",true,2,3.5]",
            ),
            ("new ProgressEvent()", "TypeError"),
            ("e(1)", "TypeError"),
            ("new ProgressEvent('x', { bubbles: true }).bubbles", "true"),
        ],
    );
}

#[test]
fn a_structured_clone_is_another_object_with_the_same_content() {
    gives(
        "const f = new File(['x'], 'n', { type: 'a/b', lastModified: 5 }); const b = new Blob(['y'], { type: 'c/d' });\n\
         const [g, c, again] = structuredClone([f, b, f]);",
        &[
            (
                "[g === f, g === again, g instanceof File, g.name, g.type, g.lastModified]",
                "[false,true,true,\"n\",\"a/b\",5]",
            ),
            (
                "[c === b, c instanceof File, c instanceof Blob, c.type]",
                "[false,false,true,\"c/d\"]",
            ),
            ("Promise.all([g.text(), c.text()])", "[\"x\",\"y\"]"),
            ("new FileList()", "TypeError"),
            (
                "[typeof FileList.prototype.item, String(FileList.prototype)]",
                "[\"function\",\"[object FileList]\"]",
            ),
        ],
    );
}
