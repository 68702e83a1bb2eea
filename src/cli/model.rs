//! A model named on the command line: a file, or the run folder that holds it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::Dataset;
use crate::error::{Error, Mismatch, Result};
use crate::nn::{Network, Objective, loss};
use crate::train::model_file::{self, Description};

/// A model that was read, and where it was found.
pub struct Model {
    pub path: PathBuf,
    pub network: Network,
    pub description: Description,
}

impl Model {
    /// Reads `path`, or the `model.safetensors` in it.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn read(path: &Path) -> Result<Self> {
        if matches!(path.try_exists(), Ok(false)) {
            return Err(Self::missing(path));
        }
        let (is_run, run) = (path.join("config.toml").exists(), path);
        let path = if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() };
        if is_run && matches!(path.try_exists(), Ok(false)) {
            let (expected, found) = ("a run that has come to its end", "one that has not");
            let remedy = "let it end, or go on with it: gemmnist train --resume RUN";
            return Err(Error::Model(Mismatch::new(run, "model", expected, found, remedy)));
        }
        let (network, description) = model_file::read(&path)?;
        Ok(Self { path, network, description })
    }

    /// That there is nothing at `path`.
    pub fn missing(path: &Path) -> Error {
        let remedy = "give a run folder that gemmnist train has made, or a model.safetensors that it has written";
        Error::Model(Mismatch::new(path, "model", "a run folder or a model.safetensors", "nothing there", remedy))
    }

    /// Reads the model of the newest run in the folder `runs`: the one that was written last.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn newest_in(runs: &Path) -> Result<Self> {
        let folders = fs::read_dir(runs).into_iter().flatten().flatten();
        let models = folders.map(|folder| folder.path().join("model.safetensors"));
        let dated = models.filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)));
        match dated.max() {
            Some((_, path)) => Self::read(&path),
            None => {
                let remedy = "name one with --model, or train one first: gemmnist train";
                Err(Error::Model(Mismatch::new(runs, "model", "a run folder with a model.safetensors", "none", remedy)))
            }
        }
    }

    /// The loss that it was trained by.
    ///
    /// # Errors
    /// [`Error::Model`] if that is not defined on its outputs.
    pub fn objective(&self) -> Result<&'static dyn Objective> {
        let (output, loss) = (self.network.architecture().output, self.description.loss());
        loss::objective(output, loss).ok_or_else(|| {
            let expected = format!("one that is defined on {output} outputs");
            Error::Model(Mismatch::new(&self.path, "loss", expected, loss, "train it again"))
        })
    }

    /// That the images and labels of `data` are such as the network takes.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn require_fit(&self, data: &Dataset, name: &str) -> Result<()> {
        let preprocessing = &self.description.preprocessing;
        let size = (preprocessing.height, preprocessing.width);
        let remedy = "choose other data with --data, or a model trained on these";
        let misfit =
            |what, expected, found| Err(Error::Model(Mismatch::new(&self.path, what, expected, found, remedy)));
        if data.size() != size {
            let (height, width) = data.size();
            return misfit(
                "image size",
                format!("{height} x {width} pixels for {name}"),
                format!("a network for {} x {}", size.0, size.1),
            );
        }
        let classes = self.network.architecture().classes();
        if data.classes() > classes {
            return misfit(
                "classes",
                format!("at least {} for {name}", data.classes()),
                format!("a network with {classes}"),
            );
        }
        Ok(())
    }
}
