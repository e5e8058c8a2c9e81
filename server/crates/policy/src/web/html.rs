//! What a page says to a browser: where it links, what it loads, which scripts stand in it. The tokens are those
//! of the HTML standard; no tree is built, since none of this depends on one.

use std::collections::HashSet;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{StartTag, Token, Tokenizer};
use url::Url;

use super::css;

/// What a page says.
#[derive(Debug, Clone)]
pub(super) struct Markup {
    /// The base for its relative URLs: `<base href>`, or the page's own.
    pub(super) base: Url,
    /// Where it leads: anchors, frames, `<meta http-equiv=refresh>`; fragments taken off.
    pub(super) links: Vec<Url>,
    /// What it loads, in order.
    pub(super) loads: Vec<Load>,
    /// Its classic and module scripts that stand in it, with the line where each begins.
    pub(super) inline_scripts: Vec<(u32, String)>,
}

/// Something that is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Load {
    /// Its URL, the fragment taken off.
    pub(super) url: Url,
    /// Fetch's destination.
    pub(super) destination: &'static str,
    /// Whether it is an ES module.
    pub(super) module: bool,
    /// Whether its bytes are pinned (Subresource Integrity).
    pub(super) pinned: bool,
}

/// How many links of a page are kept, and how much of what it loads: more is asked of no page.
const MAX_LINKS: usize = 2_000;

