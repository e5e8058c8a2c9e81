//! Streams, text, compression, clones, bodies, databases and locks against their standards: scripts that check an interface each, run in the realm.

use super::*;

const HARNESS: &str = include_str!("conformance/harness.js");

/// Runs the checks of a script; every one must say that it passed.
fn conforms(checks: &str, count: usize) {
    let limits = Limits {
        turn_ms: 30_000,
        ..Limits::default()
    };
    let stage = Stage::with(&format!("{HARNESS}\n{checks}"), false, limits);
    stage.realm.load().expect("it loads");
    let ended = stage.realm.dispatch(&Event::Install).expect("it ends");
    let failed: Vec<String> = stage
        .said()
        .into_iter()
        .filter(|line| !line.starts_with("ok "))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!((ended.rejected, ended.pending), (None, false));
    assert_eq!(stage.said().len(), count, "{:#?}", stage.said());
}

#[test]
fn interfaces_are_as_web_idl_declares_them() {
    conforms(include_str!("conformance/interfaces.js"), 22);
}

#[test]
fn readable_streams_conform() {
    conforms(include_str!("conformance/readable.js"), 14);
}

#[test]
fn byte_streams_conform() {
    conforms(include_str!("conformance/bytes.js"), 16);
}

#[test]
fn writable_streams_conform() {
    conforms(include_str!("conformance/writable.js"), 12);
}

#[test]
fn pipes_conform() {
    conforms(include_str!("conformance/pipes.js"), 10);
}

#[test]
fn transform_streams_conform() {
    conforms(include_str!("conformance/transform.js"), 10);
}

#[test]
fn text_codecs_conform() {
    conforms(include_str!("conformance/encoding.js"), 8);
}

#[test]
fn compression_streams_conform() {
    conforms(include_str!("conformance/compression.js"), 6);
}

#[test]
fn structured_clones_and_transfers_conform() {
    conforms(include_str!("conformance/cloning.js"), 9);
}

#[test]
fn bodies_and_headers_conform() {
    conforms(include_str!("conformance/bodies.js"), 6);
}

#[test]
fn databases_conform() {
    conforms(include_str!("conformance/databases.js"), 10);
}

#[test]
fn locks_names_and_the_console_conform() {
    conforms(include_str!("conformance/scope.js"), 8);
}
