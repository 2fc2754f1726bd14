//! Authenticator data: [WebAuthn L3 §6.1]. What a credential signs, together
//! with the hash of the client data.
//!
//! ```text
//! 0           32      33          37
//! | SHA-256 of | flags | signature | attested credential | extension   |
//! | the RP ID  |       | counter   | data, if flag AT    | outputs: a  |
//! |            |       | (BE)      |                     | map, if ED  |
//!                                  /                     \
//!            | AAGUID, 16 | length L, 2 (BE) | id, L | COSE key |
//! ```
//!
//! The signature is over these very bytes, so they are kept as they came and
//! nothing is ever written again from the parts.
//!
//! Reserved flags are kept. The relying party refuses backup
//! state without eligibility [WebAuthn L3 §7.2].

use std::collections::BTreeMap;
use std::fmt;
use std::ops::BitOr;

use super::cose::CoseKey;
use super::entity::CredentialId;
use super::raw::{self, RawCbor};
use crate::cbor::{CborError, Decode, Encode, Reader, Writer};

/// Length in bytes of the part that is always there.
const MIN_LENGTH: usize = 37;

/// The flags of authenticator data.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// UP: the user was present.
    pub const USER_PRESENT: Self = Self(0x01);
    /// UV: the user was verified.
    pub const USER_VERIFIED: Self = Self(0x04);
    /// BE: the credential may be backed up, as synced passkeys are.
    pub const BACKUP_ELIGIBLE: Self = Self(0x08);
    /// BS: the credential is backed up now.
    pub const BACKED_UP: Self = Self(0x10);
    /// AT: attested credential data follows.
    pub const ATTESTED_CREDENTIAL: Self = Self(0x40);
    /// ED: extension outputs follow.
    pub const EXTENSIONS: Self = Self(0x80);

    const NAMES: [(Self, &'static str); 6] = [
        (Self::USER_PRESENT, "UP"),
        (Self::USER_VERIFIED, "UV"),
        (Self::BACKUP_ELIGIBLE, "BE"),
        (Self::BACKED_UP, "BS"),
        (Self::ATTESTED_CREDENTIAL, "AT"),
        (Self::EXTENSIONS, "ED"),
    ];

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({:#04x}", self.0)?;
        for (flag, name) in Self::NAMES {
            if self.contains(flag) {
                write!(f, " {name}")?;
            }
        }
        f.write_str(")")
    }
}

/// The model of an authenticator. `Display` writes it as a UUID.
///
/// Without an attestation it is a claim and no more.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Aaguid(pub [u8; 16]);

impl Aaguid {
    /// The model that tells nothing.
    pub const ZERO: Self = Self([0; 16]);
}

impl fmt::Display for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aaguid({self})")
    }
}

/// A new credential, as authenticator data carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestedCredential {
    /// The model that made it.
    pub aaguid: Aaguid,
    /// Its id.
    pub id: CredentialId,
    /// Its public key.
    pub public_key: CoseKey,
}

/// Authenticator data, with the bytes that are signed.
///
/// `Debug` prints flags, counter and lengths.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticatorData {
    raw: Vec<u8>,
    rp_id_hash: [u8; 32],
    flags: Flags,
    sign_count: u32,
    credential: Option<AttestedCredential>,
    extensions: BTreeMap<String, RawCbor>,
}

impl AuthenticatorData {
    /// Data without a credential and without extensions, as assertions have.
    ///
    /// AT and ED are not taken from `flags`: they follow from what is added.
    #[must_use]
    pub fn new(rp_id_hash: [u8; 32], flags: Flags, sign_count: u32) -> Self {
        let flags = flags.without(Flags::ATTESTED_CREDENTIAL | Flags::EXTENSIONS);
        Self {
            raw: Vec::new(),
            rp_id_hash,
            flags,
            sign_count,
            credential: None,
            extensions: BTreeMap::new(),
        }
        .assembled()
    }

    /// Adds a new credential, as registrations have one.
    #[must_use]
    pub fn with_credential(mut self, credential: AttestedCredential) -> Self {
        self.flags = self.flags | Flags::ATTESTED_CREDENTIAL;
        self.credential = Some(credential);
        self.assembled()
    }

