//! What travels once a handshake is done.

use fido_hybrid::cbor;
use fido_hybrid::crypto::AEAD_TAG_LENGTH;
use fido_hybrid::secret::{SecretBytes, TrafficKey};
use fido_hybrid::transport::{
    Channel, ChannelError, Crypter, CrypterError, Established, HandshakeHash, Message,
    MessageError, MessageType, PADDING_UNIT, PostHandshake, Revision, unpadded_length,
};

use super::{forgery_taken, memory};

fn crypters() -> (Crypter, Crypter) {
    let key = |byte| TrafficKey::new([byte; 32]);
    (Crypter::new(key(1), key(2)), Crypter::new(key(2), key(1)))
}

/// A frame as it comes, and a message to be framed.
pub fn crypter(input: &[u8]) {
    let (mut client, mut phone) = crypters();

    // A refusal moves no counter: what is sealed below opens all the same.
    let frame = input.to_vec();
    let opened = memory::within(256, || phone.open(frame));
    let sent_before = match opened {
        Err(CrypterError::Authentication) => {
            assert!(!cfg!(fuzzing) || input.len() < AEAD_TAG_LENGTH);
            false
        }
        Err(CrypterError::Padding) => {
            assert_eq!(unpadded_length(&input[..input.len() - AEAD_TAG_LENGTH]), None);
            false
        }
        Err(error) => panic!("{error}"),
        Ok(message) => {
            forgery_taken();
            let padded = &input[..input.len() - AEAD_TAG_LENGTH];
            let zeros = usize::from(*padded.last().unwrap());
            assert_eq!(message.expose(), &padded[..padded.len() - 1 - zeros]);
            true
        }
    };
    if sent_before {
        client.seal(&[]).unwrap();
    }

    // The message itself, and no other allocation.
    let most = input.len() + PADDING_UNIT + AEAD_TAG_LENGTH;
    let cut = input.first().map_or(0, |byte| usize::from(*byte).min(input.len()));
    let sealed = memory::within(most, || client.seal(&[&input[..cut], &input[cut..]])).unwrap();
    assert_eq!((sealed.len() - AEAD_TAG_LENGTH) % PADDING_UNIT, 0);
    assert!(sealed.len() > input.len() + AEAD_TAG_LENGTH && sealed.len() <= most);
    let opened = memory::within(0, || phone.open(sealed)).unwrap();
    assert_eq!(opened.expose(), input);
    let sealed = client.seal_in_place(opened).unwrap();
    assert_eq!(phone.open(sealed).unwrap().expose(), input);
    assert!(format!("{client:?}").len() < 100);
}

/// An opened message, in both revisions of the protocol.
pub fn message(input: &[u8]) {
    let mut written = Vec::new();
    match Message::parse(SecretBytes::from(input)) {
        Ok(message) => {
            written.push(message.kind.byte());
            written.extend_from_slice(message.payload.expose());
            assert_eq!(written, input);
        }
        Err(MessageError::Empty) => assert!(input.is_empty()),
        Err(MessageError::UnknownType(byte)) => {
            assert_eq!(byte, input[0]);
            assert_eq!(MessageType::from_byte(byte), None);
        }
        Err(error) => panic!("{error}"),
    }

    let end = |sending, receiving| {
        Channel::new(Established {
            sending: TrafficKey::new([sending; 32]),
            receiving: TrafficKey::new([receiving; 32]),
            hash: HandshakeHash([0; 32]),
        })
    };
    let (mut client, mut phone) = (end(1, 2), end(2, 1));
    let opened = phone.open(client.seal_untyped(input).unwrap());
    match (opened, Message::parse(SecretBytes::from(input))) {
        (Ok(opened), Ok(parsed)) => assert_eq!(opened, parsed),
        (Err(ChannelError::Message(opened)), Err(parsed)) => assert_eq!(opened, parsed),
        (opened, _) => panic!("{opened:?}"),
    }
    let (mut client, mut phone) = (end(1, 2), end(2, 1));
    for revision in [Revision::One, Revision::Zero] {
        client.set_revision(revision);
        phone.set_revision(revision);
        let sealed = client.seal(MessageType::Ctap, input).unwrap();
        let opened = phone.open(sealed).unwrap();
        assert_eq!((opened.kind, opened.payload.expose()), (MessageType::Ctap, input));
    }
}

/// The first message behind the handshake, in any of its three forms.
pub fn post_handshake(input: &[u8]) {
    let read = memory::within(2 * input.len() + 256, || PostHandshake::parse(input));
    let Ok(message) = read else { return };
    let written = cbor::encode(&message);
    let mut expected = message.clone();
    // Only that form is written.
    expected.revision = Revision::One;
    assert_eq!(PostHandshake::parse(&written).as_ref(), Ok(&expected));
    assert_eq!(cbor::encode(&expected), written);
    assert!(message.features.ctap == message.get_info.is_some());
    assert!(format!("{message:?}").len() < 200);
}
