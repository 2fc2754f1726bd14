//! Attacks on a relying party, each of which fails at one check.
//!
//! The answers are made by a [`Puppet`]: a passkey that signs whatever it is
//! told to, with a real key. So no attack here fails for the dull reason of a
//! bad signature; each has everything right but one thing.

#![allow(dead_code, unreachable_pub, reason = "shared by the demo and a test")]
#![allow(clippy::indexing_slicing, reason = "a member that a JSON value lacks is null")]

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::cbor::Writer;
use fido_hybrid::crypto::{SecretKey, sha256};
use fido_hybrid::ctap::{
    Aaguid, Algorithm, AttestedCredential, AuthenticatorData, CoseKey, CredentialId, Flags,
};
use rand_core::CryptoRng;
use serde_json::{Value, json};

use crate::relying_party::{
    AttestationPolicy, BackupPolicy, CHALLENGE_LIFETIME, ModelPolicy, Policy, Refusal,
    RelyingParty, SignedIn,
};

/// A passkey that does as it is told. All its fields are to be turned.
#[derive(Clone, Debug)]
pub struct Puppet {
    pub key: SecretKey,
    pub id: Vec<u8>,
    pub user_handle: Option<Vec<u8>>,
    pub origin: String,
    pub cross_origin: bool,
    pub rp_id: String,
    pub flags: Flags,
    pub aaguid: Aaguid,
    pub count: u32,
    /// `packed` is signed with the passkey's own key; any other has an empty
    /// statement.
    pub attestation: &'static str,
    /// In place of the right `type` of the client data.
    pub kind: Option<&'static str>,
}

impl Puppet {
    /// A passkey that does everything right.
    pub fn honest(policy: &Policy, rng: &mut impl CryptoRng) -> Self {
        let mut id = vec![0; 16];
        rng.fill_bytes(&mut id);
        Self {
            key: SecretKey::generate(rng),
            id,
            user_handle: None,
            origin: policy.origin.clone(),
            cross_origin: false,
            rp_id: policy.rp_id.clone(),
            flags: Flags::USER_PRESENT | Flags::USER_VERIFIED,
            aaguid: Aaguid::ZERO,
            count: 0,
            attestation: "none",
            kind: None,
        }
    }

    /// Answers a server's registration options, and remembers the user handle.
    pub fn register(&mut self, options: &str) -> String {
        let options = parse(options);
        self.user_handle = Some(decode(&options["user"]["id"]));
        let client_data = self.client_data("webauthn.create", &options);
        let data = self.auth_data();
        let data = match CredentialId::new(&*self.id) {
            Ok(id) => data.with_credential(AttestedCredential {
                aaguid: self.aaguid,
                id,
                public_key: CoseKey::from_es256(self.key.public_key()),
            }),
            Err(_) => data,
        };
        let mut object = Writer::new();
        object.map(|map| {
            map.text("fmt", |writer| writer.text(self.attestation));
            map.text("attStmt", |writer| {
                writer.map(|map| {
                    if self.attestation == "packed" {
                        let signature = self.sign(data.raw(), &client_data);
                        map.text("alg", |writer| writer.integer(Algorithm::ES256.0));
                        map.text("sig", |writer| writer.bytes(&signature));
                    }
                });
            });
            map.text("authData", |writer| writer.bytes(data.raw()));
        });
        self.answer(json!({
            "clientDataJSON": encode(client_data.as_bytes()),
            "attestationObject": encode(&object.into_bytes()),
            "transports": ["hybrid", "internal"],
        }))
    }

    /// Answers a server's sign-in options.
    pub fn sign_in(&self, options: &str) -> String {
        let client_data = self.client_data("webauthn.get", &parse(options));
        let data = self.auth_data();
        self.answer(json!({
            "clientDataJSON": encode(client_data.as_bytes()),
            "authenticatorData": encode(data.raw()),
            "signature": encode(&self.sign(data.raw(), &client_data)),
            "userHandle": self.user_handle.as_deref().map(encode),
        }))
    }

    fn client_data(&self, kind: &'static str, options: &Value) -> String {
        json!({
            "type": self.kind.unwrap_or(kind),
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        })
        .to_string()
    }

    fn auth_data(&self) -> AuthenticatorData {
        AuthenticatorData::new(sha256(&[self.rp_id.as_bytes()]), self.flags, self.count)
    }

    fn sign(&self, auth_data: &[u8], client_data: &str) -> Vec<u8> {
        let mut message = auth_data.to_vec();
        message.extend(sha256(&[client_data.as_bytes()]));
        self.key.sign(&message)
    }

    fn answer(&self, response: Value) -> String {
        let id = encode(&self.id);
        json!({"id": id, "rawId": id, "type": "public-key", "response": response}).to_string()
    }
}

/// An attack on a relying party. `Display` describes it in one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Attack {
    #[error("A phishing site forwards a sign-in that was made on its own pages.")]
    AnotherOrigin,
    #[error("A signed answer is stolen and sent a second time.")]
    Replay,
    #[error("An answer is held back until the challenge has expired.")]
    LateAnswer,
    #[error("An answer to the attacker's challenge is sent from the victim's session.")]
    AnotherSession,
    #[error("A thief of the phone signs in without unlocking it.")]
    UnverifiedUser,
    #[error("A synced passkey is registered at a site that allows device-bound passkeys only.")]
    SyncedPasskey,
    #[error("A passkey of a blocked authenticator model is registered.")]
    BlockedModel,
    #[error("A passkey without attestation is registered at a site that requires it.")]
    NoAttestation,
    #[error("A passkey signs in to another user's account.")]
    AnotherAccount,
    #[error("A copy of a passkey signs in after the original.")]
    CopiedPasskey,
}

