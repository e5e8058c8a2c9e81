//! What the printed site and those who ask it agree on.

use std::path::{Path, PathBuf};

/// What Caddy answers with the live colour.
pub const WELL_KNOWN: &str = "/.well-known/tealkeep";

/// What it answers when it can't find the folder of the markers.
pub(super) const LOST: &str = "lost";

/// The name under which Caddy dials streams; requests are dialled by address.
pub(super) const AS_STREAMS: &str = "localhost";

/// Where the markers of an app stand; `app` is its own folder, `<state>/apps/<app>`.
pub(super) fn markers_folder(app: &Path) -> PathBuf {
    app.join("router")
}
