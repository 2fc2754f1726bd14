//! The origin that asks ([HTML §7.1.1], "serialization of an origin";
//! [RFC 6454 §6.2]).
//!
//! ```text
//! https://host[:port]     http://localhost[:port]     http://name.localhost[:port]
//! ```
//!
//! `localhost` and the names below it never leave the machine
//! [RFC 6761 §6.3], so browsers trust them without TLS [Secure Contexts §3.1].
//!
//! The text goes into the client data as it is, and the relying party compares it with
//! its own, byte for byte. So only the one spelling that browsers use is taken:
//! no path, not even a `/` at the end, no default port, lower case. A text that
//! has to be repaired first is refused. A program that has a URL takes
//! [`Origin::from_url`].

use std::fmt;
use std::str::FromStr;

use super::domain;
use crate::error::OriginError;

/// The origin that asks, spelled as in client data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    text: String,
    host: String,
}

impl Origin {
    /// Takes an origin in its exact spelling: `https://example.com`. For what a person
    /// typed, and for `https://example.com/`, use [`from_url`](Self::from_url).
    ///
    /// # Errors
    /// An [`OriginError`] that says which part is not as it must be.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let (rest, default_port) = match text.split_once("://") {
            Some(("https", rest)) => (rest, 443),
            Some(("http", rest)) => (rest, 80),
            _ => return Err(OriginError::Scheme),
        };
        if rest.contains(['/', '\\', '?', '#', '@']) {
            return Err(OriginError::NotOnlyOrigin);
        }
        let (host, port) = match rest.split_once(':') {
            // An IPv6 address has colons of its own.
            Some((host, port)) if !host.starts_with('[') => (host, Some(port)),
            _ => (rest, None),
        };
        domain::check(host).map_err(OriginError::Host)?;
        if default_port == 80 && !domain::is_local(host) {
            return Err(OriginError::Scheme);
        }
        if let Some(port) = port {
            let plain = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
            let number: u16 = port.parse().map_err(|_| OriginError::Port)?;
            if !plain {
                return Err(OriginError::Port);
            }
            if number == default_port {
                return Err(OriginError::DefaultPort);
            }
        }
        Ok(Self { text: text.to_owned(), host: host.to_owned() })
    }

    /// Takes the origin of a URL, written as a URL library or a web view writes it: path,
    /// query, fragment and the scheme's own port are left out.
    ///
    /// ```
    /// # use fido_hybrid_proto::webauthn::Origin;
    /// let origin = Origin::from_url("https://login.example.com/sign-in?user=1#form")?;
    /// assert_eq!(origin.as_str(), "https://login.example.com");
    /// # Ok::<(), fido_hybrid_proto::error::OriginError>(())
    /// ```
    ///
    /// The host must be in the form that origins have. A URL library brings it there; this
    /// function does not, since two ways to convert are two ways to disagree about who
    /// asks.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse), without [`OriginError::DefaultPort`]. A URL with
    /// user information (`https://name@host/`) is [`OriginError::NotOnlyOrigin`]: people
    /// and programs take the name for the host.
    pub fn from_url(url: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = url.split_once("://").ok_or(OriginError::Scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or(rest);
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        let without_port = authority.strip_suffix(default_port);
        let authority = without_port.filter(|host| !host.contains(':')).unwrap_or(authority);
        Self::parse(&format!("{scheme}://{authority}"))
    }

    /// The whole origin: scheme, host, and the port if it is not the scheme's own.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, which is also the RP ID of options without one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::parse(text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DomainError;

    #[test]
    fn origins_stay_as_they_are_spelled() {
        for (text, host) in [
            ("https://example.com", "example.com"),
            ("https://login.microsoft.com", "login.microsoft.com"),
            ("https://example.com:8443", "example.com"),
            ("https://example.com:80", "example.com"),
            ("https://localhost", "localhost"),
            ("http://localhost", "localhost"),
            ("http://localhost:8080", "localhost"),
            ("http://app.localhost:3000", "app.localhost"),
            ("http://a.b.localhost", "a.b.localhost"),
            ("https://app.localhost", "app.localhost"),
        ] {
            let origin: Origin = text.parse().unwrap();
            assert_eq!((origin.as_str(), origin.host()), (text, host));
            assert_eq!(origin.to_string(), text);
        }
    }

    #[test]
    fn other_schemes_are_no_secure_context() {
        for text in [
            "example.com",
            "http://example.com",
            "http://localhost.example.com",
            "http://notlocalhost",
            "http://localhost2",
            "HTTPS://example.com",
            "ftp://example.com",
            "null",
            "",
            "https:example.com",
            " https://example.com",
        ] {
            assert_eq!(Origin::parse(text), Err(OriginError::Scheme), "{text}");
        }
    }

    #[test]
    fn what_is_more_than_an_origin_is_refused() {
        for text in [
            "https://example.com/",
            "https://example.com/path",
            "https://example.com?query",
            "https://example.com#fragment",
            "https://user@example.com",
            "https://user:pass@example.com",
            "https://example.com\\@evil.example",
        ] {
            assert_eq!(Origin::parse(text), Err(OriginError::NotOnlyOrigin), "{text}");
        }
    }

    #[test]
    fn hosts_must_be_names_in_the_form_of_origins() {
        for (text, error) in [
            ("https://", DomainError::Syntax),
            ("https://:8443", DomainError::Syntax),
            ("https://exa mple.com", DomainError::Syntax),
            ("https://Example.com", DomainError::NotCanonical),
            ("https://example.com.", DomainError::NotCanonical),
            ("https://192.0.2.1", DomainError::IpAddress),
            ("https://192.0.2.1:8443", DomainError::IpAddress),
            ("https://[2001:db8::1]", DomainError::IpAddress),
            ("https://[2001:db8::1]:8443", DomainError::IpAddress),
            ("http://127.0.0.1", DomainError::IpAddress),
            ("http://.localhost", DomainError::Syntax),
            ("http://app.localhost.", DomainError::NotCanonical),
        ] {
            assert_eq!(Origin::parse(text), Err(OriginError::Host(error)), "{text}");
        }
    }

    #[test]
    fn a_url_gives_its_origin() {
        for (url, origin) in [
            // What `url::Url` prints.
            ("https://example.com/", "https://example.com"),
            ("https://example.com:8443/", "https://example.com:8443"),
            ("https://example.com/a/b?c=d#e", "https://example.com"),
            ("https://example.com/?next=https://other.example/", "https://example.com"),
            ("https://example.com/a@b:443", "https://example.com"),
            ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example"),
            ("http://localhost:8080/app", "http://localhost:8080"),
            // What others print.
            ("https://example.com", "https://example.com"),
            ("https://example.com?a", "https://example.com"),
            ("https://example.com#a", "https://example.com"),
            ("https://example.com:443/", "https://example.com"),
            ("http://localhost:80/", "http://localhost"),
            ("https://example.com:80/", "https://example.com:80"),
        ] {
            let read = Origin::from_url(url).unwrap();
            assert_eq!(read, Origin::parse(origin).unwrap(), "{url}");
        }
    }

    #[test]
    fn a_url_without_a_secure_or_clear_origin_is_refused() {
        use DomainError::{IpAddress, NotCanonical, Syntax};
        for (url, error) in [
            ("http://example.com/", OriginError::Scheme),
            ("HTTPS://example.com/", OriginError::Scheme),
            ("blob:https://example.com/1", OriginError::Scheme),
            ("file:///etc", OriginError::Scheme),
            ("about:blank", OriginError::Scheme),
            ("data:text/plain,https://example.com/", OriginError::Scheme),
            ("", OriginError::Scheme),
            ("https://user@example.com/", OriginError::NotOnlyOrigin),
            ("https://example.com:443@evil.example/", OriginError::NotOnlyOrigin),
            ("https://example.com\\@evil.example/", OriginError::NotOnlyOrigin),
            ("https:///example.com", OriginError::Host(Syntax)),
            ("https://exa\tmple.com/", OriginError::Host(Syntax)),
            ("https://Example.com/", OriginError::Host(NotCanonical)),
            ("https://bücher.example/", OriginError::Host(NotCanonical)),
            ("https://192.0.2.1/", OriginError::Host(IpAddress)),
            ("https://[2001:db8::1]/", OriginError::Host(IpAddress)),
            ("https://example.com:0/", OriginError::Port),
            ("https://example.com:/", OriginError::Port),
            ("https://example.com:443:443/", OriginError::Port),
        ] {
            assert_eq!(Origin::from_url(url), Err(error), "{url}");
        }
    }

    #[test]
    fn ports_are_plain_numbers_and_not_the_schemes_own() {
        for port in ["", "0", "08443", "+8443", "65536", "http", "1:2", "8443 "] {
            let text = format!("https://example.com:{port}");
            assert_eq!(Origin::parse(&text), Err(OriginError::Port), "{text}");
        }
        assert_eq!(Origin::parse("https://example.com:443"), Err(OriginError::DefaultPort));
        assert_eq!(Origin::parse("http://localhost:80"), Err(OriginError::DefaultPort));
        assert_eq!(Origin::parse("http://app.localhost:80"), Err(OriginError::DefaultPort));
    }
}
