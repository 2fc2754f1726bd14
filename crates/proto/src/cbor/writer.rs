//! Writing, canonical by construction.

use std::fmt;
use std::ops::Range;

use ciborium_ll::{Encoder, Header};

use crate::secret::SecretBytes;

/// Length in bytes of the longest header: its first byte and 64 bits.
const MAX_HEADER: usize = 9;

/// The most members of a map whose header is one byte.
const MAX_IN_ONE_BYTE: usize = 23;

/// A type that can be written as CBOR.
pub trait Encode {
    /// Writes one item.
    fn encode(&self, writer: &mut Writer);
}

/// Writes `value` as one item.
#[must_use]
pub fn encode(value: &(impl Encode + ?Sized)) -> Vec<u8> {
    let mut writer = Writer::new();
    value.encode(&mut writer);
    writer.into_bytes()
}

/// Appends items to a buffer, each in the one form that CTAP2 allows.
///
/// What is written may be a secret: nothing of it stays behind when the buffer
/// grows or is dropped, and `Debug` prints the length only.
#[derive(Default)]
pub struct Writer {
    out: SecretBytes,
    /// Where the members lie of the maps that are being written, those of the
    /// innermost last.
    members: Vec<Member>,
}

impl Writer {
    /// Starts with nothing written.
    #[must_use]
    pub const fn new() -> Self {
        Self::after(Vec::new())
    }

    /// Continues behind `out`, such as a status byte.
    #[must_use]
    pub const fn after(out: Vec<u8>) -> Self {
        Self { out: SecretBytes::new(out), members: Vec::new() }
    }

    /// Returns the written bytes, which are no longer wiped when dropped.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out.into_exposed()
    }

    /// Writes an integer that is not negative.
    pub fn unsigned(&mut self, value: u64) {
        self.header(Header::Positive(value));
    }

    /// Writes an integer.
    pub fn integer(&mut self, value: i64) {
        self.header(match u64::try_from(value) {
            Ok(value) => Header::Positive(value),
            Err(_) => Header::Negative((!value).unsigned_abs()),
        });
    }

    /// Writes a byte string.
    pub fn bytes(&mut self, value: &[u8]) {
        self.header(Header::Bytes(Some(value.len())));
        self.out.extend(value);
    }

    /// Writes a text string.
    pub fn text(&mut self, value: &str) {
        self.header(Header::Text(Some(value.len())));
        self.out.extend(value.as_bytes());
    }

    /// Writes `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        self.header(Header::Simple(if value { 21 } else { 20 }));
    }

    /// Writes an array; `element` writes one item for each of `items`.
    pub fn array<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut element: impl FnMut(&mut Self, T),
    ) {
        self.header(Header::Array(Some(items.len())));
        for item in items {
            element(self, item);
        }
    }

    /// Writes a map; `entries` adds its members in any order, each key once.
    pub fn map(&mut self, entries: impl FnOnce(&mut MapWriter<'_>)) {
        let start = self.out.len();
        let first = self.members.len();
        // Nearly all maps come in order and are small: then this byte is the
        // header that they need.
        self.header(Header::Map(Some(0)));
        entries(&mut MapWriter { writer: self });
        let (count, ordered) = self.members_since(first);
        match self.out.expose_mut().get_mut(start) {
            Some(header) if ordered && count <= MAX_IN_ONE_BYTE => *header |= count as u8,
            _ => self.rewrite(start, first),
        }
        self.members.truncate(first);
    }

    /// How many members a map has, and whether their keys come in order.
    fn members_since(&self, first: usize) -> (usize, bool) {
        let members = self.members.get(first..).unwrap_or_default();
        let keys = members.iter().map(|member| self.written(member.key.clone()));
        (members.len(), keys.is_sorted_by(|one, next| one < next))
    }

    /// Rewrites the map at `start` with its members in order.
    fn rewrite(&mut self, start: usize, first: usize) {
        let body = SecretBytes::from(self.written(start..self.out.len()));
        self.out.truncate(start);
        let bytes = |range: Range<usize>| {
            body.expose().get(range.start - start..range.end - start).unwrap_or_default()
        };
        let mut members = self.members.split_off(first);
        members.sort_by(|one, other| bytes(one.key.clone()).cmp(bytes(other.key.clone())));
        debug_assert!(
            members.windows(2).all(|pair| !matches!(pair, [one, next]
                if bytes(one.key.clone()) == bytes(next.key.clone()))),
            "each key once"
        );
        self.header(Header::Map(Some(members.len())));
        for member in members {
            self.out.extend(bytes(member.key.start..member.end));
        }
    }

    fn written(&self, range: Range<usize>) -> &[u8] {
        self.out.expose().get(range).unwrap_or_default()
    }

    /// Writes an item that is CBOR already, such as one that was kept as read.
    ///
    /// It must come from [`Reader::raw`](super::Reader::raw) or from a
    /// `Writer`: it is not looked at here.
    pub fn raw(&mut self, item: &[u8]) {
        self.out.extend(item);
    }

    /// Writes any value.
    pub fn value(&mut self, value: &(impl Encode + ?Sized)) {
        value.encode(self);
    }

    fn header(&mut self, header: Header) {
        let mut bytes = [0; MAX_HEADER];
        let mut rest = bytes.as_mut_slice();
        // No header is longer; the error's type depends on features.
        let _infallible = Encoder::from(&mut rest).push(header);
        let length = MAX_HEADER - rest.len();
        self.out.extend(bytes.get(..length).unwrap_or_default());
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writer({} bytes)", self.out.len())
    }
}

