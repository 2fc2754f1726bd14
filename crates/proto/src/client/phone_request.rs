//! What a caller asks of a phone. A relying party's request becomes CTAP only
//! once the phone's getInfo is known (WebAuthn Level 3 sections 5.1.3 and
//! 5.1.4).

use zeroize::Zeroizing;

use crate::ctap::extensions::cred_protect::CredProtect;
use crate::ctap::{Command, Request, get_assertion, get_info, make_credential};
use crate::error::Unsupported;
use crate::transport::crypter::MAX_PORTABLE_PAYLOAD;
use crate::transport::qr_code::RequestHint;
#[cfg(feature = "webauthn")]
use crate::webauthn::{PreparedCreation, PreparedRequest};

/// The longest request sent, in bytes with its command byte. A phone that is
/// built on a Noise library cannot read a longer one.
pub const MAX_REQUEST: usize = MAX_PORTABLE_PAYLOAD;

/// What is asked of a phone.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[cfg_attr(
    feature = "webauthn",
    expect(clippy::large_enum_variant, reason = "there is one at a time, moved once")
)]
pub enum PhoneRequest {
    /// This CTAP request, whatever the phone's getInfo says. Where it has `uv`
    /// set, a response without the UV flag is refused.
    Ctap(Request),
    /// A registration. If the relying party requires verification, a response
    /// without the UV flag is refused; if it enforces a protection policy, a
    /// response with less protection.
    #[cfg(feature = "webauthn")]
    Create(Box<PreparedCreation>),
    /// A sign-in. If the relying party requires verification, a response without
    /// the UV flag is refused.
    #[cfg(feature = "webauthn")]
    Get(Box<PreparedRequest>),
}

/// What a response must show besides that it answers the CTAP request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demands {
    /// That the user was verified.
    pub(super) verification: bool,
    /// A PRF was asked for, though perhaps not of this phone: it may be
    /// answered under the older name.
    pub(super) prf: bool,
    /// The least protection of a new passkey, where the phone must say it.
    pub(super) protection: Option<CredProtect>,
}

impl PhoneRequest {
    /// The CTAP command that it becomes.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::Ctap(request) => request.command(),
            #[cfg(feature = "webauthn")]
            Self::Create(_) => Command::MakeCredential,
            #[cfg(feature = "webauthn")]
            Self::Get(_) => Command::GetAssertion,
        }
    }

    /// What is sent to this phone.
    pub(super) fn decide(
        self,
        phone: &get_info::Response,
    ) -> Result<(Request, Demands), Unsupported> {
        #[cfg(not(feature = "webauthn"))]
        let _any = phone;
        Ok(match self {
            Self::Ctap(request) => {
                let (uv, prf) = match &request {
                    Request::MakeCredential(asked) => {
                        (asked.options.uv, asked.extensions.prf.is_some())
                    }
                    Request::GetAssertion(asked) => {
                        (asked.options.uv, asked.extensions.prf.is_some())
                    }
                    _ => (None, false),
                };
                (request, Demands { verification: uv == Some(true), prf, protection: None })
            }
            #[cfg(feature = "webauthn")]
            Self::Create(prepared) => {
                let verification = prepared.requires_verification();
                let protection = prepared.demanded_protection();
                let demands = Demands { verification, prf: prepared.asks_for_prf(), protection };
                (prepared.request_for(phone)?.into(), demands)
            }
            #[cfg(feature = "webauthn")]
            Self::Get(prepared) => {
                let verification = prepared.requires_verification();
                let prf = prepared.asks_for_prf();
                let demands = Demands { verification, prf, protection: None };
                (prepared.request_for(phone)?.into(), demands)
            }
        })
    }

    /// Whether phones take the longest request that this may become: to be asked
    /// before a person scans a QR code.
    ///
    /// # Errors
    /// [`Unsupported::RequestTooLong`], or [`Unsupported::Command`] for a command
    /// that does not exist over the hybrid transport.
    pub fn check(&self) -> Result<(), Unsupported> {
        let sendable = match self {
            Self::Ctap(request) => sendable(request),
            #[cfg(feature = "webauthn")]
            Self::Create(prepared) => sendable(&prepared.longest_request().into()),
            #[cfg(feature = "webauthn")]
            Self::Get(prepared) => sendable(&prepared.longest_request().into()),
        };
        sendable.map(drop)
    }

    /// What a QR code says that will be asked.
    #[must_use]
    pub const fn hint(&self) -> RequestHint {
        match self.command() {
            Command::MakeCredential => RequestHint::MakeCredential,
            _ => RequestHint::GetAssertion,
        }
    }
}

/// A request as it is sent, if phones take it at all.
pub(super) fn sendable(request: &Request) -> Result<Zeroizing<Vec<u8>>, Unsupported> {
    // At these a phone would end the transaction; and nothing binds the answer
    // to a getNextAssertion to what was asked before.
    if matches!(request, Request::Selection | Request::GetNextAssertion) {
        return Err(Unsupported::Command);
    }
    // It may hold PRF inputs.
    let bytes = Zeroizing::new(request.to_bytes());
    if bytes.len() > MAX_REQUEST {
        return Err(Unsupported::RequestTooLong);
    }
    Ok(bytes)
}

impl From<Request> for PhoneRequest {
    fn from(request: Request) -> Self {
        Self::Ctap(request)
    }
}

impl From<make_credential::Request> for PhoneRequest {
    fn from(request: make_credential::Request) -> Self {
        Self::Ctap(request.into())
    }
}

impl From<get_assertion::Request> for PhoneRequest {
    fn from(request: get_assertion::Request) -> Self {
        Self::Ctap(request.into())
    }
}

#[cfg(feature = "webauthn")]
impl From<PreparedCreation> for PhoneRequest {
    fn from(prepared: PreparedCreation) -> Self {
        Self::Create(Box::new(prepared))
    }
}

#[cfg(feature = "webauthn")]
impl From<PreparedRequest> for PhoneRequest {
    fn from(prepared: PreparedRequest) -> Self {
        Self::Get(Box::new(prepared))
    }
}
