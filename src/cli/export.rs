//! `gemmnist export`: a network for other tools.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::Failure;
use super::model::Model;
use crate::error::{Error, Mismatch, OneLine, Problem, Result};
use crate::export::{Format, Portable, Takes, hugging_face};
use crate::files::{write_atomically, write_folder};
use crate::format::thousands;

#[derive(clap::Args)]
pub struct Args {
    /// A model file, or the run folder that holds it
    #[arg(value_name = "MODEL|RUN")]
    model: PathBuf,
    /// Format [default: what the name of --out ends in, else onnx]
    #[arg(long, value_name = "FORMAT", value_parser = named(Format::NAMES, Format::from_name))]
    to: Option<Format>,
    /// File to write [default: beside the model]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What an ONNX file takes: bytes (N, height, width), or floats (N, inputs) that are prepared already
    #[arg(long, value_parser = named(Takes::NAMES, Takes::from_name))]
    takes: Option<Takes>,
    /// Write a folder for the Hugging Face hub instead: model card, config.json, safetensors and ONNX
    #[arg(long, value_name = "DIR", conflicts_with_all = ["to", "out", "takes"])]
    hf: Option<PathBuf>,
    /// Licence that the model card names, as the hub calls it: mit, apache-2.0, cc-by-4.0, ...
    #[arg(long, value_name = "ID", default_value = "unknown", requires = "hf", value_parser = license)]
    license: String,
    /// Replace what is there
    #[arg(long)]
    force: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args, out: &mut dyn Write) -> std::result::Result<(), Failure> {
    let model = Model::read(&args.model)?;
    let portable = Portable::new(&model.network, &model.description);
    match &args.hf {
        Some(folder) => export_folder(&args, &portable, &model, folder, out),
        None => export_file(&args, &portable, &model, out),
    }
}

fn export_file(
    args: &Args,
    portable: &Portable<'_>,
    model: &Model,
    out: &mut dyn Write,
) -> std::result::Result<(), Failure> {
    let format = format_of(args)?;
    let takes = args.takes.unwrap_or(Takes::Bytes);
    let path = args.out.clone().unwrap_or_else(|| beside(&model.path, format));
    require_size(model, format)?;
    require_place(args, "--out", &path, &model.path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = portable.file(format, takes, &name);
    write_atomically(&path, &file)?;
    let usage = portable.usage(format, takes, &path.to_string_lossy());
    if args.json {
        let object = json!({
            "file": path.to_string_lossy(), "format": format.name(), "bytes": file.len(), "usage": usage,
        });
        writeln!(out, "{object}")?;
    } else {
        writeln!(
            out,
            "The network is in {} ({format}, {} bytes). Use it so:\n",
            OneLine(&path),
            thousands(file.len())
        )?;
        write!(out, "{usage}")?;
    }
    Ok(())
}

fn export_folder(
    args: &Args,
    portable: &Portable<'_>,
    model: &Model,
    folder: &Path,
    out: &mut dyn Write,
) -> std::result::Result<(), Failure> {
    require_size(model, Format::Onnx)?;
    require_place(args, "--hf", folder, &model.path)?;
    let title = folder.file_name().unwrap_or_default().to_string_lossy();
    let files = hugging_face(portable, &args.license, &title);
    if folder.is_dir() {
        // A clone of a repository on the hub: what else is in it stays.
        files.iter().try_for_each(|(name, file)| write_atomically(&folder.join(name), file))?;
    } else {
        write_folder(folder, |new| files.iter().try_for_each(|(name, file)| std::fs::write(new.join(name), file)))?;
    }
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    if args.json {
        let object = json!({ "folder": folder.to_string_lossy(), "format": "hf", "files": names });
        writeln!(out, "{object}")?;
    } else {
        let place = OneLine(folder);
        writeln!(out, "The network is in {place}: {}", names.join(", "))?;
        writeln!(out, "Look at README.md, the model card; then: hf upload NAME/REPOSITORY {place}")?;
    }
    Ok(())
}

/// As `--to` says, or as the name of the file does.
fn format_of(args: &Args) -> Result<Format> {
    let extension = args.out.as_deref().and_then(Path::extension).map(|extension| extension.to_string_lossy());
    let format = match (args.to, &args.out, extension) {
        (Some(format), ..) => format,
        (None, None, _) => Format::Onnx,
        (None, Some(path), extension) => {
            let known = extension.and_then(|extension| Format::from_extension(&extension));
            known.ok_or_else(|| {
                let endings: Vec<_> = Format::ALL.iter().map(|format| format!(".{}", format.extension())).collect();
                let expected = format!("a name that ends in one of {}", endings.join(", "));
                problem("--out", expected, OneLine(path).to_string(), "say the format with --to")
            })?
        }
    };
    match args.takes {
        Some(_) if format != Format::Onnx => {
            let found = format!("--to {format}");
            Err(problem(
                "--takes",
                "--to onnx beside it".to_owned(),
                found,
                "the other formats say how pixels are prepared",
            ))
        }
        _ => Ok(format),
    }
}

/// `model.onnx` for `model.safetensors`; what PyTorch reads has another name than what `train` has written.
fn beside(model: &Path, format: Format) -> PathBuf {
    match format {
        Format::Safetensors => model.with_extension("torch.safetensors"),
        other => model.with_extension(other.extension()),
    }
}

fn require_size(model: &Model, format: Format) -> Result<()> {
    let (parameters, most) = (model.network.architecture().parameters(), format.most_parameters());
    if parameters <= most {
        return Ok(());
    }
    let expected = format!("at most {} for {format}", thousands(most));
    let remedy = "export it as safetensors";
    Err(Error::Model(Mismatch::new(&model.path, "parameters", expected, thousands(parameters), remedy)))
}

/// That what goes to `path`, which `option` has named, replaces nothing but what may be replaced; the model itself never.
fn require_place(args: &Args, option: &str, path: &Path, model: &Path) -> Result<()> {
    let is = |path: &Path, other: &Path| {
        path.canonicalize().ok().is_some_and(|path| other.canonicalize().ok() == Some(path))
    };
    let found = OneLine(path).to_string();
    if is(path, model) || is(&path.join("model.safetensors"), model) {
        let found = format!("{found}, where the model itself is");
        return Err(problem(option, "another place".to_owned(), found, "choose a name that is free"));
    }
    if path.symlink_metadata().is_ok() && !args.force {
        let found = format!("{found}, which is there already");
        return Err(problem(
            option,
            "a free place".to_owned(),
            found,
            "choose another name, or replace it with --force",
        ));
    }
    Ok(())
}

fn problem(place: &str, expected: String, found: String, remedy: &str) -> Error {
    let (place, remedy) = (place.to_owned(), Some(remedy.to_owned()));
    Error::Settings(vec![Problem { place, expected, found, remedy }])
}

/// A parser of one of `names`, which `from_name` knows.
fn named<T: Clone + Send + Sync + 'static>(
    names: &'static [&'static str],
    from_name: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names).map(move |name| from_name(&name).expect("one of these names"))
}

/// The hub's names are of these letters; anything else would be no licence.
fn license(typed: &str) -> std::result::Result<String, String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if typed.is_empty() || !typed.chars().all(is_name) {
        return Err("expected a name of small letters, digits, - and ., such as apache-2.0".to_owned());
    }
    Ok(typed.to_owned())
}
