//! Settings under construction, from several sources, with every problem kept until the end.

use std::path::Path;

use toml::{Table, Value};

use super::fields::MOST_THREADS;
use super::toml_file::read_toml;
use super::{FIELDS, Field, Range, TrainConfig, TrainSettings, default_init};
use crate::error::{Error, OneLine, Problem, Result, shown};
use crate::names::nearest;
use crate::nn::loss;
use crate::threads;

/// Settings under construction: each source is laid over the one before, and every problem is kept until the end.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    settings: TrainSettings,
    problems: Vec<Problem>,
}

impl Draft {
    /// From `settings` on.
    pub(super) fn new(settings: TrainSettings) -> Self {
        Self { settings, problems: Vec::new() }
    }

    /// Lays the TOML file `path` over it.
    ///
    /// A file that cannot be read or is not TOML, unknown keys and values out of range are kept for
    /// [`finish`](Self::finish).
    pub fn overlay_file(&mut self, path: &Path) {
        match read_toml::<Table>(path) {
            Ok(table) if is_recipe(&table) => self.problems.push(Problem {
                place: OneLine(path).to_string(),
                expected: "settings: name = value, a line each".to_owned(),
                found: "a recipe".to_owned(),
                remedy: Some("give it with --recipe".to_owned()),
            }),
            Ok(table) => self.overlay_table(&OneLine(path).to_string(), &table),
            Err(problem) => self.problems.push(problem),
        }
    }

    /// Lays over it the settings in `table`, which stands in `place`.
    pub fn overlay_table(&mut self, place: &str, table: &Table) {
        for (key, value) in table {
            let place = format!("{place}: {}", shown(key));
            match FIELDS.iter().find(|field| field.name == key) {
                Some(field) => self.set(field, value, place, Given::InToml(value)),
                None => self.problems.push(unknown_key(place, &shown(key))),
            }
        }
    }

    /// Lays over it what was typed for the option `field`.
    pub fn overlay_typed(&mut self, field: &Field, typed: &str) {
        self.set(field, &field.range.parse(typed), format!("--{}", field.name), Given::Typed(typed));
    }

    /// Keeps a problem that is none of a setting, to be reported with the others.
    pub(crate) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(super) fn set(&mut self, field: &Field, value: &Value, place: String, given: Given<'_>) {
        if field.range.contains(value) {
            (field.set)(&mut self.settings, value);
        } else {
            self.problems.push(out_of_range(field, place, given));
        }
    }

    /// The settings, complete, if every one is in its range and they go together.
    ///
    /// # Errors
    /// [`Error::Settings`] with every problem there is.
    pub fn finish(self) -> Result<TrainConfig> {
        let Self { mut settings, mut problems } = self;
        for field in FIELDS {
            if let Some(value) = (field.get)(&settings).filter(|value| !field.range.contains(value)) {
                problems.push(out_of_range(field, field.name.to_owned(), Given::InToml(&value)));
            }
        }
        if loss::objective(settings.output, settings.loss).is_none() {
            problems.push(Problem {
                place: "--loss".to_owned(),
                found: settings.loss.to_string(),
                expected: format!("a loss that is defined on {} outputs", settings.output),
                remedy: None,
            });
        }
        if !problems.is_empty() {
            return Err(Error::Settings(problems));
        }
        settings.learning_rate.get_or_insert_with(|| settings.optimizer.default_learning_rate());
        settings.init.get_or_insert_with(|| default_init(settings.activation));
        settings.threads.get_or_insert_with(|| threads::available().min(MOST_THREADS as usize));
        Ok(TrainConfig(settings))
    }
}

/// Whether it has what a recipe has, and settings never.
fn is_recipe(table: &Table) -> bool {
    table.contains_key("title") || table.get("settings").is_some_and(Value::is_table)
}

/// A value as it was written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'a> {
    /// For an option.
    Typed(&'a str),
    /// In a file.
    InToml(&'a Value),
}

fn out_of_range(field: &Field, place: String, given: Given<'_>) -> Problem {
    let (name, found, expected) = match given {
        Given::Typed("") => (None, "nothing".to_owned(), field.range.describe()),
        Given::Typed(typed) => (Some(typed), typed.to_owned(), field.range.describe()),
        Given::InToml(value) => (value.as_str(), value.to_string(), field.range.describe_in_toml()),
    };
    let nearest = match field.range {
        Range::OneOf(names) => name.and_then(|name| nearest(name, names.iter().copied())),
        _ => None,
    };
    Problem { place, found: shown(&found), expected, remedy: nearest.map(did_you_mean) }
}

/// The nearest name is looked for among the options' other spellings too, and with `_` for `-`, as Python has it.
fn unknown_key(place: String, key: &str) -> Problem {
    let spellings =
        || FIELDS.iter().flat_map(|field| [(field.name, field.name), (field.alias.unwrap_or(field.name), field.name)]);
    let key = key.replace('_', "-").to_lowercase();
    let near = nearest(&key, spellings().map(|(spelling, _)| spelling));
    let name = spellings().find(|(spelling, _)| Some(*spelling) == near).map(|(_, name)| name);
    let expected = match name {
        Some(_) => "the name of a setting".to_owned(),
        None => format!("one of {}", FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")),
    };
    Problem { place, found: "an unknown key".to_owned(), expected, remedy: name.map(did_you_mean) }
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean {name}?")
}
