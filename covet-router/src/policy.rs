//! What a router is told about paths that differ in a slash, in case, or in length from what a pattern says.

/// The longest path a router looks at: offsets are 16 bits.
pub const MAX_PATH_LEN: usize = u16::MAX as usize;

/// What a slash at the end of a path means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrailingSlash {
    /// `/a` and `/a/` are different paths.
    #[default]
    Strict,
    /// A path that matches nothing is tried once more with its last slash removed, or with one added.
    Ignore,
    /// Such a path is a miss that carries the other form as a redirect target.
    Redirect,
}

/// What the case of ASCII letters in literal text means. Captures are never changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// `/a` and `/A` are different paths.
    #[default]
    Strict,
    /// Literals match in any case. Patterns that differ in case alone conflict.
    Ignore,
    /// A path that matches in another case only is a miss that carries the right form as a redirect target.
    Redirect,
}
