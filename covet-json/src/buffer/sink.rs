//! What stands behind the cursor: a caller's buffer, a thread's scratch block, or a writer that takes whole blocks.

use std::cell::Cell;
use std::io;

use super::out::{Cursor, Out};
use super::place::Room;
use super::sealed::Spare;
use super::{Buffer, Layout};
use crate::error::{Code, Error};

/// Memory for the cursor.
pub(super) struct Region {
    pub(super) base: *mut u8,
    pub(super) cap: usize,
    /// Where to go on in it.
    pub(super) pos: usize,
}

/// A supplier of memory.
///
/// # Safety
///
/// A region stays valid for writes of `cap` bytes until the next call. `grow(pos, need)` returns one with
/// `cap >= pos + need` for its own `pos`, whose first `pos` bytes are initialised.
pub(super) unsafe trait Sink {
    /// The memory to start with; its `pos` is 0.
    fn start(&mut self) -> Region;

    /// Room for `need` more bytes after `pos`.
    ///
    /// # Safety
    ///
    /// The first `pos` bytes of the region in use are initialised.
    unsafe fn grow(&mut self, pos: usize, need: usize) -> Result<Region, Error>;

    /// The largest piece of text to reserve memory for at once.
    fn piece(&self) -> usize {
        usize::MAX
    }
}

// SAFETY: `Spare` promises what is needed here; offsets count from the start of the spare memory, so they survive growth.
unsafe impl<B: Buffer> Sink for B {
    #[inline]
    fn start(&mut self) -> Region {
        let (base, cap) = self.spare();
        Region { base, cap, pos: 0 }
    }

    unsafe fn grow(&mut self, pos: usize, need: usize) -> Result<Region, Error> {
        // SAFETY: the caller's promise is passed on.
        unsafe { self.reserve(pos, need) }?;
        let (base, cap) = self.spare();
        Ok(Region { base, cap, pos })
    }
}

/// Bytes of a block in front of a writer, and of the block that each thread keeps.
const BLOCK: usize = 32 * 1024;

thread_local! {
    /// A block that outlives the calls, `BLOCK` initialised bytes or empty. Whoever uses it takes it out, so that an encoding inside
    /// an encoding finds it empty and makes its own.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn take_block() -> Vec<u8> {
    // A thread that is ending has no scratch any more.
    let block = SCRATCH.try_with(Cell::take).unwrap_or_default();
    if block.is_empty() { vec![0; BLOCK] } else { block }
}

fn keep_block(block: Vec<u8>) {
    if block.len() == BLOCK {
        let _ = SCRATCH.try_with(|scratch| scratch.set(block));
    }
}

/// Starts in the thread's block, and moves to a vector of its own when that is full.
struct VecSink {
    block: Vec<u8>,
    own: Vec<u8>,
}

// SAFETY: `block` is never resized while it is in use, and `own` is a buffer whose promises hold. What was written to the block
// is copied in front of what `own` holds, so offsets stay the same.
unsafe impl Sink for VecSink {
    #[inline]
    fn start(&mut self) -> Region {
        Region { base: self.block.as_mut_ptr(), cap: self.block.len(), pos: 0 }
    }

    unsafe fn grow(&mut self, pos: usize, need: usize) -> Result<Region, Error> {
        if self.own.capacity() == 0 {
            let wanted = need.saturating_add(pos).max(4 * BLOCK);
            self.own.try_reserve(wanted).map_err(|_| Error::io(io::ErrorKind::OutOfMemory.into()))?;
            let (base, cap) = self.own.spare();
            // SAFETY: `pos` bytes are in the block, at least as many are in the new memory, and the two are different.
            unsafe { base.copy_from_nonoverlapping(self.block.as_ptr(), pos) };
            return Ok(Region { base, cap, pos });
        }
        // SAFETY: the region in use is the spare memory of `own`, initialised by the caller's promise.
        unsafe { Sink::grow(&mut self.own, pos, need) }
    }
}

/// A block that is handed to the writer whenever it is full. Every byte of it is initialised.
pub(super) struct BlockSink<'w> {
    writer: &'w mut dyn io::Write,
    block: Vec<u8>,
}

impl<'w> BlockSink<'w> {
    pub(super) fn new(writer: &'w mut dyn io::Write) -> Self {
        BlockSink { writer, block: take_block() }
    }

