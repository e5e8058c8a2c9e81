//! `tealkeep check`: any site by the policies, asked from here; with no server and no configuration. What was found
//! goes to stdout, by policy; exit codes: 0 nothing that fails, 1 something fails, 2 it could not be reached.

mod address;
pub(super) mod text;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use url::Url;

use super::progress::{Waiting, say};
use super::{FAILED, Failure, Outcome, is_watched, print};
use crate::policy::{self, Order, Report, Verdict};
use address::Address;

/// How long a check may take. Each answer and each part of it has a shorter deadline of its own; this one is for a
/// site that keeps to all of them and never ends.
const DEADLINE: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The site; with a path, that page is looked at as well.
    url: String,
    /// A page to look at that no other page links to; can be given several times.
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    /// Look at everything with this Cookie field too, such as "session=…": what only somebody signed in sees.
    #[arg(long, value_name = "COOKIE", conflicts_with = "cookie_file")]
    cookie: Option<String>,
    /// The same, read from a file, so that it stands in no list of processes.
    #[arg(long, value_name = "FILE")]
    cookie_file: Option<PathBuf>,
    /// Where the service worker is, with its query string, if its registration is not found.
    #[arg(long, value_name = "URL")]
    service_worker: Option<String>,
    /// A regular expression for paths of files whose names change with their content; can be given several times.
    #[arg(long, value_name = "REGEX")]
    immutable: Vec<String>,
    /// Whether the site serves pages; `none` is for an app that is only an API.
    #[arg(long, value_enum, default_value_t = PagesArg::Expected, value_name = "WHICH")]
    pages: PagesArg,
    /// The directory of a release that the site will serve: its files are compared with what the site serves now.
    #[arg(long, value_name = "DIR")]
    release: Option<PathBuf>,
}

/// Whether pages are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PagesArg {
    /// That none is seen is a finding that fails.
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
    let site = address.settled().await;
    let origin = &site.origin;
    if *origin != address.origin {
        say(format_args!(
            "{} leads to {origin}, so that is looked at",
            address.origin
        ));
    }
    let asked = tokio::time::timeout(DEADLINE, async {
        let _waiting = waiting(origin);
        policy::check(&site, &order).await
    });
    let report = match asked.await {
        Ok(Ok(report)) => report,
        Ok(Err(unreachable)) => {
            return Err(Failure::Call(format!(
                "{unreachable}. Nothing was checked: look whether the address is right, and whether it is reached \
                 from here."
            )));
        }
        Err(_) => {
            return Err(anyhow!(
                "{origin} was being looked at for {} minutes, and there was no end of it",
                DEADLINE.as_secs() / 60
            )
            .into());
        }
    };
    print(json, &report, || text::of(origin, &report))?;
    exit(&report)
}

fn exit(report: &Report) -> Outcome {
    match report.verdict {
        Verdict::Pass | Verdict::Warn => Ok(()),
        // What is wrong was said already.
        Verdict::Fail => Err(Failure::Said(FAILED)),
    }
}

fn waiting(origin: &Url) -> Waiting {
    if !is_watched() {
        say(format_args!("asking {origin} as a browser would"));
    }
    Waiting::new("asking as a browser would")
}

/// The call as what is to be done, or what is wrong with it.
fn read(args: &CheckArgs) -> Result<(Address, Order), Failure> {
    let address = Address::read(&args.url).map_err(Failure::Call)?;
    let mut paths: Vec<String> = address.page.iter().cloned().collect();
    for path in &args.paths {
        if !path.starts_with('/') || path.starts_with("//") {
            return Err(Failure::Call(format!(
                "--path {path} is no path: it begins with one slash, such as /about"
            )));
        }
        paths.push(path.clone());
    }
    for pattern in &args.immutable {
        if let Err(error) = regex::Regex::new(pattern) {
            return Err(Failure::Call(format!(
                "--immutable is no regular expression: {error}"
            )));
        }
    }
    if let Some(release) = &args.release
        && !release.is_dir()
    {
        return Err(Failure::Call(format!(
            "--release {} is no directory",
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
                Failure::Call(format!(
                    "--cookie-file {} can't be read: {e}",
                    file.display()
                ))
            })?
            .trim()
            .to_owned(),
        (None, None) => return Ok(None),
    };
    if !cookie.contains('=') || http::HeaderValue::from_str(&cookie).is_err() {
        return Err(Failure::Call(
            "the cookie is no Cookie field: it is one line such as \"session=4f2a90c1; theme=dark\"".to_owned(),
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
            assert!(matches!(read(&args), Err(Failure::Call(_))), "{cookie:?}");
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
            Err(Failure::Said(1))
        ));
    }
}
