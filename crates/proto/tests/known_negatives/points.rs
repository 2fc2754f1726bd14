//! Points that are not on the curve or have the wrong encoding, at every place
//! that parses a peer's key. And valid points at the edge of the range, so that
//! no place refuses what the other provider would accept.
//!
//! Clauses: [SEC 1 §2.3.3].

use std::sync::LazyLock;

use fido_hybrid_proto::cbor::{self, CborError, Writer};
use fido_hybrid_proto::crypto::{
    AEAD_TAG_LENGTH, COMPRESSED_POINT_LENGTH, InvalidPoint, PublicKey, SecretKey,
    UNCOMPRESSED_POINT_LENGTH,
};
use fido_hybrid_proto::ctap::CoseKey;
use fido_hybrid_proto::secret::{LinkSecret, Psk};
use fido_hybrid_proto::transport::{
    ContactId, HandshakeError, HandshakeHash, Initiator, Link, LinkId, QrCode, QrCodeError,
    Responder, UnverifiedLink, digits,
};

use super::{hex, key};

/// The field's prime, p.
const P: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const ONE: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const FIVE: &str = "0000000000000000000000000000000000000000000000000000000000000005";
const ALL: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

/// p + 5: not reduced.
const P_AND_FIVE: &str = "ffffffff00000001000000000000000000000001000000000000000000000004";

/// The base point.
const G_X: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
const G_Y: &str = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// The Y of X = 0: the root of the curve's b.
const Y_OF_ZERO: &str = "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4";

/// The Y of X = 5.
const Y_OF_FIVE: &str = "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc";

/// The X of Y = 5.
const X_OF_Y_FIVE: &str = "d7325d7646cd60d80a92738ceb345f844cffaf35841022cab176f692de8de1d7";

/// Coordinates of points on the curve.
const ON_THE_CURVE: [(&str, &str); 4] =
    [(G_X, G_Y), (ZERO, Y_OF_ZERO), (FIVE, Y_OF_FIVE), (X_OF_Y_FIVE, FIVE)];

/// Coordinates that are no point's.
const OFF_THE_CURVE: [(&str, &str); 18] = [
    // Infinity, as some write it.
    (ZERO, ZERO),
    (ALL, ALL),
    (P, P),
    // The base point with one bit changed, and turned round.
    (G_X, "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f4"),
    ("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c297", G_Y),
    (G_Y, G_X),
    // Points of curves with another b, where orders are small (with Y = 0 it is
    // two): an agreement with one would tell something of the private key.
    (FIVE, ZERO),
    (G_X, ZERO),
    (ZERO, ONE),
    // No point of the curve has X = 1: these are on its twist.
    (ONE, ONE),
    (ONE, FIVE),
    (ONE, G_Y),
    // secp256k1's base point.
    (
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
    ),
    // Points of the curve with a coordinate that is not reduced.
    (P, Y_OF_ZERO),
    (P_AND_FIVE, Y_OF_FIVE),
    (X_OF_Y_FIVE, P_AND_FIVE),
    (ALL, Y_OF_FIVE),
    (FIVE, ALL),
];

/// X without a point: small ones, and ones beyond the prime.
const X_WITHOUT_POINT: [&str; 7] = [
    ONE,
    "0000000000000000000000000000000000000000000000000000000000000002",
    "0000000000000000000000000000000000000000000000000000000000000007",
    "ffffffff00000001000000000000000000000000fffffffffffffffffffffffe",
    P,
    P_AND_FIVE,
    ALL,
];

fn point(tag: u8, coordinates: &[&str]) -> Vec<u8> {
    [vec![tag], coordinates.iter().flat_map(|it| hex(it)).collect()].concat()
}

/// Infinity as SEC 1 writes it, in one byte; and in the room of other points.
fn infinity() -> [Vec<u8>; 3] {
    [1, COMPRESSED_POINT_LENGTH, UNCOMPRESSED_POINT_LENGTH].map(|length| vec![0; length])
}

/// What is no uncompressed point.
fn not_uncompressed() -> Vec<Vec<u8>> {
    let mut points: Vec<_> = OFF_THE_CURVE.iter().map(|(x, y)| point(4, &[x, y])).collect();
    points.extend(infinity());
    for (x, y) in ON_THE_CURVE {
        // Infinity's tag, those of compressed points, the compact form's, the
        // hybrid forms', and some that do not exist.
        points.extend([0, 1, 2, 3, 5, 6, 7, 8, 0x14, 0x84, 0xff].map(|tag| point(tag, &[x, y])));
        // Other forms of the same point.
        points.extend([2, 3, 4, 5].map(|tag| point(tag, &[x])));
        let whole = point(4, &[x, y]);
        points.extend((0..whole.len()).map(|length| whole[..length].to_vec()));
        points.push(point(4, &[x, y, "00"]));
        points.push(point(4, &["00", x, "00", y]));
        points.push(whole[1..].to_vec());
    }
    points
}

