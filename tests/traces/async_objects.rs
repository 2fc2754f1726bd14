//! The async objects of both roles, over air and tunnel in memory.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, Session, UserCheck,
};
use fido_hybrid::bluetooth::{Advertisement, Advertiser};
use fido_hybrid::client::{Ceremony, Client, ClientDeadlines};
use fido_hybrid::ctap::{CtapRequest, CtapResponse};
use fido_hybrid::error::{ApiMisuse, BluetoothError, Error, ErrorKind, Stage, TunnelError};
use fido_hybrid::transport::{QrCode, QrText, TunnelRequest};
use fido_hybrid::tunnel::{DataChannel, OpenedTunnel, TunnelDialer};
use fido_hybrid_sim::{Air, MemoryRelay};

use super::finder::Secrets;
use super::rig;
use super::trace_recorder::Notebook;

/// What becomes of the ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// The user approves, and the ceremony succeeds.
    Well,
    /// No phone is there.
    NobodyScans,
    /// The phone's tunnel service refuses every connection.
    PhoneRefused,
    /// The client's tunnel service refuses every connection.
    ClientRefused,
    /// The client gets another message than the phone sent: the n-th one.
    Tampered(usize),
    UserSaysNo,
    UserDisconnects,
    /// What asks the user panics.
    UserCheckPanics,
    /// Advertising cannot start.
    RadioOff,
    ClientDropped,
    PhoneDropped,
}

/// A tunnel service that does what the course says to one side.
struct Service {
    exchange: MemoryRelay,
    notebook: Notebook,
    course: Course,
    /// Of the client, or of the phone.
    refuses: bool,
}

struct Line {
    tunnel: Box<dyn DataChannel>,
    tampers_in: Option<usize>,
}

impl TunnelDialer for Service {
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        Box::pin(async move {
            self.notebook.print(&request);
            self.notebook.print(&request.url);
            if self.refuses {
                return Err(TunnelError::Status(403));
            }
            let is_clients = request.url.path().starts_with("/cable/connect");
            let mut open = self.exchange.dial(request).await?;
            let tampers_in = match self.course {
                Course::Tampered(number) if is_clients => Some(number),
                _ => None,
            };
            open.tunnel = Box::new(Line { tunnel: open.tunnel, tampers_in });
            self.notebook.print(&open);
            Ok(open)
        })
    }
}

