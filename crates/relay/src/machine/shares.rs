//! Places that untrusted peers share. What they hold together is limited, and an
//! address that holds much does not push out what others hold: when there is
//! too much, the address that holds most loses what it has had longest.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::request::NetworkAddress;
use fido_hybrid_proto::transport::TunnelId;

/// Items of addresses. An item that is less than another is older.
pub(super) struct Shares<T> {
    items: BTreeMap<NetworkAddress, BTreeSet<T>>,
    /// Addresses by their number of items; of equals, the one with the oldest
    /// item comes last.
    ranking: BTreeSet<(usize, Reverse<T>, NetworkAddress)>,
    len: usize,
}

impl<T: Copy + Ord> Shares<T> {
    pub(super) const fn new() -> Self {
        Self { items: BTreeMap::new(), ranking: BTreeSet::new(), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, address: NetworkAddress, item: T) {
        let mut items = self.take(address);
        self.len += usize::from(items.insert(item));
        self.put(address, items);
    }

    pub(super) fn remove(&mut self, address: NetworkAddress, item: T) {
        let mut items = self.take(address);
        self.len -= usize::from(items.remove(&item));
        self.put(address, items);
    }

    /// Takes out the oldest item of the address that has most.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (_, Reverse(item), address) = *self.ranking.last()?;
        self.remove(address, item);
        Some(item)
    }

    fn take(&mut self, address: NetworkAddress) -> BTreeSet<T> {
        let items = self.items.remove(&address).unwrap_or_default();
        if let Some(oldest) = items.first() {
            self.ranking.remove(&(items.len(), Reverse(*oldest), address));
        }
        items
    }

    fn put(&mut self, address: NetworkAddress, items: BTreeSet<T>) {
        if let Some(oldest) = items.first() {
            self.ranking.insert((items.len(), Reverse(*oldest), address));
            self.items.insert(address, items);
        }
    }
}

/// Ids of tunnels that had both peers, each until the lifetime of its tunnel
/// is over. An id belongs to the address of the tunnel's phone.
pub(super) struct UsedIds {
    ids: BTreeMap<TunnelId, (Duration, NetworkAddress)>,
    forgetting: BTreeSet<(Duration, TunnelId)>,
    shares: Shares<(Duration, TunnelId)>,
}

impl UsedIds {
    pub(super) const fn new() -> Self {
        Self { ids: BTreeMap::new(), forgetting: BTreeSet::new(), shares: Shares::new() }
    }

    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.shares.len()
    }

    pub(super) fn contains(&self, id: TunnelId) -> bool {
        self.ids.contains_key(&id)
    }

    /// Keeps an id until a time, and no more than so many ids together.
    pub(super) fn insert(
        &mut self,
        id: TunnelId,
        until: Duration,
        of: NetworkAddress,
        limit: usize,
    ) {
        self.remove(id);
        self.ids.insert(id, (until, of));
        self.forgetting.insert((until, id));
        self.shares.insert(of, (until, id));
        while self.shares.len() > limit {
            let Some((_, id)) = self.shares.pop() else { break };
            self.remove(id);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.forgetting.first().map(|(at, _)| *at)
    }

    pub(super) fn expire(&mut self, now: Duration) {
        while let Some((_, id)) = self.forgetting.first().copied().filter(|(at, _)| *at <= now) {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: TunnelId) {
        let Some((until, of)) = self.ids.remove(&id) else { return };
        self.forgetting.remove(&(until, id));
        self.shares.remove(of, (until, id));
    }
}
