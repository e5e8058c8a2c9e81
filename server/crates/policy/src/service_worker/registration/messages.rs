//! What a page's script sends to its worker: the argument of `postMessage()` where a service worker is on the other
//! side, as far as it can be told without running the script.

use serde_json::{Map, Value};

use super::value::{Script, Stretch};

/// How deep objects in a message are read.
const MAX_DEPTH: usize = 6;
/// How far before a call it is looked for whom it speaks to, in tokens.
const MAX_LOOKBACK_TOKENS: usize = 14;

/// Words on whose far side a service worker is: `navigator.serviceWorker.controller`, `registration.waiting`,
/// `reg.active?.`, `(await navigator.serviceWorker.ready).active`.
const WORKERS: [&str; 6] = [
    "serviceWorker",
    "controller",
    "waiting",
    "installing",
    "active",
    "messageSW",
];

/// What the call at this token sends to a worker.
pub fn sent(script: &Script<'_>, at: usize) -> Option<Value> {
    match script.name(at)? {
        "postMessage" => {
            let open = at + 1 + usize::from(script.is(at + 1, "?."));
            (script.is(open, "(") && speaks_to_a_worker(script, at)).then_some(())?;
            message(script, script.parts(open).first()?)
        }
        // workbox-window, whose own method has no other words.
        "messageSkipWaiting" if script.is(at + 1, "(") => {
            Some(serde_json::json!({ "type": "SKIP_WAITING" }))
        }
        // `wb.messageSW(message)`, `messageSW(worker, message)`.
        "messageSW" if script.is(at + 1, "(") => {
            let parts = script.parts(at + 1);
            message(script, parts.last()?)
        }
        _ => None,
    }
}

/// Whether what stands before `.postMessage` is a service worker: by its own words, or by what its name was given.
fn speaks_to_a_worker(script: &Script<'_>, at: usize) -> bool {
    let is_member = at > 0 && (script.is(at - 1, ".") || script.is(at - 1, "?."));
    if !is_member || !script.spend(MAX_LOOKBACK_TOKENS) {
        return false;
    }
    let owner = owner(script, at - 1);
    if owner
        .clone()
        .any(|at| script.name(at).is_some_and(is_worker))
    {
        return true;
    }
    // `const worker = registration.waiting; worker.postMessage(…)`, `({ active }) => active.postMessage(…)`
    let name = match owner.len() {
        1 => script.name(owner.start),
        _ => None,
    };
    name.is_some_and(|name| is_given_a_worker(script, name))
}

fn is_worker(name: &str) -> bool {
    WORKERS.contains(&name)
}

/// The tokens of the expression that ends before this one.
fn owner(script: &Script<'_>, end: usize) -> Stretch {
    let mut start = end;
    while start > 0 && end - start < MAX_LOOKBACK_TOKENS {
        let before = start - 1;
        let opens = match script.partner(before) {
            Some(open) if open < before && (script.is(before, ")") || script.is(before, "]")) => {
                start = open;
                continue;
            }
            _ => {
                script.name(before).is_some()
                    || script.is(before, ".")
                    || script.is(before, "?.")
                    || script.is(before, "!")
            }
        };
        if !opens {
            break;
        }
        start = before;
    }
    start..end
}

/// Whether a name is given something that is a worker: `name = ….waiting`.
fn is_given_a_worker(script: &Script<'_>, name: &str) -> bool {
    if !script.spend(script.tokens.len()) {
        return false;
    }
    (0..script.tokens.len()).any(|at| {
        script.name(at) == Some(name) && script.is(at + 1, "=") && {
            let end = (at + 2..script.tokens.len().min(at + 2 + MAX_LOOKBACK_TOKENS))
                .find(|at| [";", ",", ")", "}"].iter().any(|mark| script.is(*at, mark)));
            let end = end.unwrap_or(script.tokens.len().min(at + 2 + MAX_LOOKBACK_TOKENS));
            (at + 2..end).any(|at| script.name(at).is_some_and(is_worker))
        }
    })
}

/// The message that a stretch comes to; a field that can't be told is `null`, and a message of which nothing can be
/// told is none.
fn message(script: &Script<'_>, of: &Stretch) -> Option<Value> {
    let message = value(script, of, 0)?;
    let says_something = match &message {
        Value::Object(fields) => fields.values().any(|field| !field.is_null()),
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => true,
    };
    says_something.then_some(message)
}

