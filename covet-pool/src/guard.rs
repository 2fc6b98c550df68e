//! The connection in the caller's hands.

use crate::core::Owner;
use crate::hooks::{CloseReason, ConnInfo};
use crate::manager::Manager;
use crate::shared::{Lease, Shared};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

/// A connection checked out of a pool; dropping it gives it back.
///
/// It is one pointer wide and owns its share of the pool, so it can be stored and sent like any value. It goes back on
/// drop, wherever that happens; if that is while its thread panics, the connection is closed instead, because nobody knows
/// in what state it is.
pub struct PooledConn<M: Manager> {
    /// Only empty while it is being dropped.
    lease: Option<Lease<M>>,
}

impl<M: Manager> PooledConn<M> {
    #[inline(always)]
    pub(crate) fn new(mut lease: Lease<M>, place: &'static Location<'static>, now: u64) -> Self {
        lease.value.uses += 1;
        lease.value.taken_at = now;
        lease.marks().taken(lease.value.uses, now, place);
        Self { lease: Some(lease) }
    }

    fn lease(&self) -> &Lease<M> {
        match &self.lease {
            Some(lease) => lease,
            None => unreachable!("only empty while it is being dropped"),
        }
    }

    /// Closes the connection instead of giving it back, and lets the pool open another in its place.
    pub fn discard(mut self) {
        if let Some(lease) = self.lease.take() {
            Shared::discard(lease, CloseReason::Discarded);
        }
    }

    /// Takes the connection out of the pool for good, and lets the pool open another in its place.
    pub fn detach(mut self) -> M::Conn {
        match self.lease.take() {
            Some(lease) => Shared::detach(lease),
            None => unreachable!("only empty while it is being dropped"),
        }
    }

    /// What the pool knows of this connection.
    pub fn info(&self) -> ConnInfo {
        let lease = self.lease();
        lease.value.info(lease.slot())
    }

    /// The manager that opened it.
    pub fn manager(&self) -> &M {
        &self.lease().owner().manager
    }

    /// Whether the pool is closed, so that the connection will be closed when it comes back.
    pub fn is_pool_closed(&self) -> bool {
        self.lease().owner().core().is_closed()
    }
}

impl<M: Manager> Deref for PooledConn<M> {
    type Target = M::Conn;

    #[inline(always)]
    fn deref(&self) -> &M::Conn {
        &self.lease().value.conn
    }
}

impl<M: Manager> DerefMut for PooledConn<M> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut M::Conn {
        match &mut self.lease {
            Some(lease) => &mut lease.value.conn,
            None => unreachable!("only empty while it is being dropped"),
        }
    }
}

impl<M: Manager> AsRef<M::Conn> for PooledConn<M> {
    fn as_ref(&self) -> &M::Conn {
        self
    }
}

impl<M: Manager> AsMut<M::Conn> for PooledConn<M> {
    fn as_mut(&mut self) -> &mut M::Conn {
        self
    }
}

impl<M: Manager> Drop for PooledConn<M> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            Shared::give_back(lease);
        }
    }
}

impl<M: Manager> fmt::Debug for PooledConn<M>
where
    M::Conn: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PooledConn").field(&**self).finish()
    }
}
