//! `tealkeep push` from a laptop to a machine at home: a real sshd with the deploying key behind
//! `tealkeep door`, the real rsync, and a server with a preparation.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::{Command, Stdio};

use crate::support::pair::Pair;
use crate::support::{Said, free_port, until_blocking};

#[test]
fn an_unchanged_lock_file_means_no_preparation_and_unchanged_files_are_linked() {
    let pair = Pair::start();
    pair.build("v1", "one");
    let first = pair.there(&["push", "v1", "home"]).succeeds();
    assert!(first.stdout.contains("v1 is live"), "{first:#?}");
    assert!(first.stderr.contains("prepare   done"), "{first:#?}");
    assert_eq!((pair.live().as_str(), pair.runs()), ("v1", 1));
    for left_out in [
        ".git",
        "notes.txt",
        ".tealkeepignore",
        "node_modules/laptop",
    ] {
        assert!(
            !pair.path("releases/v1").join(left_out).exists(),
            "{left_out}"
        );
    }
    let mode = |below: &str| pair.meta(below).mode() & 0o7777;
    assert_eq!(mode("v1"), 0o2750);
    assert_eq!(mode("v1/same.bin"), 0o440);
    assert_eq!(mode("v1/tool.sh"), 0o550);

    let built = pair.build("v2", "one");
    fs::write(built.join("new.txt.js"), "new").unwrap();
    let second = pair.there(&["push", "v2", "home"]).succeeds();
    assert!(
        second
            .stderr
            .contains("was reused from v1 through hard links"),
        "{second:#?}"
    );
    assert_eq!((pair.live().as_str(), pair.runs()), ("v2", 1));
    for same in ["same.bin", "tool.sh", "lock", "node_modules/a/index.js"] {
        let (one, two) = (
            pair.meta(&format!("v1/{same}")),
            pair.meta(&format!("v2/{same}")),
        );
        assert_eq!(one.ino(), two.ino(), "{same}");
    }
    assert_ne!(pair.meta("v1").ino(), pair.meta("v2").ino());

    pair.build("v3", "two");
    pair.there(&["push", "v3", "home"]).succeeds();
    assert_eq!((pair.live().as_str(), pair.runs()), ("v3", 2));

    // The name is taken: it gets the time.
    pair.build("v3", "two");
    pair.there(&["push", "v3", "home"]).succeeds();
    assert!(pair.live().starts_with("v3-20"), "{}", pair.live());
    // Asked for by its name, the same content is the same release, and another one is refused.
    pair.there(&["push", "v3", "home", "--name", "v3"])
        .succeeds();
    assert_eq!(pair.live(), "v3");
    let changed = pair.build("v3", "two");
    fs::write(changed.join("same.bin"), "not the same").unwrap();
    let refused = pair.there(&["push", "v3", "home", "--name", "v3"]);
    assert_ne!(refused.code, 0, "{refused:#?}");
    assert!(
        refused.stderr.contains("differs in same.bin"),
        "{refused:#?}"
    );
    assert_eq!(pair.live(), "v3");
}

#[test]
fn the_basis_of_a_push_is_the_live_release_and_unchanged_files_are_not_sent_again() {
    let pair = Pair::start();
    let random = |name: &str| {
        let mut bytes = vec![0_u8; 2_000_000];
        getrandom::fill(&mut bytes).unwrap();
        fs::write(pair.path("laptop").join(name).join("big.bin"), &bytes).unwrap();
        bytes
    };
    let basis = |name: &str| {
        let asked = pair.here(&["incoming", "home", name]).succeeds().json();
        asked["basis"].as_str().map(str::to_owned)
    };
    assert_eq!(basis("v1"), None);
    pair.build("v1", "one");
    let big = random("v1");
    pair.there(&["push", "v1", "home"]).succeeds();
    assert_eq!(basis("v2").as_deref(), Some("v1"));
    // An odd release that arrives and goes no further is none to start from.
    pair.build("odd", "two");
    random("odd");
    File::create(pair.path("fail")).unwrap();
    pair.there(&["push", "odd", "home"]).fails_with(1);
    fs::remove_file(pair.path("fail")).unwrap();
    assert!(pair.path("releases/odd").exists());
    assert_eq!(basis("v2").as_deref(), Some("v1"));

    let built = pair.build("v2", "one");
    fs::write(built.join("big.bin"), big).unwrap();
    fs::write(built.join("new.js"), "new").unwrap();
    let said = pair.there(&["push", "v2", "home"]).succeeds();
    let sent = said
        .stderr
        .lines()
        .find(|line| line.starts_with("v2 was sent: 1 of its"));
    let sent = sent.unwrap_or_else(|| panic!("{said:#?}"));
    assert!(!sent.contains("MB") && !sent.contains("MiB"), "{sent}");
    assert!(
        said.stderr.contains("files are the same as in v1"),
        "{said:#?}"
    );
    assert_eq!(pair.meta("v1/big.bin").ino(), pair.meta("v2/big.bin").ino());
    // At once, with the new one live.
    assert_eq!(basis("v3").as_deref(), Some("v2"));
}

