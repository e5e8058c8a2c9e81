//! Checks in the journal: what the policies found, when, and which findings a person accepted. A check with the same outcome
//! as the one before adds no row: it updates the time and the count of that row.

mod acceptance;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::Journal;
use super::columns::{instant, parse_column, to_word};
use super::runs::RunId;
use crate::names::{AppName, ReleaseId};
use crate::policy::{Coverage, Finding, Severity, Verdict};
pub use acceptance::{Acceptance, Scope};

/// How many checks of an app are kept.
const MAX_CHECKS_PER_APP: u32 = 200;

/// The number of a check, unique on this machine.
pub type CheckId = i64;

/// What a check looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The idle colour, before a swap.
    Idle,
    /// The public address.
    Public,
    /// The live colour itself, if the configuration names no public address.
    Live,
}

impl Target {
    /// As it stands in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Target::Idle => "idle",
            Target::Public => "public",
            Target::Live => "live",
        }
    }

    /// Whether it shows what people get now, not what they would get.
    #[must_use]
    pub fn is_what_people_see(self) -> bool {
        self != Target::Idle
    }
}

/// One thing that a check found, and whether a person had accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Found {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Its acceptance, if there is one; then it does not count.
    pub accepted: Option<Acceptance>,
}

/// The outcome of a check that got answers.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The worst of the findings that nobody accepted.
    pub verdict: Verdict,
    /// What was found.
    pub findings: Vec<Found>,
    /// What it looked at.
    pub seen: Option<Coverage>,
}

/// A check that has ended, before it is written.
#[derive(Debug, Clone)]
pub struct NewCheck {
    /// What a check looked at.
    pub target: Target,
    /// The address that was asked for.
    pub url: String,
    /// The release that answered, where it is known.
    pub release: Option<ReleaseId>,
    /// The run that it belongs to.
    pub run: Option<RunId>,
    /// How long it took.
    pub took: std::time::Duration,
    /// The outcome; `Err` says why there was no answer, as the end of "the address …".
    pub outcome: Result<Judged, String>,
}

/// One check. Its JSON is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Check {
    /// Its number.
    pub id: CheckId,
    /// What a check looked at.
    pub target: Target,
    /// The address that was asked for.
    pub url: String,
    /// The release that answered, where it is known.
    pub release: Option<ReleaseId>,
    /// The run that it belongs to.
    pub run: Option<RunId>,
    /// When the outcome was first this.
    #[schemars(with = "String")]
    pub first_at: Timestamp,
    /// When it was last this.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How many times in a row the outcome was this.
    pub times: u32,
    /// How long the last one took, in milliseconds.
    pub took_ms: u64,
    /// The worst of the findings that nobody accepted; null where there was no answer.
    pub verdict: Option<Verdict>,
    /// Why there was no answer, as the end of "the address …".
    pub unreachable: Option<String>,
    /// What was found: by policy, then the gravest first. Accepted ones are among them.
    pub findings: Vec<Found>,
    /// What it looked at; null where there was no answer, and for checks by earlier versions.
    #[serde(default)]
    pub seen: Option<Coverage>,
}

impl Check {
    /// The findings that count, with this severity.
    pub fn counting(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        let counts =
            move |found: &&Found| found.accepted.is_none() && found.finding.severity == severity;
        self.findings
            .iter()
            .filter(counts)
            .map(|found| &found.finding)
    }

    /// Whether both have the same outcome, in everything that a person would have to look at.
    fn is_like(&self, other: &NewCheck) -> bool {
        let keys = |findings: &[Found]| {
            let key = |found: &Found| {
                let f = &found.finding;
                let accepted = found.accepted.as_ref().map(|acceptance| acceptance.id);
                (f.policy, f.kind, f.severity, f.url.clone(), accepted)
            };
            findings.iter().map(key).collect::<Vec<_>>()
        };
        let outcome = match &other.outcome {
            Ok(judged) => {
                let workers = |seen: &Option<Coverage>| {
                    let all = seen.iter().flat_map(Coverage::workers);
                    all.map(|worker| worker.url.clone()).collect::<Vec<_>>()
                };
                self.verdict == Some(judged.verdict)
                    && keys(&self.findings) == keys(&judged.findings)
                    && (self.seen.is_none() || workers(&self.seen) == workers(&judged.seen))
            }
            Err(why) => self.unreachable.as_ref() == Some(why),
        };
        outcome && self.url == other.url && self.release == other.release
    }
}

