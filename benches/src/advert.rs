//! Adverts: those of other people, of which the air is full, and one's own.

use aes::cipher::BlockCipherDecrypt as _;
use fido_hybrid::secret::EidKey;
use fido_hybrid::transport::{ADVERT_LENGTH, AdvertKey, Eid, RoutingId, TunnelDomain};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::case::{Case, plain};

fn key() -> AdvertKey {
    AdvertKey::new(&EidKey::new([9; 64]))
}

fn own() -> [u8; ADVERT_LENGTH] {
    key().seal(&Eid::new([1; 10], RoutingId([1, 2, 3]), TunnelDomain::GOOGLE))
}

/// A keyed HMAC over an advert's block, compared in constant time.
fn verifies(mac: &Hmac<Sha256>, advert: &[u8]) -> bool {
    let mut mac = mac.clone();
    mac.update(&advert[..16]);
    mac.verify_truncated_left(&advert[16..20]).is_ok()
}

/// The comparisons.
pub fn cases() -> Vec<Case> {
    let mac = Hmac::<Sha256>::new_from_slice(&[9; 32]).unwrap();
    let (same_mac, block) = (mac.clone(), aes::Aes256::new(&[9; 32].into()));
    let (ours, same_ours) = (key(), key());
    let foreign = [0x5a; ADVERT_LENGTH];
    let own = own();
    vec![
        Case::new(
            "reject a foreign advert",
            plain(move || ours.open(&foreign).is_some()),
            "one keyed HMAC",
            plain(move || verifies(&mac, &foreign)),
        ),
        Case::new(
            "accept one's own advert",
            plain(move || same_ours.open(&own).map(|received| received.eid)),
            "that and one AES block",
            plain(move || {
                let mut plaintext = aes::Block::default();
                if verifies(&same_mac, &own) {
                    plaintext.copy_from_slice(&own[..16]);
                    block.decrypt_block(&mut plaintext);
                }
                plaintext
            }),
        ),
    ]
}
