use super::*;
use http_body_util::{Empty, Full};
use hyper::body::Bytes;

fn through(
    request: http::request::Builder,
    trusted: bool,
) -> Result<(Shape, Request<Empty<Bytes>>), Refusal> {
    let mut request = request.body(Empty::new()).unwrap();
    let peer = Peer::new("192.0.2.7".parse().unwrap(), trusted);
    towards_colour(&mut request, &peer).map(|shape| (shape, request))
}

fn get(request: &Request<Empty<Bytes>>, name: &str) -> String {
    let all: Vec<_> = request
        .headers()
        .get_all(name)
        .iter()
        .map(|v| v.to_str().unwrap())
        .collect();
    all.join("|")
}

#[test]
fn hop_by_hop_fields_and_those_that_connection_names_stay_behind() {
    let (_, request) = through(
        Request::get("/")
            .header("host", "a.example")
            .header("connection", "keep-alive, X-Secret")
            .header("connection", "Host, content-length")
            .header("x-secret", "1")
            .header("keep-alive", "timeout=5")
            .header("proxy-connection", "keep-alive")
            .header("te", "gzip")
            .header("upgrade", "h2c")
            .header("x-kept", "1"),
        false,
    )
    .unwrap();
    for gone in [
        "connection",
        "x-secret",
        "keep-alive",
        "proxy-connection",
        "te",
        "upgrade",
    ] {
        assert_eq!(get(&request, gone), "", "{gone} went through");
    }
    assert_eq!(get(&request, "host"), "a.example");
    assert_eq!(get(&request, "x-kept"), "1");
}

#[test]
fn an_absolute_target_becomes_origin_form_and_its_host_wins() {
    let (_, request) = through(
        Request::get("http://user@b.example:81/x?y=1").header("host", "a.example"),
        false,
    )
    .unwrap();
    assert_eq!(request.uri(), "/x?y=1");
    assert_eq!(get(&request, "host"), "b.example:81");
}

#[test]
fn a_request_without_exactly_one_host_is_refused() {
    assert!(through(Request::get("/"), false).is_err());
    let two = Request::get("/").header("host", "a").header("host", "b");
    assert!(through(two, false).is_err());
    let old = Request::get("/").version(Version::HTTP_10);
    assert!(through(old, false).is_ok());
}

#[test]
fn only_what_may_be_sent_twice_counts_as_repeatable() {
    let shape = |method: &str| {
        through(Request::builder().method(method).header("host", "a"), false)
            .unwrap()
            .0
    };
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        assert!(shape(method).repeatable, "{method}");
    }
    for method in ["POST", "PATCH", "PROPPATCH"] {
        assert!(!shape(method).repeatable, "{method}");
    }
    let upgrade = Request::get("/")
        .header("host", "a")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket");
    let (shape, request) = through(upgrade, false).unwrap();
    assert!(shape.upgrade && !shape.repeatable);
    assert_eq!(get(&request, "upgrade"), "websocket");
    assert_eq!(get(&request, "connection"), "upgrade");
}

#[test]
fn a_websocket_is_the_only_protocol_that_is_switched_to() {
    let asks = |method: &str, version: Version, upgrade: &[&str]| {
        let mut request = Request::builder()
            .method(method)
            .version(version)
            .header("host", "a")
            .header("connection", "keep-alive, Upgrade");
        for protocol in upgrade {
            request = request.header("upgrade", *protocol);
        }
        let (shape, request) = through(request, false).unwrap();
        assert_eq!(shape.upgrade, request.headers().contains_key(UPGRADE));
        (shape.upgrade, get(&request, "upgrade"))
    };
    let yes = (true, "websocket".to_owned());
    let no = (false, String::new());
    assert_eq!(asks("GET", Version::HTTP_11, &["WebSocket"]), yes);
    // The others are not offered to the app.
    assert_eq!(asks("GET", Version::HTTP_11, &["h2c, websocket"]), yes);
    assert_eq!(asks("GET", Version::HTTP_11, &["h2c", "websocket"]), yes);
    assert_eq!(asks("GET", Version::HTTP_11, &["h2c"]), no);
    assert_eq!(asks("GET", Version::HTTP_11, &["tcp"]), no);
    assert_eq!(asks("GET", Version::HTTP_11, &["xwebsocket"]), no);
    assert_eq!(asks("POST", Version::HTTP_11, &["websocket"]), no);
    assert_eq!(asks("HEAD", Version::HTTP_11, &["websocket"]), no);
    assert_eq!(asks("GET", Version::HTTP_10, &["websocket"]), no);
    let unnamed = Request::get("/")
        .header("host", "a")
        .header("upgrade", "websocket");
    assert!(!through(unnamed, false).unwrap().0.upgrade);
    let mut with_body = Request::get("/")
        .header("host", "a")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(Full::new(Bytes::from("x")))
        .unwrap();
    let peer = Peer::new("192.0.2.7".parse().unwrap(), false);
    assert!(!towards_colour(&mut with_body, &peer).unwrap().upgrade);
}

