//! A network, asked about drawings: what it sees, what it thinks, and how its units respond.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ndarray::{ArrayView1, ArrayView2};
use serde_json::{Value, json};

use crate::data::{Dataset, picture::Picture, prepare};
use crate::error::{Error, Mismatch, OneLine, Result};
use crate::nn::{LayerSpec, Network, Objective, Parameter, Workspace, loss};
use crate::train::model_file::{self, Description};

/// A network with what it takes to ask it, one drawing at a time.
#[derive(Debug)]
pub(super) struct Recogniser {
    path: PathBuf,
    network: Network,
    description: Description,
    objective: &'static dyn Objective,
    workspace: Mutex<Workspace>,
}

/// What the network makes of a drawing.
#[derive(Debug)]
pub(super) struct Impression {
    /// What it sees: the drawing, prepared; (H, W) bytes.
    pub image: Vec<u8>,
    /// Of each class, (K).
    pub probabilities: Vec<f32>,
    /// The outputs of each layer of [`Recogniser::shown_layers`].
    pub layers: Vec<Vec<f32>>,
}

impl Recogniser {
    /// The network in the model file `path`.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn read(path: &Path) -> Result<Self> {
        let (network, description) = model_file::read(path)?;
        let (output, loss) = (network.architecture().output, description.loss());
        let objective = loss::objective(output, loss).ok_or_else(|| {
            let expected = format!("one that is defined on {output} outputs");
            Error::Model(Mismatch::new(path, "loss", expected, loss, "train it again"))
        })?;
        let workspace = Mutex::new(Workspace::for_scores(&network, 1));
        Ok(Self { path: path.to_owned(), network, description, objective, workspace })
    }

    /// One name a class, (K).
    pub fn class_names(&self) -> &[String] {
        &self.description.class_names
    }

    /// Height and width of what it sees, in pixels.
    fn size(&self) -> (usize, usize) {
        (self.description.preprocessing.height, self.description.preprocessing.width)
    }

    /// What it makes of a drawing; `None` if nothing is drawn.
    pub fn look_at(&self, drawing: &Picture) -> Option<Impression> {
        let image = prepare(drawing, self.size())?;
        let data = Dataset::new(image.clone(), vec![0], self.size(), self.class_names().len());
        // Every buffer is overwritten before it is read.
        let mut workspace = self.workspace.lock().unwrap_or_else(PoisonError::into_inner);
        workspace.load(&data, self.description.input(), &[0]);
        self.network.score(&mut workspace, 1, self.objective);
        let layers = self.shown_layers().into_iter().map(|layer| workspace.output(layer, 1).row(0).to_vec());
        Some(Impression { image, layers: layers.collect(), probabilities: workspace.probabilities(1).row(0).to_vec() })
    }

    /// The places of the dense layers.
    fn dense_layers(&self) -> Vec<usize> {
        let layers = self.network.architecture().layers.iter().enumerate();
        layers.filter(|(_, layer)| matches!(layer, LayerSpec::Dense(_))).map(|(place, _)| place).collect()
    }

    /// The places of the hidden layers; of a network without any, of its only layer.
    fn shown_layers(&self) -> Vec<usize> {
        let mut dense = self.dense_layers();
        if dense.len() > 1 {
            dense.pop();
        }
        dense
    }

    /// The weights (I, O) of the layer at `place`.
    fn weights(&self, place: usize) -> Option<ArrayView2<'_, f32>> {
        self.network.layers()[place].parameters().into_iter().find_map(|parameter| match parameter {
            Parameter::Weights(weights) => Some(weights),
            Parameter::Bias(_) => None,
        })
    }

    /// The weights of each unit of `units` in the first dense layer, by pixel, -127 to 127 where 127 is the unit's own
    /// largest; `None` if there is no such unit.
    pub fn pictures_of_weights(&self, units: &[usize]) -> Option<Vec<i8>> {
        let weights = self.weights(*self.dense_layers().first()?)?;
        let picture = |&unit: &usize| (unit < weights.ncols()).then(|| scaled(weights.column(unit)));
        Some(units.iter().map(picture).collect::<Option<Vec<_>>>()?.concat())
    }

    /// Of each unit of the first hidden layer the class that it speaks for most, if the next layer is the last.
    fn favourites(&self) -> Option<Vec<usize>> {
        let &[_, last] = self.dense_layers().as_slice() else { return None };
        let favourite = |row: ArrayView1<f32>| {
            let largest = row.iter().enumerate().max_by(|a, b| a.1.partial_cmp(b.1).unwrap_or(Ordering::Equal));
            largest.map_or(0, |(class, _)| class)
        };
        Some(self.weights(last)?.rows().into_iter().map(favourite).collect())
    }

    /// What the page tells of the network.
    pub fn describe(&self) -> Value {
        let architecture = self.network.architecture();
        let (height, width) = self.size();
        json!({
            "file": OneLine(&self.path).to_string(),
            "network": architecture.describe(),
            "parameters": architecture.parameters(),
            "classes": self.class_names(),
            "height": height,
            "width": width,
            "data": self.description.training.settings.get("data").and_then(|name| name.as_str()),
            "test_accuracy": self.description.training.test_accuracy,
            "hidden": self.dense_layers().len() > 1,
            "favourites": self.favourites(),
        })
    }
}

fn scaled(weights: ArrayView1<f32>) -> Vec<i8> {
    let largest = weights.iter().fold(f32::MIN_POSITIVE, |largest, weight| largest.max(weight.abs()));
    weights.iter().map(|weight| (127.0 * weight / largest).round() as i8).collect()
}
