//! Public keys as relying parties without COSE read them: the DER of a
//! `SubjectPublicKeyInfo` [RFC 5280 §4.1], from the COSE key of a
//! credential [WebAuthn L3 §5.2.1.1, §5.8.5].
//!
//! ```text
//! COSE algorithm                key                 SubjectPublicKeyInfo
//! ES256 -7    ESP256 -9         EC2, P-256          RFC 5480, uncompressed point
//! ES384 -35   ESP384 -51        EC2, P-384          RFC 5480, uncompressed point
//! ES512 -36   ESP512 -52        EC2, P-521          RFC 5480, uncompressed point
//! EdDSA -8    Ed25519 -19       OKP, Ed25519        RFC 8410
//!             Ed448 -53         OKP, Ed448          RFC 8410
//! RS256 -257, RS384, RS512      RSA                 RFC 3279, with a NULL
//! PS256 -37, PS384, PS512       RSA                 RFC 3279, with a NULL
//! ```
//!
//! WebAuthn requires -7, -8 and -257. Whether the numbers are a key that is
//! good for anything is the relying party's to check, as with COSE.

use crate::cbor::{CborError, ItemType, MapKey, Reader};
use crate::ctap::{Algorithm, CoseKey};

const KEY_TYPE: i64 = 1;
/// The curve of EC2 and OKP keys, and the modulus of RSA keys.
const CURVE_OR_N: i64 = -1;
/// The first coordinate, and the exponent of RSA keys.
const X_OR_E: i64 = -2;
const Y: i64 = -3;

const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// What is an elliptic curve's, in COSE and in X.509.
struct Curve {
    key_type: i64,
    id: i64,
    /// Of a coordinate, in bytes.
    length: usize,
    /// The DER of the `AlgorithmIdentifier`'s members.
    identifier: &'static [u8],
}

/// id-ecPublicKey, prime256v1.
const P256: Curve = Curve {
    key_type: EC2,
    id: 1,
    length: 32,
    identifier: b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
};

/// id-ecPublicKey, secp384r1.
const P384: Curve = Curve {
    key_type: EC2,
    id: 2,
    length: 48,
    identifier: b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
};

/// id-ecPublicKey, secp521r1.
const P521: Curve = Curve {
    key_type: EC2,
    id: 3,
    length: 66,
    identifier: b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23",
};

/// id-Ed25519.
const ED25519: Curve =
    Curve { key_type: OKP, id: 6, length: 32, identifier: b"\x06\x03\x2b\x65\x70" };

/// id-Ed448.
const ED448: Curve =
    Curve { key_type: OKP, id: 7, length: 57, identifier: b"\x06\x03\x2b\x65\x71" };

/// rsaEncryption, NULL.
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// The DER of `key`; `None` if it is for another algorithm or not of the form
/// that its algorithm has.
pub(super) fn subject_public_key_info(key: &CoseKey) -> Option<Vec<u8>> {
    let parts = Parts::read(key).ok()?;
    let (identifier, public_key) = match key.algorithm() {
        Algorithm(-7 | -9) => on_curve(&P256, &parts)?,
        Algorithm(-35 | -51) => on_curve(&P384, &parts)?,
        Algorithm(-36 | -52) => on_curve(&P521, &parts)?,
        Algorithm(-8 | -19) => on_curve(&ED25519, &parts)?,
        Algorithm(-53) => on_curve(&ED448, &parts)?,
        Algorithm(-259..=-257 | -39..=-37) => (RSA_ENCRYPTION, rsa(&parts)?),
        _ => return None,
    };
    // How many bits of the last byte are unused: none.
    let bits = [&[0], &*public_key].concat();
    Some(tagged(SEQUENCE, &[tagged(SEQUENCE, &[identifier]), tagged(BIT_STRING, &[&bits])]))
}

/// The members of a COSE key that matter here.
#[derive(Default)]
struct Parts<'a> {
    key_type: Option<i64>,
    curve: Option<i64>,
    n: Option<&'a [u8]>,
    x_or_e: Option<&'a [u8]>,
    y: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn read(key: &'a CoseKey) -> Result<Self, CborError> {
        let mut parts = Self::default();
        Reader::new(key.raw()).map(|key, reader| {
            match (key, reader.peek()?) {
                (MapKey::Integer(KEY_TYPE), _) => parts.key_type = Some(reader.integer()?),
                (MapKey::Integer(CURVE_OR_N), ItemType::Bytes) => parts.n = Some(reader.bytes()?),
                (MapKey::Integer(CURVE_OR_N), _) => parts.curve = Some(reader.integer()?),
                (MapKey::Integer(X_OR_E), _) => parts.x_or_e = Some(reader.bytes()?),
                (MapKey::Integer(Y), _) => parts.y = Some(reader.bytes()?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(parts)
    }
}

/// The identifier and the public key of a key on `curve`.
fn on_curve(curve: &Curve, parts: &Parts<'_>) -> Option<(&'static [u8], Vec<u8>)> {
    if (parts.key_type, parts.curve) != (Some(curve.key_type), Some(curve.id)) {
        return None;
    }
    let is_whole = |part: &&[u8]| part.len() == curve.length;
    let x = parts.x_or_e.filter(is_whole)?;
    let public_key = match curve.key_type {
        // [SEC 1 §2.3.3]: uncompressed.
        EC2 => [&[4], x, parts.y.filter(is_whole)?].concat(),
        _ => x.to_vec(),
    };
    Some((curve.identifier, public_key))
}

/// `RSAPublicKey` [RFC 8017 §A.1.1].
fn rsa(parts: &Parts<'_>) -> Option<Vec<u8>> {
    if parts.key_type != Some(RSA) {
        return None;
    }
    Some(tagged(SEQUENCE, &[integer(parts.n?)?, integer(parts.x_or_e?)?]))
}

/// A positive INTEGER in as few bytes as possible.
fn integer(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = bytes.iter().position(|byte| *byte != 0)?;
    let (_, bytes) = bytes.split_at_checked(start)?;
    // A first bit that is set would make it negative.
    let sign: &[u8] = if bytes.first()? & 0x80 == 0 { &[] } else { &[0] };
    Some(tagged(INTEGER, &[sign, bytes]))
}

/// `parts`, with tag and length.
fn tagged(tag: u8, parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.as_ref().len()).sum();
    let mut der = vec![tag];
    let bytes = length.to_be_bytes();
    let digits = bytes.iter().skip_while(|byte| **byte == 0);
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => der.push(short),
        _ => {
            // How many bytes the length takes: at most eight.
            der.push(0x80 | digits.clone().count() as u8);
            der.extend(digits);
        }
    }
    for part in parts {
        der.extend_from_slice(part.as_ref());
    }
    der
}
