//! Header cases of pages, each with the section that decides it.

use std::time::{Duration, SystemTime};

use super::super::{Kind, Severity, pages};
use super::answer;

/// What a row expects: nothing, or kinds with their severity, in order.
const PASS: &[(Kind, Severity)] = &[];
const REUSABLE: &[(Kind, Severity)] = &[(Kind::Reusable, Severity::Fail)];
const GUESSED: &[(Kind, Severity)] = &[(Kind::HeuristicFreshness, Severity::Fail)];
const MAYBE: &[(Kind, Severity)] = &[(Kind::HeuristicFreshness, Severity::Warn)];
const OLD: &[(Kind, Severity)] = &[(Kind::MayBeStale, Severity::Warn)];
const MEANWHILE: &[(Kind, Severity)] = &[(Kind::MayBeStale, Severity::Fail)];
const QUALIFIED: &[(Kind, Severity)] = &[(Kind::QualifiedNoCache, Severity::Fail)];
const DOUBT: &[(Kind, Severity)] = &[(Kind::Ambiguous, Severity::Warn)];
const UNCLEAR: &[(Kind, Severity)] = &[(Kind::Ambiguous, Severity::Fail)];
const PROXY: &[(Kind, Severity)] = &[(Kind::KeptByProxy, Severity::Warn)];
const OLD_BY_PROXY: &[(Kind, Severity)] = &[(Kind::KeptByProxy, Severity::Fail)];

type Row = (
    &'static str,
    u16,
    &'static [&'static str],
    &'static [(Kind, Severity)],
);

const DATE: &str = "date: Thu, 01 Jan 2026 00:00:00 GMT";

