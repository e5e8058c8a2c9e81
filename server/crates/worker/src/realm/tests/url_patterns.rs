//! `URLPattern` (URL Pattern Standard): what constructors make of patterns, and what matches.

use super::*;

#[test]
fn the_interface_is_bound_as_web_idl_has_it() {
    gives(
        "const p = new URLPattern(); const proto = URLPattern.prototype;\n\
         const get = name => Object.getOwnPropertyDescriptor(proto, name);",
        &[
            ("'URLPattern' in self && URLPattern.length", "0"),
            ("String(p)", "[object URLPattern]"),
            ("URLPattern()", "TypeError"),
            (
                "[proto.test.length, proto.exec.length, get('test').enumerable]",
                "[0,0,true]",
            ),
            (
                "[get('hash').enumerable, get('hash').get.name, get('hash').set]",
                "[true,\"get hash\",\"undefined\"]",
            ),
            ("get('hash').get.call({})", "TypeError"),
            ("proto.test.call({}, 'http://h/')", "TypeError"),
            ("'compareComponent' in URLPattern", "false"),
            (
                "[p.protocol, p.username, p.password, p.hostname, p.port, p.pathname, p.search, p.hash].join()",
                "*,*,*,*,*,*,*,*",
            ),
            (
                "Object.keys(p.exec({})).join()",
                "hash,hostname,inputs,password,pathname,port,protocol,search,username",
            ),
            (
                "[p.hasRegExpGroups, new URLPattern({ port: '(8\\\\d)' }).hasRegExpGroups, new URLPattern({ pathname: '/:a' }).hasRegExpGroups]",
                "[false,true,false]",
            ),
        ],
    );
}

#[test]
fn arguments_are_converted_in_order_and_what_does_not_fit_throws() {
    gives(
        "const log = []; const spy = new Proxy({}, { get(_, key) { log.push(key); return undefined; }, has: () => true });",
        &[
            (
                "new URLPattern(spy) && log.join()",
                "baseURL,hash,hostname,password,pathname,port,protocol,search,username",
            ),
            ("new URLPattern('/a')", "TypeError"),
            ("new URLPattern('/a', 'http://h').pathname", "/a"),
            ("new URLPattern('/a', undefined, {})", "TypeError"),
            ("new URLPattern('/a', 'nowhere')", "TypeError"),
            ("new URLPattern({}, 'http://h')", "TypeError"),
            ("new URLPattern({ baseURL: 'x' })", "TypeError"),
            ("new URLPattern(null, null).hash", "*"),
            (
                "new URLPattern('http://h/a', { ignoreCase: true }).test('http://h/A')",
                "true",
            ),
            (
                "new URLPattern('/a', 'http://h', { ignoreCase: true }).test('http://h/A')",
                "true",
            ),
            ("new URLPattern('http://h/a').test('http://h/A')", "false"),
            ("new URLPattern('http://h/').test('/', 'http://h/')", "true"),
            (
                "new URLPattern('http://h/').test({}, 'http://h/')",
                "TypeError",
            ),
            ("new URLPattern('http://h/').test('/', 'bad')", "false"),
            ("new URLPattern('http://h/').exec('bad')", "null"),
            ("new URLPattern({ pathname: '/(' })", "TypeError"),
            ("new URLPattern({ pathname: '/:a/:a' })", "TypeError"),
            ("new URLPattern({ pathname: '/{a' })", "TypeError"),
            ("new URLPattern({ pathname: '/a}' })", "TypeError"),
            ("new URLPattern({ pathname: '/a+' })", "TypeError"),
            (
                "new URLPattern({ pathname: '/(a--b)' }).test({ pathname: '/a--b' })",
                "true",
            ),
            (
                "new URLPattern({ pathname: '/((?<n>a)(?:::|-)[[a-c]--b])' }).test({ pathname: '/a::c' })",
                "true",
            ),
            ("new URLPattern({ pathname: '/([a&&&b])' })", "TypeError"),
            ("new URLPattern({ pathname: '/\\\\' })", "TypeError"),
            ("new URLPattern({ pathname: '/(é)' })", "TypeError"),
            ("new URLPattern({ pathname: '/(a(b))' })", "TypeError"),
            ("new URLPattern({ pathname: '/([)' })", "TypeError"),
            ("new URLPattern({ port: '100000' })", "TypeError"),
            ("new URLPattern({ protocol: 'café' })", "TypeError"),
            ("new URLPattern({ hostname: 'bad hostname' })", "TypeError"),
            ("new URLPattern({ hostname: '[::xY]' })", "TypeError"),
        ],
    );
}

