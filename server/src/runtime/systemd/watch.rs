//! Watches the two units for as long as Tealkeep runs, and looks at them at each change that systemd signals. If the bus goes
//! away, it waits for it and then looks at what happened meanwhile.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, future::Either, future::select};
use std::pin::pin;

use super::bus::{self, BusError};
use super::colours::Colours;
use crate::names::Colour;

/// The first pause after the bus was lost, doubled after each try that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Watches until the runtime's `stop`.
pub fn begin(colours: Arc<Colours>) {
    // The task ends with the token; it holds nothing that a shutdown would have to wait for.
    tokio::spawn(async move {
        let stop = colours.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = watch(&colours) => {}
        }
    });
}

async fn watch(colours: &Colours) {
    let mut pause = FIRST_PAUSE;
    loop {
        match follow(colours, &mut pause).await {
            Ok(()) => {
                tracing::info!(app = %colours.app, "the connection to D-Bus was lost; it is made anew")
            }
            Err(error) => tracing::warn!(app = %colours.app, "{error}"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Follows both units until the connection ends.
async fn follow(colours: &Colours, pause: &mut Duration) -> Result<(), BusError> {
    let (blue, green) = colours
        .bus
        .ask(|connection| async move {
            let manager = bus::manager(&connection).await?;
            let blue = manager.load_unit(colours.unit(Colour::Blue)).await?;
            let green = manager.load_unit(colours.unit(Colour::Green)).await?;
            Ok((
                bus::changes(&connection, blue.as_str()).await?,
                bus::changes(&connection, green.as_str()).await?,
            ))
        })
        .await?;
    let (mut blue, mut green) = (blue, green);
    // What happened before the signals were listened for.
    for colour in Colour::BOTH {
        colours.look(colour).await?;
    }
    *pause = FIRST_PAUSE;
    loop {
        let (colour, signal) = match select(pin!(blue.next()), pin!(green.next())).await {
            Either::Left((signal, _)) => (Colour::Blue, signal),
            Either::Right((signal, _)) => (Colour::Green, signal),
        };
        if !matches!(signal, Some(Ok(_))) {
            return Ok(());
        }
        colours.look(colour).await?;
    }
}
