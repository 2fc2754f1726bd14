//! One ceremony by its seed, and what must hold of it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use fido_hybrid_proto::ctap::CtapRequest;
use fido_hybrid_proto::error::{
    Advice, BluetoothError, CancelledBy, Error, ErrorKind, PeerMisbehaved, Stage, StoreError,
    TunnelError,
};
use fido_hybrid_proto::transport::{QrCode, QrText, key_schedule};
use fido_hybrid_proto::{authenticator, client};
use fido_hybrid_sim::{Observation, Pair, SeededRng, Side};

use super::finder::Secrets;
use super::ledger::Ledger;
use super::plan::{self, Mishap, Plan, chance, pick};

/// More steps than any ceremony takes: adverts for the minute of its deadline,
/// ten times a second, received with three strangers' each, and an offer's end.
const STEPS: usize = 10_000;

/// What is left of a ceremony.
pub(crate) struct Trial {
    pub(crate) transcript: Vec<String>,
    pub(crate) results: [Result<(), Error>; 2],
    pub(crate) answered: usize,
}

/// What the tunnel did.
#[derive(Default)]
struct Tunnel {
    meddled: bool,
    sent: Vec<(Side, Vec<u8>)>,
    held: Option<(Side, Vec<u8>)>,
}

struct Run {
    pair: Pair,
    plan: Plan,
    ledger: Rc<RefCell<Ledger>>,
    tunnel: Rc<RefCell<Tunnel>>,
    rng: SeededRng,
    printed: Option<Rc<RefCell<BTreeSet<String>>>>,
    happened: Vec<Mishap>,
    stages: [(Stage, Option<Duration>); 2],
    qr_text: QrText,
}

const SIDES: [Side; 2] = [Side::Client, Side::Phone];

/// The whole of one ceremony; panics where something does not hold.
pub(crate) fn run(seed: u64) -> Trial {
    let mut run = Run::new(seed);
    let mut step = 0;
    loop {
        for mishap in run.due(step) {
            run.befall(mishap);
        }
        run.check();
        if run.pair.is_over() || !run.pair.step() {
            break;
        }
        step += 1;
        assert!(step < STEPS, "it does not end");
    }
    run.give_up();
    run.finish(seed)
}

impl Run {
    fn new(seed: u64) -> Self {
        let plan = Plan::draw(seed);
        let root = SeededRng::new(seed);
        let ledger = Rc::new(RefCell::new(Ledger::new(&plan.setup.passkeys)));
        let tunnel = Rc::new(RefCell::new(Tunnel::default()));
        // To look through all that can be printed takes longer than the ceremony.
        let printed = seed.is_multiple_of(29).then(Rc::default);
        let mut pair = Pair::new(plan.setup.clone()).unwrap();
        // What came before the watch: the phone dials.
        ledger.borrow_mut().see(Observation::ByPhone(&authenticator::Output::Dial(dialled(&pair))));
        pair.watch = watch(Rc::clone(&ledger), printed.clone());
        let (mut rng, is_calm) = (root.fork("user"), plan.is_calm);
        pair.user = Box::new(move |prompt| plan::decision(&mut rng, prompt, is_calm));
        pair.tamper = meddle(Rc::clone(&tunnel), root.fork("tunnel"), plan.meddling);
        if plan.overtaking {
            let mut rng = root.fork("delay");
            pair.delay = Box::new(move |_| Duration::from_millis(rng.below(200)));
        }
        let stages = SIDES.map(|side| (pair.stage(side), None));
        let qr_text = pair.client.qr_text().unwrap().clone();
        let rng = root.fork("mishaps");
        Self { pair, plan, ledger, tunnel, rng, printed, happened: Vec::new(), stages, qr_text }
    }

    fn due(&self, step: usize) -> Vec<Mishap> {
        let due = self.plan.mishaps.iter().filter(|(at, _)| *at == step);
        due.map(|(_, mishap)| *mishap).collect()
    }

