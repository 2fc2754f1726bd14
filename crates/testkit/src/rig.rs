//! An authenticator's transaction with a client made of the protocol's pieces
//! on the other side, on a clock moved by hand.

#![allow(clippy::expect_used, reason = "tests")]

use std::time::Duration;

use fido_hybrid::authenticator::{
    AuthenticatorConfig, Decision, Input, Output, Passkey, PhoneSecrets, Prompt, Transaction,
    UserVerification,
};
use fido_hybrid::crypto::SecretKey;
use fido_hybrid::ctap::{
    self, Algorithm, Command, CredentialDescriptor, CredentialParameters, CtapRequest,
    CtapResponse, GetAssertionRequest, GetInfoResponse, MakeCredentialRequest,
    MakeCredentialResponse, RawResponse, RelyingParty, ResponseError, Status, User, UserHandle,
};
use fido_hybrid::error::{ApiMisuse, Error, Stage};
use fido_hybrid::secret::QrSecret;
use fido_hybrid::transport::{
    AdvertKey, Channel, Features, Initiator, MessageType, PostHandshake, QrCode, RequestHint,
    RoutingId, TunnelDomain, UpdateMessage, key_schedule,
};
use fido_hybrid_sim::SeededRng;

pub const RP_ID: &str = "example.com";
pub const HASH: [u8; 32] = [0x5a; 32];
pub const ROUTING_ID: RoutingId = RoutingId([1, 2, 3]);

/// A hashed domain: every client knows it.
pub fn domain() -> TunnelDomain {
    TunnelDomain::from_encoded(266).unwrap()
}

pub fn config() -> AuthenticatorConfig {
    AuthenticatorConfig::new(domain())
}

/// The client's half: what its QR code says, and its private keys.
pub struct Client {
    pub identity: SecretKey,
    pub ephemeral: SecretKey,
    pub code: QrCode,
}

impl Client {
    pub fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed).fork("client");
        let identity = SecretKey::generate(&mut rng);
        let ephemeral = SecretKey::generate(&mut rng);
        let secret = QrSecret::generate(&mut rng);
        let code = QrCode::new(*identity.public_key(), secret, 0, RequestHint::GetAssertion);
        Self { identity, ephemeral, code }
    }

    /// The client's first message to who advertises so.
    pub fn handshake(&self, advert: &[u8]) -> (Initiator, Vec<u8>) {
        let Self { identity, ephemeral, code } = self;
        let received =
            AdvertKey::new(&key_schedule::eid_key(&code.secret)).open(advert).unwrap().eid;
        assert_eq!(received.routing_id(), ROUTING_ID);
        assert_eq!(received.domain(), Some(domain()));
        let psk = key_schedule::psk(&code.secret, &received);
        let (initiator, message) =
            Initiator::qr(identity.clone(), &psk, ephemeral.clone()).unwrap();
        (initiator, message.into())
    }
}

pub fn keys(seed: u64) -> PhoneSecrets {
    PhoneSecrets::generate(&mut SeededRng::new(seed).fork("phone"))
}

/// A transaction, its clock, and what the client has of the channel.
pub struct Rig {
    pub transaction: Transaction,
    pub now: Duration,
    pub client: Client,
    pub channel: Option<Channel>,
    pub info: Option<GetInfoResponse>,
}

impl Rig {
    /// A transaction that wants to dial.
    pub fn registering(config: AuthenticatorConfig, seed: u64) -> Self {
        let client = Client::new(seed);
        let mut transaction =
            Transaction::qr(config, &client.code, keys(seed), Duration::ZERO).unwrap();
        let outputs = drain(&mut transaction);
        let tunnel = key_schedule::tunnel_id(&client.code.secret);
        assert!(outputs.iter().any(|output| matches!(output, Output::Dial(request)
            if request.url.path() == format!("/cable/new/{tunnel}")
                && request.url.host() == domain().host())));
        Self { transaction, now: Duration::ZERO, client, channel: None, info: None }
    }

