//! One member's browser: a connection of its own, kept alive and reopened when it was closed.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A held request may wait 30 s; a minute without an answer is a failure.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How large an answer may be; no page of the app comes near it.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// A connection to one address, opened when it is first needed.
pub(super) struct Browser {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
    connected_before: bool,
    /// How many times a connection had to be made anew.
    pub reconnects: u64,
}

impl Browser {
    pub(super) fn new(address: SocketAddr) -> Browser {
        Browser {
            address,
            sender: None,
            connected_before: false,
            reconnects: 0,
        }
    }

    /// Closes the connection; the next request opens another.
    pub(super) fn leave(&mut self) {
        self.sender = None;
        self.connected_before = false;
    }

    /// Loads a page or a piece of data.
    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<Bytes> {
        self.ask(Method::GET, path, None).await
    }

    /// Sends a form and wants JSON.
    pub(super) async fn post(&mut self, path: &str, form: String) -> anyhow::Result<Bytes> {
        self.ask(Method::POST, path, Some(form)).await
    }

    /// The answer's body.
    ///
    /// # Errors
    /// No connection, no answer in time, an answer that broke off, or one that is neither 2xx nor 3xx.
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        form: Option<String>,
    ) -> anyhow::Result<Bytes> {
        let name = format!("{method} {path}");
        let asked = timeout(ANSWER_TIMEOUT, self.exchange(method, path, form)).await;
        let outcome = match asked {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow::anyhow!("no answer within a minute")),
        };
        if outcome.is_err() {
            self.sender = None;
        }
        outcome.context(name)
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        form: Option<String>,
    ) -> anyhow::Result<Bytes> {
        let body = Bytes::from(form.unwrap_or_default());
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::ACCEPT, accept(&method));
        let request = match method == Method::POST {
            true => request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded"),
            false => request,
        };
        let request = request.body(Full::new(body))?;
        let mut sender = self.sender().await?;
        let answer = match sender.try_send_request(request).await {
            Ok(answer) => answer,
            Err(mut refused) => {
                // An idle connection may be closed at the moment it is used again. A request that never
                // left is sent on a new one, as every browser does (RFC 9110, section 9.2.2).
                let never_left = refused.take_message();
                let request = never_left
                    .ok_or_else(|| refused.into_error())
                    .context("the connection broke")?;
                sender = self.sender().await?;
                let sent = sender.send_request(request).await;
                sent.context("the connection broke")?
            }
        };
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES);
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => bail!("answered {status}, then broke off: {error}"),
        };
        self.sender = Some(sender);
        ensure!(
            status.is_success() || status.is_redirection(),
            "answered {status}"
        );
        Ok(body)
    }

    /// The open connection if it is still usable, otherwise a new one.
    async fn sender(&mut self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        if let Some(mut open) = self.sender.take()
            && open.ready().await.is_ok()
        {
            return Ok(open);
        }
        let stream = connect(self.address).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is dropped or the other side closes; a request on it says what failed.
        tokio::spawn(connection);
        if self.connected_before {
            self.reconnects += 1;
        }
        self.connected_before = true;
        Ok(sender)
    }
}

/// A TCP connection within ten seconds.
pub(super) async fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
        .await
        .context("not connected within 10 s")?
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn accept(method: &Method) -> &'static str {
    match *method == Method::POST {
        true => "application/json",
        false => "text/html",
    }
}
