//! One look at a unit: its properties, read at once, and what they mean for a colour. No I/O but the reading.

use std::collections::HashMap;

use jiff::Timestamp;
use zbus::Connection;
use zbus::names::InterfaceName;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use super::bus::{self, SYSTEMD};
use crate::runtime::process::signal_name;

/// What systemd says of a unit: org.freedesktop.systemd1(5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// `loaded`, `not-found`, `bad-setting`, `error`, `masked`.
    pub load_state: String,
    /// What was wrong with loading it.
    pub load_error: String,
    /// `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`.
    pub active_state: String,
    /// `running`, `dead`, `auto-restart`, `stop-sigterm` and others.
    pub sub_state: String,
    /// When it last became active.
    pub active_since: Option<Timestamp>,
    /// Whether the conditions of the last start were met.
    pub condition_met: bool,
    /// The conditions that the last start looked at, as they are written, with whether each was met.
    pub conditions: Vec<(String, bool)>,
    /// 32 hexadecimal digits; another for each start. Empty when it never ran.
    pub invocation: String,
    /// Its main process, if one runs.
    pub main_pid: Option<u32>,
    /// Its last main process, also when that has ended.
    pub last_pid: Option<u32>,
    /// How that ended (`CLD_EXITED` and others, sigaction(2)), and its exit code or signal.
    pub last_end: (i32, i32),
    /// `success`, `exit-code`, `signal`, `core-dump`, `watchdog`, `start-limit-hit`, `timeout`, `oom-kill`.
    pub result: String,
    /// How often systemd restarted it by itself since it was last started.
    pub restarts: u32,
    /// The memory of its control group.
    pub memory_bytes: Option<u64>,
    /// How long it has between SIGTERM and SIGKILL, in microseconds.
    pub stop_timeout_us: u64,
    /// How long it may take to start, in microseconds; the largest number stands for ever.
    pub start_timeout_us: u64,
    /// Whether a job of it is under way.
    pub has_job: bool,
}

impl Unit {
    /// Asks for a unit by its name, loading it if need be; one that does not exist is `not-found`.
    pub async fn look(connection: &Connection, name: &str) -> zbus::Result<Unit> {
        let path = bus::manager(connection).await?.load_unit(name).await?;
        let properties = zbus::fdo::PropertiesProxy::builder(connection)
            .destination(SYSTEMD)?
            .path(path)?
            .build()
            .await?;
        let unit = InterfaceName::from_static_str_unchecked("org.freedesktop.systemd1.Unit");
        let service = InterfaceName::from_static_str_unchecked("org.freedesktop.systemd1.Service");
        let mut all = properties
            .get_all(unit)
            .await
            .map_err(|error| zbus::Error::FDO(Box::new(error)))?;
        all.extend(
            properties
                .get_all(service)
                .await
                .map_err(|error| zbus::Error::FDO(Box::new(error)))?,
        );
        Ok(Unit::of(&Properties(all)))
    }

    fn of(all: &Properties) -> Unit {
        let (_, load_error): (String, String) = all.get("LoadError").unwrap_or_default();
        let (job, _): (u32, OwnedObjectPath) = all.get("Job").unwrap_or_default();
        let conditions: Vec<(String, bool, bool, String, i32)> =
            all.get("Conditions").unwrap_or_default();
        let invocation: Vec<u8> = all.get("InvocationID").unwrap_or_default();
        let microseconds: u64 = all.get("ActiveEnterTimestamp").unwrap_or_default();
        Unit {
            load_state: all.get("LoadState").unwrap_or_default(),
            load_error,
            active_state: all.get("ActiveState").unwrap_or_default(),
            sub_state: all.get("SubState").unwrap_or_default(),
            active_since: (microseconds > 0)
                .then(|| Timestamp::from_microsecond(microseconds.cast_signed()).ok())
                .flatten(),
            condition_met: all.get("ConditionResult").unwrap_or_default(),
            conditions: conditions
                .into_iter()
                .map(|(kind, trigger, negate, parameter, state)| {
                    let (trigger, negate) = (
                        if trigger { "|" } else { "" },
                        if negate { "!" } else { "" },
                    );
                    // Above 0 it was met, below it was not; 0 was not looked at.
                    (format!("{kind}={trigger}{negate}{parameter}"), state >= 0)
                })
                .collect(),
            invocation: invocation
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            main_pid: all.get("MainPID").filter(|pid| *pid > 0),
            last_pid: all.get("ExecMainPID").filter(|pid| *pid > 0),
            last_end: (
                all.get("ExecMainCode").unwrap_or_default(),
                all.get("ExecMainStatus").unwrap_or_default(),
            ),
            result: all.get("Result").unwrap_or_default(),
            restarts: all.get("NRestarts").unwrap_or_default(),
            // The largest number stands for one that is not known.
            memory_bytes: all
                .get("MemoryCurrent")
                .filter(|bytes| *bytes > 0 && *bytes < u64::MAX),
            stop_timeout_us: all.get("TimeoutStopUSec").unwrap_or_default(),
            start_timeout_us: all.get("TimeoutStartUSec").unwrap_or_default(),
            has_job: job > 0,
        }
    }

    /// Whether its main process runs, on its way up or down as well.
    #[must_use]
    pub fn runs(&self) -> Option<u32> {
        match self.active_state.as_str() {
            "failed" | "inactive" => None,
            _ => self.main_pid,
        }
    }

