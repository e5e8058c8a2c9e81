//! Whether everybody who signs in as one of Tealkeep's users gets `tealkeep door` and no shell, with any key: sshd is asked for
//! its settings for these users, the files of the keys must belong to root, and each line must say what its key may do.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::ask;
use super::findings::{Check, Findings};
use crate::config::{BACKUP_USER, Config, DEFAULT_SOCKET, USER};
use crate::keys::door::parse_command;
use crate::keys::{self, Line};
use crate::units::quote::shell;
use crate::units::{DEPLOY_KEYS, PULL_KEYS};

/// Where older versions kept keys, which a user could change himself.
const OLD_KEYS: &str = "/var/lib/tealkeep/.ssh/authorized_keys";
/// sshd's main configuration file.
const SSHD_CONFIG: &str = "/etc/ssh/sshd_config";
/// The package's addition to it.
const OWN_CONFIG: &str = "/etc/ssh/sshd_config.d/tealkeep.conf";
/// Further required settings for each user, as `sshd -T` prints them.
const CONFINED: [&str; 2] = ["exposeauthinfo yes", "disableforwarding yes"];

/// A user who signs in with keys only.
struct KeyUser {
    user: &'static str,
    keys: &'static str,
    /// The end of the forced command, after the file.
    more: &'static str,
    can: &'static str,
}

const KEY_USERS: [KeyUser; 2] = [
    KeyUser {
        user: USER,
        keys: DEPLOY_KEYS,
        more: "",
        can: "do only what its line says",
    },
    KeyUser {
        user: BACKUP_USER,
        keys: PULL_KEYS,
        more: " --command-required",
        can: "only pull the snapshots that its line names",
    },
];

pub async fn look(findings: &mut Findings, config: &Config) {
    file(findings, Path::new(DEPLOY_KEYS));
    for who in &KEY_USERS {
        if let Ok(text) = fs::read_to_string(who.keys) {
            lines(findings, who, &text, config);
        }
    }
    // Only root sees into that folder, and only root may ask sshd.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    if fs::symlink_metadata(OLD_KEYS).is_ok_and(|meta| meta.len() > 0) {
        findings.warn(
            Check::Keys,
            format!("the keys in {OLD_KEYS} are no longer used"),
            format!("move those that you still need to {DEPLOY_KEYS}, then rm {OLD_KEYS}"),
        );
    }
    let Some(sshd) = ["/usr/sbin/sshd", "/usr/bin/sshd"]
        .into_iter()
        .find(|path| Path::new(path).exists())
    else {
        findings.warn(
            Check::Keys,
            "there is no sshd, so no laptop can deploy to this machine",
            "apt install openssh-server",
        );
        return;
    };
    for who in KEY_USERS {
        let user = who.user;
        let connection = format!("user={user},host=localhost,addr=127.0.0.1");
        match ask::program(sshd, &["-T", "-C", &connection]).await {
            Ok(subject) if is_confined(&subject, &who) => findings.ok(
                Check::Keys,
                format!("a key that signs in as {user} can {}", who.can),
            ),
            Ok(_) => {
                let read = fs::read_to_string(SSHD_CONFIG).is_ok_and(|text| includes(&text));
                let is_there = Path::new(OWN_CONFIG).exists();
                let (why, mend) = unconfined(is_there, read, sshd, &connection);
                findings.fail(
                    Check::Keys,
                    format!("a key that signs in as {user} is not restricted: {why}"),
                    mend,
                );
            }
            Err(error) => findings.warn(Check::Keys, error, format!("{sshd} -t")),
        }
    }
}

/// Whether each line of a user's file says what its key may do.
fn lines(findings: &mut Findings, who: &KeyUser, text: &str, config: &Config) {
    let file = who.keys;
    for line in keys::lines(text) {
        let line = match line {
            Ok(line) => line,
            Err(unread) => {
                let subject = format!(
                    "line {} of {file} is not a key: {}",
                    unread.number, unread.why
                );
                findings.warn(Check::Keys, subject, "tealkeep key list");
                continue;
            }
        };
        let subject = format!("the line of the key {} in {file}", line.key.fingerprint());
        let opened = match line.command() {
            Ok(Some(command)) => parse_command(&command, Path::new(DEFAULT_SOCKET)),
            Ok(None) if who.keys == DEPLOY_KEYS => {
                findings.warn(
                    Check::Keys,
                    format!("{subject} has no command, so it may deploy"),
                    add_command(who, &line, config, None),
                );
                continue;
            }
            Ok(None) => Err("it has no command, so it allows nothing".to_owned()),
            Err(why) => Err(format!("{why}, so it allows nothing")),
        };
        match opened {
            Err(why) => findings.fail(
                Check::Keys,
                format!("{subject}: {why}"),
                add_command(who, &line, config, None),
            ),
            Ok(grant) => {
                // Only such a line names a folder without its app.
                let older = grant.door.pull.as_ref().filter(|pulls| pulls.app.is_none());
                if let Some(older) = older {
                    findings.warn(
                        Check::Keys,
                        format!(
                            "{subject} was written by an older version: the key still pulls, but cannot report it"
                        ),
                        add_command(who, &line, config, Some(&older.folder)),
                    );
                }
            }
        }
    }
}

