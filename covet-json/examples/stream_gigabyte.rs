//! Streams an array of one gigabyte that is made up while it is read, in constant memory:
//!
//! ```sh
//! cargo build --release -p covet-json --example stream_gigabyte
//! /usr/bin/time -v target/release/examples/stream_gigabyte
//! ```

use std::io::Read;
use std::time::Instant;

use covet_json::stream::ArrayReader;
use serde::Deserialize;

const GIGABYTE: u64 = 1_000_000_000;

#[derive(Deserialize)]
struct Record {
    id: u64,
    name: String,
    tags: Vec<String>,
    score: f64,
}

fn main() -> Result<(), covet_json::Error> {
    let record =
        br#"{"id":17,"name":"Grace Hopper","tags":["admin","ops"],"score":98.5,"joined":"2024-01-31T12:00:00Z"}"#;
    let mut block = Vec::new();
    for _ in 0..1000 {
        block.extend_from_slice(record);
        block.push(b',');
    }
    let repeats = GIGABYTE as usize / block.len();
    let document = b"[".chain(Repeat { block: &block, at: 0, left: repeats * block.len() - 1 }).chain(&b"]"[..]);
    let start = Instant::now();
    let (mut count, mut sum) = (0u64, 0.0);
    for record in ArrayReader::<_, Record>::new(document) {
        let record = record?;
        count += record.id / 17 * (record.tags.len() as u64 / 2);
        sum += record.score + record.name.len() as f64;
    }
    let seconds = start.elapsed().as_secs_f64();
    let bytes = (repeats * block.len() + 1) as f64;
    println!("{count} records, checksum {sum}, {:.0} MB/s", bytes / seconds / 1e6);

    let mut whole = vec![b'['];
    whole.extend_from_slice(&block[..block.len() - 1]);
    whole.push(b']');
    let start = Instant::now();
    for _ in 0..1000 {
        let records: Vec<Record> = covet_json::from_slice(&whole)?;
        assert_eq!(records.len(), 1000);
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("from_slice: {:.0} MB/s", whole.len() as f64 * 1000.0 / seconds / 1e6);
    Ok(())
}

/// A block again and again.
struct Repeat<'a> {
    block: &'a [u8],
    at: usize,
    left: usize,
}

impl Read for Repeat<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.block[self.at..];
        let len = rest.len().min(buf.len()).min(self.left);
        buf[..len].copy_from_slice(&rest[..len]);
        self.at = (self.at + len) % self.block.len();
        self.left -= len;
        Ok(len)
    }
}
