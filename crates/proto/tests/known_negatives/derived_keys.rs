//! HKDF-SHA-256 beside RFC 5869 spelled out over HMAC, which is held to that
//! RFC's own answers; and that no input can be changed without changing the key.

use std::collections::HashSet;

use fido_hybrid_proto::secret::QrSecret;
use fido_hybrid_proto::transport::key_schedule::{self, Purpose, derive};
use fido_hybrid_proto::transport::{Eid, RoutingId, TunnelDomain};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::hex;

const PURPOSES: [Purpose; 6] = [
    Purpose::EidKey,
    Purpose::TunnelId,
    Purpose::Psk,
    Purpose::LinkSecret,
    Purpose::IdentityKeySeed,
    Purpose::ContactSecret,
];

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// [RFC 5869 §2.2, §2.3].
fn hkdf(input: &[u8], salt: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let key = hmac(salt, &[input]);
    let (mut output, mut block) = (Vec::new(), Vec::new());
    for number in 1..=length.div_ceil(32) {
        block = hmac(&key, &[&block, info, &[u8::try_from(number).unwrap()]]);
        output.extend_from_slice(&block);
    }
    output.truncate(length);
    output
}

/// [RFC 5869 §A, test cases 1 to 3]
#[test]
fn the_rule_gives_the_rfcs_answers() {
    let range = |from: u8, to: u8| (from..to).collect::<Vec<_>>();
    for (input, salt, info, answer) in [
        (
            vec![0x0b; 22],
            range(0, 0x0d),
            range(0xf0, 0xfa),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            range(0, 0x50),
            range(0x60, 0xb0),
            (0xb0..=0xff).collect(),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
             59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
             cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            vec![0x0b; 22],
            vec![],
            vec![],
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ] {
        let answer = hex(answer);
        assert_eq!(hkdf(&input, &salt, &info, answer.len()), answer);
    }
}

/// Holds one length to the rule, with inputs and salts below, at and above the
/// hash's length and its block's.
fn follows_the_rule<const N: usize>() {
    for purpose in PURPOSES {
        let info = (purpose as u32).to_le_bytes();
        for length in [0, 1, 16, 31, 32, 33, 63, 64, 65, 200] {
            let long: Vec<u8> = (0..length).collect();
            for (secret, salt) in [(&long[..], &[9; 16][..]), (&[9; 16], &long)] {
                let expected = hkdf(secret, salt, &info, N);
                assert_eq!(derive::<N>(secret, salt, purpose).as_slice(), expected, "{length}");
            }
        }
    }
}

#[test]
fn keys_of_every_kind_of_length_follow_the_rule() {
    follows_the_rule::<0>();
    follows_the_rule::<1>();
    follows_the_rule::<16>();
    follows_the_rule::<31>();
    follows_the_rule::<32>();
    follows_the_rule::<33>();
    follows_the_rule::<64>();
    follows_the_rule::<96>();
}

/// More does not compile.
#[test]
fn the_longest_key_is_255_blocks() {
    const LONGEST: usize = 255 * 32;
    let longest = derive::<LONGEST>(&[1; 32], &[2; 16], Purpose::Psk);
    assert_eq!(longest.as_slice(), hkdf(&[1; 32], &[2; 16], &3_u32.to_le_bytes(), LONGEST));
}

fn bits<const N: usize>(value: [u8; N]) -> impl Iterator<Item = [u8; N]> {
    (0..N * 8).map(move |bit| {
        let mut near = value;
        near[bit / 8] ^= 1 << (bit % 8);
        near
    })
}

#[test]
fn a_change_of_any_bit_of_any_input_gives_another_key() {
    let (secret, salt) = ([1; 16], [2; 16]);
    let mut seen = HashSet::from([*derive::<32>(&secret, &salt, Purpose::Psk)]);
    for near in bits(secret) {
        assert!(seen.insert(*derive(&near, &salt, Purpose::Psk)));
    }
    for near in bits(salt) {
        assert!(seen.insert(*derive(&secret, &near, Purpose::Psk)));
    }
    for purpose in PURPOSES.into_iter().filter(|purpose| *purpose != Purpose::Psk) {
        assert!(seen.insert(*derive(&secret, &salt, purpose)));
    }
    // Nor are secret and salt taken for one another, or for one string.
    assert!(seen.insert(*derive(&salt, &secret, Purpose::Psk)));
    assert!(seen.insert(*derive(&secret[1..], &[&secret[..1], &salt].concat(), Purpose::Psk)));
}

/// All of the advert is in the key of the handshake: who guessed a part of it
/// has nothing.
#[test]
fn the_handshakes_key_hangs_on_each_part_of_the_advert() {
    let secret = QrSecret::new([1; 16]);
    let (nonce, routing) = ([3; 10], [4; 3]);
    let psk = |nonce, routing, domain| {
        let eid = Eid::new(nonce, RoutingId(routing), domain);
        *key_schedule::psk(&secret, &eid).expose()
    };
    let mut seen = HashSet::from([psk(nonce, routing, TunnelDomain::GOOGLE)]);
    for near in bits(nonce) {
        assert!(seen.insert(psk(near, routing, TunnelDomain::GOOGLE)));
    }
    for near in bits(routing) {
        assert!(seen.insert(psk(nonce, near, TunnelDomain::GOOGLE)));
    }
    assert!(seen.insert(psk(nonce, routing, TunnelDomain::APPLE)));
}
