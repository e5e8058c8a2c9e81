//! `tealkeep incoming`: what `push` asks the machine at home before it sends anything. Prints JSON only.

use clap::Args;

use super::client::Client;
use super::outcome::Outcome;
use super::output::print;
use crate::http::incoming::Incoming;

#[derive(Debug, Args)]
pub struct IncomingArgs {
    /// The app's name.
    app: String,
    /// The release's name.
    name: String,
    /// Choose no other name, even if this one is taken.
    #[arg(long)]
    exact: bool,
}

/// `tealkeep incoming`
pub async fn run(client: &Client, args: &IncomingArgs) -> Outcome {
    let path = format!(
        "/api/v1/apps/{}/incoming/{}?exact={}",
        args.app, args.name, args.exact
    );
    let incoming: Incoming = client.get(&path).await?;
    print(true, &incoming, String::new)
}
