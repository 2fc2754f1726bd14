//! Addresses at a tunnel service: QR-initiated [CTAP 2.2 §11.5.1] and state-assisted
//! [CTAP 2.2 §11.5.2].
//!
//! ```text
//! phone,  QR:     wss://<domain>/cable/new/<tunnel id, 32 hex>
//! client, QR:     wss://<domain>/cable/connect/<routing id, 6 hex>/<tunnel id, 32 hex>
//! client, linked: wss://<domain>/cable/contact/<contact id, base64url without padding>
//! ```
//!
//! The first is Google's convention: the text leaves it to the phone's vendor.
//! Hex is written in upper case as Chromium does; services take either case.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER_PERMISSIVE, HEXUPPER};

use super::tunnel_domain::TunnelDomain;
use crate::too_long::TooLong;

/// The WebSocket subprotocol that both sides ask for and the service selects.
pub const SUBPROTOCOL: &str = "fido.cable";

/// Service to phone, on `/cable/new`: the routing id, 6 hex digits.
pub const ROUTING_ID_HEADER: &str = "X-caBLE-Routing-ID";

/// Client to service, on `/cable/contact`: the contact request, in hex.
pub const CLIENT_PAYLOAD_HEADER: &str = "X-caBLE-Client-Payload";

/// Client to service, and echoed: one message `00` will tell that the phone
/// has connected.
pub const SIGNAL_CONNECTION_HEADER: &str = "X-caBLE-Signal-Connection";

/// Service to phone, as a closing code: the client connected to another phone
/// that scanned the same QR code. [RFC 6455 §7.4.2] leaves the codes from
/// 4000 on to applications; this one is 4000 and the HTTP status with which a
/// later phone is refused.
pub const CODE_USED: u16 = 4409;

/// The longest contact id put in a URL, in bytes. Google's are registration
/// tokens of about 160; services and proxies stop at URLs of a few KiB.
pub const MAX_CONTACT_ID: usize = 1024;

/// Where at its tunnel service a phone waits: chosen by the service, carried
/// in the advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoutingId(pub [u8; 3]);

impl RoutingId {
    /// Reads the value of [`ROUTING_ID_HEADER`]: 6 hex digits of either case.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        decode_hex(hex).map(Self)
    }
}

impl fmt::Display for RoutingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXUPPER.encode(&self.0))
    }
}

/// Names one tunnel; both sides derive it from the QR secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TunnelId(pub [u8; 16]);

impl TunnelId {
    /// Reads 32 hex digits of either case.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        decode_hex(hex).map(Self)
    }
}

impl fmt::Display for TunnelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXUPPER.encode(&self.0))
    }
}

/// Names a linked phone at its tunnel service; opaque, at most
/// [`MAX_CONTACT_ID`] bytes.
///
/// An attacker who has it can make the phone ring: `Debug` prints the length only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ContactId(Vec<u8>);

impl ContactId {
    /// Takes the bytes as the phone sent them.
    ///
    /// # Errors
    /// [`TooLong`] if they are more than [`MAX_CONTACT_ID`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, TooLong> {
        TooLong::check("the contact id", MAX_CONTACT_ID, bytes).map(Self)
    }

    /// Reads base64url without padding, as it stands in a URL.
    #[must_use]
    pub fn from_base64url(text: &str) -> Option<Self> {
        // Before anything is decoded: three bytes take four letters.
        if text.len() > MAX_CONTACT_ID.div_ceil(3) * 4 {
            return None;
        }
        Self::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContactId({} bytes)", self.0.len())
    }
}

/// An address at a tunnel service. The scheme is always `wss`.
///
/// `Debug` shows the host alone: who has the path can take the client's place
/// in the tunnel, if not in the transaction.
#[derive(Clone, PartialEq, Eq)]
pub struct TunnelUrl {
    host: String,
    path: String,
}

impl TunnelUrl {
    /// Where a phone opens a new tunnel after it read a QR code.
    #[must_use]
    pub fn new_tunnel(domain: TunnelDomain, tunnel: TunnelId) -> Self {
        Self { host: domain.host(), path: format!("/cable/new/{tunnel}") }
    }

    /// Where a client meets the phone whose advert it received.
    #[must_use]
    pub fn connect(domain: TunnelDomain, routing: RoutingId, tunnel: TunnelId) -> Self {
        Self { host: domain.host(), path: format!("/cable/connect/{routing}/{tunnel}") }
    }

    /// Where a client calls a linked phone.
    #[must_use]
    pub fn contact(domain: TunnelDomain, contact: &ContactId) -> Self {
        let contact = BASE64URL_NOPAD.encode(contact.as_bytes());
        Self { host: domain.host(), path: format!("/cable/contact/{contact}") }
    }

    /// The host name, such as `cable.ua5v.com`. The port is 443.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path, starting with `/cable/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The `Origin` that Chromium sends: `wss://` and the host.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("wss://{}", self.host)
    }
}

impl fmt::Debug for TunnelUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TunnelUrl({})", self.host)
    }
}

impl fmt::Display for TunnelUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wss://{}{}", self.host, self.path)
    }
}

/// A URL and the headers that go with it, beside those of every WebSocket.
/// `Debug` shows the host and the headers' names.
#[derive(Clone, PartialEq, Eq)]
pub struct TunnelRequest {
    /// Where to.
    pub url: TunnelUrl,
    /// Names and values of this protocol's own headers.
    pub headers: Vec<(&'static str, String)>,
}

impl fmt::Debug for TunnelRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.headers.iter().map(|(name, _)| name);
        write!(f, "TunnelRequest({}, ", self.url.host)?;
        f.debug_list().entries(names).finish()?;
        f.write_str(")")
    }
}

impl From<TunnelUrl> for TunnelRequest {
    fn from(url: TunnelUrl) -> Self {
        Self { url, headers: Vec::new() }
    }
}

fn decode_hex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_in_either_case_and_at_one_length_only() {
        assert_eq!(RoutingId::from_hex("4d5aBC"), Some(RoutingId([0x4d, 0x5a, 0xbc])));
        assert_eq!(RoutingId([0x4d, 0x5a, 0xbc]).to_string(), "4D5ABC");
        for hex in ["", "4d5ab", "4d5abc00", "4d5abg", " 4d5ab", "+4d5ab"] {
            assert_eq!(RoutingId::from_hex(hex), None, "{hex:?}");
        }
        assert_eq!(TunnelId::from_hex(&"0f".repeat(16)), Some(TunnelId([0x0f; 16])));
        assert_eq!(TunnelId::from_hex(&"0f".repeat(17)), None);
    }

    #[test]
    fn contact_ids_are_bounded() {
        assert!(ContactId::new(vec![0; MAX_CONTACT_ID]).is_ok());
        assert!(ContactId::new(vec![0; MAX_CONTACT_ID + 1]).is_err());
        assert_eq!(ContactId::from_base64url("wMDAwA").unwrap().as_bytes(), [0xc0; 4]);
        assert_eq!(ContactId::from_base64url("wMDAwA=="), None);
        assert_eq!(format!("{:?}", ContactId::new(vec![0xc0; 4])), "Ok(ContactId(4 bytes))");
    }
}
