//! What a look around found: pages, what they load, and what browsers have of it.

use std::time::SystemTime;

use url::Url;

use super::super::site::{Answer, Unreachable};
use super::content;
use super::names::{Names, Nature};

/// What a look around found.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Every answer to a page's URL (by content type HTML, a redirect, an error), without a cookie and with it.
    pub pages: Vec<Page>,
    /// Everything that pages refer to and a browser would load for them, each once, in the order of first use.
    pub assets: Vec<Asset>,
    /// Pages that gave no answer.
    pub unanswered: Vec<Unreachable>,
    /// What is known of the site's names.
    pub names: Names,
    /// When it was looked at, for answers that bring no `Date`.
    pub at: Option<SystemTime>,
    /// What `/` answered where that is no page: neither HTML nor a redirect nor an error.
    pub home: Option<Answer>,
    /// What answered where no file is: paths like those of hashed files, with another hash.
    pub probes: Vec<Asset>,
    /// What browsers have after they asked again and were told that nothing changed.
    pub refreshed: Vec<Refreshed>,
    /// Whether the app is only an API, so that no page is expected.
    pub api_only: bool,
}

/// One answer where a page was expected.
#[derive(Debug, Clone)]
pub struct Page {
    /// The answer.
    pub answer: Answer,
    /// Whether the cookie was sent.
    pub with_cookie: bool,
    /// The scripts that stand in it, as text, with the line where each begins.
    pub inline_scripts: Vec<(u32, String)>,
    /// What a browser would load for it, in order: indices into [`Seen::assets`].
    pub assets: Vec<usize>,
    /// The base for its relative URLs.
    pub base: Url,
}

/// What a browser has stored after a conditional request: the stored answer with the fields of the 304 (RFC 9111
/// section 4.3.4), or the new answer in its place.
#[derive(Debug, Clone)]
pub struct Refreshed {
    /// That.
    pub answer: Answer,
    /// The status of the conditional request's answer.
    pub status: u16,
    /// Whether the cookie was sent.
    pub with_cookie: bool,
    /// The asset's number in [`Seen::assets`]; `None` for a page.
    pub asset: Option<usize>,
}

impl Page {
    /// Whether there is a page to look at: HTML with something in it, and no error.
    #[must_use]
    pub fn is_had(&self) -> bool {
        let answer = &self.answer;
        (200..300).contains(&answer.status)
            && content::is_html(answer)
            && !answer.body.trim_ascii().is_empty()
    }
}

/// Something that a page refers to.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its URL.
    pub url: Url,
    /// Fetch's destination: `script`, `style`, `image`, `font`, `manifest`, …
    pub destination: String,
    /// Whether it is an ES module.
    pub module: bool,
    /// The answer; `None` for another origin's, which is not asked, and where none came.
    pub answer: Option<Answer>,
    /// Whether its name changes with its content, and how that is known.
    pub nature: Nature,
}
