//! Two years of nights in many zones, as the server lives them: each tick asks the schedule, each snapshot asks
//! whether the clock is trusted, and the retention. With nights that fail, weeks switched off, boots in 1970, clocks
//! that run ahead, zones that change, and snapshots at any time of day. `TEALKEEP_LONG=1` lives through more of
//! them, and asks the schedule every half hour as well.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::{Time, date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};

use super::*;
use tealkeep_base::schedule::{
    Decision, LastRun, MAX_RETRY_PAUSE, Trust, clock_trust, counts_from, due, next_run, pause_after,
};

/// Where, when the two years begin, and when the night's snapshot is due.
const HOUSES: [(&str, Date, Time); 10] = [
    ("UTC", date(2023, 3, 1), time(3, 30, 0, 0)),
    ("Europe/Berlin", date(2023, 3, 1), time(2, 30, 0, 0)),
    ("Asia/Kolkata", date(2023, 12, 1), time(3, 30, 0, 0)),
    // Until 2022 its clocks jumped at midnight.
    ("Asia/Tehran", date(2020, 9, 1), time(0, 0, 0, 0)),
    // Back at 03:00 before Ramadan, and forward at 02:00 after it.
    ("Africa/Casablanca", date(2021, 1, 15), time(2, 30, 0, 0)),
    // By half an hour, at 02:00.
    ("Australia/Lord_Howe", date(2022, 1, 1), time(2, 15, 0, 0)),
    // 2011-12-30 never was.
    ("Pacific/Apia", date(2010, 11, 1), time(3, 30, 0, 0)),
    ("America/New_York", date(2019, 2, 1), time(1, 30, 0, 0)),
    ("America/Nuuk", date(2023, 1, 1), time(23, 30, 0, 0)),
    ("Pacific/Chatham", date(2027, 6, 1), time(3, 30, 0, 0)),
];

/// What may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Nights fail, the machine is off for hours or weeks, people take snapshots.
    Usual,
    /// And clocks are wrong, and zones change.
    Clocks,
}

/// splitmix64: small, and the same on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> i64 {
        i64::try_from(self.next() % n).unwrap()
    }

    fn percent(&mut self, n: u64) -> bool {
        self.next() % 100 < n
    }
}

/// A machine with its folder, its journal and its clock.
#[derive(Clone)]
struct House {
    /// True time.
    real: Timestamp,
    /// What the clock shows beyond it.
    error: SignedDuration,
    booted: Timestamp,
    synchronised: Option<bool>,
    zone: TimeZone,
    at: Time,
    built: Timestamp,
    installed_at: Timestamp,
    newest_event: Option<Timestamp>,
    /// Before this every try of the night fails.
    failing_until: Timestamp,
    /// The night that failed last, how often, and when it is tried again.
    tried: Option<(Date, u32, Timestamp)>,
    folder: Vec<Entry>,
    /// Every date that ever had its night, and by how many snapshots.
    nights: Vec<Date>,
    /// Snapshots that were seen while they were dated in the future.
    misdated: BTreeSet<SnapshotId>,
    what: String,
}

impl House {
    fn new(name: &str, first: Date, at: Time) -> House {
        let zone = TimeZone::get(name).unwrap();
        let real = first.to_zoned(zone.clone()).unwrap().timestamp();
        House {
            real,
            error: SignedDuration::ZERO,
            booted: real,
            synchronised: Some(true),
            zone,
            at,
            built: real - SignedDuration::from_hours(24 * 40),
            installed_at: real,
            newest_event: None,
            failing_until: real,
            tried: None,
            folder: Vec::new(),
            nights: Vec::new(),
            misdated: BTreeSet::new(),
            what: name.to_owned(),
        }
    }

    fn now(&self) -> Timestamp {
        self.real + self.error
    }

    fn today(&self) -> Date {
        self.now().to_zoned(self.zone.clone()).date()
    }

    fn trust(&self) -> Trust {
        let uptime = Duration::try_from(self.real.duration_since(self.booted)).unwrap();
        clock_trust(
            self.now(),
            self.newest_event,
            self.built,
            self.synchronised,
            uptime,
        )
    }

