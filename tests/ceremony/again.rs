//! After a failure: the same request again with a fresh code, and a new code in the place
//! of one that is shown for long.

use std::time::Duration;

use fido_hybrid::client::{
    Ceremony, Client, ClientDeadlines, ClientUpdate, PREVIOUS_CODE_ACCEPTED,
};
use fido_hybrid::ctap::{CtapRequest, CtapResponse, Status};
use fido_hybrid::error::{Advice, ApiMisuse, ErrorKind, Stage};
use fido_hybrid::transport::{MessageType, QrCode};
use fido_hybrid::webauthn::Assertion;
use fido_hybrid_sim::{Air, MemoryRelay};
use fido_hybrid_testkit::made_phone::MadePhone;
use fido_hybrid_testkit::wrong_answers::{Asked, Options, get_info, origin};
use tokio::time::{Instant, advance};

use super::{Person, World, registration};

fn code<T>(ceremony: &Ceremony<T>) -> QrCode {
    ceremony.qr_code().unwrap().expose().parse().unwrap()
}

/// The next code that the ceremony shows.
async fn shown<T>(ceremony: &mut Ceremony<T>) -> QrCode {
    match ceremony.next().await {
        Some(ClientUpdate::WaitingForScan(text)) => text.expose().parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

struct Phones {
    client: Client,
    air: Air,
    relay: MemoryRelay,
}

impl Phones {
    fn new() -> Self {
        let (air, relay) = (Air::new(), MemoryRelay::new());
        Self { client: Client::new(air.clone(), relay.clone()), air, relay }
    }

    fn sign_in(&self, timeout: Option<Duration>) -> Ceremony<Assertion> {
        let Options::Get(mut options) = Asked::SignIn.options() else { panic!() };
        options.timeout = timeout;
        self.client.get(&options, origin()).unwrap()
    }

    /// A phone that has read the code, and the request that it gets.
    async fn asked<T>(&self, ceremony: &Ceremony<T>) -> (MadePhone, CtapRequest) {
        let mut phone =
            MadePhone::connect(&code(ceremony), &self.air, &self.relay, &get_info()).await;
        let request = phone.receive().await.unwrap();
        assert_eq!(request.kind, MessageType::Ctap);
        (phone, CtapRequest::parse(request.payload.expose()).unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_is_asked_again_under_a_fresh_code() {
    let phones = Phones::new();
    let mut ceremony = phones.sign_in(Some(Duration::from_secs(20)));
    let (first_code, mut requests) = (code(&ceremony), Vec::new());
    let (phone, request) = phones.asked(&ceremony).await;
    requests.push(request);
    phone.close().await;
    let error = ceremony.outcome().await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::EndedOnPhone), "{error}");
    assert_eq!((error.advice(), error.can_retry()), (Advice::ContinueOnThePhone, true));

    // The second phone refuses, and the third does not answer in time.
    ceremony.retry().unwrap();
    assert_ne!(code(&ceremony).secret.expose(), first_code.secret.expose());
    let (mut phone, request) = phones.asked(&ceremony).await;
    requests.push(request);
    phone.send(&[(MessageType::Ctap, &[Status::OPERATION_DENIED.0])]).await.unwrap();
    let error = ceremony.outcome().await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Status(_)) && error.can_retry(), "{error}");

    ceremony.retry().unwrap();
    let (_phone, request) = phones.asked(&ceremony).await;
    requests.push(request);
    let asked = Instant::now();
    let error = ceremony.outcome().await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Deadline), "{error}");
    assert_eq!(asked.elapsed().as_secs(), 20, "the options' timeout");

    ceremony.retry().unwrap();
    let (mut phone, request) = phones.asked(&ceremony).await;
    requests.push(request);
    let answer = Asked::SignIn.right_answer().bytes();
    phone.send(&[(MessageType::Ctap, &answer)]).await.unwrap();
    ceremony.outcome().await.unwrap();
    assert!(requests.iter().all(|request| *request == requests[0]), "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_asked_for_again() {
    let phones = Phones::new();
    for is_taken in [true, false] {
        let mut ceremony = phones.sign_in(None);
        let (mut phone, _) = phones.asked(&ceremony).await;
        let answer = Asked::SignIn.right_answer().bytes();
        phone.send(&[(MessageType::Ctap, &answer)]).await.unwrap();
        if is_taken {
            ceremony.outcome().await.unwrap();
        } else {
            while ceremony.next().await.is_some() {}
        }
        let error = ceremony.retry().unwrap_err();
        assert!(matches!(error.kind, ErrorKind::ApiMisuse(ApiMisuse::WrongStage)), "{error}");
        // The answer is not lost, and taking it does not make a second one possible.
        if is_taken {
            ceremony.outcome().await.unwrap_err();
        } else {
            ceremony.outcome().await.unwrap();
        }
        let error = ceremony.retry().unwrap_err();
        assert!(matches!(error.kind, ErrorKind::ApiMisuse(ApiMisuse::WrongStage)), "{error}");
        drop(ceremony);
        // The phone of the ceremony that was dropped is told.
        assert_eq!(phone.receive().await.unwrap().kind, MessageType::Shutdown);
    }
}

