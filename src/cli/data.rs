//! `gemmnist data`: what data sets are here, are they whole, what do they look like.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Failure;
use super::table::{Align, print_table};
use crate::data::convert::Target;
use crate::data::{self, Dataset, FileReport, Found, Splits, Survey, Verified};
#[cfg(feature = "report")]
use crate::error::{Error, Problem};
use crate::format::thousands;

#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The data sets in $GEMMNIST_DATA, ./data, the project's data folder and the user's data folder
    #[command(after_help = LIST_EXAMPLES)]
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Read a data set to the last byte; print its checksums and how many images each class has
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify {
        /// Name of a data set, or path of its folder
        #[arg(value_name = "NAME|PATH", default_value = "mnist")]
        data: OsString,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Draw images of each class on a sheet, as SVG
    #[command(after_help = SAMPLES_EXAMPLES)]
    Samples(Samples),
    /// Write a data set in another format
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(Convert),
}

const LIST_EXAMPLES: &str = "\
Examples:
  gemmnist data list                               for people
  gemmnist data list --json                        for programs";

const VERIFY_EXAMPLES: &str = "\
Examples:
  gemmnist data verify                             MNIST
  gemmnist data verify mnist --json                for programs
  gemmnist data verify my-data                     a folder of your own";

const SAMPLES_EXAMPLES: &str = "\
Examples:
  gemmnist data samples                            ten images of each class: samples.svg
  gemmnist data samples --split test --per-class 20 --out test.svg
  gemmnist data samples --data my-data --skip 1    others than the first";

const CONVERT_EXAMPLES: &str = "\
Examples:
  gemmnist data convert mnist --to csv --out mnist-csv
  gemmnist data convert mnist --to pictures --out mnist-pictures
  gemmnist data convert my-data --to idx --out my-data-idx";

