//! The Caddyfile of an app: it never changes, so Caddy never reloads. Everything that a swap, a hold or a
//! maintenance changes is a marker file that it asks for with each request.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::markers::Marker;
use super::rules::{DISGUISED_FIELDS, FOREIGN_FIELDS, blank_cookies, drop_set_cookies};
use super::site::{AS_STREAMS, LOST, WELL_KNOWN, markers_folder};
use crate::config::{AppConfig, CaddySection, PREVIEW_HEADER, RouterConfig, RuntimeConfig};
use crate::names::{Colour, SESSION_COOKIE};

/// The pause between two attempts at a colour that refuses connections, in Caddy's words.
const RETRY_PAUSE: &str = "50ms";
/// How long Caddy keeps an unused connection to a colour: below the 5 s after which Node closes its own side,
/// so that no request crosses a close.
const IDLE: &str = "2s";

/// The site block of an app with the `caddy` router, for a file such as `/etc/caddy/tealkeep-home.caddy` that the
/// household's own Caddyfile imports with `import /etc/caddy/tealkeep-*.caddy`. It works with Caddy 2.6.2 and later.
/// `state` is the folder that [`crate::config::Config::state`] names.
///
/// An app with another router gets a comment that says so.
#[must_use]
pub fn caddyfile(app: &AppConfig, state: &Path) -> String {
    let RouterConfig::Caddy(section) = &app.router else {
        return format!(
            "# {} does not stand behind Caddy: app.router.kind is another one.\n",
            app.name
        );
    };
    let ports = Colour::BOTH.map(|colour| match &app.runtime {
        RuntimeConfig::Process(process) => process.port(colour),
        RuntimeConfig::Systemd(systemd) => systemd.port(colour),
    });
    let site = Site {
        app,
        section,
        folder: markers_folder(&state.join("apps").join(app.name.as_str()))
            .display()
            .to_string(),
        ports,
    };
    site.render()
}

struct Site<'a> {
    app: &'a AppConfig,
    section: &'a CaddySection,
    folder: String,
    /// Blue first.
    ports: [u16; 2],
}

