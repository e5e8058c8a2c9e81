//! `tealkeep accept`: shows what the newest checks of an app found and what to change, and accepts one finding, all of a
//! kind, or all of a policy at addresses that match a pattern. Each acceptance can be revoked.

use clap::Args;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::check::text;
use super::client::Client;
use super::outcome::{Failure, Outcome};
use super::output::print;
use crate::http::checks::AcceptRequest;
use crate::http::checks::facts::CheckFacts;
use crate::journal::checks::{Acceptance, Check, Found, Target};
use crate::policy::{Finding, Kind, Policy};

/// How many digits of its checksum identify a finding.
const ID_DIGITS: usize = 6;

#[derive(Debug, Args)]
pub struct AcceptArgs {
    /// The app's name; optional if there is only one.
    app: Option<String>,
    /// The finding to accept, by its six digits in the list.
    #[arg(long, value_name = "ID", conflicts_with_all = ["policy", "kind", "at", "revoke"])]
    finding: Option<String>,
    /// Accept every finding of this policy: html-cache, asset-cache or service-worker.
    #[arg(long, value_name = "POLICY", conflicts_with = "revoke")]
    policy: Option<String>,
    /// With --policy: only findings of this kind, such as hashed-not-immutable.
    #[arg(long, requires = "policy")]
    kind: Option<String>,
    /// With --policy: only at addresses that match this pattern, in which * stands for any characters.
    #[arg(long, requires = "policy", value_name = "PATTERN")]
    at: Option<String>,
    /// Why it is acceptable, for whoever reads this in a year.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Revoke the acceptance with this number: its findings count again.
    #[arg(long, value_name = "NUMBER")]
    revoke: Option<i64>,
}

/// The current findings, and what was accepted.
#[derive(Serialize)]
struct Listed {
    findings: Vec<Numbered>,
    acceptances: Vec<Acceptance>,
}

/// A finding with the digits that identify it.
#[derive(Serialize)]
struct Numbered {
    id: String,
    #[serde(flatten)]
    found: Found,
}

/// `tealkeep accept`
pub async fn run(client: &Client, args: &AcceptArgs, json: bool) -> Outcome {
    let app = client.app(args.app.clone()).await?;
    let base = format!("/api/v1/apps/{app}");
    if let Some(number) = args.revoke {
        let path = format!("{base}/acceptances/{number}/revoke");
        let revoked: Acceptance = client.post(&path, &()).await?;
        return print(json, &revoked, || {
            format!("Revoked: {} counts again.", plain(&revoked))
        });
    }
    let Some(request) = request(client, args, &app, &base).await? else {
        let acceptances = format!("{base}/acceptances");
        let listed = Listed {
            findings: fetch_findings(client, &base).await?,
            acceptances: client.get(&acceptances).await?,
        };
        return print(json, &listed, || list(&app, &listed));
    };
    let accepted: Acceptance = client
        .post(&format!("{base}/acceptances"), &request)
        .await?;
    print(json, &accepted, || {
        format!(
            "Accepted: {} no longer blocks deploys. `tealkeep accept {app} --revoke {}` revokes this.",
            plain(&accepted),
            accepted.id
        )
    })
}

/// What is to be accepted; `None` if nothing was named.
async fn request(
    client: &Client,
    args: &AcceptArgs,
    app: &str,
    base: &str,
) -> Result<Option<AcceptRequest>, Failure> {
    let request = match (&args.finding, &args.policy) {
        (Some(id), _) => {
            let all = fetch_findings(client, base).await?;
            let one = all.into_iter().find(|one| one.id == *id);
            let one = one.ok_or_else(|| {
                Failure::Usage(format!(
                    "the newest checks of {app} have no finding {id}; `tealkeep accept {app}` lists their findings"
                ))
            })?;
            let finding = one.found.finding;
            AcceptRequest {
                policy: finding.policy,
                kind: Some(finding.kind),
                url: Some(finding.url),
                pattern: None,
                why: reason(args)?,
            }
        }
        (None, Some(policy)) => AcceptRequest {
            policy: parse_word::<Policy>("--policy", policy)?,
            kind: match &args.kind {
                Some(kind) => Some(parse_word::<Kind>("--kind", kind)?),
                None => None,
            },
            url: None,
            pattern: Some(args.at.clone().unwrap_or_else(|| "*".to_owned())),
            why: reason(args)?,
        },
        (None, None) => return Ok(None),
    };
    Ok(Some(request))
}

fn reason(args: &AcceptArgs) -> Result<String, Failure> {
    args.why
        .clone()
        .ok_or_else(|| Failure::Usage("say why it is acceptable, with --why \"…\"".to_owned()))
}

/// Parses a word of a closed set, spelled as in JSON.
fn parse_word<T: serde::de::DeserializeOwned + schemars::JsonSchema>(
    option: &str,
    word: &str,
) -> Result<T, Failure> {
    serde_json::from_value(word.into()).map_err(|error| {
        // "unknown variant `x`, expected one of `a`, `b`"
        Failure::Usage(format!("{option} {word}: {error}"))
    })
}

/// The findings of the newest check of each target, each once.
async fn fetch_findings(client: &Client, base: &str) -> Result<Vec<Numbered>, Failure> {
    let checks: Vec<CheckFacts> = client.get(&format!("{base}/checks")).await?;
    let mut numbered: Vec<Numbered> = Vec::new();
    for target in [Target::Public, Target::Live, Target::Idle] {
        let Some(newest) = checks.iter().find(|check| check.target == target) else {
            continue;
        };
        let check: Check = client.get(&format!("{base}/checks/{}", newest.id)).await?;
        for found in check.findings {
            let id = id(&found.finding);
            if !numbered.iter().any(|other| other.id == id) {
                numbered.push(Numbered { id, found });
            }
        }
    }
    Ok(numbered)
}

/// The digits of a finding, which are the same in each check.
fn id(finding: &Finding) -> String {
    let text = format!("{} {} {}", finding.policy, finding.kind, finding.url);
    let digest = Sha256::digest(text);
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    digits[..ID_DIGITS].to_owned()
}

fn plain(acceptance: &Acceptance) -> String {
    text::plain(&acceptance.scope().to_string())
}

fn list(app: &str, listed: &Listed) -> String {
    let mut text_out = String::new();
    for Numbered { id, found } in &listed.findings {
        text_out.push_str(&format!("[{id}]\n"));
        text::show(&mut text_out, &found.finding, false);
        match &found.accepted {
            Some(accepted) => text_out.push_str(&format!(
                "        Accepted by {} (number {}): {}\n",
                text::plain(&accepted.by),
                accepted.id,
                text::plain(&accepted.why)
            )),
            None => text::show_advice(&mut text_out, &found.finding.advice),
        }
        text_out.push('\n');
    }
    if listed.findings.is_empty() {
        text_out.push_str(&format!("The newest checks of {app} found nothing.\n"));
    } else {
        text_out.push_str(&format!(
            "`tealkeep accept {app} --finding ID --why \"…\"` accepts one of them.\n"
        ));
    }
    if !listed.acceptances.is_empty() {
        text_out.push_str("\nAccepted:\n");
    }
    for accepted in &listed.acceptances {
        text_out.push_str(&format!(
            "  {}  {}, by {}: {}\n",
            accepted.id,
            plain(accepted),
            text::plain(&accepted.by),
            text::plain(&accepted.why)
        ));
    }
    text_out
}