#[test]
fn secrets_and_what_is_made_anew_stay_on_the_laptop_unless_the_ignore_file_says_otherwise() {
    let pair = Pair::start();
    let built = pair.build("v1", "one");
    for name in [".venv/bin", "web/node_modules/x", "kept/node_modules/x"] {
        fs::create_dir_all(built.join(name)).unwrap();
        fs::write(built.join(name).join("file"), "content").unwrap();
    }
    for name in [
        ".env",
        ".env.local",
        ".env.production.local",
        "web/.env",
        ".env.example",
    ] {
        fs::write(built.join(name), "SECRET=1").unwrap();
    }
    let made = Command::new("mkfifo").arg(built.join("pipe")).status();
    assert!(made.unwrap().success());
    fs::write(
        built.join(".tealkeepignore"),
        "*.txt\n+ kept/node_modules\n",
    )
    .unwrap();
    let said = pair.there(&["push", "v1", "home"]).succeeds();
    let told = said
        .stderr
        .lines()
        .find(|line| line.starts_with("Not sent: "));
    let told = told.unwrap_or_else(|| panic!("{said:#?}"));
    for name in [
        ".env",
        ".env.local",
        ".env.production.local",
        ".git",
        ".venv",
        "notes.txt",
    ] {
        assert!(!pair.path("releases/v1").join(name).exists(), "{name}");
        assert!(told.contains(name), "{name}: {told}");
    }
    assert!(told.contains("`+ NAME` in .tealkeepignore"), "{told}");
    assert!(
        said.stderr.contains(
            "Not sent, because a release may contain only files, folders and links: pipe"
        ),
        "{said:#?}"
    );
    for name in ["web/.env", "web/node_modules", "pipe"] {
        assert!(!pair.path("releases/v1").join(name).exists(), "{name}");
    }
    assert!(pair.path("releases/v1/kept/node_modules/x/file").exists());
    assert!(pair.path("releases/v1/.env.example").exists());
}

#[test]
fn a_release_that_nothing_prepares_is_sent_with_its_modules() {
    let pair = Pair::start_with("# unprepared", &[]);
    let built = pair.build("v1", "one");
    // The app does not start without what stands there, as a standalone build of Next.js does not.
    let modules = built.join("node_modules/home");
    fs::create_dir_all(&modules).unwrap();
    fs::rename(built.join("release.toml"), modules.join("release.toml")).unwrap();
    symlink("node_modules/home/release.toml", built.join("release.toml")).unwrap();
    for (folder, file) in [
        (".venv/bin", "tool"),
        ("web/node_modules/x", "index.js"),
        ("test/node_modules/y", "index.js"),
    ] {
        fs::create_dir_all(built.join(folder)).unwrap();
        fs::write(built.join(folder).join(file), "content").unwrap();
    }
    fs::write(built.join(".env"), "SECRET=1").unwrap();
    fs::write(built.join(".tealkeepignore"), "*.txt\n/test/node_modules\n").unwrap();
    let said = pair.there(&["push", "v1", "home"]).succeeds();
    assert_eq!(pair.live(), "v1");
    let release = pair.path("releases/v1");
    for sent in [
        "node_modules/laptop/index.js",
        "web/node_modules/x/index.js",
        ".venv/bin/tool",
    ] {
        assert!(release.join(sent).exists(), "{sent}: {said:#?}");
    }
    for kept in [".env", ".git", "test/node_modules"] {
        assert!(!release.join(kept).exists(), "{kept}");
        assert!(said.stderr.contains(kept), "{kept}: {said:#?}");
    }
}

#[test]
fn a_directory_of_which_nothing_is_sent_is_refused() {
    let pair = Pair::start();
    let built = pair.path("laptop/v1");
    fs::create_dir_all(built.join("node_modules/x")).unwrap();
    fs::create_dir_all(built.join(".git")).unwrap();
    let said = pair.there(&["push", "v1", "home"]).fails_with(2);
    assert!(said.stderr.contains("was the release built?"), "{said:#?}");
    assert_eq!(pair.live(), "none");
}

