//! Scripts for `authenticator_transaction`.

use fido_hybrid::crypto::AEAD_TAG_LENGTH;
use fido_hybrid::ctap::{
    Algorithm, CredentialParameters, CtapRequest, GetAssertionRequest, MakeCredentialRequest,
    RelyingParty, User, UserHandle,
};
use fido_hybrid::transport::PADDING_UNIT;
use fido_hybrid_fuzz::authenticator_transaction::{decision, found, request, setting, step};

use super::{Seed, Steps};

/// The client knows both assigned domains.
fn advertising(settings: u8) -> Steps {
    Steps::new(&[settings, 2]).step(step::TUNNEL_OPENED, &[1])
}

fn listening(settings: u8) -> Steps {
    advertising(settings).step(step::HELLO, &[])
}

/// A sign-in as a frame: its type, itself, padding, and an invalid tag.
fn unsealed_sign_in() -> Vec<u8> {
    let request = GetAssertionRequest::new("example.com", [0; 32]);
    let mut frame = vec![1];
    frame.extend(CtapRequest::GetAssertion(request).to_bytes());
    let zeros = PADDING_UNIT - 1 - frame.len() % PADDING_UNIT;
    frame.resize(frame.len() + zeros, 0);
    frame.push(u8::try_from(zeros).unwrap());
    frame.extend([0; AEAD_TAG_LENGTH]);
    frame
}

/// As Chromium sends it to a phone without `FIDO_2_1`.
fn dummy_registration() -> Vec<u8> {
    let user = User::new(UserHandle::new([1]).unwrap(), "dummy", "");
    let parameters = vec![CredentialParameters::new(Algorithm::ES256)];
    let rp = RelyingParty::new(".dummy", "");
    CtapRequest::from(MakeCredentialRequest::new([0; 32], rp, user, parameters)).to_bytes()
}

trait Ceremony {
    /// A registration, up to the prompt.
    fn register(self, user: u8, bits: u8, excluded: u8) -> Self;
    /// A sign-in, up to the prompt.
    fn sign_in(self, bits: u8, allowed: u8) -> Self;
    /// The user's decision on the newest prompt.
    fn decide(self, kind: u8, account: u8) -> Self;
    /// The client's shutdown.
    fn shut_down(self) -> Self;
}

impl Ceremony for Steps {
    fn register(self, user: u8, bits: u8, excluded: u8) -> Self {
        self.step(step::REGISTER, &[0, user, bits, excluded]).step(step::FOUND, &[found::RIGHT])
    }

    fn sign_in(self, bits: u8, allowed: u8) -> Self {
        self.step(step::SIGN_IN, &[0, bits, allowed]).step(step::FOUND, &[found::RIGHT])
    }

    fn decide(self, kind: u8, account: u8) -> Self {
        self.step(step::DECIDE, &[0, kind, account])
    }

    fn shut_down(self) -> Self {
        self.step(step::TYPED, &[0]).bytes(&[])
    }
}

