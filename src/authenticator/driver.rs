//! The task behind a [`Session`](super::Session): feeds its transaction from
//! tunnel, store, user, radio and clock, and does what comes out.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::debug;

use super::accounts::{Accounts, Claim};
use crate::bluetooth::{Advertisement, Advertiser};
use crate::clock::Clock;
use crate::tunnel::Dial;
use crate::tunnel::endpoint::{Endpoint, Event};
use fido_hybrid_proto::authenticator::Passkey;
use fido_hybrid_proto::authenticator::PasskeyStore;
use fido_hybrid_proto::authenticator::Update;
use fido_hybrid_proto::authenticator::{Decision, PromptId, UserCheck};
use fido_hybrid_proto::authenticator::{Input, Output, Transaction};
use fido_hybrid_proto::error::{BluetoothFault, Error, StoreFault};
use fido_hybrid_proto::ports::BoxFuture;

/// What the embedder brought.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) accounts: Arc<Accounts>,
    pub(super) store: Arc<dyn PasskeyStore>,
    pub(super) user: Arc<dyn UserCheck>,
    pub(super) advertiser: Arc<dyn Advertiser>,
    pub(super) dialer: Arc<dyn Dial>,
}

pub(super) struct Driver {
    transaction: Transaction,
    clock: Clock,
    surroundings: Surroundings,
    updates: mpsc::Sender<Update>,
    /// The session was dropped: nobody wants this any more.
    deserted: bool,
    endpoint: Endpoint,
    radio: Radio,
    store: Store,
    /// The account of a registration that is not answered yet.
    claim: Option<Claim>,
    user: User,
}