impl DataChannel for Line {
    fn send(&mut self, messages: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), TunnelError>> {
        self.tunnel.send(messages)
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TunnelError>> {
        Box::pin(async move {
            let mut message = self.tunnel.receive().await;
            if let Ok(Some(message)) = &mut message {
                match &mut self.tampers_in {
                    Some(0) => {
                        message.rotate_left(1);
                        self.tampers_in = None;
                    }
                    Some(number) => *number -= 1,
                    None => {}
                }
            }
            message
        })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.tunnel.close()
    }
}

struct Recording {
    air: Air,
    on_air: Arc<Mutex<Option<Vec<u8>>>>,
    course: Course,
}

impl Advertiser for Recording {
    fn advertise(
        &self,
        service_data: Vec<u8>,
    ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>> {
        if self.course == Course::RadioOff {
            return Box::pin(async { Err(BluetoothError::Unsupported("advertise")) });
        }
        *self.on_air.lock().unwrap() = Some(service_data.clone());
        self.air.advertise(service_data)
    }
}

struct User(Notebook, Course);

impl UserCheck for User {
    fn check(&self, prompt: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async move {
            self.0.say(&prompt);
            match self.1 {
                Course::UserSaysNo => Decision::Declined,
                Course::UserDisconnects | Course::ClientDropped | Course::PhoneDropped => {
                    pending().await
                }
                Course::UserCheckPanics => panic!("the screen broke"),
                _ => rig::approved(0),
            }
        })
    }
}

/// Updates as they come, until there is an outcome.
async fn follow(ceremony: &mut Ceremony<CtapResponse>, notebook: &Notebook) {
    while let Some(update) = ceremony.next().await {
        notebook.say(&update);
        notebook.print(ceremony);
    }
}

async fn follow_phone(session: &mut Session, notebook: &Notebook) {
    while let Some(update) = session.next().await {
        notebook.say(&update);
        notebook.print(session);
    }
}

/// Both ends of one ceremony, `None` where an end was dropped.
type Ends = [Option<Result<(), Error>>; 2];

async fn take(course: Course) -> Ends {
    let (notebook, mut secrets) = (Notebook::default(), Secrets::default());
    let _guard = tracing::subscriber::set_default(notebook.clone());
    let (air, exchange, store) = (Air::new(), MemoryRelay::new(), MemoryStore::new());
    let on_air = Arc::default();
    notebook.print(&air);
    notebook.print(&exchange);
    let service = |refuses| Service {
        exchange: exchange.clone(),
        notebook: notebook.clone(),
        course,
        refuses,
    };
    let mut deadlines = ClientDeadlines::default();
    deadlines.showing_qr = Some(Duration::from_secs(60));
    let client =
        Client::new(air.clone(), service(course == Course::ClientRefused)).deadlines(deadlines);
    let authenticator = Authenticator::new(AuthenticatorParts {
        store: store.clone(),
        user: User(notebook.clone(), course),
        advertiser: Recording { air, on_air: Arc::clone(&on_air), course },
        dialer: service(course == Course::PhoneRefused),
        domain: rig::domain(),
    });

    let request: CtapRequest = rig::make_credential("ada").into();
    notebook.print(&request);
    let mut ceremony = client.begin(request, None).unwrap();
    let text: QrText = ceremony.qr_code().unwrap();
    notebook.print(&text);
    notebook.print(&fido_hybrid::qr_render::QrMatrix::new(&text).unwrap());
    let code: QrCode = text.expose().parse().unwrap();
    secrets.qr_code(&text);
    for object in [&client as &dyn std::fmt::Debug, &authenticator, &store, &ceremony, &code] {
        notebook.print(object);
    }

    let client_ends = async {
        if course == Course::ClientDropped {
            while let Some(update) = ceremony.next().await {
                if matches!(update, fido_hybrid::client::ClientUpdate::Asked) {
                    drop(ceremony);
                    return None;
                }
            }
            panic!("it was not asked");
        }
        follow(&mut ceremony, &notebook).await;
        let outcome = ceremony.outcome().await;
        notebook.end(&outcome);
        // Dropping it tells the phone that this is the end.
        drop(ceremony);
        Some(outcome)
    };
    let phone_ends = async {
        if course == Course::NobodyScans {
            return None;
        }
        let mut session = authenticator.answer(code.clone()).unwrap();
        notebook.print(&session);
        if course == Course::PhoneDropped {
            while let Some(update) = session.next().await {
                if matches!(update, fido_hybrid::authenticator::AuthenticatorUpdate::Answering) {
                    return None;
                }
            }
            panic!("it did not prompt");
        }
        follow_phone(&mut session, &notebook).await;
        let outcome = session.outcome().await;
        notebook.end(&outcome);
        Some(outcome)
    };
    let (by_client, by_phone) = tokio::join!(client_ends, phone_ends);

    for passkey in store.passkeys() {
        notebook.print(&passkey);
        secrets.passkey(&passkey);
    }
    if let Some(Ok(response)) = &by_client {
        secrets.answer(&Ok(response.clone()));
    }
    if let Some(advert) = on_air.lock().unwrap().as_ref() {
        secrets.advert(&code.secret, advert);
    }
    assert!(notebook.holds("the transaction is over"), "nothing was traced");
    notebook.assert_holds_none_of(&secrets);
    [by_client.map(|outcome| outcome.map(|_| ())), by_phone]
}

fn at(end: &Option<Result<(), Error>>) -> Option<Stage> {
    end.as_ref().and_then(|end| end.as_ref().err()).map(|error| error.stage)
}

#[tokio::test(start_paused = true)]
async fn of_a_ceremony_that_succeeds() {
    let ends = take(Course::Well).await;
    assert!(ends.iter().all(|end| matches!(end, Some(Ok(())))), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn of_ceremonies_that_end_before_the_two_have_met() {
    let [client, _] = take(Course::NobodyScans).await;
    assert_eq!(at(&client), Some(Stage::ShowingQr));
    let [client, phone] = take(Course::PhoneRefused).await;
    assert_eq!((at(&client), at(&phone)), (Some(Stage::ShowingQr), Some(Stage::Registering)));
    let [client, phone] = take(Course::RadioOff).await;
    assert_eq!((at(&client), at(&phone)), (Some(Stage::ShowingQr), Some(Stage::Advertising)));
    let [client, phone] = take(Course::ClientRefused).await;
    assert_eq!((at(&client), at(&phone)), (Some(Stage::Connecting), Some(Stage::Advertising)));
}

#[tokio::test(start_paused = true)]
async fn of_messages_changed_on_their_way() {
    // The handshake, the introduction, the update, the answer.
    let stages = [
        Stage::Handshaking,
        Stage::AwaitingPostHandshake,
        Stage::AwaitingResponse,
        Stage::AwaitingResponse,
    ];
    for (number, stage) in stages.into_iter().enumerate() {
        let [client, _] = take(Course::Tampered(number)).await;
        assert_eq!(at(&client), Some(stage));
        let error = client.unwrap().unwrap_err();
        assert!(matches!(error.kind, ErrorKind::PeerMisbehaved(_)), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_people_and_programs_who_give_up() {
    let [client, _] = take(Course::UserSaysNo).await;
    assert!(matches!(client.unwrap().unwrap_err().kind, ErrorKind::Status(_)));
    let [client, phone] = take(Course::UserDisconnects).await;
    assert_eq!((at(&client), at(&phone)), (Some(Stage::AwaitingResponse), Some(Stage::Answering)));
    let [_, phone] = take(Course::ClientDropped).await;
    assert!(phone.unwrap().unwrap_err().is_cancelled());
    let [client, _] = take(Course::PhoneDropped).await;
    assert_eq!(at(&client), Some(Stage::AwaitingResponse));
}

#[tokio::test(start_paused = true)]
async fn of_a_panic_in_a_part_that_the_program_brought() {
    // What is printed ends with that part's own words: nothing is added.
    let said = Arc::new(Mutex::new(String::new()));
    let (pages, hook) = (Arc::clone(&said), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        pages.lock().unwrap().push_str(&info.to_string());
        hook(info);
    }));
    let [client, phone] = take(Course::UserCheckPanics).await;
    assert_eq!(at(&client), Some(Stage::AwaitingResponse));
    let kind = phone.unwrap().unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::ApiMisuse(ApiMisuse::TaskEnded)), "{kind}");
    assert!(said.lock().unwrap().ends_with("the screen broke"), "{said:?}");
}

#[test]
fn of_codes_that_cannot_be_read() {
    let (notebook, mut secrets) = (Notebook::default(), Secrets::default());
    let text = rig::Client::new(1).code.to_text();
    secrets.qr_code(&text);
    let whole = text.expose();
    let mut unreadable = vec![
        whole[..whole.len() - 1].to_owned(),
        whole.replace("FIDO:/", "FIDO://"),
        whole[6..].to_owned(),
        format!("{whole}0"),
        format!("{whole} "),
    ];
    // Each digit in its turn.
    unreadable.extend((6..whole.len()).map(|at| {
        let other = if whole.as_bytes()[at] == b'9' { "8" } else { "9" };
        [&whole[..at], other, &whole[at + 1..]].concat()
    }));
    let mut refused = 0;
    for text in unreadable {
        match text.parse::<QrCode>() {
            Err(error) => {
                refused += 1;
                notebook.fail(&Error::new(Stage::Preparing, error));
            }
            // It holds something else, which must not be logged either.
            Ok(code) => notebook.print(&code),
        }
    }
    assert!(refused > 50, "{refused}");
    notebook.assert_holds_none_of(&secrets);
}
