//! Invalid ECDSA signatures: numbers outside the group's order, and malformed
//! DER.

use fido_hybrid_proto::crypto::SecretKey;

use super::{hex, key};

/// The group's order.
const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

const MESSAGE: &[u8] = b"what was signed";

/// An ASN.1 integer of these bytes.
fn integer(bytes: &[u8]) -> Vec<u8> {
    [&[2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn sequence(content: &[u8]) -> Vec<u8> {
    [&[0x30, u8::try_from(content.len()).unwrap()], content].concat()
}

/// r and s of a true signature, as ASN.1 has them.
fn parts(signature: &[u8]) -> [Vec<u8>; 2] {
    let r_length = usize::from(signature[3]);
    [signature[4..4 + r_length].to_vec(), signature[6 + r_length..].to_vec()]
}

fn signed() -> (SecretKey, Vec<u8>, [Vec<u8>; 2]) {
    let key = key(1);
    let signature = key.sign(MESSAGE);
    let parts = parts(&signature);
    assert_eq!(sequence(&[integer(&parts[0]), integer(&parts[1])].concat()), signature);
    assert!(key.public_key().verifies(MESSAGE, &signature));
    (key, signature, parts)
}

#[test]
fn numbers_outside_the_group_are_refused() {
    let (key, _, [r, s]) = signed();
    let n = [&[0], &hex(N)[..]].concat();
    let mut beyond = n.clone();
    beyond[32] += 1;
    let numbers = [vec![], vec![0], vec![0xff], n, beyond, [&[0], &[0xff; 32][..]].concat()];
    for odd in numbers.iter().chain([&vec![1; 34], &vec![0x80; 33]]) {
        for (r, s) in [(odd, &s), (&r, odd), (odd, odd)] {
            let signature = sequence(&[integer(r), integer(s)].concat());
            assert!(!key.public_key().verifies(MESSAGE, &signature), "{signature:02x?}");
        }
    }
}

#[test]
fn what_is_not_der_is_refused() {
    let (key, good, [r, s]) = signed();
    let content = [integer(&r), integer(&s)].concat();
    let length = u8::try_from(content.len()).unwrap();
    let padded = |number: &[u8]| integer(&[&[0, 0], number].concat());
    let mut others = vec![
        vec![],
        sequence(&[]),
        sequence(&integer(&r)),
        [&good[..], &[0]].concat(),
        sequence(&[&content[..], &[0]].concat()),
        sequence(&[&content[..], &integer(&s)].concat()),
        sequence(&[padded(&r), integer(&s)].concat()),
        sequence(&[integer(&r), padded(&s)].concat()),
        // BER: a length in its long form, and one that is not said.
        [&[0x30, 0x81, length], &content[..]].concat(),
        [&[0x30, 0x80], &content[..], &[0, 0]].concat(),
        // Another tag, and two bare numbers side by side.
        [&[0x31, length], &content[..]].concat(),
        [&r[r.len() - 32..], &s[s.len() - 32..]].concat(),
    ];
    others.extend((0..good.len()).map(|length| good[..length].to_vec()));
    for bit in 0..good.len() * 8 {
        let mut changed = good.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        others.push(changed);
    }
    for other in others {
        assert!(!key.public_key().verifies(MESSAGE, &other), "{other:02x?}");
    }
}