#[test]
fn a_configuration_that_was_changed_after_the_start_is_said() {
    const RESTART: &str = "sudo systemctl restart tealkeep";
    let pair = Pair::start();
    pair.build("v1", "one");
    let said = pair.there(&["push", "v1", "home"]).succeeds();
    assert!(!said.stderr.contains(RESTART), "{said:#?}");
    let file = pair.path("tealkeep.toml");
    let before = fs::read_to_string(&file).unwrap();
    // A variable's value: the copy that goes with the backups does not hold it.
    let after = before.replace(
        "[app.runtime]\n",
        "[app.runtime]\nenv = { GREETING = \"hello\" }\n",
    );
    assert_ne!(after, before);
    fs::write(&file, &after).unwrap();
    let said = pair
        .there(&["push", "v1", "home", "--name", "v1"])
        .succeeds();
    assert!(
        said.stderr.contains("was changed after Tealkeep started") && said.stderr.contains(RESTART),
        "{said:#?}"
    );
    // With its old text it is the one that Tealkeep goes by.
    fs::write(&file, &before).unwrap();
    let said = pair
        .there(&["push", "v1", "home", "--name", "v1"])
        .succeeds();
    assert!(!said.stderr.contains(RESTART), "{said:#?}");
}

#[test]
fn a_connection_cut_while_sending_changes_nothing_and_the_next_push_goes_on() {
    let pair = Pair::start();
    let built = pair.build("v1", "one");
    let mut bytes = vec![0_u8; 8_000_000];
    getrandom::fill(&mut bytes).unwrap();
    fs::write(built.join("big.bin"), &bytes).unwrap();
    pair.script(
        "cut",
        "case \"$*\" in *rsync*) stdbuf -o0 head -c 5000000 | ssh OPTIONS \"$@\";; *) exec ssh OPTIONS \"$@\";; esac",
    );
    let cut = pair
        .laptop("cut", &["push", "v1", "home"])
        .output()
        .unwrap();
    let cut = Said::of(&cut).fails_with(1);
    assert!(
        cut.stderr.contains("continues where this one stopped"),
        "{cut:#?}"
    );
    assert_eq!(pair.live(), "none");
    until_blocking("what came is kept", || {
        pair.path("releases/.push-v1/big.bin").exists()
    });
    assert!(!pair.path("releases/v1").exists());
    let early = pair.here(&["deploy", "home", "v1"]);
    assert!(early.stderr.contains("may not be whole"), "{early:#?}");

    let again = pair.there(&["push", "v1", "home"]).succeeds();
    assert!(
        again.stderr.contains("continuing an interrupted push"),
        "{again:#?}"
    );
    assert_eq!(pair.live(), "v1");
    assert_eq!(fs::read(pair.path("releases/v1/big.bin")).unwrap(), bytes);
    assert!(!pair.path("releases/.push-v1").exists());
}

#[test]
fn a_deploy_goes_on_without_its_laptop_and_status_picks_the_thread_up() {
    let pair = Pair::start();
    for name in ["v1", "v2"] {
        pair.build(name, name);
        File::create(pair.path("wait")).unwrap();
        let push = pair.laptop("ssh", &["push", name, "home"]).spawn().unwrap();
        pair.until_preparing();
        let (victim, signal) = if name == "v1" {
            let pid = fs::read_to_string(pair.path("laptop/pid")).unwrap();
            (pid.trim().parse().unwrap(), rustix::process::Signal::KILL)
        } else {
            (push.id().cast_signed(), rustix::process::Signal::INT)
        };
        let victim = rustix::process::Pid::from_raw(victim).unwrap();
        rustix::process::kill_process(victim, signal).unwrap();
        let lost = Said::of(&push.wait_with_output().unwrap()).fails_with(1);
        assert!(lost.stderr.contains("continues by itself"), "{lost:#?}");
        assert!(lost.stderr.contains("--follow"), "{lost:#?}");

        let shown = pair.there(&["status", "home"]).succeeds();
        assert!(shown.stdout.contains("waiting"), "{shown:#?}");
        let follow = pair
            .laptop("ssh", &["status", "home", "--follow"])
            .spawn()
            .unwrap();
        fs::remove_file(pair.path("wait")).unwrap();
        let followed = Said::of(&follow.wait_with_output().unwrap()).succeeds();
        assert!(
            followed.stdout.contains(&format!("{name} is live")),
            "{followed:#?}"
        );
        assert_eq!(pair.live(), name);
    }
    // Nothing is under way any more: it tells how the last one ended.
    let after = pair.there(&["status", "--follow"]).succeeds();
    assert!(after.stdout.contains("v2 is live"), "{after:#?}");
}

