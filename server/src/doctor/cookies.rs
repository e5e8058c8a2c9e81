//! Whether the running Caddy keeps the dashboard's cookies from the app. Caddy is asked what it has loaded, because a correct
//! file may not have been reloaded.

use super::colours::port;
use super::findings::{Check, Findings};
use crate::config::{AppConfig, RouterConfig, RuntimeConfig};
use crate::names::Colour;
use crate::router::caddy::{Ways, ways_to_app};

pub async fn look(findings: &mut Findings, app: &AppConfig) {
    let RouterConfig::Caddy(caddy) = &app.router else {
        return;
    };
    let ports = Colour::BOTH.map(|colour| port(app, colour));
    let found = ways_to_app(caddy.admin, ports).await;
    judge(findings, found, replace_site(app));
}

/// The command that has Caddy load the site as it is printed now.
pub(super) fn replace_site(app: &AppConfig) -> String {
    match &app.runtime {
        RuntimeConfig::Systemd(_) => format!("tealkeep units {} --only commands | sh", app.name),
        RuntimeConfig::Process(_) => format!(
            "tealkeep units {}    # replace Caddy's site with the printed one, then: systemctl reload caddy.service",
            app.name
        ),
    }
}

fn judge(findings: &mut Findings, found: Result<Ways, String>, mend: String) {
    match found {
        Ok(Ways { blanked: 0, open: 0 }) => findings.fail(
            Check::Router,
            "Caddy has no site for this app",
            mend,
        ),
        Ok(Ways { open: 0, .. }) => findings.ok(
            Check::Router,
            "Caddy removes the dashboard's cookies from requests to the app",
        ),
        Ok(Ways { open, blanked }) => findings.fail(
            Check::Router,
            format!(
                "Caddy sends the dashboard's cookies to the app on {open} of {} routes, so the app could sign in as you",
                open + blanked
            ),
            mend,
        ),
        Err(why) => findings.warn(
            Check::Router,
            format!("cannot tell whether the app gets the dashboard's cookies: {why}"),
            "systemctl status caddy",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::advice::MACHINE;
    use crate::doctor::findings::Level;

    #[test]
    fn a_way_that_passes_the_session_on_fails() {
        let level = |found| {
            let mut findings = Findings::new(MACHINE, None);
            judge(&mut findings, found, "mend".to_owned());
            findings.all[0].level
        };
        let ways = |blanked, open| Ok(Ways { blanked, open });
        assert_eq!(level(ways(8, 0)), Level::Ok);
        assert_eq!(level(ways(7, 1)), Level::Fail);
        assert_eq!(level(ways(0, 0)), Level::Fail);
        assert_eq!(level(Err("it does not run".to_owned())), Level::Warn);
    }
}
