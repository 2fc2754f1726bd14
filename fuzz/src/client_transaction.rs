//! A client's transaction, driven by a script: its phone is honest
//! unless a step says otherwise.

use std::sync::LazyLock;
use std::time::Duration;

use fido_hybrid::bluetooth::{AdvertReport, SERVICE_UUID};
use fido_hybrid::cbor::encode;
use fido_hybrid::client::{
    ClientConfig, ClientDeadlines, ClientUpdate, ContactSecrets, Input, Linking,
    MAX_REQUEST_LENGTH, Output, PhoneRequest, QrSecrets, Transaction,
};
use fido_hybrid::crypto::{SecretKey, sha256};
use fido_hybrid::ctap::{
    Algorithm, AttestedCredential, AuthenticatorData, CoseKey, CredentialDescriptor, CredentialId,
    CredentialParameters, CtapRequest, CtapResponse, FORMAT_NONE, Flags, GetAssertionRequest,
    GetAssertionResponse, GetInfoResponse, MakeCredentialRequest, MakeCredentialResponse, RawCbor,
    RawResponse, RelyingParty, Status, User, UserHandle,
};
use fido_hybrid::error::{ApiMisuse, Stage};
use fido_hybrid::secret::{LinkSecret, QrSecret, SecretBytes};
use fido_hybrid::transport::{
    AdvertKey, Channel, ClientNonce, ContactHint, ContactId, EID_LENGTH, Eid, Features,
    HANDSHAKE_MESSAGE_LENGTH, HandshakeHash, Link, LinkId, LinkedPhone, MessageType, PostHandshake,
    RequestHint, Responder, Revision, TunnelDomain, UpdateMessage, key_schedule,
};

use super::memory;
use super::script::Script;
use super::transaction::{adapter_state, assert_hides, bluetooth_error, key, tunnel_error};

mod vocabulary;

pub use vocabulary::{answer, introduction, request, setting, step};

const RP_ID: &str = "example.com";

/// What a transaction and its phone hold without any input, in bytes: two
/// handshakes, getInfo, a request.
const BASE: usize = 64 << 10;

/// What one byte of input may become: a list's element takes twenty times the
/// room that it had on the wire, and a request is kept as well as sent.
const GROWTH: usize = 64;

/// The keys of both ends.
struct Ends {
    identity: SecretKey,
    client_ephemeral: SecretKey,
    phone_identity: SecretKey,
    phone_ephemeral: SecretKey,
    passkey: SecretKey,
    qr_secret: QrSecret,
    link_secret: LinkSecret,
}

static ENDS: LazyLock<Ends> = LazyLock::new(|| {
    let qr_secret = *sha256(&[b"QR secret"]).first_chunk().unwrap();
    Ends {
        identity: key("client's identity"),
        client_ephemeral: key("client's ephemeral"),
        phone_identity: key("phone's identity"),
        phone_ephemeral: key("phone's ephemeral"),
        passkey: key("passkey"),
        qr_secret: QrSecret::new(qr_secret),
        link_secret: LinkSecret::new(sha256(&[b"link secret"])),
    }
});

const NONCE: ClientNonce = ClientNonce([5; 16]);

/// A client's transaction: whatever the world does, it follows its law, keeps
/// its deadlines, says nothing before the handshake and nothing after its end,
/// and believes only an answer to what it asked.
pub fn client_transaction(input: &[u8]) {
    LazyLock::force(&ENDS);
    memory::within(BASE + GROWTH * input.len(), || World::run(Script::new(input)));
}

struct World {
    client: Transaction,
    now: Duration,
    is_linked: bool,
    keeps_links: bool,
    phone: Phone,
    asked: Option<CtapRequest>,
    /// A getInfo, which the client answers itself.
    is_answered_at_once: bool,
    /// The message on its way in is of the phone and of the handshake's keys.
    is_sealed: bool,
    /// The message on its way in has a link that verifies.
    has_link: bool,
    /// What is on its way in comes after the stage's deadline.
    is_late: bool,
    log: Log,
}