/// The command that rewrites a key's line; `folder` is the backups folder that the line names.
fn add_command(who: &KeyUser, line: &Line, config: &Config, folder: Option<&Path>) -> String {
    let pull = match who.keys {
        PULL_KEYS => {
            let mut apps = config.apps.iter();
            let app = match (folder, &config.apps[..]) {
                (Some(folder), _) => apps.find(|app| app.backups == folder),
                (None, [only]) => Some(only),
                (None, _) => None,
            };
            let app = app.map_or("APP", |app| app.name.as_str());
            format!(" --pull {app}")
        }
        _ => String::new(),
    };
    let (key, name) = match line.comment.as_str() {
        "" => (line.key.to_string(), " --name LAPTOP"),
        comment => (format!("{} {comment}", line.key), ""),
    };
    format!("tealkeep key add{pull} {}{name}", shell(&key))
}

fn is_confined(subject: &str, who: &KeyUser) -> bool {
    let keys = format!("authorizedkeysfile {}", who.keys);
    let command = format!(
        "forcecommand /usr/bin/tealkeep door --keys {}{}",
        who.keys, who.more
    );
    let has = |wanted: &str| subject.lines().any(|line| line.trim() == wanted);
    has(&keys) && has(&command) && CONFINED.into_iter().all(has)
}

/// Whether a configuration includes the files beside it, among them this package's (sshd_config(5), `Include`).
fn includes(text: &str) -> bool {
    text.lines().any(|line| {
        let mut words = line
            .split(|c: char| c.is_whitespace() || c == '=')
            .map(|word| word.trim_matches('"'))
            .filter(|word| !word.is_empty());
        words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("include"))
            && words.any(|path| {
                let path = path.strip_prefix("/etc/ssh/").unwrap_or(path);
                [
                    "sshd_config.d/*.conf",
                    "sshd_config.d/*",
                    "sshd_config.d/tealkeep.conf",
                ]
                .contains(&path)
            })
    })
}

/// Why a key is not restricted, and the command that fixes it or shows the cause.
fn unconfined(
    is_there: bool,
    is_read: bool,
    sshd: &str,
    connection: &str,
) -> (&'static str, String) {
    if is_there && is_read {
        // The first setting wins, and only the household knows what it is for.
        let wins = "authorizedkeysfile|forcecommand|exposeauthinfo|disableforwarding";
        return (
            "another setting in sshd's files comes first",
            format!(
                "{sshd} -T -C {connection} | grep -E '^({wins}) '; grep -rniE '^[[:space:]]*({wins}|match|include)' {SSHD_CONFIG} {SSHD_CONFIG}.d"
            ),
        );
    }
    if !is_there {
        return (
            "the package's /etc/ssh/sshd_config.d/tealkeep.conf is missing",
            "apt install --reinstall -o Dpkg::Options::=--force-confmiss tealkeep".to_owned(),
        );
    }
    (
        "sshd does not read /etc/ssh/sshd_config.d/tealkeep.conf",
        format!(
            "sed -i '1i Include {SSHD_CONFIG}.d/*.conf' {SSHD_CONFIG} && systemctl reload ssh.service"
        ),
    )
}