#[test]
fn a_preparation_that_fails_is_refused_with_its_last_lines() {
    let pair = Pair::start();
    pair.build("v1", "one");
    pair.there(&["push", "v1", "home"]).succeeds();
    File::create(pair.path("fail")).unwrap();
    pair.build("v2", "two");
    let refused = pair.there(&["push", "v2", "home"]).fails_with(1);
    assert!(
        refused.stderr.contains("v2 was not made ready"),
        "{refused:#?}"
    );
    assert!(refused.stderr.contains("exit status: 7"), "{refused:#?}");
    assert!(
        refused.stderr.contains("npm error: no such package"),
        "{refused:#?}"
    );
    assert_eq!(pair.live(), "v1");
    assert_eq!(pair.meta("v2").mode() & 0o7777, 0o2750);
    let last = pair.there(&["status", "--follow"]).fails_with(1);
    assert!(
        last.stderr.contains("npm error: no such package"),
        "{last:#?}"
    );
    fs::remove_file(pair.path("fail")).unwrap();
    pair.there(&["deploy", "home", "v2"]).succeeds();
    assert_eq!(pair.live(), "v2");
}

#[test]
fn a_preparation_that_takes_too_long_is_stopped_with_everything_it_started() {
    let pair = Pair::start_with("# late", &[]);
    File::create(pair.path("wait")).unwrap();
    pair.build("v1", "one");
    let late = pair.there(&["push", "v1", "home"]).fails_with(1);
    assert!(late.stderr.contains("did not finish within"), "{late:#?}");
    let wanted = pair.path("releases/v1");
    until_blocking("nothing of it runs any more", || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        !processes
            .filter_map(|entry| fs::read_link(entry.path().join("cwd")).ok())
            .any(|cwd| cwd == wanted)
    });
}

#[test]
fn the_deploying_key_opens_nothing_else() {
    let pair = Pair::start();
    pair.build("v1", "one");
    let releases = pair.path("releases").display().to_string();
    for asked in [
        "id",
        "sh -c id",
        "tealkeep status; id",
        "tealkeep password",
        "tealkeep serve",
        "tealkeep restore home 20260101T000000Z",
        "tealkeep undo home",
        "rsync --server --sender -lrce.iLsfxCIvu . /etc/",
        "rsync --server -lrce.iLsfxCIvu . /tmp/",
        &format!("rsync --server -lrce.iLsfxCIvu . {releases}/.push-v1/../../x/"),
        &format!("rsync --server -lrce.iLsfxCIvu --copy-dest=/etc . {releases}/.push-v1/"),
    ] {
        let said = pair.asks(asked).fails_with(2);
        assert!(!said.stdout.contains("uid="), "{asked}: {said:#?}");
        assert!(!said.stderr.is_empty(), "{asked}");
    }
    assert!(
        pair.asks("tealkeep status")
            .succeeds()
            .stdout
            .contains("home")
    );
    // The real rsync, asked to fetch and to write elsewhere.
    for (from, to) in [
        (format!("H:{releases}/"), "fetched/".to_owned()),
        ("v1/".to_owned(), format!("H:{releases}/v1/")),
    ] {
        let host = format!("{}:", pair.host());
        let rsync = Command::new("rsync")
            .args(["-rlc", "-e"])
            .arg(pair.path("laptop/ssh"))
            .arg(from.replace("H:", &host))
            .arg(to.replace("H:", &host))
            .current_dir(pair.path("laptop"))
            .output()
            .unwrap();
        let said = Said::of(&rsync);
        assert!(
            said.code != 0 && said.stderr.contains("refused"),
            "{said:#?}"
        );
    }
    assert!(!pair.path("releases/v1").exists());
}

