//! Proxies between this device and the tunnel services: HTTP `CONNECT`
//! [RFC 9110 §9.3.6], over TLS to the proxy if wished, and SOCKS5 (RFC 1928, RFC 1929).
//!
//! ```text
//! http     TCP → CONNECT → 2xx            → TLS to the service
//! https    TCP → TLS to the proxy → CONNECT → 2xx → TLS to the service
//! socks5   TCP → greeting → (password) → request → reply → TLS to the service
//! ```
//!
//! The proxy resolves the service's name. It sees that name and the amount of data, and
//! nothing that is inside of TLS.
//!
//! hyper speaks HTTP with the proxy, and hyper-util decides which names bypass it. Two
//! parts are this crate's own. hyper-util's `Tunnel` reports every refusal but 407 alike,
//! and gives out no headers of a 407, so `http_connect` sends the request itself. Its
//! `SocksV5` keeps the password in text that is not wiped, sends no more than some 230
//! bytes of credentials, and its error has types that are not public, so that a refusal
//! cannot be told from a host that does not answer.

mod bypass;
mod challenge;
mod credentials;
mod destination;
mod environment;
pub(super) mod http_connect;
pub(super) mod socks;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use percent_encoding::percent_decode_str;
use rustls::pki_types::DnsName;

use bypass::Bypass;
use fido_hybrid_proto::error::ProxyError;
use fido_hybrid_proto::secret::SecretBytes;

pub use challenge::{MAX_PROXY_ROUNDS, ProxyAuthenticator, ProxyChallenges, ProxyDialogue};
pub use credentials::ProxyCredentials;
pub(super) use destination::Destination;

/// The longest proxy address read, in bytes.
const MAX_ADDRESS: usize = 4096;

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyScheme {
    /// HTTP `CONNECT`. `http://`, or no scheme; port 80 by default.
    Http,
    /// HTTP `CONNECT` over TLS to the proxy. `https://`; port 443 by default. The proxy's
    /// certificate is judged as that of a tunnel service is.
    Https,
    /// SOCKS version 5. `socks5://` or `socks5h://`, which mean the same here: the proxy
    /// resolves the name. Port 1080 by default.
    Socks5,
}

impl ProxyScheme {
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 => 1080,
        }
    }
}

/// A proxy through which tunnel services are reached, for
/// [`WebSocketDialerBuilder::proxy`](super::WebSocketDialerBuilder::proxy).
///
/// It is read from an address, `scheme://user:password@host:port`, of which all but the
/// host may be missing. What stands behind the port is not used. `%` begins an encoded
/// byte in user name and password. [`Self::from_environment`] reads what other
/// programs on the system use.
///
/// ```
/// use fido_hybrid::tunnel::{Proxy, ProxyCredentials, WebSocketDialer};
///
/// # fn main() -> Result<(), fido_hybrid::Error> {
/// let proxy: Proxy = "http://proxy.example:3128".parse()?;
/// let proxy = proxy
///     .credentials(ProxyCredentials::new("alice", "secret".to_owned())?)
///     .bypass("tunnel.example, 10.0.0.0/8")?;
/// # #[cfg(feature = "tls-aws-lc-rs")]
/// let dialer = WebSocketDialer::builder().proxy(proxy).build()?;
/// # Ok(())
/// # }
/// ```
///
/// `Debug` prints neither user name nor password.
#[derive(Clone)]
pub struct Proxy {
    scheme: ProxyScheme,
    host: String,
    port: u16,
    credentials: Option<ProxyCredentials>,
    authenticator: Option<Arc<dyn ProxyAuthenticator>>,
    bypass: Bypass,
}

impl Proxy {
    /// Authenticates with this user name and password, in place of those in the
    /// address: by HTTP's `Basic`, or as SOCKS5 does. They are sent at once, without
    /// waiting for a challenge, and in clear unless the scheme is `https`.
    #[must_use]
    pub fn credentials(mut self, credentials: ProxyCredentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Answers the challenges of an HTTP proxy by the program's own means: Negotiate,
    /// NTLM, Digest. Without credentials, the first request has no `Proxy-Authorization`.
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl ProxyAuthenticator + 'static) -> Self {
        self.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// Reaches these tunnel services without the proxy, in place of an earlier list.
    /// The list is that of `NO_PROXY`, separated by commas or white space:
    ///
    /// | entry | bypasses the proxy for |
    /// |---|---|
    /// | `example.com`, `.example.com`, `*.example.com` | this name and all names below it |
    /// | `example.com:8443` | the same, on this port |
    /// | `10.0.0.0/8`, `fd00::/8`, `192.0.2.1`, `[::1]:443` | addresses that [`resolve`](super::WebSocketDialerBuilder::resolve) gives: the proxy resolves all other names |
    /// | `*` | everything |
    ///
    /// # Errors
    /// [`ProxyError::Address`] if the list is longer than 64 KiB.
    pub fn bypass(mut self, list: &str) -> Result<Self, ProxyError> {
        self.bypass = Bypass::new(list).map_err(ProxyError::Address)?;
        Ok(self)
    }

    /// How the proxy is spoken to.
    #[must_use]
    pub const fn scheme(&self) -> ProxyScheme {
        self.scheme
    }

    /// The proxy's name in lower case, or its IP address without brackets, and its port.
    #[must_use]
    pub fn host_and_port(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    pub(super) const fn given_credentials(&self) -> Option<&ProxyCredentials> {
        self.credentials.as_ref()
    }

    pub(super) fn given_authenticator(&self) -> Option<&dyn ProxyAuthenticator> {
        self.authenticator.as_deref()
    }

    /// Whether this name or address, IPv6 without brackets, is reached directly.
    pub(super) fn is_bypassed(&self, host: &str, port: u16) -> bool {
        self.bypass.contains(host, port)
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_ADDRESS {
            return Err("it is too long");
        }
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            None => (ProxyScheme::Http, text),
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "http" => (ProxyScheme::Http, rest),
                "https" => (ProxyScheme::Https, rest),
                "socks5" | "socks5h" => (ProxyScheme::Socks5, rest),
                _ => return Err("its scheme is not http, https, socks5 or socks5h"),
            },
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        // Credentials are taken off first, so that no other parser copies them.
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((credentials, place)) => (Some(decoded(credentials)?), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place)?;
        let port = port.unwrap_or(scheme.default_port());
        let (authenticator, bypass) = (None, Bypass::default());
        Ok(Self { scheme, host, port, credentials, authenticator, bypass })
    }
}

impl FromStr for Proxy {
    type Err = ProxyError;

