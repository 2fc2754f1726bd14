//! The two messages of a handshake, each as the other side's enemy would like
//! to write it.

use std::sync::LazyLock;

use fido_hybrid::crypto::{PublicKey, SecretKey};
use fido_hybrid::secret::Psk;
use fido_hybrid::transport::{
    Established, HANDSHAKE_MESSAGE_LENGTH, HandshakeError, HandshakeMessage, Initiator, Responder,
};

use super::{forgery_taken, memory};

/// More than any handshake holds; its messages are not even kept.
const HELD: usize = 4 * 1_024;

struct Keys {
    client_identity: SecretKey,
    client_ephemeral: SecretKey,
    phone_identity: SecretKey,
    phone_ephemeral: SecretKey,
    psk: Psk,
}

/// Made once: to derive them takes longer than all else here.
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let key = |byte| SecretKey::from_scalar(&[byte; 32]).unwrap();
    Keys {
        client_identity: key(1),
        client_ephemeral: key(2),
        phone_identity: key(3),
        phone_ephemeral: key(4),
        psk: Psk::new([5; 32]),
    }
});

#[derive(Clone, Copy)]
enum Pattern {
    Qr,
    Linked,
}

/// The messages of both sides without interference, and the phone's final state.
struct Honest {
    pattern: Pattern,
    message: HandshakeMessage,
    reply: HandshakeMessage,
    phone: Established,
}

static HONEST: LazyLock<[Honest; 2]> = LazyLock::new(|| {
    [Pattern::Qr, Pattern::Linked].map(|pattern| {
        let (_, message) = initiator(pattern);
        let (phone, reply) = responder(pattern).respond(&message).unwrap();
        Honest { pattern, message, reply, phone }
    })
});

fn initiator(pattern: Pattern) -> (Initiator, HandshakeMessage) {
    let Keys { client_identity, client_ephemeral, phone_identity, psk, .. } = &*KEYS;
    let ephemeral = client_ephemeral.clone();
    match pattern {
        Pattern::Qr => Initiator::qr(client_identity.clone(), psk, ephemeral),
        Pattern::Linked => Initiator::linked(phone_identity.public_key(), psk, ephemeral),
    }
    .unwrap()
}

fn responder(pattern: Pattern) -> Responder {
    let Keys { client_identity, phone_identity, phone_ephemeral, psk, .. } = &*KEYS;
    let ephemeral = phone_ephemeral.clone();
    match pattern {
        Pattern::Qr => Responder::qr(*client_identity.public_key(), psk, ephemeral),
        Pattern::Linked => Responder::linked(phone_identity.clone(), psk, ephemeral),
    }
}

/// What is wrong with a message, as far as can be seen without keys.
fn visible_error(message: &[u8]) -> Option<HandshakeError> {
    if message.len() != HANDSHAKE_MESSAGE_LENGTH {
        return Some(HandshakeError::Length(message.len()));
    }
    PublicKey::from_uncompressed(&message[..65]).is_err().then_some(HandshakeError::Point)
}

fn assert_agreed(client: &Established, phone: &Established) {
    assert_eq!(client.hash, phone.hash);
    assert_eq!(client.sending.expose(), phone.receiving.expose());
    assert_eq!(client.receiving.expose(), phone.sending.expose());
    assert_ne!(client.sending.expose(), client.receiving.expose());
}

/// The input in place of an honest message: as it is, and laid over the honest
/// one from its start, so that a byte that differs is one that was changed.
fn forgeries(input: &[u8], honest: &HandshakeMessage) -> [Vec<u8>; 2] {
    let mut changed = honest.to_vec();
    for (byte, change) in changed.iter_mut().zip(input) {
        *byte ^= change;
    }
    [input.to_vec(), changed]
}

/// What a client gets in reply.
pub fn noise_initiator(input: &[u8]) {
    for Honest { pattern, reply: honest, phone, .. } in &*HONEST {
        for reply in forgeries(input, honest) {
            let visible = visible_error(&reply);
            let (client, _) = initiator(*pattern);
            match (memory::within(HELD, || client.finish(&reply)), visible) {
                (Ok(_), Some(visible)) => panic!("{visible} was not seen"),
                (Err(error), Some(visible)) => assert_eq!(error, visible),
                (Ok(client), None) if reply == honest => assert_agreed(&client, phone),
                (Ok(_), None) => forgery_taken(),
                (Err(error), None) => {
                    assert_eq!(error, HandshakeError::Authentication);
                    assert_ne!(reply, honest);
                }
            }
        }
    }
}

/// What a phone gets first.
pub fn noise_responder(input: &[u8]) {
    for Honest { pattern, message: honest, reply: expected, .. } in &*HONEST {
        for message in forgeries(input, honest) {
            let visible = visible_error(&message);
            let phone = responder(*pattern);
            match (memory::within(HELD, || phone.respond(&message)), visible) {
                (Ok(_), Some(visible)) => panic!("{visible} was not seen"),
                (Err(error), Some(visible)) => assert_eq!(error, visible),
                (Ok((phone, reply)), None) if message == honest => {
                    assert_eq!(reply, *expected);
                    let (client, _) = initiator(*pattern);
                    assert_agreed(&client.finish(&reply).unwrap(), &phone);
                }
                (Ok((_, reply)), None) => {
                    forgery_taken();
                    assert_eq!(reply[..65], KEYS.phone_ephemeral.public_key().uncompressed());
                }
                (Err(error), None) => {
                    assert_eq!(error, HandshakeError::Authentication);
                    assert_ne!(message, honest);
                }
            }
        }
    }
}
