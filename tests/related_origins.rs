//! Related origins: which answers of a relying party, over real TLS, let an origin outside
//! of its domain use its RP ID, and what all others end with before there is a QR code.
//!
//! Clauses: [WebAuthn L3 §5.11, §5.11.1].

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail with a panic"
)]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, UserCheck,
};
use fido_hybrid::blocking;
use fido_hybrid::client::{
    Client, ClientUpdate, FetchedList, RELATED_ORIGINS_DEADLINE, RelatedOriginsFetcher,
};
use fido_hybrid::crypto::sha256;
use fido_hybrid::error::{
    Advice, DomException, Error, ErrorKind, MAX_RELATED_ORIGINS, OptionsError, ProxyError,
    RelatedOriginsError, RpIdError, Stage,
};
use fido_hybrid::tunnel::{HttpsFetcher, MAX_LIST_REDIRECTS, Proxy, WebSocketDialer};
use fido_hybrid::webauthn::{BuiltInSuffixes, CreationOptions, Origin, PublicSuffixes};
use fido_hybrid_sim::{Air, MemoryRelay};
use fido_hybrid_testkit::paused_clock as clock;
use fido_hybrid_testkit::rig::{approved, domain};
use fido_hybrid_testkit::services::{certificate, certificate_between};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

const RP_ID: &str = "example.com";
const WWW: &str = "www.example.com";
const URL: &str = "https://example.com/.well-known/webauthn";
const LISTED: &str = r#"{"origins":["https://example.de","https://shop.test:8443"]}"#;

fn origin() -> Origin {
    Origin::parse("https://example.de").unwrap()
}

/// An answer with a JSON body.
fn list(body: &str) -> Vec<u8> {
    answer("200 OK", &["Content-Type: application/json"], body)
}

fn answer(status: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let headers = headers.join("\r\n");
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn redirect(location: &str) -> Vec<u8> {
    answer("302 Found", &[&format!("Location: {location}")], "")
}

/// A relying party's server, which gives one answer per connection.
struct Server {
    root: CertificateDer<'static>,
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// After the last answer it accepts connections, and says nothing.
    async fn answering(answers: Vec<Vec<u8>>) -> Self {
        let (root, config) = certificate(&[RP_ID, WWW]);
        Self::with(root, config, answers).await
    }

    async fn with(
        root: CertificateDer<'static>,
        config: Arc<ServerConfig>,
        answers: Vec<Vec<u8>>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut answers = answers.into_iter();
            let mut open = Vec::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = TlsAcceptor::from(Arc::clone(&config));
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.unwrap());
                }
                seen.lock().unwrap().push(String::from_utf8(request).unwrap());
                if let Some(answer) = answers.next() {
                    // A client that has read enough closes.
                    let _closed = stream.write_all(&answer).await;
                    let _closed = stream.flush().await;
                }
                open.push(stream);
            }
        });
        Self { root, address, requests }
    }

    fn fetcher(&self) -> HttpsFetcher {
        let dialer = WebSocketDialer::builder()
            .extra_roots([self.root.clone()])
            .resolve(RP_ID, self.address)
            .resolve(WWW, self.address)
            .build();
        dialer.unwrap().https_fetcher()
    }

    fn client(&self) -> Client {
        client().related_origins(self.fetcher())
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// In a world without phones: there is no radio and no tunnel for what is refused.
fn client() -> Client {
    Client::new(Air::new(), MemoryRelay::new())
}

/// The outcome with a server that gives these answers.
async fn asked(answers: Vec<Vec<u8>>) -> Result<(), Error> {
    let server = Server::answering(answers).await;
    server.client().check_caller(origin(), Some(RP_ID)).await.map(|_| ())
}

async fn refused(answers: Vec<Vec<u8>>) -> RelatedOriginsError {
    let error = asked(answers).await.unwrap_err();
    assert_eq!((error.stage, error.dom_exception()), (Stage::Preparing, DomException::Security));
    match error.kind {
        ErrorKind::RelatedOrigins(error) => error,
        other => panic!("{other:?}"),
    }
}

fn creation() -> CreationOptions {
    let json = json!({
        "challenge": "AAECAw",
        "rp": {"id": RP_ID, "name": "Example"},
        "user": {"id": "Bwg", "name": "ada", "displayName": "Ada"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    });
    CreationOptions::from_json(&json.to_string()).unwrap()
}

struct Approves;

impl UserCheck for Approves {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async { approved(0) })
    }
}

