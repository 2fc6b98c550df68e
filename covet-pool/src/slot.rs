//! Slots, the state words over them, and the only `unsafe` of the crate.
//!
//! A slot is a cell that whoever cleared its idle bit owns until he sets it again (`DESIGN.md`, sections 2 and 5). A
//! tenant owns a reference to the pool that its slot is part of; [`publish`] puts it into that slot without touching a
//! reference count, which is why it needs a proof.

#![allow(unsafe_code, reason = "the cells are handed over by the state word; each block proves it")]

use crate::core::Owner;
use crate::sync::stat::{AtomicPtr, AtomicU64 as Note};
use crate::sync::{AtomicU64, AtomicUsize, Ordering, UnsafeCell};
use crossbeam_utils::CachePadded;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

/// Slots per segment: as many idle bits as a word has room for beside its flags.
pub(crate) const SEGMENT: usize = if cfg!(covet_loom) { 2 } else { 48 };
/// Segments per pool.
pub(crate) const SEGMENTS: usize = if cfg!(covet_loom) { 2 } else { 84 };
/// The most connections one pool can be allowed to hold.
pub(crate) const MAX_SLOTS: usize = SEGMENT * SEGMENTS;

/// The idle bits of a word.
pub(crate) const IDLE: u64 = (1 << 48) - 1;
/// Bounded barging: one connection taken past the waiters.
pub(crate) const OVERTAKE: u64 = 1 << 48;
/// Bounded barging: all the bits that count overtakes.
pub(crate) const OVERTAKES: u64 = 0xFFF << 48;
/// The most overtakes that the word can count.
pub(crate) const MAX_OVERTAKES: u32 = 0xFFF;
/// Bounded barging: a waiter is awake and will look for an idle connection by itself.
pub(crate) const WOKEN: u64 = 1 << 61;
/// Bounded barging: somebody waits.
pub(crate) const WAITERS: u64 = 1 << 62;
/// The mutex decides: no taking, no publishing outside it.
pub(crate) const GATE: u64 = 1 << 63;

/// What lives in a slot: a value, the slot's number, and a share of the pool that the slot belongs to.
///
/// On cache lines of its own: connections that were opened together are used by different processors.
#[repr(align(64))]
pub(crate) struct Tenant<O: Owner> {
    owner: Arc<O>,
    slot: u32,
    pub(crate) value: O::Value,
}

impl<O: Owner> Tenant<O> {
    pub(crate) fn new(owner: Arc<O>, slot: u32, value: O::Value) -> Box<Self> {
        Box::new(Self { owner, slot, value })
    }

    pub(crate) fn owner(&self) -> &Arc<O> {
        &self.owner
    }

    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }

    /// The pool and the value, side by side.
    #[inline(always)]
    pub(crate) fn split(&mut self) -> (&Arc<O>, &mut O::Value) {
        (&self.owner, &mut self.value)
    }

    #[allow(clippy::boxed_local, reason = "a tenant lives in a box from beginning to end")]
    pub(crate) fn into_parts(self: Box<Self>) -> (Arc<O>, u32, O::Value) {
        let Self { owner, slot, value } = *self;
        (owner, slot, value)
    }

    /// Where this tenant's checkouts are noted.
    pub(crate) fn marks(&self) -> &Marks {
        let (segment, index) = self.owner.core().segments.locate(self.slot);
        &segment.slots[index].marks
    }
}

/// Notes of a slot's owner for the statistics and the leak report. Each field is written by the owner only, with relaxed
/// stores; a reader may see one field newer than another.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    uses: Note,
    taken_at: Note,
    place: AtomicPtr<Location<'static>>,
    /// The use that has been reported as a leak.
    reported: Note,
}

impl Marks {
    /// Notes a checkout: how often this connection has been handed out, at what coarse time, by which line.
    #[inline]
    pub(crate) fn taken(&self, uses: u64, at: u64, place: &'static Location<'static>) {
        self.uses.store(uses, Ordering::Relaxed);
        self.taken_at.store(at, Ordering::Relaxed);
        self.place.store(std::ptr::from_ref(place).cast_mut(), Ordering::Release);
    }

