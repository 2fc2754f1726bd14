//! Whole ceremonies of both drivers over the tunnel service on loopback. The service has
//! tokio's threads; the drivers have their own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::Duration;

use fido_hybrid_porter::phone::{Remote, Screen};
use fido_hybrid_porter::{Air, Client, Phone};
use fido_hybrid_proto::authenticator::{self, Decision, Passkey, Prompt, UserVerification};
use fido_hybrid_proto::client::{ClientDeadlines, ClientUpdate};
use fido_hybrid_proto::crypto::PublicKey;
use fido_hybrid_proto::ctap::{
    Algorithm, CredentialParameters, CtapResponse, GetAssertionRequest, MakeCredentialRequest,
    RelyingParty, Status, User, UserHandle,
};
use fido_hybrid_proto::error::{CancelledBy, Error, ErrorKind, Stage};
use fido_hybrid_proto::transport::{QrCode, TunnelDomain};
use fido_hybrid_relay::{Server, ServerHandle};
use tokio::runtime::{Builder, Runtime};

const RP_ID: &str = "example.com";
const HASH: [u8; 32] = [0x5a; 32];
const APPROVED: Decision =
    Decision::Approved { verification: UserVerification::Verified, account: 0 };
const SHORT: Duration = Duration::from_millis(1);

struct World {
    // Before the runtime, which it needs.
    service: ServerHandle,
    _runtime: Runtime,
    air: Air,
    passkeys: Vec<Passkey>,
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let service = runtime.block_on(async {
            Server::builder().bind("127.0.0.1:0").await.unwrap().start().unwrap()
        });
        Self { service, _runtime: runtime, air: Air::default(), passkeys: Vec::new() }
    }

    fn address(&self) -> SocketAddr {
        self.service.local_addr()
    }

    /// Runs both sides at once, each on a thread, and returns how each ended.
    fn perform(
        &mut self,
        client: Client,
        mut user: impl FnMut(&Remote, Screen) + Send,
    ) -> (Result<CtapResponse, Error>, Result<(), Error>) {
        let (air, service, passkeys) = (self.air.clone(), self.address(), &mut self.passkeys);
        let phone = scanned(&client, authenticator::AuthenticatorDeadlines::default());
        let remote = phone.remote();
        let ends = thread::scope(|scope| {
            let show = |screen| user(&remote, screen);
            let phone = scope.spawn(|| phone.run(passkeys, &air, service, show));
            let client = client.run(&air, service, |_| {});
            (client, phone.join().unwrap())
        });
        assert_eq!(self.air.active(), (0, 0), "no advert and no scan is left");
        ends
    }
}

/// A phone whose user has scanned the client's QR code.
fn scanned(client: &Client, deadlines: authenticator::AuthenticatorDeadlines) -> Phone {
    let code: QrCode = client.qr_text().unwrap().expose().parse().unwrap();
    let mut config = authenticator::AuthenticatorConfig::new(TunnelDomain::GOOGLE);
    config.deadlines = deadlines;
    Phone::new(config, &code).unwrap()
}

fn registration() -> Client {
    let user = User::new(UserHandle::new(*b"ada").unwrap(), "ada", "Ada");
    let rp = RelyingParty::new(RP_ID, "Example");
    let algorithms = vec![CredentialParameters::new(Algorithm::ES256)];
    let request = MakeCredentialRequest::new(HASH, rp, user, algorithms);
    Client::new(request, ClientDeadlines::default()).unwrap()
}

fn sign_in(deadlines: ClientDeadlines) -> Client {
    let mut request = GetAssertionRequest::new(RP_ID, HASH);
    request.options.uv = Some(true);
    Client::new(request, deadlines).unwrap()
}

/// A user who gives the same answer to every prompt.
fn says(decision: Decision) -> impl FnMut(&Remote, Screen) {
    move |phone, screen| match screen {
        Screen::Prompt(Prompt { id, .. }) => phone.decide(id, decision),
        Screen::Dismiss | Screen::Update(_) => {}
    }
}

fn register(world: &mut World) -> PublicKey {
    let (response, phone) = world.perform(registration(), says(APPROVED));
    phone.unwrap();
    let CtapResponse::MakeCredential(made) = response.unwrap() else { panic!("no registration") };
    *made.auth_data.credential().unwrap().public_key.es256().unwrap()
}

#[test]
fn a_passkey_is_registered_and_signs_in() {
    let mut world = World::new();
    let key = register(&mut world);
    for uses in 1..=2 {
        let (response, phone) = world.perform(sign_in(ClientDeadlines::default()), says(APPROVED));
        phone.unwrap();
        let CtapResponse::GetAssertion(assertion) = response.unwrap() else { panic!("no sign-in") };
        let signed = [assertion.auth_data.raw(), &HASH].concat();
        assert!(key.verifies(&signed, assertion.signature.expose()));
        assert_eq!(world.passkeys[0].counter, Some(uses));
    }
}

