//! The client as a program holds it: built once, begins ceremonies.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::ceremony::{Ceremony, Convert};
use super::driver::{Driver, new_code};
use super::line::{Answer, Line};
use crate::background::Background;
use crate::bluetooth::Scanner;
use crate::tunnel::{EarlyConnections, TunnelDialer};
use fido_hybrid_proto::client::{
    AllowedTunnelServices, ClientConfig, ClientDeadlines, JsonRequest, PREVIOUS_CODE_ACCEPTED,
    PhoneRequest, RawRequest, Transaction,
};
use fido_hybrid_proto::ctap::{self, CtapResponse};
use fido_hybrid_proto::error::{ApiMisuse, Error, Stage};
use fido_hybrid_proto::secret::{SecretBytes, SecretText};
use fido_hybrid_proto::transport::{RequestHint, TunnelDomain};

/// A program's way to phones: its radio, its way to tunnel services, its
/// patience. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(super) scanner: Arc<dyn Scanner>,
    pub(super) dialer: Arc<dyn TunnelDialer>,
    deadlines: ClientDeadlines,
    pub(super) tunnel_services: AllowedTunnelServices,
    connects_early: bool,
    renew_code_every: Option<Duration>,
    #[cfg(feature = "webauthn")]
    pub(super) web: super::web::Web,
}

/// The shortest time for which a code is shown before it is renewed by itself. With a
/// shorter one, a code would end before the time for which it is accepted.
const MIN_CODE_SHOWN: Duration = PREVIOUS_CODE_ACCEPTED;

impl Client {
    /// A client that scans with `scanner` and reaches tunnel services with `dialer`.
    ///
    /// `scanner` is the system's `bluetooth::Bluetooth`, or a program's own
    /// [`Scanner`]. `dialer` is a `tunnel::WebSocketDialer`, or a program's own
    /// [`TunnelDialer`].
    #[must_use]
    pub fn new(scanner: impl Scanner + 'static, dialer: impl TunnelDialer + 'static) -> Self {
        let (scanner, dialer) = (Arc::new(scanner), Arc::new(dialer));
        Self {
            scanner,
            dialer,
            deadlines: ClientDeadlines::default(),
            tunnel_services: AllowedTunnelServices::default(),
            connects_early: false,
            renew_code_every: None,
            #[cfg(feature = "webauthn")]
            web: super::web::Web::default(),
        }
    }

