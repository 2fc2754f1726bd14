//! Whether this machine can be a client: the radio, both assigned tunnel services, and where
//! its person is, checked before a QR code is shown.
//!
//! A tunnel service is asked for a tunnel that does not exist. That goes
//! through every step that a ceremony takes (DNS, TCP, a proxy if there is one, TLS,
//! upgrade), a service that works answers it with HTTP status 404, and nothing is opened there.

use std::fmt;
use std::time::Duration;

use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};
use tokio::time::timeout;

use super::begin::Client;
use super::remote_session::RemoteSession;
use crate::bluetooth::AdapterState;
use fido_hybrid_proto::error::{
    Advice, BluetoothError, Error, ErrorKind, Stage, TunnelError, TunnelStep,
};
use fido_hybrid_proto::transport::{RoutingId, TunnelDomain, TunnelId, TunnelRequest, TunnelUrl};

/// The longest that [`Client::preflight`] takes. As long as a ceremony gives a
/// tunnel by default: what would be too slow there is too slow here.
pub const PREFLIGHT_DEADLINE: Duration = Duration::from_secs(10);

/// The status by which a service says that it does not know a tunnel.
const NO_SUCH_TUNNEL: u16 = 404;

/// The result of [`Client::preflight`]. `Display` has a line for each part, with
/// advice for the user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The radio.
    pub bluetooth: Result<AdapterState, Error>,
    /// The assigned tunnel services: Google's, where Android phones are met,
    /// and Apple's. Those that [`Client::tunnel_services`] does not allow are left out.
    pub tunnel_services: Vec<ServiceHealth>,
    /// That a person controls this program from another computer, where their phone is
    /// more likely. It does not count in [`is_ready`](Self::is_ready): the phone may be here
    /// all the same.
    pub remote_session: Option<RemoteSession>,
}

/// Whether a tunnel service can be reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceHealth {
    /// Which.
    pub domain: TunnelDomain,
    /// That it can, or at which step not.
    pub reached: Result<(), Error>,
}

impl ServiceHealth {
    /// The step at which reaching the service failed, that of a proxy included. `None` if
    /// it can be reached, if the deadline passed first, or if the error has no step.
    #[must_use]
    pub fn failed_step(&self) -> Option<TunnelStep> {
        match &self.reached {
            Err(Error { kind: ErrorKind::Tunnel(error), .. }) => error.step(),
            _ => None,
        }
    }
}

impl Health {
    /// Whether a ceremony that begins now can work with any phone.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.bluetooth, Ok(AdapterState::On))
            && self.tunnel_services.iter().all(|service| service.reached.is_ok())
    }

    /// Advice for the user, each once; empty if all is well.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        let radio = match &self.bluetooth {
            Ok(state) => state.error().map(|error| Error::new(Stage::ShowingQr, error).advice()),
            Err(error) => Some(error.advice()),
        };
        let services = self.tunnel_services.iter();
        let services = services.filter_map(|service| service.reached.as_ref().err());
        let mut all = Vec::new();
        let session = self.remote_session.map(RemoteSession::advice);
        for advice in radio.into_iter().chain(services.map(Error::advice)).chain(session) {
            if !all.contains(&advice) {
                all.push(advice);
            }
        }
        all
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bluetooth {
            Ok(state) => state.fmt(f)?,
            Err(error) => {
                write!(f, "Bluetooth cannot be used: {}. {}", error.kind, error.advice())?;
            }
        }
        for service in &self.tunnel_services {
            write!(f, "\n{service}")?;
        }
        if let Some(session) = self.remote_session {
            write!(f, "\n{session}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ServiceHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.domain.host();
        match &self.reached {
            Ok(()) => write!(f, "The tunnel service {host} can be reached."),
            Err(error) => write!(
                f,
                "The tunnel service {host} cannot be used: {}. {}",
                error.kind,
                error.advice()
            ),
        }
    }
}

impl Client {
    /// Looks whether this machine can do its part, within
    /// [`PREFLIGHT_DEADLINE`]: for programs that warn before they show a QR
    /// code.
    ///
    /// Nothing is switched on, listened to or left behind. Each tunnel service
    /// is dialled once, as in a ceremony, so this tells Google and Apple the
    /// machine's IP address, as a ceremony tells one of them.
    ///
    /// ```no_run
    /// # async fn look(client: fido_hybrid::client::Client) {
    /// let health = client.preflight().await;
    /// if !health.is_ready() {
    ///     eprintln!("{health}"); // "Bluetooth is switched off. Turn on Bluetooth."
    /// }
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future abandons the attempts.
    pub async fn preflight(&self) -> Health {
        let (bluetooth, google, apple) = tokio::join!(
            self.radio_state(),
            self.health_if_allowed(TunnelDomain::GOOGLE),
            self.health_if_allowed(TunnelDomain::APPLE),
        );
        Health {
            bluetooth,
            tunnel_services: google.into_iter().chain(apple).collect(),
            remote_session: RemoteSession::detect(),
        }
    }

    async fn health_if_allowed(&self, domain: TunnelDomain) -> Option<ServiceHealth> {
        if !self.tunnel_services.allows(domain) {
            return None;
        }
        Some(self.service_health(domain).await)
    }

    async fn radio_state(&self) -> Result<AdapterState, Error> {
        let state = timeout(PREFLIGHT_DEADLINE, self.scanner.state()).await;
        state
            .unwrap_or(Err(BluetoothError::Silent))
            .map_err(|error| Error::new(Stage::ShowingQr, error))
    }

    async fn service_health(&self, domain: TunnelDomain) -> ServiceHealth {
        // A random id: no phone waits under it, so this joins no tunnel.
        let mut tunnel = TunnelId([0; 16]);
        UnwrapErr(SysRng).fill_bytes(&mut tunnel.0);
        let url = TunnelUrl::connect(domain, RoutingId([0; 3]), tunnel);
        let answer = timeout(PREFLIGHT_DEADLINE, self.dialer.dial(TunnelRequest::from(url))).await;
        let error = match answer {
            // Some services let a client come before its phone.
            Ok(Ok(_) | Err(TunnelError::Status(NO_SUCH_TUNNEL))) => None,
            Ok(Err(error)) => Some(ErrorKind::Tunnel(error)),
            Err(_) => Some(ErrorKind::Deadline),
        };
        let reached = error.map_or(Ok(()), |error| Err(Error::new(Stage::Connecting, error)));
        ServiceHealth { domain, reached }
    }
}
