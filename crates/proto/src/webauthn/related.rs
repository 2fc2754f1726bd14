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

mod listed;

use serde::Deserialize;

use self::listed::Listed;
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

/// The first label of the registrable domain: `example` of `www.example.co.uk`
/// [WebAuthn L3 §5.11.1]. `None` for what is a public suffix itself.
fn registrable_label<'a>(host: &'a str, suffixes: &dyn PublicSuffixes) -> Option<&'a str> {
    registrable(host, suffixes)?.split('.').next()
}

#[cfg(test)]
mod tests;
