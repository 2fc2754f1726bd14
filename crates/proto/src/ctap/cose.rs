//! Public keys of credentials: COSE keys [RFC 9052 §7] [RFC 9053 §7.1.1], as WebAuthn
//! restricts them [WebAuthn L3 §5.8.5].
//!
//! ```text
//! {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: X[32], -3: Y[32]}
//! ```
//!
//! ES256 keys are checked and typed. Keys of other algorithms are carried as
//! the bytes they came in, for the relying party to check; a client also compares
//! the form of EdDSA and RS256 keys with their algorithm, as Chromium does.

use std::fmt;

use super::raw::RawCbor;
use crate::cbor::{CborError, Decode, Encode, MapKey, Reader, Writer};
use crate::crypto::PublicKey;

const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;

const KEY_TYPE_OKP: i64 = 1;
const KEY_TYPE_EC2: i64 = 2;
const KEY_TYPE_RSA: i64 = 3;
const CURVE_P256: i64 = 1;
const CURVE_ED25519: i64 = 6;

/// The modulus and the exponent of an RSA key, where other keys have curve and X.
const N: i64 = CURVE;
const E: i64 = X;

/// A signature algorithm, by its number in the COSE registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Algorithm(pub i64);

impl Algorithm {
    /// ECDSA with P-256 and SHA-256: what phones make.
    pub const ES256: Self = Self(-7);
    /// `EdDSA` with Ed25519.
    pub const EDDSA: Self = Self(-8);
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub const RS256: Self = Self(-257);
}

/// A credential's public key, with the bytes it came in.
#[derive(Clone, PartialEq, Eq)]
pub struct CoseKey {
    raw: RawCbor,
    algorithm: Algorithm,
    es256: Option<PublicKey>,
}

impl CoseKey {
    /// The key of an ES256 credential.
    #[must_use]
    pub fn from_es256(key: &PublicKey) -> Self {
        let mut writer = Writer::new();
        writer.map(|map| {
            map.integer(KEY_TYPE, |writer| writer.integer(KEY_TYPE_EC2));
            map.integer(ALGORITHM, |writer| writer.integer(Algorithm::ES256.0));
            map.integer(CURVE, |writer| writer.integer(CURVE_P256));
            map.integer(X, |writer| writer.bytes(key.x()));
            map.integer(Y, |writer| writer.bytes(key.y()));
        });
        Self { raw: RawCbor::written(writer), algorithm: Algorithm::ES256, es256: Some(*key) }
    }

    /// The algorithm that the key says it is for.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key itself, if it is for [`Algorithm::ES256`].
    #[must_use]
    pub const fn es256(&self) -> Option<&PublicKey> {
        self.es256.as_ref()
    }

    /// Whether the key has the form that its algorithm has. `true` for algorithms
    /// that this crate does not know.
    pub(crate) fn fits_its_algorithm(&self) -> bool {
        let fits = match self.algorithm {
            Algorithm::EDDSA => self.is_ed25519(),
            Algorithm::RS256 => self.is_rsa(),
            // An ES256 key was checked when it was read.
            _ => Ok(true),
        };
        fits.unwrap_or(false)
    }

    fn is_ed25519(&self) -> Result<bool, CborError> {
        let (mut key_type, mut curve, mut x) = (None, None, None);
        Reader::new(self.raw()).map(|key, reader| {
            match key {
                MapKey::Integer(KEY_TYPE) => key_type = Some(reader.integer()?),
                MapKey::Integer(CURVE) => curve = Some(reader.integer()?),
                MapKey::Integer(X) => x = Some(reader.bytes()?.len()),
                _ => {}
            }
            Ok(())
        })?;
        Ok((key_type, curve, x) == (Some(KEY_TYPE_OKP), Some(CURVE_ED25519), Some(32)))
    }

    fn is_rsa(&self) -> Result<bool, CborError> {
        let (mut key_type, mut modulus, mut exponent) = (None, 0, 0);
        Reader::new(self.raw()).map(|key, reader| {
            match key {
                MapKey::Integer(KEY_TYPE) => key_type = Some(reader.integer()?),
                MapKey::Integer(N) => modulus = reader.bytes()?.len(),
                MapKey::Integer(E) => exponent = reader.bytes()?.len(),
                _ => {}
            }
            Ok(())
        })?;
        Ok(key_type == Some(KEY_TYPE_RSA) && modulus > 0 && exponent > 0)
    }

