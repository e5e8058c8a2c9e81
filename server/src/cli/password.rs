//! `tealkeep password`

use super::client::Client;
use super::outcome::Outcome;
use super::output::print;
use crate::http::api::PasswordLink;

/// Prints a one-time link.
pub async fn run(client: &Client, json: bool) -> Outcome {
    let link: PasswordLink = client.post("/api/v1/password-link", &()).await?;
    print(json, &link, || {
        let still = if link.replaces {
            "The old password works until then. A new one signs all browsers out."
        } else {
            "Until a password is set, the dashboard listens on this machine only. From another machine, open it through\n\
             `ssh -L PORT:127.0.0.1:PORT`."
        };
        format!(
            "Open this link within {} minutes to set the dashboard's password; it works once:\n\n  \
             http://{}{}\n\n{still}",
            link.minutes, link.address, link.path
        )
    })
}
