//! The calls of a script that register a worker or ask for data, found among its tokens.

use std::collections::HashSet;

use serde_json::Value;
use url::Url;

use super::messages;
use super::scan::{Lexeme, Token};
use super::value::{Script, Stretch};

/// `updateViaCache`: what of a worker a browser looks for in its HTTP cache (Service Workers, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ViaCache {
    /// Nothing.
    None,
    /// What it imports; this is the default.
    Imports,
    /// Its own script as well.
    All,
}

/// What the scripts of one page say.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The registrations, in order.
    pub calls: Vec<Call>,
    /// What they ask for by `fetch()` and its like, as written.
    pub data: Vec<String>,
    /// Strings that name a file as one names a worker's.
    pub files: Vec<String>,
    /// What they send to a worker by `postMessage()`, as far as it can be told.
    pub messages: Vec<Value>,
}

/// One registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Its URL is known, or is one of these.
    Plain {
        /// As written.
        scripts: Vec<String>,
        /// Likewise.
        scope: Option<String>,
        /// Whether `type: "module"` is asked for.
        module: bool,
        /// Whether a library does so by custom, without being told.
        is_custom: bool,
        /// Whether it is told to `register()` itself, and not to a library whose own call then says nothing.
        by_hand: bool,
        /// What a browser may look for in its HTTP cache when it looks for a new version.
        via_cache: ViaCache,
    },
    /// Its URL can't be told.
    Riddle {
        /// The script in which it stands.
        url: String,
        /// Its line.
        line: u32,
    },
}

impl Known {
    /// Takes what another script says as well.
    pub fn add(&mut self, other: &Known) {
        self.calls.extend_from_slice(&other.calls);
        self.data.extend_from_slice(&other.data);
        self.files.extend_from_slice(&other.files);
        self.messages.extend_from_slice(&other.messages);
    }

    /// What a library registers that is loaded from elsewhere and is not read.
    pub fn library(&mut self, url: &Url) {
        let host = url.host_str().unwrap_or_default();
        let custom = if host == "cdn.onesignal.com" {
            Some(("/OneSignalSDKWorker.js", "/"))
        } else if host == "www.gstatic.com" && url.path().contains("firebase-messaging") {
            Some((
                "/firebase-messaging-sw.js",
                "/firebase-cloud-messaging-push-scope",
            ))
        } else {
            None
        };
        if let Some((script, scope)) = custom {
            self.calls.push(Call::Plain {
                scripts: vec![script.to_owned()],
                scope: Some(scope.to_owned()),
                module: false,
                is_custom: true,
                by_hand: false,
                via_cache: ViaCache::Imports,
            });
        }
    }
}

/// Reads one script; its first line is the line after `above`.
pub fn read(script: &Script<'_>, above: u32, known: &mut Known) {
    let aliases = aliases(script);
    for at in 0..script.tokens.len() {
        if let Token::Template(_, holes) = &script.tokens[at].token {
            for hole in holes {
                let inner = script.within(hole);
                read(&inner, above, known);
                script.settle(&inner);
            }
        }
        if let Some(text) = script.tokens[at].text()
            && names_a_worker(text)
            && !is_of_another_worker(script, at)
        {
            known.files.push(text.to_owned());
        }
        if let Some(open) = register(script, at, &aliases) {
            let call = call(script, open, above + script.tokens[at].line);
            known.calls.push(call);
        } else if let Some(call) = workbox_window(script, at, &aliases) {
            known.calls.push(call);
        } else if let Some(target) = data(script, at) {
            known.data.push(target);
        } else if let Some(message) = messages::sent(script, at) {
            known.messages.push(message);
        }
    }
}

/// Other names of `navigator.serviceWorker`, and of workbox-window's class.
#[derive(Default)]
struct Aliases {
    containers: HashSet<String>,
    workboxes: HashSet<String>,
}

fn aliases(script: &Script<'_>) -> Aliases {
    let mut aliases = Aliases::default();
    for at in 0..script.tokens.len() {
        let renamed = |name: &str| {
            let its = script.name(at) == Some(name);
            let behind = script.is(at + 1, ":") || script.name(at + 1) == Some("as");
            match (its, behind) {
                (true, true) => script.name(at + 2).map(str::to_owned),
                _ => None,
            }
        };
        if let Some(name) = renamed("Workbox") {
            aliases.workboxes.insert(name);
        }
        // `const { serviceWorker: t } = navigator`, `const { serviceWorker } = window.navigator`
        if script.name(at) == Some("serviceWorker")
            && at > 0
            && (script.is(at - 1, "{") || script.is(at - 1, ","))
            && of_navigator(script, at)
        {
            let name = renamed("serviceWorker").unwrap_or_else(|| "serviceWorker".to_owned());
            aliases.containers.insert(name);
        }
        // `const t = navigator.serviceWorker`
        if let Some(end) = container(script, at, &HashSet::new())
            && is_whole(script, end)
            && let Some(name) = given_to(script, at)
        {
            aliases.containers.insert(name);
        }
    }
    aliases
}

