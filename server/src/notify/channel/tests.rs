use std::path::PathBuf;

use super::*;
use crate::house::{Condition, Key, Kind, sample};

fn message(title: &str) -> String {
    let key = Key::of(&"home".parse().unwrap(), Kind::Snapshot);
    let condition = Condition {
        title: title.to_owned(),
        text: "Zwölf Schnappschüsse.".to_owned(),
        ..sample(key)
    };
    let link = Some("https://home.example.org/apps/home/backups".to_owned());
    let message = Message::raised(&condition, link, Timestamp::UNIX_EPOCH).unwrap();
    serde_json::to_string(&message).unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn header<'a>(request: &'a Request<Full<Bytes>>, name: &str) -> &'a str {
    request.headers()[name].to_str().unwrap()
}

#[test]
fn ntfy_gets_a_title_a_priority_a_tag_a_link_and_its_token() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2\n").unwrap();
    let ntfy = Channel::Ntfy(NtfyConfig {
        address: address("https://ntfy.example.org/home"),
        token_file: Some(file),
    });
    let request = ntfy
        .request(&message("home: a title"), Timestamp::UNIX_EPOCH)
        .unwrap();
    assert_eq!(request.method(), http::Method::POST);
    assert_eq!(request.uri(), "https://ntfy.example.org/home");
    assert_eq!(header(&request, "title"), "home: a title");
    assert_eq!(header(&request, "priority"), "4");
    assert_eq!(header(&request, "tags"), "rotating_light");
    assert_eq!(
        header(&request, "click"),
        "https://home.example.org/apps/home/backups"
    );
    assert_eq!(
        header(&request, "authorization"),
        "Bearer tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"
    );
    assert!(!format!("{request:?}").contains("tk_"));
}

#[test]
fn a_title_that_is_not_ascii_goes_as_encoded_words_of_whole_characters() {
    assert_eq!(encoded("home: well"), "home: well");
    assert_eq!(encoded("café"), "=?UTF-8?B?Y2Fmw6k=?=");
    let long = "日本語の題名がここにあり、とても長いので二つに分かれる";
    let words = encoded(long);
    let decoded: String = words
        .split(' ')
        .map(|word| {
            assert!(word.len() <= 75, "{word}");
            let inner = word.strip_prefix("=?UTF-8?B?").unwrap();
            let bytes = STANDARD.decode(inner.strip_suffix("?=").unwrap()).unwrap();
            String::from_utf8(bytes).unwrap()
        })
        .collect();
    assert_eq!(decoded, long);
    assert!(words.contains(' '));
}

#[test]
fn a_webhook_without_its_secret_is_not_called_and_the_reason_names_the_file_only() {
    let webhook = Channel::Webhook(WebhookConfig {
        address: address("https://hooks.example.org/very-secret-path"),
        secret_file: PathBuf::from("/nonexistent/secret"),
    });
    let why = webhook
        .request(&message("t"), Timestamp::UNIX_EPOCH)
        .unwrap_err();
    assert!(
        why.starts_with("/nonexistent/secret can't be read"),
        "{why}"
    );
    assert!(!format!("{webhook:?}").contains("very-secret-path"));
}

#[test]
fn pauses_double_up_to_the_longest_and_end_after_the_whole_time() {
    for backoff in [Backoff::OF_MESSAGES, Backoff::OF_HEARTBEATS] {
        let pauses: Vec<_> = (1..).map_while(|tries| backoff.pause(tries)).collect();
        assert_eq!(pauses[0], backoff.first);
        for pair in pauses.windows(2) {
            assert_eq!(pair[1], (pair[0] * 2).min(backoff.longest));
        }
        let whole: Duration = pauses.iter().sum();
        assert!(whole <= backoff.give_up && whole + backoff.longest > backoff.give_up);
    }
}

#[test]
fn an_address_is_whole_and_carries_no_password() {
    for (text, says) in [
        ("ntfy.sh/home", "does not begin with"),
        ("ftp://ntfy.sh/home", "does not begin with"),
        (
            "https://anna:secret@ntfy.sh/home",
            "a user's name or a password",
        ),
        ("https:///home", "is not an address"),
        ("https://ntfy.sh/home#top", "`#`"),
        ("https://ntfy.sh/ho me", "is not an address"),
    ] {
        let wrong = Address::parse(text).unwrap_err();
        assert!(wrong.contains(says), "{text}: {wrong}");
        assert!(!wrong.contains("secret"), "{wrong}");
    }
    let good = address("http://192.168.1.4:8080/ping/0b7f?rid=1");
    assert_eq!(good.host(), "192.168.1.4");
    assert_eq!(good.to_string(), "http://192.168.1.4:8080/…");
}