/// The phone's end.
#[derive(Default)]
struct Phone {
    eid: Option<Eid>,
    /// The client's handshake message.
    hello: Option<Vec<u8>>,
    channel: Option<Channel>,
    hash: Option<HandshakeHash>,
    /// Whether the two ends may have come apart: forged bytes were accepted.
    is_lost: bool,
}

/// What came out.
#[derive(Default)]
struct Log {
    dials: usize,
    stopped_scanning: usize,
    closed_tunnel: usize,
    requests: usize,
    shutdowns: usize,
    responses: usize,
    has_finished: bool,
    is_tunnel_open: bool,
    is_tunnel_lost: bool,
    is_closed: bool,
}

impl World {
    fn run(mut script: Script<'_>) {
        let settings = script.byte();
        let mut world = Self::start(settings);
        // The first outputs wait: nothing is taken before them.
        assert_eq!(
            world.client.handle(world.now, Input::TimePassed),
            Err(ApiMisuse::OutputsPending)
        );
        let stage = world.client.stage();
        world.drain(stage);
        while let Some(step) = script.next_step() {
            world.step(step % step::COUNT, &mut script);
        }
        world.feed(Input::Cancel);
        world.end();
    }

    fn start(settings: u8) -> Self {
        let is_linked = settings & setting::LINKED != 0;
        let keeps_links = !is_linked && settings & setting::LINKING != 0;
        let now = Duration::from_secs(1);
        let client = if is_linked {
            let keys = ContactSecrets { nonce: NONCE, ephemeral: ENDS.client_ephemeral.clone() };
            let hint = ContactHint::GetAssertion;
            Transaction::linked(
                hint,
                ClientDeadlines::default(),
                &LinkedPhone { link: link(), domain: TunnelDomain::GOOGLE },
                keys,
                now,
            )
        } else {
            let mut config = ClientConfig::new(RequestHint::GetAssertion);
            if keeps_links {
                config.linking = Linking::Offered;
            }
            if settings & setting::OFFERING_ENDS != 0 {
                config.deadlines.showing_qr = Some(Duration::from_secs(60));
            }
            let keys = QrSecrets {
                identity: ENDS.identity.clone(),
                secret: ENDS.qr_secret.clone(),
                ephemeral: ENDS.client_ephemeral.clone(),
            };
            Transaction::qr(config, keys, now, 1_700_000_000)
        };
        Self {
            client,
            now,
            is_linked,
            keeps_links,
            phone: Phone::default(),
            asked: None,
            is_answered_at_once: false,
            is_sealed: false,
            has_link: false,
            is_late: false,
            log: Log::default(),
        }
    }

    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        match step {
            step::FOREIGN_ADVERT => {
                self.feed(Input::Advert(AdvertReport::new(SERVICE_UUID, script.bytes().to_vec())))
            }
            step::ADVERT => {
                let advert = self.advert(script);
                self.feed(Input::Advert(AdvertReport::new(SERVICE_UUID, advert)));
            }
            step::TUNNEL_OPENED => {
                let connect_signal = script.byte() & 1 != 0;
                self.feed(Input::TunnelOpened { connect_signal });
            }
            step::TUNNEL_FAILED => self.feed(Input::TunnelFailed(tunnel_error(script))),
            step::TUNNEL_CLOSED => self.feed(Input::TunnelClosed),
            step::BLUETOOTH_FAILED => self.feed(Input::BluetoothFailed(bluetooth_error(script))),
            step::ADAPTER => {
                let is_due = self.client.deadline().is_some_and(|deadline| deadline <= self.now);
                let before = self.client.stage();
                self.feed(Input::Adapter(adapter_state(script)));
                assert!(is_due || self.client.stage() == before, "it waits for the radio");
            }
            step::RAW_MESSAGE => {
                let message = script.bytes().to_vec();
                let before = self.client.stage();
                self.feed(Input::Message(message));
                let is_connect_signal = before == Stage::ShowingQr
                    || before == Stage::Handshaking && self.client.stage() == before;
                self.phone.is_lost |= !is_connect_signal;
            }
            step::REPLY => self.reply(|_| {}),
            step::CHANGED_REPLY => {
                let (at, mask) = (usize::from(script.byte()), script.byte());
                self.reply(|reply| {
                    let at = at % reply.len();
                    reply[at] ^= mask;
                });
            }
            step::SEALED => self.say(None, script.bytes()),
            step::INTRODUCTION => self.introduce(script.byte()),
            step::TYPED => {
                let kind = script.byte();
                self.say(Some(kind), script.bytes());
            }
            step::LINK => {
                let map = self.linking_map(script.byte());
                self.say(Some(2), UpdateMessage { linking: map }.to_bytes().expose());
                self.has_link = false;
            }
            step::ANSWER => {
                let bits = script.byte();
                if let Some(asked) = &self.asked {
                    let answer = respond(asked, bits);
                    self.say(Some(1), answer.to_bytes().expose());
                }
            }
            step::TIME_PASSED => {
                self.now += Duration::from_secs(u64::from(script.u16()));
                self.feed(Input::TimePassed);
            }
            step::WAIT => self.now += Duration::from_secs(u64::from(script.u16())),
            step::DEADLINE => {
                if let Some(deadline) = self.client.deadline() {
                    self.now = self.now.max(deadline);
                    self.feed(Input::TimePassed);
                    assert_eq!(self.client.stage(), Stage::Closed);
                }
            }
            step::REQUEST => {
                let request = make_request(script.byte());
                let timeout = match script.byte() {
                    u8::MAX => None,
                    seconds => Some(Duration::from_secs(u64::from(seconds))),
                };
                self.ask(request, timeout);
            }
            step::RAW_REQUEST => {
                if let Ok(request) = CtapRequest::parse(script.bytes()) {
                    self.ask(request, None);
                }
            }
            step::FINISH => self.feed(Input::Finish),
            step::CANCEL => self.feed(Input::Cancel),
            step::TIME_BACKWARDS => {
                let (stage, deadline) = (self.client.stage(), self.client.deadline());
                let refused = self.client.handle(Duration::ZERO, Input::Cancel);
                assert_eq!(refused, Err(ApiMisuse::TimeWentBackwards));
                assert_eq!((self.client.stage(), self.client.deadline()), (stage, deadline));
            }
            _ => unreachable!(),
        }
    }

    fn advert(&mut self, script: &mut Script<'_>) -> Vec<u8> {
        let key = if self.is_linked {
            key_schedule::eid_key_linked(&ENDS.link_secret, &NONCE)
        } else {
            key_schedule::eid_key(&ENDS.qr_secret)
        };
        let mut eid = [7; EID_LENGTH];
        eid[0] = 0;
        eid[11..].copy_from_slice(&script.array::<5>());
        let eid = Eid::parse_linked(&eid).unwrap();
        let mut advert = AdvertKey::new(&key).seal(&eid).to_vec();
        advert.extend_from_slice(script.bytes());
        // The first one that counts is the one that the client goes by.
        if self.phone.eid.is_none() && (self.is_linked || eid.domain().is_some()) {
            self.phone.eid = Some(eid);
        }
        advert
    }

    fn reply(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        let (Some(eid), Some(hello)) = (&self.phone.eid, &self.phone.hello) else { return };
        let ephemeral = ENDS.phone_ephemeral.clone();
        let responder = if self.is_linked {
            let psk = key_schedule::psk_linked(&ENDS.link_secret, eid);
            Responder::linked(ENDS.phone_identity.clone(), &psk, ephemeral)
        } else {
            let psk = key_schedule::psk(&ENDS.qr_secret, eid);
            Responder::qr(*ENDS.identity.public_key(), &psk, ephemeral)
        };
        let (established, reply) = responder.respond(hello).unwrap();
        let mut message = reply.to_vec();
        change(&mut message);
        let is_changed = message != reply;
        if self.client.stage() == Stage::Handshaking {
            self.phone.is_lost |= is_changed;
            self.phone.hash = Some(established.hash);
            self.phone.channel = Some(Channel::new(established));
        }
        self.feed(Input::Message(message));
        if is_changed && !cfg!(fuzzing) {
            assert_ne!(
                self.client.stage(),
                Stage::AwaitingPostHandshake,
                "a reply that was tampered with"
            );
        }
    }

    fn introduce(&mut self, bits: u8) {
        let mut info = GetInfoResponse::new(vec!["FIDO_2_0".into()], Default::default());
        info.extensions = vec!["prf".into()];
        let mut message = PostHandshake::ctap(encode(&info));
        if bits & introduction::DIGITAL_CREDENTIALS != 0 {
            message.features = Features { ctap: true, digital_credentials: true };
        }
        if bits & introduction::LINK != 0 {
            message.linking = self.linking_map(0);
        }
        let mut message = encode(&message);
        if bits & introduction::REVISION_ZERO != 0 {
            let zeros = 510 - message.len() % 510;
            message.resize(message.len() + zeros, 0);
            message.extend_from_slice(&(zeros as u16).to_le_bytes());
        }
        self.say(None, &message);
        self.has_link = false;
    }

    /// Seals what the phone says, and lets the client have it.
    fn say(&mut self, kind: Option<u8>, payload: &[u8]) {
        let Some(channel) = &mut self.phone.channel else { return };
        let is_introduction = self.client.stage() == Stage::AwaitingPostHandshake;
        let sealed = match kind {
            Some(kind) if channel.revision() == Revision::One => {
                channel.seal_untyped(&[&[kind], payload].concat())
            }
            _ => channel.seal_untyped(payload),
        };
        if is_introduction
            && kind.is_none()
            && let Ok(introduction) = PostHandshake::parse(payload)
        {
            channel.set_revision(introduction.revision);
        }
        self.is_sealed = true;
        self.feed(Input::Message(sealed.unwrap()));
        self.is_sealed = false;
    }

    fn linking_map(&mut self, mask: u8) -> Option<SecretBytes> {
        let hash = self.phone.hash?;
        let client = ENDS.identity.public_key();
        let map = link().sign(&ENDS.phone_identity, client, &hash).unwrap();
        let mut map = map.into_exposed();
        *map.last_mut().unwrap() ^= mask;
        self.has_link = mask == 0;
        Some(map.into())
    }

    fn ask(&mut self, request: CtapRequest, timeout: Option<Duration>) {
        let Ok(asked) = PhoneRequest::try_from(request.clone()) else {
            let is_command =
                !matches!(request, CtapRequest::Selection | CtapRequest::GetNextAssertion);
            assert!(!is_command || request.to_bytes().len() > MAX_REQUEST_LENGTH);
            return;
        };
        if self.client.stage() == Stage::Ready {
            self.is_answered_at_once = request == CtapRequest::GetInfo;
            self.asked = Some(request);
        }
        self.feed(Input::Request { request: asked, timeout });
        self.is_answered_at_once = false;
    }

    /// Whether the stage takes the input, as the documentation says.
    fn expected(&self, input: &Input) -> Result<(), ApiMisuse> {
        let stage = self.client.stage();
        let is_offering = stage == Stage::ShowingQr && !self.is_linked;
        let fits = match input {
            Input::Message(_) | Input::TunnelClosed | Input::TunnelFailed(_) => !is_offering,
            // A linked phone's tunnel may open before its advert is received, once.
            Input::TunnelOpened { .. } => match stage {
                Stage::ShowingQr => self.is_linked && !self.log.is_tunnel_open,
                _ => matches!(stage, Stage::Connecting | Stage::Closed),
            },
            Input::NewCode { .. } => is_offering,
            Input::Request { .. } | Input::Finish if stage == Stage::Closed => {
                return Err(ApiMisuse::Closed);
            }
            Input::Request { .. } | Input::Finish => stage == Stage::Ready,
            Input::Advert(_)
            | Input::Adapter(_)
            | Input::BluetoothFailed(_)
            | Input::Cancel
            | Input::TimePassed => true,
        };
        if fits { Ok(()) } else { Err(ApiMisuse::WrongStage) }
    }

    fn feed(&mut self, input: Input) {
        let (stage, deadline) = (self.client.stage(), self.client.deadline());
        let expected = self.expected(&input);
        let is_calling = self.is_linked && stage == Stage::ShowingQr;
        let opens_tunnel = matches!(input, Input::TunnelOpened { .. });
        let ends_tunnel = matches!(input, Input::TunnelClosed | Input::TunnelFailed(_));
        let finishes = matches!(input, Input::Finish);
        let is_dead_link =
            matches!(input, Input::TunnelFailed(fido_hybrid::error::TunnelError::Status(410)));
        let is_cancelled = matches!(input, Input::Cancel);
        self.is_late = deadline.is_some_and(|deadline| deadline <= self.now);
        let result = self.client.handle(self.now, input);
        assert_eq!(result, expected);
        if result.is_err() {
            assert_eq!((self.client.stage(), self.client.deadline()), (stage, deadline));
            assert!(self.client.poll_output().is_none());
            return;
        }
        self.log.is_tunnel_open |= opens_tunnel;
        self.log.has_finished |= finishes && stage == Stage::Ready;
        self.log.is_tunnel_lost |= ends_tunnel && stage != Stage::Closed;
        let forgets = self.drain(stage);
        assert_eq!(forgets, is_calling && is_dead_link);
        if self.client.stage() == stage {
            assert_eq!(self.client.deadline(), deadline, "put off");
        }
        if ends_tunnel || is_cancelled {
            assert_eq!(self.client.stage(), Stage::Closed);
        }
        if self.is_late {
            assert_eq!(self.client.stage(), Stage::Closed, "its deadline has passed");
        }
    }

    /// Takes the outputs of a step that began in `before`, and says whether a
    /// link is to be forgotten.
    fn drain(&mut self, before: Stage) -> bool {
        let now = self.client.stage();
        assert!(
            order(before) <= order(now) || (before, now) == (Stage::AwaitingResponse, Stage::Ready),
            "from {before:?} to {now:?}"
        );
        let mut forgets = false;
        while let Some(output) = self.client.poll_output() {
            assert!(!self.log.is_closed, "{output:?} after the end");
            match &output {
                Output::Send(message) => self.sent(before, message),
                other => assert_hides(
                    &format!("{other:?}"),
                    &[ENDS.qr_secret.expose(), ENDS.link_secret.expose()],
                ),
            }
            match output {
                Output::Dial(request) => {
                    self.log.dials += 1;
                    assert_eq!(self.log.dials, 1);
                    assert_eq!(request.url.path().contains("/contact/"), self.is_linked);
                }
                Output::StopScanning => self.log.stopped_scanning += 1,
                Output::CloseTunnel => self.log.closed_tunnel += 1,
                Output::Response(response) => self.answered(before, response),
                Output::Linked(LinkedPhone { link: kept, domain: _ }) => {
                    assert!(self.keeps_links && self.has_link, "a link that no phone signed");
                    assert!(!self.is_late, "a link was taken after the end");
                    assert_eq!(kept, link());
                }
                Output::ForgetLink => forgets = true,
                Output::Update(update) => {
                    assert!(!update.to_string().is_empty());
                    if let ClientUpdate::PhoneReady { .. } = update {
                        assert_eq!((before, now), (Stage::AwaitingPostHandshake, Stage::Ready));
                    }
                }
                Output::Closed(result) => {
                    self.log.is_closed = true;
                    match result {
                        Ok(()) => {
                            assert!(self.log.has_finished || self.log.responses > 0, "all is well");
                        }
                        Err(error) => assert_eq!(error.stage, before),
                    }
                }
                Output::RawResponse(_) => panic!("nothing was asked in raw CTAP"),
                Output::JsonResponse(_) => panic!("nothing was asked in JSON"),
                // Looked at above.
                Output::Send(_) => {}
            }
        }
        assert_eq!(self.log.is_closed, now == Stage::Closed);
        match self.client.deadline() {
            Some(deadline) => assert!(deadline >= self.now, "late before it began"),
            None => assert!(matches!(now, Stage::ShowingQr | Stage::Ready | Stage::Closed)),
        }
        assert_eq!(self.client.qr_text().is_some(), !self.is_linked && now == Stage::ShowingQr);
        if now == Stage::Ready {
            self.asked = None;
        }
        forgets
    }

    fn sent(&mut self, before: Stage, message: &[u8]) {
        let Some(_) = self.phone.hello else {
            assert!(matches!(before, Stage::Connecting | Stage::ShowingQr));
            assert_eq!(self.client.stage(), Stage::Handshaking);
            assert_eq!(message.len(), HANDSHAKE_MESSAGE_LENGTH);
            self.phone.hello = Some(message.to_vec());
            return;
        };
        assert!(matches!(before, Stage::Ready | Stage::AwaitingResponse), "sent in {before:?}");
        let is_request = self.client.stage() == Stage::AwaitingResponse;
        if is_request {
            self.log.requests += 1;
        } else {
            self.log.shutdowns += 1;
            assert_eq!(self.log.shutdowns, 1);
        }
        let Some(channel) = self.phone.channel.as_mut().filter(|_| !self.phone.is_lost) else {
            return;
        };
        assert!(is_request || channel.revision() == Revision::One, "revision 0 has no shutdown");
        let opened = channel.open(message.to_vec()).unwrap();
        if is_request {
            assert_eq!(opened.kind, MessageType::Ctap);
            let asked = self.asked.as_ref().unwrap().to_bytes();
            assert_eq!(opened.payload.expose(), asked);
        } else {
            assert_eq!((opened.kind, opened.payload.len()), (MessageType::Shutdown, 0));
        }
    }

    /// Checks again that an answer is one to what was asked.
    fn answered(&mut self, before: Stage, response: Result<CtapResponse, Status>) {
        let asked = self.asked.take().unwrap();
        if self.is_answered_at_once {
            assert!(matches!(response, Ok(CtapResponse::GetInfo(_))));
            return;
        }
        assert_eq!(before, Stage::AwaitingResponse);
        assert!(!self.is_late, "an answer was taken after its deadline");
        // Without the real cipher anyone can speak for the phone.
        assert!(self.is_sealed || cfg!(fuzzing), "the phone did not send this");
        self.log.responses += 1;
        assert!(self.log.responses <= self.log.requests);
        let (data, rp_id, verify) = match (&asked, &response) {
            (_, Err(status)) => return assert!(!status.is_ok()),
            (CtapRequest::MakeCredential(asked), Ok(CtapResponse::MakeCredential(made))) => {
                let algorithm = made.credential().unwrap().public_key.algorithm();
                assert!(asked.parameters.iter().any(|offer| offer.algorithm == algorithm));
                (&made.auth_data, &asked.rp.id, asked.options.uv)
            }
            (CtapRequest::GetAssertion(asked), Ok(CtapResponse::GetAssertion(signed))) => {
                let is_listed = |used: &CredentialDescriptor| {
                    asked.allow_list.iter().any(|listed| listed.id == used.id)
                };
                match &signed.credential {
                    Some(used) => assert!(asked.allow_list.is_empty() || is_listed(used)),
                    None => assert_eq!(asked.allow_list.len(), 1),
                }
                (&signed.auth_data, &asked.rp_id, asked.options.uv)
            }
            pair => panic!("no answer to what was asked: {pair:?}"),
        };
        assert_eq!(*data.rp_id_hash(), sha256(&[rp_id.as_bytes()]));
        assert!(data.flags().contains(Flags::USER_PRESENT));
        assert!(verify != Some(true) || data.flags().contains(Flags::USER_VERIFIED));
    }

    /// Everything that was going is stopped, once.
    fn end(mut self) {
        let log = &self.log;
        assert!(log.is_closed);
        assert_eq!(log.stopped_scanning, 1);
        let has_tunnel = log.dials == 1 && !log.is_tunnel_lost;
        assert_eq!(log.closed_tunnel, usize::from(has_tunnel));
        self.feed(Input::TunnelClosed);
        self.feed(Input::Finish);
    }
}

