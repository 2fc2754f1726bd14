//! A new QR code in the place of the shown one, on a clock moved by hand: which phones
//! are met, for how long, and that nothing else changes.
//!
//! Clauses: [CTAP 2.2 §11.5.1].

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use fido_hybrid_proto::client::{
    ClientConfig, ClientDeadlines, ClientUpdate, Input, Output, PREVIOUS_CODE_ACCEPTED, QrSecrets,
    Transaction,
};
use fido_hybrid_proto::crypto::SecretKey;
use fido_hybrid_proto::error::{ApiMisuse, ErrorKind, Stage};
use fido_hybrid_proto::ports::bluetooth::{AdvertReport, SERVICE_UUID};
use fido_hybrid_proto::transport::{
    AdvertKey, Eid, QrCode, RequestHint, Responder, RoutingId, TunnelDomain, key_schedule,
};
use fido_hybrid_sim::SeededRng;
use fido_hybrid_testkit::client_rig::{ClientRig, Flow};

const SECOND: Duration = Duration::from_secs(1);
const MADE: u64 = 1_780_000_000;

fn keys(seed: u64) -> QrSecrets {
    QrSecrets::generate(&mut SeededRng::new(seed))
}

fn eid() -> Eid {
    Eid::new([9; 10], RoutingId([1, 2, 3]), TunnelDomain::GOOGLE)
}

/// A transaction that shows a code, and the codes that it has shown.
struct Shown {
    transaction: Transaction,
    codes: Vec<QrCode>,
}

impl Shown {
    fn new(deadlines: ClientDeadlines) -> Self {
        let mut config = ClientConfig::new(RequestHint::MakeCredential);
        config.deadlines = deadlines;
        let transaction = Transaction::qr(config, keys(0), Duration::ZERO, MADE);
        let mut shown = Self { transaction, codes: Vec::new() };
        shown.drain();
        assert_eq!(shown.codes.len(), 1);
        shown
    }

    fn step(&mut self, now: Duration, input: Input) -> Vec<Output> {
        self.transaction.handle(now, input).unwrap();
        self.drain()
    }

    fn drain(&mut self) -> Vec<Output> {
        let outputs: Vec<_> = std::iter::from_fn(|| self.transaction.poll_output()).collect();
        for output in &outputs {
            if let Output::Update(ClientUpdate::WaitingForScan(text)) = output {
                assert_eq!(self.transaction.qr_text().unwrap().expose(), text.expose());
                self.codes.push(text.expose().parse().unwrap());
            }
        }
        outputs
    }

    fn renew(&mut self, now: Duration) {
        let number = self.codes.len() as u64;
        let input = Input::NewCode { keys: keys(number), created: MADE + number };
        let outputs = self.step(now, input);
        assert!(
            matches!(outputs[..], [Output::Update(ClientUpdate::WaitingForScan(_))]),
            "{outputs:?}"
        );
        assert_eq!(self.codes.len() as u64, number + 1);
    }

    /// A phone that has read this code advertises.
    fn receive(&mut self, now: Duration, code: usize) -> Vec<Output> {
        let secret = &self.codes[code].secret;
        let advert = AdvertKey::new(&key_schedule::eid_key(secret)).seal(&eid());
        self.step(now, Input::Advert(AdvertReport::new(SERVICE_UUID, advert.to_vec())))
    }

    /// The client meets the phone that has read this code, and both have its keys.
    fn meets(&mut self, now: Duration, code: usize) {
        let outputs = self.receive(now, code);
        let [Output::StopScanning, Output::Update(ClientUpdate::PhoneFound), Output::Dial(request)] =
            &outputs[..]
        else {
            panic!("{outputs:?}")
        };
        let read = &self.codes[code];
        let tunnel = key_schedule::tunnel_id(&read.secret).to_string();
        assert!(request.url.to_string().ends_with(&tunnel));
        let psk = key_schedule::psk(&read.secret, &eid());
        let ephemeral = SecretKey::from_scalar(&[3; 32]).unwrap();
        let responder = Responder::qr(read.public_key, &psk, ephemeral);
        let outputs = self.step(now, Input::TunnelOpened { connect_signal: false });
        let [Output::Update(_), Output::Send(hello)] = &outputs[..] else { panic!("{outputs:?}") };
        let (_, reply) = responder.respond(hello).unwrap();
        self.step(now, Input::Message(reply.to_vec()));
        assert_eq!(self.transaction.stage(), Stage::AwaitingPostHandshake);
        assert!(self.transaction.qr_text().is_none());
    }
}