impl Journal {
    /// Records a check. If it belongs to no run and has the same outcome as the newest one of its target, that one is
    /// counted once more. Returns the stored check, and the previous one of its target if the outcome has changed.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn note_check(
        &self,
        app: AppName,
        check: NewCheck,
    ) -> anyhow::Result<(Check, Option<Check>)> {
        let now = Timestamp::now().as_millisecond();
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            let before = newest(&transaction, &app, check.target)?;
            let same = before
                .as_ref()
                .filter(|before| check.run.is_none() && before.is_like(&check));
            let row = NewRow::of(&check, now);
            let (id, differs) = match same {
                Some(same) => {
                    row.count_again(&transaction, same.id)?;
                    (same.id, false)
                }
                None => (row.insert(&transaction, &app, &check)?, true),
            };
            transaction.execute(
                "DELETE FROM policy_check WHERE app = ?1 AND id NOT IN
                     (SELECT id FROM policy_check WHERE app = ?1 ORDER BY id DESC LIMIT ?2)",
                params![app.as_str(), MAX_CHECKS_PER_APP],
            )?;
            let written =
                transaction.query_row(&format!("{COLUMNS} WHERE id = ?1"), [id], check_of)?;
            transaction.commit()?;
            Ok((written, before.filter(|_| differs)))
        })
        .await
    }

    /// A check of an app by its number.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn check(&self, app: AppName, id: CheckId) -> anyhow::Result<Option<Check>> {
        self.with(move |connection| {
            connection
                .query_row(
                    &format!("{COLUMNS} WHERE app = ?1 AND id = ?2"),
                    params![app.as_str(), id],
                    check_of,
                )
                .optional()
        })
        .await
    }

    /// The newest checks of an app, newest first.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn checks(&self, app: AppName, limit: u32) -> anyhow::Result<Vec<Check>> {
        self.with(move |connection| {
            connection
                .prepare_cached(&format!(
                    "{COLUMNS} WHERE app = ?1 ORDER BY id DESC LIMIT ?2"
                ))?
                .query_map(params![app.as_str(), limit], check_of)?
                .collect()
        })
        .await
    }

    /// The newest check of a target.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn newest_check(
        &self,
        app: AppName,
        target: Target,
    ) -> anyhow::Result<Option<Check>> {
        self.with(move |connection| newest(connection, &app, target))
            .await
    }
}

/// The columns in which two checks with the same outcome may differ, and the outcome's own.
struct NewRow {
    now: i64,
    took_ms: i64,
    verdict: Option<String>,
    unreachable: Option<String>,
    findings: String,
    seen: Option<String>,
}

impl NewRow {
    fn of(check: &NewCheck, now: i64) -> NewRow {
        let took_ms = i64::try_from(check.took.as_millis()).unwrap_or(i64::MAX);
        let (verdict, unreachable, findings, seen) = match &check.outcome {
            Ok(judged) => (
                Some(to_word(&judged.verdict)),
                None,
                json(&judged.findings),
                judged.seen.as_ref().map(json),
            ),
            Err(why) => (None, Some(why.clone()), "[]".to_owned(), None),
        };
        NewRow {
            now,
            took_ms,
            verdict,
            unreachable,
            findings,
            seen,
        }
    }

    fn count_again(&self, connection: &Connection, id: CheckId) -> rusqlite::Result<()> {
        connection
            .execute(
                "UPDATE policy_check SET at = ?2, times = times + 1, took_ms = ?3, findings = ?4, seen = ?5 WHERE id = ?1",
                params![id, self.now, self.took_ms, self.findings, self.seen],
            )
            .map(drop)
    }

    fn insert(
        &self,
        connection: &Connection,
        app: &AppName,
        check: &NewCheck,
    ) -> rusqlite::Result<CheckId> {
        connection.execute(
            "INSERT INTO policy_check(app, target, url, release, run, first_at, at, times, took_ms, verdict, unreachable, findings, seen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1, ?7, ?8, ?9, ?10, ?11)",
            params![
                app.as_str(),
                to_word(&check.target),
                check.url,
                check.release.as_ref().map(ReleaseId::as_str),
                check.run,
                self.now,
                self.took_ms,
                self.verdict,
                self.unreachable,
                self.findings,
                self.seen
            ],
        )?;
        Ok(connection.last_insert_rowid())
    }
}

const COLUMNS: &str = "SELECT id, target, url, release, run, first_at, at, times, took_ms, verdict, unreachable, findings, seen FROM policy_check";

fn newest(
    connection: &Connection,
    app: &AppName,
    target: Target,
) -> rusqlite::Result<Option<Check>> {
    connection
        .query_row(
            &format!("{COLUMNS} WHERE app = ?1 AND target = ?2 ORDER BY id DESC LIMIT 1"),
            params![app.as_str(), to_word(&target)],
            check_of,
        )
        .optional()
}

fn json<T: Serialize + ?Sized>(facts: &T) -> String {
    serde_json::to_string(facts).expect("findings and counts are plain text and numbers")
}

