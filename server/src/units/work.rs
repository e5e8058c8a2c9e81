//! The unit templates that work on one release as the app's user, with the release's name as the instance: one prepares it, one
//! rehearses it on a copy of the data.

use super::colour::sandbox;
use super::context::UnitContext;
use super::printed::{Printed, system_unit};
use super::quote::Unwritable;
use super::{environment, quote};

/// How long a rehearsal may run; normally it is stopped long before.
const REHEARSAL_LIMIT: &str = "1h";

pub(super) fn files(context: &UnitContext<'_>) -> Result<Vec<Printed>, Unwritable> {
    let mut files = Vec::new();
    files.extend(prepare(context)?);
    files.extend(rehearse(context)?);
    Ok(files)
}

fn prepare(context: &UnitContext<'_>) -> Result<Option<Printed>, Unwritable> {
    let Some(prepare) = &context.app.deploy.prepare else {
        return Ok(None);
    };
    let name = context.name();
    let releases = context.app.releases.display().to_string();
    let mut words = vec![quote::word("--releases")?, quote::word(&releases)?];
    words.extend(["--release".to_owned(), "%i".to_owned()]);
    for input in &prepare.inputs {
        words.extend(["--input".to_owned(), quote::word(&input.to_string_lossy())?]);
    }
    for version in &prepare.versions {
        let line = shell_words::join(version);
        words.extend(["--version".to_owned(), quote::word(&line)?]);
    }
    words.push("--".to_owned());
    for word in &prepare.command {
        words.push(quote::word(word)?);
    }
    let all = words.join(" ");
    let prefix = if all.contains('$') { ":" } else { "" };
    let body = format!(
        "\
[Unit]
Description={name}, making release %i ready
Documentation=man:tealkeep-units(1)
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={user}
Group={user}
ExecStart={prefix}/usr/bin/tealkeep prepare {all}
TimeoutStartSec={timeout}
UMask=0007
CacheDirectory={name}-prepare
CacheDirectoryMode=0700
Environment=HOME=%C/{name}-prepare
{sandbox}\
# Directories keep their setgid bit when they become read-only, so RestrictSUIDSGID= is impossible. This names the
# whole folder, not only the release: files of an earlier release could not be hard-linked into a separate mount.
# This user cannot write to other releases.
ReadWritePaths={folder}
",
        user = context.systemd.user,
        timeout = prepare.timeout.as_secs_f64(),
        sandbox = sandbox(&[&context.app.releases]),
        folder = quote::listed_path(&context.app.releases)?,
    );
    Ok(Some(system_unit(format!("{name}-prepare@.service"), body)))
}

/// If the administrator's own units start the app, its command is unknown, and nothing can be rehearsed.
fn rehearse(context: &UnitContext<'_>) -> Result<Option<Printed>, Unwritable> {
    let Some(command) = &context.systemd.command else {
        return Ok(None);
    };
    let name = context.name();
    // Both use the name of the release literally: `%i` must arrive unescaped.
    let release = context.app.releases.join("@RELEASE@");
    let folder = context.folder().join("rehearse");
    let here = |text: String| text.replace("@RELEASE@", "%i");
    let own = environment::line(context)?;
    let body = format!(
        "\
[Unit]
Description={name}, rehearsal of release %i on a copy of the data
Documentation=man:tealkeep-units(1)

[Service]
Type=exec
User={user}
Group={user}
WorkingDirectory={directory}
{own}# Says the port, the copy's path and the release; written before each start.
EnvironmentFile={file}
Environment=TEALKEEP_REHEARSAL=1
ExecStart={command}
RuntimeMaxSec={REHEARSAL_LIMIT}
TimeoutStopSec={stop}
KillMode=mixed
UMask=0007
# A rehearsal can remind or notify nobody: it reaches only this machine.
IPAddressDeny=any
IPAddressAllow=localhost
{sandbox}RestrictSUIDSGID=yes
# The household's real data is invisible.
InaccessiblePaths=-{data}
ReadOnlyPaths={releases}
ReadWritePaths=-{copies}
",
        user = context.systemd.user,
        directory = here(quote::path(&release)?),
        file = here(quote::pattern(&folder.join("@RELEASE@.env"))?),
        command = here(quote::command(command, &release)?),
        stop = context.systemd.stop_timeout.as_secs_f64(),
        sandbox = sandbox(&[&context.app.releases]),
        data = quote::listed_path(context.data())?,
        releases = quote::listed_path(&context.app.releases)?,
        copies = here(quote::listed_path(&folder.join("@RELEASE@"))?),
    );
    Ok(Some(system_unit(format!("{name}-rehearse@.service"), body)))
}
