//! How the printed site reports each answered request to Tealkeep: as Caddy's access log over UDP, without anything that the
//! request or the answer contained.

use super::page::Page;
use crate::config::CaddySection;
use crate::router::caddy::site::reports_address;
use crate::router::gate::OWN_AGENT;

/// What an entry of the access log has that is not needed to count it. Without `request` and `resp_headers` no address, no
/// query, no cookie and no token is left.
const LEFT_OUT: [&str; 3] = ["request", "resp_headers", "user_id"];

/// The site's log, where the configuration has requests counted.
pub(super) fn report(page: &mut Page, section: &CaddySection) {
    if !section.count_requests {
        return;
    }
    page.says("Caddy reports each answered request to Tealkeep: its status, its size, and how long it took, and nothing that the request or the answer contained. The address is loopback's broadcast address: datagrams to it vanish when Tealkeep does not run, and Caddy neither waits nor logs an error. `count_requests = false` under [app.router] switches this off.");
    page.open("log");
    page.line(&format!("output net udp/{}", reports_address(section)));
    page.open("format filter");
    page.line("wrap json");
    page.open("fields");
    for field in LEFT_OUT {
        page.line(&format!("{field} delete"));
    }
    page.close();
    page.close();
    page.close();
    page.blank();
}

/// Tealkeep's own requests say nothing about what users get.
pub(super) fn leave_out_own(page: &mut Page, section: &CaddySection) {
    if !section.count_requests {
        return;
    }
    page.line(&format!("@own header User-Agent *{OWN_AGENT}*"));
    page.open("vars @own");
    skip(page);
}

/// Inside a block: its requests are not reported, since their answers say nothing about the live colour.
pub(super) fn leave_out(page: &mut Page, section: &CaddySection) {
    if !section.count_requests {
        return;
    }
    page.open("vars");
    skip(page);
}

/// Caddy 2.6 reads the first name, and later versions the second one.
fn skip(page: &mut Page) {
    page.line("skip_log true");
    page.line("log_skip true");
    page.close();
}