const ROWS: &[Row] = &[
    // What is right.
    ("9111 5.2.2.4", 200, &["cache-control: no-cache"], PASS),
    ("9111 5.2.2.5", 200, &["cache-control: no-store"], PASS),
    (
        "9111 5.2.2.2",
        200,
        &["cache-control: max-age=0, must-revalidate"],
        PASS,
    ),
    (
        "9111 5.2.2.2",
        200,
        &["cache-control: public, max-age=0, must-revalidate"],
        PASS,
    ),
    (
        "9111 5.2.2.2",
        200,
        &["expires: 0", "cache-control: must-revalidate"],
        PASS,
    ),
    (
        "9111 5.2.2.7",
        200,
        &["cache-control: private, no-cache"],
        PASS,
    ),
    (
        "9111 5.2.2",
        200,
        &["cache-control: private, no-cache, no-store, max-age=0, must-revalidate"],
        PASS,
    ),
    ("9111 4.1", 200, &["vary: *"], PASS),
    (
        "9111 4.1",
        200,
        &["vary: cookie, *", "cache-control: max-age=60"],
        PASS,
    ),
    (
        "9111 5.4",
        200,
        &["pragma: no-cache", "cache-control: no-cache", "expires: 0"],
        PASS,
    ),
    (
        "8246 2",
        200,
        &["cache-control: max-age=0, must-revalidate, immutable"],
        PASS,
    ),
    // How it is written.
    ("9111 5.2", 200, &["cache-control: No-Cache"], PASS),
    (
        "9110 5.3",
        200,
        &["cache-control: private", "cache-control: no-cache"],
        PASS,
    ),
    (
        "9110 5.3",
        200,
        &["cache-control: max-age=0", "cache-control: must-revalidate"],
        PASS,
    ),
    ("9110 5.6.1", 200, &["cache-control: ,, no-cache ,"], PASS),
    (
        "9111 5.2",
        200,
        &["cache-control: max-age=\"0\", must-revalidate"],
        PASS,
    ),
    (
        "9111 5.2.3",
        200,
        &["cache-control: no-cache, community=\"UCI\", foo"],
        PASS,
    ),
    (
        "9111 5.2.3",
        200,
        &["cache-control: community=\"no-cache\""],
        GUESSED,
    ),
    (
        "9110 5.6.4",
        200,
        &["cache-control: x=\"a\\\", no-store\""],
        GUESSED,
    ),
    (
        "9110 5.6.4",
        200,
        &["cache-control: x=\"a, no-cache"],
        GUESSED,
    ),
    ("9110 5.6.2", 200, &["cache-control: no cache"], GUESSED),
    (
        "9110 5.6.2",
        200,
        &["cache-control: no-cache; max-age=0"],
        GUESSED,
    ),
    (
        "9111 5.2",
        200,
        &["cache-control: no-cache, what is this"],
        DOUBT,
    ),
    ("9111 5.2.2.5", 200, &["cache-control: no-store=1"], GUESSED),
    (
        "9111 5.2.2.2",
        200,
        &["cache-control: max-age=0, must-revalidate=1"],
        OLD,
    ),
    ("9111 5.2", 200, &["cache-control:"], GUESSED),
    // Nothing said.
    ("9111 4.2.2", 200, &[], GUESSED),
    (
        "9111 4.2.2",
        200,
        &["last-modified: Thu, 01 Jan 2015 00:00:00 GMT"],
        GUESSED,
    ),
    ("9111 5.2.2.7", 200, &["cache-control: private"], GUESSED),
    ("9111 5.2.2.9", 200, &["cache-control: public"], GUESSED),
    (
        "9111 5.2.2.2",
        200,
        &["cache-control: must-revalidate"],
        GUESSED,
    ),
    ("9111 5.4", 200, &["pragma: no-cache"], GUESSED),
    ("9110 15.5.5", 404, &[], GUESSED),
    ("9110 15.5.11", 410, &[], GUESSED),
    ("9110 15.6.2", 501, &[], GUESSED),
    ("7725 3", 451, &[], GUESSED),
    ("9110 15.1", 500, &[], PASS),
    ("9110 15.1", 503, &["retry-after: 60"], PASS),
    ("9110 15.1", 403, &[], PASS),
    ("9111 4.2.2", 500, &["cache-control: public"], GUESSED),
    ("9110 15.4.2", 301, &["location: /x"], GUESSED),
    ("9110 15.4.9", 308, &["location: /x"], GUESSED),
    (
        "9110 15.4.9",
        308,
        &["location: /x", "cache-control: no-cache"],
        PASS,
    ),
    ("9110 15.4.3", 302, &["location: /x"], PASS),
    ("9110 15.4.4", 303, &["location: /x"], PASS),
    ("9110 15.4.8", 307, &["location: /x"], PASS),
    (
        "9111 3",
        302,
        &["location: /x", "cache-control: private"],
        MAYBE,
    ),
    (
        "9111 3",
        302,
        &["location: /x", "cache-control: max-age=60"],
        REUSABLE,
    ),
    // Fresh for a while.
    ("9111 4.2.1", 200, &["cache-control: max-age=1"], REUSABLE),
    (
        "9111 4.2.1",
        200,
        &["cache-control: max-age=600, must-revalidate"],
        REUSABLE,
    ),
    ("9111 4.2.1", 500, &["cache-control: max-age=5"], REUSABLE),
    (
        "9111 1.2.2",
        200,
        &["cache-control: max-age=99999999999999999999"],
        REUSABLE,
    ),
    (
        "9111 5.2",
        200,
        &["cache-control: max-age=\"60\""],
        REUSABLE,
    ),
    (
        "8246 2",
        200,
        &["cache-control: max-age=31536000, immutable"],
        REUSABLE,
    ),
    (
        "9111 5.3",
        200,
        &[DATE, "expires: Thu, 01 Jan 2026 00:10:00 GMT"],
        REUSABLE,
    ),
    (
        "9110 5.6.7",
        200,
        &[DATE, "expires: Thursday, 01-Jan-26 00:10:00 GMT"],
        REUSABLE,
    ),
    (
        "9110 5.6.7",
        200,
        &[DATE, "expires: Thu Jan  1 00:10:00 2026"],
        REUSABLE,
    ),
    (
        "9110 6.6.1",
        200,
        &["expires: Fri, 02 Jan 2026 00:00:00 GMT"],
        REUSABLE,
    ),
    (
        "9111 5.3",
        200,
        &[
            DATE,
            "expires: Fri, 02 Jan 2026 00:00:00 GMT",
            "cache-control: max-age=0, must-revalidate",
        ],
        PASS,
    ),
    (
        "9111 5.3",
        200,
        &["expires: 0", "cache-control: max-age=60"],
        REUSABLE,
    ),
    (
        "9111 5.2.2.3",
        200,
        &["cache-control: must-understand, no-store, max-age=60"],
        REUSABLE,
    ),
    (
        "9111 5.2.2.3",
        200,
        &["cache-control: must-understand, no-store"],
        GUESSED,
    ),
    // Stale at once, and yet.
    ("9111 4.2.4", 200, &["cache-control: max-age=0"], OLD),
    (
        "9111 4.2.4",
        200,
        &["cache-control: max-age=0, proxy-revalidate"],
        OLD,
    ),
    ("9111 5.3", 200, &["expires: 0"], OLD),
    (
        "9111 5.3",
        200,
        &[DATE, "expires: Thu, 01 Jan 2026 00:00:00 GMT"],
        OLD,
    ),
    ("9111 5.3", 200, &["expires: soon"], OLD),
    (
        "9111 5.3",
        200,
        &["expires: soon", "cache-control: must-revalidate"],
        DOUBT,
    ),
    (
        "5861 4",
        200,
        &["cache-control: max-age=0, stale-if-error=60"],
        OLD,
    ),
    (
        "5861 3",
        200,
        &["cache-control: max-age=0, stale-while-revalidate=60"],
        MEANWHILE,
    ),
    (
        "5861 3",
        200,
        &["cache-control: max-age=0, stale-while-revalidate=0"],
        OLD,
    ),
    (
        "5861 3",
        200,
        &["cache-control: max-age=0, must-revalidate, stale-while-revalidate=60"],
        DOUBT,
    ),
    (
        "9111 5.2.2.4",
        200,
        &["cache-control: no-cache, stale-while-revalidate=60"],
        DOUBT,
    ),
    // No-cache for some fields only.
    (
        "9111 5.2.2.4",
        200,
        &["cache-control: no-cache=\"set-cookie\""],
        QUALIFIED,
    ),
    (
        "9111 5.2.2.4",
        200,
        &["cache-control: no-cache=set-cookie, max-age=60"],
        QUALIFIED,
    ),
    (
        "9111 5.2.2.4",
        200,
        &["cache-control: no-cache=\"\""],
        QUALIFIED,
    ),
    (
        "9111 5.2.2.4",
        200,
        &["cache-control: no-cache=\"set-cookie\", no-cache"],
        PASS,
    ),
    (
        "9111 5.2.2.4",
        200,
        &["cache-control: no-cache=\"set-cookie\", max-age=0, must-revalidate"],
        PASS,
    ),
    (
        "9111 5.2.2.4",
        200,
        &["cache-control: no-cache=\"a, no-store\""],
        QUALIFIED,
    ),
    // Contradictions.
    (
        "9111 5.2.2.5",
        200,
        &["cache-control: no-store, max-age=3600"],
        DOUBT,
    ),
    (
        "9111 5.2.2.4",
        200,
        &["cache-control: no-cache, max-age=3600"],
        DOUBT,
    ),
    (
        "8246 2",
        200,
        &["cache-control: no-cache, immutable"],
        DOUBT,
    ),
    (
        "9111 4.2.1",
        200,
        &["cache-control: max-age=0, max-age=60, must-revalidate"],
        REUSABLE,
    ),
    (
        "9111 4.2.1",
        200,
        &["cache-control: max-age=60, max-age=0"],
        REUSABLE,
    ),
    (
        "9111 4.2.1",
        200,
        &["cache-control: max-age=0, max-age=0, must-revalidate"],
        PASS,
    ),
    ("9111 4.2.1", 200, &["cache-control: max-age=-1"], UNCLEAR),
    (
        "9111 4.2.1",
        200,
        &["cache-control: max-age=1.5, must-revalidate"],
        UNCLEAR,
    ),
    (
        "9111 4.2.1",
        200,
        &["cache-control: max-age = 0, must-revalidate"],
        UNCLEAR,
    ),
    (
        "9111 4.2.1",
        200,
        &["cache-control: max-age=x, no-cache"],
        PASS,
    ),
    // What is said to others, and what others did.
    (
        "9111 5.2.2.10",
        200,
        &["cache-control: no-cache, s-maxage=600"],
        PASS,
    ),
    (
        "9111 5.2.2.10",
        200,
        &["cache-control: max-age=0, must-revalidate, s-maxage=600"],
        PROXY,
    ),
    (
        "9111 5.2.2.10",
        200,
        &["cache-control: private, max-age=0, must-revalidate, s-maxage=600"],
        PASS,
    ),
    (
        "9213 2.1",
        200,
        &["cache-control: no-cache", "cdn-cache-control: max-age=600"],
        PROXY,
    ),
    (
        "9213 2.1",
        200,
        &["cache-control: no-cache", "cdn-cache-control: no-store"],
        PASS,
    ),
    (
        "9213 3.1",
        200,
        &[
            "cache-control: no-store",
            "cloudflare-cdn-cache-control: max-age=60",
        ],
        PROXY,
    ),
    (
        "9213 1",
        200,
        &["cache-control: no-cache", "surrogate-control: max-age=60"],
        PROXY,
    ),
    ("9213 1", 200, &["cdn-cache-control: no-store"], GUESSED),
    (
        "9111 5.1",
        200,
        &["cache-control: max-age=0, must-revalidate", "age: 30"],
        PROXY,
    ),
    (
        "9111 5.1",
        200,
        &["cache-control: no-cache", "age: 30"],
        OLD_BY_PROXY,
    ),
    (
        "9111 5.1",
        200,
        &[
            "cache-control: no-cache",
            "cdn-cache-control: max-age=60",
            "age: 30",
        ],
        PROXY,
    ),
    (
        "9111 5.1",
        200,
        &["cache-control: no-cache", "age: 0"],
        PASS,
    ),
    (
        "9211 2.1",
        200,
        &["cache-control: no-cache", "cache-status: Edge; hit"],
        PROXY,
    ),
    (
        "9111 4",
        200,
        &["cache-control: no-cache", "cf-cache-status: HIT"],
        PROXY,
    ),
    (
        "9111 4",
        200,
        &["cache-control: no-cache", "cf-cache-status: DYNAMIC"],
        PASS,
    ),
    (
        "9111 4",
        200,
        &["cache-control: no-cache", "x-cache: Miss from cloudfront"],
        PASS,
    ),
    (
        "9111 4.2.4",
        200,
        &["cache-control: no-cache", "cf-cache-status: STALE"],
        OLD_BY_PROXY,
    ),
    (
        "9111 4.2.3",
        200,
        &["cache-control: max-age=60", "age: 90"],
        &[
            (Kind::Reusable, Severity::Fail),
            (Kind::KeptByProxy, Severity::Warn),
        ],
    ),
];

