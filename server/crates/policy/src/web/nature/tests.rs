use super::super::tests::{answer, url};
use super::*;

fn asset(path: &str, lines: &[&str], body: &str) -> Asset {
    Asset {
        url: url(path),
        destination: "script".to_owned(),
        module: false,
        answer: Some(answer(path, 200, lines, body)),
        nature: Nature::Mutable(String::new()),
    }
}

const FOR_GOOD: &[&str] = &["cache-control: max-age=31536000, immutable"];

fn why(asset: &Asset, is_pinned: bool) -> String {
    match of(asset, &Names::default(), is_pinned) {
        Nature::Immutable(why) => why,
        Nature::Mutable(_) => "mutable".to_owned(),
        Nature::ProvenMutable(_) => "proven".to_owned(),
    }
}

#[test]
fn the_bytes_are_heard_before_the_headers_and_these_before_the_name() {
    let by_bytes = asset("/a.2cf24dba.js", FOR_GOOD, "hello");
    assert!(why(&by_bytes, false).contains("SHA-256 of its bytes"));
    let by_headers = asset("/a.2cf24dba.js", FOR_GOOD, "other");
    assert!(why(&by_headers, false).contains("its headers say so"));
    let by_name = asset("/a.2cf24dba.js", &[], "other");
    assert!(why(&by_name, false).contains("looks like a checksum"));
}

#[test]
fn headers_are_believed_where_the_name_can_hold_a_checksum_and_only_there() {
    assert!(why(&asset("/index-DiwrgTda.js", FOR_GOOD, ""), false).contains("headers"));
    assert_eq!(why(&asset("/index-DiwrgTda.js", &[], ""), false), "mutable");
    for path in [
        "/app.js",
        "/splash-640x1136.png",
        "/lib-3.7.1.js",
        "/photo-20241121.jpg",
        "/a-facebook.js",
    ] {
        assert_eq!(why(&asset(path, FOR_GOOD, ""), false), "mutable", "{path}");
    }
}

#[test]
fn pinned_bytes_help_a_name_that_can_hold_a_checksum() {
    assert!(why(&asset("/index-DiwrgTda.js", &[], ""), true).contains("integrity"));
    assert_eq!(why(&asset("/app.js", &[], ""), true), "mutable");
}

#[test]
fn files_of_another_release_with_other_bytes_are_proof() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("build/client/app.js", "old");
    write("build/client/same.js", "same");
    write("build/client/twice/x.js", "old");
    write("copy/twice/x.js", "new");
    write("node_modules/dep/left.js", "old");
    write("a/b/c/deep.js", "old");
    write(".next/static/chunks/n.js", "old");
    let served: Vec<(Url, Vec<u8>)> = [
        ("/app.js?v=2", "new"),
        ("/same.js", "same"),
        ("/twice/x.js", "new"),
        ("/dep/left.js", "new"),
        ("/deep.js", "new"),
        ("/_next/static/chunks/n.js", "new"),
        ("/absent.js", "new"),
        ("/", "new"),
    ]
    .into_iter()
    .map(|(path, body)| (url(path), body.as_bytes().to_vec()))
    .collect();
    let found: Vec<String> = release::other_bytes(folder.path(), &served)
        .into_iter()
        .map(|(url, _)| url.path().to_owned())
        .collect();
    assert_eq!(found, ["/app.js", "/_next/static/chunks/n.js"]);
}

#[test]
fn what_an_older_release_lets_nobody_keep_proves_nothing() {
    let answer = |control: &str| Answer {
        url: url("/assets/theme.0123456789abcdef.css"),
        status: 200,
        headers: vec![("cache-control".to_owned(), control.to_owned())],
        body: Vec::new(),
        is_cut: false,
    };
    assert!(may_be_kept(&answer("public, max-age=31536000, immutable")));
    assert!(may_be_kept(&answer("no-cache")));
    assert!(!may_be_kept(&answer("private, No-Store")));
}
