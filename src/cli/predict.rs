//! `gemmnist predict`: what pictures show.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Value, json};

use super::Failure;
use super::drawing::Characters;
use super::model::Model;
use super::picture::{self, Picture};
use super::table::{Align, print_table};
use super::terminal::STRONG;
use crate::data::{self, Dataset};
use crate::error::{Error, OneLine, Result, shown};
use crate::eval::{Prediction, evaluate_each};
use crate::format::percent;
use crate::threads::{self, Crew};

/// Where runs are when nothing else is said.
const RUNS: &str = "runs";
/// Classes that `--explain` shows.
const MOST_BARS: usize = 10;

#[derive(clap::Args)]
pub struct Args {
    /// Pictures (PNG, JPEG or PGM of up to 4096 x 4096 pixels), folders of them, or - for one on standard input
    #[arg(required = true, value_name = "FILE|FOLDER|-")]
    pictures: Vec<PathBuf>,
    /// A model file, or the run folder that holds it [default: the newest run in runs]
    #[arg(long, short)]
    model: Option<PathBuf>,
    /// Draw what the network saw, and how probable it thinks each class
    #[arg(long)]
    explain: bool,
    /// Draw what the network saw as a picture
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Print one JSON object a picture
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args, out: &mut dyn Write) -> std::result::Result<(), Failure> {
    args.svg.as_deref().map_or(Ok(()), |path| picture::require_place("--svg", path))?;
    let (model, chosen) = match &args.model {
        Some(path) => (Model::read(path)?, ""),
        None => (Model::newest_in(Path::new(RUNS))?, " (the newest run; --model takes another)"),
    };
    let found = Found::find(&args.pictures)?;
    let crew = Crew::new(threads::available())?;
    let seen = crew.side_by_side(|| look_at(&found.pictures, &model))?;
    let names = &model.description.class_names;
    if let Some(path) = &args.svg {
        Picture::Seen(&tiles(&seen, names), size_of(&model)).write(path)?;
    }
    if args.json {
        print_json(&seen, &found, &model, out)?;
    } else {
        writeln!(out, "{}: {}{chosen}\n", OneLine(&model.path), model.network.architecture().describe())?;
        if args.explain {
            explain(&seen, &model, Characters::of_locale(), out)?;
        } else {
            print_text(&seen, names, out)?;
        }
        found.others.iter().try_for_each(|path| writeln!(out, "left out, no picture: {}", OneLine(path)))?;
        args.svg.as_deref().map_or(Ok(()), |path| writeln!(out, "\nThe picture is in {}", OneLine(path)))?;
    }
    let unreadable: Vec<_> = seen.into_iter().filter_map(|seen| seen.what.err()).collect();
    if unreadable.is_empty() { Ok(()) } else { Err(Failure::Unreadable(unreadable)) }
}

/// What is to be looked at.
struct Found {
    pictures: Vec<PathBuf>,
    /// Files in folders that are no pictures.
    others: Vec<PathBuf>,
}

impl Found {
    /// The files among `given`, and the pictures in the folders.
    fn find(given: &[PathBuf]) -> Result<Self> {
        let mut found = Self { pictures: Vec::new(), others: Vec::new() };
        for path in given {
            if path.is_dir() {
                let walked = data::walk(path)?;
                if walked.pictures.is_empty() {
                    let remedy = "give a folder that holds some, at any depth";
                    return Err(Error::data(path, "pictures", "PNG, JPEG or PGM files", "none", remedy));
                }
                found.pictures.extend(walked.pictures);
                found.others.extend(walked.others);
            } else {
                found.pictures.push(path.clone());
            }
        }
        Ok(found)
    }
}

/// A picture, and what became of it.
struct Seen<'a> {
    path: &'a Path,
    what: Result<Option<Thought>>,
}

/// What the network saw and thought.
struct Thought {
    /// (H, W) bytes.
    image: Vec<u8>,
    prediction: Prediction,
}

fn size_of(model: &Model) -> (usize, usize) {
    (model.description.preprocessing.height, model.description.preprocessing.width)
}

/// Reads and prepares the pictures side by side, and asks the network about all of them.
fn look_at<'a>(paths: &'a [PathBuf], model: &Model) -> Result<Vec<Seen<'a>>> {
    let size = size_of(model);
    let prepared = |path: &PathBuf| Ok(data::prepare(&read(path)?, size));
    let prepared: Vec<Result<Option<Vec<u8>>>> = paths.par_iter().map(prepared).collect();
    let images: Vec<_> = prepared.iter().filter_map(|image| image.as_ref().ok()?.as_ref()).collect();
    let mut predictions = match images.len() {
        0 => Vec::new(),
        count => {
            let pixels = images.into_iter().flatten().copied().collect();
            let unlabelled = Dataset::new(pixels, vec![0; count], size, model.network.architecture().classes());
            evaluate_each(&model.network, model.objective()?, model.description.input(), &unlabelled).1
        }
    }
    .into_iter();
    let seen = |(path, image): (&'a PathBuf, Result<Option<Vec<u8>>>)| {
        let thought = |image| predictions.next().map(|prediction| Thought { image, prediction });
        Seen { path, what: image.map(|image| image.and_then(thought)) }
    };
    Ok(paths.iter().zip(prepared).map(seen).collect())
}