fn file(findings: &mut Findings, path: &Path) {
    let shown = path.display();
    let Ok(meta) = fs::symlink_metadata(path) else {
        findings.warn(
            Check::Keys,
            format!("{shown} does not exist: no laptop may deploy"),
            match Path::new("/usr/lib/tmpfiles.d/tealkeep.conf").exists() {
                true => "systemd-tmpfiles --create tealkeep.conf".to_owned(),
                false => format!("install -o root -g root -m 0644 /dev/null {shown}"),
            },
        );
        return;
    };
    if meta.uid() != 0 || meta.mode() & 0o022 != 0 || meta.mode() & 0o004 == 0 {
        findings.fail(
            Check::Keys,
            format!(
                "{shown} must belong to root and be readable for others: sshd accepts nothing else"
            ),
            format!("chown root:root {shown} && chmod 0644 {shown}"),
        );
    } else if meta.len() == 0 {
        findings.ok(Check::Keys, "no laptop may deploy yet");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::advice::MACHINE;
    use crate::doctor::findings::Level;

    #[test]
    fn whoever_signs_in_is_confined_when_sshd_says_all_of_it() {
        let subject = "port 22\nauthorizedkeysfile /etc/ssh/tealkeep_authorized_keys\nexposeauthinfo yes\nforcecommand /usr/bin/tealkeep door --keys /etc/ssh/tealkeep_authorized_keys\ndisableforwarding yes\n";
        let [deploys, pulls] = KEY_USERS;
        let is_confined = |subject: &str| super::is_confined(subject, &deploys);
        assert!(is_confined(subject));
        for line in subject.lines().skip(1) {
            assert!(!is_confined(&subject.replace(line, "")), "without {line}");
        }
        assert!(!super::is_confined(subject, &pulls));
        let backup = subject.replace(DEPLOY_KEYS, PULL_KEYS);
        assert!(!super::is_confined(&backup, &pulls));
        let backup = backup.replace("\ndisable", " --command-required\ndisable");
        assert!(super::is_confined(&backup, &pulls));
        assert!(!is_confined(
            &subject.replace("keys\nexpose", "keys .ssh/authorized_keys\nexpose")
        ));
        assert!(!is_confined(&subject.replace(
            "tealkeep door --keys",
            "tealkeep door --scope admin --keys"
        )));
    }

    #[test]
    fn a_line_that_opens_nothing_is_found_with_the_command_that_writes_it_anew() {
        const KEY: &str =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        let config = "[[app]]\nname = \"home\"\ndatabase = \"/srv/home/data/home.sqlite\"\n\
             releases = \"/srv/home/releases\"\nbackups = \"/var/backups/home\"\n\
             [app.runtime]\nkind = \"systemd\"\ncommand = [\"node\", \"x.js\"]\n\
             [app.router]\nkind = \"caddy\"\n";
        let config = Config::parse(config, false).unwrap();
        let [deploys, pulls] = &KEY_USERS;
        let found = |who: &KeyUser, options: &str, comment: &str| {
            let mut findings = Findings::new(MACHINE, None);
            let line = format!("{options}{KEY}{comment}\n");
            lines(&mut findings, who, &line, &config);
            let mut all = findings.all.into_iter();
            let first = all.next().map(|found| (found.level, found.mend.unwrap()));
            assert!(all.next().is_none(), "{options}");
            first
        };
        let add_command = format!("tealkeep key add --pull home '{KEY} anna'");
        let door = "restrict,command=\"/usr/bin/tealkeep door --pull home:/var/backups/home\" ";
        assert_eq!(found(pulls, door, " anna"), None);
        let older = "restrict,command=\"/usr/bin/rrsync -ro '/var/backups/home'\" ";
        assert_eq!(
            found(pulls, older, " anna"),
            Some((Level::Warn, add_command.clone()))
        );
        let elsewhere = older.replace("home", "garden");
        assert_eq!(
            found(pulls, &elsewhere, ""),
            Some((
                Level::Warn,
                format!("tealkeep key add --pull APP '{KEY}' --name LAPTOP")
            ))
        );
        for options in [
            "",
            "command=\"sh\" ",
            "command=\"rrsync /var/backups/home\" ",
        ] {
            let wanted = Some((Level::Fail, add_command.clone()));
            assert_eq!(found(pulls, options, " anna"), wanted, "{options}");
        }
        let add_command = format!("tealkeep key add '{KEY} anna'");
        assert_eq!(found(deploys, "command=\"tealkeep door\" ", ""), None);
        let plain = found(deploys, "", " anna");
        assert_eq!(plain, Some((Level::Warn, add_command.clone())));
        let nothing = found(deploys, "command=\"sh\" ", " anna");
        assert_eq!(nothing, Some((Level::Fail, add_command)));
    }

    #[test]
    fn an_include_is_put_in_only_where_there_is_none() {
        for text in [
            "Include /etc/ssh/sshd_config.d/*.conf\n",
            "Port 22\n\tinclude \"/etc/ssh/sshd_config.d/*.conf\"\n",
            "Include=sshd_config.d/*.conf",
            "Include /srv/other.conf /etc/ssh/sshd_config.d/tealkeep.conf\n",
        ] {
            assert!(includes(text), "{text}");
        }
        for text in [
            "",
            "#Include /etc/ssh/sshd_config.d/*.conf\n",
            "Include /srv/other.conf\n",
            "Includes /etc/ssh/sshd_config.d/*.conf\n",
        ] {
            assert!(!includes(text), "{text}");
        }
        let (_, mend) = unconfined(true, false, "/usr/sbin/sshd", "user=tealkeep");
        assert!(mend.starts_with("sed -i '1i Include "), "{mend}");
        let (_, mend) = unconfined(true, true, "/usr/sbin/sshd", "user=tealkeep");
        assert!(
            mend.starts_with("/usr/sbin/sshd -T -C user=tealkeep | "),
            "{mend}"
        );
        assert!(!mend.contains("sed"), "{mend}");
        // An Include helps nothing where there is nothing to include.
        for is_read in [false, true] {
            let (_, mend) = unconfined(false, is_read, "/usr/sbin/sshd", "user=tealkeep");
            assert!(mend.starts_with("apt install --reinstall "), "{mend}");
        }
    }
}
