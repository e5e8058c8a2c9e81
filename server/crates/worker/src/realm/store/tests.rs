//! What the specifications demand of storage and of what hangs on a registration, each test naming its section.

use crate::facts::*;
use crate::realm::tests::{Stage, reply};

mod cache;
mod functional;
mod indexeddb;
mod messaging;

/// A worker whose first run is the body of an async function, at a site that serves a few files.
fn stage(body: &str) -> Stage {
    let stage = Stage::new(&wrap(body));
    serve(&stage);
    stage
}

fn wrap(body: &str) -> String {
    format!(
        "const name = (promise) => promise.then((value) => 'fine ' + value, (error) => error.name);\n\
         const say = (...values) => console.log(values.map((value) => JSON.stringify(value)).join(' '));\n\
         (async () => {{\n{body}\n}})().catch((error) => say('FAILED', error.name, error.message, error.stack));"
    )
}

fn serve(stage: &Stage) {
    for (path, content_type, body) in [
        ("a.js", "text/javascript", "let a = 1;"),
        ("b.css", "text/css", "b { color: red }"),
        ("page", "text/html", "<p>a page"),
    ] {
        stage.serve(
            &format!("http://a.test/{path}"),
            reply(200, content_type, body),
        );
    }
    let mut partial = reply(206, "text/plain", "part of it");
    stage.serve("http://a.test/partial", partial.clone());
    partial.status = 200;
    partial
        .headers
        .push(("vary".to_owned(), "Accept, *".to_owned()));
    stage.serve("http://a.test/varies", partial);
    stage.serve(
        "http://b.test/font",
        reply(200, "font/woff2", "a font of elsewhere"),
    );
}

/// What a worker says in its first run.
fn says(body: &str) -> Vec<String> {
    let stage = stage(body);
    stage.realm.load().expect("it loads");
    assert_eq!(stage.threw(), Vec::<String>::new());
    stage.said()
}

/// What was noted of writing to caches: how, where, under which URL, at which line.
fn stored(stage: &Stage) -> Vec<String> {
    let facts = stage.site.facts.borrow();
    facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Stored {
                cache,
                how,
                url,
                place,
                ..
            } => {
                let line = place.as_ref().map_or(0, |place| place.line);
                Some(format!("{how} {cache} {url} :{line}"))
            }
            Fact::Removed { cache, url, .. } => Some(format!("removed {cache} {url}")),
            Fact::Dropped { cache, .. } => Some(format!("dropped {cache}")),
            Fact::Fetched { .. } | Fact::Said { .. } | Fact::Threw { .. } | Fact::Missed { .. } => {
                None
            }
        })
        .collect()
}
