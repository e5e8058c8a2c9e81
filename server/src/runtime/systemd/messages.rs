//! The messages for a unit that does not do what it was told to: one for each cause, with what to do. Pure.

use std::path::Path;
use std::time::Duration;

use super::bus::BusError;
use super::unit::Unit;
use crate::clock::seconds;
use crate::names::AppName;

/// Why a unit can't even be tried, judged by how it was loaded.
pub fn unfit(app: &AppName, name: &str, unit: &Unit) -> Option<String> {
    match unit.load_state.as_str() {
        "not-found" => Some(format!(
            "the unit {name} does not exist; `tealkeep units {app}` prints it, to be put into /etc/systemd/system, and then `systemctl daemon-reload`"
        )),
        "masked" => Some(format!(
            "the unit {name} is masked, so that nobody can start it; `sudo systemctl unmask {name}` takes that back"
        )),
        "bad-setting" | "error" => {
            let why = match unit.load_error.as_str() {
                "" => "its file is faulty".to_owned(),
                text => text.trim_end_matches('.').to_owned(),
            };
            Some(format!(
                "the unit {name} can't be loaded: {why}; `systemd-analyze verify {name}` says where"
            ))
        }
        _ => None,
    }
}

/// What systemd, polkit or the bus answered to a wish (`start`, `stop`, `restart`), in words.
pub fn refused(app: &AppName, wish: &str, name: &str, error: &BusError) -> String {
    let BusError::Refused { name: error, text } = error else {
        return format!("{name} could not be told to {wish}: {error}");
    };
    match error.as_str() {
        "org.freedesktop.DBus.Error.AccessDenied"
        | "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
        | "org.freedesktop.PolicyKit1.Error.NotAuthorized" => format!(
            "Tealkeep may not {wish} {name}: polkit refused it. `tealkeep units {app}` prints the rule that allows it, for /etc/polkit-1/rules.d"
        ),
        "org.freedesktop.systemd1.NoSuchUnit" if !text.contains(name) => format!(
            "{name} can't {wish}, since it requires a unit that is not there: {}",
            text.trim_end_matches('.')
        ),
        "org.freedesktop.systemd1.NoSuchUnit" => format!(
            "the unit {name} does not exist; `tealkeep units {app}` prints it, to be put into /etc/systemd/system, and then `systemctl daemon-reload`"
        ),
        "org.freedesktop.systemd1.UnitMasked" => format!(
            "the unit {name} is masked, so that nobody can start it; `sudo systemctl unmask {name}` takes that back"
        ),
        "org.freedesktop.systemd1.BadUnitSetting" | "org.freedesktop.systemd1.LoadFailed" => {
            format!(
                "the unit {name} can't be loaded: {}; `systemd-analyze verify {name}` says where",
                text.trim_end_matches('.')
            )
        }
        "org.freedesktop.systemd1.TransactionIsDestructive" => format!(
            "{name} can't {wish} now, since the machine is about to do the contrary: {text}"
        ),
        _ => format!("{name} could not be told to {wish}: {text} ({error})"),
    }
}

/// Why a start whose job ended without a running unit did not work. `started_from` are the two files of which
/// one is to be there, as the unit's conditions ask for them.
pub fn not_started(name: &str, result: &str, unit: &Unit, expected: [&Path; 2]) -> String {
    let look = format!("`journalctl -u {name}` says more");
    if !unit.condition_met && matches!(result, "done" | "skipped") {
        let unmet: Vec<&str> = unit
            .conditions
            .iter()
            .filter(|(_, met)| !met)
            .map(|(text, _)| text.as_str())
            .collect();
        let which = if unmet.is_empty() {
            String::new()
        } else {
            format!(" ({})", unmet.join(", "))
        };
        return format!(
            "{name} was not started, since its conditions were not met{which}; expected are ConditionPathExists=|{} and ConditionPathExists=|{}",
            expected[0].display(),
            expected[1].display(),
        );
    }
    match result {
        "timeout" => format!("{name} did not start in the time that its unit allows; {look}"),
        "canceled" => format!(
            "the start of {name} was called off by somebody else's wish, such as `systemctl stop`; try again"
        ),
        "dependency" => format!(
            "{name} was not started, since a unit that it requires failed; `systemctl list-dependencies {name}` shows which"
        ),
        "assert" => format!(
            "{name} was not started, since an Assert…= line of it does not hold; `systemctl status {name}` says which"
        ),
        _ => format!("{name} did not start: it {}; {look}", unit.how_it_ended()),
    }
}

