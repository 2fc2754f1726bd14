//! The async authenticator with a key store that lives in another thread, takes its
//! time, fails, and is cancelled.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc as threads};
use std::thread;

use fido_hybrid::BoxFuture;
use fido_hybrid::authenticator::{
    Authenticator, AuthenticatorParts, AuthenticatorUpdate, Decision, ExternalKey, KeyHandle,
    KeyStore, MemoryStore, Passkey, PasskeyStore, Prompt, Session, UserCheck,
};
use fido_hybrid::client::{Ceremony, Client};
use fido_hybrid::crypto::SecretKey;
use fido_hybrid::ctap::{self, CredentialId, CtapResponse, Status};
use fido_hybrid::error::{CancelledBy, Error, ErrorKind, KeyError, Stage, StoreError};
use fido_hybrid_sim::{Air, MemoryRelay};
use fido_hybrid_testkit::rig::{self, approved, domain, get_assertion, make_credential, passkey};
use tokio::sync::{mpsc, oneshot};

type Answer<T> = oneshot::Sender<Result<T, KeyError>>;

/// What the thread is asked.
enum Job {
    Create(Answer<ExternalKey>),
    Sign(KeyHandle, Vec<u8>, Answer<Vec<u8>>),
    Delete(KeyHandle, Answer<()>),
}

/// What the thread does with a job, once it is told.
enum Order {
    Work,
    Fail(KeyError),
    SignWrong,
    /// It asks its user, who does not answer.
    Wait,
}

/// What was seen of the key store, in order.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Asked(&'static str),
    Dismissed,
}

/// The keys, which only the thread uses and the test looks at.
type Kept = Arc<Mutex<BTreeMap<KeyHandle, SecretKey>>>;

/// The thread's life: it ends with the last handle to it.
fn work(
    jobs: &threads::Receiver<Job>,
    orders: &threads::Receiver<Order>,
    seen: &mpsc::UnboundedSender<Seen>,
    kept: &Kept,
) {
    let mut waiting = Vec::new();
    for job in jobs {
        match job {
            Job::Create(answer) => {
                seen.send(Seen::Asked("create")).unwrap();
                match orders.recv().unwrap() {
                    Order::Work | Order::SignWrong => {
                        let mut keys = kept.lock().unwrap();
                        let key = SecretKey::from_scalar(&[keys.len() as u8 + 1; 32]).unwrap();
                        let public_key = *key.public_key();
                        let handle = KeyHandle::new(public_key.compressed()).unwrap();
                        keys.insert(handle.clone(), key);
                        let created = ExternalKey { handle: handle.clone(), public_key };
                        if answer.send(Ok(created)).is_err() {
                            // The caller was dropped without the handle: delete the key.
                            keys.remove(&handle);
                        }
                    }
                    Order::Fail(error) => answer.send(Err(error)).unwrap(),
                    Order::Wait => waiting.push(Job::Create(answer)),
                }
            }
            Job::Sign(handle, message, answer) => {
                seen.send(Seen::Asked("sign")).unwrap();
                match orders.recv().unwrap() {
                    Order::Work => {
                        let keys = kept.lock().unwrap();
                        let signed = keys.get(&handle).map(|key| key.sign(&message));
                        let _dropped = answer.send(signed.ok_or(KeyError::Missing));
                    }
                    Order::SignWrong => {
                        let other = SecretKey::from_scalar(&[0x77; 32]).unwrap();
                        answer.send(Ok(other.sign(&message))).unwrap();
                    }
                    Order::Fail(error) => answer.send(Err(error)).unwrap(),
                    Order::Wait => waiting.push(Job::Sign(handle, message, answer)),
                }
            }
            Job::Delete(handle, answer) => {
                kept.lock().unwrap().remove(&handle);
                seen.send(Seen::Asked("delete")).unwrap();
                answer.send(Ok(())).unwrap();
            }
        }
    }
}

