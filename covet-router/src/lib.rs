#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod builder;
mod error;
mod freeze;
mod graft;
mod host;
mod params;
mod policy;
mod router;

mod explain;
mod normalize;
mod tree;
mod url;

mod kind;
mod pattern;

mod order;
mod overlap;

mod conflict;

mod arena;
mod compile;
mod core;
mod methods;

mod bytes;
mod capture;
mod percent;
mod segment;
mod sets;
mod statics;
mod steps;
mod walk;

#[cfg(feature = "serde")]
mod de;

pub use builder::{RouteId, RouterBuilder};
#[cfg(feature = "serde")]
pub use de::DeserializeError;
pub use error::{Conflict, InsertError, PatternError, PatternErrorKind, Relation};
pub use explain::{Explanation, Shadowed, Verdict};
pub use freeze::BuildError;
pub use graft::RouteIds;
pub use host::HostBuilder;
pub use http::Method;
pub use normalize::{PathError, PathErrorKind, normalize};
pub use params::{OwnedParams, ParamError, ParamErrorKind, Params, ParamsIter};
pub use policy::{Case, MAX_PATH_LEN, TrailingSlash};
pub use router::{Match, Miss, Route, Router, Target};
pub use url::{UrlError, UrlParam};

/// How this crate differs from its peers, when to choose one of them, and how to move over from it.
#[cfg(any(doc, doctest))]
pub mod comparison {
    #![doc = include_str!("../COMPARISON.md")]
}
