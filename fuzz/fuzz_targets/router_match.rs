//! Tables and paths made from bytes, against the brute-force matcher of covet-router's tests: same route, same captures, same methods; any order of insertion builds the
//! same router; and no text makes the builder, a lookup, `normalize` or `explain` panic.
#![no_main]
#![allow(dead_code, reason = "the brute-force matcher is shared with the crate's tests")]

#[path = "../../covet-router/tests/oracle/mod.rs"]
mod oracle;

use covet_router::{InsertError, Method, Router, RouterBuilder};
use libfuzzer_sys::fuzz_target;
use oracle::{Kind, Pattern, Seg};

/// Hands out bytes; zeros when there are no more.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn below(&mut self, n: usize) -> usize {
        match self.0.split_first() {
            Some((&b, rest)) => {
                self.0 = rest;
                usize::from(b) % n
            }
            None => 0,
        }
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
}

fn kind(bytes: &mut Bytes<'_>) -> Kind {
    bytes.of(&[
        Kind::Plain,
        Kind::Plain,
        Kind::OneOf(vec!["a", "b"]),
        Kind::OneOf(vec!["ab", "b"]),
        Kind::U64,
        Kind::I64,
        Kind::Hex,
        Kind::Alpha,
        Kind::Alnum,
        Kind::Even,
        Kind::Short,
    ])
}

fn segment(bytes: &mut Bytes<'_>) -> Seg {
    const AFFIXES: [&str; 6] = ["", "", "a", "ab", "-", "é"];
    match bytes.below(10) {
        0..4 => Seg::Lit(bytes.of(&["a", "b", "ab", "1", "", "a-b", "abcdefgh", "abcdefghij", "abcdefghijabcdefghij"])),
        4..7 => Seg::Par { prefix: "", parts: vec![(kind(bytes), "")], optional: bytes.below(5) == 0 },
        7..9 => {
            let prefix = bytes.of(&AFFIXES);
            let mut parts: Vec<(Kind, &str)> =
                (0..bytes.below(3)).map(|_| (kind(bytes), bytes.of(&["-", ".", "a", "--", "aa"]))).collect();
            parts.push((kind(bytes), bytes.of(&AFFIXES)));
            Seg::Par { prefix, parts, optional: false }
        }
        _ => Seg::Rest { may_be_empty: bytes.below(2) == 0 },
    }
}

fn pattern(bytes: &mut Bytes<'_>) -> Pattern {
    (0..1 + bytes.below(4)).map(|_| segment(bytes)).collect()
}

fn path(bytes: &mut Bytes<'_>) -> String {
    const PIECES: [&str; 12] = ["a", "b", "/", "/", "/", "1", "-", ".", "é", "abcdefgh", "ij", "%2F"];
    (0..1 + bytes.below(10)).fold("/".to_owned(), |path, _| path + bytes.of(&PIECES))
}

fn builder() -> RouterBuilder<usize> {
    let mut b = Router::builder();
    b.predicate("even", 7, oracle::even).expect("a free name");
    b.predicate("short", 9, oracle::short).expect("a free name");
    b
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let (pattern, path) = text.split_once('\n').unwrap_or((text, text));
        let mut b = builder();
        let _ = b.insert(pattern, 0);
        let router = b.build().expect("one route");
        let _ = (router.at(path).is_some(), router.to_string(), covet_router::normalize(path).is_ok());
        let _ = router.explain(&Method::GET, path).to_string();
    }
    let bytes = &mut Bytes(data);
    let mut b = builder();
    let mut kept: Vec<Pattern> = Vec::new();
    for _ in 0..1 + bytes.below(7) {
        let pattern = pattern(bytes);
        match b.insert(oracle::text(&pattern), kept.len()) {
            Ok(_) => kept.push(pattern),
            Err(InsertError::Conflict(conflict)) => {
                if let Some(witness) = &conflict.witness {
                    assert!(!oracle::matching(&[pattern], witness).is_empty(), "{conflict}");
                    assert!(!oracle::matching(&kept, witness).is_empty(), "{conflict}");
                }
            }
            Err(e) => panic!("{e}"),
        }
    }
    let router = b.build().expect("an accepted table");
    let mut backwards = builder();
    for (i, pattern) in kept.iter().enumerate().rev() {
        backwards.insert(oracle::text(pattern), i).expect("accepted before");
    }
    assert_eq!(router.to_string(), backwards.build().expect("an accepted table").to_string());
    for _ in 0..4 {
        let path = path(bytes);
        let found: Vec<_> = router
            .all_matches(&Method::GET, &path)
            .iter()
            .map(|m| (*m.value, m.params.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<Vec<_>>()))
            .collect();
        let expected = oracle::matching(&kept, &path);
        assert_eq!(found, expected, "{path}\n{router}");
        let best = router.at(&path).map(|m| {
            (*m.value, m.params.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<Vec<_>>())
        });
        assert_eq!(best, expected.into_iter().next(), "{path}\n{router}");
    }
});
