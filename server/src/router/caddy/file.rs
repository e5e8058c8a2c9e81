//! The Caddyfile of an app: it never changes, so Caddy never reloads. Everything that a swap, a hold or a
//! maintenance changes is a marker file that it asks for with each request.

use std::net::SocketAddr;
use std::path::Path;

mod page;
mod requests;

#[cfg(test)]
mod tests;

use super::markers::Marker;
use super::rules::{DISGUISED_FIELDS, FOREIGN_FIELDS, blank_cookies, drop_set_cookies};
use super::site::{AS_STREAMS, LOST, WELL_KNOWN, markers_folder};
use crate::config::{AppConfig, CaddySection, PREVIEW_HEADER, RouterConfig, RuntimeConfig};
use crate::names::{Colour, SESSION_COOKIE};
use page::{Page, in_caddys_words, quoted};

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
        page.says("The address has no host name on purpose: it must match every name that people use for the app. With one, Caddy would answer requests for any other name with an empty 200.");
        page.open(&format!("http://:{}", self.section.listen.port()));
        if !self.section.listen.ip().is_unspecified() {
            page.line(&format!("bind {}", self.section.listen.ip()));
            page.blank();
        }
        self.matchers(&mut page);
        page.blank();
        requests::report(&mut page, self.section);
        page.open("route");
        requests::leave_out_own(&mut page, self.section);
        Site::clean(&mut page);
        self.proof(&mut page);
        self.maintenance(&mut page);
        page.says("A restore is under way: new requests wait. Caddy does not send the request itself to Tealkeep, but a GET without a body in its place; when Tealkeep has answered that, the request goes to the colour that is live by then. So a body is sent only once, and while Tealkeep restarts, Caddy can safely retry the GET, whatever the request would have done.");
        page.open("handle @hold");
        self.import(&mut page, "held");
        page.close();
        page.blank();
        self.preview(&mut page);
        page.says("Caddy looks for one marker, once per request. With one marker for each colour, it could find neither in the middle of a swap.");
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
        page.says("Only Caddy and a proxy on this machine may say who the client is and what it asked for. Many servers read `_` in a field's name as `-`.");
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
        requests::leave_out(page, self.section);
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
        page.says("A request to a colour, which may be restarting. Caddy trusts what a proxy on this machine, such as cloudflared, says about the client. It closes an unused connection before Node does so after 5 s, so that no request is lost to a closing connection.");
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

        page.says("A GET in place of a request, without its body.");
        page.open(&format!("({})", self.snippet("question")));
        page.line("method GET");
        page.line("header_up -Expect");
        page.close();
        page.blank();

        page.says(&format!("The way to each colour. While a colour restarts, Caddy retries what was not yet sent to it for {retry}. Caddy 2.6 can't do that with a body, which it closes at the first attempt: so a request that may have a body is preceded by a GET without one, which waits in its place. A request whose colour ended before it answered is not sent again, since it may have taken effect; only a GET is."));
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
        page.says(&format!("Then run `systemctl reload caddy` once. No deploy, rollback or restore reloads Caddy, because a reload restarts its listeners, which loses requests and cuts WebSockets. Instead, Tealkeep creates and removes the files `green`, `hold` and `maintenance` in {folder}."));
        page.says(&format!("Caddy's user must be able to enter that folder; `namei -l {folder}` shows who can. If it can't, Caddy treats the folder as empty and logs nothing. Tealkeep asks http://127.0.0.1:{port}{WELL_KNOWN} to find out."));
        if self.section.preview.is_some() {
            page.says("This file contains the secret that opens the preview; protect it with `chown root:caddy` and `chmod 0640`.");
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
        page.says("The folder itself: if Caddy can't find it, it sees none of the markers.");
        page.open("@lost");
        page.open("not file");
        page.line(&format!("root {}", quoted(&self.folder)));
        page.line("try_files /");
        page.close();
        page.close();
        page.line(&format!("@health path {}", self.app.health.path));
        page.says("Only a GET opens a stream. Another request that offers an upgrade (to h2c, as some clients do with each request) or accepts events may have a body, and is treated as an ordinary request. WebSocket is the only protocol that can be switched to.");
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
        page.says("This tells Tealkeep and you what Caddy sees: `curl` it, and it answers `blue` or `green`, or `lost` if it can't find the markers' folder.");
        page.open("handle @tealkeep");
        requests::leave_out(page, self.section);
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
        requests::leave_out(page, self.section);
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
        page.says("Requests wait here while they are held. If the wait is too long, Tealkeep answers 502 to 504 with a page of its own.");
        page.open(&format!("({})", self.snippet("held")));
        if self.section.preview.is_some() {
            page.open("handle @preview");
            requests::leave_out(page, self.section);
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
        requests::leave_out(page, self.section);
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
        page.says("A request with the secret goes to the idle colour, which works on the same database. It counts as a stream, so that no deploy waits for it.");
        page.open("handle @preview");
        requests::leave_out(page, self.section);
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
        page.says("The colour that was live when the request arrived did not come back. Meanwhile the other one may have become live, or a restore may have begun, so a request that was not yet sent goes there.");
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
