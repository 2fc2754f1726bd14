//! The client for programs without an async runtime.
//!
//! A [`Client`] has one thread of its own, in which its ceremonies run. Its methods
//! work from any thread, several at once, and also within a program's own runtime,
//! whose thread they block. A [`Ceremony`] is also an iterator of its updates.
//!
//! ```no_run
//! # #[cfg(all(
//! #     feature = "webauthn", feature = "qr-render", feature = "tls-aws-lc-rs",
//! #     feature = "tunnel", feature = "bluetooth",
//! # ))]
//! # fn sign_in(
//! #     json_from_the_server: &str,
//! #     send_to_server: fn(&str),
//! # ) -> Result<(), fido_hybrid::Error> {
//! use fido_hybrid::blocking::Client;
//! use fido_hybrid::bluetooth::Bluetooth;
//! use fido_hybrid::client::ClientUpdate;
//! use fido_hybrid::qr_render::QrMatrix;
//! use fido_hybrid::tunnel::WebSocketDialer;
//! use fido_hybrid::webauthn::{Origin, RequestOptions};
//!
//! let client = Client::new(Bluetooth::new(), WebSocketDialer::new()?)?;
//!
//! let options = RequestOptions::from_json(json_from_the_server)?;
//! let ceremony = client.get(&options, &Origin::parse("https://example.com")?)?;
//! let signed_in = ceremony.on_update(|update| match update {
//!     ClientUpdate::WaitingForScan(code) => match QrMatrix::new(&code) {
//!         Ok(matrix) => println!("{}", matrix.to_terminal().expose()),
//!         Err(error) => eprintln!("{error}"),
//!     },
//!     step => println!("{step}"), // "A phone is nearby. Connecting to it."
//! });
//! match signed_in {
//!     Ok(assertion) => send_to_server(assertion.to_json().expose()),
//!     Err(error) if error.is_cancelled() => {}
//!     Err(error) => eprintln!("{error}\n{}", error.advice()), // what a person can do about it
//! }
//! # Ok(())
//! # }
//! # fn main() {}
//! ```

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use fido_hybrid_proto::client::{
    AllowedTunnelServices, ClientDeadlines, ClientUpdate, JsonRequest,
};
use fido_hybrid_proto::ctap::{CtapRequest, CtapResponse};
use fido_hybrid_proto::error::{ApiMisuse, Error, ErrorKind, Stage};
use fido_hybrid_proto::secret::{SecretBytes, SecretText};
use fido_hybrid_proto::transport::{QrText, RequestHint};
#[cfg(feature = "webauthn")]
use fido_hybrid_proto::webauthn::{
    Assertion, Caller, ClientCapabilities, CreationOptions, PublicSuffixes, Registration,
    RequestOptions,
};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::coop::unconstrained;

use crate::bluetooth::Scanner;
use crate::cancel::CancelHandle;
#[cfg(feature = "webauthn")]
use crate::client::RelatedOriginsFetcher;
use crate::client::{self, Health};
use crate::tunnel::TunnelDialer;

/// A program's way to phones, without an async runtime. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    client: client::Client,
    background: Arc<Background>,
}

/// The thread in which ceremonies run, until this is dropped.
struct Background {
    runtime: Handle,
    /// Carries nothing: the thread waits for its end.
    _held: oneshot::Sender<Infallible>,
}

impl Background {
    fn start() -> Result<Self, Error> {
        let failed = |error| Error::new(Stage::Preparing, ErrorKind::NoThread(Arc::new(error)));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (held, released) = oneshot::channel::<Infallible>();
        let thread = thread::Builder::new().name("fido-hybrid".to_owned());
        let run = move || {
            let _released = runtime.block_on(released);
        };
        thread.spawn(run).map_err(failed)?;
        Ok(Self { runtime: handle, _held: held })
    }
}

impl Client {
    /// A client that scans with `scanner` and reaches tunnel services with `dialer`, as
    /// [`client::Client::new`] makes one, and its thread.
    ///
    /// # Errors
    /// [`ErrorKind::NoThread`] if the system does not start a thread.
    pub fn new(
        scanner: impl Scanner + 'static,
        dialer: impl TunnelDialer + 'static,
    ) -> Result<Self, Error> {
        let background = Arc::new(Background::start()?);
        Ok(Self { client: client::Client::new(scanner, dialer), background })
    }

    /// How long each stage may take. By default, [`ClientDeadlines::default`].
    #[must_use]
    pub fn deadlines(self, deadlines: ClientDeadlines) -> Self {
        Self { client: self.client.deadlines(deadlines), ..self }
    }

    /// Shows a new QR code after each `time` in which no phone has come, as
    /// [`client::Client::renew_code_every`] does.
    #[must_use]
    pub fn renew_code_every(self, time: Duration) -> Self {
        Self { client: self.client.renew_code_every(time), ..self }
    }

