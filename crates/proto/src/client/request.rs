//! What a caller asks of a phone: CTAP, CTAP in bytes, or JSON.
//!
//! A request is checked and encoded when it is made, before a phone scans a QR
//! code for it. A relying party's request becomes CTAP only once the phone's
//! getInfo is known [WebAuthn L3 §5.1.3, §5.1.4]. The longest that
//! it can become is encoded first, and is what a phone with every ability is
//! sent. Another is encoded only for a phone that needs another.
//!
//! A clone shares the request and its bytes, so that a ceremony can keep one to begin
//! again.

use std::sync::Arc;

use super::raw_request::{MAX_REQUEST_LENGTH, RawRequest};
use crate::ctap::extensions::{CRED_PROTECT, CredProtect};
use crate::ctap::{
    Command, CtapRequest, GetAssertionRequest, GetInfoResponse, MakeCredentialRequest,
};
use crate::error::Unsupported;
use crate::secret::{SecretBytes, SecretText};
use crate::transport::RequestHint;
#[cfg(feature = "webauthn")]
use crate::webauthn::{PreparedCreation, PreparedRequest};

/// The length in bytes that every authenticator takes, whatever it states.
/// [CTAP 2.2 §6.4, maxMsgSize]
#[cfg(feature = "webauthn")]
const LEAST_MAX_MESSAGE_SIZE: u64 = 1024;

/// A request to a phone.
#[derive(Clone, Debug)]
pub enum PhoneRequest {
    /// A CTAP request.
    Ctap(EncodedRequest),
    /// A CTAP request in bytes, which is sent as it is.
    Raw(RawRequest),
    /// A JSON request: message type 3.
    Json(JsonRequest),
}

impl PhoneRequest {
    /// The hint for this request in a QR code.
    #[must_use]
    pub fn hint(&self) -> RequestHint {
        match self {
            Self::Ctap(request) => match request.command() {
                Command::MakeCredential => RequestHint::MakeCredential,
                _ => RequestHint::GetAssertion,
            },
            Self::Raw(request) => request.hint(),
            Self::Json(request) => request.hint,
        }
    }
}

/// A CTAP request that phones take, encoded.
///
/// It is made of a [`CtapRequest`], which is sent to every phone as it is: where it
/// has `uv` set, a response without the UV flag is refused. Or it is made of a
/// relying party's prepared options: what is asked follows from the phone's
/// getInfo then, and what the relying party requires is enforced on the response. What
/// the phone cannot do, or states that it does not take, is not sent.
///
/// A clone shares the request. `Debug` shows the command and a length.
#[derive(Clone)]
pub struct EncodedRequest {
    source: Source,
    encoded: Encoded,
}

/// The source of an [`EncodedRequest`].
#[derive(Clone)]
enum Source {
    Request,
    #[cfg(feature = "webauthn")]
    Create(Arc<PreparedCreation>),
    #[cfg(feature = "webauthn")]
    Get(Arc<PreparedRequest>),
}

/// A CTAP request and its bytes, which may hold PRF inputs.
#[derive(Clone)]
pub(super) struct Encoded {
    pub(super) request: Arc<CtapRequest>,
    pub(super) bytes: Arc<SecretBytes>,
}

/// Requirements on a response, besides that it answers the CTAP request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demands {
    /// That the user was verified.
    pub(super) verification: bool,
    /// A PRF was asked for, though perhaps not of this phone: it may be
    /// answered under the older name.
    pub(super) prf: bool,
    /// The phone lists `credProtect`, so that it may protect a passkey unasked.
    pub(super) may_protect: bool,
    /// The least protection of a new passkey, where the phone must say it.
    pub(super) protection: Option<CredProtect>,
}

impl EncodedRequest {
    /// The command.
    #[must_use]
    pub fn command(&self) -> Command {
        self.encoded.request.command()
    }

    /// The request: of a relying party's options, the longest that any phone gets.
    #[must_use]
    pub fn request(&self) -> &CtapRequest {
        &self.encoded.request
    }

    /// The bytes for this phone.
    ///
    /// # Errors
    /// What the relying party requires and this phone cannot do or does not take.
    pub(super) fn decide(self, phone: &GetInfoResponse) -> Result<(Encoded, Demands), Unsupported> {
        let may_protect = phone.has_extension(CRED_PROTECT);
        let Self { source, encoded } = self;
        Ok(match source {
            Source::Request => {
                let (uv, prf) = match &*encoded.request {
                    CtapRequest::MakeCredential(asked) => {
                        (asked.options.uv, asked.extensions.prf.is_some())
                    }
                    CtapRequest::GetAssertion(asked) => {
                        (asked.options.uv, asked.extensions.prf.is_some())
                    }
                    _ => (None, false),
                };
                let verification = uv == Some(true);
                (encoded, Demands { verification, prf, may_protect, protection: None })
            }
            #[cfg(feature = "webauthn")]
            Source::Create(prepared) => {
                let demands = Demands {
                    verification: prepared.requires_verification(),
                    prf: prepared.asks_for_prf(),
                    may_protect,
                    protection: prepared.demanded_protection(),
                };
                (encoded.or_else_of(prepared.request_for(phone)?.into())?.taken_by(phone)?, demands)
            }
            #[cfg(feature = "webauthn")]
            Source::Get(prepared) => {
                let demands = Demands {
                    verification: prepared.requires_verification(),
                    prf: prepared.asks_for_prf(),
                    may_protect,
                    protection: None,
                };
                (encoded.or_else_of(prepared.request_for(phone)?.into())?.taken_by(phone)?, demands)
            }
        })
    }
}

