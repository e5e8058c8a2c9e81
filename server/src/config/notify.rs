//! `[notify]`: who is notified when something is wrong at home, and when it is over.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use toml_edit::Item;

use super::reader::{FromToml, Placed, Table};
use crate::notify::secret;

/// The default for `disk_free`, in percent.
const DISK_FREE: u32 = 5;
/// The maximum of `disk_free`, in percent.
const MAX_DISK_FREE: u32 = 50;

/// `[notify]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyConfig {
    /// Receives each message as signed JSON.
    pub webhook: Option<WebhookConfig>,
    /// A topic of ntfy.
    pub ntfy: Option<NtfyConfig>,
    /// A disk with less free space than this counts as nearly full, in percent; with zero only if the next snapshots do not
    /// fit.
    pub disk_free: u32,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// The address for messages.
    pub address: Address,
    /// The file with the signing secret.
    pub secret_file: PathBuf,
}

/// A topic of ntfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NtfyConfig {
    /// The topic's address. Everybody who knows it can read the messages, unless its server needs a token.
    pub address: Address,
    /// The file with the access token, if the server needs one.
    pub token_file: Option<PathBuf>,
}

impl Default for NotifyConfig {
    fn default() -> NotifyConfig {
        NotifyConfig {
            webhook: None,
            ntfy: None,
            disk_free: DISK_FREE,
        }
    }
}

/// An address to call: `http://` or `https://`, a host, and usually a path. With most services the path works like a
/// password, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(http::Uri);

impl Address {
    /// Parses an address.
    ///
    /// # Errors
    /// What is wrong, without the address itself, which may be secret.
    pub fn parse(text: &str) -> Result<Address, String> {
        let wrong = |what: &str| Err(what.to_owned());
        if text.contains('#') {
            return wrong("has a `#` in it, which is never sent");
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if !scheme.is_some_and(|scheme| {
            ["https", "http"]
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known))
        }) {
            return wrong("does not begin with `https://` or `http://`");
        }
        let Ok(uri) = text.parse::<http::Uri>() else {
            return wrong("is not an address");
        };
        if uri
            .authority()
            .is_some_and(|all| all.as_str().contains('@'))
        {
            return wrong("has a user's name or a password before its host, which is not sent");
        }
        if uri.host().is_none_or(str::is_empty) {
            return wrong("has no host");
        }
        Ok(Address(uri))
    }

    /// The complete address, for a call.
    #[must_use]
    pub fn uri(&self) -> &http::Uri {
        &self.0
    }

    /// The host, which may be shown.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host().unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let place = self.0.authority().map_or("", |all| all.as_str());
        write!(f, "{scheme}://{place}/…")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromToml for Address {
    const EXPECTED: &'static str =
        "a full address in quotes, for example `\"https://ntfy.example.org/home-3f9c\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        let text = String::from_toml(item)?;
        Address::parse(text.trim())
    }
}

/// Reads the table; without it nobody is notified.
pub(super) fn read(table: Table<'_>, on_this_machine: bool) -> NotifyConfig {
    let address = table.optional::<Address>("webhook");
    let secret_file = table.optional::<PathBuf>("webhook_secret_file");
    if let Some(file) = secret_file.as_ref().filter(|_| on_this_machine) {
        private(&table, file, |path| secret::signing_key(path).map(drop));
    }
    let webhook = match (address, secret_file) {
        (Some(address), Some(file)) => Some(WebhookConfig {
            address: address.value,
            secret_file: file.value,
        }),
        (Some(_), None) if !table.has("webhook_secret_file") => {
            table.problem_here(
                "webhook_secret_file",
                "is missing, and every message to a webhook is signed; name a file with one line, as \
                 `echo whsec_$(openssl rand -base64 32)` makes it, and give the same line to the receiver",
            );
            None
        }
        (None, Some(file)) if !table.has("webhook") => {
            table.problem_at(&file, "is set without a webhook; add `webhook` as well");
            None
        }
        _ => None,
    };
    let topic = table.optional::<Address>("ntfy");
    if let Some(topic) = &topic
        && topic.value.uri().path().trim_matches('/').is_empty()
    {
        table.problem_at(
            topic,
            "has no topic; write it after the host, for example `\"https://ntfy.sh/home-3f9c\"`",
        );
    }
    let token_file = table.optional::<PathBuf>("ntfy_token_file");
    if let Some(file) = token_file.as_ref().filter(|_| on_this_machine) {
        private(&table, file, |path| secret::token(path).map(drop));
    }
    if let Some(file) = &token_file
        && !table.has("ntfy")
    {
        table.problem_at(file, "is set without a topic; add `ntfy` as well");
    }
    let disk_free = table.or("disk_free", DISK_FREE);
    if disk_free.value > MAX_DISK_FREE {
        let text = format!(
            "{} is out of range; it must be from 0 to {MAX_DISK_FREE}, in percent (usual is {DISK_FREE})",
            disk_free.value
        );
        table.problem_at(&disk_free, text);
    }
    table.finish();
    NotifyConfig {
        webhook,
        ntfy: topic.map(|topic| NtfyConfig {
            address: topic.value,
            token_file: token_file.map(|file| file.value),
        }),
        disk_free: disk_free.value,
    }
}

/// Refuses a secret that can't be read, is not one, or can be read by everybody on the machine.
fn private(
    table: &Table<'_>,
    file: &Placed<PathBuf>,
    look: impl FnOnce(&Path) -> Result<(), String>,
) {
    let path = &file.value;
    if let Err(wrong) = look(path) {
        table.problem_at(file, format!("{} {wrong}", path.display()));
        return;
    }
    let mode = path.metadata().map(|meta| meta.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o007 != 0) {
        let text = format!(
            "everybody on this machine can use {path}; take that away: `chmod o= {path}`",
            path = path.display()
        );
        table.problem_at(file, text);
    }
}

#[cfg(test)]
mod tests;
