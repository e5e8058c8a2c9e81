//! clap's tree: every command with its arguments, what it needs, and the help that groups the commands.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use super::{
    accept, adopt, backup, check, compare, demo, deploy, doctor, drill, incoming, key, manual,
    notify, prepare, pull, pulled, push, restore, serve, snapshots, status, token, units, verify,
};
use crate::config::DEFAULT_SOCKET;
use crate::http::auth::Scope;
use crate::keys::door::DoorArgs;

/// The commands in the order of the help, everyday ones first.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Every day",
        &[
            "status",
            "backup",
            "snapshots",
            "deploy",
            "rollback",
            "restore",
        ],
    ),
    ("From the laptop", &["push", "pull"]),
    (
        "Occasionally",
        &[
            "undo", "verify", "compare", "drill", "check", "accept", "adopt", "notify", "password",
            "token", "key",
        ],
    ),
    (
        "Installation and operation",
        &["doctor", "units", "serve", "demo"],
    ),
];

const AFTER: &str = "\
`tealkeep COMMAND --help` describes one of them.
Exit codes: 0 the command did what was asked, 1 it tried and failed, 2 the call itself was wrong.";

/// Supervises household web apps on a small machine: verified snapshots, blue/green deploys, restores
/// without errors for users.
#[derive(Debug, Parser)]
#[command(name = "tealkeep", version, after_help = AFTER, arg_required_else_help = true)]
pub(super) struct Cli {
    /// The server's unix socket.
    #[arg(long, global = true, env = "TEALKEEP_SOCKET", hide_env_values = true, default_value = DEFAULT_SOCKET, value_name = "PATH")]
    pub(super) socket: PathBuf,
    /// Print facts as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Run the command on the machine at home, through ssh.
    #[arg(long, global = true, value_name = "USER@HOST")]
    pub(super) host: Option<String>,
    /// The ssh command to use for that, with its options.
    #[arg(
        long,
        global = true,
        env = "TEALKEEP_SSH",
        hide_env_values = true,
        default_value = "ssh",
        value_name = "COMMAND"
    )]
    pub(super) ssh: String,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show whether all is well, and the state of every app.
    Status(status::StatusArgs),
    /// Take a snapshot now; with --database and --folder, of any database
    Backup(backup::BackupArgs),
    /// List an app's snapshots, and why each one is kept.
    Snapshots(snapshots::SnapshotsArgs),
    /// Make a release live, by its name or from a directory.
    Deploy(deploy::DeployArgs),
    /// Make the previous release live again.
    Rollback(AppArg),
    /// Put a snapshot's content back; with --file and --to, unpack one
    Restore(restore::RestoreArgs),
    /// Undo the last restore.
    Undo(restore::UndoArgs),
    /// Verify every byte of snapshots: a file, a folder, or an app's
    Verify(verify::VerifyArgs),
    /// Compare a database before and after a migration: does the old release keep working?
    Compare(compare::CompareArgs),
    /// Check any site like a browser does: whether a deploy of it reaches people.
    Check(check::CheckArgs),
    /// Show what the checks of an app found and what to change, and accept findings.
    Accept(accept::AcceptArgs),
    /// Test whether the newest snapshot could be restored, by unpacking it elsewhere.
    Drill(drill::DrillArgs),
    /// Take over the backups of a script: daily/DATE/db.sqlite.gz and so on
    Adopt(adopt::AdoptArgs),
    /// Send a test message through every configured channel.
    Notify(notify::NotifyArgs),
    /// Print a one-time link that sets the dashboard's password.
    Password,
    /// Create, list and revoke tokens for the API.
    Token(token::TokenArgs),
    /// Add, list and remove the ssh keys of laptops.
    Key(key::KeyArgs),
    /// Send a release from this laptop to the machine at home and make it live there.
    Push(push::PushArgs),
    /// Fetch the snapshots to this laptop and verify them.
    Pull(pull::PullArgs),
    /// Report that the snapshots were fetched.
    #[command(hide = true)]
    Pulled(pulled::PulledArgs),
    /// Check everything that Tealkeep relies on, and print how to fix what is wrong.
    Doctor(doctor::DoctorArgs),
    /// Print the units, rules and commands that an app needs on this machine; changes nothing.
    Units(units::UnitsArgs),
    /// Run the server.
    Serve(serve::ServeArgs),
    /// Try everything out, in one folder, with an app included.
    Demo(demo::DemoArgs),
    /// The demo's own app.
    #[command(hide = true)]
    HomeApp(HomeAppArgs),
    /// Prepare a release; its unit runs this.
    #[command(hide = true)]
    Prepare(prepare::PrepareArgs),
    /// Say where to send a release.
    #[command(hide = true)]
    Incoming(incoming::IncomingArgs),
    /// Do what a laptop's key may do here: the forced command of an authorized key.
    #[command(hide = true)]
    Door(DoorArgs),
    /// Run a service worker for a check, in this child process.
    #[command(hide = true)]
    EvaluateWorker,
    /// Write the manual pages and shell completions, for a package.
    #[command(hide = true)]
    Manual(manual::ManualArgs),
}

