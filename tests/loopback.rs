//! Whole ceremonies of the real client and the real authenticator, through the
//! real WebSocket with TLS and the crate's own tunnel service on loopback. Only
//! the air is simulated.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use fido_hybrid_testkit::{paused_clock as clock, rig};
use std::sync::atomic::{AtomicBool, Ordering};

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, Session, UserCheck,
    UserVerification,
};
use fido_hybrid::bluetooth::{Advertisement, Advertiser, ScanEvent, Scanner};
use fido_hybrid::client::{Ceremony, Client, ClientUpdate};
use fido_hybrid::ctap::{CredentialDescriptor, CtapRequest, CtapResponse, Flags, Status};
use fido_hybrid::error::{Advice, BluetoothError, CancelledBy, ErrorKind, Stage, TunnelError};
use fido_hybrid::transport::{MessageType, QrCode, TunnelDomain};
use fido_hybrid::tunnel::WebSocketDialer;
use fido_hybrid_relay::{Server, ServerHandle};
use fido_hybrid_sim::Air;
use fido_hybrid_testkit::made_phone::MadePhone;
use fido_hybrid_testkit::services::{certificate, domain, secure};
use fido_hybrid_testkit::wrong_answers::{Asked, Options, get_info, origin, wrong_answers};
use futures_util::future::join_all;
use rig::{HASH, get_assertion, make_credential};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// A user with a phone, and how many questions are on its screen.
#[derive(Clone)]
struct Person {
    answers: bool,
    verification: UserVerification,
    shown: watch::Sender<usize>,
}

struct Shown(watch::Sender<usize>);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.send_modify(|shown| *shown -= 1);
    }
}

impl UserCheck for Person {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move {
            self.shown.send_modify(|shown| *shown += 1);
            let _shown = Shown(self.shown.clone());
            if !self.answers {
                std::future::pending::<()>().await;
            }
            Decision::Approved { verification: self.verification, account: 0 }
        })
    }

    fn capability(&self) -> UserVerification {
        self.verification
    }
}

struct World {
    air: Air,
    client: Client,
    phone: Authenticator,
    shown: watch::Receiver<usize>,
    service: ServerHandle,
    tunnel: WebSocketDialer,
}

impl World {
    async fn of_a_user_who_agrees() -> Self {
        Self::new(true, UserVerification::Verified).await
    }

    /// With a phone that has no way to verify its user.
    async fn of_a_user_who_is_only_present() -> Self {
        Self::new(true, UserVerification::Present).await
    }

    async fn of_a_user_who_is_away() -> Self {
        Self::new(false, UserVerification::Verified).await
    }

    async fn new(answers: bool, verification: UserVerification) -> Self {
        let (root, config) = certificate(&[&domain()]);
        let server = Server::builder().tls(config).bind("127.0.0.1:0").await.unwrap();
        let service = server.start().unwrap();
        let tunnel = secure(&root, service.local_addr()).build().unwrap();
        let air = Air::new();
        let (sender, shown) = watch::channel(0);
        let client = Client::new(air.clone(), tunnel.clone());
        let person = Person { answers, verification, shown: sender };
        let phone = Authenticator::new(AuthenticatorParts {
            store: MemoryStore::new(),
            user: person,
            advertiser: air.clone(),
            dialer: tunnel.clone(),
            domain: TunnelDomain::GOOGLE,
        });
        Self { air, client, phone, shown, service, tunnel }
    }

    /// The phone's camera sees the code.
    fn scan<T>(&self, ceremony: &Ceremony<T>) -> Session {
        self.phone.answer(code(ceremony)).unwrap()
    }

    /// A ceremony from the code to the answer; both sides end well.
    async fn perform(&self, request: impl Into<CtapRequest>) -> CtapResponse {
        let mut ceremony = self.client.begin(request.into(), None).unwrap();
        let mut session = self.scan(&ceremony);
        let response = ceremony.outcome().await.unwrap();
        drop(ceremony);
        session.outcome().await.unwrap();
        assert_eq!(self.air.adverts(), 0);
        response
    }

    /// A registration that the phone shows to a user who does not answer.
    async fn prompting(&mut self) -> (Ceremony<CtapResponse>, Session) {
        let ceremony = self.client.begin(registration(), None).unwrap();
        let session = self.scan(&ceremony);
        self.shown(1).await;
        (ceremony, session)
    }

