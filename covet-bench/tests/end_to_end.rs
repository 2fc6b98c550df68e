//! The control program, run as cargo, test runners and people run a bench.

use std::process::{Command, Output};

use covet_bench::record::{Kind, Record};

fn control(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_covet-bench-control"));
    command.args(arguments);
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_bench_is_a_test_that_runners_can_count() {
    // As `cargo test` (no argument), `cargo bench -- --test`, and a runner with its own flags start it.
    for arguments in [&[][..], &["--bench", "--test"], &["--test-threads", "1", "--nocapture", "--include-ignored"]] {
        let output = control(arguments).output().unwrap();
        let seen = text(&output);
        assert!(output.status.success(), "{seen}");
        assert!(seen.contains("test checksum/child ... ok"), "{seen}");
        assert!(
            seen.contains("\ntest result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out;"),
            "{seen}"
        );
    }
}

#[test]
fn a_measured_run_prints_a_table_and_leaves_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.json");
    let output =
        control(&["--bench", "--quick", "--rounds", "9", "--seed", "5", "--json"]).arg(&file).output().unwrap();
    let seen = text(&output);
    assert!(output.status.success(), "{seen}");
    for part in [
        "seed 5",
        "A/A control",
        "vs best peer",
        "target",
        "p99",
        "p99.9",
        "note: a fifth slower",
        "not in the table: none",
    ] {
        assert!(seen.contains(part), "{part} is missing:\n{seen}");
    }
    let record = Record::load(&file).unwrap();
    assert_eq!((record.bench.as_str(), record.seed, record.rounds), ("control", 5, 9));
    assert!(!record.machine.cpu.is_empty() && record.build.rustc.starts_with("rustc"));
    let checksum = &record.groups[0];
    assert_eq!(checksum.kind, Kind::Time);
    assert!(checksum.contenders.iter().all(|contender| contender.samples.len() == 9 && contender.iterations > 0));
    let answers: Vec<&str> = checksum.contenders.iter().map(|contender| contender.answer.as_str()).collect();
    assert!(answers.len() == 4 && answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(checksum.contender("child").and_then(|child| child.version.as_deref()), Some("itself"));
    let latency = record.groups.iter().find(|group| group.kind == Kind::Latency).unwrap();
    assert!(latency.contenders.iter().all(|contender| contender.latency.as_ref().is_some_and(|l| l.p50 > 100)));
    if cfg!(target_os = "linux") {
        let memory = record.groups.iter().find(|group| group.kind == Kind::Memory).unwrap();
        let bytes = memory.contender("sorted vector").and_then(|vector| vector.median).unwrap().median;
        assert!((7.9..12.0).contains(&bytes), "eight bytes an element, found {bytes}");
    }
}

#[test]
fn a_wrong_answer_fails_with_both_values() {
    for arguments in [&["--bench", "wrong"][..], &["--test", "wrong"]] {
        let output = control(arguments).env("COVET_BENCH_CONTROL_WRONG", "1").output().unwrap();
        let seen = text(&output);
        assert_eq!(output.status.code(), Some(1), "{seen}");
        assert!(seen.contains("child: its answer differs from the baseline's: expected `"), "{seen}");
        assert!(seen.contains("found `0`"), "{seen}");
    }
}

#[test]
fn groups_can_be_listed_and_filtered() {
    let seen = text(&control(&["--bench", "--list"]).output().unwrap());
    assert!(seen.contains("checksum: benchmark\n") && seen.contains("ids: benchmark\n"), "{seen}");
    let seen = text(&control(&["find", "--test"]).output().unwrap());
    assert!(seen.contains("2 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out"), "{seen}");
    let seen = text(&control(&["--ignored"]).output().unwrap());
    assert!(seen.contains("0 passed; 0 failed"), "{seen}");
}

#[test]
fn a_wrong_command_line_is_refused() {
    let output = control(&["--bench", "--fast"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("unknown option --fast"));
    if !cfg!(feature = "allocations") {
        let output = control(&["--bench", "--allocations"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output).contains("--features covet-bench/allocations"));
    }
}

#[cfg(feature = "allocations")]
#[test]
fn allocations_are_counted_instead_of_timed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.json");
    let output = control(&["--bench", "--allocations", "--json"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let record = Record::load(&file).unwrap();
    let checksum = &record.groups[0];
    assert_eq!(checksum.kind, Kind::Allocations);
    assert_eq!(checksum.contender("first").and_then(|c| c.allocations).map(|a| a.count), Some(0.0));
    assert_eq!(checksum.contender("child").and_then(|c| c.allocations), None);
}
