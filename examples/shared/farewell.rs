//! Ending politely: a program that is about to end waits until the task behind
//! its ceremony or session has told the other side.

use std::time::Duration;

use fido_hybrid::BoxFuture;
use fido_hybrid::error::TunnelFault;
use fido_hybrid::protocol::tunnel_url::TunnelRequest;
use fido_hybrid::tunnel::{Dial, OpenTunnel, WebSocketTunnel};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a goodbye may take: a network that is gone must not keep anybody.
const PATIENCE: Duration = Duration::from_secs(2);

/// A dialer of which it shows when nobody uses it any more.
pub(crate) struct Watched {
    dialer: WebSocketTunnel,
    _held: mpsc::Sender<()>,
}

/// Waits for the end of a [`Watched`] dialer.
pub(crate) struct Farewell(mpsc::Receiver<()>);

/// The task behind a ceremony or a session holds the dialer until it has said
/// goodbye to the other side, which a program that is about to end waits for.
pub(crate) fn watched(dialer: WebSocketTunnel) -> (Watched, Farewell) {
    let (held, gone) = mpsc::channel(1);
    (Watched { dialer, _held: held }, Farewell(gone))
}

impl Dial for Watched {
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenTunnel, TunnelFault>> {
        self.dialer.dial(request)
    }
}

impl Farewell {
    /// Waits until all is said that can be; the caller has dropped its parts.
    pub(crate) async fn said(mut self) {
        let _late = timeout(PATIENCE, self.0.recv()).await;
    }
}

/// Ctrl-C; never, where the system has no such thing.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
