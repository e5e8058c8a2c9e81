use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(20);

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn trusting(authority: &CertifiedIssuer<'static, KeyPair>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Answers every connection with these bytes, over TLS with a certificate of this authority.
async fn serve(
    authority: &CertifiedIssuer<'static, KeyPair>,
    params: CertificateParams,
    answer: &'static str,
) -> Uri {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    format!("https://localhost:{port}/").parse().unwrap()
}

fn good() -> CertificateParams {
    CertificateParams::new(vec!["localhost".to_owned()]).unwrap()
}

const FINE: &str = "HTTP/1.1 200 OK\r\ntealkeep-release: v2\r\ncontent-length: 2\r\n\r\nok";

async fn asked(config: ClientConfig, url: &Uri) -> Result<Answer, Silence> {
    let public = Public::with(url, "/healthz", config).unwrap();
    public.ask(TIMEOUT).await
}

#[tokio::test]
async fn a_good_certificate_and_the_right_release_are_believed() {
    let authority = authority();
    let url = serve(&authority, good(), FINE).await;
    let answer = asked(trusting(&authority), &url).await.unwrap();
    assert_eq!(
        (answer.status, answer.release.as_deref()),
        (200, Some("v2"))
    );
    assert!(super::super::judge(&answer, &"v2".parse().unwrap()).is_ok());
    assert!(super::super::judge(&answer, &"v3".parse().unwrap()).is_err());
}

#[tokio::test]
async fn each_bad_certificate_is_named_and_not_waited_for() {
    let (known, other) = (authority(), authority());
    let mut expired = good();
    expired.not_before = rcgen::date_time_ymd(2001, 1, 1);
    expired.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let mut early = good();
    early.not_before = rcgen::date_time_ymd(2200, 1, 1);
    early.not_after = rcgen::date_time_ymd(2201, 1, 1);
    let elsewhere = CertificateParams::new(vec!["elsewhere.example".to_owned()]).unwrap();
    for (issuer, params, said) in [
        (&known, expired, "has expired"),
        (&known, early, "is not valid yet"),
        (&known, elsewhere, "is not for localhost"),
        (&other, good(), "does not trust"),
    ] {
        let url = serve(issuer, params, FINE).await;
        let silence = asked(trusting(&known), &url).await.unwrap_err();
        assert!(silence.why.contains(said), "{silence:?}");
        assert!(silence.lasts, "{silence:?}");
    }
}

#[tokio::test]
async fn what_is_not_200_is_told_and_a_redirect_is_not_followed() {
    let authority = authority();
    for (answer, said) in [
        (
            "HTTP/1.1 302 Found\r\nlocation: https://login.example/\r\ncontent-length: 0\r\n\r\n",
            "a redirect to https://login.example/",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 9\r\n\r\nno tunnel",
            "answered 502: no tunnel",
        ),
    ] {
        let url = serve(&authority, good(), answer).await;
        let answer = asked(trusting(&authority), &url).await.unwrap();
        let wrong = super::super::judge(&answer, &"v2".parse().unwrap()).unwrap_err();
        assert!(wrong.contains(said), "{wrong}");
    }
}

#[tokio::test]
async fn what_can_not_be_connected_to_is_told_in_plain_words() {
    let config = trusting(&authority());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("https://localhost:{port}").parse().unwrap();
    let silence = asked(config.clone(), &url).await.unwrap_err();
    assert_eq!(silence.why, "refused the connection");
    assert!(!silence.lasts);
    // RFC 2606 reserves the name: it is never found.
    let url = "https://nobody.invalid/".parse().unwrap();
    let silence = asked(config.clone(), &url).await.unwrap_err();
    assert!(
        silence.why.contains("nobody.invalid can't be looked up"),
        "{silence:?}"
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("https://localhost:{port}").parse().unwrap();
    let public = Public::with(&url, "/healthz", config).unwrap();
    let silence = public.ask(Duration::from_millis(50)).await.unwrap_err();
    assert!(
        silence.why.contains("gave no answer within 50ms"),
        "{silence:?}"
    );
}
