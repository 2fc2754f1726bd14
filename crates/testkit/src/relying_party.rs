//! A relying party: the server that a passkey signs in to.
//!
//! A passkey is only as good as the checks of the server behind it. The phone
//! proves three things with one signature: it has the key, its user agreed (and
//! was verified), and *this* relying party asked *this* question. The server has to look
//! at all three, since an attacker may have an honest signature of the wrong
//! question: of another relying party, of yesterday, of another person.
//!
//! ```text
//! browser or program                                 this server
//!   start_registration / start_sign_in  ──────────►   a fresh challenge, remembered
//!   options JSON                        ◄──────────   for this session, for 5 minutes
//!      ... QR code, phone, signature ...
//!   answer JSON                         ──────────►   finish_…: every check of
//!                                                     [WebAuthn L3 §7.1, §7.2], or a Refusal
//! ```
//!
//! Each check has its own [`Refusal`], so that it can be seen (and tested) to
//! be the one that refuses. A real server logs the refusal and tells the person
//! nothing but "no": the difference helps attackers more than users.
//!
//! Accounts live in memory, and there are no certificates: an attestation can
//! be asked for and refused here, not verified up to its maker.

#![allow(clippy::indexing_slicing, reason = "a member that a JSON value lacks is null")]

use std::collections::HashMap;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use fido_hybrid::cbor::{MapKey, Reader};
use fido_hybrid::crypto::{PublicKey, sha256};
use fido_hybrid::ctap::{Aaguid, Algorithm, AuthenticatorData, CredentialId, Flags};
use rand_core::CryptoRng;
use serde_json::{Value, json};

/// How long a challenge is good: long enough to find the phone and unlock it.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(300);

/// The longest answer in bytes. An honest one has two or three thousand.
const MAX_ANSWER: usize = 64 * 1024;

/// Microsoft Authenticator on Android, by its AAGUID.
pub const MICROSOFT_AUTHENTICATOR_ANDROID: Aaguid = Aaguid([
    0xde, 0x1e, 0x55, 0x2d, 0xdb, 0x1d, 0x44, 0x23, 0xa6, 0x19, 0x56, 0x6b, 0x62, 0x5c, 0xdc, 0x84,
]);

/// Microsoft Authenticator on iOS, by its AAGUID.
pub const MICROSOFT_AUTHENTICATOR_IOS: Aaguid = Aaguid([
    0x90, 0xa3, 0xcc, 0xdf, 0x63, 0x5c, 0x47, 0x29, 0xa2, 0x48, 0x9b, 0x70, 0x91, 0x35, 0x07, 0x8f,
]);

/// What this server accepts.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The domain that passkeys are bound to.
    pub rp_id: String,
    /// The only origin that may ask, spelled exactly: no `/` at the end.
    pub origin: String,
    /// Algorithms on offer, the best first.
    pub algorithms: Vec<Algorithm>,
    /// Passkeys that stay on one device, that sync, or both.
    pub backup: BackupPolicy,
    /// Which models.
    pub models: ModelPolicy,
    /// Whether a model must prove that it is one.
    pub attestation: AttestationPolicy,
    /// Whether the phone must make sure that it is its user, by face, finger or
    /// PIN, which flag UV tells.
    pub verification: VerificationPolicy,
}

/// How much the server wants the user verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationPolicy {
    Required,
    Preferred,
    Discouraged,
}

impl VerificationPolicy {
    /// As it stands in options.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
            Self::Discouraged => "discouraged",
        }
    }
}

/// Flag BE tells whether a passkey can ever leave its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupPolicy {
    Any,
    DeviceBound,
    Synced,
}

/// An AAGUID names a model. Without an attestation that is a claim: a list
/// keeps honest people to the models that they were given, not attackers out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelPolicy {
    Any,
    Only(Vec<Aaguid>),
    AllBut(Vec<Aaguid>),
}

/// Over the hybrid transport phones attest nothing: who enforces attestation,
/// as Entra can, must register passkeys inside the authenticator's own app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttestationPolicy {
    NotNeeded,
    Enforced,
}

