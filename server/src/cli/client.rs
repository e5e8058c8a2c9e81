//! The HTTP API over the unix socket, for the commands.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::outcome::Failure;
use crate::deploy::Printed;
use crate::http::api::Status;
use crate::journal::runs::Step;
use crate::journal::runs::{Run, RunId, RunState, StepState};

/// How long to wait for a server that restarts while a run is watched.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause between two attempts meanwhile.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(300);

/// A client of one server.
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// Uses that socket.
    pub fn new(socket: PathBuf) -> Client {
        Client { socket }
    }

    /// Requests JSON.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let response = self.send(Method::GET, path, Bytes::new()).await?;
        Ok(read(response).await?)
    }

    /// Sends JSON and receives JSON.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(anyhow::Error::from)?;
        let response = self.send(Method::POST, path, body.into()).await?;
        Ok(read(response).await?)
    }

    /// The given app, or the only one.
    pub async fn app(&self, given: Option<String>) -> Result<String, Failure> {
        if let Some(given) = given {
            return Ok(given);
        }
        let status: Status = self.get("/api/v1/status").await?;
        let mut names: Vec<String> = status.apps.iter().map(|app| app.name.to_string()).collect();
        match names.len() {
            1 => Ok(names.remove(0)),
            _ => Err(Failure::Usage(format!(
                "there are several apps; name one of {}",
                names.join(", ")
            ))),
        }
    }

    /// Follows a run to its end and calls `step` whenever it has changed. If the server goes away meanwhile, this waits for
    /// it: its next start finishes or undoes the run.
    pub async fn follow(
        &self,
        id: RunId,
        mut step: impl FnMut(&Run, &Printed),
    ) -> Result<Run, Failure> {
        let path = format!("/api/v1/runs/{id}");
        let mut gone_since = None;
        loop {
            match self.follow_once(&path, &mut step).await {
                Ok(Some(run)) => return Ok(run),
                Ok(None) => gone_since = None,
                Err(Failure::Operation(error)) => {
                    let since = *gone_since.get_or_insert_with(std::time::Instant::now);
                    if since.elapsed() > RECONNECT_TIMEOUT {
                        return Err(Failure::Operation(error.context(
                            "the server is gone; `tealkeep status` shows how the run ended",
                        )));
                    }
                }
                Err(call) => return Err(call),
            }
            tokio::time::sleep(RECONNECT_INTERVAL).await;
        }
    }

    async fn follow_once(
        &self,
        path: &str,
        step: &mut impl FnMut(&Run, &Printed),
    ) -> Result<Option<Run>, Failure> {
        // The stream first, so that no change after the run was read is missed.
        let mut events = self
            .send(Method::GET, "/api/v1/events", Bytes::new())
            .await?
            .into_body();
        loop {
            let run: Run = self.get(path).await?;
            let prepares = run.steps.iter().any(|row| {
                row.step == Step::Prepare
                    && !matches!(row.state, StepState::Pending | StepState::Skipped)
            });
            let printed = if prepares {
                self.get(&format!("{path}/output")).await?
            } else {
                Printed::default()
            };
            step(&run, &printed);
            if run.state != RunState::Running {
                return Ok(Some(run));
            }
            match events.frame().await {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<http::Response<Incoming>, Failure> {
        let stream = UnixStream::connect(&self.socket).await.with_context(|| {
            format!(
                "no server answers on {}. Is it running? If it uses another socket, name it with --socket PATH or TEALKEEP_SOCKET",
                self.socket.display()
            )
        })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .context("the server did not speak HTTP")?;
        // The task ends with the response's body; nobody needs to wait for it.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "tealkeep")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|_| {
                Failure::Usage(format!(
                    "{path:?} is not a valid path; is there a space in a name?"
                ))
            })?;
        let response = sender
            .send_request(request)
            .await
            .context("the server did not answer")?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = response
            .into_body()
            .collect()
            .await
            .context("the answer was interrupted")?
            .to_bytes();
        let detail = serde_json::from_slice::<serde_json::Value>(&bytes)
            .ok()
            .and_then(|problem| problem.get("detail")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| String::from_utf8_lossy(&bytes).trim().to_owned());
        Err(match status {
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                Failure::Usage(detail)
            }
            _ => Failure::Operation(anyhow!(detail)),
        })
    }
}

async fn read<T: DeserializeOwned>(response: http::Response<Incoming>) -> anyhow::Result<T> {
    let bytes = response
        .into_body()
        .collect()
        .await
        .context("the answer was interrupted")?
        .to_bytes();
    serde_json::from_slice(&bytes).context(
        "the server's answer is not what this version expects; do both have the same version?",
    )
}
