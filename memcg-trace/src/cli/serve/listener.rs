//! Sockets that listen.

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::{fs, net, os};

use anyhow::Context as _;

use crate::cli::args::Address;

/// A socket that listens.
pub(super) enum Listener {
    Tcp(net::TcpListener),
    Unix(os::unix::net::UnixListener, PathBuf),
}

impl Listener {
    /// Starts to listen.
    pub(super) fn bind(address: &Address) -> anyhow::Result<Self> {
        let listener = match address {
            Address::Tcp(address) => {
                let listener = net::TcpListener::bind(address)
                    .with_context(|| format!("cannot listen on {address}"))?;
                listener.set_nonblocking(true)?;
                Self::Tcp(listener)
            }
            Address::Unix(path) => {
                remove_stale(path);
                let listener = os::unix::net::UnixListener::bind(path)
                    .with_context(|| format!("cannot listen on {}", path.display()))?;
                listener.set_nonblocking(true)?;
                Self::Unix(listener, path.clone())
            }
        };
        Ok(listener)
    }

    /// Where it listens, as users write it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => address.to_string(),
                Err(error) => error.to_string(),
            },
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }

    /// The file of the socket, to be removed at the end.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(_, path) => Some(path.clone()),
        }
    }
}

/// Removes the socket of a program that has gone, and nothing else.
fn remove_stale(path: &Path) {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = || {
        let tried = UnixStream::connect(path);
        tried.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if is_socket && refused() {
        let _ = fs::remove_file(path);
    }
}
