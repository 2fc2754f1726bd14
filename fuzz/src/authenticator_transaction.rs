//! An authenticator's transaction, driven by a script: its client, its store
//! and its user are honest unless a step says otherwise.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use fido_hybrid::authenticator::{
    Attestation, AuthenticatorConfig, Backup, Decision, Input, MAX_PROMPTS, Output, Passkey,
    PhoneSecrets, Profile, Prompt, PromptId, Question, Transaction, UserVerification,
};
use fido_hybrid::cbor;
use fido_hybrid::crypto::{AEAD_TAG_LENGTH, SecretKey, sha256};
use fido_hybrid::ctap::{
    Algorithm, AuthenticatorData, Command, CredentialDescriptor, CredentialId,
    CredentialParameters, CtapRequest, CtapResponse, FORMAT_PACKED, Flags, GetAssertionRequest,
    MakeCredentialRequest, RawResponse, RelyingParty, User, UserHandle,
};
use fido_hybrid::error::{ApiMisuse, ErrorKind, PeerMisbehaved, Stage, StoreError, Unsupported};
use fido_hybrid::secret::{AdvertNonce, PrfSecret, QrSecret, SecretBytes, TransactionSeed};
use fido_hybrid::transport::{
    AdvertKey, Channel, DataChannels, Eid, HANDSHAKE_MESSAGE_LENGTH, Initiator, MessageType,
    PostHandshake, QrCode, RequestHint, RoutingId, TunnelDomain, key_schedule, unpadded_length,
};

use super::memory;
use super::script::Script;
use super::transaction::{assert_hides, bluetooth_error, key, tunnel_error};

mod prf;
mod vocabulary;

pub use vocabulary::{decision, found, request, setting, step};

/// The RP ID with which Chromium asks for the user's presence.
const DUMMY: &str = ".dummy";

/// The RP IDs of requests. Browsers never send the last one.
const RP_IDS: [&str; 4] = ["example.com", "example.net", "login.example.com", "Example Com"];

/// The type byte of a CTAP message.
const CTAP: u8 = 1;

/// What a transaction, its client and its store hold without any input, in
/// bytes.
const BASE: usize = 96 << 10;

/// What one byte of input may become: a list's element takes twenty times the
/// room that it had on the wire, and a request is read here too.
const GROWTH: usize = 96;

struct Ends {
    identity: SecretKey,
    client_ephemeral: SecretKey,
    phone_ephemeral: SecretKey,
    qr_secret: QrSecret,
    seed: TransactionSeed,
    store: Vec<Passkey>,
}

static ENDS: LazyLock<Ends> = LazyLock::new(|| {
    let passkey = |byte: u8, rp_id: &str| {
        let user = User::new(UserHandle::new([byte]).unwrap(), "ada", "Ada");
        let id = CredentialId::new([byte; 16]).unwrap();
        Passkey::new(id, rp_id, user, key(&format!("passkey {byte}")))
    };
    let qr_secret = *sha256(&[b"QR secret"]).first_chunk().unwrap();
    Ends {
        identity: key("client's identity"),
        client_ephemeral: key("client's ephemeral"),
        phone_ephemeral: key("phone's ephemeral"),
        qr_secret: QrSecret::new(qr_secret),
        seed: TransactionSeed::new(sha256(&[b"seed"])),
        store: vec![
            passkey(1, RP_IDS[0]).with_prf_secret(PrfSecret::new(sha256(&[b"PRF 1"]))),
            // Of an older program, which had no PRF.
            passkey(2, RP_IDS[0]).with_backup(Backup::BackedUp),
            passkey(3, RP_IDS[1]).with_prf_secret(PrfSecret::new(sha256(&[b"PRF 3"]))),
        ],
    }
});

/// An authenticator's transaction: whatever client, store and user do, nothing
/// is made or signed without the user's consent to just that, for another relying party
/// or in place of an excluded passkey, and every request is answered once.
pub fn authenticator_transaction(input: &[u8]) {
    LazyLock::force(&ENDS);
    memory::within(BASE + GROWTH * input.len(), || {
        let mut script = Script::new(input);
        if let Some(mut world) = World::start(&mut script) {
            while let Some(step) = script.next_step() {
                world.step(step % step::COUNT, &mut script);
            }
            world.end();
        }
    });
}