#[test]
fn patterns_are_normalised_and_read_back() {
    gives(
        "const of = (init, part) => new URLPattern(init)[part];\n\
         const all = (...a) => { const p = new URLPattern(...a); return [p.protocol, p.username, p.password, p.hostname, p.port, p.pathname, p.search, p.hash].join(' '); };",
        &[
            ("of({ pathname: '/a/(.*)' }, 'pathname')", "/a/*"),
            ("of({ pathname: '/a/:b([^\\\\/]+?)' }, 'pathname')", "/a/:b"),
            ("of({ pathname: '/{:a}b' }, 'pathname')", "/{:a}b"),
            ("of({ pathname: '/{a}/{b}?' }, 'pathname')", "/a/{b}?"),
            ("of({ pathname: '{/:a}*' }, 'pathname')", "/:a*"),
            ("of({ pathname: '/:a(.*)' }, 'pathname')", "/:a(.*)"),
            ("of({ pathname: '/*(.*)' }, 'pathname')", "/*(.*)"),
            ("of({ pathname: '/a\\\\:b' }, 'pathname')", "/a\\:b"),
            ("of({ pathname: '/ä/:ä' }, 'pathname')", "/%C3%A4/:ä"),
            ("of({ pathname: '/a/../b' }, 'pathname')", "/b"),
            (
                "of({ pathname: 'b', baseURL: 'http://h/a/(x)' }, 'pathname')",
                "/a/b",
            ),
            ("of({ pathname: '/:a.:b' }, 'pathname')", "/:a.:b"),
            ("of({ pathname: '/{:a}(b)' }, 'pathname')", "/{:a}(b)"),
            (
                "of({ hostname: '{:s.}*ex.com' }, 'hostname')",
                "{:s.}*ex.com",
            ),
            (
                "of({ hostname: 'EXÄMPLE.com' }, 'hostname')",
                "xn--exmple-cua.com",
            ),
            (
                "of({ hostname: '[\\\\:\\\\:AB]' }, 'hostname')",
                "[\\:\\:ab]",
            ),
            ("of({ protocol: 'https:', port: '443' }, 'port')", ""),
            ("of({ protocol: 'http', port: '80 ' }, 'port')", ""),
            ("all('https://{sub.}?ex{.com/}foo')", "TypeError"),
            ("all('data:')", "data * *    * *"),
            ("of({ pathname: '*{}**?' }, 'pathname')", "*(.*)?"),
            ("of({ pathname: ':a{}?b' }, 'pathname')", "{:a}b"),
            (
                "of({ hostname: '{[\\\\:\\\\:ab\\\\::num]}' }, 'hostname')",
                "{[\\:\\:ab\\::num]}",
            ),
            ("of({ protocol: 'http{s}?', port: '443' }, 'port')", "443"),
            ("of({ search: '?q=:x' }, 'search')", "q=:x"),
            ("of({ hash: '#a b' }, 'hash')", "a%20b"),
            (
                "of({ protocol: 'data', pathname: 'a b' }, 'pathname')",
                "a b",
            ),
            (
                "all('https://example.com/a?q#h')",
                "https * * example.com  /a q h",
            ),
            ("all('https://example.com')", "https * * example.com  * * *"),
            (
                "all('https://u\\\\:p@example.com:8080/*')",
                "https u p example.com 8080 /* * *",
            ),
            (
                "all('http{s}?://{*.}?a.com/:x')",
                "http{s}? * * {*.}?a.com  /:x * *",
            ),
            ("all('https://*:*')", "https * * * * * * *"),
            ("all('data:foobar')", "TypeError"),
            ("all('data\\\\:foobar')", "data * *   foobar * *"),
            ("all('https://h/a?x')", "https * * h  /a x *"),
            ("all('https://h/:a?x')", "https * * h  /:a?x * *"),
            ("all('https://h/:a\\\\?x')", "https * * h  /:a x *"),
            ("all('?q', 'http://h:8/p#f')", "http * * h 8 /p q *"),
            ("all('#f', 'http://h/p?q')", "http * * h  /p q f"),
            (
                "all('../x/:id', 'http://h/a/b/c')",
                "http * * h  /a/x/:id * *",
            ),
            (
                "all('http://[\\\\:\\\\:1]:8/')",
                "http * * [\\:\\:1] 8 / * *",
            ),
        ],
    );
}

