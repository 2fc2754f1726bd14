//! The task behind a [`Ceremony`](super::Ceremony): feeds its transaction from
//! radio, tunnel, clock and caller, and does what comes out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::consume_budget;
use tracing::debug;

use super::line::{Answer, Ask, Caller, Ended, ShownCode};
use crate::bluetooth::{Scan, ScanEvent, Scanner};
use crate::cancel::CancelHandle;
use crate::clock::Clock;
use crate::data_channel::{Endpoint, Event};
use crate::tunnel::{EarlyConnections, OpenedTunnel, TunnelDialer, dial};
use fido_hybrid_proto::client::{ClientUpdate, Input, Output, QrSecrets, Transaction};
use fido_hybrid_proto::ctap;
use fido_hybrid_proto::error::{BluetoothError, Error, ErrorKind, Stage, Unsupported};
use fido_hybrid_proto::ports::BoxFuture;

/// The secrets of a new code, and when it was made, in seconds since 1970.
pub(super) fn new_code() -> (QrSecrets, u64) {
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    (QrSecrets::generate(&mut UnwrapErr(SysRng)), created)
}

/// When the code is renewed.
struct Renewal {
    asked: Arc<Notify>,
    every: Option<Duration>,
    due: Option<Duration>,
}

impl Renewal {
    /// Waits for the program's word or for the time.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    async fn wait(&self, clock: Clock) {
        tokio::select! {
            () = self.asked.notified() => {}
            () = clock.reach(self.due) => {}
        }
    }

    /// The code was renewed.
    fn done(&mut self, now: Duration) {
        self.due = self.every.map(|every| now.saturating_add(every));
    }
}

type Reply = oneshot::Sender<Result<Answer, Error>>;

pub(super) struct Driver {
    transaction: Transaction,
    clock: Clock,
    dialer: Arc<dyn TunnelDialer>,
    /// Until a tunnel is dialled.
    early: Option<Box<dyn EarlyConnections>>,
    radio: Radio,
    /// What opening tells is whether a connect signal was announced.
    endpoint: Endpoint<bool>,
    asks: mpsc::Receiver<Ask>,
    cancel: CancelHandle,
    ended: Ended,
    code: ShownCode,
    renewal: Renewal,
    /// The ceremony was cancelled or dropped: no more requests will come.
    caller_dropped: bool,
    updates: mpsc::Sender<ClientUpdate>,
    waiting: VecDeque<Ask>,
    asked: Option<Reply>,
}

enum Radio {
    Off,
    Starting(BoxFuture<'static, Result<Box<dyn Scan>, BluetoothError>>),
    Scanning(Box<dyn Scan>),
}

impl Driver {
    /// `transaction` starts at time zero, which is now.
    pub(super) fn new(
        transaction: Transaction,
        scanner: Arc<dyn Scanner>,
        dialer: Arc<dyn TunnelDialer>,
        early: Option<Box<dyn EarlyConnections>>,
        caller: Caller,
        first: Ask,
    ) -> Self {
        let radio = Radio::Starting(Box::pin(async move { scanner.scan().await }));
        let Caller { asks, updates, cancel, renewal, ended } = caller;
        let renewal = Renewal { asked: renewal, every: None, due: None };
        let code = ShownCode::new(transaction.qr_text().cloned());
        Self {
            transaction,
            clock: Clock::start(),
            dialer,
            early,
            radio,
            endpoint: Endpoint::Closed,
            asks,
            cancel,
            ended,
            code,
            renewal,
            caller_dropped: false,
            updates,
            waiting: VecDeque::from([first]),
            asked: None,
        }
    }

    /// Renews the code by itself; `None`: when the program asks only.
    pub(super) fn renewing_code(mut self, every: Option<Duration>) -> Self {
        self.renewal.every = every;
        self.renewal.done(Duration::ZERO);
        self
    }

    /// The code, for the ceremony to show.
    pub(super) fn shown_code(&self) -> ShownCode {
        self.code.clone()
    }

    pub(super) async fn run(mut self) {
        loop {
            if self.perform().await.is_break() {
                return;
            }
            let input = self.next_input().await;
            let now = self.clock.now();
            let is_new_code = matches!(input, Input::NewCode { .. });
            if let Err(misuse) = self.transaction.handle(now, input) {
                let stage = self.transaction.stage();
                return self.end(Err(Error::new(stage, misuse)));
            }
            match self.transaction.qr_text() {
                Some(text) if is_new_code => {
                    self.code.replace(text);
                    self.renewal.done(now);
                }
                Some(_) => {}
                None => self.code.withdraw(),
            }
        }
    }

    /// Does what the transaction wants done; breaks once it is over.
    async fn perform(&mut self) -> ControlFlow<()> {
        let mut messages = Vec::new();
        while let Some(output) = self.transaction.poll_output() {
            match output {
                Output::Send(message) => messages.push(message),
                Output::Dial(request) => {
                    let opening = match self.early.take() {
                        Some(early) => early.dial(request),
                        None => Box::pin(dial(Arc::clone(&self.dialer), request)),
                    };
                    self.endpoint = Endpoint::open(async move {
                        let OpenedTunnel { tunnel, connect_signal, .. } = opening.await?;
                        Ok((tunnel, connect_signal))
                    });
                }
                Output::StopScanning => self.radio = Radio::Off,
                // Below, with the end: what the tunnel still takes is not to
                // keep the caller waiting.
                Output::CloseTunnel => {}
                Output::Update(update) => self.tell(update),
                Output::Response(response) => {
                    let answer = self.ctap_answer(response);
                    self.answer(answer);
                }
                Output::RawResponse(response) => self.answer(Ok(Answer::Raw(response))),
                Output::JsonResponse(text) => self.answer(Ok(Answer::Json(text))),
                // This client offers no linking, so these outputs do not occur.
                Output::Linked(_) | Output::ForgetLink => {}
                Output::Closed(result) => {
                    self.end(result);
                    self.endpoint.send(messages).await;
                    self.endpoint.close().await;
                    return ControlFlow::Break(());
                }
            }
        }
        self.endpoint.send(messages).await;
        ControlFlow::Continue(())
    }

