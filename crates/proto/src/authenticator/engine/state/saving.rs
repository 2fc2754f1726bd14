//! A new passkey: its key is made, its attestation signed, and it is saved.
//!
//! ```text
//! Creating ─▶ Attesting ─▶ Saving ─▶ answer
//! ```
//!
//! A key in this process skips the first two.

use super::State;
use super::signature::{checked, sign};
use crate::authenticator::engine::key::{ExternalKey, KeyHandle, NewKeys};
use crate::authenticator::engine::make_credential::{Keyless, Unattested, Unsaved};
use crate::authenticator::engine::output::{Output, Outputs, Report};
use crate::authenticator::engine::session::Session;
use crate::ctap::CtapResponse;
use crate::error::{KeyError, StoreError};

/// The key store is making the key.
#[derive(Debug)]
pub(in crate::authenticator::engine) struct Creating(Keyless);

impl Creating {
    /// Makes the key of a new passkey, or has the key store make it.
    pub(super) fn begin(keyless: Keyless, session: &mut Session, outputs: &mut Outputs) -> State {
        let Session { profile, randomness, .. } = session;
        match profile.new_keys {
            NewKeys::Software => {
                Attesting::begin(keyless.with_software_key(profile, randomness), outputs)
            }
            NewKeys::External => {
                outputs.push_back(Output::CreateKey { rp_id: keyless.rp_id().to_owned() });
                State::Creating(Self(keyless))
            }
        }
    }

    pub(super) fn created(
        self,
        created: Result<ExternalKey, KeyError>,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> State {
        match created {
            Ok(key) => {
                let Session { profile, randomness, .. } = session;
                Attesting::begin(self.0.with_external_key(key, profile, randomness), outputs)
            }
            Err(error) => {
                session.key_store_failed(error, outputs);
                State::Idle
            }
        }
    }
}

/// The key store is signing the attestation.
#[derive(Debug)]
pub(in crate::authenticator::engine) struct Attesting(Unattested);

impl Attesting {
    /// Goes on with a new passkey: its attestation is signed if it has a signature.
    fn begin(unattested: Unattested, outputs: &mut Outputs) -> State {
        match unattested.message() {
            None => Saving::begin(unattested, None, outputs),
            Some(message) => match sign(unattested.passkey(), message, outputs) {
                Some(signature) => Saving::begin(unattested, Some(signature), outputs),
                None => State::Attesting(Self(unattested)),
            },
        }
    }

    /// The key that no passkey has if the transaction ends now.
    pub(super) const fn key(&self) -> Option<&KeyHandle> {
        self.0.passkey().key.handle()
    }

    /// The key store signed, or did not.
    pub(super) fn signed(
        self,
        signed: Result<Vec<u8>, KeyError>,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> State {
        let Self(unattested) = self;
        let message = unattested.message().unwrap_or_default();
        match checked(unattested.passkey(), &message, signed) {
            Ok(signature) => Saving::begin(unattested, Some(signature), outputs),
            Err(error) => {
                let created = unattested.passkey().key.handle().cloned();
                session.key_store_failed(error, outputs);
                outputs.extend(created.map(Output::DeleteKey));
                State::Idle
            }
        }
    }
}

/// The store is saving the passkey.
#[derive(Debug)]
pub(in crate::authenticator::engine) struct Saving(Unsaved);

impl Saving {
    fn begin(unattested: Unattested, signature: Option<Vec<u8>>, outputs: &mut Outputs) -> State {
        let (passkey, unsaved) = unattested.attested(signature);
        outputs.push_back(Output::SavePasskey(passkey));
        State::Saving(Self(unsaved))
    }

    /// The key that no passkey has if the passkey is not saved.
    pub(super) const fn key(&self) -> Option<&KeyHandle> {
        self.0.created.as_ref()
    }

    pub(super) fn saved(
        self,
        saved: Result<(), StoreError>,
        session: &mut Session,
        outputs: &mut Outputs,
    ) -> State {
        let Self(Unsaved { response, created, replaced }) = self;
        match saved {
            Ok(()) => {
                let response = CtapResponse::MakeCredential(response).to_raw();
                session.answer(response, Report::Registered, outputs);
                outputs.extend(replaced.into_iter().map(Output::DeleteKey));
            }
            Err(error) => {
                session.store_failed(error, outputs);
                outputs.extend(created.map(Output::DeleteKey));
            }
        }
        State::Idle
    }
}
