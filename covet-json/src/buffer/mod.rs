//! Where encoded bytes go: the buffers that callers hand in, the block in front of a writer, and the cursor over them.
//!
//! Encoding writes through raw pointers into memory that was reserved before (see [`out`]); this module and its children are
//! the only place outside the SIMD kernels that does so. Nothing here knows JSON's grammar.

#![allow(unsafe_code, reason = "writing into reserved but not yet initialised memory without a check per byte")]

mod int;
mod out;
mod parked;
mod place;
mod sink;

pub(crate) use out::{Cursor, Layout};
pub(crate) use parked::Parked;
pub(crate) use place::{Room, Spot};
pub(crate) use sink::{encode_into, encode_string, encode_to_vec, encode_to_writer};

use bytes::BytesMut;

/// A growable byte buffer that [`to_buf`](crate::to_buf) appends to: `Vec<u8>` or [`bytes::BytesMut`].
///
/// The trait is sealed; it cannot be implemented outside this crate.
pub trait Buffer: sealed::Spare {}

impl Buffer for Vec<u8> {}
impl Buffer for BytesMut {}

mod sealed {
    use super::BytesMut;
    use crate::error::Error;

    /// What encoding needs of a buffer.
    ///
    /// # Safety
    ///
    /// `spare` returns memory that stays valid for writes of that many bytes until the next call of a method of the buffer;
    /// `reserve` leaves the buffer's length as it was and the first `used` bytes of the spare memory with their content, also
    /// when it fails.
    #[allow(unnameable_types, reason = "that is what seals the trait")]
    pub unsafe trait Spare {
        /// The memory behind the content, and its length.
        fn spare(&mut self) -> (*mut u8, usize);

        /// Makes the spare memory at least `used + need` bytes long, keeping its first `used` bytes.
        ///
        /// # Safety
        ///
        /// The first `used` bytes of the spare memory are there and initialised.
        unsafe fn reserve(&mut self, used: usize, need: usize) -> Result<(), Error>;

        /// Takes the first `used` bytes of the spare memory into the content.
        ///
        /// # Safety
        ///
        /// They are there and initialised.
        unsafe fn commit(&mut self, used: usize);
    }

    /// Smallest growth, so that a fresh buffer does not double its way up from a few bytes.
    const MIN_GROWTH: usize = 256;

    // SAFETY: the spare capacity of a `Vec` stays where it is until a method of the vector moves it; `reserve` counts the used
    // bytes as content while the vector grows, so they are kept, and restores the length on both outcomes.
    unsafe impl Spare for Vec<u8> {
        #[inline]
        fn spare(&mut self) -> (*mut u8, usize) {
            let spare = self.spare_capacity_mut();
            (spare.as_mut_ptr().cast(), spare.len())
        }

        unsafe fn reserve(&mut self, used: usize, need: usize) -> Result<(), Error> {
            let len = self.len();
            debug_assert!(used <= self.capacity() - len);
            // SAFETY: the caller initialised `used` bytes of the spare memory.
            unsafe { self.set_len(len + used) };
            let grown = self.try_reserve(need.max(MIN_GROWTH));
            // SAFETY: shorter than what was just set.
            unsafe { self.set_len(len) };
            grown.map_err(|_| Error::io(std::io::ErrorKind::OutOfMemory.into()))
        }

        #[inline]
        unsafe fn commit(&mut self, used: usize) {
            let len = self.len() + used;
            debug_assert!(len <= self.capacity());
            // SAFETY: the caller initialised `used` bytes of the spare memory.
            unsafe { self.set_len(len) };
        }
    }

    // SAFETY: as for `Vec<u8>`. `BytesMut::reserve` aborts or panics when memory runs out; it then grows nothing, and the guard
    // restores the length.
    unsafe impl Spare for BytesMut {
        #[inline]
        fn spare(&mut self) -> (*mut u8, usize) {
            let spare = self.spare_capacity_mut();
            (spare.as_mut_ptr().cast(), spare.len())
        }

        unsafe fn reserve(&mut self, used: usize, need: usize) -> Result<(), Error> {
            struct Restore<'a>(&'a mut BytesMut, usize);
            impl Drop for Restore<'_> {
                fn drop(&mut self) {
                    // Only ever shortens.
                    self.0.truncate(self.1);
                }
            }
            let len = self.len();
            debug_assert!(used <= self.capacity() - len);
            // SAFETY: the caller initialised `used` bytes of the spare memory.
            unsafe { self.set_len(len + used) };
            Restore(self, len).0.reserve(need.max(MIN_GROWTH));
            Ok(())
        }

        #[inline]
        unsafe fn commit(&mut self, used: usize) {
            let len = self.len() + used;
            debug_assert!(len <= self.capacity());
            // SAFETY: the caller initialised `used` bytes of the spare memory.
            unsafe { self.set_len(len) };
        }
    }
}