    /// Adds extension outputs by name. None at all leaves the data as it is.
    #[must_use]
    pub fn with_extensions(mut self, extensions: BTreeMap<String, RawCbor>) -> Self {
        if extensions.is_empty() {
            return self;
        }
        self.flags = self.flags | Flags::EXTENSIONS;
        self.extensions = extensions;
        self.assembled()
    }

    /// Reads and keeps `bytes`.
    ///
    /// # Errors
    /// [`CborError::Invalid`] for a length or credential that cannot be, and those
    /// of the CBOR inside.
    pub fn parse(bytes: &[u8]) -> Result<Self, CborError> {
        const TOO_SHORT: CborError = CborError::Invalid("the length of the authenticator data");
        let (fixed, mut rest) = bytes.split_first_chunk::<MIN_LENGTH>().ok_or(TOO_SHORT)?;
        let (rp_id_hash, fixed) = fixed.split_first_chunk::<32>().ok_or(TOO_SHORT)?;
        let (&[flags], fixed) = fixed.split_first_chunk::<1>().ok_or(TOO_SHORT)?;
        let (sign_count, _) = fixed.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
        let flags = Flags(flags);

        let mut credential = None;
        if flags.contains(Flags::ATTESTED_CREDENTIAL) {
            let (aaguid, after) = rest.split_first_chunk::<16>().ok_or(TOO_SHORT)?;
            let (length, after) = after.split_first_chunk::<2>().ok_or(TOO_SHORT)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (id, after) = after.split_at_checked(length).ok_or(TOO_SHORT)?;
            let id = CredentialId::from_message(id)?;
            let mut reader = Reader::new(after);
            let public_key = CoseKey::decode(&mut reader)?;
            rest = reader.remaining();
            credential = Some(AttestedCredential { aaguid: Aaguid(*aaguid), id, public_key });
        }

        let mut extensions = BTreeMap::new();
        if flags.contains(Flags::EXTENSIONS) {
            let mut reader = Reader::new(rest);
            extensions = raw::extensions(&mut reader, |_, _| Ok(false))?;
            rest = reader.remaining();
        }
        if !rest.is_empty() {
            return Err(CborError::TrailingBytes);
        }
        Ok(Self {
            raw: bytes.to_vec(),
            rp_id_hash: *rp_id_hash,
            flags,
            sign_count: u32::from_be_bytes(*sign_count),
            credential,
            extensions,
        })
    }

    /// The bytes that are signed, as they came or as they were put together.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// SHA-256 of the RP ID.
    #[must_use]
    pub const fn rp_id_hash(&self) -> &[u8; 32] {
        &self.rp_id_hash
    }

    /// The flags: user presence, user verification and backup of the credential.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// The signature counter; 0 from authenticators that do not count.
    #[must_use]
    pub const fn sign_count(&self) -> u32 {
        self.sign_count
    }

    /// The new credential, in a registration.
    #[must_use]
    pub const fn credential(&self) -> Option<&AttestedCredential> {
        self.credential.as_ref()
    }

    /// The signed extension outputs by name. Those of phones come unsigned, in
    /// the response beside this.
    #[must_use]
    pub const fn extensions(&self) -> &BTreeMap<String, RawCbor> {
        &self.extensions
    }

    fn assembled(mut self) -> Self {
        let mut raw = Vec::with_capacity(MIN_LENGTH);
        raw.extend_from_slice(&self.rp_id_hash);
        raw.push(self.flags.0);
        raw.extend_from_slice(&self.sign_count.to_be_bytes());
        if let Some(credential) = &self.credential {
            let id = credential.id.as_bytes();
            raw.extend_from_slice(&credential.aaguid.0);
            // A credential id has at most 1,023 bytes: two are enough.
            raw.extend_from_slice(&(id.len() as u16).to_be_bytes());
            raw.extend_from_slice(id);
            raw.extend_from_slice(credential.public_key.raw());
        }
        if !self.extensions.is_empty() {
            let mut writer = Writer::after(raw);
            writer.map(|map| {
                for (name, value) in &self.extensions {
                    map.text(name, |writer| writer.value(value));
                }
            });
            raw = writer.into_bytes();
        }
        self.raw = raw;
        self
    }
}

impl Encode for AuthenticatorData {
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&self.raw);
    }
}

