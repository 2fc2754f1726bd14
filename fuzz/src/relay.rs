//! The tunnel service's state machine, driven by a script and compared with a
//! simple model of it: who is whose partner, what waits for whom.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fido_hybrid::transport::{RoutingId, SUBPROTOCOL, TunnelId};
use fido_hybrid_relay::{
    Accepted, CloseCode, ConnectionId, Event, Limits, NetworkAddress, Rejection, Relay,
    RelayOutput, UpgradeRequest,
};

use super::script::Script;

/// Settings, each a byte: message size, messages, tunnels, tunnels of one
/// address, messages that wait, bytes that wait / 4, ids remembered,
/// connections without a tunnel.
pub const SETTINGS: usize = 8;

/// Steps and their arguments; `bytes` have their length in two bytes before.
/// A connection is meant by its number modulo those that are there.
pub mod step {
    /// A connection arrives: address \[1\].
    pub const ARRIVE: u8 = 0;
    /// A phone opens a tunnel: connection \[1\], tunnel \[1\].
    pub const NEW: u8 = 1;
    /// A client joins one: connection \[1\], tunnel \[1\], XOR on the routing id \[1\].
    pub const CONNECT: u8 = 2;
    /// Another path: connection \[1\], bytes.
    pub const PATH: u8 = 3;
    /// A path without the subprotocol: connection \[1\], tunnel \[1\].
    pub const NO_SUBPROTOCOL: u8 = 4;
    /// A message, if the service may read: connection \[1\], bytes.
    pub const MESSAGE: u8 = 5;
    /// A message that the service was not to read yet: connection \[1\], bytes.
    pub const UNREAD_MESSAGE: u8 = 6;
    /// connection \[1\].
    pub const TEXT: u8 = 7;
    /// connection \[1\].
    pub const TOO_LONG: u8 = 8;
    /// connection \[1\].
    pub const CLOSED: u8 = 9;
    /// connection \[1\].
    pub const LOST: u8 = 10;
    /// A connection takes one thing to do: connection \[1\].
    pub const TAKE: u8 = 11;
    /// All take what there is.
    pub const TAKE_ALL: u8 = 12;
    /// connection \[1\].
    pub const DEPART: u8 = 13;
    /// Seconds \[2\].
    pub const TIME_PASSED: u8 = 14;
    /// Until the service has something to do.
    pub const DEADLINE: u8 = 15;
    /// connection \[1\].
    pub const FLOOD: u8 = 16;
    /// How many there are.
    pub const COUNT: u8 = 17;
}

/// What the model and the service hold without any connection, in bytes.
const BASE: u64 = 8 << 10;

/// What one byte of input may become: a connection that arrives in two bytes
/// is an entry in several maps, here and there.
const GROWTH: u64 = 2_048;

/// What the service may hold when all have disconnected: the roots of empty maps.
const LEFT_BEHIND: u64 = 8 << 10;

/// A tunnel service: each message reaches the partner once, in order and
/// unchanged, or is dropped; what waits stays within the limits; when one
/// side disconnects, its partner is closed; and nothing stays when all have closed.
pub fn relay(input: &[u8]) {
    let mut service = None;
    let used = allocation_counter::measure(|| service = Some(World::run(Script::new(input))));
    let most = BASE + GROWTH * input.len() as u64;
    assert!(used.bytes_max <= most, "{} bytes held, {most} allowed", used.bytes_max);
    assert!(used.bytes_current <= LEFT_BEHIND as i64, "{} bytes stay", used.bytes_current);
}

struct World {
    relay: Relay,
    limits: Limits,
    now: Duration,
    next_id: u64,
    next_routing: u32,
    /// Counts how often a connection came to be without a tunnel.
    passed: u64,
    connections: BTreeMap<ConnectionId, Peer>,
    tunnels: BTreeMap<Name, Open>,
    /// Ids under which a phone and a client met: until when each is kept, and
    /// the phone's address.
    used: BTreeMap<TunnelId, (Duration, u8)>,
}

/// A connection, as the model sees it.
struct Peer {
    address: u8,
    tunnel: Option<Name>,
    /// Its number among those without a tunnel, unless it was dropped.
    passing: Option<u64>,
    received: u32,
    /// What waits for it.
    queue: VecDeque<Vec<u8>>,
    /// What comes behind that.
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Close(CloseCode),
    Ended,
}

/// Several phones may wait under one tunnel id.
type Name = (TunnelId, RoutingId);

struct Open {
    phone: ConnectionId,
    /// The phone's.
    address: u8,
    client: Option<ConnectionId>,
    /// What waits for the client that is not there yet.
    early: VecDeque<Vec<u8>>,
    deadline: Duration,
    expiry: Duration,
}