/// What is said of a unit that systemd refuses to start since it was started too often, also after Tealkeep
/// has asked to forget that.
pub fn start_limit(name: &str, unit: &Unit) -> String {
    format!(
        "{name} hit its start limit, also after that was reset once (it {}); look at its StartLimitBurst= and StartLimitIntervalSec=, and mend what makes it end, then `sudo systemctl reset-failed {name}`",
        unit.how_it_ended()
    )
}

/// What is said of a unit that runs on although it was to stop.
pub fn not_stopped(name: &str, unit: &Unit, waited: Duration) -> String {
    let process = unit
        .main_pid
        .map_or(String::new(), |pid| format!(", process {pid}"));
    format!(
        "{name} does not stop, not even by systemd's SIGKILL, after {} ({}{process}); `systemctl status {name}` shows what is left of it",
        seconds(waited),
        unit.sub_state
    )
}

/// What is said of a unit that had to be killed.
pub fn stopped_by_force(name: &str, unit: &Unit) -> String {
    format!(
        "{name} did not end {} after SIGTERM, so systemd killed it; its SIGTERM handler waits for something",
        seconds(Duration::from_micros(unit.stop_timeout_us))
    )
}

#[cfg(test)]
mod tests {
    use super::super::unit::tests::over;
    use super::*;

    fn app() -> AppName {
        "home".parse().unwrap()
    }

    fn loaded_as(state: &str, error: &str) -> Unit {
        Unit {
            load_state: state.to_owned(),
            load_error: error.to_owned(),
            ..Unit::default()
        }
    }

    #[test]
    fn units_that_cant_be_started_say_what_to_do_each() {
        let say = |unit: &Unit| unfit(&app(), "home-blue.service", unit);
        assert!(
            say(&loaded_as("not-found", ""))
                .unwrap()
                .contains("`tealkeep units home` prints it")
        );
        assert!(
            say(&loaded_as("masked", ""))
                .unwrap()
                .contains("`sudo systemctl unmask home-blue.service`")
        );
        let bad = say(&loaded_as(
            "bad-setting",
            "Unit has a bad unit file setting.",
        ))
        .unwrap();
        assert!(
            bad.contains("can't be loaded: Unit has a bad unit file setting; `systemd-analyze"),
            "{bad}"
        );
        assert_eq!(say(&loaded_as("loaded", "")), None);
    }

    #[test]
    fn a_refusal_of_polkit_names_the_rule() {
        let error = BusError::Refused {
            name: "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired".to_owned(),
            text: "Interactive authentication required.".to_owned(),
        };
        assert_eq!(
            refused(&app(), "start", "home-blue.service", &error),
            "Tealkeep may not start home-blue.service: polkit refused it. `tealkeep units home` prints the rule that allows it, for /etc/polkit-1/rules.d"
        );
    }

    #[test]
    fn a_start_that_did_not_work_says_why() {
        let expected = [Path::new("/a/live"), Path::new("/run/a.start")];
        let say =
            |result: &str, unit: &Unit| not_started("home-blue.service", result, unit, expected);
        let limit = over("failed", "failed", "start-limit-hit", (1, 1));
        assert!(
            start_limit("home-blue.service", &limit).contains("also after that was reset once")
        );
        let unmet = Unit {
            condition_met: false,
            conditions: vec![("ConditionPathExists=/nowhere".to_owned(), false)],
            ..over("inactive", "dead", "success", (0, 0))
        };
        assert_eq!(
            say("done", &unmet),
            "home-blue.service was not started, since its conditions were not met (ConditionPathExists=/nowhere); expected are ConditionPathExists=|/a/live and ConditionPathExists=|/run/a.start"
        );
        let failed = over("failed", "failed", "exit-code", (1, 203));
        assert!(say("failed", &failed).contains("can't execute"));
        for (result, words) in [
            ("timeout", "in the time that its unit allows"),
            ("canceled", "called off"),
            ("dependency", "requires failed"),
        ] {
            assert!(say(result, &failed).contains(words), "{result}");
        }
    }
}