    /// Notes that nobody holds the connection. Slow paths only: a returned connection keeps its last marks.
    pub(crate) fn clear(&self) {
        self.place.store(std::ptr::null_mut(), Ordering::Relaxed);
        self.uses.store(0, Ordering::Relaxed);
        self.reported.store(0, Ordering::Relaxed);
    }

    pub(crate) fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }

    /// Notes that this use has been reported. Returns whether that is news.
    pub(crate) fn report(&self, uses: u64) -> bool {
        self.reported.swap(uses, Ordering::Relaxed) != uses
    }

    pub(crate) fn read(&self) -> Option<(u64, u64, &'static Location<'static>)> {
        let place = self.place.load(Ordering::Acquire);
        // SAFETY: the pointer is null or was made from a `&'static Location` in `taken`, and nobody writes through it.
        let place = unsafe { place.as_ref() }?;
        Some((self.uses.load(Ordering::Relaxed), self.taken_at.load(Ordering::Relaxed), place))
    }
}

/// One slot: the cell, and its owner's notes, on a cache line of their own.
#[repr(align(64))]
struct Slot<O: Owner> {
    cell: UnsafeCell<Option<Box<Tenant<O>>>>,
    marks: Marks,
}

// SAFETY: the cell is only accessed by the one who owns it: who cleared the idle bit of the slot (Acquire) and has not set
// it again (Release). So it moves between threads but is never shared, which asks that what it holds is `Send`: a value
// (bound here) and an `Arc<O>` (`Owner: Send + Sync`). `Marks` is atomics.
unsafe impl<O: Owner> Sync for Slot<O> where O::Value: Send {}

impl<O: Owner> Slot<O> {
    /// Fills the cell. Only its owner calls this.
    #[inline(always)]
    fn fill(&self, tenant: Box<Tenant<O>>) {
        self.cell.with_mut(|cell| {
            // SAFETY: the caller owns the cell (module contract), so no other reference to its contents exists.
            let cell = unsafe { &mut *cell };
            debug_assert!(cell.is_none(), "a slot that is not idle holds nothing");
            *cell = Some(tenant);
        });
    }

    /// Empties the cell. Only its owner calls this.
    #[inline(always)]
    fn empty(&self) -> Option<Box<Tenant<O>>> {
        self.cell.with_mut(|cell| {
            // SAFETY: the caller owns the cell (module contract), so no other reference to its contents exists.
            let cell = unsafe { &mut *cell };
            cell.take()
        })
    }
}

/// A state word and the slots it speaks for.
pub(crate) struct Segment<O: Owner> {
    word: CachePadded<AtomicU64>,
    slots: [Slot<O>; SEGMENT],
}

/// What came of an attempt to take without the mutex.
pub(crate) enum Take<O: Owner> {
    Got(Box<Tenant<O>>),
    /// No idle connection.
    Empty,
    /// The mutex decides.
    Gated,
}

impl<O: Owner> Segment<O> {
    fn new(flags: u64) -> Self {
        Self {
            word: CachePadded::new(AtomicU64::new(flags)),
            slots: std::array::from_fn(|_| Slot { cell: UnsafeCell::new(None), marks: Marks::default() }),
        }
    }

