//! `gemmnist reproduce`: published systems trained as published; published figures, ours, and a verdict.

mod table;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::bar::Bar;
use super::screen::{Images, describe_training};
use super::terminal::{BAD, GOOD, Progress, UntilClosed};
use super::train::{Both, finish, load_images};
use super::{Failure, interrupt};
use crate::data::{Dataset, Splits};
use crate::error::{Error, OneLine, Problem, Result, shown};
use crate::eval;
use crate::files::write_atomically;
use crate::format::{duration, percent};
use crate::nn::loss;
use crate::recipes::{self, Family, Measured, Recipe};
use crate::train::{
    Draft, EpochRecord, FIELDS, History, Observer, RunFolder, StepRecord, TrainConfig, Trainer, new_folder,
};

use table::{Reproduction, Run, Table};

#[derive(clap::Args)]
pub struct Args {
    /// Recipes by name, TOML files of your own, or `all` whose figures are judged
    #[arg(value_name = "NAME|FILE.toml|all", required_unless_present = "list")]
    names: Vec<String>,
    /// The variants of each, too
    #[arg(long)]
    variants: bool,
    /// Trainings of each, every one with a seed of its own
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,
    /// The first of the seeds
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1 << 62))]
    seed: u64,
    /// Cores to use [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<String>,
    /// Folder that gets a folder with the runs and the table
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Name of that folder [default: the next number]
    #[arg(long)]
    name: Option<String>,
    /// Show the recipes, or those named, and train nothing
    #[arg(long)]
    list: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args, out: &mut dyn Write, progress: Progress) -> std::result::Result<(), Failure> {
    if args.list {
        return Ok(list(&listed(&args.names)?, args.json, out)?);
    }
    let recipes = chosen(&args)?;
    let seeds = args.seed..args.seed + u64::from(args.seeds);
    // Everything is settled before the first step of the first training.
    let settled = recipes.iter().map(|recipe| settle(recipe, args.threads.as_deref(), args.seed));
    let configs = settled.collect::<Result<Vec<_>>>()?;
    for config in &configs {
        Trainer::new(config.clone(), &load_images(config)?.train)?;
    }
    let folder = new_folder(&args.out, args.name.as_deref())?;
    let mut printer = Printer { out: UntilClosed::new(out), json: args.json };
    let mut reproductions = Vec::new();
    for (number, (recipe, config)) in recipes.iter().zip(&configs).enumerate() {
        printer.recipe(recipe, config)?;
        reproductions.push(Reproduction { recipe: recipe.clone(), runs: Vec::new() });
        for seed in seeds.clone() {
            let run = train(recipe, config, seed, &folder, progress)?;
            printer.run(recipe, &run)?;
            reproductions[number].runs.push(run);
            // After each training: who ends the command early keeps what there is.
            write_tables(&folder, &Table::new(&reproductions, seeds.clone()))?;
        }
    }
    printer.end(&Table::new(&reproductions, seeds), &folder)?;
    let missed: Vec<_> = reproductions.iter().flat_map(Reproduction::missed).collect();
    if missed.is_empty() { Ok(()) } else { Err(Failure::Missed(missed)) }
}

/// What to train, each once, in the order asked for.
fn chosen(args: &Args) -> Result<Vec<Recipe>> {
    let mut chosen: Vec<Recipe> = Vec::new();
    let mut problems = Vec::new();
    for name in &args.names {
        let found = match name.as_str() {
            "all" => Ok(recipes::built_in()),
            name => recipes::find(name).map(|family| vec![family]),
        };
        match found {
            Ok(families) => {
                for family in families {
                    let wanted = |recipe: &Recipe| args.variants || (name == "all" && recipe.is_judged());
                    let variants = family.members()[1..].iter().filter(|recipe| wanted(recipe));
                    for recipe in std::iter::once(family.base()).chain(variants) {
                        match chosen.iter().find(|other| other.name == recipe.name) {
                            None => chosen.push(recipe.clone()),
                            Some(same) if same == recipe => {}
                            Some(_) => problems.push(Problem {
                                place: shown(name),
                                expected: "recipes of different names".to_owned(),
                                found: format!("two called {}", shown(&recipe.name)),
                                remedy: Some("rename one of the files".to_owned()),
                            }),
                        }
                    }
                }
            }
            Err(Error::Settings(of_recipe)) => problems.extend(of_recipe),
            Err(other) => return Err(other),
        }
    }
    problems.extend(args.name.as_deref().and_then(|name| RunFolder::name_problem(&args.out, name)));
    if problems.is_empty() { Ok(chosen) } else { Err(Error::Settings(problems)) }
}

/// The settings of a training with `seed`.
fn settle(recipe: &Recipe, threads: Option<&str>, seed: u64) -> Result<TrainConfig> {
    let mut draft = Draft::default();
    recipe.overlay(&mut draft);
    let mut overlay = |name: &str, value: &str| {
        let field = FIELDS.iter().find(|field| field.name == name).expect("the name of a setting");
        draft.overlay_typed(field, value);
    };
    overlay("seed", &seed.to_string());
    threads.into_iter().for_each(|threads| overlay("threads", threads));
    draft.finish()
}