fn order(stage: Stage) -> usize {
    Stage::ALL.iter().position(|other| *other == stage).unwrap()
}

fn link() -> Link {
    Link {
        contact_id: ContactId::new(vec![9; 100]).unwrap(),
        link_id: LinkId([8; 8]),
        secret: ENDS.link_secret.clone(),
        identity: *ENDS.phone_identity.public_key(),
        name: "Phone".to_owned(),
    }
}

fn credential_id(byte: u8) -> CredentialId {
    CredentialId::new([byte; 16]).unwrap()
}

fn make_request(bits: u8) -> CtapRequest {
    let verify = (bits & request::VERIFY != 0).then_some(true);
    if bits & request::GET_INFO != 0 {
        CtapRequest::GetInfo
    } else if bits & request::SELECTION != 0 {
        CtapRequest::Selection
    } else if bits & request::SIGN_IN != 0 {
        let mut asked = GetAssertionRequest::new(RP_ID, [1; 32]);
        asked.options.uv = verify;
        if bits & request::LISTED != 0 {
            asked.allow_list = vec![CredentialDescriptor::new(credential_id(1))];
        }
        CtapRequest::GetAssertion(asked)
    } else {
        let mut asked = MakeCredentialRequest::new(
            [1; 32],
            RelyingParty::new(RP_ID, "Example"),
            User::new(UserHandle::new([1]).unwrap(), "ada", "Ada"),
            vec![CredentialParameters::new(Algorithm::ES256)],
        );
        asked.options.uv = verify;
        CtapRequest::MakeCredential(asked)
    }
}

