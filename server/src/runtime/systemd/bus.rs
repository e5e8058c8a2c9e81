//! The connection to the system bus: made when it is first needed, shared, and made again when it was lost. A call that fails
//! because the connection is gone is retried once on a new one.

use std::time::Duration;

use tokio::sync::Mutex;
use zbus::proxy::CacheProperties;
use zbus::{Connection, MatchRule, MessageStream};

/// How long one call may take; polkit's answer is part of it.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the bus and systemd on it are waited for after they went away.
const RETURN_PATIENCE: Duration = Duration::from_secs(10);
/// The pause between two tries to reach a bus that went away.
const RETURN_PAUSE: Duration = Duration::from_millis(200);

/// Where systemd answers.
pub const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";

/// Why a call had no answer.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// systemd answered with an error.
    #[error("{text} ({name})")]
    Refused {
        /// The error's name, such as `org.freedesktop.systemd1.NoSuchUnit`.
        name: String,
        /// What it says.
        text: String,
    },
    /// There is no bus, or systemd is not on it.
    #[error(
        "systemd can't be reached over D-Bus: {0}. Look at `systemctl status dbus`, and whether this machine was booted with systemd"
    )]
    Away(String),
    /// It did not answer in time.
    #[error("systemd gave no answer over D-Bus within {} s", CALL_TIMEOUT.as_secs())]
    Silent,
}

impl From<zbus::Error> for BusError {
    fn from(error: zbus::Error) -> BusError {
        match error {
            zbus::Error::MethodError(name, text, _) => {
                let name = name.as_str().to_owned();
                let text = text.unwrap_or_default();
                if is_absence(&name) {
                    BusError::Away(text)
                } else {
                    BusError::Refused { name, text }
                }
            }
            zbus::Error::FDO(error) => match *error {
                zbus::fdo::Error::ZBus(error) => error.into(),
                error => {
                    let name = zbus::DBusError::name(&error).as_str().to_owned();
                    let text = zbus::DBusError::description(&error)
                        .unwrap_or_default()
                        .to_owned();
                    if is_absence(&name) {
                        BusError::Away(text)
                    } else {
                        BusError::Refused { name, text }
                    }
                }
            },
            error @ (zbus::Error::InputOutput(_)
            | zbus::Error::Connection(..)
            | zbus::Error::Handshake(_)
            | zbus::Error::Address(_)
            | zbus::Error::Failure(_)) => BusError::Away(error.to_string()),
            other => BusError::Refused {
                name: "not understood".to_owned(),
                text: other.to_string(),
            },
        }
    }
}

/// What the bus itself answers while systemd, or the bus, is on its way back.
fn is_absence(name: &str) -> bool {
    [
        "org.freedesktop.DBus.Error.NoReply",
        "org.freedesktop.DBus.Error.Disconnected",
        "org.freedesktop.DBus.Error.NoServer",
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
    ]
    .contains(&name)
}

/// The one connection of an app's runtime.
#[derive(Debug, Default)]
pub struct Bus {
    connection: Mutex<Option<Connection>>,
}

impl Bus {
    /// The connection, made now if there is none that lives. Signals of systemd come over it.
    pub async fn connection(&self) -> Result<Connection, BusError> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        *kept = None;
        let until = tokio::time::Instant::now() + RETURN_PATIENCE;
        loop {
            let error = match bounded(connect()).await {
                Ok(connection) => {
                    *kept = Some(connection.clone());
                    return Ok(connection);
                }
                Err(error) => error,
            };
            if !matches!(error, BusError::Away(_)) || tokio::time::Instant::now() >= until {
                return Err(error);
            }
            tokio::time::sleep(RETURN_PAUSE).await;
        }
    }

    /// Forgets a connection that was found lost, unless somebody else has made a new one since.
    async fn give_up(&self, lost: &Connection) {
        let mut kept = self.connection.lock().await;
        if kept
            .as_ref()
            .is_some_and(|now| now.unique_name() == lost.unique_name())
        {
            *kept = None;
        }
    }

    /// Asks systemd something, once more on a new connection where the old one was lost.
    pub async fn ask<T, F>(&self, question: impl Fn(Connection) -> F) -> Result<T, BusError>
    where
        F: Future<Output = zbus::Result<T>>,
    {
        let first = self.connection().await?;
        match bounded(question(first.clone())).await {
            Err(BusError::Away(_) | BusError::Silent) => {}
            answered => return answered,
        }
        self.give_up(&first).await;
        let second = self.connection().await?;
        bounded(question(second)).await
    }
}

async fn bounded<T>(work: impl Future<Output = zbus::Result<T>>) -> Result<T, BusError> {
    match tokio::time::timeout(CALL_TIMEOUT, work).await {
        Ok(answered) => answered.map_err(BusError::from),
        Err(_) => Err(BusError::Silent),
    }
}

async fn connect() -> zbus::Result<Connection> {
    let connection = Connection::system().await?;
    // Without it, systemd sends no signals at all. It belongs to the connection, and ends with it.
    manager(&connection).await?.subscribe().await?;
    Ok(connection)
}

/// What is asked of systemd as a whole: org.freedesktop.systemd1(5), `org.freedesktop.systemd1.Manager`.
#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
pub trait Manager {
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<zbus::zvariant::OwnedObjectPath>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<zbus::zvariant::OwnedObjectPath>;
    fn restart_unit(&self, name: &str, mode: &str)
    -> zbus::Result<zbus::zvariant::OwnedObjectPath>;
    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;
    fn load_unit(&self, name: &str) -> zbus::Result<zbus::zvariant::OwnedObjectPath>;
    fn subscribe(&self) -> zbus::Result<()>;
}

/// systemd as a whole, asked over one connection.
pub async fn manager(connection: &Connection) -> zbus::Result<ManagerProxy<'static>> {
    ManagerProxy::builder(connection)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

/// The ends of jobs of one unit, from now on.
pub async fn removed_jobs(connection: &Connection, unit: &str) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(SYSTEMD)?
        .path(MANAGER_PATH)?
        .interface("org.freedesktop.systemd1.Manager")?
        .member("JobRemoved")?
        .arg(2, unit)?
        .build();
    MessageStream::for_match_rule(rule, connection, None).await
}

/// The changes of units and services from now on, whosever they are; the path says which.
pub async fn changes(connection: &Connection, path: &str) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(SYSTEMD)?
        .path(path.to_owned())?
        .interface("org.freedesktop.DBus.Properties")?
        .member("PropertiesChanged")?
        .arg(0, "org.freedesktop.systemd1.Unit")?
        .build();
    MessageStream::for_match_rule(rule, connection, None).await
}