    /// A transaction that advertises, and the advert.
    pub fn advertising(config: AuthenticatorConfig, seed: u64) -> (Self, Vec<u8>) {
        let mut rig = Self::registering(config, seed);
        let outputs = rig.step(Input::TunnelOpened { routing_id: Some(ROUTING_ID) });
        let advert = outputs.into_iter().find_map(|output| match output {
            Output::Advertise(advert) => Some(advert),
            _ => None,
        });
        (rig, advert.unwrap())
    }

    /// A transaction that waits for a request.
    pub fn listening(config: AuthenticatorConfig, seed: u64) -> Self {
        let (mut rig, advert) = Self::advertising(config, seed);
        let (initiator, first) = rig.handshake(&advert);
        let outputs = rig.step(Input::Message(first));
        assert!(matches!(outputs.first(), Some(Output::StopAdvertising)));
        let sent: Vec<Vec<u8>> = sent(outputs);
        let [reply, introduction, update] = sent.try_into().unwrap();
        let established = initiator.finish(&reply).unwrap();
        let mut channel = Channel::new(established);
        let opened = channel.open_untyped(introduction).unwrap();
        let introduction = PostHandshake::parse(opened.expose()).unwrap();
        assert_eq!(introduction.features, Features::CTAP);
        rig.info = Some(fido_hybrid::cbor::decode(&introduction.get_info.unwrap()).unwrap());
        assert_eq!(update.len(), 528, "as long as an update with a link");
        let update = channel.open(update).unwrap();
        assert_eq!(update.kind, MessageType::Update);
        assert_eq!(UpdateMessage::parse(update.payload.expose()).unwrap().linking, None);
        rig.channel = Some(channel);
        assert_eq!(rig.transaction.stage(), Stage::Listening);
        rig
    }

    /// The client's first message to who advertises so.
    pub fn handshake(&self, advert: &[u8]) -> (Initiator, Vec<u8>) {
        self.client.handshake(advert)
    }

    /// One input, and all that comes of it.
    pub fn step(&mut self, input: Input) -> Vec<Output> {
        self.try_step(input).unwrap()
    }

    pub fn try_step(&mut self, input: Input) -> Result<Vec<Output>, ApiMisuse> {
        self.transaction.handle(self.now, input)?;
        Ok(drain(&mut self.transaction))
    }

    /// The client sends a message.
    pub fn send(&mut self, kind: MessageType, payload: &[u8]) -> Vec<Output> {
        let message = self.channel.as_mut().unwrap().seal(kind, payload).unwrap();
        self.step(Input::Message(message))
    }

    /// Asks; a registration that excludes nothing is told that the store has
    /// nothing for the relying party.
    pub fn ask(&mut self, request: &CtapRequest) -> Vec<Output> {
        let outputs = self.send(MessageType::Ctap, &request.to_bytes());
        match (request, outputs.as_slice()) {
            (CtapRequest::MakeCredential(request), [Output::FindPasskeys { .. }])
                if request.exclude_list.is_empty() =>
            {
                self.find(Vec::new())
            }
            _ => outputs,
        }
    }

    /// Opens the one response that is among the outputs.
    pub fn response(&mut self, outputs: Vec<Output>) -> RawResponse {
        let [message] = sent(outputs).try_into().expect("one message");
        let message = self.channel.as_mut().unwrap().open(message).unwrap();
        assert_eq!(message.kind, MessageType::Ctap);
        RawResponse::parse(message.payload.into_exposed()).unwrap()
    }

    pub fn status(&mut self, outputs: Vec<Output>) -> Status {
        self.response(outputs).status()
    }

    pub fn answer(
        &mut self,
        command: Command,
        outputs: Vec<Output>,
    ) -> Result<CtapResponse, ResponseError> {
        self.response(outputs).decode(command)
    }

