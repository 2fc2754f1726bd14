//! A client's transactions with a phone put together from the protocol's own
//! steps, which does what ours does not: it sends links, large blob keys, and
//! introductions and answers that cannot be read.

use std::time::Duration;

use fido_hybrid::bluetooth::{AddressKind, AdvertReport, BluetoothAddress, SERVICE_UUID};
use fido_hybrid::cbor::encode;
use fido_hybrid::client::{
    ClientConfig, ClientDeadlines, ContactSecrets, Input, Linking, Output, QrSecrets, Transaction,
};
use fido_hybrid::crypto::{SecretKey, sha256};
use fido_hybrid::ctap::extensions::{PrfAssertionInput, PrfAssertionOutput, PrfValues};
use fido_hybrid::ctap::{
    Aaguid, AuthenticatorData, CtapRequest, CtapResponse, Flags, GetAssertionResponse,
    GetInfoResponse,
};
use fido_hybrid::error::{Error, ErrorKind, PeerMisbehaved, Stage, TunnelError, Unsupported};
use fido_hybrid::secret::{LinkSecret, PrfInput, PrfOutput, SecretBytes};
use fido_hybrid::transport::{
    AdvertKey, Channel, ContactHint, ContactId, Eid, Established, HandshakeHash, Link, LinkId,
    LinkedPhone, MessageType, PostHandshake, QrCode, RequestHint, Responder, RoutingId,
    TunnelDomain, UpdateMessage, key_schedule,
};
use fido_hybrid_sim::SeededRng;

use super::finder::Secrets;
use super::rig;
use super::trace_recorder::Notebook;

const NOW: Duration = Duration::from_secs(1);

fn key(part: &str) -> SecretKey {
    SecretKey::generate(&mut SeededRng::new(1).fork(part))
}

fn bytes<const N: usize>(part: &str) -> [u8; N] {
    let mut bytes = [0; N];
    rand_core::Rng::fill_bytes(&mut SeededRng::new(1).fork(part), &mut bytes);
    bytes
}

fn link() -> Link {
    Link {
        contact_id: ContactId::new(bytes::<20>("contact").to_vec()).unwrap(),
        link_id: LinkId([1; 8]),
        secret: LinkSecret::new(bytes("link")),
        identity: *key("phone's identity").public_key(),
        name: "The phone of Ada Lovelace".to_owned(),
    }
}

/// A client, and what the phone has of the channel.
struct Walk {
    client: Transaction,
    notebook: Notebook,
    secrets: Secrets,
    channel: Option<Channel>,
    hash: HandshakeHash,
    end: Option<Result<(), Error>>,
}

impl Walk {
    fn of(client: Transaction) -> Self {
        let (notebook, secrets) = (Notebook::default(), Secrets::default());
        let hash = HandshakeHash([0; 32]);
        Self { client, notebook, secrets, channel: None, hash, end: None }
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        self.notebook.print(&input);
        self.client.handle(NOW, input).unwrap();
        self.drain()
    }

    fn drain(&mut self) -> Vec<Output> {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.client.poll_output()).collect();
        self.notebook.print(&outputs);
        self.notebook.print(&self.client);
        for output in &outputs {
            match output {
                Output::Response(response) => self.secrets.answer(response),
                Output::Closed(end) => {
                    self.notebook.end(end);
                    self.end = Some(end.clone());
                }
                // These carry no secret of a response; `notebook` has printed them.
                Output::Dial(_)
                | Output::Send(_)
                | Output::StopScanning
                | Output::CloseTunnel
                | Output::Update(_)
                | Output::RawResponse(_)
                | Output::JsonResponse(_)
                | Output::Linked(_)
                | Output::ForgetLink => {}
            }
        }
        outputs
    }

    fn established(&mut self, established: Established) {
        self.notebook.print(&established);
        self.secrets.bytes("a traffic key", established.sending.expose());
        self.secrets.bytes("the other traffic key", established.receiving.expose());
        self.hash = established.hash;
        let channel = Channel::new(established);
        self.notebook.print(&channel);
        self.channel = Some(channel);
    }

    /// The phone's handshake message, and who it says it is.
    fn introduce(&mut self, reply: Vec<u8>, introduction: &[u8]) -> Vec<Output> {
        self.step(Input::Message(reply));
        let message = self.channel.as_mut().unwrap().seal_untyped(introduction).unwrap();
        self.step(Input::Message(message))
    }

    fn tell(&mut self, kind: MessageType, payload: &[u8]) -> Vec<Output> {
        let message = self.channel.as_mut().unwrap().seal(kind, payload).unwrap();
        self.step(Input::Message(message))
    }

    fn ask(&mut self, request: CtapRequest) {
        self.notebook.print(&request);
        self.step(Input::Request { request: request.try_into().unwrap(), timeout: None });
    }

    /// The error with which it ended; and nothing was told.
    fn failed(self) -> Error {
        self.notebook.assert_holds_none_of(&self.secrets);
        self.end.expect("the end").expect_err("a failure")
    }

    fn cancelled(mut self) {
        self.step(Input::Cancel);
        assert!(self.failed().is_cancelled());
    }
}

