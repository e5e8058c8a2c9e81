//! `FormData` (XMLHttpRequest Standard, section 5) and its bodies.

use super::*;

#[test]
fn entries_are_texts_and_files() {
    gives(
        "const f = new FormData(); f.append('a', 1); f.append('a', null); f.append('b', new Blob(['x'], { type: 't/x' })); const file = new File(['y'], 'n'); f.append('c', file);",
        &[
            (
                "[FormData.length, f.append.length, f.set.length, f.get.length, f.forEach.length]",
                "[0,2,2,1,1]",
            ),
            ("String(f)", "[object FormData]"),
            ("f.getAll('a')", "[\"1\",\"null\"]"),
            (
                "[f.get('b').name, f.get('b').type, f.get('b') === f.get('b'), f.get('c') === file, f.get('none')]",
                "[\"blob\",\"t/x\",true,true,null]",
            ),
            (
                "(f.append('d', file, 'other'), [f.get('d').name, f.get('d') === file])",
                "[\"other\",false]",
            ),
            ("f.append('x')", "TypeError"),
            ("f.append('x', 'y', 'z')", "TypeError"),
            ("f.get()", "TypeError"),
            ("f.forEach(1)", "TypeError"),
            ("new FormData(null)", "TypeError"),
            ("new FormData(undefined).has('a')", "false"),
            ("FormData.prototype.get.call({}, 'a')", "TypeError"),
            ("(f.set('a', '\\ud800'), f.getAll('a'))", "[\"\u{fffd}\"]"),
            ("[...f.keys()].join()", "a,b,c,d"),
            ("(f.delete('a'), f.delete('none'), f.has('a'))", "false"),
            (
                "[FormData.prototype[Symbol.iterator] === FormData.prototype.entries, Object.keys(FormData.prototype).join()]",
                "[true,\"append,set,delete,get,getAll,has,forEach,entries,keys,values\"]",
            ),
            ("[...new FormData()].length", "0"),
        ],
    );
}

#[test]
fn a_form_is_written_with_normalised_line_ends_and_three_escapes() {
    gives(
        "const write = async (...entries) => { const f = new FormData(); for (const e of entries) f.append(...e); const r = new Response(f);\n\
           const boundary = r.headers.get('content-type').match(/^multipart\\/form-data; boundary=(.+)$/)[1]; return (await r.text()).replaceAll(boundary, 'B'); };",
        &[
            ("write()", "--B--\r\n"),
            (
                "write(['a', 'b\\nc\\rd\\r\\ne\\n\\rf'])",
                "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\nc\r\nd\r\ne\r\n\r\nf\r\n--B--\r\n",
            ),
            (
                "write(['\"\\n\\\\%22ü\\0', ''])",
                "--B\r\nContent-Disposition: form-data; name=\"%22%0D%0A\\%22ü\0\"\r\n\r\n\r\n--B--\r\n",
            ),
            (
                "write(['f', new File(['x\\ny'], 'a\\n\\r\"\\u0000ü.txt', { type: 'text/plain' })])",
                "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a%0A%0D%22\0ü.txt\"\r\nContent-Type: text/plain\r\n\r\nx\ny\r\n--B--\r\n",
            ),
            (
                "write(['f', new Blob([])])",
                "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"blob\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--B--\r\n",
            ),
        ],
    );
}

#[test]
fn a_form_is_read_back_byte_for_byte() {
    gives(
        "const read = (body, type) => new Response(body, { headers: { 'content-type': type } }).formData();\n\
         const part = 'Content-Disposition: form-data; name=\"a\"';\n\
         const list = form => Promise.all([...form].map(async ([n, v]) => n + '=' + (v instanceof File ? v.name + '|' + v.type + '|' + await v.text() : v)));",
        &[
            (
                "read('a=1&b=%FF', 'application/x-www-form-urlencoded').then(list)",
                "[\"a=1\",\"b=\u{fffd}\"]",
            ),
            (
                "read('a=1', 'Application/X-WWW-form-urlencoded; x=y').then(list)",
                "[\"a=1\"]",
            ),
            ("read('a=1', 'text/plain')", "TypeError"),
            ("new Response('a').formData().then(list)", "TypeError"),
            (
                "(() => { const f = new FormData(); f.append('x\"\\r\\ny', 'v\\r\\nw'); f.append('f', new File([new Uint8Array([0, 255, 13, 10])], 'n\"\\n')); return new Response(f).formData(); })().then(async f => [[...f.keys()], f.get('x\"\\r\\ny'), f.get('f').name, (await f.get('f').bytes()).join()])",
                "[[\"x\\\"\\r\\ny\",\"f\"],\"v\\r\\nw\",\"n\\\"\\n\",\"0,255,13,10\"]",
            ),
            (
                "read('--B--', 'multipart/form-data; boundary=B').then(list)",
                "[]",
            ),
            (
                "read('--B\\r\\n' + part + '\\r\\n\\r\\nv\\r\\n--B--', 'multipart/form-data; boundary=\"B\"').then(list)",
                "[\"a=v\"]",
            ),
            (
                "read('--B\\r\\nCONTENT-DISPOSITION:form-data;name=\"a\";filename=\"\"\\r\\n\\r\\n\\r\\n--B--\\r\\n', 'multipart/form-data; boundary=B').then(list)",
                "[\"a=|text/plain|\"]",
            ),
            (
                "read('--B\\r\\n' + part + '\\r\\n\\r\\nv\\r\\n', 'multipart/form-data; boundary=B')",
                "TypeError",
            ),
            (
                "read('--B\\r\\n\\r\\nv\\r\\n--B--', 'multipart/form-data; boundary=B')",
                "TypeError",
            ),
            (
                "read('--C--', 'multipart/form-data; boundary=B')",
                "TypeError",
            ),
            ("read('--B--', 'multipart/form-data')", "TypeError"),
            (
                "(b => read('--' + b + '--', 'multipart/form-data; boundary=' + b))('B'.repeat(71))",
                "TypeError",
            ),
        ],
    );
}
