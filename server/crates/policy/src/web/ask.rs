//! One request of a look around.

use std::time::Instant;

use url::Url;

use super::super::site::{ANSWER_TIMEOUT, Answer, Ask, Site, Unreachable};

/// Asks for a URL with GET, for as long as an answer may take and no longer than until `ends`; reads `longest` bytes.
///
/// # Errors
/// There was no answer.
pub(super) async fn ask(
    site: &Site,
    url: &Url,
    headers: &[(String, String)],
    ends: Instant,
    longest: usize,
) -> Result<Answer, Unreachable> {
    let left = ends.saturating_duration_since(Instant::now());
    let ask = Ask {
        url: url.clone(),
        method: http::Method::GET,
        headers: headers.to_vec(),
        body: Vec::new(),
    };
    site.ask_within(&ask, left.min(ANSWER_TIMEOUT), longest)
        .await
}
