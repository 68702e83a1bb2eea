//! A model named on the command line: a file, or the run folder that holds it.

use std::path::{Path, PathBuf};

use crate::data::Dataset;
use crate::error::{Error, Mismatch, Result};
use crate::nn::Network;
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
        let path = if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() };
        let (network, description) = model_file::read(&path)?;
        Ok(Self { path, network, description })
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
