//! Whether a service worker under check can be confined: what the kernel offers, and whether Tealkeep's own unit allows it.

use tealkeep_worker::sandbox::{self, Support};

use super::ask;
use super::findings::{Check, Findings};

/// The calls that a unit's `SystemCallFilter=` must allow by name: systemd 252 has them in no set but `@known`.
const SECCOMP: &str = "seccomp";
const LANDLOCK: [&str; 3] = [
    "landlock_create_ruleset",
    "landlock_add_rule",
    "landlock_restrict_self",
];

pub async fn look(findings: &mut Findings) {
    kernel(findings, sandbox::support());
    let asked = [
        "show",
        "--property=SystemCallFilter",
        "--",
        "tealkeep.service",
    ];
    // Without systemd no unit restricts it; the check of the units reports that systemd can't be asked.
    if let Ok(said) = ask::program("systemctl", &asked).await {
        let properties = ask::properties(&said);
        unit(
            findings,
            properties
                .get("SystemCallFilter")
                .copied()
                .unwrap_or_default(),
        );
    }
}

fn kernel(findings: &mut Findings, support: Support) {
    if support.seccomp {
        findings.ok(
            Check::Sandbox,
            "service workers under check run behind a system-call filter (seccomp)",
        );
    } else {
        findings.fail(
            Check::Sandbox,
            "system calls cannot be filtered here (seccomp), so no service worker can be checked: deploys of an app that has one fail",
            "# install the 64-bit package (x86_64 or aarch64) on a 64-bit system whose kernel has CONFIG_SECCOMP_FILTER",
        );
    }
    if support.landlock {
        findings.ok(
            Check::Sandbox,
            "and in a Landlock domain without access to any file",
        );
    } else {
        findings.warn(
            Check::Sandbox,
            "this kernel has no Landlock, or it is switched off: only the system-call filter keeps service workers under check from files",
            "# Linux 5.13 or newer with `landlock` in its lsm= list: cat /sys/kernel/security/lsm",
        );
    }
}

/// Parses a unit's filter as systemd prints it: the allowed calls, or after `~` the forbidden ones.
fn unit(findings: &mut Findings, filter: &str) {
    let (is_allowed_if_listed, list) = match filter.strip_prefix('~') {
        Some(refused) => (false, refused),
        None => (true, filter),
    };
    if list.trim().is_empty() {
        return;
    }
    let is_allowed =
        |call: &str| list.split_whitespace().any(|listed| listed == call) == is_allowed_if_listed;
    let mend = |calls: &str| {
        format!(
            "mkdir -p /etc/systemd/system/tealkeep.service.d && \
             printf '[Service]\\nSystemCallFilter={calls}\\n' > /etc/systemd/system/tealkeep.service.d/sandbox.conf && \
             systemctl daemon-reload && systemctl restart tealkeep.service"
        )
    };
    let all = format!("{SECCOMP} {}", LANDLOCK.join(" "));
    if !is_allowed(SECCOMP) {
        findings.fail(
            Check::Sandbox,
            "SystemCallFilter= of tealkeep.service refuses `seccomp`, so no service worker can be checked: deploys of an app that has one fail",
            mend(&all),
        );
    } else if !LANDLOCK.iter().all(|call| is_allowed(call)) {
        findings.warn(
            Check::Sandbox,
            "SystemCallFilter= of tealkeep.service refuses Landlock, which this kernel may have",
            mend(&all),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::advice::MACHINE;
    use super::super::findings::Level;
    use super::*;

    fn levels(look: impl FnOnce(&mut Findings)) -> Vec<Level> {
        let mut findings = Findings::new(MACHINE, None);
        look(&mut findings);
        findings.all.iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn each_thing_that_the_kernel_lacks_is_said_by_itself() {
        let of = |seccomp, landlock| levels(|all| kernel(all, Support { seccomp, landlock }));
        assert_eq!(of(true, true), [Level::Ok, Level::Ok]);
        assert_eq!(of(true, false), [Level::Ok, Level::Warn]);
        assert_eq!(of(false, true), [Level::Fail, Level::Ok]);
        assert_eq!(of(false, false), [Level::Fail, Level::Warn]);
    }

    #[test]
    fn a_unit_that_refuses_the_calls_is_found_in_either_way_of_saying_so() {
        let all = "landlock_add_rule landlock_create_ruleset landlock_restrict_self";
        let of = |filter: &str| levels(|findings| unit(findings, filter));
        assert_eq!(of(""), []);
        assert_eq!(of(&format!("{all} read seccomp write")), []);
        assert_eq!(of(&format!("{all} read write")), [Level::Fail]);
        assert_eq!(of("landlock_add_rule read seccomp"), [Level::Warn]);
        assert_eq!(of("~mount ptrace"), []);
        assert_eq!(of("~mount seccomp"), [Level::Fail]);
        assert_eq!(of("~landlock_add_rule"), [Level::Warn]);
    }
}
