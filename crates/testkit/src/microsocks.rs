//! microsocks on loopback, a SOCKS5 proxy.

use std::net::SocketAddr;
use std::process::Command;

use crate::programs::{Running, installed};

/// The proxy; dropped, it ends.
pub struct Microsocks(Running);

impl Microsocks {
    /// Starts it, for one user and password, or open; `None`, which it tells, where
    /// microsocks is not installed.
    pub fn start(credentials: Option<(&str, &str)>) -> Option<Self> {
        let program = installed(&["microsocks", "/usr/bin/microsocks"], "-h", "microsocks")?;
        Some(Self(Running::once_it_accepts(|address| {
            let mut command = Command::new(program);
            command.args(["-i", &address.ip().to_string(), "-p", &address.port().to_string()]);
            if let Some((user, password)) = credentials {
                command.args(["-u", user, "-P", password]);
            }
            command
        })))
    }

    pub const fn address(&self) -> SocketAddr {
        self.0.address()
    }
}
