//! Where an app's colours are, from the configuration and the files in the state folder.

use std::path::PathBuf;

use crate::config::{AppConfig, Config, RuntimeConfig};
use crate::names::Colour;

/// `<state>/apps/<app>`
pub(super) fn state_folder(config: &Config, app: &AppConfig) -> PathBuf {
    config.state.join("apps").join(app.name.as_str())
}

/// The live colour, from the file that records it.
pub(super) fn live_colour(config: &Config, app: &AppConfig) -> Option<Colour> {
    let folder = state_folder(config, app);
    let recorded = std::fs::read_to_string(folder.join("active-color"));
    let recorded = recorded.ok().and_then(|text| text.trim().parse().ok());
    // Where nothing repeats it, the marker of the colour that runs its timers is as good.
    recorded.or_else(|| {
        Colour::BOTH
            .into_iter()
            .find(|colour| folder.join(colour.as_str()).join("live").exists())
    })
}

/// The port on which a colour listens.
pub(super) fn port(app: &AppConfig, colour: Colour) -> u16 {
    match &app.runtime {
        RuntimeConfig::Process(process) => process.port(colour),
        RuntimeConfig::Systemd(systemd) => systemd.port(colour),
    }
}
