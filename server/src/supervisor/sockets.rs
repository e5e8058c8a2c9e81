//! The sockets that systemd keeps open for Tealkeep, so that a restart of Tealkeep refuses no connection: sd_listen_fds(3), one
//! called `gate-<app>` for each app that has one.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use listenfd::ListenFd;
use tokio::net::TcpListener;

use crate::names::AppName;

/// What was handed over at the start, and not yet taken.
pub struct Sockets {
    handed_over: ListenFd,
    /// Their names, in the descriptors' order; `None` for one that was taken.
    names: Vec<Option<String>>,
}

impl Sockets {
    /// None: everything is listened on by this process itself.
    #[must_use]
    pub fn none() -> Sockets {
        Sockets {
            handed_over: ListenFd::empty(),
            names: Vec::new(),
        }
    }

    /// Those that systemd handed over. They are this process's alone, so that this is called once.
    #[must_use]
    pub fn from_env() -> Sockets {
        // Before the variables are taken away, so that no child takes them for its own.
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let handed_over = ListenFd::from_env();
        let mut names: Vec<_> = names.split(':').map(|name| Some(name.to_owned())).collect();
        names.resize(handed_over.len(), Some("unknown".to_owned()));
        Sockets { handed_over, names }
    }

    /// The listener of an app's gate: the one that was handed over for it, or a new one.
    ///
    /// # Errors
    /// The port is taken, or the socket listens elsewhere than the configuration says.
    pub async fn listener(
        &mut self,
        at: SocketAddr,
        app: &AppName,
        key: &str,
    ) -> anyhow::Result<TcpListener> {
        let wanted = format!("gate-{app}");
        let index = self
            .names
            .iter()
            .position(|name| name.as_ref() == Some(&wanted));
        let Some(index) = index else {
            return TcpListener::bind(at).await.with_context(|| {
                format!(
                    "{app} can't listen on {at}; stop whatever uses that port, or change app.{app}.router.{key}"
                )
            });
        };
        self.names[index] = None;
        let listener = self
            .handed_over
            .take_tcp_listener(index)
            .with_context(|| {
                format!("the socket {wanted} of systemd is none that TCP connections arrive at; its unit needs one ListenStream={at}")
            })?
            .with_context(|| format!("the socket {wanted} of systemd is gone"))?;
        let listens = listener.local_addr()?;
        if listens != at {
            bail!(
                "the socket {wanted} of systemd listens on {listens}, and app.{app}.router.{key} says {at}; change one of the two (its ListenStream=, then `systemctl daemon-reload` and restart the socket)"
            );
        }
        listener.set_nonblocking(true)?;
        Ok(TcpListener::from_std(listener)?)
    }

    /// The names of those that nobody took.
    pub fn left(&self) -> impl Iterator<Item = &str> {
        self.names.iter().flatten().map(String::as_str)
    }
}
