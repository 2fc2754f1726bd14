//! P-256 private keys as PKCS#8 [RFC 5208], [RFC 5958]: the form in which other programs
//! and key stores take and give them.
//!
//! ```text
//! SEQUENCE {
//!   INTEGER 0                              version 1; 1: version 2
//!   SEQUENCE { ecPublicKey, prime256v1 }
//!   OCTET STRING {
//!     SEQUENCE {                           ECPrivateKey [RFC 5915 §3]
//!       INTEGER 1
//!       OCTET STRING  scalar, 32 bytes
//!       [1] BIT STRING  public key, uncompressed
//!     }
//!   }
//!   [1] public key                         version 2 alone
//! }
//! ```
//!
//! What is written is version 1 with the public key inside, as OpenSSL writes it. DER
//! alone: PEM is base64 of it between two lines.

use p256::NistP256;
use p256::elliptic_curve::ALGORITHM_OID;
use p256::pkcs8::der::asn1::OctetStringRef;
use p256::pkcs8::der::{self, Decode as _, ErrorKind, Header, SliceReader, Tag};
use p256::pkcs8::{AssociatedOid as _, Error, PrivateKeyInfoRef};

use super::{P256_STACK, PublicKey, SecretKey, UNCOMPRESSED_POINT_LENGTH};
use crate::secret::{SecretBytes, with_wiped_stack};

/// All bytes before the scalar, which is never longer or shorter than 32 bytes.
const BEFORE_SCALAR: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02,
    0x01, 0x01, 0x04, 0x20,
];

/// The bytes between the scalar and the public key.
const BEFORE_POINT: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];

/// Length of a scalar, in bytes.
const SCALAR_LENGTH: usize = 32;

/// Length of what is written, in bytes.
const LENGTH: usize =
    BEFORE_SCALAR.len() + SCALAR_LENGTH + BEFORE_POINT.len() + UNCOMPRESSED_POINT_LENGTH;

/// Why bytes are not a P-256 private key in PKCS#8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs8Error {
    /// The bytes are not the DER of a private key: cut off, PEM, or encrypted.
    #[error("the PKCS#8 key is malformed")]
    Malformed,
    /// More bytes follow the key.
    #[error("bytes follow the PKCS#8 key")]
    TrailingBytes,
    /// The key is of another algorithm than ECDSA or ECDH, such as RSA or Ed25519.
    #[error("the PKCS#8 key is not an elliptic-curve key")]
    Algorithm,
    /// The key is on another curve than P-256.
    #[error("the PKCS#8 key is not on the curve P-256")]
    Curve,
    /// The scalar is not one of P-256: zero, too large, or not 32 bytes long.
    #[error("the PKCS#8 key's scalar is not one of P-256")]
    Scalar,
    /// The public key that the bytes hold is not that of the private key.
    #[error("the PKCS#8 key's public key does not belong to its private key")]
    PublicKey,
}

impl Pkcs8Error {
    const fn of_der(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::TrailingData { .. } => Self::TrailingBytes,
            // The scalar, the curve and the public key of ECPrivateKey.
            ErrorKind::Value { tag: Tag::OctetString } => Self::Scalar,
            ErrorKind::Value { tag: Tag::ObjectIdentifier } => Self::Curve,
            ErrorKind::Value { tag: Tag::BitString } => Self::PublicKey,
            _ => Self::Malformed,
        }
    }
}