enum Radio {
    Off,
    Starting(BoxFuture<'static, Result<Box<dyn Advertisement>, BluetoothFault>>),
    OnAir(Box<dyn Advertisement>),
}

/// With the claim on the account, of a registration.
type Found = (Option<Claim>, Result<Vec<Passkey>, StoreFault>);

enum Store {
    Idle,
    Finding(BoxFuture<'static, Found>),
    Saving(BoxFuture<'static, Result<(), StoreFault>>),
    Counting(BoxFuture<'static, Result<u32, StoreFault>>),
}

enum User {
    Idle,
    Asked(PromptId, BoxFuture<'static, Decision>),
}

impl Driver {
    /// `transaction` starts at time zero, which is now.
    pub(super) fn new(
        transaction: Transaction,
        surroundings: Surroundings,
        updates: mpsc::Sender<Update>,
    ) -> Self {
        Self {
            transaction,
            clock: Clock::start(),
            surroundings,
            updates,
            deserted: false,
            endpoint: Endpoint::Closed,
            radio: Radio::Off,
            store: Store::Idle,
            claim: None,
            user: User::Idle,
        }
    }

    pub(super) async fn run(mut self) -> Result<(), Error> {
        loop {
            if let Some(result) = self.perform().await {
                debug!(ok = result.is_ok(), "the transaction is over");
                return result;
            }
            let input = self.next_input().await;
            let now = self.clock.now();
            let stage = self.transaction.stage();
            // Such as a user check that approves an account it was not shown.
            self.transaction.handle(now, input).map_err(|misuse| Error::new(stage, misuse))?;
        }
    }

    /// Does what the transaction wants done; its result once it is over.
    async fn perform(&mut self) -> Option<Result<(), Error>> {
        let mut messages = Vec::new();
        while let Some(output) = self.transaction.poll_output() {
            match output {
                Output::Send(message) => messages.push(message),
                Output::Dial(request) => {
                    self.endpoint = Endpoint::dial(&self.surroundings.dialer, request);
                }
                Output::Advertise(advert) => {
                    let advertiser = Arc::clone(&self.surroundings.advertiser);
                    let start = async move { advertiser.advertise(advert).await };
                    self.radio = Radio::Starting(Box::pin(start));
                }
                Output::StopAdvertising => self.radio = Radio::Off,
                Output::Prompt(prompt) => {
                    let user = Arc::clone(&self.surroundings.user);
                    let id = prompt.id;
                    self.user = User::Asked(id, Box::pin(async move { user.check(prompt).await }));
                }
                Output::DismissPrompt => self.user = User::Idle,
                Output::FindPasskeys { rp_id, ids } => {
                    let store = Arc::clone(&self.surroundings.store);
                    let accounts = Arc::clone(&self.surroundings.accounts);
                    let account = self.transaction.registering();
                    let account = account.map(|(rp_id, user)| (rp_id.to_owned(), user.clone()));
                    let updates = self.updates.clone();
                    let waits = move || {
                        // A program that does not read updates misses them.
                        let _full_or_gone = updates.try_send(Update::Waiting);
                    };
                    let find = async move {
                        let claim = match account {
                            Some(account) => Some(accounts.claim(account, waits).await),
                            None => None,
                        };
                        (claim, store.candidates(&rp_id, ids.as_deref()).await)
                    };
                    self.store = Store::Finding(Box::pin(find));
                }
                Output::SavePasskey(passkey) => {
                    let store = Arc::clone(&self.surroundings.store);
                    let save = async move { store.insert(passkey).await };
                    self.store = Store::Saving(Box::pin(save));
                }
                Output::CountUse { rp_id, id } => {
                    let store = Arc::clone(&self.surroundings.store);
                    let count = async move { store.count_use(&rp_id, &id).await };
                    self.store = Store::Counting(Box::pin(count));
                }
                Output::CloseTunnel => {
                    self.endpoint.send(std::mem::take(&mut messages)).await;
                    self.endpoint.close().await;
                }
                Output::Update(update) => {
                    debug!(stage = %self.transaction.stage(), "{update}");
                    // A program that does not read updates misses them.
                    let _full_or_gone = self.updates.try_send(update);
                }
                Output::Closed(result) => return Some(result),
            }
        }
        if self.transaction.registering().is_none() {
            self.claim = None;
        }
        self.endpoint.send(messages).await;
        None
    }

    async fn next_input(&mut self) -> Input {
        // What breaks later may well be a client that has its answer and leaves.
        let unsent = matches!(self.endpoint, Endpoint::Failed(_));
        // Whatever ends the transaction goes before what lets it sign.
        tokio::select! {
            biased;
            () = self.updates.closed(), if !self.deserted => {
                self.deserted = true;
                Input::Cancel
            }
            () = self.clock.reach(self.transaction.deadline()) => Input::TimePassed,
            event = self.endpoint.next() => match event {
                Event::Failed(fault) if unsent => Input::SendFailed(fault),
                event => of_tunnel(event),
            },
            input = self.user.next() => input,
            input = self.store.next(&mut self.claim) => input,
            input = self.radio.next() => input,
        }
    }
}

fn of_tunnel(event: Event) -> Input {
    match event {
        Event::Opened { routing_id, .. } => Input::TunnelOpened { routing_id },
        Event::Message(message) => Input::Message(message),
        Event::Closed => Input::TunnelClosed,
        Event::Failed(fault) => Input::TunnelFailed(fault),
    }
}

impl Radio {
    /// # Cancel safety
    /// The advert stays on the air.
    async fn next(&mut self) -> Input {
        let fault = loop {
            match self {
                Self::Off => pending().await,
                Self::Starting(start) => match start.await {
                    Ok(advertisement) => {
                        debug!("advertising");
                        *self = Self::OnAir(advertisement);
                    }
                    Err(fault) => break fault,
                },
                Self::OnAir(advertisement) => match advertisement.next().await {
                    Ok(state) => return Input::Adapter(state),
                    Err(fault) => break fault,
                },
            }
        };
        *self = Self::Off;
        Input::AdvertisingFailed(fault)
    }
}

impl Store {
    /// # Cancel safety
    /// What the store does goes on with the next call.
    async fn next(&mut self, claim: &mut Option<Claim>) -> Input {
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
    async fn next(&mut self) -> Input {
        let input = match self {
            Self::Idle => pending().await,
            Self::Asked(prompt, check) => Input::Decided { prompt: *prompt, decision: check.await },
        };
        *self = Self::Idle;
        input
    }
}