#[tokio::test]
async fn a_listed_origin_registers_a_passkey_of_the_rp_id() {
    let server = Server::answering(vec![list(LISTED)]).await;
    let (air, relay) = (Air::new(), MemoryRelay::new());
    let client = Client::new(air.clone(), relay.clone()).related_origins(server.fetcher());
    let phone = Authenticator::new(AuthenticatorParts {
        store: MemoryStore::new(),
        user: Approves,
        advertiser: air,
        dialer: relay,
        domain: domain(),
    });

    let options = creation();
    let caller = client.check_caller(origin(), options.rp_id.as_deref()).await.unwrap();
    let ceremony = client.create(&options, caller).unwrap();
    let registration = ceremony.on_update(move |update| {
        if let ClientUpdate::WaitingForScan(code) = &update {
            let mut session = phone.answer(code.expose().parse().unwrap()).unwrap();
            tokio::spawn(async move { session.outcome().await });
        }
    });
    let registration = registration.await.unwrap();

    let client_data: Value = serde_json::from_slice(registration.client_data().as_bytes()).unwrap();
    assert_eq!(client_data["origin"], "https://example.de");
    assert_eq!(registration.authenticator_data().rp_id_hash(), &sha256(&[RP_ID.as_bytes()]));
}

#[tokio::test]
async fn the_request_has_nothing_but_what_is_needed() {
    let server =
        Server::answering(vec![redirect("https://www.example.com/a?b"), list(LISTED)]).await;
    server.client().check_caller(origin(), Some(RP_ID)).await.unwrap();
    let expected = [("example.com", "/.well-known/webauthn"), ("www.example.com", "/a?b")];
    let expected = expected.map(|(host, path)| {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n")
    });
    assert_eq!(server.requests(), expected);
}

#[tokio::test]
async fn nothing_is_fetched_where_the_domain_decides() {
    let server = Server::answering(vec![]).await;
    let client = server.client();
    let own = Origin::parse("https://login.example.com").unwrap();
    for rp_id in [None, Some("login.example.com"), Some(RP_ID)] {
        client.check_caller(&own, rp_id).await.unwrap();
    }
    for (rp_id, expected) in [
        ("com", RpIdError::PublicSuffix),
        ("github.io", RpIdError::PublicSuffix),
        ("localhost", RpIdError::PublicSuffix),
        ("app.localhost", RpIdError::OtherDomain),
    ] {
        let error = client.check_caller(&own, Some(rp_id)).await.unwrap_err();
        match error.kind {
            ErrorKind::Options(OptionsError::RpId(error)) => assert_eq!(error, expected, "{rp_id}"),
            other => panic!("{rp_id}: {other:?}"),
        }
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn without_a_fetcher_the_domain_decides() {
    let error = client().check_caller(origin(), Some(RP_ID)).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Options(OptionsError::RpId(RpIdError::OtherDomain))));
    assert_eq!(error.dom_exception(), DomException::Security);
    // And a caller that was not checked stays outside.
    let server = Server::answering(vec![list(LISTED)]).await;
    let error = server.client().create(&creation(), origin()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Options(OptionsError::RpId(RpIdError::OtherDomain))));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn capabilities_follow_from_how_the_client_is_built() {
    let server = Server::answering(vec![]).await;
    for (client, related) in [(client(), false), (server.client(), true)] {
        let capabilities = client.capabilities();
        assert_eq!(capabilities.related_origins, related);
        assert!(capabilities.hybrid_transport && capabilities.passkey_platform_authenticator);
        let json: Value = serde_json::from_str(&capabilities.to_json()).unwrap();
        assert_eq!(json["relatedOrigins"], related);
        for signal in ["AllAcceptedCredentials", "CurrentUserDetails", "UnknownCredential"] {
            assert_eq!(json[format!("signal{signal}")], false);
        }
    }
}

