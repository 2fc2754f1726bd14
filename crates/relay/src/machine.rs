//! The tunnel service as a state machine: [CTAP 2.2 §11.5.1.2], without
//! sockets, clock or randomness.
//!
//! ```text
//!             arrive          open            receive / next …
//! connection ───────► visitor ─────► peer ────────────────────► closing ──► depart
//!                        │            │ tunnel: Waiting → Paired → finished     ▲
//!                        └─────────── dropped: too many visitors ───────────────┘
//! ```
//!
//! A tunnel id comes from a QR code, and a code may be scanned twice, by one
//! phone or by two. Each scan opens a tunnel with the same tunnel id and a
//! routing id of its own. The client connects with the routing id of the phone
//! whose advert it received. From then on the tunnel id is used: phones that
//! still wait under it are closed, and no other tunnel is opened with it.
//!
//! The law: after each call, take [`Relay::next_woken`] until it returns `None`,
//! and for each connection named there [`Relay::next`] until it returns
//! [`RelayOutput::Wait`] or [`RelayOutput::Ended`]. The driver calls
//! [`Relay::may_read`] before it reads from a connection: this is how a slow reader
//! slows its peer down instead of filling the memory.
//!
//! Limits are refusals, which have an HTTP status: a phone is refused when its
//! address, or the service, has as many tunnels as allowed. Its client is never
//! refused for a limit: the tunnel has a place for it. Connections without a
//! tunnel, which are on their way in or out, have no status to be refused with,
//! since their request was not read. When there are too many, the address that
//! has most loses its oldest: [`Relay::is_dropped`].
//!
//! Times are distances from any fixed moment, and never go back.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use self::shares::{Shares, UsedIds};
use super::limits::Limits;
use super::request::{Accepted, NetworkAddress, Purpose, Rejection, UpgradeRequest};
use fido_hybrid_proto::transport::{CODE_USED, RoutingId, TunnelId};

/// Names a connection; the caller's choice, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// An event from a peer. `Debug` shows lengths only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A binary message.
    Message(Vec<u8>),
    /// A text message, where only binary ones are allowed.
    Text,
    /// The start of a message over the limit.
    TooLong,
    /// More control frames, or fragments of one message, than allowed.
    Flood,
    /// A close frame.
    Closed,
    /// The end of the connection, or something that is not a WebSocket.
    Disconnected,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => write!(f, "Message({} bytes)", message.len()),
            Self::Text => f.write_str("Text"),
            Self::TooLong => f.write_str("TooLong"),
            Self::Flood => f.write_str("Flood"),
            Self::Closed => f.write_str("Closed"),
            Self::Disconnected => f.write_str("Disconnected"),
        }
    }
}

/// An action for a connection. `Debug` shows lengths only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayOutput {
    /// Send this message.
    Message(Vec<u8>),
    /// Close with this code.
    Close(CloseCode),
    /// Nothing, until woken.
    Wait,
    /// Nothing, ever again.
    Ended,
}

impl fmt::Debug for RelayOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => write!(f, "Message({} bytes)", message.len()),
            Self::Close(code) => write!(f, "Close({})", code.code()),
            Self::Wait => f.write_str("Wait"),
            Self::Ended => f.write_str("Ended"),
        }
    }
}

/// Codes with which the service closes: [RFC 6455 §7.4].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseCode {
    /// 1000: the other side left in good order.
    Normal,
    /// 1001: the other side disconnected, or was removed.
    Away,
    /// 1003: text.
    Unsupported,
    /// 1008: too many messages or other frames, or the tunnel's time is over.
    Policy,
    /// 1009: a message over the limit.
    TooLong,
    /// 1013: the service has no room for the message.
    TryAgain,
    /// [`CODE_USED`]: the client connected to another phone that scanned the
    /// same QR code.
    Taken,
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Away => 1001,
            Self::Unsupported => 1003,
            Self::Policy => 1008,
            Self::TooLong => 1009,
            Self::TryAgain => 1013,
            Self::Taken => CODE_USED,
        }
    }
}

