//! What a site serves: a bounded look around as a browser would take it, and the judgement of its pages and
//! assets by their headers.

use url::Url;

use super::site::{Answer, Site, Unreachable};
use super::{Finding, Order};

/// What a look around found.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Every answer to a page's URL (by content type HTML, a redirect, an error), without a cookie and with it.
    pub pages: Vec<Page>,
    /// Everything that pages refer to and a browser would load for them, each once, in the order of first use.
    pub assets: Vec<Asset>,
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

/// Whether the bytes under a URL can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nature {
    /// They can't: why that is believed.
    Immutable(String),
    /// They can: why that is believed, or that nothing speaks against it.
    Mutable(String),
    /// They did: proof.
    ProvenMutable(String),
}

/// Looks around, within bounds.
///
/// # Errors
/// `/` gave no answer at all.
pub async fn look(_site: &Site, _order: &Order) -> Result<Seen, Unreachable> {
    Ok(Seen::default())
}

/// Judges pages and assets by their headers.
#[must_use]
pub fn judge(_seen: &Seen) -> Vec<Finding> {
    Vec::new()
}

/// Tells what the public address says otherwise than the release behind it.
#[must_use]
pub fn compare(_behind: &Seen, _public: &Seen) -> Vec<Finding> {
    Vec::new()
}

impl Seen {
    /// Whether the bytes under a URL can change, also of one that no page refers to.
    #[must_use]
    pub fn nature(&self, url: &Url) -> Nature {
        self.assets
            .iter()
            .find(|asset| asset.url == *url)
            .map_or_else(
                || Nature::Mutable("nothing says that it can't change".to_owned()),
                |asset| asset.nature.clone(),
            )
    }
}
