//! `credProtect`: when an authenticator uses a credential without verifying its
//! user [CTAP 2.2 §12.1].
//!
//! ```text
//! registration  in   1 | 2 | 3
//!               out  1 | 2 | 3, in the authenticator data: what was done, which
//!                    may be more than was asked for
//! ```
//!
//! No phone is known to list it. It travels among the
//! [other extensions](super::OtherExtensions).

use crate::cbor::{CborError, Decode, Encode, Reader, Writer};

/// The name of the extension.
pub(crate) const CRED_PROTECT: &str = "credProtect";

/// The protection of a credential, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredProtect {
    /// 1, `userVerificationOptional`: it is used without verification.
    VerificationOptional = 1,
    /// 2, `userVerificationOptionalWithCredentialIDList`: it is used without
    /// verification only if the allow list has it.
    VerificationOptionalWithList = 2,
    /// 3, `userVerificationRequired`: it is never used without verification.
    VerificationRequired = 3,
}

impl CredProtect {
    /// The protection by the name that WebAuthn has for it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "userVerificationOptional" => Self::VerificationOptional,
            "userVerificationOptionalWithCredentialIDList" => Self::VerificationOptionalWithList,
            "userVerificationRequired" => Self::VerificationRequired,
            _ => return None,
        })
    }
}

impl Encode for CredProtect {
    fn encode(&self, writer: &mut Writer) {
        writer.unsigned(*self as u64);
    }
}

impl<'a> Decode<'a> for CredProtect {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        Ok(match reader.unsigned()? {
            1 => Self::VerificationOptional,
            2 => Self::VerificationOptionalWithList,
            3 => Self::VerificationRequired,
            _ => return Err(CborError::Invalid("the credential protection")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{decode, encode};

    #[test]
    fn each_protection_is_its_number() {
        let all = [
            CredProtect::VerificationOptional,
            CredProtect::VerificationOptionalWithList,
            CredProtect::VerificationRequired,
        ];
        for (number, protection) in (1..).zip(all) {
            assert_eq!(encode(&protection), [number]);
            assert_eq!(decode(&[number]), Ok(protection));
        }
        assert!(all.is_sorted());
        for bytes in [[0x00], [0x04]] {
            let invalid = Err(CborError::Invalid("the credential protection"));
            assert_eq!(decode::<CredProtect>(&bytes), invalid);
        }
        assert!(matches!(decode::<CredProtect>(&[0xf5]), Err(CborError::Expected(_))));
    }
}
