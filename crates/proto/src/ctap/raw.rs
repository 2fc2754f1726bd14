//! CBOR that is carried without being understood.
//!
//! Attestation statements, extensions and members that this crate has no type
//! for go through it byte for byte: a relying party may understand what this crate
//! does not. Since some of it is key material (`largeBlobKey` was once such a
//! member), it is wiped when dropped and never printed.

use std::collections::BTreeMap;
use std::fmt;

use super::bounds::{MAX_EXTENSIONS, MAX_MEMBERS};
use crate::cbor::{self, CborError, Decode, Encode, MapKey, MapWriter, Reader, Writer};
use crate::secret::SecretBytes;

/// Exactly one item of CBOR in CTAP2's canonical form, as bytes.
///
/// `Debug` prints the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct RawCbor(SecretBytes);

impl RawCbor {
    /// Takes bytes if they are one item and nothing more.
    ///
    /// Nesting is counted from the item itself. One that uses all of
    /// [`MAX_DEPTH`](cbor::MAX_DEPTH) is too deep once it is part of a message.
    ///
    /// # Errors
    /// An [`CborError`] that says what was wrong.
    pub fn new(bytes: Vec<u8>) -> Result<Self, CborError> {
        let bytes = SecretBytes::new(bytes);
        let mut reader = Reader::new(bytes.expose());
        reader.raw()?;
        reader.finish()?;
        Ok(Self(bytes))
    }

    /// A value, written.
    #[must_use]
    pub fn of(value: &(impl Encode + ?Sized)) -> Self {
        Self(SecretBytes::new(cbor::encode(value)))
    }

    pub(super) fn written(writer: Writer) -> Self {
        Self(SecretBytes::new(writer.into_bytes()))
    }

    /// The map without members, which is the attestation statement of `none`.
    #[must_use]
    pub fn empty_map() -> Self {
        Self(SecretBytes::new(vec![0xa0]))
    }

    /// `true`, as which many extensions are asked for.
    #[cfg(feature = "webauthn")]
    pub(crate) fn yes() -> Self {
        Self(SecretBytes::new(vec![0xf5]))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.expose()
    }

    /// Reads the item as a type.
    ///
    /// # Errors
    /// Those of the type.
    pub fn read_as<'a, T: Decode<'a>>(&'a self) -> Result<T, CborError> {
        cbor::decode(self.as_bytes())
    }
}

impl TryFrom<&[u8]> for RawCbor {
    type Error = CborError;

    fn try_from(bytes: &[u8]) -> Result<Self, CborError> {
        Self::new(bytes.to_vec())
    }
}

impl Encode for RawCbor {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(self.as_bytes());
    }
}

impl<'a> Decode<'a> for RawCbor {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        reader.raw().map(|bytes| Self(bytes.into()))
    }
}

impl fmt::Debug for RawCbor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawCbor({} bytes)", self.0.len())
    }
}

/// The bytes that a message was read from. They are no part of what it says: messages
/// are equal whichever they were read from.
#[derive(Clone, Debug, Default)]
pub(super) struct Received(Option<SecretBytes>);

impl Received {
    pub(super) fn keep(&mut self, bytes: SecretBytes) {
        self.0 = Some(bytes);
    }

    pub(super) const fn get(&self) -> Option<&SecretBytes> {
        self.0.as_ref()
    }
}

impl PartialEq for Received {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Received {}

/// Members of a message that this crate does not know, by their number.
///
/// They come from reading only, and are written again with their message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownMembers(BTreeMap<i64, RawCbor>);

impl UnknownMembers {
    /// The member with this number.
    #[must_use]
    pub fn get(&self, number: i64) -> Option<&RawCbor> {
        self.0.get(&number)
    }

    /// All members, by ascending number.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &RawCbor)> {
        self.0.iter().map(|(number, value)| (*number, value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn read(&mut self, number: i64, reader: &mut Reader<'_>) -> Result<(), CborError> {
        if self.0.len() == MAX_MEMBERS {
            return Err(CborError::Invalid("the number of members"));
        }
        self.0.insert(number, RawCbor::decode(reader)?);
        Ok(())
    }

    pub(super) fn write(&self, map: &mut MapWriter<'_>) {
        for (number, value) in self.iter() {
            map.integer(number, |writer| writer.value(value));
        }
    }
}

/// Reads a map of at most [`MAX_EXTENSIONS`] extensions by name. `typed` is
/// shown each and says whether it has read it; what it has not is kept raw.
pub(super) fn extensions<'a>(
    reader: &mut Reader<'a>,
    mut typed: impl FnMut(&'a str, &mut Reader<'a>) -> Result<bool, CborError>,
) -> Result<BTreeMap<String, RawCbor>, CborError> {
    let mut others = BTreeMap::new();
    reader.map(|key, reader| {
        let MapKey::Text(name) = key else {
            return Err(CborError::Expected("a text string as an extension's name"));
        };
        if typed(name, reader)? {
            return Ok(());
        }
        if others.len() == MAX_EXTENSIONS {
            return Err(CborError::Invalid("the number of extensions"));
        }
        others.insert(name.to_owned(), RawCbor::decode(reader)?);
        Ok(())
    })?;
    Ok(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_canonical_item_is_taken() {
        assert_eq!(RawCbor::new(vec![0xa1, 0x01, 0xf5]).unwrap().as_bytes(), [0xa1, 0x01, 0xf5]);
        assert_eq!(RawCbor::new(vec![]), Err(CborError::UnexpectedEnd));
        assert_eq!(RawCbor::new(vec![0, 0]), Err(CborError::TrailingBytes));
        assert_eq!(RawCbor::new(vec![0x18, 0]), Err(CborError::NotCanonical));
        assert_eq!(RawCbor::new(vec![0xa0]), Ok(RawCbor::empty_map()));
    }

    #[test]
    fn debug_shows_no_byte() {
        let raw = RawCbor::new(vec![0x43, 0xab, 0xab, 0xab]).unwrap();
        assert_eq!(format!("{raw:?}"), "RawCbor(4 bytes)");
    }

    #[test]
    fn unknown_members_are_bounded() {
        let mut members = UnknownMembers::default();
        for number in 0..MAX_MEMBERS {
            members.read(i64::try_from(number).unwrap(), &mut Reader::new(&[0xf5])).unwrap();
        }
        assert!(matches!(members.read(-1, &mut Reader::new(&[0xf5])), Err(CborError::Invalid(_))));
        assert_eq!(members.len(), MAX_MEMBERS);
    }

    #[test]
    fn extensions_are_bounded_and_named_by_text() {
        let map = |count: usize| {
            let mut writer = Writer::new();
            writer.map(|map| {
                for index in 0..count {
                    map.text(&index.to_string(), |writer| writer.boolean(true));
                }
            });
            writer.into_bytes()
        };
        let read = |bytes: &[u8]| extensions(&mut Reader::new(bytes), |_, _| Ok(false));
        assert_eq!(read(&map(MAX_EXTENSIONS)).unwrap().len(), MAX_EXTENSIONS);
        assert!(matches!(read(&map(MAX_EXTENSIONS + 1)), Err(CborError::Invalid(_))));
        assert!(matches!(read(&[0xa1, 0x01, 0xf5]), Err(CborError::Expected(_))));
    }
}