/// The thread, as the authenticator has it.
struct Threaded {
    jobs: threads::Sender<Job>,
    seen: mpsc::UnboundedSender<Seen>,
}

/// The thread's prompt. It is dismissed unless the thread has answered.
struct Shown(Option<mpsc::UnboundedSender<Seen>>);

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(seen) = self.0.take() {
            let _dropped = seen.send(Seen::Dismissed);
        }
    }
}

impl Threaded {
    async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, KeyError> {
        let mut shown = Shown(Some(self.seen.clone()));
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).unwrap();
        let answer = answered.await.unwrap();
        shown.0 = None;
        answer
    }
}

impl KeyStore for Threaded {
    fn create_key<'a>(&'a self, rp_id: &'a str) -> BoxFuture<'a, Result<ExternalKey, KeyError>> {
        assert_eq!(rp_id, rig::RP_ID);
        Box::pin(self.ask(Job::Create))
    }

    fn sign<'a>(
        &'a self,
        rp_id: &'a str,
        key: &'a KeyHandle,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeyError>> {
        assert_eq!(rp_id, rig::RP_ID);
        Box::pin(self.ask(|answer| Job::Sign(key.clone(), message.to_vec(), answer)))
    }

    fn delete_key<'a>(&'a self, key: &'a KeyHandle) -> BoxFuture<'a, Result<(), KeyError>> {
        Box::pin(self.ask(|answer| Job::Delete(key.clone(), answer)))
    }
}

struct Agrees;

impl UserCheck for Agrees {
    fn check(&self, _: Prompt) -> BoxFuture<'_, Decision> {
        Box::pin(async { approved(0) })
    }
}

/// A passkey store that has room, or has none.
#[derive(Clone)]
struct Store {
    memory: MemoryStore,
    is_full: bool,
}

impl PasskeyStore for Store {
    fn candidates<'a>(
        &'a self,
        rp_id: &'a str,
        ids: Option<&'a [CredentialId]>,
    ) -> BoxFuture<'a, Result<Vec<Passkey>, StoreError>> {
        self.memory.candidates(rp_id, ids)
    }

    fn insert(&self, passkey: Passkey) -> BoxFuture<'_, Result<(), StoreError>> {
        if self.is_full {
            return Box::pin(async { Err(StoreError::Full) });
        }
        self.memory.insert(passkey)
    }

    fn count_use<'a>(
        &'a self,
        rp_id: &'a str,
        id: &'a CredentialId,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        self.memory.count_use(rp_id, id)
    }
}