impl Site<'_> {
    fn render(&self) -> String {
        let mut page = Page::default();
        self.head(&mut page);
        self.snippets(&mut page);
        page.says(&format!("The address has no host's name on purpose: it must match whatever name the app is asked by. A site of another name on port {} would answer the others with an empty 200.", self.section.listen.port()));
        page.open(&format!("http://:{}", self.section.listen.port()));
        if !self.section.listen.ip().is_unspecified() {
            page.line(&format!("bind {}", self.section.listen.ip()));
            page.blank();
        }
        self.matchers(&mut page);
        page.blank();
        page.open("route");
        Site::clean(&mut page);
        self.proof(&mut page);
        self.maintenance(&mut page);
        page.says("A restore is under way: new requests wait. Not the request itself is handed to Tealkeep, but a question without a body, asked in its name; once that is answered, the request goes to what is live then. So a body is sent once only, and while Tealkeep itself is being restarted the question is asked again, with no harm whatever the request would have done.");
        page.open("handle @hold");
        self.import(&mut page, "held");
        page.close();
        page.blank();
        self.preview(&mut page);
        page.says("Which colour is live is asked once a request: two questions in turn could both be answered with no.");
        self.to_live(&mut page);
        page.close();
        page.blank();
        self.errors(&mut page);
        page.close();
        page.text
    }

    fn snippet(&self, name: &str) -> String {
        format!("tealkeep-{}-{name}", self.app.name)
    }

    /// The request goes to the colour that the marker names.
    fn to_live(&self, page: &mut Page) {
        page.open("handle @green");
        self.import(page, "green");
        page.close();
        page.open("handle");
        self.import(page, "blue");
        page.close();
    }

    fn import(&self, page: &mut Page, snippet: &str) {
        page.line(&format!("import {}", self.snippet(snippet)));
    }

    /// What the app must not get to see, and what it must not set.
    fn clean(page: &mut Page) {
        page.says("Only Caddy and a proxy on this machine say who the client is and what it asked for. Many servers read `_` in a field's name as `-`.");
        for field in FOREIGN_FIELDS {
            page.line(&format!("request_header @direct -{field}"));
        }
        for field in DISGUISED_FIELDS {
            page.line(&format!("request_header -{field}"));
        }
        Site::guard_cookies(page);
    }

    /// Nobody but Tealkeep's dashboard sets its cookies. The errors' own route needs it again.
    fn guard_cookies(page: &mut Page) {
        page.says("Browsers let each port of a host set the host's cookies, so an app could replace the session of Tealkeep's dashboard. The app's own cookies pass; one with a name of the dashboard's becomes a line that browsers ignore.");
        page.open("header");
        page.line("defer");
        page.line(&drop_set_cookies());
        page.close();
        page.blank();
    }

    /// Written out each time: in Caddy 2.6 a snippet can't begin with another one.
    fn common(&self, page: &mut Page) {
        page.line("trusted_proxies 127.0.0.0/8 ::1/128");
        page.line(&blank_cookies());
        if self.section.preview.is_some() {
            page.line(&format!("header_up -{PREVIEW_HEADER}"));
        }
        page.line(&format!("lb_try_interval {RETRY_PAUSE}"));
    }

    /// An offer to speak another protocol holds from one hop to the next (RFC 9110 section 7.8), and is not taken here: an
    /// app could answer it with one that nobody counts.
    fn no_upgrade(page: &mut Page) {
        page.line("header_up -Upgrade");
        page.line("header_up -Connection");
        page.line("@switched status 101");
        page.open("handle_response @switched");
        page.line("respond \"The app switched to another protocol although nobody asked for it. This has to be mended in the app.\" 502");
        page.close();
    }

    /// Only a WebSocket is offered, whatever else the client would speak. Caddy passes the head of such an answer on as it
    /// came, so one that sets a cookie of the dashboard's is refused.
    fn websocket(page: &mut Page) {
        page.line("header_up Upgrade websocket");
        page.line("header_up Connection Upgrade");
        page.open("@taken");
        page.line("status 101");
        page.line(&format!("header Set-Cookie *{SESSION_COOKIE}*"));
        page.close();
        page.open("handle_response @taken");
        page.line("respond \"The app set a cookie of Tealkeep's dashboard. This has to be mended in the app.\" 502");
        page.close();
    }

    /// To Tealkeep itself, which answers for the app's health.
    fn health(&self, page: &mut Page) {
        page.open("handle @health");
        page.open(&format!("reverse_proxy {}", self.section.hold_listen));
        page.line(&blank_cookies());
        page.close();
        page.close();
    }

    /// How long Caddy keeps a connection that nothing goes over.
    fn connections(page: &mut Page, idle_at_most: Option<u16>) {
        page.open("transport http");
        page.line(&format!("keepalive {IDLE}"));
        if let Some(most) = idle_at_most {
            page.line(&format!("keepalive_idle_conns_per_host {most}"));
        }
        page.close();
    }

    fn snippets(&self, page: &mut Page) {
        let retry = in_caddys_words(self.section.retry_for);
        page.says("A request to a colour, which may be restarting. A proxy on this machine, such as cloudflared, is believed what it says of the client. Unused connections are given up before Node closes its side after 5 s, so that no request crosses that close.");
        page.open(&format!("({})", self.snippet("request")));
        self.common(page);
        Site::no_upgrade(page);
        page.line(&format!("lb_try_duration {retry}"));
        Site::connections(page, Some(128));
        page.close();
        page.blank();

        page.says(&format!("A stream to a colour. It is dialled as {AS_STREAMS}, so that Caddy's admin API counts streams apart from requests: a deploy waits for the requests of the old colour, and not for its streams."));
        page.open(&format!("({})", self.snippet("stream")));
        self.common(page);
        page.line(&format!("lb_try_duration {retry}"));
        page.line("flush_interval -1");
        Site::connections(page, None);
        page.close();
        page.blank();

        page.says("A question in a request's name, without its body.");
        page.open(&format!("({})", self.snippet("question")));
        page.line("method GET");
        page.line("header_up -Expect");
        page.close();
        page.blank();

        page.says(&format!("The way to each colour. While a colour restarts, what was not yet sent to it is tried again for {retry}. Caddy 2.6 can't do that with a body, which it closes at the first attempt: so whatever may have one is preceded by a question that has none and that waits in its place. What was sent to a colour that ended before it answered is not sent again, since nobody knows what came of it; only GET is."));
        for colour in Colour::BOTH {
            self.colour(page, colour);
        }
        self.held(page);
    }

    fn head(&self, page: &mut Page) {
        let (app, folder) = (&self.app.name, &self.folder);
        let port = self.section.listen.port();
        page.says(&format!("Caddy in front of {app}, made by `tealkeep units {app}`. Write it to /etc/caddy/tealkeep-{app}.caddy and put this line into /etc/caddy/Caddyfile, outside of all braces:"));
        page.says("");
        page.says("    import /etc/caddy/tealkeep-*.caddy");
        page.says("");
        page.says(&format!("Then `systemctl reload caddy`, once. No deploy, rollback or restore reloads Caddy: each reload restarts its listeners, which loses requests and cuts WebSockets. What changes is whether the files `green`, `hold` and `maintenance` are in {folder}."));
        page.says(&format!("Caddy's user must be able to enter that folder; `namei -l {folder}` shows who can. A folder that it can't enter counts as empty, without a word in Caddy's log: Tealkeep asks http://127.0.0.1:{port}{WELL_KNOWN} to find out."));
        if self.section.preview.is_some() {
            page.says("This file holds a secret, the one that opens the preview: `chown root:caddy` and `chmod 0640` keep it one.");
        }
        page.blank();
    }

    fn matchers(&self, page: &mut Page) {
        page.line(&format!("@tealkeep path {WELL_KNOWN}"));
        page.line("@direct not remote_ip 127.0.0.0/8 ::1/128");
        for marker in [Marker::Maintenance, Marker::Hold, Marker::Green] {
            page.open(&format!("@{} file", marker.name()));
            self.file(page, marker);
            page.close();
        }
        page.says(
            "The folder itself: where Caddy can't find it, nothing in it would ever be seen.",
        );
        page.open("@lost");
        page.open("not file");
        page.line(&format!("root {}", quoted(&self.folder)));
        page.line("try_files /");
        page.close();
        page.close();
        page.line(&format!("@health path {}", self.app.health.path));
        page.says("A stream is opened by a GET. What else offers an upgrade (to h2c, as some clients do with each request) or takes events as an answer may have a body, and is a request. The only protocol that is switched to is WebSocket.");
        page.open("@upgrade");
        page.line("method GET");
        page.line(r"header_regexp Connection (?i)(?:^|,)\s*upgrade\s*(?:,|$)");
        page.line(r"header_regexp Upgrade (?i)(?:^|,)\s*websocket\s*(?:,|$)");
        page.line("vars {http.request.proto} HTTP/1.1");
        page.close();
        page.open("@events");
        page.line("method GET");
        page.line("header Accept *text/event-stream*");
        page.close();
        page.line("@changing not method GET HEAD OPTIONS");
        page.line("@unsent not vars tealkeep_sent yes");
        if let Some(secret) = &self.section.preview {
            page.line(&format!("@preview header {PREVIEW_HEADER} {secret}"));
        }
    }

    fn file(&self, page: &mut Page, marker: Marker) {
        page.line(&format!("root {}", quoted(&self.folder)));
        page.line(&format!("try_files /{}", marker.name()));
    }

    fn proof(&self, page: &mut Page) {
        page.says("By this Tealkeep and you can tell what Caddy sees: `curl` it, and it says `blue` or `green`, or `lost` where it can't find the markers' folder.");
        page.open("handle @tealkeep");
        page.line("header Cache-Control no-store");
        page.open("handle @lost");
        page.line(&format!("respond \"{LOST}\" 200"));
        page.close();
        page.open("handle @green");
        page.line("respond \"green\" 200");
        page.close();
        page.open("handle");
        page.line("respond \"blue\" 200");
        page.close();
        page.close();
        page.blank();
    }

    fn maintenance(&self, page: &mut Page) {
        page.says("Maintenance, or a restore that takes longer than requests can wait.");
        page.open("handle @maintenance");
        page.says("Monitors still get an answer: the live colour's, or Tealkeep's own while there is none.");
        self.health(page);
        page.open("handle");
        page.line("header Cache-Control no-store");
        page.line("header Retry-After 30");
        page.line("header Content-Type \"text/html; charset=utf-8\"");
        page.line(&format!("respond {} 503", quoted(MAINTENANCE)));
        page.close();
        page.close();
        page.blank();
    }

    fn held(&self, page: &mut Page) {
        let to = self.section.hold_listen;
        page.says("The wait while requests are held. 502 to 504 say that it was too long, on a page of Tealkeep's own.");
        page.open(&format!("({})", self.snippet("held")));
        if self.section.preview.is_some() {
            page.open("handle @preview");
            page.line(
                "respond \"The other colour can't be shown while a restore is under way.\" 503",
            );
            page.close();
        }
        self.health(page);
        page.open("handle");
        page.open(&format!("reverse_proxy {to}"));
        self.common(page);
        Site::no_upgrade(page);
        self.import(page, "question");
        page.line(&format!("rewrite {WELL_KNOWN}"));
        page.line(&format!(
            "lb_try_duration {}",
            in_caddys_words(self.section.hold_timeout)
        ));
        page.line("@refused status 502 503 504");
        page.open("handle_response @refused");
        page.line("copy_response");
        page.close();
        page.open("handle_response");
        self.to_live(page);
        page.close();
        page.close();
        page.close();
        page.close();
        page.blank();
    }

    fn colour(&self, page: &mut Page, colour: Colour) {
        let to = address(self.ports, colour);
        page.open(&format!("({})", self.snippet(&colour.to_string())));
        self.streams(page, colour, "handle @events");
        page.open("handle @changing");
        page.open(&format!("reverse_proxy {to}"));
        self.import(page, "request");
        self.import(page, "question");
        page.line(&format!("rewrite {}", self.app.health.path));
        page.open("handle_response");
        page.line("vars tealkeep_sent yes");
        page.open(&format!("reverse_proxy {to}"));
        self.import(page, "request");
        page.close();
        page.close();
        page.close();
        page.close();
        page.open("handle");
        page.open(&format!("reverse_proxy {to}"));
        self.import(page, "request");
        page.close();
        page.close();
        page.close();
        page.blank();
    }

    /// WebSockets, and the streams that `others` opens.
    fn streams(&self, page: &mut Page, colour: Colour, others: &str) {
        let to = format!("reverse_proxy {AS_STREAMS}:{}", self.ports[colour as usize]);
        page.open("handle @upgrade");
        page.open(&to);
        self.import(page, "stream");
        Site::websocket(page);
        page.close();
        page.close();
        page.open(others);
        page.open(&to);
        self.import(page, "stream");
        Site::no_upgrade(page);
        page.close();
        page.close();
    }

    fn preview(&self, page: &mut Page) {
        if self.section.preview.is_none() {
            return;
        }
        page.says("Whoever knows the secret sees the colour that is idle, which works on the same database. This is counted as a stream, so that no deploy waits for it.");
        page.open("handle @preview");
        page.open("handle @green");
        self.streams(page, Colour::Blue, "handle");
        page.close();
        page.open("handle");
        self.streams(page, Colour::Green, "handle");
        page.close();
        page.close();
        page.blank();
    }

    fn errors(&self, page: &mut Page) {
        page.says("The colour that was live when the request came did not come back. Meanwhile the other one may have taken over, or a restore begun: what was not yet sent goes that way.");
        page.open("handle_errors");
        Site::guard_cookies(page);
        page.open("handle @unsent");
        page.open("handle @hold");
        self.import(page, "held");
        page.close();
        self.to_live(page);
        page.close();
        page.close();
    }
}