/// Whether the braces around a token take a `navigator` apart.
fn of_navigator(script: &Script<'_>, at: usize) -> bool {
    let close = (at..script.tokens.len().min(at + 40))
        .find(|at| script.is(*at, "}") && script.partner(*at).is_some_and(|open| open < *at));
    close.is_some_and(|close| {
        script.is(close + 1, "=")
            && (close + 2..close + 6).any(|at| script.name(at) == Some("navigator"))
    })
}

/// Whether nothing more is done with the value that ends before this token.
fn is_whole(script: &Script<'_>, end: usize) -> bool {
    match script.tokens.get(end) {
        None => true,
        Some(next) => {
            [";", ",", "}", ")", ":", "??", "||"]
                .iter()
                .any(|mark| next.is(mark))
                || (end > 0 && script.tokens[end - 1].line < next.line && next.name().is_some())
        }
    }
}

/// The name that the value is given in whose end this token stands.
fn given_to(script: &Script<'_>, at: usize) -> Option<String> {
    for back in (at.saturating_sub(14)..at).rev() {
        let here = &script.tokens[back];
        if [";", "{", "}", ",", "=>"].iter().any(|mark| here.is(mark)) {
            return None;
        }
        if here.is("=") {
            return script.name(back.checked_sub(1)?).map(str::to_owned);
        }
    }
    None
}

/// Where a mention of the container at this token ends: the token after it.
fn container(script: &Script<'_>, at: usize, aliases: &HashSet<String>) -> Option<usize> {
    let lexeme: &Lexeme = &script.tokens[at];
    let is_member = at > 0 && (script.is(at - 1, ".") || script.is(at - 1, "?."));
    match lexeme.name() {
        Some("serviceWorker") if is_member => Some(at + 1),
        Some(name) if !is_member && aliases.contains(name) => Some(at + 1),
        _ if lexeme.text() == Some("serviceWorker")
            && at > 0
            && script.is(at - 1, "[")
            && script.is(at + 1, "]") =>
        {
            Some(at + 2)
        }
        _ => None,
    }
}

/// The bracket that opens a call of `register` on the container that is named at this token.
fn register(script: &Script<'_>, at: usize, aliases: &Aliases) -> Option<usize> {
    let mut next = container(script, at, &aliases.containers)?;
    while script.is(next, ")") {
        next += 1;
    }
    let open = if script.is(next, ".") || script.is(next, "?.") {
        let bracket = script.is(next + 1, "[");
        match (script.name(next + 1), bracket) {
            (Some("register"), _) => next + 2,
            (_, true) if is_register(script, next + 2) => next + 4,
            _ => return None,
        }
    } else if script.is(next, "[") && is_register(script, next + 1) {
        next + 3
    } else {
        return None;
    };
    let open = open + usize::from(script.is(open, "?."));
    script.is(open, "(").then_some(open)
}

fn is_register(script: &Script<'_>, at: usize) -> bool {
    script.tokens.get(at).and_then(Lexeme::text) == Some("register")
}

fn call(script: &Script<'_>, open: usize, line: u32) -> Call {
    let parts = script.parts(open);
    let scripts = parts
        .first()
        .map(|part| script.values(part.clone()))
        .unwrap_or_default();
    if scripts.is_empty() {
        return Call::Riddle {
            url: script.url.to_string(),
            line,
        };
    }
    plain(script, scripts, parts.get(1), true)
}

fn plain(
    script: &Script<'_>,
    scripts: Vec<String>,
    options: Option<&Stretch>,
    by_hand: bool,
) -> Call {
    let options = options.and_then(|part| literal(script, part));
    let said = |key: &str| {
        let part = script.property(options?, key)?;
        script.values(part).into_iter().next()
    };
    let scope = said("scope");
    // What Firebase's library does when it is told of no worker: every page that has it carries the call.
    let is_custom = scope
        .as_ref()
        .is_some_and(|scope| scope.ends_with("/firebase-cloud-messaging-push-scope"));
    Call::Plain {
        scripts,
        scope,
        module: said("type").as_deref() == Some("module"),
        is_custom,
        by_hand: by_hand && !is_custom,
        via_cache: match said("updateViaCache").as_deref() {
            Some("all") => ViaCache::All,
            Some("none") => ViaCache::None,
            Some(_) | None => ViaCache::Imports,
        },
    }
}