    fn decision(&mut self) -> Decision {
        let now = self.now();
        if self.trust() == Trust::Trusted {
            let ahead = self.folder.iter().filter(|entry| entry.taken_at > now);
            self.misdated.extend(ahead.map(|entry| entry.id));
        }
        let nights = self
            .folder
            .iter()
            .filter(|e| e.reason == Reason::Nightly && !self.misdated.contains(&e.id));
        let last = LastRun::newest(nights.map(|entry| entry.local_date), self.today());
        let from = counts_from(self.installed_at, now, self.built);
        due(now, &self.zone, self.at, last, from)
    }

    /// The newest night whose time has come, done or not.
    fn newest_due(&self) -> Option<Date> {
        let from = counts_from(self.installed_at, self.now(), self.built);
        match due(self.now(), &self.zone, self.at, None, from) {
            Decision::Due { local_date, .. } => Some(local_date),
            Decision::NotYet { .. } => None,
        }
    }

    /// What the server does each minute; answers with when the schedule wants to be asked again.
    fn tick(&mut self) -> Timestamp {
        let next = next_run(self.now(), &self.zone, self.at) - self.error;
        if let Some((of, _, again)) = self.tried
            && self.real < again
            && self.newest_due() == Some(of)
        {
            return again.min(next);
        }
        match self.decision() {
            Decision::NotYet { next } => next - self.error,
            Decision::Due { local_date, .. } if self.real < self.failing_until => {
                let before = self.folder.clone();
                self.note();
                assert_eq!(before, self.folder, "{}: {local_date}", self.what);
                let same = self.tried.filter(|(of, ..)| *of == local_date);
                let failed = same.map_or(1, |(_, failed, _)| failed + 1);
                let again = self.real + pause_after(failed);
                self.tried = Some((local_date, failed, again));
                again.min(next)
            }
            Decision::Due { local_date, .. } => {
                self.tried = None;
                self.take(Reason::Nightly, local_date, false);
                self.real
            }
        }
    }

    fn note(&mut self) {
        self.newest_event = self.newest_event.max(Some(self.now()));
    }

    /// A snapshot, and the rotation after it.
    fn take(&mut self, reason: Reason, local_date: Date, pinned: bool) {
        let (now, today, trust) = (self.now(), self.today(), self.trust());
        let same = self.folder.iter().map(|entry| entry.id);
        let same = same.filter(|id| id.taken_at() == SnapshotId::new(now, 1).taken_at());
        let id = same
            .max()
            .map_or(SnapshotId::new(now, 1), SnapshotId::following);
        if reason == Reason::Nightly {
            let counted = self
                .folder
                .iter()
                .filter(|e| !self.misdated.contains(&e.id));
            let again = counted
                .filter(|e| e.reason == Reason::Nightly)
                .any(|e| e.local_date == local_date);
            assert!(!again, "{}: {local_date} twice, at {now}", self.what);
            self.nights.push(local_date);
        }
        self.folder.push(Entry {
            id,
            reason,
            local_date,
            taken_at: id.taken_at(),
            pinned,
            verified: true,
            bytes: 1,
        });
        if trust == Trust::Trusted {
            self.rotate(now, today, id);
        }
        self.note();
    }

    fn rotate(&mut self, now: Timestamp, today: Date, just_taken: SnapshotId) {
        let plan = decide(&self.folder, now, today, &Keep::default());
        let goes = |id: SnapshotId| plan.drop.iter().any(|dropped| dropped.id == id);
        let what = &self.what;
        assert!(!goes(just_taken), "{what}: the newest went at {now}");
        let future = |entry: &Entry| entry.is_future(now, today);
        for entry in &self.folder {
            let stays = entry.pinned || future(entry);
            assert!(!(stays && goes(entry.id)), "{what}: {} at {now}", entry.id);
        }
        if self.folder.iter().any(future) {
            let past = self.folder.iter().filter(|e| !future(e)).cloned();
            let without = decide(&past.collect::<Vec<_>>(), now, today, &Keep::default());
            assert_eq!(
                without.drop, plan.drop,
                "{what}: something went at {now} because of one that is dated in the future"
            );
        }
        self.folder.retain(|entry| !goes(entry.id));
    }

