//! CBOR that no such device writes, made from what one did write.

use fido_hybrid_proto::cbor::{CborError, ItemType, MapKey, Reader, Writer};

/// Items that CTAP2 does not allow anywhere, or that end too early.
const MALFORMED: &[(&[u8], CborError)] = &[
    // Integers, lengths and counts in more bytes than they need.
    (b"\x18\x00", CborError::NotCanonical),
    (b"\x18\x17", CborError::NotCanonical),
    (b"\x19\x00\xff", CborError::NotCanonical),
    (b"\x1a\x00\x00\xff\xff", CborError::NotCanonical),
    (b"\x1b\x00\x00\x00\x00\xff\xff\xff\xff", CborError::NotCanonical),
    (b"\x38\x17", CborError::NotCanonical),
    (b"\x3b\x00\x00\x00\x00\x00\x00\x00\x00", CborError::NotCanonical),
    (b"\x58\x00", CborError::NotCanonical),
    (b"\x59\x00\x01\x00", CborError::NotCanonical),
    (b"\x78\x00", CborError::NotCanonical),
    (b"\x7b\x00\x00\x00\x00\x00\x00\x00\x01a", CborError::NotCanonical),
    (b"\x98\x00", CborError::NotCanonical),
    (b"\xb8\x00", CborError::NotCanonical),
    (b"\xb9\x00\x00", CborError::NotCanonical),
    // Maps.
    (b"\xa2\x00\x00\x00\x00", CborError::DuplicateKey),
    (b"\xa2\x61a\x00\x61a\x00", CborError::DuplicateKey),
    (b"\xa2\x41a\x00\x41a\x00", CborError::DuplicateKey),
    (b"\xa3\x00\x00\x01\x00\x01\x00", CborError::DuplicateKey),
    (b"\xa2\x01\x00\x00\x00", CborError::NotCanonical),
    (b"\xa2\x61b\x00\x61a\x00", CborError::NotCanonical),
    (b"\xa2\x62aa\x00\x61b\x00", CborError::NotCanonical),
    (b"\xa2\x20\x00\x00\x00", CborError::NotCanonical),
    (b"\xa1\x80\x00", CborError::Expected("an integer, text or byte string as a key")),
    (b"\xa1\xa0\x00", CborError::Expected("an integer, text or byte string as a key")),
    (b"\xa1\xf5\x00", CborError::Expected("an integer, text or byte string as a key")),
    // Indefinite lengths, and their end without a beginning.
    (b"\x5f\x41\x00\xff", CborError::Forbidden),
    (b"\x7f\x61a\xff", CborError::Forbidden),
    (b"\x9f\xff", CborError::Forbidden),
    (b"\xbf\xff", CborError::Forbidden),
    (b"\xff", CborError::Forbidden),
    // Tags, floats, simple values, and reserved headers.
    (b"\xc0\x00", CborError::Forbidden),
    (b"\xc2\x41\x01", CborError::Forbidden),
    (b"\xd9\xd9\xf7\x00", CborError::Forbidden),
    (b"\xf9\x3c\x00", CborError::Forbidden),
    (b"\xfa\x00\x00\x00\x00", CborError::Forbidden),
    (b"\xfb\x00\x00\x00\x00\x00\x00\x00\x00", CborError::Forbidden),
    (b"\xe0", CborError::Forbidden),
    (b"\xf7", CborError::Forbidden),
    (b"\xf8\x20", CborError::Forbidden),
    (b"\xf8\xff", CborError::Forbidden),
    (b"\x1c", CborError::Forbidden),
    (b"\x5d", CborError::Forbidden),
    (b"\xfe", CborError::Forbidden),
    // Text that is not UTF-8.
    (b"\x61\xff", CborError::NotUtf8),
    (b"\x62\xc0\x80", CborError::NotUtf8),
    (b"\x63\xed\xa0\x80", CborError::NotUtf8),
    // Lengths and counts that lie: one too many, 2^32 and 2^64 - 1.
    (b"\x41", CborError::UnexpectedEnd),
    (b"\x61", CborError::UnexpectedEnd),
    (b"\x81", CborError::UnexpectedEnd),
    (b"\xa1", CborError::UnexpectedEnd),
    (b"\xa1\x00", CborError::UnexpectedEnd),
    (b"\x5a\xff\xff\xff\xff", CborError::UnexpectedEnd),
    (b"\x5b\x00\x00\x00\x01\x00\x00\x00\x00", CborError::UnexpectedEnd),
    (b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", CborError::UnexpectedEnd),
    (b"\x7b\x00\x00\x00\x01\x00\x00\x00\x00", CborError::UnexpectedEnd),
    (b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff", CborError::UnexpectedEnd),
    (b"\x9b\x00\x00\x00\x01\x00\x00\x00\x00", CborError::UnexpectedEnd),
    (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", CborError::UnexpectedEnd),
    (b"\xbb\x00\x00\x00\x01\x00\x00\x00\x00", CborError::UnexpectedEnd),
    (b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", CborError::UnexpectedEnd),
    (b"\x18", CborError::UnexpectedEnd),
    (b"\x1b\x00\x00", CborError::UnexpectedEnd),
    (b"", CborError::UnexpectedEnd),
];

/// [`MALFORMED`], and what nests too deep, alone and by the thousand.
pub(crate) fn malformed() -> Vec<(Vec<u8>, CborError)> {
    let mut items: Vec<_> = MALFORMED.iter().map(|(item, error)| (item.to_vec(), *error)).collect();
    for deep in [8, 100, 5_000] {
        items.push(([vec![0x81; deep], vec![0]].concat(), CborError::TooDeep));
        items.push(([[0xa1, 0x00].repeat(deep), vec![0]].concat(), CborError::TooDeep));
    }
    items
}

/// A map of a message, apart.
#[derive(Clone)]
pub(crate) struct Map {
    pub(crate) members: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Map {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut members = Vec::new();
        Reader::new(bytes)
            .map(|key, reader| {
                let MapKey::Integer(key) = key else { panic!("{key:?}") };
                let mut writer = Writer::new();
                writer.integer(key);
                members.push((writer.into_bytes(), reader.raw()?.to_vec()));
                Ok(())
            })
            .unwrap();
        Self { members }
    }

    pub(crate) fn with(mut self, key: &[u8], value: &[u8]) -> Self {
        self.members.push((key.to_vec(), value.to_vec()));
        self
    }

    fn body(&self) -> Vec<u8> {
        self.members.iter().flat_map(|(key, value)| [&key[..], value].concat()).collect()
    }

    /// The map with a header for another number of members.
    fn counted(&self, count: usize) -> Vec<u8> {
        [&[0xa0 | u8::try_from(count).unwrap()], &self.body()[..]].concat()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.counted(self.members.len())
    }
}

/// A key of no message, which sorts behind all that are of one.
pub(crate) const UNKNOWN_KEY: &[u8] = b"\x18\x7f";

/// What is wrong with a message as a whole; its members are right.
pub(crate) fn misshapen(good: &Map) -> Vec<(Vec<u8>, CborError)> {
    let bytes = good.bytes();
    let count = good.members.len();
    let mut twice = good.clone();
    twice.members.push(good.members[count - 1].clone());
    let mut unsorted = good.clone();
    unsorted.members.swap(count - 2, count - 1);
    let long_header = [&[0xb8, u8::try_from(count).unwrap()], &good.body()[..]].concat();
    vec![
        (twice.bytes(), CborError::DuplicateKey),
        (unsorted.bytes(), CborError::NotCanonical),
        (long_header, CborError::NotCanonical),
        ([&[0xbf], &good.body()[..], &[0xff]].concat(), CborError::Forbidden),
        ([&[0xc0], &bytes[..]].concat(), CborError::Forbidden),
        ([&bytes[..], &[0xa0]].concat(), CborError::TrailingBytes),
        (good.clone().with(UNKNOWN_KEY, &[0]).counted(count), CborError::TrailingBytes),
        (good.counted(count + 1), CborError::UnexpectedEnd),
        (vec![], CborError::UnexpectedEnd),
        (vec![0xa0 | 1], CborError::UnexpectedEnd),
        ([&[0x81], &bytes[..]].concat(), CborError::Expected("a map")),
        (vec![0xf6], CborError::Expected("a map")),
        (vec![0x40], CborError::Expected("a map")),
        (vec![0x60], CborError::Expected("a map")),
        (vec![0x00], CborError::Expected("a map")),
    ]
}

/// Each value's place in a message, nested ones included, keys not: from where
/// to where.
fn values(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    walk(&mut Reader::new(bytes), bytes.len(), &mut places);
    places
}

fn walk(reader: &mut Reader<'_>, end: usize, places: &mut Vec<(usize, usize)>) {
    let at = end - reader.remaining().len();
    let length = reader.clone().raw().unwrap().len();
    places.push((at, at + length));
    match reader.remaining()[0] >> 5 {
        4 => reader.array(|element| {
            walk(element, end, places);
            Ok(())
        }),
        5 => reader.map(|_, value| {
            walk(value, end, places);
            Ok(())
        }),
        _ => reader.raw().map(drop),
    }
    .unwrap();
}

/// The message with each of its strings turned from bytes into text or from
/// text into bytes, one at a time.
pub(crate) fn texts_for_bytes(good: &[u8]) -> Vec<Vec<u8>> {
    let strings = values(good).into_iter().filter(|(at, _)| matches!(good[*at] >> 5, 2 | 3));
    strings
        .map(|(at, _)| {
            let mut changed = good.to_vec();
            changed[at] ^= 0x20;
            changed
        })
        .collect()
}

/// The message with each of its values replaced by one of each other type.
pub(crate) fn other_types(good: &[u8]) -> Vec<Vec<u8>> {
    let others: [&[u8]; 8] =
        [b"\x07", b"\x26", b"\x41\x07", b"\x61a", b"\x81\x07", b"\xa1\x07\x07", b"\xf5", b"\xf6"];
    // A number of another sign is of the same type.
    let kind = |bytes: &[u8]| match Reader::new(bytes).peek().unwrap() {
        ItemType::Negative => ItemType::Unsigned,
        kind => kind,
    };
    let mut changed = Vec::new();
    for (from, to) in values(good) {
        let value = &good[from..to];
        let differs = |other: &&[u8]| kind(other) != kind(value);
        for other in others.into_iter().filter(differs) {
            changed.push([&good[..from], other, &good[to..]].concat());
        }
    }
    changed
}
