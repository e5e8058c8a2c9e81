//! The sentence at the top of the checks: whether what users get is right.

use crate::model::{Check, CheckOutcome, Checks, Finding, Frame};
use crate::words;

/// The class of the sentence, and the sentence.
pub(super) fn of(frame: &Frame, page: &Checks) -> (&'static str, String) {
    match (&page.public, &page.before_swap) {
        (Some(public), Some(release)) => match of_refused(frame, public, release) {
            Some(more) => (
                "attention",
                format!("{} {more}", of_public(frame, public).1),
            ),
            None => of_public(frame, public),
        },
        (Some(public), None) => of_public(frame, public),
        (None, None) if page.url.is_some() => (
            "busy",
            "What browsers at home get was not looked at yet.".to_owned(),
        ),
        (None, None) => ("busy", "Nothing was checked yet.".to_owned()),
        (None, Some(release)) => of_release(frame, release),
    }
}

/// What is to be said of a newer release besides, where users get what is right and it would not be.
fn of_refused(frame: &Frame, public: &Check, release: &Check) -> Option<String> {
    let is_right = public.brief.outcome == CheckOutcome::Pass;
    let is_wrong = release.brief.outcome == CheckOutcome::Fail;
    (is_right && is_wrong && release.brief.at > public.brief.at)
        .then(|| of_release(frame, release).1)
}

/// The same for the title, in a few words.
pub(super) fn title(page: &Checks) -> &'static str {
    match page.public.as_ref().or(page.before_swap.as_ref()) {
        None => "not checked yet",
        Some(check) => match check.brief.outcome {
            CheckOutcome::Pass => "checked, and right",
            CheckOutcome::Warn => "checked, and worth a look",
            CheckOutcome::Fail => "checked, and wrong",
            CheckOutcome::Unreachable { .. } => "could not be checked",
        },
    }
}

fn of_public(frame: &Frame, check: &Check) -> (&'static str, String) {
    let when = words::ago(frame.now, check.brief.at);
    let accepted = check.brief.accepted;
    match &check.brief.outcome {
        CheckOutcome::Pass if accepted == 0 => (
            "good",
            format!("What browsers at home get is right: nothing was found {when}."),
        ),
        CheckOutcome::Pass => (
            "good",
            format!(
                "What browsers at home get is right, but for {} that somebody accepted. It was looked at {when}.",
                things(accepted)
            ),
        ),
        CheckOutcome::Warn => (
            "attention",
            format!(
                "Nobody is kept on yesterday's pages; {} should be looked at. That was seen {when}.",
                things(check.brief.warns)
            ),
        ),
        CheckOutcome::Fail => (
            "bad",
            format!("{}. That was seen {when}.", what_fails(check)),
        ),
        CheckOutcome::Unreachable { why } => (
            "attention",
            format!("What browsers at home get could not be seen {when}: the address {why}."),
        ),
    }
}

fn of_release(frame: &Frame, check: &Check) -> (&'static str, String) {
    let when = words::ago(frame.now, check.brief.at);
    let release = check.brief.release.as_deref().unwrap_or("The release");
    match &check.brief.outcome {
        CheckOutcome::Pass => (
            "good",
            format!("{release} was right before its swap, {when}."),
        ),
        CheckOutcome::Warn => (
            "attention",
            format!(
                "{release} keeps nobody on yesterday's pages; {} should be looked at. That was seen before its swap, \
                 {when}.",
                things(check.brief.warns)
            ),
        ),
        CheckOutcome::Fail => (
            "bad",
            format!(
                "{} in {release}. That was seen before its swap, {when}.",
                what_fails(check)
            ),
        ),
        CheckOutcome::Unreachable { why } => (
            "attention",
            format!("{release} could not be looked at before its swap, {when}: the address {why}."),
        ),
    }
}

/// "2 things would keep yesterday's pages on phones": or data, or that it can't be told, where that is all.
fn what_fails(check: &Check) -> String {
    let counting = |finding: &&Finding| finding.fails && finding.accepted.is_none();
    let all = |kinds: &[&str]| {
        check
            .findings
            .iter()
            .filter(counting)
            .all(|finding| kinds.contains(&finding.kind.as_str()))
    };
    let many = things(check.brief.fails);
    if all(&["cannot-evaluate", "unparsable"]) {
        "It can't be told what the service worker would keep on phones".to_owned()
    } else if all(&["caches-api-response"]) {
        format!("{many} would keep yesterday's data on phones")
    } else if all(&[
        "mutable-immutable",
        "mutable-reusable",
        "caches-mutable-asset",
    ]) {
        format!("{many} would keep yesterday's scripts, styles or images on phones")
    } else {
        format!("{many} would keep yesterday's pages on phones")
    }
}

fn things(n: usize) -> String {
    if n == 1 {
        "1 thing".to_owned()
    } else {
        format!("{n} things")
    }
}
