//! Weeks of New Year, leap day, gaps, a simulated year, and properties over arbitrary folders.

use std::collections::BTreeSet;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use proptest::prelude::*;

use super::*;

/// A snapshot at 03:30 UTC of a date.
fn night(on: Date) -> Entry {
    entry(Reason::Nightly, on, 3 * 60 + 30)
}

pub(super) fn entry(reason: Reason, on: Date, minute: i64) -> Entry {
    let midnight = on.to_zoned(TimeZone::UTC).unwrap().timestamp();
    let taken_at = midnight + SignedDuration::from_mins(minute);
    Entry {
        id: SnapshotId::new(taken_at, 1),
        reason,
        local_date: on,
        taken_at,
        pinned: false,
        verified: true,
        bytes: 1,
    }
}

pub(super) fn noon(on: Date) -> Timestamp {
    on.at(12, 0, 0, 0)
        .to_zoned(TimeZone::UTC)
        .unwrap()
        .timestamp()
}

fn plan_on(today: Date, entries: &[Entry]) -> Plan {
    plan(entries, noon(today), today, &Keep::default())
}

fn names(plan: &Plan, tier: Tier) -> Vec<String> {
    let buckets = plan.keep.iter().filter_map(|kept| kept.bucket.as_ref());
    let of_tier = buckets.filter(|bucket| bucket.tier == tier);
    of_tier.map(|bucket| bucket.name.clone()).collect()
}

fn apply(entries: &mut Vec<Entry>, plan: &Plan) {
    entries.retain(|entry| plan.keep.iter().any(|kept| kept.id == entry.id));
}

/// Lives through `nights` nights from `first` on, rotating after each; `each` sees every plan.
fn live_through(first: Date, nights: i64, mut each: impl FnMut(i64, &Plan)) -> Vec<Entry> {
    let mut entries = Vec::new();
    for n in 0..nights {
        let today = first.checked_add(n.days()).unwrap();
        entries.push(night(today));
        // Foreseeing is left out here: it would play the rest of the year on every night.
        let plan = decide(&entries, noon(today), today, &Keep::default());
        each(n + 1, &plan);
        apply(&mut entries, &plan);
    }
    entries
}

#[test]
fn iso_weeks_belong_to_iso_years() {
    for (on, week) in [
        (date(2024, 12, 29), "2024-W52"),
        (date(2024, 12, 30), "2025-W01"),
        (date(2025, 1, 1), "2025-W01"),
        (date(2021, 1, 3), "2020-W53"),
        (date(2021, 1, 4), "2021-W01"),
        (date(2026, 11, 21), "2026-W47"),
        (date(2028, 2, 29), "2028-W09"),
    ] {
        assert_eq!(Tier::Weekly.bucket_name(on), week, "{on}");
    }
    assert_eq!(Tier::Monthly.bucket_name(date(2028, 2, 29)), "2028-02");
    assert_eq!(Tier::Daily.bucket_name(date(2028, 2, 29)), "2028-02-29");
}

#[test]
fn a_year_of_nights_ends_with_exactly_seventeen() {
    let first = date(2025, 10, 17);
    let entries = live_through(first, 400, |_, _| {});
    assert_eq!(entries.len(), 17);
    let today = first.checked_add(399.days()).unwrap();
    assert_eq!(today, date(2026, 11, 20));
    let plan = plan_on(today, &entries);
    assert!(plan.drop.is_empty());
    assert_eq!(
        names(&plan, Tier::Daily),
        [
            "2026-11-20",
            "2026-11-19",
            "2026-11-18",
            "2026-11-17",
            "2026-11-16",
            "2026-11-15",
            "2026-11-14"
        ]
    );
    // The week of the 15th (a Sunday) is held by its daily one.
    assert_eq!(
        names(&plan, Tier::Weekly),
        ["2026-W45", "2026-W44", "2026-W43", "2026-W42"]
    );
    assert_eq!(
        names(&plan, Tier::Monthly),
        [
            "2026-10", "2026-09", "2026-08", "2026-07", "2026-06", "2026-05"
        ]
    );
}

#[test]
fn every_start_ends_with_seventeen_and_each_tier_fills_when_its_bucket_leaves_the_finer_one() {
    for start in 0..62 {
        let first = date(2026, 1, 1).checked_add(start.days()).unwrap();
        let (mut weekly_from, mut monthly_from) = (0, 0);
        let entries = live_through(first, 280, |day, plan| {
            if weekly_from == 0 && !names(plan, Tier::Weekly).is_empty() {
                weekly_from = day;
            }
            if monthly_from == 0 && !names(plan, Tier::Monthly).is_empty() {
                monthly_from = day;
            }
        });
        assert_eq!(entries.len(), 17, "from {first}");
        // The first Sunday leaves the seven daily places a week later: day 8 to 14, by the weekday.
        let first_sunday = (1..=7).find(|n| {
            first
                .checked_add((n - 1).days())
                .unwrap()
                .weekday()
                .to_monday_one_offset()
                == 7
        });
        assert_eq!(weekly_from, first_sunday.unwrap() + 7, "from {first}");
        // The first end of a month leaves the daily places a week later, or the weekly ones if it is a Sunday.
        assert!(
            (8..=66).contains(&monthly_from),
            "from {first}: {monthly_from}"
        );
    }
}

