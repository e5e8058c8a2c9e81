use super::*;

const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/";

fn command(options: &str) -> Result<Option<String>, String> {
    format!("{options} {A} anna@laptop")
        .parse::<Line>()?
        .command()
}

#[test]
fn options_are_read_as_sshd_reads_them() {
    for (options, wanted) in [
        ("restrict", None),
        ("restrict,command=\"tealkeep door\"", Some("tealkeep door")),
        ("Command=\"a b\",no-pty", Some("a b")),
        ("from=\"10.0.0.0/8,!10.0.0.1\",command=\"x\"", Some("x")),
        // Only a quote needs a backslash, and only before a quote one goes.
        (r#"command="a \"b c\" d""#, Some(r#"a "b c" d"#)),
        (r#"command="a\\b 'it'\''s'""#, Some(r"a\\b 'it'\''s'")),
        (r#"environment="A=command=\"x\"",restrict"#, None),
        ("command=\"first\",command=\"second\"", Some("first")),
    ] {
        let found = command(options).unwrap();
        assert_eq!(found.as_deref(), wanted, "{options}");
    }
    for options in ["command=x", "command=\"x\"restrict"] {
        assert!(command(options).is_err(), "{options}");
    }
    let bare: Line = format!("{A} anna@laptop of mine").parse().unwrap();
    assert_eq!(bare.command(), Ok(None));
    assert_eq!(bare.comment, "anna@laptop of mine");
}

#[test]
fn what_is_written_is_read_back() {
    let key: Line = A.parse().unwrap();
    for command in [
        "/usr/bin/tealkeep door --scope read",
        r#"door --pull 'home:/mnt/it'\''s a "disk"/100%\'"#,
    ] {
        let line = Line::new(command, key.key.clone(), "anna".to_owned());
        let read: Line = line.to_string().parse().unwrap();
        assert_eq!(read, line);
        assert_eq!(read.command().unwrap().as_deref(), Some(command));
    }
}

#[test]
fn only_a_whole_public_key_is_taken() {
    let given: Given = format!("{A} anna@laptop\n").parse().unwrap();
    assert_eq!(given.comment, "anna@laptop");
    assert_eq!(
        given.key.fingerprint(),
        "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA"
    );
    for (text, said) in [
        ("", "no key in it"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n",
            "a private key",
        ),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "a private key"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\n", "ssh-keygen -i"),
        (&A[..A.len() - 8], "not whole"),
        ("ssh-ed25519", "not whole"),
        ("ssh-ed25519 !!!!", "not whole"),
        ("hello", "is no key"),
        (&A.replace("ssh-ed25519", "ssh-dss"), "no kind of key"),
        (&A.replace("ssh-ed25519", "ssh-rsa"), "not whole"),
        (&format!("{A}\n{B}\n"), "more than one line"),
        (&format!("command=\"sh\" {A}"), "the public key alone"),
        (&format!("restrict {A}"), "the public key alone"),
    ] {
        let refused = text.parse::<Given>().unwrap_err();
        assert!(refused.contains(said), "{text}: {refused}");
    }
}

#[test]
fn a_file_keeps_what_else_it_holds() {
    let [a, b] = [A, B].map(|key| key.parse::<Line>().unwrap().key);
    let line = |key: &PublicKey, command: &str| Line::new(command, key.clone(), "x".to_owned());
    let (text, change) = with_line("# mine\n\nnot a key\n", &line(&a, "read"));
    assert_eq!(change, Change::Added);
    let (text, change) = with_line(&text, &line(&b, "read"));
    assert_eq!(change, Change::Added);
    let (same, change) = with_line(&text, &line(&a, "read"));
    assert_eq!((&same, change), (&text, Change::Unchanged));
    let (text, change) = with_line(&text, &line(&a, "admin"));
    assert_eq!(change, Change::Replaced(line(&a, "read")));
    assert_eq!(
        text,
        format!(
            "# mine\n\nnot a key\nrestrict,command=\"admin\" {A} x\nrestrict,command=\"read\" {B} x\n"
        )
    );
    // A key that stands there twice is there once afterwards.
    let (text, _) = with_line(&format!("{text}{A}\n"), &line(&a, "read"));
    assert_eq!(lines(&text).flatten().count(), 2);
    assert_eq!(
        lines(&text).next(),
        Some(Err(Unread {
            number: 3,
            why: "`a` is no kind of key that sshd takes; `ssh-keygen -t ed25519` makes one that it does"
                .to_owned()
        }))
    );
    let (text, is_gone) = without(&text, &a);
    assert!(is_gone && !text.contains(A) && text.contains(B) && text.starts_with("# mine"));
    assert!(!without(&text, &a).1);
}

#[test]
fn options_that_a_new_line_would_lose_are_named() {
    let key = A.parse::<Line>().unwrap().key;
    for (options, expected) in [
        ("", &[][..]),
        (
            "restrict,command=\"tealkeep door --scope read, from=x\" ",
            &[],
        ),
        (
            "from=\"10.0.0.0/8,192.168.1.2\",restrict,expiry-time=\"20270101\" ",
            &["from", "expiry-time"],
        ),
        ("verify-required ", &["verify-required"]),
    ] {
        assert_eq!(
            other_options(&format!("{options}{A}\n"), &key),
            expected,
            "{options}"
        );
    }
}
