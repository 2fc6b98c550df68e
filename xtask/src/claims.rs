//! `cargo xtask claims`: every sentence with a figure, tied to what proves it.
//!
//! `claims.toml` names the ties. The finder reads all documents and fails on a sentence that nobody tied; the checks fail on a
//! tie that broke: a record that no longer supports it, a limit that the source no longer has, a sentence that is gone.

mod find;
mod prove;
mod ties;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use covet_bench::run::Run;

use self::find::Sentence;
use self::ties::{Claims, Tie};
use crate::date::Date;
use crate::metadata::Workspace;
use crate::report;
use crate::tidy::{SourceFile, text_files};

pub(crate) const HELP: &str = "\
Usage: cargo xtask claims [--list] [--no-proof]

Finds every sentence with a figure of speed, size or allocation in the documents (*.md; code, generated tables and
changelogs aside), and checks it against its tie in claims.toml:

  [[measured]]     a ratio, against the newest record of a whole run
  [[allocations]]  heap use of an operation: counted again, now
  [[source]]       a limit or a size: the constant or the test in the source that it repeats
  [[notes]]        a section of design notes: figures of one day, with the command that gave them
  [[input]]        no claim: the size of what is measured, or an example

It fails on a sentence without a tie, on a tie without its sentence, and on a tie that does not hold. A measured claim or a
note older than 90 days, or from other versions of a peer than the lockfile's, is named as stale.

  --list      prints all sentences with a figure and their ties
  --no-proof  does not count allocations again
";

/// The file of ties, below the workspace.
const FILE: &str = "claims.toml";

/// After so many days, a measurement is stale.
const STALE_AFTER: i64 = 90;

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::Long;
    let (mut list, mut proof) = (false, true);
    while let Some(arg) = args.next()? {
        match arg {
            Long("list") => list = true,
            Long("no-proof") => proof = false,
            other => return Err(other.unexpected().into()),
        }
    }
    let workspace = Workspace::load()?;
    if list {
        let world = World::load(&workspace)?;
        for sentence in &world.sentences {
            let tie = world.claims.ties().find(|tie| tie.covers(sentence)).map_or("nothing", |tie| tie.kind());
            println!("{}:{}: {tie}: {}", sentence.file, sentence.line, sentence.text);
        }
        return Ok(ExitCode::SUCCESS);
    }
    for notice in check(&workspace, proof)? {
        eprintln!("{notice}");
    }
    Ok(ExitCode::SUCCESS)
}

/// An error that lists what is wrong; notices about what is stale or could not be checked.
pub(crate) fn check(workspace: &Workspace, proof: bool) -> Result<Vec<String>> {
    let world = World::load(workspace)?;
    let mut findings = judge(&world, Date::today());
    if proof {
        findings.errors.extend(prove::allocations(workspace, &world.claims.allocations)?);
    }
    if !findings.errors.is_empty() {
        bail!("{}", findings.errors.join("\n"));
    }
    eprintln!("{} sentences with a figure, {} ties", world.sentences.len(), world.claims.ties().count());
    Ok(findings.notices)
}

/// What claims are judged against.
struct World {
    claims: Claims,
    files: Vec<SourceFile>,
    sentences: Vec<Sentence>,
    record: Option<Run>,
    /// Name and version of every package of the build.
    lockfile: Vec<(String, String)>,
}

impl World {
    fn load(workspace: &Workspace) -> Result<Self> {
        let files = text_files(&workspace.root)?;
        let text = files.iter().find(|file| file.path == FILE).map_or("", |file| &file.text);
        let claims = Claims::parse(text).with_context(|| FILE.to_owned())?;
        let documents = files.iter().filter(|file| file.path.ends_with(".md") && !file.path.ends_with("CHANGELOG.md"));
        let sentences = documents.flat_map(|file| find::figures(&file.path, &file.text)).collect();
        let record = report::newest(&workspace.root)?.map(|(_, run)| run);
        let lockfile =
            workspace.resolved.iter().map(|package| (package.name.clone(), package.version.clone())).collect();
        Ok(Self { claims, files, sentences, record, lockfile })
    }

    fn text_of(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }
}

#[derive(Debug, Default)]
struct Findings {
    errors: Vec<String>,
    notices: Vec<String>,
}

fn judge(world: &World, today: Date) -> Findings {
    let mut findings = Findings::default();
    for sentence in &world.sentences {
        if !world.claims.ties().any(|tie| tie.covers(sentence)) {
            findings.errors.push(format!(
                "{}:{}: a figure that is tied to nothing in {FILE}: {}",
                sentence.file, sentence.line, sentence.text
            ));
        }
    }
    for tie in world.claims.ties() {
        if !world.text_of(tie.file()).is_some_and(|text| tie.stands_in(text)) {
            findings.errors.push(format!("{FILE}: {}: no longer says `{}`", tie.file(), tie.quote()));
            continue;
        }
        match tie.holds(world.record.as_ref(), &|path| world.text_of(path)) {
            Ok(None) => {}
            Ok(Some(notice)) => findings.notices.push(notice),
            Err(error) => findings.errors.push(format!("{FILE}: {}: `{}`: {error}", tie.file(), tie.quote())),
        }
        findings.notices.extend(stale(&tie, world, today));
    }
    findings.notices.dedup();
    findings
}