fn is_new(path: &str) -> bool {
    path.strip_prefix("/cable/new/").and_then(TunnelId::from_hex).is_some()
}

fn is_connect(path: &str) -> bool {
    path.strip_prefix("/cable/connect/").and_then(|ids| ids.split_once('/')).is_some_and(
        |(routing, tunnel)| {
            RoutingId::from_hex(routing).is_some() && TunnelId::from_hex(tunnel).is_some()
        },
    )
}

/// If there are more items than allowed: the least of the address that has
/// most, or, of several such addresses, the least of theirs.
fn of_the_greatest<T: Ord>(items: impl Iterator<Item = (u8, T)>, allowed: usize) -> Option<T> {
    let mut by_address = BTreeMap::<u8, Vec<T>>::new();
    for (address, item) in items {
        by_address.entry(address).or_default().push(item);
    }
    if by_address.values().map(Vec::len).sum::<usize>() <= allowed {
        return None;
    }
    let most = by_address.values().map(Vec::len).max()?;
    by_address.into_values().filter(|items| items.len() == most).flatten().min()
}

fn bytes(queue: &VecDeque<Vec<u8>>) -> usize {
    queue.iter().map(Vec::len).sum()
}

fn address(byte: u8) -> NetworkAddress {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, byte % 4)).into()
}

fn tunnel_id(byte: u8) -> TunnelId {
    TunnelId([byte % 8; 16])
}

impl World {
    fn run(mut script: Script<'_>) -> Relay {
        let settings = script.array::<SETTINGS>().map(usize::from);
        let mut limits = Limits::default();
        limits.message_size = settings[0];
        limits.messages = settings[1] as u32;
        limits.tunnels = settings[2];
        limits.per_address = settings[3];
        limits.queued_messages = settings[4];
        limits.queued_bytes = settings[5] * 4;
        limits.remembered = settings[6];
        limits.pending_connections = settings[7];
        let mut world = Self {
            relay: Relay::new(limits.clone()),
            limits,
            now: Duration::ZERO,
            next_id: 0,
            next_routing: 0,
            passed: 0,
            connections: BTreeMap::new(),
            tunnels: BTreeMap::new(),
            used: BTreeMap::new(),
        };
        while let Some(step) = script.next_step() {
            world.step(step % step::COUNT, &mut script);
            world.check();
        }
        world.end()
    }

    fn step(&mut self, step: u8, script: &mut Script<'_>) {
        match step {
            step::ARRIVE => return self.accept(script.byte()),
            step::TAKE_ALL => return self.take_all(),
            // The service may learn of it late: with the next visitor.
            step::TIME_PASSED => {
                self.now += Duration::from_secs(u64::from(script.u16()));
                return;
            }
            step::DEADLINE => {
                if let Some(deadline) = self.relay.next_deadline() {
                    self.now = self.now.max(deadline);
                    self.expire();
                    assert!(self.relay.next_deadline().is_none_or(|next| next > self.now));
                }
                return;
            }
            _ => {}
        }
        let nth = script.byte();
        let known = self.connections.len().max(1);
        let chosen = self.connections.keys().nth(usize::from(nth) % known).copied();
        // An unknown id: input for a connection that is not there does nothing.
        let id = chosen.unwrap_or(ConnectionId(u64::MAX));
        match step {
            step::NEW => {
                let tunnel = script.byte();
                self.open_tunnel(id, tunnel_id(tunnel), true);
            }
            step::NO_SUBPROTOCOL => {
                let tunnel = script.byte();
                self.open_tunnel(id, tunnel_id(tunnel), false);
            }
            step::CONNECT => {
                let (tunnel, mask) = (tunnel_id(script.byte()), script.byte());
                self.join_tunnel(id, tunnel, mask);
            }
            step::PATH => self.ask(id, script.bytes()),
            step::MESSAGE => {
                let message = script.bytes();
                if self.relay.may_read(id) {
                    self.message(id, message);
                }
            }
            step::UNREAD_MESSAGE => self.message(id, script.bytes()),
            step::TEXT => self.event(id, Event::Text),
            step::TOO_LONG => self.event(id, Event::TooLong),
            step::FLOOD => self.event(id, Event::Flood),
            step::CLOSED => self.event(id, Event::Closed),
            step::LOST => self.event(id, Event::Disconnected),
            step::TAKE => {
                self.take(id);
            }
            step::DEPART => self.remove(id),
            _ => unreachable!(),
        }
    }

