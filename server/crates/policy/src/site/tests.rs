use std::sync::{Arc, Mutex};

use super::*;

/// A server that answers each request with bytes of the test's own and keeps what it was asked.
async fn server(answer: Vec<u8>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answer, heard) = (answer.clone(), heard.clone());
            tokio::spawn(async move {
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while !request.windows(4).any(|w| w == b"\r\n\r\n") {
                    match stream.read(&mut buffer).await {
                        Ok(0) | Err(_) => return,
                        Ok(n) => request.extend_from_slice(&buffer[..n]),
                    }
                }
                heard
                    .lock()
                    .unwrap()
                    .push(String::from_utf8(request).unwrap().to_lowercase());
                stream.write_all(&answer).await.unwrap();
            });
        }
    });
    (at, asked)
}

fn site(direct: SocketAddr) -> Site {
    Site::new(Url::parse("https://home.example/").unwrap(), Some(direct))
}

fn get(url: &str) -> Ask {
    Ask {
        url: Url::parse(url).unwrap(),
        method: http::Method::GET,
        headers: Vec::new(),
        body: Vec::new(),
    }
}

fn packed(text: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn gzip_answer(body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

#[tokio::test]
async fn an_idle_colour_hears_the_public_names() {
    let (at, asked) =
        server(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_vec()).await;
    let answer = site(at)
        .ask(&get("https://home.example/a?b=c#d"))
        .await
        .unwrap();
    assert_eq!(answer.status, 204);
    assert_eq!(answer.url.as_str(), "https://home.example/a?b=c#d");
    let asked = asked.lock().unwrap();
    let request = &asked[0];
    for line in [
        "get /a?b=c http/1.1\r\n",
        "\r\nhost: home.example\r\n",
        "\r\nx-forwarded-proto: https\r\n",
        "\r\nx-forwarded-host: home.example\r\n",
        "\r\naccept-encoding: gzip\r\n",
        "\r\nuser-agent: mozilla/5.0 (compatible; tealkeep/",
    ] {
        assert!(request.contains(line), "{line:?} in {request}");
    }
}

#[tokio::test]
async fn lines_of_one_field_stay_apart_and_a_redirect_is_an_answer() {
    let (at, _) = server(
        b"HTTP/1.1 308 Permanent\r\nLocation: ../b#x\r\nCache-Control: no-cache\r\nX-A: 1\r\ncache-control: max-age=3\r\n\
          Content-Length: 0\r\nConnection: close\r\n\r\n"
            .to_vec(),
    )
    .await;
    let answer = site(at)
        .ask(&get("https://home.example/x/a"))
        .await
        .unwrap();
    let lines: Vec<&str> = answer.lines("cache-control").collect();
    assert_eq!(lines, ["no-cache", "max-age=3"]);
    assert_eq!(answer.target().unwrap().as_str(), "https://home.example/b");
}

#[tokio::test]
async fn a_packed_body_is_unpacked_and_a_bomb_is_cut() {
    let (at, _) = server(gzip_answer(&packed(b"hello"))).await;
    let answer = site(at).ask(&get("https://home.example/")).await.unwrap();
    assert_eq!(answer.body, b"hello");
    assert!(!answer.is_cut);

    let (at, _) = server(gzip_answer(&packed(&vec![b' '; 1 << 20]))).await;
    let ask = get("https://home.example/");
    let answer = site(at)
        .ask_within(&ask, ANSWER_TIMEOUT, 1000)
        .await
        .unwrap();
    assert_eq!(answer.body.len(), 1000);
    assert!(answer.is_cut);
}

#[tokio::test]
async fn a_packed_body_that_breaks_off_says_so() {
    let whole = packed(b"hello hello hello");
    let (at, _) = server(gzip_answer(&whole[..whole.len() - 10])).await;
    let answer = site(at).ask(&get("https://home.example/")).await.unwrap();
    assert!(answer.is_cut);
}

#[tokio::test]
async fn a_long_body_is_cut_and_says_so() {
    let (at, _) = server(
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789".to_vec(),
    )
    .await;
    let ask = get("https://home.example/");
    let site = site(at);
    let answer = site.ask_within(&ask, ANSWER_TIMEOUT, 4).await.unwrap();
    assert_eq!(
        (answer.body.as_slice(), answer.is_cut),
        (&b"0123"[..], true)
    );
    let answer = site.ask_within(&ask, ANSWER_TIMEOUT, 10).await.unwrap();
    assert_eq!((answer.body.len(), answer.is_cut), (10, false));
}

#[tokio::test]
async fn a_silent_site_is_not_waited_for_for_ever() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = site(listener.local_addr().unwrap());
    let ask = get("https://home.example/");
    let why = site
        .ask_within(&ask, Duration::from_millis(20), 10)
        .await
        .unwrap_err();
    assert_eq!(
        why.to_string(),
        "https://home.example/ gave no answer within 20ms"
    );
}

#[tokio::test]
async fn a_refused_connection_is_told_in_words() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let why = site(at)
        .ask(&get("https://home.example/"))
        .await
        .unwrap_err();
    assert_eq!(why.why, "refused the connection");
}

#[tokio::test]
async fn what_is_not_http_is_not_asked() {
    let (at, asked) = server(Vec::new()).await;
    let why = site(at).ask(&get("ftp://home.example/")).await.unwrap_err();
    assert_eq!(why.why, "is not asked over HTTP but ftp");
    assert!(asked.lock().unwrap().is_empty());
}
