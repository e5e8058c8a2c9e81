//! Who is at the other end of the unix socket, as the kernel reports it (unix(7), SO_PEERCRED). Root, Tealkeep's own user and the
//! members of the socket's group are let in.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use axum::serve::Listener;
use tokio::net::{UnixListener, UnixStream};

/// Whoever connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its user's id; `None` when the kernel would not say.
    pub uid: Option<u32>,
    /// Whether it may ask for anything.
    pub is_welcome: bool,
}

impl Peer {
    /// As it stands in the journal.
    #[must_use]
    pub fn in_words(self) -> String {
        let name = self.uid.and_then(uzers::get_user_by_uid);
        match (name, self.uid) {
            (Some(user), _) => format!("{} on the command line", user.name().to_string_lossy()),
            (None, Some(uid)) => format!("user {uid} on the command line"),
            (None, None) => "the command line".to_owned(),
        }
    }
}

/// The control socket, which tells who connects.
pub struct PeerListener {
    listener: UnixListener,
    path: PathBuf,
    /// The group that the socket's file belongs to.
    group: u32,
}

impl PeerListener {
    /// Looks at the group of the socket's file.
    ///
    /// # Errors
    /// The file is not there.
    pub fn new(listener: UnixListener, path: &Path) -> io::Result<PeerListener> {
        Ok(PeerListener {
            group: path.metadata()?.gid(),
            path: path.to_owned(),
            listener,
        })
    }

    fn look_at(&self, stream: &UnixStream) -> Peer {
        let Ok(credentials) = stream.peer_cred() else {
            return Peer {
                uid: None,
                is_welcome: false,
            };
        };
        let (uid, gid) = (credentials.uid(), credentials.gid());
        let own = rustix::process::geteuid().as_raw();
        Peer {
            uid: Some(uid),
            is_welcome: uid == 0
                || uid == own
                || gid == self.group
                || is_member(uid, gid, self.group),
        }
    }
}

fn is_member(uid: u32, gid: u32, group: u32) -> bool {
    uzers::get_user_by_uid(uid)
        .and_then(|user| uzers::get_user_groups(user.name(), gid))
        .is_some_and(|groups| groups.iter().any(|known| known.gid() == group))
}

impl Listener for PeerListener {
    type Io = UnixStream;
    type Addr = Peer;

    async fn accept(&mut self) -> (UnixStream, Peer) {
        let (stream, _) = Listener::accept(&mut self.listener).await;
        let peer = self.look_at(&stream);
        if !peer.is_welcome {
            tracing::warn!(uid = peer.uid, socket = %self.path.display(), "somebody else knocked");
        }
        (stream, peer)
    }

    fn local_addr(&self) -> io::Result<Peer> {
        let own = rustix::process::geteuid().as_raw();
        Ok(Peer {
            uid: Some(own),
            is_welcome: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_kernel_says_who_connects() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let mut listener = PeerListener::new(UnixListener::bind(&path).unwrap(), &path).unwrap();
        let _client = UnixStream::connect(&path).await.unwrap();
        let (_stream, peer) = listener.accept().await;
        assert_eq!(peer.uid, Some(rustix::process::geteuid().as_raw()));
        assert!(peer.is_welcome);
        assert!(peer.in_words().ends_with("on the command line"));
    }

    #[test]
    fn a_user_that_nobody_knows_is_a_member_of_nothing() {
        assert!(!is_member(4_000_000_000, 4_000_000_000, 0));
    }
}