    fn accept(&mut self, byte: u8) {
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        let address_of_it = byte % 4;
        self.relay.accept(id, address(address_of_it));
        let (passing, queue) = (None, VecDeque::new());
        let peer =
            Peer { address: address_of_it, tunnel: None, passing, received: 0, queue, end: None };
        self.connections.insert(id, peer);
        self.pass(id);
    }

    /// A connection is without a tunnel. If there are too many of those, the
    /// address that has most loses its oldest.
    fn pass(&mut self, id: ConnectionId) {
        self.passed += 1;
        let peer = self.connections.get_mut(&id).unwrap();
        (peer.tunnel, peer.passing) = (None, Some(self.passed));
        let passing = self.connections.iter();
        let passing = passing.filter_map(|(id, peer)| Some((peer.address, (peer.passing?, *id))));
        if let Some((_, oldest)) = of_the_greatest(passing, self.limits.pending_connections) {
            let dropped = self.connections.get_mut(&oldest).unwrap();
            (dropped.passing, dropped.end) = (None, Some(End::Ended));
            dropped.queue.clear();
            assert!(self.relay.is_dropped(oldest));
        }
    }

    fn visit(
        &mut self,
        id: ConnectionId,
        path: &str,
        has_subprotocol: bool,
    ) -> (RoutingId, Result<Accepted, Rejection>) {
        self.next_routing += 1;
        let [_, routing @ ..] = self.next_routing.to_be_bytes();
        let subprotocols = if has_subprotocol { vec!["other", SUBPROTOCOL] } else { vec!["other"] };
        let request = UpgradeRequest { path, subprotocols, origin: None };
        let answer = self.relay.open(self.now, id, &request, RoutingId(routing));
        self.note_expired();
        (RoutingId(routing), answer)
    }

    /// What every visitor is refused for, but for its tunnel.
    fn refusal(&self, id: ConnectionId, has_subprotocol: bool) -> Option<Rejection> {
        let Some(peer) = self.connections.get(&id) else { return Some(Rejection::Full) };
        if peer.tunnel.is_some() || peer.end.is_some() {
            return Some(Rejection::Taken);
        }
        if !has_subprotocol {
            return Some(Rejection::Malformed);
        }
        None
    }

    fn open_tunnel(&mut self, id: ConnectionId, tunnel: TunnelId, has_subprotocol: bool) {
        let (routing, answer) = self.visit(id, &format!("/cable/new/{tunnel}"), has_subprotocol);
        let has_client = |((id, _), open): (&Name, &Open)| *id == tunnel && open.client.is_some();
        let is_taken = self.used.contains_key(&tunnel) || self.tunnels.iter().any(has_client);
        let address = self.connections.get(&id).map_or(0, |peer| peer.address);
        let of_it = self.tunnels.values().filter(|open| open.address == address).count();
        let refusal = self
            .refusal(id, has_subprotocol)
            .or(is_taken.then_some(Rejection::Taken))
            .or((of_it >= self.limits.per_address).then_some(Rejection::TooMany))
            .or((self.tunnels.len() >= self.limits.tunnels).then_some(Rejection::Full));
        if let Some(refusal) = refusal {
            return assert_eq!(answer.map(|_| ()), Err(refusal));
        }
        assert_eq!(answer.unwrap().routing_id, Some(routing));
        let name = (tunnel, routing);
        let phone = self.connections.get_mut(&id).unwrap();
        (phone.tunnel, phone.passing) = (Some(name), None);
        let expiry = self.now + self.limits.lifetime;
        let deadline = self.now + self.limits.waiting;
        let early = VecDeque::new();
        let open = Open { phone: id, address, client: None, early, deadline, expiry };
        self.tunnels.insert(name, open);
    }

    /// Joins the first tunnel under this id, or, by the mask, another.
    fn join_tunnel(&mut self, id: ConnectionId, tunnel: TunnelId, mask: u8) {
        let first = self.tunnels.keys().find(|(id, _)| *id == tunnel);
        let mut routing = first.map_or([9; 3], |(_, routing)| routing.0);
        routing[2] ^= mask;
        let name = (tunnel, RoutingId(routing));
        let path = format!("/cable/connect/{}/{tunnel}", name.1);
        let (_, answer) = self.visit(id, &path, true);
        let refusal = self.refusal(id, true);
        let open = self.tunnels.get_mut(&name);
        let refusal = refusal.or_else(|| match &open {
            None => Some(Rejection::Unknown),
            Some(open) => open.client.is_some().then_some(Rejection::Taken),
        });
        if let Some(refusal) = refusal {
            return assert_eq!(answer.map(|_| ()), Err(refusal));
        }
        assert_eq!(answer.unwrap().routing_id, None);
        let open = open.unwrap();
        open.client = Some(id);
        open.deadline = open.expiry;
        let peer = self.connections.get_mut(&id).unwrap();
        (peer.tunnel, peer.passing) = (Some(name), None);
        peer.queue = std::mem::take(&mut open.early);
        let others = self.tunnels.keys().filter(|other| other.0 == tunnel && **other != name);
        for other in others.copied().collect::<Vec<_>>() {
            self.close(other, CloseCode::Taken);
        }
    }

