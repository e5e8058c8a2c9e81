use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn answers(requests: u64, errors: u64, unanswered: u64) -> Answers {
    Answers {
        requests,
        errors,
        unanswered,
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_minute_counts_as_recent_until_it_is_five_minutes_old() {
    let began = Instant::now();
    let mut ring = Ring::new(began);
    ring.observe(began + seconds(59), [answers(10, 4, 1), answers(0, 0, 0)]);
    ring.observe(began + seconds(60), [answers(30, 4, 1), answers(0, 0, 0)]);
    for (second, expected) in [
        (59, (10, 4, 1)),
        (60, (30, 4, 1)),
        (299, (30, 4, 1)),
        // The first minute has gone.
        (300, (20, 0, 0)),
        (359, (20, 0, 0)),
        (360, (0, 0, 0)),
        (90_000, (0, 0, 0)),
    ] {
        let recent = ring.recent(began + seconds(second), Colour::Blue).answers;
        let found = (recent.requests, recent.errors, recent.unanswered);
        // Before the newest minute there is no going back to an older one.
        let expected = if second < 60 { (30, 4, 1) } else { expected };
        assert_eq!(found, expected, "{second} s");
    }
    let other = ring.recent(began + seconds(61), Colour::Green);
    assert_eq!(other.answers, Answers::default());
    assert_eq!(other.failed_share(), None);
}

#[test]
fn the_share_is_of_both_ways_to_fail() {
    let recent = Recent {
        answers: answers(2_336, 800, 6),
        over: seconds(300),
    };
    let share = recent.failed_share().unwrap();
    assert!((share - 806.0 / 2_336.0).abs() < 1e-9, "{share}");
}

#[test]
fn how_much_time_the_recent_counts_cover_is_told() {
    let began = Instant::now();
    let mut ring = Ring::new(began);
    let over = |ring: &Ring, second| {
        ring.recent(began + seconds(second), Colour::Blue)
            .over
            .as_secs()
    };
    assert_eq!(over(&ring, 30), 30);
    assert_eq!(over(&ring, 299), 299);
    assert_eq!(over(&ring, 300), 240);
    assert_eq!(over(&ring, 659), 299);
    ring.begin(began + seconds(650), Colour::Blue);
    assert_eq!(over(&ring, 659), 9);
}

#[test]
fn a_release_that_goes_live_is_not_blamed_for_the_one_before_it() {
    let began = Instant::now();
    let mut ring = Ring::new(began);
    let blue = |requests, errors| [answers(requests, errors, 0), Answers::default()];
    ring.observe(began + seconds(30), blue(100, 90));
    ring.begin(began + seconds(31), Colour::Blue);
    assert_eq!(
        ring.recent(began + seconds(32), Colour::Blue).answers,
        Answers::default()
    );
    ring.observe(began + seconds(40), blue(105, 91));
    ring.observe(began + seconds(80), blue(110, 92));
    assert_eq!(
        ring.recent(began + seconds(80), Colour::Blue).answers,
        answers(10, 2, 0)
    );
    // The day knows all of them.
    assert_eq!(ring.last_day(began + seconds(80)), answers(110, 92, 0));
}

#[test]
fn a_clock_that_goes_backwards_takes_nothing_away() {
    let began = Instant::now() + seconds(1_000);
    let mut ring = Ring::new(began);
    let blue = |requests| [answers(requests, requests, 0), Answers::default()];
    ring.observe(began + seconds(600), blue(1));
    ring.observe(began + seconds(30), blue(3));
    ring.observe(began - seconds(500), blue(6));
    for second in [30, 600, 610] {
        let recent = ring.recent(began + seconds(second), Colour::Blue);
        assert_eq!(recent.answers, answers(6, 6, 0), "{second} s");
    }
    assert_eq!(
        ring.recent(began - seconds(5), Colour::Blue).over,
        Duration::ZERO
    );
}

#[test]
fn after_a_days_gap_nothing_old_is_left() {
    for gap in [
        MINUTES as u64 - 1,
        MINUTES as u64,
        MINUTES as u64 + 1,
        10 * MINUTES as u64,
    ] {
        let began = Instant::now();
        let mut ring = Ring::new(began);
        for minute in 0..5 {
            let counters = [answers(minute + 1, 0, 0), answers(minute + 1, 1, 0)];
            ring.observe(began + seconds(minute * 60), counters);
        }
        let later = began + seconds((4 + gap) * 60);
        // A question that comes before anything was observed finds the same.
        let asked = ring.last_day(later);
        ring.observe(later, [answers(5, 0, 0), answers(5, 1, 0)]);
        assert_eq!(ring.last_day(later), asked);
        let left = if gap < MINUTES as u64 { 2 } else { 0 };
        assert_eq!(asked, answers(left, 0, 0), "after {gap} minutes");
    }
}

#[test]
fn a_counter_that_begins_anew_counts_from_zero() {
    let began = Instant::now();
    let mut ring = Ring::new(began);
    ring.observe(began, [answers(100, 50, 0), Answers::default()]);
    let new = ring.observe(began, [answers(3, 1, 0), Answers::default()]);
    assert_eq!(new, answers(3, 1, 0));
    assert_eq!(ring.last_day(began), answers(103, 51, 0));
}

#[test]
fn totals_by_date_are_handed_over_once_and_taken_back_when_they_could_not_be_written() {
    let mut days = Days::default();
    let first = date(2026, 11, 30);
    days.add(first, answers(10, 1, 0));
    days.add(first, answers(5, 0, 2));
    days.add(date(2026, 12, 1), answers(1, 0, 0));
    days.add(date(2026, 12, 2), Answers::default());
    let taken = days.take();
    let totals: Vec<_> = taken
        .iter()
        .map(|day| (day.local_date, day.requests, day.errors, day.unanswered))
        .collect();
    assert_eq!(totals, [(first, 15, 1, 2), (date(2026, 12, 1), 1, 0, 0)]);
    assert_eq!(days.take(), []);
    days.add(first, answers(1, 1, 0));
    days.put_back(taken);
    assert_eq!((days.take()[0].requests, days.take().len()), (16, 0));
}

#[test]
fn dates_that_can_never_be_written_fill_no_memory() {
    let mut days = Days::default();
    for day in 0..200 {
        days.add(date(2026, 1, 1) + day.days(), answers(1, 0, 0));
    }
    let kept = days.take();
    assert_eq!(kept.len(), MAX_UNWRITTEN_DAYS);
    assert_eq!(
        kept.last().map(|day| day.local_date),
        Some(date(2026, 1, 1) + 199.days())
    );
}

/// One thing that happens: so many seconds later (or earlier), so many requests more at a colour.
#[derive(Debug, Clone, Copy)]
struct Happening {
    second: i64,
    requests: u64,
    errors: u64,
    colour: Colour,
}

fn happening() -> impl Strategy<Value = Happening> {
    let second = prop_oneof![
        6 => 0..90_i64,
        1 => -600..0_i64,
        1 => 0..200_000_i64,
    ];
    (second, 0..50_u64, 0..50_u64, any::<bool>()).prop_map(|(second, requests, errors, green)| {
        Happening {
            second,
            requests: requests + errors,
            errors,
            colour: if green { Colour::Green } else { Colour::Blue },
        }
    })
}

proptest! {
    /// The ring against a plain list of what happened in which minute.
    #[test]
    fn the_ring_says_what_a_list_of_everything_would(happenings in prop::collection::vec(happening(), 1..60)) {
        let began = Instant::now() + seconds(1_000_000);
        let mut ring = Ring::new(began);
        let (mut second, mut minute) = (0_i64, 0_u64);
        let mut counters = [Answers::default(); 2];
        let mut list: Vec<(u64, Happening)> = Vec::new();
        for happening in happenings {
            second = (second + happening.second).max(-900_000);
            let now = if second < 0 {
                began - seconds(second.unsigned_abs())
            } else {
                began + seconds(second.unsigned_abs())
            };
            minute = minute.max(u64::try_from(second).unwrap_or_default() / 60);
            let counter = &mut counters[happening.colour as usize];
            *counter = *counter + answers(happening.requests, happening.errors, 0);
            let new = ring.observe(now, counters);
            prop_assert_eq!(new, answers(happening.requests, happening.errors, 0));
            list.push((minute, happening));
            for colour in Colour::BOTH {
                let of = |within: u64, all: bool| {
                    list.iter()
                        .filter(|(at, one)| minute - at < within && (all || one.colour == colour))
                        .fold(Answers::default(), |sum, (_, one)| {
                            sum + answers(one.requests, one.errors, 0)
                        })
                };
                prop_assert_eq!(ring.recent(now, colour).answers, of(RECENT_MINUTES, false));
                prop_assert_eq!(ring.last_day(now), of(MINUTES as u64, true));
            }
        }
    }
}