    async fn shown(&mut self, expected: usize) {
        self.shown.wait_for(|shown| *shown == expected).await.unwrap();
    }
}

fn code<T>(ceremony: &Ceremony<T>) -> QrCode {
    ceremony.qr_code().unwrap().expose().parse().unwrap()
}

fn registration() -> CtapRequest {
    make_credential("Ada").into()
}

async fn reach(
    ceremony: &mut Ceremony<CtapResponse>,
    mut enough: impl FnMut(&ClientUpdate) -> bool,
) {
    while let Some(update) = ceremony.next().await {
        if enough(&update) {
            return;
        }
    }
    panic!("{:?}", ceremony.outcome().await);
}

#[tokio::test]
async fn a_passkey_is_registered_and_signs_in_with_and_without_an_allow_list() {
    let world = World::of_a_user_who_agrees().await;
    let CtapResponse::MakeCredential(made) = world.perform(make_credential("Ada")).await else {
        panic!("no registration")
    };
    let credential = made.auth_data.credential().unwrap();
    let key = *credential.public_key.es256().unwrap();

    let mut named = get_assertion(&[]);
    named.allow_list = vec![CredentialDescriptor::new(credential.id.clone())];
    for request in [get_assertion(&[]), named] {
        let anybody = request.allow_list.is_empty();
        let CtapResponse::GetAssertion(assertion) = world.perform(request).await else {
            panic!("no sign-in")
        };
        let flags = assertion.auth_data.flags();
        assert!(flags.contains(Flags::USER_PRESENT | Flags::USER_VERIFIED));
        let signed = [assertion.auth_data.raw(), &HASH].concat();
        assert!(key.verifies(&signed, assertion.signature.expose()));
        if anybody {
            assert_eq!(assertion.user.unwrap().id.as_bytes(), b"Ada");
        }
    }
}