/// One training in a run folder of its own. That it diverged is a result, not an error: its figures are NaN.
fn train(recipe: &Recipe, config: &TrainConfig, seed: u64, folder: &Path, progress: Progress) -> Result<Run> {
    let threads = config.threads().to_string();
    let config = settle(recipe, Some(&threads), seed)?;
    let splits = load_images(&config)?;
    let mut trainer = Trainer::new(config.clone(), &splits.train)?;
    let name = format!("{}-seed-{seed}", recipe.name);
    let run_folder = RunFolder::create(folder, Some(&name), &config, &splits.train)?;
    let run_folder = run_folder.judging_on(splits.validation.as_ref(), &splits.test);
    let mut run_folder = run_folder.stopping_at(interrupt::listen());
    let objective = loss::objective(config.output, config.loss).expect("checked with the settings");
    let judge = eval::judge(objective, config.input(), splits.validation.as_ref(), &splits.test);
    let mut watcher = Watcher::new(recipe, &config, &splits.train, progress);
    let trained = trainer.run(&judge, &mut Both(&mut run_folder, &mut watcher));
    watcher.bar.clear();
    let Splits { train, validation, test } = &splits;
    let images = Images { train, validation: validation.as_ref(), test };
    let measured = match finish(trained, &trainer, &config, &mut run_folder, images) {
        Ok(evaluation) => Some(Measured {
            test_accuracy: evaluation.scores.accuracy,
            mean_rate: evaluation.mean_rate(),
            train_loss: trainer.history().last().map_or(f64::NAN, |last| last.train_loss),
            parameters: trainer.network().architecture().parameters(),
        }),
        Err(Error::Diverged { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(Run { seed, measured, seconds: wall_seconds(trainer.history()), folder: run_folder.path().to_owned() })
}

/// Steps and the evaluation after every epoch, as a published training time has them.
fn wall_seconds(history: &History) -> f64 {
    let seconds = history.epochs.iter().map(|epoch| epoch.train_seconds + epoch.eval_seconds);
    seconds.fold(0.0, |sum, seconds| sum + seconds) // the `sum` of none would be -0
}

/// Moves the bar.
struct Watcher {
    bar: Bar,
    name: String,
    epochs: usize,
}

impl Watcher {
    fn new(recipe: &Recipe, config: &TrainConfig, images: &Dataset, progress: Progress) -> Self {
        let bar = Bar::new(progress, config.epochs * images.len());
        let watcher = Self { bar, name: format!("{}, seed {}", recipe.name, config.seed().0), epochs: config.epochs };
        watcher.announce(1);
        watcher
    }

    fn announce(&self, epoch: usize) {
        self.bar.announce(format!("{}, epoch {} of {}", self.name, epoch.min(self.epochs), self.epochs));
    }
}

impl Observer for Watcher {
    fn step(&mut self, record: &StepRecord) {
        self.bar.advance(record.images, record.so_far);
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        self.announce(record.epoch + 1);
        Ok(())
    }
}

/// The table as people and as programs read it.
fn write_tables(folder: &Path, table: &Table<'_>) -> Result<()> {
    write_atomically(&folder.join("table.md"), table.to_markdown().as_bytes())?;
    let json = serde_json::to_string_pretty(&table.to_json()).expect("a table is plain data") + "\n";
    write_atomically(&folder.join("table.json"), json.as_bytes())
}

/// What goes to stdout. When its reader goes away, the trainings go on: the table in the folder is what they are for.
struct Printer<'o> {
    out: UntilClosed<'o>,
    json: bool,
}

impl Printer<'_> {
    fn print(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}").and_then(|()| self.out.flush())
    }

    fn recipe(&mut self, recipe: &Recipe, config: &TrainConfig) -> io::Result<()> {
        let (name, title) = (shown(&recipe.name), shown(&recipe.title));
        if self.json { Ok(()) } else { self.print(&format!("{name}: {title}\n  {}", describe_training(config))) }
    }

    fn run(&mut self, recipe: &Recipe, run: &Run) -> io::Result<()> {
        if self.json {
            return self.print(&run.to_json(recipe).to_string());
        }
        let result = match run.measured {
            Some(measured) => format!("test accuracy {}", percent(measured.test_accuracy)),
            None => "diverged".to_owned(),
        };
        let (seconds, folder) = (duration(run.seconds), OneLine(&run.folder));
        self.print(&format!("  seed {:<4} {result:<22} {seconds:>13}   {folder}", run.seed))
    }

    fn end(&mut self, table: &Table<'_>, folder: &Path) -> io::Result<()> {
        if self.json {
            return self.print(&table.to_json().to_string());
        }
        self.print(&format!("\n{}", with_colours(table.to_markdown().trim_end())))?;
        self.print("")?;
        self.print(&format!("The table is in {}", OneLine(&folder.join("table.md"))))
    }
}

/// A table in Markdown, its verdicts in colour.
fn with_colours(table: &str) -> String {
    let met = table.replace("| met ", &format!("| {GOOD}met{GOOD:#} "));
    met.replace("| MISSED ", &format!("| {BAD}MISSED{BAD:#} "))
}

/// What is asked for by name, or all there is.
fn listed(names: &[String]) -> Result<Vec<Family>> {
    if names.is_empty() || names.iter().any(|name| name == "all") {
        return Ok(recipes::built_in());
    }
    names.iter().map(|name| recipes::find(name)).collect()
}

/// Recipes, and what was published of them.
fn list(families: &[Family], as_json: bool, out: &mut dyn Write) -> io::Result<()> {
    for family in families {
        for recipe in family.members() {
            if as_json {
                writeln!(out, "{}", json!({ "recipe": recipe.name, "title": recipe.title, "claims": recipe.claims }))?;
            } else {
                let indent = if recipe == family.base() { "" } else { "  " };
                writeln!(out, "{:<38}  {}", format!("{indent}{}", recipe.name), recipe.title)?;
                for claim in &recipe.claims {
                    if let Some(published) = &claim.published {
                        writeln!(out, "{:<38}  published: {} {published}", "", claim.measure.words())?;
                    }
                }
            }
        }
    }
    Ok(())
}
