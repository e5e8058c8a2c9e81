//! Whether a release works with the tables of a snapshot, and if not, how to get there. Pure.

use crate::names::{AppName, ReleaseId};

/// How the live release stands to a snapshot's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    /// It has run on them, or a release from before it has, whose tables its own migrations start from.
    Works,
    /// Only others have run on them: a later one, or nobody knows which.
    Newer(Way),
}

/// What leads to a release that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// This one is on this machine.
    Deploy(ReleaseId),
    /// This one is not on this machine any more.
    Push(ReleaseId),
    /// No release is known.
    Look,
}

/// Judges a snapshot whose tables these releases have run on. `order` are the releases in the order in which each went
/// live by a deploy; the very first one, which was there before any deploy, is not among them.
pub(super) fn fit(
    live: &ReleaseId,
    ran_on: &[ReleaseId],
    order: &[ReleaseId],
    is_here: impl Fn(&ReleaseId) -> bool,
) -> Fit {
    let place = |release: &ReleaseId| order.iter().position(|known| known == release);
    // A later release's tables are none that the live one is known to work with.
    let works = |release: &ReleaseId| {
        release == live || (is_here(release) && place(release) <= place(live))
    };
    if ran_on.iter().any(works) {
        return Fit::Works;
    }
    // The latest of them has seen most.
    let latest = |all: &[&ReleaseId]| {
        let latest = all.iter().max_by_key(|release| place(release));
        latest.map(|release| (*release).clone())
    };
    let (here, gone): (Vec<&ReleaseId>, Vec<&ReleaseId>) =
        ran_on.iter().partition(|release| is_here(release));
    Fit::Newer(match (latest(&here), latest(&gone)) {
        (Some(here), _) => Way::Deploy(here),
        (None, Some(gone)) => Way::Push(gone),
        (None, None) => Way::Look,
    })
}

impl Way {
    /// What to do, in a sentence; `again` is the command that works afterwards.
    pub(super) fn advice(&self, app: &AppName, again: &str) -> String {
        match self {
            Way::Deploy(release) => format!(
                "{release} has run on them: `tealkeep deploy {app} {release}` first, then {again}"
            ),
            Way::Push(release) => format!(
                "{release} has run on them, and is not on this machine any more: push it again first \
                 (`tealkeep push DIR {app} --name {release}`), then {again}"
            ),
            Way::Look => "No release is known that has run on them. `tealkeep restore --file SNAPSHOT --to NEW.db` \
                 unpacks it to look at; deploy the release that it belongs to, then "
                .to_owned()
                + again,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<ReleaseId> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_release_works_with_whatever_it_or_an_earlier_one_has_run_on() {
        let order = ids(&["v2", "v3"]);
        let judged = |live: &str, ran_on: &[&str], here: &[&str]| {
            let here = ids(here);
            let live = live.parse().unwrap();
            fit(&live, &ids(ran_on), &order, |release| {
                here.contains(release)
            })
        };
        let all = ["v1", "v2", "v3"];
        let id = |name: &str| name.parse::<ReleaseId>().unwrap();
        for (live, ran_on, here, wanted) in [
            ("v3", &["v3"][..], &all[..], Fit::Works),
            ("v3", &["v2"], &all, Fit::Works),
            // The first release was never deployed.
            ("v3", &["v1"], &all, Fit::Works),
            ("v1", &["v1"], &all, Fit::Works),
            ("v2", &["v3"], &all, Fit::Newer(Way::Deploy(id("v3")))),
            ("v2", &["v3", "v2"], &all, Fit::Works),
            // What has run on them may be gone: it did run on them.
            ("v2", &["v2"], &[], Fit::Works),
            (
                "v2",
                &["v3"],
                &["v1", "v2"],
                Fit::Newer(Way::Push(id("v3"))),
            ),
            ("v2", &[], &all, Fit::Newer(Way::Look)),
        ] {
            assert_eq!(judged(live, ran_on, here), wanted, "{live} {ran_on:?}");
        }
    }

    #[test]
    fn a_way_is_a_command() {
        let app = "home".parse().unwrap();
        let way = Way::Deploy("v3".parse().unwrap()).advice(&app, "`tealkeep undo home`");
        assert_eq!(
            way,
            "v3 has run on them: `tealkeep deploy home v3` first, then `tealkeep undo home`"
        );
    }
}