#[test]
fn the_client_is_told_when_the_user_declines() {
    let mut world = World::new();
    let (response, phone) = world.perform(registration(), says(Decision::Declined));
    let Error { stage, kind, .. } = response.unwrap_err();
    assert!(matches!(kind, ErrorKind::Status(Status::OPERATION_DENIED)), "{kind:?}");
    assert_eq!(stage, Stage::AwaitingResponse);
    phone.unwrap();
    assert!(world.passkeys.is_empty());
}

#[test]
fn a_second_answer_to_a_prompt_is_ignored() {
    let mut world = World::new();
    let (mut once, mut again) = (says(APPROVED), says(Decision::Declined));
    let (response, phone) = world.perform(registration(), |phone, screen| match screen {
        Screen::Prompt(prompt) => {
            once(phone, Screen::Prompt(prompt.clone()));
            again(phone, Screen::Prompt(prompt));
        }
        Screen::Dismiss | Screen::Update(_) => {}
    });
    assert!(matches!(response, Ok(CtapResponse::MakeCredential(_))), "{response:?}");
    phone.unwrap();
}

#[test]
fn the_phone_dismisses_its_prompt_when_the_client_cancels() {
    let mut world = World::new();
    let client = registration();
    let cancel = client.canceller();
    let mut dismissed = 0;
    let (response, phone) = world.perform(client, |_, screen| match screen {
        Screen::Prompt(_) => cancel(),
        Screen::Dismiss => dismissed += 1,
        Screen::Update(_) => {}
    });
    let kind = response.unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Cancelled(CancelledBy::Caller)), "{kind:?}");
    let kind = phone.unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Cancelled(CancelledBy::Client)), "{kind:?}");
    assert_eq!(dismissed, 1);
    assert!(world.passkeys.is_empty());
}

#[test]
fn the_client_is_told_when_the_phone_cancels() {
    let mut world = World::new();
    let (response, phone) = world.perform(registration(), |phone, screen| match screen {
        Screen::Prompt(_) => phone.cancel(),
        Screen::Dismiss | Screen::Update(_) => {}
    });
    let kind = response.unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Status(Status::OPERATION_DENIED)), "{kind:?}");
    let kind = phone.unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Cancelled(CancelledBy::Caller)), "{kind:?}");
}

#[test]
fn the_client_stops_at_its_deadline_when_no_phone_scans() {
    let mut deadlines = ClientDeadlines::default();
    deadlines.showing_qr = Some(SHORT);
    let world = World::new();
    let mut updates = Vec::new();
    let client = sign_in(deadlines);
    let end = client.run(&world.air, world.address(), |update| updates.push(update));
    let Error { stage, kind, .. } = end.unwrap_err();
    assert!(
        matches!((stage, &kind), (Stage::ShowingQr, ErrorKind::Deadline)),
        "{stage:?} {kind:?}"
    );
    assert!(matches!(updates[..], [ClientUpdate::WaitingForScan(_)]), "{updates:?}");
    assert_eq!(world.air.active(), (0, 0));
}

#[test]
fn the_phone_stops_at_its_deadline_when_no_client_is_near() {
    let mut deadlines = authenticator::AuthenticatorDeadlines::default();
    deadlines.advertising = SHORT;
    let mut world = World::new();
    let phone = scanned(&registration(), deadlines);
    let service = world.address();
    let end = phone.run(&mut world.passkeys, &world.air, service, |_| {});
    let Error { stage, kind, .. } = end.unwrap_err();
    assert!(
        matches!((stage, &kind), (Stage::Advertising, ErrorKind::Deadline)),
        "{stage:?} {kind:?}"
    );
    assert_eq!(world.air.active(), (0, 0));
}

#[test]
fn the_prompt_is_dismissed_when_the_clients_deadline_passes() {
    let mut world = World::new();
    register(&mut world);
    let mut deadlines = ClientDeadlines::default();
    deadlines.awaiting_response = SHORT;
    let mut dismissed = 0;
    let (response, phone) = world.perform(sign_in(deadlines), |_, screen| match screen {
        Screen::Dismiss => dismissed += 1,
        Screen::Prompt(_) | Screen::Update(_) => {}
    });
    let Error { stage, kind, .. } = response.unwrap_err();
    assert!(
        matches!((stage, &kind), (Stage::AwaitingResponse, ErrorKind::Deadline)),
        "{stage:?} {kind:?}"
    );
    let kind = phone.unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Cancelled(CancelledBy::Client)), "{kind:?}");
    assert_eq!(dismissed, 1);
}

#[test]
fn the_library_stands_on_proto_without_an_async_runtime() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--package", env!("CARGO_PKG_NAME")])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let mut names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.contains(&"fido-hybrid-proto") && names.contains(&"tungstenite"), "{names:?}");
    let runtime = |name: &&&str| {
        ["tokio", "async", "futures", "mio", "smol"].iter().any(|word| name.starts_with(word))
    };
    assert_eq!(names.iter().find(runtime), None);
    let own = names.iter().filter(|name| name.starts_with("fido-hybrid"));
    assert_eq!(own.collect::<Vec<_>>(), [&"fido-hybrid-porter", &"fido-hybrid-proto"]);
}
