//! The sentence at the top of the checks: whether the site is safe to deploy over.

use tealkeep_words::finding::{Kind, Severity, Verdict};

use crate::model::{Check, CheckOutcome, Checks, Finding, Frame};
use crate::wording;

/// The class of the sentence, and the sentence.
pub(super) fn sentence(frame: &Frame, page: &Checks) -> (&'static str, String) {
    match (&page.public, &page.before_swap) {
        (Some(public), Some(release)) => {
            let (class, sentence) = about_site(frame, public);
            match about_refused(frame, public, release) {
                Some(more) => ("attention", format!("{sentence} {more}")),
                None => (class, sentence),
            }
        }
        (Some(public), None) => about_site(frame, public),
        (None, None) if page.url.is_some() => {
            ("busy", "The site has not been checked yet.".to_owned())
        }
        (None, None) => ("busy", "Nothing has been checked yet.".to_owned()),
        (None, Some(release)) => about_release(frame, release),
    }
}

/// What to add about a newer release that failed, if the live site passed.
fn about_refused(frame: &Frame, public: &Check, release: &Check) -> Option<String> {
    let passed = public.brief.outcome == CheckOutcome::Judged(Verdict::Pass);
    let failed = release.brief.outcome == CheckOutcome::Judged(Verdict::Fail);
    (passed && failed && release.brief.at > public.brief.at)
        .then(|| about_release(frame, release).1)
}

/// The same for the title, in a few words.
pub(super) fn title(page: &Checks) -> &'static str {
    match page.public.as_ref().or(page.before_swap.as_ref()) {
        None => "not checked yet",
        Some(check) => match check.brief.outcome {
            CheckOutcome::Judged(Verdict::Pass) => "caching is correct",
            CheckOutcome::Judged(Verdict::Warn) => "caching needs a look",
            CheckOutcome::Judged(Verdict::Fail) => "caching is wrong",
            CheckOutcome::Unreachable { .. } => "could not be checked",
        },
    }
}

fn about_site(frame: &Frame, check: &Check) -> (&'static str, String) {
    let when = wording::ago(frame.now, check.brief.at);
    let accepted = check.brief.accepted;
    match &check.brief.outcome {
        CheckOutcome::Judged(Verdict::Pass) if accepted == 0 => (
            "good",
            format!("Caching is set up correctly. Nothing was found {when}."),
        ),
        CheckOutcome::Judged(Verdict::Pass) => (
            "good",
            format!(
                "Caching is set up correctly, except for {} that somebody accepted. Checked {when}.",
                findings(accepted)
            ),
        ),
        CheckOutcome::Judged(Verdict::Warn) => (
            "attention",
            format!(
                "Nobody keeps old pages, but {} worth a look. Checked {when}.",
                findings_are(check.brief.warns)
            ),
        ),
        CheckOutcome::Judged(Verdict::Fail) => {
            ("bad", format!("{}. Checked {when}.", what_fails(check)))
        }
        CheckOutcome::Unreachable { why } => (
            "attention",
            format!("The site could not be checked {when}: the address {why}."),
        ),
    }
}

fn about_release(frame: &Frame, check: &Check) -> (&'static str, String) {
    let when = wording::ago(frame.now, check.brief.at);
    let release = check.brief.release.as_deref().unwrap_or("The release");
    match &check.brief.outcome {
        CheckOutcome::Judged(Verdict::Pass) => (
            "good",
            format!("{release} passed its check before going live, {when}."),
        ),
        CheckOutcome::Judged(Verdict::Warn) => (
            "attention",
            format!(
                "{release} keeps no old pages on phones, but {} worth a look. Checked before going live, {when}.",
                findings_are(check.brief.warns)
            ),
        ),
        CheckOutcome::Judged(Verdict::Fail) => (
            "bad",
            format!(
                "{} in {release}. Checked before going live, {when}.",
                what_fails(check)
            ),
        ),
        CheckOutcome::Unreachable { why } => (
            "attention",
            format!("{release} could not be checked before going live, {when}: the address {why}."),
        ),
    }
}

/// "2 findings would keep old pages on phones"; or data, files, or that nobody knows, if that is all there is.
fn what_fails(check: &Check) -> String {
    let counts =
        |found: &&Finding| found.finding.severity == Severity::Fail && found.accepted.is_none();
    let all = |kinds: &[Kind]| {
        let mut failing = check.findings.iter().filter(counts);
        failing.all(|found| kinds.contains(&found.finding.kind))
    };
    let many = findings(check.brief.fails);
    if all(&[Kind::CannotEvaluate, Kind::Unparsable]) {
        "Tealkeep can't tell what the service worker would keep on phones".to_owned()
    } else if all(&[Kind::NothingSeen]) {
        "Tealkeep found no page to check".to_owned()
    } else if all(&[Kind::CachesApiResponse]) {
        format!("{many} would keep old data on phones")
    } else if all(&[
        Kind::MutableImmutable,
        Kind::MutableReusable,
        Kind::CachesMutableAsset,
    ]) {
        format!("{many} would keep old scripts, styles or images on phones")
    } else {
        format!("{many} would keep old pages on phones")
    }
}

fn findings(n: usize) -> String {
    wording::counted(u64::try_from(n).unwrap_or(u64::MAX), "finding", "findings")
}

fn findings_are(n: usize) -> String {
    format!("{} {}", findings(n), if n == 1 { "is" } else { "are" })
}