fn sent(outputs: &[Output]) -> Vec<u8> {
    let message = |output: &Output| match output {
        Output::Send(message) => Some(message.clone()),
        _ => None,
    };
    outputs.iter().find_map(message).unwrap()
}

fn introduction() -> PostHandshake {
    let info = GetInfoResponse::new(vec!["FIDO_2_0".to_owned()], Aaguid([0; 16]));
    PostHandshake::ctap(encode(&info))
}

/// The radio receives an advert, with the address of the phone.
fn advertise(walk: &mut Walk, service_data: Vec<u8>) -> Vec<Output> {
    let mut advert = AdvertReport::new(SERVICE_UUID, service_data);
    let bytes = bytes::<6>("phone's address");
    // Six bytes are too short to look for as bytes.
    walk.secrets.text("the phone's address", &format!("{bytes:?}"));
    let [a, b, c, d, e, f] = bytes;
    let written = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
    walk.secrets.text("the phone's address, written", &written);
    walk.secrets.text("the phone's address, in capitals", &written.to_uppercase());
    advert.address = Some(BluetoothAddress { bytes, kind: AddressKind::Random });
    let outputs = walk.step(Input::Advert(advert));
    let kept = walk.client.phone_address().unwrap();
    assert_eq!(kept.bytes, bytes);
    walk.notebook.print(&kept);
    outputs
}

/// Up to the handshake's first message, and the phone's answer to it.
fn scanned() -> (Walk, QrCode, Vec<u8>) {
    let mut config = ClientConfig::new(RequestHint::GetAssertion);
    config.linking = Linking::Offered;
    let keys = QrSecrets::generate(&mut SeededRng::new(2));
    let own = QrSecrets::generate(&mut SeededRng::new(2));
    let mut walk = Walk::of(Transaction::qr(config, keys, Duration::ZERO, 0));
    walk.notebook.print(&own);
    walk.secrets.bytes("the QR key", &*own.identity.expose());
    walk.secrets.bytes("the client's ephemeral key", &*own.ephemeral.expose());
    let text = walk.client.qr_text().unwrap().clone();
    walk.secrets.qr_code(&text);
    walk.notebook.print(&text);
    let code: QrCode = text.expose().parse().unwrap();
    walk.drain();
    let eid = Eid::new(bytes("nonce"), RoutingId([1, 2, 3]), TunnelDomain::APPLE);
    walk.notebook.print(&eid);
    let advert = AdvertKey::new(&key_schedule::eid_key(&code.secret));
    walk.notebook.print(&advert);
    let advert = advert.seal(&eid);
    walk.secrets.advert(&code.secret, &advert);
    advertise(&mut walk, advert.to_vec());
    let outputs = walk.step(Input::TunnelOpened { connect_signal: false });
    let psk = key_schedule::psk(&code.secret, &eid);
    let ephemeral = key("phone's ephemeral");
    walk.secrets.bytes("the phone's ephemeral key", &*ephemeral.expose());
    let responder = Responder::qr(code.public_key, &psk, ephemeral);
    walk.notebook.print(&responder);
    let (established, reply) = responder.respond(&sent(&outputs)).unwrap();
    walk.established(established);
    (walk, code, reply.to_vec())
}

fn ready() -> (Walk, QrCode) {
    let (mut walk, code, reply) = scanned();
    walk.introduce(reply, &encode(&introduction()));
    assert_eq!(walk.client.stage(), Stage::Ready);
    (walk, code)
}

