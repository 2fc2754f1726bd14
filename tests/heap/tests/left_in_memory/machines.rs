//! Both transactions of a `Pair`.

use std::cell::RefCell;
use std::rc::Rc;

use fido_hybrid::ctap::extensions::{PrfAssertionInput, PrfRegistrationInput, PrfValues};
use fido_hybrid::ctap::{
    Algorithm, CredentialParameters, CtapRequest, GetAssertionRequest, MakeCredentialRequest,
    RelyingParty, User, UserHandle,
};
use fido_hybrid::error::Stage;
use fido_hybrid::secret::PrfInput;
use fido_hybrid::{authenticator, client};
use fido_hybrid_heap::{record, unrecorded};
use fido_hybrid_sim::{Observation, Pair, STAGES, Setup, Side};

use super::known::Known;

const RP_ID: &str = "example.com";
const FIRST: [u8; 32] = *b"thirty-two bytes to make keys of";
const SECOND: [u8; 32] = *b"and the next ones, for new keys.";

fn values() -> PrfValues<PrfInput> {
    PrfValues { first: PrfInput::new(FIRST), second: Some(PrfInput::new(SECOND)) }
}

fn registration() -> CtapRequest {
    let handle = UserHandle::new([7; 16]).unwrap();
    let mut request = MakeCredentialRequest::new(
        [0x5a; 32],
        RelyingParty::new(RP_ID, "Example"),
        User::new(handle, "ada", "Ada Lovelace"),
        vec![CredentialParameters::new(Algorithm::ES256)],
    );
    let mut input = PrfRegistrationInput::default();
    input.eval = Some(values());
    request.extensions.prf = Some(input);
    request.into()
}

fn sign_in() -> CtapRequest {
    let mut request = GetAssertionRequest::new(RP_ID, [0x5a; 32]);
    request.extensions.prf = Some(PrfAssertionInput::new(values()));
    request.into()
}

/// Notes what a ceremony makes known of its secrets.
#[derive(Default)]
struct Witness {
    known: Known,
    advert: Vec<u8>,
    reply: Vec<u8>,
}

impl Witness {
    fn of(seed: u64) -> Rc<RefCell<Self>> {
        let mut witness = Self::default();
        witness.known.pair(seed);
        witness.known.secrets.bytes("a PRF input", &FIRST);
        witness.known.secrets.bytes("a PRF input", &SECOND);
        Rc::new(RefCell::new(witness))
    }

    fn see(&mut self, seed: u64, seen: Observation<'_>) {
        match seen {
            Observation::ByPhone(authenticator::Output::Advertise(advert)) => {
                self.advert.clone_from(advert);
                self.known.psk(seed, advert);
            }
            Observation::ByPhone(authenticator::Output::Send(message)) if self.reply.is_empty() => {
                self.reply.clone_from(message);
                self.known.channel(seed, &self.advert, &self.reply);
            }
            Observation::ByPhone(authenticator::Output::SavePasskey(passkey)) => {
                self.known.passkey(passkey);
            }
            Observation::ByClient(client::Output::Response(Ok(response))) => {
                self.known.answer(response)
            }
            _ => {}
        }
        self.known.look();
    }
}

/// A ceremony up to its end, with what `meddle` does to it after each step.
fn perform(seed: u64, mut meddle: impl FnMut(&mut Pair)) -> Rc<RefCell<Witness>> {
    let witness = Witness::of(seed);
    let ((), record) = record(|| {
        let mut pair = Pair::new(Setup::new(seed, vec![registration(), sign_in()])).unwrap();
        unrecorded(|| {
            let text = pair.client.qr_text().unwrap();
            witness.borrow_mut().known.qr_code(text);
            let witness = Rc::clone(&witness);
            pair.watch = Box::new(move |seen| {
                unrecorded(|| witness.borrow_mut().see(seed, seen));
            });
        });
        meddle(&mut pair);
        while !pair.is_over() && pair.step() {
            meddle(&mut pair);
        }
        // The scan has stopped, or no prompt is shown.
        for side in [Side::Client, Side::Phone] {
            if pair.result(side).is_none() {
                pair.cancel(side);
            }
        }
        assert!(pair.is_over());
    });
    witness.borrow().known.assert_none_is_left_in(&record);
    drop(record);
    witness
}

#[test]
fn nothing_of_a_registration_and_a_sign_in() {
    for seed in 0..4 {
        let witness = perform(seed, |_| ());
        witness.borrow().known.assert_seen(&[
            "the QR code",
            "the QR secret",
            "the QR code's private key",
            "the client's ephemeral key",
            "the phone's ephemeral key",
            "the advert's nonce",
            "the seed of new passkeys",
            "the PSK",
            "a PRF input",
            "a PRF output",
            "a passkey's private key",
            "a passkey's PRF secret",
            "an assertion's signature",
        ]);
        let names = witness.borrow().known.secrets.names().len();
        assert_eq!(names, 16, "the EID, its key and the traffic keys were looked for too");
    }
}

/// A ceremony that comes to each stage of each side and then meets this.
fn at_each_stage(meets: impl Fn(&mut Pair, Side)) {
    for (seed, (side, stage)) in (10..).zip(STAGES) {
        let mut met = false;
        perform(seed, |pair| {
            pair.is_paused = stage == Stage::Ready && !met;
            if !met && pair.stage(side) == stage {
                met = true;
                pair.is_paused = false;
                meets(pair, side);
            }
        });
        assert!(met, "{side} {stage}");
    }
}

#[test]
fn nothing_where_the_caller_cancels_at_any_stage() {
    at_each_stage(Pair::cancel);
}

#[test]
fn nothing_where_the_other_side_disconnects_at_any_stage() {
    at_each_stage(|pair, side| pair.power_off(side.other()));
}

#[test]
fn nothing_where_a_message_was_changed() {
    for number in 0..6 {
        let mut count = 0;
        perform(30 + number, |pair| {
            if count == 0 {
                let mut sent = 0;
                pair.tamper = Box::new(move |_, mut message| {
                    sent += 1;
                    if sent == number + 1 {
                        let middle = message.len() / 2;
                        message[middle] ^= 1;
                    }
                    vec![message]
                });
            }
            count += 1;
        });
    }
}
