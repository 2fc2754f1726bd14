//! Related origins: a relying party lists the origins outside of its domain that may use
//! its RP ID [WebAuthn L3 §5.11].
//!
//! ```text
//! https://example.de asks with RP ID example.com
//!   GET https://example.com/.well-known/webauthn
//!   {"origins": ["https://example.de", "https://example.co.uk", "https://shop.test"]}
//!               └ label: example       └ again example         └ shop: the second label
//! ```
//!
//! The order of the list matters: clients read it up to the fifth *label*, the name
//! that was registered without its public suffix, and after that only origins with a
//! label that they have counted [WebAuthn L3 §5.11.1]. So no list hands an RP ID to all
//! of the web.
//!
//! There is no I/O here: [`RelatedOriginsRequest`] has the address and reads the answer,
//! and `Client::check_caller` fetches it.
//!
//! **Deviation.** An RP ID that is a public suffix, or `localhost` and the names below
//! it, is refused without a request. The first is no relying party's alone, and the second
//! would send the request to this machine.

use serde::Deserialize;

use super::domain;
use super::origin::Origin;
use super::rp_id::{PublicSuffixes, RpId, registrable};
use crate::error::{MAX_RELATED_ORIGINS, RelatedOriginsError, RpIdError};

/// The labels that are read of a list, with which all clients must come along
/// [WebAuthn L3 §5.11].
pub const MAX_RELATED_LABELS: usize = 5;

/// Where the list is, below the RP ID's origin.
const PATH: &str = "/.well-known/webauthn";

/// The content type of the list [WebAuthn L3 §5.11].
const CONTENT_TYPE: &str = "application/json";

/// Schemes of URLs that have a domain, with their own ports (URL standard, "special scheme").
const SCHEMES: [(&str, u16); 5] =
    [("https", 443), ("http", 80), ("wss", 443), ("ws", 80), ("ftp", 21)];

/// A list of related origins that must be fetched before an origin may use an RP ID.
///
/// ```
/// use fido_hybrid_proto::webauthn::{BuiltInSuffixes, Caller, Origin, RequestOptions};
///
/// # fn fetch(url: String) -> (u16, Option<String>, Vec<u8>) {
/// #     assert_eq!(url, "https://example.com/.well-known/webauthn");
/// #     (200, Some("application/json".into()), br#"{"origins":["https://example.de"]}"#.into())
/// # }
/// let options = RequestOptions::from_json(r#"{"challenge": "AAECAw", "rpId": "example.com"}"#)?;
/// let mut caller = Caller::page(Origin::parse("https://example.de")?);
///
/// let list = &BuiltInSuffixes;
/// if let Some(request) = caller.related_origins(options.rp_id.as_deref(), list)? {
///     let (status, content_type, body) = fetch(request.url()); // GET, by the program
///     let related = request.read(status, content_type.as_deref(), &body)?;
///     caller = caller.with_related(&related, list)?;
/// }
/// let prepared = options.prepare(caller)?;
/// # assert_eq!(prepared.rp_id(), "example.com");
/// # Ok::<(), fido_hybrid_proto::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedOriginsRequest {
    rp_id: RpId,
}

impl RelatedOriginsRequest {
    /// For an RP ID that the asking origin may not use by itself.
    ///
    /// # Errors
    /// [`RpIdError`] if no list can allow it.
    pub(super) fn new(rp_id: &str, suffixes: &dyn PublicSuffixes) -> Result<Self, RpIdError> {
        domain::check(rp_id).map_err(RpIdError::Domain)?;
        if suffixes.public_suffix(rp_id) == rp_id {
            return Err(RpIdError::PublicSuffix);
        }
        if domain::is_local(rp_id) {
            return Err(RpIdError::OtherDomain);
        }
        Ok(Self { rp_id: RpId::vouched(rp_id) })
    }

    /// The RP ID that is asked for.
    #[must_use]
    pub const fn rp_id(&self) -> &RpId {
        &self.rp_id
    }

