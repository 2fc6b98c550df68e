//! The file of ties: what each sentence with a figure rests on.

use std::collections::BTreeMap;

use covet_bench::record::{ContenderRecord, GroupRecord};
use covet_bench::run::Run;
use covet_bench::stats;
use serde::Deserialize;

use super::find::Sentence;
use crate::date::Date;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    #[serde(default)]
    measured: Vec<Measured>,
    #[serde(default)]
    pub(super) allocations: Vec<Allocated>,
    #[serde(default)]
    source: Vec<Source>,
    #[serde(default)]
    notes: Vec<Notes>,
    #[serde(default)]
    input: Vec<Input>,
}

/// A ratio in the newest record.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Measured {
    file: String,
    text: String,
    job: String,
    group: String,
    row: String,
    /// The other row; without it, the best peer.
    against: Option<String>,
    /// How many times as fast (or as small) the row must be, at the lowest level of all that were measured.
    at_least: f64,
    /// The versions that the sentence speaks of.
    peers: BTreeMap<String, String>,
}

/// Heap use of one operation, counted again by every check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allocated {
    pub(super) file: String,
    pub(super) text: String,
    pub(super) package: String,
    pub(super) group: String,
    pub(super) row: String,
    pub(super) at_most: f64,
    pub(super) bytes_at_most: Option<f64>,
}

/// What stands in the source: a constant, or the test that proves it and runs with all others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    file: String,
    text: String,
    source: String,
    contains: String,
}

/// A section whose figures were measured once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notes {
    file: String,
    section: String,
    measured: String,
    /// What gives such figures again.
    command: String,
    #[serde(default)]
    peers: BTreeMap<String, String>,
}

/// A number that claims nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    file: String,
    text: String,
    because: String,
}

/// One tie of any kind.
pub(super) enum Tie<'c> {
    Measured(&'c Measured),
    Allocated(&'c Allocated),
    Source(&'c Source),
    Notes(&'c Notes),
    Input(&'c Input),
}

static NO_PEERS: BTreeMap<String, String> = BTreeMap::new();

impl Claims {
    pub(super) fn parse(text: &str) -> Result<Self, anyhow::Error> {
        let claims: Self = toml::from_str(text)?;
        for note in &claims.notes {
            anyhow::ensure!(Date::parse(&note.measured).is_some(), "`{}` is no day", note.measured);
            anyhow::ensure!(!note.command.trim().is_empty(), "{}: {}: no command", note.file, note.section);
        }
        for input in &claims.input {
            anyhow::ensure!(!input.because.trim().is_empty(), "{}: `{}`: no reason", input.file, input.text);
        }
        Ok(claims)
    }

    pub(super) fn ties(&self) -> impl Iterator<Item = Tie<'_>> {
        let measured = self.measured.iter().map(Tie::Measured);
        let allocated = self.allocations.iter().map(Tie::Allocated);
        let source = self.source.iter().map(Tie::Source);
        let notes = self.notes.iter().map(Tie::Notes);
        let input = self.input.iter().map(Tie::Input);
        measured.chain(allocated).chain(source).chain(notes).chain(input)
    }
}

impl Tie<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Measured(_) => "measured",
            Self::Allocated(_) => "allocations",
            Self::Source(_) => "source",
            Self::Notes(_) => "notes",
            Self::Input(_) => "input",
        }
    }

    pub(super) fn file(&self) -> &str {
        match self {
            Self::Measured(tie) => &tie.file,
            Self::Allocated(tie) => &tie.file,
            Self::Source(tie) => &tie.file,
            Self::Notes(tie) => &tie.file,
            Self::Input(tie) => &tie.file,
        }
    }

    /// What it repeats of the document: a part of the sentence, or the heading.
    pub(super) fn quote(&self) -> &str {
        match self {
            Self::Measured(tie) => &tie.text,
            Self::Allocated(tie) => &tie.text,
            Self::Source(tie) => &tie.text,
            Self::Notes(tie) => &tie.section,
            Self::Input(tie) => &tie.text,
        }
    }

    pub(super) fn covers(&self, sentence: &Sentence) -> bool {
        self.file() == sentence.file
            && match self {
                Self::Notes(notes) => sentence.sections.contains(&notes.section),
                _ => spaced(&sentence.text).contains(&spaced(self.quote())),
            }
    }

    /// Whether the document still says what is tied.
    pub(super) fn stands_in(&self, document: &str) -> bool {
        match self {
            Self::Notes(notes) => document
                .lines()
                .any(|line| line.starts_with('#') && line.trim_start_matches('#').trim() == notes.section),
            _ => spaced(document).contains(&spaced(self.quote())),
        }
    }

    /// `Err` if the claim is false; a notice if it cannot be known.
    pub(super) fn holds<'f>(
        &self,
        record: Option<&Run>,
        text_of: &dyn Fn(&str) -> Option<&'f str>,
    ) -> Result<Option<String>, String> {
        match self {
            Self::Measured(tie) => {
                let run = record.ok_or("there is no record of a whole run to support it")?;
                tie.holds(run).map(|()| None)
            }
            Self::Source(tie) => match text_of(&tie.source) {
                Some(text) if spaced(text).contains(&spaced(&tie.contains)) => Ok(None),
                Some(_) => Err(format!("{} no longer has `{}`", tie.source, tie.contains)),
                None => Err(format!("there is no {}", tie.source)),
            },
            Self::Allocated(_) | Self::Notes(_) | Self::Input(_) => Ok(None),
        }
    }

    /// The day of the measurement it rests on.
    pub(super) fn measured(&self, record: Option<&Run>) -> Option<Date> {
        match self {
            Self::Measured(_) => record.map(|run| Date::from_unix(run.started_unix)),
            Self::Notes(notes) => Date::parse(&notes.measured),
            Self::Allocated(_) | Self::Source(_) | Self::Input(_) => None,
        }
    }

    pub(super) fn peers(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Measured(tie) => &tie.peers,
            Self::Notes(tie) => &tie.peers,
            Self::Allocated(_) | Self::Source(_) | Self::Input(_) => &NO_PEERS,
        }
    }
}