impl Encoded {
    fn new(request: CtapRequest) -> Result<Self, Unsupported> {
        // At these a phone would end the transaction; and nothing binds the answer
        // to a getNextAssertion to what was asked before.
        if matches!(request, CtapRequest::Selection | CtapRequest::GetNextAssertion) {
            return Err(Unsupported::Command);
        }
        let bytes = SecretBytes::new(request.to_bytes());
        if bytes.len() > MAX_REQUEST_LENGTH {
            return Err(Unsupported::RequestTooLong);
        }
        Ok(Self { request: Arc::new(request), bytes: Arc::new(bytes) })
    }

    /// This one's bytes if it is `request`, new ones if not.
    #[cfg(feature = "webauthn")]
    fn or_else_of(self, request: CtapRequest) -> Result<Self, Unsupported> {
        if *self.request == request { Ok(self) } else { Self::new(request) }
    }

    /// Checks that the phone takes messages of this length. [CTAP 2.2 §6.4, maxMsgSize]
    #[cfg(feature = "webauthn")]
    fn taken_by(self, phone: &GetInfoResponse) -> Result<Self, Unsupported> {
        let length = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        let fits = |limit: u64| length <= limit.max(LEAST_MAX_MESSAGE_SIZE);
        if phone.max_message_size.is_none_or(fits) {
            Ok(self)
        } else {
            Err(Unsupported::MessageTooLong)
        }
    }
}

impl std::fmt::Debug for EncodedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncodedRequest")
            .field("command", &self.command())
            .field("length", &self.encoded.bytes.len())
            .finish()
    }
}

/// A JSON request, such as for a digital credential. [CTAP 2.3 §11.5.1.2]
///
/// It is sent as it is, to a phone whose post-handshake message lists `dc`. What
/// it says, and that it is JSON at all, is between the caller and the phone.
///
/// A clone shares the text. `Debug` shows the length.
#[derive(Clone, Debug)]
pub struct JsonRequest {
    text: Arc<SecretText>,
    hint: RequestHint,
}

impl JsonRequest {
    /// A request of this text. The QR code tells the phone `hint`.
    ///
    /// # Errors
    /// [`Unsupported::RequestTooLong`] for more than [`MAX_REQUEST_LENGTH`] bytes.
    pub fn new(text: String, hint: RequestHint) -> Result<Self, Unsupported> {
        let text = SecretText::new(text);
        if text.expose().len() > MAX_REQUEST_LENGTH {
            return Err(Unsupported::RequestTooLong);
        }
        Ok(Self { text: Arc::new(text), hint })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.text.expose().as_bytes()
    }
}

impl TryFrom<CtapRequest> for EncodedRequest {
    type Error = Unsupported;

    /// # Errors
    /// [`Unsupported::RequestTooLong`], or [`Unsupported::Command`] for a command
    /// that does not exist over the hybrid transport.
    fn try_from(request: CtapRequest) -> Result<Self, Unsupported> {
        Ok(Self { source: Source::Request, encoded: Encoded::new(request)? })
    }
}

impl TryFrom<MakeCredentialRequest> for EncodedRequest {
    type Error = Unsupported;

    /// # Errors
    /// [`Unsupported::RequestTooLong`].
    fn try_from(request: MakeCredentialRequest) -> Result<Self, Unsupported> {
        CtapRequest::from(request).try_into()
    }
}

impl TryFrom<GetAssertionRequest> for EncodedRequest {
    type Error = Unsupported;

    /// # Errors
    /// [`Unsupported::RequestTooLong`].
    fn try_from(request: GetAssertionRequest) -> Result<Self, Unsupported> {
        CtapRequest::from(request).try_into()
    }
}

#[cfg(feature = "webauthn")]
impl TryFrom<PreparedCreation> for EncodedRequest {
    type Error = Unsupported;

    /// # Errors
    /// [`Unsupported::RequestTooLong`] if it is for some phone.
    fn try_from(prepared: PreparedCreation) -> Result<Self, Unsupported> {
        Arc::new(prepared).try_into()
    }
}