    /// The address of the list: `https://<RP ID>/.well-known/webauthn`.
    ///
    /// The request is a GET without cookies or other credentials and without a referrer.
    /// Redirects are followed to https addresses only [WebAuthn L3 §5.11].
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}{PATH}", self.rp_id)
    }

    /// Reads the last answer: its HTTP status, its `Content-Type`, and its body.
    ///
    /// # Errors
    /// [`RelatedOriginsError::Status`], [`ContentType`](RelatedOriginsError::ContentType),
    /// [`TooLong`](RelatedOriginsError::TooLong) or [`Json`](RelatedOriginsError::Json).
    pub fn read(
        &self,
        status: u16,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<RelatedOrigins, RelatedOriginsError> {
        if status != 200 {
            return Err(RelatedOriginsError::Status(status));
        }
        if !content_type.is_some_and(is_json) {
            return Err(RelatedOriginsError::ContentType);
        }
        if body.len() > MAX_RELATED_ORIGINS {
            return Err(RelatedOriginsError::TooLong);
        }
        let List { origins } = parse(body)?;
        Ok(RelatedOrigins { rp_id: self.rp_id.clone(), origins })
    }
}

/// A relying party's list of related origins. [`Caller::with_related`] reads it.
///
/// [`Caller::with_related`]: super::Caller::with_related
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedOrigins {
    rp_id: RpId,
    origins: Vec<String>,
}

impl RelatedOrigins {
    /// The RP ID whose list it is.
    #[must_use]
    pub const fn rp_id(&self) -> &RpId {
        &self.rp_id
    }

    /// Whether `origin` is among the related ones, by the procedure of
    /// [WebAuthn L3 §5.11.1].
    ///
    /// # Errors
    /// [`RelatedOriginsError::NotListed`] if not, and
    /// [`RelatedOriginsError::TooManyLabels`] if it is listed behind more than
    /// [`MAX_RELATED_LABELS`] other labels.
    pub fn check(
        &self,
        origin: &Origin,
        suffixes: &dyn PublicSuffixes,
    ) -> Result<(), RelatedOriginsError> {
        let mut labels = Vec::with_capacity(MAX_RELATED_LABELS);
        let mut is_behind = false;
        for item in &self.origins {
            let Some(listed) = Listed::parse(item) else { continue };
            let Some(label) = registrable_label(&listed.host, suffixes) else { continue };
            let is_same = listed.origin() == origin.as_str();
            if !labels.iter().any(|seen| seen == label) {
                if labels.len() >= MAX_RELATED_LABELS {
                    is_behind |= is_same;
                    continue;
                }
                labels.push(label.to_owned());
            }
            if is_same {
                return Ok(());
            }
        }
        Err(if is_behind {
            RelatedOriginsError::TooManyLabels
        } else {
            RelatedOriginsError::NotListed
        })
    }
}

/// The JSON. Of other members nothing is read; one with the same name twice is refused.
#[derive(Deserialize)]
struct List {
    origins: Vec<String>,
}

fn parse(body: &[u8]) -> Result<List, RelatedOriginsError> {
    // A byte order mark is no part of the text (Encoding standard, "UTF-8 decode").
    let json = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // An array would be read as the members in order.
    if json.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(RelatedOriginsError::Json);
    }
    serde_json::from_slice(json).map_err(|_| RelatedOriginsError::Json)
}

/// Whether a `Content-Type` is that of the list, whatever its parameters.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    let is_space = |character| matches!(character, ' ' | '\t' | '\r' | '\n');
    essence.trim_matches(is_space).eq_ignore_ascii_case(CONTENT_TYPE)
}

/// The origin in an element of a list. Relying parties write URLs there, which browsers
/// parse: with a `/` at the end, in upper case, with the scheme's own port.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    scheme: &'static str,
    host: String,
    port: Option<u16>,
}

