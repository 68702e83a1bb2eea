//! The options that are settings: one for each row of [`FIELDS`], kept as typed until all of them are judged together.

use clap::{Arg, ArgMatches, Command, FromArgMatches};

use crate::train::{Draft, FIELDS, Field, Range, TrainSettings};

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
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = FIELDS.iter().filter_map(|field| Some((field, typed(matches, field)?)));
        Ok(Self { typed: typed.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
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
