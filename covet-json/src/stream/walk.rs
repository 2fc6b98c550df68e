//! The way through a streamed document: to the array, from element to element, and out again.
//!
//! Each step can be repeated: a source that runs dry leaves the walk where the step began.

use crate::de::{Deserializer, Read, Skip};
use crate::error::{Code, Error, Result};
use crate::pointer::Pointer;

/// Where the walk is.
#[derive(Debug)]
enum State {
    /// Before a value on the way to the array.
    Descend,
    /// Inside an object on the way, `0` members read.
    Member(usize),
    /// Behind a key; `true` if it is the one to follow.
    Colon(bool, usize),
    /// Inside an array on the way, `0` elements read.
    Item(usize),
    /// Inside a value beside the way; then goes on with a member or an item.
    Beside(Skip, bool, usize),
    /// Inside the array, before its element of this index.
    Element(usize),
    /// Between values that stand one after the other.
    Value(usize),
    /// Behind the array, with containers still open.
    Out(Skip),
    /// Behind the outermost value.
    End,
    Done,
}

#[derive(Debug)]
pub(super) struct Walk {
    pointer: Pointer,
    /// Containers that were entered on the way: `true` for an object.
    open: Vec<bool>,
    state: State,
}

impl Walk {
    /// To the elements of the array at `pointer`.
    pub(super) fn array(pointer: &str) -> Walk {
        match Pointer::parse(pointer) {
            Some(pointer) => Walk { pointer, open: Vec::new(), state: State::Descend },
            // Such a pointer leads nowhere: a key that no object on the way can have says the same.
            None => Walk { pointer: Pointer::nowhere(), open: Vec::new(), state: State::Descend },
        }
    }

    /// To values that stand one after the other.
    pub(super) fn values() -> Walk {
        Walk { pointer: Pointer::default(), open: Vec::new(), state: State::Value(0) }
    }

    /// Goes on to the next element and stops before it; `false` when the document has ended as it should.
    pub(super) fn next<'de, R: Read<'de>>(&mut self, de: &mut Deserializer<R>) -> Result<bool> {
        loop {
            let before = de.pos;
            match self.step(de) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error) => {
                    // A source that can run dry drops nothing by itself, so the place is still valid. Skipping keeps its own.
                    if error.is_starved() && !matches!(self.state, State::Beside(..) | State::Out(_)) {
                        de.pos = before;
                    }
                    return Err(self.outside(error));
                }
            }
        }
    }

    /// `Some` when an element or the end was reached.
    fn step<'de, R: Read<'de>>(&mut self, de: &mut Deserializer<R>) -> Result<Option<bool>> {
        let next = match &mut self.state {
            State::Descend => {
                let byte = de.peek()?;
                let target = self.open.len() == self.pointer.len();
                match byte {
                    b'[' => {
                        de.enter()?;
                        if target {
                            State::Element(0)
                        } else {
                            self.open.push(false);
                            State::Item(0)
                        }
                    }
                    b'{' if !target => {
                        de.enter()?;
                        self.open.push(true);
                        State::Member(0)
                    }
                    _ => return Err(de.unexpected(Code::NoArray, Code::EofInValue)),
                }
            }
            State::Member(count) => {
                if !de.next_key(*count)? {
                    return Err(de.error(Code::NoArray));
                }
                let wanted = self.pointer.token(self.open.len() - 1).and_then(|token| token.key());
                let follow = de.with_str(|key| Ok(Some(key.as_str()) == wanted))?;
                State::Colon(follow, *count + 1)
            }
            State::Colon(follow, count) => {
                de.colon()?;
                if *follow { State::Descend } else { State::Beside(Skip::default(), true, *count) }
            }
            State::Item(count) => {
                if !de.next_element(*count)? {
                    return Err(de.error(Code::NoArray));
                }
                let wanted = self.pointer.token(self.open.len() - 1).and_then(|token| token.index());
                if wanted == Some(*count) { State::Descend } else { State::Beside(Skip::default(), false, *count + 1) }
            }
            State::Beside(skip, object, count) => {
                de.skip_on(skip)?;
                if *object { State::Member(*count) } else { State::Item(*count) }
            }
            State::Element(index) => {
                if de.next_element(*index)? {
                    *index += 1;
                    return Ok(Some(true));
                }
                de.leave();
                if self.open.is_empty() {
                    State::End
                } else {
                    de.leave_many(self.open.len());
                    State::Out(Skip::inside(self.open.drain(..)))
                }
            }
            State::Value(index) => {
                if de.peek()? == 0 && de.at_end() {
                    State::Done
                } else {
                    *index += 1;
                    return Ok(Some(true));
                }
            }
            State::Out(skip) => {
                de.skip_on(skip)?;
                State::End
            }
            State::End => {
                de.end()?;
                State::Done
            }
            State::Done => return Ok(Some(false)),
        };
        self.state = next;
        Ok(None)
    }

    /// Whether the values stand one after the other.
    pub(super) fn is_values(&self) -> bool {
        matches!(self.state, State::Value(_))
    }

    /// Whether the document has ended.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// No more steps: after an error.
    pub(super) fn stop(&mut self) {
        self.state = State::Done;
    }

    /// Puts the path to the current element in front of an error's path.
    pub(super) fn inside_element(&self, mut error: Error) -> Error {
        if let State::Element(count) = self.state {
            error.push_index(count - 1);
        }
        self.outside(error)
    }

    /// Puts the path to the containers that are open in front of an error's path.
    fn outside(&self, mut error: Error) -> Error {
        for (level, object) in self.open.iter().enumerate().rev() {
            match self.pointer.token(level) {
                Some(token) if *object => error.push_key(token.key().unwrap_or_default()),
                Some(token) => error.push_index(token.index().unwrap_or_default()),
                None => {}
            }
        }
        error
    }
}
