//! A tunnel service in memory, as a way to dial.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use fido_hybrid_proto::error::TunnelError;
use fido_hybrid_proto::ports::BoxFuture;
use fido_hybrid_proto::ports::data_channel::DataChannel;
use fido_hybrid_proto::ports::tunnel::{OpenedTunnel, TunnelDialer};
use fido_hybrid_proto::transport::{RoutingId, TunnelRequest};

/// Messages on the way to one side.
const QUEUE: usize = 64;

/// The routing id that every tunnel here has.
const ROUTING_ID: RoutingId = RoutingId([0x51, 0x0a, 0x0e]);

/// Joins the two sides of each tunnel, whatever its domain. It knows the QR
/// flow and none of the limits of a real service: those are `relay`'s.
#[derive(Clone, Default)]
pub struct MemoryRelay {
    waiting: Arc<Mutex<HashMap<String, InMemory>>>,
}

impl MemoryRelay {
    /// A service with no tunnel.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for MemoryRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRelay").finish_non_exhaustive()
    }
}

impl TunnelDialer for MemoryRelay {
    fn dial(&self, request: TunnelRequest) -> BoxFuture<'_, Result<OpenedTunnel, TunnelError>> {
        let path = request.url.path();
        let opened = match path.strip_prefix("/cable/new/") {
            Some(tunnel) => {
                let (phone, client) = InMemory::pair();
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.insert(format!("{ROUTING_ID}/{tunnel}"), client);
                Ok((phone, Some(ROUTING_ID)))
            }
            None => {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let name = path.strip_prefix("/cable/connect/").unwrap_or_default();
                // A phone's tunnel ends when the phone disconnects.
                let client = waiting.remove(name).filter(InMemory::is_joined);
                client.map(|client| (client, None)).ok_or(TunnelError::Status(404))
            }
        };
        Box::pin(async move {
            let (tunnel, routing_id) = opened?;
            Ok(OpenedTunnel { tunnel: Box::new(tunnel), routing_id, connect_signal: false })
        })
    }
}

struct InMemory {
    to_peer: Option<mpsc::Sender<Vec<u8>>>,
    from_peer: mpsc::Receiver<Vec<u8>>,
}

impl InMemory {
    fn pair() -> (Self, Self) {
        let (to_one, from_other) = mpsc::channel(QUEUE);
        let (to_other, from_one) = mpsc::channel(QUEUE);
        (
            Self { to_peer: Some(to_other), from_peer: from_other },
            Self { to_peer: Some(to_one), from_peer: from_one },
        )
    }
}

impl InMemory {
    fn is_joined(&self) -> bool {
        self.to_peer.as_ref().is_some_and(|to_peer| !to_peer.is_closed())
    }
}

impl DataChannel for InMemory {
    fn send(&mut self, messages: Vec<Vec<u8>>) -> BoxFuture<'_, Result<(), TunnelError>> {
        Box::pin(async move {
            let to_peer = self.to_peer.as_ref().ok_or(TunnelError::Closed(None))?;
            for message in messages {
                to_peer.send(message).await.map_err(|_| TunnelError::Closed(None))?;
            }
            Ok(())
        })
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, TunnelError>> {
        Box::pin(async move { Ok(self.from_peer.recv().await) })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.to_peer = None;
        Box::pin(async {})
    }
}
