//! Extensions: [CTAP 2.2 §12], [WebAuthn L3 §9], as phones take them
//! over the hybrid transport.
//!
//! ```text
//!                 inputs                         outputs
//! registration    makeCredential key 6           response key 6, unsigned
//!                 {name: value, ...}             {name: value, ...}
//! assertion       getAssertion key 4             response key 8, unsigned
//! ```
//!
//! Each of the four has a type, since no two carry the same values. `prf` and
//! `largeBlob` are typed; all others pass as raw CBOR under their names. With
//! no PIN/UV protocol on this transport, the older `hmac-secret` (an ECDH of
//! its own) cannot be used and is not typed. Signed outputs, which few phones
//! send, are in the [authenticator data](super::AuthenticatorData).
//!
//! `credProps` is the client's own answer and never travels. Hashing PRF
//! inputs and compressing blobs is the client's work above this layer.

mod cred_protect;
mod large_blob;
mod prf;

use std::collections::BTreeMap;

pub(crate) use cred_protect::CRED_PROTECT;
pub use cred_protect::CredProtect;
pub use large_blob::{
    LargeBlob, LargeBlobAssertionInput, LargeBlobAssertionOutput, LargeBlobRegistrationOutput,
    LargeBlobSupport,
};
pub use prf::{
    PrfAssertionInput, PrfAssertionOutput, PrfRegistrationInput, PrfRegistrationOutput, PrfValues,
};

use super::raw::{self, RawCbor};
use crate::cbor::{CborError, Decode, Encode, MapWriter, Reader, Writer};

/// The name of the PRF extension.
pub(crate) const PRF: &str = "prf";
/// The name of the extension under which authenticators with PIN/UV protocols
/// have their PRF.
pub(crate) const HMAC_SECRET: &str = "hmac-secret";
/// The name of the large blob extension.
pub(crate) const LARGE_BLOB: &str = "largeBlob";
/// The name of the extension by which an authenticator signs the shortest PIN that it
/// accepts [CTAP 2.2 §12.4].
pub(crate) const MIN_PIN_LENGTH: &str = "minPinLength";

/// A raw extension was given the name of one that has a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the extension of this name has a type of its own")]
pub struct TypedExtension;

/// Extensions that this crate has no type for, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherExtensions(BTreeMap<String, RawCbor>);

impl OtherExtensions {
    /// Adds or replaces one.
    ///
    /// # Errors
    /// [`TypedExtension`] for `prf` and `largeBlob`, which would then be
    /// in the message twice.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        value: RawCbor,
    ) -> Result<Option<RawCbor>, TypedExtension> {
        let name = name.into();
        if [PRF, LARGE_BLOB].contains(&name.as_str()) {
            return Err(TypedExtension);
        }
        Ok(self.0.insert(name, value))
    }

    /// Keeps those whose names are `wanted`.
    #[cfg(feature = "webauthn")]
    pub(crate) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| wanted(name));
    }

    /// The one of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawCbor> {
        self.0.get(name)
    }

    /// All of them, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawCbor)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no extensions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

macro_rules! extensions {
    ($(#[$doc:meta])* $name:ident { prf: $prf:ty, large_blob: $large_blob:ty }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            /// `prf`.
            pub prf: Option<$prf>,
            /// `largeBlob`.
            pub large_blob: Option<$large_blob>,
            /// All others.
            pub other: OtherExtensions,
        }

        impl $name {
            /// Whether there is no extension at all.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.prf.is_none() && self.large_blob.is_none() && self.other.is_empty()
            }

            /// The names of all extensions that are here, in no stated order.
            pub fn names(&self) -> impl Iterator<Item = &str> {
                let prf = self.prf.as_ref().map(|_| PRF);
                let large_blob = self.large_blob.as_ref().map(|_| LARGE_BLOB);
                let other = self.other.iter().map(|(name, _)| name);
                prf.into_iter().chain(large_blob).chain(other)
            }

            /// Adds these extensions to a message, if there are any.
            pub(super) fn write_member(&self, key: i64, map: &mut MapWriter<'_>) {
                if !self.is_empty() {
                    map.integer(key, |writer| writer.value(self));
                }
            }
        }

        impl Encode for $name {
            fn encode(&self, writer: &mut Writer) {
                writer.map(|map| {
                    if let Some(prf) = &self.prf {
                        map.text(PRF, |writer| writer.value(prf));
                    }
                    if let Some(large_blob) = &self.large_blob {
                        map.text(LARGE_BLOB, |writer| writer.value(large_blob));
                    }
                    for (name, value) in self.other.iter() {
                        map.text(name, |writer| writer.value(value));
                    }
                });
            }
        }

        impl<'a> Decode<'a> for $name {
            fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
                let (mut prf, mut large_blob) = (None, None);
                let other = raw::extensions(reader, |name, reader| {
                    match name {
                        PRF => prf = Some(Decode::decode(reader)?),
                        LARGE_BLOB => large_blob = Some(Decode::decode(reader)?),
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?;
                Ok(Self { prf, large_blob, other: OtherExtensions(other) })
            }
        }
    };
}

extensions!(
    /// The client's inputs of a registration.
    RegistrationInputs { prf: PrfRegistrationInput, large_blob: LargeBlobSupport }
);

extensions!(
    /// The authenticator's unsigned outputs of a registration.
    RegistrationOutputs { prf: PrfRegistrationOutput, large_blob: LargeBlobRegistrationOutput }
);

extensions!(
    /// The client's inputs of an assertion.
    AssertionInputs { prf: PrfAssertionInput, large_blob: LargeBlobAssertionInput }
);

extensions!(
    /// The authenticator's unsigned outputs of an assertion.
    AssertionOutputs { prf: PrfAssertionOutput, large_blob: LargeBlobAssertionOutput }
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{decode, encode};

    #[test]
    fn unknown_extensions_go_through_byte_for_byte() {
        let bytes = b"\xa2\x63prf\xa0\x68hmacSome\x82\x01\xa1\x61a\x43\x01\x02\x03";
        let inputs: RegistrationInputs = decode(bytes).unwrap();
        assert!(inputs.prf.is_some());
        let raw = inputs.other.get("hmacSome").unwrap();
        assert_eq!(raw.as_bytes(), b"\x82\x01\xa1\x61a\x43\x01\x02\x03");
        assert_eq!(inputs.names().collect::<Vec<_>>(), ["prf", "hmacSome"]);
        assert_eq!(encode(&inputs), bytes);
    }

    #[test]
    fn a_typed_extension_is_not_taken_raw() {
        let mut other = OtherExtensions::default();
        assert_eq!(other.insert("prf", RawCbor::empty_map()), Err(TypedExtension));
        assert_eq!(other.insert("largeBlob", RawCbor::empty_map()), Err(TypedExtension));
        assert_eq!(other.insert("prf2", RawCbor::empty_map()), Ok(None));
        assert_eq!(other.len(), 1);
    }

    #[test]
    fn a_typed_extension_of_another_type_is_an_error() {
        assert!(matches!(
            decode::<RegistrationInputs>(b"\xa1\x63prf\xf5"),
            Err(CborError::Expected(_))
        ));
        assert!(matches!(decode::<AssertionInputs>(b"\xa1\x00\xf5"), Err(CborError::Expected(_))));
    }
}