struct World {
    phone: Transaction,
    now: Duration,
    capability: UserVerification,
    client: Client,
    store: Vec<Passkey>,
    /// What the store was asked last, and has not answered.
    waiting: Option<Waiting>,
    /// What it answered to the request at hand.
    given: Vec<Passkey>,
    prompt: Option<Prompt>,
    prompt_ids: Vec<PromptId>,
    /// The user's yes to the request at hand.
    consent: Option<Consent>,
    /// The user has read that the phone cannot do what is asked for.
    has_read: bool,
    log: Log,
}

#[derive(Clone, Copy, PartialEq)]
enum Waiting {
    Find,
    Save,
    Count,
}

#[derive(Clone)]
struct Consent {
    question: Question,
    account: usize,
    verification: UserVerification,
    /// The passkey that was made.
    made: Option<Passkey>,
    /// The counter that the store gave.
    counter: Option<u32>,
}

/// The client's end.
struct Client {
    code: QrCode,
    eid: Option<Eid>,
    initiator: Option<Initiator>,
    channel: Option<Channel>,
    /// Whether the two ends may have come apart: forged bytes were accepted.
    is_lost: bool,
    /// Messages that came after the handshake.
    received: usize,
    /// The request that has no answer yet, if it can be read.
    asked: Option<Option<CtapRequest>>,
}

/// What came out.
#[derive(Default)]
struct Log {
    adverts: usize,
    stopped: usize,
    is_advert_lost: bool,
    closed_tunnel: usize,
    is_tunnel_lost: bool,
    is_closed: bool,
    signatures: usize,
    consents: usize,
}

