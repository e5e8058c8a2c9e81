//! When Tealkeep first ran on this state.

use jiff::Timestamp;

use super::Journal;

/// The setting with the instant of the first start.
const INSTALLED_AT: &str = "installed-at";

impl Journal {
    /// When Tealkeep first ran on this state; the first call says now.
    ///
    /// # Errors
    /// The journal can't be read, or at the first start written.
    pub async fn installed_at(&self) -> anyhow::Result<Timestamp> {
        if let Some(text) = self.setting(INSTALLED_AT).await?
            && let Ok(at) = text.parse()
        {
            return Ok(at);
        }
        let now = Timestamp::now();
        self.set_setting(INSTALLED_AT, Some(now.to_string()))
            .await?;
        Ok(now)
    }
}
