//! Signing in and the account, with plenty of data and with none.

use std::time::Duration;

use tealkeep_app::model::*;

use super::{Sample, Text, before, frame, outside};

/// With plenty of data.
pub fn full(t: Text) -> Vec<Sample> {
    let one = [t("home")];
    vec![
        (
            "sign-in",
            outside("/sign-in"),
            Page::SignIn(sign_in(t, None)),
        ),
        (
            "sign-in-wrong",
            outside("/sign-in"),
            Page::SignIn(sign_in(t, Some(t("That password is wrong.")))),
        ),
        (
            "welcome",
            outside("/welcome/x"),
            Page::Welcome(Welcome {
                token: Some(t("f3a9c1")),
                problem: Some(t("The two passwords differ. Type the same one twice.")),
                min_length: 12,
            }),
        ),
        (
            "account",
            frame("/account", &one),
            Page::Account(account(t)),
        ),
    ]
}

/// With as little data as possible.
pub fn empty() -> Vec<Sample> {
    let one = ["home".to_owned()];
    vec![
        (
            "sign-in",
            outside("/sign-in"),
            Page::SignIn(SignIn {
                problem: None,
                wait: Some(Duration::from_secs(30)),
                return_to: None,
                has_password: true,
            }),
        ),
        (
            "sign-in-none",
            outside("/sign-in"),
            Page::SignIn(SignIn {
                problem: None,
                wait: None,
                return_to: None,
                has_password: false,
            }),
        ),
        (
            "welcome",
            outside("/welcome/x"),
            Page::Welcome(Welcome {
                token: None,
                problem: None,
                min_length: 12,
            }),
        ),
        (
            "account",
            frame("/account", &one),
            Page::Account(Account {
                sessions: vec![],
                tokens: vec![],
                problem: None,
                min_length: 12,
            }),
        ),
    ]
}

fn account(t: Text) -> Account {
    let session = |id: &str, current, browser: &str, since| Session {
        id: t(id),
        current,
        browser: t(browser),
        since: before(since),
    };
    Account {
        sessions: vec![
            session("a1", true, "Chrome on Android", 60 * 24 * 9),
            session("b2", false, "Firefox on Linux", 60 * 24 * 40),
        ],
        tokens: vec![
            Token {
                name: t("laptop"),
                opens: "Read and deploy",
                made: before(60 * 24 * 90),
                last_used: Some(before(60 * 3)),
            },
            Token {
                name: t("lamp"),
                opens: "Read only",
                made: before(60 * 24),
                last_used: None,
            },
        ],
        problem: Some(t("The current password is wrong.")),
        min_length: 12,
    }
}

fn sign_in(_: Text, problem: Option<String>) -> SignIn {
    SignIn {
        wait: None,
        return_to: Some("/apps/home/backups".to_owned()),
        has_password: true,
        problem,
    }
}
