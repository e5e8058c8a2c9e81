//! Reads the table. A case begins with its name in brackets; then come lines of a keyword and a value:
//!
//! - `ask`: the bytes that the client sends; a plain GET where it is left out. `ask-half`: the same, then the client
//!   closes its side.
//! - `answer`: the bytes that the app answers with; a plain 200 where it is left out. `answer-close`: the same, then the
//!   app closes the connection; `nothing` is no bytes at all.
//! - `answers`: how many answers the client waits for, if not one.
//! - `want`: checks on the gate, `;` between them.
//! - `caddy`, `haproxy`: the keys of the checks that do not hold there, a colon, and why. A key with a question mark is
//!   one that holds at times, since two things that the proxy does are in a race.
//!
//! In bytes, `\r \n \t \0 \\ \xNN` are escapes and `{8000*x}` repeats.

use super::Failing;
use super::proxies::Proxy;

/// One exchange.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    pub ask: Vec<u8>,
    pub half_closes: bool,
    pub answer: Vec<u8>,
    pub answer_closes: bool,
    pub answers: usize,
    pub checks: Vec<Check>,
    caddy: Vec<String>,
    haproxy: Vec<String>,
}

/// Something that has to be so.
#[derive(Debug)]
pub enum Check {
    /// The final statuses, `,` between them; `none` where the connection ends without one.
    Status(String),
    /// The statuses of interim answers.
    Interim(String),
    Body(String),
    BodyContains(String),
    Has(String, String),
    Lacks(String),
    /// No field of an answer holds this text.
    Hides(String),
    /// The request line that the app got.
    App(String),
    AppHas(String, String),
    AppLacks(String),
    /// No field that the app got holds this text.
    AppHides(String),
    AppBody(String),
    /// How many requests the app got.
    AppAsked(usize),
    /// The connection serves another request.
    Kept,
    Closed,
    /// Bytes go both ways after a 101.
    Tunnel,
    /// The body ends before its end, as the client can tell.
    Cut,
}

impl Check {
    /// By which a difference names it.
    pub fn key(&self) -> String {
        match self {
            Check::Status(_) => "status".to_owned(),
            Check::Interim(_) => "interim".to_owned(),
            Check::Body(_) => "body".to_owned(),
            Check::BodyContains(_) => "body-contains".to_owned(),
            Check::Has(name, _) => format!("has {name}"),
            Check::Lacks(name) => format!("lacks {name}"),
            Check::Hides(_) => "hides".to_owned(),
            Check::AppHides(_) => "app-hides".to_owned(),
            Check::App(_) => "app".to_owned(),
            Check::AppHas(name, _) => format!("app-has {name}"),
            Check::AppLacks(name) => format!("app-lacks {name}"),
            Check::AppBody(_) => "app-body".to_owned(),
            Check::AppAsked(_) => "app-asked".to_owned(),
            Check::Kept => "kept".to_owned(),
            Check::Closed => "closed".to_owned(),
            Check::Tunnel => "tunnel".to_owned(),
            Check::Cut => "cut".to_owned(),
        }
    }

    fn read(text: &str) -> Check {
        let (keyword, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim();
        let field = || {
            let (name, value) = rest.split_once(':').expect("a field has a colon");
            (name.trim().to_owned(), text_of(value.trim()))
        };
        match keyword {
            "status" => Check::Status(rest.to_owned()),
            "interim" => Check::Interim(rest.to_owned()),
            "body" => Check::Body(text_of(rest)),
            "body-contains" => Check::BodyContains(text_of(rest)),
            "has" => {
                let (name, value) = field();
                Check::Has(name, value)
            }
            "lacks" => Check::Lacks(text_of(rest)),
            "hides" => Check::Hides(rest.to_owned()),
            "app-hides" => Check::AppHides(rest.to_owned()),
            "app" => Check::App(text_of(rest)),
            "app-has" => {
                let (name, value) = field();
                Check::AppHas(name, value)
            }
            "app-lacks" => Check::AppLacks(rest.to_owned()),
            "app-body" => Check::AppBody(text_of(rest)),
            "app-asked" => Check::AppAsked(rest.parse().expect("a count")),
            "kept" => Check::Kept,
            "closed" => Check::Closed,
            "tunnel" => Check::Tunnel,
            "cut" => Check::Cut,
            other => panic!("no check is called {other:?}"),
        }
    }
}

impl Case {
    fn new(name: &str) -> Case {
        Case {
            name: name.to_owned(),
            ask: b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec(),
            half_closes: false,
            answer: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
            answer_closes: false,
            answers: 1,
            checks: Vec::new(),
            caddy: Vec::new(),
            haproxy: Vec::new(),
        }
    }

