//! What a comparison found, as plain data. The JSON of these types is what `tealkeep compare --json` prints.

use std::fmt;

use serde::Serialize;

/// What exactly was found. The names are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each name says what it stands for; docs/migrations.md explains them"
)]
pub enum Kind {
    TableDropped,
    TableRenamed,
    ColumnDropped,
    ColumnRenamed,
    TypeChanged,
    NotNullAdded,
    NotNullDropped,
    NotNullWithoutDefault,
    DefaultRemoved,
    DefaultChanged,
    UniqueAdded,
    UniqueDropped,
    CheckAdded,
    CheckDropped,
    ConflictClauseChanged,
    ForeignKeyAdded,
    ForeignKeyChanged,
    ForeignKeyDropped,
    PrimaryKeyChanged,
    AutoincrementLost,
    AutoincrementAdded,
    CollationChanged,
    GeneratedChanged,
    StrictAdded,
    StrictDropped,
    WithoutRowidChanged,
    IndexDropped,
    TriggerAdded,
    TriggerDropped,
    TriggerChanged,
    ViewChanged,
    ViewDropped,
    FtsChanged,
    ColumnOrderChanged,
    ColumnAdded,
    TableAdded,
    RowsAdded,
    RowsLost,
    ValuesChanged,
    IntegrityWorse,
    SlowMigration,
    ProbeFailed,
    StatementFailed,
    StatementDiffers,
    NotJudged,
    NothingSeen,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; the release from before does not notice it.
    Note,
    /// The release from before may notice it; nothing that was tried fails.
    Warn,
    /// The release from before fails, or its data is gone or different.
    Breaking,
}

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing but notes: the migration only adds.
    Additive,
    /// At least one warning, and nothing that breaks.
    Warn,
    /// The release from before does not work on the database after, or its data is gone.
    Breaking,
}

/// One difference that matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What exactly.
    pub kind: Kind,
    /// How grave.
    pub severity: Severity,
    /// The table's name before: the child of a foreign key, the table of a trigger; the new table for a new one. Null for
    /// the database as a whole.
    pub table: Option<String>,
    /// The column, where there is one.
    pub column: Option<String>,
    /// What was seen: whole sentences.
    pub evidence: String,
    /// What to do instead, in two deploys where it takes two.
    pub advice: String,
}

/// What the verdict rests on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Tables of the database before, without shadow tables.
    pub tables: usize,
    /// Their rows.
    pub rows: u64,
    /// Statements of the log that ran on both databases.
    pub statements: usize,
    /// Probes that worked before, and so were tried after.
    pub probes: usize,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst of the findings.
    pub verdict: Verdict,
    /// All findings: the gravest first, then by table, kind and column.
    pub findings: Vec<Finding>,
    /// What the verdict rests on.
    pub seen: Seen,
}

impl Report {
    /// The report of these findings, in order.
    #[must_use]
    pub fn new(mut findings: Vec<Finding>, seen: Seen) -> Report {
        findings.sort_by(|a, b| {
            (b.severity, &a.table, a.kind, &a.column, &a.evidence).cmp(&(
                a.severity,
                &b.table,
                b.kind,
                &b.column,
                &b.evidence,
            ))
        });
        findings.dedup();
        let verdict = match findings.iter().map(|finding| finding.severity).max() {
            None | Some(Severity::Note) => Verdict::Additive,
            Some(Severity::Warn) => Verdict::Warn,
            Some(Severity::Breaking) => Verdict::Breaking,
        };
        Report {
            verdict,
            findings,
            seen,
        }
    }
}

/// The name as it stands in JSON.
fn name<T: Serialize>(value: &T, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    value.serialize(f)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name(self, f)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name(self, f)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name(self, f)
    }
}