#[tokio::test]
async fn one_request_after_another_through_one_tunnel() {
    let world = World::of_a_user_who_agrees().await;
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let mut session = world.scan(&ceremony);
    ceremony.outcome().await.unwrap();
    for _ in 0..3 {
        let answer = ceremony.ask(get_assertion(&[]).into()).await;
        assert!(matches!(answer, Ok(CtapResponse::GetAssertion(_))), "{answer:?}");
    }
    drop(ceremony);
    session.outcome().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_ceremonies_share_the_air_and_the_service() {
    let world = World::of_a_user_who_agrees().await;
    let mut under_way = tokio::task::JoinSet::new();
    for person in 0..10 {
        let request = make_credential(&format!("Ada {person}"));
        let mut ceremony = world.client.begin(request.into(), None).unwrap();
        let mut session = world.scan(&ceremony);
        under_way.spawn(async move {
            let made = ceremony.outcome().await;
            assert!(matches!(made, Ok(CtapResponse::MakeCredential(_))), "{made:?}");
            drop(ceremony);
            session.outcome().await.unwrap();
        });
    }
    while let Some(ended) = under_way.join_next().await {
        ended.unwrap();
    }
    assert_eq!(world.air.adverts(), 0);
}

#[tokio::test(start_paused = true)]
async fn fifty_pairs_behind_one_address_end_well_at_once() {
    // However slow the machine is: it is not about deadlines.
    let _clock = clock::hold();
    let world = World::of_a_user_who_agrees().await;
    let pairs = (0..50).map(|person| {
        let request = make_credential(&format!("Ada {person}"));
        let ceremony = world.client.begin(request.into(), None).unwrap();
        let session = world.scan(&ceremony);
        both_end_well(ceremony, session)
    });
    join_all(pairs).await;
    assert_eq!(world.air.adverts(), 0);
}

#[tokio::test]
async fn a_phone_whose_prompt_times_out_refuses() {
    let mut world = World::of_a_user_who_is_away().await;
    let (mut ceremony, session) = world.prompting().await;
    drop(session);
    let end = ceremony.outcome().await.unwrap_err();
    assert_eq!(end.stage, Stage::AwaitingResponse);
    assert!(matches!(end.kind, ErrorKind::Status(Status::OPERATION_DENIED)), "{end}");
    world.shown(0).await;
}

#[tokio::test]
async fn a_phone_that_is_switched_off_has_disconnected() {
    let mut world = World::of_a_user_who_is_away().await;
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let phone = Runtime::new().unwrap();
    let session = {
        let _on_the_phone = phone.enter();
        world.scan(&ceremony)
    };
    world.shown(1).await;
    phone.shutdown_background();
    let end = ceremony.outcome().await.unwrap_err();
    assert_eq!(end.stage, Stage::AwaitingResponse);
    assert!(matches!(end.kind, ErrorKind::PeerDisconnected), "{end}");
    assert!(end.can_retry());
    drop(session);
}

#[tokio::test]
async fn a_request_that_is_ended_on_the_phone_is_asked_again_under_a_fresh_code() {
    let world = World::of_a_user_who_agrees().await;
    let Options::Get(options) = Asked::SignIn.options() else { panic!() };
    let mut ceremony = world.client.get(&options, origin()).unwrap();
    let phone = |code: QrCode| {
        let (air, tunnel) = (world.air.clone(), world.tunnel.clone());
        async move {
            let mut phone = MadePhone::connect(&code, &air, &tunnel, &get_info()).await;
            assert_eq!(phone.receive().await.unwrap().kind, MessageType::Ctap);
            phone
        }
    };
    // As iOS does when its user cancels.
    phone(code(&ceremony)).await.close().await;
    let end = ceremony.outcome().await.unwrap_err();
    assert_eq!((end.stage, end.kind.as_str()), (Stage::AwaitingResponse, "ended-on-phone"));
    assert_eq!(end.advice(), Advice::ContinueOnThePhone);

    ceremony.retry().unwrap();
    let mut again = phone(code(&ceremony)).await;
    let answer = Asked::SignIn.right_answer().bytes();
    again.send(&[(MessageType::Ctap, &answer)]).await.unwrap();
    ceremony.outcome().await.unwrap();
    ceremony.close().await;
    assert_eq!(again.receive().await.unwrap().kind, MessageType::Shutdown);
}

#[tokio::test]
async fn a_wrong_answer_over_the_tunnel_is_the_error_that_names_its_field() {
    let world = World::of_a_user_who_agrees().await;
    let wrong = wrong_answers();
    let wrong = wrong.iter().find(|wrong| wrong.asked == Asked::SignIn).unwrap();
    let Options::Get(options) = Asked::SignIn.options() else { panic!() };
    let mut ceremony = world.client.get(&options, origin()).unwrap();
    let code = code(&ceremony);
    let mut phone = MadePhone::connect(&code, &world.air, &world.tunnel, &get_info()).await;
    phone.receive().await.unwrap();
    let (kind, answer) = wrong.message();
    phone.send(&[(kind, &answer)]).await.unwrap();
    let end = ceremony.outcome().await.unwrap_err();
    let ErrorKind::PeerMisbehaved(misbehaved) = end.kind else { panic!("{end}") };
    assert_eq!(misbehaved, wrong.error);
}

#[tokio::test]
async fn a_code_that_is_renewed_after_it_was_read_leads_to_its_phone() {
    let world = World::of_a_user_who_agrees().await;
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let read = code(&ceremony);
    ceremony.renew_code();
    let mut shown = 0;
    reach(&mut ceremony, |update| {
        shown += usize::from(matches!(update, ClientUpdate::WaitingForScan(_)));
        shown == 2
    })
    .await;
    let renewed = code(&ceremony);
    assert_ne!(renewed.secret.expose(), read.secret.expose());
    let mut session = world.phone.answer(read).unwrap();
    assert!(matches!(ceremony.outcome().await, Ok(CtapResponse::MakeCredential(_))));
    drop(ceremony);
    session.outcome().await.unwrap();
}

#[tokio::test]
async fn a_client_that_is_dropped_while_the_phone_asks_takes_the_prompt_away() {
    let mut world = World::of_a_user_who_is_away().await;
    let (ceremony, mut session) = world.prompting().await;
    drop(ceremony);
    let end = session.outcome().await.unwrap_err();
    assert_eq!(end.stage, Stage::Answering);
    assert!(matches!(end.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{end}");
    world.shown(0).await;
}

#[tokio::test]
async fn a_client_that_is_dropped_once_it_was_connected_ends_the_session_at_once() {
    let steps: [fn(&ClientUpdate) -> bool; 4] = [
        |update| matches!(update, ClientUpdate::Connected),
        |update| matches!(update, ClientUpdate::Secured),
        |update| matches!(update, ClientUpdate::PhoneReady { .. }),
        |update| matches!(update, ClientUpdate::Asked),
    ];
    for step in steps {
        let world = World::of_a_user_who_is_away().await;
        let mut ceremony = world.client.begin(registration(), None).unwrap();
        let mut session = world.scan(&ceremony);
        reach(&mut ceremony, step).await;
        drop(ceremony);
        let end = session.outcome().await.unwrap_err();
        let left = matches!(
            end.kind,
            ErrorKind::PeerDisconnected
                | ErrorKind::Cancelled(CancelledBy::Client)
                | ErrorKind::Tunnel(TunnelError::Closed(_))
        );
        assert!(left, "{end}");
        assert_eq!(world.air.adverts(), 0);
    }
}

#[tokio::test]
async fn a_client_that_is_switched_off_takes_the_prompt_away_too() {
    let mut world = World::of_a_user_who_is_away().await;
    let desktop = Runtime::new().unwrap();
    let ceremony = {
        let _on_the_desktop = desktop.enter();
        world.client.begin(registration(), None).unwrap()
    };
    let mut session = world.scan(&ceremony);
    world.shown(1).await;
    desktop.shutdown_background();
    let end = session.outcome().await.unwrap_err();
    assert_eq!(end.stage, Stage::Answering);
    assert!(matches!(end.kind, ErrorKind::PeerDisconnected), "{end}");
    world.shown(0).await;
    drop(ceremony);
}

/// Runs a whole program: its runtime ends with it, so that nothing happens on
/// its side afterwards.
fn program(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::task::spawn_blocking(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work);
    })
}

#[tokio::test]
async fn a_client_that_closes_and_ends_its_program_has_told_the_phone() {
    let mut world = World::of_a_user_who_is_away().await;
    let (client, mut shown) = (world.client.clone(), world.shown.clone());
    let (show, seen) = oneshot::channel();
    let desktop = program(async move {
        let ceremony = client.begin(registration(), None).unwrap();
        show.send(code(&ceremony)).unwrap();
        shown.wait_for(|shown| *shown == 1).await.unwrap();
        ceremony.close().await;
    });
    let mut session = world.phone.answer(seen.await.unwrap()).unwrap();
    desktop.await.unwrap();
    let end = session.outcome().await.unwrap_err();
    assert!(matches!(end.kind, ErrorKind::Cancelled(CancelledBy::Client)), "{end}");
    world.shown(0).await;
}

#[tokio::test]
async fn a_phone_that_closes_and_ends_its_program_has_refused_the_client() {
    let world = World::of_a_user_who_is_away().await;
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let (phone, code, mut shown) = (world.phone.clone(), code(&ceremony), world.shown.clone());
    let phone = program(async move {
        let session = phone.answer(code).unwrap();
        shown.wait_for(|shown| *shown == 1).await.unwrap();
        session.close().await;
    });
    phone.await.unwrap();
    let end = ceremony.outcome().await.unwrap_err();
    assert!(matches!(end.kind, ErrorKind::Status(Status::OPERATION_DENIED)), "{end}");
}

#[tokio::test]
async fn a_service_that_goes_down_ends_both_sides() {
    let mut world = World::of_a_user_who_is_away().await;
    let (mut ceremony, mut session) = world.prompting().await;
    drop(world.service);
    let end = ceremony.outcome().await.unwrap_err();
    assert_eq!(end.stage, Stage::AwaitingResponse);
    assert!(matches!(end.kind, ErrorKind::PeerDisconnected), "{end}");
    session.outcome().await.unwrap_err();
    world.shown.wait_for(|shown| *shown == 0).await.unwrap();
}

/// A phone with a radio of its own, of a user who agrees.
fn phone_with(radio: impl Advertiser + 'static, tunnel: &WebSocketDialer) -> Authenticator {
    let shown = watch::Sender::new(0);
    let person = Person { answers: true, verification: UserVerification::Verified, shown };
    Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: person,
        advertiser: radio,
        dialer: tunnel.clone(),
        domain: TunnelDomain::GOOGLE,
    })
}