/// What is no compressed point.
fn not_compressed() -> Vec<Vec<u8>> {
    let mut points = Vec::from(infinity());
    for x in X_WITHOUT_POINT {
        points.extend([2, 3].map(|tag| point(tag, &[x])));
    }
    for (x, y) in ON_THE_CURVE {
        points.extend([0, 1, 4, 5, 6, 7, 8, 0x12, 0x82, 0xff].map(|tag| point(tag, &[x])));
        points.extend([2, 3, 4, 5, 6, 7].map(|tag| point(tag, &[x, y])));
        let whole = point(2, &[x]);
        points.extend((0..whole.len()).map(|length| whole[..length].to_vec()));
        points.push(point(2, &[x, "00"]));
        points.push(whole[1..].to_vec());
    }
    points
}

fn psk() -> Psk {
    Psk::new([7; 32])
}

/// A place where bytes from a peer become a point: whether it took them. Each
/// checks that a refusal has its type.
type Door = fn(&[u8]) -> bool;

fn of_handshake(length: usize, error: HandshakeError) -> bool {
    match error {
        // The sender of this point has no valid tag for it.
        HandshakeError::Authentication => true,
        HandshakeError::Point => false,
        HandshakeError::Length(of) if of == length && of != 81 => false,
        other => panic!("{other}"),
    }
}

fn with_tag(point: &[u8]) -> Vec<u8> {
    [point, &[0; AEAD_TAG_LENGTH]].concat()
}

/// Made once: keys take longest in a debug build.
static KEYS: LazyLock<[SecretKey; 3]> = LazyLock::new(|| [1, 2, 3].map(key));

const UNCOMPRESSED: [(&str, Door); 6] = [
    ("PublicKey", |point| match PublicKey::from_uncompressed(point) {
        Ok(_) => true,
        Err(InvalidPoint) => false,
    }),
    ("the phone's handshake message, QR flow", |point| {
        let [identity, ephemeral, _] = KEYS.clone();
        let (client, _) = Initiator::qr(identity, &psk(), ephemeral).unwrap();
        let message = with_tag(point);
        of_handshake(message.len(), client.finish(&message).unwrap_err())
    }),
    ("the phone's handshake message, linked flow", |point| {
        let [identity, ephemeral, _] = KEYS.clone();
        let (client, _) = Initiator::linked(identity.public_key(), &psk(), ephemeral).unwrap();
        let message = with_tag(point);
        of_handshake(message.len(), client.finish(&message).unwrap_err())
    }),
    ("the client's handshake message, QR flow", |point| {
        let [identity, _, ephemeral] = KEYS.clone();
        let phone = Responder::qr(*identity.public_key(), &psk(), ephemeral);
        let message = with_tag(point);
        of_handshake(message.len(), phone.respond(&message).unwrap_err())
    }),
    ("the client's handshake message, linked flow", |point| {
        let [identity, _, ephemeral] = KEYS.clone();
        let phone = Responder::linked(identity, &psk(), ephemeral);
        let message = with_tag(point);
        of_handshake(message.len(), phone.respond(&message).unwrap_err())
    }),
    ("a link", |point| match cbor::decode::<UnverifiedLink>(&link_with(point)) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error, CborError::Invalid("the identity key"));
            false
        }
    }),
];

const COMPRESSED: [(&str, Door); 2] = [
    ("PublicKey", |point| match PublicKey::from_compressed(point) {
        Ok(_) => true,
        Err(InvalidPoint) => false,
    }),
    ("a QR code", |point| match qr_code_with(point).parse::<QrCode>() {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error, QrCodeError::Cbor(CborError::Invalid("the public key")));
            false
        }
    }),
];

/// The same for coordinates, in hexadecimal.
type CoordinateDoor = fn(&str, &str) -> bool;

const COORDINATES: [(&str, CoordinateDoor); 2] = [
    ("PublicKey", |x, y| {
        let [x, y] = [x, y].map(|it| hex(it).try_into().unwrap());
        PublicKey::from_coordinates(x, y).is_ok()
    }),
    ("a credential's key", |x, y| match cbor::decode::<CoseKey>(&cose_key(&hex(x), &hex(y))) {
        Ok(key) => key.es256().is_some(),
        Err(error) => {
            assert_eq!(error, CborError::Invalid("the public key"));
            false
        }
    }),
];