#[tokio::test(start_paused = true)]
async fn a_ceremony_that_runs_is_dropped_when_it_is_begun_again() {
    let phones = Phones::new();
    let mut ceremony = phones.sign_in(None);
    let (mut phone, _) = phones.asked(&ceremony).await;
    ceremony.retry().unwrap();
    assert_eq!(phone.receive().await.unwrap().kind, MessageType::Shutdown);
    ceremony.cancel_handle().cancel(fido_hybrid::Canceller::User);
    let error = ceremony.outcome().await.unwrap_err();
    assert!(error.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn the_client_keeps_its_deadlines_when_it_begins_again() {
    let mut deadlines = ClientDeadlines::default();
    deadlines.showing_qr = Some(Duration::from_secs(7));
    let client = Client::new(Air::new(), MemoryRelay::new()).deadlines(deadlines);
    let mut ceremony = client.begin(registration(), None).unwrap();
    drop(client);
    for _ in 0..3 {
        let began = Instant::now();
        let error = ceremony.outcome().await.unwrap_err();
        assert_eq!((error.stage, error.advice()), (Stage::ShowingQr, Advice::ScanANewCode));
        assert_eq!(began.elapsed().as_secs(), 7);
        ceremony.retry().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_renews_the_code_and_both_codes_are_good_for_a_minute() {
    for (waits, reads_first, is_met) in [
        (Duration::ZERO, false, true),
        (Duration::ZERO, true, true),
        (PREVIOUS_CODE_ACCEPTED, false, true),
        (PREVIOUS_CODE_ACCEPTED, true, false),
    ] {
        let world = World::new(Person::Agrees);
        let mut ceremony = world.client.begin(registration(), None).unwrap();
        let first = shown(&mut ceremony).await;
        ceremony.renew_code();
        let second = shown(&mut ceremony).await;
        assert_eq!(code(&ceremony).secret.expose(), second.secret.expose());
        assert_ne!(first.secret.expose(), second.secret.expose());
        advance(waits).await;
        let read = if reads_first { first } else { second };
        let mut session = world.phone.answer(read).unwrap();
        if is_met {
            let outcome = ceremony.outcome().await;
            assert!(matches!(outcome, Ok(CtapResponse::MakeCredential(_))), "{outcome:?}");
            assert!(ceremony.qr_code().is_none());
            // Nothing is renewed any more.
            ceremony.renew_code();
        } else {
            session.outcome().await.unwrap_err();
            assert!(ceremony.try_outcome().is_none());
            assert!(ceremony.qr_code().is_some());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_is_renewed_by_the_clock_until_a_phone_comes() {
    let mut world = World::new(Person::IsAway);
    world.client = world.client.renew_code_every(Duration::from_secs(300));
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let mut codes = vec![shown(&mut ceremony).await];
    let began = Instant::now();
    for number in 1..4 {
        codes.push(shown(&mut ceremony).await);
        assert_eq!(began.elapsed().as_secs(), number * 300);
    }
    // The program's own renewal moves the clock's.
    advance(Duration::from_secs(100)).await;
    ceremony.renew_code();
    codes.push(shown(&mut ceremony).await);
    let renewed = Instant::now();
    codes.push(shown(&mut ceremony).await);
    assert_eq!(renewed.elapsed().as_secs(), 300);
    let different: std::collections::BTreeSet<_> =
        codes.iter().map(|code| *code.secret.expose()).collect();
    assert_eq!(different.len(), codes.len());

    let _session = world.scan(&ceremony);
    let mut told = Vec::new();
    while let Some(update) = ceremony.next().await {
        told.push(update.as_str());
    }
    assert!(!told.contains(&"waiting-for-scan"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn each_code_is_accepted_for_a_minute_however_often_codes_are_renewed() {
    let client = Client::new(Air::new(), MemoryRelay::new()).renew_code_every(Duration::ZERO);
    let mut ceremony = client.begin(registration(), None).unwrap();
    shown(&mut ceremony).await;
    let began = Instant::now();
    shown(&mut ceremony).await;
    assert_eq!(began.elapsed(), PREVIOUS_CODE_ACCEPTED);
}

#[tokio::test(start_paused = true)]
async fn a_program_that_was_away_gets_the_newest_code() {
    let client = Client::new(Air::new(), MemoryRelay::new());
    let client = client.renew_code_every(PREVIOUS_CODE_ACCEPTED);
    let mut ceremony = client.begin(registration(), None).unwrap();
    for _ in 0..100 {
        advance(PREVIOUS_CODE_ACCEPTED).await;
    }
    let newest = ceremony.qr_code().unwrap();
    let mut drawn = 0;
    while let Some(update) = ceremony.try_next() {
        let ClientUpdate::WaitingForScan(code) = update else { panic!("{update:?}") };
        assert_eq!(code.expose(), newest.expose());
        drawn += 1;
    }
    assert!(drawn > 1, "{drawn}");
}

#[tokio::test(start_paused = true)]
async fn a_code_without_renewal_stays() {
    let world = World::new(Person::Agrees);
    let mut ceremony = world.client.begin(registration(), None).unwrap();
    let first = shown(&mut ceremony).await;
    advance(Duration::from_secs(3600)).await;
    assert_eq!(code(&ceremony).secret.expose(), first.secret.expose());
    let _session = world.scan(&ceremony);
    ceremony.outcome().await.unwrap();
}