#[test]
fn of_introductions_that_cannot_be_read() {
    // It decrypts, so its content must not be logged.
    let garbage = bytes::<40>("garbage");
    let mut no_ctap = introduction();
    no_ctap.get_info = None;
    no_ctap.features.ctap = false;
    let mut no_info = introduction();
    no_info.get_info = Some(garbage.to_vec());
    for (introduction, expected) in [
        (garbage.to_vec(), None),
        (encode(&no_ctap), Some(Unsupported::Ctap)),
        (encode(&no_info), None),
    ] {
        let (mut walk, _, reply) = scanned();
        walk.secrets.bytes("the garbage", &garbage);
        walk.introduce(reply, &introduction);
        let error = walk.failed();
        assert_eq!(error.stage, Stage::AwaitingPostHandshake);
        match (error.kind, expected) {
            (ErrorKind::Unsupported(error), Some(expected)) => assert_eq!(error, expected),
            (ErrorKind::PeerMisbehaved(error), None) => assert!(matches!(
                error,
                PeerMisbehaved::PostHandshake(_) | PeerMisbehaved::GetInfo(_)
            )),
            (error, _) => panic!("{error}"),
        }
    }
}

fn signed() -> GetAssertionResponse {
    let data = AuthenticatorData::new(
        sha256(&[rig::RP_ID.as_bytes()]),
        Flags::USER_PRESENT | Flags::USER_VERIFIED,
        7,
    );
    let passkey = rig::passkey(7, rig::RP_ID, "ada");
    let signature = SecretBytes::new(bytes::<70>("signature").to_vec());
    let mut response = GetAssertionResponse::new(rig::descriptor(&passkey), data, signature);
    response.user = Some(passkey.user);
    response.large_blob_key = Some(SecretBytes::new(bytes::<32>("large blob").to_vec()));
    response.unsigned_extensions.prf = Some(PrfAssertionOutput::new(PrfValues {
        first: PrfOutput::new(bytes("first output")),
        second: Some(PrfOutput::new(bytes("second output"))),
    }));
    response
}

fn with_answers_secrets(walk: &mut Walk) {
    for part in ["first output", "second output", "large blob", "prf input"] {
        walk.secrets.bytes(part, &bytes::<32>(part));
    }
    walk.secrets.bytes("the signature", &bytes::<70>("signature"));
}

fn request() -> CtapRequest {
    let mut request = rig::get_assertion(&[]);
    let first = PrfInput::new(bytes("prf input"));
    request.extensions.prf = Some(PrfAssertionInput::new(PrfValues { first, second: None }));
    request.into()
}

#[test]
fn of_an_answer_with_prf_outputs_and_a_large_blob_key() {
    let (mut walk, _) = ready();
    with_answers_secrets(&mut walk);
    walk.ask(request());
    let response = CtapResponse::GetAssertion(signed());
    walk.notebook.print(&response);
    walk.notebook.print(&response.to_raw());
    let outputs = walk.tell(MessageType::Ctap, response.to_raw().to_bytes().expose());
    assert!(matches!(outputs[..], [Output::Response(Ok(_))]), "{outputs:?}");
    walk.cancelled();
}

#[test]
fn of_answers_that_cannot_be_read_or_do_not_answer() {
    let answer = CtapResponse::GetAssertion(signed()).to_raw().to_bytes().expose().to_vec();
    let mut of_another_rp = signed();
    of_another_rp.auth_data = AuthenticatorData::new([9; 32], Flags::USER_PRESENT, 0);
    let of_another_rp = CtapResponse::GetAssertion(of_another_rp).to_raw().to_bytes();
    let cut = answer[..answer.len() - 1].to_vec();
    let behind = [answer.clone(), vec![0]].concat();
    for (kind, payload) in [
        (MessageType::Ctap, Vec::new()),
        (MessageType::Ctap, cut),
        (MessageType::Ctap, behind),
        (MessageType::Ctap, of_another_rp.expose().to_vec()),
        (MessageType::Json, answer.clone()),
        (MessageType::Shutdown, answer),
    ] {
        let (mut walk, _) = ready();
        with_answers_secrets(&mut walk);
        walk.ask(request());
        walk.tell(kind, &payload);
        let error = walk.failed();
        assert_eq!(error.stage, Stage::AwaitingResponse);
        assert!(matches!(error.kind, ErrorKind::PeerMisbehaved(_)), "{error}");
    }
}

fn add_link(walk: &mut Walk) {
    let link = link();
    walk.notebook.print(&link);
    walk.notebook.print(&LinkedPhone { link: link.clone(), domain: TunnelDomain::GOOGLE });
    walk.secrets.bytes("the link's secret", link.secret.expose());
    walk.secrets.bytes("the contact id", link.contact_id.as_bytes());
    walk.secrets.bytes("the phone's identity key", &*key("phone's identity").expose());
    walk.secrets.text("the phone's name", &link.name);
}

