//! Users, groups, owners and modes, so that the app can open all of its files and others cannot read what is not theirs.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::findings::{Check, Findings, Level};
use super::{former, machine};
use crate::backup::{Tier, catalogue};
use crate::config::{AppConfig, BACKUP_GROUP, Config, RouterConfig, RuntimeConfig, USER};
use crate::units::{Folder, folders, join_group, mend_backups, mend_files, quote::shell};

/// The package's list of users and groups.
const SYSUSERS: &str = "/usr/lib/sysusers.d/tealkeep.conf";

pub fn machine(findings: &mut Findings, config: &Config, path: &Path) {
    let package = "apt install --reinstall tealkeep    # the package creates it";
    if findings.machine.has_service {
        for group in [USER, BACKUP_GROUP] {
            if machine::group(group).is_none() {
                findings.fail(
                    Check::Owners,
                    format!("there is no group `{group}`"),
                    match Path::new(SYSUSERS).exists() {
                        true => "systemd-sysusers tealkeep.conf",
                        false => package,
                    },
                );
            }
        }
    }
    if let Ok(meta) = fs::metadata(path)
        && meta.mode() & 0o007 != 0
    {
        let path = shell(&path.to_string_lossy());
        findings.warn(
            Check::Owners,
            format!("everybody can read {path}, which may contain secrets of the apps"),
            match machine::group(USER) {
                Some(_) => format!("chown root:{USER} {path} && chmod 0640 {path}"),
                None => format!("chmod 0600 {path}"),
            },
        );
    }
    state_folder(findings, config);
    if let Ok(meta) = fs::symlink_metadata(&config.socket)
        && meta.mode() & 0o007 != 0
    {
        let socket = shell(&config.socket.to_string_lossy());
        findings.fail(
            Check::Owners,
            format!("everybody can control Tealkeep through {socket}"),
            format!("chmod 0660 {socket}"),
        );
    }
}

/// Whether everybody who must can enter the state folder.
fn state_folder(findings: &mut Findings, config: &Config) {
    // Only users other than the server's own must be able to enter.
    let is_shared = config.apps.iter().any(|app| {
        matches!(app.runtime, RuntimeConfig::Systemd(_))
            || matches!(app.router, RouterConfig::Caddy(_))
    });
    let state = shell(&config.state.to_string_lossy());
    match fs::metadata(&config.state) {
        Ok(meta) if is_shared && meta.mode() & 0o011 != 0o011 => findings.fail(
            Check::Owners,
            format!("only its owner can enter {state}, where the colours read their markers"),
            format!("chmod 0711 {state}"),
        ),
        Ok(_) => findings.ok(Check::Owners, format!("{state} can be entered")),
        Err(error) if error.kind() == ErrorKind::NotFound => findings.fail(
            Check::Owners,
            format!("cannot access {state}: {error}"),
            match findings.machine.has_service {
                true => format!("install -d -o {USER} -g {USER} -m 0711 {state}"),
                false => format!("mkdir -p {state}"),
            },
        ),
        Err(error) => findings.warn(
            Check::Owners,
            format!("cannot access {state}: {error}"),
            findings.machine.as_root("", format!("ls -ld {state}")),
        ),
    }
}

pub fn app(findings: &mut Findings, app: &AppConfig) {
    let RuntimeConfig::Systemd(systemd) = &app.runtime else {
        return;
    };
    if machine::user(&systemd.user).is_none() {
        findings.fail(
            Check::Owners,
            format!("there is no user `{}`, as whom the app runs", systemd.user),
            format!(
                "useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {}",
                systemd.user
            ),
        );
        return;
    }
    if machine::is_member(USER, &systemd.user) {
        let text = format!("{USER} is a member of the group {}", systemd.user);
        findings.ok(Check::Owners, text);
    } else {
        findings.fail(
            Check::Owners,
            format!(
                "{USER} is not a member of the group {}: pushed releases would not get that group",
                systemd.user
            ),
            format!(
                "{} && systemctl restart tealkeep.service",
                join_group(&systemd.user)
            ),
        );
    }
    for expected in folders(app, systemd) {
        folder(findings, &expected);
    }
    files(findings, app, &systemd.user);
    backups(findings, app);
}

