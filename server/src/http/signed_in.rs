//! Whether a session belongs to somebody who knew the password, and what the session keeps of the sign-in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

/// The session value that says who signed in, and with what.
pub const SIGNED_IN: &str = "signed_in";

/// Who signed in, and with what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignedIn {
    /// When.
    pub at: Timestamp,
    /// With which browser, in words.
    pub browser: String,
    /// The browser, as one that signed in before: it is forgotten when its session is revoked.
    #[serde(default)]
    pub device: Option<String>,
}

/// Whether the session belongs to somebody who knew the password.
pub async fn is_signed_in(session: &Session) -> bool {
    // A store that can't be read lets nobody in.
    matches!(session.get_value(SIGNED_IN).await, Ok(Some(_)))
}
