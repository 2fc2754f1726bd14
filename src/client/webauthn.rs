//! WebAuthn on a [`Client`]: a relying party's options in, the answer out.

use std::sync::Arc;

use super::begin::Client;
use super::ceremony::Ceremony;
use super::line::contradiction;
use fido_hybrid_proto::client::PhoneRequest;
use fido_hybrid_proto::ctap::CtapResponse;
use fido_hybrid_proto::error::{Error, ErrorKind, PeerMisbehaved, Stage};
use fido_hybrid_proto::webauthn::{
    AnswerError, Assertion, Caller, ClientCapabilities, CreationOptions, Registration,
    RequestOptions,
};

impl Client {
    /// What this client can do, in the shape of a page's `getClientCapabilities()`: for
    /// programs that answer a web view [WebAuthn L3 §5.1.7].
    #[must_use]
    pub fn capabilities(&self) -> ClientCapabilities {
        let mut capabilities = ClientCapabilities::over_hybrid();
        capabilities.related_origins = self.web.fetcher.is_some();
        capabilities
    }

    /// Begins the registration of a passkey for a relying party.
    ///
    /// `caller` is who asks: an [`Origin`](fido_hybrid_proto::webauthn::Origin), or another
    /// [`Caller`]. That it may use the RP ID is checked here, before there is a
    /// QR code; [`check_caller`](Self::check_caller) also asks the relying party for related
    /// origins. The options' timeout counts from when the phone has
    /// the request. What is asked is decided when the phone is known: if it
    /// cannot do what the relying party requires, the outcome is an
    /// [`Unsupported`](fido_hybrid_proto::error::Unsupported) before its user is asked.
    ///
    /// # Errors
    /// [`ErrorKind::Options`](fido_hybrid_proto::error::ErrorKind::Options) if the options are not
    /// for this caller; as for [`begin`](Self::begin).
    pub fn create(
        &self,
        options: &CreationOptions,
        caller: impl Into<Caller>,
    ) -> Result<Ceremony<Registration>, Error> {
        let prepared =
            Arc::new(options.prepare_with(caller, self.web.suffixes()).map_err(preparing)?);
        let asked = PhoneRequest::try_from(Arc::clone(&prepared)).map_err(preparing)?;
        self.begin_with(asked, prepared.timeout, move |answer| match answer.ctap()? {
            (CtapResponse::MakeCredential(response), phone) => {
                prepared.finish(&phone, response).map_err(misbehaved)
            }
            _ => Err(contradiction()),
        })
    }

    /// Begins a sign-in at a relying party.
    ///
    /// `caller` is who asks: an [`Origin`](fido_hybrid_proto::webauthn::Origin), or another
    /// [`Caller`]. That it may use the RP ID is checked here, before there is a
    /// QR code; [`check_caller`](Self::check_caller) also asks the relying party for related
    /// origins. The options' timeout counts from when the phone has
    /// the request. What is asked is decided when the phone is known: if it
    /// cannot do what the relying party requires, the outcome is an
    /// [`Unsupported`](fido_hybrid_proto::error::Unsupported) before its user is asked.
    ///
    /// # Errors
    /// [`ErrorKind::Options`](fido_hybrid_proto::error::ErrorKind::Options) if the options are not
    /// for this caller; as for [`begin`](Self::begin).
    pub fn get(
        &self,
        options: &RequestOptions,
        caller: impl Into<Caller>,
    ) -> Result<Ceremony<Assertion>, Error> {
        let prepared =
            Arc::new(options.prepare_with(caller, self.web.suffixes()).map_err(preparing)?);
        let asked = PhoneRequest::try_from(Arc::clone(&prepared)).map_err(preparing)?;
        self.begin_with(asked, prepared.timeout, move |answer| match answer.ctap()? {
            (CtapResponse::GetAssertion(response), phone) => {
                prepared.finish(&phone, response).map_err(misbehaved)
            }
            _ => Err(contradiction()),
        })
    }
}

fn preparing(kind: impl Into<ErrorKind>) -> Error {
    Error::new(Stage::Preparing, kind)
}

fn misbehaved(error: AnswerError) -> Error {
    Error::new(Stage::AwaitingResponse, PeerMisbehaved::ResponseMismatch(error.into()))
}
