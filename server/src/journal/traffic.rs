//! The days in the journal: how many requests an app had on each local date, and how many of them failed.

use jiff::civil::Date;
use rusqlite::{Row, params};

use super::Journal;
use crate::names::AppName;

/// How many dates are kept for each app.
const MAX_DAYS_PER_APP: u32 = 60;

/// An app's requests on one local date, as far as Tealkeep ran on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayTraffic {
    /// The local date.
    pub local_date: Date,
    /// All requests that count, the failed ones included.
    pub requests: u64,
    /// Those that the app answered with a 5xx status.
    pub errors: u64,
    /// Those that the app gave no answer to.
    pub unanswered: u64,
}

impl Journal {
    /// Adds to the counts of these dates, in one transaction. The newest 60 dates of an app are kept.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn add_traffic(&self, app: AppName, days: Vec<DayTraffic>) -> anyhow::Result<()> {
        if days.is_empty() {
            return Ok(());
        }
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            for day in days {
                let [requests, errors, unanswered] =
                    [day.requests, day.errors, day.unanswered].map(to_column);
                transaction.execute(
                    "INSERT INTO traffic_day(app, local_date, requests, errors, unanswered)
                     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT(app, local_date) DO UPDATE SET
                         requests = requests + excluded.requests, errors = errors + excluded.errors,
                         unanswered = unanswered + excluded.unanswered",
                    params![
                        app.as_str(),
                        day.local_date.to_string(),
                        requests,
                        errors,
                        unanswered
                    ],
                )?;
            }
            transaction.execute(
                "DELETE FROM traffic_day WHERE app = ?1 AND local_date <=
                     (SELECT local_date FROM traffic_day WHERE app = ?1 ORDER BY local_date DESC LIMIT 1 OFFSET ?2)",
                params![app.as_str(), MAX_DAYS_PER_APP],
            )?;
            transaction.commit()
        })
        .await
    }

    /// The counts of an app's dates from `first` to `last`, both included, oldest first. A date without a request is left
    /// out.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn traffic(
        &self,
        app: AppName,
        first: Date,
        last: Date,
    ) -> anyhow::Result<Vec<DayTraffic>> {
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT local_date, requests, errors, unanswered FROM traffic_day
                 WHERE app = ?1 AND local_date BETWEEN ?2 AND ?3 ORDER BY local_date",
            )?;
            let range = params![app.as_str(), first.to_string(), last.to_string()];
            let rows = statement.query_map(range, day_of)?;
            rows.collect()
        })
        .await
    }
}

fn day_of(row: &Row<'_>) -> rusqlite::Result<DayTraffic> {
    let count = |column| Ok::<_, rusqlite::Error>(from_column(row.get(column)?));
    Ok(DayTraffic {
        local_date: row.get::<_, String>(0)?.parse().unwrap_or(Date::ZERO),
        requests: count(1)?,
        errors: count(2)?,
        unanswered: count(3)?,
    })
}

fn to_column(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn from_column(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;

    use super::*;

    fn day(local_date: Date, requests: u64, errors: u64, unanswered: u64) -> DayTraffic {
        DayTraffic {
            local_date,
            requests,
            errors,
            unanswered,
        }
    }

    #[tokio::test]
    async fn what_is_added_to_a_date_adds_up_and_each_app_has_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let [home, other]: [AppName; 2] = ["home", "other"].map(|name| name.parse().unwrap());
        let (first, second) = (date(2026, 11, 30), date(2026, 12, 1));
        let written = vec![day(first, 10, 2, 1), day(second, 5, 0, 0)];
        journal.add_traffic(home.clone(), written).await.unwrap();
        let written = vec![day(second, 7, 1, 1)];
        journal.add_traffic(home.clone(), written).await.unwrap();
        let written = vec![day(second, 1, 1, 0)];
        journal.add_traffic(other, written).await.unwrap();
        assert_eq!(
            journal.traffic(home.clone(), first, second).await.unwrap(),
            [day(first, 10, 2, 1), day(second, 12, 1, 1)]
        );
        assert_eq!(
            journal.traffic(home, second, second).await.unwrap(),
            [day(second, 12, 1, 1)]
        );
    }

    #[tokio::test]
    async fn the_oldest_dates_go_and_at_least_two_weeks_stay() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        let home: AppName = "home".parse().unwrap();
        let first = date(2026, 1, 1);
        for number in 0..100 {
            let written = vec![day(first + number.days(), 1, 0, 0)];
            journal.add_traffic(home.clone(), written).await.unwrap();
        }
        let kept = journal
            .traffic(home, first, first + 200.days())
            .await
            .unwrap();
        assert_eq!(kept.len(), MAX_DAYS_PER_APP as usize);
        assert_eq!(kept[0].local_date, first + 40.days());
        assert!(kept.len() >= 14);
    }
}
