//! What tests of this policy are made of.

use url::Url;

use super::super::site::Answer;

/// A URL, read.
pub(super) fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

/// An answer of that content type, as a site gives it.
pub(super) fn answer(at: &str, kind: &str, body: &str) -> Answer {
    Answer {
        url: url(at),
        status: 200,
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body: body.as_bytes().to_vec(),
        is_cut: false,
    }
}
