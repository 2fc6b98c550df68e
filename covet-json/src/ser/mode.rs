//! What differs between compact, styled and canonical output, decided at compile time.

#![forbid(unsafe_code)]

use crate::buffer::{Cursor, Room, Spot};
use crate::error::Error;

/// The style of a [`Serializer`](crate::Serializer): [`Compact`] or [`Styled`]. Sealed.
#[allow(private_bounds, reason = "that is what seals the trait")]
pub trait Style: Mode {}

/// Everything on one line, nothing escaped beyond what JSON needs; the fastest.
#[derive(Clone, Copy, Debug)]
pub struct Compact;

/// Set out as [`EncodeOptions`](crate::EncodeOptions) say: indentation, HTML-safe escapes.
#[derive(Clone, Copy, Debug)]
pub struct Styled;

impl Style for Compact {}
impl Style for Styled {}

/// What the serializers ask.
pub(crate) trait Mode: Sized {
    /// Whether the layout must be asked.
    const STYLED: bool;
    /// What an object keeps while it is written.
    type Object: Object;

    #[inline(always)]
    fn unsigned(room: Room<'_, '_>, value: u64) -> Result<Cursor, Error> {
        Ok(room.unsigned(value))
    }

    #[inline(always)]
    fn signed(room: Room<'_, '_>, value: i64) -> Result<Cursor, Error> {
        Ok(room.signed(value))
    }

    fn unsigned_wide(room: Room<'_, '_>, value: u128) -> Result<Cursor, Error> {
        Ok(room.unsigned_wide(value))
    }

    fn signed_wide(room: Room<'_, '_>, value: i128) -> Result<Cursor, Error> {
        Ok(room.signed_wide(value))
    }

    #[inline(always)]
    fn double(room: Room<'_, '_>, value: f64) -> Result<Cursor, Error> {
        Ok(if value.is_finite() { room.double(value) } else { room.null() })
    }

    #[inline(always)]
    fn single(room: Room<'_, '_>, value: f32) -> Result<Cursor, Error> {
        Ok(if value.is_finite() { room.single(value) } else { room.null() })
    }

    fn raw(room: Room<'_, '_>, json: &str) -> Result<Cursor, Error>;
}

/// What happens around the entries of an object.
pub(crate) trait Object: Default {
    /// A key is about to be written at this place.
    #[inline(always)]
    fn key(&mut self, _spot: &Spot<'_, '_>) {}

    /// All entries are written.
    #[inline(always)]
    fn end(self, _spot: &mut Spot<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}

impl Object for () {}

impl Mode for Compact {
    const STYLED: bool = false;
    type Object = ();

    fn raw(room: Room<'_, '_>, json: &str) -> Result<Cursor, Error> {
        room.raw::<false>(json)
    }
}

impl Mode for Styled {
    const STYLED: bool = true;
    type Object = ();

    fn raw(room: Room<'_, '_>, json: &str) -> Result<Cursor, Error> {
        room.raw::<true>(json)
    }
}