    /// The keys of the checks that do not hold at a proxy.
    fn declared(&self, proxy: Proxy) -> &[String] {
        match proxy {
            Proxy::Gate => &[],
            Proxy::Caddy => &self.caddy,
            Proxy::Haproxy => &self.haproxy,
        }
    }

    /// Whether the proxy is known to do otherwise than the gate.
    pub fn differs(&self, proxy: Proxy) -> bool {
        !self.declared(proxy).is_empty()
    }

    /// Whether exactly these checks may fail at a proxy.
    pub fn allows(&self, proxy: Proxy, failing: &Failing) -> bool {
        let declared = self.declared(proxy);
        let known = |key: &String| {
            declared
                .iter()
                .any(|declared| declared.trim_start_matches('?') == key)
        };
        let there =
            |declared: &&String| declared.starts_with('?') || failing.contains_key(*declared);
        failing.keys().all(known) && declared.iter().all(|key| there(&key))
    }
}

pub fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            assert!(
                cases.iter().all(|case| case.name != name),
                "two exchanges are called {name:?}"
            );
            cases.push(Case::new(name));
            continue;
        }
        let case = cases.last_mut().expect("a case has a name");
        let (keyword, value) = line.split_once(' ').expect("a keyword has a value");
        let value = value.trim_start();
        match keyword {
            "ask" => case.ask = bytes_of(value),
            "ask-half" => {
                case.ask = bytes_of(value);
                case.half_closes = true;
            }
            "answer" => case.answer = bytes_of(value),
            "answer-close" => {
                case.answer = match value {
                    "nothing" => Vec::new(),
                    some => bytes_of(some),
                };
                case.answer_closes = true;
            }
            "answers" => case.answers = value.parse().expect("a count"),
            "want" => {
                let checks = value.split(" ; ").map(|check| Check::read(check.trim()));
                case.checks.extend(checks);
            }
            "caddy" | "haproxy" => {
                let (keys, why) = value.split_once(": ").expect("a difference has its reason");
                assert!(why.split(' ').count() > 2, "line {}: why?", number + 1);
                let keys = keys.split(',').map(|key| key.trim().to_owned()).collect();
                match keyword {
                    "caddy" => case.caddy = keys,
                    _ => case.haproxy = keys,
                }
            }
            other => panic!("line {}: no keyword is called {other:?}", number + 1),
        }
    }
    for case in &cases {
        assert!(!case.checks.is_empty(), "[{}] wants nothing", case.name);
    }
    cases
}

fn text_of(value: &str) -> String {
    String::from_utf8_lossy(&bytes_of(value)).into_owned()
}

fn bytes_of(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = value;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '\\' => {
                let escape = rest.chars().next().expect("an escape is whole");
                rest = &rest[escape.len_utf8()..];
                match escape {
                    'r' => bytes.push(b'\r'),
                    'n' => bytes.push(b'\n'),
                    't' => bytes.push(b'\t'),
                    '0' => bytes.push(0),
                    '\\' => bytes.push(b'\\'),
                    'x' => {
                        bytes.push(u8::from_str_radix(&rest[..2], 16).expect("two hex digits"));
                        rest = &rest[2..];
                    }
                    other => panic!("no escape is called {other:?}"),
                }
            }
            '{' => {
                let (repeated, after) = rest.split_once('}').expect("a repetition ends");
                let (times, what) = repeated.split_once('*').expect("it says how often");
                let times: usize = times.parse().expect("a count");
                bytes.extend(bytes_of(what).repeat(times));
                rest = after;
            }
            other => bytes.extend(other.to_string().bytes()),
        }
    }
    bytes
}