impl Policy {
    /// Any passkey of a verified user.
    pub fn new(rp_id: &str, origin: &str) -> Self {
        Self {
            rp_id: rp_id.to_owned(),
            origin: origin.to_owned(),
            algorithms: vec![Algorithm::ES256],
            backup: BackupPolicy::Any,
            models: ModelPolicy::Any,
            attestation: AttestationPolicy::NotNeeded,
            verification: VerificationPolicy::Required,
        }
    }
}

/// Which check refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0} is missing or malformed")]
    Malformed(&'static str),
    #[error("no such account")]
    UnknownAccount,
    #[error("the challenge was never issued, or was already used")]
    UnknownChallenge,
    #[error("the challenge is too old")]
    ExpiredChallenge,
    #[error("the challenge was issued to another session")]
    OtherSession,
    #[error("the answer is to another type of request")]
    WrongType,
    #[error("the answer was made for another origin")]
    WrongOrigin,
    #[error("the answer was made in another origin's frame")]
    CrossOrigin,
    #[error("the answer was made for another RP ID")]
    WrongRpId,
    #[error("the user was not present")]
    UserNotPresent,
    #[error("the user was not verified")]
    UserNotVerified,
    #[error("the answer contains no new credential")]
    NoCredential,
    #[error("the credential's id is not the one that was signed")]
    IdMismatch,
    #[error("the credential is already registered")]
    IdTaken,
    #[error("the credential's algorithm was not offered")]
    Algorithm,
    #[error("the passkey is marked as backed up but not as eligible for backup")]
    BackupFlags,
    #[error("synced passkeys are not allowed")]
    SyncedNotAllowed,
    #[error("passkeys bound to one device are not allowed")]
    DeviceBoundNotAllowed,
    #[error("this model of authenticator is not allowed")]
    ModelNotAllowed,
    #[error("the model is not attested")]
    NotAttested,
    #[error("the attestation is invalid")]
    AttestationInvalid,
    #[error("the credential is unknown")]
    UnknownCredential,
    #[error("the credential was revoked")]
    Revoked,
    #[error("the answer has no user handle")]
    NoUserHandle,
    #[error("the passkey belongs to another account")]
    OtherAccount,
    #[error("the signature is invalid")]
    Signature,
    #[error("the credential's eligibility for backup has changed")]
    BackupEligibilityChanged,
    #[error("the counter did not increase: the credential may have been copied")]
    Counter,
}

/// A passkey on file.
#[derive(Clone, Debug)]
pub struct Credential {
    pub account: String,
    pub public_key: PublicKey,
    pub aaguid: Aaguid,
    pub transports: Vec<String>,
    pub backup_eligible: bool,
    pub backed_up: bool,
    pub sign_count: u32,
    pub revoked: bool,
}

/// Who is signed in, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub account: String,
    pub credential: CredentialId,
}

/// The server. Times are since any fixed moment.
#[derive(Debug)]
pub struct RelyingParty {
    pub policy: Policy,
    /// User handles by account: random, so that they tell nothing about people.
    accounts: HashMap<String, Vec<u8>>,
    credentials: HashMap<CredentialId, Credential>,
    challenges: HashMap<Vec<u8>, Question>,
}

/// What a challenge was issued for.
#[derive(Debug)]
struct Question {
    session: String,
    purpose: Purpose,
    expires: Duration,
}

#[derive(Debug)]
enum Purpose {
    Register { account: String },
    SignIn { account: Option<String> },
}