    /// The COSE key's bytes.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        self.raw.as_bytes()
    }
}

impl Encode for CoseKey {
    fn encode(&self, writer: &mut Writer) {
        writer.value(&self.raw);
    }
}

impl<'a> Decode<'a> for CoseKey {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        let raw = RawCbor::decode(reader)?;
        let mut algorithm = None;
        Reader::new(raw.as_bytes()).map(|key, reader| {
            if key == MapKey::Integer(ALGORITHM) {
                algorithm = Some(Algorithm(reader.integer()?));
            }
            Ok(())
        })?;
        let algorithm = algorithm.ok_or(CborError::Missing("the public key's algorithm"))?;
        let es256 = match algorithm {
            Algorithm::ES256 => Some(es256(&raw)?),
            _ => None,
        };
        Ok(Self { raw, algorithm, es256 })
    }
}

/// WebAuthn fixes type, curve and the uncompressed form for this algorithm.
fn es256(raw: &RawCbor) -> Result<PublicKey, CborError> {
    const INVALID: CborError = CborError::Invalid("the public key");
    let (mut x, mut y) = (None, None);
    let (mut key_type, mut curve) = (None, None);
    Reader::new(raw.as_bytes()).map(|key, reader| {
        match key {
            MapKey::Integer(KEY_TYPE) => key_type = Some(reader.integer()?),
            MapKey::Integer(CURVE) => curve = Some(reader.integer()?),
            MapKey::Integer(X) => x = Some(reader.byte_array("the public key")?),
            MapKey::Integer(Y) => y = Some(reader.byte_array("the public key")?),
            _ => {}
        }
        Ok(())
    })?;
    if (key_type, curve) != (Some(KEY_TYPE_EC2), Some(CURVE_P256)) {
        return Err(INVALID);
    }
    let (Some(x), Some(y)) = (x, y) else { return Err(INVALID) };
    PublicKey::from_coordinates(x, y).map_err(|_| INVALID)
}

impl fmt::Debug for CoseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoseKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{decode, encode};
    use crate::crypto::SecretKey;

    fn point() -> PublicKey {
        *SecretKey::from_scalar(&[0x42; 32]).unwrap().public_key()
    }

    #[test]
    fn es256_keys_are_written_and_read() {
        let key = CoseKey::from_es256(&point());
        let bytes = encode(&key);
        assert_eq!(bytes[..10], [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        let read: CoseKey = decode(&bytes).unwrap();
        assert_eq!(read, key);
        assert_eq!(read.es256(), Some(&point()));
        assert_eq!(read.raw(), bytes);
    }

    #[test]
    fn es256_keys_of_another_shape_are_refused() {
        let good = encode(&CoseKey::from_es256(&point()));
        for (at, byte) in [(2, 0x01), (6, 0x02), (20, good[20] ^ 1)] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            assert_eq!(
                decode::<CoseKey>(&bytes),
                Err(CborError::Invalid("the public key")),
                "byte {at}"
            );
        }
        // Y as a sign bit: COSE's compressed form, which WebAuthn forbids.
        let mut compressed = good[..42].to_vec();
        compressed.extend([0x22, 0xf5]);
        assert!(matches!(decode::<CoseKey>(&compressed), Err(CborError::Expected(_))));
        let mut without_y = good[..42].to_vec();
        without_y[0] = 0xa4;
        assert_eq!(decode::<CoseKey>(&without_y), Err(CborError::Invalid("the public key")));
    }

    #[test]
    fn keys_of_other_algorithms_are_carried() {
        let bytes = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x41, 0x07];
        let key: CoseKey = decode(&bytes).unwrap();
        assert_eq!(key.algorithm(), Algorithm::EDDSA);
        assert_eq!(key.es256(), None);
        assert_eq!(encode(&key), bytes);
    }

    #[test]
    fn a_key_without_an_algorithm_is_refused() {
        assert_eq!(
            decode::<CoseKey>(&[0xa1, 0x01, 0x02]),
            Err(CborError::Missing("the public key's algorithm"))
        );
        assert!(matches!(decode::<CoseKey>(&[0x80]), Err(CborError::Expected(_))));
    }
}
