//! The kinds of values in the file: what each key may contain, and the message for what it may not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml_edit::Item;

use super::reader::FromToml;

fn text_of(item: &Item) -> Result<&str, String> {
    item.as_str().ok_or_else(|| is_a(item))
}

fn is_a(item: &Item) -> String {
    format!("is {}", in_words(item.type_name()))
}

/// toml_edit's name of a type in everyday words.
fn in_words(type_name: &str) -> &str {
    match type_name {
        "string" => "text",
        "integer" => "a whole number",
        "float" => "a number with a fraction",
        "boolean" => "`true` or `false`",
        "datetime" => "a date or a time without quotes",
        "array" => "a list",
        "table" | "inline table" => "a table",
        "array of tables" => "a list of tables",
        other => other,
    }
}

impl FromToml for String {
    const EXPECTED: &'static str = "text in quotes";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        if text.trim().is_empty() {
            Err("is empty".to_owned())
        } else {
            Ok(text.to_owned())
        }
    }
}

impl FromToml for PathBuf {
    const EXPECTED: &'static str =
        "an absolute path in quotes, for example `\"/srv/home/home.sqlite\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let path = PathBuf::from(text_of(item)?);
        if path.as_os_str().is_empty() {
            Err("is empty".to_owned())
        } else if path.is_absolute() {
            Ok(path)
        } else {
            Err(format!("`{}` does not begin with `/`", path.display()))
        }
    }
}

impl FromToml for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        item.as_bool().ok_or_else(|| is_a(item))
    }
}

impl FromToml for u32 {
    const EXPECTED: &'static str = "a whole number without quotes";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let number = item.as_integer().ok_or_else(|| is_a(item))?;
        u32::try_from(number).map_err(|_| match number {
            ..0 => format!("{number} is negative"),
            0.. => format!("{number} is too large"),
        })
    }
}

impl FromToml for u16 {
    const EXPECTED: &'static str = "a port from 1 to 65535, without quotes";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let number = item.as_integer().ok_or_else(|| is_a(item))?;
        match u16::try_from(number) {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(format!("{number} is not a port")),
        }
    }
}

impl FromToml for Duration {
    const EXPECTED: &'static str = "a length of time in quotes, in hours, minutes or seconds, for example `\"30s\"`, `\"10m\"` or `\"1h 30m\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        let length: jiff::SignedDuration = text
            .parse()
            .map_err(|_| format!("`{text}` is not a length of time"))?;
        Duration::try_from(length).map_err(|_| format!("`{text}` is negative"))
    }
}

impl FromToml for SocketAddr {
    const EXPECTED: &'static str = "an IP address and a port in quotes, for example `\"0.0.0.0:3000\"` (the whole network) or `\"127.0.0.1:3000\"` (this machine)";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        match text.parse::<SocketAddr>() {
            Ok(at) if at.port() == 0 => {
                Err(format!("`{text}` has port 0, which is not a fixed port"))
            }
            Ok(at) => Ok(at),
            Err(_) => Err(format!("`{text}` is not an IP address with a port")),
        }
    }
}

impl FromToml for jiff::civil::Time {
    const EXPECTED: &'static str = "a time of day in quotes, from `\"00:00\"` to `\"23:59\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        jiff::civil::Time::strptime("%H:%M", text)
            .map_err(|_| format!("`{text}` is not a time of day"))
    }
}

impl FromToml for jiff::tz::TimeZone {
    const EXPECTED: &'static str =
        "a time zone's name from the IANA database, for example `\"Europe/Berlin\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        jiff::tz::TimeZone::get(text)
            .map_err(|_| format!("`{text}` is not a time zone that is known here"))
    }
}

impl FromToml for crate::names::AppName {
    const EXPECTED: &'static str =
        "a name of 1 to 31 lower-case letters, digits and `-`, beginning with a letter";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = text_of(item)?;
        text.parse()
            .map_err(|_| format!("`{text}` can't be an app's name"))
    }
}

impl FromToml for Vec<String> {
    const EXPECTED: &'static str = "a list of texts, for example `[\"node\", \"server.js\"]`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let array = item.as_array().ok_or_else(|| is_a(item))?;
        array
            .iter()
            .map(|value| {
                value
                    .as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| format!("has {} in it", in_words(value.type_name())))
            })
            .collect()
    }
}

impl FromToml for Vec<Vec<String>> {
    const EXPECTED: &'static str = "a list of commands, for example `[[\"node\", \"--version\"]]`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let array = item.as_array().ok_or_else(|| is_a(item))?;
        let command = |value: &toml_edit::Value| {
            Vec::<String>::from_toml(&Item::Value(value.clone()))
                .map_err(|_| format!("has {} in it", in_words(value.type_name())))
        };
        array.iter().map(command).collect()
    }
}

impl FromToml for http::Uri {
    const EXPECTED: &'static str =
        "`https://` and a host, for example `\"https://home.example.org\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = item.as_str().ok_or_else(|| is_a(item))?;
        let uri: http::Uri = text
            .parse()
            .map_err(|_| format!("`{text}` is not the address of a site"))?;
        let known = matches!(uri.scheme_str(), Some("https" | "http"));
        if !known
            || uri.host().is_none()
            || !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
        {
            return Err(format!("`{text}` is not the address of a site"));
        }
        Ok(uri)
    }
}

impl FromToml for BTreeMap<String, String> {
    const EXPECTED: &'static str = "a table of texts, for example `{ NODE_ENV = \"production\" }`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let table = item.as_table_like().ok_or_else(|| is_a(item))?;
        table
            .iter()
            .map(|(key, value)| {
                let text = value
                    .as_str()
                    .ok_or_else(|| format!("has {} under `{key}`", in_words(value.type_name())))?;
                Ok((key.to_owned(), text.to_owned()))
            })
            .collect()
    }
}
