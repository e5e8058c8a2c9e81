//! What a worker's requests are answered with: what the look around has already, else what the site says now, and
//! after the change the same with other bytes. Nothing but GET and HEAD is ever sent, and nothing to an address of the
//! local network other than the site's own origin.

use std::collections::HashMap;

use tealkeep_worker::play::Round;
use tealkeep_worker::{Answer, Mode, Request};
use url::Url;

use super::super::site::{self, Ask, Site};
use super::super::web::{Nature, Seen, is_file, is_left_alone};
use super::marks;

/// How much of what was asked for is kept to be answered again, in bytes.
const MAX_KEPT_BYTES: usize = 64 << 20;

/// Fields of a request that make no other answer: every browser has its own.
const COMMON_FIELDS: [&str; 7] = [
    "accept",
    "accept-language",
    "cache-control",
    "pragma",
    "service-worker",
    "upgrade-insecure-requests",
    "user-agent",
];
/// Fields that a script can't set, or that belong to one connection (Fetch, section 2.2.2).
const NOT_SENT: [&str; 9] = [
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Answers the requests of one site's workers.
pub struct Answers<'a> {
    site: &'a Site,
    cookie: Option<&'a str>,
    seen: &'a Seen,
    known: HashMap<&'a str, &'a site::Answer>,
    asked: HashMap<Asked, Result<site::Answer, String>>,
    /// For each URL that was answered, the request that was so first.
    first: HashMap<String, Asked>,
    kept: usize,
    /// The scripts that the worker was made of.
    scripts: Vec<Url>,
}

/// What makes one request the same as another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    url: String,
    method: String,
    with_cookie: bool,
    headers: Vec<(String, String)>,
}

