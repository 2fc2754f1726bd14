//! TLS over a connection, to the tunnel service or to a proxy.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::party::Party;
use super::stream::BoxedStream;
use super::tcp::in_time;
use fido_hybrid_proto::error::TunnelError;

/// Secures `stream` for `host`, a name or an IP address without brackets.
pub(super) async fn secure(
    tls: &Arc<ClientConfig>,
    stream: BoxedStream,
    host: &str,
    party: Party,
    deadline: Instant,
) -> Result<BoxedStream, TunnelError> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|error| party.dns(Arc::new(error)))?;
    let connecting = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
    let secured = in_time(deadline, party.tls_step(), connecting).await?;
    let stream = secured.map_err(|error| party.tls(error))?;
    tracing::debug!(to = party.name(), "secured the connection");
    Ok(Box::new(stream))
}
