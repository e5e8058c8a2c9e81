//! A realm against a host in memory: what the specifications demand, each test naming its section.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::facts::*;
use crate::realm::Realm;

mod blobs;
mod conformance;
mod events;
mod fetching;
mod file_readers;
mod forms;
pub(super) mod games;
mod globals;
mod lifecycle;
mod limits;
mod loading;
mod mime_types;
mod platform;
mod stream_limits;
mod surface;
mod timers;
mod url_patterns;
mod urls;
mod user_timing;

/// A host in memory: a table of answers; everything else is 404.
#[derive(Default)]
pub(super) struct Site {
    pub(super) answers: RefCell<HashMap<String, Answer>>,
    pub(super) facts: RefCell<Vec<Fact>>,
    pub(super) asked: RefCell<Vec<Request>>,
    pub(super) down: std::cell::Cell<bool>,
}

impl Host for Site {
    fn fetch(&self, request: &Request) -> Result<Answer, String> {
        self.asked.borrow_mut().push(request.clone());
        if self.down.get() {
            return Err("the network is down".to_owned());
        }
        let answers = self.answers.borrow();
        Ok(answers
            .get(&request.url)
            .cloned()
            .unwrap_or_else(|| reply(404, "text/plain", "nothing here")))
    }

    fn note(&self, fact: Fact) {
        self.facts.borrow_mut().push(fact);
    }
}

/// An answer.
pub(super) fn reply(status: u16, content_type: &str, body: &str) -> Answer {
    Answer {
        status,
        status_text: "OK".to_owned(),
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        body: body.as_bytes().to_vec(),
    }
}

/// A realm with a site behind it.
pub(super) struct Stage {
    pub(super) site: Rc<Site>,
    pub(super) realm: Realm,
}

impl Stage {
    /// A classic worker at `http://a.test/sw.js`, not loaded yet.
    pub(super) fn new(script: &str) -> Stage {
        Stage::with(script, false, Limits::default())
    }

    pub(super) fn with(script: &str, module: bool, limits: Limits) -> Stage {
        let site = Rc::new(Site::default());
        let registration = Registration {
            script: "http://a.test/sw.js".to_owned(),
            scope: "http://a.test/".to_owned(),
            module,
        };
        let realm = Realm::new(&registration, &limits, site.clone()).expect("a realm");
        let stage = Stage { site, realm };
        stage.serve("http://a.test/sw.js", reply(200, "text/javascript", script));
        stage
    }

    pub(super) fn serve(&self, url: &str, answer: Answer) {
        self.site
            .answers
            .borrow_mut()
            .insert(url.to_owned(), answer);
    }

    /// What was said to the console, in order.
    pub(super) fn said(&self) -> Vec<String> {
        self.site
            .facts
            .borrow()
            .iter()
            .filter_map(|fact| match fact {
                Fact::Said { text, .. } => Some(text.clone()),
                _ => None,
            })
            .collect()
    }

    pub(super) fn threw(&self) -> Vec<String> {
        self.site
            .facts
            .borrow()
            .iter()
            .filter_map(|fact| match fact {
                Fact::Threw { text, .. } => Some(text.clone()),
                _ => None,
            })
            .collect()
    }

    pub(super) fn get(&self, url: &str, mode: Mode, destination: &str) -> Ended {
        self.realm
            .dispatch(&Event::Fetch {
                request: request(url, mode, destination),
                client: None,
                resulting_client: None,
            })
            .expect("it ends")
    }
}

/// A page's request.
pub(super) fn request(url: &str, mode: Mode, destination: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: vec![("accept".to_owned(), "*/*".to_owned())],
        body: Vec::new(),
        mode,
        destination: destination.to_owned(),
        credentials: "include".to_owned(),
        cache: "default".to_owned(),
    }
}

/// Loads a script that says things, and returns what it said.
pub(super) fn says(script: &str) -> Vec<String> {
    let stage = Stage::new(script);
    stage.realm.load().expect("it loads");
    assert_eq!(stage.threw(), Vec::<String>::new());
    stage.said()
}

/// Evaluates expressions in a worker, each awaited, and compares what they give: a text as it is, anything else as
/// JSON, an exception as its name.
pub(super) fn gives(setup: &str, rows: &[(&str, &str)]) {
    let mut script = format!(
        "const show = (value) => typeof value === 'string' ? value : typeof value === 'function' ? 'function'\n\
           : JSON.stringify(value, (key, of) => of === undefined ? 'undefined' : of) ?? 'undefined';\n\
         const row = async (run) => {{ try {{ console.log(show(await run())); }} catch (e) {{ console.log(e?.name ?? show(e)); }} }};\n\
         {setup}\n(async () => {{\n"
    );
    for (expression, _) in rows {
        script.push_str(&format!("await row(async () => ({expression}));\n"));
    }
    script.push_str("})();");
    let said = says(&script);
    let mut wrong = String::new();
    for (index, (expression, expected)) in rows.iter().enumerate() {
        let given = said.get(index).map_or("nothing", String::as_str);
        if given != *expected {
            wrong.push_str(&format!(
                "{expression}\n  gave {given}\n  not  {expected}\n"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