impl Listed {
    /// `None` for what has no domain, and is skipped [WebAuthn L3 §5.11.1].
    fn parse(item: &str) -> Option<Self> {
        let item = item.trim_matches(|character: char| character <= ' ');
        let (scheme, rest) = item.split_once("://")?;
        let mut known = SCHEMES.iter();
        let (scheme, own_port) = known.find(|(known, _)| scheme.eq_ignore_ascii_case(known))?;
        let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match authority.split_once(':') {
            Some((host, "")) => (host, None),
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host, Some(port.parse().ok()?))
            }
            Some(_) => return None,
            None => (authority, None),
        };
        let host = host.to_ascii_lowercase();
        domain::check(&host).ok()?;
        Some(Self { scheme, host, port: port.filter(|port| port != own_port) })
    }

    /// As an [`Origin`] is spelled.
    fn origin(&self) -> String {
        let Self { scheme, host, port } = self;
        match port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }
}

/// The first label of the registrable domain: `example` of `www.example.co.uk`
/// [WebAuthn L3 §5.11.1]. `None` for what is a public suffix itself.
fn registrable_label<'a>(host: &'a str, suffixes: &dyn PublicSuffixes) -> Option<&'a str> {
    registrable(host, suffixes)?.split('.').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DomainError;
    use crate::webauthn::{BuiltInSuffixes, Caller};

    fn request() -> RelatedOriginsRequest {
        RelatedOriginsRequest::new("example.com", &BuiltInSuffixes).unwrap()
    }

    fn read(body: &str) -> Result<RelatedOrigins, RelatedOriginsError> {
        request().read(200, Some("application/json"), body.as_bytes())
    }

    fn check(asking: &str, origins: &[&str]) -> Result<(), RelatedOriginsError> {
        let body = serde_json::json!({ "origins": origins }).to_string();
        read(&body).unwrap().check(&Origin::parse(asking).unwrap(), &BuiltInSuffixes)
    }

    #[test]
    fn chromiums_cases_have_its_results() {
        const OK: &str = "ok";
        const JSON: &str = "Json";
        const NO: &str = "NotListed";
        const BEHIND: &str = "TooManyLabels";
        let origin = Origin::parse("https://foo.com").unwrap();
        for (json, expected) in [
            (r#"[]"#, JSON),
            (r#"{}"#, JSON),
            (r#"{"foo": "bar"}"#, JSON),
            (r#"{"origins": "bar"}"#, JSON),
            (r#"{"origins": []}"#, NO),
            (r#"{"origins": [1]}"#, JSON),
            (r#"{"origins": ["https://foo.com"]}"#, OK),
            (r#"{"origins": ["https://foo2.com"]}"#, NO),
            (r#"{"origins": ["https://com"]}"#, NO),
            (r#"{"origins": ["other://foo.com"]}"#, NO),
            (
                r#"{"origins": ["https://a.com","https://b.com","https://c.com","https://d.com","https://foo.com"]}"#,
                OK,
            ),
            (
                r#"{"origins": ["https://a.com","https://b.com","https://c.com","https://d.com","https://e.com","https://foo.com"]}"#,
                BEHIND,
            ),
            (
                r#"{"origins": ["https://a.com","https://b.com","https://c.com","https://d.com","https://foo.com","https://e.com"]}"#,
                OK,
            ),
            (
                r#"{"origins": ["https://foo.co.uk","https://foo.de","https://foo.in","https://foo.net","https://foo.org","https://foo.com"]}"#,
                OK,
            ),
        ] {
            let outcome = read(json).and_then(|list| list.check(&origin, &BuiltInSuffixes));
            let outcome = outcome.map_or_else(|error| format!("{error:?}"), |()| OK.to_owned());
            assert_eq!(outcome, expected, "{json}");
        }
    }

    #[test]
    fn elements_are_read_as_urls() {
        for listed in [
            "https://foo.com",
            "https://foo.com/",
            "HTTPS://Foo.COM",
            "https://foo.com:443",
            "https://foo.com:/",
            "https://foo.com/path?query#fragment",
            "https://name@foo.com",
            " https://foo.com\n",
        ] {
            assert!(check("https://foo.com", &[listed]).is_ok(), "{listed}");
        }
        for listed in [
            "foo.com",
            "http://foo.com",
            "wss://foo.com",
            "https://foo.com:8443",
            "https://www.foo.com",
            "https://foo.com.",
            "https://foo.com@evil.example",
            "https://foo.com:x",
            "https://foo.com:99999",
            "https://evil.example/https://foo.com",
            "https://foo.com%00.evil.example",
            "https://*.com",
            "https://",
            "",
        ] {
            let outcome = check("https://foo.com", &[listed]);
            assert!(matches!(outcome, Err(RelatedOriginsError::NotListed)), "{listed}");
        }
        assert!(check("https://foo.com:8443", &["https://foo.com:8443"]).is_ok());
        assert!(check("https://foo.com:8443", &["https://foo.com"]).is_err());
    }

    #[test]
    fn a_label_counts_once_and_what_has_no_domain_not_at_all() {
        let four = ["https://a.com", "http://b.com", "wss://c.com", "https://www.d.co.uk"];
        let list = |more: &[&'static str]| [&four[..], more, &["https://foo.com"]].concat();
        for more in [
            &["https://x.a.org", "https://b.github.io", "https://c.test:1", "https://d.de"][..],
            &[
                "other://e.com",
                "https://192.0.2.1",
                "https://com",
                "https://localhost",
                "",
                "e.com",
            ],
        ] {
            assert!(check("https://foo.com", &list(more)).is_ok(), "{more:?}");
        }
        let behind = check("https://foo.com", &list(&["https://e.com"]));
        assert!(matches!(behind, Err(RelatedOriginsError::TooManyLabels)));
        // The sixth label is not read, but what comes after it with an early one is.
        let again = ["https://e.com", "https://f.com", "https://a.net"];
        assert!(check("https://a.net", &[&four[..], &again].concat()).is_ok());
        let unlisted = check("https://g.com", &[&four[..], &again].concat());
        assert!(matches!(unlisted, Err(RelatedOriginsError::NotListed)));
    }

    #[test]
    fn answers_of_another_kind_are_refused() {
        let body = br#"{"origins": ["https://foo.com"]}"#;
        let read = |status, content_type| request().read(status, content_type, body);
        for content_type in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON;charset=utf-8",
            " application/json ; x",
        ] {
            assert!(read(200, Some(content_type)).is_ok(), "{content_type}");
        }
        for content_type in [
            None,
            Some(""),
            Some("text/html"),
            Some("text/json"),
            Some("application/json+x"),
            Some("x;application/json"),
        ] {
            let error = read(200, content_type).unwrap_err();
            assert!(matches!(error, RelatedOriginsError::ContentType), "{content_type:?}");
        }
        for status in [100, 201, 204, 206, 301, 304, 404, 500, 0] {
            let error = read(status, Some("application/json")).unwrap_err();
            assert!(matches!(error, RelatedOriginsError::Status(it) if it == status), "{status}");
        }
    }

    #[test]
    fn malformed_lists_are_refused() {
        for json in [
            "",
            " ",
            "null",
            "[[]]",
            r#"[["https://foo.com"]]"#,
            r#"{"origins": null}"#,
            r#"{"origins": {}}"#,
            r#"{"origins": ["https://foo.com", null]}"#,
            r#"{"origins": ["https://foo.com"], "origins": []}"#,
            r#"{"origins": ["https://foo.com"]} x"#,
            r#"{"origins": ["https://foo.com"],}"#,
            r#"{"Origins": ["https://foo.com"]}"#,
            r#"{"origins": ["\ud800"]}"#,
        ] {
            assert!(matches!(read(json), Err(RelatedOriginsError::Json)), "{json}");
        }
        let not_utf8 = request().read(200, Some("application/json"), b"{\"origins\": [\"\xff\"]}");
        assert!(matches!(not_utf8, Err(RelatedOriginsError::Json)));
        // Nesting takes no stack, where it is read and where it is skipped.
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(
            read(&format!(r#"{{"origins":{deep}}}"#)),
            Err(RelatedOriginsError::Json)
        ));
        assert!(read(&format!(r#"{{"a":{deep},"origins":[]}}"#)).is_ok());
        // Other members, and a byte order mark.
        assert!(read("\u{feff}{\"v\": {\"x\": 1}, \"origins\": [\"https://foo.com\"]}").is_ok());
    }

    #[test]
    fn a_list_has_a_limit_in_bytes() {
        let empty = r#"{"origins":[]}"#;
        let padded = format!("{empty}{}", " ".repeat(MAX_RELATED_ORIGINS - empty.len()));
        assert!(read(&padded).is_ok());
        assert!(matches!(read(&format!("{padded} ")), Err(RelatedOriginsError::TooLong)));
    }

    #[test]
    fn no_list_is_fetched_for_what_no_list_can_allow() {
        let request = |rp_id| RelatedOriginsRequest::new(rp_id, &BuiltInSuffixes);
        assert_eq!(
            request("example.com").unwrap().url(),
            "https://example.com/.well-known/webauthn"
        );
        for (rp_id, error) in [
            ("", RpIdError::Domain(DomainError::Syntax)),
            ("example.com:8443", RpIdError::Domain(DomainError::Syntax)),
            ("example.com/a", RpIdError::Domain(DomainError::Syntax)),
            ("user@example.com", RpIdError::Domain(DomainError::Syntax)),
            ("Example.com", RpIdError::Domain(DomainError::NotCanonical)),
            ("example.com.", RpIdError::Domain(DomainError::NotCanonical)),
            ("127.0.0.1", RpIdError::Domain(DomainError::IpAddress)),
            ("[::1]", RpIdError::Domain(DomainError::IpAddress)),
            ("com", RpIdError::PublicSuffix),
            ("github.io", RpIdError::PublicSuffix),
            ("intranet", RpIdError::PublicSuffix),
            ("localhost", RpIdError::PublicSuffix),
            ("app.localhost", RpIdError::OtherDomain),
            ("a.app.localhost", RpIdError::OtherDomain),
        ] {
            assert_eq!(request(rp_id), Err(error), "{rp_id}");
        }
    }

    #[test]
    fn a_list_allows_its_own_rp_id_alone() {
        let asking = Caller::page(Origin::parse("https://foo.de").unwrap());
        let suffixes = &BuiltInSuffixes;
        let request = asking.related_origins(Some("example.com"), suffixes).unwrap().unwrap();
        assert_eq!(request.rp_id().as_str(), "example.com");
        let body = br#"{"origins": ["https://foo.de"]}"#;
        let list = request.read(200, Some("application/json"), body).unwrap();
        let related = asking.clone().with_related(&list, suffixes).unwrap();
        assert_eq!(related.rp_id(Some("example.com"), suffixes).unwrap().as_str(), "example.com");
        assert_eq!(related.related_origins(Some("example.com"), suffixes), Ok(None));
        // What it may use anyway stays, and nothing else comes with it.
        assert_eq!(related.rp_id(None, suffixes).unwrap().as_str(), "foo.de");
        for other in ["www.example.com", "example.org", "com"] {
            assert!(related.rp_id(Some(other), suffixes).is_err(), "{other}");
        }
        let other = Caller::page(Origin::parse("https://bar.de").unwrap());
        assert!(other.with_related(&list, suffixes).is_err());
    }

    #[test]
    fn only_pages_and_frames_have_related_origins() {
        let suffixes = &BuiltInSuffixes;
        let origin = Origin::parse("https://foo.de").unwrap();
        let frame = Caller::frame(origin.clone(), None);
        assert!(frame.related_origins(Some("example.com"), suffixes).unwrap().is_some());
        let page = Caller::page(origin);
        for own in [None, Some("foo.de")] {
            assert_eq!(page.related_origins(own, suffixes), Ok(None));
        }
        let app = Caller::android_app(&[7; 32], "example.com").unwrap();
        assert_eq!(app.related_origins(Some("example.com"), suffixes), Ok(None));
        let refused = app.related_origins(Some("example.org"), suffixes);
        assert_eq!(refused, Err(RpIdError::OtherDomain));
    }
}