fn value(script: &Script<'_>, of: &Stretch, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH || of.is_empty() {
        return None;
    }
    let is_whole =
        |open: &str| script.is(of.start, open) && script.partner(of.start) == Some(of.end - 1);
    if is_whole("{") {
        let mut fields = Map::new();
        for part in script.parts(of.start) {
            let key = script.tokens.get(part.start)?;
            let Some(key) = key.name().or(key.text()) else {
                continue;
            };
            let its = match script.is(part.start + 1, ":") {
                true => value(script, &(part.start + 2..part.end), depth + 1),
                false if part.len() == 1 => value(script, &part, depth + 1),
                false => None,
            };
            fields.insert(key.to_owned(), its.unwrap_or(Value::Null));
        }
        return Some(Value::Object(fields));
    }
    if is_whole("[") {
        let items = script.parts(of.start).into_iter();
        let items = items.map(|part| value(script, &part, depth + 1).unwrap_or(Value::Null));
        return Some(Value::Array(items.collect()));
    }
    if of.len() == 1 {
        match script.name(of.start) {
            Some("true") => return Some(Value::Bool(true)),
            Some("false") => return Some(Value::Bool(false)),
            Some("null" | "undefined") => return Some(Value::Null),
            Some(name) => {
                if let Some(open) = object_of(script, name, of.start) {
                    let close = script.partner(open)?;
                    return value(script, &(open..close + 1), depth + 1);
                }
            }
            None => {}
        }
    }
    script
        .spare_values(of.clone())
        .into_iter()
        .next()
        .map(Value::String)
}

/// The brace of the object literal that a name was given last before a token.
fn object_of(script: &Script<'_>, name: &str, before: usize) -> Option<usize> {
    script.spend(before).then_some(())?;
    (0..before).rev().find_map(|at| {
        let is_it = script.name(at) == Some(name) && script.is(at + 1, "=");
        (is_it && script.is(at + 2, "{")).then_some(at + 2)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use url::Url;

    use super::super::scan::scan;
    use super::*;

    fn of(text: &str) -> Vec<Value> {
        let tokens = scan(text);
        let page = Url::parse("https://home.example/").unwrap();
        let script = Script::new(&tokens, &page, &page);
        (0..tokens.len())
            .filter_map(|at| sent(&script, at))
            .collect()
    }

    #[test]
    fn what_pages_send_to_their_worker_is_read() {
        for (text, message) in [
            (
                "navigator.serviceWorker.controller.postMessage('keep-pages')",
                json!("keep-pages"),
            ),
            (
                "navigator.serviceWorker.controller?.postMessage({ type: 'KEEP', urls: ['/', '/about'], all: true })",
                json!({ "type": "KEEP", "urls": ["/", "/about"], "all": true }),
            ),
            (
                "registration.waiting.postMessage({ type: \"SKIP_WAITING\" })",
                json!({ "type": "SKIP_WAITING" }),
            ),
            ("reg.active?.postMessage(`now`)", json!("now")),
            (
                "(await navigator.serviceWorker.ready).active.postMessage({ op: 'warm', id })",
                json!({ "op": "warm", "id": null }),
            ),
            (
                "navigator.serviceWorker.ready.then((r) => r.active.postMessage({ cmd: 'x', inner: { deep: 'y' } }))",
                json!({ "cmd": "x", "inner": { "deep": "y" } }),
            ),
            (
                "const w = reg.installing || reg.waiting; w.postMessage('go')",
                json!("go"),
            ),
            (
                "const note = { action: 'cache' }; sw(); navigator.serviceWorker.controller.postMessage(note)",
                json!({ "action": "cache" }),
            ),
            (
                "const KIND = 'store'; reg.active.postMessage({ type: KIND }, [port])",
                json!({ "type": "store" }),
            ),
            ("wb.messageSkipWaiting()", json!({ "type": "SKIP_WAITING" })),
            (
                "wb.messageSW({ type: 'CACHE_URLS' })",
                json!({ "type": "CACHE_URLS" }),
            ),
        ] {
            assert_eq!(of(text), [message], "{text}");
        }
    }

    #[test]
    fn what_goes_elsewhere_or_cannot_be_told_is_not() {
        for text in [
            "parent.postMessage('resize', '*')",
            "window.parent.postMessage({ type: 'x' }, '*')",
            "const worker = new Worker('/w.js'); worker.postMessage('go')",
            "port.postMessage('go')",
            "reg.active.postMessage(data)",
            "reg.active.postMessage({ id })",
            "channel.postMessage({ type: 'x' })",
        ] {
            assert_eq!(of(text), [] as [Value; 0], "{text}");
        }
    }
}