fn read(path: &Path) -> Result<data::picture::Picture> {
    if path.as_os_str() != OsStr::new("-") {
        return data::picture::read(path);
    }
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(data::picture::MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|source| Error::Io {
        action: "read",
        path: "standard input".into(),
        source,
        remedy: "send a picture: gemmnist predict - < digit.png",
    })?;
    data::picture::decode(Path::new("standard input"), &bytes)
}

const BLANK: &str = "nothing is drawn on it";

/// Name and probability of the class, and of the next.
fn two_best<'n>(prediction: &Prediction, names: &'n [String]) -> Vec<(&'n str, f64)> {
    prediction.ranked().into_iter().take(2).map(|(class, p)| (names[class].as_str(), p.into())).collect()
}

fn print_text(seen: &[Seen<'_>], names: &[String], out: &mut dyn Write) -> io::Result<()> {
    let mut rows = vec![["picture", "label", "probability", "runner-up"].map(str::to_owned).to_vec()];
    for Seen { path, what } in seen {
        let cells = match what {
            Ok(Some(thought)) => {
                let best = two_best(&thought.prediction, names);
                let next = best.get(1).map(|(name, p)| format!("{} ({})", shown(name), percent(*p)));
                [shown(best[0].0), percent(best[0].1), next.unwrap_or_default()]
            }
            Ok(None) => ["-".to_owned(), "-".to_owned(), BLANK.to_owned()],
            Err(_) => continue, // told among the messages
        };
        rows.push([OneLine(path).to_string()].into_iter().chain(cells).collect());
    }
    if rows.len() > 1 { print_table(&rows, &[Align::Left, Align::Left, Align::Right], out) } else { Ok(()) }
}

/// Each picture as the network saw it, and beside it what the network thought.
fn explain(seen: &[Seen<'_>], model: &Model, characters: Characters, out: &mut dyn Write) -> io::Result<()> {
    let (_, width) = size_of(model);
    let names = &model.description.class_names;
    for Seen { path, what } in seen {
        let thought = match what {
            Ok(Some(thought)) => thought,
            Ok(None) => {
                writeln!(out, "{}: {BLANK}\n", OneLine(path))?;
                continue;
            }
            Err(_) => continue,
        };
        let best = two_best(&thought.prediction, names);
        writeln!(out, "{}: {STRONG}{}{STRONG:#}, {}", OneLine(path), shown(best[0].0), percent(best[0].1))?;
        let drawn = characters.draw(&thought.image, width);
        let bars = bars(&thought.prediction, names, characters);
        for i in 0..drawn.len().max(bars.len()) {
            let (line, bar) = (drawn.get(i).map_or("", String::as_str), bars.get(i).map_or("", String::as_str));
            writeln!(out, "{}", format!("  {line:<width$}  {bar}").trim_end())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The most probable classes, in the order of the classes.
fn bars(prediction: &Prediction, names: &[String], characters: Characters) -> Vec<String> {
    const WIDTH: usize = 20;
    let mut classes = prediction.ranked();
    classes.truncate(MOST_BARS);
    classes.sort_by_key(|(class, _)| *class);
    let names: Vec<_> = classes.iter().map(|(class, _)| shown(&names[*class])).collect();
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let bar = |(name, (_, p)): (&String, &(usize, f32))| {
        format!("{name:>widest$} {} {:>8}", characters.bar(*p, WIDTH), percent(f64::from(*p)))
    };
    names.iter().zip(&classes).map(bar).collect()
}

/// What the network saw with what it thought, for a picture.
fn tiles<'s>(seen: &'s [Seen<'_>], names: &[String]) -> Vec<(&'s [u8], [String; 2])> {
    let tile = |seen: &'s Seen<'_>| {
        let thought = seen.what.as_ref().ok()?.as_ref()?;
        let (name, p) = two_best(&thought.prediction, names)[0];
        let file = seen.path.file_name().map(|name| OneLine(Path::new(name)).to_string());
        Some((&thought.image[..], [format!("{name}: {}", percent(p)), file.unwrap_or_default()]))
    };
    seen.iter().filter_map(tile).collect()
}

fn print_json(seen: &[Seen<'_>], found: &Found, model: &Model, out: &mut dyn Write) -> io::Result<()> {
    let names = &model.description.class_names;
    let model = model.path.to_string_lossy();
    for Seen { path, what } in seen {
        let picture = path.to_string_lossy();
        let object = match what {
            Ok(Some(Thought { prediction, .. })) => {
                let best = two_best(prediction, names);
                let all: serde_json::Map<_, _> =
                    names.iter().cloned().zip(prediction.probabilities.iter().map(|&p| p.into())).collect();
                json!({
                    "picture": picture,
                    "label": best[0].0,
                    "probability": best[0].1,
                    "runner_up": best.get(1).map(|(name, _)| *name),
                    "runner_up_probability": best.get(1).map(|(_, p)| *p),
                    "probabilities": all,
                    "model": model,
                })
            }
            Ok(None) => json!({ "picture": picture, "label": Value::Null, "why": BLANK, "model": model }),
            Err(_) => continue,
        };
        writeln!(out, "{object}")?;
    }
    let left_out = |path: &PathBuf| json!({ "picture": path.to_string_lossy(), "label": Value::Null, "why": "no picture", "model": model });
    found.others.iter().try_for_each(|path| writeln!(out, "{}", left_out(path)))
}
