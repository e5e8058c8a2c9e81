//! Who may come in: one password (argon2id), set through a one-time link; sessions that can be
//! revoked; a throttle on signing in; tokens for scripts.

mod sessions;
mod tokens;

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::Context;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, watch};

use crate::journal::Journal;
pub use sessions::{SESSION_COOKIE, SessionRow, Sessions};
pub use tokens::{Scope, Token, Tokens};

/// The shortest password that is taken.
pub const LEAST_PASSWORD_LENGTH: usize = 10;
/// The longest: argon2 takes more, but nobody types it, and hashing it costs.
const MOST_PASSWORD_LENGTH: usize = 1024;
/// How long a one-time link can be used.
pub const LINK_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Tries at a password that one address may make in a row.
const TRIES_IN_A_ROW: NonZeroU32 = NonZeroU32::new(5).expect("5 is not 0");
/// After them, one more in this time.
const PAUSE_BETWEEN_TRIES: Duration = Duration::from_secs(20);
/// Tries in a row that all addresses together may make.
const TRIES_OF_ALL: NonZeroU32 = NonZeroU32::new(30).expect("30 is not 0");
/// After them, one more in this time.
const PAUSE_OF_ALL: Duration = Duration::from_secs(2);

/// The keeper of the door.
pub struct Auth {
    journal: Journal,
    /// The sessions of browsers.
    pub sessions: Sessions,
    /// The tokens of scripts.
    pub tokens: Tokens,
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    of_all: DefaultDirectRateLimiter,
    /// Hashing takes 19 MiB and a core: one at a time.
    hashing: Semaphore,
    has_password: watch::Sender<bool>,
}

/// Why a password was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Too many tries.
    #[error("too many tries; the next one is heard in {} s", .wait.as_secs() + 1)]
    Throttled {
        /// How long until the next try is heard.
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

impl Auth {
    /// Reads what the journal holds.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn open(journal: Journal) -> anyhow::Result<Auth> {
        let has_password = journal.setting(PASSWORD).await?.is_some();
        let (has_password, _) = watch::channel(has_password);
        let quota = |pause, tries| {
            Quota::with_period(pause)
                .expect("the pause is not zero")
                .allow_burst(tries)
        };
        Ok(Auth {
            sessions: Sessions::new(journal.clone()),
            tokens: Tokens::new(journal.clone()),
            journal,
            by_address: RateLimiter::keyed(quota(PAUSE_BETWEEN_TRIES, TRIES_IN_A_ROW)),
            of_all: RateLimiter::direct(quota(PAUSE_OF_ALL, TRIES_OF_ALL)),
            hashing: Semaphore::new(1),
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
        current: String,
        password: String,
    ) -> Result<(), PasswordError> {
        fit(&password)?;
        match self.check(from, current).await {
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

    /// Checks a password that came from an address; every try counts.
    ///
    /// # Errors
    /// [`SignInError`]
    pub async fn check(&self, from: IpAddr, password: String) -> Result<(), SignInError> {
        self.throttle(from)?;
        let Some(hash) = self.journal.setting(PASSWORD).await? else {
            return Err(SignInError::NoPassword);
        };
        if password.len() > MOST_PASSWORD_LENGTH {
            return Err(SignInError::Wrong);
        }
        let _one_at_a_time = self
            .hashing
            .acquire()
            .await
            .context("the hashing was closed")?;
        let right = tokio::task::spawn_blocking(move || {
            let parsed = PasswordHash::new(&hash)
                .map_err(|e| anyhow::anyhow!("the stored password is damaged: {e}"))?;
            anyhow::Ok(
                Argon2::default()
                    .verify_password(password.as_bytes(), &parsed)
                    .is_ok(),
            )
        })
        .await
        .context("the hashing thread ended")??;
        if right {
            Ok(())
        } else {
            Err(SignInError::Wrong)
        }
    }

    fn throttle(&self, from: IpAddr) -> Result<(), SignInError> {
        // Addresses that have been quiet long enough need no memory.
        self.by_address.retain_recent();
        let now = DefaultClock::default().now();
        self.by_address
            .check_key(&network_of(from))
            .map_err(|not_until| SignInError::Throttled {
                wait: not_until.wait_time_from(now),
            })?;
        self.of_all
            .check()
            .map_err(|not_until| SignInError::Throttled {
                wait: not_until.wait_time_from(now),
            })
    }

    async fn hash(&self, password: String) -> anyhow::Result<String> {
        let _one_at_a_time = self
            .hashing
            .acquire()
            .await
            .context("the hashing was closed")?;
        tokio::task::spawn_blocking(move || {
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
    if length < LEAST_PASSWORD_LENGTH {
        Err(PasswordError::Unfit(format!(
            "The password has {length} characters; it must have {LEAST_PASSWORD_LENGTH} or more. Four random words are good."
        )))
    } else if password.len() > MOST_PASSWORD_LENGTH {
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

/// Whose tries are counted together: an IPv6 household has a whole /64 to itself.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
    }
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

    #[test]
    fn tries_from_one_household_count_together() {
        let a: IpAddr = "2001:db8:1:2:3::1".parse().unwrap();
        let b: IpAddr = "2001:db8:1:2:4::9".parse().unwrap();
        assert_eq!(network_of(a), network_of(b));
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert_eq!(network_of(mapped), "10.0.0.1".parse::<IpAddr>().unwrap());
    }
}