impl World {
    fn start(script: &mut Script<'_>) -> Option<Self> {
        let (settings, known_domains) = (script.byte(), script.byte());
        let has = |bit| settings & bit != 0;
        let domain = if has(setting::APPLE) { TunnelDomain::APPLE } else { TunnelDomain::GOOGLE };
        let mut config = AuthenticatorConfig::new(domain);
        let mut profile = Profile::default();
        if has(setting::PRESENCE_ONLY) {
            profile.capability = UserVerification::Present;
        }
        if has(setting::BACKED_UP) {
            profile.backup = Backup::BackedUp;
        }
        if has(setting::PACKED) {
            profile.attestation = Attestation::Packed;
        }
        let capability = profile.capability;
        config.profile = profile;
        let is_other_code = has(setting::OTHER_CODE);
        let code = if is_other_code {
            str::from_utf8(script.bytes()).ok()?.parse().ok()?
        } else {
            let (public_key, secret) = (*ENDS.identity.public_key(), ENDS.qr_secret.clone());
            let mut code = QrCode::new(public_key, secret, 0, RequestHint::GetAssertion);
            code.known_domains = u64::from(known_domains);
            if has(setting::NO_TUNNEL) {
                code.channels = DataChannels::Bluetooth;
            }
            code
        };
        let keys = PhoneSecrets {
            nonce: AdvertNonce::new([7; 10]),
            ephemeral: ENDS.phone_ephemeral.clone(),
            seed: ENDS.seed.clone(),
        };
        let now = Duration::from_secs(1);
        let mut phone = match Transaction::qr(config, &code, keys, now) {
            Ok(phone) => phone,
            Err(error) => {
                assert_eq!(error.stage, Stage::Preparing);
                match error.kind {
                    ErrorKind::Unsupported(Unsupported::TunnelDomain) => {
                        assert!(!code.knows(domain))
                    }
                    ErrorKind::Unsupported(Unsupported::DataChannel) => {
                        assert!(!code.channels.has_web_socket());
                    }
                    kind => panic!("{kind:?}"),
                }
                return None;
            }
        };
        assert!(code.knows(domain) && code.channels.has_web_socket());
        assert_eq!(phone.handle(now, Input::Cancel), Err(ApiMisuse::OutputsPending));
        let mut world = Self {
            phone,
            now,
            capability,
            client: Client {
                code,
                eid: None,
                initiator: None,
                channel: None,
                is_lost: is_other_code,
                received: 0,
                asked: None,
            },
            store: ENDS.store.clone(),
            waiting: None,
            given: Vec::new(),
            prompt: None,
            prompt_ids: Vec::new(),
            consent: None,
            has_read: false,
            log: Log::default(),
        };
        world.drain(Stage::Registering);
        Some(world)
    }

    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        match step {
            step::TUNNEL_OPENED => {
                let routing_id = (script.byte() & 1 != 0).then_some(RoutingId([1, 2, 3]));
                self.feed(Input::TunnelOpened { routing_id });
            }
            step::TUNNEL_FAILED => self.feed(Input::TunnelFailed(tunnel_error(script))),
            step::SEND_FAILED => self.feed(Input::SendFailed(tunnel_error(script))),
            step::TUNNEL_CLOSED => self.feed(Input::TunnelClosed),
            step::ADVERTISING_FAILED => {
                self.feed(Input::AdvertisingFailed(bluetooth_error(script)));
            }
            step::RAW_MESSAGE => {
                self.client.is_lost = true;
                self.feed(Input::Message(script.bytes().to_vec()));
            }
            step::HELLO => self.greet(|_| {}),
            step::CHANGED_HELLO => {
                let (at, mask) = (usize::from(script.byte()), script.byte());
                self.greet(|hello| {
                    let at = at % hello.len();
                    hello[at] ^= mask;
                });
            }
            step::TYPED => {
                let kind = script.byte();
                self.say(kind, script.bytes());
            }
            step::REGISTER => {
                let request = self.registration(script);
                self.say(1, &CtapRequest::MakeCredential(request).to_bytes());
            }
            step::SIGN_IN => {
                let request = self.sign_in(script);
                self.say(1, &CtapRequest::GetAssertion(request).to_bytes());
            }
            step::DECIDE => self.decide(script),
            step::FOUND => {
                let found = self.find(script.byte());
                self.feed(Input::PasskeysFound(found));
            }
            step::SAVED => {
                let result = store_result(script.byte(), ());
                self.feed(Input::Saved(result));
            }
            step::COUNTED => {
                let (result, counter) = (script.byte(), u32::from(script.byte()));
                self.feed(Input::UseCounted(store_result(result, counter)));
            }
            step::TIME_PASSED => {
                self.now += Duration::from_secs(u64::from(script.u16()));
                self.feed(Input::TimePassed);
            }
            step::WAIT => self.now += Duration::from_secs(u64::from(script.u16())),
            step::DEADLINE => {
                if let Some(deadline) = self.phone.deadline() {
                    self.now = self.now.max(deadline);
                    self.feed(Input::TimePassed);
                    assert_eq!(self.phone.stage(), Stage::Closed);
                }
            }
            step::CANCEL => self.feed(Input::Cancel),
            step::TIME_BACKWARDS => {
                let before = (self.phone.stage(), self.phone.deadline());
                let refused = self.phone.handle(Duration::ZERO, Input::Cancel);
                assert_eq!(refused, Err(ApiMisuse::TimeWentBackwards));
                assert_eq!((self.phone.stage(), self.phone.deadline()), before);
            }
            _ => unreachable!(),
        }
    }

    fn greet(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        let Some(eid) = &self.client.eid else { return };
        let psk = key_schedule::psk(&self.client.code.secret, eid);
        let ephemeral = ENDS.client_ephemeral.clone();
        let (initiator, hello) = Initiator::qr(ENDS.identity.clone(), &psk, ephemeral).unwrap();
        let mut message = hello.to_vec();
        change(&mut message);
        let is_changed = message != hello;
        let is_first = self.phone.stage() == Stage::Advertising;
        if is_first {
            self.client.is_lost |= is_changed;
            self.client.initiator = Some(initiator);
        } else {
            self.client.is_lost = true;
        }
        self.feed(Input::Message(message));
        if is_first && is_changed && !cfg!(fuzzing) {
            assert_eq!(self.phone.stage(), Stage::Closed, "a message that was tampered with");
        }
    }

    /// Seals what the client says, and lets the phone have it.
    fn say(&mut self, kind: u8, payload: &[u8]) {
        let Some(channel) = &mut self.client.channel else { return };
        let sealed = channel.seal_untyped(&[&[kind], payload].concat()).unwrap();
        if kind == 1 && self.phone.stage() == Stage::Listening {
            self.client.asked = Some(CtapRequest::parse(payload).ok());
            self.consent = None;
            self.has_read = false;
            self.given.clear();
        }
        self.feed(Input::Message(sealed));
    }

    fn listed(&self, mask: u8, bits: u8) -> Vec<CredentialDescriptor> {
        let listed = self.store.iter().take(8).enumerate();
        let listed = listed.filter(|(nth, _)| mask >> nth & 1 != 0);
        let describe = |passkey: &Passkey| {
            let mut descriptor = CredentialDescriptor::new(passkey.id.clone());
            if bits & request::OTHER_KIND != 0 {
                descriptor.kind = "other".to_owned();
            }
            descriptor
        };
        listed.map(|(_, passkey)| describe(passkey)).collect()
    }

    fn registration(&self, script: &mut Script<'_>) -> MakeCredentialRequest {
        let [rp, user, bits, excluded] = script.array();
        let has = |bit| bits & bit != 0;
        let algorithm =
            if has(request::NO_ALGORITHM) { Algorithm::RS256 } else { Algorithm::ES256 };
        let mut request = MakeCredentialRequest::new(
            [rp; 32],
            RelyingParty::new(RP_IDS[usize::from(rp) % RP_IDS.len()], "Example"),
            User::new(UserHandle::new([user]).unwrap(), "ada", "Ada"),
            vec![CredentialParameters::new(algorithm)],
        );
        request.options.uv = has(request::VERIFY).then_some(true);
        request.options.up = has(request::SILENT).then_some(false);
        request.exclude_list = self.listed(excluded, bits);
        if has(request::PACKED) {
            request.attestation_formats = vec![FORMAT_PACKED.to_owned()];
        }
        request.extensions.prf = prf::registration(bits);
        request
    }

    fn sign_in(&self, script: &mut Script<'_>) -> GetAssertionRequest {
        let [rp, bits, allowed] = script.array();
        let rp_id = RP_IDS[usize::from(rp) % RP_IDS.len()];
        let mut request = GetAssertionRequest::new(rp_id, [bits; 32]);
        request.options.uv = (bits & request::VERIFY != 0).then_some(true);
        request.options.up = (bits & request::SILENT != 0).then_some(false);
        request.allow_list = self.listed(allowed, bits);
        let own = request.allow_list.last().map(|descriptor| &descriptor.id);
        request.extensions.prf = prf::sign_in(bits, own);
        request
    }

    fn decide(&mut self, script: &mut Script<'_>) {
        let [nth, kind, account] = script.array();
        let Some(prompt) = self.prompt_ids.iter().rev().nth(usize::from(nth)).copied() else {
            return;
        };
        let account = usize::from(account);
        let approved = |verification| Decision::Approved { verification, account };
        let decision = match kind % 5 {
            decision::VERIFIED => approved(UserVerification::Verified),
            decision::PRESENT => approved(UserVerification::Present),
            decision::DECLINED => Decision::Declined,
            decision::TIMED_OUT => Decision::TimedOut,
            decision::NO_UI => Decision::NoUi,
            _ => unreachable!(),
        };
        self.feed(Input::Decided { prompt, decision });
    }

    fn find(&mut self, kind: u8) -> Result<Vec<Passkey>, StoreError> {
        let rp_id = match &self.client.asked {
            Some(Some(CtapRequest::MakeCredential(request))) => request.rp.id.as_str(),
            Some(Some(CtapRequest::GetAssertion(request))) => request.rp_id.as_str(),
            _ => RP_IDS[0],
        };
        let mut found = match kind % 5 {
            found::FULL => return Err(StoreError::Full),
            found::FAILED => return Err(StoreError::Failed(Arc::new(std::fmt::Error))),
            found::NOTHING => Vec::new(),
            found::RIGHT | found::EVERYTHING => self.store.clone(),
            _ => unreachable!(),
        };
        if kind % 5 == found::RIGHT {
            found.retain(|passkey| passkey.rp_id == rp_id);
        }
        Ok(found)
    }

    /// Whether the phone takes the input, as the documentation says.
    fn expected(&self, input: &Input) -> Result<(), ApiMisuse> {
        let stage = self.phone.stage();
        let fits = match input {
            _ if stage == Stage::Closed => true,
            Input::TunnelOpened { .. } => stage == Stage::Registering,
            Input::PasskeysFound(_) => self.waiting == Some(Waiting::Find),
            Input::Saved(_) => self.waiting == Some(Waiting::Save),
            Input::UseCounted(_) => self.waiting == Some(Waiting::Count),
            Input::Decided { prompt: id, decision } => match &self.prompt {
                Some(prompt) if prompt.id != *id => return Err(ApiMisuse::WrongPrompt),
                Some(prompt) => match decision {
                    Decision::Approved { account, .. }
                        if *account >= prompt.accounts().len().max(1) =>
                    {
                        return Err(ApiMisuse::NoSuchAccount);
                    }
                    _ => true,
                },
                None => false,
            },
            // Keys are in this process.
            Input::KeyCreated(_) | Input::Signed(_) => false,
            Input::Message(_)
            | Input::TunnelClosed
            | Input::TunnelFailed(_)
            | Input::SendFailed(_)
            | Input::Adapter(_)
            | Input::AdvertisingFailed(_)
            | Input::Cancel
            | Input::TimePassed => true,
        };
        if fits { Ok(()) } else { Err(ApiMisuse::WrongStage) }
    }

    fn feed(&mut self, input: Input) {
        let (stage, deadline) = (self.phone.stage(), self.phone.deadline());
        let expected = self.expected(&input);
        let ends_tunnel =
            matches!(input, Input::TunnelClosed | Input::TunnelFailed(_) | Input::SendFailed(_));
        let ends = ends_tunnel
            || matches!(input, Input::Cancel)
            || matches!(input, Input::AdvertisingFailed(_)) && stage == Stage::Advertising;
        if expected.is_ok() && stage != Stage::Closed {
            let is_late = deadline.is_some_and(|deadline| deadline <= self.now);
            self.note(&input, is_late);
            self.log.is_tunnel_lost |= ends_tunnel;
            self.log.is_advert_lost |=
                matches!(input, Input::AdvertisingFailed(_)) && stage == Stage::Advertising;
        }
        let result = self.phone.handle(self.now, input);
        assert_eq!(result, expected);
        if result.is_err() {
            assert_eq!((self.phone.stage(), self.phone.deadline()), (stage, deadline));
            assert!(self.phone.poll_output().is_none());
            return;
        }
        self.drain(stage);
        if self.phone.stage() == stage {
            assert_eq!(self.phone.deadline(), deadline, "put off");
        }
        if ends || deadline.is_some_and(|deadline| deadline <= self.now) {
            assert_eq!(self.phone.stage(), Stage::Closed);
        }
    }

    /// Notes what store and user say, once the phone is sure to receive it.
    fn note(&mut self, input: &Input, is_late: bool) {
        match input {
            Input::PasskeysFound(found) => {
                self.waiting = None;
                self.given = found.as_ref().cloned().unwrap_or_default();
            }
            Input::Saved(result) => {
                self.waiting = None;
                match (&self.consent, result) {
                    (Some(Consent { made: Some(made), .. }), Ok(())) => {
                        self.store.push(made.clone());
                    }
                    _ => self.consent = None,
                }
            }
            Input::UseCounted(result) => {
                self.waiting = None;
                match (&mut self.consent, result) {
                    (Some(consent), Ok(counter)) => consent.counter = Some(*counter),
                    _ => self.consent = None,
                }
            }
            Input::Decided { decision, .. } => {
                let prompt = self.prompt.take().unwrap();
                self.has_read = prompt.question == Question::Unsupported
                    && matches!(decision, Decision::Approved { .. } | Decision::Declined)
                    && !is_late;
                if let Decision::Approved { verification, account } = *decision
                    && verification >= prompt.demanded
                    && !is_late
                {
                    self.log.consents += 1;
                    let question = prompt.question;
                    let (made, counter) = (None, None);
                    self.consent = Some(Consent { question, account, verification, made, counter });
                }
            }
            _ => {}
        }
    }

    fn drain(&mut self, before: Stage) {
        let now = self.phone.stage();
        assert!(
            order(before) <= order(now) || (before, now) == (Stage::Answering, Stage::Listening),
            "from {before:?} to {now:?}"
        );
        while let Some(output) = self.phone.poll_output() {
            assert!(!self.log.is_closed, "{output:?} after the end");
            if !matches!(output, Output::Send(_)) {
                let Passkey { key, prf_secret, .. } = &self.store[0];
                let scalar = key.software().unwrap().expose();
                let prf_secret = prf_secret.as_ref().unwrap();
                let code_secret = self.client.code.secret.expose();
                let secrets: [&[u8]; 4] =
                    [code_secret, ENDS.seed.expose(), &*scalar, prf_secret.expose()];
                assert_hides(&format!("{output:?}"), &secrets);
            }
            match output {
                Output::Dial(request) => assert!(request.url.path().starts_with("/cable/new/")),
                Output::Advertise(advert) => {
                    self.log.adverts += 1;
                    assert_eq!((before, now), (Stage::Registering, Stage::Advertising));
                    let key = AdvertKey::new(&key_schedule::eid_key(&self.client.code.secret));
                    self.client.eid = Some(key.open(&advert).unwrap().eid);
                }
                Output::StopAdvertising => self.log.stopped += 1,
                Output::Send(message) => self.receive(&message),
                Output::FindPasskeys { rp_id, ids } => {
                    assert!(self.waiting.is_none() && self.prompt.is_none());
                    self.waiting = Some(Waiting::Find);
                    self.check_search(&rp_id, ids.as_deref());
                }
                Output::Prompt(prompt) => self.prompted(prompt),
                Output::DismissPrompt => assert!(self.prompt.take().is_some()),
                Output::SavePasskey(passkey) => self.made(passkey),
                Output::CountUse { rp_id, id } => {
                    assert!(self.waiting.is_none());
                    self.waiting = Some(Waiting::Count);
                    let used = self.chosen();
                    assert_eq!((used.rp_id, used.id), (rp_id, id));
                }
                Output::CreateKey { .. }
                | Output::Sign { .. }
                | Output::CancelKeyOperation
                | Output::DeleteKey(_) => panic!("there is no key store"),
                Output::CloseTunnel => self.log.closed_tunnel += 1,
                Output::Update(update) => assert!(!update.to_string().is_empty()),
                Output::Closed(result) => {
                    self.log.is_closed = true;
                    assert!(self.prompt.is_none(), "a prompt stays on the screen");
                    if let Err(error) = result {
                        let stage = match error.kind {
                            ErrorKind::PeerMisbehaved(PeerMisbehaved::Handshake(_)) => {
                                assert_eq!(before, Stage::Advertising);
                                Stage::Handshaking
                            }
                            _ => before,
                        };
                        assert_eq!(error.stage, stage);
                    }
                }
            }
        }
        assert_eq!(self.log.is_closed, now == Stage::Closed);
        assert_eq!(self.phone.deadline().is_none(), now == Stage::Closed);
        assert!(self.phone.deadline().is_none_or(|deadline| deadline >= self.now));
        assert!(self.log.signatures <= self.log.consents);
    }

    /// The request at hand, if the two ends agree on what it is.
    fn request(&self) -> Option<&CtapRequest> {
        if self.client.is_lost { None } else { self.client.asked.as_ref()?.as_ref() }
    }

    fn check_search(&self, rp_id: &str, ids: Option<&[CredentialId]>) {
        match self.request() {
            Some(CtapRequest::MakeCredential(request)) => {
                assert_eq!((rp_id, ids), (request.rp.id.as_str(), None));
            }
            Some(CtapRequest::GetAssertion(request)) => {
                assert_eq!(rp_id, request.rp_id);
                assert_eq!(ids.is_none(), request.allow_list.is_empty());
            }
            Some(request) => panic!("nothing is looked for at a {}", request.command()),
            None => assert!(self.client.is_lost),
        }
    }

    fn prompted(&mut self, prompt: Prompt) {
        assert!(self.prompt.is_none());
        assert!(!self.prompt_ids.contains(&prompt.id), "an id twice");
        self.prompt_ids.push(prompt.id);
        assert!(self.prompt_ids.len() <= usize::from(MAX_PROMPTS));
        let tells = matches!(
            prompt.question,
            Question::CredentialExcluded(_) | Question::NoCredentials | Question::Unsupported
        );
        let demanded = if tells { UserVerification::Present } else { self.capability };
        assert_eq!(prompt.demanded, demanded);
        // Whatever the store gave, no passkey of another relying party is offered.
        for account in prompt.accounts() {
            if let Some(id) = &account.credential {
                let is_it = |passkey: &&Passkey| passkey.id == *id && passkey.rp_id == prompt.rp_id;
                assert!(
                    self.given.iter().any(|passkey| is_it(&passkey)),
                    "of another relying party"
                );
            }
        }
        match (self.request(), &prompt.question) {
            (Some(request), Question::Unsupported) => {
                assert!(asks_for_touch(request));
                assert!(prompt.rp_id.is_empty() && prompt.accounts().is_empty());
            }
            (Some(CtapRequest::MakeCredential(request)), question) => {
                assert!(request.rp.id != DUMMY);
                assert_eq!(prompt.rp_id, request.rp.id);
                let listed: BTreeSet<_> = usable(&request.exclude_list);
                let is_excluded = self
                    .given
                    .iter()
                    .any(|it| it.rp_id == request.rp.id && listed.contains(&it.id));
                match question {
                    Question::Register(_) => assert!(!is_excluded, "in spite of the list"),
                    Question::CredentialExcluded(_) => assert!(is_excluded),
                    _ => panic!("{question:?} at a registration"),
                }
            }
            (Some(CtapRequest::GetAssertion(request)), question) => {
                assert_eq!(prompt.rp_id, request.rp_id);
                match question {
                    Question::SignIn(accounts) => {
                        let listed = usable(&request.allow_list);
                        for account in accounts {
                            let id = account.credential.as_ref().unwrap();
                            assert!(request.allow_list.is_empty() || listed.contains(id));
                        }
                    }
                    Question::NoCredentials => {}
                    _ => panic!("{question:?} at a sign-in"),
                }
            }
            (Some(request), _) => panic!("the user is asked for a {}", request.command()),
            (None, _) => assert!(self.client.is_lost),
        }
        self.prompt = Some(prompt);
    }

    fn made(&mut self, passkey: Passkey) {
        assert!(self.waiting.is_none());
        self.waiting = Some(Waiting::Save);
        if let Some(CtapRequest::MakeCredential(request)) = self.request() {
            assert_eq!((&passkey.rp_id, &passkey.user.id), (&request.rp.id, &request.user.id));
        }
        assert!(self.store.iter().all(|kept| kept.id != passkey.id));
        let consent = self.consent.as_mut().unwrap();
        assert!(matches!(consent.question, Question::Register(_)) && consent.made.is_none());
        consent.made = Some(passkey);
    }

    /// The passkey that the user chose to sign in with.
    fn chosen(&self) -> Passkey {
        let consent = self.consent.as_ref().unwrap();
        let Question::SignIn(accounts) = &consent.question else { panic!("not to this") };
        let id = accounts[consent.account].credential.as_ref().unwrap();
        self.given.iter().find(|passkey| passkey.id == *id).unwrap().clone()
    }

    /// The client takes what the phone sends.
    fn receive(&mut self, message: &[u8]) {
        self.client.received += 1;
        let nth = self.client.received;
        if nth == 1 {
            assert_eq!(message.len(), HANDSHAKE_MESSAGE_LENGTH);
            if let Some(initiator) = self.client.initiator.take()
                && let Ok(established) = initiator.finish(message)
            {
                self.client.channel = Some(Channel::new(established));
            } else {
                assert!(self.client.is_lost);
            }
            return;
        }
        if self.client.is_lost {
            return self.intercepted(message);
        }
        let channel = self.client.channel.as_mut().unwrap();
        if nth == 2 {
            let opened = channel.open_untyped(message.to_vec()).unwrap();
            assert!(PostHandshake::parse(opened.expose()).unwrap().get_info.is_some());
            return;
        }
        let opened = channel.open(message.to_vec()).unwrap();
        for passkey in &self.store {
            let scalar = passkey.key.software().unwrap().expose();
            let payload = opened.payload.expose();
            let holds = |secret: &[u8; 32]| payload.windows(32).any(|part| part == secret);
            assert!(!holds(&scalar), "a private key");
            assert!(!passkey.prf_secret.as_ref().is_some_and(|it| holds(it.expose())), "a PRF");
        }
        if nth == 3 {
            assert_eq!((opened.kind, message.len()), (MessageType::Update, 528));
            return;
        }
        assert_eq!(opened.kind, MessageType::Ctap);
        self.answered(opened.payload);
    }

    /// For every sender: each signature follows a consent to it. Under the cipher
    /// without security a stranger's requests come this far.
    fn intercepted(&mut self, message: &[u8]) {
        let Some(padded) = message.len().checked_sub(AEAD_TAG_LENGTH).filter(|_| cfg!(fuzzing))
        else {
            return;
        };
        let padded = &message[..padded];
        let opened = &padded[..unpadded_length(padded).unwrap()];
        // Past the post-handshake message and the update.
        let Some((&CTAP, answer)) = opened.split_first().filter(|_| self.client.received > 3)
        else {
            return;
        };
        let consent = self.consent.take();
        let answer = RawResponse::parse(answer.to_vec()).unwrap();
        if !answer.status().is_ok() {
            return;
        }
        let is_made =
            matches!(answer.decode(Command::MakeCredential), Ok(CtapResponse::MakeCredential(_)));
        let is_signed =
            matches!(answer.decode(Command::GetAssertion), Ok(CtapResponse::GetAssertion(_)));
        if is_made || is_signed {
            self.log.signatures += 1;
            let consent = consent.expect("signed without consent");
            assert_eq!(is_made, consent.made.is_some());
            assert_eq!(is_signed, matches!(consent.question, Question::SignIn(_)));
        }
    }

    fn answered(&mut self, payload: SecretBytes) {
        let asked = self.client.asked.take().unwrap();
        let answer = RawResponse::parse(payload.into_exposed()).unwrap();
        let consent = self.consent.take();
        if !answer.status().is_ok() {
            assert!(answer.payload().is_empty());
            return;
        }
        let asked = asked.unwrap();
        match (answer.decode(asked.command()).unwrap(), &asked) {
            (CtapResponse::GetInfo(_), _) => {}
            (CtapResponse::Selection, _) => assert!(self.has_read),
            (CtapResponse::MakeCredential(response), CtapRequest::MakeCredential(request)) => {
                let consent = consent.unwrap();
                let made = consent.made.as_ref().unwrap();
                let credential = response.credential().unwrap();
                assert_eq!(credential.id, made.id);
                assert_eq!(credential.public_key.es256(), Some(made.key.public_key()));
                assert!(self.store.iter().any(|kept| kept.id == made.id), "was not saved");
                let is_verified = self.signed(&response.auth_data, &request.rp.id, &consent);
                let asked = request.extensions.prf.as_ref();
                let outputs = response.unsigned_extensions;
                assert_eq!(outputs.prf, prf::due_to_new(made, asked, is_verified));
                assert!(outputs.large_blob.is_none() && outputs.other.is_empty());
                if response.format == FORMAT_PACKED {
                    let data = [response.auth_data.raw(), &request.client_data_hash].concat();
                    let signature = signature_in(response.statement.as_bytes());
                    assert!(made.key.public_key().verifies(&data, &signature));
                }
            }
            (CtapResponse::GetAssertion(response), CtapRequest::GetAssertion(request)) => {
                self.consent = consent;
                let passkey = self.chosen();
                let consent = self.consent.take().unwrap();
                assert_eq!(passkey.rp_id, request.rp_id);
                assert_eq!(response.credential.unwrap().id, passkey.id);
                let is_verified = self.signed(&response.auth_data, &request.rp_id, &consent);
                let asked = request.extensions.prf.as_ref();
                let outputs = response.unsigned_extensions;
                assert_eq!(outputs.prf, prf::due(&passkey, asked, is_verified));
                assert!(outputs.large_blob.is_none() && outputs.other.is_empty());
                assert_eq!(response.auth_data.sign_count(), consent.counter.unwrap_or_default());
                assert_eq!(consent.counter.is_some(), passkey.counter.is_some());
                let data = [response.auth_data.raw(), &request.client_data_hash].concat();
                assert!(passkey.key.public_key().verifies(&data, response.signature.expose()));
            }
            (response, _) => panic!("no answer to what was asked: {response:?}"),
        }
    }

    /// What holds for every signature and every new passkey. Gives whether the
    /// user was verified.
    fn signed(&mut self, data: &AuthenticatorData, rp_id: &str, consent: &Consent) -> bool {
        self.log.signatures += 1;
        assert_eq!(*data.rp_id_hash(), sha256(&[rp_id.as_bytes()]));
        assert!(data.flags().contains(Flags::USER_PRESENT));
        let is_verified = consent.verification == UserVerification::Verified;
        assert_eq!(data.flags().contains(Flags::USER_VERIFIED), is_verified);
        assert!(consent.verification >= self.capability);
        is_verified
    }

    /// Everything that was going is stopped, once.
    fn end(mut self) {
        self.feed(Input::Cancel);
        let log = &self.log;
        assert!(log.is_closed);
        assert_eq!(log.stopped + usize::from(log.is_advert_lost), log.adverts);
        assert_eq!(log.closed_tunnel, usize::from(!log.is_tunnel_lost));
        self.feed(Input::PasskeysFound(Ok(Vec::new())));
        self.feed(Input::TunnelClosed);
    }
}

