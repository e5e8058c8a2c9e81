//! Signing in, and who is signed in.

use std::time::Duration;

use jiff::Timestamp;

/// `GET /sign-in`, also shown again after a wrong password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// What was wrong with the last try, as a sentence.
    pub problem: Option<String>,
    /// How long tries are refused.
    pub wait: Option<Duration>,
    /// Where to go afterwards: a path of this site, sent back in the field `return_to`.
    pub return_to: Option<String>,
    /// Whether a password exists; if not, the page says how to make one instead of asking for it.
    pub has_password: bool,
}

/// `GET /welcome/{token}`: the one-time link with which a password is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The token of the link; `None` when it was used before, or is too old.
    pub token: Option<String>,
    /// What was wrong with the last try, as a sentence.
    pub problem: Option<String>,
    /// The fewest characters that a password may have.
    pub least_length: usize,
}

/// `GET /account`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Every session, this one included.
    pub sessions: Vec<Session>,
    /// The tokens of scripts and other machines.
    pub tokens: Vec<Token>,
    /// What was wrong with the last attempt to change the password, as a sentence.
    pub problem: Option<String>,
    /// The fewest characters that a password may have.
    pub least_length: usize,
}

/// A token with which a script uses the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it was called, as it stands in `/account/tokens/{name}/revoke`.
    pub name: String,
    /// What it opens, in words: "looks", "looks and deploys".
    pub opens: &'static str,
    /// When it was made.
    pub made: Timestamp,
    /// When it was last used, to within a day.
    pub last_used: Option<Timestamp>,
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, as it stands in `/account/sessions/{id}/revoke`; not the secret of its cookie.
    pub id: String,
    /// Whether it is the one that looks at the page.
    pub current: bool,
    /// What is known of the browser: "Chrome on Android".
    pub browser: String,
    /// When it signed in.
    pub since: Timestamp,
}
