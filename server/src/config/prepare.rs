//! The keys of `[app.deploy]` about preparing a release on this machine before it starts.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::range::check_duration;
use super::reader::Table;

/// How a release is prepared on this machine, such as `npm ci --omit=dev`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrepareConfig {
    /// The command, run in the release's directory as the app's user.
    pub command: Vec<String>,
    /// Files of the release, relative to it, on which the result depends.
    pub inputs: Vec<PathBuf>,
    /// Commands on whose output the result depends too, such as `node --version`.
    pub versions: Vec<Vec<String>>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Reads the keys that begin with `prepare`; `None` if there is no command.
pub(super) fn read(table: &Table<'_>) -> Option<PrepareConfig> {
    let command = table.optional::<Vec<String>>("prepare");
    let inputs = table.or("prepare_inputs", Vec::<String>::new());
    let versions = table.or("prepare_versions", Vec::<Vec<String>>::new());
    let timeout = table.or("prepare_timeout", Duration::from_secs(600));
    check_duration(table, &timeout, "1s", "6h");
    for input in &inputs.value {
        let path = Path::new(input);
        let inside = path.components().all(|c| matches!(c, Component::Normal(_)));
        if input.is_empty() || !inside {
            table.problem_at(
                &inputs,
                format!("`{input}` is not a file of a release; write its path relative to the release's directory, for example `\"package-lock.json\"`"),
            );
        }
    }
    for words in versions
        .value
        .iter()
        .chain(command.as_ref().map(|c| &c.value))
    {
        if words
            .first()
            .is_none_or(|program| program.trim().is_empty())
        {
            table.problem_here(
                "prepare",
                "has no program; write for example `[\"npm\", \"ci\", \"--omit=dev\"]`",
            );
        }
    }
    let Some(command) = command else {
        for (given, key) in [
            (inputs.given, "prepare_inputs"),
            (versions.given, "prepare_versions"),
            (timeout.given, "prepare_timeout"),
        ] {
            if given {
                table.problem_here(
                    key,
                    "is set without `prepare`, the command that it belongs to",
                );
            }
        }
        return None;
    };
    Some(PrepareConfig {
        command: command.value,
        inputs: inputs.value.into_iter().map(PathBuf::from).collect(),
        versions: versions.value,
        timeout: timeout.value,
    })
}