impl RelyingParty {
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            accounts: HashMap::new(),
            credentials: HashMap::new(),
            challenges: HashMap::new(),
        }
    }

    pub fn credential(&self, id: &CredentialId) -> Option<&Credential> {
        self.credentials.get(id)
    }

    /// For a lost phone. The entry stays, so that its use can be seen.
    pub fn revoke(&mut self, id: &CredentialId) {
        if let Some(credential) = self.credentials.get_mut(id) {
            credential.revoked = true;
        }
    }

    /// Asks for a passkey for `account`. The user of `session` has just proved in
    /// another way that the account is theirs.
    pub fn start_registration(
        &mut self,
        session: &str,
        account: &str,
        now: Duration,
        rng: &mut impl CryptoRng,
    ) -> String {
        let handle = self.accounts.entry(account.to_owned());
        let handle = encode(handle.or_insert_with(|| random::<16>(rng).to_vec()));
        let purpose = Purpose::Register { account: account.to_owned() };
        let challenge = self.issue(session, purpose, now, rng);
        // A phone that has one of these makes no second one.
        let exclude: Vec<Value> = self.descriptors(account);
        let parameters: Vec<Value> = (self.policy.algorithms.iter())
            .map(|algorithm| json!({"type": "public-key", "alg": algorithm.0}))
            .collect();
        let attestation = match self.policy.attestation {
            AttestationPolicy::NotNeeded => "none",
            AttestationPolicy::Enforced => "direct",
        };
        let verification = self.policy.verification.as_str();
        json!({
            "rp": {"id": self.policy.rp_id, "name": self.policy.rp_id},
            "user": {"id": handle, "name": account, "displayName": account},
            "challenge": challenge,
            "pubKeyCredParams": parameters,
            "excludeCredentials": exclude,
            "authenticatorSelection": {"residentKey": "required", "userVerification": verification},
            "attestation": attestation,
            "timeout": CHALLENGE_LIFETIME.as_millis() as u64,
        })
        .to_string()
    }

    /// Asks for a sign-in: to `account`, or to whichever the person chooses on
    /// the phone.
    pub fn start_sign_in(
        &mut self,
        session: &str,
        account: Option<&str>,
        now: Duration,
        rng: &mut impl CryptoRng,
    ) -> String {
        let purpose = Purpose::SignIn { account: account.map(str::to_owned) };
        let challenge = self.issue(session, purpose, now, rng);
        let allow = account.map(|account| self.descriptors(account)).unwrap_or_default();
        json!({
            "rpId": self.policy.rp_id,
            "challenge": challenge,
            "allowCredentials": allow,
            "userVerification": self.policy.verification.as_str(),
            "timeout": CHALLENGE_LIFETIME.as_millis() as u64,
        })
        .to_string()
    }

    /// Takes a new passkey into the account that asked for it.
    pub fn finish_registration(
        &mut self,
        session: &str,
        answer: &str,
        now: Duration,
    ) -> Result<CredentialId, Refusal> {
        let answer = Answer::parse(answer)?;
        let purpose = self.check_client_data(&answer, "webauthn.create", session, now)?;
        let Purpose::Register { account } = purpose else { return Err(Refusal::WrongType) };
        self.keep(account, &answer)
    }

    fn keep(&mut self, account: String, answer: &Answer) -> Result<CredentialId, Refusal> {
        let object = bytes(&answer.json["response"], "attestationObject")?;
        let attestation = AttestationObject::parse(&object)?;
        let data = &attestation.auth_data;
        self.check_authenticator_data(data)?;

        // The id in the JSON is not signed, the one in the data is.
        let new = data.credential().ok_or(Refusal::NoCredential)?;
        if new.id != answer.id {
            return Err(Refusal::IdMismatch);
        }
        // A user who registers the id of another account would lock that account
        // out, or receive its sign-ins.
        if self.credentials.contains_key(&new.id) {
            return Err(Refusal::IdTaken);
        }
        if !self.policy.algorithms.contains(&new.public_key.algorithm()) {
            return Err(Refusal::Algorithm);
        }
        let public_key = *new.public_key.es256().ok_or(Refusal::Algorithm)?;
        self.check_model(new.aaguid)?;
        self.check_backup(data.flags())?;
        self.check_attestation(&attestation, &public_key, &answer.client_data)?;

        let transports = answer.json["response"]["transports"].as_array();
        let transports = transports.into_iter().flatten().filter_map(Value::as_str);
        let credential = Credential {
            account,
            public_key,
            aaguid: new.aaguid,
            // Kept for `allowCredentials`: without `hybrid` in there, browsers
            // offer no QR code.
            transports: transports.take(8).map(str::to_owned).collect(),
            backup_eligible: data.flags().contains(Flags::BACKUP_ELIGIBLE),
            backed_up: data.flags().contains(Flags::BACKED_UP),
            sign_count: data.sign_count(),
            revoked: false,
        };
        self.credentials.insert(new.id.clone(), credential);
        Ok(new.id.clone())
    }

    /// Signs a user in, or refuses.
    pub fn finish_sign_in(
        &mut self,
        session: &str,
        answer: &str,
        now: Duration,
    ) -> Result<SignedIn, Refusal> {
        let answer = Answer::parse(answer)?;
        let purpose = self.check_client_data(&answer, "webauthn.get", session, now)?;
        let Purpose::SignIn { account: asked } = purpose else { return Err(Refusal::WrongType) };

        let stored = self.credentials.get(&answer.id).ok_or(Refusal::UnknownCredential)?;
        let owner = self.accounts.get(&stored.account).ok_or(Refusal::Revoked)?;
        if stored.revoked {
            return Err(Refusal::Revoked);
        }
        // Whose is it? By our own files, by the phone, and by the question: all
        // that say something must say the same.
        let response = &answer.json["response"];
        match response.get("userHandle").filter(|handle| !handle.is_null()) {
            Some(_) if bytes(response, "userHandle")? != *owner => {
                return Err(Refusal::OtherAccount);
            }
            None if asked.is_none() => return Err(Refusal::NoUserHandle),
            _ => {}
        }
        if asked.is_some_and(|asked| asked != stored.account) {
            return Err(Refusal::OtherAccount);
        }

        // Nothing that the phone says counts before its signature does.
        let raw = bytes(response, "authenticatorData")?;
        let signature = bytes(response, "signature")?;
        let mut message = raw.clone();
        message.extend(sha256(&[&answer.client_data]));
        if !stored.public_key.verifies(&message, &signature) {
            return Err(Refusal::Signature);
        }
        let data = AuthenticatorData::parse(&raw);
        let data = data.map_err(|_| Refusal::Malformed("the authenticator data"))?;
        self.check_authenticator_data(&data)?;
        // Policies change: what was allowed when it was registered may not be now.
        self.check_model(stored.aaguid)?;
        // A passkey cannot become another kind of passkey.
        if data.flags().contains(Flags::BACKUP_ELIGIBLE) != stored.backup_eligible {
            return Err(Refusal::BackupEligibilityChanged);
        }
        self.check_backup(data.flags())?;
        // A copy of a key counts on its own. Synced passkeys do not count at all.
        let counts = stored.sign_count != 0 || data.sign_count() != 0;
        if counts && data.sign_count() <= stored.sign_count {
            return Err(Refusal::Counter);
        }

        let account = stored.account.clone();
        if let Some(stored) = self.credentials.get_mut(&answer.id) {
            stored.sign_count = data.sign_count();
            stored.backed_up = data.flags().contains(Flags::BACKED_UP);
        }
        Ok(SignedIn { account, credential: answer.id })
    }

    /// Takes over a registration that another server asked for, to check the
    /// answer as that one will.
    pub fn adopt_registration(
        &mut self,
        session: &str,
        account: &str,
        handle: &[u8],
        challenge: &[u8],
        now: Duration,
    ) {
        self.accounts.insert(account.to_owned(), handle.to_vec());
        self.remember(session, Purpose::Register { account: account.to_owned() }, challenge, now);
    }

    /// Takes over a sign-in that another server asked for.
    pub fn adopt_sign_in(&mut self, session: &str, challenge: &[u8], now: Duration) {
        self.remember(session, Purpose::SignIn { account: None }, challenge, now);
    }

    /// Takes a passkey on file from the answer by which it was registered
    /// earlier, whose challenge was checked then.
    pub fn adopt_passkey(
        &mut self,
        account: &str,
        handle: &[u8],
        answer: &str,
    ) -> Result<CredentialId, Refusal> {
        let answer = Answer::parse(answer)?;
        self.accounts.insert(account.to_owned(), handle.to_vec());
        self.keep(account.to_owned(), &answer)
    }

    /// All that can be checked of a sign-in with a passkey that is not on file:
    /// everything but the signature. It does not sign the user in.
    pub fn check_unsigned(
        &mut self,
        session: &str,
        answer: &str,
        now: Duration,
    ) -> Result<CredentialId, Refusal> {
        let answer = Answer::parse(answer)?;
        let purpose = self.check_client_data(&answer, "webauthn.get", session, now)?;
        let Purpose::SignIn { .. } = purpose else { return Err(Refusal::WrongType) };
        let raw = bytes(&answer.json["response"], "authenticatorData")?;
        let data = AuthenticatorData::parse(&raw);
        self.check_authenticator_data(
            &data.map_err(|_| Refusal::Malformed("the authenticator data"))?,
        )?;
        bytes(&answer.json["response"], "signature")?;
        Ok(answer.id)
    }

    fn issue(
        &mut self,
        session: &str,
        purpose: Purpose,
        now: Duration,
        rng: &mut impl CryptoRng,
    ) -> String {
        let challenge = random::<32>(rng);
        self.remember(session, purpose, &challenge, now);
        encode(&challenge)
    }

    fn remember(&mut self, session: &str, purpose: Purpose, challenge: &[u8], now: Duration) {
        // A real server also limits how many one client can have open.
        self.challenges.retain(|_, question| now < question.expires);
        let expires = now.saturating_add(CHALLENGE_LIFETIME);
        let question = Question { session: session.to_owned(), purpose, expires };
        self.challenges.insert(challenge.to_vec(), question);
    }

    fn descriptors(&self, account: &str) -> Vec<Value> {
        (self.credentials.iter())
            .filter(|(_, it)| it.account == account && !it.revoked)
            .map(|(id, it)| {
                let id = encode(id.as_bytes());
                json!({"type": "public-key", "id": id, "transports": it.transports})
            })
            .collect()
    }

    /// Is it an answer to a question that *we* asked, *here*, and only once?
    fn check_client_data(
        &mut self,
        answer: &Answer,
        kind: &str,
        session: &str,
        now: Duration,
    ) -> Result<Purpose, Refusal> {
        let data: Value = serde_json::from_slice(&answer.client_data)
            .map_err(|_| Refusal::Malformed("the client data"))?;
        // Removed before anything else is looked at: whether the rest is right
        // or wrong, there is no second try. This is what makes a stolen answer
        // worthless.
        let challenge = bytes(&data, "challenge")?;
        let question = self.challenges.remove(&challenge).ok_or(Refusal::UnknownChallenge)?;
        if now >= question.expires {
            return Err(Refusal::ExpiredChallenge);
        }
        // An attacker can start a sign-in of their own and have another user
        // answer it. The answer then belongs to the attacker's session, and it
        // comes from the victim's.
        if question.session != session {
            return Err(Refusal::OtherSession);
        }
        if data["type"] != kind {
            return Err(Refusal::WrongType);
        }
        // Here phishing ends: the victim's browser wrote down where it was.
        if data["origin"] != *self.policy.origin {
            return Err(Refusal::WrongOrigin);
        }
        // This relying party is never shown in a frame of another origin.
        if data.get("crossOrigin").is_some_and(|it| *it != false) || data.get("topOrigin").is_some()
        {
            return Err(Refusal::CrossOrigin);
        }
        Ok(question.purpose)
    }

    fn check_authenticator_data(&self, data: &AuthenticatorData) -> Result<(), Refusal> {
        if *data.rp_id_hash() != sha256(&[self.policy.rp_id.as_bytes()]) {
            return Err(Refusal::WrongRpId);
        }
        if !data.flags().contains(Flags::USER_PRESENT) {
            return Err(Refusal::UserNotPresent);
        }
        // Asking for it in the options is not enough: the options come from the
        // network, and only this bit is signed.
        if self.policy.verification == VerificationPolicy::Required
            && !data.flags().contains(Flags::USER_VERIFIED)
        {
            return Err(Refusal::UserNotVerified);
        }
        Ok(())
    }

    fn check_model(&self, aaguid: Aaguid) -> Result<(), Refusal> {
        let allowed = match &self.policy.models {
            ModelPolicy::Any => true,
            ModelPolicy::Only(models) => models.contains(&aaguid),
            ModelPolicy::AllBut(models) => !models.contains(&aaguid),
        };
        if allowed { Ok(()) } else { Err(Refusal::ModelNotAllowed) }
    }

    fn check_backup(&self, flags: Flags) -> Result<(), Refusal> {
        let eligible = flags.contains(Flags::BACKUP_ELIGIBLE);
        match self.policy.backup {
            _ if flags.contains(Flags::BACKED_UP) && !eligible => Err(Refusal::BackupFlags),
            BackupPolicy::DeviceBound if eligible => Err(Refusal::SyncedNotAllowed),
            BackupPolicy::Synced if !eligible => Err(Refusal::DeviceBoundNotAllowed),
            _ => Ok(()),
        }
    }

    /// What the statement proves: with `none` nothing; with `packed` by the
    /// passkey's own key that the key was there; with certificates which model
    /// it is, which this example cannot verify and so does not believe.
    fn check_attestation(
        &self,
        object: &AttestationObject<'_>,
        public_key: &PublicKey,
        client_data: &[u8],
    ) -> Result<(), Refusal> {
        match (object.format, &object.statement) {
            ("none", statement) if !statement.is_empty => return Err(Refusal::AttestationInvalid),
            ("packed", Statement { algorithm, signature, has_certificates: false, .. }) => {
                let mut message = object.auth_data.raw().to_vec();
                message.extend(sha256(&[client_data]));
                let signature = signature.unwrap_or_default();
                if *algorithm != Some(Algorithm::ES256.0)
                    || !public_key.verifies(&message, signature)
                {
                    return Err(Refusal::AttestationInvalid);
                }
            }
            _ => {}
        }
        match self.policy.attestation {
            AttestationPolicy::NotNeeded => Ok(()),
            AttestationPolicy::Enforced => Err(Refusal::NotAttested),
        }
    }
}

