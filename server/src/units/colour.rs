//! The units of the two colours or, if the administrator's own units define how the app starts, a drop-in for each. The live
//! colour starts at boot without Tealkeep; the idle one does not.

use std::path::Path;

use super::context::UnitContext;
use super::printed::{DROP_IN, Printed, system_unit};
use super::quote::Unwritable;
use super::{environment as secrets, quote};
use crate::names::Colour;

/// The folder in which Tealkeep's service says that it starts a colour: the `RuntimeDirectory=` of its unit, whatever
/// `socket` in the configuration is.
const RUN_FOLDER: &str = "/run/tealkeep";

pub(super) fn files(context: &UnitContext<'_>) -> Result<Vec<Printed>, Unwritable> {
    Colour::BOTH
        .into_iter()
        .map(|colour| {
            let unit = context.systemd.unit(colour);
            let body = body(context, colour)?;
            Ok(match context.systemd.command {
                Some(_) => system_unit(unit.to_owned(), body),
                None => Printed {
                    name: format!("{unit}.d"),
                    ..system_unit(format!("{unit}.d/{DROP_IN}"), body)
                },
            })
        })
        .collect()
}

fn body(context: &UnitContext<'_>, colour: Colour) -> Result<String, Unwritable> {
    let (app, systemd) = (context.app, context.systemd);
    let name = context.name();
    let folder = context.folder().join(colour.as_str());
    let here = app.releases.join(colour.as_str());
    let live = quote::path(&folder.join("live"))?;
    let start = quote::path(&Path::new(RUN_FOLDER).join(format!("{name}-{colour}.start")))?;
    let release = quote::pattern(&folder.join("release.env"))?;
    let directory = quote::path(&here)?;
    let conditions = format!(
        "\
# Only the live colour starts at boot. The second file exists while Tealkeep starts the idle one.
ConditionPathExists=|{live}
ConditionPathExists=|{start}
"
    );
    let environment = environment(context, colour)?;
    let releases = quote::listed_path(&app.releases)?;
    let common = format!(
        "\
WorkingDirectory={directory}
{environment}# Written before each start: the release's name.
EnvironmentFile={release}
UMask=0007
TimeoutStopSec={stop}
",
        stop = systemd.stop_timeout.as_secs_f64(),
    );
    let Some(command) = &systemd.command else {
        return Ok(format!(
            "\
[Unit]
{conditions}
[Service]
{common}# A release stays as it was pushed.
ReadOnlyPaths={releases}
"
        ));
    };
    Ok(format!(
        "\
[Unit]
Description={name}, the {colour} colour
Documentation=man:tealkeep-units(1)
Wants=network-online.target
After=network-online.target
{conditions}# A release that keeps crashing is given up after ten tries.
StartLimitIntervalSec=60
StartLimitBurst=10

[Service]
Type=exec
User={user}
Group={user}
{common}ExecStart={command}
Restart=on-failure
RestartSec=500ms
KillMode=mixed
{sandbox}ReadOnlyPaths={releases}
ReadWritePaths=-{data}

[Install]
WantedBy=multi-user.target
",
        user = systemd.user,
        command = quote::command(command, &here)?,
        sandbox = sandbox(&[&app.releases, context.data()]),
        data = quote::listed_path(context.data())?,
    ))
}

fn environment(context: &UnitContext<'_>, colour: Colour) -> Result<String, Unwritable> {
    let systemd = context.systemd;
    let live = context.folder().join(colour.as_str()).join("live");
    let mut lines = String::new();
    let mut set = |name: &str, value: &str| -> Result<(), Unwritable> {
        let assignment = quote::word(&format!("{name}={value}"))?;
        lines.push_str(&format!("Environment={assignment}\n"));
        Ok(())
    };
    set(&systemd.port_variable, &systemd.port(colour).to_string())?;
    set(
        &systemd.database_variable,
        &context.app.database.display().to_string(),
    )?;
    set("TEALKEEP_COLOUR", colour.as_str())?;
    set("TEALKEEP_LIVE_FILE", &live.display().to_string())?;
    lines.push_str(&secrets::line(context)?);
    Ok(lines)
}

/// A sandbox in which an app with a just-in-time compiler works: without `MemoryDenyWriteExecute=`, under which Node exits at
/// once.
pub(super) fn sandbox(used: &[&Path]) -> String {
    format!(
        "\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
{home}PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
",
        home = protect_home(used),
    )
}

/// `ProtectHome=`, as strict as the paths that are needed allow.
pub(super) fn protect_home(used: &[&Path]) -> &'static str {
    let homes = ["/home", "/root", "/run/user"];
    match used
        .iter()
        .any(|path| homes.iter().any(|home| path.starts_with(home)))
    {
        true => "# Something that the app needs is in a home directory.\nProtectHome=read-only\n",
        false => "ProtectHome=yes\n",
    }
}
