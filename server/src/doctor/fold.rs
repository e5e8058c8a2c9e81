//! Folds failures with one cause into one: those that follow from it name it and are not counted.

use super::findings::{Finding, Kind, Level};
use crate::names::AppName;

/// Sets the cause of each failure that follows from another one.
pub fn fold(findings: &mut [Finding]) {
    let roots = |findings: &[Finding], kind: Kind| -> Vec<(Option<AppName>, String)> {
        findings
            .iter()
            .filter(|found| found.level == Level::Fail && found.kind == kind)
            .map(|found| (found.app.clone(), found.text.clone()))
            .collect()
    };
    let not_set_up = roots(findings, Kind::NotSetUp);
    let files_missing = roots(findings, Kind::FilesMissing);
    // Tealkeep starts when all apps have what they need.
    let down = match not_set_up.first() {
        Some(first) => Some(first.clone()),
        None => roots(findings, Kind::ServerDown).into_iter().next(),
    };
    let is_down = !roots(findings, Kind::ServerDown).is_empty();
    let of_app = |roots: &[(Option<AppName>, String)], app: &Option<AppName>| {
        let mut roots = roots.iter().filter(|_| app.is_some());
        roots.find(|root| root.0 == *app).map(|root| root.1.clone())
    };
    let of_server = || down.clone().filter(|_| is_down).map(|root| root.1);
    for found in findings
        .iter_mut()
        .filter(|found| found.level == Level::Fail)
    {
        let own = of_app(&not_set_up, &found.app);
        let cause = match found.kind {
            Kind::NotSetUp => None,
            Kind::Single | Kind::FilesMissing => own,
            Kind::FileMissing => own.or_else(|| of_app(&files_missing, &found.app)),
            Kind::ServerDown | Kind::NeedsServer => own.or_else(of_server),
        };
        found.cause = cause.filter(|cause| *cause != found.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::findings::Check;

    fn found(app: Option<&str>, kind: Kind, level: Level, text: &str) -> Finding {
        Finding {
            check: Check::Units,
            app: app.map(|app| app.parse().unwrap()),
            level,
            text: text.to_owned(),
            mend: None,
            cause: None,
            kind,
        }
    }

    fn causes(mut findings: Vec<Finding>) -> Vec<Option<String>> {
        fold(&mut findings);
        findings.into_iter().map(|found| found.cause).collect()
    }

    #[test]
    fn whatever_fails_of_an_app_that_was_never_set_up_is_one_failure_and_so_is_the_server() {
        let (fail, home, garden) = (Level::Fail, Some("home"), Some("garden"));
        let cause = Some("no garden".to_owned());
        let found = causes(vec![
            found(None, Kind::ServerDown, fail, "no server"),
            found(home, Kind::Single, fail, "a port"),
            found(home, Kind::NeedsServer, fail, "no gate"),
            found(garden, Kind::Single, fail, "no user"),
            found(garden, Kind::FileMissing, fail, "no unit"),
            found(garden, Kind::NotSetUp, fail, "no garden"),
            found(garden, Kind::Single, Level::Warn, "no pull"),
        ]);
        let root = cause.clone();
        assert_eq!(
            found,
            [
                cause.clone(),
                None,
                cause.clone(),
                cause.clone(),
                cause,
                None,
                None
            ]
        );
        assert!(root.is_some());
    }

    #[test]
    fn missing_files_and_a_server_that_is_down_have_causes_of_their_own() {
        let (fail, home) = (Level::Fail, Some("home"));
        let found = causes(vec![
            found(None, Kind::ServerDown, fail, "the unit is down"),
            found(None, Kind::ServerDown, fail, "nobody listens"),
            found(home, Kind::FileMissing, fail, "no blue"),
            found(home, Kind::FilesMissing, fail, "two files"),
            found(home, Kind::NeedsServer, fail, "no gate"),
            found(home, Kind::Single, fail, "no room"),
        ]);
        let of = |text: &str| Some(text.to_owned());
        let unit = of("the unit is down");
        assert_eq!(
            found,
            [None, unit.clone(), of("two files"), None, unit, None]
        );
    }

    #[test]
    fn what_needs_the_server_fails_by_itself_while_it_runs() {
        let gate = found(Some("home"), Kind::NeedsServer, Level::Fail, "no gate");
        assert_eq!(causes(vec![gate]), [None]);
    }
}
