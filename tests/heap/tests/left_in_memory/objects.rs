//! The async objects, over air and tunnel in memory: from a relying party's JSON to the
//! JSON of the answer.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use data_encoding::{BASE64, BASE64URL_NOPAD};
use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, Decision, MemoryStore, Prompt, UserCheck, UserVerification,
};
use fido_hybrid::bluetooth::{Advertisement, Advertiser};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::ctap::CtapResponse;
use fido_hybrid::error::{BluetoothError, Error};
use fido_hybrid::qr_render::QrMatrix;
use fido_hybrid::secret::SecretText;
use fido_hybrid::transport::{QrCode, TunnelDomain};
use fido_hybrid::webauthn::{
    Assertion, CreationOptions, Origin, Registration, RequestOptions, prf_input,
};
use fido_hybrid_heap::{record, unrecorded};
use fido_hybrid_sim::{Air, MemoryRelay, SeededRng};
use rand_core::Rng as _;
use tokio::runtime::{Builder, Runtime};

use super::known::Known;

/// What a relying party gives to be evaluated, of any length.
fn inputs() -> [Vec<u8>; 2] {
    [50, 33].map(|length| {
        let mut input = vec![0; length];
        SeededRng::new(length as u64).fill_bytes(&mut input);
        input
    })
}

/// An advertiser that keeps a copy of what it advertises.
struct Recording(Air, Arc<Mutex<Vec<u8>>>);

impl Advertiser for Recording {
    fn advertise(
        &self,
        service_data: Vec<u8>,
    ) -> BoxFuture<'_, Result<Box<dyn Advertisement>, BluetoothError>> {
        self.1.lock().unwrap().clone_from(&service_data);
        self.0.advertise(service_data)
    }
}

struct Yes;

impl UserCheck for Yes {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        let decision = Decision::Approved { verification: UserVerification::Verified, account: 0 };
        Box::pin(std::future::ready(decision))
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn creation_options(prf: &str) -> String {
    format!(
        r#"{{"challenge":"{}","rp":{{"id":"example.com","name":"Example"}},
        "user":{{"id":"AQIDBAUGBwg","name":"ada","displayName":"Ada Lovelace"}},
        "pubKeyCredParams":[{{"type":"public-key","alg":-7}}],
        "authenticatorSelection":{{"userVerification":"required"}},
        "extensions":{{"prf":{prf}}}}}"#,
        BASE64URL_NOPAD.encode(&[9; 32]),
    )
}

fn request_options(id: &[u8], prf: &str) -> String {
    format!(
        r#"{{"challenge":"{}","rpId":"example.com","userVerification":"required",
        "allowCredentials":[{{"type":"public-key","id":"{}"}}],"extensions":{{"prf":{prf}}}}}"#,
        BASE64URL_NOPAD.encode(&[9; 32]),
        BASE64URL_NOPAD.encode(id),
    )
}

