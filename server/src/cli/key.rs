//! `tealkeep key`: which laptops may sign in here, and what each of their keys may do. It replaces two files of root's
//! atomically, and keeps everything in them that it does not know.

use std::fmt::Write as _;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::outcome::{Failure, Outcome};
use super::output::print;
use super::progress::say;
use super::terminal;
use super::units::{pick, read};
use crate::config::{BACKUP_USER, DEFAULT_CONFIG, DEFAULT_SOCKET, USER};
use crate::durable::{read_small, write_whole};
use crate::http::auth::Scope;
use crate::keys::door::parse_command;
use crate::keys::{self, Change, Given, Line};
use crate::units::{DEPLOY_KEYS, DOOR, PULL_KEYS, door_for_pulling};

/// The largest file of keys, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// sshd reads the file as the user who signs in, so it must be readable for others.
const MODE: u32 = 0o644;
/// The longest name of a key, in characters.
const MAX_NAME_CHARS: usize = 64;

#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// The file of the keys that deploy.
    #[arg(long, global = true, hide = true, default_value = DEPLOY_KEYS)]
    deploy_keys: PathBuf,
    /// The file of the keys that pull.
    #[arg(long, global = true, hide = true, default_value = PULL_KEYS)]
    pull_keys: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the keys and what each may do (the default).
    List,
    /// Add a laptop's key. Run this as root; run it again to change what the key may do.
    Add(AddArgs),
    /// Remove a key.
    Remove {
        /// Its name or fingerprint, as `tealkeep key list` shows them.
        key: String,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    /// The public key: its .pub file, `-` for standard input, or its line in quotes.
    #[arg(allow_hyphen_values = true)]
    key: String,
    /// What it allows: `read` shows the state, `deploy` also deploys, `admin` also restores.
    #[arg(long, default_value = "deploy", conflicts_with = "pull")]
    scope: Scope,
    /// Allow only fetching this app's snapshots.
    #[arg(long, value_name = "APP")]
    pull: Option<String>,
    /// The key's name, for example that of the laptop [default: the key's comment]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The configuration, which names the folder of an app's snapshots.
    #[arg(long, default_value = DEFAULT_CONFIG, value_name = "FILE")]
    config: PathBuf,
}

/// A key in the list.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    fingerprint: String,
    user: &'static str,
    opens: String,
    file: PathBuf,
}

/// `tealkeep key`
pub fn run(args: &KeyArgs, json: bool) -> Outcome {
    match &args.action {
        None | Some(Action::List) => list(args, json),
        Some(Action::Add(add)) => self::add(args, add, json),
        Some(Action::Remove { key }) => remove(args, key, json),
    }
}

