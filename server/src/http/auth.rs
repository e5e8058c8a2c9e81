//! Who may come in: one password (argon2id), set through a one-time link; sessions that can be
//! revoked; a throttle on signing in, in which browsers that signed in before have a budget of their own; tokens for
//! scripts.

mod devices;
mod failures;
mod sessions;
mod throttle;
mod tokens;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use crate::admission::Network;
use crate::journal::Journal;
pub use devices::{DEVICE_LIFETIME_SECONDS, Devices, NewDevice};
pub use failures::{Failures, WINDOW};
pub use sessions::{SessionRow, Sessions, cookie_name};
pub use throttle::{Pace, Paces};
use throttle::{Throttle, TooMany, Turn, Who};
pub use tokens::{Scope, Token, Tokens};

/// The shortest password that is taken.
pub const MIN_PASSWORD_LENGTH: usize = 10;
/// The longest: argon2 takes more, but nobody types it, and hashing it costs.
const MAX_PASSWORD_LENGTH: usize = 1024;
/// How long a one-time link can be used.
pub const LINK_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The keeper of the door.
pub struct Auth {
    journal: Journal,
    /// The sessions of browsers.
    pub sessions: Sessions,
    /// The tokens of scripts.
    pub tokens: Tokens,
    /// The browsers that signed in before.
    pub devices: Devices,
    /// The wrong passwords.
    pub failures: Arc<Failures>,
    /// Hashing takes 19 MiB and a core: one at a time.
    throttle: Throttle,
    has_password: watch::Sender<bool>,
}

/// Why a password was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Too many tries.
    #[error("too many sign-in attempts; try again in {} s", .wait.as_secs() + 1)]
    Throttled {
        /// After which time another one is likely to be allowed.
        wait: Duration,
    },
    /// It is not the password.
    #[error("that is not the password")]
    Wrong,
    /// No password was set yet.
    #[error(
        "no password was set yet; use the link that Tealkeep printed when it started, or `tealkeep password`"
    )]
    NoPassword,
    /// A fault of this machine.
    #[error("{0:#}")]
    Fault(#[from] anyhow::Error),
}

/// Why a new password was not set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The link was used, has run out, or never was one.
    #[error(
        "this link was used before or has run out; `tealkeep password` on the machine prints a new one"
    )]
    Link,
    /// The password can't be one.
    #[error("{0}")]
    Unfit(String),
    /// A fault of this machine.
    #[error("{0:#}")]
    Fault(#[from] anyhow::Error),
}

impl From<TooMany> for SignInError {
    fn from(TooMany { wait }: TooMany) -> SignInError {
        SignInError::Throttled { wait }
    }
}