#[tokio::test]
async fn chunks_and_trailers_are_read() {
    let mut chunked = b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\
        Transfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for chunk in LISTED.as_bytes().chunks(7) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\nX-Trailer: 1\r\n\r\n");
    asked(vec![chunked]).await.unwrap();
}

#[tokio::test]
async fn the_sixth_label_is_not_read() {
    let five =
        ["https://a.com", "https://b.com", "https://c.com", "https://d.com", "https://e.com"];
    let behind = |before: &[&str], mine: &str| {
        let origins = [before, &[mine]].concat();
        json!({ "origins": origins }).to_string()
    };
    let error = refused(vec![list(&behind(&five, "https://example.de"))]).await;
    assert!(matches!(error, RelatedOriginsError::TooManyLabels), "{error:?}");
    let error = refused(vec![list(&behind(&five, "https://f.com"))]).await;
    assert!(matches!(error, RelatedOriginsError::NotListed), "{error:?}");
    let fifth = behind(&five[1..], "https://example.de");
    asked(vec![list(&fifth)]).await.unwrap();
}

#[tokio::test]
async fn another_status_or_content_type_is_refused() {
    let json = "Content-Type: application/json";
    for status in ["404 Not Found", "500 No", "204 No Content", "201 Created", "304 Not Modified"] {
        let error = refused(vec![answer(status, &[json], LISTED)]).await;
        assert!(matches!(error, RelatedOriginsError::Status(_)), "{status}: {error:?}");
    }
    for headers in [
        &["Content-Type: text/html"][..],
        &["X-Content-Type: application/json"],
        &[json, "Content-Type: text/html"],
        &["Content-Type: application/json\u{e9}"],
    ] {
        let error = refused(vec![answer("200 OK", headers, LISTED)]).await;
        assert!(matches!(error, RelatedOriginsError::ContentType), "{headers:?}: {error:?}");
    }
    let error = refused(vec![list(r#"["https://example.de"]"#)]).await;
    assert!(matches!(error, RelatedOriginsError::Json), "{error:?}");
}

#[tokio::test]
async fn redirects_are_followed_to_https_names_and_not_for_ever() {
    for location in [
        "http://example.com/.well-known/webauthn",
        "http://www.example.com/",
        "wss://example.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://user@example.com/",
        "relative",
        "",
    ] {
        let error = refused(vec![redirect(location), list(LISTED)]).await;
        assert!(matches!(error, RelatedOriginsError::Redirect), "{location}: {error:?}");
    }
    let none = answer("302 Found", &["X: 1"], "");
    let two = answer("302 Found", &["Location: /a", "Location: /b"], "");
    for broken in [none, two] {
        let error = refused(vec![broken, list(LISTED)]).await;
        assert!(matches!(error, RelatedOriginsError::Redirect), "{error:?}");
    }
    let followed = |count| {
        let hops = (0..count).map(|hop| redirect(["/a", "//www.example.com/b"][hop % 2]));
        hops.chain([list(LISTED)]).collect()
    };
    asked(followed(MAX_LIST_REDIRECTS)).await.unwrap();
    let error = refused(followed(MAX_LIST_REDIRECTS + 1)).await;
    assert!(matches!(error, RelatedOriginsError::Redirect), "{error:?}");
}

#[tokio::test]
async fn no_more_than_the_limit_is_read() {
    let padding = MAX_RELATED_ORIGINS - LISTED.len();
    let longest = format!("{LISTED}{}", " ".repeat(padding));
    asked(vec![list(&longest)]).await.unwrap();
    let error = refused(vec![list(&format!("{longest} "))]).await;
    assert!(matches!(error, RelatedOriginsError::TooLong), "{error:?}");

    // Its length is not announced, and it has no end.
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    let endless = [&head[..], &vec![b' '; MAX_RELATED_ORIGINS + 1]].concat();
    let error = refused(vec![endless]).await;
    assert!(matches!(error, RelatedOriginsError::TooLong), "{error:?}");

    // A length alone is enough.
    let announced =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n";
    let error = refused(vec![announced.to_vec()]).await;
    assert!(matches!(error, RelatedOriginsError::TooLong), "{error:?}");

    // A head without an end.
    let head = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: endless\r\n".repeat(100_000)].concat();
    let error = refused(vec![head]).await;
    assert!(matches!(error, RelatedOriginsError::Fetch(_)), "{error:?}");
}

#[tokio::test]
async fn what_is_not_http_is_refused_without_its_text() {
    for nonsense in
        [&b"secret nonsense\r\n\r\n"[..], b"HTTP/1.1 secret\r\n\r\n", b"\0\0\0\0\0\0\0\0\r\n\r\n"]
    {
        let error = refused(vec![nonsense.to_vec()]).await;
        assert!(matches!(error, RelatedOriginsError::Fetch(_)), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (root, config) = certificate(&["other.example"]);
    let server = Server::with(root, config, vec![list(LISTED)]).await;
    let error = server.client().check_caller(origin(), Some(RP_ID)).await.unwrap_err();
    assert_eq!(error.advice(), Advice::CheckTheWayToTheSite);
    match error.kind {
        ErrorKind::RelatedOrigins(RelatedOriginsError::Certificate(_)) => {}
        other => panic!("{other:?}"),
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn certificates_tell_a_wrong_clock_and_an_inspected_connection() {
    let (root, config) = certificate_between(&[RP_ID], 3000, 3010);
    let server = Server::with(root, config, vec![list(LISTED)]).await;
    // It is asked for the time, and does not tell it.
    let error = server.client().check_caller(origin(), Some(RP_ID)).await.unwrap_err();
    assert_eq!(error.advice(), Advice::CheckTheClock);

    let (_, config) = certificate(&[RP_ID]);
    let (unrelated, _) = certificate(&[RP_ID]);
    let server = Server::with(unrelated, config, vec![]).await;
    let error = server.client().check_caller(origin(), Some(RP_ID)).await.unwrap_err();
    assert_eq!(error.advice(), Advice::CheckTlsInspection);
    assert!(!error.to_string().contains("tunnel service"), "{error}");
}

/// A proxy that gives one answer, and is the way there after a 200.
async fn proxy(answer: &'static str) -> (Proxy, tokio::sync::oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (told, request) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let request = String::from_utf8(request).unwrap();
        let _test_ended = told.send(request.clone());
        stream.write_all(answer.as_bytes()).await.unwrap();
        if answer.contains(" 200 ") {
            let target = request.split(' ').nth(1).unwrap();
            let mut server = tokio::net::TcpStream::connect(target).await.unwrap();
            let _ended = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
        }
    });
    (proxy, request)
}

#[tokio::test]
async fn a_list_is_fetched_through_the_dialers_proxy() {
    let server = Server::answering(vec![list(LISTED)]).await;
    let through = |proxy| {
        let builder = WebSocketDialer::builder().extra_roots([server.root.clone()]);
        let dialer = builder.resolve(RP_ID, server.address).proxy(proxy).build().unwrap();
        client().related_origins(dialer.https_fetcher())
    };
    let (open, request) = proxy("HTTP/1.1 200 OK\r\n\r\n").await;
    through(open).check_caller(origin(), Some(RP_ID)).await.unwrap();
    assert!(request.await.unwrap().starts_with("CONNECT "));

    let (closed, _request) = proxy("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    let error = through(closed).check_caller(origin(), Some(RP_ID)).await.unwrap_err();
    assert_eq!(error.advice(), Advice::CheckTheWayToTheSite);
    assert!(!error.to_string().contains("tunnel service"), "{error}");
    match error.kind {
        ErrorKind::RelatedOrigins(RelatedOriginsError::Proxy(ProxyError::Forbidden)) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_an_answer_times_out() {
    let held = clock::hold();
    let server = Server::answering(vec![]).await;
    let client = server.client();
    let check = tokio::spawn(async move {
        let began = Instant::now();
        (client.check_caller(origin(), Some(RP_ID)).await, began.elapsed())
    });
    while server.requests().is_empty() {
        clock::settle().await;
    }
    clock::pass(RELATED_ORIGINS_DEADLINE - Duration::from_millis(1)).await;
    clock::settle().await;
    assert!(!check.is_finished());
    clock::pass(Duration::from_millis(1)).await;
    let (outcome, elapsed) = check.await.unwrap();
    let error = outcome.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::RelatedOrigins(RelatedOriginsError::TimedOut)));
    assert_eq!(elapsed, RELATED_ORIGINS_DEADLINE);
    drop(held);
}

/// A program's own way to the web.
struct Counted {
    calls: Arc<AtomicUsize>,
    answers: bool,
}

impl RelatedOriginsFetcher for Counted {
    fn fetch(&self, url: String) -> BoxFuture<'_, Result<FetchedList, RelatedOriginsError>> {
        Box::pin(async move {
            assert_eq!(url, URL);
            self.calls.fetch_add(1, Ordering::SeqCst);
            if !self.answers {
                std::future::pending::<()>().await;
            }
            Ok(FetchedList {
                status: 200,
                content_type: Some("application/json".to_owned()),
                body: LISTED.as_bytes().to_vec(),
            })
        })
    }
}

#[test]
fn a_program_brings_its_own_fetcher_also_without_async() {
    let calls = Arc::new(AtomicUsize::new(0));
    let fetcher = Counted { calls: Arc::clone(&calls), answers: true };
    let client = blocking::Client::new(Air::new(), MemoryRelay::new()).unwrap();
    let client = client.related_origins(fetcher);
    let caller = client.check_caller(origin(), Some(RP_ID)).unwrap();
    client.create(&creation(), &caller).unwrap();
    // What was checked is not asked for again.
    client.check_caller(&caller, Some(RP_ID)).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fetcher_that_never_answers_is_given_up() {
    let calls = Arc::new(AtomicUsize::new(0));
    let client = client().related_origins(Counted { calls, answers: false });
    let began = Instant::now();
    let error = client.check_caller(origin(), Some(RP_ID)).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::RelatedOrigins(RelatedOriginsError::TimedOut)));
    assert_eq!(began.elapsed(), RELATED_ORIGINS_DEADLINE);
}

/// A company's list: each of its applications is a party of its own.
struct Corporate;

impl PublicSuffixes for Corporate {
    fn public_suffix<'a>(&self, domain: &'a str) -> &'a str {
        const APPS: &str = "apps.example.com";
        let below = domain.strip_suffix(APPS).is_some_and(|rest| rest.ends_with('.'));
        if below || domain == APPS { APPS } else { BuiltInSuffixes.public_suffix(domain) }
    }
}

#[tokio::test]
async fn a_clients_own_list_of_suffixes_counts() {
    let one = Origin::parse("https://one.apps.example.com").unwrap();
    let ceremony = client().create(&creation(), &one).unwrap();
    drop(ceremony);
    let corporate = client().public_suffixes(Corporate);
    let error = corporate.create(&creation(), &one).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Options(OptionsError::RpId(RpIdError::PublicSuffix))));
    let error = corporate.check_caller(&one, Some(RP_ID)).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Options(OptionsError::RpId(RpIdError::PublicSuffix))));
}
