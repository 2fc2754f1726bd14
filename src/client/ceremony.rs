//! One transaction as a program sees it: a QR code to show, updates, an answer.

use fido_hybrid_proto::ctap::GetInfoResponse;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::background::Background;
use fido_hybrid_proto::ctap::{self};
use fido_hybrid_proto::error::{
    ApiMisuse, CancelledBy, Error, ErrorKind, PeerMisbehaved, ResponseMismatch, Stage,
};
use fido_hybrid_proto::secret::SecretText;
use fido_hybrid_proto::transport::qr_code::QrText;

use fido_hybrid_proto::client::{ClientUpdate, PhoneRequest};

/// What a ceremony asks of the task that drives its transaction.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) request: PhoneRequest,
    pub(super) timeout: Option<std::time::Duration>,
    pub(super) reply: oneshot::Sender<Result<Answer, Error>>,
}

/// A response to a request.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, moved once")]
pub(super) enum Answer {
    /// With the getInfo of the phone that it is from.
    Ctap {
        response: ctap::CtapResponse,
        phone: Box<GetInfoResponse>,
    },
    Json(SecretText),
}

impl Answer {
    /// The answer to a CTAP request.
    pub(super) fn ctap(self) -> Result<(ctap::CtapResponse, GetInfoResponse), Error> {
        match self {
            Self::Ctap { response, phone } => Ok((response, *phone)),
            Self::Json(_) => Err(contradiction()),
        }
    }

    /// The answer to a JSON request.
    pub(super) fn json(self) -> Result<SecretText, Error> {
        match self {
            Self::Json(text) => Ok(text),
            Self::Ctap { .. } => Err(contradiction()),
        }
    }
}

/// A response to another request. The transaction lets none through.
pub(super) fn contradiction() -> Error {
    Error::new(
        Stage::AwaitingResponse,
        PeerMisbehaved::ResponseMismatch(ResponseMismatch::Contradiction),
    )
}

/// Why the transaction is over, from when it is.
pub(super) type Ended = Arc<OnceLock<Error>>;

/// The code's text until a phone's advert was received: the ceremony gives it out, the
/// driver takes it away.
#[derive(Clone)]
pub(super) struct ShownCode(Arc<Mutex<Option<QrText>>>);

impl ShownCode {
    pub(super) fn new(text: Option<QrText>) -> Self {
        Self(Arc::new(Mutex::new(text)))
    }