    /// # Errors
    /// [`ProxyError::Address`] tells what is wrong.
    fn from_str(text: &str) -> Result<Self, ProxyError> {
        Self::parse(text).map_err(ProxyError::Address)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("scheme", &self.scheme)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("credentials", &self.credentials.is_some())
            .field("authenticator", &self.authenticator.is_some())
            .finish_non_exhaustive()
    }
}

fn decoded(credentials: &str) -> Result<ProxyCredentials, &'static str> {
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    ProxyCredentials::from_bytes(decoded_part(user), decoded_part(password))
}

fn decoded_part(text: &str) -> SecretBytes {
    // With all its room at once: a vector that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend(percent_decode_str(text));
    SecretBytes::new(bytes)
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>), &'static str> {
    let uri = place.parse::<Uri>().map_err(|_| "it has no valid host")?;
    let authority = uri.authority().ok_or("it has no host")?;
    let host = authority.host();
    let port = match authority.as_str().strip_prefix(host) {
        Some("") => None,
        Some(port) => {
            let port = port.strip_prefix(':').and_then(|port| port.parse().ok());
            Some(port.filter(|port| *port != 0).ok_or("its port is not a number up to 65535")?)
        }
        None => return Err("it has no valid host"),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let host = bare.to_ascii_lowercase();
    if host.parse::<IpAddr>().is_err() && DnsName::try_from(host.as_str()).is_err() {
        return Err("it has no valid host");
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (ProxyScheme, String, u16) {
        let proxy: Proxy = text.parse().unwrap();
        (proxy.scheme, proxy.host, proxy.port)
    }

    #[test]
    fn all_but_the_host_may_be_missing() {
        use ProxyScheme::{Http, Https, Socks5};
        for (text, scheme, host, port) in [
            ("proxy.example", Http, "proxy.example", 80),
            ("proxy.example:3128", Http, "proxy.example", 3128),
            ("alice:secret@proxy.example:3128", Http, "proxy.example", 3128),
            ("http://Proxy.Example", Http, "proxy.example", 80),
            (" HTTP://proxy.example:3128/ ", Http, "proxy.example", 3128),
            ("https://proxy.example/a?b#c", Https, "proxy.example", 443),
            ("socks5://127.0.0.1", Socks5, "127.0.0.1", 1080),
            ("socks5h://[::1]:9050", Socks5, "::1", 9050),
        ] {
            assert_eq!(parsed(text), (scheme, host.to_owned(), port), "{text}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_not_shown() {
        let proxy: Proxy = "http://al%69ce:p%40ss@proxy.example".parse().unwrap();
        let given = proxy.given_credentials().unwrap();
        assert_eq!(given.user(), b"alice");
        assert_eq!(given.password(), b"p@ss");
        let shown = format!("{proxy:?} {given:?}");
        for secret in ["alice", "p@ss", "p%40ss"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason_and_without_the_text() {
        for (text, reason) in [
            ("", "it has no valid host"),
            ("http://", "it has no valid host"),
            ("http://:3128", "it has no valid host"),
            ("http://two words", "it has no valid host"),
            ("http://proxy_example..", "it has no valid host"),
            ("http://proxy.example:0", "its port is not a number up to 65535"),
            ("http://proxy.example:99999", "its port is not a number up to 65535"),
            ("http://proxy.example:", "its port is not a number up to 65535"),
            ("socks4://proxy.example", "its scheme is not http, https, socks5 or socks5h"),
            ("ftp://proxy.example", "its scheme is not http, https, socks5 or socks5h"),
            ("http://a%3Ab:c@proxy.example", "its user name contains a colon"),
            ("http://a:b%0d%0a@proxy.example", "its credentials contain a control character"),
        ] {
            match text.parse::<Proxy>() {
                Err(ProxyError::Address(told)) => assert_eq!(told, reason, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
        let long = format!("http://{}", "a".repeat(MAX_ADDRESS));
        assert!(matches!(long.parse::<Proxy>(), Err(ProxyError::Address("it is too long"))));
    }
}
