//! QR codes that no client shows, as a phone's camera may read them: wrong in
//! each field, in each digit, in length and in form. What a phone can do
//! without is passed over, all else is refused before anything is dialled.
//!
//! Clauses: [CTAP 2.2 §11.5.1] [CTAP 2.3 §11.5.1].

use std::sync::LazyLock;
use std::time::Duration;

use fido_hybrid_proto::authenticator::{QrAgeLimit, Transaction};
use fido_hybrid_proto::cbor::{CborError, Writer};
use fido_hybrid_proto::crypto::PublicKey;
use fido_hybrid_proto::error::{ErrorKind, Stage, Unsupported};
use fido_hybrid_proto::transport::digits::{self, DigitsError, MAX_DIGITS};
use fido_hybrid_proto::transport::{DataChannels, QrCode, QrCodeError, RequestHint};

use super::malformed::{Map, UNKNOWN_KEY, malformed, misshapen};
use super::rig::{Client, config, keys};
use super::within;

/// What reading a text may hold, in bytes: what its digits stand for.
const TEXT_PEAK: u64 = 2 << 10;

/// A code as clients write it.
static TEXT: LazyLock<String> = LazyLock::new(|| Client::new(1).code.to_text().expose().to_owned());

/// Its content.
fn good() -> Map {
    Map::of(&digits::decode(&TEXT["FIDO:/".len()..]).unwrap())
}

/// What a phone makes of a text.
fn read(text: &str) -> Result<QrCode, QrCodeError> {
    within(TEXT_PEAK, || text.parse())
}

fn read_content(content: &[u8]) -> Result<QrCode, QrCodeError> {
    read(&format!("FIDO:/{}", digits::encode(content)))
}

/// The good code with one member replaced, added, or left out.
fn with(key: u8, value: Option<&[u8]>) -> Result<QrCode, QrCodeError> {
    let mut map = good();
    map.members.retain(|(of, _)| *of != [key]);
    map.members.extend(value.map(|value| (vec![key], value.to_vec())));
    map.members.sort();
    read_content(&map.bytes())
}

/// A byte string.
fn bytes(length: usize, byte: u8) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.bytes(&vec![byte; length]);
    writer.into_bytes()
}

fn cbor(error: CborError) -> QrCodeError {
    QrCodeError::Cbor(error)
}

/// One value of each type.
const VALUES: [&[u8]; 10] = [
    b"\x07",
    b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x26",
    b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x41\x07",
    b"\x61a",
    b"\x81\x07",
    b"\xa1\x07\x07",
    b"\xf5",
    b"\xf6",
];

#[test]
fn each_field_holds_each_type() {
    for (key, expected) in [
        (0, Some("a byte string")),
        (1, Some("a byte string")),
        (2, Some("an unsigned integer")),
        // No phone looks at the time, or at a way for messages that it does not
        // know.
        (3, None),
        (4, Some("a boolean")),
        (5, Some("a text string")),
        (6, None),
    ] {
        for value in VALUES {
            let fits = match key {
                0 | 1 => value[0] == 0x41,
                2 => value[0] >> 5 == 0,
                4 => value[0] == 0xf5,
                5 => value[0] == 0x61,
                _ => true,
            };
            match (with(key, Some(value)), expected) {
                (Err(error), _) if fits && key < 2 => {
                    let what = ["the public key", "the QR secret"][usize::from(key)];
                    assert_eq!(error, cbor(CborError::Invalid(what)), "of one byte");
                }
                (Err(error), Some(expected)) => {
                    assert!(!fits);
                    assert_eq!(error, cbor(CborError::Expected(expected)), "{key}: {value:02x?}");
                }
                (read, _) => assert!(fits && read.is_ok(), "{key}: {value:02x?} {read:?}"),
            }
        }
    }
}

#[test]
fn fields_are_missing() {
    assert_eq!(with(0, None), Err(cbor(CborError::Missing("the public key"))));
    assert_eq!(with(1, None), Err(cbor(CborError::Missing("the QR secret"))));
    assert_eq!(read_content(b"\xa0"), Err(cbor(CborError::Missing("the public key"))));
    for key in 2..=6 {
        assert!(with(key, None).is_ok());
    }
}

#[test]
fn key_and_secret_have_every_length() {
    for length in 0..=70 {
        // All tags of points are tried: none makes another length right.
        for byte in [0, 2, 3, 4, 5, 6, 7, 0xff] {
            let key = with(0, Some(&bytes(length, byte)));
            match PublicKey::from_compressed(&vec![byte; length]) {
                Ok(point) => assert_eq!((key.unwrap().public_key, length), (point, 33)),
                Err(_) => assert_eq!(key, Err(cbor(CborError::Invalid("the public key")))),
            }
        }
        let secret = with(1, Some(&bytes(length, 7)));
        match length {
            16 => assert!(secret.is_ok()),
            _ => assert_eq!(secret, Err(cbor(CborError::Invalid("the QR secret"))), "{length}"),
        }
    }
}

