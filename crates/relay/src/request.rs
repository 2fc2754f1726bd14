//! The HTTP request of a visitor, and its answer.
//!
//! ```text
//! /cable/new/<tunnel id, 32 hex>
//! /cable/connect/<routing id, 6 hex>/<tunnel id, 32 hex>
//! ```

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use fido_hybrid_proto::transport::{RoutingId, SUBPROTOCOL, TunnelId};

/// A sign-in takes some 25 seconds: of many that are under way, a third ends
/// within this time.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Whom the limit per address counts as one: an IPv4 address, or the first 64
/// bits of an IPv6 address, which is what one customer gets at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetworkAddress([u8; 16]);

impl From<IpAddr> for NetworkAddress {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.to_ipv6_mapped().octets()),
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                Self(network.to_be_bytes())
            }
        }
    }
}

/// An upgrade request, as far as it matters here. `Debug` leaves out the path,
/// which has the tunnel id.
#[derive(Clone, Default)]
pub struct UpgradeRequest<'a> {
    /// Path and query.
    pub path: &'a str,
    /// The values of all `Sec-WebSocket-Protocol` headers.
    pub subprotocols: Vec<&'a str>,
    /// The value of the `Origin` header.
    pub origin: Option<&'a str>,
}

impl fmt::Debug for UpgradeRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradeRequest")
            .field("subprotocols", &self.subprotocols)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl UpgradeRequest<'_> {
    /// Whether [`SUBPROTOCOL`] is among those offered.
    pub(super) fn offers_subprotocol(&self) -> bool {
        let mut offered = self.subprotocols.iter().flat_map(|value| value.split(','));
        offered.any(|protocol| protocol.trim() == SUBPROTOCOL)
    }
}

/// The answer to a visitor who may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// To a phone: the routing id to send back.
    pub routing_id: Option<RoutingId>,
}

/// The answer to a visitor who may not stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Not a WebSocket upgrade, or without the subprotocol.
    #[error("the request is not one for a fido.cable WebSocket")]
    Malformed,
    /// `Origin` is not the one required.
    #[error("the origin is not allowed")]
    Origin,
    /// No such path, or no such tunnel.
    #[error("there is no such tunnel")]
    Unknown,
    /// The method is not `GET`.
    #[error("the method is not GET")]
    Method,
    /// The tunnel has its client; or, for a phone, the tunnel id was used: a
    /// phone and a client met under it.
    #[error("the tunnel is already in use")]
    Taken,
    /// Phones with this address have as many tunnels as allowed.
    #[error("too many tunnels from one address")]
    TooMany,
    /// Too many tunnels, or the service cannot serve at all.
    #[error("the service is full")]
    Full,
}

impl Rejection {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Origin => 403,
            Self::Unknown => 404,
            Self::Method => 405,
            Self::Taken => 409,
            Self::TooMany => 429,
            Self::Full => 503,
        }
    }

    /// The value of the header `Retry-After`: with 429 and 503, 10 seconds, in
    /// which some of the tunnels have ended.
    #[must_use]
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::TooMany | Self::Full => Some(RETRY_AFTER),
            _ => None,
        }
    }
}

/// The role of a visitor, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    New(TunnelId),
    Connect(RoutingId, TunnelId),
}

impl Purpose {
    pub(super) fn from_path(path: &str) -> Option<Self> {
        let mut segments = path.strip_prefix("/cable/")?.split('/');
        let purpose = match segments.next()? {
            "new" => Self::New(TunnelId::from_hex(segments.next()?)?),
            "connect" => {
                let routing = RoutingId::from_hex(segments.next()?)?;
                Self::Connect(routing, TunnelId::from_hex(segments.next()?)?)
            }
            _ => return None,
        };
        segments.next().is_none().then_some(purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_in_either_hex_case() {
        let tunnel = TunnelId([0xab; 16]);
        let upper = format!("/cable/new/{tunnel}");
        assert_eq!(Purpose::from_path(&upper), Some(Purpose::New(tunnel)));
        let lower = format!("/cable/connect/0a0b0c/{}", "ab".repeat(16));
        let routing = RoutingId([0x0a, 0x0b, 0x0c]);
        assert_eq!(Purpose::from_path(&lower), Some(Purpose::Connect(routing, tunnel)));
    }

    #[test]
    fn other_paths_are_unknown() {
        let id = "ab".repeat(16);
        for path in [
            String::new(),
            "/".into(),
            "/cable/new".into(),
            "/cable/new/".into(),
            format!("/cable/new/{id}/"),
            format!("/cable/new/{id}?a"),
            format!("/cable/new/{id}00"),
            format!("/cable/new/{}zz", "ab".repeat(15)),
            format!("/Cable/new/{id}"),
            format!("/cable/connect/{id}"),
            format!("/cable/connect/0a0b/{id}"),
            format!("/cable/connect/0a0b0c/{id}/0"),
            format!("/cable/contact/{id}"),
            format!("//cable/new/{id}"),
        ] {
            assert_eq!(Purpose::from_path(&path), None, "{path:?}");
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let address = |text: &str| NetworkAddress::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
        assert_eq!(address("192.0.2.1"), address("::ffff:192.0.2.1"));
    }

    #[test]
    fn the_subprotocol_is_found_among_several() {
        let offers = |values: &[&'static str]| {
            UpgradeRequest { subprotocols: values.to_vec(), ..UpgradeRequest::default() }
                .offers_subprotocol()
        };
        assert!(offers(&["fido.cable"]));
        assert!(offers(&["other, fido.cable"]));
        assert!(offers(&["other", "fido.cable"]));
        assert!(!offers(&[]));
        assert!(!offers(&["fido.cable2", "Fido.Cable"]));
    }
}
