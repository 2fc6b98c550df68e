//! The tree keeps its own laws, and the commands explain themselves.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::process::{Command, Output};

fn xtask(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(args).output().unwrap()
}

#[test]
fn tidy_finds_nothing_in_this_tree() {
    let output = xtask(&["tidy"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn help_explains_every_command() {
    let overview = xtask(&["--help"]);
    let overview = String::from_utf8_lossy(&overview.stdout).into_owned();
    for command in ["ci", "tidy", "readme", "services", "features", "loom", "fuzz"] {
        let help = xtask(&[command, "--help"]);
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(
            help.status.success() && text.starts_with(&format!("Usage: cargo xtask {command}")),
            "{command}: {text}"
        );
        assert!(overview.contains(&text), "`{command}` is not explained by --help");
        assert_eq!(xtask(&["help", command]).stdout, help.stdout);
    }
}

#[test]
fn what_does_not_exist_is_refused() {
    for args in [&["nonsense"][..], &["ci", "nonsense"], &["tidy", "--nonsense"], &["services"], &["fuzz", "nonsense"]]
    {
        let output = xtask(args);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{args:?}");
    }
}