/// All tunnels of a service.
pub struct Relay {
    limits: Limits,
    required_origin: Option<String>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Connections without a tunnel, by when they came to be so.
    passing: Shares<(u64, ConnectionId)>,
    passed: u64,
    /// Open tunnels by the address of their phone.
    phones: BTreeMap<NetworkAddress, usize>,
    tunnels: BTreeMap<TunnelKey, Tunnel>,
    deadlines: BTreeSet<(Duration, TunnelKey)>,
    used: UsedIds,
    queued_bytes: usize,
    woken: BTreeSet<ConnectionId>,
}

struct Connection {
    address: NetworkAddress,
    stage: Stage,
    /// Its number among those without a tunnel.
    passing: Option<u64>,
    outgoing: Queue,
}

enum Stage {
    Pending,
    Peer {
        tunnel: TunnelKey,
        received: u32,
    },
    /// Out of its tunnel; what is queued still goes out, then this code.
    Closing(CloseCode),
    Ended,
    Dropped,
}

/// Names one tunnel. Those with one tunnel id are neighbours in the map.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TunnelKey {
    tunnel: TunnelId,
    routing: RoutingId,
}

impl TunnelKey {
    fn all_of(tunnel: TunnelId) -> RangeInclusive<Self> {
        let with = |routing| Self { tunnel, routing: RoutingId(routing) };
        with([0; 3])..=with([u8::MAX; 3])
    }

    /// The next routing id, for the one time in 2^24 that the first is taken.
    fn next(self) -> Self {
        let RoutingId([high, middle, low]) = self.routing;
        let next = u32::from_be_bytes([0, high, middle, low]).wrapping_add(1);
        let [_, high, middle, low] = next.to_be_bytes();
        Self { routing: RoutingId([high, middle, low]), ..self }
    }
}

struct Tunnel {
    deadline: Duration,
    /// The end of its lifetime, and of the time for which a used id is kept.
    expiry: Duration,
    phone: ConnectionId,
    /// The phone's.
    address: NetworkAddress,
    side: ClientSide,
}

