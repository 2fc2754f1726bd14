//! One transaction as a program sees it: a QR code to show, updates, an answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::{Notify, mpsc, oneshot};

use super::line::{Answer, Ask, Ended, Line, ShownCode};
use crate::background::Background;
use crate::cancel::{CancelHandle, Canceller};
use crate::progress::Progress;
use crate::with_updates::WithUpdates;
use fido_hybrid_proto::ctap;
use fido_hybrid_proto::error::{ApiMisuse, Error, ErrorKind, Stage};
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::secret::SecretBytes;
use fido_hybrid_proto::transport::{QrText, RequestHint};

use fido_hybrid_proto::client::{ClientUpdate, PhoneRequest, RawRequest};

/// The conversion of the answer to the first request.
pub(super) type Convert<T> = Arc<dyn Fn(Answer) -> Result<T, Error> + Send + Sync>;

/// Begins another ceremony with the same first request.
pub(super) type Again<T> = Box<dyn Fn() -> Result<Ceremony<T>, Error> + Send + Sync>;

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
    progress: Progress<ClientUpdate, Answer>,
    convert: Convert<T>,
    again: Again<T>,
    /// Whether the program has the answer to the first request.
    has_answer: bool,
    asks: mpsc::Sender<Ask>,
    cancel: CancelHandle,
    renewal: Arc<Notify>,
    ended: Ended,
    /// Whether the program has the code, by an update or by asking for it.
    code_taken: AtomicBool,
    task: Background,
}

impl<T> Ceremony<T> {
    pub(super) fn new(
        line: Line,
        code: ShownCode,
        convert: Convert<T>,
        again: Again<T>,
        task: Background,
    ) -> Self {
        let Line { asks, progress, cancel, renewal, ended } = line;
        let (has_answer, code_taken) = (false, AtomicBool::new(false));
        Self {
            code,
            progress,
            convert,
            again,
            has_answer,
            asks,
            cancel,
            renewal,
            ended,
            code_taken,
            task,
        }
    }

    /// The text of the QR code to show, the newest if it was
    /// [renewed](Self::renew_code). `None` once a phone's advert was received
    /// ([`ClientUpdate::PhoneFound`]) or the transaction is over: a used code must not
    /// stay on the screen.
    #[must_use]
    pub fn qr_code(&self) -> Option<QrText> {
        let code = self.code.get();
        if code.is_some() {
            self.code_taken.store(true, Ordering::Relaxed);
        }
        code
    }

    /// The next step that was taken; `None` once there is an
    /// [outcome](Self::outcome). The first one is
    /// [`ClientUpdate::WaitingForScan`], with the code to show.
    ///
    /// A ceremony is a [`Stream`] of the same updates.
    ///
    /// # Cancel safety
    /// No update is lost.
    pub async fn next(&mut self) -> Option<ClientUpdate> {
        std::future::poll_fn(|context| self.poll_update(context)).await
    }

    /// The next step, if it was taken already. It never waits: for programs with a
    /// loop of their own, such as a user interface's.
    ///
    /// `None` also once there is an outcome: [`try_outcome`](Self::try_outcome) gives
    /// that.
    pub fn try_next(&mut self) -> Option<ClientUpdate> {
        self.progress.try_next().map(|update| self.with_newest_code(update))
    }

    /// The outcome, if there is one already. It never waits, and gives the outcome once.
    /// Updates that were not taken before it are dropped.
    pub fn try_outcome(&mut self) -> Option<Result<T, Error>> {
        let answer = self.progress.try_outcome()?;
        Some(self.converted(answer))
    }

    fn converted(&mut self, answer: Result<Answer, Error>) -> Result<T, Error> {
        let outcome = answer.and_then(|answer| (self.convert)(answer));
        self.has_answer |= outcome.is_ok();
        outcome
    }

    fn poll_update(&mut self, context: &mut Context<'_>) -> Poll<Option<ClientUpdate>> {
        let update = ready!(self.progress.poll_update(context));
        Poll::Ready(update.map(|update| self.with_newest_code(update)))
    }

    /// Notes that the program gets the code, and gives it the newest: the one of the
    /// update may have been renewed since.
    fn with_newest_code(&self, update: ClientUpdate) -> ClientUpdate {
        let ClientUpdate::WaitingForScan(code) = update else { return update };
        self.code_taken.store(true, Ordering::Relaxed);
        ClientUpdate::WaitingForScan(self.code.get().unwrap_or(code))
    }

    /// Calls `update` with each step while the ceremony is awaited:
    /// `client.get(&options, &origin)?.on_update(|update| …).await?`.
    ///
    /// The first update is [`ClientUpdate::WaitingForScan`], with the code to show.
    pub fn on_update<F>(self, update: F) -> WithUpdates<Self, F>
    where
        F: FnMut(ClientUpdate) + Send + 'static,
    {
        WithUpdates::new(self, update)
    }