/// The brace of the object literal that an argument is, or that a name was given last before it.
fn literal(script: &Script<'_>, part: &Stretch) -> Option<usize> {
    if script.is(part.start, "{") {
        return Some(part.start);
    }
    let name = script.name(part.start).filter(|_| part.len() == 1)?;
    if !script.spend(part.start) {
        return None;
    }
    (0..part.start).rev().find_map(|at| {
        let is_it = script.name(at) == Some(name) && script.is(at + 1, "=");
        (is_it && script.is(at + 2, "{")).then_some(at + 2)
    })
}

/// `new Workbox("/sw.js", { scope })` of workbox-window, also where its class has another name: then by its options.
fn workbox_window(script: &Script<'_>, at: usize, aliases: &Aliases) -> Option<Call> {
    if script.name(at) != Some("new") {
        return None;
    }
    // `new Workbox(`, `new workbox.Workbox(`
    let open = (at + 2..at + 8).find(|at| !script.is(*at, ".") && script.name(*at).is_none())?;
    if !script.is(open, "(") {
        return None;
    }
    let class = script.name(open - 1)?;
    let parts = script.parts(open);
    let is_named = class == "Workbox" || aliases.workboxes.contains(class);
    let has_scope = parts
        .get(1)
        .and_then(|part| literal(script, part))
        .is_some_and(|open| script.property(open, "scope").is_some());
    // A bundle makes thousands of things; what is none of these is not looked at any closer.
    if !is_named && !has_scope {
        return None;
    }
    let scripts = script.values(parts.first()?.clone());
    let is_script = scripts.iter().any(|script| {
        let path = script.split(['?', '#']).next().unwrap_or_default();
        path.ends_with(".js") || path.ends_with(".mjs")
    });
    let others = ["Worker", "SharedWorker", "URL", "Request"];
    if is_named || (has_scope && is_script && !others.contains(&class)) {
        return match scripts.is_empty() {
            true => Some(Call::Riddle {
                url: script.url.to_string(),
                line: script.tokens[at].line,
            }),
            false => Some(plain(script, scripts, parts.get(1), false)),
        };
    }
    None
}

/// Whether a string names a file as one names a service worker's.
fn names_a_worker(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let file = path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let Some(stem) = file
        .strip_suffix(".js")
        .or_else(|| file.strip_suffix(".mjs"))
    else {
        return false;
    };
    let is_plain = text.len() < 200 && !text.contains([' ', '\n', '<', '{', '*']);
    let plain: String = stem.chars().filter(char::is_ascii_alphanumeric).collect();
    let words: Vec<&str> = stem.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    is_plain
        && (plain.contains("serviceworker")
            || plain == "ngswworker"
            || plain == "onesignalsdkworker"
            || words.contains(&"sw")
            || stem == "upup.sw")
}

/// Whether a string is what a plain worker is made of, or what Angular's escape hatch is called.
fn is_of_another_worker(script: &Script<'_>, at: usize) -> bool {
    let text = script.tokens[at].text().unwrap_or_default();
    let is_plain = at >= 2
        && script.is(at - 1, "(")
        && matches!(
            script.name(at - 2),
            Some("Worker" | "SharedWorker" | "importScripts")
        );
    is_plain || text.ends_with("safety-worker.js") || text.ends_with("registerSW.js")
}

/// What a call at this token asks for: `fetch("…")` and its like, unless by another method than GET.
fn data(script: &Script<'_>, at: usize) -> Option<String> {
    let name = script.name(at)?;
    if !script.is(at + 1, "(") {
        return None;
    }
    let owner = match at > 1 && script.is(at - 1, ".") {
        true => script.name(at - 2),
        false => None,
    };
    let asks = match (name, owner) {
        ("fetch", Some("window" | "self" | "globalThis")) => true,
        ("fetch", None) => {
            at == 0 || !(script.is(at - 1, ".") || script.name(at - 1) == Some("function"))
        }
        ("get", Some("axios" | "ky" | "$" | "jQuery")) => true,
        ("getJSON", Some("$" | "jQuery")) => true,
        ("axios" | "ky" | "ofetch", None) => true,
        _ => false,
    };
    if !asks {
        return None;
    }
    let parts = script.parts(at + 1);
    let by_another_method = parts
        .get(1)
        .and_then(|part| literal(script, part))
        .and_then(|open| script.property(open, "method"))
        .is_some_and(|part| {
            let method = script.spare_values(part);
            !method
                .iter()
                .all(|method| method.eq_ignore_ascii_case("get"))
                || method.is_empty()
        });
    let target = script
        .spare_values(parts.first()?.clone())
        .into_iter()
        .next()?;
    let does_something = [
        "logout",
        "signout",
        "sign-out",
        "log-out",
        "delete",
        "remove",
        "unsubscribe",
    ]
    .iter()
    .any(|word| target.to_ascii_lowercase().contains(word));
    let is_address = !target.is_empty() && !target.starts_with("data:") && target.len() < 500;
    (is_address && !by_another_method && !does_something).then_some(target)
}
