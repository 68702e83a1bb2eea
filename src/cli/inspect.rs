//! `gemmnist inspect`: the layers of a model, their shapes, and how many parameters they have.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::Failure;
use super::format::{percent, thousands};
use super::model::Model;
use super::picture::{self, Picture};
use crate::error::OneLine;

#[derive(clap::Args)]
pub struct Args {
    /// A model file, or the run folder that holds it
    model: PathBuf,
    /// Draw the network
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args, out: &mut dyn Write) -> Result<(), Failure> {
    args.svg.as_deref().map_or(Ok(()), |path| picture::require_place("--svg", path))?;
    let model = Model::read(&args.model)?;
    if let Some(path) = &args.svg {
        let architecture = model.network.architecture();
        Picture::Network(architecture, &format!("The network {architecture}")).write(path)?;
    }
    if args.json {
        print_json(&model, out)?
    } else {
        print_text(&model, out)?
    }
    Ok(())
}

fn print_text(model: &Model, out: &mut dyn Write) -> std::io::Result<()> {
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
    writeln!(out, "\n{:<18}{:>14}{:>14}", "parameter", "shape", "numbers")?;
    for (name, parameter) in model.network.parameters() {
        let shape = parameter.file_shape();
        let shown: Vec<_> = shape.iter().map(usize::to_string).collect();
        writeln!(out, "{name:<18}{:>14}{:>14}", shown.join(" x "), thousands(shape.iter().product::<usize>()))?;
    }
    writeln!(out, "{:<18}{:>14}{:>14}", "all", "", thousands(architecture.parameters()))
}

fn print_json(model: &Model, out: &mut dyn Write) -> std::io::Result<()> {
    let shapes =
        model.network.parameters().map(|(name, parameter)| json!({ "name": name, "shape": parameter.file_shape() }));
    let object = json!({
        "model": model.path.to_string_lossy(),
        "parameters": model.network.architecture().parameters(),
        "tensors": shapes.collect::<Vec<_>>(),
        "description": model.description,
    });
    writeln!(out, "{object}")
}
