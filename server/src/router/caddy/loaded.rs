//! What Caddy has loaded, which need not be what stands in its files: whether each way to an app keeps the dashboard's
//! cookies from it.

use std::net::SocketAddr;

use serde_json::Value;

use super::ask;
use super::rules::session_pattern;
use super::site::AS_STREAMS;

/// The ways from Caddy to one app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// Those that blank the dashboard's cookies.
    pub blanked: usize,
    /// Those that pass them on.
    pub open: usize,
}

/// Asks Caddy's admin API for what it has loaded, and looks at each way to the colours on these ports.
///
/// # Errors
/// In words: Caddy gave no answer, or none that can be read.
pub async fn ways_to_app(admin: SocketAddr, ports: [u16; 2]) -> Result<Ways, String> {
    let config = ask::configuration(admin).await?;
    let config: Value = serde_json::from_str(&config)
        .map_err(|error| format!("Caddy's admin API at {admin} says nothing readable ({error})"))?;
    Ok(ways(&config, ports))
}

fn ways(config: &Value, ports: [u16; 2]) -> Ways {
    let addresses = ports.map(|port| {
        [
            format!("127.0.0.1:{port}"),
            format!("{AS_STREAMS}:{port}"),
            format!("[::1]:{port}"),
        ]
    });
    let mut ways = Ways::default();
    look_at(config, addresses.as_flattened(), &mut ways);
    ways
}

fn look_at(value: &Value, addresses: &[String], ways: &mut Ways) {
    match value {
        Value::Object(fields) => {
            if leads_to(value, addresses) {
                if blanks(value) {
                    ways.blanked += 1;
                } else {
                    ways.open += 1;
                }
            }
            for below in fields.values() {
                look_at(below, addresses, ways);
            }
        }
        Value::Array(elements) => {
            for below in elements {
                look_at(below, addresses, ways);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn leads_to(handler: &Value, addresses: &[String]) -> bool {
    let upstreams = handler["upstreams"].as_array();
    handler["handler"] == "reverse_proxy"
        && upstreams.into_iter().flatten().any(|upstream| {
            let dial = upstream["dial"].as_str();
            dial.is_some_and(|dial| addresses.iter().any(|address| address == dial))
        })
}

fn blanks(handler: &Value) -> bool {
    let rules = handler["headers"]["request"]["replace"]["Cookie"].as_array();
    rules
        .into_iter()
        .flatten()
        .any(|rule| rule["search_regexp"] == session_pattern())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_way_is_looked_at_however_deep_it_is() {
        let blanked = |dial: &str| {
            json!({
                "handler": "reverse_proxy",
                "upstreams": [{"dial": dial}],
                "headers": {"request": {"replace": {"Cookie": [
                    {"search_regexp": session_pattern(), "replace": "${1}-"}
                ]}}},
            })
        };
        let open = |dial: &str| json!({"handler": "reverse_proxy", "upstreams": [{"dial": dial}]});
        let config = json!({"apps": {"http": {"servers": {"srv0": {"routes": [
            {"handle": [{"handler": "subroute", "routes": [
                {"handle": [blanked("127.0.0.1:3001"), blanked("localhost:3001")]},
                {"handle": [open("127.0.0.1:4001")]},
            ]}]},
            {"handle": [open("localhost:3002")]},
        ]}}}}});
        let expected = Ways {
            blanked: 2,
            open: 1,
        };
        assert_eq!(ways(&config, [3001, 3002]), expected);
        assert_eq!(ways(&json!(null), [3001, 3002]), Ways::default());
        // An older rule is another one.
        let older = config.to_string().replace("tealkeep-device", "");
        let older: Value = serde_json::from_str(&older).unwrap();
        assert_eq!(ways(&older, [3001, 3002]).blanked, 0);
    }
}