/// Why a tie is stale, if it is.
fn stale(tie: &Tie<'_>, world: &World, today: Date) -> Option<String> {
    let measured = tie.measured(world.record.as_ref())?;
    let who = format!("stale: {}: `{}`", tie.file(), tie.quote());
    let age = today.since(measured);
    if age > STALE_AFTER {
        return Some(format!("{who}: measured {age} days ago"));
    }
    let other = tie.peers().iter().find_map(|(name, version)| {
        let now: Vec<&str> =
            world.lockfile.iter().filter(|(known, _)| known == name).map(|(_, v)| v.as_str()).collect();
        (!now.contains(&version.as_str())).then(|| format!("{name} {version}, now {}", now.join(" and ")))
    })?;
    Some(format!("{who}: measured against {other}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    const README: &str = "# x\n\nIt decodes at 2.0 times the speed of sonic-rs. It needs 16 KiB at most.\n\n## Tried\n\nLoops: 5 % slower.\n";

    fn world(claims: &str, record: Option<Run>) -> World {
        let files = vec![
            SourceFile { path: "README.md".into(), text: README.into() },
            SourceFile { path: "src/lib.rs".into(), text: "const MOST: usize = 16 << 10;".into() },
        ];
        let sentences = find::figures("README.md", README);
        let lockfile = vec![("sonic-rs".to_owned(), "0.5.10".to_owned())];
        World { claims: Claims::parse(claims).unwrap(), files, sentences, record, lockfile }
    }

    const SIZE: &str = "[[source]]\nfile = 'README.md'\ntext = '16 KiB at most'\nsource = 'src/lib.rs'\ncontains = 'MOST: usize = 16 << 10'\n";
    const NOTES: &str = "[[notes]]\nfile = 'README.md'\nsection = 'Tried'\nmeasured = '2026-11-01'\ncommand = 'cargo bench'\npeers = { sonic-rs = '0.5.10' }\n";
    const SPEED: &str = "[[measured]]\nfile = 'README.md'\ntext = '2.0 times the speed of sonic-rs'\njob = 'json'\ngroup = 'decode users50 owned'\nrow = 'covet-json'\nagainst = 'sonic-rs'\nat_least = 1.9\npeers = { sonic-rs = '0.5.10' }\n";

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    #[test]
    fn a_sentence_without_a_tie_is_found() {
        let found = judge(&world("", None), day("2026-11-20"));
        assert_eq!(found.errors.len(), 3, "{found:?}");
        assert!(found.errors[0].starts_with("README.md:3: a figure that is tied to nothing"), "{found:?}");
        let tied = judge(&world(&[SIZE, NOTES, SPEED].concat(), Some(fixture::run())), day("2026-11-20"));
        assert!(tied.errors.is_empty() && tied.notices.is_empty(), "{tied:?}");
    }

    #[test]
    fn a_record_that_no_longer_supports_a_claim_is_an_error() {
        let bold = SPEED.replace("1.9", "2.5");
        let found = judge(&world(&[SIZE, NOTES, &bold].concat(), Some(fixture::run())), day("2026-11-20"));
        assert!(found.errors.len() == 1 && found.errors[0].contains("at least 2.5"), "{found:?}");
        let unknown = SPEED.replace("users50", "nothing");
        let found = judge(&world(&[SIZE, NOTES, &unknown].concat(), Some(fixture::run())), day("2026-11-20"));
        assert!(found.errors.len() == 1 && found.errors[0].contains("no table"), "{found:?}");
        let found = judge(&world(&[SIZE, NOTES, SPEED].concat(), None), day("2026-11-20"));
        assert!(found.errors.len() == 1 && found.errors[0].contains("no record"), "{found:?}");
    }

    #[test]
    fn ties_that_broke_are_errors() {
        let gone = SIZE.replace("16 KiB at most", "32 KiB at most");
        let found = judge(&world(&[&gone, NOTES, SPEED].concat(), Some(fixture::run())), day("2026-11-20"));
        assert!(found.errors.iter().any(|error| error.contains("no longer says `32 KiB at most`")), "{found:?}");
        let changed = SIZE.replace("16 << 10", "8 << 10");
        let found = judge(&world(&[&changed, NOTES, SPEED].concat(), Some(fixture::run())), day("2026-11-20"));
        assert!(found.errors.len() == 1 && found.errors[0].contains("src/lib.rs"), "{found:?}");
    }

    #[test]
    fn age_and_other_versions_are_named() {
        let found = judge(&world(&[SIZE, NOTES, SPEED].concat(), Some(fixture::run())), day("2027-02-15"));
        assert!(found.errors.is_empty() && found.notices.len() == 1, "{found:?}");
        assert!(found.notices[0].contains("measured 106 days ago"), "{found:?}");
        let other = NOTES.replace("0.5.10", "0.5.9");
        let found = judge(&world(&[SIZE, &other, SPEED].concat(), Some(fixture::run())), day("2026-11-20"));
        assert_eq!(found.notices, ["stale: README.md: `Tried`: measured against sonic-rs 0.5.9, now 0.5.10"]);
    }
}
