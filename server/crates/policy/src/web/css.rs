//! What a style sheet loads: its `url()`s and its imports (CSS Syntax, CSS Cascade section 2), comments left out.

use std::sync::LazyLock;

use regex::Regex;

static LOADS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?is)/\*.*?(?:\*/|$)|@import\s+(?:url\(\s*)?(?:"([^"]*)"|'([^']*)'|([^\s"'();]+))|url\(\s*(?:"([^"]*)"|'([^']*)'|([^\s"'()]+))\s*\)"#,
    )
    .expect("it is written here")
});

/// What it loads, in order, with each one's destination.
pub(super) fn loads(sheet: &str) -> Vec<(String, &'static str)> {
    LOADS
        .captures_iter(sheet)
        .filter_map(|found| {
            let of = |from: usize| (from..from + 3).find_map(|group| found.get(group));
            if let Some(import) = of(1) {
                return Some((import.as_str().to_owned(), "style"));
            }
            let url = of(4)?.as_str().trim();
            let is_local = url.starts_with('#') || url.starts_with("data:") || url.is_empty();
            (!is_local).then(|| (url.to_owned(), destination(url)))
        })
        .collect()
}

fn destination(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit('.').next().unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "woff2" | "woff" | "ttf" | "otf" | "eot" => "font",
        "css" => "style",
        _ => "image",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_imports_are_found_and_comments_are_not() {
        let sheet = "@import 'a.css'; @import url(b.css) screen; /* url(no.png) */ @font-face { src: url(\"c.woff2?#x\") \
                     format('woff2') } p { background: URL( d.png ), url(data:image/png;base64,xx), url(#mask) }";
        assert_eq!(
            loads(sheet),
            [
                ("a.css".to_owned(), "style"),
                ("b.css".to_owned(), "style"),
                ("c.woff2?#x".to_owned(), "font"),
                ("d.png".to_owned(), "image"),
            ]
        );
    }
}
