//! Reading, straight from the input's bytes.

use std::cmp::Ordering;
use std::fmt;

use ciborium_ll::{Decoder, Header};

/// How deep maps and arrays may nest.
///
/// CTAP2 says 4; `prf.evalByCredential` in a real request is deeper.
pub const MAX_DEPTH: u8 = 8;

/// Why bytes were refused as CBOR or as the message that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CborError {
    /// The input ends inside an item, or a length says more than is there.
    #[error("the CBOR ends too early")]
    UnexpectedEnd,
    /// Bytes follow the one item that was due.
    #[error("bytes follow the CBOR item")]
    TrailingBytes,
    /// A length or integer is not in its shortest form, or keys are unsorted.
    #[error("the CBOR is not in canonical form")]
    NotCanonical,
    /// A map has the same key twice.
    #[error("a CBOR map has a key twice")]
    DuplicateKey,
    /// Indefinite length, a tag, a float, or a simple value beyond `null`.
    #[error("the CBOR has an item that CTAP2 does not allow")]
    Forbidden,
    /// Nesting beyond [`MAX_DEPTH`].
    #[error("the CBOR nests too deep")]
    TooDeep,
    /// A text string that is not UTF-8.
    #[error("a CBOR text is not UTF-8")]
    NotUtf8,
    /// An item of another type than the one that was due.
    #[error("a CBOR item is not {0}")]
    Expected(&'static str),
    /// A member that the message must have is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A member of the right type with a value that the message cannot have.
    #[error("{0} is invalid")]
    Invalid(&'static str),
}

/// The type of the next item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemType {
    /// An integer that is not negative.
    Unsigned,
    /// A negative integer.
    Negative,
    /// A byte string.
    Bytes,
    /// A text string.
    Text,
    /// An array.
    Array,
    /// A map.
    Map,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
}

/// A map's key. Arrays, maps and simple values are no keys in CTAP2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKey<'a> {
    /// An integer that fits 64 bits with its sign.
    Integer(i64),
    /// A text string.
    Text(&'a str),
    /// A byte string.
    Bytes(&'a [u8]),
}

/// A type that can be read from CBOR.
pub trait Decode<'a>: Sized {
    /// Reads one item.
    ///
    /// # Errors
    /// An [`CborError`] that says what was wrong.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, CborError>;
}