impl<'a> Decode<'a> for AuthenticatorData {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        Self::parse(reader.bytes()?)
    }
}

impl fmt::Debug for AuthenticatorData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticatorData")
            .field("flags", &self.flags)
            .field("sign_count", &self.sign_count)
            .field("credential", &self.credential)
            .field("length", &self.raw.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::SecretKey;

    fn credential(id: &[u8]) -> AttestedCredential {
        AttestedCredential {
            aaguid: Aaguid([0xaa; 16]),
            id: CredentialId::new(id).unwrap(),
            public_key: CoseKey::from_es256(
                SecretKey::from_scalar(&[0x42; 32]).unwrap().public_key(),
            ),
        }
    }

    fn outputs() -> BTreeMap<String, RawCbor> {
        BTreeMap::from([("hmac-secret".to_owned(), RawCbor::new(vec![0xf5]).unwrap())])
    }

    #[test]
    fn an_assertion_has_37_bytes() {
        let data = AuthenticatorData::new([7; 32], Flags(0x1d), 0x0102_0304);
        let mut expected = vec![7; 32];
        expected.extend([0x1d, 1, 2, 3, 4]);
        assert_eq!(data.raw(), expected);
        assert_eq!(AuthenticatorData::parse(&expected), Ok(data));
    }

    #[test]
    fn flags_of_parts_follow_from_the_parts() {
        let bare = AuthenticatorData::new([0; 32], Flags(0xc1), 0);
        assert_eq!(bare.flags(), Flags::USER_PRESENT);
        assert_eq!(bare.clone().with_extensions(BTreeMap::new()), bare);
        let full = bare.with_credential(credential(b"id")).with_extensions(outputs());
        assert_eq!(full.flags(), Flags(0xc1));
        assert_eq!(AuthenticatorData::parse(full.raw()), Ok(full));
    }

    #[test]
    fn every_truncation_and_every_extra_byte_is_refused() {
        let data = AuthenticatorData::new([0; 32], Flags::USER_PRESENT, 9)
            .with_credential(credential(&[0x55; 20]))
            .with_extensions(outputs());
        for length in 0..data.raw().len() {
            assert!(AuthenticatorData::parse(&data.raw()[..length]).is_err(), "{length} bytes");
        }
        let mut longer = data.raw().to_vec();
        longer.push(0);
        assert_eq!(AuthenticatorData::parse(&longer), Err(CborError::TrailingBytes));
    }

    #[test]
    fn a_credential_id_of_more_than_1023_bytes_is_refused() {
        let mut bytes = vec![0; 32];
        bytes.extend([0x41, 0, 0, 0, 0]);
        bytes.extend([0; 16]);
        bytes.extend([0x04, 0x00]);
        bytes.extend([0; 1024]);
        bytes.extend(credential(b"").public_key.raw());
        assert_eq!(AuthenticatorData::parse(&bytes), Err(CborError::Invalid("the credential id")));
    }

    #[test]
    fn debug_shows_no_byte_of_the_hash_or_the_id() {
        let data = AuthenticatorData::new([0xcd; 32], Flags(0x05), 0)
            .with_credential(credential(&[0xcd; 16]));
        let debug = format!("{data:?}");
        assert!(debug.contains("Flags(0x45 UP UV AT)"), "{debug}");
        assert!(!debug.contains("cd") && !debug.contains("205"), "{debug}");
        assert_eq!(Aaguid([0x0f; 16]).to_string(), "0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f");
    }

    proptest! {
        #[test]
        fn what_is_put_together_is_read_back(
            hash: [u8; 32],
            flags: u8,
            count: u32,
            id in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..=1023)),
            with_outputs: bool,
        ) {
            let mut data = AuthenticatorData::new(hash, Flags(flags), count);
            if let Some(id) = id {
                data = data.with_credential(credential(&id));
            }
            if with_outputs {
                data = data.with_extensions(outputs());
            }
            prop_assert_eq!(AuthenticatorData::parse(data.raw()), Ok(data));
        }

        #[test]
        fn any_bytes_are_read_without_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            if let Ok(data) = AuthenticatorData::parse(&bytes) {
                prop_assert_eq!(data.raw(), bytes);
            }
        }
    }
}
