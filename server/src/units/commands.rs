//! The commands that create users and folders, set owners and modes, and write the printed files. They can be run again: a file
//! that is as it was printed is replaced, and one that a person changed is left alone.

use std::path::{Path, PathBuf};

use super::context::UnitContext;
use super::entrance::CADDY;
use super::printed::{DROP_IN, OPEN, Place, Printed};
use super::quote::shell;
use crate::config::{AppConfig, BACKUP_GROUP, RouterConfig, SystemdConfig, USER};
use crate::names::Colour;

/// A folder, with its required owner and mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its name in error messages.
    pub what: &'static str,
    /// Its path.
    pub path: PathBuf,
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// Its mode, including the setgid bit.
    pub mode: u32,
}

impl Folder {
    /// The command that creates or corrects it. A link in its place is followed only if it belongs to root, so the
    /// administrator put it there: through any other link root would give away what somebody else chooses.
    #[must_use]
    pub fn command(&self) -> String {
        let path = shell(&self.path.to_string_lossy());
        let install = format!(
            "install -d -o {} -g {} -m {:04o} {path}",
            self.owner, self.group, self.mode
        );
        through_no_strangers_link(&self.path, self.what, &install)
    }
}

/// A command that runs `then` on a folder, called `what`, unless it is a link that does not belong to root.
fn through_no_strangers_link(folder: &Path, what: &str, then: &str) -> String {
    let shown = folder.to_string_lossy();
    let path = shell(&shown);
    let refusal = shell(&format!(
        "{shown}, {what}, is a link that does not belong to root: put a folder there, or name the folder itself in the configuration"
    ));
    format!(
        "if [ -L {path} ] && [ \"$(stat -c %u {path})\" != 0 ]; then echo {refusal} >&2; false; else {then}; fi"
    )
}

/// The command that lets the laptop's key read all of a backups folder. Root changes owners, but not those of links' targets;
/// the new owner changes the modes.
#[must_use]
pub fn mend_backups(folder: &Path) -> String {
    // If root has put a link there, the slash leads to the folder behind it.
    let behind = shell(&format!("{}/", folder.to_string_lossy()));
    through_no_strangers_link(
        folder,
        "the backups folder",
        &format!(
            "chown -hR {USER}:{BACKUP_GROUP} {behind} && runuser -u {USER} -- find {behind} -type f -exec chmod 0640 {{}} +"
        ),
    )
}

