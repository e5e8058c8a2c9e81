//! The command that starts a colour and the environment variables that it gets, in both runtimes.

use std::collections::BTreeMap;

use super::machine;
use super::reader::{Placed, Table};

/// Refuses a command whose program does not exist.
pub(super) fn check_command(
    table: &Table<'_>,
    command: &Placed<Vec<String>>,
    on_this_machine: bool,
) {
    match command.value.first().map(|program| program.trim()) {
        None | Some("") => table.problem_at(
            command,
            "has no program; write for example `[\"node\", \"server.js\"]`",
        ),
        Some(program) if on_this_machine && !machine::has_program(program) => table.problem_at(
            command,
            format!("there is no program `{program}` on this machine; install it, or write its full path"),
        ),
        Some(_) => {}
    }
}

/// The names of the variables for the port and the database, and further variables.
pub(super) fn read_variables(table: &Table<'_>) -> (String, String, BTreeMap<String, String>) {
    let port_variable = table.or("port_variable", "PORT".to_owned());
    let database_variable = table.or("database_variable", "DATABASE_PATH".to_owned());
    let env = table.or("env", BTreeMap::<String, String>::new());
    let given = [&port_variable, &database_variable];
    for variable in given {
        if !is_variable(&variable.value) {
            table.problem_at(variable, not_a_variable(&variable.value));
        }
    }
    if port_variable.value == database_variable.value {
        table.problem_at(
            &database_variable,
            format!(
                "`{}` is already the port's variable; each needs its own",
                database_variable.value
            ),
        );
    }
    for name in env.value.keys() {
        if !is_variable(name) {
            table.problem_at(&env, not_a_variable(name));
        } else if name.starts_with("TEALKEEP_") || given.iter().any(|known| known.value == *name) {
            table.problem_at(
                &env,
                format!("`{name}` is set by Tealkeep itself; leave it out here"),
            );
        }
    }
    (port_variable.value, database_variable.value, env.value)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn not_a_variable(name: &str) -> String {
    format!(
        "`{name}` can't be the name of an environment variable; it must be letters, digits and `_`, for example `PORT`"
    )
}
