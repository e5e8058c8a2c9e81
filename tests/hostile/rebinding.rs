//! A name that means another machine the second time that it is resolved (DNS rebinding), in a network of its own with a
//! resolver of its own: `tealkeep check` of such a site asks nothing of the local network, and carries nothing out of it.

use std::process::Command;

use serde_json::Value;

use crate::support::{Said, TEALKEEP};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/hostile/rebinding.py");

/// Runs the check in that network.
fn in_a_network_of_its_own(arguments: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let resolver = folder.path().join("resolv.conf");
    std::fs::write(
        &resolver,
        "nameserver 127.0.0.1\noptions timeout:5 attempts:1\n",
    )
    .unwrap();
    let set_up = "ip link set lo up && ip address add 93.184.216.34/32 dev lo && \
         mount --bind \"$1\" /etc/resolv.conf && shift && exec python3 \"$@\"";
    let output = Command::new("timeout")
        .args([
            "90",
            "unshare",
            "--net",
            "--mount",
            "--propagation",
            "private",
        ])
        .args(["sh", "-euc", set_up, "sh"])
        .arg(&resolver)
        .args([SCRIPT, TEALKEEP])
        .args(arguments)
        .output()
        .unwrap();
    Said::of(&output)
}

#[test]
fn a_dns_answer_that_changes_leads_the_check_nowhere_else() {
    let said = in_a_network_of_its_own(&["check", "http://app.rebind.test/", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let told: Value = said.json();
    let asked = told["asked"].as_object().unwrap();
    // The site was really looked at, its worker really ran and tried.
    for path in ["/", "/next", "/sw.js", "/lib.js", "/secret", "/leads-away"] {
        assert!(
            asked.contains_key(&format!("site {path}")),
            "{path}: {told:#}"
        );
    }
    let victims: Vec<&String> = asked
        .keys()
        .filter(|who| who.starts_with("victim"))
        .collect();
    assert_eq!(victims, [""; 0], "{told:#}");
    let stolen = asked.keys().any(|who| who.contains("stolen?secret"));
    assert!(!stolen, "{told:#}");
    // Each name was resolved once; the fault was there to be met.
    assert_eq!(told["names"]["app.rebind.test"], 1, "{told:#}");
    assert_eq!(told["names"]["other.rebind.test"], 1, "{told:#}");
    let report: Value = serde_json::from_str(told["stdout"].as_str().unwrap()).unwrap();
    assert_eq!(
        report["seen"]["worker"]["url"], "http://app.rebind.test/sw.js",
        "{report:#}"
    );
}
