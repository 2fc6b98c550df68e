//! A store that forgets everything with the process: for tests, and as the model of what a store must do.

use std::collections::BTreeMap;
use std::convert::Infallible;

use parking_lot::Mutex;

use super::{Record, RevocationStore};

/// Never occurs.
pub type MemoryStoreError = Infallible;

/// Records in this process's memory. Clones share them, so that a test can open the same store twice.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    shared: std::sync::Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    identity: Option<String>,
    /// By the time they lapse.
    records: BTreeMap<u64, Vec<Record>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.lock().records.values().map(Vec::len).sum()
    }

    /// Whether no record is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl RevocationStore for MemoryStore {
    type Error = MemoryStoreError;

    async fn bind(&self, identity: &str) -> Result<String, Infallible> {
        Ok(self.shared.lock().identity.get_or_insert_with(|| identity.to_owned()).clone())
    }

    async fn append(&self, records: &[Record]) -> Result<(), Infallible> {
        let mut kept = self.shared.lock();
        for record in records {
            kept.records.entry(record.lapses_at().unwrap_or(u64::MAX)).or_default().push(*record);
        }
        Ok(())
    }

    async fn load(&self, sink: &mut (dyn FnMut(&[Record]) + Send)) -> Result<(), Infallible> {
        let batches: Vec<Vec<Record>> = self.shared.lock().records.values().cloned().collect();
        for batch in batches {
            sink(&batch);
        }
        Ok(())
    }

    async fn prune(&self, now: u64) -> Result<(), Infallible> {
        let mut kept = self.shared.lock();
        kept.records = kept.records.split_off(&now);
        Ok(())
    }
}
