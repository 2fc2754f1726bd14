//! Both transactions of a `Pair`, with each input, output and state printed,
//! in ceremonies that succeed and that end at each stage in each way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use fido_hybrid::authenticator::{self, Decision};
use fido_hybrid::client;
use fido_hybrid::ctap::extensions::{PrfAssertionInput, PrfRegistrationInput, PrfValues};
use fido_hybrid::ctap::{CtapRequest, CtapResponse, User, UserHandle};
use fido_hybrid::error::{BluetoothError, Stage, StoreError, TunnelError};
use fido_hybrid::secret::PrfInput;
use fido_hybrid::transport::QrCode;
use fido_hybrid_sim::{Observation, Pair, STAGES, Setup, Side};

use super::finder::Secrets;
use super::rig;
use super::trace_recorder::Notebook;

const PRF_INPUT: [u8; 32] = *b"thirty-two bytes to make keys of";
const ACCOUNT_ID: [u8; 16] =
    [0xa3, 5, 0x7e, 0xc1, 0x90, 0x1f, 8, 0xee, 0x44, 0xb6, 0xd2, 0x39, 0x68, 0xf0, 2, 0x5b];
const ACCOUNT: &str = "ada.lovelace@analytical.example";

pub(crate) fn registration() -> CtapRequest {
    let mut request = rig::make_credential("ada");
    let handle = UserHandle::new(ACCOUNT_ID).unwrap();
    request.user = User::new(handle, ACCOUNT, ACCOUNT);
    let mut input = PrfRegistrationInput::default();
    input.eval = Some(values());
    request.extensions.prf = Some(input);
    request.into()
}

pub(crate) fn sign_in() -> CtapRequest {
    let mut request = rig::get_assertion(&[]);
    request.extensions.prf = Some(PrfAssertionInput::new(values()));
    request.into()
}

fn values() -> PrfValues<PrfInput> {
    PrfValues { first: PrfInput::new(PRF_INPUT), second: None }
}

/// A pair under watch.
struct Watched {
    pair: Pair,
    notebook: Notebook,
    secrets: Secrets,
    seed: u64,
    advert: Rc<RefCell<Option<Vec<u8>>>>,
    reply: Rc<RefCell<Option<Vec<u8>>>>,
}

impl Watched {
    fn new(seed: u64, requests: Vec<CtapRequest>) -> Self {
        Self::with(Setup::new(seed, requests))
    }

    fn with(setup: Setup) -> Self {
        let (notebook, mut secrets) = (Notebook::default(), Secrets::default());
        let seed = setup.seed;
        notebook.print(&setup);
        let mut pair = Pair::new(setup).unwrap();
        let text = pair.client.qr_text().unwrap();
        let code: QrCode = text.expose().parse().unwrap();
        notebook.print(text);
        notebook.print(&code);
        secrets.qr_code(text);
        secrets.bytes("the PRF input", &PRF_INPUT);
        secrets.text("the account's name", ACCOUNT);
        secrets.bytes("the account's id", &ACCOUNT_ID);
        let advert = Rc::new(RefCell::new(None));
        let (on_air, pages) = (Rc::clone(&advert), notebook.clone());
        pair.watch = Box::new(move |seen| {
            pages.print(&seen);
            match seen {
                Observation::ByPhone(authenticator::Output::Advertise(advert)) => {
                    *on_air.borrow_mut() = Some(advert.clone());
                }
                Observation::ByPhone(authenticator::Output::Prompt(prompt)) => pages.say(prompt),
                Observation::ByPhone(authenticator::Output::Update(update)) => pages.say(update),
                Observation::ByClient(client::Output::Update(update)) => pages.say(update),
                Observation::ByPhone(authenticator::Output::Closed(end)) => pages.end(end),
                Observation::ByClient(client::Output::Closed(end)) => pages.end(end),
                _ => {}
            }
        });
        let reply = Rc::new(RefCell::new(None));
        let watched = Self { pair, notebook, secrets, seed, advert, reply };
        watched.tampering(|_, message| vec![message])
    }

    /// With a tunnel that does this to messages.
    fn tampering(
        mut self,
        mut tamper: impl FnMut(Side, Vec<u8>) -> Vec<Vec<u8>> + 'static,
    ) -> Self {
        let reply = Rc::clone(&self.reply);
        self.pair.tamper = Box::new(move |from, message| {
            if from == Side::Phone {
                reply.borrow_mut().get_or_insert_with(|| message.clone());
            }
            tamper(from, message)
        });
        self
    }

    fn look(&self) {
        let Pair { client, phone, passkeys, responses, .. } = &self.pair;
        self.notebook.print(client);
        self.notebook.print(phone);
        self.notebook.print(&self.pair);
        self.notebook.print(passkeys);
        self.notebook.print(responses);
    }

    fn run_until(&mut self, enough: impl Fn(&Pair) -> bool) {
        self.look();
        while !enough(&self.pair) && !self.pair.is_over() && self.pair.step() {
            self.look();
        }
    }

    /// To the end, and through what was written down.
    fn finish(mut self) -> Pair {
        self.run_until(|_| false);
        if !self.pair.is_over() {
            self.pair.cancel(Side::Client);
        }
        self.look();
        assert!(self.pair.is_over());
        self.notebook.print(&self.pair.transcript());
        for passkey in &self.pair.passkeys {
            self.secrets.passkey(passkey);
        }
        for response in &self.pair.responses {
            self.secrets.answer(response);
        }
        let (advert, reply) = (self.advert.take(), self.reply.take());
        self.secrets.pair(self.seed, advert.as_deref(), reply.as_deref());
        self.notebook.assert_holds_none_of(&self.secrets);
        self.pair
    }
}

