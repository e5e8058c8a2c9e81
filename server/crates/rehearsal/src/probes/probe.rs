//! What a probe is, and the schemas that it is about.

use rusqlite::types::Value;

use crate::schema::Database;

/// Something that the old release may do.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The table or view, in lower case.
    pub table: String,
    /// In words, such as "an insert without note".
    pub what: String,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The columns that it leaves out or is about, in lower case.
    pub columns: Vec<String>,
}

impl Probe {
    /// Whether it only reads.
    pub fn is_read(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.all(|step| step.sql.starts_with("SELECT"))
    }
}

/// One statement of a probe.
#[derive(Debug, Clone)]
pub struct Step {
    /// The statement.
    pub sql: String,
    /// Its parameters.
    pub values: Vec<Value>,
}

impl Step {
    /// A statement with parameters.
    pub fn new(sql: impl Into<String>, values: Vec<Value>) -> Step {
        Step {
            sql: sql.into(),
            values,
        }
    }
}

/// Both schemas, and what is known to differ in the data.
#[derive(Debug, Clone, Copy)]
pub struct Schemas<'a> {
    /// Before.
    pub before: &'a Database,
    /// After.
    pub after: &'a Database,
    /// Tables in lower case that lost rows or whose values changed.
    pub differing: &'a [String],
}