impl KeyArgs {
    /// The files, with the user as whom their keys sign in.
    fn files(&self) -> [(&'static str, &Path); 2] {
        [(USER, &*self.deploy_keys), (BACKUP_USER, &*self.pull_keys)]
    }
}

fn add(args: &KeyArgs, add: &AddArgs, json: bool) -> Outcome {
    let given: Given = read_key(&add.key)?
        .parse()
        .map_err(|why| Failure::Usage(format!("{}: {why}", describe_source(&add.key))))?;
    let name = name_of(add, &given)?;
    let (user, file, command) = match &add.pull {
        Some(app) => {
            let config = read(&add.config)?;
            let command = door_for_pulling(&config, pick(&config, Some(app))?);
            (BACKUP_USER, &args.pull_keys, command)
        }
        None => {
            let command = match add.scope {
                Scope::Deploy => DOOR.to_owned(),
                Scope::Read | Scope::Admin => format!("{DOOR} --scope {}", add.scope),
            };
            (USER, &args.deploy_keys, command)
        }
    };
    let line = Line::new(&command, given.key, name);
    let before = content(file)?;
    if let Some(other) = keys::lines(&before)
        .flatten()
        .find(|known| known.key != line.key && known.comment == line.comment)
    {
        return Err(Failure::Usage(format!(
            "there is already another key named {} ({}); give this one another name with --name, or remove the other one first",
            line.comment,
            other.key.fingerprint()
        )));
    }
    let others = keys::other_options(&before, &line.key);
    if !others.is_empty() {
        return Err(Failure::Usage(format!(
            "this key is already in {}, with {}, which a new line would lose; change that line in an editor, or remove \
             the key first (`tealkeep key remove`)",
            file.display(),
            others.join(", ")
        )));
    }
    let (after, change) = keys::with_line(&before, &line);
    if change != Change::Unchanged {
        write(file, &after)?;
    }
    let (listed, name) = (listed(user, file, &line), &line.comment);
    print(json, &listed, || {
        let opens = &listed.opens;
        match change {
            Change::Added => format!("{name} may now sign in as {user}: it {opens}."),
            Change::Unchanged => format!("{name} already had access: it {opens}."),
            Change::Replaced(_) => format!("{name} already had access; from now on it {opens}."),
        }
    })
}

/// The key as text: what was given, or the content of the file that was named.
fn read_key(given: &str) -> Result<String, Failure> {
    let bytes = if given == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .take(MAX_FILE_BYTES)
            .read_to_end(&mut bytes)?;
        bytes
    } else if given.contains(char::is_whitespace) && !Path::new(given).exists() {
        return Ok(given.to_owned());
    } else {
        read_small(Path::new(given), MAX_FILE_BYTES)
            .map_err(|e| Failure::Usage(format!("{given} can't be read: {e}")))?
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn describe_source(given: &str) -> &str {
    match given {
        "-" => "standard input",
        _ if given.contains(char::is_whitespace) => "what was given",
        file => file,
    }
}

fn name_of(add: &AddArgs, given: &Given) -> Result<String, Failure> {
    let name = match &add.name {
        Some(name) => name.trim(),
        None => given.comment.as_str(),
    };
    if name.is_empty() {
        return Err(Failure::Usage(
            "the key has no comment; give it a name, for example --name annas-laptop".to_owned(),
        ));
    }
    if name.chars().any(char::is_control) || name.chars().count() > MAX_NAME_CHARS {
        return Err(Failure::Usage(format!(
            "{name:?} cannot be the name of a key: use at most {MAX_NAME_CHARS} printable characters"
        )));
    }
    Ok(name.to_owned())
}

fn list(args: &KeyArgs, json: bool) -> Outcome {
    let mut all = Vec::new();
    for (user, file) in args.files() {
        for line in keys::lines(&content(file)?) {
            match line {
                Ok(line) => all.push(listed(user, file, &line)),
                Err(unread) => say(format_args!(
                    "line {} of {} is ignored: {}",
                    unread.number,
                    file.display(),
                    unread.why
                )),
            }
        }
    }
    print(json, &all, || {
        if all.is_empty() {
            return "There are no keys yet. `sudo tealkeep key add FILE.pub` adds one.".to_owned();
        }
        let wide = all.iter().map(|key| key.name.chars().count()).max();
        let wide = wide.unwrap_or_default();
        let mut text = String::new();
        for key in &all {
            let _ = writeln!(
                text,
                "{:wide$}  {}  {}@: {}",
                key.name, key.fingerprint, key.user, key.opens
            );
        }
        text
    })
}

fn remove(args: &KeyArgs, wanted: &str, json: bool) -> Outcome {
    let mut found = Vec::new();
    for (user, file) in args.files() {
        for line in keys::lines(&content(file)?).flatten() {
            if line.comment == wanted || line.key.fingerprint() == wanted {
                found.push((user, file, line));
            }
        }
    }
    let Some((_, _, first)) = found.first() else {
        return Err(Failure::Usage(format!(
            "there is no key named {wanted:?}; `tealkeep key list` shows all keys"
        )));
    };
    if found.iter().any(|(_, _, line)| line.key != first.key) {
        return Err(Failure::Usage(format!(
            "several keys are named {wanted:?}; use the fingerprint that `tealkeep key list` shows"
        )));
    }
    let mut removed = Vec::new();
    for (user, file, line) in found {
        let (after, is_removed) = keys::without(&content(file)?, &line.key);
        if is_removed {
            write(file, &after)?;
        }
        removed.push(listed(user, file, &line));
    }
    print(json, &removed, || {
        format!(
            "{wanted} was removed and can no longer sign in. Open connections stay open until they end."
        )
    })
}

fn listed(user: &'static str, file: &Path, line: &Line) -> Listed {
    Listed {
        name: match line.comment.as_str() {
            "" => "(without a name)".to_owned(),
            name => terminal::line(name),
        },
        fingerprint: line.key.fingerprint(),
        user,
        opens: terminal::line(&describe_grant(user, line)),
        file: file.to_owned(),
    }
}

/// What a line allows, in words that follow "it".
fn describe_grant(user: &str, line: &Line) -> String {
    let command = match line.command() {
        Ok(command) => command,
        Err(why) => return format!("allows nothing: {why}"),
    };
    let Some(command) = command else {
        return match user {
            BACKUP_USER => "allows nothing: its line names no command".to_owned(),
            _ => "may deploy; its line names no command".to_owned(),
        };
    };
    match parse_command(&command, Path::new(DEFAULT_SOCKET)) {
        Ok(grant) => match (grant.door.pull.as_ref(), grant.door.scope()) {
            (Some(pulls), _) => match &pulls.app {
                Some(app) => format!("may pull the snapshots of {app}"),
                None => format!(
                    "may pull the snapshots in {}; an older version wrote its line",
                    pulls.folder.display()
                ),
            },
            (None, Some(Scope::Read)) => "may see the state".to_owned(),
            (None, Some(Scope::Admin)) => "may deploy and restore".to_owned(),
            (None, Some(Scope::Deploy) | None) => "may deploy".to_owned(),
        },
        Err(why) => format!("allows nothing: {why}"),
    }
}

/// The content of a file of keys; empty if it does not exist.
fn content(file: &Path) -> Result<String, Failure> {
    match read_small(file, MAX_FILE_BYTES) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| {
            Failure::Operation(anyhow!(
                "{} is not UTF-8, so nothing was changed; fix it with an editor",
                file.display()
            ))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::Operation(anyhow!(
            "{} can't be read: {error}",
            file.display()
        ))),
    }
}

/// Replaces a file of keys. It will belong to whoever runs this, which must be root for sshd to accept it.
fn write(file: &Path, text: &str) -> Outcome {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root && [DEPLOY_KEYS, PULL_KEYS].map(Path::new).contains(&file) {
        return Err(Failure::Usage(format!(
            "{} belongs to root; run this with sudo",
            file.display()
        )));
    }
    match file.symlink_metadata() {
        Ok(meta) if !meta.is_file() => {
            return Err(Failure::Operation(anyhow!(
                "{} is not a regular file, so nothing was changed",
                file.display()
            )));
        }
        Ok(meta) if meta.nlink() > 1 => {
            return Err(Failure::Operation(anyhow!(
                "{} has a second name (a hard link), which would keep the old content; remove the second name first",
                file.display()
            )));
        }
        Ok(_) => {}
        Err(_) if file.parent().is_some_and(Path::is_dir) => {}
        Err(_) => {
            return Err(Failure::Operation(anyhow!(
                "the folder of {} does not exist; as root: systemd-tmpfiles --create tealkeep.conf",
                file.display()
            )));
        }
    }
    write_whole(file, text.as_bytes(), MODE).context("the keys are unchanged")?;
    Ok(())
}
