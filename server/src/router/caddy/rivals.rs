//! What Caddy has loaded, as its admin API shows it: whether this app's site is among it, and which other sites get
//! requests on the same port before it. Caddy takes two sites of one address without a word, and the first one wins.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use super::ask;
use super::site::{WELL_KNOWN, markers_folder};

/// How much of a site's fixed answer is shown.
const MAX_SHOWN_CHARS: usize = 60;

/// A site that gets requests which are meant for the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// Where it listens, as Caddy writes it, such as `:3000`.
    pub listen: String,
    /// The names that it takes; empty where it takes all.
    pub hosts: Vec<String>,
    /// What it does with a request, in words.
    pub does: String,
}

impl std::fmt::Display for Rival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Rival {
            listen,
            hosts,
            does,
        } = self;
        match &hosts[..] {
            [] => write!(f, "the site at {listen}, which takes every name and {does}"),
            hosts => write!(
                f,
                "the site of {} at {listen}, which {does}",
                hosts.join(", ")
            ),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Whether the app's own site is there.
    pub is_ours_there: bool,
    /// The sites that come before it, in Caddy's order.
    pub rivals: Vec<Rival>,
}

/// Asks the admin API at `admin` for the sites on the port of `listen`; `folder` is the app's own, `<state>/apps/<app>`, by
/// which its site is recognised.
///
/// # Errors
/// In words: it gave no answer, or none that can be read.
pub async fn loaded(
    admin: SocketAddr,
    listen: SocketAddr,
    folder: &Path,
) -> Result<Loaded, String> {
    let text = ask::configuration(admin).await?;
    let config: Value = serde_json::from_str(&text).map_err(|error| {
        format!("Caddy's admin API at {admin} shows no configuration ({error})")
    })?;
    Ok(read(&config, listen.port(), &markers_folder(folder)))
}

fn read(config: &Value, port: u16, markers: &Path) -> Loaded {
    let mut found = Loaded::default();
    let servers = config["apps"]["http"]["servers"].as_object();
    for server in servers.into_iter().flat_map(|servers| servers.values()) {
        let listen = list(&server["listen"])
            .filter_map(Value::as_str)
            .find(|at| is_on(at, port));
        let Some(listen) = listen else {
            continue;
        };
        // Sites of one address become handlers of one route: the first one that answers gets the request.
        let routes = list(&server["routes"]);
        let handlers =
            routes.flat_map(|route| list(&route["handle"]).map(move |handler| (route, handler)));
        for (route, handler) in handlers {
            if is_ours(handler, markers) {
                found.is_ours_there = true;
                // What comes after it in this server gets nothing.
                break;
            }
            if let Some(does) = does(handler) {
                found.rivals.push(Rival {
                    listen: shown(listen),
                    hosts: hosts(route),
                    does,
                });
            }
        }
    }
    found
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Whether an address in Caddy's words (`:3000`, `tcp/127.0.0.1:3000`, `:3000-3010`) has this port.
fn is_on(listen: &str, port: u16) -> bool {
    // Whatever else has a slash is no TCP.
    let address = listen.strip_prefix("tcp/").unwrap_or(listen);
    if address.contains('/') {
        return false;
    }
    let Some((_, ports)) = address.rsplit_once(':') else {
        return false;
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) => (first..=last).contains(&port),
        _ => false,
    }
}

/// Whether a handler is the app's own site: it asks for the app's markers and answers at the well-known path.
fn is_ours(handler: &Value, markers: &Path) -> bool {
    let markers = markers.to_string_lossy();
    has_text(handler, &markers) && has_text(handler, WELL_KNOWN)
}