    fn befall(&mut self, mishap: Mishap) {
        let Self { pair, rng, .. } = self;
        let fits = match mishap {
            Mishap::Cancel(_) | Mishap::PowerOff(_) | Mishap::Cut => true,
            Mishap::RadioFails(Side::Client) => pair.is_scanning(),
            Mishap::RadioFails(Side::Phone) => pair.is_advertising(),
            Mishap::DialFails(Side::Client) => pair.stage(Side::Client) == Stage::Connecting,
            Mishap::DialFails(Side::Phone) => pair.stage(Side::Phone) == Stage::Registering,
            Mishap::SendFails => pair.stage(Side::Phone) == Stage::Listening,
            Mishap::StoreFails => pair.stage(Side::Phone) == Stage::Answering,
            Mishap::Unasked(side) => pair.is_open(side),
        };
        if !fits {
            return;
        }
        let status = TunnelError::Status([404, 410, 429, 503][pick(rng, 4)]);
        match mishap {
            Mishap::Cancel(side) => pair.cancel(side),
            Mishap::PowerOff(side) => pair.power_off(side),
            Mishap::Cut => pair.break_tunnel(),
            Mishap::RadioFails(Side::Client) => {
                pair.tell_client(client::Input::BluetoothFailed(BluetoothError::Off));
            }
            Mishap::RadioFails(Side::Phone) => {
                pair.tell_phone(authenticator::Input::AdvertisingFailed(BluetoothError::Off));
            }
            Mishap::DialFails(Side::Client) => {
                pair.tell_client(client::Input::TunnelFailed(status))
            }
            Mishap::DialFails(Side::Phone) => {
                pair.tell_phone(authenticator::Input::TunnelFailed(status));
            }
            Mishap::SendFails => {
                pair.tell_phone(authenticator::Input::SendFailed(TunnelError::Stalled));
            }
            // One of these belongs to where the phone is, or none does.
            Mishap::StoreFails => {
                use authenticator::Input;
                let fault = || StoreError::failed(std::io::Error::other("worn out"));
                pair.tell_phone(Input::PasskeysFound(Err(fault())));
                pair.tell_phone(Input::Saved(Err(StoreError::Full)));
                pair.tell_phone(Input::UseCounted(Err(fault())));
            }
            Mishap::Unasked(side) => {
                let mut tunnel = self.tunnel.borrow_mut();
                tunnel.meddled = true;
                let earlier = pick(rng, 1 + tunnel.sent.len() as u64);
                let message = match tunnel.sent.get(earlier) {
                    Some((_, earlier)) => earlier.clone(),
                    None => vec![0; pick(rng, 100)],
                };
                drop(tunnel);
                match side {
                    Side::Client => pair.tell_client(client::Input::Message(message)),
                    Side::Phone => pair.tell_phone(authenticator::Input::Message(message)),
                }
            }
        }
        self.happened.push(mishap);
    }

    fn has(&self, mishap: Mishap) -> bool {
        self.happened.contains(&mishap)
    }

    /// What holds after every step.
    fn check(&mut self) {
        for (side, (stage, deadline)) in SIDES.into_iter().zip(&mut self.stages) {
            let (now_at, now_until) = match side {
                Side::Client => (self.pair.client.stage(), self.pair.client.deadline()),
                Side::Phone => (self.pair.phone.stage(), self.pair.phone.deadline()),
            };
            assert!(rank(now_at) >= rank(*stage), "{side}: back from {stage} to {now_at}");
            let over = now_until.is_some_and(|until| until < self.pair.now());
            assert!(!over, "{side}: {now_at} goes on after its deadline");
            let restarts =
                [Stage::Listening, Stage::Answering, Stage::Ready, Stage::AwaitingResponse];
            if now_at == *stage && !restarts.contains(stage) && deadline.is_some() {
                assert_eq!(now_until, *deadline, "{side}: the deadline of {stage} moved");
            }
            (*stage, *deadline) = (now_at, now_until);
        }
        if let Some(printed) = &self.printed {
            let Pair { client, phone, .. } = &self.pair;
            let text = format!("{client:?}\n{phone:?}\n{:?}\n", self.pair);
            printed.borrow_mut().insert(text);
        }
    }

    /// A side that waits without a deadline waits for its caller, which cancels now.
    fn give_up(&mut self) {
        for side in SIDES {
            if self.pair.result(side).is_none() {
                let stage = self.pair.stage(side);
                assert_eq!((side, stage), (Side::Client, Stage::ShowingQr), "nothing is due");
                self.befall(Mishap::Cancel(side));
                self.check();
            }
        }
    }

