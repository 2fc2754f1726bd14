//! `appid` and `appidExclude`, by which older security keys are found [WebAuthn L3 §10.1.1,
//! §10.1.2]: whether the caller may use the application id.
//!
//! Browsers compare domains, and none fetches the list of facets that FIDO AppID describes.
//! So does this crate:
//!
//! ```text
//! caller   https://login.example.co.uk
//! appid    (empty)                              yes: the origin itself
//!          https://example.co.uk/app-id.json    yes: the same registrable domain
//!          https://example.org/app-id.json      no
//!          http://example.co.uk/                no
//! ```
//!
//! No key of that kind is on a phone: nothing is sent.

use super::caller::Caller;
use super::origin::Origin;
use super::rp_id::{PublicSuffixes, registrable};
use crate::error::{OptionsError, OriginError};

/// The two that browsers let `google.com` use, from which many keys are.
const GSTATIC: [&str; 2] = [
    "https://www.gstatic.com/securitykey/origins.json",
    "https://www.gstatic.com/securitykey/a/google.com/origins.json",
];

/// Checks that the caller may use `app_id`. `member` is the name of the extension.
pub(super) fn check(
    member: &'static str,
    app_id: &str,
    caller: &Caller,
    suffixes: &dyn PublicSuffixes,
) -> Result<(), OptionsError> {
    // A program that brings a hash alone has checked its caller, as it did for the RP ID.
    if caller.origin().is_empty() {
        return Ok(());
    }
    let refused = OptionsError::AppId(member);
    let url = if app_id.is_empty() { caller.origin() } else { app_id };
    let target = Origin::from_url(url).map_err(|error| match error {
        // Another scheme is one that no security key has.
        OriginError::Scheme if has_scheme(url) => refused,
        _ => OptionsError::Url(member),
    })?;
    let Ok(asker) = Origin::parse(caller.origin()) else { return Err(refused) };
    let is_https = |origin: &Origin| origin.as_str().starts_with("https:");
    if !is_https(&target) || !is_https(&asker) {
        return Err(refused);
    }
    let domain = registrable(asker.host(), suffixes);
    let is_same = asker.host() == target.host()
        || domain.is_some() && domain == registrable(target.host(), suffixes);
    let is_google = domain == Some("google.com") && GSTATIC.contains(&app_id);
    if is_same || is_google { Ok(()) } else { Err(refused) }
}

/// Whether a text begins as URLs do.
fn has_scheme(text: &str) -> bool {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(is_rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webauthn::rp_id::BuiltInSuffixes;

    const MEMBER: &str = "extensions.appid";

    fn judged(origin: &str, app_id: &str) -> Result<(), OptionsError> {
        let caller = Caller::page(Origin::parse(origin).unwrap());
        check(MEMBER, app_id, &caller, &BuiltInSuffixes)
    }

    #[test]
    fn an_application_id_is_used_within_its_registrable_domain() {
        for (origin, app_id) in [
            ("https://example.com", ""),
            ("https://example.com", "https://example.com/app-id.json?x#y"),
            ("https://login.example.co.uk:8443", "https://example.co.uk"),
            ("https://example.co.uk", "https://a.b.example.co.uk/"),
            ("https://localhost", "https://localhost/"),
            ("https://accounts.google.com", GSTATIC[0]),
            ("https://google.com", GSTATIC[1]),
        ] {
            assert_eq!(judged(origin, app_id), Ok(()), "{origin} {app_id}");
        }
    }

    #[test]
    fn another_application_id_is_refused() {
        for (origin, app_id) in [
            ("https://example.com", "https://example.org/"),
            ("https://example.com", "https://evilexample.com"),
            ("https://a.co.uk", "https://b.co.uk/"),
            ("https://me.github.io", "https://you.github.io/"),
            ("https://example.com", "http://example.com/"),
            ("https://example.com", "ftp://example.com/"),
            ("https://example.com", "android:apk-key-hash:AAAA"),
            ("https://example.com", "mailto:ada"),
            ("https://example.com", GSTATIC[0]),
            ("https://google.com.evil.example", GSTATIC[0]),
            ("http://localhost:8080", ""),
            ("http://localhost:8080", "https://localhost/"),
        ] {
            let refused = Err(OptionsError::AppId(MEMBER));
            assert_eq!(judged(origin, app_id), refused, "{origin} {app_id}");
        }
    }

    #[test]
    fn what_is_not_a_url_is_told_apart() {
        for app_id in ["example.com", " ", "://", "https://", "https://a b/", "1https://a.example"]
        {
            let refused = Err(OptionsError::Url(MEMBER));
            assert_eq!(judged("https://example.com", app_id), refused, "{app_id}");
        }
    }

    #[test]
    fn an_app_has_no_application_id() {
        let caller = Caller::android_app(&[1; 32], "example.com").unwrap();
        for app_id in ["", "https://example.com/"] {
            let judged = check(MEMBER, app_id, &caller, &BuiltInSuffixes);
            assert_eq!(judged, Err(OptionsError::AppId(MEMBER)));
        }
    }
}