impl SecretKey {
    /// Reads PKCS#8 in DER, version 1 or 2. Attributes are ignored.
    ///
    /// # Errors
    /// A [`Pkcs8Error`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, Pkcs8Error> {
        let info =
            PrivateKeyInfoRef::from_der(der).map_err(|error| Pkcs8Error::of_der(error.kind()))?;
        if info.algorithm.oid != ALGORITHM_OID {
            return Err(Pkcs8Error::Algorithm);
        }
        if info.algorithm.parameters_oid() != Ok(NistP256::OID) {
            return Err(Pkcs8Error::Curve);
        }
        let scalar = scalar_of(info.private_key.as_bytes())
            .map_err(|error| Pkcs8Error::of_der(error.kind()))?;
        if scalar.len() != SCALAR_LENGTH {
            return Err(Pkcs8Error::Scalar);
        }
        let outer = info.public_key.map(|bits| bits.as_bytes().ok_or(Pkcs8Error::PublicKey));
        let key = with_wiped_stack::<P256_STACK, _>(|| {
            let scalar = p256::SecretKey::try_from(info).map_err(|error| match error {
                Error::Asn1(error) => Pkcs8Error::of_der(error.kind()),
                _ => Pkcs8Error::Malformed,
            })?;
            // p256 0.14 wipes its key when it is dropped, the array of bytes is ours to wipe.
            let bytes = zeroize::Zeroizing::new(<[u8; 32]>::from(scalar.to_bytes()));
            Self::from_scalar(&bytes).map_err(|_| Pkcs8Error::Scalar)
        })?;
        if let Some(bytes) = outer {
            let bytes = bytes?;
            let public = PublicKey::from_uncompressed(bytes)
                .or_else(|_| PublicKey::from_compressed(bytes))
                .map_err(|_| Pkcs8Error::PublicKey)?;
            if public != *key.public_key() {
                return Err(Pkcs8Error::PublicKey);
            }
        }
        Ok(key)
    }

    /// Writes PKCS#8 in DER: 138 bytes, the same for the same key and for each provider
    /// of cryptography. Not encrypted: for a store that encrypts them.
    #[must_use]
    pub fn to_pkcs8_der(&self) -> SecretBytes {
        let mut der = Vec::with_capacity(LENGTH);
        der.extend_from_slice(&BEFORE_SCALAR);
        der.extend_from_slice(&*self.expose());
        der.extend_from_slice(&BEFORE_POINT);
        der.extend_from_slice(&self.public_key().uncompressed());
        SecretBytes::new(der)
    }
}

