//! A WebSocket: bytes both ways until both ends are done. When it is ended, it gets a close frame between two frames, so
//! that its client knows that it may reconnect.

use std::io;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::pool::Upstream;
use super::websocket::{Frames, GOING_AWAY};

/// How long both ends may take to hand their connections over after the 101.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one direction may go on after the other ended.
const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection that is ended may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// What is read at once, each way.
const BUFFER_BYTES: usize = 16 * 1024;

/// Carries one upgraded connection until it ends.
pub(super) async fn run(
    to_client: OnUpgrade,
    to_colour: OnUpgrade,
    upstream: Upstream,
    ends: CancellationToken,
) {
    let handed_over = async {
        let ((), colour) = tokio::join!(upstream.run_to_end(), to_colour);
        Some((to_client.await.ok()?, colour.ok()?))
    };
    let Ok(Some((client, colour))) = timeout(HAND_OVER_TIMEOUT, handed_over).await else {
        // One end was gone before the tunnel stood; dropping the other closes it.
        return;
    };
    let (from_client, to_client) = tokio::io::split(TokioIo::new(client));
    let (from_colour, to_colour) = tokio::io::split(TokioIo::new(colour));
    let up = relay_up(from_client, to_colour);
    let down = relay_down(from_colour, to_client, &ends);
    let both = async {
        tokio::pin!(up, down);
        // The first error ends both; after the first orderly end the other has some time left.
        tokio::select! {
            ended = &mut up => if ended.is_ok() {
                let _ = timeout(HALF_CLOSED_TIMEOUT, down).await;
            },
            ended = &mut down => if ended.is_ok() {
                let _ = timeout(HALF_CLOSED_TIMEOUT, up).await;
            },
        }
    };
    let cut = async {
        ends.cancelled().await;
        sleep(CLOSE_TIMEOUT).await;
    };
    tokio::select! {
        () = both => {}
        () = cut => {}
    }
}

async fn relay_up(
    mut from_client: impl AsyncRead + Unpin,
    mut to_colour: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from_client.read(&mut buffer).await?;
        if read == 0 {
            return to_colour.shutdown().await;
        }
        to_colour.write_all(&buffer[..read]).await?;
        to_colour.flush().await?;
    }
}

/// After a close frame of the gate's own, the client's answer to it still goes up, and is for the colour the
/// client's own wish to go.
async fn relay_down(
    mut from_colour: impl AsyncRead + Unpin,
    mut to_client: impl AsyncWrite + Unpin,
    ends: &CancellationToken,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut frames = Frames::default();
    let mut is_ending = false;
    loop {
        tokio::select! {
            biased;
            () = ends.cancelled(), if !is_ending => is_ending = true,
            read = from_colour.read(&mut buffer) => {
                let read = read?;
                if read == 0 {
                    return to_client.shutdown().await;
                }
                to_client.write_all(&buffer[..read]).await?;
                to_client.flush().await?;
                frames.passed(&buffer[..read]);
            }
        }
        if is_ending && frames.is_between() {
            if !frames.has_closed() {
                to_client.write_all(&GOING_AWAY).await?;
                to_client.flush().await?;
            }
            return to_client.shutdown().await;
        }
    }
}