    /// Which tunnel services are dialled, as [`client::Client::tunnel_services`] has it.
    #[must_use]
    pub fn tunnel_services(self, allowed: AllowedTunnelServices) -> Self {
        Self { client: self.client.tunnel_services(allowed), ..self }
    }

    /// Connects to the tunnel services while the QR code is shown, as
    /// [`client::Client::connect_early`] does.
    #[must_use]
    pub fn connect_early(self) -> Self {
        Self { client: self.client.connect_early(), ..self }
    }

    /// Looks whether this machine can do its part, as [`client::Client::preflight`] does. It
    /// blocks for [`PREFLIGHT_DEADLINE`](client::PREFLIGHT_DEADLINE) at most.
    #[must_use]
    pub fn preflight(&self) -> Health {
        let _within = self.background.runtime.enter();
        block_on(self.client.preflight())
    }

    /// Takes another list of public suffixes, as [`client::Client::public_suffixes`] does.
    #[cfg(feature = "webauthn")]
    #[must_use]
    pub fn public_suffixes(self, list: impl PublicSuffixes + Send + Sync + 'static) -> Self {
        Self { client: self.client.public_suffixes(list), ..self }
    }

    /// Fetches lists of related origins with `fetcher`, as
    /// [`client::Client::related_origins`] does.
    #[cfg(feature = "webauthn")]
    #[must_use]
    pub fn related_origins(self, fetcher: impl RelatedOriginsFetcher + 'static) -> Self {
        Self { client: self.client.related_origins(fetcher), ..self }
    }

    /// Checks whether `caller` may use an RP ID, as [`client::Client::check_caller`] does.
    /// It blocks for [`RELATED_ORIGINS_DEADLINE`](client::RELATED_ORIGINS_DEADLINE) at most.
    ///
    /// # Errors
    /// As for [`client::Client::check_caller`].
    #[cfg(feature = "webauthn")]
    pub fn check_caller(
        &self,
        caller: impl Into<Caller>,
        rp_id: Option<&str>,
    ) -> Result<Caller, Error> {
        let (client, caller) = (self.client.clone(), caller.into());
        let rp_id = rp_id.map(str::to_owned);
        let check = async move { client.check_caller(caller, rp_id.as_deref()).await };
        block_on(self.background.runtime.spawn(check)).map_err(|_| ApiMisuse::TaskEnded)?
    }

    /// What this client can do, as [`client::Client::capabilities`] has it.
    #[cfg(feature = "webauthn")]
    #[must_use]
    pub fn capabilities(&self) -> ClientCapabilities {
        self.client.capabilities()
    }

    /// Begins a sign-in, as [`client::Client::get`] does.
    ///
    /// # Errors
    /// As for [`client::Client::get`].
    #[cfg(feature = "webauthn")]
    pub fn get(
        &self,
        options: &RequestOptions,
        caller: impl Into<Caller>,
    ) -> Result<Ceremony<Assertion>, Error> {
        self.begin_with(|client| client.get(options, caller))
    }

    /// Begins the registration of a passkey, as [`client::Client::create`] does.
    ///
    /// # Errors
    /// As for [`client::Client::create`].
    #[cfg(feature = "webauthn")]
    pub fn create(
        &self,
        options: &CreationOptions,
        caller: impl Into<Caller>,
    ) -> Result<Ceremony<Registration>, Error> {
        self.begin_with(|client| client.create(options, caller))
    }

    /// Begins a ceremony that asks `request` of the phone, as
    /// [`client::Client::begin`] does.
    ///
    /// # Errors
    /// As for [`client::Client::begin`].
    pub fn begin(
        &self,
        request: CtapRequest,
        timeout: Option<Duration>,
    ) -> Result<Ceremony<CtapResponse>, Error> {
        self.begin_with(|client| client.begin(request, timeout))
    }

    /// Begins a ceremony that asks for digital credentials in JSON, as
    /// [`client::Client::begin_json`] does.
    ///
    /// # Errors
    /// As for [`client::Client::begin_json`].
    pub fn begin_json(
        &self,
        request: JsonRequest,
        timeout: Option<Duration>,
    ) -> Result<Ceremony<SecretText>, Error> {
        self.begin_with(|client| client.begin_json(request, timeout))
    }

    /// Begins a ceremony that asks one CTAP request in bytes, as
    /// [`client::Client::begin_raw`] does.
    ///
    /// # Errors
    /// As for [`client::Client::begin_raw`].
    pub fn begin_raw(
        &self,
        request: impl Into<SecretBytes>,
        hint: RequestHint,
        timeout: Option<Duration>,
    ) -> Result<Ceremony<SecretBytes>, Error> {
        self.begin_with(|client| client.begin_raw(request, hint, timeout))
    }

