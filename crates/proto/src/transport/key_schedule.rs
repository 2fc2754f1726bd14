//! Key derivation: QR-initiated [CTAP 2.2 §11.5.1] and state-assisted
//! [CTAP 2.2 §11.5.2].
//!
//! Every key comes from one shared secret through HKDF-SHA-256, told apart by
//! a number:
//!
//! ```text
//! key = HKDF-SHA-256(input = secret, salt, info = LE32(purpose))
//!
//! purpose              QR-initiated        state-assisted           bytes
//! 1 EID key            QR secret, –        link secret, nonce          64
//! 2 tunnel id          QR secret, –        –                           16
//! 3 pre-shared key     QR secret, EID      link secret, EID            32
//! ```
//!
//! The pre-shared key's salt is the advert's *plaintext*, all 16 bytes:
//! knowledge of the key proves that the advert was received.
//!
//! Purposes 4 to 6 are never on the wire. With them a phone regenerates its
//! link secrets from one root in place of storing each; Chromium's phone does,
//! and the numbers here are its own.

use zeroize::Zeroizing;

use super::advert::Eid;
use super::contact_request::{ClientNonce, LinkId};
use super::tunnel_url::{ContactId, TunnelId};
use crate::crypto::{SecretKey, hkdf_sha256};
use crate::secret::{ContactSecret, EidKey, LinkSecret, Psk, QrSecret, RootSecret, SecretArray};

/// The purpose of a derived key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The two keys of an advert.
    EidKey = 1,
    /// The tunnel's name at the tunnel service.
    TunnelId = 2,
    /// The handshake's pre-shared key.
    Psk = 3,
    /// A link's secret, from a [`ContactSecret`].
    LinkSecret = 4,
    /// The seed of the key by which linked clients know a phone.
    IdentityKeySeed = 5,
    /// The secret from which one contact id's links are derived.
    ContactSecret = 6,
}

/// The derivation below all others, with an output of `N` bytes (64 or less in
/// this protocol; more than 8,160 does not compile).
#[must_use]
pub fn derive<const N: usize>(secret: &[u8], salt: &[u8], purpose: Purpose) -> Zeroizing<[u8; N]> {
    Zeroizing::new(*derived(secret, salt, purpose).expose())
}

fn derived<const N: usize>(secret: &[u8], salt: &[u8], purpose: Purpose) -> SecretArray<N> {
    hkdf_sha256(secret, salt, &(purpose as u32).to_le_bytes())
}

/// The key of the advert that answers a QR code.
#[must_use]
pub fn eid_key(secret: &QrSecret) -> EidKey {
    derived(secret.expose(), &[], Purpose::EidKey).into()
}

/// The key of the advert that answers a
/// [contact request](super::ContactRequest).
#[must_use]
pub fn eid_key_linked(secret: &LinkSecret, nonce: &ClientNonce) -> EidKey {
    derived(secret.expose(), &nonce.0, Purpose::EidKey).into()
}

/// The tunnel at which both sides of a QR code meet.
///
/// A linked phone has none: its tunnel service knows it by its contact id.
#[must_use]
pub fn tunnel_id(secret: &QrSecret) -> TunnelId {
    TunnelId(*derived(secret.expose(), &[], Purpose::TunnelId).expose())
}

/// The handshake's pre-shared key after an advert that answers a QR code.
#[must_use]
pub fn psk(secret: &QrSecret, eid: &Eid) -> Psk {
    derived(secret.expose(), eid.expose(), Purpose::Psk).into()
}

/// The handshake's pre-shared key after a linked phone's advert.
#[must_use]
pub fn psk_linked(secret: &LinkSecret, eid: &Eid) -> Psk {
    derived(secret.expose(), eid.expose(), Purpose::Psk).into()
}

/// Derives the secret from which a phone derives all links under one contact id.
///
/// A phone that takes a new contact id has thereby revoked all its links.
#[must_use]
pub fn contact_secret(root: &RootSecret, contact: &ContactId) -> ContactSecret {
    derived(root.expose(), contact.as_bytes(), Purpose::ContactSecret).into()
}

/// A link's secret, as a phone hands it to a client and finds it again when
/// that client calls.
#[must_use]
pub fn link_secret(secret: &ContactSecret, link: &LinkId) -> LinkSecret {
    derived(secret.expose(), &link.0, Purpose::LinkSecret).into()
}

/// The key pair by which linked clients know a phone again.
///
/// The seed itself is taken as the scalar; in one case of 2^32 it is not below
/// the group's order and the seed's own derivation takes its place. Chromium's
/// phone maps the same seed to another scalar (BoringSSL's hash-to-scalar):
/// links made by one are not good for the other.
#[must_use]
pub fn identity_key(root: &RootSecret) -> SecretKey {
    scalar_from(derived(root.expose(), &[], Purpose::IdentityKeySeed))
}

fn scalar_from(mut seed: SecretArray<32>) -> SecretKey {
    loop {
        match SecretKey::from_scalar(seed.expose()) {
            Ok(key) => return key,
            Err(_) => seed = derived(seed.expose(), &[], Purpose::IdentityKeySeed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_gives_other_bytes() {
        use Purpose::*;
        let all = [EidKey, TunnelId, Psk, LinkSecret, IdentityKeySeed, ContactSecret];
        let keys: std::collections::HashSet<_> =
            all.iter().map(|purpose| *derive::<32>(&[7; 32], &[], *purpose)).collect();
        assert_eq!(keys.len(), all.len());
    }

    #[test]
    fn a_link_depends_on_root_contact_and_link_id() {
        let contact = |byte| ContactId::new(vec![byte; 20]).unwrap();
        let secret = |root, contact: &_, link| {
            link_secret(&contact_secret(&RootSecret::new([root; 32]), contact), &LinkId([link; 8]))
        };
        let known = secret(1, &contact(2), 3);
        assert_eq!(known, secret(1, &contact(2), 3));
        assert_ne!(known, secret(9, &contact(2), 3));
        assert_ne!(known, secret(1, &contact(9), 3));
        assert_ne!(known, secret(1, &contact(2), 9));
    }

    #[test]
    fn the_identity_key_is_the_same_each_time() {
        let key = identity_key(&RootSecret::new([5; 32]));
        assert_eq!(key.public_key(), identity_key(&RootSecret::new([5; 32])).public_key());
        assert_ne!(key.public_key(), identity_key(&RootSecret::new([6; 32])).public_key());
        assert_eq!(
            *key.expose(),
            *derive::<32>(&[5; 32], &[], Purpose::IdentityKeySeed),
            "the seed is the scalar"
        );
    }

    #[test]
    fn a_seed_that_is_no_scalar_is_derived_again() {
        for seed in [[0; 32], [0xff; 32]] {
            let key = scalar_from(SecretArray::new(seed));
            assert_eq!(*key.expose(), *derive::<32>(&seed, &[], Purpose::IdentityKeySeed));
        }
    }
}