/// Reads `input` as exactly one item.
///
/// # Errors
/// An [`CborError`] that says what was wrong; trailing bytes are an error.
pub fn decode<'a, T: Decode<'a>>(input: &'a [u8]) -> Result<T, CborError> {
    let mut reader = Reader::new(input);
    let value = T::decode(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Reads items one after another. It borrows from its input and never
/// allocates.
///
/// `Debug` prints how much is left to read, and no byte of it.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Reader<'a> {
    /// Reads from the first byte of `input`.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self { rest: input, depth: 0 }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`CborError::TrailingBytes`] if anything is left.
    pub const fn finish(self) -> Result<(), CborError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CborError::TrailingBytes) }
    }

    /// The bytes that have not been read yet.
    #[must_use]
    pub const fn remaining(&self) -> &'a [u8] {
        self.rest
    }

    /// The type of the next item, which stays unread.
    ///
    /// # Errors
    /// As for reading the item's header.
    pub fn peek(&self) -> Result<ItemType, CborError> {
        Ok(match self.clone().header()? {
            Header::Positive(_) => ItemType::Unsigned,
            Header::Negative(_) => ItemType::Negative,
            Header::Bytes(_) => ItemType::Bytes,
            Header::Text(_) => ItemType::Text,
            Header::Array(_) => ItemType::Array,
            Header::Map(_) => ItemType::Map,
            Header::Simple(20 | 21) => ItemType::Bool,
            _ => ItemType::Null,
        })
    }

    /// Reads an integer that is not negative.
    ///
    /// # Errors
    /// [`CborError::Expected`] for another type.
    pub fn unsigned(&mut self) -> Result<u64, CborError> {
        match self.header()? {
            Header::Positive(value) => Ok(value),
            _ => Err(CborError::Expected("an unsigned integer")),
        }
    }

    /// Reads an integer of either sign that fits an `i64`.
    ///
    /// # Errors
    /// [`CborError::Expected`] for another type or a larger integer.
    pub fn integer(&mut self) -> Result<i64, CborError> {
        integer(self.header()?)
    }

    /// Reads a byte string.
    ///
    /// # Errors
    /// [`CborError::Expected`] for another type.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        match self.header()? {
            Header::Bytes(Some(length)) => self.take(length),
            _ => Err(CborError::Expected("a byte string")),
        }
    }

    /// Reads a byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// [`CborError::Invalid`] with `name` for another length.
    pub fn byte_array<const N: usize>(&mut self, name: &'static str) -> Result<[u8; N], CborError> {
        self.bytes()?.try_into().map_err(|_| CborError::Invalid(name))
    }

    /// Reads a text string.
    ///
    /// # Errors
    /// [`CborError::Expected`] for another type, [`CborError::NotUtf8`].
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        match self.header()? {
            Header::Text(Some(length)) => self.utf8(length),
            _ => Err(CborError::Expected("a text string")),
        }
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// [`CborError::Expected`] for another type.
    pub fn boolean(&mut self) -> Result<bool, CborError> {
        match self.header()? {
            Header::Simple(20) => Ok(false),
            Header::Simple(21) => Ok(true),
            _ => Err(CborError::Expected("a boolean")),
        }
    }

    /// Reads an array; `element` is called for each of its items and reads
    /// it. An item that `element` leaves unread is checked and skipped.
    ///
    /// # Errors
    /// [`CborError::Expected`] for another type, and those of `element`.
    pub fn array(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), CborError>,
    ) -> Result<(), CborError> {
        match self.header()? {
            Header::Array(Some(length)) => self.elements(length, element),
            _ => Err(CborError::Expected("an array")),
        }
    }

    /// Reads a map; `entry` is called with each key and reads its value. A
    /// value that `entry` leaves unread is checked and skipped, so that keys
    /// of the future need no code.
    ///
    /// # Errors
    /// [`CborError::Expected`] for another type, [`CborError::DuplicateKey`],
    /// [`CborError::NotCanonical`] for unsorted keys, and those of `entry`.
    pub fn map(
        &mut self,
        entry: impl FnMut(MapKey<'a>, &mut Self) -> Result<(), CborError>,
    ) -> Result<(), CborError> {
        match self.header()? {
            Header::Map(Some(length)) => self.entries(length, entry),
            _ => Err(CborError::Expected("a map")),
        }
    }

    /// Reads one item of any type, checks all of it, and gives its bytes.
    ///
    /// # Errors
    /// As for reading each of its parts.
    pub fn raw(&mut self) -> Result<&'a [u8], CborError> {
        let start = self.rest;
        self.skip()?;
        Ok(read_since(start, self.rest))
    }

    fn skip(&mut self) -> Result<(), CborError> {
        match self.header()? {
            Header::Array(Some(length)) => self.elements(length, |_| Ok(())),
            Header::Map(Some(length)) => self.entries(length, |_, _| Ok(())),
            Header::Bytes(Some(length)) => self.take(length).map(drop),
            Header::Text(Some(length)) => self.utf8(length).map(drop),
            _ => Ok(()),
        }
    }

    fn elements(
        &mut self,
        length: usize,
        mut element: impl FnMut(&mut Self) -> Result<(), CborError>,
    ) -> Result<(), CborError> {
        self.nested(|reader| {
            for _ in 0..length {
                reader.one_item(&mut element)?;
            }
            Ok(())
        })
    }

    fn entries(
        &mut self,
        length: usize,
        mut entry: impl FnMut(MapKey<'a>, &mut Self) -> Result<(), CborError>,
    ) -> Result<(), CborError> {
        self.nested(|reader| {
            let mut previous: Option<&[u8]> = None;
            for _ in 0..length {
                let start = reader.rest;
                let key = reader.key()?;
                let encoded = read_since(start, reader.rest);
                match previous.map(|previous| previous.cmp(encoded)) {
                    Some(Ordering::Equal) => return Err(CborError::DuplicateKey),
                    Some(Ordering::Greater) => return Err(CborError::NotCanonical),
                    Some(Ordering::Less) | None => previous = Some(encoded),
                }
                reader.one_item(|reader| entry(key, reader))?;
            }
            Ok(())
        })
    }

    fn key(&mut self) -> Result<MapKey<'a>, CborError> {
        match self.header()? {
            header @ (Header::Positive(_) | Header::Negative(_)) => {
                integer(header).map(MapKey::Integer)
            }
            Header::Text(Some(length)) => self.utf8(length).map(MapKey::Text),
            Header::Bytes(Some(length)) => self.take(length).map(MapKey::Bytes),
            _ => Err(CborError::Expected("an integer, text or byte string as a key")),
        }
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), CborError>,
    ) -> Result<(), CborError> {
        if self.depth == MAX_DEPTH {
            return Err(CborError::TooDeep);
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn one_item(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), CborError>,
    ) -> Result<(), CborError> {
        let before = self.rest.len();
        read(self)?;
        if self.rest.len() == before { self.skip() } else { Ok(()) }
    }

    /// One header, in its shortest form and of a type that CTAP2 allows.
    fn header(&mut self) -> Result<Header, CborError> {
        let mut decoder = Decoder::from(self.rest);
        let header = decoder.pull().map_err(|error| match error {
            ciborium_ll::Error::Io(_) => CborError::UnexpectedEnd,
            ciborium_ll::Error::Syntax(_) => CborError::Forbidden,
        })?;
        let argument = match header {
            Header::Positive(value) | Header::Negative(value) => value,
            Header::Bytes(Some(length))
            | Header::Text(Some(length))
            | Header::Array(Some(length))
            | Header::Map(Some(length)) => length as u64,
            Header::Simple(value @ 20..=22) => u64::from(value),
            _ => return Err(CborError::Forbidden),
        };
        let length = decoder.offset();
        if length != shortest_header(argument) {
            return Err(CborError::NotCanonical);
        }
        self.take(length)?;
        Ok(header)
    }

    fn utf8(&mut self, length: usize) -> Result<&'a str, CborError> {
        std::str::from_utf8(self.take(length)?).map_err(|_| CborError::NotUtf8)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], CborError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CborError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} bytes left)", self.rest.len())
    }
}