/// `{"first", "second"}`, as relying parties write base64.
fn eval(encode: impl Fn(&[u8]) -> String) -> String {
    let [first, second] = inputs().map(|input| encode(&input));
    format!(r#"{{"first":"{first}","second":"{second}"}}"#)
}

struct World {
    client: Client,
    phone: Authenticator,
    store: MemoryStore,
    advert: Arc<Mutex<Vec<u8>>>,
}

impl World {
    fn new() -> Self {
        let (air, exchange) = (Air::new(), MemoryRelay::new());
        let (store, advert) = (MemoryStore::new(), Arc::default());
        let client = Client::new(air.clone(), exchange.clone());
        let phone = Authenticator::new(AuthenticatorParts {
            store: store.clone(),
            user: Yes,
            advertiser: Recording(air, Arc::clone(&advert)),
            dialer: exchange,
            domain: TunnelDomain::GOOGLE,
        });
        Self { client, phone, store, advert }
    }

    /// From the code to the answer as JSON; `response` is the phone's.
    async fn perform<T>(
        &self,
        known: &RefCell<Known>,
        mut ceremony: Ceremony<T>,
        response: impl FnOnce(&T) -> CtapResponse,
        to_json: impl FnOnce(&T) -> SecretText,
    ) -> Result<(), Error> {
        let code = ceremony.qr_code().unwrap();
        unrecorded(|| known.borrow_mut().qr_code(&code));
        drop(QrMatrix::new(&code).unwrap().to_terminal());
        let scanned: QrCode = code.expose().parse().unwrap();
        let mut session = self.phone.answer(scanned)?;
        known.borrow_mut().look();
        let answer = ceremony.outcome().await?;
        unrecorded(|| {
            let mut known = known.borrow_mut();
            let code: QrCode = code.expose().parse().unwrap();
            known.advert(&code.secret, &self.advert.lock().unwrap());
            known.answer(&response(&answer));
            for passkey in self.store.passkeys() {
                known.passkey(&passkey);
            }
        });
        let json = to_json(&answer);
        known.borrow_mut().look();
        drop((json, answer));
        ceremony.close().await;
        session.outcome().await
    }
}

/// A registration and a sign-in by a relying party that writes its inputs like this.
fn nothing_of_an_rp_that_writes(encode: impl Fn(&[u8]) -> String) {
    let runtime = runtime();
    let known = RefCell::new(Known::default());
    for input in inputs() {
        known.borrow_mut().secrets.bytes("what the relying party gave", &input);
        known.borrow_mut().secrets.text("what the relying party wrote", encode(&input).as_bytes());
        known.borrow_mut().secrets.bytes("a PRF input", prf_input(&input).expose());
    }
    let eval = eval(encode);
    let creation = creation_options(&format!(r#"{{"eval":{eval}}}"#));
    let origin = Origin::parse("https://example.com").unwrap();

    let ((), record) = record(|| {
        let world = World::new();
        runtime.block_on(async {
            let options = CreationOptions::from_json(&creation).unwrap();
            let ceremony = world.client.create(&options, &origin).unwrap();
            let response = |it: &Registration| CtapResponse::MakeCredential(it.response().clone());
            let performed = world.perform(&known, ceremony, response, Registration::to_json);
            performed.await.unwrap();

            let id = unrecorded(|| world.store.passkeys()[0].id.clone());
            let of = BASE64URL_NOPAD.encode(id.as_bytes());
            for prf in [
                unrecorded(|| format!(r#"{{"eval":{eval}}}"#)),
                unrecorded(|| format!(r#"{{"evalByCredential":{{"{of}":{eval}}}}}"#)),
            ] {
                let request = unrecorded(|| request_options(id.as_bytes(), &prf));
                let options = RequestOptions::from_json(&request).unwrap();
                let ceremony = world.client.get(&options, &origin).unwrap();
                let response = |it: &Assertion| CtapResponse::GetAssertion(it.response().clone());
                let performed = world.perform(&known, ceremony, response, Assertion::to_json);
                performed.await.unwrap();
            }
        });
    });
    drop(runtime);
    known.borrow().assert_none_is_left_in(&record);
    known.borrow().assert_seen(&[
        "the QR code",
        "the QR secret",
        "a passkey's private key",
        "a passkey's PRF secret",
        "a PRF output",
        "an assertion's signature",
    ]);
}

#[test]
fn nothing_of_a_registration_and_sign_ins_from_json_to_json() {
    nothing_of_an_rp_that_writes(|bytes| BASE64URL_NOPAD.encode(bytes));
}

#[test]
fn nothing_where_the_rp_writes_base64_with_escapes_as_php() {
    nothing_of_an_rp_that_writes(|bytes| BASE64.encode(bytes).replace('/', "\\/"));
}

#[test]
fn nothing_where_the_rp_writes_base64_with_escapes_as_dot_net() {
    nothing_of_an_rp_that_writes(|bytes| BASE64.encode(bytes).replace('+', "\\u002B"));
}