/// What people read while the app is in maintenance. No brace is in it, since Caddy would take it for a placeholder.
const MAINTENANCE: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Back in a moment</title><body style='font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem;color-scheme:light dark'><h1>Back in a moment</h1><p>The app is being looked after. Nothing you entered before is lost.</p>";

fn address(ports: [u16; 2], colour: Colour) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], ports[colour as usize]))
}

fn in_caddys_words(length: Duration) -> String {
    if length.subsec_nanos() == 0 {
        format!("{}s", length.as_secs())
    } else {
        format!("{}ms", length.as_millis())
    }
}

/// A word of a Caddyfile that may hold spaces.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Lines, indented as `caddy fmt` does it.
#[derive(Default)]
struct Page {
    text: String,
    depth: usize,
}

impl Page {
    /// The width of a comment's line.
    const WIDTH: usize = 110;

    fn line(&mut self, line: &str) {
        let indent = "\t".repeat(self.depth);
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "{indent}{line}");
    }

    fn blank(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn open(&mut self, head: &str) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
    }

    fn close(&mut self) {
        if self.text.ends_with("\n\n") {
            self.text.pop();
        }
        self.depth -= 1;
        self.line("}");
    }

    /// A comment in whole sentences.
    fn says(&mut self, text: &str) {
        let mut line = "#".to_owned();
        if text.starts_with(' ') {
            return self.line(&format!("#{text}"));
        }
        for word in text.split(' ') {
            if line.len() + 1 + word.len() > Page::WIDTH - 4 * self.depth {
                self.line(&line);
                line = "#".to_owned();
            }
            if !word.is_empty() {
                line.push(' ');
                line.push_str(word);
            }
        }
        self.line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn printed(router: &str) -> String {
        let text = format!(
            "[[app]]\nname = \"home\"\ndatabase = \"/srv/home/d.sqlite\"\nreleases = \"/srv/home/releases\"\n\
             [app.runtime]\ncommand = [\"node\"]\nblue_port = 4001\ngreen_port = 4002\n\
             [app.router]\n{router}\n[app.health]\npath = \"/alive\"\n"
        );
        let config = Config::parse(&text, false).unwrap();
        caddyfile(&config.apps[0], Path::new("/var/lib/my state"))
    }

    #[test]
    fn it_is_bound_to_the_address_that_is_configured_and_asks_for_the_markers_of_its_app() {
        let open = printed("kind = \"caddy\"");
        assert!(open.contains("\nhttp://:3000 {\n\t@"), "{open}");
        assert!(!open.contains("bind "), "{open}");
        assert_eq!(
            open.matches("root \"/var/lib/my state/apps/home/router\"")
                .count(),
            4
        );
        let local = printed(
            "kind = \"caddy\"\nlisten = \"127.0.0.1:3100\"\nretry_for = \"1500ms\"\nhold_timeout = \"1m\"",
        );
        for line in [
            "\nhttp://:3100 {\n\tbind 127.0.0.1\n",
            "lb_try_duration 1500ms\n",
            "lb_try_duration 60s\n",
            "reverse_proxy 127.0.0.1:3003 {\n",
            "reverse_proxy localhost:4002 {\n",
            "rewrite /alive\n",
        ] {
            assert!(local.contains(line), "{line:?} is not in {local}");
        }
    }

    #[test]
    fn nothing_opens_the_idle_colour_where_no_secret_is_set() {
        let closed = printed("kind = \"caddy\"");
        assert!(!closed.contains("preview") && !closed.contains(PREVIEW_HEADER));
        let open = printed("kind = \"caddy\"\npreview = \"0123456789abcdef\"");
        assert!(open.contains("@preview header Tealkeep-Preview 0123456789abcdef\n"));
        // To each colour, whatever it is asked: the secret stays outside.
        let proxied = open.matches("trusted_proxies").count();
        assert_eq!(open.matches("header_up -Tealkeep-Preview").count(), proxied);
    }

    #[test]
    fn each_way_to_a_colour_gives_up_a_connection_before_node_does() {
        let site = printed("kind = \"caddy\"\npreview = \"0123456789abcdef\"");
        for snippet in ["request", "stream"] {
            let (_, from) = site
                .split_once(&format!("(tealkeep-home-{snippet})"))
                .unwrap();
            let (body, _) = from.split_once("\n}").unwrap();
            assert!(body.contains("keepalive 2s\n"), "{snippet}: {body}");
        }
    }

    #[test]
    fn an_app_behind_another_router_gets_no_site() {
        let none = printed("kind = \"gate\"");
        assert!(
            none.starts_with("# home does not stand behind Caddy") && none.lines().count() == 1
        );
    }

    #[test]
    fn words_are_quoted_and_comments_wrapped() {
        assert_eq!(quoted(r#"a "b" \c"#), r#""a \"b\" \\c""#);
        let longest = printed("kind = \"caddy\"");
        let comments = longest
            .lines()
            .filter(|line| line.trim_start().starts_with('#'));
        assert!(comments.map(str::len).max() <= Some(Page::WIDTH));
    }
}
