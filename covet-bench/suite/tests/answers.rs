//! Every contender of the suite does its work once, and all of a table agree on the answer.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::process::Command;

#[test]
fn all_contenders_agree() {
    let output = Command::new(env!("CARGO_BIN_EXE_covet-bench-suite")).arg("--test").output().unwrap();
    let seen = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{seen}");
    for part in ["jiter ... ok", "actix-router ... ok", "jwt-simple ... ok", "foyer-memory ... ok", "all Covet ... ok"]
    {
        assert!(seen.contains(part), "{part} is missing:\n{seen}");
    }
}

#[test]
#[ignore = "needs Redis"]
fn a_redis_server_agrees_too() {
    let url = std::env::var("COVET_REDIS_URL").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_covet-bench-suite"));
    let output = command.args(["--test", "blacklist"]).env("COVET_REDIS_URL", url).output().unwrap();
    let seen = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && seen.contains("redis, 1,000 at once ... ok"), "{seen}");
}
