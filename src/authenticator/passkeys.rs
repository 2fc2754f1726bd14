//! A transaction that answers from a passkey store and asks a user.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::debug;

use super::accounts::{Accounts, Claim};
use super::driver::{Input, Output, Role};
use fido_hybrid_proto::authenticator::{
    self, AuthenticatorUpdate, Decision, ExternalKey, KeyHandle, KeyStore, Passkey, PasskeyStore,
    PromptId, Transaction, UserCheck,
};
use fido_hybrid_proto::ctap::CredentialId;
use fido_hybrid_proto::error::{ApiMisuse, KeyError, Stage, StoreError};
use fido_hybrid_proto::ports::BoxFuture;

/// How long the deletion of a key may take.
const DELETION_TIMEOUT: Duration = Duration::from_secs(1);

/// The passkeys and the user, which the embedder brought.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) accounts: Arc<Accounts>,
    pub(super) store: Arc<dyn PasskeyStore>,
    pub(super) user: Arc<dyn UserCheck>,
    /// `None`: keys are made in this process.
    pub(super) keys: Option<Arc<dyn KeyStore>>,
}

/// A passkey has a key in a key store, and the authenticator has none.
#[derive(Debug, thiserror::Error)]
#[error("the program set no key store")]
struct NoKeyStore;

pub(super) struct Passkeys {
    transaction: Transaction,
    parts: Parts,
    store: Store,
    /// The account of a registration that is not answered yet.
    claim: Option<Claim>,
    user: User,
    keys: Keys,
    /// Keys to be deleted.
    unused: Vec<KeyHandle>,
}

/// With the claim on the account, of a registration.
type Found = (Option<Claim>, Result<Vec<Passkey>, StoreError>);

