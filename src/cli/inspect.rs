//! `gemmnist inspect`: the layers of a model or of a recipe, their shapes, and how many parameters they have.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Failure;
use super::model::Model;
use super::picture::{self, Picture};
use super::screen::describe_training;
use crate::data;
use crate::error::{Error, OneLine, Problem, Result, shown};
use crate::format::{percent, thousands};
use crate::nn::Network;
use crate::recipes::{self, Recipe};
use crate::train::{Draft, TrainConfig};

#[derive(clap::Args)]
pub struct Args {
    /// A model file, the run folder that holds it, or a recipe: by name, or in a TOML file
    #[arg(value_name = "MODEL|RECIPE")]
    model: PathBuf,
    /// Draw the network
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args, out: &mut dyn Write) -> std::result::Result<(), Failure> {
    args.svg.as_deref().map_or(Ok(()), |path| picture::require_place("--svg", path))?;
    if let Some(recipe) = recipe(&args.model)? {
        return inspect_recipe(&recipe, &args, out);
    }
    let model = Model::read(&args.model)?;
    draw(&model.network, &args)?;
    if args.json {
        print_json(&model, out)?
    } else {
        print_text(&model, out)?;
        print_place(&args, out)?;
    }
    Ok(())
}

fn print_place(args: &Args, out: &mut dyn Write) -> io::Result<()> {
    args.svg.as_deref().map_or(Ok(()), |path| writeln!(out, "\nThe picture is in {}", OneLine(path)))
}

fn draw(network: &Network, args: &Args) -> Result<()> {
    let architecture = network.architecture();
    let title = format!("The network {architecture}");
    args.svg.as_deref().map_or(Ok(()), |path| Picture::Network(architecture, &title).write(path))
}

/// The recipe that is meant, if it is none of a model: a TOML file, or a name that is no file's.
fn recipe(path: &Path) -> Result<Option<Recipe>> {
    let is_toml = path.extension() == Some(OsStr::new("toml"));
    let is_name = path.components().count() == 1 && path.extension().is_none() && !path.exists();
    let name = path.to_str().filter(|_| is_toml || is_name);
    let found = name.map(|name| Ok(recipes::find(name)?.base().clone())).transpose();
    found.map_err(|error| match error {
        Error::Settings(problems) if is_name => {
            let wider = |problem: Problem| Problem {
                place: "inspect".to_owned(),
                expected: "a model file, a run folder, or the name of a recipe".to_owned(),
                ..problem
            };
            Error::Settings(problems.into_iter().map(wider).collect())
        }
        other => other,
    })
}

fn inspect_recipe(recipe: &Recipe, args: &Args, out: &mut dyn Write) -> std::result::Result<(), Failure> {
    let mut draft = Draft::default();
    recipe.overlay(&mut draft);
    let config = draft.finish()?;
    let images = data::survey(&data::find(OsStr::new(&config.data))?)?;
    let architecture = config.architecture(images.size.0 * images.size.1, images.classes);
    config.check_size(&architecture, 1)?;
    let network = Network::zeros(architecture);
    draw(&network, args)?;
    if args.json {
        let object = json!({
            "recipe": recipe.name,
            "title": recipe.title,
            "source": recipe.source,
            "parameters": network.architecture().parameters(),
            "tensors": tensors(&network),
            "settings": config.to_table(),
            "ours": recipe.ours,
            "claims": recipe.claims,
        });
        writeln!(out, "{object}")?;
    } else {
        print_recipe(recipe, &config, &network, out)?;
        print_place(args, out)?;
    }
    Ok(())
}

fn print_recipe(recipe: &Recipe, config: &TrainConfig, network: &Network, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}", shown(&recipe.name), shown(&recipe.title))?;
    writeln!(out, "source      {}", shown(&recipe.source))?;
    writeln!(out, "network     {}", network.architecture().describe())?;
    writeln!(out, "training    {}", describe_training(config))?;
    writeln!(out, "data        {}", shown(&config.data))?;
    for (claim, head) in recipe.claims.iter().zip(heads("figures")) {
        let published = claim.published.as_deref().map_or("none published".to_owned(), shown);
        writeln!(out, "{head:<10}  {}: {published} ({})", claim.measure.words(), shown(&claim.because))?;
    }
    for (setting, head) in recipe.ours.keys().zip(heads("ours")) {
        writeln!(out, "{head:<10}  {}: {}", shown(setting), shown(recipe.reason(setting).unwrap_or_default()))?;
    }
    print_parameters(network, out)
}

/// The head of the first of several lines, and nothing before the others.
fn heads(first: &str) -> impl Iterator<Item = &str> {
    std::iter::once(first).chain(std::iter::repeat(""))
}

fn print_text(model: &Model, out: &mut dyn Write) -> io::Result<()> {
    let architecture = model.network.architecture();
    let preprocessing = &model.description.preprocessing;
    writeln!(out, "{}", OneLine(&model.path))?;
    writeln!(out, "network     {}", architecture.describe())?;
    writeln!(out, "images      {} x {}, {}", preprocessing.height, preprocessing.width, preprocessing.scale)?;
    writeln!(out, "classes     {}", model.description.class_names.join(" "))?;
    let training = &model.description.training;
    write!(out, "training    {} epochs, {} steps", thousands(training.epochs), thousands(training.steps))?;
    match training.test_accuracy {
        Some(accuracy) => writeln!(out, ", test accuracy {}", percent(accuracy))?,
        None => writeln!(out)?,
    }
    print_parameters(&model.network, out)
}

fn print_parameters(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{:<18}{:>14}{:>14}", "parameter", "shape", "numbers")?;
    for (name, parameter) in network.parameters() {
        let shape = parameter.file_shape();
        let shown: Vec<_> = shape.iter().map(usize::to_string).collect();
        writeln!(out, "{name:<18}{:>14}{:>14}", shown.join(" x "), thousands(shape.iter().product::<usize>()))?;
    }
    writeln!(out, "{:<18}{:>14}{:>14}", "all", "", thousands(network.architecture().parameters()))
}

fn tensors(network: &Network) -> Vec<Value> {
    let shape =
        |(name, parameter): (String, crate::nn::Parameter)| json!({ "name": name, "shape": parameter.file_shape() });
    network.parameters().map(shape).collect()
}

fn print_json(model: &Model, out: &mut dyn Write) -> io::Result<()> {
    let object = json!({
        "model": model.path.to_string_lossy(),
        "parameters": model.network.architecture().parameters(),
        "tensors": tensors(&model.network),
        "description": model.description,
    });
    writeln!(out, "{object}")
}