#[test]
fn from_friday_the_second_of_october_weekly_fills_on_day_ten_and_monthly_on_day_thirty_seven() {
    let (mut weekly_from, mut monthly_from) = (0, 0);
    live_through(date(2026, 10, 2), 60, |day, plan| {
        if weekly_from == 0 && !names(plan, Tier::Weekly).is_empty() {
            weekly_from = day;
        }
        if monthly_from == 0 && !names(plan, Tier::Monthly).is_empty() {
            monthly_from = day;
        }
    });
    assert_eq!((weekly_from, monthly_from), (10, 37));
}

#[test]
fn after_weeks_switched_off_what_there_is_fills_the_places() {
    let entries: Vec<Entry> = [
        date(2026, 11, 21),
        date(2026, 10, 3),
        date(2026, 10, 2),
        date(2026, 7, 1),
        date(2024, 12, 31),
        date(2024, 12, 30),
        date(2024, 12, 29),
        date(2024, 12, 28),
        date(2024, 11, 1),
    ]
    .map(night)
    .to_vec();
    let plan = plan_on(date(2026, 11, 21), &entries);
    assert_eq!(names(&plan, Tier::Daily).len(), 7);
    // 2024-12-29 closes 2024-W52; its Saturday is no week's newest, nor a month's.
    assert_eq!(names(&plan, Tier::Weekly), ["2024-W44"]);
    assert!(names(&plan, Tier::Monthly).is_empty());
    let dropped: Vec<SnapshotId> = plan.drop.iter().map(|d| d.id).collect();
    assert_eq!(dropped, [night(date(2024, 12, 28)).id]);
}

#[test]
fn of_two_nightlies_of_one_date_the_newer_stays() {
    let today = date(2026, 11, 21);
    let (early, late) = (entry(Reason::Nightly, today, 30), night(today));
    let plan = plan_on(today, &[early.clone(), late.clone()]);
    assert_eq!(plan.keep[0].id, late.id);
    assert_eq!(plan.drop[0].id, early.id);
}

#[test]
fn each_reason_has_its_own_rule() {
    let today = date(2026, 11, 21);
    let back = |n: i64| today.checked_sub(n.days()).unwrap();
    let mut entries: Vec<Entry> = (0..12).map(|n| entry(Reason::Manual, back(n), 0)).collect();
    entries.extend((0..7).map(|n| entry(Reason::BeforeDeploy, back(n), 1)));
    entries.extend([10, 29, 31, 90].map(|n| entry(Reason::BeforeRestore, back(n), 2)));
    entries[11].pinned = true;
    let plan = plan_on(today, &entries);
    let dropped: BTreeSet<SnapshotId> = plan.drop.iter().map(|d| d.id).collect();
    let expected: BTreeSet<SnapshotId> = [
        entry(Reason::Manual, back(10), 0),
        entry(Reason::BeforeDeploy, back(5), 1),
        entry(Reason::BeforeDeploy, back(6), 1),
        entry(Reason::BeforeRestore, back(31), 2),
        entry(Reason::BeforeRestore, back(90), 2),
    ]
    .map(|e| e.id)
    .into();
    assert_eq!(dropped, expected);
    assert!(plan.keep.iter().all(|kept| kept.bucket.is_none()));
    // The pinned one takes nobody's place.
    let manual = plan
        .keep
        .iter()
        .filter(|kept| kept.reasons[0].contains("(manual)"));
    assert_eq!(manual.count(), 10);

    let alone = [entry(Reason::BeforeRestore, back(90), 2)];
    let plan = plan_on(today, &alone);
    assert_eq!(plan.keep[0].reasons, ["taken before the last restore"]);
}

#[test]
fn what_is_dated_in_the_future_or_not_verified_is_neither_counted_nor_dropped() {
    let today = date(2026, 11, 21);
    let ahead = |n: i64| today.checked_add(n.days()).unwrap();
    let mut entries: Vec<Entry> = (0..40).map(|n| night(ahead(n - 19))).collect();
    let mut unverified = night(ahead(-100));
    unverified.verified = false;
    entries.push(unverified.clone());
    let plan = plan_on(today, &entries);
    assert_eq!(names(&plan, Tier::Daily)[0], "2026-11-21");
    assert_eq!(names(&plan, Tier::Daily).len(), 7);
    let kept: BTreeSet<SnapshotId> = plan.keep.iter().map(|kept| kept.id).collect();
    assert!((1..=20).all(|n| kept.contains(&night(ahead(n)).id)));
    assert!(kept.contains(&unverified.id));
}