    /// How long each stage may take. By default, [`ClientDeadlines::default`].
    #[must_use]
    pub const fn deadlines(mut self, deadlines: ClientDeadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Which tunnel services are dialled; by default [`AllowedTunnelServices::All`]. A
    /// phone of another one ends the ceremony with
    /// [`TunnelError::DomainNotAllowed`](crate::error::TunnelError::DomainNotAllowed), before
    /// anything is dialled.
    #[must_use]
    pub fn tunnel_services(mut self, allowed: AllowedTunnelServices) -> Self {
        self.tunnel_services = allowed;
        self
    }

    /// Connects to both assigned tunnel services while the QR code is shown, TLS
    /// included, so that after the phone's advert only the upgrade and the handshake remain:
    /// two round trips to the service in place of four. Off by default: it tells both
    /// services, and the network, that someone is about to sign in, also if no phone
    /// follows. Services that [`Self::tunnel_services`] does not allow are left out.
    ///
    /// A connection that its service closes meanwhile is made again, at most every 10 s. What
    /// fails is not reported: the tunnel is then dialled as without this. After a proxy has
    /// refused to authenticate this device, no connection is made until the tunnel is dialled:
    /// a wrong password is sent once for each service, and then with the dial. The
    /// connections are closed with the ceremony. A dialer of the program's own does this only if it
    /// implements [`TunnelDialer::connect_early`].
    #[must_use]
    pub const fn connect_early(mut self) -> Self {
        self.connects_early = true;
        self
    }

    /// Shows a new QR code after each `time` in which no phone has come, at least one
    /// minute. By default a ceremony has one code, for as long as it is shown.
    ///
    /// For programs that show a code for minutes, such as login screens: phones may refuse
    /// a code that was made long ago (this crate's
    /// [`QrAgeLimit`](fido_hybrid_proto::authenticator::QrAgeLimit) does after 90 minutes), and
    /// a picture of a code is of use to others as long as the code is accepted. Each new
    /// code is a [`ClientUpdate::WaitingForScan`](super::ClientUpdate::WaitingForScan),
    /// which the program must show in place of the one before. A phone that has read that
    /// one may still come for
    /// [`PREVIOUS_CODE_ACCEPTED`](super::PREVIOUS_CODE_ACCEPTED): one minute.
    ///
    /// A program with a clock or a button of its own calls
    /// [`Ceremony::renew_code`] instead.
    #[must_use]
    pub fn renew_code_every(mut self, time: Duration) -> Self {
        self.renew_code_every = Some(time.max(MIN_CODE_SHOWN));
        self
    }

    /// Begins a ceremony that asks `request` of the phone that reads its QR
    /// code. `timeout` counts from when the phone has the request.
    ///
    /// The caller vouches for the request: that its client data names the
    /// origin that asks, and that this origin may use the RP ID. The
    /// `webauthn` module does both.
    ///
    /// # Errors
    /// [`Unsupported`](fido_hybrid_proto::error::Unsupported) for a request that phones do
    /// not take or that is too long for them; [`ApiMisuse::NoRuntime`] outside a tokio runtime.
    pub fn begin(
        &self,
        request: ctap::CtapRequest,
        timeout: Option<Duration>,
    ) -> Result<Ceremony<CtapResponse>, Error> {
        let request = PhoneRequest::try_from(request);
        let request = request.map_err(|error| Error::new(Stage::Preparing, error))?;
        self.begin_with(request, timeout, |answer| answer.ctap().map(|(response, _)| response))
    }

    /// Begins a ceremony that asks a phone for digital credentials, in JSON. The
    /// outcome is the text that the phone answers, which the caller reads: only
    /// that it is UTF-8 is checked. `timeout` counts from when the phone has the
    /// request.
    ///
    /// The outcome is [`Unsupported::Json`](fido_hybrid_proto::error::Unsupported::Json)
    /// if the phone does not offer digital credentials; nothing was sent to it then.
    ///
    /// # Errors
    /// [`ApiMisuse::NoRuntime`] outside a tokio runtime.
    pub fn begin_json(
        &self,
        request: JsonRequest,
        timeout: Option<Duration>,
    ) -> Result<Ceremony<SecretText>, Error> {
        self.begin_with(request.into(), timeout, Answer::json)
    }

    /// Begins a ceremony that asks a phone one CTAP request in bytes: the command byte,
    /// then its parameters. Any command is sent as it is, also clientPIN (0x06),
    /// largeBlobs (0x0c) and vendor commands (0x40 to 0xbf). The QR code tells the phone
    /// `hint`. `timeout` counts from when the phone has the request; `None`:
    /// [`ClientDeadlines::awaiting_response`].
    ///
    /// The outcome is the phone's response in bytes, as it came: the status byte, then
    /// what follows it, in all fewer than
    /// [`MAX_CIPHERTEXT`](fido_hybrid_proto::transport::MAX_CIPHERTEXT) bytes. A
    /// status other than OK is an outcome too, and no error.
    ///
    /// A getInfo (0x04) is answered from the phone's post-handshake message, because
    /// phones do not answer it: status 0x00, then the phone's bytes.
    ///
    /// The caller must ensure all that [`begin`](Self::begin) asks for, and also that the
    /// response answers the request: nothing here reads either.
    ///
    /// ```no_run
    /// # async fn pin_retries(
    /// #     client: fido_hybrid::client::Client,
    /// #     show: fn(fido_hybrid::client::ClientUpdate),
    /// # ) -> Result<(), fido_hybrid::Error> {
    /// use fido_hybrid::transport::RequestHint;
    ///
    /// // clientPIN, getPINRetries: {1: 2, 2: 1}
    /// let request = vec![0x06, 0xa2, 0x01, 0x02, 0x02, 0x01];
    /// let ceremony = client.begin_raw(request, RequestHint::GetAssertion, None)?;
    /// let response = ceremony.on_update(show).await?;
    /// match response.expose() {
    ///     [0x00, map @ ..] => println!("{} bytes of CBOR", map.len()),
    ///     other => println!("refused: {other:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ApiMisuse::EmptyRequest`] for a request without a command byte;
    /// [`Unsupported::RequestTooLong`](fido_hybrid_proto::error::Unsupported::RequestTooLong)
    /// for more than [`MAX_REQUEST_LENGTH`](super::MAX_REQUEST_LENGTH) bytes;
    /// [`ApiMisuse::NoRuntime`] outside a tokio runtime.
    pub fn begin_raw(
        &self,
        request: impl Into<SecretBytes>,
        hint: RequestHint,
        timeout: Option<Duration>,
    ) -> Result<Ceremony<SecretBytes>, Error> {
        let request = RawRequest::new(request, hint);
        let request = request.map_err(|error| Error::new(Stage::Preparing, error))?;
        self.begin_with(request.into(), timeout, Answer::raw)
    }

    /// Begins a ceremony, with what is made of the answer.
    ///
    /// # Errors
    /// [`ApiMisuse::NoRuntime`] outside a tokio runtime.
    pub(super) fn begin_with<T: 'static>(
        &self,
        request: PhoneRequest,
        timeout: Option<Duration>,
        convert: impl Fn(Answer) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<Ceremony<T>, Error> {
        self.start(request, timeout, Arc::new(convert))
    }

    fn start<T: 'static>(
        &self,
        request: PhoneRequest,
        timeout: Option<Duration>,
        convert: Convert<T>,
    ) -> Result<Ceremony<T>, Error> {
        let preparing = |error: ApiMisuse| Error::new(Stage::Preparing, error);
        let runtime = Handle::try_current().map_err(|_| preparing(ApiMisuse::NoRuntime))?;
        let mut config = ClientConfig::new(request.hint());
        config.deadlines = self.deadlines;
        config.tunnel_services = self.tunnel_services.clone();
        let (keys, created) = new_code();
        let transaction = Transaction::qr(config, keys, Duration::ZERO, created);

        let (line, caller, first) = Line::new(request.clone(), timeout);
        let (scanner, dialer) = (Arc::clone(&self.scanner), Arc::clone(&self.dialer));
        let early = self.early_connections();
        let driver = Driver::new(transaction, scanner, dialer, early, caller, first);
        let driver = driver.renewing_code(self.renew_code_every);
        let code = driver.shown_code();
        let task = Background::spawn(&runtime, driver.run());
        let (client, convert_again) = (self.clone(), Arc::clone(&convert));
        let again = move || client.start(request.clone(), timeout, Arc::clone(&convert_again));
        Ok(Ceremony::new(line, code, convert, Box::new(again), task))
    }

    fn early_connections(&self) -> Option<Box<dyn EarlyConnections>> {
        let known = [TunnelDomain::GOOGLE, TunnelDomain::APPLE];
        let allowed = known.into_iter().filter(|domain| self.tunnel_services.allows(*domain));
        let allowed = allowed.collect::<Vec<_>>();
        if !self.connects_early || allowed.is_empty() {
            return None;
        }
        self.dialer.connect_early(&allowed)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("deadlines", &self.deadlines)
            .field("tunnel_services", &self.tunnel_services)
            .field("connects_early", &self.connects_early)
            .finish_non_exhaustive()
    }
}