    /// A handle that cancels the ceremony, also from another thread.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
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
        let answer = self.progress.outcome().await;
        self.converted(answer)
    }

    /// Begins the same request again, with a new QR code: the request of the same caller,
    /// with the same timeout, through the same client. It takes the place of this one, which
    /// ends as if it were dropped.
    ///
    /// For a button *Try again* below an error that
    /// [`can_retry`](fido_hybrid_proto::error::Error::can_retry). The relying party gets the
    /// same challenge signed, which it may have given up meanwhile.
    ///
    /// ```no_run
    /// # use fido_hybrid::client::{Ceremony, ClientUpdate};
    /// # use fido_hybrid::webauthn::Assertion;
    /// # use fido_hybrid::Error;
    /// # struct Window;
    /// # impl Window {
    /// #     fn show(&self, _: ClientUpdate) {}
    /// #     async fn wants_to_try_again(&self, _: &Error) -> bool { true }
    /// # }
    /// async fn sign_in(
    ///     mut ceremony: Ceremony<Assertion>,
    ///     window: Window,
    /// ) -> Result<Assertion, Error> {
    ///     loop {
    ///         while let Some(update) = ceremony.next().await {
    ///             window.show(update);
    ///         }
    ///         match ceremony.outcome().await {
    ///             Err(error) if error.can_retry() && window.wants_to_try_again(&error).await => {
    ///                 ceremony.retry()?;
    ///             }
    ///             outcome => {
    ///                 ceremony.close().await;
    ///                 return outcome;
    ///             }
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// A program that awaits its ceremonies has none left to retry. It calls
    /// [`Client::get`](super::Client::get) or [`Client::create`](super::Client::create)
    /// again, with the options that it still has.
    ///
    /// A [`cancel_handle`](Self::cancel_handle) is of one ceremony: take another.
    ///
    /// # Errors
    /// [`ApiMisuse::WrongStage`] if the phone has answered: the answer would be made a
    /// second time; [`ApiMisuse::NoRuntime`] outside a tokio runtime. This ceremony goes
    /// on then, and its outcome is not lost.
    pub fn retry(&mut self) -> Result<(), Error> {
        if self.has_answer || self.progress.has_answer() {
            return Err(Error::new(Stage::Closed, ApiMisuse::WrongStage));
        }
        *self = (self.again)()?;
        Ok(())
    }

    /// Replaces the QR code by a new one. The ceremony and its request stay.
    ///
    /// The new code comes as [`ClientUpdate::WaitingForScan`], and
    /// [`qr_code`](Self::qr_code) gives it from then on. A phone that has read the code
    /// before may still come for
    /// [`PREVIOUS_CODE_ACCEPTED`](super::PREVIOUS_CODE_ACCEPTED): its user may have
    /// just scanned it. Codes before that one are not accepted any more. Nothing happens
    /// once a phone was found. [`ClientDeadlines::showing_qr`](super::ClientDeadlines::showing_qr)
    /// still counts from the first code.
    ///
    /// A code that others have seen, in a photograph or a shared screen, must not be accepted
    /// for one minute more: [`retry`](Self::retry) ends it at once.
    ///
    /// [`Client::renew_code_every`](super::Client::renew_code_every) does this by the clock.
    pub fn renew_code(&self) {
        self.renewal.notify_one();
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
        let request = PhoneRequest::try_from(request).map_err(at_ready)?;
        self.ask_phone(request).await?.ctap().map(|(response, _)| response)
    }

    /// Asks one more thing of the phone in bytes, as [`ask`](Self::ask) does, and gives
    /// the response as [`Client::begin_raw`](super::Client::begin_raw) does: as it is.
    ///
    /// # Errors
    /// [`ApiMisuse::EmptyRequest`] for a request without a command byte, which ends
    /// nothing; as for [`ask`](Self::ask).
    ///
    /// # Cancel safety
    /// As for [`ask`](Self::ask).
    pub async fn ask_raw(&mut self, request: impl Into<SecretBytes>) -> Result<SecretBytes, Error> {
        // The QR code was shown with the hint of the first request.
        let request = RawRequest::new(request, RequestHint::GetAssertion).map_err(at_ready)?;
        self.ask_phone(request.into()).await?.raw()
    }

    async fn ask_phone(&mut self, request: PhoneRequest) -> Result<Answer, Error> {
        if !self.progress.is_over() {
            // Of the first request: it has no outcome yet.
            return Err(Error::new(Stage::AwaitingResponse, ApiMisuse::WrongStage));
        }
        let (reply, answer) = oneshot::channel();
        let ask = Ask { request, timeout: None, reply };
        self.asks.send(ask).await.map_err(|_| self.why())?;
        answer.await.unwrap_or_else(|_| Err(self.why()))
    }

    /// Ends the ceremony and waits until that is done: the scan is stopped, the
    /// phone was told to stop asking its user, and the tunnel is closed. Whether
    /// the phone received that is not waited for. A first request that the phone
    /// does not have yet is never sent.
    ///
    /// Takes at most [`CLOSE_DEADLINE`](crate::CLOSE_DEADLINE), whatever radio
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
        let Self { asks, task, ended, progress, .. } = self;
        // Before the wait: the task sends no request whose answer has no taker.
        drop((progress, asks));
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

impl<T> Stream for Ceremony<T> {
    type Item = ClientUpdate;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ClientUpdate>> {
        self.get_mut().poll_update(context)
    }
}

/// Nothing in it is pinned.
impl<T> Unpin for Ceremony<T> {}

/// Waits for the outcome, then closes the ceremony.
///
/// For a program that has taken the code ([`Ceremony::qr_code`]) and shows no updates.
/// One that shows them awaits [`Ceremony::on_update`], which has codes that
/// [`Client::renew_code_every`](super::Client::renew_code_every) makes too.
///
/// # Errors
/// As for [`Ceremony::outcome`]; [`ApiMisuse::CodeNotTaken`] if the program did not
/// take the code, so that no person can have seen it.
///
/// # Cancel safety
/// Dropping the future is dropping the ceremony.
impl<T: Send + 'static> IntoFuture for Ceremony<T> {
    type Output = Result<T, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let outcome = if self.progress.is_over() || self.code_taken.load(Ordering::Relaxed) {
                self.outcome().await
            } else {
                Err(Error::new(Stage::ShowingQr, ApiMisuse::CodeNotTaken))
            };
            self.close().await;
            outcome
        })
    }
}

impl<T> std::fmt::Debug for Ceremony<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ceremony").finish_non_exhaustive()
    }
}

fn at_ready(kind: impl Into<ErrorKind>) -> Error {
    Error::new(Stage::Ready, kind)
}
