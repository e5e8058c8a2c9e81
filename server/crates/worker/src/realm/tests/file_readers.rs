//! `FileReader` (File API, section 6).

use super::*;

const READ: &str = "const read = (method, blob, ...a) => new Promise((done, fail) => {\n\
       const r = new FileReader(); r.onload = () => done(r.result); r.onerror = fail; r[method](blob, ...a); });\n\
     const bytes = (...b) => new Blob([new Uint8Array(b)]);";

#[test]
fn each_method_packages_the_content() {
    gives(
        READ,
        &[
            ("read('readAsText', new Blob(['hä']))", "hä"),
            (
                "read('readAsArrayBuffer', bytes(1, 2)).then(b => [b instanceof ArrayBuffer, b.byteLength])",
                "[true,2]",
            ),
            (
                "read('readAsBinaryString', bytes(0, 228, 255)).then(t => [...t].map(c => c.charCodeAt()))",
                "[0,228,255]",
            ),
            (
                "read('readAsDataURL', new Blob(['p'], { type: 'text/plain' }))",
                "data:text/plain;base64,cA==",
            ),
            (
                "read('readAsDataURL', new Blob(['p']))",
                "data:application/octet-stream;base64,cA==",
            ),
            (
                "read('readAsDataURL', new Blob([]))",
                "data:application/octet-stream;base64,",
            ),
        ],
    );
}

#[test]
fn text_is_decoded_by_mark_label_charset_or_as_utf_8() {
    gives(
        READ,
        &[
            ("read('readAsText', bytes(228))", "\u{fffd}"),
            ("read('readAsText', bytes(228), 'latin1')", "ä"),
            ("read('readAsText', bytes(228), 'nothing')", "\u{fffd}"),
            (
                "read('readAsText', new Blob([bytes(228)], { type: 'text/plain;charset=windows-1252' }))",
                "ä",
            ),
            (
                "read('readAsText', new Blob([bytes(228)], { type: 'text/plain;charset=windows-1252' }), 'utf-8')",
                "\u{fffd}",
            ),
            ("read('readAsText', bytes(0xfe, 0xff, 0, 104))", "h"),
            (
                "read('readAsText', bytes(0xff, 0xfe, 104, 0), 'utf-8')",
                "h",
            ),
            (
                "read('readAsText', bytes(0xef, 0xbb, 0xbf, 104), 'utf-16be')",
                "h",
            ),
            ("read('readAsText', bytes(104, 0), 'utf-16')", "h"),
        ],
    );
}

#[test]
fn events_and_states_follow_the_read() {
    gives(
        "const all = ['loadstart', 'progress', 'load', 'abort', 'error', 'loadend'];\n\
         const watch = act => new Promise(done => { const r = new FileReader(); const log = [];\n\
           for (const type of all) r.addEventListener(type, e => { log.push(type + r.readyState + (r.result === null ? '' : r.result)); act[type]?.(r, log, e); });\n\
           log.push(r.readyState); act.begin(r, log); log.push('sync' + r.readyState); setTimeout(() => done(log.join(' ')), 100); });\n\
         const blob = new Blob(['x']);",
        &[
            (
                "watch({ begin: r => r.readAsText(blob) })",
                "0 sync1 loadstart1 progress1 load2x loadend2x",
            ),
            (
                "watch({ begin: r => { r.readAsText(blob); r.abort(); } })",
                "0 abort2 loadend2 sync2",
            ),
            ("watch({ begin: r => r.abort() })", "0 sync0"),
            (
                "watch({ begin: r => r.readAsText(blob), loadstart: r => r.abort() })",
                "0 sync1 loadstart1 abort2 loadend2",
            ),
            (
                "watch({ begin: r => r.readAsText(blob), load: (r, log) => { if (log.length < 6) r.readAsText(blob); } })",
                "0 sync1 loadstart1 progress1 load2x loadstart1 progress1 load2x loadend2x",
            ),
            (
                "watch({ begin: (r, log) => { r.readAsText(blob); try { r.readAsText(blob); } catch (e) { log.push(e.name); } } })",
                "0 InvalidStateError sync1 loadstart1 progress1 load2x loadend2x",
            ),
            (
                "watch({ begin: r => { r.readAsText(blob); r.abort(); r.readAsDataURL(blob); } })",
                "0 abort2 loadend2 sync1 loadstart1 progress1 load2data:application/octet-stream;base64,eA== loadend2data:application/octet-stream;base64,eA==",
            ),
            (
                "new Promise(done => { const r = new FileReader(); r.onprogress = e => done([e instanceof ProgressEvent, e.loaded, e.total, e.lengthComputable, e.isTrusted, e.target === r]); r.readAsText(blob); })",
                "[true,1,1,true,true,true]",
            ),
        ],
    );
}

#[test]
fn the_interface_is_bound_as_web_idl_has_it() {
    gives(
        "const r = new FileReader();",
        &[
            (
                "[FileReader.length, FileReader.prototype.readAsText.length, FileReader.prototype.abort.length]",
                "[0,1,0]",
            ),
            (
                "[FileReader.EMPTY, FileReader.LOADING, FileReader.DONE, r.DONE, String(r)]",
                "[0,1,2,2,\"[object FileReader]\"]",
            ),
            ("r.readAsText()", "TypeError"),
            ("r.readAsText('x')", "TypeError"),
            (
                "FileReader.prototype.readAsText.call({}, new Blob())",
                "TypeError",
            ),
            (
                "[r.onload, r.error, r.result, r instanceof EventTarget]",
                "[null,null,null,true]",
            ),
            (
                "['loadstart', 'progress', 'load', 'abort', 'error', 'loadend'].every(t => { const f = () => {}; r['on' + t] = f; const ok = r['on' + t] === f; r['on' + t] = 3; return ok && r['on' + t] === null; })",
                "true",
            ),
        ],
    );
}