    /// How it ended when it failed, or waits for being restarted; `None` where nothing is wrong with it.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let waits = self.active_state == "activating" && self.sub_state.starts_with("auto-restart");
        let failed = self.active_state == "failed"
            || (self.active_state == "inactive" && !matches!(&*self.result, "success" | ""));
        (waits || failed).then(|| self.how_it_ended())
    }

    /// How its last main process ended, as a sentence goes on after the colour's name.
    #[must_use]
    pub fn how_it_ended(&self) -> String {
        let (code, status) = self.last_end;
        let process = match (code, status) {
            (1, 203) if self.result == "exit-code" => {
                "ended with exit code 203, which is systemd's for a command that it can't execute".to_owned()
            }
            (1, 200) if self.result == "exit-code" => {
                "ended with exit code 200, which is systemd's for a working directory that it can't enter".to_owned()
            }
            (1, 217) if self.result == "exit-code" => {
                "ended with exit code 217, which is systemd's for a user that does not exist".to_owned()
            }
            (1, code) => format!("ended with exit code {code}"),
            (2 | 3, signal) => format!("was killed by {}", signal_name(signal)),
            _ => "ended".to_owned(),
        };
        match self.result.as_str() {
            "start-limit-hit" if code == 0 => {
                "hit its start limit: systemd started it too often and starts it no more".to_owned()
            }
            "start-limit-hit" => format!(
                "hit its start limit: it {process} too often, and systemd starts it no more"
            ),
            "oom-kill" => "was killed by the kernel, since memory ran out".to_owned(),
            "watchdog" => "was killed by systemd, since it gave its watchdog no sign of life".to_owned(),
            "timeout" => format!("took longer than its unit allows and {process}"),
            "resources" => "could not be started for want of resources; `systemctl status` of its unit says which".to_owned(),
            "protocol" => format!("{process} before it said that it was ready, as its unit's Type= demands"),
            _ => process,
        }
    }
}

/// The properties as they came.
struct Properties(HashMap<String, OwnedValue>);

impl Properties {
    fn get<T: TryFrom<OwnedValue>>(&self, name: &str) -> Option<T> {
        T::try_from(self.0.get(name)?.try_clone().ok()?).ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn running(pid: u32) -> Unit {
        Unit {
            load_state: "loaded".to_owned(),
            active_state: "active".to_owned(),
            sub_state: "running".to_owned(),
            main_pid: Some(pid),
            last_pid: Some(pid),
            condition_met: true,
            result: "success".to_owned(),
            invocation: "00".repeat(16),
            ..Unit::default()
        }
    }

    pub fn over(active: &str, sub: &str, result: &str, end: (i32, i32)) -> Unit {
        Unit {
            active_state: active.to_owned(),
            sub_state: sub.to_owned(),
            result: result.to_owned(),
            main_pid: None,
            last_end: end,
            ..running(7)
        }
    }

    #[test]
    fn each_way_to_end_has_its_words() {
        for (unit, how) in [
            (
                over("failed", "failed", "exit-code", (1, 1)),
                "ended with exit code 1",
            ),
            (
                over("activating", "auto-restart", "signal", (2, 9)),
                "was killed by SIGKILL",
            ),
            (
                over("failed", "failed", "core-dump", (3, 11)),
                "was killed by SIGSEGV",
            ),
            (
                over("failed", "failed", "start-limit-hit", (1, 3)),
                "hit its start limit: it ended with exit code 3 too often, and systemd starts it no more",
            ),
            (
                over("failed", "failed", "oom-kill", (2, 9)),
                "was killed by the kernel, since memory ran out",
            ),
            (
                over("failed", "failed", "timeout", (2, 9)),
                "took longer than its unit allows and was killed by SIGKILL",
            ),
            (
                over("inactive", "dead", "exit-code", (1, 1)),
                "ended with exit code 1",
            ),
        ] {
            assert_eq!(unit.failure().as_deref(), Some(how));
            assert_eq!(unit.runs(), None);
        }
    }

    #[test]
    fn a_unit_at_rest_or_at_work_has_not_failed() {
        assert_eq!(running(7).failure(), None);
        assert_eq!(over("inactive", "dead", "success", (1, 0)).failure(), None);
        let starting = Unit {
            active_state: "activating".to_owned(),
            sub_state: "start".to_owned(),
            ..running(8)
        };
        assert_eq!((starting.runs(), starting.failure()), (Some(8), None));
        assert_eq!(
            over("activating", "start-pre", "success", (0, 0)).failure(),
            None
        );
    }

    #[test]
    fn properties_that_are_missing_or_unknown_do_no_harm() {
        let number = |n: u64| OwnedValue::from(n);
        let all = HashMap::from([
            ("MemoryCurrent".to_owned(), number(u64::MAX)),
            ("MainPID".to_owned(), OwnedValue::from(0_u32)),
            ("NRestarts".to_owned(), OwnedValue::from(3_u32)),
        ]);
        let unit = Unit::of(&Properties(all));
        assert_eq!(
            (unit.memory_bytes, unit.main_pid, unit.restarts),
            (None, None, 3)
        );
        assert_eq!(unit.active_state, "");
    }
}
