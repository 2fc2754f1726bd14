//! The RP ID, and whether an origin may use it [WebAuthn L3 §5.1.3, step 8] (HTML, "is a
//! registrable domain suffix of or is equal to").
//!
//! ```text
//! origin  https://login.example.co.uk
//! RP ID           login.example.co.uk   yes: its host
//!                       example.co.uk   yes: a registrable suffix
//!                               co.uk   no:  a public suffix
//!                     n.example.co.uk   no:  not at a dot
//! ```
//!
//! This is where phishing ends: a passkey is bound to its RP ID, and no origin
//! outside the RP ID's domain gets a request past this check.
//!
//! The list of public suffixes is compiled in and grows old with the crate. A
//! program with a newer one gives it as [`PublicSuffixes`].

use std::fmt;

use psl::Psl as _;

use super::domain;
use super::origin::Origin;
use crate::error::RpIdError;

/// A list of the names under which all can register domains. `Client::public_suffixes`
/// and `prepare_with` take one.
pub trait PublicSuffixes {
    /// The public suffix of `domain`: `co.uk` of `example.co.uk`. For a domain
    /// under none that is known, its last label (publicsuffix.org, "the
    /// prevailing rule is *").
    fn public_suffix<'a>(&self, domain: &'a str) -> &'a str;
}

/// Mozilla's list, with its private section (`github.io`), as of the version
/// of the `psl` crate that is compiled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuiltInSuffixes;

impl PublicSuffixes for BuiltInSuffixes {
    fn public_suffix<'a>(&self, domain: &'a str) -> &'a str {
        let length = psl::List.suffix(domain.as_bytes()).map(|suffix| suffix.as_bytes().len());
        let start = length.and_then(|length| domain.len().checked_sub(length));
        // What is not found is public as a whole: nothing is allowed by mistake.
        start.and_then(|start| domain.get(start..)).unwrap_or(domain)
    }
}

/// The RP ID of a request, checked against the origin that asks.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RpId(String);

impl RpId {
    /// The RP ID `requested`, or the origin's host if `requested` is `None`.
    ///
    /// # Errors
    /// An [`RpIdError`] if the origin may not use it.
    pub fn for_origin(
        origin: &Origin,
        requested: Option<&str>,
        suffixes: &dyn PublicSuffixes,
    ) -> Result<Self, RpIdError> {
        let host = origin.host();
        let Some(id) = requested.filter(|id| *id != host) else {
            return Ok(Self(host.to_owned()));
        };
        domain::check(id).map_err(RpIdError::Domain)?;
        if !is_below(host, id) {
            return Err(RpIdError::OtherDomain);
        }
        // The host's own suffix: `example.co.uk` may not use `uk`, which is no public
        // suffix of its own in every list, nor `a.city.kobe.jp` `kobe.jp`, which has
        // only an exception to a wildcard (`!city.kobe.jp`) to make it one.
        let shared = suffixes.public_suffix(host);
        if suffixes.public_suffix(id) == id || shared == id || is_below(shared, id) {
            return Err(RpIdError::PublicSuffix);
        }
        Ok(Self(id.to_owned()))
    }

    /// The RP ID `id`, which the program says an app may use.
    pub(super) fn vouched(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// The RP ID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The registrable domain of `host`: its public suffix and one label more. `None`: `host`
/// is a public suffix.
pub(super) fn registrable<'a>(host: &'a str, suffixes: &dyn PublicSuffixes) -> Option<&'a str> {
    let above = host.strip_suffix(suffixes.public_suffix(host))?.strip_suffix('.')?;
    host.get(above.rfind('.').map_or(0, |dot| dot + 1)..)
}

