use std::fs::{self, Permissions};

use crate::config::Config;

use super::*;

const APP: &str = r#"
[[app]]
name = "home"
database = "/srv/home/data/home.sqlite"
releases = "/srv/home/releases"
[app.runtime]
command = ["node", "server.js"]
"#;

fn parsed(notify: &str) -> Result<NotifyConfig, Vec<String>> {
    Config::parse(&format!("{notify}{APP}"), false)
        .map(|config| config.notify)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn nobody_is_told_unless_it_is_configured() {
    let config = parsed("").unwrap();
    assert_eq!(config, NotifyConfig::default());
    assert!(config.webhook.is_none() && config.ntfy.is_none());
}

#[test]
fn each_wrong_value_is_refused_with_its_key_and_without_what_is_secret() {
    for (notify, says) in [
        (
            "webhook = \"https://a.example.org/x\"",
            "notify.webhook_secret_file: is missing",
        ),
        (
            "webhook_secret_file = \"/etc/tealkeep/secret\"",
            "notify.webhook_secret_file: is set without a webhook",
        ),
        ("ntfy = \"https://ntfy.sh\"", "notify.ntfy: has no topic"),
        (
            "ntfy = \"https://me:hidden@ntfy.sh/home\"",
            "notify.ntfy: has a user's name or a password",
        ),
        (
            "ntfy = \"ntfy.sh/hidden\"",
            "notify.ntfy: does not begin with `https://` or `http://`",
        ),
        (
            "ntfy_token_file = \"/etc/tealkeep/token\"",
            "notify.ntfy_token_file: is set without a topic",
        ),
        ("disk_free = 51", "notify.disk_free: 51 is out of range"),
        ("webhok = \"\"", "did you mean `webhook`?"),
    ] {
        let wrong = parsed(&format!("[notify]\n{notify}\n")).unwrap_err();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].contains(says), "{wrong:?}");
        assert!(!wrong[0].contains("hidden"), "{wrong:?}");
    }
}

#[test]
fn a_heartbeat_may_have_a_path() {
    let source = format!("{APP}[app.backup]\nheartbeat = \"https://hc-ping.com/0b7f\"\n");
    let config = Config::parse(&source, false).unwrap();
    let heartbeat = config.apps[0].backup.heartbeat.as_ref().unwrap();
    assert_eq!(heartbeat.uri().path(), "/0b7f");
    assert!(!format!("{config:?}").contains("0b7f"));
    let source = format!("{APP}[app.backup]\nheartbeat = \"hc-ping.com/0b7f\"\n");
    let wrong = Config::parse(&source, false).unwrap_err();
    assert_eq!(wrong[0].key, "app.home.backup.heartbeat");
}

#[test]
fn a_secret_that_is_not_there_is_none_or_is_everybodys_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    let refused = || {
        let source = format!(
            "[notify]\nwebhook = \"http://127.0.0.1:1/x\"\nwebhook_secret_file = \"{}\"\n{APP}",
            file.display()
        );
        let problems = Config::parse(&source, true).unwrap_err();
        problems
            .into_iter()
            .find(|problem| problem.key == "notify.webhook_secret_file")
            .map(|problem| problem.text)
    };
    assert!(refused().unwrap().contains("can't be read"));
    fs::write(&file, "hunter2").unwrap();
    let text = refused().unwrap();
    assert!(
        text.contains("holds no secret") && !text.contains("hunter2"),
        "{text}"
    );
    fs::write(&file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    assert!(refused().unwrap().contains("chmod o="));
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    assert_eq!(refused(), None);
}