fn folder(findings: &mut Findings, expected: &Folder) {
    let path = expected.path.display();
    let meta = match fs::symlink_metadata(&expected.path) {
        // A link of root's is the administrator's wish; through any other one root would change what somebody else
        // chooses.
        Ok(meta) if meta.is_symlink() && meta.uid() != 0 => {
            findings.fail(
                Check::Owners,
                format!("{path}, {}, is a link owned by {}", expected.what, machine::user_name(meta.uid())),
                format!("ls -l {}    # put a folder there, or name the folder itself in the configuration", shell(&path.to_string())),
            );
            return;
        }
        Ok(_) => fs::metadata(&expected.path),
        Err(error) => Err(error),
    };
    match meta {
        Ok(meta) => {
            let is = (
                machine::user_name(meta.uid()),
                machine::group_name(meta.gid()),
                meta.mode() & 0o7777,
            );
            let should = (
                expected.owner.clone(),
                expected.group.clone(),
                expected.mode,
            );
            let shown = |(owner, group, mode): &(String, String, u32)| {
                format!("{owner}:{group} {mode:04o}")
            };
            if is == should {
                let text = format!("{path}, {}, is {}", expected.what, shown(&is));
                findings.ok(Check::Owners, text);
            } else {
                let text = format!(
                    "{path}, {}, is {}; it must be {}",
                    expected.what,
                    shown(&is),
                    shown(&should)
                );
                findings.fail(Check::Owners, text, expected.command());
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => findings.fail(
            Check::Owners,
            format!("{path}, {}, does not exist", expected.what),
            expected.command(),
        ),
        Err(error) => unknown(findings, &expected.path, &error),
    }
}

/// The contents of the backups folder. A snapshot gets its group from its folder, so a folder without the set-group-id bit,
/// which copying can lose, hides the next snapshot from the laptop's key. Reports only what is wrong.
fn backups(findings: &mut Findings, app: &AppConfig) {
    let Some(group) = machine::group(BACKUP_GROUP) else {
        return;
    };
    let snapshots = catalogue::snapshots(&app.backups);
    let tiers = Tier::ALL.map(|tier| app.backups.join(tier.as_str()));
    for path in [snapshots.clone()].into_iter().chain(tiers) {
        let there = fs::symlink_metadata(&path);
        if there.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            // The first snapshot creates it.
            continue;
        }
        if path != snapshots && former::has_foreign_files(&path) {
            // Another check says what to do with it.
            continue;
        }
        let expected = Folder {
            what: "a folder of the backups",
            path,
            owner: USER.to_owned(),
            group: BACKUP_GROUP.to_owned(),
            mode: 0o2750,
        };
        folder(findings, &expected);
        findings.all.pop_if(|said| said.level == Level::Ok);
    }
    let listed = fs::read_dir(&snapshots).into_iter().flatten().flatten();
    let files = listed
        .map(|entry| entry.path())
        .chain([app.backups.join("SHA256SUMS")]);
    let hidden = files
        .filter_map(|path| fs::symlink_metadata(path).ok())
        .filter(|meta| meta.is_file() && (meta.gid() != group || meta.mode() & 0o040 == 0))
        .count();
    if hidden > 0 {
        findings.fail(
            Check::Owners,
            format!(
                "the group {BACKUP_GROUP}, and so the laptop's key, cannot read {hidden} of the files in {}",
                app.backups.display()
            ),
            mend_backups(&app.backups),
        );
    }
}

/// The database's files. Their folder belongs to the app, so anything may have their names: no link is followed.
fn files(findings: &mut Findings, app: &AppConfig, user: &str) {
    let mut wrong = Vec::new();
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut path = app.database.clone().into_os_string();
        path.push(ending);
        let path = Path::new(&path);
        let Ok(meta) = fs::symlink_metadata(path) else {
            continue;
        };
        if !meta.is_file() || meta.nlink() != 1 {
            let kind = match meta.is_file() {
                true => "has a second name elsewhere",
                false if meta.is_symlink() => "is a link",
                false => "is not a regular file",
            };
            findings.fail(
                Check::Owners,
                format!("{} {kind}, which does not belong there", path.display()),
                format!(
                    "ls -l {}    # maybe the app needs it",
                    shell(&path.to_string_lossy())
                ),
            );
        } else if Some(meta.gid()) != machine::group(user) || meta.mode() & 0o777 != 0o660 {
            wrong.push(path.display().to_string());
        }
    }
    if !wrong.is_empty() {
        findings.fail(
            Check::Owners,
            format!(
                "not in the group {user} with mode 0660, so the app or Tealkeep cannot open it: {}",
                wrong.join(", ")
            ),
            mend_files(app, user),
        );
    }
}

fn unknown(findings: &mut Findings, path: &Path, error: &std::io::Error) {
    findings.warn(
        Check::Owners,
        format!("cannot access {}: {error}", path.display()),
        findings
            .machine
            .as_root("", format!("ls -ld {}", shell(&path.to_string_lossy()))),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_among_the_databases_files_are_said_and_never_mended() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("home.sqlite");
        let shadow = dir.path().join("shadow");
        fs::write(&shadow, "").unwrap();
        std::os::unix::fs::symlink(&shadow, dir.path().join("home.sqlite-journal")).unwrap();
        fs::hard_link(&shadow, dir.path().join("home.sqlite-wal")).unwrap();
        let source = format!(
            "[[app]]\nname = \"home\"\ndatabase = {database:?}\nreleases = \"/srv/home/releases\"\n[app.runtime]\nkind = \"systemd\"\n"
        );
        let config = Config::parse(&source, false).unwrap();
        let mut findings = Findings::new(crate::doctor::advice::MACHINE, None);
        files(&mut findings, &config.apps[0], "root");
        let said: Vec<&str> = findings
            .all
            .iter()
            .map(|found| found.text.as_str())
            .collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].contains("home.sqlite-wal has a second name"),
            "{said:?}"
        );
        assert!(
            said[1].contains("home.sqlite-journal is a link"),
            "{said:?}"
        );
        for found in &findings.all {
            let mend = found.mend.as_deref().unwrap_or_default();
            assert!(!mend.contains("chown") && !mend.contains("chmod"), "{mend}");
        }
    }
}
