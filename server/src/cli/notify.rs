//! `tealkeep notify`: sends a test message through every configured channel. Exit codes: 0 every channel delivered it,
//! 1 one did not, or there is none.

use clap::Args;

use super::client::Client;
use super::outcome::{FAILED, Failure, Outcome};
use super::output::print;
use crate::http::notices::Tried;

#[derive(Debug, Args)]
pub struct NotifyArgs {}

/// Asks the server to send one.
pub async fn run(client: &Client, _args: &NotifyArgs, json: bool) -> Outcome {
    let tried: Vec<Tried> = client.post("/api/v1/notify/test", &()).await?;
    print(json, &tried, || describe(&tried))?;
    if tried.is_empty() || tried.iter().any(|one| !one.sent) {
        // Which channel failed and why is printed above.
        return Err(Failure::Reported(FAILED));
    }
    Ok(())
}

fn describe(tried: &[Tried]) -> String {
    if tried.is_empty() {
        return "No channel for messages is configured. Add a webhook, a topic of ntfy or both to the configuration, under \
                [notify], and restart the server:\n\n  [notify]\n  ntfy = \"https://ntfy.sh/home-3f9c\"    # a name that \
                nobody can guess; subscribe to it with the ntfy app\n\ntealkeep.example.toml explains each key."
            .to_owned();
    }
    let width = tried.iter().map(|one| one.channel.len()).max();
    let width = width.unwrap_or_default();
    tried
        .iter()
        .map(|one| {
            let Tried {
                channel,
                host,
                sent,
                said,
            } = one;
            let how = if *sent { "sent" } else { "FAILED" };
            format!("{channel:<width$}  {how:<6}  {host} {said}\n")
        })
        .collect()
}
