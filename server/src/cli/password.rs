//! `tealkeep password`

use super::client::Client;
use super::{Outcome, print};
use crate::http::api::PasswordLink;

/// Prints a one-time link.
pub async fn run(client: &Client, json: bool) -> Outcome {
    let link: PasswordLink = client.post("/api/v1/password-link", &()).await?;
    print(json, &link, || {
        let still = if link.replaces {
            "The password from before still holds until then; all browsers are signed out when a new one is set."
        } else {
            "Until a password is set, the dashboard listens on this machine only; from another one, open it through\n\
             `ssh -L PORT:127.0.0.1:PORT`."
        };
        format!(
            "Open this link within {} minutes; it can be used once, to set the dashboard's password:\n\n  \
             http://{}{}\n\n{still}",
            link.minutes, link.address, link.path
        )
    })
}
