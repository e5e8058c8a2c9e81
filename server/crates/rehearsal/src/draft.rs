//! A finding while it is still open how grave it is: the comparison names it, and the probes may raise it.

use crate::advice::advice;
use crate::report::{Finding, Kind, Severity};

/// A finding in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What.
    pub kind: Kind,
    /// How grave, so far.
    pub severity: Severity,
    /// The table as written; empty for the whole database.
    pub table: String,
    /// The column as written.
    pub column: Option<String>,
    /// The columns of a key, in lower case.
    pub columns: Vec<String>,
    /// Whole sentences.
    pub evidence: String,
    /// Whether a failing probe makes it breaking.
    pub can_break: bool,
}

impl Draft {
    /// A finding about a table.
    pub fn new(kind: Kind, severity: Severity, table: &str, evidence: impl Into<String>) -> Draft {
        Draft {
            kind,
            severity,
            table: table.to_owned(),
            column: None,
            columns: Vec::new(),
            evidence: evidence.into(),
            can_break: severity == Severity::Warn && !is_only_a_warning(kind),
        }
    }

    /// About a column.
    #[must_use]
    pub fn of_column(mut self, column: &str) -> Draft {
        self.column = Some(column.to_owned());
        self.columns.push(column.to_ascii_lowercase());
        self
    }

    /// About the columns of a key.
    #[must_use]
    pub fn of_columns<'a>(mut self, columns: impl IntoIterator<Item = &'a str>) -> Draft {
        self.columns.extend(columns.into_iter().map(str::to_owned));
        if let [one] = self.columns.as_slice() {
            self.column = Some(one.clone());
        }
        self
    }

    /// A note that a failing probe makes breaking.
    #[must_use]
    pub fn breakable(mut self) -> Draft {
        self.can_break = true;
        self
    }

    /// A probe showed that it breaks.
    pub fn raise(&mut self, evidence: &str) {
        if self.can_break && self.severity < Severity::Breaking {
            self.severity = Severity::Breaking;
            self.evidence.push(' ');
            self.evidence.push_str(evidence);
        }
    }

    /// The finding.
    pub fn finish(self) -> Finding {
        Finding {
            kind: self.kind,
            severity: self.severity,
            advice: advice(self.kind, &self.table, self.column.as_deref()),
            table: (!self.table.is_empty()).then_some(self.table),
            column: self.column,
            evidence: self.evidence,
        }
    }
}

fn is_only_a_warning(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::AutoincrementLost
            | Kind::DefaultChanged
            | Kind::ColumnOrderChanged
            | Kind::SlowMigration
            | Kind::NotJudged
            | Kind::NothingSeen
            | Kind::TableRenamed
    )
}