/// The folders whose owners and modes matter, and what these must be.
#[must_use]
pub fn folders(app: &AppConfig, systemd: &SystemdConfig) -> Vec<Folder> {
    let folder = |what, path: PathBuf, owner: &str, group: &str, mode| Folder {
        what,
        path,
        owner: owner.to_owned(),
        group: group.to_owned(),
        mode,
    };
    let user = &systemd.user;
    vec![
        // The app must be able to open every file: both write as the group, and files inherit it.
        folder(
            "the database's folder",
            app.database_folder().to_owned(),
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

/// The command that gives the database's files to the app and its group. It runs as root in a folder to which the app's user
/// can write: it skips everything but regular files with one name, changes no owner through a link, and sets the mode as
/// that user, who can change only his own files, whatever he puts there meanwhile.
#[must_use]
pub fn mend_files(app: &AppConfig, user: &str) -> String {
    let file = shell(&app.database.to_string_lossy());
    format!(
        "for file in {file} {file}-wal {file}-shm {file}-journal; do if [ -f \"$file\" ] && [ ! -L \"$file\" ] && [ \"$(stat -c %h \"$file\")\" = 1 ]; then chown -h {user}:{user} \"$file\" && runuser -u {user} -- chmod 0660 \"$file\"; fi; done"
    )
}

/// The command that makes Tealkeep's user a member of the app's group in the machine's list of groups, which is the only one
/// that counts for a sign-in over ssh: without it a pushed release would lose its folder's group.
#[must_use]
pub fn join_group(user: &str) -> String {
    format!("usermod --append --groups {user} {USER}")
}

/// The line of a script that writes one file; `put` is defined before.
fn put(file: &Printed) -> String {
    format!(
        "put {} {} {} {}",
        shell(&file.name),
        shell(&file.path),
        file.mode,
        file.group
    )
}

/// The shell function that writes one printed file, and its helpers.
fn define_put(name: &str) -> [String; 25] {
    [
        "",
        "# The files above. A file that nobody has changed since it was printed is replaced; any other is left alone.",
        "replaced=",
        "# The first line has the checksum of the rest.",
        "is_as_printed() {",
        "  sum=$(sed -n '1s/^[#/]* Printed by tealkeep .*, sha256 \\([0-9a-f]*\\)$/\\1/p' \"$1\")",
        "  [ -n \"$sum\" ] && [ \"$(tail -n +2 \"$1\" | sha256sum | cut -d ' ' -f 1)\" = \"$sum\" ]",
        "}",
        "put() {",
        "  if [ -L \"$2\" ]; then echo \"left alone because it is a link: $2\"; return; fi",
        "  mkdir -p \"$(dirname \"$2\")\"",
        // With its mode before it has any content, because that may be secret.
        "  install -o root -g \"$4\" -m \"$3\" /dev/null \"$2.new\"",
        "  tealkeep units NAME --only \"$1\" > \"$2.new\"",
        "  if [ ! -e \"$2\" ]; then mv \"$2.new\" \"$2\"; return; fi",
        "  if cmp -s \"$2.new\" \"$2\"; then rm \"$2.new\"; return; fi",
        // Printed before there was a checksum, but with today's content.
        "  if is_as_printed \"$2\" || tail -n +2 \"$2.new\" | cmp -s - \"$2\"; then",
        "    mv \"$2.new\" \"$2\"",
        "    replaced=\"$replaced $2\"",
        "  else",
        "    rm \"$2.new\"",
        "    why=\"somebody changed it\"",
        "    [ -n \"$sum\" ] || why=\"it was printed by an older version, or changed by hand\"",
        "    echo \"left alone because $why: $2 (see \\`tealkeep doctor NAME\\`)\"",
        "  fi",
        "}",
    ]
    .map(|line| line.replace("NAME", name))
}

/// The commands that create the folder of the markers, so that Caddy can be checked before Tealkeep has ever run. Once a
/// colour has been live, a missing folder means something and is not created again.
fn markers(context: &UnitContext<'_>) -> Vec<String> {
    let folder = context.folder();
    let path = |below: &str| shell(&folder.join(below).to_string_lossy());
    let apps = shell(&context.config.state.join("apps").to_string_lossy());
    let own = shell(&folder.to_string_lossy());
    let install = format!("install -d -o {USER} -g {USER}");
    vec![
        "# The folder of Caddy's markers, which Tealkeep would otherwise create at its start."
            .to_owned(),
        format!(
            "[ -e {} ] || [ -d {router} ] || {{ {install} -m 0711 {apps}; {install} -m 0755 {own}; {install} -m 0755 {router}; }}",
            path("active-color"),
            router = path("router")
        ),
    ]
}

/// The commands for Caddy. It refuses all of its sites because of a mistake in one, so a site that it does not accept is
/// removed again, and the other sites survive its next start. The remaining commands continue.
fn caddy(site: &Printed, name: &str, port: u16) -> Vec<String> {
    let path = shell(&site.path);
    vec![
        String::new(),
        "# Caddy reads its site once; no deploy reloads it. A site that it does not accept is removed again.".to_owned(),
        "caddy=taken new_site= new_import=".to_owned(),
        format!("before={path}.before"),
        // The unit's variables, not those of the running process: a reload by systemd would read their files again too.
        // Everybody can read `Environment=` through systemctl; the files, which may contain secrets, are passed by path.
        "# Caddy replaces `{$...}` with variables of the process that reads its files: here its unit's, as systemctl quotes".to_owned(),
        "# them for a shell.".to_owned(),
        "as_caddy() (".to_owned(),
        "  verb=$1".to_owned(),
        "  eval \"set -- $(systemctl show --value --property=Environment caddy.service)\"".to_owned(),
        "  for variable; do set -- \"$@\" \"--setenv=$variable\"; shift; done".to_owned(),
        "  for property in PassEnvironment UnsetEnvironment; do set -- \"$@\" \"--property=$property=$(systemctl show --value --property=$property caddy.service)\"; done".to_owned(),
        "  set -f; IFS='\n'".to_owned(),
        "  for file in $(systemctl show --value --property=EnvironmentFiles caddy.service); do".to_owned(),
        "    case $file in *' (ignore_errors=yes)') file=-${file%' ('*};; *) file=${file%' ('*};; esac".to_owned(),
        "    set -- \"$@\" \"--property=EnvironmentFile=$file\"".to_owned(),
        "  done".to_owned(),
        "  systemd-run --quiet --pipe --wait --collect --uid=caddy --gid=caddy \"$@\" caddy \"$verb\" --adapter caddyfile --config /etc/caddy/Caddyfile </dev/null".to_owned(),
        ")".to_owned(),
        "# Through Caddy's own reload, because systemd's uses --force: this one changes nothing and loses no request if".to_owned(),
        // Caddy 2.6 says RELOADING=1, and READY=1 only where it went well (sd_notify(3)); systemd waits for that.
        "# Caddy already has this configuration. And if Caddy cannot load it, this one ends, while systemd's waits for ever.".to_owned(),
        "caddy_reads() { if systemctl -q is-active caddy.service; then as_caddy reload; else systemctl restart caddy.service; fi; }".to_owned(),
        format!("if [ -e {path} ] || [ -L {path} ]; then cp -p {path} \"$before\"; else new_site=yes; fi"),
        put(site),
        format!("if [ -z \"$new_site\" ] && ! cmp -s \"$before\" {path}; then new_site=yes; fi"),
        secure(site),
        "if ! grep -qs '^import /etc/caddy/tealkeep-' /etc/caddy/Caddyfile; then".to_owned(),
        "  [ ! -e /etc/caddy/Caddyfile ] || cp -p /etc/caddy/Caddyfile /etc/caddy/Caddyfile.before-tealkeep".to_owned(),
        // The last line may have no line break.
        "  printf '\\nimport /etc/caddy/tealkeep-*.caddy\\n' >> /etc/caddy/Caddyfile".to_owned(),
        "  new_import=yes".to_owned(),
        "fi".to_owned(),
        "if ! as_caddy validate || ! caddy_reads; then".to_owned(),
        "  caddy=refused".to_owned(),
        format!("  caddy_refused=\"Caddy does not take the site /etc/caddy/tealkeep-{name}.caddy: above it says why. Most likely Caddy's files have a site on port {port} already, or another program has that port: take that one out, then run these commands again.\""),
        "  if [ -n \"$new_site\" ]; then".to_owned(),
        format!("    mv {path} {path}.refused"),
        format!("    caddy_refused=\"$caddy_refused Until then the site lies aside, in /etc/caddy/tealkeep-{name}.caddy.refused.\""),
        format!("    [ ! -e \"$before\" ] || {{ mv \"$before\" {path}; caddy_refused=\"$caddy_refused The site from before stands in its place.\"; }}"),
        "  elif [ -z \"$new_import\" ]; then".to_owned(),
        "    caddy_refused=\"$caddy_refused Nothing of it was changed just now: Caddy goes on with what it has read, and would not start again.\"".to_owned(),
        "  fi".to_owned(),
        "  if [ -n \"$new_import\" ]; then".to_owned(),
        "    if [ -e /etc/caddy/Caddyfile.before-tealkeep ]; then mv /etc/caddy/Caddyfile.before-tealkeep /etc/caddy/Caddyfile; else rm /etc/caddy/Caddyfile; fi".to_owned(),
        "  fi".to_owned(),
        "  # Once more with the files that it had: for systemd it reloads until one went well.".to_owned(),
        "  [ -z \"$new_site$new_import\" ] || ! systemctl -q is-active caddy.service || as_caddy reload || true".to_owned(),
        "fi".to_owned(),
        "rm -f \"$before\"".to_owned(),
    ]
}

pub(super) fn script(context: &UnitContext<'_>, files: &[Printed]) -> String {
    let name = context.name();
    let user = &context.systemd.user;
    let mut lines = vec![
        "set -eu".to_owned(),
        String::new(),
        "# The app's own user, who cannot sign in.".to_owned(),
        format!(
            "id -u {user} >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {user}"
        ),
        "# Releases that are pushed over ssh belong to the app's group too.".to_owned(),
        join_group(user),
        String::new(),
        "# Folders, with their owners and modes.".to_owned(),
    ];
    lines.extend(
        folders(context.app, context.systemd)
            .iter()
            .map(Folder::command),
    );
    let database = shell(&context.app.database.to_string_lossy());
    lines.push(format!(
        "# An empty file is an empty database. The app's user creates it, in its own folder.\nrunuser -u {user} -- sh -c 'umask 0117; [ -e \"$1\" ] || [ -L \"$1\" ] || : > \"$1\"' sh {database}"
    ));
    lines.push(mend_files(context.app, user));
    lines.push(
        "chown root:tealkeep /etc/tealkeep/tealkeep.toml && chmod 0640 /etc/tealkeep/tealkeep.toml"
            .to_owned(),
    );
    lines.extend(define_put(name));
    if files.iter().any(Printed::is_of_an_older_unit) {
        let [blue, green] = ["blue", "green"]
            .map(|colour| shell(&context.app.releases.join(colour).to_string_lossy()));
        lines.extend([
            "# A unit that is in use stays unchanged until a release has been deployed: before that, the drop-in would name".to_owned(),
            "# folders that do not exist yet, and the app would not restart after a crash.".to_owned(),
            "later=".to_owned(),
            "put_unless_in_use() {".to_owned(),
            format!("  if [ -e {blue} ] || [ -e {green} ] || ! {{ systemctl -q is-active \"$5\" || systemctl -q is-enabled \"$5\"; }}; then put \"$1\" \"$2\" \"$3\" \"$4\"; else later=\"$later $5\"; fi"),
            "}".to_owned(),
        ]);
    }
    // Caddy's site is written together with a check by Caddy.
    let (sites, others): (Vec<&Printed>, Vec<&Printed>) =
        files.iter().partition(|file| file.name == CADDY);
    for file in others.iter().filter(|file| file.place == Place::Machine) {
        let line = put(file);
        lines.push(if file.is_of_an_older_unit() {
            let unit = file.name.trim_end_matches(".d");
            let put = line.replacen("put", "put_unless_in_use", 1);
            format!("{put} {}", shell(unit))
        } else if file.name.ends_with(".socket") {
            // The gate's socket is optional.
            format!("#{line}")
        } else {
            line
        });
    }
    for file in others.iter().filter(|file| file.mode != OPEN) {
        lines.push(secure(file));
    }
    if let RouterConfig::Caddy(section) = &context.app.router {
        lines.extend(markers(context));
        for site in sites {
            lines.extend(caddy(site, name, section.listen.port()));
        }
    }
    lines.extend([String::new(), "systemctl daemon-reload".to_owned()]);
    lines.extend(Colour::BOTH.map(|colour| enable(context, colour)));
    if let RouterConfig::Gate(_) = context.app.router {
        let socket = super::entrance::gate_socket(name);
        lines.push("# To keep the gate's port open while Tealkeep restarts: remove the `#`, here and above; stop Tealkeep first.".to_owned());
        lines.push(format!("#systemctl enable --now {socket}"));
    }
    lines.extend([
        "systemctl enable tealkeep.service".to_owned(),
        // It would wait for what does not exist yet, and this shell would wait for it.
        "# While another app lacks something, Tealkeep cannot start; the commands for that app start it.".to_owned(),
        "own=whole".to_owned(),
        "if waits=$(tealkeep units NAME --waits-for 2>&1); then systemctl restart tealkeep.service; else".replace("NAME", name),
        format!("  echo \"$waits\" >&2; case $waits in *\" app.{name}.\"*) own=lacking;; esac"),
        "fi".to_owned(),
        "[ -z \"$replaced\" ] || echo \"Replaced by what the configuration says now:$replaced. A colour follows at its next start, which is the next deploy's.\"".to_owned(),
        String::new(),
        "# By hand: the files marked above. Members of the group tealkeep can use the command without sudo:"
            .to_owned(),
        "#usermod --append --groups tealkeep YOU".to_owned(),
        format!("# Then: tealkeep doctor {name}"),
    ]);
    if files.iter().any(Printed::is_of_an_older_unit) {
        lines.push("[ -z \"$later\" ] || echo \"Not changed yet, since it is in use:$later. After the first \\`tealkeep push\\` run these commands again.\"".to_owned());
    }
    lines.push("[ $own = whole ] || exit 1".to_owned());
    if let RouterConfig::Caddy(_) = context.app.router {
        lines.push("[ $caddy = taken ] || { echo \"$caddy_refused\" >&2; exit 1; }".to_owned());
        lines.push(
            "# Caddy accepts the site, but another one may win. This check asks Caddy.".to_owned(),
        );
        lines.push(format!("tealkeep doctor {name} --only router >&2"));
    }
    lines.join("\n") + "\n"
}

/// The command that makes a colour start at boot.
fn enable(context: &UnitContext<'_>, colour: Colour) -> String {
    let unit = context.systemd.unit(colour);
    match context.systemd.command {
        Some(_) => format!("systemctl enable {unit}"),
        // Without its drop-in it would start at boot even if the other colour is live.
        None => {
            format!("[ ! -e /etc/systemd/system/{unit}.d/{DROP_IN} ] || systemctl enable {unit}")
        }
    }
}

/// The command that hides a file with secrets from others.
#[must_use]
pub fn secure(file: &Printed) -> String {
    let path = shell(&file.path);
    format!(
        "chown root:{} {path} && chmod {} {path}",
        file.group, file.mode
    )
}