/// Bluetooth that its user turns on after the first attempt.
struct FirstOff {
    air: Air,
    tried: AtomicBool,
}

impl Advertiser for FirstOff {
    fn advertise(
        &self,
        service_data: Vec<u8>,
    ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>> {
        if self.tried.swap(true, Ordering::Relaxed) {
            self.air.advertise(service_data)
        } else {
            Box::pin(async { Err(BluetoothError::Off) })
        }
    }
}

/// The first error of either ends the wait for the other.
async fn both_end_well(mut ceremony: Ceremony<CtapResponse>, mut session: Session) {
    let client = async {
        let made = ceremony.outcome().await?;
        drop(ceremony);
        Ok(made)
    };
    let ended = tokio::try_join!(client, session.outcome());
    assert!(matches!(ended, Ok((CtapResponse::MakeCredential(_), ()))), "{ended:?}");
}

#[tokio::test]
async fn one_phone_scans_a_code_again_after_bluetooth_was_off_and_ends_well() {
    let world = World::of_a_user_who_agrees().await;
    let radio = FirstOff { air: world.air.clone(), tried: AtomicBool::new(false) };
    let phone = phone_with(radio, &world.tunnel);
    let ceremony = world.client.begin(registration(), None).unwrap();
    let end = phone.answer(code(&ceremony)).unwrap().outcome().await.unwrap_err();
    assert!(matches!(end.kind, ErrorKind::Bluetooth(BluetoothError::Off)), "{end}");
    assert_eq!(end.advice(), Advice::TurnBluetoothOn);

    // The same code is still on the other device's screen.
    let session = phone.answer(code(&ceremony)).unwrap();
    both_end_well(ceremony, session).await;
}

#[tokio::test]
async fn one_phone_scans_a_code_twice_in_a_row_and_one_of_the_scans_ends_well() {
    let world = World::of_a_user_who_agrees().await;
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let (mut one, mut other) = (world.scan(&ceremony), world.scan(&ceremony));
    let made = ceremony.outcome().await;
    assert!(matches!(made, Ok(CtapResponse::MakeCredential(_))), "{made:?}");
    drop(ceremony);
    let ends = [one.outcome().await, other.outcome().await];
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
    let end = ends.into_iter().find_map(Result::err).unwrap();
    assert!(is_used(&end.kind), "{end}");
    assert!(matches!(end.advice(), Advice::ScanANewCode | Advice::AnotherPhoneWasFirst), "{end}");
    assert_eq!(world.air.adverts(), 0);
}

/// Refused once the client was connected to another, or closed at that moment.
fn is_used(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Tunnel(TunnelError::Status(409) | TunnelError::Closed(Some(4409))))
}