#[test]
fn when_a_night_goes_is_foreseen_rightly() {
    let first = date(2026, 5, 1);
    let mut foreseen: BTreeMap<SnapshotId, Goes> = BTreeMap::new();
    let mut checked = 0;
    let hundredth = first.checked_add(99.days()).unwrap();
    let then = live_through(first, 100, |_, _| {});
    for kept in plan_on(hundredth, &then).keep {
        foreseen.insert(kept.id, kept.goes);
    }
    live_through(first, 300, |day, plan| {
        let today = first.checked_add((day - 1).days()).unwrap();
        for dropped in &plan.drop {
            if let Some(goes) = foreseen.get(&dropped.id).filter(|_| day > 100) {
                assert_eq!(*goes, Goes::On(today), "{}", dropped.id);
                checked += 1;
            }
        }
    });
    assert!(checked >= 12, "only {checked} were looked at");
    assert_eq!(
        Goes::On(date(2026, 12, 1)).to_string(),
        "goes on 2026-12-01"
    );
}

#[test]
fn a_policy_that_keeps_none_is_refused_with_every_key() {
    assert_eq!(Keep::default().validate(), Ok(()));
    let none = Keep {
        daily: 0,
        before_deploy: 0,
        ..Keep::default()
    };
    let said: Vec<String> = none
        .validate()
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        said,
        [
            "`daily = 0` would keep none: give at least 1 (the default is 7)",
            "`before_deploy = 0` would keep none: give at least 1 (the default is 5)"
        ]
    );
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let reason = prop_oneof![
        4 => Just(Reason::Nightly),
        1 => Just(Reason::Manual),
        1 => Just(Reason::BeforeDeploy),
        1 => Just(Reason::BeforeRestore),
    ];
    let (day, minute) = (-400_i64..20, 0_i64..1440);
    let flags = (prop::bool::weighted(0.1), prop::bool::weighted(0.9));
    (reason, day, minute, flags).prop_map(|(reason, day, minute, (pinned, verified))| Entry {
        pinned,
        verified,
        ..entry(
            reason,
            date(2026, 11, 21).checked_add(day.days()).unwrap(),
            minute,
        )
    })
}

pub(super) fn any_folder() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(any_entry(), 0..120).prop_map(|mut entries| {
        let mut seen = BTreeSet::new();
        entries.retain(|entry| seen.insert(entry.id));
        entries
    })
}

proptest! {
    #[test]
    fn the_newest_verified_snapshot_and_every_pinned_one_always_stay(entries in any_folder()) {
        let today = date(2026, 11, 21);
        let plan = plan_on(today, &entries);
        let kept: BTreeSet<SnapshotId> = plan.keep.iter().map(|kept| kept.id).collect();
        let counted = entries.iter().filter(|e| e.verified && !e.is_future(noon(today), today));
        if let Some(newest) = counted.max_by_key(|e| (e.taken_at, e.id)) {
            prop_assert!(kept.contains(&newest.id));
        }
        for entry in &entries {
            let stays = entry.pinned || !entry.verified || entry.is_future(noon(today), today);
            prop_assert!(!stays || kept.contains(&entry.id));
        }
        prop_assert_eq!(plan.keep.len() + plan.drop.len(), entries.len());
        prop_assert!(plan.keep.iter().all(|kept| !kept.reasons.is_empty()));
    }

    #[test]
    fn planning_again_over_what_was_kept_keeps_all_of_it(mut entries in any_folder()) {
        let first = plan_on(date(2026, 11, 21), &entries);
        apply(&mut entries, &first);
        let again = plan_on(date(2026, 11, 21), &entries);
        prop_assert!(again.drop.is_empty());
        prop_assert_eq!(again.keep, first.keep);
    }

    // So an adoption may take over in any order, and be rotated in the middle of it.
    #[test]
    fn of_a_part_of_what_there_is_all_stays_that_stays_of_the_whole(entries in any_folder(), each in any::<u128>()) {
        let today = date(2026, 11, 21);
        let kept = |entries: &[Entry]| -> BTreeSet<SnapshotId> {
            let plan = decide(entries, noon(today), today, &Keep::default());
            plan.keep.iter().map(|kept| kept.id).collect()
        };
        let of_whole = kept(&entries);
        let nth = entries.iter().enumerate();
        let part: Vec<Entry> = nth
            .filter(|(n, _)| (each >> n) & 1 == 1)
            .map(|(_, entry)| entry.clone())
            .collect();
        let of_part = kept(&part);
        for entry in part.iter().filter(|entry| of_whole.contains(&entry.id)) {
            prop_assert!(of_part.contains(&entry.id), "{} went", entry.id);
        }
    }

    #[test]
    fn the_order_of_what_there_is_does_not_matter(entries in any_folder(), seed in any::<u64>()) {
        let mut shuffled = entries.clone();
        shuffled.sort_by_key(|e| e.taken_at.as_second().wrapping_mul(seed as i64 | 1));
        prop_assert_eq!(
            plan_on(date(2026, 11, 21), &entries),
            plan_on(date(2026, 11, 21), &shuffled)
        );
    }
}