impl Verb {
    /// Whether the command needs a server, here or elsewhere.
    pub(super) fn speaks_to_server(&self) -> bool {
        match self {
            Verb::Backup(args) => !args.is_local(),
            Verb::Snapshots(args) => !args.is_path(),
            Verb::Restore(args) => !args.is_local(),
            Verb::Verify(args) => !args.is_path(),
            Verb::Drill(args) => !args.is_path(),
            Verb::Adopt(args) => !args.is_local(),
            Verb::Deploy(args) => !args.is_path(),
            Verb::Status(_)
            | Verb::Rollback(_)
            | Verb::Undo(_)
            | Verb::Notify(_)
            | Verb::Password
            | Verb::Token(_)
            | Verb::Accept(_)
            | Verb::Doctor(_)
            | Verb::Units(_)
            | Verb::Incoming(_) => true,
            Verb::Compare(_)
            | Verb::Check(_)
            | Verb::Push(_)
            | Verb::Pull(_)
            | Verb::Pulled(_)
            | Verb::Serve(_)
            | Verb::Demo(_)
            | Verb::HomeApp(_)
            | Verb::Prepare(_)
            | Verb::Door(_)
            | Verb::EvaluateWorker
            | Verb::Key(_)
            | Verb::Manual(_) => false,
        }
    }

    /// The scope that a key needs to run the command through `tealkeep door`, like a token. `None` if no key may: the
    /// command gives access to more, or reads and writes files by their paths.
    pub(super) fn scope_at_the_door(&self) -> Option<Scope> {
        let needed = match self {
            Verb::Snapshots(args) if args.removes() => Scope::Admin,
            Verb::Status(_) | Verb::Snapshots(_) => Scope::Read,
            Verb::Backup(_)
            | Verb::Deploy(_)
            | Verb::Rollback(_)
            | Verb::Verify(_)
            | Verb::Drill(_)
            | Verb::Incoming(_) => Scope::Deploy,
            Verb::Restore(_) | Verb::Undo(_) => Scope::Admin,
            Verb::Compare(_)
            | Verb::Check(_)
            | Verb::Accept(_)
            | Verb::Adopt(_)
            | Verb::Notify(_)
            | Verb::Password
            | Verb::Token(_)
            | Verb::Push(_)
            | Verb::Pull(_)
            | Verb::Pulled(_)
            | Verb::Doctor(_)
            | Verb::Units(_)
            | Verb::Serve(_)
            | Verb::Demo(_)
            | Verb::HomeApp(_)
            | Verb::Prepare(_)
            | Verb::Door(_)
            | Verb::EvaluateWorker
            | Verb::Key(_)
            | Verb::Manual(_) => return None,
        };
        self.speaks_to_server().then_some(needed)
    }
}

/// Which app.
#[derive(Debug, Args)]
pub(super) struct AppArg {
    /// The app's name; optional if there is only one.
    pub(super) app: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct HomeAppArgs {
    /// The release's directory.
    #[arg(long, default_value = ".")]
    pub(super) release: PathBuf,
}

/// The parser, with the commands of its help in groups, which clap does not support itself.
pub(super) fn command() -> clap::Command {
    let command = Cli::command();
    let mut verbs = String::new();
    for (heading, names) in GROUPS {
        verbs.push_str(&format!("{heading}:\n"));
        for name in names {
            let about = command
                .find_subcommand(name)
                .and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            verbs.push_str(&format!("  {name:<10} {about}\n"));
        }
        verbs.push('\n');
    }
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{verbs}Options:\n{{options}}{{after-help}}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_stands_in_one_group_of_the_help() {
        let command = command();
        let mut known: Vec<&str> = command
            .get_subcommands()
            .filter(|verb| !verb.is_hide_set())
            .map(clap::Command::get_name)
            .collect();
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        known.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(grouped, known);
        command.debug_assert();
    }
}
