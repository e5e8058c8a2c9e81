//! What passes a limit ends, and script can't help it.

use super::*;

pub(super) fn limit_of(script: &str, limits: Limits) -> String {
    let stage = Stage::with(script, false, limits);
    let failure = stage
        .realm
        .load()
        .and_then(|()| stage.realm.dispatch(&Event::Install).map(|_| ()))
        .expect_err("a limit is passed");
    assert_eq!(
        stage
            .realm
            .dispatch(&Event::Activate)
            .expect_err(&format!("{script}: it stays so after {failure:?}")),
        failure
    );
    match failure {
        Failure::Limit { which } => which,
        other => panic!("not a limit: {other:?}"),
    }
}

pub(super) fn quick() -> Limits {
    Limits {
        turn_ms: 60,
        ..Limits::default()
    }
}

#[test]
fn an_endless_loop_ends_in_every_phase_and_no_script_can_catch_that() {
    for script in [
        "for (;;) {}",
        "try { for (;;) {} } catch {} finally { for (;;) {} }",
        "addEventListener('install', () => { for (;;) {} });",
        "addEventListener('install', e => e.waitUntil((async () => { for (;;) await null; })()));",
        "addEventListener('install', () => { (function again() { Promise.resolve().then(again); })(); });",
        "addEventListener('install', () => setTimeout(() => { for (;;) {} }, 60000));",
        "addEventListener('install', () => { try { JSON.parse('[1]', () => { for (;;) {} }); } catch {} });",
        "addEventListener('error', () => { for (;;) {} }); addEventListener('install', () => { throw 1; });",
    ] {
        let which = limit_of(script, quick());
        assert!(which.contains("processor time"), "{script}: {which}");
    }
}

#[test]
fn a_regular_expression_that_explodes_is_interrupted() {
    let which = limit_of("/(a+)+$/.test('a'.repeat(40) + 'b');", quick());
    assert!(which.contains("processor time"), "{which}");
}

#[test]
fn a_chain_of_zero_timers_is_bounded_by_its_number() {
    let which = limit_of(
        "addEventListener('install', () => (function again() { setTimeout(again, 0); })());",
        Limits::default(),
    );
    assert!(which.contains("timers"), "{which}");
}

#[test]
fn an_interval_that_ticks_for_ever_is_no_failure() {
    let stage =
        Stage::new("let n = 0; addEventListener('install', () => setInterval(() => n++, 1000));");
    stage.realm.load().expect("it loads");
    stage.realm.dispatch(&Event::Install).expect("it ends");
    stage
        .realm
        .dispatch(&Event::Activate)
        .expect("and so does the next");
}

#[test]
fn memory_is_bounded_although_script_may_catch_the_error_once() {
    let limits = Limits {
        memory_bytes: 16 << 20,
        turn_ms: 20_000,
        ..Limits::default()
    };
    for script in [
        "const all = []; for (;;) all.push(new Uint8Array(1 << 20));",
        "let s = 'x'; for (;;) s = (s + s).toUpperCase();",
        "const all = []; addEventListener('install', e => e.waitUntil((async () => { for (;;) all.push('x'.repeat(1e5) + all.length); })()));",
    ] {
        let which = limit_of(script, limits);
        assert!(which.contains("memory"), "{script}: {which}");
    }
}

#[test]
fn a_string_that_grows_too_long_throws_as_in_a_browser() {
    // Joined strings share memory until they are read, so their length is what is bounded.
    let failure = Stage::new("let s = 'x'; for (;;) s += s;")
        .realm
        .load()
        .expect_err("it was not caught");
    assert!(
        matches!(&failure, Failure::Threw { text, .. } if text.contains("string too long")),
        "{failure:?}"
    );
}

#[test]
fn recursion_without_an_end_throws_as_in_a_browser() {
    let stage = Stage::new(
        "function deep() { return 1 + deep(); } try { deep(); } catch (e) { console.log(e.name); }",
    );
    stage.realm.load().expect("it was caught");
    assert_eq!(stage.said(), ["RangeError"]);
    let stage = Stage::new("function deep() { return 1 + deep(); }\ndeep();");
    let failure = stage.realm.load().expect_err("it was not caught");
    assert!(matches!(failure, Failure::Threw { .. }), "{failure:?}");
}

#[test]
fn requests_are_counted() {
    let limits = Limits {
        requests: 20,
        ..Limits::default()
    };
    let which = limit_of(
        "addEventListener('install', e => e.waitUntil((async () => { for (;;) { try { await fetch('/x'); } catch {} } })()));",
        limits,
    );
    assert_eq!(which, "20 requests");
}

#[test]
fn a_script_that_is_too_long_and_an_answer_that_is_too_long_are_limits() {
    let limits = Limits {
        script_bytes: 10,
        ..Limits::default()
    };
    assert!(limit_of("const abcdefg = 1;", limits).contains("script"));
    let stage = Stage::with(
        "addEventListener('install', e => e.waitUntil(fetch('/long')));",
        false,
        Limits {
            body_bytes: 10,
            ..Limits::default()
        },
    );
    stage.serve(
        "http://a.test/long",
        reply(200, "text/plain", "longer than ten"),
    );
    stage.realm.load().expect("it loads");
    let failure = stage.realm.dispatch(&Event::Install).expect_err("too long");
    assert!(matches!(failure, Failure::Limit { .. }), "{failure:?}");
}

#[test]
fn a_script_of_five_megabytes_runs() {
    let script = format!(
        "const a = [{}]; console.log(a.length);",
        "12345,".repeat(850_000)
    );
    assert_eq!(says(&script), ["850000"]);
}

#[test]
fn what_ticks_on_rests_until_the_next_event_and_a_slow_interval_ticks_all_the_same() {
    let stage = Stage::new(
        "let fast = 0, slow = 0; setInterval(() => { fast++; }, 1000); setInterval(() => { slow++; }, 150000);\n\
         addEventListener('message', () => console.log(fast, slow));",
    );
    stage.realm.load().expect("it loads");
    let message = Event::Message {
        data: serde_json::Value::Null,
        client: None,
    };
    for _ in 0..2 {
        stage.realm.dispatch(&message).expect("it ends");
    }
    assert_eq!(stage.said(), ["60 3", "120 6"]);
}

#[test]
fn more_answers_at_once_than_there_may_be_timers_are_no_failure() {
    let limits = Limits {
        turn_ms: 120_000,
        ..Limits::default()
    };
    let stage = Stage::with(
        "addEventListener('install', e => e.waitUntil((async () => {\n\
           const all = []; for (let n = 0; n < 21000; n++) all.push(fetch('/' + n)); await Promise.all(all); console.log(all.length); })()));",
        false,
        limits,
    );
    stage.realm.load().expect("it loads");
    let ended = stage.realm.dispatch(&Event::Install).expect("it ends");
    assert_eq!((ended.rejected, ended.pending), (None, false));
    assert_eq!(stage.said(), ["21000"]);
}

#[test]
fn async_recursion_without_an_end_throws_too() {
    for script in [
        "async function deep() { return 1 + await deep(); } deep().catch(e => console.log(e.name));",
        "const deep = async (n) => { await deep(n + 1); }; deep(0).catch(e => console.log(e.name));",
        "function deep() { return new Promise(r => r(deep())); } deep().catch(e => console.log(e.name));",
    ] {
        // Where the stack ends decides whether a promise in the middle is left rejected: that is no matter here.
        let stage = Stage::new(script);
        stage.realm.load().expect("it loads");
        assert_eq!(stage.said(), ["RangeError"], "{script}");
    }
}