/// A linking map with these bytes for the phone's identity key.
fn link_with(point: &[u8]) -> Vec<u8> {
    let [identity, client, _] = &*KEYS;
    let link = Link {
        contact_id: ContactId::new(vec![0xc0; 4]).unwrap(),
        link_id: LinkId([7; 8]),
        secret: LinkSecret::new([0x77; 32]),
        identity: *identity.public_key(),
        name: "Test phone".to_owned(),
    };
    let map = link.sign(identity, client.public_key(), &HandshakeHash([0; 32])).unwrap();
    let map = map.expose();
    let item = |bytes: &[u8]| {
        let mut writer = Writer::new();
        writer.bytes(bytes);
        writer.into_bytes()
    };
    let honest = item(&identity.public_key().uncompressed());
    let at = map.windows(honest.len()).position(|window| window == honest).unwrap();
    [&map[..at], &item(point), &map[at + honest.len()..]].concat()
}

/// A QR code with these bytes for the client's key.
fn qr_code_with(point: &[u8]) -> String {
    let mut writer = Writer::new();
    writer.map(|map| {
        map.integer(0, |writer| writer.bytes(point));
        map.integer(1, |writer| writer.bytes(&[7; 16]));
    });
    format!("FIDO:/{}", digits::encode(&writer.into_bytes()))
}

fn cose_key(x: &[u8], y: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.map(|map| {
        map.integer(1, |writer| writer.integer(2));
        map.integer(3, |writer| writer.integer(-7));
        map.integer(-1, |writer| writer.integer(1));
        map.integer(-2, |writer| writer.bytes(x));
        map.integer(-3, |writer| writer.bytes(y));
    });
    writer.into_bytes()
}

#[test]
fn points_at_the_edge_are_taken_everywhere() {
    for (x, y) in ON_THE_CURVE {
        for (door, takes) in UNCOMPRESSED {
            let point = point(4, &[x, y]);
            assert_eq!(point.len(), UNCOMPRESSED_POINT_LENGTH);
            assert!(takes(&point), "{door}: {x}");
            assert_eq!(PublicKey::from_uncompressed(&point).unwrap().uncompressed(), *point);
        }
        for (door, takes) in COMPRESSED {
            let tag = 2 | (hex(y)[31] & 1);
            let point = point(tag, &[x]);
            assert_eq!(point.len(), COMPRESSED_POINT_LENGTH);
            assert!(takes(&point), "{door}: {x}");
            assert_eq!(PublicKey::from_compressed(&point).unwrap().compressed(), *point);
        }
        for (door, takes) in COORDINATES {
            assert!(takes(x, y), "{door}: {x}");
        }
    }
}

#[test]
fn what_is_no_uncompressed_point_is_refused_everywhere() {
    for point in not_uncompressed() {
        for (door, takes) in UNCOMPRESSED {
            assert!(!takes(&point), "{door}: {point:02x?}");
        }
    }
}

#[test]
fn what_is_no_compressed_point_is_refused_everywhere() {
    for point in not_compressed() {
        for (door, takes) in COMPRESSED {
            assert!(!takes(&point), "{door}: {point:02x?}");
        }
    }
}

#[test]
fn coordinates_of_no_point_are_refused_everywhere() {
    for (x, y) in OFF_THE_CURVE {
        for (door, takes) in COORDINATES {
            assert!(!takes(x, y), "{door}: {x} {y}");
        }
    }
}

#[test]
fn coordinates_of_other_lengths_are_refused() {
    let (x, y) = (hex(G_X), hex(G_Y));
    for length in (0..=66).filter(|length| *length != 32) {
        let mut resized = x.clone();
        resized.resize(length, 0);
        for key in [cose_key(&resized, &y), cose_key(&x, &resized)] {
            assert_eq!(cbor::decode::<CoseKey>(&key), Err(CborError::Invalid("the public key")));
        }
    }
    // Leading zeros are neither added nor removed.
    let padded = [&[0], &x[..]].concat();
    let bare = cose_key(&[5], &hex(Y_OF_FIVE));
    for key in [cose_key(&padded, &y), bare] {
        assert_eq!(cbor::decode::<CoseKey>(&key), Err(CborError::Invalid("the public key")));
    }
}
