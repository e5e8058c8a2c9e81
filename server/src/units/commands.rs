//! The commands that make users and folders, set owners and modes, and put the printed files in their
//! places. They can be run again: a file that is as it was printed is replaced by what is printed now, and one that a
//! person changed is left alone.

use std::path::{Path, PathBuf};

use super::colour::DROP_IN;
use super::entrance::CADDY;
use super::quote::shell;
use super::{OPEN, Of, Place, Printed, data};
use crate::config::{AppConfig, RouterConfig, SystemdConfig};
use crate::names::Colour;

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
    /// The command that makes it, or mends one that is there. A link in its place is followed only if it is root's, which
    /// is the administrator's wish: through any other one root would give away what somebody else chooses.
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

/// The command that does something with a folder of root's choice, called `what`, or refuses.
fn through_no_strangers_link(folder: &Path, what: &str, then: &str) -> String {
    let shown = folder.to_string_lossy();
    let path = shell(&shown);
    let refusal = shell(&format!(
        "{shown}, {what}, is a link that is not root's: put a folder there, or name the folder itself in the configuration"
    ));
    format!(
        "if [ -L {path} ] && [ \"$(stat -c %u {path})\" != 0 ]; then echo {refusal} >&2; false; else {then}; fi"
    )
}

/// The command that lets the laptop's key read all of a backups folder. Root changes whose everything is, and no link's
/// target; the modes are changed by whose it is then.
#[must_use]
pub fn mend_backups(folder: &Path) -> String {
    // Where root has put a link there, it is the slash that leads to the folder behind it.
    let behind = shell(&format!("{}/", folder.to_string_lossy()));
    through_no_strangers_link(
        folder,
        "the backups folder",
        &format!(
            "chown -hR {USER}:{BACKUP_GROUP} {behind} && runuser -u {USER} -- find {behind} -type f -exec chmod 0640 {{}} +"
        ),
    )
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

/// The command that gives the database's files to the app and to its group. It runs as root in a folder that the
/// app's user writes to: it passes over what is no plain file of one name, changes no owner through a link, and
/// sets the mode as that user, who can change his own files only, whatever he puts there meanwhile.
#[must_use]
pub fn mend_files(app: &AppConfig, user: &str) -> String {
    let file = shell(&app.database.to_string_lossy());
    format!(
        "for file in {file} {file}-wal {file}-shm {file}-journal; do if [ -f \"$file\" ] && [ ! -L \"$file\" ] && [ \"$(stat -c %h \"$file\")\" = 1 ]; then chown -h {user}:{user} \"$file\" && runuser -u {user} -- chmod 0660 \"$file\"; fi; done"
    )
}

/// The command that makes Tealkeep's user a member of the app's group in the machine's own list, since who signs in
/// over ssh has the groups of that list alone: without it a release that is sent would lose its folder's group.
#[must_use]
pub fn join_group(user: &str) -> String {
    format!("usermod --append --groups {user} {USER}")
}

/// The line of a script that puts one file in its place; `put` is defined before.
fn put(file: &Printed) -> String {
    format!(
        "put {} {} {} {}",
        shell(&file.name),
        shell(&file.path),
        file.mode,
        file.group
    )
}

/// The shell function that puts one printed file in its place, with what it needs.
fn define_put(name: &str) -> [String; 25] {
    [
        "",
        "# The files above. One that nobody has changed since it was printed is replaced; any other is left alone.",
        "replaced=",
        "# The first line has the checksum of the rest.",
        "is_as_printed() {",
        "  sum=$(sed -n '1s/^[#/]* Printed by tealkeep .*, sha256 \\([0-9a-f]*\\)$/\\1/p' \"$1\")",
        "  [ -n \"$sum\" ] && [ \"$(tail -n +2 \"$1\" | sha256sum | cut -d ' ' -f 1)\" = \"$sum\" ]",
        "}",
        "put() {",
        "  if [ -L \"$2\" ]; then echo \"left alone, since it is a link: $2\"; return; fi",
        "  mkdir -p \"$(dirname \"$2\")\"",
        // With its mode before it has any content, which may be secret.
        "  install -o root -g \"$4\" -m \"$3\" /dev/null \"$2.new\"",
        "  tealkeep units NAME --only \"$1\" > \"$2.new\"",
        "  if [ ! -e \"$2\" ]; then mv \"$2.new\" \"$2\"; return; fi",
        "  if cmp -s \"$2.new\" \"$2\"; then rm \"$2.new\"; return; fi",
        // From before there was such a line, with today's content.
        "  if is_as_printed \"$2\" || tail -n +2 \"$2.new\" | cmp -s - \"$2\"; then",
        "    mv \"$2.new\" \"$2\"",
        "    replaced=\"$replaced $2\"",
        "  else",
        "    rm \"$2.new\"",
        "    why=\"somebody changed it\"",
        "    [ -n \"$sum\" ] || why=\"it was printed by an older Tealkeep, or changed by hand\"",
        "    echo \"left alone, since $why: $2 (see \\`tealkeep doctor NAME\\`)\"",
        "  fi",
        "}",
    ]
    .map(|line| line.replace("NAME", name))
}

/// The commands that make the folder of the markers, so that Caddy's answer can be had before Tealkeep has ever run. Once
/// a colour has been live, a folder that is gone says something, and is not made anew.
fn markers(of: &Of<'_>) -> Vec<String> {
    let folder = of.folder();
    let path = |below: &str| shell(&folder.join(below).to_string_lossy());
    let apps = shell(&of.config.state.join("apps").to_string_lossy());
    let own = shell(&folder.to_string_lossy());
    let install = format!("install -d -o {USER} -g {USER}");
    vec![
        "# The folder of Caddy's markers, which Tealkeep would make at its start.".to_owned(),
        format!(
            "[ -e {} ] || [ -d {router} ] || {{ {install} -m 0711 {apps}; {install} -m 0755 {own}; {install} -m 0755 {router}; }}",
            path("active-color"),
            router = path("router")
        ),
    ]
}

/// The commands for Caddy's part. It refuses all of its sites for a mistake in one, so what it would not take does not
/// stay: its next start must find the others. The rest goes on.
fn caddy(site: &Printed, name: &str, port: u16) -> Vec<String> {
    let path = shell(&site.path);
    vec![
        String::new(),
        "# Caddy reads its site once; no deploy reloads it. What it would refuse is taken back.".to_owned(),
        "caddy=taken new_site= new_import=".to_owned(),
        format!("before={path}.before"),
        // The unit's variables, and not those of the process that runs: a reload by systemd would read their files anew too.
        // Everybody can read `Environment=` by systemctl; the files, which may hold secrets, are handed on by their paths alone.
        "# Caddy puts `{$...}` in from the variables of whoever reads its files: here they are its unit's, as systemctl quotes".to_owned(),
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
        "# By its own reload, since systemd's is one with --force: this one changes nothing, and loses no request, where".to_owned(),
        // Caddy 2.6 says RELOADING=1, and READY=1 only where it went well (sd_notify(3)); systemd waits for that.
        "# Caddy has read all of it before. And where Caddy can't load it, this one ends, and systemd's would wait for ever.".to_owned(),
        "caddy_reads() { if systemctl -q is-active caddy.service; then as_caddy reload; else systemctl restart caddy.service; fi; }".to_owned(),
        format!("if [ -e {path} ] || [ -L {path} ]; then cp -p {path} \"$before\"; else new_site=yes; fi"),
        put(site),
        format!("if [ -z \"$new_site\" ] && ! cmp -s \"$before\" {path}; then new_site=yes; fi"),
        secure(site),
        "if ! grep -qs '^import /etc/caddy/tealkeep-' /etc/caddy/Caddyfile; then".to_owned(),
        "  [ ! -e /etc/caddy/Caddyfile ] || cp -p /etc/caddy/Caddyfile /etc/caddy/Caddyfile.before-tealkeep".to_owned(),
        // Another import's last line may have no end.
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
        "# What is pushed over ssh belongs to the app's group too.".to_owned(),
        join_group(user),
        String::new(),
        "# Folders: whose they are, and who may look in.".to_owned(),
    ];
    lines.extend(folders(of.app, of.systemd).iter().map(Folder::command));
    let database = shell(&of.app.database.to_string_lossy());
    lines.push(format!(
        "# An empty file is an empty database. The app's user makes it, in a folder that is his.\nrunuser -u {user} -- sh -c 'umask 0117; [ -e \"$1\" ] || [ -L \"$1\" ] || : > \"$1\"' sh {database}"
    ));
    lines.push(mend_files(of.app, user));
    lines.push(
        "chown root:tealkeep /etc/tealkeep/tealkeep.toml && chmod 0640 /etc/tealkeep/tealkeep.toml"
            .to_owned(),
    );
    lines.extend(define_put(name));
    if files.iter().any(Printed::is_of_an_older_unit) {
        let [blue, green] =
            ["blue", "green"].map(|colour| shell(&of.app.releases.join(colour).to_string_lossy()));
        lines.extend([
            "# A unit that is in use goes on as it is until a release has been deployed: before that the drop-in would name".to_owned(),
            "# folders that are not there yet, and the app would not start again after a crash.".to_owned(),
            "later=".to_owned(),
            "put_unless_in_use() {".to_owned(),
            format!("  if [ -e {blue} ] || [ -e {green} ] || ! {{ systemctl -q is-active \"$5\" || systemctl -q is-enabled \"$5\"; }}; then put \"$1\" \"$2\" \"$3\" \"$4\"; else later=\"$later $5\"; fi"),
            "}".to_owned(),
        ]);
    }
    // Caddy's site is put with what Caddy says to it.
    let (sites, others): (Vec<&Printed>, Vec<&Printed>) =
        files.iter().partition(|file| file.name == CADDY);
    for file in others.iter().filter(|file| file.place == Place::Machine) {
        let line = put(file);
        lines.push(if file.is_of_an_older_unit() {
            let unit = file.name.trim_end_matches(".d");
            let put = line.replacen("put", "put_unless_in_use", 1);
            format!("{put} {}", shell(unit))
        } else if file.name.ends_with(".socket") {
            // The gate's socket is there for who wants it.
            format!("#{line}")
        } else {
            line
        });
    }
    for file in others.iter().filter(|file| file.mode != OPEN) {
        lines.push(secure(file));
    }
    if let RouterConfig::Caddy(section) = &of.app.router {
        lines.extend(markers(of));
        for site in sites {
            lines.extend(caddy(site, name, section.listen.port()));
        }
    }
    lines.extend([String::new(), "systemctl daemon-reload".to_owned()]);
    lines.extend(Colour::BOTH.map(|colour| enable(of, colour)));
    if let RouterConfig::Gate(_) = of.app.router {
        let socket = super::entrance::gate_socket(name);
        lines.push("# To keep the gate's port open while Tealkeep restarts: take the `#` away, here and above; stop Tealkeep first.".to_owned());
        lines.push(format!("#systemctl enable --now {socket}"));
    }
    lines.extend([
        "systemctl enable tealkeep.service".to_owned(),
        // It would wait for what is not there yet, and this shell for it.
        "# While another app lacks something, Tealkeep can't start: the commands for that app start it.".to_owned(),
        "own=whole".to_owned(),
        "if waits=$(tealkeep units NAME --waits-for 2>&1); then systemctl restart tealkeep.service; else".replace("NAME", name),
        format!("  echo \"$waits\" >&2; case $waits in *\" app.{name}.\"*) own=lacking;; esac"),
        "fi".to_owned(),
        "[ -z \"$replaced\" ] || echo \"Replaced by what the configuration says now:$replaced. A colour follows at its next start, which is the next deploy's.\"".to_owned(),
        String::new(),
        "# By hand: what is marked so above. Whoever is in the group tealkeep can use the command without sudo:"
            .to_owned(),
        "#usermod --append --groups tealkeep YOU".to_owned(),
        format!("# Then: tealkeep doctor {name}"),
    ]);
    if files.iter().any(Printed::is_of_an_older_unit) {
        lines.push("[ -z \"$later\" ] || echo \"Not changed yet, since it is in use:$later. After the first \\`tealkeep push\\` run these commands again.\"".to_owned());
    }
    lines.push("[ $own = whole ] || exit 1".to_owned());
    if let RouterConfig::Caddy(_) = of.app.router {
        lines.push("[ $caddy = taken ] || { echo \"$caddy_refused\" >&2; exit 1; }".to_owned());
        lines.push(
            "# That Caddy took the site proves nothing yet: another one may win. So it is asked."
                .to_owned(),
        );
        lines.push(format!("tealkeep doctor {name} --only router >&2"));
    }
    lines.join("\n") + "\n"
}

/// The command that has a colour started at boot.
fn enable(of: &Of<'_>, colour: Colour) -> String {
    let unit = of.systemd.unit(colour);
    match of.systemd.command {
        Some(_) => format!("systemctl enable {unit}"),
        // Without its drop-in it would start at boot whichever colour is live.
        None => {
            format!("[ ! -e /etc/systemd/system/{unit}.d/{DROP_IN} ] || systemctl enable {unit}")
        }
    }
}

/// The command that keeps a file with secrets from others.
#[must_use]
pub fn secure(file: &Printed) -> String {
    let path = shell(&file.path);
    format!(
        "chown root:{} {path} && chmod {} {path}",
        file.group, file.mode
    )
}
