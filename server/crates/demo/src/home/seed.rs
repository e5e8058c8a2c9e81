//! The first household: four people and half a year of their chores, doses and shopping. The same `now`
//! gives the same rows.

use jiff::{ToSpan, Zoned};
use rusqlite::{Connection, params};

const PEOPLE: [&str; 4] = ["Ada", "Ben", "Cleo", "Dora"];

/// Name, every so many days, whose turn.
const CHORES: [(&str, i64, i64); 10] = [
    ("Empty the dishwasher", 1, 1),
    ("Feed the cat", 1, 4),
    ("Take out the compost", 2, 2),
    ("Water the tomatoes", 2, 3),
    ("Vacuum the hall", 4, 2),
    ("Wash the towels", 7, 1),
    ("Clean the bathroom", 7, 3),
    ("Put the bins out", 7, 2),
    ("Change the beds", 14, 1),
    ("Descale the kettle", 30, 4),
];

/// Name, who takes it, how much, when.
const MEDICINES: [(&str, i64, &str, &str); 4] = [
    ("Metformin", 1, "500 mg", "08:00,20:00"),
    ("Levothyroxine", 2, "75 mg", "07:00"),
    ("Cetirizine", 3, "10 mg", "21:00"),
    ("Amoxicillin", 4, "250 mg", "07:30,14:00,20:30"),
];

const GROCERIES: [&str; 24] = [
    "Milk",
    "Bread",
    "Eggs",
    "Tomatoes",
    "Butter",
    "Coffee",
    "Cat food",
    "Oats",
    "Apples",
    "Rice",
    "Olive oil",
    "Dish soap",
    "Toothpaste",
    "Lentils",
    "Yoghurt",
    "Carrots",
    "Cheese",
    "Pasta",
    "Lemons",
    "Bin bags",
    "Tea",
    "Onions",
    "Plasters",
    "Honey",
];

/// How many days of shopping and weekly chores there are.
const DAYS: i64 = 180;
/// How many days of doses: what is noted several times a day would fill the database otherwise.
const DOSE_DAYS: i64 = 60;
/// How many days of chores that come every day or two.
const FREQUENT_CHORE_DAYS: i64 = 45;

/// The overdue chores.
const OVERDUE: [i64; 2] = [7, 8];
/// The medicine that was not taken lately, and for how long: longer than the pause between its doses.
const DUE: i64 = 1;
const DUE_FOR_S: i64 = 15 * 3600;

/// Writes the household into the empty tables of the first migrations.
///
/// # Errors
/// As SQLite says; the caller's transaction undoes what was written.
pub(super) fn plant(connection: &Connection, now: &Zoned) -> anyhow::Result<()> {
    for (at, name) in (1..).zip(PEOPLE) {
        connection.execute(
            "INSERT INTO people (id, name) VALUES (?1, ?2)",
            params![at, name],
        )?;
    }
    for (at, (name, every_days, person)) in (1i64..).zip(CHORES) {
        connection.execute(
            "INSERT INTO chores (id, name, every_days, person_id) VALUES (?1, ?2, ?3, ?4)",
            params![at, name, every_days, person],
        )?;
    }
    for (at, (name, person, amount, times)) in (1i64..).zip(MEDICINES) {
        connection.execute(
            "INSERT INTO medicines (id, name, person_id, amount, times) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![at, name, person, amount, times],
        )?;
    }
    let mut dice = Dice(0x7ea1);
    for days_ago in (0..=DAYS).rev() {
        let day = now.checked_sub(days_ago.days())?;
        chore_runs(connection, &mut dice, days_ago, &day)?;
        if days_ago <= DOSE_DAYS {
            doses(connection, &mut dice, now, &day)?;
        }
        shopping(connection, &mut dice, days_ago, now, &day)?;
    }
    Ok(())
}

fn chore_runs(
    connection: &Connection,
    dice: &mut Dice,
    days_ago: i64,
    day: &Zoned,
) -> anyhow::Result<()> {
    for (at, (_, every_days, person)) in (1i64..).zip(CHORES) {
        // The last days are left to whoever looks at the page: some chores are due.
        let lately = if OVERDUE.contains(&at) {
            every_days
        } else {
            at % 3
        };
        let turn = (days_ago + at) % every_days == 0 && days_ago > lately;
        if !turn || (every_days < 3 && days_ago > FREQUENT_CHORE_DAYS) {
            continue;
        }
        let by = if dice.below(5) == 0 {
            1 + dice.below(4)
        } else {
            person
        };
        let done = at_time(day, 7 + dice.below(13), dice.below(60))?;
        connection.execute(
            "INSERT INTO chore_runs (chore_id, person_id, done_at) VALUES (?1, ?2, ?3)",
            params![at, by, done],
        )?;
    }
    Ok(())
}

fn doses(connection: &Connection, dice: &mut Dice, now: &Zoned, day: &Zoned) -> anyhow::Result<()> {
    let mut taken = Vec::new();
    for (at, (_, person, amount, times)) in (1i64..).zip(MEDICINES) {
        for time in times.split(',') {
            let hour = time.get(..2).unwrap_or_default().parse()?;
            let minute: i64 = time.get(3..).unwrap_or_default().parse()?;
            let taken_at = at_time(day, hour, (minute + dice.below(25)).min(59))?;
            let due_now = at == DUE && now.timestamp().as_second() - taken_at < DUE_FOR_S;
            let forgotten = dice.below(20) == 0 || due_now;
            if !forgotten && taken_at < now.timestamp().as_second() {
                taken.push((taken_at, person, at, amount));
            }
        }
    }
    // The newest row is the newest dose, as it is when people note them.
    taken.sort_unstable();
    for dose in taken {
        connection.execute(
            "INSERT INTO doses (taken_at, person_id, medicine_id, amount) VALUES (?1, ?2, ?3, ?4)",
            dose,
        )?;
    }
    Ok(())
}

fn shopping(
    connection: &Connection,
    dice: &mut Dice,
    days_ago: i64,
    now: &Zoned,
    day: &Zoned,
) -> anyhow::Result<()> {
    for _ in 0..1 + dice.below(3) {
        let at = dice.below(GROCERIES.len() as i64);
        let name = usize::try_from(at).ok().and_then(|at| GROCERIES.get(at));
        let (added_hour, added_minute) = (8 + dice.below(10), dice.below(60));
        let added = at_time(day, added_hour, added_minute)?;
        if added >= now.timestamp().as_second() {
            continue;
        }
        let bought = (days_ago > 2).then_some(added + 3600 * (5 + dice.below(40)));
        connection.execute(
            "INSERT INTO shopping_items (name, person_id, added_at, bought_at) VALUES (?1, ?2, ?3, ?4)",
            params![name, 1 + dice.below(4), added, bought],
        )?;
    }
    Ok(())
}

fn at_time(day: &Zoned, hour: i64, minute: i64) -> anyhow::Result<i64> {
    let time = jiff::civil::time(i8::try_from(hour)?, i8::try_from(minute)?, 0, 0);
    Ok(day.with().time(time).build()?.timestamp().as_second())
}

/// A linear congruential generator (Knuth's MMIX constants): the rows need variety, not secrecy.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end.unsigned_abs()) as i64
    }
}