    #[inline(always)]
    fn take(&self, overtakes: u32) -> Take<O> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & GATE != 0 {
                return Take::Gated;
            }
            let idle = word & IDLE;
            if idle == 0 {
                return Take::Empty;
            }
            let mut next = word & !(idle & idle.wrapping_neg());
            if word & WAITERS != 0 {
                next = overtake(next, overtakes);
            }
            match self.word.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return self.slots[idle.trailing_zeros() as usize].empty().map_or(Take::Empty, Take::Got),
                Err(now) => word = now,
            }
        }
    }

    /// Takes an idle tenant whatever the flags say. For the holder of the mutex.
    fn take_any(&self, highest: bool) -> Option<Box<Tenant<O>>> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let idle = word & IDLE;
            if idle == 0 {
                return None;
            }
            let index = if highest { idle.ilog2() } else { idle.trailing_zeros() };
            match self.word.compare_exchange_weak(word, word & !(1 << index), Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return self.slots[index as usize].empty(),
                Err(now) => word = now,
            }
        }
    }

    /// Takes the tenant of one slot if it is idle. For the holder of the mutex.
    fn take_at(&self, index: usize) -> Option<Box<Tenant<O>>> {
        let bit = 1 << index;
        if self.word.load(Ordering::Relaxed) & bit == 0 || self.word.fetch_and(!bit, Ordering::Acquire) & bit == 0 {
            return None;
        }
        self.slots[index].empty()
    }
}

#[cold]
fn overtake(next: u64, limit: u32) -> u64 {
    let next = next + OVERTAKE;
    if (next & OVERTAKES) / OVERTAKE >= u64::from(limit) { next | GATE } else { next }
}

/// Puts a tenant into its slot and makes it idle, unless the mutex has to decide who gets it.
///
/// # Errors
///
/// The tenant, if a flag in the word asks for the slow path.
#[inline(always)]
pub(crate) fn publish<O: Owner>(tenant: Box<Tenant<O>>) -> Result<(), Box<Tenant<O>>> {
    let (segment, index) = tenant.owner.core().segments.locate(tenant.slot);
    let mut word = segment.word.load(Ordering::Relaxed);
    if must_queue(word) {
        return Err(tenant);
    }
    // From here on the tenant is given away piece by piece, and with it the `Arc` that keeps `segment` alive.
    let segment: *const Segment<O> = segment;
    // SAFETY: the segment is part of `*tenant.owner` or of a box that it owns and never drops before itself; the tenant
    // holds a share of it, and stays ours until the exchange below succeeds. After that this function touches nothing.
    let segment = unsafe { &*segment };
    let slot = &segment.slots[index];
    slot.fill(tenant);
    loop {
        let next = word | (1 << index);
        match segment.word.compare_exchange_weak(word, next, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return Ok(()),
            Err(now) if must_queue(now) => return slot.empty().map_or(Ok(()), Err),
            Err(now) => word = now,
        }
    }
}

#[inline(always)]
fn must_queue(word: u64) -> bool {
    word & GATE != 0 || word & (WAITERS | WOKEN) == WAITERS
}

/// All slots of a pool: one segment inline, which is all that most pools need, more as the maximum is raised.
pub(crate) struct Segments<O: Owner> {
    first: Segment<O>,
    rest: Box<[OnceLock<Box<Segment<O>>>]>,
    /// How many segments are in use. Only grows.
    active: AtomicUsize,
}

impl<O: Owner> Segments<O> {
    pub(crate) fn new() -> Self {
        Self {
            first: Segment::new(0),
            rest: (1..SEGMENTS).map(|_| OnceLock::new()).collect(),
            active: AtomicUsize::new(1),
        }
    }

    /// Makes room for `slots` slots; new segments start with `flags`. For the holder of the mutex.
    pub(crate) fn reserve(&self, slots: usize, flags: u64) {
        let wanted = slots.div_ceil(SEGMENT).clamp(1, SEGMENTS);
        for cell in &self.rest[..wanted - 1] {
            cell.get_or_init(|| Box::new(Segment::new(flags)));
        }
        if wanted > self.active.load(Ordering::Relaxed) {
            self.active.store(wanted, Ordering::Release);
        }
    }

    #[inline(always)]
    fn locate(&self, slot: u32) -> (&Segment<O>, usize) {
        let slot = slot as usize;
        if slot < SEGMENT { (&self.first, slot) } else { self.locate_far(slot) }
    }

