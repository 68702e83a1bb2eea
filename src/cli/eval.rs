//! `gemmnist eval`: how good is a model on a data set or on own pictures, and what does it take for what.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Failure;
use super::model::Model;
use super::picture::{self, Picture};
use super::terminal::STRONG;
use crate::data::{self, Dataset, OwnPictures};
use crate::error::{OneLine, shown};
use crate::eval::{Evaluation, Prediction, evaluate_each};
use crate::format::{count, percent, thousands};
use crate::threads::{self, Crew};

/// Pictures taken for another class are listed unasked up to this many.
const FEW: usize = 20;

#[derive(clap::Args)]
pub struct Args {
    /// A model file, or the run folder that holds it
    model: PathBuf,
    /// Data set to evaluate on, or a folder of your own pictures, one folder a class [default: the one it was trained on]
    #[arg(long, value_name = "NAME|PATH")]
    data: Option<String>,
    /// Which of its images
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,
    /// Draw the confusion matrix
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// List every image that is taken for another class (of own pictures up to 20 are listed anyway)
    #[arg(long)]
    mistakes: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Split {
    Test,
    Train,
}

pub fn run(args: Args, out: &mut dyn Write) -> Result<(), Failure> {
    args.svg.as_deref().map_or(Ok(()), |path| picture::require_place("--svg", path))?;
    let model = Model::read(&args.model)?;
    let trained_on = model.description.training.settings.get("data").and_then(|name| name.as_str());
    let name = args.data.as_deref().or(trained_on).unwrap_or("mnist");
    let judged = Judged::load(name, args.split, &model)?;
    model.require_fit(&judged.images, name)?;
    let loss = model.description.loss();
    let objective = model.objective()?;
    let crew = Crew::new(threads::available())?;
    let input = model.description.input();
    let (evaluation, predictions) =
        crew.side_by_side(|| evaluate_each(&model.network, objective, input, &judged.images));
    let mistakes = if args.mistakes || judged.own.is_some() { judged.mistakes(&predictions) } else { Vec::new() };

    let names = &model.description.class_names;
    if let Some(path) = &args.svg {
        let title = format!("{} on the {} of {name}", model.network.architecture(), judged.kind());
        Picture::Confusion(&evaluation, names, &title).write(path)?;
    }
    if args.json {
        let mut object = json_of(&evaluation, names);
        judged.add_to_json(&mut object, names, (args.mistakes || judged.own.is_some()).then_some(&mistakes));
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "{} on the {} of {}", OneLine(&model.path), judged.describe(), shown(name))?;
        judged.print_preparation(out)?;
        print_text(&evaluation, names, loss.name(), out)?;
        let list = args.mistakes || mistakes.len() <= FEW;
        print_mistakes(&mistakes, names, list, out)?;
        if let Some(path) = &args.svg {
            writeln!(out, "\nThe picture is in {}", OneLine(path))?;
        }
    }
    Ok(())
}

/// The images a model is judged on.
struct Judged {
    images: Dataset,
    split: Split,
    own: Option<Own>,
}

/// Where own pictures came from.
struct Own {
    files: Vec<PathBuf>,
    blank: Vec<PathBuf>,
    others: Vec<PathBuf>,
}

/// An image taken for another class than its label says.
struct Mistake<'a> {
    image: Cow<'a, str>,
    label: usize,
    prediction: &'a Prediction,
}

impl Judged {
    /// A split of a data set, or own pictures, prepared for `model`.
    fn load(name: &str, split: Split, model: &Model) -> crate::Result<Self> {
        let path = data::find(OsStr::new(name))?;
        let preprocessing = &model.description.preprocessing;
        let size = (preprocessing.height, preprocessing.width);
        let own = match split {
            Split::Test => data::own_pictures(&path, size, &model.description.class_names)?,
            Split::Train => None,
        };
        if let Some(OwnPictures { images, files, blank, others }) = own {
            return Ok(Self { images, split, own: Some(Own { files, blank, others }) });
        }
        let splits = data::load_folder(&path)?;
        let images = match split {
            Split::Test => splits.test,
            Split::Train => splits.train,
        };
        Ok(Self { images, split, own: None })
    }

