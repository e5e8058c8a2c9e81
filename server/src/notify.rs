//! Being told: what is wrong at home is derived, again and again, from what the journal and the machine say, and
//! whoever is configured hears of it once, and once more when it is well again. Nothing ever waits for it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::NotifyConfig;
use crate::http::Server;

/// Runs until `stop`.
pub async fn run(_server: Arc<Server>, _config: NotifyConfig, stop: CancellationToken) {
    stop.cancelled().await;
}
