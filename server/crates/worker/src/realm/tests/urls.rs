//! `URL` and `URLSearchParams` (URL Standard, section 6) as script sees them; the parser's own tests are beside it.

use super::*;

#[test]
fn the_interfaces_are_bound_as_web_idl_has_it() {
    gives(
        "const d = (o, n) => Object.getOwnPropertyDescriptor(o, n); const u = new URL('http://h/');",
        &[
            (
                "[URL.length, URL.parse.length, URL.canParse.length, URLSearchParams.length, URLSearchParams.prototype.append.length, URLSearchParams.prototype.has.length]",
                "[1,1,1,0,2,1]",
            ),
            ("Object.keys(URL).join()", "parse,canParse"),
            (
                "Object.keys(URL.prototype).sort().join()",
                "hash,host,hostname,href,origin,password,pathname,port,protocol,search,searchParams,toJSON,toString,username",
            ),
            (
                "[d(URL.prototype, 'host').get.name, d(URL.prototype, 'origin').set, d(URL.prototype, 'searchParams').enumerable]",
                "[\"get host\",\"undefined\",true]",
            ),
            ("d(URL.prototype, 'host').get.call({})", "TypeError"),
            ("URLSearchParams.prototype.get.call(u, 'a')", "TypeError"),
            ("URLSearchParams.prototype.entries.call({})", "TypeError"),
            ("new URL()", "TypeError"),
            ("URL.canParse()", "TypeError"),
            ("new URLSearchParams().append('a')", "TypeError"),
            ("(u.href = 'nowhere')", "TypeError"),
            (
                "[String(u), JSON.stringify(u), Object.prototype.toString.call(u)]",
                "[\"http://h/\",\"\\\"http://h/\\\"\",\"[object URL]\"]",
            ),
            ("URL.parse('x')", "null"),
            (
                "[URL.parse('x', 'http://h').href, URL.canParse('x', 'http://h'), URL.canParse('x', undefined)]",
                "[\"http://h/x\",true,false]",
            ),
        ],
    );
}

#[test]
fn lone_surrogates_are_replaced() {
    gives(
        "const u = new URL('http://h/\\ud800?\\udfff'); const p = new URLSearchParams({ 'a\\ud800': '\\udc00' });",
        &[
            ("u.href", "http://h/%EF%BF%BD?%EF%BF%BD"),
            ("(u.hash = 'x\\ud800y', u.hash)", "#x%EF%BF%BDy"),
            ("p.toString()", "a%EF%BF%BD=%EF%BF%BD"),
            ("p.get('a\\udbff')", "\u{fffd}"),
            (
                "new URLSearchParams({ '\\ud835x': '1', xx: '2', '\\ud83dx': '3' }).toString()",
                "%EF%BF%BDx=3&xx=2",
            ),
            (
                "new URLSearchParams('%FE%FF=\\ud800').get('\u{fffd}\u{fffd}')",
                "\u{fffd}",
            ),
        ],
    );
}

#[test]
fn parameters_follow_their_url_and_change_it() {
    gives(
        "const u = new URL('http://h/?a=1&b=2#f'); const p = u.searchParams;",
        &[
            ("u.searchParams === p", "true"),
            (
                "(p.append('c', ' +&'), u.href)",
                "http://h/?a=1&b=2&c=+%2B%26#f",
            ),
            ("(u.search = '?x=y', p.get('x') + p.size)", "y1"),
            ("(u.href = 'http://h/?q', [...p].join())", "q,"),
            ("(p.delete('q'), u.href)", "http://h/"),
            (
                "(p.append('k', 'v'), p.append('k', 'w'), p.delete('k', 'w'), p.delete('k', undefined), u.search)",
                "",
            ),
            (
                "(u.search = '?z=1&a=2&z=0', p.sort(), u.search)",
                "?a=2&z=1&z=0",
            ),
            (
                "(() => { const d = new URL('data:x  ?q'); d.searchParams.delete('q'); return d.href; })()",
                "data:x",
            ),
        ],
    );
}

#[test]
fn parameters_are_made_of_texts_pairs_and_records() {
    gives(
        "const of = init => new URLSearchParams(init).toString();",
        &[
            ("of('?a=b&c')", "a=b&c="),
            ("of(undefined) + of('') + of({})", ""),
            ("of(null)", "null="),
            ("of([['a', 1], new Set(['b', 2])])", "a=1&b=2"),
            ("of([['a']])", "TypeError"),
            ("of([1])", "TypeError"),
            ("of(['ab'])", "TypeError"),
            ("of(new URLSearchParams('a=b'))", "a=b"),
            ("of({ [Symbol.iterator]: 1 })", "TypeError"),
            ("of({ [Symbol('x')]: 1 })", "TypeError"),
            ("of(new FormData())", ""),
            ("of({ b: 1, a: 2 })", "b=1&a=2"),
        ],
    );
}
