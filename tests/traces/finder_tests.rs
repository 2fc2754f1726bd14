//! The finder finds: a secret in a text is seen in every encoding and at every
//! alignment, and what is no secret is not.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

use super::finder::Secrets;

/// Bytes of all kinds: zero, control characters, quotes, no UTF-8.
const SECRET: [u8; 20] =
    [0, 7, 10, 34, 39, 92, 65, 255, 254, 200, 128, 127, 32, 9, 13, 48, 61, 99, 100, 101];

fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.bytes("the planted", &SECRET);
    secrets
}

/// Everything that we can think of to write bytes with.
fn writings(bytes: &[u8]) -> Vec<String> {
    let joined = |separator: &str| {
        let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.join(separator)
    };
    vec![
        HEXLOWER.encode(bytes),
        HEXUPPER.encode(bytes),
        joined(":"),
        joined(" "),
        joined("-"),
        BASE64.encode(bytes),
        BASE64_NOPAD.encode(bytes),
        BASE64URL.encode(bytes),
        BASE64URL_NOPAD.encode(bytes),
        format!("{bytes:?}"),
        format!("{bytes:#?}"),
        format!("{bytes:02x?}"),
        format!("{bytes:#04x?}"),
        format!("{bytes:#04X?}"),
        format!("b\"{}\"", bytes.escape_ascii()),
    ]
}

#[test]
fn in_every_encoding_at_every_alignment() {
    let secrets = secrets();
    for before in 0..8 {
        for after in 0..4 {
            let message = [&vec![0xa5; before], &SECRET[..], &vec![0x5a; after]].concat();
            for text in writings(&message) {
                for text in [text.clone(), format!("Message {{ key: {text}, length: 3 }}")] {
                    assert_eq!(secrets.find_in(&text), Some("the planted"), "{text}");
                }
            }
        }
    }
}

#[test]
fn in_part() {
    let secrets = secrets();
    for part in SECRET.windows(8) {
        for text in writings(part) {
            assert_eq!(secrets.find_in(&text), Some("the planted"), "{text}");
        }
    }
}

#[test]
fn as_text() {
    let code = "01234567890123456789";
    let mut secrets = Secrets::default();
    secrets.text("the code", code);
    let bytes = code.as_bytes();
    let texts = [format!("FIDO:/{code}"), format!("{code:?}"), code[2..17].to_owned()];
    for text in texts.into_iter().chain(writings(bytes)) {
        assert_eq!(secrets.find_in(&text), Some("the code"), "{text}");
    }
    assert_eq!(secrets.find_in(&code[..10]), None);
}

#[test]
fn and_nothing_else() {
    let secrets = secrets();
    let mut other = SECRET;
    for at in (3..20).step_by(4) {
        other[at] ^= 1;
    }
    for text in writings(&other) {
        assert_eq!(secrets.find_in(&text), None, "{text}");
    }
}