    fn kind(&self) -> &'static str {
        match (&self.own, self.split) {
            (Some(_), _) => "pictures",
            (None, Split::Test) => "test images",
            (None, Split::Train) => "training images",
        }
    }

    fn describe(&self) -> String {
        match self.own {
            Some(_) => count(self.images.len(), "picture"),
            None => format!("{} {}", thousands(self.images.len()), self.kind()),
        }
    }

    fn print_preparation(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let Some(Own { files, blank, others }) = &self.own else { return Ok(()) };
        let (height, width) = self.images.size();
        let side = height.min(width);
        writeln!(
            out,
            "{} prepared as MNIST was: gray, light on black, the ink scaled to {} of {side} pixels, its centre of mass in the middle",
            count(files.len(), "picture"),
            20 * side / 28,
        )?;
        if !blank.is_empty() {
            writeln!(
                out,
                "{} left out, nothing is drawn on {}:",
                count(blank.len(), "picture"),
                if blank.len() == 1 { "it" } else { "them" }
            )?;
        }
        blank.iter().try_for_each(|path| writeln!(out, "  {}", OneLine(path)))?;
        if !others.is_empty() {
            writeln!(out, "{} left out, no picture:", count(others.len(), "file"))?;
        }
        others.iter().try_for_each(|path| writeln!(out, "  {}", OneLine(path)))
    }

    fn mistakes<'a>(&'a self, predictions: &'a [Prediction]) -> Vec<Mistake<'a>> {
        let image = |i: usize| match &self.own {
            Some(own) => own.files[i].to_string_lossy(),
            None => Cow::Owned(format!("image {i}")),
        };
        let all = self.images.labels().iter().zip(predictions).enumerate();
        all.filter(|(_, (label, prediction))| **label != prediction.class)
            .map(|(i, (&label, prediction))| Mistake { image: image(i), label: label.into(), prediction })
            .collect()
    }

    fn add_to_json(&self, object: &mut Value, names: &[String], mistakes: Option<&Vec<Mistake>>) {
        if let Some(Own { files, blank, others }) = &self.own {
            object["prepared"] = files.len().into();
            object["no_pictures"] = others.iter().map(|path| path.to_string_lossy()).collect();
            object["blank"] = blank.iter().map(|path| path.to_string_lossy()).collect();
        }
        let json_of = |Mistake { image, label, prediction }: &Mistake| {
            let taken_for = &names[usize::from(prediction.class)];
            json!({
                "image": image, "label": names[*label], "prediction": taken_for, "probability": prediction.probability(),
            })
        };
        if let Some(mistakes) = mistakes {
            object["mistakes"] = mistakes.iter().map(json_of).collect();
        }
    }
}

fn print_mistakes(mistakes: &[Mistake], names: &[String], list: bool, out: &mut dyn Write) -> std::io::Result<()> {
    match (mistakes.len(), list) {
        (0, _) => return Ok(()),
        (n, false) => return writeln!(out, "\n{} taken for another class; --mistakes lists them.", thousands(n)),
        (_, true) => {
            writeln!(out, "\nTaken for another class: its label for the prediction, and how sure the network was")?
        }
    }
    let width = mistakes.iter().map(|mistake| OneLine(Path::new(&*mistake.image)).to_string().chars().count()).max();
    for Mistake { image, label, prediction } in mistakes {
        let (image, width) = (OneLine(Path::new(&**image)).to_string(), width.unwrap_or(0));
        let (label, class) = (&names[*label], &names[usize::from(prediction.class)]);
        writeln!(out, "{image:<width$}  {label} for {class}  {}", percent(prediction.probability().into()))?;
    }
    Ok(())
}

fn print_text(evaluation: &Evaluation, names: &[String], loss: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let Evaluation { scores, confusion } = evaluation;
    writeln!(
        out,
        "accuracy  {STRONG}{}{STRONG:#}  ({} of {} right)",
        percent(scores.accuracy),
        thousands(confusion.diag().sum()),
        thousands(confusion.sum())
    )?;
    writeln!(out, "loss      {:.4}  ({loss})", scores.loss)?;

    let label_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("class".len());
    writeln!(out, "\n{:>label_width$}  {:>7}  {:>7}  {:>9}", "class", "images", "right", "rate")?;
    for (class, name) in names.iter().enumerate() {
        let (right, all) = evaluation.of_class(class);
        let rate = (all > 0).then(|| right as f64 / all as f64);
        let rate = rate.map_or("none".to_owned(), percent);
        writeln!(out, "{name:>label_width$}  {:>7}  {:>7}  {rate:>9}", thousands(all), thousands(right))?;
    }
    writeln!(out, "{:>label_width$}  {:>7}  {:>7}  {:>9}", "mean", "", "", percent(evaluation.mean_rate()))?;

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
            write!(out, " {:>cell$}", if *count == 0 { ".".to_owned() } else { count.to_string() })?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn json_of(evaluation: &Evaluation, names: &[String]) -> Value {
    let Evaluation { scores, confusion } = evaluation;
    let classes = names.iter().enumerate().map(|(class, name)| {
        let (right, images) = evaluation.of_class(class);
        json!({ "name": name, "images": images, "right": right })
    });
    json!({
        "images": confusion.sum(),
        "accuracy": scores.accuracy,
        "loss": scores.loss,
        "classes": classes.collect::<Vec<_>>(),
        "confusion": confusion.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
    })
}
