//! Signs of life on stderr: a line that rewrites itself on a terminal, a line per group elsewhere.

use std::io::{IsTerminal, Write};

#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
    silent: bool,
    group: String,
    rounds: usize,
}

impl Progress {
    pub(crate) fn new(silent: bool) -> Self {
        Self { terminal: std::io::stderr().is_terminal(), silent, group: String::new(), rounds: 0 }
    }

    pub(crate) fn start(&mut self, group: &str, rounds: usize) {
        group.clone_into(&mut self.group);
        self.rounds = rounds;
        if !self.terminal {
            self.say(format_args!("{group}: {rounds} rounds\n"));
        }
    }

    pub(crate) fn round(&self, round: usize) {
        if self.terminal {
            self.say(format_args!("\r\x1b[K{}: round {round} of {}", self.group, self.rounds));
        }
    }

    pub(crate) fn finish(&self) {
        if self.terminal {
            self.say(format_args!("\r\x1b[K"));
        }
    }

    fn say(&self, text: std::fmt::Arguments<'_>) {
        if !self.silent {
            // Progress that cannot be shown is no reason to stop measuring.
            let _ = std::io::stderr().write_fmt(text);
        }
    }
}