    /// How many nights each tier holds now.
    fn tiers(&self) -> [usize; 3] {
        let (now, today) = (self.now(), self.today());
        let counted = self.folder.iter().filter(|e| !e.is_future(now, today));
        let held = fill_tiers(counted, &Keep::default());
        Tier::ALL.map(|tier| held.values().filter(|(of, _)| *of == tier).count())
    }

    /// Goes on until `end` of true time with nothing in the way; `each` sees the house after each tick.
    fn live_until(&mut self, end: Timestamp, mut each: impl FnMut(&House)) {
        let minute = SignedDuration::from_mins(1);
        while self.real < end {
            let wanted = self.tick();
            each(self);
            // Between two events nothing is due; a long run asks all the same.
            let wanted = wanted.max(self.real + minute);
            let next = if is_long() {
                wanted.min(self.real + SignedDuration::from_mins(29))
            } else {
                wanted
            };
            self.real = next.min(end);
        }
    }

    /// Every date whose time is well past, and at which the machine ran, has its night.
    fn assert_nothing_is_missing(&self, running_since: Timestamp) {
        let local = self.now().to_zoned(self.zone.clone());
        let Ok(when) = local
            .date()
            .to_datetime(self.at)
            .to_zoned(self.zone.clone())
        else {
            return;
        };
        let began = when.timestamp();
        let is_past = self.now() >= began + SignedDuration::from_mins(1);
        if is_past && began > running_since && self.real >= self.failing_until + MAX_RETRY_PAUSE {
            assert!(
                self.nights.contains(&local.date()),
                "{}: no night for {} at {local}",
                self.what,
                local.date()
            );
        }
    }
}

fn is_long() -> bool {
    std::env::var_os("TEALKEEP_LONG").is_some()
}

/// Two years, then eight months without trouble.
fn live(mut house: House, trouble: Trouble, seed: u64) -> House {
    let mut chance = Chance(seed);
    house.what = format!("{} {trouble:?} seed {seed}", house.what);
    let begun = house.real;
    let first_zone = house.zone.clone();
    let mut was_full = false;
    let mut foreseen = 0;
    for day in 0..730 {
        let day_ends = begun + SignedDuration::from_hours(24 * (day + 1));
        if house.real >= day_ends {
            continue;
        }
        if chance.percent(8) {
            house.failing_until = house.real + SignedDuration::from_mins(chance.below(60 * 40));
        }
        if chance.percent(5) {
            switch_off(&mut house, trouble, &mut chance, day_ends);
        }
        if trouble == Trouble::Clocks && chance.percent(3) {
            run_ahead(&mut house, &mut chance);
        }
        if trouble == Trouble::Clocks && chance.percent(1) {
            let (name, ..) = HOUSES[usize::try_from(chance.below(10)).unwrap()];
            house.zone = TimeZone::get(name).unwrap();
        }
        if chance.percent(20) {
            let at = house.real + SignedDuration::from_mins(chance.below(24 * 60));
            house.live_until(at, |_| {});
            let reason = [Reason::Manual, Reason::BeforeDeploy, Reason::BeforeRestore];
            let reason = reason[usize::try_from(chance.below(3)).unwrap()];
            let pinned = chance.percent(10);
            house.take(reason, house.today(), pinned);
        }
        let booted = house.booted;
        let mut nights = house.nights.len();
        house.live_until(day_ends, |house| {
            if trouble == Trouble::Usual {
                house.assert_nothing_is_missing(booted);
            }
            if nights == house.nights.len() {
                return;
            }
            nights = house.nights.len();
            let full = house.tiers() == [7, 4, 6];
            // A folder that was full once is full after every night, whatever was missed.
            assert!(
                full || !was_full || trouble == Trouble::Clocks,
                "{}: {:?} at {}",
                house.what,
                house.tiers(),
                house.now()
            );
            was_full |= full;
        });
        if trouble == Trouble::Usual
            && chance.percent(1)
            && foreseen < if is_long() { 4 } else { 1 }
        {
            foreseen += 1;
            assert_goes_as_foreseen(&house);
        }
    }
    house.zone = first_zone;
    (house.error, house.synchronised) = (SignedDuration::ZERO, Some(true));
    let calm = house.real + SignedDuration::from_hours(24 * 250);
    house.live_until(calm, |_| {});
    house
}