    fn finish(self, seed: u64) -> Trial {
        let ledger = self.ledger.borrow();
        let results = SIDES.map(|side| ledger.results[&side].clone());
        for side in SIDES {
            match &ledger.results[&side] {
                Ok(()) => self.check_success(side),
                Err(error) => self.check_blame(side, error),
            }
        }
        let unfit =
            self.pair.transcript().iter().filter(|line| line.contains("input refused:")).count();
        assert!(unfit == 0 || self.has(Mishap::StoreFails), "the world fed what does not belong");
        if self.plan.is_calm {
            assert!(results[0].is_ok(), "nothing went wrong: {:?}", results[0]);
        }
        let (transcript, answered) = (self.pair.transcript().to_vec(), ledger.answers.len());
        if let Some(printed) = &self.printed {
            let secrets = self.secrets(seed, &ledger);
            let outcome = format!("{results:?}\n{:?}\n{}", ledger.answers, transcript.join("\n"));
            for text in printed.borrow().iter().chain([&outcome]) {
                assert_eq!(secrets.find_in(text), None, "printed in {text}");
            }
        }
        Trial { transcript, results, answered }
    }

    fn check_success(&self, side: Side) {
        let ledger = self.ledger.borrow();
        match side {
            Side::Client => assert_eq!(
                ledger.answers.len(),
                self.plan.setup.requests.len(),
                "the client was not answered everything"
            ),
            // At least one request got as far as an approval or a refusal.
            Side::Phone => {
                let other = |request: &CtapRequest| !matches!(request, CtapRequest::GetInfo);
                assert!(ledger.asked.iter().any(other), "the phone was asked nothing");
                assert!(!ledger.verdicts.is_empty(), "the phone answered nothing");
            }
        }
    }

    /// Only who did something is said to have done it, and at a stage where it
    /// can have been done; and there is something for a person to do.
    fn check_blame(&self, side: Side, error: &Error) {
        let Error { stage, kind, .. } = error;
        let stages: &[Stage] = match side {
            Side::Client => &[
                Stage::ShowingQr,
                Stage::Connecting,
                Stage::Handshaking,
                Stage::AwaitingPostHandshake,
                Stage::Ready,
                Stage::AwaitingResponse,
            ],
            Side::Phone => &[
                Stage::Registering,
                Stage::Advertising,
                Stage::Handshaking,
                Stage::Listening,
                Stage::Answering,
            ],
        };
        assert!(stages.contains(stage), "{side}: {error}");
        let other = side.other();
        let lost = self.has(Mishap::Cut) || self.has(Mishap::PowerOff(other));
        let over = self.ledger.borrow().results.contains_key(&other) || lost;
        let is_explained = match kind {
            ErrorKind::Cancelled(CancelledBy::Caller) => self.has(Mishap::Cancel(side)),
            ErrorKind::Cancelled(_) => side == Side::Phone && over,
            ErrorKind::Deadline => *stage != Stage::Ready,
            ErrorKind::PeerMisbehaved(misbehaved) => {
                let fits = match misbehaved {
                    PeerMisbehaved::Handshake(_) => *stage == Stage::Handshaking,
                    PeerMisbehaved::TooEarly => {
                        [Stage::Connecting, Stage::Registering].contains(stage)
                    }
                    PeerMisbehaved::Channel(_) => {
                        rank(*stage) >= rank(Stage::AwaitingPostHandshake)
                    }
                    _ => false,
                };
                fits && (self.tunnel.borrow().meddled || self.plan.overtaking)
            }
            ErrorKind::PeerDisconnected => over && *stage != Stage::ShowingQr,
            ErrorKind::EndedOnPhone => over && *stage == Stage::AwaitingResponse,
            ErrorKind::Tunnel(_) => {
                over || self.has(Mishap::DialFails(side)) || self.has(Mishap::SendFails)
            }
            ErrorKind::Bluetooth(_) => self.has(Mishap::RadioFails(side)),
            _ => false,
        };
        assert!(is_explained, "{side}: blamed for nothing: {error}");
        let advice = error.advice();
        assert_eq!(advice == Advice::Nothing, error.is_cancelled(), "{error}");
        let is_fitting = match kind {
            ErrorKind::Bluetooth(_) => advice == Advice::TurnBluetoothOn,
            ErrorKind::Deadline if *stage == Stage::ShowingQr => advice == Advice::ScanANewCode,
            ErrorKind::Deadline if *stage == Stage::Advertising => {
                advice == Advice::BringTheDevicesTogether
            }
            ErrorKind::Deadline if [Stage::AwaitingResponse, Stage::Answering].contains(stage) => {
                advice == Advice::AnswerOnThePhone
            }
            ErrorKind::PeerMisbehaved(PeerMisbehaved::Handshake(_)) => {
                advice == Advice::ScanANewCode
            }
            ErrorKind::PeerDisconnected => advice == Advice::TryAgain && error.can_retry(),
            ErrorKind::EndedOnPhone => advice == Advice::ContinueOnThePhone && error.can_retry(),
            _ => ![Advice::ReportTheProgram, Advice::TellTheSite].contains(&advice),
        };
        assert!(is_fitting, "{side}: {error}: {advice}");
    }