fn is_below(domain: &str, parent: &str) -> bool {
    domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

impl fmt::Display for RpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RpId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DomainError;

    fn rp_id(host: &str, requested: &str) -> Result<String, RpIdError> {
        let origin = Origin::parse(&format!("https://{host}")).unwrap();
        RpId::for_origin(&origin, Some(requested), &BuiltInSuffixes).map(|id| id.to_string())
    }

    #[test]
    fn an_rp_that_names_none_gets_its_host() {
        let origin = Origin::parse("https://login.example.com:8443").unwrap();
        let id = RpId::for_origin(&origin, None, &BuiltInSuffixes).unwrap();
        assert_eq!(id.as_str(), "login.example.com");
    }

    #[test]
    fn the_host_and_registrable_suffixes_of_it_are_allowed() {
        for (host, id) in [
            ("example.com", "example.com"),
            ("login.example.com", "example.com"),
            ("a.b.example.co.uk", "example.co.uk"),
            ("a.b.example.co.uk", "b.example.co.uk"),
            ("login.microsoft.com", "login.microsoft.com"),
            ("me.github.io", "me.github.io"),
            ("www.me.github.io", "me.github.io"),
            ("localhost", "localhost"),
            // The host itself, whatever the list says of it.
            ("github.io", "github.io"),
            ("intranet", "intranet"),
            ("a.b.unlisted-tld", "b.unlisted-tld"),
        ] {
            assert_eq!(rp_id(host, id).as_deref(), Ok(id), "{host}");
        }
    }

    #[test]
    fn suffixes_are_cut_at_dots_only() {
        for (host, id) in [
            ("evilexample.com", "example.com"),
            ("example.com", "login.example.com"),
            ("example.com", "xample.com"),
            ("example.com.evil.net", "example.com"),
            ("example.com", "example.org"),
            ("mylocalhost", "localhost"),
        ] {
            assert_eq!(rp_id(host, id), Err(RpIdError::OtherDomain), "{host} {id}");
        }
    }

    #[test]
    fn public_suffixes_are_refused() {
        for (host, id) in [
            ("example.com", "com"),
            ("example.co.uk", "co.uk"),
            ("example.co.uk", "uk"),
            ("me.github.io", "github.io"),
            ("me.github.io", "io"),
            ("a.localhost", "localhost"),
            ("a.unlisted-tld", "unlisted-tld"),
            // In other scripts: 公司.cn, рф, and a city under a wildcard.
            ("a.xn--55qx5d.cn", "xn--55qx5d.cn"),
            ("a.xn--p1ai", "xn--p1ai"),
            ("a.b.kawasaki.jp", "b.kawasaki.jp"),
            ("a.city.kawasaki.jp", "kawasaki.jp"),
        ] {
            assert_eq!(rp_id(host, id), Err(RpIdError::PublicSuffix), "{host} {id}");
        }
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        for (id, error) in [
            ("", DomainError::Syntax),
            ("https://example.com", DomainError::Syntax),
            ("example.com:443", DomainError::Syntax),
            ("Example.com", DomainError::NotCanonical),
            ("example.com.", DomainError::NotCanonical),
            (".example.com", DomainError::Syntax),
            ("127.0.0.1", DomainError::IpAddress),
        ] {
            assert_eq!(rp_id("example.com", id), Err(RpIdError::Domain(error)), "{id}");
        }
    }

    #[test]
    fn the_list_can_be_another() {
        struct Corporate;
        impl PublicSuffixes for Corporate {
            fn public_suffix<'a>(&self, domain: &'a str) -> &'a str {
                let is_shared =
                    is_below(domain, "apps.example.com") || domain == "apps.example.com";
                if is_shared { "apps.example.com" } else { "com" }
            }
        }
        let origin = Origin::parse("https://one.apps.example.com").unwrap();
        for id in ["apps.example.com", "example.com"] {
            assert!(RpId::for_origin(&origin, Some(id), &BuiltInSuffixes).is_ok());
            assert_eq!(
                RpId::for_origin(&origin, Some(id), &Corporate),
                Err(RpIdError::PublicSuffix)
            );
        }
    }
}