/// Numbers at the ends of their range end in nothing worse than a refusal.
#[test]
fn numbers_are_as_large_as_they_can_be() {
    let number = |value: u64| [&[0x1b], &value.to_be_bytes()[..]].concat();
    for value in [1 << 32, i64::MAX as u64, 1 << 63, u64::MAX] {
        let created = with(3, Some(&number(value))).unwrap();
        assert_eq!(created.created, Some(value));
        for now in [0, 1_700_000_000, u64::MAX] {
            let fresh = QrAgeLimit::default().check(&created, now);
            assert_eq!(fresh.is_ok(), value == now);
            assert!(fresh.is_ok() || matches!(fresh, Err(ErrorKind::StaleQrCode)));
            assert!(QrAgeLimit::None.check(&created, now).is_ok());
            let limit = QrAgeLimit::Within(Duration::MAX);
            assert!(limit.check(&created, now).is_ok());
        }
        assert!(Transaction::qr(config(), &created, keys(1), Duration::ZERO).is_ok());
        let known = with(2, Some(&number(value))).unwrap();
        assert_eq!(known.known_domains, value);
        assert!(Transaction::qr(config(), &known, keys(1), Duration::MAX).is_ok());
    }
}

#[test]
fn hints_and_ways_for_messages_are_unknown() {
    for hint in [&b"\x60"[..], b"\x62GA", b"\x63dcx", b"\x62\xf0\x9f"] {
        let code = with(5, Some(hint));
        match std::str::from_utf8(hint) {
            Ok(_) => assert_eq!(code.unwrap().hint, RequestHint::GetAssertion),
            Err(_) => assert_eq!(code, Err(cbor(CborError::NotUtf8))),
        }
    }
    let long = [&[0x79, 3, 0][..], &[b'g'; 0x300]].concat();
    assert_eq!(with(5, Some(&long)).unwrap().hint, RequestHint::GetAssertion);
    // A list of ways that holds Bluetooth alone is one that this phone lacks.
    let code = with(6, Some(b"\x81\x01")).unwrap();
    assert_eq!(code.channels, DataChannels::Bluetooth);
    let error = Transaction::qr(config(), &code, keys(1), Duration::ZERO).unwrap_err();
    assert_eq!(error.stage, Stage::Preparing);
    assert!(matches!(error.kind, ErrorKind::Unsupported(Unsupported::DataChannel)));
    let many = [&[0x98, 0xff][..], &[0x07; 0xff]].concat();
    assert_eq!(with(6, Some(&many)).unwrap().channels, DataChannels::WebSocket);
}

#[test]
fn unknown_fields_are_passed_over_whatever_they_hold() {
    let plain = read_content(&good().bytes()).unwrap();
    let deep = [vec![0x81; 7], vec![0]].concat();
    let long = [&[0x59, 3, 0][..], &[7; 0x300]].concat();
    for value in VALUES.into_iter().chain([&deep[..], &long]) {
        // Numbers of either sign, bytes, text: in the order of CTAP2.
        for key in [&b"\x07"[..], b"\x18\x7f", b"\x19\xff\xff", b"\x20", b"\x41a", b"\x61a"] {
            assert_eq!(read_content(&good().with(key, value).bytes()), Ok(plain.clone()));
        }
    }
}

#[test]
fn the_content_is_no_cbor_that_a_client_writes() {
    let mut contents = misshapen(&good());
    for (item, error) in malformed() {
        contents.push((good().with(UNKNOWN_KEY, &item).bytes(), error));
    }
    for (content, error) in contents {
        let expected = if digits::encode(&content).len() > MAX_DIGITS {
            QrCodeError::Digits(DigitsError::TooLong)
        } else if content.is_empty() {
            QrCodeError::Empty
        } else {
            cbor(error)
        };
        assert_eq!(read_content(&content), Err(expected), "{content:02x?}");
    }
}

#[test]
fn the_content_is_cut_at_each_byte() {
    let content = good().bytes();
    for length in 1..content.len() {
        assert_eq!(read_content(&content[..length]), Err(cbor(CborError::UnexpectedEnd)));
    }
}

#[test]
fn the_text_is_cut_or_changed_at_each_character() {
    let text = &**TEXT;
    let truth = read(text).unwrap();
    for at in 0..text.len() {
        let cut = read(&text[..at]).unwrap_err();
        match at {
            0..6 => assert_eq!(cut, QrCodeError::NotFido),
            6 => assert_eq!(cut, QrCodeError::Empty),
            _ => assert!(matches!(
                cut,
                // The digits that are left may stand for other bytes.
                QrCodeError::Digits(DigitsError::Length | DigitsError::Overflow)
                    | QrCodeError::Cbor(_)
            )),
        }
        for other in ["x", " ", "-", "\u{661}", "\0"] {
            let changed = [&text[..at], other, &text[at + 1..]].concat();
            let expected = if at < 6 {
                QrCodeError::NotFido
            } else {
                QrCodeError::Digits(DigitsError::NotADigit)
            };
            assert_eq!(read(&changed), Err(expected), "{at}");
        }
        // Another digit in key or secret gives another code, if any. (What comes
        // behind is passed over where it is unknown.)
        if !(6..6 + 7 * 17).contains(&at) {
            continue;
        }
        for digit in (b'0'..=b'9').filter(|digit| *digit != text.as_bytes()[at]) {
            let changed = [&text.as_bytes()[..at], &[digit], &text.as_bytes()[at + 1..]].concat();
            assert_ne!(read(std::str::from_utf8(&changed).unwrap()), Ok(truth.clone()));
        }
    }
}

#[test]
fn a_text_of_a_megabyte_is_refused_by_its_length() {
    let text = format!("FIDO:/{}", "0".repeat(1 << 20));
    let read = within(0, || text.parse::<QrCode>());
    assert_eq!(read, Err(QrCodeError::Digits(DigitsError::TooLong)));
}
