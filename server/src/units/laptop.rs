//! The laptop's files: a timer that pulls the backups folder, the same as one line of rsync, and the two lines of
//! `authorized_keys` that say what its keys may do here.

use std::path::Path;

use super::context::UnitContext;
use super::printed::{Place, Printed};
use super::quote;
use super::quote::Unwritable;
use crate::config::{AppConfig, BACKUP_USER, Config, DEFAULT_SPOOL};

/// The file of the pull keys. It belongs to root, so that a key cannot change it.
pub const PULL_KEYS: &str = "/var/lib/tealkeep-backup/.ssh/authorized_keys";
/// The file of the deploy keys, as in the package's `/etc/ssh/sshd_config.d/tealkeep.conf`. It does not belong to the user as
/// whom they sign in: a program of that user that is tricked into writing cannot add a key.
pub const DEPLOY_KEYS: &str = "/etc/ssh/tealkeep_authorized_keys";

/// The command that pulls an app's backups folder, for a shell on the laptop. It deletes nothing there: what the machine
/// rotates away or loses stays.
#[must_use]
pub fn one_line(app: &AppConfig, host: &str) -> String {
    let name = &app.name;
    format!("tealkeep pull {BACKUP_USER}@{host}:/ ~/tealkeep/{name}")
}

/// The same for a laptop without Tealkeep: rsync, and the report. Names that begin with a dot are incomplete files.
#[must_use]
pub fn plain_line(app: &AppConfig, host: &str) -> String {
    let name = &app.name;
    format!(
        "rsync -a --exclude='.*' {BACKUP_USER}@{host}:/ ~/tealkeep/{name}/ && ssh {BACKUP_USER}@{host} pulled"
    )
}

/// The forced command of a deploy key.
pub const DOOR: &str = "/usr/bin/tealkeep door";

/// The forced command of a key that pulls an app's backups folder.
#[must_use]
pub fn door_for_pulling(config: &Config, app: &AppConfig) -> String {
    let pulls = format!("{}:{}", app.name, app.backups.display());
    let mut command = format!("{DOOR} --pull {}", quote::shell(&pulls));
    if config.spool != Path::new(DEFAULT_SPOOL) {
        let spool = config.spool.to_string_lossy();
        command.push_str(&format!(" --spool {}", quote::shell(&spool)));
    }
    command
}

/// The options of a line: only this command.
fn options(command: &str) -> String {
    // sshd removes a backslash before a quote, and none elsewhere.
    format!("restrict,command=\"{}\"", command.replace('"', "\\\""))
}

pub(super) fn files(context: &UnitContext<'_>) -> Result<Vec<Printed>, Unwritable> {
    let name = context.name();
    let unit = |ending: &str, body: String| {
        let unit = format!("tealkeep-pull-{name}.{ending}");
        let path = format!("~/.config/systemd/user/{unit}");
        Printed::open(unit, path, Place::Laptop, body)
    };
    let service = format!(
        "\
[Unit]
Description=Pull the snapshots of {name}
# By hand: {line}
# Without Tealkeep on the laptop: {plain}

# Away from home, retry for a while; the count starts again before the next day's pull.
StartLimitIntervalSec=12h
StartLimitBurst=12

[Service]
Type=oneshot
ExecStart=/usr/bin/tealkeep pull {BACKUP_USER}@{host}:/ %h/tealkeep/{name}
Restart=on-failure
RestartSec=15min
# A retry does not fix a wrong call.
RestartPreventExitStatus=2
TimeoutStartSec=6h
",
        line = one_line(context.app, context.host),
        plain = plain_line(context.app, context.host),
        host = quote::word(context.host)?,
    );
    let timer = format!(
        "\
[Unit]
Description=Pull the snapshots of {name} every day

[Timer]
OnCalendar=*-*-* 08:00
# If the laptop was asleep, pull when it wakes.
Persistent=yes
RandomizedDelaySec=10min

[Install]
WantedBy=timers.target
"
    );
    let key = |name: &str, path: &str, options: String| {
        let body = format!(
            "# One line for each laptop, ending with its public key. `tealkeep key add` writes it.\n{options} ssh-ed25519 PUBLIC-KEY you@laptop\n"
        );
        Printed::open(name.to_owned(), path.to_owned(), Place::ByHand, body)
    };
    Ok(vec![
        key("deploy-key", DEPLOY_KEYS, options(DOOR)),
        key(
            "pull-key",
            PULL_KEYS,
            options(&door_for_pulling(context.config, context.app)),
        ),
        unit("service", service),
        unit("timer", timer),
    ])
}