/// What the phone answers, right or wrong.
fn respond(asked: &CtapRequest, bits: u8) -> RawResponse {
    let has = |bit| bits & bit != 0;
    if has(answer::REFUSED) {
        return RawResponse::from_status(Status::OPERATION_DENIED);
    }
    let mut flags = Flags::default();
    if !has(answer::NOT_PRESENT) {
        flags = flags | Flags::USER_PRESENT;
    }
    if !has(answer::NOT_VERIFIED) {
        flags = flags | Flags::USER_VERIFIED;
    }
    let data = |rp_id: &str| {
        let rp_id = if has(answer::OTHER_RP) { "example.net" } else { rp_id };
        AuthenticatorData::new(sha256(&[rp_id.as_bytes()]), flags, 1)
    };
    match asked {
        CtapRequest::MakeCredential(asked) => {
            let mut data = data(&asked.rp.id);
            if !has(answer::OTHER_CREDENTIAL) {
                data = data.with_credential(AttestedCredential {
                    aaguid: Default::default(),
                    id: credential_id(2),
                    public_key: CoseKey::from_es256(ENDS.passkey.public_key()),
                });
            }
            let response = MakeCredentialResponse::new(FORMAT_NONE, data, RawCbor::empty_map());
            CtapResponse::MakeCredential(response).to_raw()
        }
        CtapRequest::GetAssertion(asked) => {
            let id = credential_id(if has(answer::OTHER_CREDENTIAL) { 3 } else { 1 });
            let data = data(&asked.rp_id);
            let signature = vec![0x30; 70].into();
            let descriptor = CredentialDescriptor::new(id);
            let mut response = GetAssertionResponse::new(descriptor, data, signature);
            if !has(answer::NO_USER) {
                response.user = Some(User::from_handle(UserHandle::new([1]).unwrap()));
            }
            CtapResponse::GetAssertion(response).to_raw()
        }
        _ => RawResponse::from_status(Status::INVALID_COMMAND),
    }
}