    /// A path of the script's own: none of its tunnels, unless it names one.
    fn ask(&mut self, id: ConnectionId, path: &[u8]) {
        let Ok(path) = str::from_utf8(path) else { return };
        // A path that is good is another step.
        if is_new(path) || is_connect(path) {
            return;
        }
        let (_, answer) = self.visit(id, path, true);
        let refusal = match self.refusal(id, true) {
            Some(refusal @ (Rejection::Full | Rejection::Taken)) => refusal,
            _ => Rejection::Unknown,
        };
        assert_eq!(answer.map(|_| ()), Err(refusal));
    }

    fn message(&mut self, from: ConnectionId, message: &[u8]) {
        let Some((tunnel, partner)) = self.tunnel_of(from) else {
            return self.relay.receive(from, Event::Message(message.to_vec()));
        };
        let waiting = self.queued_bytes();
        let peer = self.connections.get_mut(&from).unwrap();
        let refused = if message.len() > self.limits.message_size {
            Some(CloseCode::TooLong)
        } else if peer.received >= self.limits.messages {
            Some(CloseCode::Policy)
        } else {
            peer.received += 1;
            let is_full = waiting + message.len() > self.limits.queued_bytes;
            is_full.then_some(CloseCode::TryAgain)
        };
        self.relay.receive(from, Event::Message(message.to_vec()));
        match (refused, partner) {
            (Some(code), _) => self.part(from, End::Close(code), CloseCode::Away),
            (None, Some(partner)) => {
                self.connections.get_mut(&partner).unwrap().queue.push_back(message.to_vec());
            }
            (None, None) => {
                self.tunnels.get_mut(&tunnel).unwrap().early.push_back(message.to_vec());
            }
        }
    }

    fn event(&mut self, id: ConnectionId, event: Event) {
        let (own, other) = match event {
            Event::Text => (End::Close(CloseCode::Unsupported), CloseCode::Away),
            Event::Flood => (End::Close(CloseCode::Policy), CloseCode::Away),
            Event::TooLong => (End::Close(CloseCode::TooLong), CloseCode::Away),
            Event::Closed => (End::Ended, CloseCode::Normal),
            _ => (End::Ended, CloseCode::Away),
        };
        self.relay.receive(id, event);
        if self.tunnel_of(id).is_some() {
            self.part(id, own, other);
        } else if own == End::Ended
            && let Some(peer) = self.connections.get_mut(&id)
        {
            peer.queue.clear();
            peer.end = Some(End::Ended);
        }
    }

    fn remove(&mut self, id: ConnectionId) {
        self.event(id, Event::Disconnected);
        self.relay.remove(id);
        self.connections.remove(&id);
        assert_eq!(self.relay.next(id), RelayOutput::Ended);
    }

    /// A tunnel ends, for its two sides in their two ways.
    fn part(&mut self, id: ConnectionId, own: End, other: CloseCode) {
        let (tunnel, partner) = self.tunnel_of(id).unwrap();
        self.finish(tunnel);
        let peer = self.connections.get_mut(&id).unwrap();
        peer.queue.clear();
        peer.end = Some(own);
        self.pass(id);
        if let Some(partner) = partner {
            // It still gets what was sent to it.
            self.connections.get_mut(&partner).unwrap().end = Some(End::Close(other));
            self.pass(partner);
        }
    }

    fn finish(&mut self, name: Name) {
        let tunnel = self.tunnels.remove(&name).unwrap();
        if tunnel.client.is_some() {
            self.used.insert(name.0, (tunnel.expiry, tunnel.address));
        }
        let used = self.used.iter().map(|(id, (until, address))| (*address, (*until, *id)));
        if let Some((_, oldest)) = of_the_greatest(used, self.limits.remembered) {
            self.used.remove(&oldest);
        }
    }

    /// A tunnel ends at once for all that are in it.
    fn close(&mut self, name: Name, code: CloseCode) {
        let open = &self.tunnels[&name];
        for side in [Some(open.phone), open.client].into_iter().flatten() {
            let peer = self.connections.get_mut(&side).unwrap();
            peer.queue.clear();
            peer.end = Some(End::Close(code));
            self.pass(side);
        }
        self.finish(name);
    }

