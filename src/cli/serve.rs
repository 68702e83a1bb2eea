//! `gemmnist serve`: a local page to draw digits on.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::json;

use super::Failure;
use super::model::Model;
use super::terminal::NOTICE;
use crate::error::{Error, Mismatch, OneLine};
use crate::serve::{Place, Server, Subject};

/// Where `train` leaves its run folders when nothing else is said.
const RUNS: &str = "runs";
const MODEL: &str = "model.safetensors";

#[derive(clap::Args)]
pub struct Args {
    /// A model file, or a run folder: its network and its curves; also of a training that still goes on [default: the newest run]
    model: Option<PathBuf>,
    /// Show the curves of this run [default: that of the model]
    #[arg(long, value_name = "RUN")]
    watch: Option<PathBuf>,
    /// Folder that collected drawings go to, a folder a class
    #[arg(long, value_name = "DIR", default_value = "my-digits")]
    collect: PathBuf,
    /// Let others on the network in, at this address of this machine (0.0.0.0 for all); they need the token in the URL
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// Port of the page [default: 2828, or any that is free]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let subject = subject(&args)?;
    let Subject { model, run, collection } = subject.clone();
    let server = Server::bind(subject, &Place { host: args.host, port: args.port })?;
    if args.json {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let (model, run, collection) = (path(&model), run.as_deref().map(path), path(&collection));
        writeln!(out, "{}", json!({ "url": server.url(), "model": model, "run": run, "collection": collection }))?;
    } else {
        let waits = if model.exists() {
            ""
        } else {
            " (waits for the training to end; one that was stopped goes on with gemmnist train --resume RUN)"
        };
        writeln!(out, "model     {}{waits}", OneLine(&model))?;
        run.iter().try_for_each(|run| writeln!(out, "curves    {}", OneLine(run)))?;
        writeln!(out, "collects  {}", OneLine(&collection))?;
        writeln!(out, "page      {}\n\nCtrl-C ends it.", server.url())?;
    }
    out.flush()?;
    // What the error says is which launchers were tried, for who wrote them.
    if args.open && open::that_detached(server.url()).is_err() {
        let _ = writeln!(err, "{NOTICE}gemmnist:{NOTICE:#} no browser could be started here (open the address above)"); // as in `run`
    }
    Ok(server.run()?)
}

/// The model, the run and the folder that are meant.
fn subject(args: &Args) -> crate::Result<Subject> {
    let named = args.model.clone().or_else(|| newest_run(Path::new(RUNS)));
    let named = named.ok_or_else(|| {
        let remedy = "train one first: gemmnist train";
        Error::Model(Mismatch::new(Path::new(RUNS), "model", "a run with a network", "none", remedy))
    })?;
    let is_run = named.is_dir();
    let model = if is_run { named.join(MODEL) } else { named };
    // A run folder without a model is waited for; anything else is an error now, not in the browser.
    let waits = is_run && model.with_file_name("metrics.jsonl").exists();
    if !waits && !model.exists() {
        return Err(Model::missing(&model));
    }
    let own_run = model.parent().filter(|folder| folder.join("metrics.jsonl").exists());
    let run = args.watch.clone().or_else(|| own_run.map(Path::to_owned));
    Ok(Subject { model, run, collection: args.collect.clone() })
}

/// The run folder in `parent` that was begun last: of those with a network, if any has one.
fn newest_run(parent: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    let begun = |folder: &PathBuf| -> Option<(bool, SystemTime)> {
        let time = fs::metadata(folder.join("config.toml")).and_then(|file| file.modified()).ok()?;
        Some((folder.join(MODEL).exists(), time))
    };
    folders.filter_map(|folder| Some((begun(&folder)?, folder))).max().map(|(_, folder)| folder)
}