/// Reads a page.
pub(super) fn read(page: &Url, body: &[u8]) -> Markup {
    let text = String::from_utf8_lossy(body);
    let mut reader = Reader {
        markup: Markup {
            base: page.clone(),
            links: Vec::new(),
            loads: Vec::new(),
            inline_scripts: Vec::new(),
        },
        has_base: false,
        linked: HashSet::new(),
        loaded: HashSet::new(),
        lines: 0,
        counted: 0,
        follows: true,
        text: Text::None,
    };
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(&*text, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => reader.start(&tag, &text),
            Token::String(string) => reader.string(&string.value),
            Token::EndTag(_) => reader.end(),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    if !reader.follows {
        reader.markup.links.clear();
    }
    reader.markup
}

/// A base that a page names holds for what stands before it as well (HTML, "document base URL"); since real
/// pages name it first, what stands before it is left as it is.
struct Reader {
    markup: Markup,
    has_base: bool,
    /// The links that are kept already, and the loads.
    linked: HashSet<Url>,
    loaded: HashSet<Load>,
    /// How many lines end before the byte up to which they were counted.
    lines: usize,
    counted: usize,
    /// Whether the page lets robots follow its links.
    follows: bool,
    text: Text,
}

/// What the text that comes next is.
enum Text {
    None,
    Script {
        line: u32,
        module: bool,
        text: String,
    },
    Style(String),
}

impl Reader {
    fn start(&mut self, tag: &StartTag<usize>, text: &str) {
        let name: &[u8] = &tag.name;
        match name {
            b"base" if !self.has_base => {
                if let Some(base) = attribute(tag, b"href").and_then(|href| self.join(&href)) {
                    self.markup.base = base;
                    self.has_base = true;
                }
            }
            b"a" | b"area" => {
                let left_alone = has(tag, b"download")
                    || tokens(tag, b"rel").iter().any(|rel| rel == "nofollow");
                if !left_alone {
                    self.link(attribute(tag, b"href"));
                }
            }
            b"iframe" | b"frame" => self.link(attribute(tag, b"src")),
            b"meta" => self.meta(tag),
            b"link" => self.link_element(tag),
            b"script" => self.script(tag, text),
            b"style" => self.text = Text::Style(String::new()),
            b"img" => {
                self.load(tag, b"src", "image");
                self.load_set(tag, b"srcset");
            }
            b"source" => {
                self.load(tag, b"src", "video");
                self.load_set(tag, b"srcset");
            }
            b"video" => {
                self.load(tag, b"src", "video");
                self.load(tag, b"poster", "image");
            }
            b"audio" => self.load(tag, b"src", "audio"),
            b"track" => self.load(tag, b"src", "track"),
            b"input" => self.load(tag, b"src", "image"),
            b"image" | b"use" => self.load(tag, b"href", "image"),
            _ => {}
        }
        if let Some(style) = attribute(tag, b"style") {
            self.styled(&style);
        }
    }

    fn string(&mut self, string: &[u8]) {
        match &mut self.text {
            Text::None => {}
            Text::Script { text, .. } | Text::Style(text) => {
                text.push_str(&String::from_utf8_lossy(string));
            }
        }
    }

    fn end(&mut self) {
        match std::mem::replace(&mut self.text, Text::None) {
            Text::None => {}
            Text::Script { line, module, text } => {
                for target in super::script::imports(&text, module) {
                    self.push(&target, "script", true, false);
                }
                self.markup.inline_scripts.push((line, text));
            }
            Text::Style(text) => self.styled(&text),
        }
    }

    fn script(&mut self, tag: &StartTag<usize>, text: &str) {
        let kind = attribute(tag, b"type").unwrap_or_default();
        let kind = kind.trim().to_ascii_lowercase();
        let module = kind == "module";
        if !module && !is_javascript(&kind) {
            return;
        }
        if let Some(src) = attribute(tag, b"src") {
            self.push(&src, "script", module, has(tag, b"integrity"));
            return;
        }
        let end = tag.span.end.min(text.len());
        let since = text.as_bytes().get(self.counted..end).unwrap_or_default();
        self.lines += since.iter().filter(|byte| **byte == b'\n').count();
        self.counted = end;
        self.text = Text::Script {
            line: u32::try_from(1 + self.lines).unwrap_or(u32::MAX),
            module,
            text: String::new(),
        };
    }

    fn link_element(&mut self, tag: &StartTag<usize>) {
        let Some(href) = attribute(tag, b"href") else {
            return;
        };
        let pinned = has(tag, b"integrity");
        for rel in tokens(tag, b"rel") {
            let as_ = attribute(tag, b"as").unwrap_or_default();
            if let Some((destination, module)) = loaded_by(&rel, &as_) {
                self.push(&href, destination, module, pinned);
                return;
            }
        }
        // A page in another language, the next of a series: as good as an anchor.
        let leads = ["alternate", "next", "prev", "canonical"];
        let rels = tokens(tag, b"rel");
        let is_page = attribute(tag, b"type").is_none_or(|kind| kind.contains("html"));
        if is_page
            && rels.iter().any(|rel| leads.contains(&rel.as_str()))
            && !rels
                .iter()
                .any(|rel| rel == "nofollow" || rel == "stylesheet")
        {
            self.link(Some(href));
        }
    }

    fn meta(&mut self, tag: &StartTag<usize>) {
        let content = attribute(tag, b"content").unwrap_or_default();
        let named = |key: &[u8], value: &str| {
            attribute(tag, key).is_some_and(|its| its.trim().eq_ignore_ascii_case(value))
        };
        if named(b"name", "robots") {
            let says = content.to_ascii_lowercase();
            let mut words = says.split([',', ' ']).map(str::trim);
            if words.any(|word| word == "nofollow" || word == "none") {
                self.follows = false;
            }
        }
        if named(b"http-equiv", "refresh") {
            let target = content.split_once([';', ',']).map(|(_, rest)| rest.trim());
            let target = target.map(|rest| match rest.split_once('=') {
                Some((key, value)) if key.trim().eq_ignore_ascii_case("url") => value.trim(),
                Some(_) | None => rest,
            });
            self.link(target.map(|url| url.trim_matches(['"', '\'']).to_owned()));
        }
    }

    fn styled(&mut self, style: &str) {
        for (target, destination) in css::loads(style) {
            self.push(&target, destination, false, false);
        }
    }

    fn load(&mut self, tag: &StartTag<usize>, name: &[u8], destination: &'static str) {
        if let Some(src) = attribute(tag, name) {
            self.push(&src, destination, false, false);
        }
    }

    /// The candidates of a `srcset` (HTML, "parse a srcset attribute"): URLs without spaces, each with an
    /// optional descriptor.
    fn load_set(&mut self, tag: &StartTag<usize>, name: &[u8]) {
        let set = attribute(tag, name).unwrap_or_default();
        let mut expects_url = true;
        for word in set.split_ascii_whitespace() {
            let ends = word.ends_with(',');
            let url = word.trim_matches(',');
            if expects_url && !url.is_empty() {
                self.push(url, "image", false, false);
            }
            expects_url = ends;
        }
    }

    fn link(&mut self, href: Option<String>) {
        let Some(mut url) = href.and_then(|href| self.join(&href)) else {
            return;
        };
        url.set_fragment(None);
        if self.linked.len() < MAX_LINKS && self.linked.insert(url.clone()) {
            self.markup.links.push(url);
        }
    }

    fn push(&mut self, target: &str, destination: &'static str, module: bool, pinned: bool) {
        let Some(mut url) = self.join(target) else {
            return;
        };
        url.set_fragment(None);
        let load = Load {
            url,
            destination,
            module,
            pinned,
        };
        if self.loaded.len() < MAX_LINKS && self.loaded.insert(load.clone()) {
            self.markup.loads.push(load);
        }
    }

    fn join(&self, target: &str) -> Option<Url> {
        let target = target.trim();
        if target.is_empty() {
            return None;
        }
        let url = self.markup.base.join(target).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(url)
    }
}

/// What a `link` of that relation loads: the destination, and whether it is a module.
pub(super) fn loaded_by(rel: &str, as_: &str) -> Option<(&'static str, bool)> {
    match rel {
        "stylesheet" => Some(("style", false)),
        "modulepreload" => Some(("script", true)),
        "preload" => Some((destination(as_), false)),
        "icon" | "apple-touch-icon" | "apple-touch-icon-precomposed" | "mask-icon" => {
            Some(("image", false))
        }
        "manifest" => Some(("manifest", false)),
        _ => None,
    }
}

fn destination(as_: &str) -> &'static str {
    match as_ {
        "script" => "script",
        "style" => "style",
        "font" => "font",
        "image" => "image",
        "audio" => "audio",
        "video" => "video",
        "track" => "track",
        "worker" => "worker",
        _ => "",
    }
}

