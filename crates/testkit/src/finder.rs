//! Finds secrets in what a program printed, however they are written there:
//! plain, in escapes, in hex of either case, in base64 of either alphabet and at
//! any alignment, as a list of numbers, on one line or on many.
//!
//! It reads the other way round than a search does: everything that a text could
//! spell is turned into bytes, and those are looked through for any part of any
//! secret. So there is one pass, however many secrets there are.

use std::collections::{BTreeMap, BTreeSet};

use fido_hybrid::authenticator::{self, Passkey};
use fido_hybrid::client;
use fido_hybrid::ctap::extensions::PrfValues;
use fido_hybrid::ctap::{CtapResponse, Status};
use fido_hybrid::secret::{PrfOutput, QrSecret};
use fido_hybrid::transport::{AdvertKey, Initiator, QrCode, QrText, key_schedule};
use fido_hybrid_sim::SeededRng;

/// How many bytes of a secret in a row are enough to tell.
const PART: usize = 8;
/// The same for text, where a few digits in a row mean nothing.
const TEXT_PART: usize = 14;

/// Secrets to look for, by name.
#[derive(Default)]
pub struct Secrets {
    bytes: BTreeMap<Vec<u8>, String>,
    text: BTreeMap<Vec<u8>, String>,
    /// Whether any part of a secret begins so: most of a text is seen to be
    /// harmless by its first two bytes.
    begins: Vec<bool>,
    names: usize,
}

impl Secrets {
    pub fn bytes(&mut self, name: &str, secret: &[u8]) {
        assert!(secret.len() >= PART, "{name} is too short to tell from anything else");
        self.names += 1;
        for part in secret.windows(PART).filter(|part| tells_something(part)) {
            self.add_beginning(part);
            self.bytes.insert(part.to_vec(), name.to_owned());
        }
    }

    pub fn text(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= TEXT_PART, "{name} is too short to tell from anything else");
        self.names += 1;
        for part in secret.as_bytes().windows(TEXT_PART) {
            self.add_beginning(part);
            self.text.insert(part.to_vec(), name.to_owned());
        }
    }

    /// What a QR code's text says, and all that is derived from it alone.
    pub fn qr_code(&mut self, text: &QrText) {
        let code: QrCode = text.expose().parse().unwrap();
        self.text("the QR code", text.expose().strip_prefix("FIDO:/").unwrap());
        self.bytes("the QR secret", code.secret.expose());
        self.bytes("the EID key", key_schedule::eid_key(&code.secret).expose());
        self.bytes("the tunnel's id", &key_schedule::tunnel_id(&code.secret).0);
    }

    /// What an advert tells those who can read it.
    pub fn advert(&mut self, secret: &QrSecret, advert: &[u8]) {
        let eid = AdvertKey::new(&key_schedule::eid_key(secret)).open(advert).unwrap().eid;
        self.bytes("the EID", eid.expose());
        self.bytes("the PSK", key_schedule::psk(secret, &eid).expose());
    }

    pub fn passkey(&mut self, passkey: &Passkey) {
        self.bytes("a passkey's key", &*passkey.key.software().unwrap().expose());
        self.bytes("a passkey's id", passkey.id.as_bytes());
        if let Some(secret) = &passkey.prf_secret {
            self.bytes("a passkey's PRF secret", secret.expose());
        }
    }

    pub fn answer(&mut self, answer: &Result<CtapResponse, Status>) {
        match answer {
            Ok(CtapResponse::GetAssertion(response)) => {
                self.bytes("a signature", response.signature.expose());
                self.bytes("what was signed", response.auth_data.raw());
                let prf = response.unsigned_extensions.prf.as_ref();
                self.outputs(prf.and_then(|prf| prf.results.as_ref()));
            }
            Ok(CtapResponse::MakeCredential(response)) => {
                self.bytes("what was registered", response.auth_data.raw());
                let prf = response.unsigned_extensions.prf.as_ref();
                self.outputs(prf.and_then(|prf| prf.results.as_ref()));
            }
            _ => {}
        }
    }

    fn outputs(&mut self, outputs: Option<&PrfValues<PrfOutput>>) {
        if let Some(PrfValues { first, second }) = outputs {
            for output in [Some(first), second.as_ref()].into_iter().flatten() {
                self.bytes("a PRF output", output.expose());
            }
        }
    }

    /// The secrets of a `Pair`, made again from its seed; those of the channel
    /// with what was seen: the advert, and the phone's handshake message.
    pub fn pair(&mut self, seed: u64, advert: Option<&[u8]>, reply: Option<&[u8]>) {
        let rng = SeededRng::new(seed);
        let own = client::QrSecrets::generate(&mut rng.fork("client"));
        let phone = authenticator::PhoneSecrets::generate(&mut rng.fork("phone"));
        self.bytes("the QR secret", own.secret.expose());
        self.bytes("the QR key", &*own.identity.expose());
        self.bytes("the client's ephemeral key", &*own.ephemeral.expose());
        self.bytes("the phone's ephemeral key", &*phone.ephemeral.expose());
        self.bytes("the advert's nonce", phone.nonce.expose());
        self.bytes("the phone's seed", phone.seed.expose());
        let Some(advert) = advert else { return };
        self.advert(&own.secret, advert);
        let eid = AdvertKey::new(&key_schedule::eid_key(&own.secret)).open(advert).unwrap().eid;
        let psk = key_schedule::psk(&own.secret, &eid);
        let (initiator, _) = Initiator::qr(own.identity, &psk, own.ephemeral).unwrap();
        if let Some(Ok(established)) = reply.map(|reply| initiator.finish(reply)) {
            self.bytes("a traffic key", established.sending.expose());
            self.bytes("the other traffic key", established.receiving.expose());
        }
    }

    pub fn len(&self) -> usize {
        self.names
    }

    fn add_beginning(&mut self, part: &[u8]) {
        self.begins.resize(1 << 16, false);
        self.begins[usize::from(u16::from_le_bytes([part[0], part[1]]))] = true;
    }

    /// The name of a secret that is in this text.
    pub fn find_in(&self, text: &str) -> Option<&str> {
        spelled(text).iter().find_map(|bytes| self.part_of(bytes))
    }

    fn part_of(&self, bytes: &[u8]) -> Option<&str> {
        let suspect = |pair: &[u8]| {
            let begins = usize::from(u16::from_le_bytes([pair[0], pair[1]]));
            self.begins.get(begins) == Some(&true)
        };
        let starts = bytes.windows(2).enumerate().filter(|(_, pair)| suspect(pair));
        starts.map(|(at, _)| &bytes[at..]).find_map(|rest| {
            let of = |parts: &'_ BTreeMap<Vec<u8>, String>, length| {
                rest.get(..length).and_then(|part: &[u8]| parts.get_key_value(part).map(|_| part))
            };
            let found = of(&self.bytes, PART).and_then(|part| self.bytes.get(part));
            let found = found.or_else(|| of(&self.text, TEXT_PART).and_then(|p| self.text.get(p)));
            found.map(String::as_str)
        })
    }
}

