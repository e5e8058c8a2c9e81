//! The browser that signs in: where it is, what it is called, and how it is recognised the next time.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use tower_sessions::Session;

use crate::admission::Place;
use crate::http::caller::Transport;
use crate::http::cookies::{DeviceToken, SetDevice};
use crate::http::page::Failure;
use crate::http::server::Server;
use crate::http::signed_in::{SIGNED_IN, SignedIn};

/// The longest browser's name that is kept with a session.
const MAX_BROWSER_LENGTH: usize = 200;

/// What a sign-in goes by, besides the password.
#[derive(Debug, Clone)]
pub struct Visit {
    pub(super) transport: Transport,
    device: Option<DeviceToken>,
    pub(super) place: Option<Arc<Place>>,
    browser: String,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Visit, StatusCode> {
        let extensions = &parts.extensions;
        let agent = parts.headers.get(header::USER_AGENT);
        Ok(Visit {
            // Every listener adds it.
            transport: *extensions.get().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?,
            device: extensions.get().cloned(),
            place: extensions.get().cloned(),
            browser: agent
                .and_then(|value| value.to_str().ok())
                .map_or_else(|| "an unnamed browser".to_owned(), browser_name),
        })
    }
}

impl Visit {
    /// The handle of its browser, if it signed in before.
    pub(super) async fn device(&self, server: &Server) -> anyhow::Result<Option<String>> {
        match &self.device {
            Some(DeviceToken(token)) => server.auth.devices.known(token).await,
            None => Ok(None),
        }
    }

    /// Signs this browser in, and remembers it for the next time.
    pub(super) async fn sign_in(
        &self,
        server: &Server,
        session: &Session,
    ) -> Result<Remember, Failure> {
        let (device, remember) = match self.device(server).await? {
            Some(handle) => (handle, Remember(None)),
            None => {
                let new = server.auth.devices.remember().await?;
                (new.handle, Remember(Some(SetDevice(new.token))))
            }
        };
        // A new id: whoever planted the old one in the browser must not be signed in with it.
        session.cycle_id().await?;
        let signed_in = SignedIn {
            at: Timestamp::now(),
            browser: self.browser.clone(),
            device: Some(device),
        };
        session.insert(SIGNED_IN, signed_in).await?;
        Ok(remember)
    }
}

/// The device cookie that goes with the answer to a sign-in, unless the browser has one.
pub(super) struct Remember(Option<SetDevice>);

impl Remember {
    pub(super) fn with(self, response: impl IntoResponse) -> Response {
        let mut response = response.into_response();
        if let Some(device) = self.0 {
            response.extensions_mut().insert(device);
        }
        response
    }
}

/// What a person calls the browser that sent this User-Agent; a strange one is shown as it is.
fn browser_name(agent: &str) -> String {
    // The order matters: each of these also claims to be the ones after it.
    let browser = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let system = [
        ("Android", "Android"),
        ("iPhone", "an iPhone"),
        ("iPad", "an iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "a Mac"),
        ("Linux", "Linux"),
    ];
    let find = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map(|(_, name)| *name)
    };
    match (find(&browser), find(&system)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        _ => agent.chars().take(MAX_BROWSER_LENGTH).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_what_people_call_it() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on an iPhone",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            ("curl/8.5.0", "curl/8.5.0"),
        ] {
            assert_eq!(browser_name(agent), name);
        }
    }
}