/// The scalar of an ECPrivateKey, of whatever length. p256 0.14 pads what is shorter.
fn scalar_of(ec_private_key: &[u8]) -> der::Result<&[u8]> {
    let mut reader = SliceReader::new(ec_private_key)?;
    let _sequence = Header::decode(&mut reader)?;
    let _version = u8::decode(&mut reader)?;
    Ok(<&OctetStringRef>::decode(&mut reader)?.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt
    /// -outform DER`, OpenSSL 3.0.19.
    const OPENSSL: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420\
                           0ab503df5cee5a5f4cc38031a64f88c50a52d809cce6ae7fead0fe5532197c88a1440342\
                           0004d63acd80e5cde2992592f18f0eb08987b7dbb8e68fd2eca4a91a5fbad368f2870753\
                           8a69991f2fec942bd46a5b1b7c4be1bf568208fa10babb07fc4775fd4e8b";

    /// Its private key, as `openssl ec -text` prints it.
    const SCALAR: &str = "0ab503df5cee5a5f4cc38031a64f88c50a52d809cce6ae7fead0fe5532197c88";

    /// The same command with `secp384r1`, with `secp256k1`, and `openssl genpkey
    /// -algorithm ed25519`.
    const P384: &str = "3081b6020100301006072a8648ce3d020106052b8104002204819e30819b0201010430d936\
                        b8c4fc16290e152acd9741204c181005970a8510d9c384df1bb1b16a8a936213fd468008c3\
                        6d7950604a29a8af4ca164036200045adcaaba7e09b47d0743edbcc399acc46a253b5cea0f\
                        03f2973bf9c0056e1115720ecf63566daddadfc811974c6711694618c5bc094f0a0862dfa8\
                        efb47dc0b2239c0b1ec35d7492001a04210f5103533d4b4537236ea03fe3926a6d7fc3bd05";
    const SECP256K1: &str = "308184020100301006072a8648ce3d020106052b8104000a046d306b02010104200295\
                             0245d1779625588221ee8c415b25bc1ee549b955992109f4f3d6d8e99e94a144034200\
                             0437807fbe62f645f4ed9c98242a039a3908335db92911e3eff0b20a07c7f4bab4e6c4\
                             ac4c83fd44fc3de141115dd3859524071f86f6ae467f071ce9db04437d6a";
    const ED25519: &str = "302e020100300506032b65700422042049f92d617e0c0c10d57c08b71f959cf1c6909367\
                           75907412d5f4a888f6124ad8";

    fn bytes(hex: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()
    }

    fn refusal(der: &[u8]) -> Pkcs8Error {
        SecretKey::from_pkcs8_der(der).unwrap_err()
    }

    /// The key in version 2, with this public key behind it.
    fn version_2(point: &[u8]) -> Vec<u8> {
        let mut der = bytes(OPENSSL);
        der[5] = 1;
        der.extend([0x81, u8::try_from(point.len() + 1).unwrap(), 0]);
        der.extend(point);
        der[2] = u8::try_from(der.len() - 3).unwrap();
        der
    }

    #[test]
    fn a_key_of_openssl_is_read_and_written_back() {
        let der = bytes(OPENSSL);
        let key = SecretKey::from_pkcs8_der(&der).unwrap();
        assert_eq!(key.expose().to_vec(), bytes(SCALAR));
        assert_eq!(key.to_pkcs8_der().expose(), der);
    }

    #[test]
    fn version_2_is_read_if_its_public_key_is_that_of_the_private_key() {
        let key = SecretKey::from_pkcs8_der(&bytes(OPENSSL)).unwrap();
        let public = *key.public_key();
        for point in [public.uncompressed().to_vec(), public.compressed().to_vec()] {
            let read = SecretKey::from_pkcs8_der(&version_2(&point)).unwrap();
            assert_eq!(*read.public_key(), public);
        }
        let other = *SecretKey::from_scalar(&[7; 32]).unwrap().public_key();
        assert_eq!(refusal(&version_2(&other.uncompressed())), Pkcs8Error::PublicKey);
        assert_eq!(refusal(&version_2(&[4; 65])), Pkcs8Error::PublicKey);
        assert_eq!(refusal(&version_2(&[])), Pkcs8Error::PublicKey);
    }

    #[test]
    fn the_public_key_inside_must_be_that_of_the_private_key() {
        let other = *SecretKey::from_scalar(&[7; 32]).unwrap().public_key();
        let mut der = bytes(OPENSSL);
        let at = der.len() - UNCOMPRESSED_POINT_LENGTH;
        der[at..].copy_from_slice(&other.uncompressed());
        assert_eq!(refusal(&der), Pkcs8Error::PublicKey);
    }

    #[test]
    fn other_keys_are_refused_with_the_reason() {
        assert_eq!(refusal(&bytes(P384)), Pkcs8Error::Curve);
        assert_eq!(refusal(&bytes(SECP256K1)), Pkcs8Error::Curve);
        assert_eq!(refusal(&bytes(ED25519)), Pkcs8Error::Algorithm);
        for scalar in [[0; 32], [0xff; 32]] {
            let mut der = bytes(OPENSSL);
            der[BEFORE_SCALAR.len()..][..32].copy_from_slice(&scalar);
            assert_eq!(refusal(&der), Pkcs8Error::Scalar);
        }
    }

    #[test]
    fn a_scalar_of_another_length_is_refused() {
        // Without the public key, which would be that of another scalar.
        let with_scalar = |scalar: &[u8]| {
            let length = u8::try_from(scalar.len()).unwrap();
            let mut der = [&BEFORE_SCALAR[3..], scalar].concat();
            // Of the OCTET STRING, of ECPrivateKey, and of the scalar.
            (der[25], der[27], der[32]) = (length + 7, length + 5, length);
            der.splice(0..0, [0x30, u8::try_from(der.len()).unwrap()]);
            der
        };
        assert!(SecretKey::from_pkcs8_der(&with_scalar(&[0x11; 32])).is_ok());
        for length in [0, 1, 23, 24, 31, 33, 64] {
            assert_eq!(refusal(&with_scalar(&vec![0x11; length])), Pkcs8Error::Scalar, "{length}");
        }
        let padded = [&[0][..], &[0x11; 32]].concat();
        assert_eq!(refusal(&with_scalar(&padded)), Pkcs8Error::Scalar);
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_refused() {
        let der = bytes(OPENSSL);
        for length in 0..der.len() {
            assert_eq!(refusal(&der[..length]), Pkcs8Error::Malformed, "{length}");
        }
        let longer = [der.as_slice(), &[0]].concat();
        assert_eq!(refusal(&longer), Pkcs8Error::TrailingBytes);
        assert_eq!(refusal(b"-----BEGIN PRIVATE KEY-----"), Pkcs8Error::Malformed);
    }
}