fn store_result<T>(result: u8, value: T) -> Result<T, StoreError> {
    match result % 3 {
        0 => Ok(value),
        1 => Err(StoreError::Full),
        _ => Err(StoreError::Failed(Arc::new(std::fmt::Error))),
    }
}

/// Whether the request only asks for the user's presence.
fn asks_for_touch(request: &CtapRequest) -> bool {
    match request {
        CtapRequest::Selection => true,
        CtapRequest::MakeCredential(request) => request.rp.id == DUMMY,
        _ => false,
    }
}

fn usable(list: &[CredentialDescriptor]) -> BTreeSet<CredentialId> {
    let usable = list.iter().filter(|descriptor| descriptor.kind == "public-key");
    usable.map(|descriptor| descriptor.id.clone()).collect()
}

/// `sig` of a packed statement.
fn signature_in(statement: &[u8]) -> Vec<u8> {
    let mut signature = Vec::new();
    let mut reader = cbor::Reader::new(statement);
    let read = reader.map(|name, reader| {
        if name == cbor::MapKey::Text("sig") {
            signature = reader.bytes()?.to_vec();
        }
        Ok(())
    });
    read.unwrap();
    signature
}

fn order(stage: Stage) -> usize {
    Stage::ALL.iter().position(|other| *other == stage).unwrap()
}
