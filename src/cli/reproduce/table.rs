//! The table of a reproduction: published, ours, verdict; as Markdown that also reads well on a terminal, and as JSON.

use std::ops::Range;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::error::shown;
use crate::format::{count, duration, percent, thousands};
use crate::linalg::blas;
use crate::recipes::{Claim, Measure, Measured, Recipe, Verdict};

/// One training.
pub struct Run {
    pub seed: u64,
    /// None if it diverged.
    pub measured: Option<Measured>,
    /// Of the steps, and of the evaluation after every epoch.
    pub seconds: f64,
    pub folder: PathBuf,
}

/// A recipe and its trainings.
pub struct Reproduction {
    pub recipe: Recipe,
    pub runs: Vec<Run>,
}

/// Mean and ends of a figure over the seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    mean: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// NaN if one of the figures is: a training that diverged is not left out.
    fn of(figures: impl Iterator<Item = f64> + Clone) -> Self {
        if figures.clone().any(f64::is_nan) {
            return Self { mean: f64::NAN, least: f64::NAN, most: f64::NAN };
        }
        let count = figures.clone().count() as f64;
        let fold = |start, pick: fn(f64, f64) -> f64| figures.clone().fold(start, pick);
        Self {
            mean: figures.clone().sum::<f64>() / count,
            least: fold(f64::INFINITY, f64::min),
            most: fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

impl Reproduction {
    fn spread(&self, measure: Measure) -> Spread {
        Spread::of(self.runs.iter().map(move |run| run.measured.map_or(f64::NAN, |measured| measured.get(measure))))
    }

    /// A training that diverged has no time: it ended early.
    fn seconds(&self) -> Spread {
        Spread::of(self.runs.iter().map(|run| run.measured.map_or(f64::NAN, |_| run.seconds)))
    }

    /// How many times shorter our training is than the published one.
    fn speed_up(&self) -> Option<f64> {
        let times = |published| published / self.seconds().mean;
        self.recipe.published_seconds.map(times).filter(|times| times.is_finite())
    }

    /// A sentence for each claim that was missed.
    pub fn missed(&self) -> Vec<String> {
        let missed = |claim: &&Claim| claim.judge(self.spread(claim.measure).mean) == Verdict::Missed;
        let sentence = |claim: &Claim| {
            let found = show(claim.measure, self.spread(claim.measure).mean);
            format!(
                "{}: {}: expected {}, found {found}, the mean of {} (metrics.jsonl in the run folders tells how it came about)",
                self.recipe.name,
                claim.measure.words(),
                accepted(claim),
                count(self.runs.len(), "seed"),
            )
        };
        self.recipe.claims.iter().filter(missed).map(sentence).collect()
    }
}

impl Run {
    pub fn to_json(&self, recipe: &Recipe) -> Value {
        json!({
            "event": "run",
            "recipe": recipe.name,
            "seed": self.seed,
            "diverged": self.measured.is_none(),
            "test_accuracy": self.measured.map(|measured| measured.test_accuracy),
            "mean_rate": self.measured.map(|measured| measured.mean_rate),
            "train_loss": self.measured.map(|measured| measured.train_loss),
            "parameters": self.measured.map(|measured| measured.parameters),
            "seconds": self.seconds,
            "run": self.folder.to_string_lossy(),
        })
    }
}

/// Every reproduction so far.
pub struct Table<'a> {
    reproductions: &'a [Reproduction],
    seeds: Range<u64>,
}

const HEADS: [&str; 7] = ["recipe", "figure", "published", "ours", "range over seeds", "accepted", "verdict"];

impl<'a> Table<'a> {
    pub fn new(reproductions: &'a [Reproduction], seeds: Range<u64>) -> Self {
        Self { reproductions, seeds }
    }

    /// A row a figure, and one for the time.
    pub fn to_markdown(&self) -> String {
        let rows: Vec<_> = self.reproductions.iter().flat_map(rows).collect();
        let seeds = match self.seeds.end - self.seeds.start {
            1 => format!("that of seed {}", self.seeds.start),
            _ => format!("the mean over seeds {} to {}", self.seeds.start, self.seeds.end - 1),
        };
        let reasons = self.reproductions.iter().flat_map(|reproduction| {
            let Recipe { name, claims, .. } = &reproduction.recipe;
            claims
                .iter()
                .map(move |claim| format!("- {}, {}: {}\n", shown(name), claim.measure.words(), shown(&claim.because)))
        });
        format!(
            "{}\n`ours` is {seeds}, with {}. The time has the evaluation after every epoch in it.\n\n{}",
            aligned(&rows),
            blas::describe(),
            reasons.collect::<String>()
        )
    }

    /// The same for programs, with every run.
    pub fn to_json(&self) -> Value {
        let recipes = self.reproductions.iter().map(|reproduction| {
            let claims = reproduction.recipe.claims.iter().map(|claim| {
                let Spread { mean, least, most } = reproduction.spread(claim.measure);
                json!({
                    "measure": claim.measure,
                    "published": claim.published,
                    "at_least": claim.at_least,
                    "at_most": claim.at_most,
                    "because": claim.because,
                    "mean": mean,
                    "min": least,
                    "max": most,
                    "verdict": claim.judge(mean).name().to_lowercase(),
                })
            });
            let Spread { mean, least, most } = reproduction.seconds();
            json!({
                "recipe": reproduction.recipe.name,
                "title": reproduction.recipe.title,
                "claims": claims.collect::<Vec<_>>(),
                "published_seconds": reproduction.recipe.published_seconds,
                "seconds": { "mean": mean, "min": least, "max": most },
                "times_faster": reproduction.speed_up(),
                "runs": reproduction.runs.iter().map(|run| run.to_json(&reproduction.recipe)).collect::<Vec<_>>(),
            })
        });
        let met = self.reproductions.iter().all(|reproduction| reproduction.missed().is_empty());
        json!({
            "event": "end",
            "met": met,
            "blas": blas::describe().to_string(),
            "recipes": recipes.collect::<Vec<_>>(),
        })
    }
}

fn rows(reproduction: &Reproduction) -> Vec<[String; 7]> {
    let mut rows: Vec<_> = reproduction.recipe.claims.iter().map(|claim| claim_row(reproduction, claim)).collect();
    rows.push(time_row(reproduction));
    rows[0][0] = in_a_cell(&reproduction.recipe.name); // the rows below are of the same
    rows
}

fn claim_row(reproduction: &Reproduction, claim: &Claim) -> [String; 7] {
    let Spread { mean, least, most } = reproduction.spread(claim.measure);
    [
        String::new(),
        claim.measure.words().to_owned(),
        claim.published.as_deref().map_or("-".to_owned(), in_a_cell),
        show(claim.measure, mean),
        range(show(claim.measure, least), show(claim.measure, most)),
        accepted(claim),
        claim.judge(mean).name().to_owned(),
    ]
}

fn time_row(reproduction: &Reproduction) -> [String; 7] {
    let Spread { mean, least, most } = reproduction.seconds();
    let none = || "-".to_owned();
    [
        String::new(),
        "time".to_owned(),
        reproduction.recipe.published_seconds.map_or_else(none, duration),
        show_seconds(mean),
        range(show_seconds(least), show_seconds(most)),
        none(),
        reproduction.speed_up().map_or_else(none, |times| format!("{times:.0} times faster")),
    ]
}

/// Text from a recipe, which must not end a cell.
fn in_a_cell(text: &str) -> String {
    shown(text).replace('|', "/")
}

/// One number where there is but one.
fn range(least: String, most: String) -> String {
    if least == most { "-".to_owned() } else { format!("{least} to {most}") }
}

fn show_seconds(seconds: f64) -> String {
    if seconds.is_nan() { "diverged".to_owned() } else { duration(seconds) }
}

fn show(measure: Measure, figure: f64) -> String {
    match measure {
        _ if figure.is_nan() => "diverged".to_owned(),
        Measure::TestAccuracy | Measure::MeanRate => percent(figure),
        Measure::TrainLoss => format!("{figure:.1e}"),
        Measure::Parameters => thousands(figure),
    }
}

fn accepted(claim: &Claim) -> String {
    let show = |figure| show(claim.measure, figure);
    match (claim.at_least, claim.at_most) {
        (Some(least), Some(most)) if least == most => show(least),
        (Some(least), Some(most)) => format!("{} to {}", show(least), show(most)),
        (Some(least), None) => format!("at least {}", show(least)),
        (None, Some(most)) => format!("at most {}", show(most)),
        (None, None) => "-".to_owned(),
    }
}

/// A Markdown table whose columns stand below each other in plain text, too.
fn aligned(rows: &[[String; 7]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEADS[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let line = |cells: [&str; 7]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("| {cell:<width$} "));
        padded.collect::<String>() + "|\n"
    };
    let rule: String = widths.iter().map(|width| format!("|{}", "-".repeat(width + 2))).collect::<String>() + "|\n";
    let body: String = rows.iter().map(|row| line(row.each_ref().map(String::as_str))).collect();
    line(HEADS) + &rule + &body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(measure: Measure, at_least: Option<f64>) -> Claim {
        Claim { measure, published: Some("a half".to_owned()), at_least, at_most: None, because: "so".to_owned() }
    }

    /// A recipe of one claim on the accuracy, at least a half, trained to these accuracies in 2 s, 4 s, ...
    fn reproduction(accuracies: &[Option<f64>]) -> Reproduction {
        let recipe = Recipe {
            name: "mine".to_owned(),
            title: "Mine".to_owned(),
            source: "me".to_owned(),
            settings: Default::default(),
            ours: Default::default(),
            claims: vec![claim(Measure::TestAccuracy, Some(0.5)), claim(Measure::TrainLoss, None)],
            published_seconds: Some(60.0),
        };
        let run = |(i, &accuracy): (usize, &Option<f64>)| Run {
            seed: i as u64,
            measured: accuracy.map(|test_accuracy| Measured {
                test_accuracy,
                mean_rate: 0.0,
                train_loss: 1e-3,
                parameters: 7,
            }),
            seconds: 2.0 * (i + 1) as f64,
            folder: format!("runs/{i}").into(),
        };
        Reproduction { recipe, runs: accuracies.iter().enumerate().map(run).collect() }
    }

    fn cells(reproduction: Reproduction) -> Vec<Vec<String>> {
        let markdown = Table::new(&[reproduction], 0..3).to_markdown();
        let rows = markdown.lines().take_while(|line| line.starts_with('|'));
        rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
    }

    #[test]
    fn a_row_has_the_mean_and_the_ends_over_the_seeds_and_a_verdict() {
        let cells = cells(reproduction(&[Some(0.4), Some(0.9), Some(0.5)]));
        assert_eq!(cells[0], HEADS);
        let accuracy = ["mine", "test accuracy", "a half", "60.00 %", "40.00 % to 90.00 %", "at least 50.00 %", "met"];
        assert_eq!(cells[2], accuracy);
        assert_eq!(cells[3], ["", "training loss", "a half", "1.0e-3", "-", "-", "told"]);
        assert_eq!(cells[4], ["", "time", "60.0 s", "4.0 s", "2.0 s to 6.0 s", "-", "15 times faster"]);
    }

    #[test]
    fn the_mean_decides_and_what_is_missed_is_said() {
        assert!(reproduction(&[Some(0.6), Some(0.45)]).missed().is_empty());
        let missed = reproduction(&[Some(0.6), Some(0.3)]).missed();
        assert_eq!(missed.len(), 1);
        assert!(
            missed[0]
                .starts_with("mine: test accuracy: expected at least 50.00 %, found 45.00 %, the mean of 2 seeds (")
        );
    }

    #[test]
    fn a_training_that_diverged_is_not_left_out() {
        let one_diverged = reproduction(&[Some(0.9), Some(0.7), None]);
        assert_eq!(one_diverged.missed().len(), 1);
        assert!(one_diverged.missed()[0].contains("found diverged"));
        assert_eq!(Table::new(std::slice::from_ref(&one_diverged), 0..3).to_json()["met"], false);
        let cells = cells(one_diverged);
        assert_eq!(cells[2][3..], ["diverged", "-", "at least 50.00 %", "MISSED"]);
        assert_eq!(cells[4][2..], ["60.0 s", "diverged", "-", "-", "-"], "a time that ended early is no time");
    }

    #[test]
    fn the_columns_stand_below_each_other_as_plain_text() {
        let markdown = Table::new(&[reproduction(&[Some(0.4)])], 0..1).to_markdown();
        let rows: Vec<_> = markdown.lines().take_while(|line| line.starts_with('|')).collect();
        let bars = |row: &str| row.char_indices().filter(|(_, c)| *c == '|').map(|(i, _)| i).collect::<Vec<_>>();
        assert!(rows.len() == 5 && rows.iter().all(|row| bars(row) == bars(rows[0])), "{markdown}");
    }

    #[test]
    fn the_json_has_every_run_and_every_claim() {
        let json = Table::new(&[reproduction(&[Some(0.4), Some(0.7)])], 0..2).to_json();
        let recipe = &json["recipes"][0];
        assert_eq!(recipe["runs"].as_array().unwrap().len(), 2);
        assert_eq!(recipe["runs"][1]["test_accuracy"], 0.7);
        assert_eq!((&recipe["claims"][0]["verdict"], &recipe["claims"][1]["verdict"]), (&json!("met"), &json!("told")));
        assert_eq!((&recipe["claims"][0]["min"], &recipe["claims"][0]["max"]), (&json!(0.4), &json!(0.7)));
        assert_eq!(recipe["times_faster"], 20.0);
    }
}