#[test]
fn each_case_is_judged_by_its_section() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    for (section, status, lines, expected) in ROWS {
        let mut all = vec!["content-type: text/html; charset=utf-8"];
        all.extend(*lines);
        let found: Vec<_> = pages::judge(&answer("/", *status, &all, "<p>"), false, Some(at))
            .into_iter()
            .map(|finding| (finding.kind, finding.severity))
            .collect();
        assert_eq!(found, *expected, "RFC {section}: {status} {lines:?}");
    }
}

#[test]
fn the_table_holds_no_case_twice() {
    for (at, row) in ROWS.iter().enumerate() {
        let again = ROWS[at + 1..]
            .iter()
            .any(|other| (other.1, other.2) == (row.1, row.2));
        assert!(!again, "{row:?}");
    }
}

#[test]
fn what_is_no_page_is_not_judged_and_a_page_that_does_not_say_so_is() {
    let json = answer(
        "/",
        200,
        &["content-type: application/json"],
        "<!doctype html>",
    );
    assert!(pages::judge(&json, false, None).is_empty());
    let silent = answer("/", 200, &["cache-control: no-cache"], "<!doctype html>");
    let kinds: Vec<Kind> = pages::judge(&silent, false, None)
        .iter()
        .map(|finding| finding.kind)
        .collect();
    assert_eq!(kinds, [Kind::Ambiguous]);
}

#[test]
fn a_guess_is_put_into_numbers_and_an_age_is_taken_off() {
    let lines = [
        "content-type: text/html",
        "date: Sun, 11 Jan 2026 00:00:00 GMT",
        "last-modified: Thu, 01 Jan 2026 00:00:00 GMT",
    ];
    let found = pages::judge(&answer("/", 200, &lines, ""), false, None);
    assert!(
        found[0]
            .evidence
            .contains("which makes 1 day without asking"),
        "{}",
        found[0].evidence
    );
    let lines = [
        "content-type: text/html",
        "cache-control: max-age=600",
        "age: 60",
    ];
    let found = pages::judge(&answer("/", 200, &lines, ""), false, None);
    assert!(
        found[0]
            .evidence
            .contains("it is 1 minute old already (section 4.2.3), which leaves 9 minutes")
    );
}
