//! Which tables lost rows since the night before, as a pure comparison of two sets of row counts.

use std::collections::BTreeMap;
use std::fmt;

use super::counted;
use tealkeep_words::snapshot::SnapshotId;

/// A table that has so many fewer rows than before that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// Its name.
    pub table: String,
    /// Its rows before.
    pub before: u64,
    /// Its rows now; none where it is gone.
    pub now: Option<u64>,
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, before) = (&self.table, counted(self.before, "row"));
        match self.now {
            None => write!(f, "table {table} is gone, and had {before}"),
            Some(0) => write!(f, "table {table} is empty, and had {before}"),
            Some(now) => {
                let now = counted(now, "row");
                write!(
                    f,
                    "table {table} has {now}, and had {}",
                    before.trim_end_matches(" rows")
                )
            }
        }
    }
}

/// What a night has lost since the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The night's snapshot.
    pub night: SnapshotId,
    /// That of the night before, which has the rows still.
    pub before: SnapshotId,
    /// The tables that shrank, at least one, the worst first.
    pub tables: Vec<Shrunk>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, table) in self.tables.iter().enumerate() {
            let between = if nth == 0 { "" } else { "; " };
            write!(f, "{between}{table}")?;
        }
        Ok(())
    }
}

/// The tables that are gone, and those that lost at least `percent` of their rows, the greatest share first. One that
/// was emptied lost all of them; one that was empty before lost nothing unless it is gone.
#[must_use]
pub fn shrunk(
    before: &BTreeMap<String, u64>,
    now: &BTreeMap<String, u64>,
    percent: u32,
) -> Vec<Shrunk> {
    let mut found: Vec<Shrunk> = before
        .iter()
        .filter_map(|(table, &rows)| {
            let is = now.get(table).copied();
            let lost = rows.saturating_sub(is.unwrap_or(0));
            let is_much = lost > 0 && in_percent(lost) >= u128::from(percent) * u128::from(rows);
            (is.is_none() || is_much).then(|| Shrunk {
                table: table.clone(),
                before: rows,
                now: is,
            })
        })
        .collect();
    // Shares as fractions, crosswise, so that nothing is rounded; of the same share, the name decides.
    found.sort_by(|a, b| {
        let left = |shrunk: &Shrunk| u128::from(shrunk.now.unwrap_or(0));
        let a_left = left(a) * u128::from(b.before);
        let b_left = left(b) * u128::from(a.before);
        let by_share = a
            .now
            .is_some()
            .cmp(&b.now.is_some())
            .then(a_left.cmp(&b_left));
        by_share.then_with(|| a.table.cmp(&b.table))
    });
    found
}

fn in_percent(rows: u64) -> u128 {
    100 * u128::from(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(tables: &[(&str, u64)]) -> BTreeMap<String, u64> {
        let tables = tables.iter();
        tables
            .map(|(name, rows)| ((*name).to_owned(), *rows))
            .collect()
    }

    fn said(before: &[(&str, u64)], now: &[(&str, u64)], percent: u32) -> Vec<String> {
        let found = shrunk(&rows(before), &rows(now), percent);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_shrank_much_is_told_and_the_worst_comes_first() {
        let before = [
            ("a", 900),
            ("b", 10),
            ("c", 100),
            ("d", 0),
            ("e", 7),
            ("f", 100),
        ];
        let now = [
            ("a", 10),
            ("b", 0),
            ("c", 80),
            ("d", 0),
            ("f", 81),
            ("g", 5),
        ];
        assert_eq!(
            said(&before, &now, 20),
            [
                "table e is gone, and had 7 rows",
                "table b is empty, and had 10 rows",
                "table a has 10 rows, and had 900",
                "table c has 80 rows, and had 100",
            ]
        );
        assert_eq!(said(&before, &now, 100).len(), 2);
        assert_eq!(
            said(&[("d", 0)], &[], 20),
            ["table d is gone, and had 0 rows"]
        );
        assert!(said(&[("x", u64::MAX)], &[("x", u64::MAX - 1)], 1).is_empty());
    }

    fn counts() -> impl Strategy<Value = BTreeMap<String, u64>> {
        let rows = prop_oneof![0_u64..5, 0_u64..2000, any::<u64>()];
        prop::collection::btree_map("[a-f]", rows, 0..6)
    }

    proptest! {
        #[test]
        fn only_what_has_fewer_rows_is_told_and_the_same_is_never(before in counts(), now in counts(), percent in 1_u32..=100) {
            prop_assert!(shrunk(&before, &before, percent).is_empty());
            for found in shrunk(&before, &now, percent) {
                prop_assert_eq!(before.get(&found.table), Some(&found.before));
                prop_assert_eq!(now.get(&found.table).copied(), found.now);
                prop_assert!(found.now.is_none_or(|rows| rows < found.before));
            }
        }

        #[test]
        fn what_is_gone_or_emptied_is_told_whatever_the_share(before in counts(), now in counts(), percent in 1_u32..=100) {
            let told = shrunk(&before, &now, percent);
            for (table, rows) in &before {
                let is_lost = now.get(table).is_none_or(|now| *now == 0 && *rows > 0);
                let is_told = told.iter().any(|found| found.table == *table);
                prop_assert!(is_told || !is_lost, "{} of {:?}", table, told);
            }
        }

        #[test]
        fn a_smaller_share_tells_no_less(before in counts(), now in counts(), percent in 1_u32..100) {
            let strict = shrunk(&before, &now, percent);
            for found in shrunk(&before, &now, percent + 1) {
                prop_assert!(strict.contains(&found));
            }
        }

        #[test]
        fn the_share_itself_is_told_and_one_row_less_is_not(hundreds in 1_u64..1_000_000, percent in 1_u32..=100) {
            let before = rows(&[("t", 100 * hundreds)]);
            let lost = hundreds * u64::from(percent);
            let at = rows(&[("t", 100 * hundreds - lost)]);
            let below = rows(&[("t", 100 * hundreds - lost + 1)]);
            prop_assert_eq!(shrunk(&before, &at, percent).len(), 1);
            prop_assert!(shrunk(&before, &below, percent).is_empty());
        }
    }
}