/// Adds members to a map. The key's type is the method's choice.
#[derive(Debug)]
pub struct MapWriter<'a> {
    writer: &'a mut Writer,
}

/// Where a member lies in the writer's buffer.
#[derive(Clone, Debug)]
struct Member {
    key: Range<usize>,
    end: usize,
}

impl MapWriter<'_> {
    /// Adds a member with an integer as its key.
    pub fn integer(&mut self, key: i64, value: impl FnOnce(&mut Writer)) {
        self.entry(|writer| writer.integer(key), value);
    }

    /// Adds a member with a text as its key.
    pub fn text(&mut self, key: &str, value: impl FnOnce(&mut Writer)) {
        self.entry(|writer| writer.text(key), value);
    }

    /// Adds a member with a byte string as its key.
    pub fn bytes(&mut self, key: &[u8], value: impl FnOnce(&mut Writer)) {
        self.entry(|writer| writer.bytes(key), value);
    }

    fn entry(&mut self, key: impl FnOnce(&mut Writer), value: impl FnOnce(&mut Writer)) {
        let start = self.writer.out.len();
        key(self.writer);
        let key = start..self.writer.out.len();
        value(self.writer);
        self.writer.members.push(Member { key, end: self.writer.out.len() });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Reader;
    use super::*;

    #[test]
    fn members_are_sorted_as_ctap2_wants() {
        let mut writer = Writer::after(vec![0xee]);
        writer.map(|map| {
            map.text("b", |w| w.unsigned(6));
            map.text("aa", |w| w.unsigned(7));
            map.bytes(&[0], |w| w.unsigned(5));
            map.integer(-1, |w| w.unsigned(4));
            map.integer(24, |w| w.unsigned(3));
            map.integer(1, |w| w.map(|map| map.integer(0, |w| w.boolean(true))));
        });
        let bytes = writer.into_bytes();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&bytes),
            "eea601a100f51818032004410005616206626161 07".replace(' ', "")
        );
        let mut reader = Reader::new(&bytes[1..]);
        reader.raw().unwrap();
        reader.finish().unwrap();
    }

    #[test]
    fn maps_are_ordered_at_every_depth_and_of_every_size() {
        let in_order = |count: u64, order: &[u64]| {
            let mut writer = Writer::after(vec![0xee]);
            writer.map(|map| {
                for key in order {
                    map.integer(*key as i64, |w| {
                        w.map(|map| {
                            map.integer(2, |w| w.unsigned(*key));
                            map.integer(i64::from(*key > count / 2), |w| w.unsigned(*key));
                        });
                    });
                }
            });
            writer.into_bytes()
        };
        for count in [0, 1, 2, 23, 24, 300] {
            let ascending: Vec<u64> = (0..count).collect();
            let descending: Vec<u64> = (0..count).rev().collect();
            let bytes = in_order(count, &ascending);
            assert_eq!(bytes, in_order(count, &descending));
            let mut reader = Reader::new(&bytes[1..]);
            let mut keys = Vec::new();
            reader
                .map(|key, value| {
                    keys.push(key);
                    value.map(|_, _| Ok(()))
                })
                .unwrap();
            reader.finish().unwrap();
            assert_eq!(keys.len() as u64, count);
        }
    }

    #[test]
    fn debug_shows_no_byte() {
        let mut writer = Writer::new();
        writer.bytes(&[0xab; 3]);
        assert_eq!(format!("{writer:?}"), "Writer(4 bytes)");
        writer.map(|map| {
            map.integer(1, |writer| writer.bytes(&[0xab; 3]));
            let shown = format!("{map:?}");
            assert!(!shown.contains("171") && shown.contains("Writer(10 bytes)"), "{shown}");
        });
    }

    #[test]
    fn headers_have_every_length() {
        let mut writer = Writer::new();
        for value in [0, 24, 0x100, 0x1_0000, u64::MAX] {
            writer.unsigned(value);
        }
        writer.integer(i64::MIN);
        assert_eq!(
            data_encoding::HEXLOWER.encode(&writer.into_bytes()),
            "00 1818 190100 1a00010000 1bffffffffffffffff 3b7fffffffffffffff".replace(' ', "")
        );
    }

    proptest! {
        #[test]
        fn any_map_written_is_canonical(
            integers: std::collections::HashSet<i64>,
            texts: std::collections::HashSet<String>,
        ) {
            let mut writer = Writer::new();
            writer.map(|map| {
                for key in &integers {
                    map.integer(*key, |w| w.integer(*key));
                }
                for key in &texts {
                    map.text(key, |w| w.text(key));
                }
            });
            let bytes = writer.into_bytes();
            let mut count = 0;
            let mut reader = Reader::new(&bytes);
            reader.map(|_, _| { count += 1; Ok(()) }).unwrap();
            prop_assert_eq!(reader.finish(), Ok(()));
            prop_assert_eq!(count, integers.len() + texts.len());
        }
    }
}