/// Zeros in a row and the few bytes around them, as authenticator data have
/// them, are everywhere; eight random bytes hardly ever repeat so much.
fn tells_something(part: &[u8]) -> bool {
    part.iter().collect::<BTreeSet<_>>().len() > 4
}

/// All that a text may spell.
fn spelled(text: &str) -> Vec<Vec<u8>> {
    let mut spelled = vec![text.as_bytes().to_vec(), unescaped(text), numbers(text)];
    spelled.extend(hex(text));
    spelled.extend(base64(text));
    spelled
}

/// `\x12` and the like in a text, as `Debug` of byte strings writes them.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, behind @ ..] = rest {
        let (byte, left) = match (first, behind) {
            (b'\\', [b'x', high, low, left @ ..]) => (value16(*high) << 4 | value16(*low), left),
            (b'\\', [b'n', left @ ..]) => (b'\n', left),
            (b'\\', [b'r', left @ ..]) => (b'\r', left),
            (b'\\', [b't', left @ ..]) => (b'\t', left),
            (b'\\', [b'0', left @ ..]) => (0, left),
            (b'\\', [escaped, left @ ..]) => (*escaped, left),
            _ => (*first, behind),
        };
        bytes.push(byte);
        rest = left;
    }
    bytes
}

/// All numbers of a text up to 255, whatever is between them.
fn numbers(text: &str) -> Vec<u8> {
    let words = text.split(|c: char| !c.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).collect()
}

/// All hex digits of a text, read from the first and from the second: with
/// nothing between them, and with whatever else is there left out.
fn hex(text: &str) -> Vec<Vec<u8>> {
    let prefixes = text.replace("0x", "");
    let mut readings = Vec::new();
    // What separates the bytes is left out; anything else is left in, so that
    // words with an odd number of digits in them do not shift what follows.
    let separates = |c: char| matches!(c, ' ' | ':' | '-' | ',' | '\n' | '_');
    let together: String = prefixes.chars().filter(|c| !separates(*c)).collect();
    for text in [text, &together] {
        for run in text.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() >= 2 * PART)
        {
            for shifted in [run.as_bytes(), &run.as_bytes()[1..]] {
                let pairs = shifted.chunks_exact(2);
                readings.push(pairs.map(|pair| value16(pair[0]) << 4 | value16(pair[1])).collect());
            }
        }
    }
    readings
}

const fn value16(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// All runs of base64 digits, of both alphabets, begun at each of four places.
fn base64(text: &str) -> Vec<Vec<u8>> {
    let mut readings = Vec::new();
    let digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    for run in text.split(|c| !digit(c)).filter(|run| run.len() > PART) {
        for start in 0..4 {
            let groups = run.as_bytes()[start..].chunks(4);
            readings.push(
                groups
                    .flat_map(|group| {
                        let bits = (0..4).fold(0_u32, |bits, at| {
                            bits << 6 | u32::from(group.get(at).map_or(0, |digit| value64(*digit)))
                        });
                        bits.to_be_bytes().into_iter().skip(1)
                    })
                    .collect(),
            );
        }
    }
    readings
}

const fn value64(digit: u8) -> u8 {
    match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    }
}