/// Off for hours or weeks. Without a clock of its own the machine then begins in 1970, or where it stopped, and is
/// set by the network after a while.
fn switch_off(house: &mut House, trouble: Trouble, chance: &mut Chance, day_ends: Timestamp) {
    let stopped_at = house.now();
    let hours = if chance.percent(20) {
        24 * (1 + chance.below(24))
    } else {
        chance.below(20)
    };
    house.real += SignedDuration::from_hours(hours);
    (house.booted, house.tried) = (house.real, None);
    if trouble == Trouble::Usual {
        return;
    }
    let shows = match chance.below(3) {
        0 => Timestamp::UNIX_EPOCH + SignedDuration::from_secs(12),
        1 => stopped_at,
        _ => return,
    };
    house.error = shows.duration_since(house.real);
    house.synchronised = [Some(false), None][usize::try_from(chance.below(2)).unwrap()];
    house.note();
    let set_at = house.real + SignedDuration::from_mins(chance.below(55));
    if chance.percent(50) && set_at < day_ends {
        house.take(Reason::Manual, house.today(), false);
    }
    house.live_until(set_at, |_| {});
    (house.error, house.synchronised) = (SignedDuration::ZERO, Some(true));
}

/// The clock shows a later time for hours or days, by minutes or years, and the system may even vouch for it.
fn run_ahead(house: &mut House, chance: &mut Chance) {
    let minutes = match chance.below(3) {
        0 => chance.below(120),
        1 => chance.below(60 * 24 * 9),
        _ => chance.below(60 * 24 * 4000),
    };
    let kept = house.folder.len();
    house.error = SignedDuration::from_mins(minutes);
    house.synchronised = [None, Some(true)][usize::try_from(chance.below(2)).unwrap()];
    let back_at = house.real + SignedDuration::from_mins(chance.below(60 * 80));
    let taken = house.nights.len();
    house.live_until(back_at, |_| {});
    // It takes no more from the folder than the same nights do at their time.
    let taken = house.nights.len() - taken;
    assert!(
        house.folder.len() + taken >= kept.min(17),
        "{}: {kept} before, {} after {taken} nights",
        house.what,
        house.folder.len()
    );
    house.error = SignedDuration::ZERO;
    house.synchronised = [None, Some(true)][usize::try_from(chance.below(2)).unwrap()];
}

/// Lives on without trouble, and sees everything go exactly when it was said to.
fn assert_goes_as_foreseen(house: &House) {
    let mut house = house.clone();
    house.failing_until = house.real;
    // After a night: until then it is open whether today's succeeds.
    let tomorrow = house.real + SignedDuration::from_hours(30);
    let nights = house.nights.len();
    while house.nights.len() == nights && house.real < tomorrow {
        let soon = house.real + SignedDuration::from_mins(30);
        house.live_until(soon, |_| {});
    }
    let (now, today) = (house.now(), house.today());
    let said = plan(&house.folder, now, today, &Keep::default());
    // One from before a restore may go at the next rotation, since midnight has passed since the last.
    let nights = said.drop.iter().filter(|dropped| {
        let entry = house.folder.iter().find(|entry| entry.id == dropped.id);
        entry.unwrap().reason != Reason::BeforeRestore
    });
    assert_eq!(nights.count(), 0, "{}: {:?}", house.what, said.drop);
    // A date that the zone leaves out has no night, and each one after it comes a night later than was foreseen.
    let slack = i64::from(house.what.starts_with("Pacific/Apia"));
    let end = house.real + SignedDuration::from_hours(24 * 300);
    let mut there: BTreeSet<SnapshotId> = house.folder.iter().map(|e| e.id).collect();
    let mut went = 0;
    house.live_until(end, |house| {
        let now: BTreeSet<SnapshotId> = house.folder.iter().map(|e| e.id).collect();
        let today = house.today();
        for gone in there.difference(&now) {
            let Some(kept) = said.keep.iter().find(|kept| kept.id == *gone) else {
                continue;
            };
            let Goes::On(on) = kept.goes else {
                panic!("{}: {gone} {}, and went on {today}", house.what, kept.goes);
            };
            let late = on.until(today).unwrap().get_days();
            let rightly = (0..=slack).contains(&i64::from(late));
            assert!(
                rightly,
                "{}: {gone} goes on {on}, went on {today}",
                house.what
            );
            went += 1;
        }
        there = now;
    });
    let last = house.today();
    for kept in &said.keep {
        match kept.goes {
            Goes::On(on) if on.checked_add(slack.days()).unwrap() < last => {
                assert!(
                    !there.contains(&kept.id),
                    "{}: {} stays",
                    house.what,
                    kept.id
                );
            }
            Goes::On(_) | Goes::Never | Goes::Later | Goes::CountsFrom(_) => {}
            Goes::AfterMore(more) => assert_goes_after(&house, kept.id, more),
            Goes::NotBefore(_) => assert_goes_after(&house, kept.id, 1),
        }
    }
    assert!(went > 0, "{}: nothing went", house.what);
}