#[test]
fn of_a_registration_and_a_sign_in() {
    let watched = Watched::new(1, vec![registration(), sign_in()]);
    let pair = watched.finish();
    let [Ok(CtapResponse::MakeCredential(made)), Ok(CtapResponse::GetAssertion(signed))] =
        pair.responses.as_slice()
    else {
        panic!("{:?}", pair.responses)
    };
    let made = made.unsigned_extensions.prf.as_ref().and_then(|prf| prf.results.as_ref());
    let signed = signed.unsigned_extensions.prf.as_ref().and_then(|prf| prf.results.as_ref());
    assert!(made.is_some() && made == signed, "the PRF's outputs were looked for");
}

/// A ceremony that comes to a stage of one side and then meets this.
fn at_each_stage(meets: impl Fn(&mut Pair, Side)) {
    for (seed, (side, stage)) in (0..).zip(STAGES) {
        let mut watched = Watched::new(seed, vec![registration()]);
        watched.pair.is_paused = stage == Stage::Ready;
        watched.run_until(|pair| pair.stage(side) == stage);
        assert_eq!(watched.pair.stage(side), stage);
        meets(&mut watched.pair, side);
        watched.pair.is_paused = false;
        let pair = watched.finish();
        assert!(pair.result(side).is_some_and(Result::is_err), "{side} {stage}");
    }
}

#[test]
fn of_callers_who_cancel_at_each_stage() {
    at_each_stage(Pair::cancel);
}

#[test]
fn of_deadlines_that_pass_at_each_stage() {
    at_each_stage(|pair, side| {
        // These two have none: the caller's turn ends them.
        match pair.stage(side) {
            Stage::ShowingQr | Stage::Ready => pair.cancel(side),
            _ => pair.stall(side),
        }
    });
}

#[test]
fn of_the_other_side_disconnecting_at_each_stage() {
    at_each_stage(|pair, side| pair.power_off(side.other()));
}

#[test]
fn of_a_tunnel_that_breaks_or_is_refused() {
    at_each_stage(|pair, side| match (side, pair.stage(side)) {
        (Side::Client, Stage::ShowingQr) => pair.cancel(side),
        (Side::Client, _) => {
            pair.tell_client(client::Input::TunnelFailed(TunnelError::Status(403)));
        }
        (Side::Phone, _) => {
            pair.tell_phone(authenticator::Input::TunnelFailed(TunnelError::NotBinary));
        }
    });
}

#[test]
fn of_every_message_changed_or_made_up() {
    // The client's: handshake, request, shutdown. The phone's: handshake,
    // introduction, update, answer.
    for (from, messages) in [(Side::Client, 3), (Side::Phone, 4)] {
        for number in 0..messages {
            for made_up in [None, Some(Vec::new()), Some(vec![0; 81])] {
                let sent = Rc::new(Cell::new(0));
                let count = Rc::clone(&sent);
                let watched = Watched::new(number, vec![registration()]);
                let watched = watched.tampering(move |side, mut message| {
                    if side != from {
                        return vec![message];
                    }
                    count.set(count.get() + 1);
                    if count.get() == number + 1 {
                        let middle = message.len() / 2;
                        message[middle] ^= 1;
                        return vec![made_up.clone().unwrap_or(message)];
                    }
                    vec![message]
                });
                let pair = watched.finish();
                assert!(sent.get() > number, "{from}: there is no message {number}");
                let failed = |side| pair.result(side).unwrap().is_err();
                assert!(failed(Side::Client) || failed(Side::Phone), "{from}: message {number}");
            }
        }
    }
}

#[test]
fn of_radios_and_stores_that_fail() {
    let mut watched = Watched::new(1, vec![registration()]);
    watched.pair.tell_client(client::Input::BluetoothFailed(BluetoothError::NotPermitted));
    watched.finish();

    let mut watched = Watched::new(2, vec![registration()]);
    watched.run_until(Pair::is_advertising);
    watched.pair.tell_phone(authenticator::Input::AdvertisingFailed(BluetoothError::Off));
    watched.finish();

    for error in [StoreError::Full, StoreError::failed(std::io::Error::other("it is worn out"))] {
        let mut watched = Watched::new(3, vec![registration()]);
        watched.run_until(|pair| pair.stage(Side::Phone) == Stage::Answering);
        watched.pair.tell_phone(authenticator::Input::PasskeysFound(Err(error)));
        let pair = watched.finish();
        assert!(pair.responses[0].is_err());
    }
}

#[test]
fn of_users_who_refuse_or_do_not_answer() {
    for decision in [Decision::Declined, Decision::TimedOut, Decision::NoUi] {
        let mut watched = Watched::new(4, vec![registration(), sign_in()]);
        watched.pair.user = Box::new(move |_| Some(decision));
        let pair = watched.finish();
        assert!(pair.responses.iter().all(Result::is_err));
    }
    // With a passkey of the account already in the store, and without one.
    let mut setup = Setup::new(5, vec![sign_in(), registration()]);
    let held = rig::passkey(7, rig::RP_ID, "ada");
    if let CtapRequest::MakeCredential(request) = &mut setup.requests[1] {
        request.exclude_list = vec![rig::descriptor(&held)];
    }
    setup.passkeys = vec![held];
    Watched::with(setup).finish();
    Watched::new(6, vec![sign_in()]).finish();
}
