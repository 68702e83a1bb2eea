//! The published systems as data: settings, sources, published figures, and the ranges in which ours are accepted.
//!
//! A recipe is a TOML file; those here are built in, a user's own is read the same way. It never trains: it says what to
//! train, and judges what came out.

// A reader of files from outside: as in `data`.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo
    )
)]

mod claim;
pub mod paper;

use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};

pub use claim::{Claim, Measure, Measured, Verdict};

use crate::error::{Error, OneLine, Problem, Result, shown};
use crate::names::nearest;
use crate::train::{Draft, FIELDS, parse_toml, read_toml};

/// The files in this folder, in the order in which they are listed: one more recipe is one more line.
const BUILT_IN: &[(&str, &str)] = &[
    ("bp-relu-128", include_str!("bp-relu-128.toml")),
    ("course-sigmoid-192-30", include_str!("course-sigmoid-192-30.toml")),
    ("mlp-16-16", include_str!("mlp-16-16.toml")),
    ("dnn-adam-100-100", include_str!("dnn-adam-100-100.toml")),
    ("linear-tanh", include_str!("linear-tanh.toml")),
];

/// A system to reproduce: how it is trained, what was published of it, and what of that is held against ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// What it is called: its file's name, and for a variant that of the variant behind it.
    pub name: String,
    /// What it is, in a line.
    pub title: String,
    /// Where it was published.
    pub source: String,
    /// Settings by their names, to lie over the defaults.
    pub settings: Table,
    /// Why a setting that the source leaves open is what it is, by the setting's name.
    pub ours: Table,
    /// What was published, and what is accepted.
    pub claims: Vec<Claim>,
    /// How long the published training took, in seconds, where that was told.
    pub published_seconds: Option<f64>,
}

/// A recipe's file: the recipe itself, and variants that change some of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    title: String,
    source: String,
    published_seconds: Option<f64>,
    #[serde(default)]
    settings: Table,
    #[serde(default)]
    ours: Table,
    #[serde(default)]
    claims: Vec<Claim>,
    /// By name, in the order of the file.
    #[serde(default)]
    variants: Table,
}

/// A variant's part of a file. Settings and reasons lie over those of the recipe; claims are its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Variant {
    title: String,
    #[serde(default)]
    settings: Table,
    #[serde(default)]
    ours: Table,
    #[serde(default)]
    claims: Vec<Claim>,
}

impl Recipe {
    /// Lays the recipe's settings over `draft`.
    pub fn overlay(&self, draft: &mut Draft) {
        draft.overlay_table(&format!("recipe {}", shown(&self.name)), &self.settings);
    }
}

/// A recipe and its variants, the recipe first.
#[derive(Debug, Clone, PartialEq)]
pub struct Family(Vec<Recipe>);

impl Family {
    /// The recipe itself.
    #[expect(clippy::indexing_slicing, reason = "`new` begins with it")]
    pub fn base(&self) -> &Recipe {
        &self.0[0]
    }

    /// The recipe, then its variants.
    pub fn members(&self) -> &[Recipe] {
        &self.0
    }

    /// `file` as it stands in `place`, called `name`.
    fn new(name: &str, file: File, place: &str) -> std::result::Result<Self, Vec<Problem>> {
        let File { title, source, published_seconds, settings, ours, claims, variants } = file;
        let base = Recipe { name: name.to_owned(), title, source, settings, ours, claims, published_seconds };
        let mut members = vec![base.clone()];
        for (variant, value) in variants {
            let variant_place = format!("{place}: variants.{}", shown(&variant));
            let parsed: Variant = value.try_into().map_err(|error: toml::de::Error| {
                let expected = "title, and settings, ours and claims where they differ".to_owned();
                vec![Problem { place: variant_place, expected, found: shown(error.message()), remedy: None }]
            })?;
            members.push(base.varied(&variant, parsed));
        }
        let problems: Vec<_> = members.iter().flat_map(|member| member.problems(place)).collect();
        if problems.is_empty() { Ok(Self(members)) } else { Err(problems) }
    }
}

impl Recipe {
    fn varied(&self, name: &str, variant: Variant) -> Self {
        let over = |base: &Table, table: Table| base.clone().into_iter().chain(table).collect();
        Self {
            name: format!("{}-{name}", self.name),
            title: variant.title,
            source: self.source.clone(),
            settings: over(&self.settings, variant.settings),
            ours: over(&self.ours, variant.ours),
            claims: variant.claims,
            published_seconds: None,
        }
    }