fn integer(header: Header) -> Result<i64, CborError> {
    let integer = match header {
        Header::Positive(value) => i64::try_from(value).ok(),
        Header::Negative(value) => i64::try_from(value).ok().map(|value| !value),
        _ => None,
    };
    integer.ok_or(CborError::Expected("an integer of 64 bits"))
}

/// The bytes that were read between two states of a reader's rest.
fn read_since<'a>(start: &'a [u8], rest: &[u8]) -> &'a [u8] {
    let length = start.len().saturating_sub(rest.len());
    start.get(..length).unwrap_or_default()
}

/// Length in bytes of the shortest header with this argument [RFC 8949 §4.2.1].
const fn shortest_header(argument: u64) -> usize {
    match argument {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER_PERMISSIVE as HEX;

    use super::*;

    fn whole(hex: &str) -> Result<(), CborError> {
        let bytes = HEX.decode(hex.replace(' ', "").as_bytes()).unwrap();
        let mut reader = Reader::new(&bytes);
        reader.raw()?;
        reader.finish()
    }

    #[test]
    fn canonical_items_are_read() {
        for hex in
            ["00", "1818", "19ffff", "3818", "40", "4100", "6161", "80", "a0", "f4", "f5", "f6"]
        {
            assert_eq!(whole(hex), Ok(()), "{hex}");
        }
        assert_eq!(whole("a3 0100 2000 6161 00"), Ok(()), "1, -1, \"a\"");
        assert_eq!(whole("a3 1818 00 20 00 41 00 00"), Ok(()), "24, -1, h'00'");
    }

    #[test]
    fn longer_forms_than_the_shortest_are_refused() {
        for hex in ["1800", "190000", "1a00000000", "1b0000000000000000", "580100", "7801 61"] {
            assert_eq!(whole(hex), Err(CborError::NotCanonical), "{hex}");
        }
        assert_eq!(whole("f815"), Err(CborError::NotCanonical), "true in two bytes");
    }

    #[test]
    fn what_ctap2_does_not_allow_is_refused() {
        // Indefinite lengths, a break, a tag, floats, undefined, other simple values.
        for hex in
            ["5fff", "7fff", "9fff", "bfff", "ff", "c000", "f90000", "fa00000000", "f7", "e0"]
        {
            assert_eq!(whole(hex), Err(CborError::Forbidden), "{hex}");
        }
        assert_eq!(whole("62c328"), Err(CborError::NotUtf8));
        assert_eq!(
            whole("a1 80 00"),
            Err(CborError::Expected("an integer, text or byte string as a key"))
        );
    }

    #[test]
    fn key_order_and_duplicates() {
        assert_eq!(whole("a2 0100 0100"), Err(CborError::DuplicateKey));
        assert_eq!(whole("a2 0200 0100"), Err(CborError::NotCanonical));
        assert_eq!(whole("a2 6162 00 6161 00"), Err(CborError::NotCanonical));
        assert_eq!(
            whole("a2 626161 00 6162 00"),
            Err(CborError::NotCanonical),
            "shorter keys first"
        );
        assert_eq!(whole("82 a20100 0100 00"), Err(CborError::DuplicateKey), "in a nested map too");
    }

    #[test]
    fn lengths_beyond_the_input_are_refused_at_once() {
        for hex in [
            "",
            "18",
            "41",
            "5bffffffffffffffff",
            "9bffffffffffffffff",
            "bbffffffffffffffff",
            "7a7fffffff",
        ] {
            assert_eq!(whole(hex), Err(CborError::UnexpectedEnd), "{hex}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deepest = "81".repeat(usize::from(MAX_DEPTH));
        assert_eq!(whole(&format!("{deepest}00")), Ok(()));
        assert_eq!(whole(&format!("81{deepest}00")), Err(CborError::TooDeep));
        assert_eq!(whole(&"81".repeat(100_000)), Err(CborError::TooDeep));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        assert_eq!(whole("0000"), Err(CborError::TrailingBytes));
    }

    #[test]
    fn integers_keep_their_sign_and_range() {
        let read = |hex: &str| Reader::new(&HEX.decode(hex.as_bytes()).unwrap()).integer();
        assert_eq!(read("26"), Ok(-7));
        assert_eq!(read("390100"), Ok(-257));
        assert_eq!(read("1b7fffffffffffffff"), Ok(i64::MAX));
        assert_eq!(read("3b7fffffffffffffff"), Ok(i64::MIN));
        assert!(read("1b8000000000000000").is_err());
        assert!(read("3b8000000000000000").is_err());
    }

    #[test]
    fn debug_shows_no_byte() {
        assert_eq!(format!("{:?}", Reader::new(&[0x42, 0xab, 0xab])), "Reader(3 bytes left)");
    }

    #[test]
    fn unread_values_are_skipped_but_checked() {
        let mut reader = Reader::new(&[0xa2, 0x01, 0x82, 0x00, 0x00, 0x02, 0x07]);
        let mut seen = Vec::new();
        reader
            .map(|key, reader| {
                if key == MapKey::Integer(2) {
                    seen.push(reader.unsigned()?);
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [7]);
        let mut reader = Reader::new(&[0xa1, 0x01, 0x82, 0x00]);
        assert_eq!(reader.map(|_, _| Ok(())), Err(CborError::UnexpectedEnd));
    }
}
