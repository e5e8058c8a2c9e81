//! The text of the maintenance page.

use std::time::Duration;

/// What visitors read while requests are held for too long or maintenance is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// One or two sentences, plain text.
    pub text: String,
    /// When to come back, as far as anybody knows; whole seconds, at least one.
    pub retry_after: Duration,
}

impl Default for Maintenance {
    fn default() -> Maintenance {
        Maintenance {
            text: "The app is being looked after and will be back in a moment. \
                   Nothing you entered before is lost."
                .to_owned(),
            retry_after: Duration::from_secs(10),
        }
    }
}
