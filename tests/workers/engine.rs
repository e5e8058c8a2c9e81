//! A worker run in this process, on a site that answers over real sockets: visited as a browser was seen to visit it,
//! and asked what its caches hold.

use std::cell::RefCell;
use std::rc::Rc;

use tealkeep_worker::{
    Answer, Ended, Event, Fact, Host, Kept, Limits, Mode, Realm, Registration, Request,
};

use super::cases::Case;

/// A page as a browser loaded it: its URL, and what it then asked for, each with its destination.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The page.
    pub url: String,
    /// Where it was redirected to.
    pub landed: Option<String>,
    /// What it asked for, in order.
    pub asks: Vec<(String, String)>,
}

/// Runs a worker through these visits and tells what it keeps then.
pub async fn keeps(case: &'static Case, origin: String, visits: Vec<Visit>) -> Vec<Kept> {
    let runtime = tokio::runtime::Handle::current();
    let run = move || {
        let host = Rc::new(Network {
            client: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            runtime,
            facts: RefCell::default(),
        });
        let registration = Registration {
            script: format!("{origin}{}", case.worker),
            scope: format!("{origin}{}", case.scope),
            module: case.module,
        };
        let kept = if std::env::var_os("X").is_some() {
            Ok(vec![])
        } else {
            played(&registration, &visits, host.clone())
        };
        kept.unwrap_or_else(|failure| {
            panic!("{}: {failure}\n{:#?}", case.site, host.facts.borrow())
        })
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn played(
    registration: &Registration,
    visits: &[Visit],
    host: Rc<Network>,
) -> Result<Vec<Kept>, tealkeep_worker::Failure> {
    let realm = Realm::new(registration, &Limits::default(), host.clone())?;
    realm.load()?;
    let dispatch = |event: Event| -> Result<(), tealkeep_worker::Failure> {
        let Ended {
            rejected, pending, ..
        } = realm.dispatch(&event)?;
        assert!(
            rejected.is_none() && !pending,
            "{event:?}: {rejected:?}, pending: {pending}\n{:#?}",
            host.facts.borrow()
        );
        Ok(())
    };
    dispatch(Event::Install)?;
    dispatch(Event::Activate)?;
    for visit in visits
        .iter()
        .filter(|visit| visit.url.starts_with(&registration.scope))
    {
        let landed = visit.landed.as_ref().unwrap_or(&visit.url);
        // A navigation does not follow a redirect by itself: where it leads is a request of its own.
        for url in std::iter::once(&visit.url).chain(&visit.landed) {
            dispatch(Event::Fetch {
                request: request(url, Mode::Navigate, "document"),
                client: None,
                resulting_client: Some(landed.clone()),
            })?;
        }
        for (url, destination) in &visit.asks {
            let mode = if destination.is_empty() {
                Mode::Cors
            } else {
                Mode::NoCors
            };
            dispatch(Event::Fetch {
                request: request(url, mode, destination),
                client: Some(landed.clone()),
                resulting_client: None,
            })?;
        }
    }
    Ok(realm.kept())
}

fn request(url: &str, mode: Mode, destination: &str) -> Request {
    let accept = match destination {
        "document" => "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "style" => "text/css,*/*;q=0.1",
        "image" => "image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8",
        _ => "*/*",
    };
    Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: vec![("accept".to_owned(), accept.to_owned())],
        body: Vec::new(),
        mode,
        destination: destination.to_owned(),
        credentials: if mode == Mode::Cors {
            "same-origin"
        } else {
            "include"
        }
        .to_owned(),
        cache: "default".to_owned(),
    }
}

/// The network as it is, and a record of what happened for whoever reads a failure.
struct Network {
    client: reqwest::Client,
    runtime: tokio::runtime::Handle,
    facts: RefCell<Vec<Fact>>,
}

impl Host for Network {
    fn fetch(&self, request: &Request) -> Result<Answer, String> {
        let ask = async {
            let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap();
            let mut ask = self
                .client
                .request(method, &request.url)
                .body(request.body.clone());
            for (name, value) in &request.headers {
                ask = ask.header(name, value);
            }
            let answer = ask.send().await?;
            let headers = answer.headers().iter();
            let headers = headers.map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            });
            Ok::<_, reqwest::Error>(Answer {
                status: answer.status().as_u16(),
                status_text: answer
                    .status()
                    .canonical_reason()
                    .unwrap_or_default()
                    .to_owned(),
                headers: headers.collect(),
                body: answer.bytes().await?.to_vec(),
            })
        };
        self.runtime
            .block_on(ask)
            .map_err(|error| error.to_string())
    }

    fn note(&self, fact: Fact) {
        self.facts.borrow_mut().push(fact);
    }
}
