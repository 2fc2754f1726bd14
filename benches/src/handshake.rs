//! Both sides of a handshake, from fresh ephemeral keys to the traffic keys.
//!
//! Static keys are made beforehand on both sides of the comparison; snow
//! derives the public key of the private one that it is given, which belongs to
//! its interface. Ephemeral ones come from the system's randomness on both.
//!
//! Without feature `aws-lc-rs`, ours is p256 0.14 with precomputed tables for
//! multiples of the generator, which come with features `client` and
//! `authenticator`; snow's is p256 0.13, which has none.

use fido_hybrid::crypto::SecretKey;
use fido_hybrid::secret::Psk;
use fido_hybrid::transport::{Established, Initiator, Responder};
use getrandom::SysRng;
use rand_core::UnwrapErr;

use crate::case::{Case, plain};

const PSK: [u8; 32] = [7; 32];

fn fresh() -> SecretKey {
    SecretKey::generate(&mut UnwrapErr(SysRng))
}

/// KNpsk0, from a QR code.
pub fn qr(identity: &SecretKey) -> (Established, Established) {
    let psk = Psk::new(PSK);
    let (client, message) = Initiator::qr(identity.clone(), &psk, fresh()).unwrap();
    let phone = Responder::qr(*identity.public_key(), &psk, fresh());
    let (phone, reply) = phone.respond(&message).unwrap();
    (client.finish(&reply).unwrap(), phone)
}

/// NKpsk0, with a linked phone.
pub fn linked(identity: &SecretKey) -> (Established, Established) {
    let psk = Psk::new(PSK);
    let (client, message) = Initiator::linked(identity.public_key(), &psk, fresh()).unwrap();
    let phone = Responder::linked(identity.clone(), &psk, fresh());
    let (phone, reply) = phone.respond(&message).unwrap();
    (client.finish(&reply).unwrap(), phone)
}

struct Snow {
    name: &'static str,
    prologue: u8,
    client_owns_the_key: bool,
    private: Vec<u8>,
    public: [u8; 65],
}

impl Snow {
    fn new(name: &'static str, prologue: u8, identity: &SecretKey) -> Self {
        Self {
            name,
            prologue,
            client_owns_the_key: name.contains("KN"),
            private: identity.expose().to_vec(),
            public: identity.public_key().uncompressed(),
        }
    }

    fn builder(&self, owner: bool) -> snow::Builder<'_> {
        let builder = snow::Builder::new(self.name.parse().unwrap())
            .prologue(std::slice::from_ref(&self.prologue))
            .unwrap()
            .psk(0, &PSK)
            .unwrap();
        if owner {
            builder.local_private_key(&self.private).unwrap()
        } else {
            builder.remote_public_key(&self.public).unwrap()
        }
    }

    fn handshake(&self) -> (snow::TransportState, snow::TransportState) {
        let mut client = self.builder(self.client_owns_the_key).build_initiator().unwrap();
        let mut phone = self.builder(!self.client_owns_the_key).build_responder().unwrap();
        let (mut message, mut payload) = ([0; 128], [0; 128]);
        let length = client.write_message(&[], &mut message).unwrap();
        phone.read_message(&message[..length], &mut payload).unwrap();
        let length = phone.write_message(&[], &mut message).unwrap();
        client.read_message(&message[..length], &mut payload).unwrap();
        (client.into_transport_mode().unwrap(), phone.into_transport_mode().unwrap())
    }
}

/// The comparisons.
pub fn cases() -> Vec<Case> {
    let identity = fresh();
    let snows_kn = Snow::new("Noise_KNpsk0_P256_AESGCM_SHA256", 1, &identity);
    let snows_nk = Snow::new("Noise_NKpsk0_P256_AESGCM_SHA256", 0, &identity);
    let (for_qr, for_linked) = (identity.clone(), identity);
    vec![
        Case::new(
            "handshake of a QR code, both sides",
            plain(move || qr(&for_qr)),
            "snow 0.10",
            plain(move || snows_kn.handshake()),
        ),
        Case::new(
            "handshake with a linked phone, both sides",
            plain(move || linked(&for_linked)),
            "snow 0.10",
            plain(move || snows_nk.handshake()),
        ),
    ]
}