/// HTML, "prepare the script element": no type, or a JavaScript MIME type.
fn is_javascript(kind: &str) -> bool {
    kind.is_empty()
        || matches!(
            kind,
            "text/javascript"
                | "application/javascript"
                | "application/x-javascript"
                | "text/ecmascript"
                | "application/ecmascript"
        )
}

fn attribute(tag: &StartTag<usize>, name: &[u8]) -> Option<String> {
    tag.attributes
        .get(name)
        .map(|value| String::from_utf8_lossy(value).into_owned())
}

fn has(tag: &StartTag<usize>, name: &[u8]) -> bool {
    tag.attributes.contains_key(name)
}

fn tokens(tag: &StartTag<usize>, name: &[u8]) -> Vec<String> {
    attribute(tag, name)
        .unwrap_or_default()
        .to_ascii_lowercase()
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Markup {
        let url = Url::parse("https://home.example/list/").unwrap();
        read(&url, text.as_bytes())
    }

    fn paths(urls: &[Url]) -> Vec<&str> {
        urls.iter().map(Url::path).collect()
    }

    #[test]
    fn links_are_resolved_and_those_that_are_not_to_be_followed_are_left_alone() {
        let markup = page(
            "<a href='a#x'>a</a><a href=/b rel='noopener nofollow'>b</a><a href=c download>c</a>\
             <area href=d><a href='mailto:x@y'>m</a><a href=' e '>e</a><iframe src=/f></iframe>\
             <meta http-equiv=Refresh content='3; URL=/g'><!-- <a href=/no> --><script>'<a href=/no2>'</script>",
        );
        assert_eq!(
            paths(&markup.links),
            ["/list/a", "/list/d", "/list/e", "/f", "/g"]
        );
    }

    #[test]
    fn a_page_whose_robots_follow_nothing_has_no_links() {
        let markup = page("<a href=/a>a</a><meta name=ROBOTS content='noindex, nofollow'>");
        assert!(markup.links.is_empty());
    }

    #[test]
    fn the_first_base_holds() {
        let markup = page("<base href='/deep/'><base href='/other/'><a href=x>x</a>");
        assert_eq!(paths(&markup.links), ["/deep/x"]);
        assert_eq!(markup.base.path(), "/deep/");
    }

    #[test]
    fn what_a_browser_loads_is_found_with_its_destination() {
        let markup = page(
            "<script src=a.js></script><script type=module src=b.js integrity=sha256-x></script>\
             <script type='application/json' src=no.js></script>\
             <link rel='stylesheet preload' href=c.css><link rel=modulepreload href=d.js>\
             <link rel=preload as=font href=e.woff2><link rel='shortcut icon' href=f.ico>\
             <link rel=manifest href=g.json><img src=h.png srcset='i.png 1x, j.png 2x'>\
             <video src=k.mp4 poster=l.jpg></video><audio src=m.mp3></audio>\
             <style>@import 'n.css'; p { background: url(o.png) }</style>",
        );
        let found: Vec<(&str, &str, bool, bool)> = markup
            .loads
            .iter()
            .map(|load| {
                let name = load.url.path().trim_start_matches("/list/");
                (name, load.destination, load.module, load.pinned)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("a.js", "script", false, false),
                ("b.js", "script", true, true),
                ("c.css", "style", false, false),
                ("d.js", "script", true, false),
                ("e.woff2", "font", false, false),
                ("f.ico", "image", false, false),
                ("g.json", "manifest", false, false),
                ("h.png", "image", false, false),
                ("i.png", "image", false, false),
                ("j.png", "image", false, false),
                ("k.mp4", "video", false, false),
                ("l.jpg", "image", false, false),
                ("m.mp3", "audio", false, false),
                ("n.css", "style", false, false),
                ("o.png", "image", false, false),
            ]
        );
    }

    #[test]
    fn a_page_of_nothing_but_links_or_scripts_takes_no_longer_than_its_length() {
        // With each link compared to all before it, this would take hours.
        let links: String = (0..40_000)
            .map(|n| format!("<a href=/{n}><img src=/{n}>"))
            .collect();
        let markup = page(&links);
        assert_eq!(
            (markup.links.len(), markup.loads.len()),
            (MAX_LINKS, MAX_LINKS)
        );
        assert_eq!(
            page(&"\n<script>0</script>".repeat(40_000)).inline_scripts[39_999].0,
            40_001
        );
    }

    #[test]
    fn scripts_in_the_page_are_kept_with_the_line_where_they_begin() {
        let markup = page(
            "<!doctype html>\n<p>é</p>\n<script>\nif (a < b) c();\n</script>\n<script type=module>\
             import './x.js'</script><script type='application/ld+json'>{}</script>",
        );
        assert_eq!(
            markup.inline_scripts,
            [
                (3, "\nif (a < b) c();\n".to_owned()),
                (6, "import './x.js'".to_owned())
            ]
        );
        assert_eq!(markup.loads[0].url.path(), "/list/x.js");
    }
}
