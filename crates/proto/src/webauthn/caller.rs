//! The caller of a ceremony, as client data tells the relying party
//! [WebAuthn L3 §5.8.1].
//!
//! ```text
//! page          origin: https://…                 crossOrigin: false
//! frame         origin: https://…                 crossOrigin: true, topOrigin?: https://…
//! Android app   origin: android:apk-key-hash:…    crossOrigin: false
//! browser       as the program brings it: client data, or its hash
//! ```
//!
//! Only the program makes a [`Caller`]: nothing in a relying party's options
//! changes it. Most programs have a page and pass its [`Origin`].

use data_encoding::BASE64URL_NOPAD;

use super::brought::BroughtData;
use super::domain;
use super::origin::Origin;
use super::related::{RelatedOrigins, RelatedOriginsRequest};
use super::rp_id::{PublicSuffixes, RpId};
use crate::error::{OptionsError, RelatedOriginsError, RpIdError};

/// The prefix that Android puts before the hash of an app's certificate.
const ANDROID: &str = "android:apk-key-hash:";

/// Members of client data that have a meaning of their own.
const RESERVED: [&str; 5] = ["type", "challenge", "origin", "crossOrigin", "topOrigin"];

/// The caller: a page, a frame in it, an app, or the one that the program's own client data
/// names.
///
/// The caller of this crate must know who asks: the relying party believes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    asker: Asker,
    members: Vec<(String, String)>,
    /// An RP ID outside of the origin's domain, whose relying party lists the origin.
    related: Option<RpId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Asker {
    Page(Origin),
    Frame { origin: Origin, top: Option<Origin> },
    App { origin: String, rp_id: RpId },
    Brought { data: BroughtData, rp_id: RpId },
}

impl Caller {
    /// A page, or a frame whose ancestors all have its origin.
    #[must_use]
    pub const fn page(origin: Origin) -> Self {
        Self::new(Asker::Page(origin))
    }

    /// A frame of `origin` in a page of another origin: `crossOrigin` is `true`.
    ///
    /// `top` is the origin of the page, which becomes `topOrigin`. `None`: it is
    /// not told. The RP ID is checked against the frame's own origin. The caller
    /// must have checked that the page allows it: the permissions policies
    /// `publickey-credentials-create` and `publickey-credentials-get`
    /// [WebAuthn L3 §5.9].
    #[must_use]
    pub const fn frame(origin: Origin, top: Option<Origin>) -> Self {
        Self::new(Asker::Frame { origin, top })
    }

    /// An Android app, by the SHA-256 hash of the certificate that signs it.
    ///
    /// An app's origin has no domain, so the caller must have checked that the
    /// app may use `rp_id`: by Digital Asset Links, the relation
    /// `delegate_permission/common.get_login_creds`. Options with another RP ID
    /// are refused.
    ///
    /// # Errors
    /// [`RpIdError::Domain`] if `rp_id` is not a domain.
    pub fn android_app(certificate_hash: &[u8; 32], rp_id: &str) -> Result<Self, RpIdError> {
        let rp_id = vouched(rp_id)?;
        let origin = format!("{ANDROID}{}", BASE64URL_NOPAD.encode(certificate_hash));
        Ok(Self::new(Asker::App { origin, rp_id }))
    }

    /// A caller that another client has checked, with the client data which that client
    /// wrote: WebAuthn's `remoteClientDataJSON`, for programs that sign in the user of a
    /// remote desktop. Page options with that extension are refused.
    ///
    /// `json` is signed and answered as it is. The options' challenge is not in it, and
    /// [`with_member`](Self::with_member) adds nothing. The program must be allowed to speak
    /// for the other client, and vouches for all that client data says and for `rp_id`:
    /// no origin is checked here. Options with another RP ID are refused. The answer has
    /// no `remoteClientDataJSON` among its extension results, since no page asked.
    ///
    /// ```
    /// use fido_hybrid_proto::webauthn::{Caller, RequestOptions};
    ///
    /// let json = r#"{"type":"webauthn.get","challenge":"AAECAw","origin":"https://example.com"}"#;
    /// let caller = Caller::client_data(json, "example.com")?;
    /// let prepared = RequestOptions::new([0, 1, 2, 3]).prepare(caller)?;
    /// assert_eq!(prepared.client_data().as_bytes(), json.as_bytes());
    /// # Ok::<(), fido_hybrid_proto::error::OptionsError>(())
    /// ```
    ///
    /// # Errors
    /// [`OptionsError::ClientData`] if `json` is not a JSON object with the texts `type`,
    /// `challenge` and `origin`, and from `prepare` if its `type` is not that of the
    /// options. [`OptionsError::TooLong`] for more than
    /// [`MAX_OPTIONS`](crate::error::MAX_OPTIONS) bytes. [`OptionsError::RpId`] if `rp_id` is
    /// not a domain.
    pub fn client_data(json: &str, rp_id: &str) -> Result<Self, OptionsError> {
        let rp_id = vouched(rp_id)?;
        let data = BroughtData::from_json(json)?;
        Ok(Self::new(Asker::Brought { data, rp_id }))
    }

