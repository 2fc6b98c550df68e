//! Tokens from outside: every way in which one can be wrong, and every way in which one can be right.

#![cfg(feature = "aws-lc-rs")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod differential;
mod families;
#[cfg(feature = "reqwest")]
mod fetch;
mod guard;
mod issuer;
mod jwks;
mod pitfalls;
mod support;
mod vectors;
mod verifier;
