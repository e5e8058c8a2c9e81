//! `[app.runtime]` with `kind = "systemd"`: two units that the administrator installed, and the user as whom they run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::claims::Claims;
use super::command::{check_command, read_variables};
use super::range::check_duration;
use super::reader::{Placed, Table};

use crate::names::{AppName, Colour};

/// `[app.runtime]` with `kind = "systemd"`
#[derive(Debug, Clone)]
pub struct SystemdConfig {
    /// The user and group as which the app's units run and who own its database.
    pub user: String,
    /// The command that starts a colour, for the units that `tealkeep units` prints; `None` if the administrator's own units
    /// define it, which then get a drop-in.
    pub command: Option<Vec<String>>,
    /// The unit of blue, including `.service`.
    pub blue_unit: String,
    /// The unit of green, including `.service`.
    pub green_unit: String,
    /// The port of blue, on loopback.
    pub blue_port: u16,
    /// The port of green, on loopback.
    pub green_port: u16,
    /// The time between SIGTERM and SIGKILL, printed as `TimeoutStopSec=`.
    pub stop_timeout: Duration,
    /// The environment variable with the app's port.
    pub port_variable: String,
    /// The environment variable with the path of the app's database.
    pub database_variable: String,
    /// Further environment variables.
    pub env: BTreeMap<String, String>,
}

impl SystemdConfig {
    /// The port of a colour, on loopback.
    #[must_use]
    pub fn port(&self, colour: Colour) -> u16 {
        match colour {
            Colour::Blue => self.blue_port,
            Colour::Green => self.green_port,
        }
    }

    /// The unit of a colour.
    #[must_use]
    pub fn unit(&self, colour: Colour) -> &str {
        match colour {
            Colour::Blue => &self.blue_unit,
            Colour::Green => &self.green_unit,
        }
    }
}

pub(super) fn read(
    table: Table<'_>,
    name: Option<&AppName>,
    claims: &mut Claims,
    on_this_machine: bool,
) -> Option<SystemdConfig> {
    let own = name.map_or("app", AppName::as_str);
    let user = table.or("user", own.to_owned());
    if !is_user(&user.value) {
        table.problem_at(
            &user,
            format!(
                "`{}` can't be a user's name; write the name of the user that the app runs as, for example `\"{own}\"`",
                user.value
            ),
        );
    }
    if user.value == "root" || user.value == "tealkeep" {
        table.problem_at(
            &user,
            "the app must not run as `root`, nor as Tealkeep's own user; give it a user of its own",
        );
    }
    let command = table.optional::<Vec<String>>("command");
    if let Some(command) = &command {
        check_command(&table, command, on_this_machine);
    }
    let blue_unit = unit(&table, "blue_unit", format!("{own}-blue.service"));
    let green_unit = unit(&table, "green_unit", format!("{own}-green.service"));
    if blue_unit.value == green_unit.value {
        table.problem_at(
            &green_unit,
            format!(
                "`{}` is already the blue colour's unit; each needs its own",
                green_unit.value
            ),
        );
    }
    let blue_port = table.or("blue_port", 3001_u16);
    let green_port = table.or("green_port", 3002_u16);
    claims.local_port(&table, &blue_port);
    claims.local_port(&table, &green_port);
    let stop_timeout = table.or("stop_timeout", Duration::from_secs(10));
    check_duration(&table, &stop_timeout, "1s", "10m");
    let (port_variable, database_variable, env) = read_variables(&table);
    table.finish();
    Some(SystemdConfig {
        user: user.value,
        command: command.map(|command| command.value),
        blue_unit: blue_unit.value,
        green_unit: green_unit.value,
        blue_port: blue_port.value,
        green_port: green_port.value,
        stop_timeout: stop_timeout.value,
        port_variable,
        database_variable,
        env,
    })
}

/// Whether this is the name of a service unit that is not a template (systemd.unit(5)).
fn unit(table: &Table<'_>, key: &str, default: String) -> Placed<String> {
    let unit = table.or(key, default);
    let stem = unit.value.strip_suffix(".service").unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || ":-_.".contains(c);
    if stem.is_empty() || stem.len() > 200 || !stem.chars().all(fits) {
        table.problem_at(
            &unit,
            format!(
                "`{}` is not the name of a service unit; write its full name, for example `\"home-blue.service\"`",
                unit.value
            ),
        );
    }
    unit
}

/// Whether `useradd` would accept it (useradd(8)).
fn is_user(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}
