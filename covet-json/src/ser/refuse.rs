//! What a serializer that takes few kinds of values says to all others.

#![forbid(unsafe_code)]

/// The kinds in the list, given as serde's methods with the types of their arguments, are `$error`.
macro_rules! refuse {
    ($error:path: $($method:ident($($type:ty),*);)*) => { $(
        fn $method(self, $(_: $type),*) -> Result<Cursor, Error> {
            Err($error())
        }
    )* };
}

/// Everything that has parts is `$error`: sequences, maps, structs and variants with content.
macro_rules! refuse_compounds {
    ($error:path) => {
        type SerializeSeq = Impossible<Cursor, Error>;
        type SerializeTuple = Impossible<Cursor, Error>;
        type SerializeTupleStruct = Impossible<Cursor, Error>;
        type SerializeTupleVariant = Impossible<Cursor, Error>;
        type SerializeMap = Impossible<Cursor, Error>;
        type SerializeStruct = Impossible<Cursor, Error>;
        type SerializeStructVariant = Impossible<Cursor, Error>;

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _name: &'static str,
            _index: u32,
            _variant: &'static str,
            _value: &T,
        ) -> Result<Cursor, Error> {
            Err($error())
        }

        fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, Error> {
            Err($error())
        }

        fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, Error> {
            Err($error())
        }

        fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Self::SerializeTupleStruct, Error> {
            Err($error())
        }

        fn serialize_tuple_variant(
            self,
            _name: &'static str,
            _index: u32,
            _variant: &'static str,
            _len: usize,
        ) -> Result<Self::SerializeTupleVariant, Error> {
            Err($error())
        }

        fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, Error> {
            Err($error())
        }

        fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self::SerializeStruct, Error> {
            Err($error())
        }

        fn serialize_struct_variant(
            self,
            _name: &'static str,
            _index: u32,
            _variant: &'static str,
            _len: usize,
        ) -> Result<Self::SerializeStructVariant, Error> {
            Err($error())
        }
    };
}

pub(super) use {refuse, refuse_compounds};