    /// Settings out of range, reasons for settings that are not there, claims that cannot be judged.
    fn problems(&self, place: &str) -> Vec<Problem> {
        let place = format!("{place}: {}", shown(&self.name));
        let mut draft = Draft::default();
        draft.overlay_table(&place, &self.settings);
        let mut problems = match draft.finish() {
            Err(Error::Settings(problems)) => problems,
            _ => Vec::new(),
        };
        for (setting, reason) in &self.ours {
            if FIELDS.iter().all(|field| field.name != setting) || !reason.is_str() {
                problems.push(Problem {
                    place: format!("{place}: ours.{}", shown(setting)),
                    expected: "the name of a setting, and the reason for it as text".to_owned(),
                    found: shown(&reason.to_string()),
                    remedy: None,
                });
            }
        }
        if !self.published_seconds.is_none_or(|seconds| seconds.is_finite() && seconds > 0.0) {
            problems.push(Problem {
                place: format!("{place}: published-seconds"),
                expected: "a number above 0".to_owned(),
                found: self.published_seconds.unwrap_or_default().to_string(),
                remedy: None,
            });
        }
        if self.settings.contains_key("seed") {
            problems.push(Problem {
                place: format!("{place}: seed"),
                expected: "no seed in a recipe".to_owned(),
                found: "one".to_owned(),
                remedy: Some("reproduce gives each training its own, from --seed on".to_owned()),
            });
        }
        if Path::new(&self.name).components().count() != 1 || self.name != shown(&self.name) {
            problems.push(Problem {
                place: place.clone(),
                expected: "a name that a folder can have".to_owned(),
                found: shown(&self.name),
                remedy: None,
            });
        }
        problems.extend(self.claims.iter().filter_map(|claim| claim.problem(&place)));
        problems
    }

    /// Whether a claim of it has a range.
    pub fn is_judged(&self) -> bool {
        self.claims.iter().any(|claim| claim.judge(f64::NAN) != Verdict::Told)
    }

    /// Why the setting `name` is what it is, where the source leaves it open.
    pub fn reason(&self, name: &str) -> Option<&str> {
        self.ours.get(name).and_then(Value::as_str)
    }
}

/// Every recipe that is built in, with its variants.
#[expect(clippy::expect_used, reason = "files of ours, which a test reads")]
pub fn built_in() -> Vec<Family> {
    let family = |&(name, text): &(&str, &str)| {
        let file = parse_toml(Path::new(name), text).expect("a test reads every file");
        Family::new(name, file, name).expect("a test reads every file")
    };
    BUILT_IN.iter().map(family).collect()
}

/// The recipe or variant called `name`, with its variants if it is no variant itself: built in, or in the TOML file of
/// that path.
///
/// # Errors
/// [`Error::Settings`] with the nearest name there is, or with everything that is wrong with the file.
pub fn find(name: &str) -> Result<Family> {
    let path = Path::new(name);
    if path.extension().is_some_and(|extension| extension == "toml") {
        return read(path); // no built-in recipe is called like a file
    }
    let families = built_in();
    let of_name = |recipe: &Recipe| recipe.name == name;
    for family in &families {
        if let Some(recipe) = family.members().iter().find(|recipe| of_name(recipe)) {
            let is_base = of_name(family.base());
            return Ok(if is_base { family.clone() } else { Family(vec![recipe.clone()]) });
        }
    }
    if path.is_file() {
        return read(path);
    }
    let names: Vec<_> = families.iter().flat_map(Family::members).map(|recipe| recipe.name.as_str()).collect();
    let nearest = nearest(name, names.iter().copied());
    Err(Error::Settings(vec![Problem {
        place: "recipe".to_owned(),
        expected: "the name of a recipe, or the path of a TOML file".to_owned(),
        found: shown(name),
        remedy: Some(match nearest {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => "gemmnist reproduce --list shows them".to_owned(),
        }),
    }]))
}

/// The recipe in the TOML file `path`, called as the file is.
fn read(path: &Path) -> Result<Family> {
    let place = OneLine(path).to_string();
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let file = read_toml(path).map_err(|problem| {
        let is_setting = |key: &String| FIELDS.iter().any(|field| field.name == key);
        let settings = read_toml::<Table>(path).is_ok_and(|table| !table.is_empty() && table.keys().all(is_setting));
        let remedy =
            if settings { Some("these are settings: give them with --config".to_owned()) } else { problem.remedy };
        Error::Settings(vec![Problem { remedy, ..problem }])
    })?;
    Family::new(&name, file, &place).map_err(Error::Settings)
}

#[cfg(test)]
mod tests;
