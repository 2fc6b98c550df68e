//! An array or object that waits between the calls of its owner.

use std::io;

use super::out::{Cursor, Layout, Out};
use super::place::Spot;
use super::sink::BlockSink;
use crate::error::Error;

/// A [`Spot`] over a writer's block, taken apart so that it borrows nothing of itself.
pub(crate) struct Parked<'w> {
    sink: BlockSink<'w>,
    layout: Layout<'w>,
    pos: usize,
    sep: u8,
    depth: usize,
    failed: bool,
}

impl<'w> Parked<'w> {
    /// Starts an array or object as the whole document.
    pub(crate) fn open(writer: &'w mut dyn io::Write, layout: Layout<'w>, open: u8) -> Self {
        Parked { sink: BlockSink::new(writer), layout, pos: 0, sep: open, depth: 1, failed: false }
    }

    /// Goes on where the last call stopped.
    pub(crate) fn with(&mut self, write: impl FnOnce(&mut Spot<'_, '_>) -> Result<(), Error>) -> Result<(), Error> {
        // Stays set if `write` panics.
        let failed = std::mem::replace(&mut self.failed, true);
        // The position is one that this block was written up to, and every byte of the block is initialised.
        let mut out = Out::new(&mut self.sink, self.layout);
        (out.depth, out.failed) = (self.depth, failed);
        let mut spot = Spot { out: &mut out, pos: self.pos, sep: self.sep };
        let result = write(&mut spot);
        (self.pos, self.sep) = (spot.pos, spot.sep);
        (self.depth, self.failed) = (out.depth, out.failed | result.is_err());
        result
    }

    /// Closes what is open and hands the writer the rest.
    pub(crate) fn finish(mut self, close: impl FnOnce(Spot<'_, '_>) -> Result<Cursor, Error>) -> Result<(), Error> {
        let mut out = Out::new(&mut self.sink, self.layout);
        (out.depth, out.failed) = (self.depth, self.failed);
        let end = close(Spot { out: &mut out, pos: self.pos, sep: self.sep })?;
        let end = out.finish(end)?;
        self.sink.finish(end)
    }
}
