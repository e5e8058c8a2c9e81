//! A health probe from outside while requests are held.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::time::timeout;

use super::super::headers::{self, Shape};
use super::super::pages;
use super::super::request_body::RequestBody;
use super::super::response_body::ResponseBody;
use super::super::worker::Worker;
use super::pass_on::with_body;

/// How long a health probe waits for the live colour while requests are held.
const HELD_PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The live colour's own answer if it gives one, else the gate's. It is not counted in flight, since the hold exists to
/// bring that count to nothing.
pub(super) async fn answer(
    worker: &Arc<Worker>,
    request: Request<RequestBody>,
    shape: &Shape,
) -> Response<ResponseBody> {
    let colour = worker.gate.switch.live();
    let asked = async {
        let config = &worker.gate.config;
        let opening = worker.pool.open(colour, config, HELD_PROBE_TIMEOUT);
        let mut upstream = opening.await.ok()?;
        let mut response = upstream.exchange(request).await.ok()?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        headers::towards_client(&mut response, shape).ok()?;
        Some((response, upstream))
    };
    match timeout(HELD_PROBE_TIMEOUT, asked).await {
        Ok(Some((response, upstream))) => with_body(worker, response, upstream, colour, None, None),
        Ok(None) | Err(_) => pages::held_health(),
    }
}