struct World {
    client: Client,
    authenticator: Authenticator,
    store: MemoryStore,
    kept: Kept,
    orders: threads::Sender<Order>,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl World {
    fn new() -> Self {
        Self::with(false)
    }

    fn with(is_full: bool) -> Self {
        let (air, exchange) = (Air::new(), MemoryRelay::new());
        let (jobs, to_do) = threads::channel();
        let (orders, ordered) = threads::channel();
        let (sender, seen) = mpsc::unbounded_channel();
        let kept = Kept::default();
        let keys = Threaded { jobs, seen: sender.clone() };
        let of_thread = Arc::clone(&kept);
        thread::spawn(move || work(&to_do, &ordered, &sender, &of_thread));
        let memory = MemoryStore::new();
        let client = Client::new(air.clone(), exchange.clone());
        let authenticator = Authenticator::builder(AuthenticatorParts {
            store: Store { memory: memory.clone(), is_full },
            user: Agrees,
            advertiser: air,
            dialer: exchange,
            domain: domain(),
        })
        .key_store(keys)
        .build();
        Self { client, authenticator, store: memory, kept, orders, seen }
    }

    /// A world with a passkey, whose key is in the key store.
    async fn with_passkey() -> Self {
        let world = Self::new();
        let key = SecretKey::from_scalar(&[0x33; 32]).unwrap();
        let handle = KeyHandle::new(*b"a key").unwrap();
        let mut passkey = passkey(1, rig::RP_ID, "ada");
        let public_key = *key.public_key();
        passkey.key = ExternalKey { handle: handle.clone(), public_key }.into();
        world.kept.lock().unwrap().insert(handle, key);
        world.store.insert(passkey).await.unwrap();
        world
    }

    fn begin(&self, request: impl Into<ctap::CtapRequest>) -> (Ceremony<CtapResponse>, Session) {
        let ceremony = self.client.begin(request.into(), None).unwrap();
        let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
        (ceremony, self.authenticator.answer(code).unwrap())
    }

    async fn sees(&mut self, expected: Seen) {
        assert_eq!(self.seen.recv().await.unwrap(), expected);
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    fn keys(&self) -> usize {
        self.kept.lock().unwrap().len()
    }
}

async fn updates(session: &mut Session) -> Vec<AuthenticatorUpdate> {
    let mut updates = Vec::new();
    while let Some(update) = session.next().await {
        updates.push(update);
    }
    updates
}

fn status(error: &Error) -> Option<Status> {
    match error.kind {
        ErrorKind::Status(status) => Some(status),
        _ => None,
    }
}

#[tokio::test]
async fn a_passkey_is_registered_and_signs_in_with_a_key_of_another_thread() {
    let mut world = World::new();
    let (mut ceremony, mut session) = world.begin(make_credential("ada"));
    world.sees(Seen::Asked("create")).await;
    assert!(world.store.passkeys().is_empty(), "it takes its time");
    world.order(Order::Work);
    let CtapResponse::MakeCredential(made) = ceremony.outcome().await.unwrap() else { panic!() };
    let key = *made.credential().unwrap().public_key.es256().unwrap();
    let kept = world.store.passkeys();
    assert_eq!(*kept[0].key.public_key(), key);
    assert!(kept[0].key.software().is_none(), "no private key in the passkey store");
    drop(ceremony);
    session.outcome().await.unwrap();

    let (mut ceremony, mut session) = world.begin(get_assertion(&[]));
    world.sees(Seen::Asked("sign")).await;
    world.order(Order::Work);
    let CtapResponse::GetAssertion(signed) = ceremony.outcome().await.unwrap() else { panic!() };
    let message = [signed.auth_data.raw(), &rig::HASH].concat();
    assert!(key.verifies(&message, signed.signature.expose()));
    drop(ceremony);
    session.outcome().await.unwrap();
    assert_eq!(world.keys(), 1);
}

#[tokio::test]
async fn what_fails_is_told_to_both_sides() {
    let broken = || KeyError::failed(std::io::Error::other("the chip is wet"));
    for (order, expected, told) in [
        (Order::Fail(broken()), Status::OTHER, Some("the key store failed")),
        (Order::SignWrong, Status::OTHER, Some("the key store returned a wrong signature")),
        (
            Order::Fail(KeyError::Missing),
            Status::NO_CREDENTIALS,
            Some("the key store has no such key"),
        ),
        (Order::Fail(KeyError::Cancelled), Status::OPERATION_DENIED, None),
    ] {
        let mut world = World::with_passkey().await;
        let (mut ceremony, mut session) = world.begin(get_assertion(&[]));
        world.sees(Seen::Asked("sign")).await;
        world.order(order);
        assert_eq!(status(&ceremony.outcome().await.unwrap_err()), Some(expected));
        drop(ceremony);
        let errors: Vec<String> = updates(&mut session)
            .await
            .into_iter()
            .filter_map(|update| match update {
                AuthenticatorUpdate::KeyStoreFailed(error) => Some(error.kind.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(errors, Vec::from_iter(told));
        session.outcome().await.unwrap();
    }
}

#[tokio::test]
async fn a_key_whose_passkey_is_not_saved_is_deleted() {
    let mut world = World::with(true);
    let (mut ceremony, mut session) = world.begin(make_credential("ada"));
    world.sees(Seen::Asked("create")).await;
    world.order(Order::Work);
    let error = ceremony.outcome().await.unwrap_err();
    assert_eq!(status(&error), Some(Status::KEY_STORE_FULL));
    world.sees(Seen::Asked("delete")).await;
    assert_eq!(world.keys(), 0);
    drop(ceremony);
    session.outcome().await.unwrap();
}

#[tokio::test]
async fn the_key_of_a_replaced_passkey_is_deleted() {
    let mut world = World::with_passkey().await;
    let old = world.store.passkeys().remove(0);
    let mut request = make_credential("ada");
    request.user = old.user;
    let (mut ceremony, _session) = world.begin(request);
    world.sees(Seen::Asked("create")).await;
    world.order(Order::Work);
    ceremony.outcome().await.unwrap();
    world.sees(Seen::Asked("delete")).await;
    assert!(!world.kept.lock().unwrap().contains_key(old.key.handle().unwrap()));
    assert_eq!(world.keys(), 1);
}

#[tokio::test]
async fn dropping_the_session_dismisses_the_prompt_and_refuses() {
    let mut world = World::new();
    let (mut ceremony, session) = world.begin(make_credential("ada"));
    let outcome = tokio::spawn(async move { ceremony.outcome().await });
    world.sees(Seen::Asked("create")).await;
    drop(session);
    world.sees(Seen::Dismissed).await;
    let error = outcome.await.unwrap().unwrap_err();
    assert_eq!(status(&error), Some(Status::OPERATION_DENIED));
    // The thread goes on, and deletes a key whose handle it could not return.
    world.order(Order::Work);
    let (_ceremony, _session) = world.begin(make_credential("ada"));
    world.sees(Seen::Asked("create")).await;
    assert_eq!(world.keys(), 0);
    world.order(Order::Wait);
}

#[tokio::test]
async fn a_client_that_disconnects_dismisses_the_prompt() {
    let mut world = World::with_passkey().await;
    let (ceremony, mut session) = world.begin(get_assertion(&[]));
    world.sees(Seen::Asked("sign")).await;
    world.order(Order::Wait);
    drop(ceremony);
    world.sees(Seen::Dismissed).await;
    let kind = session.outcome().await.unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Cancelled(CancelledBy::Client)));
    assert_eq!(world.keys(), 1);
}

/// With time that passes only where nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_key_store_that_times_out_is_cancelled() {
    let mut world = World::with_passkey().await;
    world.order(Order::Wait);
    let (mut ceremony, mut session) = world.begin(get_assertion(&[]));
    let outcome = tokio::spawn(async move { ceremony.outcome().await });
    let error = session.outcome().await.unwrap_err();
    assert!(matches!((error.stage, error.kind), (Stage::Answering, ErrorKind::Deadline)));
    assert!(outcome.await.unwrap().is_err());
    let mut dismissed = false;
    while let Ok(seen) = world.seen.try_recv() {
        dismissed |= seen == Seen::Dismissed;
    }
    assert!(dismissed);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_a_key_store_that_was_not_given_signs_nothing() {
    let (air, exchange, store) = (Air::new(), MemoryRelay::new(), MemoryStore::new());
    let kept = World::with_passkey().await.store.passkeys().remove(0);
    store.insert(kept).await.unwrap();
    let client = Client::new(air.clone(), exchange.clone());
    let authenticator = Authenticator::new(AuthenticatorParts {
        store,
        user: Agrees,
        advertiser: air,
        dialer: exchange,
        domain: domain(),
    });
    let mut ceremony = client.begin(get_assertion(&[]).into(), None).unwrap();
    let code = ceremony.qr_code().unwrap().expose().parse().unwrap();
    let mut session = authenticator.answer(code).unwrap();
    assert_eq!(status(&ceremony.outcome().await.unwrap_err()), Some(Status::OTHER));
    drop(ceremony);
    let updates = updates(&mut session).await;
    assert!(updates.iter().any(|update| matches!(update, AuthenticatorUpdate::KeyStoreFailed(_))));
}
