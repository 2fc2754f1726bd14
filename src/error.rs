//! What went wrong, how far things had got, and what a person can do about it.
//!
//! One path: whatever ends a transaction, in either role and at either level,
//! comes out as an [`Error`]. It is made of a [`Stage`], where the transaction
//! was, and a [`Fault`], who or what failed. [`Error::advice`] turns both into
//! one thing for a person to try.
//!
//! Neither `Debug` nor `Display` ever holds a secret or text from a peer.

use std::fmt;
use std::sync::Arc;

/// An underlying error, kept for logs.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why the radio could not do its part.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BluetoothFault {
    /// This machine has no Bluetooth adapter.
    #[error("there is no Bluetooth adapter")]
    Absent,
    /// There is an adapter and it is switched off.
    #[error("Bluetooth is switched off")]
    Off,
    /// The system does not let this program use Bluetooth.
    #[error("this program is not permitted to use Bluetooth")]
    NotPermitted,
    /// This radio or system cannot do what was asked, such as advertising
    /// service data on macOS.
    #[error("the Bluetooth adapter cannot {0}")]
    Unsupported(&'static str),
    /// Anything else that Bluetooth reported.
    #[error("Bluetooth failed")]
    Failed(#[source] Source),
}

/// Why a tunnel could not be opened or did not last, by step.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelFault {
    /// The service's name has no address.
    #[error("the tunnel service's name did not resolve")]
    Dns(#[source] Source),
    /// No connection to any of its addresses.
    #[error("the tunnel service could not be reached")]
    Tcp(#[source] Source),
    /// No secure connection: certificate, protocol version, interception.
    #[error("no secure connection to the tunnel service")]
    Tls(#[source] Source),
    /// The service answered with an HTTP status other than 101. 410 on
    /// `/cable/contact` means that the linked phone is gone for good.
    #[error("the tunnel service answered with HTTP status {0}")]
    Status(u16),
    /// More redirects than allowed, or to something that is not `wss`.
    #[error("the tunnel service redirected to where this client does not go")]
    Redirect,
    /// The answer breaks the WebSocket or tunnel rules: no subprotocol, a
    /// malformed or repeated routing id.
    #[error("the tunnel service's answer is invalid: {0}")]
    Upgrade(&'static str),
    /// The tunnel was closed by the service, with its closing code if it gave
    /// one.
    #[error("the tunnel was closed{}", closing_code(*.0))]
    Closed(Option<u16>),
    /// A message over the limit in bytes.
    #[error("a message on the tunnel is longer than {0} bytes")]
    TooLong(usize),
    /// A text message, where only binary ones are allowed.
    #[error("a text message came through the tunnel")]
    NotBinary,
    /// The WebSocket or the connection below it broke.
    #[error("the connection to the tunnel service broke")]
    Broken(#[source] Source),
}

fn closing_code(code: Option<u16>) -> String {
    code.map(|code| format!(" (code {code})")).unwrap_or_default()
}

/// Formats an error and all its sources in one line, for logs and terminals.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
