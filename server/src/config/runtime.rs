//! `[app.runtime]`: how a colour is started.

use super::claims::Claims;
use super::process::{self, ProcessConfig};
use super::reader::Table;
use super::systemd::{self, SystemdConfig};
use crate::names::AppName;

/// `[app.runtime]`
#[derive(Debug, Clone)]
pub enum RuntimeConfig {
    /// `kind = "process"`: child processes of the supervisor.
    Process(ProcessConfig),
    /// `kind = "systemd"`: units over D-Bus.
    Systemd(SystemdConfig),
}

pub(super) fn read(
    table: Table<'_>,
    name: Option<&AppName>,
    claims: &mut Claims,
    on_this_machine: bool,
) -> Option<RuntimeConfig> {
    let kind = table.or("kind", "process".to_owned());
    match kind.value.as_str() {
        "process" => process::read(table, claims, on_this_machine).map(RuntimeConfig::Process),
        "systemd" => {
            systemd::read(table, name, claims, on_this_machine).map(RuntimeConfig::Systemd)
        }
        other => {
            let text =
                format!("there is no runtime `{other}`; it must be `\"process\"` or `\"systemd\"`");
            table.problem_at(&kind, text);
            None
        }
    }
}
