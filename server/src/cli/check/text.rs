//! The result of a check as text for a terminal: by policy, each finding with its evidence and its fix, and the verdict in the
//! last line.

use std::collections::HashSet;
use std::io::IsTerminal;

use tealkeep_app::{advice, finding_title, policy_title};
use url::Url;

use crate::cli::terminal;
use crate::policy::{Finding, Report, Severity, Verdict};

/// The complete text. Words are coloured on a terminal, unless `NO_COLOR` is set.
pub fn describe(origin: &Url, report: &Report) -> String {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    draw(
        origin,
        report,
        std::io::stdout().is_terminal() && !no_colour,
    )
}

fn draw(origin: &Url, report: &Report, coloured: bool) -> String {
    let mut text = format!("{origin}\nSeen: {}\n\n", plain(&report.seen.in_words()));
    let mut heading = None;
    let mut told = HashSet::new();
    for finding in &report.findings {
        if heading != Some(finding.policy) {
            text.push_str(&format!("{}\n", policy_title(finding.policy)));
            heading = Some(finding.policy);
        }
        show(&mut text, finding, coloured);
        // The same line often fixes twenty pages of one site.
        if told.insert(finding.advice.as_str()) {
            show_advice(&mut text, &finding.advice);
        } else if !finding.advice.is_empty() {
            text.push_str("        What to change: as above.\n");
        }
        text.push('\n');
    }
    text.push_str(&verdict(report, coloured));
    text.push('\n');
    text
}

/// One finding with its evidence.
pub fn show(text: &mut String, finding: &Finding, coloured: bool) {
    let word = match finding.severity {
        Severity::Warn => paint("warn", "33", coloured),
        Severity::Fail => paint("FAIL", "31", coloured),
    };
    text.push_str(&format!(
        "  {word}  {} ({})\n",
        finding_title(finding.kind),
        finding.kind
    ));
    text.push_str(&format!("        {}\n", plain(&finding.url)));
    for line in finding.evidence.lines() {
        text.push_str(format!("          {}", plain(line)).trim_end());
        text.push('\n');
    }
}

/// What to change, in lines.
pub fn show_advice(text: &mut String, lines: &str) {
    let pieces = advice(lines);
    if !pieces.is_empty() {
        text.push_str("        What to change:\n");
    }
    for piece in pieces {
        let place = piece
            .framework
            .map(|place| format!("{}: ", plain(place)))
            .unwrap_or_default();
        for (i, line) in piece.text.lines().enumerate() {
            let before = if i == 0 { place.as_str() } else { "  " };
            text.push_str(&format!("          {before}{}\n", plain(line)));
        }
    }
}

/// The verdict in words, and how many findings there are of each severity.
fn verdict(report: &Report, coloured: bool) -> String {
    let of = |severity| {
        let all = report.findings.iter();
        all.filter(|finding| finding.severity == severity).count()
    };
    let (fails, warns) = (of(Severity::Fail), of(Severity::Warn));
    match report.verdict {
        Verdict::Pass if report.seen.pages == 0 => format!(
            "{}: no findings, and no page was checked.",
            paint("pass", "32", coloured)
        ),
        Verdict::Pass => format!(
            "{}: no findings; a deploy reaches the browser.",
            paint("pass", "32", coloured)
        ),
        Verdict::Warn => format!(
            "{}: a deploy reaches the browser; {} {}.",
            paint("warn", "33", coloured),
            counted(warns, "finding", "findings"),
            if warns == 1 { "warns" } else { "warn" }
        ),
        Verdict::Fail => {
            let besides = match warns {
                0 => String::new(),
                1 => ", and 1 warns".to_owned(),
                n => format!(", and {n} warn"),
            };
            let verb = if fails == 1 { "fails" } else { "fail" };
            format!(
                "{}: {} {verb}{besides}; a deploy may not reach the browser.",
                paint("FAIL", "31", coloured),
                counted(fails, "finding", "findings")
            )
        }
    }
}

fn counted(n: usize, one: &str, more: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { more })
}

fn paint(word: &str, colour: &str, coloured: bool) -> String {
    match coloured {
        true => format!("\x1b[{colour}m{word}\x1b[0m"),
        false => word.to_owned(),
    }
}

/// Text from a site, without control characters and without characters that change the direction of text.
pub fn plain(text: &str) -> String {
    terminal::line(&text.replace('\t', "    "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Coverage, Kind, Policy};

    fn finding(policy: Policy, kind: Kind, severity: Severity) -> Finding {
        Finding {
            policy,
            kind,
            severity,
            url: "https://example.org/sw.js".to_owned(),
            evidence: "On install it stored GET https://example.org/.\nsw.js:14".to_owned(),
            advice: "Leave pages to the network.\nSvelteKit: store build only.".to_owned(),
        }
    }

    fn text(findings: Vec<Finding>) -> String {
        let origin = Url::parse("https://example.org").unwrap();
        let seen = Coverage {
            pages: 2,
            requests: 3,
            ..Coverage::default()
        };
        draw(&origin, &Report::of(findings, seen), false)
    }

    #[test]
    fn findings_stand_under_their_policy_with_what_shows_and_mends_them() {
        let said = text(vec![
            finding(Policy::ServiceWorker, Kind::CachesHtml, Severity::Fail),
            finding(Policy::AssetCache, Kind::HashedNotImmutable, Severity::Warn),
        ]);
        assert_eq!(
            said,
            "https://example.org/\n\
             Seen: 2 pages, 0 files and no service worker, in 3 requests.\n\n\
             Scripts, styles and images\n  \
               warn  Browsers ask again and again for a file that never changes (hashed-not-immutable)\n        \
                     https://example.org/sw.js\n          \
                       On install it stored GET https://example.org/.\n          \
                       sw.js:14\n        \
                     What to change:\n          \
                       Leave pages to the network.\n          \
                       SvelteKit: store build only.\n\n\
             Service worker\n  \
               FAIL  The service worker stores pages (caches-html)\n        \
                     https://example.org/sw.js\n          \
                       On install it stored GET https://example.org/.\n          \
                       sw.js:14\n        \
                     What to change: as above.\n\n\
             FAIL: 1 finding fails, and 1 warns; a deploy may not reach the browser.\n"
        );
    }

    #[test]
    fn the_last_line_is_the_verdict() {
        let warn = finding(Policy::HtmlCache, Kind::MayBeStale, Severity::Warn);
        assert!(text(vec![]).ends_with("\n\npass: no findings; a deploy reaches the browser.\n"));
        assert!(text(vec![warn]).ends_with("a deploy reaches the browser; 1 finding warns.\n"));
    }

    #[test]
    fn nothing_that_a_site_says_reaches_the_terminal_as_an_order() {
        let mut hostile = finding(Policy::HtmlCache, Kind::Reusable, Severity::Fail);
        hostile.evidence =
            "Cache-Control: \u{1b}]0;owned\u{7}\u{202e}drawkcab\r\u{9b}2J".to_owned();
        hostile.url = "https://example.org/\u{1b}[2J".to_owned();
        hostile.advice = "Caddy: \u{1b}[8mhidden".to_owned();
        let said = text(vec![hostile]);
        assert!(
            said.chars().all(|c| c == '\n' || !c.is_control()),
            "{said:?}"
        );
        assert!(!said.contains('\u{202e}'));
    }
}