#[cfg(feature = "webauthn")]
impl TryFrom<Arc<PreparedCreation>> for EncodedRequest {
    type Error = Unsupported;

    /// # Errors
    /// [`Unsupported::RequestTooLong`] if it is for some phone.
    fn try_from(prepared: Arc<PreparedCreation>) -> Result<Self, Unsupported> {
        let encoded = Encoded::new(prepared.longest_request().into())?;
        Ok(Self { source: Source::Create(prepared), encoded })
    }
}

#[cfg(feature = "webauthn")]
impl TryFrom<PreparedRequest> for EncodedRequest {
    type Error = Unsupported;

    /// # Errors
    /// [`Unsupported::RequestTooLong`] if it is for some phone.
    fn try_from(prepared: PreparedRequest) -> Result<Self, Unsupported> {
        Arc::new(prepared).try_into()
    }
}

#[cfg(feature = "webauthn")]
impl TryFrom<Arc<PreparedRequest>> for EncodedRequest {
    type Error = Unsupported;

    /// # Errors
    /// [`Unsupported::RequestTooLong`] if it is for some phone.
    fn try_from(prepared: Arc<PreparedRequest>) -> Result<Self, Unsupported> {
        let encoded = Encoded::new(prepared.longest_request().into())?;
        Ok(Self { source: Source::Get(prepared), encoded })
    }
}

impl From<EncodedRequest> for PhoneRequest {
    fn from(request: EncodedRequest) -> Self {
        Self::Ctap(request)
    }
}

impl From<RawRequest> for PhoneRequest {
    fn from(request: RawRequest) -> Self {
        Self::Raw(request)
    }
}

impl From<JsonRequest> for PhoneRequest {
    fn from(request: JsonRequest) -> Self {
        Self::Json(request)
    }
}

macro_rules! phone_request {
    ($(#[$gate:meta])? $request:ty) => {
        $(#[$gate])?
        impl TryFrom<$request> for PhoneRequest {
            type Error = Unsupported;

            /// # Errors
            /// As for [`EncodedRequest`].
            fn try_from(request: $request) -> Result<Self, Unsupported> {
                EncodedRequest::try_from(request).map(Self::Ctap)
            }
        }
    };
}

phone_request!(CtapRequest);
phone_request!(MakeCredentialRequest);
phone_request!(GetAssertionRequest);
phone_request!(
    #[cfg(feature = "webauthn")]
    PreparedCreation
);
phone_request!(
    #[cfg(feature = "webauthn")]
    PreparedRequest
);
phone_request!(
    #[cfg(feature = "webauthn")]
    Arc<PreparedCreation>
);
phone_request!(
    #[cfg(feature = "webauthn")]
    Arc<PreparedRequest>
);

#[cfg(test)]
#[cfg(feature = "webauthn")]
mod tests {
    use super::*;
    use crate::ctap::Aaguid;
    use crate::webauthn::{Origin, RequestOptions};

    fn phone(uv: bool) -> GetInfoResponse {
        let mut phone = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid::ZERO);
        phone.options.insert("uv".to_owned(), uv);
        phone
    }

    fn sign_in() -> EncodedRequest {
        let origin = Origin::parse("https://example.com").unwrap();
        RequestOptions::new([1; 16]).prepare(origin).unwrap().try_into().unwrap()
    }

    #[test]
    fn what_was_encoded_when_the_request_was_made_is_what_is_sent() {
        let fixed = CtapRequest::from(GetAssertionRequest::new("example.com", [1; 32]));
        for request in [EncodedRequest::try_from(fixed).unwrap(), sign_in()] {
            let made = request.encoded.bytes.expose().as_ptr();
            let (sent, _) = request.decide(&phone(true)).unwrap();
            assert_eq!(sent.bytes.expose().as_ptr(), made);
            assert_eq!(sent.bytes.expose(), sent.request.to_bytes());
        }
    }

    #[test]
    fn a_phone_that_needs_another_request_gets_its_own() {
        let request = sign_in();
        let longest = request.request().clone();
        let (sent, _) = request.decide(&phone(false)).unwrap();
        assert_ne!(*sent.request, longest);
        assert_eq!(sent.bytes.expose(), sent.request.to_bytes());
    }

    #[test]
    fn commands_that_phones_do_not_take_are_not_made() {
        for request in [CtapRequest::Selection, CtapRequest::GetNextAssertion] {
            assert_eq!(EncodedRequest::try_from(request).unwrap_err(), Unsupported::Command);
        }
    }

    #[test]
    fn debug_shows_the_command_and_a_length() {
        let shown = format!("{:?}", EncodedRequest::try_from(CtapRequest::GetInfo).unwrap());
        assert_eq!(shown, "EncodedRequest { command: GetInfo, length: 1 }");
    }
}
