//! What is needed to render one app's files.

use std::path::{Path, PathBuf};

use crate::config::{AppConfig, Config, SystemdConfig};

/// What is needed to render one app's files.
pub(super) struct UnitContext<'a> {
    pub config: &'a Config,
    pub app: &'a AppConfig,
    pub systemd: &'a SystemdConfig,
    /// The name under which the laptop reaches the machine.
    pub host: &'a str,
}

impl UnitContext<'_> {
    pub fn name(&self) -> &str {
        self.app.name.as_str()
    }

    /// `<state>/apps/<app>`
    pub fn folder(&self) -> PathBuf {
        self.config.state.join("apps").join(self.name())
    }

    /// The folder of the database.
    pub fn data(&self) -> &Path {
        self.app.database_folder()
    }
}
