//! The dashboard's listener: on loopback until a password exists, and where the configuration says from
//! the moment that one does.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::journal::{Journal, NewEvent, Severity};

/// A listener that moves once.
pub struct Door {
    listener: TcpListener,
    wanted: SocketAddr,
    password_is_set: watch::Receiver<bool>,
    journal: Journal,
}

impl Door {
    /// Listens: where it should if a password exists, on loopback otherwise.
    ///
    /// # Errors
    /// The port is taken, or the address is not this machine's.
    pub async fn open(
        wanted: SocketAddr,
        password_is_set: watch::Receiver<bool>,
        journal: Journal,
    ) -> anyhow::Result<Door> {
        let at = if *password_is_set.borrow() {
            wanted
        } else {
            loopback(wanted)
        };
        let listener = TcpListener::bind(at)
            .await
            .map_err(|e| anyhow::anyhow!("{at}: {e}"))?;
        // A port of 0 was chosen by the system just now, and is kept when the door moves.
        let wanted = SocketAddr::new(wanted.ip(), listener.local_addr()?.port());
        Ok(Door {
            listener,
            wanted,
            password_is_set,
            journal,
        })
    }

    /// Where it listens now.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap_or(self.wanted)
    }

    async fn move_out(&mut self) {
        let at = self.address();
        if at == self.wanted {
            return;
        }
        let moved = self.rebind();
        let event = match moved {
            Ok(()) => NewEvent::new(
                Severity::Info,
                format!("The dashboard listens on {} from now on.", self.wanted),
            ),
            Err(error) => NewEvent::new(
                Severity::Bad,
                format!(
                    "The dashboard stays on {at}, since it can't listen on {}: {error}.",
                    self.wanted
                ),
            ),
        };
        self.journal.note(event).await;
    }

    /// Closes the old listener and opens the new one without a pause in between: a browser that follows a
    /// redirect at this moment finds the door open.
    fn rebind(&mut self) -> io::Result<()> {
        // While one address listens, the wildcard of the same port can't be bound.
        let old = self.address();
        let placeholder = std::net::TcpListener::bind((loopback(old).ip(), 0))?;
        placeholder.set_nonblocking(true)?;
        self.listener = TcpListener::from_std(placeholder)?;
        let open = |at: SocketAddr| -> io::Result<TcpListener> {
            let listener = std::net::TcpListener::bind(at)?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        match open(self.wanted) {
            Ok(listener) => {
                self.listener = listener;
                Ok(())
            }
            Err(error) => {
                self.listener = open(old)?;
                Err(error)
            }
        }
    }
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            tokio::select! {
                accepted = Listener::accept(&mut self.listener) => return accepted,
                Ok(()) = self.password_is_set.changed() => {
                    if *self.password_is_set.borrow_and_update() {
                        self.move_out().await;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The same port on loopback.
fn loopback(listen: SocketAddr) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port())
}