    fn tell(&self, update: ClientUpdate) {
        debug!(stage = %self.transaction.stage(), "{update}");
        // A program that does not read updates misses them.
        let _full_or_dropped = self.updates.try_send(update);
    }

    fn ctap_answer(
        &self,
        response: Result<ctap::CtapResponse, ctap::Status>,
    ) -> Result<Answer, Error> {
        let asking = |kind: ErrorKind| Error::new(Stage::AwaitingResponse, kind);
        let response = response.map_err(|status| asking(ErrorKind::Status(status)))?;
        // A phone that answers in CTAP has said what it can do.
        let phone = self.transaction.get_info().ok_or_else(|| asking(Unsupported::Ctap.into()))?;
        Ok(Answer::Ctap { response, phone: Box::new(phone.clone()) })
    }

    fn answer(&mut self, answer: Result<Answer, Error>) {
        self.tell(ClientUpdate::Answered);
        if let Some(reply) = self.asked.take() {
            // The caller may have stopped waiting. The answer is not kept: it
            // does not belong to a later request.
            let _dropped = reply.send(answer);
        }
    }

    async fn next_input(&mut self) -> Input {
        loop {
            if !self.caller_dropped && self.cancel.cancelled().is_some() {
                self.caller_dropped = true;
                return Input::Cancel;
            }
            // A user must not be asked for an answer that no caller waits for.
            self.waiting.retain(|ask| !ask.reply.is_closed());
            if self.transaction.stage() == Stage::Ready
                && let Some(Ask { request, timeout, reply }) = self.waiting.pop_front()
            {
                self.asked = Some(reply);
                return Input::Request { request, timeout };
            }
            // The caller first, the air last: however many adverts there are,
            // they hold nothing else up.
            tokio::select! {
                biased;
                () = self.cancel.wait(), if !self.caller_dropped => {}
                ask = self.asks.recv(), if !self.caller_dropped => match ask {
                    Some(ask) => self.waiting.push_back(ask),
                    None => {
                        self.caller_dropped = true;
                        return match self.transaction.stage() {
                            Stage::Ready => Input::Finish,
                            _ => Input::Cancel,
                        };
                    }
                },
                () = self.renewal.wait(self.clock),
                    if self.transaction.qr_text().is_some() && !self.caller_dropped =>
                {
                    let (keys, created) = new_code();
                    return Input::NewCode { keys, created };
                }
                () = self.clock.reach(self.transaction.deadline()) => return Input::TimePassed,
                event = self.endpoint.next() => return tunnel_input(event),
                never = keep_open(&mut self.early) => match never {},
                input = self.radio.next() => return input,
            }
        }
    }

    /// Reports the end to all waiting calls.
    fn end(&mut self, result: Result<(), Error>) {
        debug!(ok = result.is_ok(), "the transaction is over");
        let error = match result {
            Err(error) => self.cancel.attribute(error),
            Ok(()) => Error::new(Stage::Closed, ErrorKind::PeerDisconnected),
        };
        // Set before the channel is closed: a caller that finds it closed reads it.
        let _once = self.ended.set(error.clone());
        self.asks.close();
        while let Ok(ask) = self.asks.try_recv() {
            self.waiting.push_back(ask);
        }
        let waiting = self.waiting.drain(..).map(|ask| ask.reply);
        for reply in self.asked.take().into_iter().chain(waiting) {
            let _dropped = reply.send(Err(error.clone()));
        }
    }
}

/// Also when the runtime shuts down, or a part that the program brought panics.
impl Drop for Driver {
    fn drop(&mut self) {
        self.code.withdraw();
    }
}

/// # Cancel safety
/// The connections stay open.
async fn keep_open(early: &mut Option<Box<dyn EarlyConnections>>) -> Infallible {
    match early {
        Some(early) => early.keep_open().await,
        None => pending().await,
    }
}

fn tunnel_input(event: Event<bool>) -> Input {
    match event {
        Event::Opened(connect_signal) => Input::TunnelOpened { connect_signal },
        Event::Message(message) => Input::Message(message),
        Event::Closed => Input::TunnelClosed,
        Event::Failed(error) => Input::TunnelFailed(error),
    }
}

impl Radio {
    /// # Cancel safety
    /// No received advert is lost.
    async fn next(&mut self) -> Input {
        loop {
            let received = match self {
                Self::Off => pending().await,
                Self::Starting(start) => match start.await {
                    Ok(scan) => {
                        debug!("listening for adverts");
                        *self = Self::Scanning(scan);
                        continue;
                    }
                    Err(error) => Err(error),
                },
                Self::Scanning(scan) => {
                    // A scan that is always ready, because the air is full of
                    // adverts, must not keep its thread.
                    consume_budget().await;
                    scan.next().await
                }
            };
            match received {
                Ok(ScanEvent::Advert(sighting)) => return Input::Advert(sighting),
                Ok(ScanEvent::Adapter(state)) => return Input::Adapter(state),
                Err(error) => {
                    *self = Self::Off;
                    return Input::BluetoothFailed(error);
                }
            }
        }
    }
}