fn check_of(row: &Row<'_>) -> rusqlite::Result<Check> {
    let unreadable = |column, error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    };
    let findings: String = row.get(11)?;
    let findings = serde_json::from_str(&findings).map_err(|error| unreadable(11, error))?;
    let seen: Option<String> = row.get(12)?;
    let seen = seen.map(|seen| serde_json::from_str(&seen)).transpose();
    let seen = seen.map_err(|error| unreadable(12, error))?;
    let verdict = match row.get::<_, Option<String>>(9)? {
        Some(_) => Some(parse_column(row, 9)?),
        None => None,
    };
    let release: Option<String> = row.get(3)?;
    Ok(Check {
        id: row.get(0)?,
        target: parse_column(row, 1)?,
        url: row.get(2)?,
        release: release.and_then(|release| release.parse().ok()),
        run: row.get(4)?,
        first_at: instant(row.get(5)?),
        at: instant(row.get(6)?),
        times: row.get(7)?,
        took_ms: u64::try_from(row.get::<_, i64>(8)?).unwrap_or_default(),
        verdict,
        unreachable: row.get(10)?,
        findings,
        seen,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::{Kind, Policy};

    fn finding(url: &str, evidence: &str) -> Found {
        Found {
            finding: Finding {
                policy: Policy::HtmlCache,
                kind: Kind::Reusable,
                severity: Severity::Fail,
                url: url.to_owned(),
                evidence: evidence.to_owned(),
                advice: "Say no-cache.".to_owned(),
            },
            accepted: None,
        }
    }

    fn judged(verdict: Verdict, findings: Vec<Found>) -> Result<Judged, String> {
        let seen = Coverage {
            pages: 3,
            ..Coverage::default()
        };
        Ok(Judged {
            verdict,
            findings,
            seen: Some(seen),
        })
    }

    fn public(outcome: Result<Judged, String>) -> NewCheck {
        NewCheck {
            target: Target::Public,
            url: "https://home.example/".to_owned(),
            release: Some("v1".parse().unwrap()),
            run: None,
            took: Duration::from_millis(120),
            outcome,
        }
    }

    async fn journal() -> (tempfile::TempDir, Journal, AppName) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        (dir, journal, "home".parse().unwrap())
    }

    #[tokio::test]
    async fn a_check_that_finds_the_same_again_is_counted_and_one_that_does_not_is_a_new_row() {
        let (_dir, journal, app) = journal().await;
        let note = async |check| journal.note_check(app.clone(), check).await.unwrap();
        let (first, none) = note(public(judged(Verdict::Pass, vec![]))).await;
        assert_eq!((first.times, none), (1, None));
        assert_eq!(first.seen.as_ref().map(|seen| seen.pages), Some(3));
        let (again, none) = note(public(judged(Verdict::Pass, vec![]))).await;
        assert_eq!((again.id, again.times, none), (first.id, 2, None));

        let failed = vec![finding("https://home.example/", "Age: 3")];
        let (failing, before) = note(public(judged(Verdict::Fail, failed))).await;
        assert_ne!(failing.id, first.id);
        assert_eq!(before.map(|check| check.id), Some(first.id));
        // What was seen is told as it was seen last, and makes no difference.
        let failed = vec![finding("https://home.example/", "Age: 9")];
        let (still, none) = note(public(judged(Verdict::Fail, failed))).await;
        assert_eq!((still.id, still.times, none), (failing.id, 2, None));
        assert_eq!(still.findings[0].finding.evidence, "Age: 9");
        let elsewhere = vec![finding("https://home.example/x", "Age: 9")];
        let (other, _) = note(public(judged(Verdict::Fail, elsewhere))).await;
        assert_ne!(other.id, failing.id);

        let (silent, _) = note(public(Err("is not there".to_owned()))).await;
        assert_eq!(silent.verdict, None);
        assert_eq!(silent.unreachable.as_deref(), Some("is not there"));
        // One that belongs to a run is that run's own.
        let mut of_run = public(Err("is not there".to_owned()));
        of_run.run = Some(7);
        let (own, _) = note(of_run).await;
        assert_ne!(own.id, silent.id);
        let all = journal.checks(app.clone(), 99).await.unwrap();
        assert_eq!(all.len(), 5);
        assert_eq!(all[0], own);
        assert_eq!(
            journal.check(app.clone(), first.id).await.unwrap(),
            Some(again)
        );
        let elsewhere = journal.check("garden".parse().unwrap(), first.id).await;
        assert_eq!(elsewhere.unwrap(), None);
    }

    #[tokio::test]
    async fn only_the_newest_checks_of_an_app_are_kept() {
        let (_dir, journal, app) = journal().await;
        let garden: AppName = "garden".parse().unwrap();
        let (other, _) = journal
            .note_check(garden.clone(), public(judged(Verdict::Pass, vec![])))
            .await
            .unwrap();
        for number in 0..MAX_CHECKS_PER_APP + 5 {
            let silent = public(Err(format!("did not answer the question {number}")));
            journal.note_check(app.clone(), silent).await.unwrap();
        }
        let kept = journal.checks(app.clone(), u32::MAX).await.unwrap();
        assert_eq!(kept.len(), 200);
        assert!(kept[199].unreachable.as_ref().unwrap().ends_with(" 5"));
        assert_eq!(journal.checks(garden, 9).await.unwrap(), [other]);
    }
}
