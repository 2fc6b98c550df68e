//! Counts allocations again: the benches as the gate builds them, with the counter in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use covet_bench::record::Record;
use serde_json::Value;

use super::ties::Allocated;
use crate::metadata::Workspace;
use crate::process;

/// What does not hold.
pub(super) fn allocations(workspace: &Workspace, claims: &[Allocated]) -> Result<Vec<String>> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let programs = programs()?;
    let folder = tempfile::tempdir()?;
    let mut wrong = Vec::new();
    for (index, claim) in claims.iter().enumerate() {
        let package = workspace.member(&claim.package).with_context(|| format!("no package {}", claim.package))?;
        let manifest = package.dir.join("Cargo.toml");
        let program = programs.get(&manifest).with_context(|| format!("{} has no bench `peers`", claim.package))?;
        let file = folder.path().join(format!("{index}.json"));
        let mut command = Command::new(program);
        command
            .current_dir(&package.dir)
            .args(["--bench", "--allocations", "--exact", &claim.group, "--json"])
            .arg(&file);
        command.stdin(Stdio::null());
        process::scrub(&mut command);
        process::output(&mut command)?;
        let record = Record::load(&file).map_err(anyhow::Error::msg)?;
        wrong.extend(broken(claim, &record));
    }
    Ok(wrong)
}

/// Why the claim is false, if it is.
fn broken(claim: &Allocated, record: &Record) -> Option<String> {
    let row =
        record.groups.iter().find(|group| group.name == claim.group).and_then(|group| group.contender(&claim.row));
    let Some(counted) = row.and_then(|row| row.allocations) else {
        return Some(format!("`{}`: no row `{}` of `{}` was counted", claim.text, claim.row, claim.group));
    };
    let fine = counted.count <= claim.at_most && claim.bytes_at_most.is_none_or(|most| counted.bytes <= most);
    (!fine).then(|| {
        let Allocated { text, at_most, .. } = claim;
        format!(
            "`{text}`: at most {at_most} allocations are claimed, {} of {} bytes were counted",
            counted.count, counted.bytes
        )
    })
}

/// The benches called `peers`, by their package's manifest, from the build that the gate's step `bench` uses.
fn programs() -> Result<BTreeMap<PathBuf, PathBuf>> {
    let mut command = process::cargo();
    command.args(["test", "--workspace", "--all-features", "--bench", "peers", "--no-run"]);
    command.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let line = process::display(&command);
    eprintln!("$ {line}");
    let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed ({})", process::describe(output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let path = |value: &Value| value.as_str().map(PathBuf::from);
    Ok(messages.filter_map(|message| Some((path(&message["manifest_path"])?, path(&message["executable"])?))).collect())
}

#[cfg(test)]
mod tests {
    use covet_bench::record::Allocations;

    use super::*;

    #[test]
    fn a_count_above_the_claim_is_named() {
        let outcome = covet_bench::captured("test", ["--rounds", "3"], |bench| {
            let mut group = bench.group("g").expect("measures");
            group.contender_timed("ours", |n| std::time::Duration::from_nanos(n * 100), || 1_u64).ours();
            group.run();
        });
        let mut record = outcome.record;
        let claim = |at_most| Allocated {
            file: "README.md".into(),
            text: "one allocation".into(),
            package: "covet-json".into(),
            group: "g".into(),
            row: "ours".into(),
            at_most,
            bytes_at_most: Some(100.0),
        };
        assert!(broken(&claim(1.0), &record).unwrap().contains("no row"));
        record.groups[0].contenders[0].allocations =
            Some(Allocations { count: 1.0, bytes: 64.0, peak_bytes: 64, kept_bytes: 0.0 });
        assert_eq!(broken(&claim(1.0), &record), None);
        assert!(broken(&claim(0.0), &record).unwrap().contains("at most 0 allocations are claimed, 1 of 64 bytes"));
    }
}