/// It stays while `more - 1` more of its kind are taken, and goes with the one after them.
fn assert_goes_after(house: &House, id: SnapshotId, more: u32) {
    let mut house = house.clone();
    let reason = house.folder.iter().find(|e| e.id == id).unwrap().reason;
    for _ in 0..more {
        assert!(
            house.folder.iter().any(|e| e.id == id),
            "{}: {id}",
            house.what
        );
        house.real += SignedDuration::from_mins(1);
        house.take(reason, house.today(), false);
    }
    assert!(
        house.folder.iter().all(|e| e.id != id),
        "{}: {id}",
        house.what
    );
}

fn seeds() -> u64 {
    if is_long() { 6 } else { 1 }
}

fn assert_is_full(house: &House) {
    assert_eq!(
        house.tiers(),
        [7, 4, 6],
        "{} at {}",
        house.what,
        house.now()
    );
    let nights = house.folder.iter().filter(|e| {
        e.reason == Reason::Nightly && !e.pinned && !e.is_future(house.now(), house.today())
    });
    assert_eq!(nights.count(), 17, "{}", house.what);
}

#[test]
fn two_years_of_nights_that_fail_and_weeks_switched_off_lose_no_night_and_keep_seventeen() {
    for (name, first, at) in HOUSES {
        for seed in 1..=seeds() {
            let house = live(House::new(name, first, at), Trouble::Usual, seed);
            assert_is_full(&house);
            let dates: BTreeSet<Date> = house.nights.iter().copied().collect();
            assert_eq!(
                dates.len(),
                house.nights.len(),
                "{}: a date twice",
                house.what
            );
            assert!(!dates.contains(&date(2011, 12, 30)) || name != "Pacific/Apia");
        }
    }
}

#[test]
fn two_years_of_wrong_clocks_and_changing_zones_drop_nothing_because_of_them() {
    for (name, first, at) in HOUSES {
        for seed in 1..=seeds() {
            let house = live(House::new(name, first, at), Trouble::Clocks, seed);
            assert_is_full(&house);
        }
    }
}

#[test]
fn two_quiet_years_have_a_night_each_date_and_only_those() {
    for (name, first, at) in HOUSES {
        let mut house = House::new(name, first, at);
        let end = house.real + SignedDuration::from_hours(24 * 730);
        house.live_until(end, |_| {});
        assert_is_full(&house);
        let mut expected = Vec::new();
        let mut day = house.nights[0];
        while day <= *house.nights.last().unwrap() {
            if day.to_zoned(house.zone.clone()).unwrap().date() == day {
                expected.push(day);
            }
            day = day.tomorrow().unwrap();
        }
        assert_eq!(house.nights, expected, "{name}");
        assert!(expected.len() >= 728, "{name}: {}", expected.len());
    }
}