    /// A caller that a browser has checked, with the SHA-256 hash of the client data which
    /// the browser wrote and keeps.
    ///
    /// The answer has no client data: its JSON has no `clientDataJSON`, which the browser
    /// adds. What the program vouches for is as for [`client_data`](Self::client_data), and
    /// also that the hashed `type` is that of the options.
    ///
    /// # Errors
    /// [`RpIdError::Domain`] if `rp_id` is not a domain.
    pub fn client_data_hash(hash: [u8; 32], rp_id: &str) -> Result<Self, RpIdError> {
        let (data, rp_id) = (BroughtData::from_hash(hash), vouched(rp_id)?);
        Ok(Self::new(Asker::Brought { data, rp_id }))
    }

    const fn new(asker: Asker) -> Self {
        Self { asker, members: Vec::new(), related: None }
    }

    /// Adds a member to the client data, after those of WebAuthn. Relying parties
    /// ignore members that they do not know. `None` if the client data has a
    /// member of this name, or is the program's own.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: &str) -> Option<Self> {
        let is_there = self.members.iter().any(|(other, _)| other == name);
        let is_brought = matches!(self.asker, Asker::Brought { .. });
        if is_there || is_brought || RESERVED.contains(&name) {
            return None;
        }
        self.members.push((name.to_owned(), value.to_owned()));
        Some(self)
    }

    /// The list of related origins that decides whether the caller may use the RP ID
    /// `requested` [WebAuthn L3 §5.11]. `None`: the caller may use it already.
    ///
    /// # Errors
    /// [`RpIdError`] if it may not, whatever a list says.
    pub fn related_origins(
        &self,
        requested: Option<&str>,
        suffixes: &dyn PublicSuffixes,
    ) -> Result<Option<RelatedOriginsRequest>, RpIdError> {
        match (self.rp_id(requested, suffixes), &self.asker, requested) {
            (Ok(_), ..) => Ok(None),
            (
                Err(RpIdError::OtherDomain),
                Asker::Page(_) | Asker::Frame { .. },
                Some(requested),
            ) => RelatedOriginsRequest::new(requested, suffixes).map(Some),
            (Err(error), ..) => Err(error),
        }
    }

    /// Lets a page or a frame use the RP ID whose relying party lists its origin as a
    /// related one. The RP IDs that it may use anyway stay.
    ///
    /// # Errors
    /// [`RelatedOriginsError::NotListed`] or [`RelatedOriginsError::TooManyLabels`].
    pub fn with_related(
        mut self,
        list: &RelatedOrigins,
        suffixes: &dyn PublicSuffixes,
    ) -> Result<Self, RelatedOriginsError> {
        match &self.asker {
            Asker::Page(origin) | Asker::Frame { origin, .. } => list.check(origin, suffixes)?,
            Asker::App { .. } | Asker::Brought { .. } => {
                return Err(RelatedOriginsError::NotListed);
            }
        }
        self.related = Some(list.rp_id().clone());
        Ok(self)
    }

    /// The origin, as in client data. Empty if the program brought a hash alone.
    #[must_use]
    pub fn origin(&self) -> &str {
        match &self.asker {
            Asker::Page(origin) | Asker::Frame { origin, .. } => origin.as_str(),
            Asker::App { origin, .. } => origin,
            Asker::Brought { data, .. } => &data.origin,
        }
    }

    /// Whether `origin` is that of a frame in a page of another origin. Not known, and
    /// `false`, for client data of the program's own.
    #[must_use]
    pub const fn is_cross_origin(&self) -> bool {
        matches!(self.asker, Asker::Frame { .. })
    }

    /// The origin of the page that has the frame.
    #[must_use]
    pub const fn top_origin(&self) -> Option<&Origin> {
        match &self.asker {
            Asker::Frame { top, .. } => top.as_ref(),
            _ => None,
        }
    }

    /// The client data that the program brought.
    pub(super) const fn brought(&self) -> Option<&BroughtData> {
        match &self.asker {
            Asker::Brought { data, .. } => Some(data),
            _ => None,
        }
    }

    /// The members that [`with_member`](Self::with_member) added, in order.
    pub(super) fn members(&self) -> &[(String, String)] {
        &self.members
    }

    /// The RP ID `requested`, or the one that an asker without a request has.
    pub(super) fn rp_id(
        &self,
        requested: Option<&str>,
        suffixes: &dyn PublicSuffixes,
    ) -> Result<RpId, RpIdError> {
        let related = self.related.as_ref();
        if let Some(related) = related.filter(|related| requested == Some(related.as_str())) {
            return Ok(related.clone());
        }
        match &self.asker {
            Asker::Page(origin) | Asker::Frame { origin, .. } => {
                RpId::for_origin(origin, requested, suffixes)
            }
            Asker::App { rp_id, .. } | Asker::Brought { rp_id, .. } => match requested {
                Some(requested) if requested != rp_id.as_str() => Err(RpIdError::OtherDomain),
                _ => Ok(rp_id.clone()),
            },
        }
    }
}

