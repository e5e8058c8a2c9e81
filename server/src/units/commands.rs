//! The commands that make users and folders, set owners and modes, and put the printed files in their
//! places. What is there already is left alone, so that they can be run again.

use std::path::PathBuf;

use super::quote::shell;
use super::{Of, Place, Printed, data};
use crate::config::{AppConfig, RouterConfig, SystemdConfig};

/// The user and group that Tealkeep runs as.
pub const USER: &str = "tealkeep";
/// The group that may read backups.
pub const BACKUP_GROUP: &str = "tealkeep-backup";
/// The user that the laptop pulls as.
pub const BACKUP_USER: &str = "tealkeep-backup";

/// A folder, and whose it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// What it is called when something is wrong with it.
    pub what: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// Its mode, the setgid bit included.
    pub mode: u32,
}

impl Folder {
    /// The command that makes it, or mends one that is there.
    #[must_use]
    pub fn command(&self) -> String {
        format!(
            "install -d -o {} -g {} -m {:04o} {}",
            self.owner,
            self.group,
            self.mode,
            shell(&self.path.to_string_lossy())
        )
    }
}

pub(super) fn folders(app: &AppConfig, systemd: &SystemdConfig) -> Vec<Folder> {
    let folder = |what, path: PathBuf, owner: &str, group: &str, mode| Folder {
        what,
        path,
        owner: owner.to_owned(),
        group: group.to_owned(),
        mode,
    };
    let user = &systemd.user;
    vec![
        // Others may make no file that the app can't open: both write as the group, and files inherit it.
        folder(
            "the database's folder",
            data(app).to_owned(),
            user,
            user,
            0o2770,
        ),
        folder(
            "the releases folder",
            app.releases.clone(),
            USER,
            user,
            0o2750,
        ),
        folder(
            "the backups folder",
            app.backups.clone(),
            USER,
            BACKUP_GROUP,
            0o2750,
        ),
    ]
}

/// The commands that give the database's files to the app and to its group.
#[must_use]
pub fn mend_files(app: &AppConfig, user: &str) -> String {
    let files = shell(&app.database.to_string_lossy());
    format!(
        "for file in {files} {files}-wal {files}-shm {files}-journal; do [ ! -e \"$file\" ] || {{ chown {user}:{user} \"$file\" && chmod 0660 \"$file\"; }}; done"
    )
}

pub(super) fn script(of: &Of<'_>, files: &[Printed]) -> String {
    let name = of.name();
    let user = &of.systemd.user;
    let mut lines = vec![
        "set -eu".to_owned(),
        String::new(),
        "# The app's own user, who can sign in nowhere.".to_owned(),
        format!(
            "id -u {user} >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {user}"
        ),
        "# What a laptop sends belongs to that group: only a member's files and folders can keep it.".to_owned(),
        format!("usermod --append --groups {user} {USER}"),
        String::new(),
        "# Folders: whose they are, and who may look in.".to_owned(),
    ];
    lines.extend(folders(of.app, of.systemd).iter().map(Folder::command));
    let database = shell(&of.app.database.to_string_lossy());
    lines.push(format!(
        "# An empty file is an empty database.\n[ -e {database} ] || install -o {user} -g {user} -m 0660 /dev/null {database}"
    ));
    lines.push(mend_files(of.app, user));
    lines.push(
        "chown root:tealkeep /etc/tealkeep/tealkeep.toml && chmod 0640 /etc/tealkeep/tealkeep.toml"
            .to_owned(),
    );
    lines.extend([
        String::new(),
        "# The files above, where there are none yet.".to_owned(),
        format!("put() {{ if [ -e \"$2\" ]; then echo \"left alone: $2\"; else mkdir -p \"$(dirname \"$2\")\" && tealkeep units {name} --only \"$1\" > \"$2.new\" && chmod 0644 \"$2.new\" && mv \"$2.new\" \"$2\"; fi; }}"),
    ]);
    for file in files.iter().filter(|file| file.place == Place::Machine) {
        // The gate's socket is there for who wants it.
        let off = if file.name.ends_with(".socket") {
            "#"
        } else {
            ""
        };
        lines.push(format!(
            "{off}put {} {}",
            shell(&file.name),
            shell(&file.path)
        ));
    }
    if let RouterConfig::Caddy(_) = of.app.router {
        let site = shell(&format!("/etc/caddy/tealkeep-{name}.caddy"));
        lines.extend([
            String::new(),
            "# Caddy reads its site once; no deploy reloads it. It may hold the secret of previews.".to_owned(),
            format!("chown root:caddy {site} && chmod 0640 {site}"),
            "grep -qs '^import /etc/caddy/tealkeep-' /etc/caddy/Caddyfile || echo 'import /etc/caddy/tealkeep-*.caddy' >> /etc/caddy/Caddyfile".to_owned(),
            "systemctl reload-or-restart caddy.service".to_owned(),
        ]);
    }
    lines.extend([
        String::new(),
        "systemctl daemon-reload".to_owned(),
        format!(
            "systemctl enable {} {}",
            of.systemd.blue_unit, of.systemd.green_unit
        ),
    ]);
    if let RouterConfig::Gate(_) = of.app.router {
        let socket = super::entrance::gate_socket(name);
        lines.push("# To keep the gate's port open while Tealkeep restarts: take the `#` away, here and above; stop Tealkeep first.".to_owned());
        lines.push(format!("#systemctl enable --now {socket}"));
    }
    lines.extend([
        "systemctl enable tealkeep.service".to_owned(),
        "systemctl restart tealkeep.service".to_owned(),
        String::new(),
        "# By hand: what is marked so above. Whoever is in the group tealkeep can use the command without sudo:"
            .to_owned(),
        "#usermod --append --groups tealkeep YOU".to_owned(),
        format!("# Then: tealkeep doctor {name}"),
    ]);
    lines.join("\n") + "\n"
}