pub(crate) fn seeds() -> Vec<Seed> {
    vec![
        (
            "registration",
            "a registration, approved and saved, and the client's shutdown",
            listening(0)
                .register(9, request::VERIFY, 0)
                .decide(decision::VERIFIED, 0)
                .step(step::SAVED, &[0])
                .shut_down(),
        ),
        (
            "registration-attested",
            "a registration with a packed attestation, of a passkey that is backed up",
            listening(setting::PACKED | setting::BACKED_UP)
                .register(9, request::PACKED, 0)
                .decide(decision::VERIFIED, 0)
                .step(step::SAVED, &[0])
                .shut_down(),
        ),
        (
            "sign-in",
            "a sign-in with the first of two accounts, which counts",
            listening(setting::APPLE)
                .sign_in(request::VERIFY, 0)
                .decide(decision::VERIFIED, 0)
                .step(step::COUNTED, &[0, 5])
                .shut_down(),
        ),
        (
            "sign-in-listed",
            "a sign-in with an allow list, by a passkey that does not count",
            listening(0).sign_in(0, 2).decide(decision::VERIFIED, 0).shut_down(),
        ),
        (
            "prf",
            "the PRF of a new passkey, evaluated at once and again with values of its own",
            listening(0)
                .register(9, request::PRF | request::EVALUATE, 0)
                .decide(decision::VERIFIED, 0)
                .step(step::SAVED, &[0])
                .sign_in(request::PRF | request::EVALUATE | request::EVALUATE_BY_PASSKEY, 8)
                .decide(decision::VERIFIED, 0)
                .step(step::COUNTED, &[0, 1])
                .shut_down(),
        ),
        (
            "prf-of-others",
            "PRF values for the second of two passkeys, which has none, and the first is chosen",
            listening(0)
                .sign_in(request::PRF | request::EVALUATE_BY_PASSKEY, 3)
                .decide(decision::VERIFIED, 0)
                .step(step::COUNTED, &[0, 1])
                .sign_in(request::PRF | request::EVALUATE_BY_PASSKEY, 3)
                .decide(decision::VERIFIED, 1)
                .sign_in(request::PRF | request::EVALUATE, 1)
                .decide(decision::VERIFIED, 0)
                .step(step::COUNTED, &[0, 2])
                .shut_down(),
        ),
        (
            "prf-unverified",
            "an authenticator that cannot verify is asked for the PRF, twice",
            listening(setting::PRESENCE_ONLY)
                .register(9, request::PRF | request::EVALUATE, 0)
                .decide(decision::PRESENT, 0)
                .step(step::SAVED, &[0])
                .sign_in(request::PRF | request::EVALUATE, 1)
                .decide(decision::PRESENT, 0)
                .step(step::COUNTED, &[0, 1]),
        ),
        (
            "register-then-sign-in",
            "getInfo, a registration, and a sign-in with the new passkey",
            listening(0)
                .step(step::TYPED, &[1])
                .bytes(&[4])
                .register(9, 0, 0)
                .decide(decision::VERIFIED, 0)
                .step(step::SAVED, &[0])
                .sign_in(0, 8)
                .decide(decision::VERIFIED, 0)
                .step(step::COUNTED, &[0, 1])
                .step(step::TUNNEL_CLOSED, &[]),
        ),
        (
            "replaced",
            "a registration in place of the account's passkey, which is then on the exclude list",
            listening(0)
                .register(1, 0, 0)
                .decide(decision::VERIFIED, 0)
                .step(step::SAVED, &[0])
                .register(1, 0, 8)
                .decide(decision::PRESENT, 0),
        ),
        (
            "excluded",
            "a registration with a passkey on the exclude list, which the user reveals",
            listening(0).register(9, 0, 1).decide(decision::PRESENT, 0).shut_down(),
        ),
        (
            "excluded-elsewhere",
            "the exclude list names a passkey of another relying party, and the store gives that too",
            listening(0)
                .step(step::REGISTER, &[0, 9, 0, 4])
                .step(step::FOUND, &[found::EVERYTHING])
                .decide(decision::DECLINED, 0),
        ),
        (
            "other-rps-passkey",
            "a sign-in whose allow list names a passkey of another relying party, which the store gives",
            listening(0)
                .step(step::SIGN_IN, &[0, 0, 4])
                .step(step::FOUND, &[found::EVERYTHING])
                .decide(decision::VERIFIED, 0),
        ),
        (
            "present-is-not-verified",
            "a user approves without verification",
            listening(0).sign_in(0, 1).decide(decision::PRESENT, 0),
        ),
        (
            "presence-only",
            "an authenticator that cannot verify, asked with and without verification",
            listening(setting::PRESENCE_ONLY)
                .sign_in(request::VERIFY, 1)
                .sign_in(0, 1)
                .decide(decision::PRESENT, 0)
                .step(step::COUNTED, &[0, 1]),
        ),
        (
            "unrequested-decisions",
            "a decision before there is a prompt, on an older prompt, and for an account that does not exist",
            listening(0)
                .decide(decision::VERIFIED, 0)
                .sign_in(0, 0)
                .decide(decision::VERIFIED, 2)
                .decide(decision::DECLINED, 0)
                .sign_in(0, 0)
                .step(step::DECIDE, &[1, decision::VERIFIED, 0])
                .decide(decision::TIMED_OUT, 0)
                .decide(decision::VERIFIED, 0),
        ),
        (
            "nine-prompts",
            "a client that repeats its request until the user makes a mistake",
            (0..9).fold(listening(0), |steps, _| steps.sign_in(0, 1).decide(decision::NO_UI, 0)),
        ),
        (
            "two-requests-at-once",
            "a second request before the first is answered",
            listening(0).sign_in(0, 1).step(step::SIGN_IN, &[0, 0, 1]),
        ),
        (
            "shutdown-while-asking",
            "the client cancels while the user is asked",
            listening(0).register(9, 0, 0).shut_down(),
        ),
        (
            "disconnected-while-asking",
            "the client closes the tunnel while the user is asked",
            listening(0).sign_in(0, 0).step(step::TUNNEL_CLOSED, &[]),
        ),
        (
            "late-decision",
            "the user approves after the deadline",
            listening(0)
                .sign_in(0, 1)
                .step(step::WAIT, &[1, 44])
                .step(step::TIME_BACKWARDS, &[])
                .decide(decision::VERIFIED, 0),
        ),
        (
            "store-fails",
            "a store that fails to find, that is full, and that cannot count",
            listening(0)
                .step(step::SIGN_IN, &[0, 0, 0])
                .step(step::FOUND, &[found::FAILED])
                .register(9, 0, 0)
                .decide(decision::VERIFIED, 0)
                .step(step::SAVED, &[1])
                .sign_in(0, 1)
                .decide(decision::VERIFIED, 0)
                .step(step::COUNTED, &[2, 0]),
        ),
        (
            "nothing-here",
            "a sign-in at a relying party without a passkey, which the user reveals",
            listening(0)
                .step(step::SIGN_IN, &[2, 0, 0])
                .step(step::FOUND, &[found::NOTHING])
                .decide(decision::PRESENT, 0),
        ),
        (
            "requests-that-cannot-be",
            "silent, for an invalid RP ID, without an algorithm, a PIN command, an empty one",
            listening(0)
                .step(step::SIGN_IN, &[0, request::SILENT, 0])
                .step(step::SIGN_IN, &[3, 0, 0])
                .step(step::REGISTER, &[0, 9, request::NO_ALGORITHM, 0])
                .step(step::TYPED, &[1])
                .bytes(&[6, 0xa0])
                .step(step::TYPED, &[1])
                .bytes(&[8])
                .step(step::TYPED, &[1])
                .bytes(&[2, 0xa1, 1])
                .step(step::TYPED, &[1])
                .bytes(&[]),
        ),
        (
            "selection",
            "a selection that the user approves, and one that the user declines",
            listening(0)
                .step(step::TYPED, &[1])
                .bytes(&[0x0b])
                .decide(decision::PRESENT, 0)
                .step(step::TYPED, &[1])
                .bytes(&[0x0b])
                .decide(decision::DECLINED, 0),
        ),
        (
            "dummy-registration",
            "the registration with which Chromium asks for the user's presence",
            listening(0)
                .step(step::TYPED, &[1])
                .bytes(&dummy_registration())
                .decide(decision::PRESENT, 0),
        ),
        (
            "unknown-kind-on-the-list",
            "an allow list whose only entry is no public key allows nothing",
            listening(0).sign_in(request::OTHER_KIND, 1).decide(decision::PRESENT, 0),
        ),
        ("json", "JSON, which was not offered", listening(0).step(step::TYPED, &[3]).bytes(b"{}")),
        (
            "update-and-unknown-type",
            "an update from the client, skipped, and a message of type 9",
            listening(0).step(step::TYPED, &[2]).bytes(&[0xa0]).step(step::TYPED, &[9]).bytes(&[]),
        ),
        (
            "not-sealed",
            "three bytes in place of a request, as a relay could send them",
            listening(0).step(step::RAW_MESSAGE, &[]).bytes(&[0, 0, 0]),
        ),
        (
            "strangers-request",
            "a sign-in that no client sealed, taken only where the cipher has no security",
            listening(0)
                .step(step::RAW_MESSAGE, &[])
                .bytes(&unsealed_sign_in())
                .step(step::FOUND, &[found::RIGHT])
                .decide(decision::VERIFIED, 0)
                .step(step::COUNTED, &[0, 1]),
        ),
        (
            "changed-hello",
            "the relay changed a bit of the client's handshake message",
            advertising(0).step(step::CHANGED_HELLO, &[70, 1]).sign_in(0, 0),
        ),
        (
            "hello-twice",
            "the client's handshake message comes again",
            listening(0).step(step::HELLO, &[]),
        ),
        (
            "short-hello",
            "three bytes in place of the handshake message",
            advertising(0).step(step::RAW_MESSAGE, &[]).bytes(&[4, 0, 0]),
        ),
        (
            "advert-fails",
            "Bluetooth is switched off while advertising",
            advertising(0).step(step::ADVERTISING_FAILED, &[1]),
        ),
        (
            "no-routing-id",
            "the tunnel service gives no routing id",
            Steps::new(&[0, 2]).step(step::TUNNEL_OPENED, &[0]),
        ),
        (
            "send-fails",
            "sending the answer fails",
            listening(0)
                .sign_in(0, 2)
                .decide(decision::VERIFIED, 0)
                .step(step::SEND_FAILED, &[2, 0, 0]),
        ),
        (
            "cancelled",
            "the program cancels while the passkey is being saved",
            listening(0).register(9, 0, 0).decide(decision::VERIFIED, 0).step(step::CANCEL, &[]),
        ),
        (
            "domain-not-known",
            "the client knows only the first domain, the phone is at the second",
            Steps::new(&[setting::APPLE, 1]),
        ),
        ("no-tunnel", "the QR code offers Bluetooth alone", Steps::new(&[setting::NO_TUNNEL, 2])),
        (
            "code-of-chrome",
            "another client's code, and a stranger's handshake message",
            Steps::new(&[setting::OTHER_CODE, 2])
                .bytes(include_bytes!("../../seeds/qr_url/chromium-145-registration"))
                .step(step::TUNNEL_OPENED, &[1])
                .step(step::HELLO, &[]),
        ),
    ]
}
