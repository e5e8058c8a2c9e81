//! A visitor of a house's dashboard: speaks HTTP as a browser does, with cookies and an `Origin`, and
//! follows no redirect, so that each answer can be judged.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode};

use super::{House, PATIENCE};

/// The password that every test's house gets.
pub const PASSWORD: &str = "correct horse battery staple";

/// One browser, so to speak.
pub struct Visitor {
    client: Client,
    address: String,
    /// The origin of the dashboard's pages, without a slash at the end.
    pub origin: String,
    /// Fields that a proxy in front adds to each request.
    pub added: Vec<(&'static str, String)>,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body as it came over the wire.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Reads an answer to its end.
    pub async fn of(response: reqwest::Response) -> Answer {
        let (status, headers) = (response.status(), response.headers().clone());
        Answer {
            status,
            headers,
            bytes: response.bytes().await.unwrap().to_vec(),
        }
    }

    /// A header field, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Its body.
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    /// Its body.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// It is of this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Answer {
        assert_eq!(
            self.status,
            status,
            "{} {}",
            self.header("location"),
            String::from_utf8_lossy(&self.bytes)
        );
        self
    }

    /// It leads there.
    #[track_caller]
    pub fn leads_to(self, place: &str) -> Answer {
        let answer = self.is(303);
        assert_eq!(answer.header("location"), place);
        answer
    }

    /// It says this.
    #[track_caller]
    pub fn says(self, words: &str) -> Answer {
        assert!(
            self.text().contains(words),
            "{words:?} is not in {}",
            self.text()
        );
        self
    }
}

impl Visitor {
    /// One who is not signed in.
    pub fn of(house: &House) -> Visitor {
        Visitor::at(house.dashboard())
    }

    /// One who is not signed in, at a dashboard that listens there.
    pub fn at(dashboard: SocketAddr) -> Visitor {
        Visitor::at_from(dashboard, Ipv4Addr::LOCALHOST.into())
    }

    /// The same, from that address of this machine.
    pub fn at_from(dashboard: SocketAddr, from: IpAddr) -> Visitor {
        let client = Client::builder()
            .local_address(from)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let address = format!("http://{dashboard}");
        Visitor {
            client,
            origin: address.clone(),
            address,
            added: Vec::new(),
            cookies: Mutex::default(),
        }
    }

    /// One who has set the password through the house's one-time link.
    pub async fn signed_in(house: &House) -> Visitor {
        let visitor = Visitor::of(house);
        let link = house
            .link
            .as_deref()
            .expect("the house has no password yet");
        visitor.uses_link(link, PASSWORD).await.leads_to("/");
        visitor
    }

    /// Sends the form behind a one-time link.
    pub async fn uses_link(&self, link: &str, password: &str) -> Answer {
        self.post(
            link,
            &[("password", password), ("password_again", password)],
        )
        .await
    }

    /// Tries to sign in.
    pub async fn tries(&self, password: &str) -> Answer {
        self.post("/sign-in", &[("password", password)]).await
    }

    /// The session's cookie.
    pub fn cookie(&self) -> Option<String> {
        self.cookie_called("tealkeep")
    }

    /// A cookie.
    pub fn cookie_called(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Holds this cookie from now on; an empty one is taken away.
    pub fn holds(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        match value {
            "" => cookies.remove(name),
            _ => cookies.insert(name.to_owned(), value.to_owned()),
        };
    }

    /// Another who holds the same cookies, as one who has stolen them does.
    pub fn twin(&self) -> Visitor {
        let cookies = Mutex::new(self.cookies.lock().unwrap().clone());
        Visitor {
            client: self.client.clone(),
            address: self.address.clone(),
            origin: self.origin.clone(),
            added: self.added.clone(),
            cookies,
        }
    }

    /// Whether the dashboard lets this one in.
    pub async fn is_in(&self) -> bool {
        self.get("/account").await.status == 200
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.sends(Method::GET, path, &[], None).await
    }

    /// Sends a form from a page of the dashboard.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let kind = "application/x-www-form-urlencoded";
        let origin = self.origin.clone();
        self.sends(
            Method::POST,
            path,
            &[("origin", &origin), ("content-type", kind)],
            Some(body.join("&")),
        )
        .await
    }

    /// Sends whatever is wanted; cookies go along, and those that come are kept.
    pub async fn sends(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let response = self.begins(method, path, fields, body).await;
        for set in response.headers().get_all(header::SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.holds(name, value);
        }
        Answer::of(response).await
    }

    /// Sends a request and leaves the answer's body to the caller.
    pub async fn begins(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        body: Option<String>,
    ) -> reqwest::Response {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        for (name, value) in &self.added {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let cookies = self.cookies.lock().unwrap().clone();
        if !cookies.is_empty() {
            let pairs: Vec<String> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            headers.insert(header::COOKIE, pairs.join("; ").parse().unwrap());
        }
        let request = self
            .client
            .request(method, format!("{}{path}", self.address))
            .headers(headers);
        request.body(body.unwrap_or_default()).send().await.unwrap()
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
