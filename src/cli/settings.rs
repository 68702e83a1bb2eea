//! The options that are settings: one for each row of [`FIELDS`], kept as typed until all of them are judged together.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, FromArgMatches};

use crate::error::{Error, Result};
use crate::recipes;
use crate::train::{Draft, FIELDS, Field, Range, TrainSettings};

/// Where settings come from, each source lying over the one before.
#[derive(clap::Args)]
pub struct Sources {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Train this published system, or the recipe in a file of your own; --config and options typed beside it win
    #[arg(long, value_name = "NAME|FILE.toml")]
    recipe: Option<String>,
    /// Take the settings in this TOML file; options typed beside it win
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
}

impl Sources {
    /// Defaults, then the recipe, then the file, then what was typed; every mistake in one go.
    ///
    /// # Errors
    /// What is wrong with the recipe, but for its settings: those are kept in the draft.
    pub fn draft(&self) -> Result<Draft> {
        let mut draft = Draft::default();
        match self.recipe.as_deref().map(recipes::find) {
            Some(Ok(family)) => family.base().overlay(&mut draft),
            Some(Err(Error::Settings(problems))) => problems.into_iter().for_each(|problem| draft.report(problem)),
            Some(Err(other)) => return Err(other),
            None => {}
        }
        if let Some(path) = &self.config {
            draft.overlay_file(path);
        }
        self.overlay_typed(&mut draft);
        Ok(draft)
    }

    /// Lays what was typed, and nothing else, over `draft`.
    pub fn overlay_typed(&self, draft: &mut Draft) {
        self.settings.overlay(draft);
    }
}

/// What was typed, field by field.
pub struct SettingsArgs {
    typed: Vec<(&'static Field, String)>,
}

impl SettingsArgs {
    /// Lays what was typed over `draft`.
    pub fn overlay(&self, draft: &mut Draft) {
        self.typed.iter().for_each(|(field, typed)| draft.overlay_typed(field, typed));
    }
}

impl clap::Args for SettingsArgs {
    fn augment_args(command: Command) -> Command {
        let defaults = TrainSettings::default().as_typed();
        FIELDS.iter().fold(command, |command, field| {
            let default = defaults.iter().find(|(name, _)| *name == field.name).map(|(_, default)| default.as_str());
            command.arg(option(field, default))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingsArgs {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let typed = FIELDS.iter().filter_map(|field| Some((field, typed(matches, field)?)));
        Ok(Self { typed: typed.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn option(field: &Field, default: Option<&str>) -> Arg {
    let default = default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let help = capitalised(field.meaning) + &default;
    let arg = Arg::new(field.name).long(field.name).visible_aliases(field.alias).help_heading("Settings");
    match field.range {
        // `--no-shuffle=false` undoes what a file says.
        Range::Switch => arg
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .help(capitalised(field.meaning)),
        Range::OneOf(names) => arg.value_name(names.join("|")).help(help),
        Range::Text(what) => arg.value_name(what).help(help),
        Range::Widths { .. } => arg.value_name("N,N,...|none").help(help),
        Range::ClassWeights => arg.value_name("none|balanced|X,X,...").allow_negative_numbers(true).help(help),
        // `--lr -1` reaches the check of its range, which says more than "unexpected argument".
        Range::Whole { .. } => arg.value_name("N").allow_negative_numbers(true).help(help),
        Range::Above { .. } | Range::From { .. } => arg.value_name("X").allow_negative_numbers(true).help(help),
    }
}

/// As the help of the other options starts.
fn capitalised(meaning: &str) -> String {
    let mut letters = meaning.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn typed(matches: &ArgMatches, field: &Field) -> Option<String> {
    matches.get_one::<String>(field.name).cloned()
}