/// What registrations and sign-ins have in common.
struct Answer {
    json: Value,
    id: CredentialId,
    client_data: Vec<u8>,
}

impl Answer {
    fn parse(text: &str) -> Result<Self, Refusal> {
        const MALFORMED: Refusal = Refusal::Malformed("the answer");
        if text.len() > MAX_ANSWER {
            return Err(MALFORMED);
        }
        let json: Value = serde_json::from_str(text).map_err(|_| MALFORMED)?;
        if json["type"] != "public-key" || json["id"] != json["rawId"] {
            return Err(MALFORMED);
        }
        let id =
            CredentialId::new(bytes(&json, "rawId")?).map_err(|_| Refusal::Malformed("rawId"))?;
        // Kept as it came: these very bytes were signed.
        let client_data = bytes(&json["response"], "clientDataJSON")?;
        Ok(Self { json, id, client_data })
    }
}

struct AttestationObject<'a> {
    format: &'a str,
    auth_data: AuthenticatorData,
    statement: Statement<'a>,
}

#[derive(Default)]
struct Statement<'a> {
    is_empty: bool,
    algorithm: Option<i64>,
    signature: Option<&'a [u8]>,
    has_certificates: bool,
}

impl<'a> AttestationObject<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let (mut format, mut auth_data, mut statement) = (None, None, None);
        let mut reader = Reader::new(bytes);
        let read = reader.map(|key, reader| {
            match key {
                MapKey::Text("fmt") => format = Some(reader.text()?),
                MapKey::Text("authData") => {
                    auth_data = Some(AuthenticatorData::parse(reader.bytes()?)?)
                }
                MapKey::Text("attStmt") => {
                    let mut members = Statement { is_empty: true, ..Statement::default() };
                    reader.map(|key, reader| {
                        members.is_empty = false;
                        match key {
                            MapKey::Text("alg") => members.algorithm = Some(reader.integer()?),
                            MapKey::Text("sig") => members.signature = Some(reader.bytes()?),
                            MapKey::Text("x5c") => members.has_certificates = true,
                            _ => {}
                        }
                        Ok(())
                    })?;
                    statement = Some(members);
                }
                _ => {}
            }
            Ok(())
        });
        // `finish`: nothing may follow.
        match (read.and_then(|()| reader.finish()), format, auth_data, statement) {
            (Ok(()), Some(format), Some(auth_data), Some(statement)) => {
                Ok(Self { format, auth_data, statement })
            }
            _ => Err(Refusal::Malformed("the attestation object")),
        }
    }
}

fn bytes(object: &Value, member: &'static str) -> Result<Vec<u8>, Refusal> {
    let text = object[member].as_str().ok_or(Refusal::Malformed(member))?;
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Refusal::Malformed(member))
}

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn random<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}
