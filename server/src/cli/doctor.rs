//! `tealkeep doctor`

use clap::Args;

use super::client::Client;
use super::{Failure, Outcome};

#[derive(Debug, Args)]
pub struct DoctorArgs {}

/// `tealkeep doctor`
pub async fn run(_client: &Client, _args: &DoctorArgs, _json: bool) -> Outcome {
    Err(Failure::Call(String::new()))
}