impl<'a> Answers<'a> {
    /// With what a look around has already.
    pub fn new(site: &'a Site, cookie: Option<&'a str>, seen: &'a Seen) -> Answers<'a> {
        let mut known = HashMap::new();
        for asset in &seen.assets {
            if let Some(answer) = asset.answer.as_ref().filter(|answer| !answer.is_cut) {
                known.insert(asset.url.as_str(), answer);
            }
        }
        for page in &seen.pages {
            if page.with_cookie == cookie.is_some() && !page.answer.is_cut {
                known.insert(page.answer.url.as_str(), &page.answer);
            }
        }
        Answers {
            site,
            cookie,
            seen,
            known,
            asked: HashMap::new(),
            first: HashMap::new(),
            kept: 0,
            scripts: Vec::new(),
        }
    }

    /// The answer to a worker's request in that round.
    ///
    /// # Errors
    /// There is none: why, for people.
    pub async fn answer(&mut self, round: Round, request: &Request) -> Result<Answer, String> {
        if !round.has_network() {
            return Err("the network is down in this visit".to_owned());
        }
        // A worker's own request for a script has another cache mode, or another destination.
        let is_part_of_it = request.destination == "serviceworker"
            || (request.destination == "script" && request.cache == "no-cache");
        if is_part_of_it
            && let Ok(url) = Url::parse(&request.url)
            && !self.scripts.contains(&url)
        {
            self.scripts.push(url);
        }
        let answer = self.found(request).await?;
        let mut answer = Answer {
            status: answer.status,
            status_text: http::StatusCode::from_u16(answer.status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or_default()
                .to_owned(),
            // Never shown to script (Fetch, section 2.2.2: forbidden response-header names).
            headers: answer
                .headers
                .into_iter()
                .filter(|(name, _)| name != "set-cookie" && name != "set-cookie2")
                .collect(),
            body: answer.body,
        };
        if round == Round::Changed {
            self.change(request, &mut answer);
        }
        Ok(answer)
    }

    /// A worker begins to ask.
    pub fn begin(&mut self) {
        self.scripts.clear();
    }

    /// The URLs of the scripts that this worker is made of, its own included.
    pub fn scripts(&self) -> &[Url] {
        &self.scripts
    }

    /// What the site says under that URL, if it was asked for: scripts for their lines, pages for their text.
    pub fn heard(&self, url: &str) -> Option<&site::Answer> {
        self.known.get(url).copied().or_else(|| {
            let asked = self.first.get(url)?;
            self.asked.get(asked)?.as_ref().ok()
        })
    }

    /// Whether the bytes under a URL can change, by its answer too where there is one.
    pub fn nature(&self, url: &Url) -> Nature {
        let heard = self.heard(url.as_str());
        match heard.filter(|answer| answer.url == *url && (200..300).contains(&answer.status)) {
            Some(answer) => self.seen.nature_of(answer),
            None => self.seen.nature(url),
        }
    }

    /// Every HTML answer, as it was before the change.
    pub fn pages(&self) -> impl Iterator<Item = &site::Answer> {
        let asked = self
            .asked
            .values()
            .filter_map(|answer| answer.as_ref().ok());
        self.known
            .values()
            .copied()
            .chain(asked)
            .filter(|answer| is_html(content_type(&answer.headers)))
    }

    /// What is at a URL of the site, asked without a worker: whether a script is there, and what its fields say.
    pub async fn script(&mut self, url: &Url) -> Result<site::Answer, String> {
        let request = Request {
            method: "GET".to_owned(),
            url: url.to_string(),
            headers: vec![("service-worker".to_owned(), "script".to_owned())],
            body: Vec::new(),
            mode: Mode::SameOrigin,
            destination: "serviceworker".to_owned(),
            credentials: "same-origin".to_owned(),
            cache: "default".to_owned(),
        };
        self.found(&request).await
    }

    /// Whether that URL is a file, or was asked for as a part of a page: whoever opens the page asks for it too.
    fn is_known(&self, url: &Url) -> bool {
        let mut plain = url.clone();
        plain.set_query(None);
        is_file(&plain) || self.known.contains_key(url.as_str())
    }

    async fn found(&mut self, request: &Request) -> Result<site::Answer, String> {
        if request.method != "GET" && request.method != "HEAD" {
            return Err(format!(
                "a check sends no {}, since that may change something",
                request.method
            ));
        }
        let url = Url::parse(&request.url).map_err(|error| format!("its URL is none: {error}"))?;
        let is_own = url.origin() == self.site.origin.origin();
        if is_own && is_left_alone(&url) && !self.is_known(&url) {
            return Err(
                "its name sounds as if asking for it signed somebody out or deleted something, so a check does not ask"
                    .to_owned(),
            );
        }
        let mut headers: Vec<(String, String)> = request
            .headers
            .iter()
            .filter(|(name, value)| {
                !COMMON_FIELDS.contains(&name.as_str())
                    || name == "accept" && !value.contains("*/*")
            })
            .filter(|(name, _)| !NOT_SENT.contains(&name.as_str()) && !name.starts_with("sec-"))
            .cloned()
            .collect();
        headers.sort();
        let asked = Asked {
            url: request.url.clone(),
            method: request.method.clone(),
            with_cookie: is_own && request.credentials != "omit" && self.cookie.is_some(),
            headers,
        };
        let is_plain = asked.method == "GET"
            && asked.headers.is_empty()
            && asked.with_cookie == self.cookie.is_some();
        if is_plain && let Some(answer) = self.known.get(asked.url.as_str()) {
            return Ok((*answer).clone());
        }
        if let Some(answer) = self.asked.get(&asked) {
            return answer.clone();
        }
        let answer = self.ask(&url, is_own, &asked, request).await;
        let size = answer.as_ref().map_or(0, |answer| answer.body.len());
        if self.kept + size <= MAX_KEPT_BYTES {
            self.kept += size;
            if answer.is_ok() {
                let first = self.first.entry(asked.url.clone());
                first.or_insert_with(|| asked.clone());
            }
            self.asked.insert(asked, answer.clone());
        }
        answer
    }

    async fn ask(
        &self,
        url: &Url,
        is_own: bool,
        asked: &Asked,
        request: &Request,
    ) -> Result<site::Answer, String> {
        let mut headers: Vec<(String, String)> = request
            .headers
            .iter()
            .filter(|(name, _)| !NOT_SENT.contains(&name.as_str()) && !name.starts_with("sec-"))
            .cloned()
            .collect();
        headers.extend(seen_by_the_network(request, is_own));
        if let (true, Some(cookie)) = (asked.with_cookie, self.cookie) {
            headers.push(("cookie".to_owned(), cookie.to_owned()));
        }
        let ask = Ask {
            url: url.clone(),
            method: match request.method.as_str() {
                "HEAD" => http::Method::HEAD,
                _ => http::Method::GET,
            },
            headers,
            body: Vec::new(),
        };
        let answer = self
            .site
            .ask(&ask)
            .await
            .map_err(|error| error.to_string())?;
        match answer.is_cut {
            true => Err(format!(
                "its body is longer than the {} MB that a check reads",
                site::MAX_BODY_BYTES >> 20
            )),
            false => Ok(answer),
        }
    }

    fn change(&self, request: &Request, answer: &mut Answer) {
        let has_content = answer.status >= 400 || (200..300).contains(&answer.status);
        // Scripts of workers are compared byte by byte to tell a new version; what is played is one version.
        let is_worker = matches!(request.destination.as_str(), "serviceworker" | "worker");
        let is_html = is_html(content_type(&answer.headers));
        let can_change = is_html
            || Url::parse(&request.url)
                .is_ok_and(|url| !matches!(self.nature(&url), Nature::Immutable(_)));
        if !has_content || is_worker || !can_change {
            return;
        }
        if let Some(body) = marks::changed(content_type(&answer.headers), &answer.body) {
            answer.body = body;
            for (name, value) in &mut answer.headers {
                match name.as_str() {
                    "content-length" => *value = answer.body.len().to_string(),
                    "etag" => *value = "\"tealkeep-changed\"".to_owned(),
                    _ => {}
                }
            }
        }
    }
}

/// The content type that is said; the last one where several are.
pub fn content_type(headers: &[(String, String)]) -> Option<&str> {
    field(headers, "content-type")
}

/// The last line of a field, by its name in lower case.
pub fn field<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .rev()
        .find(|(its, _)| its == name)
        .map(|(_, value)| value.as_str())
}

/// Whether a browser shows it as a page.
pub fn is_html(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|kind| {
        matches!(
            marks::essence(kind).as_str(),
            "text/html" | "application/xhtml+xml"
        )
    })
}

/// Fields that a browser adds behind a worker's back (Fetch Metadata Request Headers, section 2).
fn seen_by_the_network(request: &Request, is_own: bool) -> Vec<(String, String)> {
    let destination = match request.destination.as_str() {
        "" => "empty",
        known => known,
    };
    let mode = match request.mode {
        Mode::Navigate => "navigate",
        Mode::Cors => "cors",
        Mode::NoCors => "no-cors",
        Mode::SameOrigin => "same-origin",
    };
    let site = match is_own {
        true => "same-origin",
        false => "cross-site",
    };
    [
        ("sec-fetch-dest", destination),
        ("sec-fetch-mode", mode),
        ("sec-fetch-site", site),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