#[test]
fn urls_match_with_their_groups() {
    gives(
        "const groups = (pattern, input, part = 'pathname') => { const r = new URLPattern(pattern).exec(input); return r && r[part].groups; };\n\
         const path = (pathname, input) => groups({ pathname }, { pathname: input });",
        &[
            ("path('/a/:b', '/a/c')", "{\"b\":\"c\"}"),
            ("path('/a/:b', '/a/c/d')", "null"),
            ("path('/a/:b?', '/a')", "{\"b\":\"undefined\"}"),
            ("path('/a/:b+', '/a/c/d')", "{\"b\":\"c/d\"}"),
            ("path('/a/:b*', '/a')", "{\"b\":\"undefined\"}"),
            ("path('/a{/b}?', '/a/b')", "{}"),
            (
                "path('/:year(\\\\d+)-:m', '/2026-12')",
                "{\"year\":\"2026\",\"m\":\"12\"}",
            ),
            ("path('/*/(x|y)', '/a/b/y')", "{\"0\":\"a/b\",\"1\":\"y\"}"),
            ("path('/([[a-z]--[aeiou]])', '/b')", "{\"0\":\"b\"}"),
            ("path('/:a', '/ü')", "{\"a\":\"%C3%BC\"}"),
            ("path('/:__proto__', '/x')", "{\"__proto__\":\"x\"}"),
            (
                "groups('http://:sub.ex.com/*', 'http://a.ex.com/x', 'hostname')",
                "{\"sub\":\"a\"}",
            ),
            (
                "groups('http://:sub.ex.com/*', 'http://a.b.ex.com/x', 'hostname')",
                "null",
            ),
            ("groups('http://h/*', 'http://h:80/x')", "{\"0\":\"x\"}"),
            ("groups('http://h/*', 'http://h:81/x')", "null"),
            (
                "new URLPattern({ hash: 'a' }).exec('http://u@h/p?q#a').inputs",
                "[\"http://u@h/p?q#a\"]",
            ),
            (
                "new URLPattern().exec('p', 'http://h/').inputs",
                "[\"p\",\"http://h/\"]",
            ),
            (
                "new URLPattern().exec({ search: '?x', other: 1 }).inputs",
                "[{\"search\":\"?x\"}]",
            ),
            (
                "new URLPattern().exec({ search: '?x' }).search",
                "{\"groups\":{\"0\":\"x\"},\"input\":\"x\"}",
            ),
            (
                "new URLPattern({ pathname: '/a/b' }).test({ pathname: 'b', baseURL: 'http://h/a/' })",
                "true",
            ),
            ("new URLPattern({ port: '8' }).test({ port: 'x' })", "false"),
            (
                "new URLPattern({ protocol: 'file', pathname: '*' }).test('file:///a')",
                "true",
            ),
            (
                "new URLPattern({ pathname: '/a\\ud800' }).pathname",
                "/a%EF%BF%BD",
            ),
        ],
    );
}

#[test]
fn a_pattern_that_explodes_ends_with_the_budget() {
    let limits = Limits {
        turn_ms: 60,
        ..Limits::default()
    };
    let script = "new URLPattern({ search: '((?:a+)+)$' }).test({ search: 'a'.repeat(40) + 'b' });";
    let failure = Stage::with(script, false, limits).realm.load();
    assert!(
        matches!(&failure, Err(Failure::Limit { which }) if which.contains("processor time")),
        "{failure:?}"
    );
}