/// An RP ID that the program vouches for.
fn vouched(rp_id: &str) -> Result<RpId, RpIdError> {
    domain::check(rp_id).map_err(RpIdError::Domain)?;
    Ok(RpId::vouched(rp_id))
}

impl From<Origin> for Caller {
    fn from(origin: Origin) -> Self {
        Self::page(origin)
    }
}

impl From<&Origin> for Caller {
    fn from(origin: &Origin) -> Self {
        Self::page(origin.clone())
    }
}

impl From<&Self> for Caller {
    fn from(caller: &Self) -> Self {
        caller.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DomainError;
    use crate::webauthn::rp_id::BuiltInSuffixes;
    use crate::webauthn::{ClientData, Kind};

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    fn client_data(caller: &Caller) -> String {
        let data = ClientData::new(Kind::Get, &[0], caller);
        String::from_utf8(data.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_frame_is_told_with_the_origin_of_its_page() {
        let (frame, top) = (origin("https://pay.example"), origin("https://shop.example:8443"));
        assert_eq!(
            client_data(&Caller::frame(frame.clone(), Some(top))),
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://pay.example","crossOrigin":true,"topOrigin":"https://shop.example:8443"}"#
        );
        assert_eq!(
            client_data(&Caller::frame(frame, None)),
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://pay.example","crossOrigin":true}"#
        );
    }

    #[test]
    fn an_origin_is_that_of_a_page() {
        let page = Caller::page(origin("https://example.com"));
        assert_eq!(Caller::from(origin("https://example.com")), page);
        assert_eq!(Caller::from(&origin("https://example.com")), page);
    }

    #[test]
    fn a_frame_has_the_rights_of_its_own_origin() {
        let caller =
            Caller::frame(origin("https://a.pay.example"), Some(origin("https://shop.example")));
        let rp_id = |requested| {
            caller.rp_id(requested, &BuiltInSuffixes).map(|rp_id| rp_id.as_str().to_owned())
        };
        assert_eq!(rp_id(None).as_deref(), Ok("a.pay.example"));
        assert_eq!(rp_id(Some("pay.example")).as_deref(), Ok("pay.example"));
        assert_eq!(rp_id(Some("shop.example")), Err(RpIdError::OtherDomain));
    }

    #[test]
    fn an_app_is_told_by_its_certificate_and_has_one_rp_id() {
        let caller = Caller::android_app(&[0xfb; 32], "example.com").unwrap();
        assert_eq!(
            client_data(&caller),
            r#"{"type":"webauthn.get","challenge":"AA","origin":"android:apk-key-hash:-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s","crossOrigin":false}"#
        );
        let rp_id = |requested| caller.rp_id(requested, &BuiltInSuffixes);
        assert_eq!(rp_id(None).unwrap().as_str(), "example.com");
        assert_eq!(rp_id(Some("example.com")).unwrap().as_str(), "example.com");
        for other in ["www.example.com", "com", "example.org", ""] {
            assert_eq!(rp_id(Some(other)), Err(RpIdError::OtherDomain), "{other}");
        }
        assert_eq!(
            Caller::android_app(&[0; 32], "https://example.com"),
            Err(RpIdError::Domain(DomainError::Syntax))
        );
    }

    #[test]
    fn a_member_is_added_once_and_in_place_of_none() {
        let caller = Caller::page(origin("https://example.com"));
        for name in RESERVED {
            assert_eq!(caller.clone().with_member(name, "x"), None, "{name}");
        }
        let caller = caller.with_member("a \"key\"", "\\").unwrap().with_member("b", "").unwrap();
        assert_eq!(caller.clone().with_member("b", "x"), None);
        assert_eq!(
            client_data(&caller),
            r#"{"type":"webauthn.get","challenge":"AA","origin":"https://example.com","crossOrigin":false,"a \"key\"":"\\","b":""}"#
        );
    }
}
