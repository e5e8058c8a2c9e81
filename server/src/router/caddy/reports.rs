//! Whether what Caddy has loaded reports each answered request to Tealkeep, as the printed site does.

use serde_json::Value;

use super::ask;
use super::site::reports_address;
use crate::config::CaddySection;

/// Asks Caddy's admin API.
///
/// # Errors
/// In words: Caddy gave no answer, or none that can be read.
pub async fn reports_requests(section: &CaddySection) -> Result<bool, String> {
    let admin = section.admin;
    let config = ask::configuration(admin).await?;
    let config: Value = serde_json::from_str(&config).map_err(|error| {
        format!("Caddy's admin API at {admin} shows no configuration ({error})")
    })?;
    let address = format!("udp/{}", reports_address(section));
    Ok(is_reported(&config, section.listen.port(), &address))
}

/// Whether a server on this port has an access log that is written to this address.
fn is_reported(config: &Value, port: u16, address: &str) -> bool {
    let logs = config["logging"]["logs"].as_object();
    let ours = logs
        .into_iter()
        .flat_map(|logs| logs.values())
        .filter(|log| log["writer"]["output"] == "net" && log["writer"]["address"] == address);
    let loggers: Vec<&str> = ours
        .flat_map(|log| strings(&log["include"]))
        .filter_map(|name| name.strip_prefix("http.log.access."))
        .collect();
    let servers = config["apps"]["http"]["servers"].as_object();
    servers
        .into_iter()
        .flat_map(|servers| servers.values())
        .filter(|server| strings(&server["listen"]).any(|at| at.ends_with(&format!(":{port}"))))
        .any(|server| names_one_of(&server["logs"], &loggers))
}

fn names_one_of(value: &Value, loggers: &[&str]) -> bool {
    match value {
        Value::String(name) => loggers.contains(&name.as_str()),
        Value::Array(all) => all.iter().any(|one| names_one_of(one, loggers)),
        Value::Object(fields) => fields.values().any(|one| names_one_of(one, loggers)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_sites_own_log_must_lead_to_tealkeep() {
        let config = |listen: &str, logs: Value, address: &str| {
            json!({
                "logging": {"logs": {
                    "default": {"exclude": ["http.log.access.log0"]},
                    "log0": {
                        "writer": {"address": address, "output": "net"},
                        "include": ["http.log.access.log0"],
                    },
                }},
                "apps": {"http": {"servers": {"srv0": {"listen": [listen], "logs": logs}}}},
            })
        };
        let address = "udp/127.255.255.255:3003";
        let of = |config: &Value| is_reported(config, 3000, address);
        let default = || json!({"default_logger_name": "log0"});
        assert!(of(&config(":3000", default(), address)));
        // As Caddy writes it where another site is on the same port; 2.11 takes several loggers for a name.
        for named in [json!("log0"), json!(["log1", "log0"])] {
            let logs = json!({"logger_names": {"": named}});
            assert!(of(&config("127.0.0.1:3000", logs, address)));
        }
        assert!(!of(&config(
            ":13000",
            default(),
            "udp/127.255.255.255:3103"
        )));
        assert!(!of(&config(":3100", default(), address)));
        assert!(!of(&config(":3000", Value::Null, address)));
        assert!(!of(&config(
            ":3000",
            json!({"default_logger_name": "log1"}),
            address
        )));
        assert!(!of(&json!(null)));
    }
}