impl Attack {
    pub const ALL: [Self; 10] = [
        Self::AnotherOrigin,
        Self::Replay,
        Self::LateAnswer,
        Self::AnotherSession,
        Self::UnverifiedUser,
        Self::SyncedPasskey,
        Self::BlockedModel,
        Self::NoAttestation,
        Self::AnotherAccount,
        Self::CopiedPasskey,
    ];

    /// The check that stops it.
    pub fn expected(self) -> Refusal {
        match self {
            Self::AnotherOrigin => Refusal::WrongOrigin,
            Self::Replay => Refusal::UnknownChallenge,
            Self::LateAnswer => Refusal::ExpiredChallenge,
            Self::AnotherSession => Refusal::OtherSession,
            Self::UnverifiedUser => Refusal::UserNotVerified,
            Self::SyncedPasskey => Refusal::SyncedNotAllowed,
            Self::BlockedModel => Refusal::ModelNotAllowed,
            Self::NoAttestation => Refusal::NotAttested,
            Self::AnotherAccount => Refusal::OtherAccount,
            Self::CopiedPasskey => Refusal::Counter,
        }
    }

    /// Tries it on a server of its own; an attack that works is `Ok`.
    pub fn attempt(self, rng: &mut impl CryptoRng) -> Result<(), Refusal> {
        let mut stage = Stage::new(rng)?;
        match self {
            Self::AnotherOrigin => stage.alice.origin = "https://examp1e.com".to_owned(),
            Self::Replay => {
                let options = stage.server.start_sign_in(SESSION, None, NOW, rng);
                let answer = stage.alice.sign_in(&options);
                stage.server.finish_sign_in(SESSION, &answer, NOW)?;
                return stage.server.finish_sign_in(SESSION, &answer, NOW).map(drop);
            }
            Self::LateAnswer => {
                let options = stage.server.start_sign_in(SESSION, None, NOW, rng);
                let answer = stage.alice.sign_in(&options);
                let later = NOW + CHALLENGE_LIFETIME;
                return stage.server.finish_sign_in(SESSION, &answer, later).map(drop);
            }
            Self::AnotherSession => {
                let options = stage.server.start_sign_in("mallory's", None, NOW, rng);
                let answer = stage.alice.sign_in(&options);
                return stage.server.finish_sign_in(SESSION, &answer, NOW).map(drop);
            }
            Self::UnverifiedUser => stage.alice.flags = Flags::USER_PRESENT,
            Self::SyncedPasskey => {
                stage.server.policy.backup = BackupPolicy::DeviceBound;
                stage.mallory.flags = stage.mallory.flags | Flags::BACKUP_ELIGIBLE;
                return stage.register_mallory(rng);
            }
            Self::BlockedModel => {
                stage.server.policy.models = ModelPolicy::AllBut(vec![stage.mallory.aaguid]);
                return stage.register_mallory(rng);
            }
            Self::NoAttestation => {
                stage.server.policy.attestation = AttestationPolicy::Enforced;
                return stage.register_mallory(rng);
            }
            Self::AnotherAccount => {
                stage.register_mallory(rng)?;
                stage.mallory.user_handle.clone_from(&stage.alice.user_handle);
                let options = stage.server.start_sign_in(SESSION, None, NOW, rng);
                let answer = stage.mallory.sign_in(&options);
                return stage.server.finish_sign_in(SESSION, &answer, NOW).map(drop);
            }
            Self::CopiedPasskey => {
                let copy = stage.alice.clone();
                stage.alice.count += 1;
                stage.sign_in_alice(rng)?;
                stage.alice = copy;
            }
        }
        stage.sign_in_alice(rng).map(drop)
    }
}

const SESSION: &str = "the victim's";
const NOW: Duration = Duration::from_secs(1000);

/// A server, Alice who has a passkey there, and Mallory.
struct Stage {
    server: RelyingParty,
    alice: Puppet,
    mallory: Puppet,
}

impl Stage {
    fn new(rng: &mut impl CryptoRng) -> Result<Self, Refusal> {
        let policy = Policy::new("example.com", "https://example.com");
        let mut alice = Puppet::honest(&policy, rng);
        let mallory = Puppet { aaguid: Aaguid([0x66; 16]), ..Puppet::honest(&policy, rng) };
        let mut server = RelyingParty::new(policy);
        let options = server.start_registration(SESSION, "alice", NOW, rng);
        server.finish_registration(SESSION, &alice.register(&options), NOW)?;
        Ok(Self { server, alice, mallory })
    }

    fn sign_in_alice(&mut self, rng: &mut impl CryptoRng) -> Result<SignedIn, Refusal> {
        let options = self.server.start_sign_in(SESSION, Some("alice"), NOW, rng);
        self.server.finish_sign_in(SESSION, &self.alice.sign_in(&options), NOW)
    }

    fn register_mallory(&mut self, rng: &mut impl CryptoRng) -> Result<(), Refusal> {
        let options = self.server.start_registration(SESSION, "mallory", NOW, rng);
        let answer = self.mallory.register(&options);
        self.server.finish_registration(SESSION, &answer, NOW).map(drop)
    }
}

fn parse(options: &str) -> Value {
    serde_json::from_str(options).unwrap_or_default()
}

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn decode(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default()
}