    #[cold]
    fn locate_far(&self, slot: usize) -> (&Segment<O>, usize) {
        (self.segment(slot / SEGMENT), slot % SEGMENT)
    }

    fn segment(&self, number: usize) -> &Segment<O> {
        match number.checked_sub(1) {
            None => &self.first,
            Some(rest) => self.rest[rest].get_or_init(|| Box::new(Segment::new(0))),
        }
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &Segment<O>> {
        (0..self.active.load(Ordering::Acquire)).map(|number| self.segment(number))
    }

    /// Takes the lowest idle tenant without the mutex.
    #[inline(always)]
    pub(crate) fn take(&self, overtakes: u32) -> Take<O> {
        match self.first.take(overtakes) {
            Take::Empty if self.active.load(Ordering::Acquire) > 1 => self.take_far(overtakes),
            other => other,
        }
    }

    #[cold]
    fn take_far(&self, overtakes: u32) -> Take<O> {
        for segment in self.iter().skip(1) {
            match segment.take(overtakes) {
                Take::Empty => {}
                other => return other,
            }
        }
        Take::Empty
    }

    /// Takes the lowest idle tenant whatever the flags say. For the holder of the mutex.
    pub(crate) fn take_any(&self) -> Option<Box<Tenant<O>>> {
        self.iter().find_map(|segment| segment.take_any(false))
    }

    /// Takes the highest idle tenant, the one used least. For the holder of the mutex.
    pub(crate) fn take_coldest(&self) -> Option<Box<Tenant<O>>> {
        self.iter().rev().find_map(|segment| segment.take_any(true))
    }

    /// Takes the tenant of one slot if it is idle. For the holder of the mutex.
    pub(crate) fn take_at(&self, slot: u32) -> Option<Box<Tenant<O>>> {
        let (segment, index) = self.locate(slot);
        segment.take_at(index)
    }

    /// Puts a tenant into its slot and makes it idle whatever the flags say. For the holder of the mutex, who also holds
    /// a share of the pool.
    pub(crate) fn publish_any(&self, tenant: Box<Tenant<O>>) {
        let (segment, index) = self.locate(tenant.slot);
        segment.slots[index].fill(tenant);
        segment.word.fetch_or(1 << index, Ordering::Release);
    }

    /// Raises and lowers flags in all words, in this order. For the holder of the mutex. Returns how many overtakes the
    /// bits counted that were lowered.
    pub(crate) fn set_flags(&self, raise: u64, lower: u64) -> u64 {
        let mut overtakes = 0;
        for segment in self.iter() {
            if raise != 0 {
                segment.word.fetch_or(raise, Ordering::AcqRel);
            }
            if lower != 0 {
                overtakes += (segment.word.fetch_and(!lower, Ordering::AcqRel) & lower & OVERTAKES) / OVERTAKE;
            }
        }
        overtakes
    }

    /// The overtakes that the words count at this moment.
    pub(crate) fn overtakes(&self) -> u64 {
        self.iter().map(|segment| (segment.word.load(Ordering::Relaxed) & OVERTAKES) / OVERTAKE).sum()
    }

    /// Whether GATE is up in any word.
    pub(crate) fn gated(&self) -> bool {
        self.iter().any(|segment| segment.word.load(Ordering::Relaxed) & GATE != 0)
    }

    /// How many connections are idle. Exact for the holder of the mutex while GATE is up, otherwise a snapshot.
    pub(crate) fn idle(&self) -> usize {
        self.iter().map(|segment| (segment.word.load(Ordering::Relaxed) & IDLE).count_ones() as usize).sum()
    }

    /// Whether the slot is idle now.
    pub(crate) fn is_idle(&self, slot: u32) -> bool {
        let (segment, index) = self.locate(slot);
        segment.word.load(Ordering::Relaxed) & (1 << index) != 0
    }

    pub(crate) fn marks(&self, slot: u32) -> &Marks {
        let (segment, index) = self.locate(slot);
        &segment.slots[index].marks
    }
}