fn shown() -> Shown {
    Shown::new(ClientDeadlines::default())
}

#[test]
fn a_new_code_takes_the_place_of_the_shown_one() {
    let mut shown = shown();
    shown.renew(SECOND * 300);
    let [first, second] = &shown.codes[..] else { panic!() };
    assert_ne!(first.secret.expose(), second.secret.expose());
    assert_ne!(first.public_key, second.public_key);
    assert_eq!((first.created, second.created), (Some(MADE), Some(MADE + 1)));
    assert_eq!(
        (first.hint, second.hint),
        (RequestHint::MakeCredential, RequestHint::MakeCredential)
    );
    shown.meets(SECOND * 301, 1);
}

#[test]
fn a_phone_with_the_code_before_is_met_for_a_minute() {
    let renewed = SECOND * 300;
    let last = renewed + PREVIOUS_CODE_ACCEPTED - Duration::from_nanos(1);
    for now in [renewed, renewed + SECOND, last] {
        let mut shown = shown();
        shown.renew(renewed);
        shown.meets(now, 0);
    }
    let mut shown = shown();
    shown.renew(renewed);
    assert!(shown.receive(renewed + PREVIOUS_CODE_ACCEPTED, 0).is_empty());
    assert_eq!(shown.transaction.stage(), Stage::ShowingQr);
    shown.meets(renewed + PREVIOUS_CODE_ACCEPTED, 1);
}

#[test]
fn the_secrets_of_the_code_before_go_when_their_minute_is_over() {
    let mut shown = shown();
    assert_eq!(shown.transaction.deadline(), None);
    let one = format!("{:?}", shown.transaction).matches("QrSecrets").count();
    shown.renew(SECOND);
    assert_eq!(format!("{:?}", shown.transaction).matches("QrSecrets").count(), 2 * one);
    let over = SECOND + PREVIOUS_CODE_ACCEPTED;
    assert_eq!(shown.transaction.deadline(), Some(over));
    assert!(shown.step(over, Input::TimePassed).is_empty());
    assert_eq!(format!("{:?}", shown.transaction).matches("QrSecrets").count(), one);
    assert_eq!((shown.transaction.stage(), shown.transaction.deadline()), (Stage::ShowingQr, None));
}

#[test]
fn the_code_before_the_last_is_not_accepted() {
    let mut shown = shown();
    shown.renew(SECOND);
    shown.renew(SECOND * 2);
    assert!(shown.receive(SECOND * 2, 0).is_empty());
    shown.meets(SECOND * 2, 1);
}

#[test]
fn the_stage_keeps_its_deadline() {
    let mut deadlines = ClientDeadlines::default();
    deadlines.showing_qr = Some(SECOND * 90);
    let mut shown = Shown::new(deadlines);
    shown.renew(SECOND);
    assert_eq!(shown.transaction.deadline(), Some(SECOND + PREVIOUS_CODE_ACCEPTED));
    shown.renew(SECOND * 60);
    assert_eq!(shown.transaction.deadline(), Some(SECOND * 90));
    let outputs = shown.step(SECOND * 90, Input::TimePassed);
    let [Output::StopScanning, Output::Closed(Err(error))] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert!(matches!((error.stage, &error.kind), (Stage::ShowingQr, ErrorKind::Deadline)));
}

#[test]
fn a_new_code_that_no_phone_can_read_any_more_is_refused() {
    let new_code = || Input::NewCode { keys: keys(5), created: MADE };
    let mut found = shown();
    assert!(!found.receive(SECOND, 0).is_empty());
    assert_eq!(found.transaction.handle(SECOND, new_code()), Err(ApiMisuse::WrongStage));
    assert!(found.transaction.qr_text().is_none());
    let mut ended = shown();
    ended.step(SECOND, Input::Cancel);
    assert_eq!(ended.transaction.handle(SECOND, new_code()), Err(ApiMisuse::Closed));
    // A linked phone reads no code.
    let mut linked = ClientRig::offering(Flow::Linked);
    assert_eq!(linked.transaction.handle(SECOND, new_code()), Err(ApiMisuse::WrongStage));
    assert!(linked.transaction.qr_text().is_none());
}
