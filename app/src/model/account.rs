//! Signing in, and who is signed in.

use std::time::Duration;

use jiff::Timestamp;

/// `GET /sign-in`, also shown again after a wrong password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Why the last attempt failed, as a sentence.
    pub problem: Option<String>,
    /// How long further attempts are refused.
    pub wait: Option<Duration>,
    /// Where to go afterwards: a path of this site, sent back in the field `return_to`.
    pub return_to: Option<String>,
    /// Whether a password exists. If not, the page says how to set one instead of asking for it.
    pub has_password: bool,
}

/// `GET /welcome/{token}`: the one-time link with which a password is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The token of the link; `None` if it was already used or has expired.
    pub token: Option<String>,
    /// Why the last attempt failed, as a sentence.
    pub problem: Option<String>,
    /// The minimum length of a password, in characters.
    pub min_length: usize,
}

/// `GET /account`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Every session, this one included.
    pub sessions: Vec<Session>,
    /// The tokens of scripts and other machines.
    pub tokens: Vec<Token>,
    /// Why the last attempt to change the password failed, as a sentence.
    pub problem: Option<String>,
    /// The minimum length of a password, in characters.
    pub min_length: usize,
}

/// A token with which a script uses the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its name, as in `/account/tokens/{name}/revoke`.
    pub name: String,
    /// What it allows, in words.
    pub opens: &'static str,
    /// When it was created.
    pub made: Timestamp,
    /// When it was last used, to within a day.
    pub last_used: Option<Timestamp>,
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, as in `/account/sessions/{id}/revoke`; not the secret of its cookie.
    pub id: String,
    /// Whether it is the one that requested the page.
    pub current: bool,
    /// What is known of the browser: "Chrome on Android".
    pub browser: String,
    /// When it signed in.
    pub since: Timestamp,
}
