//! The server on one processor, the load on another. A child inherits the processor of the thread that starts it.

use std::process::{Child, Command};

use anyhow::{Context, Result, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Who runs where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cores {
    pub(crate) client: usize,
    pub(crate) server: usize,
}

impl Cores {
    /// The first processor that we may use for the client, the last one for the server; this thread moves to the former.
    pub(crate) fn take() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("cannot ask which processors may be used")?;
        let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
        let cores = Self::choose(&usable)?;
        set(cores.client)?;
        Ok(cores)
    }

    fn choose(usable: &[usize]) -> Result<Self> {
        match usable {
            [client, .., server] => Ok(Self { client: *client, server: *server }),
            _ => bail!("the server and the load need a processor each, and only {} may be used", usable.len()),
        }
    }

    /// Starts a program on the server's processor.
    pub(crate) fn start_server(self, command: &mut Command) -> Result<Child> {
        set(self.server)?;
        let child = command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()));
        set(self.client)?;
        child
    }
}

fn set(cpu: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only).with_context(|| format!("cannot move to processor {cpu}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_and_server_never_share_a_processor() {
        assert_eq!(Cores::choose(&[2, 3, 5]).unwrap(), Cores { client: 2, server: 5 });
        assert!(Cores::choose(&[2]).is_err());
        assert!(Cores::choose(&[]).is_err());
    }
}
