//! Of what kind an answer is: by its `Content-Type`, and as a browser sniffs it where that is missing.

use url::Url;

use super::super::site::Answer;
use super::html::{self, Load};

/// Whether a browser shows it as a page.
pub(super) fn is_html(answer: &Answer) -> bool {
    match media_type(answer) {
        Some(kind) => kind == "text/html" || kind == "application/xhtml+xml",
        None => looks_like_html(&answer.body),
    }
}

/// Whether it is a page that does not say so.
pub(super) fn is_sniffed(answer: &Answer) -> bool {
    media_type(answer).is_none() && looks_like_html(&answer.body)
}

/// Type and subtype in lower case, without parameters. The last line counts, if there are several (Fetch,
/// "extract a MIME type").
fn media_type(answer: &Answer) -> Option<String> {
    let last = answer.lines("content-type").last()?;
    let last = last.rsplit(',').next().unwrap_or(last);
    let essence = last.split(';').next().unwrap_or_default().trim();
    let is_one = essence.contains('/');
    is_one.then(|| essence.to_ascii_lowercase())
}

/// MIME Sniffing section 7.1: white space, then one of these tags, then a space or `>`.
fn looks_like_html(body: &[u8]) -> bool {
    const TAGS: &[&str] = &[
        "<!doctype html",
        "<html",
        "<head",
        "<script",
        "<iframe",
        "<h1",
        "<div",
        "<font",
        "<table",
        "<a",
        "<style",
        "<title",
        "<b",
        "<body",
        "<br",
        "<p",
    ];
    let body = body.trim_ascii_start();
    body.starts_with(b"<!--")
        || TAGS.iter().any(|tag| {
            body.len() > tag.len()
                && body[..tag.len()].eq_ignore_ascii_case(tag.as_bytes())
                && matches!(body[tag.len()], b' ' | b'>')
        })
}

/// What `Link` fields make a browser load (RFC 8288): `<url>; rel=preload; as=style, …`.
pub(super) fn loads_in_link_fields(answer: &Answer) -> Vec<Load> {
    let mut loads = Vec::new();
    for line in answer.lines("link") {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once('<') {
            let Some((target, after)) = after.split_once('>') else {
                break;
            };
            let end = after.find(", <").or_else(|| after.find(",<"));
            let (parameters, next) = after.split_at(end.unwrap_or(after.len()));
            rest = next;
            loads.extend(load(&answer.url, target, parameters));
        }
    }
    loads
}

fn load(page: &Url, target: &str, parameters: &str) -> Option<Load> {
    let of = |name: &str| {
        parameters.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"').to_ascii_lowercase();
            key.trim().eq_ignore_ascii_case(name).then_some(value)
        })
    };
    let as_ = of("as").unwrap_or_default();
    let rel = of("rel")?;
    let (destination, module) = rel
        .split_ascii_whitespace()
        .find_map(|rel| html::loaded_by(rel, &as_))?;
    let mut url = page.join(target.trim()).ok()?;
    url.set_fragment(None);
    Some(Load {
        url,
        destination,
        module,
        pinned: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&str, &str)], body: &str) -> Answer {
        Answer {
            url: Url::parse("https://home.example/a/").unwrap(),
            status: 200,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
            is_cut: false,
        }
    }

    #[test]
    fn the_content_type_decides_and_not_the_look() {
        let page = "<!doctype html><p>";
        assert!(is_html(&answer(
            &[("content-type", "Text/HTML; charset=utf-8")],
            "{}"
        )));
        assert!(is_html(&answer(
            &[("content-type", "application/xhtml+xml")],
            ""
        )));
        assert!(!is_html(&answer(
            &[("content-type", "application/json")],
            page
        )));
        assert!(!is_html(&answer(&[("content-type", "text/plain")], page)));
    }

    #[test]
    fn without_a_content_type_it_is_sniffed() {
        assert!(is_sniffed(&answer(&[], " \n<!DOCTYPE HTML>")));
        assert!(is_sniffed(&answer(&[], "<!-- x -->")));
        assert!(!is_html(&answer(&[], "<article>")));
        assert!(!is_html(&answer(&[], "{}")));
    }

    #[test]
    fn link_fields_load() {
        let answer = answer(
            &[(
                "link",
                "<../x.css>; rel=\"preload\"; as=style, </y.js>; rel=modulepreload; nopush, </z>; rel=next",
            )],
            "",
        );
        let found: Vec<_> = loads_in_link_fields(&answer)
            .into_iter()
            .map(|load| (load.url.path().to_owned(), load.destination, load.module))
            .collect();
        assert_eq!(
            found,
            [
                ("/x.css".to_owned(), "style", false),
                ("/y.js".to_owned(), "script", true)
            ]
        );
    }
}
