//! Believable data for every page, and the same made hostile, for the gallery and the tests.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use tealkeep_app::assets::AssetUrls;
use tealkeep_app::model::{Frame, Page};

mod account;
mod backups;
mod checks;
mod deploys;
mod journal;
mod overview;

/// A page with its name and its frame.
pub type Sample = (&'static str, Frame, Page);

/// What every text passes through on its way into a page.
pub type Text<'a> = &'a dyn Fn(&str) -> String;

/// A text that would break out if it could: markup, a very long word, and letters from right to left.
pub fn hostile(text: &str) -> String {
    let long = "Donaudampfschifffahrtsgesellschaft".repeat(3);
    format!(
        "<script>alert('{text}')</script>\" onclick=\"alert(1)\" style='color:red' &amp; {long} \u{202e}שלום עולם"
    )
}

fn now() -> Timestamp {
    "2026-11-21T11:04:00Z".parse().expect("it is an instant")
}

fn before(minutes: i64) -> Timestamp {
    now() - (minutes * 60).seconds()
}

fn frame(path: &str, apps: &[String]) -> Frame {
    Frame {
        now: now(),
        zone: TimeZone::get("Europe/Berlin").expect("the zone is known"),
        path: path.to_owned(),
        signed_in: true,
        assets: AssetUrls::default(),
        apps: apps.to_vec(),
        notice: None,
        https: true,
    }
}

fn outside(path: &str) -> Frame {
    Frame {
        signed_in: false,
        ..frame(path, &[])
    }
}

/// Every page with plenty of data, the overview first.
pub fn full(t: Text) -> Vec<Sample> {
    [
        overview::full(t),
        backups::full(t),
        deploys::full(t),
        checks::full(t),
        journal::full(t),
        account::full(t),
    ]
    .concat()
}

/// Every page with as little data as possible.
pub fn empty() -> Vec<Sample> {
    [
        overview::empty(),
        backups::empty(),
        deploys::empty(),
        checks::empty(),
        journal::empty(),
        account::empty(),
    ]
    .concat()
}
