//! What goes between a [`Ceremony`](super::Ceremony) and the task that drives its
//! transaction: requests, answers, the code, updates.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};

use crate::cancel::CancelHandle;
use crate::progress::{Progress, Reports};
use fido_hybrid_proto::client::{ClientUpdate, PhoneRequest};
use fido_hybrid_proto::ctap::{self, GetInfoResponse};
use fido_hybrid_proto::error::{Error, PeerMisbehaved, ResponseMismatch, Stage};
use fido_hybrid_proto::secret::{SecretBytes, SecretText};
use fido_hybrid_proto::transport::QrText;

/// A command to the task that drives the transaction.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) request: PhoneRequest,
    pub(super) timeout: Option<Duration>,
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
    Raw(SecretBytes),
    Json(SecretText),
}

impl Answer {
    /// The answer to a CTAP request.
    pub(super) fn ctap(self) -> Result<(ctap::CtapResponse, GetInfoResponse), Error> {
        match self {
            Self::Ctap { response, phone } => Ok((response, *phone)),
            Self::Raw(_) | Self::Json(_) => Err(contradiction()),
        }
    }

    /// The answer to a raw CTAP request.
    pub(super) fn raw(self) -> Result<SecretBytes, Error> {
        match self {
            Self::Raw(response) => Ok(response),
            Self::Ctap { .. } | Self::Json(_) => Err(contradiction()),
        }
    }

    /// The answer to a JSON request.
    pub(super) fn json(self) -> Result<SecretText, Error> {
        match self {
            Self::Json(text) => Ok(text),
            Self::Ctap { .. } | Self::Raw(_) => Err(contradiction()),
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

    pub(super) fn get(&self) -> Option<QrText> {
        // An `Option` that is written whole stays right whatever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces it by a new one.
    pub(super) fn replace(&self, text: &QrText) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.clone());
    }

    /// Wipes it: a phone's advert was received, or the transaction is over.
    pub(super) fn withdraw(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The ceremony, as the task that drives its transaction has it.
pub(super) struct Caller {
    pub(super) asks: mpsc::Receiver<Ask>,
    pub(super) updates: mpsc::Sender<ClientUpdate>,
    pub(super) cancel: CancelHandle,
    /// Notified when the program wants a new code.
    pub(super) renewal: Arc<Notify>,
    pub(super) ended: Ended,
}

/// The task that drives the transaction, as the ceremony has it.
pub(super) struct Line {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) progress: Progress<ClientUpdate, Answer>,
    pub(super) cancel: CancelHandle,
    pub(super) renewal: Arc<Notify>,
    pub(super) ended: Ended,
}

impl Line {
    /// Both ends, and the first request.
    pub(super) fn new(request: PhoneRequest, timeout: Option<Duration>) -> (Self, Caller, Ask) {
        let (asks, to_driver) = mpsc::channel(1);
        let (progress, Reports { updates, outcome }) = Progress::new();
        let (cancel, ended) = (CancelHandle::default(), Ended::default());
        let renewal = Arc::<Notify>::default();
        let caller = Caller {
            asks: to_driver,
            updates,
            cancel: cancel.clone(),
            renewal: Arc::clone(&renewal),
            ended: Arc::clone(&ended),
        };
        let first = Ask { request, timeout, reply: outcome };
        (Self { asks, progress, cancel, renewal, ended }, caller, first)
    }
}
