//! Errors of the builder, of URL generation and of decoding, each with the data a person needs to act on it.

use std::error::Error;
use std::fmt;

/// Why a pattern, name, host or predicate was refused by the builder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InsertError {
    /// The pattern is not well formed.
    Pattern(PatternError),
    /// The pattern and one that is already there match a common path and the order of precedence cannot tell them apart.
    Conflict(Box<Conflict>),
    /// Another route has this name.
    DuplicateName {
        /// The name.
        name: String,
        /// The pattern of the route that has it.
        pattern: String,
    },
    /// The id does not belong to a route of this builder.
    UnknownRoute,
    /// A predicate of this name exists, or the name is that of a built-in type, or is not usable in a pattern.
    PredicateName {
        /// The name.
        name: String,
    },
    /// The prefix to nest under is not well formed.
    Prefix(PatternError),
}

impl InsertError {
    /// Whether two routes clash (as opposed to a malformed pattern or name).
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    /// The clash, if it is one.
    #[must_use]
    pub fn conflict(&self) -> Option<&Conflict> {
        match self {
            Self::Conflict(conflict) => Some(conflict),
            _ => None,
        }
    }
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(e) => e.fmt(f),
            Self::Conflict(e) => e.fmt(f),
            Self::DuplicateName { name, pattern } => write!(f, "the name `{name}` belongs to `{pattern}`"),
            Self::UnknownRoute => f.write_str("no route of this builder has that id"),
            Self::PredicateName { name } => {
                write!(f, "`{name}` cannot name a predicate here: taken, built in, or malformed")
            }
            Self::Prefix(e) => write!(f, "prefix: {e}"),
        }
    }
}

impl Error for InsertError {}

impl From<PatternError> for InsertError {
    fn from(e: PatternError) -> Self {
        Self::Pattern(e)
    }
}

/// Two routes that the order of precedence cannot tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    /// The pattern that was refused, with its method.
    pub new: String,
    /// The pattern it clashes with, with its method.
    pub existing: String,
    /// How the sets of paths that the two match relate.
    pub relation: Relation,
    /// A path that both match; `None` only when a predicate is involved and no usual text satisfies it.
    pub witness: Option<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` conflicts with `{}`: {}", self.new, self.existing, self.relation)?;
        match &self.witness {
            Some(path) => write!(f, "; both match `{path}`, and neither comes first"),
            None => f.write_str("; predicates of equal rank stand at one place"),
        }
    }
}

/// How the sets of paths that two patterns match relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relation {
    /// The same, up to parameter names.
    Same,
    /// The new pattern matches everything the existing one does, and more.
    NewIsWider,
    /// The existing pattern matches everything the new one does, and more.
    NewIsNarrower,
    /// Each matches something the other does not, or that could not be ruled out.
    Overlap,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "they match the same paths",
            Self::NewIsWider => "the new one matches every path of the other",
            Self::NewIsNarrower => "the other matches every path of the new one",
            Self::Overlap => "they match common paths",
        })
    }
}

/// A malformed pattern: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// Byte offset in the pattern where the mistake was noticed.
    pub offset: usize,
    /// What is wrong.
    pub kind: PatternErrorKind,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pattern `{}`, byte {}: {}", self.pattern, self.offset, self.kind)
    }
}

impl Error for PatternError {}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternErrorKind {
    /// It is empty.
    Empty,
    /// It does not begin with `/`.
    MissingSlash,
    /// `{` without `}`, or a `/` or `{` inside braces.
    UnmatchedOpen,
    /// `}` without `{`; a literal brace is written `}}`.
    UnmatchedClose,
    /// A parameter without a name.
    EmptyName,
    /// A name with a character that has a meaning in patterns.
    InvalidName {
        /// The name.
        name: Box<str>,
    },
    /// Two parameters of one name.
    DuplicateName {
        /// The name.
        name: Box<str>,
    },
    /// Two parameters with nothing between them.
    AdjacentParams,
    /// A catch-all that does not fill its segment.
    RestNotWhole,
    /// A catch-all with a type.
    TypedRest,
    /// `{name?}` beside a literal or another parameter.
    OptionalNotWhole,
    /// An optional label or catch-all in a host pattern.
    OptionalInHost,
    /// A host pattern with an empty label.
    EmptyLabel,
    /// A host pattern with a slash.
    SlashInHost,
    /// An alternation with an empty alternative, or one that no path can contain.
    InvalidAlternative,
    /// A type that is neither built in nor registered.
    UnknownType {
        /// The name.
        name: Box<str>,
    },
    /// `?` or `#`: a pattern describes a path, without query and fragment.
    QueryOrFragment,
    /// Too long.
    TooLong {
        /// The limit in bytes.
        max: usize,
    },
    /// Too many segments: match scratch is sized for fewer.
    TooManySegments {
        /// The limit.
        max: usize,
    },
    /// Too many parameters.
    TooManyParams {
        /// The limit.
        max: usize,
    },
    /// Too many optional segments: each doubles the number of variants.
    TooManyOptional {
        /// The limit.
        max: usize,
    },
}

impl fmt::Display for PatternErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::MissingSlash => f.write_str("must begin with `/`"),
            Self::UnmatchedOpen => {
                f.write_str("`{` opens a parameter that does not end in its segment (a literal brace is `{{`)")
            }
            Self::UnmatchedClose => f.write_str("`}` closes nothing (a literal brace is `}}`)"),
            Self::EmptyName => f.write_str("a parameter needs a name"),
            Self::InvalidName { name } => write!(f, "`{name}` cannot name a parameter"),
            Self::DuplicateName { name } => write!(f, "two parameters are named `{name}`"),
            Self::AdjacentParams => f.write_str("two parameters need a literal between them"),
            Self::RestNotWhole => f.write_str("a catch-all must fill its segment"),
            Self::TypedRest => f.write_str("a catch-all cannot have a type"),
            Self::OptionalNotWhole => f.write_str("an optional parameter must fill its segment"),
            Self::OptionalInHost => f.write_str("labels of a host cannot be optional"),
            Self::EmptyLabel => f.write_str("a host cannot have an empty label"),
            Self::SlashInHost => f.write_str("a host cannot contain `/`"),
            Self::InvalidAlternative => f.write_str("an alternative is empty or contains `?` or `#`"),
            Self::UnknownType { name } => write!(f, "`{name}` is neither a built-in type nor a registered predicate"),
            Self::QueryOrFragment => f.write_str("a pattern describes a path: no `?` and no `#`"),
            Self::TooLong { max } => write!(f, "longer than {max} bytes"),
            Self::TooManySegments { max } => write!(f, "more than {max} segments"),
            Self::TooManyParams { max } => write!(f, "more than {max} parameters"),
            Self::TooManyOptional { max } => write!(f, "more than {max} optional segments"),
        }
    }
}