    fn get(&self) -> Option<QrText> {
        // An `Option` that is written whole stays right whatever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wipes it: a phone's advert was received, or the transaction is over.
    pub(super) fn withdraw(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The party of this side that cancels a [`Ceremony`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Canceller {
    /// The program, such as by a page's `AbortSignal`: an `AbortError`.
    Caller,
    /// A person, in the program's own window: a `NotAllowedError`, as in
    /// browsers.
    User,
}

impl From<Canceller> for CancelledBy {
    fn from(canceller: Canceller) -> Self {
        match canceller {
            Canceller::Caller => Self::Caller,
            Canceller::User => Self::User,
        }
    }
}

type Pending = oneshot::Receiver<Result<Answer, Error>>;
/// What is made of the answer to the first request.
pub(super) type Convert<T> = Box<dyn FnOnce(Answer) -> Result<T, Error> + Send>;

/// A transaction under way, begun by [`Client`](super::Client) with its first
/// request; `T` is what that request's answer is made into.
///
/// [`close`](Self::close) ends it: the scan stops, the phone is told and the
/// tunnel is closed. After an answer that is a normal end, before it a
/// cancellation.
///
/// Dropping a ceremony starts the same and does not wait for it. The rest
/// happens in the background, in the runtime in which the ceremony was begun.
/// If that runtime or the program ends first, the phone is not told: it goes on
/// asking its user until it notices that the connection was lost. So a program
/// that is about to end calls [`close`](Self::close).
pub struct Ceremony<T> {
    code: ShownCode,
    updates: mpsc::Receiver<ClientUpdate>,
    asks: mpsc::Sender<Ask>,
    ended: Ended,
    first: Option<(Pending, Convert<T>)>,
    outcome: Option<Result<T, Error>>,
    task: Background,
}

impl<T> Ceremony<T> {
    pub(super) fn new(
        code: ShownCode,
        updates: mpsc::Receiver<ClientUpdate>,
        asks: mpsc::Sender<Ask>,
        ended: Ended,
        first: Pending,
        convert: Convert<T>,
        task: Background,
    ) -> Self {
        Self { code, updates, asks, ended, first: Some((first, convert)), outcome: None, task }
    }

    /// The text of the QR code to show. `None` once a phone's advert was received
    /// ([`ClientUpdate::PhoneHeard`]) or the transaction is over: a used code must not
    /// stay on the screen.
    #[must_use]
    pub fn qr_code(&self) -> Option<QrText> {
        self.code.get()
    }

    /// The next step that was taken; `None` once there is an
    /// [outcome](Self::outcome).
    ///
    /// # Cancel safety
    /// No update is lost.
    pub async fn next(&mut self) -> Option<ClientUpdate> {
        let (first, _) = self.first.as_mut()?;
        let answer = tokio::select! {
            biased;
            Some(update) = self.updates.recv() => return Some(update),
            answer = first => answer,
        };
        let (_, convert) = self.first.take()?;
        let answer = answer.unwrap_or_else(|_| Err(self.why()));
        self.outcome = Some(answer.and_then(convert));
        None
    }

    /// The answer to the first request, or the error that ended the ceremony. Waits
    /// for either; can be taken once.
    ///
    /// # Errors
    /// Whatever ended the transaction; [`ApiMisuse::Closed`] when the outcome
    /// was taken before.
    ///
    /// # Cancel safety
    /// The outcome is not lost.
    pub async fn outcome(&mut self) -> Result<T, Error> {
        while self.next().await.is_some() {}
        self.outcome.take().unwrap_or_else(|| Err(Error::new(Stage::Closed, ApiMisuse::Closed)))
    }

    /// Asks one more thing of the phone, after the first outcome. Many phones
    /// leave after one answer.
    ///
    /// A request waits for its turn while the phone still has another one. Its
    /// time, [`ClientDeadlines::awaiting_response`](super::ClientDeadlines::awaiting_response), counts from when
    /// it is sent.
    ///
    /// # Errors
    /// Whatever ended the transaction, such as [`ApiMisuse::TooManyRequests`];
    /// [`Unsupported`](fido_hybrid_proto::error::Unsupported) for a request that phones do
    /// not take or that is too long for them, which ends nothing;
    /// [`ApiMisuse::WrongStage`] before the first outcome.
    ///
    /// # Cancel safety
    /// If the future is dropped before the request was sent, it is never sent.
    /// A request that was sent stays with the phone, because the transport
    /// cannot take a single request back [CTAP 2.2 §11.5]. Its answer is dropped
    /// and never given to another call, and later requests wait for it. To take
    /// the question off the phone, [`close`](Self::close) the ceremony.
    pub async fn ask(&mut self, request: ctap::CtapRequest) -> Result<ctap::CtapResponse, Error> {
        if self.first.is_some() {
            return Err(Error::new(Stage::Ready, ApiMisuse::WrongStage));
        }
        let request = PhoneRequest::try_from(request);
        let request = request.map_err(|fault| Error::new(Stage::Ready, fault))?;
        let (reply, answer) = oneshot::channel();
        let ask = Ask { request, timeout: None, reply };
        self.asks.send(ask).await.map_err(|_| self.why())?;
        // The updates of a later request have no reader.
        self.updates.close();
        let answer = answer.await.unwrap_or_else(|_| Err(self.why()));
        answer.and_then(Answer::ctap).map(|(response, _)| response)
    }

    /// Ends the ceremony and waits until that is done: the scan is stopped, the
    /// phone was told to stop asking its user, and the tunnel is closed. Whether
    /// the phone received that is not waited for. A first request that the phone
    /// does not have yet is never sent.
    ///
    /// Takes at most [`CLOSE_DEADLINE`](super::CLOSE_DEADLINE), whatever radio
    /// and network do; what is not closed by then is dropped. The runtime in
    /// which the ceremony was begun must run meanwhile. If it was shut down,
    /// this returns at once.
    ///
    /// # Cancel safety
    /// Dropping the future is dropping the ceremony: it ends in the background.
    pub async fn close(self) {
        let _why = self.end().await;
    }

    /// Ends the ceremony as [`close`](Self::close) does, and gives the error for
    /// the caller that waits for the answer.
    ///
    /// An answer that came before this and was not taken is dropped. A phone that
    /// gave it has made the passkey or the signature all the same.
    ///
    /// # Cancel safety
    /// As for [`close`](Self::close).
    pub async fn cancel(self, by: Canceller) -> Error {
        let ended = self.end().await;
        let stage = ended.get().map_or(Stage::Closed, |error| error.stage);
        Error::new(stage, ErrorKind::Cancelled(by.into()))
    }

    async fn end(self) -> Ended {
        let Self { asks, task, ended, first, updates, .. } = self;
        // Before the wait: the task sends no request whose answer has no taker.
        drop((first, updates));
        drop(asks);
        task.end().await;
        ended
    }

    /// Why the task answers no more. It ends without an error only when its runtime
    /// shuts down, or a part that the program brought panics.
    fn why(&self) -> Error {
        let told = self.ended.get().cloned();
        told.unwrap_or_else(|| Error::new(Stage::Closed, ApiMisuse::TaskEnded))
    }
}

impl<T> std::fmt::Debug for Ceremony<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ceremony").finish_non_exhaustive()
    }
}
