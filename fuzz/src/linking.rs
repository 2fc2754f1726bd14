//! Update messages and the links in them.

use fido_hybrid::cbor;
use fido_hybrid::crypto::SecretKey;
use fido_hybrid::secret::LinkSecret;
use fido_hybrid::transport::{
    ContactId, HandshakeHash, Link, LinkId, LinkSignatureError, LinkedPhone, MAX_PHONE_NAME_BYTES,
    PADDING_UNIT, TunnelDomain, UPDATE_UNIT, UnverifiedLink, UpdateMessage,
};

use super::memory;

fn key(byte: u8) -> SecretKey {
    SecretKey::from_scalar(&[byte; 32]).unwrap()
}

/// An update's payload, a linking map, a stored phone, and a contact id with a name
/// for a map.
pub fn update_linking(input: &[u8]) {
    if let Ok(update) = memory::within(input.len() + 256, || UpdateMessage::parse(input)) {
        let written = update.to_bytes();
        assert_eq!(UpdateMessage::parse(written.expose()).as_ref(), Ok(&update));
        // With its type byte in front and sealed, padded to the unit.
        let padded = (written.len() + 2).next_multiple_of(PADDING_UNIT);
        assert_eq!(padded % UPDATE_UNIT, 0);
        assert!(format!("{update:?}").len() < 64);
        if let Some(linking) = &update.linking {
            unverified(linking.expose());
        }
    }
    unverified(input);
    stored(input);
    signed(input);
}

/// Only the owner of the identity key can have signed a map.
fn unverified(map: &[u8]) {
    let read = memory::within(map.len() + 512, || cbor::decode::<UnverifiedLink>(map));
    let Ok(link) = read else { return };
    assert_eq!(format!("{link:?}"), "UnverifiedLink(..)");
    let written = cbor::encode(&link);
    assert_eq!(cbor::encode(&cbor::decode::<UnverifiedLink>(&written).unwrap()), written);
    let hash = HandshakeHash([9; 32]);
    assert_eq!(link.verify(&key(1), &hash), Err(LinkSignatureError));
}

/// Bytes of a store: a linked phone has one encoding.
fn stored(bytes: &[u8]) {
    let read = memory::within(bytes.len() + 512, || LinkedPhone::from_bytes(bytes));
    let Ok(phone) = read else { return };
    assert!(bytes.len() <= LinkedPhone::MAX_LENGTH);
    assert_eq!(format!("{phone:?}"), "LinkedPhone(..)");
    assert_eq!(phone.to_bytes().expose(), bytes);
}

/// A link of our own making verifies for its client and handshake alone.
fn signed(input: &[u8]) {
    let (contact, name) = input.split_at(input.len() / 2);
    let Ok(name) = str::from_utf8(name) else { return };
    let Ok(contact_id) = ContactId::new(contact) else { return };
    let (phone, client) = (key(2), key(1));
    let link = Link {
        contact_id,
        link_id: LinkId([3; 8]),
        secret: LinkSecret::new([4; 32]),
        identity: *phone.public_key(),
        name: name.to_owned(),
    };
    let stored = LinkedPhone { link: link.clone(), domain: TunnelDomain::APPLE };
    let read = LinkedPhone::from_bytes(stored.to_bytes().expose());
    assert_eq!(read.is_ok(), link.name.len() <= MAX_PHONE_NAME_BYTES, "{read:?}");
    assert!(read.is_err() || read == Ok(stored));
    let hash = HandshakeHash([5; 32]);
    let map = link.sign(&phone, client.public_key(), &hash).unwrap();
    let read = cbor::decode::<UnverifiedLink>(map.expose());
    assert_eq!(read.is_ok(), name.len() <= MAX_PHONE_NAME_BYTES, "{read:?}");
    let Ok(read) = read else { return };
    assert_eq!(read.clone().verify(&client, &HandshakeHash([6; 32])), Err(LinkSignatureError));
    assert_eq!(read.clone().verify(&key(7), &hash), Err(LinkSignatureError));
    assert_eq!(read.verify(&client, &hash), Ok(link));
    let update = UpdateMessage { linking: Some(map) };
    assert_eq!(UpdateMessage::parse(update.to_bytes().expose()), Ok(update));
}