#[derive(Debug, clap::Args)]
struct Samples {
    /// Name of a data set, or path of its folder
    #[arg(long, value_name = "NAME|PATH", default_value = "mnist")]
    data: OsString,
    /// Which images
    #[arg(long, value_enum, default_value_t = Split::Train)]
    split: Split,
    /// Images of each class
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=100))]
    per_class: u8,
    /// Images of each class to leave out first
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: usize,
    /// Where to write the sheet
    #[arg(long, value_name = "FILE", default_value = "samples.svg")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Convert {
    /// Name of a data set, or path of its folder or file
    #[arg(value_name = "NAME|PATH")]
    from: OsString,
    /// Into what
    #[arg(long, value_enum)]
    to: To,
    /// The folder or file to write; nothing may be there yet
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum To {
    /// A folder of four files; validation images go to the end of the training images
    Idx,
    /// One file of arrays, as Keras ships MNIST
    Npz,
    /// A folder of tables, as Kaggle ships MNIST
    Csv,
    /// A folder of PNG pictures, one folder a class
    Pictures,
    /// One file as the classic mnist.pkl.gz; without a validation split, the last 10,000 training images become one
    Pickle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Split {
    Train,
    Validation,
    Test,
}

pub fn run(args: Args, out: &mut dyn Write) -> Result<(), Failure> {
    match args.command {
        Command::List { json: false } => print_list(&data::list(), out)?,
        Command::List { json: true } => print_list_json(&data::list(), out)?,
        Command::Verify { data, json } => {
            let verified = data::verify(&data::find(&data)?)?;
            if json { print_verified_json(&verified, out)? } else { print_verified(&verified, out)? }
        }
        Command::Samples(args) => draw_samples(&args, out)?,
        Command::Convert(args) => convert(&args, out)?,
    }
    Ok(())
}

fn convert(args: &Convert, out: &mut dyn Write) -> Result<(), Failure> {
    let target = match args.to {
        To::Idx => Target::Idx,
        To::Npz => Target::Npz,
        To::Csv => Target::Csv,
        To::Pictures => Target::Pictures,
        To::Pickle => Target::Pickle,
    };
    data::convert::write(&data::load_folder(&data::find(&args.from)?)?, target, &args.out)?;
    Ok(writeln!(out, "{}", args.out.display())?)
}

fn print_list(all: &[Found], out: &mut dyn Write) -> io::Result<()> {
    if all.is_empty() {
        let places: Vec<_> = data::places().iter().map(|place| place.display().to_string()).collect();
        return writeln!(out, "no data set in {} (scripts/fetch-data.sh brings the public ones)", places.join(", "));
    }
    let mut rows =
        vec![["name", "format", "train", "validation", "test", "size", "classes", "path"].map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(list_row));
    let numbers = [Align::Right; 5];
    print_table(&rows, &[&[Align::Left; 2][..], &numbers].concat(), out)
}

fn list_row(found: &Found) -> Vec<String> {
    let mut path = found.folder.display().to_string();
    if let Some(other) = &found.hidden_by {
        path += &format!(" (hidden by {})", other.display());
    }
    let numbers = match &found.survey {
        Ok(Survey { format, train, validation, test, size, classes }) => {
            let validation = validation.map_or("-".to_owned(), thousands);
            let (train, test) = (thousands(*train), thousands(*test));
            [(*format).to_owned(), train, validation, test, show_size(*size), classes.to_string()]
        }
        Err(error) => {
            path = error.to_string();
            ["unusable", "-", "-", "-", "-", "-"].map(str::to_owned)
        }
    };
    [found.name.clone()].into_iter().chain(numbers).chain([path]).collect()
}

fn print_list_json(all: &[Found], out: &mut dyn Write) -> io::Result<()> {
    for Found { name, folder, survey, hidden_by } in all {
        let path = folder.to_string_lossy();
        let hidden_by = hidden_by.as_ref().map(|path| path.to_string_lossy());
        let line = match survey {
            Ok(Survey { format, train, validation, test, size: (height, width), classes }) => json!({
                "name": name, "format": format, "train": train, "validation": validation, "test": test,
                "height": height, "width": width, "classes": classes, "path": path, "hidden_by": hidden_by,
            }),
            Err(error) => json!({ "name": name, "path": path, "hidden_by": hidden_by, "error": error.to_string() }),
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn print_verified(verified: &Verified, out: &mut dyn Write) -> io::Result<()> {
    let Verified { folder, format, files, remarks, splits } = verified;
    writeln!(out, "{}: {format}, every byte read, whole", folder.display())?;
    remarks.iter().try_for_each(|remark| writeln!(out, "{remark}"))?;
    writeln!(out)?;
    let mut rows = vec![["file", "holds", "count", "size", "published as"].map(str::to_owned).to_vec()];
    rows.extend(files.iter().map(|file| {
        let size = file.size.map_or("-".to_owned(), show_size);
        let known = data::published(&file.sha256).unwrap_or("not known");
        vec![file_name(&file.path), file.holds.to_owned(), thousands(file.count), size, known.to_owned()]
    }));
    print_table(&rows, &[Align::Left, Align::Left, Align::Right, Align::Right], out)?;
    writeln!(out)?;
    writeln!(out, "SHA-256 of the unpacked content")?;
    for FileReport { path, sha256, .. } in files {
        writeln!(out, "{sha256}  {}", file_name(path))?;
    }
    writeln!(out)?;
    print_classes(splits, out)
}

fn print_classes(splits: &Splits, out: &mut dyn Write) -> io::Result<()> {
    let validation = splits.validation.iter().map(|images| ("validation", images));
    let parts: Vec<_> =
        [("train", &splits.train)].into_iter().chain(validation).chain([("test", &splits.test)]).collect();
    let counts: Vec<_> = parts.iter().map(|(_, images)| images.class_counts()).collect();
    let row =
        |first: String, rest: &mut dyn Iterator<Item = String>| [first].into_iter().chain(rest).collect::<Vec<_>>();
    let mut rows = vec![row("class".to_owned(), &mut parts.iter().map(|(name, _)| (*name).to_owned()))];
    for class in 0..splits.train.classes() {
        let name = splits.train.class_names().map_or(class.to_string(), |names| names[class].clone());
        rows.push(row(name, &mut counts.iter().map(|counts| thousands(counts[class]))));
    }
    rows.push(row("all".to_owned(), &mut parts.iter().map(|(_, images)| thousands(images.len()))));
    print_table(&rows, &vec![Align::Right; parts.len() + 1], out)
}

fn print_verified_json(verified: &Verified, out: &mut dyn Write) -> io::Result<()> {
    for FileReport { path, holds, count, size, sha256 } in &verified.files {
        let (height, width) = size.unzip();
        let line = json!({
            "path": path.to_string_lossy(), "holds": holds, "count": count, "height": height, "width": width,
            "sha256": sha256, "published": data::published(sha256),
        });
        writeln!(out, "{line}")?;
    }
    let (height, width) = verified.splits.train.size();
    let line = json!({
        "path": verified.folder.to_string_lossy(), "format": verified.format, "remarks": verified.remarks, "height": height, "width": width,
        "classes": verified.splits.train.classes(),
        "train": verified.splits.train.class_counts(),
        "validation": verified.splits.validation.as_ref().map(Dataset::class_counts), "test": verified.splits.test.class_counts(),
    });
    writeln!(out, "{line}")
}

#[cfg(feature = "report")]
fn draw_samples(args: &Samples, out: &mut dyn Write) -> Result<(), Failure> {
    super::picture::require_place("--out", &args.out)?;
    let splits = data::load_folder(&data::find(&args.data)?)?;
    let (images, dataset) = match args.split {
        Split::Train => ("training images", &splits.train),
        Split::Validation => {
            ("validation images", splits.validation.as_ref().ok_or_else(|| no_validation(&args.data))?)
        }
        Split::Test => ("test images", &splits.test),
    };
    let most = dataset.class_counts().into_iter().max().unwrap_or(0);
    if args.skip >= most {
        let place = "--skip".to_owned();
        let expected = format!("fewer than {}, the {images} of the largest class", thousands(most));
        return Err(
            Error::Settings(vec![Problem { place, expected, found: args.skip.to_string(), remedy: None }]).into()
        );
    }
    let title = format!("{}, {images}", set_name(&args.data));
    let sheet = crate::report::Sheet { title: &title, per_class: args.per_class.into(), skip: args.skip };
    crate::files::write_atomically(&args.out, crate::report::sheet(dataset, &sheet).as_bytes())?;
    Ok(writeln!(out, "{}", args.out.display())?)
}

#[cfg(not(feature = "report"))]
fn draw_samples(_: &Samples, _: &mut dyn Write) -> Result<(), Failure> {
    Err(crate::Error::NotBuilt { what: "the sheet of samples", feature: "report" }.into())
}

/// The error of a data set that has no validation split.
#[cfg(feature = "report")]
fn no_validation(data: &OsStr) -> Error {
    let remedy = "take --split train or test";
    Error::data(Path::new(data), "splits", "a validation split", "training and test images", remedy)
}

/// `mnist` of `mnist` and of `some/where/mnist/`.
#[cfg(feature = "report")]
fn set_name(name_or_path: &OsStr) -> String {
    file_name(&std::path::absolute(name_or_path).unwrap_or_else(|_| name_or_path.into()))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_else(|| OsStr::new(".")).to_string_lossy().into_owned()
}

fn show_size((height, width): (usize, usize)) -> String {
    format!("{height}x{width}")
}
