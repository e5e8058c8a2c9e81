//! Reads the rest of a body that is too large before it is refused: a sender that is still writing when the connection closes
//! sees a broken pipe instead of the refusal (RFC 9112, section 9.6).

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;

use crate::http::limits::BODY_LIMIT_BYTES;

/// How much of a refused body is read and thrown away, in bytes.
const MAX_DRAINED_BYTES: usize = 8 * 1024 * 1024;
/// How long it may take to arrive.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads and discards a body that announces itself as larger than the limit, then passes the request on without it. What is
/// read is bounded in length and time.
pub async fn drain_oversized_body(request: Request, next: Next) -> Response {
    let announced = request.body().size_hint().lower();
    if announced <= BODY_LIMIT_BYTES as u64 {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let drain = async {
        let mut chunks = body.into_data_stream();
        let mut left = MAX_DRAINED_BYTES;
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // Whoever sends more, or more slowly, is cut off: by then it is no slip.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, drain).await;
    // The length that it announced is still in its head, and is what it is refused for.
    next.run(Request::from_parts(parts, Body::empty())).await
}
