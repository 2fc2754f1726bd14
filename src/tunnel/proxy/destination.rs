//! What a proxy is asked to connect to.

use std::fmt;
use std::net::SocketAddr;

use super::Proxy;

/// A name and a port, or the address that the embedder gave for the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tunnel) enum Destination {
    Name(String, u16),
    Address(SocketAddr),
}

impl Destination {
    /// Whether the proxy is not for this address.
    pub(in crate::tunnel) fn is_bypassed(&self, proxy: &Proxy) -> bool {
        match self {
            Self::Name(host, port) => proxy.is_bypassed(host, *port),
            Self::Address(address) => proxy.is_bypassed(&address.ip().to_string(), address.port()),
        }
    }
}

/// As in the request line of `CONNECT`: IPv6 in brackets.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(host, port) => write!(f, "{host}:{port}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}