enum ClientSide {
    /// The phone waits for its client; the queue holds its messages.
    Waiting(Queue),
    Paired(ConnectionId),
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Queue {
    fn push(&mut self, message: Vec<u8>) {
        self.bytes += message.len();
        self.messages.push_back(message);
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }

    /// A single long message fills it as well.
    fn is_full(&self, limits: &Limits) -> bool {
        self.messages.len() >= limits.queued_messages.max(1)
            || self.bytes >= limits.message_size.max(1)
    }
}

impl Relay {
    /// A service without tunnels.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            required_origin: None,
            connections: BTreeMap::new(),
            passing: Shares::new(),
            passed: 0,
            phones: BTreeMap::new(),
            tunnels: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            used: UsedIds::new(),
            queued_bytes: 0,
            woken: BTreeSet::new(),
        }
    }

    /// Refuses visitors with another `Origin`, or without one. Chromium sends
    /// `wss://` and the service's name; libwebauthn sends none.
    #[must_use]
    pub fn require_origin(mut self, origin: impl Into<String>) -> Self {
        self.required_origin = Some(origin.into());
        self
    }

    /// The limits it was made with.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Open tunnels.
    #[must_use]
    pub fn tunnel_count(&self) -> usize {
        self.tunnels.len()
    }

    /// A connection was accepted, and has said nothing yet. Another may be
    /// dropped for it.
    pub fn accept(&mut self, connection: ConnectionId, address: NetworkAddress) {
        let (stage, outgoing) = (Stage::Pending, Queue::default());
        let visitor = Connection { address, stage, passing: None, outgoing };
        self.connections.insert(connection, visitor);
        self.pass(connection);
    }

    /// Whether to close this connection at once, without a close frame: it has no
    /// tunnel, and there are too many such connections. It is woken when this
    /// becomes true.
    #[must_use]
    pub fn is_dropped(&self, connection: ConnectionId) -> bool {
        let connection = self.connections.get(&connection);
        connection.is_some_and(|connection| matches!(connection.stage, Stage::Dropped))
    }

    /// Counts a connection among those without a tunnel.
    fn pass(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        self.passed += 1;
        connection.passing = Some(self.passed);
        self.passing.insert(connection.address, (self.passed, id));
        while self.passing.len() > self.limits.pending_connections {
            let Some((_, id)) = self.passing.pop() else { break };
            self.woken.insert(id);
            let Some(dropped) = self.connections.get_mut(&id) else { continue };
            dropped.passing = None;
            dropped.stage = Stage::Dropped;
            self.queued_bytes -= std::mem::take(&mut dropped.outgoing).bytes;
        }
    }

    /// A visitor has said what it wants. `routing` is three random bytes, used
    /// if a tunnel is opened.
    ///
    /// # Errors
    /// A [`Rejection`] to answer with its status.
    pub fn open(
        &mut self,
        now: Duration,
        connection: ConnectionId,
        request: &UpgradeRequest<'_>,
        routing: RoutingId,
    ) -> Result<Accepted, Rejection> {
        self.expire(now);
        let visitor = self.connections.get(&connection).ok_or(Rejection::Full)?;
        if !matches!(visitor.stage, Stage::Pending) {
            return Err(Rejection::Taken);
        }
        let address = visitor.address;
        if let Some(required) = &self.required_origin
            && !request.origin.is_some_and(|origin| origin.eq_ignore_ascii_case(required))
        {
            return Err(Rejection::Origin);
        }
        let purpose = Purpose::from_path(request.path).ok_or(Rejection::Unknown)?;
        if !request.offers_subprotocol() {
            return Err(Rejection::Malformed);
        }
        let (tunnel, routing_id) = match purpose {
            Purpose::New(tunnel) => {
                let tunnel = TunnelKey { tunnel, routing };
                let tunnel = self.open_tunnel(now, connection, address, tunnel)?;
                (tunnel, Some(tunnel.routing))
            }
            Purpose::Connect(routing, tunnel) => {
                let tunnel = TunnelKey { tunnel, routing };
                self.join_tunnel(connection, tunnel)?;
                (tunnel, None)
            }
        };
        if let Some(visitor) = self.connections.get_mut(&connection) {
            visitor.stage = Stage::Peer { tunnel, received: 0 };
            if let Some(number) = visitor.passing.take() {
                self.passing.remove(address, (number, connection));
            }
        }
        self.woken.insert(connection);
        // Once this client has its place: their phones count among connections
        // without a tunnel, and must not push it out.
        if routing_id.is_none() {
            self.end_others(tunnel);
        }
        Ok(Accepted { routing_id })
    }

    fn open_tunnel(
        &mut self,
        now: Duration,
        phone: ConnectionId,
        address: NetworkAddress,
        key: TunnelKey,
    ) -> Result<TunnelKey, Rejection> {
        if self.is_used(key.tunnel) {
            return Err(Rejection::Taken);
        }
        let open = self.phones.get(&address).copied().unwrap_or_default();
        if open >= self.limits.per_address {
            return Err(Rejection::TooMany);
        }
        if self.tunnels.len() >= self.limits.tunnels {
            return Err(Rejection::Full);
        }
        let mut keys = std::iter::successors(Some(key), |key| Some(key.next())).take(1 << 24);
        let key = keys.find(|key| !self.tunnels.contains_key(key)).ok_or(Rejection::Full)?;
        let expiry = now.saturating_add(self.limits.lifetime);
        let deadline = now.saturating_add(self.limits.waiting).min(expiry);
        let side = ClientSide::Waiting(Queue::default());
        self.tunnels.insert(key, Tunnel { deadline, expiry, phone, address, side });
        *self.phones.entry(address).or_default() += 1;
        self.deadlines.insert((deadline, key));
        Ok(key)
    }

    /// Whether a phone with this tunnel id has, or had, its client.
    fn is_used(&self, id: TunnelId) -> bool {
        let mut open = self.tunnels.range(TunnelKey::all_of(id));
        self.used.contains(id)
            || open.any(|(_, tunnel)| matches!(tunnel.side, ClientSide::Paired(_)))
    }

    fn join_tunnel(&mut self, client: ConnectionId, key: TunnelKey) -> Result<(), Rejection> {
        let tunnel = self.tunnels.get_mut(&key).ok_or(Rejection::Unknown)?;
        let ClientSide::Waiting(early) = &mut tunnel.side else {
            return Err(Rejection::Taken);
        };
        if let Some(connection) = self.connections.get_mut(&client) {
            connection.outgoing = std::mem::take(early);
        }
        tunnel.side = ClientSide::Paired(client);
        self.deadlines.remove(&(tunnel.deadline, key));
        tunnel.deadline = tunnel.expiry;
        self.deadlines.insert((tunnel.deadline, key));
        Ok(())
    }

    /// Ends the tunnels of other phones that scanned the same QR code.
    fn end_others(&mut self, key: TunnelKey) {
        let others = self.tunnels.range(TunnelKey::all_of(key.tunnel));
        let others: Vec<_> =
            others.map(|(other, _)| *other).filter(|other| *other != key).collect();
        for other in others {
            self.end(other, CloseCode::Taken);
        }
    }

    /// Whether to read from this connection now; if not, ask again when woken.
    #[must_use]
    pub fn may_read(&self, connection: ConnectionId) -> bool {
        let Some((tunnel, _)) = self.tunnel_of(connection) else { return true };
        let queue = match &tunnel.side {
            ClientSide::Waiting(early) => Some(early),
            ClientSide::Paired(client) => {
                let other = if tunnel.phone == connection { *client } else { tunnel.phone };
                self.connections.get(&other).map(|other| &other.outgoing)
            }
        };
        !queue.is_some_and(|queue| queue.is_full(&self.limits))
    }

    /// Takes what came from a peer. From others it is ignored: they are on
    /// their way out.
    pub fn receive(&mut self, connection: ConnectionId, event: Event) {
        if self.tunnel_of(connection).is_none() {
            if matches!(event, Event::Closed | Event::Disconnected) {
                self.leave(connection, None);
            }
            return;
        }
        match event {
            Event::Message(message) => match self.forward(connection, message) {
                Ok(()) => {}
                Err(code) => self.part(connection, Some(code), CloseCode::Away),
            },
            Event::Text => {
                self.part(connection, Some(CloseCode::Unsupported), CloseCode::Away);
            }
            Event::TooLong => self.part(connection, Some(CloseCode::TooLong), CloseCode::Away),
            Event::Flood => self.part(connection, Some(CloseCode::Policy), CloseCode::Away),
            Event::Closed => self.part(connection, None, CloseCode::Normal),
            Event::Disconnected => self.part(connection, None, CloseCode::Away),
        }
    }

    fn forward(&mut self, from: ConnectionId, message: Vec<u8>) -> Result<(), CloseCode> {
        if message.len() > self.limits.message_size {
            return Err(CloseCode::TooLong);
        }
        let queued_bytes = self.queued_bytes.saturating_add(message.len());
        let Some(Connection { stage: Stage::Peer { tunnel, received }, .. }) =
            self.connections.get_mut(&from)
        else {
            return Ok(());
        };
        if *received >= self.limits.messages {
            return Err(CloseCode::Policy);
        }
        *received += 1;
        if queued_bytes > self.limits.queued_bytes {
            return Err(CloseCode::TryAgain);
        }
        let Some(tunnel) = self.tunnels.get_mut(tunnel) else { return Ok(()) };
        let other = match &mut tunnel.side {
            ClientSide::Waiting(early) => {
                early.push(message);
                self.queued_bytes = queued_bytes;
                return Ok(());
            }
            ClientSide::Paired(client) if tunnel.phone == from => *client,
            ClientSide::Paired(_) => tunnel.phone,
        };
        if let Some(connection) = self.connections.get_mut(&other) {
            connection.outgoing.push(message);
            self.queued_bytes = queued_bytes;
            self.woken.insert(other);
        }
        Ok(())
    }

    /// The next action for this connection.
    pub fn next(&mut self, connection: ConnectionId) -> RelayOutput {
        let Some(peer) = self.connections.get_mut(&connection) else { return RelayOutput::Ended };
        if let Some(message) = peer.outgoing.pop() {
            self.queued_bytes -= message.len();
            self.woken.extend(self.other_side(connection));
            return RelayOutput::Message(message);
        }
        match peer.stage {
            Stage::Pending | Stage::Peer { .. } => RelayOutput::Wait,
            Stage::Ended | Stage::Dropped => RelayOutput::Ended,
            Stage::Closing(code) => {
                peer.stage = Stage::Ended;
                RelayOutput::Close(code)
            }
        }
    }

    /// A connection for which something has changed: it has something to do,
    /// or may read again.
    pub fn next_woken(&mut self) -> Option<ConnectionId> {
        self.woken.pop_first()
    }

    /// The connection was lost. A peer that had not closed counts as disconnected.
    pub fn remove(&mut self, connection: ConnectionId) {
        self.receive(connection, Event::Disconnected);
        let Some(gone) = self.connections.remove(&connection) else { return };
        self.woken.remove(&connection);
        self.queued_bytes -= gone.outgoing.bytes;
        if let Some(number) = gone.passing {
            self.passing.remove(gone.address, (number, connection));
        }
    }

    /// When [`Self::expire`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let first = self.deadlines.first().map(|(at, _)| *at);
        match (first, self.used.next_deadline()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Ends the tunnels whose time is over, and forgets ids.
    pub fn expire(&mut self, now: Duration) {
        while let Some((_, key)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            self.end(key, CloseCode::Policy);
        }
        self.used.expire(now);
    }

    /// Ends a tunnel at once for all its peers, whatever is queued.
    fn end(&mut self, key: TunnelKey, code: CloseCode) {
        let Some(tunnel) = self.finish(key) else { return };
        self.leave(tunnel.phone, Some(code));
        match tunnel.side {
            ClientSide::Waiting(early) => self.queued_bytes -= early.bytes,
            ClientSide::Paired(client) => self.leave(client, Some(code)),
        }
    }

    /// Ends this peer's tunnel: `own` closes it at once, or it disconnected by
    /// itself; the other side first gets what is queued for it, then `other`.
    fn part(&mut self, connection: ConnectionId, own: Option<CloseCode>, other: CloseCode) {
        let Some((_, key)) = self.tunnel_of(connection) else { return };
        let Some(tunnel) = self.finish(key) else { return };
        self.leave(connection, own);
        let remaining = match tunnel.side {
            ClientSide::Waiting(early) => {
                self.queued_bytes -= early.bytes;
                return;
            }
            ClientSide::Paired(client) if tunnel.phone == connection => client,
            ClientSide::Paired(_) => tunnel.phone,
        };
        self.end_stage(remaining, Stage::Closing(other));
    }

    /// Drops what is queued for a connection and closes it, or, without a
    /// code, takes note that it disconnected.
    fn leave(&mut self, connection: ConnectionId, code: Option<CloseCode>) {
        if let Some(connection) = self.connections.get_mut(&connection) {
            let dropped = std::mem::take(&mut connection.outgoing);
            self.queued_bytes -= dropped.bytes;
        }
        self.end_stage(connection, code.map_or(Stage::Ended, Stage::Closing));
    }

    fn end_stage(&mut self, id: ConnectionId, stage: Stage) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if matches!(connection.stage, Stage::Dropped) {
            return;
        }
        let before = std::mem::replace(&mut connection.stage, stage);
        self.woken.insert(id);
        if matches!(before, Stage::Peer { .. }) {
            self.pass(id);
        }
    }

    /// Takes a tunnel out, and keeps its id if it was used.
    fn finish(&mut self, key: TunnelKey) -> Option<Tunnel> {
        let tunnel = self.tunnels.remove(&key)?;
        self.deadlines.remove(&(tunnel.deadline, key));
        if let Entry::Occupied(mut open) = self.phones.entry(tunnel.address) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
        if matches!(tunnel.side, ClientSide::Paired(_)) {
            let limit = self.limits.remembered;
            self.used.insert(key.tunnel, tunnel.expiry, tunnel.address, limit);
        }
        Some(tunnel)
    }

    fn tunnel_of(&self, connection: ConnectionId) -> Option<(&Tunnel, TunnelKey)> {
        match self.connections.get(&connection)?.stage {
            Stage::Peer { tunnel, .. } => Some((self.tunnels.get(&tunnel)?, tunnel)),
            _ => None,
        }
    }

    fn other_side(&self, connection: ConnectionId) -> Option<ConnectionId> {
        let (tunnel, _) = self.tunnel_of(connection)?;
        match tunnel.side {
            ClientSide::Waiting(_) => None,
            ClientSide::Paired(client) if tunnel.phone == connection => Some(client),
            ClientSide::Paired(_) => Some(tunnel.phone),
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("limits", &self.limits)
            .field("connections", &self.connections.len())
            .field("tunnels", &self.tunnels.len())
            .field("queued_bytes", &self.queued_bytes)
            .finish_non_exhaustive()
    }
}

mod shares;

#[cfg(test)]
mod tests;
