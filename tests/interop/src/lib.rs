//! `passkey-authenticator` as the engine behind our link, through the public trait
//! [`CtapEngine`]. Its own test and the browser's use the same one.
//!
//! The library has no transport, and its methods take messages of `passkey-types`,
//! whose CBOR is not canonical. The adapter therefore parses requests, encodes
//! responses and sorts the keys of their maps.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use ciborium::Value;
use fido_hybrid::authenticator::CtapEngine;
use fido_hybrid::ctap::{GetInfoResponse, Status};
use fido_hybrid::{BoxFuture, cbor};
use passkey_authenticator::{
    Authenticator, CredentialStore, DiscoverabilitySupport, StoreInfo, UiHint, UserCheck,
    UserValidationMethod,
};
use passkey_crypto::AvailableBackend;
use passkey_types::Passkey;
use passkey_types::ctap2::make_credential::{
    Options, PublicKeyCredentialRpEntity, PublicKeyCredentialUserEntity,
};
use passkey_types::ctap2::{Aaguid, Ctap2Error, StatusCode};
use passkey_types::webauthn::PublicKeyCredentialDescriptor;
use serde::Serialize;
use tokio::sync::Mutex;

/// The AAGUID in the engine's registrations.
pub const AAGUID: [u8; 16] = [7; 16];

/// The engine's user, who is verified whenever they agree.
pub trait User: Send + Sync {
    /// Returns whether the user agrees to what the engine asks.
    ///
    /// # Cancel safety
    /// Dropping the future dismisses the question: the engine does nothing.
    fn agrees(&self) -> BoxFuture<'_, bool>;
}

/// The adapter: all that a program writes to put this engine behind a link.
pub struct PasskeyEngine<U> {
    // Both of the library's methods need exclusive access.
    authenticator: Mutex<Authenticator<EngineStore, Consent<U>, AvailableBackend>>,
    info: GetInfoResponse,
}

impl<U: User> PasskeyEngine<U> {
    /// Creates an engine that has these passkeys and counts signatures.
    ///
    /// # Panics
    /// If our parser rejects the library's getInfo response.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn new(passkeys: EngineStore, user: U) -> Self {
        let (aaguid, user) = (Aaguid::from(AAGUID), Consent(user));
        let mut authenticator = Authenticator::new(aaguid, passkeys, user, AvailableBackend);
        authenticator.set_make_credentials_with_signature_counter(true);
        let info = canonical(&authenticator.get_info().await);
        let info = cbor::decode(&info).expect("a getInfo response");
        Self { authenticator: Mutex::new(authenticator), info }
    }
}

impl<U: User> CtapEngine for PasskeyEngine<U> {
    fn get_info(&self) -> GetInfoResponse {
        self.info.clone()
    }

    fn process<'a>(&'a self, request: &'a [u8]) -> BoxFuture<'a, Vec<u8>> {
        Box::pin(async move {
            let mut authenticator = self.authenticator.lock().await;
            match request {
                [0x01, parameters @ ..] => match ciborium::from_reader(parameters) {
                    Ok(request) => response(authenticator.make_credential(request).await),
                    Err(_) => vec![Status::INVALID_CBOR.0],
                },
                [0x02, parameters @ ..] => match ciborium::from_reader(parameters) {
                    Ok(request) => response(authenticator.get_assertion(request).await),
                    Err(_) => vec![Status::INVALID_CBOR.0],
                },
                _ => vec![Status::INVALID_COMMAND.0],
            }
        })
    }
}

fn response(result: Result<impl Serialize, StatusCode>) -> Vec<u8> {
    match result {
        Ok(response) => [vec![Status::OK.0], canonical(&response)].concat(),
        Err(status) => vec![status.into()],
    }
}

/// Encodes in CBOR, with the keys of each map in CTAP2's order.
///
/// # Panics
/// If the value cannot be CBOR, as no message of CTAP does.
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    fn sort(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(sort),
            Value::Map(entries) => {
                entries.iter_mut().for_each(|(_, value)| sort(value));
                entries.sort_by_key(|(key, _)| encoded(key));
            }
            _ => {}
        }
    }
    let mut value = ciborium::from_reader(&encoded(value)[..]).expect("what was encoded");
    sort(&mut value);
    encoded(&value)
}

fn encoded(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("the library's own messages");
    bytes
}

/// The engine's passkeys. Clones share them.
///
/// The library's own store in memory finds no passkey without an allow list.
#[derive(Clone, Default)]
pub struct EngineStore(Arc<std::sync::Mutex<Vec<Passkey>>>);

impl EngineStore {
    /// Returns the number of passkeys.
    #[must_use]
    pub fn count(&self) -> usize {
        self.with(|passkeys| passkeys.len())
    }

    /// Returns another store with the same passkeys, which are not shared.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(std::sync::Mutex::new(self.with(|passkeys| passkeys.clone()))))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<Passkey>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl CredentialStore for EngineStore {
    type PasskeyItem = Passkey;

    async fn find_credentials(
        &self,
        ids: Option<&[PublicKeyCredentialDescriptor]>,
        rp_id: &str,
        _: Option<&[u8]>,
    ) -> Result<Vec<Passkey>, StatusCode> {
        let fits = |passkey: &&Passkey| {
            passkey.rp_id == rp_id
                && ids.is_none_or(|ids| ids.iter().any(|listed| listed.id == passkey.credential_id))
        };
        let found: Vec<_> = self.with(|passkeys| passkeys.iter().filter(fits).cloned().collect());
        if found.is_empty() { Err(Ctap2Error::NoCredentials.into()) } else { Ok(found) }
    }

    async fn save_credential(
        &mut self,
        passkey: Passkey,
        _: PublicKeyCredentialUserEntity,
        _: PublicKeyCredentialRpEntity,
        _: Options,
    ) -> Result<(), StatusCode> {
        self.with(|passkeys| passkeys.push(passkey));
        Ok(())
    }

    async fn update_credential(&mut self, passkey: &Passkey) -> Result<(), StatusCode> {
        self.with(|passkeys| {
            passkeys.retain(|kept| kept.credential_id != passkey.credential_id);
            passkeys.push(passkey.clone());
        });
        Ok(())
    }

    async fn get_info(&self) -> StoreInfo {
        StoreInfo { discoverability: DiscoverabilitySupport::ForcedDiscoverable }
    }
}

/// A [`User`] as the library asks one.
struct Consent<U>(U);

#[async_trait]
impl<U: User> UserValidationMethod for Consent<U> {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        _: bool,
        _: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        if self.0.agrees().await {
            Ok(UserCheck { presence: true, verification: true })
        } else {
            Err(Ctap2Error::OperationDenied)
        }
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}