    /// Hands the writer what is left.
    pub(super) fn finish(mut self, end: usize) -> Result<(), Error> {
        self.flush(end)
    }

    fn flush(&mut self, end: usize) -> Result<(), Error> {
        self.writer.write_all(self.block.get(..end).unwrap_or_default()).map_err(Error::io)
    }
}

impl Drop for BlockSink<'_> {
    fn drop(&mut self) {
        keep_block(std::mem::take(&mut self.block));
    }
}

// SAFETY: the region is the whole block, of which every byte is initialised; it is resized only here.
unsafe impl Sink for BlockSink<'_> {
    fn start(&mut self) -> Region {
        Region { base: self.block.as_mut_ptr(), cap: self.block.len(), pos: 0 }
    }

    unsafe fn grow(&mut self, pos: usize, need: usize) -> Result<Region, Error> {
        self.flush(pos)?;
        if need > self.block.len() {
            self.block.resize(need, 0);
        }
        Ok(self.start())
    }

    fn piece(&self) -> usize {
        BLOCK / 4
    }
}

/// Runs `encode` on the spare memory of `buffer` and takes what it wrote into the content; on an error or a panic the content
/// stays as it was.
#[inline]
pub(crate) fn encode_into<B: Buffer>(
    buffer: &mut B,
    layout: Layout<'_>,
    encode: impl FnOnce(Room<'_, '_>) -> Result<Cursor, Error>,
) -> Result<(), Error> {
    let end = run(buffer, layout, encode)?;
    // SAFETY: the end comes from the cursor that wrote every byte in front of it.
    unsafe { buffer.commit(end) };
    Ok(())
}

/// Runs `encode` into a new vector: the scratch block copied at its exact size, or a vector that grew.
#[inline]
pub(crate) fn encode_to_vec(
    layout: Layout<'_>,
    encode: impl FnOnce(Room<'_, '_>) -> Result<Cursor, Error>,
) -> Result<Vec<u8>, Error> {
    let mut sink = VecSink { block: take_block(), own: Vec::new() };
    let result = run(&mut sink, layout, encode);
    let VecSink { block, mut own } = sink;
    let result = result.map(|end| {
        if own.capacity() == 0 {
            return block.get(..end).unwrap_or_default().to_vec();
        }
        // SAFETY: the end comes from the cursor that wrote every byte in front of it, and the region is the spare memory of `own`.
        unsafe { own.commit(end) };
        own
    });
    keep_block(block);
    result
}

/// Runs `encode` into a new string.
#[inline]
pub(crate) fn encode_string(
    layout: Layout<'_>,
    encode: impl FnOnce(Room<'_, '_>) -> Result<Cursor, Error>,
) -> Result<String, Error> {
    let bytes = encode_to_vec(layout, encode)?;
    debug_assert!(std::str::from_utf8(&bytes).is_ok());
    // SAFETY: the cursor writes ASCII, whole `str`s and runs of `str`s cut at ASCII bytes, and moves back only to places between
    // such pieces; so what is in front of it is UTF-8.
    Ok(unsafe { String::from_utf8_unchecked(bytes) })
}

/// Runs `encode` into blocks for `writer`.
#[inline]
pub(crate) fn encode_to_writer(
    writer: &mut dyn io::Write,
    layout: Layout<'_>,
    encode: impl FnOnce(Room<'_, '_>) -> Result<Cursor, Error>,
) -> Result<(), Error> {
    let mut sink = BlockSink::new(writer);
    let end = run(&mut sink, layout, encode)?;
    sink.finish(end)
}

/// Runs `encode` over `sink` and returns how many bytes are in its last region.
#[inline]
fn run<S: Sink>(
    sink: &mut S,
    layout: Layout<'_>,
    encode: impl FnOnce(Room<'_, '_>) -> Result<Cursor, Error>,
) -> Result<usize, Error> {
    let mut out = Out::new(sink, layout);
    let end = encode(out.begin()?)?;
    out.finish(end)
}

/// The error of a value whose `Serialize` went on after a part of it had failed.
#[cold]
pub(super) fn ignored_error() -> Error {
    Error::new(Code::Message("a part of the value failed to encode and the error was ignored".into()))
}
