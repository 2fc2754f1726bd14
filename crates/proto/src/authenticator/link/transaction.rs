//! A link alone, for programs that have a CTAP2 engine of their own.
//!
//! The law is that of [`authenticator::Transaction`](super::super::Transaction):
//! after each input, take all outputs; then wait for one more input.

use std::time::Duration;

use super::{
    AuthenticatorDeadlines, LinkInput, LinkOutput, LinkSecrets, LinkUpdate, State, response,
};
use crate::ctap::{GetInfoResponse, RawCbor, Status};
use crate::error::{ApiMisuse, EngineError, Error, Stage, Unsupported};
use crate::secret::SecretBytes;
use crate::state_machine::Runner;
use crate::transport::{QrCode, TunnelDomain};

/// The program's settings of a link.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LinkConfig {
    /// The tunnel service at which this authenticator meets clients.
    pub domain: TunnelDomain,
    /// The engine's abilities. The client receives them after the handshake, and
    /// whenever it asks: such requests do not come out as [`LinkOutput::Request`].
    ///
    /// Without a `maxMsgSize`, clients assume 1,024 bytes. They ask only for what
    /// is listed.
    pub get_info: GetInfoResponse,
    /// How long each stage may take.
    pub deadlines: AuthenticatorDeadlines,
}

impl LinkConfig {
    /// The default deadlines, at this tunnel service, for an engine that says
    /// this of itself.
    #[must_use]
    pub fn new(domain: TunnelDomain, get_info: GetInfoResponse) -> Self {
        Self { domain, get_info, deadlines: AuthenticatorDeadlines::default() }
    }
}

/// The authenticator's link in one transaction.
///
/// ```
/// # use std::time::Duration;
/// # use fido_hybrid_proto::authenticator::link::{LinkInput, LinkOutput, LinkTransaction};
/// # use fido_hybrid_proto::secret::SecretBytes;
/// # fn send(message: Vec<u8>) {}
/// # fn drive(
/// #     mut link: LinkTransaction,
/// #     mut next_input: impl FnMut() -> (Duration, LinkInput),
/// #     process: impl Fn(&[u8]) -> Vec<u8>,
/// # ) {
/// loop {
///     let mut response = None;
///     while let Some(output) = link.poll_output() {
///         match output {
///             LinkOutput::Request(request) => response = Some(process(request.expose())),
///             LinkOutput::Send(message) => send(message),
///             LinkOutput::Closed(_) => return,
///             // Dial, advertise, close: the same as for an authenticator.
/// #           _ => {}
///         }
///     }
///     let (now, input) = match response {
///         Some(bytes) => (Duration::ZERO, LinkInput::Response(SecretBytes::new(bytes))),
///         None => next_input(),
///     };
///     if link.handle(now, input).is_err() {
///         return;
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct LinkTransaction(Runner<State>);

impl LinkTransaction {
    /// Starts with a QR code that was read: the first output is a dial.
    ///
    /// `now` is the time since an origin of the caller's choosing, by a clock
    /// that never goes back. The caller must ensure that the code was read by a
    /// camera, or by an equally deliberate act of the user (CVE-2024-9956).
    ///
    /// # Errors
    /// [`Unsupported::TunnelDomain`] if the code's client does not know this
    /// tunnel service, [`Unsupported::DataChannel`] if it uses none at all;
    /// [`ErrorKind::Engine`](crate::error::ErrorKind::Engine) if no client can read this
    /// getInfo.
    pub fn qr(
        config: LinkConfig,
        code: &QrCode,
        keys: LinkSecrets,
        now: Duration,
    ) -> Result<Self, Error> {
        let LinkConfig { domain, get_info, deadlines } = config;
        can_meet(code, domain)?;
        let get_info = RawCbor::of(&get_info);
        check_get_info(&get_info).map_err(|error| Error::new(Stage::Preparing, error))?;
        let (state, request) = State::new(domain, get_info, code, keys);
        let outputs = [LinkOutput::Update(LinkUpdate::Registering), LinkOutput::Dial(request)];
        Ok(Self(Runner::new(state, deadlines, now, outputs)))
    }

    /// Where the transaction is. [`Stage::Answering`] is from
    /// [`LinkOutput::Request`] to [`LinkInput::Response`].
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.0.stage()
    }

    /// When [`LinkInput::TimePassed`] is due.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        self.0.deadline()
    }

    /// The next thing to do, if there is one.
    pub fn poll_output(&mut self) -> Option<LinkOutput> {
        self.0.poll_output()
    }

    /// Takes one input. Faults of the world, the client and the engine are not
    /// errors of this call.
    ///
    /// A deadline that has passed by `now` counts before the input, unless that
    /// is the tunnel's end.
    ///
    /// # Errors
    /// [`ApiMisuse`] if the law is broken or the input does not belong to the
    /// stage, such as a response without a request. The transaction is unchanged.
    pub fn handle(&mut self, now: Duration, input: LinkInput) -> Result<(), ApiMisuse> {
        self.0.handle(now, input)
    }
}

/// Whether clients can read what an engine says of itself.
fn check_get_info(get_info: &RawCbor) -> Result<(), EngineError> {
    let response = [&[Status::OK.0], get_info.as_bytes()].concat();
    response::check(&SecretBytes::new(response)).map(|_| ())
}

/// Whether the client of this code and an authenticator at this tunnel service
/// can meet.
pub(in crate::authenticator) fn can_meet(code: &QrCode, domain: TunnelDomain) -> Result<(), Error> {
    let unsupported = |what: Unsupported| Err(Error::new(Stage::Preparing, what));
    if !code.channels.has_web_socket() {
        return unsupported(Unsupported::DataChannel);
    }
    if !code.knows(domain) {
        return unsupported(Unsupported::TunnelDomain);
    }
    Ok(())
}
