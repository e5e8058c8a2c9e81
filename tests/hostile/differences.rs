//! Workers that behave well unless they see that they are in a browser: each stores a page only if something is as every
//! browser, or some browser, has it. What they do is found, or it is said that it can't be told; none passes.

use tealkeep::policy::Kind;

use super::{OWN_TIME, found};

/// Stores the page at its installation if the condition holds.
fn at_installation(condition: &str) -> String {
    format!(
        "oninstall = (e) => {{ if ({condition}) e.waitUntil(caches.open('a').then((c) => c.add('/'))) }};"
    )
}

/// Stores a page that is visited if the condition on its request `r` holds.
fn at_a_visit(condition: &str) -> String {
    format!(
        "onfetch = (e) => {{ const r = e.request; if (r.mode === 'navigate' && ({condition})) \
         e.waitUntil(caches.open('a').then((c) => c.add(r.url))) }};"
    )
}

async fn is_no_pass(script: &str) {
    let findings = found(script, OWN_TIME).await;
    assert!(
        findings
            .iter()
            .any(|finding| matches!(finding.kind, Kind::CachesHtml | Kind::CannotEvaluate)),
        "{script}: {findings:#?}"
    );
}

#[tokio::test]
async fn no_worker_passes_by_looking_at_its_global_scope() {
    for condition in [
        "'URLPattern' in self",
        "'GPUAdapter' in self",
        "typeof WebTransport === 'function'",
        "self.scheduler",
        "Object.hasOwn(self, 'CookieStore')",
        "navigator.storageBuckets",
        "Object.prototype.toString.call(self) === '[object ServiceWorkerGlobalScope]'",
        "String(self) === '[object ServiceWorkerGlobalScope]'",
        "String(fetch).includes('[native code]')",
        "Object.hasOwn(WorkerGlobalScope.prototype, 'fetch')",
        "Object.keys(Object.getPrototypeOf(WorkerGlobalScope.prototype)).length > 2",
        "Object.getOwnPropertyDescriptor(Response.prototype, 'ok').enumerable",
        "fetch.length === 1 && Request.length === 1",
        "typeof Intl.DateTimeFormat().resolvedOptions().locale === 'string'",
        "typeof SharedArrayBuffer === 'undefined' && typeof name === 'undefined'",
        "DOMException.INUSE_ATTRIBUTE_ERR === 10",
        "Object.hasOwn(e, 'isTrusted')",
        "!navigator.storage.persist",
        "(() => { try { setTimeout.call({}, () => {}); return false } catch { return true } })()",
    ] {
        is_no_pass(&at_installation(condition)).await;
    }
}

#[tokio::test]
async fn no_worker_passes_by_variables_that_are_attributes_elsewhere() {
    for (variables, condition) in [
        ("var name = 'v1';", "name"),
        (
            "var origin = 'https://cdn.test';",
            "origin !== location.origin",
        ),
        (
            "var performance = { now() { return 1 } };",
            "performance.now() === 1",
        ),
        ("self.name = 'v1';", "self.name === 'v1'"),
    ] {
        is_no_pass(&format!("{variables} {}", at_installation(condition))).await;
    }
}

#[tokio::test]
async fn no_worker_passes_by_looking_at_a_request() {
    for condition in [
        "(() => { let n = 0; for (const key in r) n += 1; return n > 15 })()",
        "r.referrer === ''",
        "r.referrer !== '' && r.referrer !== 'about:client'",
        "r.referrerPolicy !== ''",
        "Object.prototype.toString.call(r) === '[object Request]'",
        "'url' in Request.prototype && !Object.hasOwn(r, 'url')",
    ] {
        is_no_pass(&at_a_visit(condition)).await;
    }
}