    fn expire(&mut self) {
        self.relay.expire(self.now);
        self.note_expired();
    }

    fn note_expired(&mut self) {
        let now = self.now;
        let mut over: Vec<_> = self
            .tunnels
            .iter()
            .filter(|(_, open)| open.deadline <= now)
            .map(|(name, open)| (open.deadline, *name))
            .collect();
        over.sort();
        for (_, name) in over {
            self.close(name, CloseCode::Policy);
        }
        self.used.retain(|_, (until, _)| *until > now);
    }

    /// One thing to do, as the model has it too; whether there was one.
    fn take(&mut self, id: ConnectionId) -> bool {
        let output = self.relay.next(id);
        let expected = match self.connections.get_mut(&id) {
            None => RelayOutput::Ended,
            Some(peer) => match (peer.queue.pop_front(), peer.end) {
                (Some(message), _) => RelayOutput::Message(message),
                (None, None) => RelayOutput::Wait,
                (None, Some(End::Ended)) => RelayOutput::Ended,
                (None, Some(End::Close(code))) => {
                    peer.end = Some(End::Ended);
                    RelayOutput::Close(code)
                }
            },
        };
        assert_eq!(output, expected);
        !matches!(output, RelayOutput::Wait | RelayOutput::Ended)
    }

    /// As the law says. Who was not woken has nothing to do.
    fn take_all(&mut self) {
        while let Some(id) = self.relay.next_woken() {
            while self.take(id) {}
        }
        for peer in self.connections.values() {
            assert!(peer.queue.is_empty() && !matches!(peer.end, Some(End::Close(_))), "not woken");
        }
    }

    /// What waits for the partner, there already or still to come.
    fn ahead_of(&self, id: ConnectionId) -> Option<&VecDeque<Vec<u8>>> {
        let (tunnel, partner) = self.tunnel_of(id)?;
        Some(match partner {
            Some(partner) => &self.connections[&partner].queue,
            None => &self.tunnels[&tunnel].early,
        })
    }

    /// Who sends faster than its partner reads is not read from.
    fn may_read(&self, id: ConnectionId) -> bool {
        self.ahead_of(id).is_none_or(|queue| {
            queue.len() < self.limits.queued_messages.max(1)
                && bytes(queue) < self.limits.message_size.max(1)
        })
    }

    fn tunnel_of(&self, id: ConnectionId) -> Option<(Name, Option<ConnectionId>)> {
        let tunnel = self.connections.get(&id)?.tunnel?;
        let open = &self.tunnels[&tunnel];
        let partner = if open.phone == id { open.client } else { Some(open.phone) };
        Some((tunnel, partner))
    }

    fn queued_bytes(&self) -> usize {
        let waiting: usize = self.connections.values().map(|peer| bytes(&peer.queue)).sum();
        waiting + self.tunnels.values().map(|open| bytes(&open.early)).sum::<usize>()
    }

    fn check(&self) {
        assert_eq!(self.relay.tunnel_count(), self.tunnels.len());
        assert!(self.tunnels.len() <= self.limits.tunnels);
        assert!(self.queued_bytes() <= self.limits.queued_bytes);
        for (id, peer) in &self.connections {
            assert_eq!(self.relay.may_read(*id), self.may_read(*id), "{id:?}");
            let is_dropped = peer.tunnel.is_none() && peer.passing.is_none();
            assert_eq!(self.relay.is_dropped(*id), is_dropped, "{id:?}");
        }
        let next = self.tunnels.values().map(|open| open.deadline);
        let next = next.chain(self.used.values().map(|(until, _)| *until)).min();
        assert_eq!(self.relay.next_deadline(), next);
    }

    /// Everyone leaves, and time goes by.
    fn end(mut self) -> Relay {
        self.take_all();
        let ids: Vec<_> = self.connections.keys().copied().collect();
        for id in ids {
            self.remove(id);
            self.check();
        }
        self.take_all();
        self.now += self.limits.lifetime;
        self.expire();
        self.check();
        let empty = Relay::new(self.limits.clone());
        assert_eq!(format!("{:?}", self.relay), format!("{empty:?}"));
        assert_eq!(self.relay.next_deadline(), None);
        // Each address has its room again.
        for byte in 0..4 {
            let id = ConnectionId(self.next_id + u64::from(byte));
            self.relay.accept(id, address(byte));
            assert_eq!(self.relay.is_dropped(id), self.limits.pending_connections == 0);
            self.relay.remove(id);
            self.relay.next_woken();
        }
        self.relay
    }
}