fn passed(status: u16, asked: &str, fields: &[(&str, &str)]) -> Result<HeaderMap, String> {
    let request = match asked {
        "websocket" => Request::get("/")
            .header("connection", "upgrade")
            .header("upgrade", "websocket"),
        method => Request::builder().method(method),
    };
    let (shape, _) = through(request.header("host", "a"), false).unwrap();
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    let mut response = response.body(()).unwrap();
    towards_client(&mut response, &shape).map(|()| response.into_parts().0.headers)
}

#[test]
fn an_answer_has_one_framing_or_is_refused_by_name() {
    let length = |fields: &[(&str, &str)]| {
        let headers = passed(200, "GET", fields).unwrap();
        assert!(!headers.contains_key(TRANSFER_ENCODING));
        let lengths = headers.get_all(CONTENT_LENGTH).iter();
        lengths
            .map(|v| v.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(length(&[("transfer-encoding", "chunked"), ("content-length", "5")]).is_empty());
    assert_eq!(length(&[("content-length", "3, 3")]), ["3"]);
    assert_eq!(
        length(&[("content-length", "3"), ("content-length", "3")]),
        ["3"]
    );
    assert_eq!(length(&[("content-length", "3")]), ["3"]);
    for bad in [
        ("transfer-encoding", "gzip, chunked"),
        ("transfer-encoding", "chunked, chunked"),
        ("transfer-encoding", "identity"),
        ("content-length", "3, 4"),
        ("content-length", "+3"),
    ] {
        let why = passed(200, "GET", &[bad]).unwrap_err();
        assert!(
            why.to_lowercase().contains(bad.0) && why.contains(bad.1),
            "{why}"
        );
        // Nothing hangs on them where there is no body.
        for (status, method) in [(200, "HEAD"), (304, "GET"), (204, "GET")] {
            let headers = passed(status, method, &[bad]).unwrap();
            assert!(!headers.contains_key(CONTENT_LENGTH), "{bad:?}");
        }
    }
}

#[test]
fn a_switch_that_nobody_asked_for_is_a_bad_answer() {
    let websocket = [("connection", "upgrade"), ("upgrade", "websocket")];
    let h2c = [("connection", "upgrade"), ("upgrade", "h2c")];
    assert_eq!(
        passed(101, "websocket", &websocket).unwrap()[UPGRADE],
        "websocket"
    );
    assert!(
        passed(101, "GET", &websocket)
            .unwrap_err()
            .contains("nobody asked")
    );
    assert!(
        passed(101, "websocket", &h2c)
            .unwrap_err()
            .contains("`Upgrade: h2c`")
    );
    assert!(passed(101, "websocket", &[]).is_err());
}

#[test]
fn targets_and_hosts_that_are_not_valid_are_refused() {
    let refused = |target: &str, method: &str, hosts: &[&str]| {
        let mut request = Request::builder().method(method).uri(target);
        for host in hosts {
            request = request.header("host", *host);
        }
        through(request, false).is_err()
    };
    assert!(refused("/", "GET", &["a b"]));
    assert!(refused("/", "GET", &["http://a"]));
    assert!(refused("http://a/", "GET", &["b", "b"]));
    assert!(refused("http://a/", "GET", &[]));
    assert!(refused("ftp://a/", "GET", &["a"]));
    assert!(refused("a:80", "GET", &["a"]));
    assert!(refused("*", "GET", &["a"]));
    assert!(!refused("*", "OPTIONS", &["a"]));
    assert!(!refused("/", "GET", &[""]));
}

#[test]
fn transfer_codings_other_than_chunked_are_not_implemented() {
    let status = |codings: &[&str]| {
        let mut request = Request::post("/").header("host", "a");
        for coding in codings {
            request = request.header("transfer-encoding", *coding);
        }
        through(request, false)
            .err()
            .map(|refusal| refusal.status.as_u16())
    };
    assert_eq!(status(&["chunked"]), None);
    assert_eq!(status(&["Chunked"]), None);
    assert_eq!(status(&["gzip, chunked"]), Some(501));
    assert_eq!(status(&["gzip", "chunked"]), Some(501));
    assert_eq!(status(&["identity, chunked"]), Some(501));
    assert_eq!(status(&["chunked, chunked"]), Some(400));
    assert_eq!(status(&["chunked", "chunked"]), Some(400));
    assert_eq!(status(&[""]), Some(400));
}