#[test]
fn two_pushes_of_one_name_do_not_fill_one_directory() {
    let pair = Pair::start();
    pair.build("v1", "one");
    let releases = pair.path("releases").display().to_string();
    let receive = format!("rsync --server -lrce.iLsfxCIvu . {releases}/.push-v1/");
    // Its other side says nothing, so it waits.
    let mut first = Command::new(pair.path("laptop/ssh"))
        .arg(pair.host())
        .arg(&receive)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until_blocking("the first one waits", || {
        pair.path("releases/.push-v1").exists()
    });
    until_blocking("a second one is refused", || {
        let said = pair.asks(&receive);
        said.stderr
            .contains("another push")
            .then_some(())
            .ok_or(said)
    });
    let refused = pair.there(&["push", "v1", "home"]);
    assert_ne!(refused.code, 0, "{refused:#?}");
    assert!(
        refused.stderr.contains("another push of this name"),
        "{refused:#?}"
    );
    let early = pair.here(&["deploy", "home", "v1", "--pushed"]);
    assert!(early.stderr.contains("still being sent"), "{early:#?}");
    assert_eq!(pair.live(), "none");
    first.kill().unwrap();
    first.wait().unwrap();
    pair.there(&["push", "v1", "home"]).succeeds();
    assert_eq!(pair.live(), "v1");
}

#[test]
fn a_link_out_of_the_release_is_not_received() {
    let pair = Pair::start();
    let built = pair.build("v1", "one");
    std::os::unix::fs::symlink("/var/lib/tealkeep", built.join("state")).unwrap();
    let refused = pair.there(&["push", "v1", "home"]).fails_with(1);
    assert!(
        refused
            .stderr
            .contains("the link state leads to /var/lib/tealkeep"),
        "{refused:#?}"
    );
    assert_eq!(pair.live(), "none");
    // Mended, the same push goes on.
    fs::remove_file(built.join("state")).unwrap();
    pair.there(&["push", "v1", "home"]).succeeds();
    assert_eq!(pair.live(), "v1");
}

#[test]
fn each_usual_trouble_of_a_push_is_told() {
    let pair = Pair::start();
    pair.build("v1", "one");
    let fails = |arguments: &[&str], ssh: &str, said: &str| {
        let output = pair.laptop(ssh, arguments).output().unwrap();
        let failed = Said::of(&output);
        assert!(
            failed.code != 0 && failed.stderr.contains(said),
            "{said}: {failed:#?}"
        );
    };
    fails(&["push", "v1", "garden"], "ssh", "no app called");
    fails(&["push", "missing", "home"], "ssh", "can't be read");
    fs::create_dir(pair.path("laptop/nothing")).unwrap();
    fails(&["push", "nothing", "home"], "ssh", "is empty");
    pair.script_with_key("stranger", "other_key", "exec ssh OPTIONS \"$@\"");
    fails(
        &["push", "v1", "home"],
        "stranger",
        "does not accept this key",
    );
    // Of two ports, ssh takes the first.
    pair.script("silent", "exec ssh -p 1 OPTIONS \"$@\"");
    fails(&["push", "v1", "home"], "silent", "refuses ssh connections");
    fails(&["serve"], "ssh", "works on this machine only");
    assert_eq!(pair.live(), "none");
}

/// What stands in front of the app for the household: TLS, and the same bytes on.
async fn tunnel(
    issuer: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    to: u16,
) -> (u16, tokio::task::JoinHandle<()>) {
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = rustls::crypto::ring::default_provider();
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                if let Ok(mut app) = tokio::net::TcpStream::connect(("127.0.0.1", to)).await {
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut app).await;
                }
            });
        }
    });
    (port, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_address_is_asked_over_tls_and_a_bad_certificate_swaps_back() {
    let authority = || {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
    };
    let (known, other) = (authority(), authority());
    let roots = tempfile::NamedTempFile::new().unwrap();
    fs::write(roots.path(), known.pem()).unwrap();
    for (issuer, said) in [(&known, None), (&other, Some("does not trust"))] {
        let app = free_port();
        let (port, tunnel) = tunnel(issuer, app).await;
        let url = format!("url = \"https://localhost:{port}\"");
        let env = [("SSL_CERT_FILE", roots.path())];
        let pair = Pair::start_on(app, &url, &env);
        pair.build("v1", "one");
        let pushed = pair.there(&["push", "v1", "home"]);
        match said {
            None => {
                let pushed = pushed.succeeds();
                let address = format!("and at https://localhost:{port}/healthz.");
                assert!(pushed.stdout.contains(&address), "{pushed:#?}");
            }
            Some(said) => {
                let failed = pushed.fails_with(1);
                assert!(failed.stderr.contains(said), "{failed:#?}");
                assert!(failed.stderr.contains("swap      undone"), "{failed:#?}");
            }
        }
        tunnel.abort();
    }
}