fn has_text(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Array(all) => all.iter().any(|value| has_text(value, wanted)),
        Value::Object(all) => all.values().any(|value| has_text(value, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn hosts(route: &Value) -> Vec<String> {
    let names = list(&route["match"]).flat_map(|set| list(&set["host"]));
    names.filter_map(Value::as_str).map(shown).collect()
}

/// What a handler does with a request, in words; none where it hands each one on to the next.
fn does(handler: &Value) -> Option<String> {
    match handler["handler"].as_str()? {
        "subroute" => list(&handler["routes"])
            .flat_map(|route| list(&route["handle"]))
            .find_map(does),
        "reverse_proxy" => {
            let to = list(&handler["upstreams"]).filter_map(|upstream| upstream["dial"].as_str());
            Some(format!(
                "passes it on to {}",
                shown(&to.collect::<Vec<_>>().join(", "))
            ))
        }
        "static_response" => Some(match handler["body"].as_str() {
            Some(body) => format!("answers `{}`", shown(body)),
            None => "answers by itself".to_owned(),
        }),
        "file_server" => Some("serves files".to_owned()),
        _ => None,
    }
}

/// Somebody else's text as one short line.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    let end = if short.len() < text.len() { "…" } else { "" };
    format!("{}{end}", short.escape_debug())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ours() -> Value {
        json!({"handle": [{"handler": "subroute", "routes": [
            {"match": [{"path": [WELL_KNOWN]}], "handle": [{"handler": "static_response", "body": "blue"}]},
            {"match": [{"file": {"root": "/state/apps/home/router", "try_files": ["/green"]}}]},
        ]}], "terminal": true})
    }

    fn found(listen: &[&str], routes: &[Value]) -> Loaded {
        let config =
            json!({"apps": {"http": {"servers": {"srv0": {"listen": listen, "routes": routes}}}}});
        read(&config, 3000, Path::new("/state/apps/home/router"))
    }

    #[test]
    fn a_site_that_comes_first_is_named_with_what_it_does() {
        let old = json!({"handle": [{"handler": "subroute", "routes": [{"handle": [
            {"handler": "vars", "root": "/srv"},
            {"handler": "reverse_proxy", "upstreams": [{"dial": "127.0.0.1:8080"}]},
        ]}]}]});
        let named = json!({"match": [{"host": ["pi.local"]}], "handle": [{"handler": "static_response", "body": "old\u{1b}[31m\nsite"}]});
        let loaded = found(&[":3000"], &[named, old.clone(), ours()]);
        assert!(loaded.is_ours_there);
        let words: Vec<String> = loaded.rivals.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "the site of pi.local at :3000, which answers `old\\u{1b}[31m\\nsite`",
                "the site at :3000, which takes every name and passes it on to 127.0.0.1:8080",
            ]
        );
        // After ours it takes nothing; without ours it takes all.
        assert_eq!(found(&[":3000"], &[ours(), old.clone()]).rivals, []);
        let alone = found(&[":80", "tcp/0.0.0.0:3000"], std::slice::from_ref(&old));
        assert_eq!((alone.is_ours_there, alone.rivals.len()), (false, 1));
        assert_eq!(found(&[":443"], std::slice::from_ref(&old)).rivals, []);
        // As Caddy puts two sites of one address together, and with a handler that answers nothing in front.
        let both =
            json!({"handle": [{"handler": "headers"}, old["handle"][0], ours()["handle"][0]]});
        let together = found(&[":3000"], &[both]);
        assert_eq!((together.is_ours_there, together.rivals.len()), (true, 1));
    }

    #[test]
    fn an_address_of_caddys_has_a_port_or_a_range() {
        for at in [
            ":3000",
            "127.0.0.1:3000",
            "[::1]:3000",
            "tcp/:3000",
            ":2990-3010",
        ] {
            assert!(is_on(at, 3000), "{at}");
        }
        for at in [
            ":80",
            "unix//run/caddy.sock",
            "udp/:3000",
            "3000",
            ":3001-3010",
            ":x",
        ] {
            assert!(!is_on(at, 3000), "{at}");
        }
        // Nothing is loaded, or something that is no configuration.
        for config in [
            Value::Null,
            json!([]),
            json!({"apps": {"http": {"servers": []}}}),
        ] {
            assert_eq!(read(&config, 3000, Path::new("/x")), Loaded::default());
        }
    }
}
