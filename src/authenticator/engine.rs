//! A transaction whose requests a [`CtapEngine`] answers.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::driver::{Input, Output, Role};
use fido_hybrid_proto::authenticator::{AuthenticatorUpdate, CtapEngine, link};
use fido_hybrid_proto::error::{ApiMisuse, Stage};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::secret::SecretBytes;

pub(super) struct Engine {
    transaction: link::LinkTransaction,
    engine: Arc<dyn CtapEngine>,
    request: Option<BoxFuture<'static, SecretBytes>>,
}

impl Engine {
    pub(super) const fn new(
        transaction: link::LinkTransaction,
        engine: Arc<dyn CtapEngine>,
    ) -> Self {
        Self { transaction, engine, request: None }
    }
}

impl Role for Engine {
    /// The response.
    type Input = SecretBytes;

    fn stage(&self) -> Stage {
        self.transaction.stage()
    }

    fn deadline(&self) -> Option<Duration> {
        self.transaction.deadline()
    }

    fn poll(&mut self, _: &mpsc::Sender<AuthenticatorUpdate>) -> Option<Output> {
        use link::LinkOutput as Wanted;
        while let Some(output) = self.transaction.poll_output() {
            match output {
                Wanted::Dial(request) => return Some(Output::Dial(request)),
                Wanted::Advertise(advert) => return Some(Output::Advertise(advert)),
                Wanted::StopAdvertising => return Some(Output::StopAdvertising),
                Wanted::Send(message) => return Some(Output::Send(message)),
                Wanted::CloseTunnel => return Some(Output::CloseTunnel),
                Wanted::Update(update) => return Some(Output::Update(update.into())),
                Wanted::Closed(result) => return Some(Output::Closed(result)),
                Wanted::Request(request) => {
                    let engine = Arc::clone(&self.engine);
                    self.request = Some(Box::pin(async move {
                        SecretBytes::new(engine.process(request.expose()).await)
                    }));
                }
                Wanted::CancelRequest => self.request = None,
            }
        }
        None
    }

    fn handle(&mut self, now: Duration, input: Input<SecretBytes>) -> Result<(), ApiMisuse> {
        use link::LinkInput as Happened;
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
            Input::Role(response) => Happened::Response(response),
        };
        self.transaction.handle(now, input)
    }

    async fn next(&mut self) -> SecretBytes {
        let response = match &mut self.request {
            Some(request) => request.await,
            None => pending().await,
        };
        self.request = None;
        response
    }
}
