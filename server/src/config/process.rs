//! `[app.runtime]` with `kind = "process"`: a command that Tealkeep runs as its own child.

use std::collections::BTreeMap;
use std::time::Duration;

use super::claims::Claims;
use super::command::{check_command, read_variables};
use super::range::check_duration;
use super::reader::Table;
use crate::names::Colour;

/// `[app.runtime]` with `kind = "process"`
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// The command that starts a colour, run in its release's directory.
    pub command: Vec<String>,
    /// The port of blue, on loopback.
    pub blue_port: u16,
    /// The port of green, on loopback.
    pub green_port: u16,
    /// The time between SIGTERM and SIGKILL.
    pub stop_timeout: Duration,
    /// The environment variable with the app's port.
    pub port_variable: String,
    /// The environment variable with the path of the app's database.
    pub database_variable: String,
    /// Further environment variables.
    pub env: BTreeMap<String, String>,
}

impl ProcessConfig {
    /// The port of a colour, on loopback.
    #[must_use]
    pub fn port(&self, colour: Colour) -> u16 {
        match colour {
            Colour::Blue => self.blue_port,
            Colour::Green => self.green_port,
        }
    }
}

pub(super) fn read(
    table: Table<'_>,
    claims: &mut Claims,
    on_this_machine: bool,
) -> Option<ProcessConfig> {
    let command = table.required::<Vec<String>>("command");
    if let Some(command) = &command {
        check_command(&table, command, on_this_machine);
    }
    let blue_port = table.or("blue_port", 3001_u16);
    let green_port = table.or("green_port", 3002_u16);
    claims.local_port(&table, &blue_port);
    claims.local_port(&table, &green_port);
    let stop_timeout = table.or("stop_timeout", Duration::from_secs(10));
    check_duration(&table, &stop_timeout, "1s", "10m");
    let (port_variable, database_variable, env) = read_variables(&table);
    table.finish();
    Some(ProcessConfig {
        command: command?.value,
        blue_port: blue_port.value,
        green_port: green_port.value,
        stop_timeout: stop_timeout.value,
        port_variable,
        database_variable,
        env,
    })
}
