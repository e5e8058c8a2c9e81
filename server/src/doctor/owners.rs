//! Users, groups, owners and modes: what keeps the app from ever meeting a file that it can't open, and
//! others from reading what is not theirs.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Check, Findings, machine};
use crate::config::{AppConfig, Config, RuntimeConfig};
use crate::units::{BACKUP_GROUP, USER, folders, mend_files, quote::shell};

pub fn machine(findings: &mut Findings, config: &Config, path: &Path) {
    for group in [USER, BACKUP_GROUP] {
        if machine::group(group).is_none() {
            findings.fail(
                Check::Owners,
                format!("there is no group `{group}`"),
                "systemd-sysusers tealkeep.conf, or install the package again",
            );
        }
    }
    if let Ok(meta) = fs::metadata(path)
        && meta.mode() & 0o007 != 0
    {
        let path = shell(&path.to_string_lossy());
        findings.warn(
            Check::Owners,
            format!("everybody can read {path}, which may hold secrets of the apps"),
            format!("chown root:{USER} {path} && chmod 0640 {path}"),
        );
    }
    let state = shell(&config.state.to_string_lossy());
    match fs::metadata(&config.state) {
        Ok(meta) if meta.mode() & 0o011 != 0o011 => findings.fail(
            Check::Owners,
            format!(
                "nobody but its owner can enter {state}, where the colours look for their markers"
            ),
            format!("chmod 0711 {state}"),
        ),
        Ok(_) => findings.ok(Check::Owners, format!("{state} can be entered")),
        Err(error) => findings.fail(
            Check::Owners,
            format!("{state} can't be looked at: {error}"),
            "systemd-tmpfiles --create tealkeep.conf",
        ),
    }
    if let Ok(meta) = fs::symlink_metadata(&config.socket)
        && meta.mode() & 0o007 != 0
    {
        let socket = shell(&config.socket.to_string_lossy());
        findings.fail(
            Check::Owners,
            format!("everybody can give orders over {socket}"),
            format!("chmod 0660 {socket}"),
        );
    }
}

pub fn app(findings: &mut Findings, app: &AppConfig) {
    let RuntimeConfig::Systemd(systemd) = &app.runtime else {
        return;
    };
    if machine::user(&systemd.user).is_none() {
        findings.fail(
            Check::Owners,
            format!("there is no user `{}`, whom the app runs as", systemd.user),
            format!(
                "useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {}",
                systemd.user
            ),
        );
        return;
    }
    for folder in folders(app, systemd) {
        let path = folder.path.display();
        match fs::metadata(&folder.path) {
            Ok(meta) => {
                let is = (
                    machine::user_name(meta.uid()),
                    machine::group_name(meta.gid()),
                    meta.mode() & 0o7777,
                );
                let should = (folder.owner.clone(), folder.group.clone(), folder.mode);
                let shown = |(owner, group, mode): &(String, String, u32)| {
                    format!("{owner}:{group} {mode:04o}")
                };
                if is == should {
                    let text = format!("{path}, {}, is {}", folder.what, shown(&is));
                    findings.ok(Check::Owners, text);
                } else {
                    let text = format!(
                        "{path}, {}, is {}; it must be {}",
                        folder.what,
                        shown(&is),
                        shown(&should)
                    );
                    findings.fail(Check::Owners, text, folder.command());
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => findings.fail(
                Check::Owners,
                format!("{path}, {}, does not exist", folder.what),
                folder.command(),
            ),
            Err(error) => unknown(findings, &folder.path, &error),
        }
    }
    let mut wrong = Vec::new();
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut path = app.database.clone().into_os_string();
        path.push(ending);
        let Ok(meta) = fs::metadata(&path) else {
            continue;
        };
        let own = machine::group(&systemd.user);
        if Some(meta.gid()) != own || meta.mode() & 0o777 != 0o660 {
            wrong.push(Path::new(&path).display().to_string());
        }
    }
    if !wrong.is_empty() {
        findings.fail(
            Check::Owners,
            format!(
                "not of the group {} with mode 0660, so that the app or Tealkeep can't open it: {}",
                systemd.user,
                wrong.join(", ")
            ),
            mend_files(app, &systemd.user),
        );
    }
}

fn unknown(findings: &mut Findings, path: &Path, error: &std::io::Error) {
    findings.warn(
        Check::Owners,
        format!("{} can't be looked at: {error}", path.display()),
        "sudo tealkeep doctor",
    );
}