#[tokio::test]
async fn two_phones_scan_one_code_and_the_one_in_the_room_ends_well() {
    let world = World::of_a_user_who_agrees().await;
    let ceremony = world.client.begin(registration(), None).unwrap();
    // It saw the code, and its adverts go elsewhere.
    let elsewhere = Air::new();
    let far_away = phone_with(elsewhere.clone(), &world.tunnel);
    let mut far_away = far_away.answer(code(&ceremony)).unwrap();
    let received = elsewhere.scan().await.unwrap().next().await;
    assert!(matches!(received, Ok(ScanEvent::Advert(_))), "{received:?}");
    let session = world.scan(&ceremony);
    both_end_well(ceremony, session).await;
    // It does not wait for a minute and is told to bring the devices together.
    let end = far_away.outcome().await.unwrap_err();
    assert_eq!(end.stage, Stage::Advertising);
    assert!(matches!(end.kind, ErrorKind::Tunnel(TunnelError::Closed(Some(4409)))), "{end}");
    assert_eq!(end.advice(), Advice::AnotherPhoneWasFirst);
    assert_eq!(elsewhere.adverts(), 0);
}

#[tokio::test]
async fn a_phone_that_scans_a_code_in_use_is_told_to_use_a_new_one() {
    let mut world = World::of_a_user_who_is_away().await;
    let ceremony = world.client.begin(registration(), None).unwrap();
    // Both see the code while it is shown.
    let seen = code(&ceremony);
    let mut first = world.scan(&ceremony);
    world.shown(1).await;
    let mut second = world.phone.answer(seen).unwrap();
    let end = second.outcome().await.unwrap_err();
    assert_eq!(end.stage, Stage::Registering);
    assert!(matches!(end.kind, ErrorKind::Tunnel(TunnelError::Status(409))), "{end}");
    assert_eq!(end.advice(), Advice::ScanANewCode);
    // It costs the first nothing.
    assert_eq!(*world.shown.borrow(), 1);
    drop(ceremony);
    first.outcome().await.unwrap_err();
}