    /// Answers the store's question.
    pub fn find(&mut self, passkeys: Vec<Passkey>) -> Vec<Output> {
        self.step(Input::PasskeysFound(Ok(passkeys)))
    }

    pub fn decide(&mut self, prompt: &Prompt, decision: Decision) -> Vec<Output> {
        self.step(Input::Decided { prompt: prompt.id, decision })
    }

    pub fn saved(&mut self) -> Vec<Output> {
        self.step(Input::Saved(Ok(())))
    }

    /// Registers a passkey and gives it.
    pub fn register(
        &mut self,
        request: &MakeCredentialRequest,
    ) -> (Passkey, MakeCredentialResponse) {
        let outputs = self.ask(&request.clone().into());
        let prompt = prompt(&outputs);
        let outputs = self.decide(&prompt, approved(0));
        let passkey = saving(&outputs);
        assert!(sent(outputs).is_empty(), "nothing is told before it is saved");
        let outputs = self.saved();
        let Ok(CtapResponse::MakeCredential(response)) =
            self.answer(Command::MakeCredential, outputs)
        else {
            panic!("no registration")
        };
        (passkey, response)
    }
}

pub fn drain(transaction: &mut Transaction) -> Vec<Output> {
    std::iter::from_fn(|| transaction.poll_output()).collect()
}

pub fn sent(outputs: Vec<Output>) -> Vec<Vec<u8>> {
    let message = |output| match output {
        Output::Send(message) => Some(message),
        _ => None,
    };
    outputs.into_iter().filter_map(message).collect()
}

pub fn prompt(outputs: &[Output]) -> Prompt {
    let prompts: Vec<&Prompt> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Prompt(prompt) => Some(prompt),
            _ => None,
        })
        .collect();
    assert_eq!(prompts.len(), 1, "one prompt: {outputs:?}");
    prompts[0].clone()
}

pub fn saving(outputs: &[Output]) -> Passkey {
    let saving = outputs.iter().find_map(|output| match output {
        Output::SavePasskey(passkey) => Some(passkey.clone()),
        _ => None,
    });
    saving.expect("a passkey to save")
}

/// How the transaction ended, if it did: always the last output.
pub fn closed(outputs: &[Output]) -> Option<Result<(), Error>> {
    match outputs.last() {
        Some(Output::Closed(result)) => Some(result.clone()),
        _ => None,
    }
}

/// Why it failed.
pub fn failed(outputs: &[Output]) -> Error {
    closed(outputs).expect("the end").expect_err("a failure")
}

pub const fn approved(account: usize) -> Decision {
    Decision::Approved { verification: UserVerification::Verified, account }
}

pub fn user(name: &str) -> User {
    User::new(UserHandle::new(name.as_bytes()).unwrap(), name, name.to_uppercase())
}

pub fn make_credential(name: &str) -> MakeCredentialRequest {
    let mut request = MakeCredentialRequest::new(
        HASH,
        RelyingParty::new(RP_ID, "Example"),
        user(name),
        vec![CredentialParameters::new(Algorithm::ES256)],
    );
    request.options.rk = Some(true);
    request.options.uv = Some(true);
    request
}

pub fn get_assertion(allowed: &[&Passkey]) -> GetAssertionRequest {
    let mut request = GetAssertionRequest::new(RP_ID, HASH);
    request.options.uv = Some(true);
    request.allow_list = allowed.iter().map(|passkey| descriptor(passkey)).collect();
    request
}

pub fn descriptor(passkey: &Passkey) -> CredentialDescriptor {
    CredentialDescriptor::new(passkey.id.clone())
}

/// A passkey that was made elsewhere.
pub fn passkey(byte: u8, rp_id: &str, name: &str) -> Passkey {
    let id = ctap::CredentialId::new([byte; 16]).unwrap();
    Passkey::new(id, rp_id, user(name), SecretKey::from_scalar(&[byte; 32]).unwrap())
}