    /// The secrets of this ceremony, made again from its seed.
    fn secrets(&self, seed: u64, ledger: &Ledger) -> Secrets {
        let tunnel = self.tunnel.borrow();
        let reply = tunnel.sent.iter().find(|(from, _)| *from == Side::Phone);
        let mut secrets = Secrets::default();
        let reply = reply.map(|(_, reply)| reply.as_slice());
        secrets.pair(seed, ledger.advert.as_deref(), reply);
        secrets.qr_code(&self.qr_text);
        secrets.bytes("the PRF input", &plan::prf_input(seed));
        for passkey in self.plan.setup.passkeys.iter().chain(&self.pair.passkeys) {
            secrets.bytes("a passkey's key", &*passkey.key.software().unwrap().expose());
            if let Some(secret) = &passkey.prf_secret {
                secrets.bytes("a passkey's PRF secret", secret.expose());
            }
        }
        for answer in &ledger.answers {
            secrets.answer(answer);
        }
        secrets
    }
}

/// Stages between which one side may go to and fro have one rank.
pub(crate) fn rank(stage: Stage) -> usize {
    let ranked = match stage {
        Stage::AwaitingResponse => Stage::Ready,
        Stage::Answering => Stage::Listening,
        other => other,
    };
    Stage::ALL.iter().position(|stage| *stage == ranked).unwrap()
}

fn dialled(pair: &Pair) -> fido_hybrid_proto::transport::TunnelRequest {
    use fido_hybrid_proto::transport::{TunnelDomain, TunnelUrl};
    let code: QrCode = pair.client.qr_text().unwrap().expose().parse().unwrap();
    TunnelUrl::new_tunnel(TunnelDomain::GOOGLE, key_schedule::tunnel_id(&code.secret)).into()
}

fn watch(
    ledger: Rc<RefCell<Ledger>>,
    printed: Option<Rc<RefCell<BTreeSet<String>>>>,
) -> fido_hybrid_sim::Observer {
    Box::new(move |seen| {
        if let Some(printed) = &printed {
            printed.borrow_mut().insert(format!("{seen:?}"));
        }
        ledger.borrow_mut().see(seen);
    })
}

/// A tunnel that does to some messages what a hostile service could.
fn meddle(
    tunnel: Rc<RefCell<Tunnel>>,
    mut rng: SeededRng,
    per_thousand: u64,
) -> fido_hybrid_sim::Tamper {
    Box::new(move |from, message| {
        let mut tunnel = tunnel.borrow_mut();
        tunnel.sent.push((from, message.clone()));
        let late = tunnel.held.take_if(|(side, _)| *side == from).map(|(_, message)| message);
        let mut delivered = if rng.below(1000) < per_thousand {
            tunnel.meddled = true;
            meddled(&mut tunnel, &mut rng, from, message)
        } else {
            vec![message]
        };
        delivered.extend(late);
        delivered
    })
}

fn meddled(tunnel: &mut Tunnel, rng: &mut SeededRng, from: Side, message: Vec<u8>) -> Vec<Vec<u8>> {
    let length = message.len() as u64;
    let mut changed = message.clone();
    match pick(rng, 8) {
        0 => return Vec::new(),
        1 => return vec![message.clone(), message],
        2 => {
            tunnel.held = Some((from, message));
            return Vec::new();
        }
        3 => changed.truncate(pick(rng, length)),
        4 => changed.extend((0..=pick(rng, 20)).map(|byte| byte as u8)),
        5 => {
            let earlier = pick(rng, tunnel.sent.len() as u64);
            changed.clone_from(&tunnel.sent[earlier].1);
        }
        6 => changed = vec![0; pick(rng, 4)],
        _ => {}
    }
    if changed == message || chance(rng, 10) {
        let at = pick(rng, length);
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 1 << rng.below(8);
        }
    }
    vec![changed]
}