#[test]
fn of_links_that_are_kept_and_that_are_dropped() {
    for signs in [true, false] {
        let (mut walk, code) = ready();
        add_link(&mut walk);
        let hash = if signs { walk.hash } else { HandshakeHash([0; 32]) };
        let map = link().sign(&key("phone's identity"), &code.public_key, &hash).unwrap();
        let update = UpdateMessage { linking: Some(map) };
        walk.notebook.print(&update);
        let outputs = walk.tell(MessageType::Update, update.to_bytes().expose());
        assert_eq!(matches!(outputs[..], [Output::Linked(_)]), signs, "{outputs:?}");
        walk.cancelled();
    }
}

/// A linked phone is called.
fn called() -> Walk {
    let own = ContactSecrets::generate(&mut SeededRng::new(3));
    let (hint, deadlines) = (ContactHint::GetAssertion, ClientDeadlines::default());
    let kept = link();
    let phone = LinkedPhone { link: kept.clone(), domain: TunnelDomain::GOOGLE };
    let keys = ContactSecrets::generate(&mut SeededRng::new(3));
    let client = Transaction::linked(hint, deadlines, &phone, keys, Duration::ZERO);
    let mut walk = Walk::of(client);
    add_link(&mut walk);
    walk.notebook.print(&own);
    walk.secrets.bytes("the client's ephemeral key", &*own.ephemeral.expose());
    let eid_key = key_schedule::eid_key_linked(&kept.secret, &own.nonce);
    walk.secrets.bytes("the EID key", eid_key.expose());
    walk.drain();
    walk
}

/// The phone's advert is received, its tunnel is open.
fn received(walk: &mut Walk) -> (Eid, Vec<u8>) {
    let own = ContactSecrets::generate(&mut SeededRng::new(3));
    let mut plain = bytes::<16>("linked EID");
    plain[0] = 0;
    let eid = Eid::parse_linked(&plain).unwrap();
    let advert =
        AdvertKey::new(&key_schedule::eid_key_linked(&link().secret, &own.nonce)).seal(&eid);
    walk.secrets.bytes("the EID", eid.expose());
    walk.secrets.bytes("the PSK", key_schedule::psk_linked(&link().secret, &eid).expose());
    walk.step(Input::TunnelOpened { connect_signal: true });
    walk.step(Input::Message(vec![0]));
    let outputs = advertise(walk, advert.to_vec());
    (eid, sent(&outputs))
}

#[test]
fn of_a_linked_phone_that_answers() {
    let mut walk = called();
    with_answers_secrets(&mut walk);
    let (eid, message) = received(&mut walk);
    let psk = key_schedule::psk_linked(&link().secret, &eid);
    let ephemeral = key("phone's ephemeral");
    let responder = Responder::linked(key("phone's identity"), &psk, ephemeral);
    walk.notebook.print(&responder);
    let (established, reply) = responder.respond(&message).unwrap();
    walk.established(established);
    walk.introduce(reply.to_vec(), &encode(&introduction()));
    walk.ask(request());
    let response = CtapResponse::GetAssertion(signed()).to_raw().to_bytes();
    let outputs = walk.tell(MessageType::Ctap, response.expose());
    assert!(matches!(outputs[..], [Output::Response(Ok(_))]), "{outputs:?}");
    walk.cancelled();
}

#[test]
fn of_a_linked_phone_that_is_revoked_or_another() {
    let mut walk = called();
    let outputs = walk.step(Input::TunnelFailed(TunnelError::Status(410)));
    assert!(outputs.iter().any(|output| matches!(output, Output::ForgetLink)));
    assert!(matches!(walk.failed().kind, ErrorKind::Tunnel(TunnelError::Status(410))));

    let mut walk = called();
    received(&mut walk);
    let mut reply = key("another").public_key().uncompressed().to_vec();
    reply.extend([0; 16]);
    walk.step(Input::Message(reply));
    let kind = walk.failed().kind;
    assert!(matches!(kind, ErrorKind::PeerMisbehaved(PeerMisbehaved::Handshake(_))), "{kind}");

    let mut walk = called();
    let deadline = walk.client.deadline().unwrap();
    walk.client.handle(deadline, Input::TimePassed).unwrap();
    walk.drain();
    assert!(matches!(walk.failed().kind, ErrorKind::Deadline));
}
