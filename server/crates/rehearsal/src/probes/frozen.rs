//! Time and chance stand still on a copy, so that the same probe leaves the same on both.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value;

/// The moment at which all probes run.
const NOW: &str = "2026-01-02 03:04:05";

/// What `random()` counts with; set it to zero before each probe.
pub type Chance = Arc<AtomicI64>;

/// Replaces the functions of time and chance.
///
/// # Errors
/// SQLite refuses.
pub fn freeze(conn: &Connection) -> rusqlite::Result<Chance> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    for name in [
        "date",
        "time",
        "datetime",
        "julianday",
        "unixepoch",
        "strftime",
    ] {
        let real = Mutex::new(Connection::open_in_memory()?);
        conn.create_scalar_function(name, -1, flags, move |call| {
            let real = real.lock().unwrap_or_else(|e| e.into_inner());
            evaluate(&real, name, call)
        })?;
    }
    for (name, value) in [
        ("current_timestamp", NOW),
        ("current_date", &NOW[..10]),
        ("current_time", &NOW[11..]),
    ] {
        conn.create_scalar_function(name, 0, flags, move |_| Ok(value.to_owned()))?;
    }
    let chance = Chance::default();
    let next = |chance: &Chance| {
        let n = chance.fetch_add(1, Ordering::Relaxed);
        (n + 1).wrapping_mul(0x5851_F42D_4C95_7F2D)
    };
    let counter = chance.clone();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    conn.create_scalar_function("random", 0, flags, move |_| Ok(next(&counter)))?;
    let counter = chance.clone();
    conn.create_scalar_function("randomblob", 1, flags, move |call| {
        let length = usize::try_from(call.get::<i64>(0)?.clamp(1, 4096)).unwrap_or(1);
        let bytes = std::iter::repeat_with(|| next(&counter).to_be_bytes());
        Ok(bytes.flatten().take(length).collect::<Vec<u8>>())
    })?;
    Ok(chance)
}

fn evaluate(real: &Connection, name: &str, call: &Context<'_>) -> rusqlite::Result<Value> {
    let mut values: Vec<Value> = (0..call.len())
        .map(|at| call.get(at))
        .collect::<Result<_, _>>()?;
    let place = usize::from(name == "strftime");
    match values.get_mut(place) {
        Some(Value::Text(text)) if text.eq_ignore_ascii_case("now") => NOW.clone_into(text),
        Some(_) => {}
        None => values.push(Value::Text(NOW.to_owned())),
    }
    let marks = vec!["?"; values.len()].join(", ");
    let mut statement = real.prepare_cached(&format!("SELECT {name}({marks})"))?;
    statement.query_row(rusqlite::params_from_iter(values), |row| row.get(0))
}
