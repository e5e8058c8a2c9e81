//! MIME types (MIME Sniffing Standard, section 4) by way of `data:` URLs (Fetch, section 6).

use super::*;

#[test]
fn data_urls_have_a_type_and_a_body() {
    gives(
        "const get = async (url) => { const r = await fetch(url); return [r.headers.get('content-type'), [...new Uint8Array(await r.arrayBuffer())].map(b => String.fromCharCode(b)).join('')]; };",
        &[
            ("get('data:,X')", "[\"text/plain;charset=US-ASCII\",\"X\"]"),
            ("get('data:')", "TypeError"),
            ("get('data:text/html')", "TypeError"),
            ("get('data:text/html#,X')", "TypeError"),
            (
                "get('data://test/,X')",
                "[\"text/plain;charset=US-ASCII\",\"X\"]",
            ),
            (
                "get('data:,X#Y')",
                "[\"text/plain;charset=US-ASCII\",\"X\"]",
            ),
            (
                "get('data:IMAGE/gif;hi=x,X%C3%BC')",
                "[\"image/gif;hi=x\",\"XÃ¼\"]",
            ),
            ("get('data:text/plain%0C,X')", "[\"text/plain%0c\",\"X\"]"),
            ("get('data:text/plain;,X')", "[\"text/plain\",\"X\"]"),
            (
                "get('data:;charset=x,X')",
                "[\"text/plain;charset=x\",\"X\"]",
            ),
            (
                "get('data:;x=x;Charset=UTF-8,X')",
                "[\"text/plain;x=x;charset=UTF-8\",\"X\"]",
            ),
            (
                "get('data:;x=\"a b\\\\\"c\";x=2,X')",
                "[\"text/plain;x=\\\"a b\\\\\\\"c\\\"\",\"X\"]",
            ),
            ("get('data:x,X')", "[\"text/plain;charset=US-ASCII\",\"X\"]"),
            (
                "get('data:a b/c,X')",
                "[\"text/plain;charset=US-ASCII\",\"X\"]",
            ),
            ("get('data: text/html ,X')", "[\"text/html\",\"X\"]"),
            ("get('data:text/html;base64,WA')", "[\"text/html\",\"X\"]"),
            (
                "get('data:text/html; base64,WA==')",
                "[\"text/html\",\"X\"]",
            ),
            ("get('data:;base64;,WA')", "[\"text/plain\",\"WA\"]"),
            (
                "get('data:x/x;base64;charset=x,WA')",
                "[\"x/x;charset=x\",\"WA\"]",
            ),
            ("get('data:x/x;BASE64 ,W A==')", "[\"x/x\",\"X\"]"),
            (
                "get('data:;base64,W%20A%3D%3D')",
                "[\"text/plain;charset=US-ASCII\",\"X\"]",
            ),
            ("get('data:;base64,W')", "TypeError"),
            ("get('data:;base64,%FF')", "TypeError"),
            (
                "get('DATA:,%00%FF')",
                "[\"text/plain;charset=US-ASCII\",\"\\u0000ÿ\"]",
            ),
        ],
    );
}