impl Auth {
    /// Reads what the journal holds.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn open(journal: Journal) -> anyhow::Result<Auth> {
        Auth::open_with(journal, Paces::default()).await
    }

    /// The same, with other paces for tries at the password.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn open_with(journal: Journal, paces: Paces) -> anyhow::Result<Auth> {
        let has_password = journal.setting(PASSWORD).await?.is_some();
        let (has_password, _) = watch::channel(has_password);
        Ok(Auth {
            sessions: Sessions::new(journal.clone()),
            tokens: Tokens::new(journal.clone()),
            devices: Devices::new(journal.clone()),
            failures: Arc::default(),
            journal,
            throttle: Throttle::new(paces),
            has_password,
        })
    }

    /// Whether a password was set: changes are told to whoever watches.
    #[must_use]
    pub fn password_is_set(&self) -> watch::Receiver<bool> {
        self.has_password.subscribe()
    }

    /// Makes a token worthless, also for what is open on it now; `false` if there is none of that name.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn revoke_token(&self, name: &str) -> anyhow::Result<bool> {
        let revoked = self.tokens.revoke(name).await?;
        self.sessions.tell_ended();
        Ok(revoked)
    }

    /// Makes a one-time link's token; an earlier one is worth nothing from now on.
    ///
    /// # Errors
    /// The journal can't be written, or the machine has no randomness.
    pub async fn new_link(&self) -> anyhow::Result<String> {
        let token = random_token()?;
        let until = Timestamp::now() + jiff::SignedDuration::try_from(LINK_LIFETIME)?;
        let kept = format!("{} {}", hash_of(&token), until.as_second());
        self.journal.set_setting(LINK, Some(kept)).await?;
        Ok(token)
    }

    /// Whether a token would be taken now; it stays good.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn link_is_good(&self, token: &str) -> anyhow::Result<bool> {
        Ok(self
            .journal
            .setting(LINK)
            .await?
            .is_some_and(|kept| link_matches(&kept, token, Timestamp::now())))
    }

    /// Uses a one-time link: sets the password, and ends all sessions. Of two that use it at once, one does.
    ///
    /// # Errors
    /// [`PasswordError`]; an unfit password leaves the link good.
    pub async fn use_link(&self, token: &str, password: String) -> Result<(), PasswordError> {
        fit(&password)?;
        if !self.link_is_good(token).await? {
            return Err(PasswordError::Link);
        }
        let hash = self.hash(password).await?;
        let token = token.to_owned();
        let set = self
            .journal
            .with(move |connection| {
                let transaction = connection
                    .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
                let kept: Option<String> =
                    rusqlite::OptionalExtension::optional(transaction.query_row(
                        "DELETE FROM setting WHERE key = ?1 RETURNING value",
                        [LINK],
                        |row| row.get(0),
                    ))?;
                if !kept.is_some_and(|kept| link_matches(&kept, &token, Timestamp::now())) {
                    return Ok(false);
                }
                put_password(&transaction, &hash)?;
                transaction.commit()?;
                Ok(true)
            })
            .await?;
        if !set {
            return Err(PasswordError::Link);
        }
        self.has_password.send_replace(true);
        self.sessions.tell_ended();
        Ok(())
    }

    /// Changes the password for somebody who knows the current one; all sessions end.
    ///
    /// # Errors
    /// [`PasswordError`]
    pub async fn change_password(
        &self,
        from: IpAddr,
        device: Option<String>,
        current: String,
        password: String,
    ) -> Result<(), PasswordError> {
        fit(&password)?;
        match self.check(from, device, current).await {
            Ok(()) => {}
            Err(SignInError::Fault(error)) => return Err(error.into()),
            Err(other) => {
                return Err(PasswordError::Unfit(format!(
                    "The current password was not taken: {other}."
                )));
            }
        }
        let hash = self.hash(password).await?;
        self.journal
            .with(move |connection| {
                let transaction = connection.transaction()?;
                put_password(&transaction, &hash)?;
                transaction.commit()
            })
            .await?;
        self.sessions.tell_ended();
        Ok(())
    }

    /// Checks a password that came from an address, and from a browser that signed in before if `device` names one (by
    /// the handle that [`Devices::known`] gives). A wrong one counts against that browser, otherwise against the address.
    ///
    /// # Errors
    /// [`SignInError`]
    pub async fn check(
        &self,
        from: IpAddr,
        device: Option<String>,
        password: String,
    ) -> Result<(), SignInError> {
        let who = device.map_or_else(|| Who::Stranger(Network::from(from)), Who::Device);
        let turn = self.throttle.turn(who).await?;
        let Some(hash) = self.journal.setting(PASSWORD).await? else {
            return Err(SignInError::NoPassword);
        };
        if password.len() > MAX_PASSWORD_LENGTH {
            return Err(SignInError::Wrong);
        }
        // The turn goes along: it must not end before the hashing does, even if whoever asked is gone by then.
        let right = tokio::task::spawn_blocking(move || {
            let parsed = PasswordHash::new(&hash)
                .map_err(|e| anyhow::anyhow!("the stored password is damaged: {e}"))?;
            let right = Argon2::default()
                .verify_password(password.as_bytes(), &parsed)
                .is_ok();
            if right {
                turn.was_right();
            }
            anyhow::Ok(right)
        })
        .await
        .context("the hashing thread ended")??;
        if right {
            Ok(())
        } else {
            Err(SignInError::Wrong)
        }
    }

    async fn hash(&self, password: String) -> anyhow::Result<String> {
        let turn = self.throttle.turn(Who::Owner).await.map_err(|_| {
            anyhow::anyhow!("this machine is too busy to hash a password; try again in a minute")
        })?;
        tokio::task::spawn_blocking(move || {
            let _one_at_a_time: Turn = turn;
            let mut salt = [0_u8; 16];
            getrandom::fill(&mut salt)
                .map_err(|e| anyhow::anyhow!("this machine has no randomness: {e}"))?;
            let salt =
                SaltString::encode_b64(&salt).map_err(|e| anyhow::anyhow!("the salt: {e}"))?;
            let hash = Argon2::default()
                .hash_password(password.as_bytes(), &salt)
                .map_err(|e| anyhow::anyhow!("the password can't be hashed: {e}"))?;
            Ok(hash.to_string())
        })
        .await
        .context("the hashing thread ended")?
    }
}

const PASSWORD: &str = "password";
const LINK: &str = "password-link";

fn put_password(transaction: &rusqlite::Transaction<'_>, hash: &str) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO setting(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
        [PASSWORD, hash],
    )?;
    transaction.execute("DELETE FROM session", [])?;
    Ok(())
}

fn fit(password: &str) -> Result<(), PasswordError> {
    let length = password.chars().count();
    if length < MIN_PASSWORD_LENGTH {
        Err(PasswordError::Unfit(format!(
            "The password has {length} characters; it must have {MIN_PASSWORD_LENGTH} or more. Four random words are good."
        )))
    } else if password.len() > MAX_PASSWORD_LENGTH {
        Err(PasswordError::Unfit(
            "The password is longer than anybody types.".to_owned(),
        ))
    } else {
        Ok(())
    }
}

/// 256 random bits as text for an address.
fn random_token() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|e| anyhow::anyhow!("this machine has no randomness: {e}"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of a token: whoever reads the journal can't use it.
fn hash_of(token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

fn link_matches(kept: &str, token: &str, now: Timestamp) -> bool {
    let Some((hash, until)) = kept.split_once(' ') else {
        return false;
    };
    let in_time = until
        .parse::<i64>()
        .is_ok_and(|until| now.as_second() < until);
    in_time && bool::from(hash.as_bytes().ct_eq(hash_of(token).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_runs_out_and_fits_only_its_token() {
        let now = Timestamp::from_second(1_000).unwrap();
        let kept = format!("{} 1500", hash_of("abc"));
        assert!(link_matches(&kept, "abc", now));
        assert!(!link_matches(&kept, "abd", now));
        assert!(!link_matches(
            &kept,
            "abc",
            Timestamp::from_second(1_500).unwrap()
        ));
        assert!(!link_matches("", "", now));
    }
}
