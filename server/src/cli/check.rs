//! `tealkeep check`: checks any site from here, without a server and without a configuration. Findings go to stdout, by
//! policy. Exit codes: 0 nothing fails, 1 something fails, 2 the site could not be reached.

mod address;
pub(super) mod text;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use url::Url;

use super::outcome::{FAILED, Failure, Outcome};
use super::output::print;
use super::progress::{Waiting, say};
use super::terminal;
use crate::policy::{self, Order, Report, Verdict};
use address::Address;

/// The time limit of a check. Each answer and each part of it has a shorter one; this one is for a site that stays within
/// all of them but never ends.
const CHECK_TIMEOUT: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The address of the site; with a path, that page is checked too.
    url: String,
    /// A page to check to which no other page links; can be repeated.
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// Also check everything with this Cookie field, such as "session=…", like a signed-in user.
    #[arg(long, value_name = "COOKIE", conflicts_with = "cookie_file")]
    cookie: Option<String>,
    /// The same from a file, so that it appears in no list of processes.
    #[arg(long, value_name = "FILE")]
    cookie_file: Option<PathBuf>,
    /// The service worker, with its query string, if its registration is not found.
    #[arg(long, value_name = "URL")]
    service_worker: Option<String>,
    /// A regular expression for paths of files whose names change with their content; can be repeated.
    #[arg(long, value_name = "REGEX")]
    immutable: Vec<String>,
    /// Whether the site serves pages; `none` is for an app that is only an API.
    #[arg(long, value_enum, default_value_t = PagesArg::Expected, value_name = "WHICH")]
    pages: PagesArg,
    /// The directory of the next release: its files are compared with what the site serves now.
    #[arg(long, value_name = "DIR")]
    release: Option<PathBuf>,
}

/// Whether pages are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PagesArg {
    /// Seeing none is a finding that fails.
    Expected,
    /// There are none.
    None,
}

/// Checks a site and prints what was found.
pub async fn run(args: &CheckArgs, json: bool) -> Outcome {
    let (address, order) = read(args)?;
    if address.scheme_was_assumed {
        say(format_args!(
            "{} has no scheme, so https:// is assumed",
            args.url.trim()
        ));
    }
    let site = address.resolve().await;
    let origin = &site.origin;
    if *origin != address.origin {
        say(format_args!(
            "{} redirects to {origin}, so that is checked",
            address.origin
        ));
    }
    let asked = tokio::time::timeout(CHECK_TIMEOUT, async {
        let _waiting = waiting(origin);
        policy::check(&site, &order).await
    });
    let report = match asked.await {
        Ok(Ok(report)) => report,
        Ok(Err(unreachable)) => {
            return Err(Failure::Usage(format!(
                "{unreachable}. Nothing was checked: is the address right, and can it be reached from here?"
            )));
        }
        Err(_) => {
            return Err(anyhow!(
                "the check of {origin} did not finish within {} minutes",
                CHECK_TIMEOUT.as_secs() / 60
            )
            .into());
        }
    };
    print(json, &report, || text::describe(origin, &report))?;
    exit(&report)
}

fn exit(report: &Report) -> Outcome {
    match report.verdict {
        Verdict::Pass | Verdict::Warn => Ok(()),
        // The findings were printed already.
        Verdict::Fail => Err(Failure::Reported(FAILED)),
    }
}

fn waiting(origin: &Url) -> Waiting {
    if !terminal::stderr_is_terminal() {
        say(format_args!("checking {origin} like a browser"));
    }
    Waiting::new("checking like a browser")
}

/// The call as an order, or what is wrong with it.
fn read(args: &CheckArgs) -> Result<(Address, Order), Failure> {
    let address = Address::read(&args.url).map_err(Failure::Usage)?;
    let mut paths: Vec<String> = address.page.iter().cloned().collect();
    for path in &args.paths {
        if !path.starts_with('/') || path.starts_with("//") {
            return Err(Failure::Usage(format!(
                "--path {path} is not a path: it must begin with one slash, such as /about"
            )));
        }
        paths.push(path.clone());
    }
    for pattern in &args.immutable {
        if let Err(error) = regex::Regex::new(pattern) {
            return Err(Failure::Usage(format!(
                "--immutable is not a regular expression: {error}"
            )));
        }
    }
    if let Some(release) = &args.release
        && !release.is_dir()
    {
        return Err(Failure::Usage(format!(
            "--release {} is not a directory",
            release.display()
        )));
    }
    let order = Order {
        paths,
        cookie: cookie(args)?,
        service_worker: args.service_worker.clone(),
        immutable: args.immutable.clone(),
        api_only: args.pages == PagesArg::None,
        older: None,
        release: args.release.clone(),
    };
    Ok((address, order))
}

fn cookie(args: &CheckArgs) -> Result<Option<String>, Failure> {
    let cookie = match (&args.cookie, &args.cookie_file) {
        (Some(cookie), _) => cookie.trim().to_owned(),
        (None, Some(file)) => fs::read_to_string(file)
            .map_err(|e| {
                Failure::Usage(format!(
                    "--cookie-file {} can't be read: {e}",
                    file.display()
                ))
            })?
            .trim()
            .to_owned(),
        (None, None) => return Ok(None),
    };
    if !cookie.contains('=') || http::HeaderValue::from_str(&cookie).is_err() {
        return Err(Failure::Usage(
            "the cookie must be one line of a Cookie field, such as \"session=4f2a90c1; theme=dark\"".to_owned(),
        ));
    }
    Ok(Some(cookie))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: &str) -> CheckArgs {
        CheckArgs {
            url: url.to_owned(),
            paths: vec![],
            cookie: None,
            cookie_file: None,
            service_worker: None,
            immutable: vec![],
            pages: PagesArg::Expected,
            release: None,
        }
    }

    #[test]
    fn the_page_of_the_address_is_looked_at_with_those_that_are_named() {
        let args = CheckArgs {
            paths: vec!["/about".to_owned()],
            cookie: Some(" session=1 ".to_owned()),
            ..args("example.org/start?week=47#top")
        };
        let (address, order) = read(&args).unwrap();
        assert_eq!(address.origin.as_str(), "https://example.org/");
        assert_eq!(order.paths, ["/start?week=47", "/about"]);
        assert_eq!(order.cookie.as_deref(), Some("session=1"));
    }

    #[test]
    fn a_cookie_of_several_lines_or_without_a_name_is_refused() {
        for cookie in ["a=1\nb=2", "session", ""] {
            let args = CheckArgs {
                cookie: Some(cookie.to_owned()),
                ..args("https://example.org")
            };
            assert!(matches!(read(&args), Err(Failure::Usage(_))), "{cookie:?}");
        }
    }

    #[test]
    fn only_a_failing_verdict_ends_with_1() {
        let report = |verdict| Report {
            verdict,
            seen: policy::Coverage::default(),
            findings: vec![],
        };
        assert!(exit(&report(Verdict::Pass)).is_ok());
        assert!(exit(&report(Verdict::Warn)).is_ok());
        assert!(matches!(
            exit(&report(Verdict::Fail)),
            Err(Failure::Reported(1))
        ));
    }
}