    fn begin_with<T: Send + 'static>(
        &self,
        begin: impl FnOnce(&client::Client) -> Result<client::Ceremony<T>, Error>,
    ) -> Result<Ceremony<T>, Error> {
        let _within = self.background.runtime.enter();
        let ceremony = Some(begin(&self.client)?);
        Ok(Ceremony { ceremony, background: Arc::clone(&self.background) })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}

/// A ceremony under way: an iterator of its updates, which blocks until the next one.
///
/// Dropping it cancels the ceremony in the background. A program that is about to end
/// calls [`close`](Self::close), so that the phone is told before.
pub struct Ceremony<T: Send + 'static> {
    /// `None` while it is closed.
    ceremony: Option<client::Ceremony<T>>,
    background: Arc<Background>,
}

impl<T: Send + 'static> Ceremony<T> {
    /// The text of the QR code to show, as [`client::Ceremony::qr_code`].
    #[must_use]
    pub fn qr_code(&self) -> Option<QrText> {
        self.ceremony.as_ref()?.qr_code()
    }

    /// The next step, if it was taken already. It never blocks.
    pub fn try_next(&mut self) -> Option<ClientUpdate> {
        self.ceremony.as_mut()?.try_next()
    }

    /// The outcome, if there is one already, as [`client::Ceremony::try_outcome`]. It never
    /// blocks, and gives the outcome once.
    pub fn try_outcome(&mut self) -> Option<Result<T, Error>> {
        self.ceremony.as_mut()?.try_outcome()
    }

    /// A handle that cancels the ceremony from another thread. Calls that block then
    /// return.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        self.ceremony.as_ref().map(client::Ceremony::cancel_handle).unwrap_or_default()
    }

    /// Begins the same request again, with a new QR code, as [`client::Ceremony::retry`] does.
    ///
    /// A program that gets its outcome with [`outcome`](Self::outcome) or
    /// [`on_update`](Self::on_update) has no ceremony left to retry. It begins another.
    ///
    /// # Errors
    /// [`ApiMisuse::WrongStage`] if the phone has answered. The outcome is not lost.
    pub fn retry(&mut self) -> Result<(), Error> {
        let ceremony = self.ceremony.as_mut().ok_or(ApiMisuse::Closed)?;
        let _within = self.background.runtime.enter();
        ceremony.retry()
    }

    /// Replaces the QR code by a new one, as [`client::Ceremony::renew_code`] does. It never
    /// blocks.
    pub fn renew_code(&self) {
        if let Some(ceremony) = &self.ceremony {
            ceremony.renew_code();
        }
    }

    /// Blocks until there is an outcome, and closes the ceremony. Updates that were not
    /// taken are dropped.
    ///
    /// # Errors
    /// As for [`client::Ceremony::outcome`]; [`ApiMisuse::CodeNotTaken`] if the program
    /// did not take the code, so that no person can have seen it.
    pub fn outcome(mut self) -> Result<T, Error> {
        match self.ceremony.take() {
            Some(ceremony) => block_on(ceremony.into_future()),
            None => Err(ApiMisuse::Closed.into()),
        }
    }

    /// Calls `update` with each step until there is an outcome, and closes the ceremony.
    /// `update` is called on this thread.
    ///
    /// # Errors
    /// As for [`client::Ceremony::outcome`].
    pub fn on_update(mut self, mut update: impl FnMut(ClientUpdate)) -> Result<T, Error> {
        for step in &mut self {
            update(step);
        }
        self.outcome()
    }

    /// Ends the ceremony and blocks until that is done, as
    /// [`client::Ceremony::close`]: at most
    /// [`CLOSE_DEADLINE`](crate::CLOSE_DEADLINE).
    pub fn close(mut self) {
        if let Some(ceremony) = self.ceremony.take() {
            block_on(ceremony.close());
        }
    }
}

impl<T: Send + 'static> Iterator for Ceremony<T> {
    type Item = ClientUpdate;

    fn next(&mut self) -> Option<ClientUpdate> {
        block_on(self.ceremony.as_mut()?.next())
    }
}

impl<T: Send + 'static> Drop for Ceremony<T> {
    fn drop(&mut self) {
        if let Some(ceremony) = self.ceremony.take() {
            // The thread goes on until the phone was told.
            let background = Arc::clone(&self.background);
            self.background.runtime.spawn(async move {
                ceremony.close().await;
                drop(background);
            });
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Ceremony<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ceremony").finish_non_exhaustive()
    }
}

/// Wakes a thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread. Unlike a runtime's `block_on` it does not panic
/// within another runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    // Within a task, polls of channels have a budget, which is renewed only when that task
    // waits. A thread that blocks never does.
    let mut future = pin!(unconstrained(future));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}
