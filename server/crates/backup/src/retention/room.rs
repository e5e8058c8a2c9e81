//! What could go to make room: the retention asked again with less to keep, one step at a time, so that what is
//! proposed is what a rotation would remove. Nothing pinned is ever proposed.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Entry, Keep, decide};
use tealkeep_words::size::human_size;
use tealkeep_words::snapshot::SnapshotId;

/// How many snapshots the sentence names.
const MAX_NAMED: usize = 5;

/// What would free enough room, or all that could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouldGo {
    /// Bytes that are missing.
    pub missing: u64,
    /// What would go, oldest first, with the sizes of the files.
    pub snapshots: Vec<(SnapshotId, u64)>,
    /// The keys to lower for that, and to what; none where a rotation frees enough as things are.
    pub lower: Vec<(&'static str, u32)>,
    /// The pinned ones, which stay, and their bytes.
    pub pinned: (usize, u64),
}

impl CouldGo {
    /// The bytes that would become free.
    #[must_use]
    pub fn frees(&self) -> u64 {
        self.snapshots.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Whether that is enough.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.frees() >= self.missing
    }
}

/// One number of the policy that can be lowered, in the order in which they are: what people ask for themselves
/// goes first, and the newest nights last.
const STEPS: [(&str, Number); 6] = [
    ("keep_manual", |keep| &mut keep.manual),
    ("keep_before_deploy", |keep| &mut keep.before_deploy),
    ("keep_before_restore_days", |keep| {
        &mut keep.before_restore_days
    }),
    ("keep_monthly", |keep| &mut keep.monthly),
    ("keep_weekly", |keep| &mut keep.weekly),
    ("keep_daily", |keep| &mut keep.daily),
];

type Number = fn(&mut Keep) -> &mut u32;

/// Lowers what is kept until `missing` bytes would become free, each number to 1 at least.
#[must_use]
pub fn could_go(
    entries: &[Entry],
    now: Timestamp,
    today_local: Date,
    policy: &Keep,
    missing: u64,
) -> CouldGo {
    let pinned = entries.iter().filter(|entry| entry.pinned);
    let mut answer = CouldGo {
        missing,
        snapshots: going(entries, now, today_local, policy),
        lower: Vec::new(),
        pinned: (
            pinned.clone().count(),
            pinned.map(|entry| entry.bytes).sum(),
        ),
    };
    let mut keep = *policy;
    for (key, number) in STEPS {
        // A number above the count of all snapshots keeps no more than that count does.
        let most = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let before = *number(&mut keep);
        let from = before.min(most.max(30));
        for to in (1..from).rev() {
            if answer.is_enough() {
                return answer;
            }
            *number(&mut keep) = to;
            let snapshots = going(entries, now, today_local, &keep);
            if snapshots.iter().map(|(_, bytes)| bytes).sum::<u64>() > answer.frees() {
                answer.snapshots = snapshots;
                answer.lower.retain(|(lowered, _)| *lowered != key);
                answer.lower.push((key, to));
            }
        }
        // What brought nothing more stays as it was.
        let lowered = answer.lower.iter().find(|(lowered, _)| *lowered == key);
        *number(&mut keep) = lowered.map_or(before, |(_, to)| *to);
    }
    answer
}

fn going(entries: &[Entry], now: Timestamp, today: Date, keep: &Keep) -> Vec<(SnapshotId, u64)> {
    let plan = decide(entries, now, today, keep);
    let mut going: Vec<(SnapshotId, u64)> = entries
        .iter()
        .filter(|entry| plan.drop.iter().any(|dropped| dropped.id == entry.id))
        .map(|entry| (entry.id, entry.bytes))
        .collect();
    going.sort_unstable();
    going
}

/// Sentences without the last stop: what could go, how, and what is pinned.
impl fmt::Display for CouldGo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.snapshots.is_empty() {
            f.write_str(
                "no snapshot here could go by itself: make room there, or use a larger disk",
            )?;
        } else {
            let named: Vec<String> = self
                .snapshots
                .iter()
                .take(MAX_NAMED)
                .map(|(id, bytes)| format!("{id} ({})", human_size(*bytes)))
                .collect();
            let more = match self.snapshots.len().saturating_sub(MAX_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let enough = if self.is_enough() {
                ""
            } else {
                ", which is not enough: make room there as well"
            };
            write!(
                f,
                "what could go are {}{more}, {} together{enough}. ",
                named.join(", "),
                human_size(self.frees())
            )?;
            let lower: Vec<String> = self
                .lower
                .iter()
                .map(|(key, to)| format!("{key} = {to}"))
                .collect();
            if !lower.is_empty() {
                write!(
                    f,
                    "For that set {} and restart Tealkeep. ",
                    lower.join(", ")
                )?;
            }
            f.write_str(
                "`tealkeep snapshots --plan` says what would go, `tealkeep snapshots --rotate` removes it",
            )?;
        }
        match self.pinned {
            (0, _) => Ok(()),
            (1, bytes) => write!(
                f,
                ". The pinned one ({}) stays until somebody takes its pin out",
                human_size(bytes)
            ),
            (count, bytes) => write!(
                f,
                ". The {count} pinned ones ({}) stay until somebody takes their pins out",
                human_size(bytes)
            ),
        }
    }
}

#[cfg(test)]
mod tests;
