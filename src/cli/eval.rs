//! `gemmnist eval`: how good is a model on a data set, and what does it take for what.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::Failure;
use super::format::{percent, thousands};
use super::model::Model;
use super::picture::{self, Picture};
use crate::data;
use crate::error::{Error, Mismatch, OneLine, shown};
use crate::eval::{Evaluation, evaluate};
use crate::nn::loss;
use crate::threads::{self, Crew};

#[derive(clap::Args)]
pub struct Args {
    /// A model file, or the run folder that holds it
    model: PathBuf,
    /// Data set to evaluate on [default: the one it was trained on]
    #[arg(long, value_name = "NAME|PATH")]
    data: Option<String>,
    /// Which of its images
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,
    /// Draw the confusion matrix
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Split {
    Test,
    Train,
}

pub fn run(args: Args, out: &mut dyn Write) -> Result<(), Failure> {
    args.svg.as_deref().map_or(Ok(()), |path| picture::require_place("--svg", path))?;
    let model = Model::read(&args.model)?;
    let trained_on = model.description.training.settings.get("data").and_then(|name| name.as_str());
    let name = args.data.as_deref().or(trained_on).unwrap_or("mnist");
    let splits = data::load(name)?;
    let (images, split) = match args.split {
        Split::Test => (&splits.test, "test"),
        Split::Train => (&splits.train, "training"),
    };
    model.require_fit(images, name)?;
    let loss = model.description.loss();
    let output = model.network.architecture().output;
    let objective = loss::objective(output, loss).ok_or_else(|| {
        let expected = format!("one that is defined on {output} outputs");
        Error::Model(Mismatch::new(&model.path, "loss", expected, loss, "train it again"))
    })?;
    let crew = Crew::new(threads::available(), 0)?;
    let evaluation = crew.side_by_side(|| evaluate(&model.network, objective, model.description.input(), images));

    let names = &model.description.class_names;
    if let Some(path) = &args.svg {
        let title = format!("{} on the {split} images of {name}", model.network.architecture());
        Picture::Confusion(&evaluation, names, &title).write(path)?;
    }
    if args.json {
        print_json(&evaluation, names, out)?;
    } else {
        writeln!(out, "{} on the {} {split} images of {}", OneLine(&model.path), thousands(images.len()), shown(name))?;
        print_text(&evaluation, names, loss.name(), out)?;
    }
    Ok(())
}

fn print_text(evaluation: &Evaluation, names: &[String], loss: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let Evaluation { scores, confusion } = evaluation;
    writeln!(
        out,
        "accuracy  {}  ({} of {} right)",
        percent(scores.accuracy),
        thousands(confusion.diag().sum()),
        thousands(confusion.sum())
    )?;
    writeln!(out, "loss      {:.4}  ({loss})", scores.loss)?;

    let label_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("class".len());
    writeln!(out, "\n{:>label_width$}  {:>7}  {:>7}  {:>9}", "class", "images", "right", "rate")?;
    let mut rates = Vec::new();
    for (class, name) in names.iter().enumerate() {
        let (right, all) = evaluation.of_class(class);
        let rate = (all > 0).then(|| right as f64 / all as f64);
        rates.extend(rate);
        let rate = rate.map_or("none".to_owned(), percent);
        writeln!(out, "{name:>label_width$}  {:>7}  {:>7}  {rate:>9}", thousands(all), thousands(right))?;
    }
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    writeln!(out, "{:>label_width$}  {:>7}  {:>7}  {:>9}", "mean", "", "", percent(mean))?;

    let cell = confusion.iter().max().map_or(1, |largest| largest.to_string().len()).max(label_width.min(8)) + 1;
    writeln!(out, "\nConfusion: a row a label, a column a prediction.")?;
    write!(out, "{:>label_width$} ", "")?;
    for name in names {
        write!(out, " {:>cell$}", name.chars().take(cell).collect::<String>())?;
    }
    writeln!(out)?;
    for (row, name) in confusion.rows().into_iter().zip(names) {
        write!(out, "{name:>label_width$} ")?;
        for count in row {
            write!(out, " {:>cell$}", if *count == 0 { "·".to_owned() } else { count.to_string() })?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn print_json(evaluation: &Evaluation, names: &[String], out: &mut dyn Write) -> std::io::Result<()> {
    let Evaluation { scores, confusion } = evaluation;
    let classes = names.iter().enumerate().map(|(class, name)| {
        let (right, images) = evaluation.of_class(class);
        json!({ "name": name, "images": images, "right": right })
    });
    let object = json!({
        "images": confusion.sum(),
        "accuracy": scores.accuracy,
        "loss": scores.loss,
        "classes": classes.collect::<Vec<_>>(),
        "confusion": confusion.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
    });
    writeln!(out, "{object}")
}
