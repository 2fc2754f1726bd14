//! AES-GCM messages that were changed, cut, or sealed under another key, nonce
//! or additional data: as sealed messages and as handshake messages.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use fido_hybrid_proto::crypto::{AEAD_TAG_LENGTH, UNCOMPRESSED_POINT_LENGTH};
use fido_hybrid_proto::secret::{Psk, TrafficKey};
use fido_hybrid_proto::transport::{
    Crypter, CrypterError, HANDSHAKE_MESSAGE_LENGTH, HandshakeError, HandshakeMessage, Initiator,
    Responder,
};

use super::{hex, key};

const KEY: [u8; 32] = [0; 32];
const OTHER_KEY: [u8; 32] = [1; 32];

fn receiver() -> Crypter {
    Crypter::new(TrafficKey::new(OTHER_KEY), TrafficKey::new(KEY))
}

/// Refuses a message, and is then as it was before.
fn refuses(crypter: &mut Crypter, message: Vec<u8>) {
    assert_eq!(crypter.open(message.clone()).unwrap_err(), CrypterError::Authentication);
    // Nor does the same message pass a second time.
    assert_eq!(crypter.open(message).unwrap_err(), CrypterError::Authentication);
}

/// A message sealed with any nonce and additional data.
fn sealed(key: &[u8; 32], nonce: [u8; 12], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let cipher = aes_gcm::Aes256Gcm::new(key.into());
    cipher.encrypt(&nonce.into(), Payload { msg: plaintext, aad }).unwrap()
}

fn nonce(counter: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

/// Test cases 13 and 14 of McGrew and Viega's "The Galois/Counter Mode of
/// Operation": a key and nonce of zeros, which is where a crypter starts.
#[test]
fn known_answers_are_opened() {
    // Nothing sealed: it authenticates, and has not even padding.
    let nothing = hex("530f8afbc74536b9a963b4f1c4cb738b");
    assert_eq!(receiver().open(nothing).unwrap_err(), CrypterError::Padding);
    // A block of zeros: the last of them says that it is all the padding.
    let zeros = hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
    assert_eq!(receiver().open(zeros).unwrap().expose(), [0; 15]);
}

#[test]
fn a_message_with_any_bit_changed_is_refused() {
    for length in [0, 1, 15, 16, 31, 32, 100] {
        let good = sealed(&KEY, nonce(0), &[], &vec![0; length]);
        let mut crypter = receiver();
        for bit in 0..good.len() * 8 {
            let mut changed = good.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            refuses(&mut crypter, changed);
        }
        let opened = crypter.open(good).map(|message| message.len());
        assert_eq!(opened, length.checked_sub(1).ok_or(CrypterError::Padding));
    }
}

#[test]
fn tags_of_other_lengths_and_made_up_ones_are_refused() {
    let good = sealed(&KEY, nonce(0), &[], &[0; 32]);
    let (text, tag) = good.split_at(32);
    let mut crypter = receiver();
    for length in 0..AEAD_TAG_LENGTH {
        // Cut at either end, or with zeros in place of what was cut.
        refuses(&mut crypter, [text, &tag[..length]].concat());
        refuses(&mut crypter, [text, &tag[AEAD_TAG_LENGTH - length..]].concat());
        refuses(&mut crypter, [text, &tag[..length], &vec![0; AEAD_TAG_LENGTH - length]].concat());
    }
    refuses(&mut crypter, [text, &[0xff; 16]].concat());
    refuses(&mut crypter, [text, &tag.iter().map(|byte| !byte).collect::<Vec<_>>()].concat());
    refuses(&mut crypter, [text, tag, &[0]].concat());
    refuses(&mut crypter, [text, tag, tag].concat());
    refuses(&mut crypter, [tag, text].concat());
    refuses(&mut crypter, tag.to_vec());
    for length in 0..=64 {
        refuses(&mut crypter, vec![0; length]);
    }
    assert_eq!(crypter.open(good).unwrap().expose(), [0; 31]);
}

#[test]
fn another_key_nonce_or_additional_data_is_refused() {
    let text = [0; 32];
    let mut crypter = receiver();
    refuses(&mut crypter, sealed(&OTHER_KEY, nonce(0), &[], &text));
    for bit in 0..256 {
        let mut near = KEY;
        near[bit / 8] ^= 1 << (bit % 8);
        refuses(&mut crypter, sealed(&near, nonce(0), &[], &text));
    }
    for bit in 0..96 {
        let mut near = nonce(0);
        near[bit / 8] ^= 1 << (bit % 8);
        refuses(&mut crypter, sealed(&KEY, near, &[], &text));
    }
    for aad in [&[0][..], &[0; 16], b"any"] {
        refuses(&mut crypter, sealed(&KEY, nonce(0), aad, &text));
    }
    // The counter at the other end of the nonce, or the other way round.
    crypter.open(sealed(&KEY, nonce(0), &[], &text)).unwrap();
    for position in (0..12).filter(|position| *position != 11) {
        let mut odd = [0; 12];
        odd[position] = 1;
        refuses(&mut crypter, sealed(&KEY, odd, &[], &text));
    }
    refuses(&mut crypter, sealed(&KEY, nonce(0), &[], &text));
    refuses(&mut crypter, sealed(&KEY, nonce(2), &[], &text));
    crypter.open(sealed(&KEY, nonce(1), &[], &text)).unwrap();
}

fn psk() -> Psk {
    Psk::new([7; 32])
}

fn tag_bits(message: HandshakeMessage) -> impl Iterator<Item = HandshakeMessage> {
    (UNCOMPRESSED_POINT_LENGTH * 8..HANDSHAKE_MESSAGE_LENGTH * 8).map(move |bit| {
        let mut changed = message;
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    })
}

/// Both ends of each pattern, not yet connected.
fn pairs() -> [((Initiator, HandshakeMessage), Responder); 2] {
    let [client, ephemeral, identity, other] = [1, 2, 3, 4].map(key);
    [
        (
            Initiator::qr(client.clone(), &psk(), ephemeral.clone()).unwrap(),
            Responder::qr(*client.public_key(), &psk(), other.clone()),
        ),
        (
            Initiator::linked(identity.public_key(), &psk(), ephemeral).unwrap(),
            Responder::linked(identity, &psk(), other),
        ),
    ]
}

#[test]
fn a_handshake_message_with_any_bit_of_its_tag_changed_is_refused() {
    for pattern in 0..2 {
        let ((_, first), phone) = pairs().into_iter().nth(pattern).unwrap();
        let (_, reply) = phone.respond(&first).unwrap();
        for changed in tag_bits(first) {
            let (_, phone) = pairs().into_iter().nth(pattern).unwrap();
            assert_eq!(phone.respond(&changed).unwrap_err(), HandshakeError::Authentication);
        }
        for changed in tag_bits(reply) {
            let ((client, _), _) = pairs().into_iter().nth(pattern).unwrap();
            assert_eq!(client.finish(&changed).unwrap_err(), HandshakeError::Authentication);
        }
    }
}
