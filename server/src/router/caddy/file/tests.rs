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
    assert!(none.starts_with("# home does not stand behind Caddy") && none.lines().count() == 1);
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

#[test]
fn requests_are_reported_without_what_is_in_them_unless_that_is_switched_off() {
    let site = printed("kind = \"caddy\"\npreview = \"0123456789abcdef\"");
    let (_, from) = site.split_once("\tlog {\n").unwrap();
    let (log, _) = from.split_once("\n\t}\n").unwrap();
    for line in [
        "output net udp/127.255.255.255:3003\n",
        "request delete\n",
        "resp_headers delete\n",
    ] {
        assert!(log.contains(line), "{log}");
    }
    assert_eq!(site.matches("skip_log true").count(), 8);
    let silent = printed("kind = \"caddy\"\ncount_requests = false");
    assert!(
        !silent.contains("\tlog {") && !silent.contains("log_skip"),
        "{silent}"
    );
}