enum Store {
    Idle,
    Finding(BoxFuture<'static, Found>),
    Saving(BoxFuture<'static, Result<(), StoreError>>),
    Counting(BoxFuture<'static, Result<u32, StoreError>>),
}

enum Keys {
    Idle,
    Creating(BoxFuture<'static, Result<ExternalKey, KeyError>>),
    Signing(BoxFuture<'static, Result<Vec<u8>, KeyError>>),
}

enum User {
    Idle,
    Asked(PromptId, BoxFuture<'static, Decision>),
}

impl Passkeys {
    pub(super) const fn new(transaction: Transaction, parts: Parts) -> Self {
        Self {
            transaction,
            parts,
            store: Store::Idle,
            claim: None,
            user: User::Idle,
            keys: Keys::Idle,
            unused: Vec::new(),
        }
    }

    fn key_store(&self) -> Result<Arc<dyn KeyStore>, KeyError> {
        self.parts.keys.clone().ok_or_else(|| KeyError::failed(NoKeyStore))
    }

    /// Asks the store, for a registration once no other session registers for the
    /// same account.
    fn find(
        &self,
        rp_id: String,
        ids: Option<Vec<CredentialId>>,
        updates: &mpsc::Sender<AuthenticatorUpdate>,
    ) -> Store {
        let store = Arc::clone(&self.parts.store);
        let accounts = Arc::clone(&self.parts.accounts);
        let account = self.transaction.registering();
        let account = account.map(|(rp_id, user)| (rp_id.to_owned(), user.clone()));
        let updates = updates.clone();
        let waits = move || {
            // A program that does not read updates misses them.
            let _full_or_dropped = updates.try_send(AuthenticatorUpdate::Waiting);
        };
        Store::Finding(Box::pin(async move {
            let claim = match account {
                Some(account) => Some(accounts.claim(account, waits).await),
                None => None,
            };
            (claim, store.candidates(&rp_id, ids.as_deref()).await)
        }))
    }
}

impl Role for Passkeys {
    type Input = authenticator::Input;

    fn stage(&self) -> Stage {
        self.transaction.stage()
    }

    fn deadline(&self) -> Option<Duration> {
        self.transaction.deadline()
    }

    fn poll(&mut self, updates: &mpsc::Sender<AuthenticatorUpdate>) -> Option<Output> {
        use authenticator::Output as Wanted;
        while let Some(output) = self.transaction.poll_output() {
            match output {
                Wanted::Dial(request) => return Some(Output::Dial(request)),
                Wanted::Advertise(advert) => return Some(Output::Advertise(advert)),
                Wanted::StopAdvertising => return Some(Output::StopAdvertising),
                Wanted::Send(message) => return Some(Output::Send(message)),
                Wanted::CloseTunnel => return Some(Output::CloseTunnel),
                Wanted::Update(update) => return Some(Output::Update(update)),
                Wanted::Closed(result) => return Some(Output::Closed(result)),
                Wanted::Prompt(prompt) => {
                    let user = Arc::clone(&self.parts.user);
                    let id = prompt.id;
                    self.user = User::Asked(id, Box::pin(async move { user.check(prompt).await }));
                }
                Wanted::DismissPrompt => self.user = User::Idle,
                Wanted::FindPasskeys { rp_id, ids } => self.store = self.find(rp_id, ids, updates),
                Wanted::SavePasskey(passkey) => {
                    let store = Arc::clone(&self.parts.store);
                    let save = async move { store.insert(passkey).await };
                    self.store = Store::Saving(Box::pin(save));
                }
                Wanted::CountUse { rp_id, id } => {
                    let store = Arc::clone(&self.parts.store);
                    let count = async move { store.count_use(&rp_id, &id).await };
                    self.store = Store::Counting(Box::pin(count));
                }
                Wanted::CreateKey { rp_id } => {
                    let store = self.key_store();
                    let create = async move { store?.create_key(&rp_id).await };
                    self.keys = Keys::Creating(Box::pin(create));
                }
                Wanted::Sign { rp_id, key, message } => {
                    let store = self.key_store();
                    let sign = async move { store?.sign(&rp_id, &key, &message).await };
                    self.keys = Keys::Signing(Box::pin(sign));
                }
                Wanted::CancelKeyOperation => self.keys = Keys::Idle,
                Wanted::DeleteKey(key) => self.unused.push(key),
            }
        }
        if self.transaction.registering().is_none() {
            self.claim = None;
        }
        None
    }

    fn handle(
        &mut self,
        now: Duration,
        input: Input<authenticator::Input>,
    ) -> Result<(), ApiMisuse> {
        use authenticator::Input as Happened;
        let input = match input {
            Input::TunnelOpened { routing_id } => Happened::TunnelOpened { routing_id },
            Input::Message(message) => Happened::Message(message),
            Input::TunnelClosed => Happened::TunnelClosed,
            Input::TunnelFailed(error) => Happened::TunnelFailed(error),
            Input::SendFailed(error) => Happened::SendFailed(error),
            Input::Adapter(state) => Happened::Adapter(state),
            Input::AdvertisingFailed(error) => Happened::AdvertisingFailed(error),
            Input::Cancel => Happened::Cancel,
            Input::TimePassed => Happened::TimePassed,
            Input::Role(input) => input,
        };
        self.transaction.handle(now, input)
    }

    async fn next(&mut self) -> authenticator::Input {
        tokio::select! {
            biased;
            input = self.user.next() => input,
            input = self.keys.next() => input,
            input = self.store.next(&mut self.claim) => input,
        }
    }

    async fn clean_up(&mut self) {
        let Some(store) = &self.parts.keys else { return };
        for key in self.unused.drain(..) {
            match timeout(DELETION_TIMEOUT, store.delete_key(&key)).await {
                Ok(Ok(())) => debug!("deleted a key that no passkey has"),
                Ok(Err(error)) => debug!(%error, "could not delete a key that no passkey has"),
                Err(_) => debug!("deleting a key that no passkey has timed out"),
            }
        }
    }
}

impl Keys {
    /// # Cancel safety
    /// What the key store does goes on with the next call.
    async fn next(&mut self) -> authenticator::Input {
        use authenticator::Input;
        let input = match self {
            Self::Idle => pending().await,
            Self::Creating(create) => Input::KeyCreated(create.await),
            Self::Signing(sign) => Input::Signed(sign.await),
        };
        *self = Self::Idle;
        input
    }
}

impl Store {
    /// # Cancel safety
    /// What the store does goes on with the next call.
    async fn next(&mut self, claim: &mut Option<Claim>) -> authenticator::Input {
        use authenticator::Input;
        let input = match self {
            Self::Idle => pending().await,
            Self::Finding(find) => {
                let (claimed, found) = find.await;
                *claim = claimed;
                Input::PasskeysFound(found)
            }
            Self::Saving(save) => Input::Saved(save.await),
            Self::Counting(count) => Input::UseCounted(count.await),
        };
        *self = Self::Idle;
        input
    }
}

impl User {
    /// # Cancel safety
    /// The prompt stays on the screen.
    async fn next(&mut self) -> authenticator::Input {
        use authenticator::Input;
        let input = match self {
            Self::Idle => pending().await,
            Self::Asked(prompt, check) => Input::Decided { prompt: *prompt, decision: check.await },
        };
        *self = Self::Idle;
        input
    }
}