impl Measured {
    fn holds(&self, run: &Run) -> Result<(), String> {
        let tables: Vec<GroupRecord> =
            run.jobs_named(&self.job).filter_map(|job| job.group(&self.group)).map(|group| group.table()).collect();
        if tables.is_empty() {
            return Err(format!("the record has no table `{}` of {}", self.group, self.job));
        }
        for table in &tables {
            let against = self.against.as_deref().or(table.best_peer.as_deref()).unwrap_or_default();
            let row = |name: &str| table.contender(name).ok_or_else(|| format!("`{}` has no row `{name}`", table.name));
            let (own, other) = (row(&self.row)?, row(against)?);
            let ratio = stats::speed_ratio(&own.samples, &other.samples).ok_or("nothing was measured")?;
            if ratio.median < self.at_least {
                let measured = crate::bench::estimate(&ratio);
                return Err(format!("at least {} is claimed, {measured} was measured", self.at_least));
            }
            self.same_versions(other)?;
        }
        Ok(())
    }

    fn same_versions(&self, row: &ContenderRecord) -> Result<(), String> {
        match (self.peers.get(&row.name), &row.version) {
            (Some(claimed), Some(version)) if claimed != version => {
                Err(format!("it speaks of {} {claimed}, the record of {version}", row.name))
            }
            _ => Ok(()),
        }
    }
}

/// With single spaces, so that line breaks do not matter.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_in_the_file_are_errors() {
        for bad in [
            "[[notes]]\nfile = 'a'\nsection = 'b'\nmeasured = 'yesterday'\ncommand = 'x'\n",
            "[[notes]]\nfile = 'a'\nsection = 'b'\nmeasured = '2026-01-01'\ncommand = ' '\n",
            "[[input]]\nfile = 'a'\ntext = 'b'\nbecause = ''\n",
            "[[guess]]\n",
            "[[source]]\nfile = 'a'\n",
        ] {
            assert!(Claims::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Claims::parse("").unwrap().ties().count(), 0);
    }

    #[test]
    fn a_tie_covers_its_sentence_across_line_breaks() {
        let claims = Claims::parse("[[input]]\nfile = 'a.md'\ntext = 'one  megabyte of'\nbecause = 'x'\n").unwrap();
        let tie = claims.ties().next().unwrap();
        let sentence =
            |file: &str, text: &str| Sentence { file: file.into(), line: 1, sections: vec![], text: text.into() };
        assert!(tie.covers(&sentence("a.md", "it is one megabyte of text")));
        assert!(!tie.covers(&sentence("b.md", "it is one megabyte of text")));
        assert!(tie.stands_in("it is one\nmegabyte of text") && !tie.stands_in("two"));
    }
}