#[tokio::test]
async fn a_service_with_a_strangers_certificate_is_not_spoken_to() {
    let world = World::of_a_user_who_agrees().await;
    let (stranger, _) = certificate(&[&domain()]);
    let tunnel = secure(&stranger, world.service.local_addr()).build().unwrap();
    let client = Client::new(world.air.clone(), tunnel);
    let mut ceremony = client.begin(registration(), None).unwrap();
    let _session = world.scan(&ceremony);
    let end = ceremony.outcome().await.unwrap_err();
    assert_eq!(end.stage, Stage::Connecting);
    assert!(matches!(end.kind, ErrorKind::Tunnel(TunnelError::UntrustedIssuer(_))), "{end}");
    assert_eq!(end.advice(), Advice::CheckTlsInspection);
}

mod for_a_relying_party {
    use fido_hybrid::ctap::{Algorithm, CredentialParameters, User, UserHandle};
    use fido_hybrid::error::{Error, Unsupported};
    use fido_hybrid::webauthn::{
        Assertion, CreationOptions, Origin, Registration, RequestOptions, Requirement,
    };

    use super::*;

    impl World {
        async fn create(&self, options: &CreationOptions) -> Result<Registration, Error> {
            self.answered(self.client.create(options, origin()).unwrap()).await
        }

        async fn get(&self, options: &RequestOptions) -> Result<Assertion, Error> {
            self.answered(self.client.get(options, origin()).unwrap()).await
        }

        async fn answered<T>(&self, mut ceremony: Ceremony<T>) -> Result<T, Error> {
            let mut session = self.scan(&ceremony);
            let outcome = ceremony.outcome().await;
            drop(ceremony);
            assert_eq!(session.outcome().await.is_ok(), outcome.is_ok());
            outcome
        }
    }

    fn origin() -> Origin {
        Origin::parse("https://example.com").unwrap()
    }

    fn creation() -> CreationOptions {
        let user = User::new(UserHandle::new([7]).unwrap(), "ada", "Ada");
        let parameters = vec![CredentialParameters::new(Algorithm::ES256)];
        CreationOptions::new([1; 16], "Example", user, parameters)
    }

    #[tokio::test]
    async fn a_phone_that_cannot_verify_registers_and_signs_in_with_default_options() {
        let world = World::of_a_user_who_is_only_present().await;
        let made = world.create(&creation()).await.unwrap();
        assert_eq!(made.authenticator_data().flags().0, 0x41, "present, with a credential");
        let key = *made.public_key().es256().unwrap();

        let anybody = RequestOptions::new([2; 16]);
        let mut named = RequestOptions::new([3; 16]);
        named.allow_credentials = vec![CredentialDescriptor::new(made.credential_id().clone())];
        for options in [anybody, named] {
            let signed = world.get(&options).await.unwrap();
            assert_eq!(signed.credential_id(), made.credential_id());
            assert_eq!(signed.authenticator_data().flags().0, 0x01, "present");
            let hash = fido_hybrid::crypto::sha256(&[signed.client_data().expose()]);
            let data = [signed.authenticator_data().raw(), &hash].concat();
            assert!(key.verifies(&data, signed.signature().expose()));
        }
    }

    #[tokio::test]
    async fn a_phone_that_cannot_verify_is_not_asked_where_that_is_required() {
        let world = World::of_a_user_who_is_only_present().await;
        let mut options = creation();
        options.user_verification = Requirement::Required;
        let refused = world.create(&options).await.unwrap_err();
        let mut options = RequestOptions::new([2; 16]);
        options.user_verification = Requirement::Required;
        for error in [refused, world.get(&options).await.unwrap_err()] {
            assert!(matches!(error.kind, ErrorKind::Unsupported(Unsupported::UserVerification)));
            assert_eq!((error.stage, error.advice()), (Stage::Ready, Advice::UseAnotherDevice));
        }
    }
}
