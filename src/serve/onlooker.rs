//! A training, looked at from outside: what its run folder tells so far.

use std::path::Path;

use serde_json::{Value, json};

use crate::train::{RunRecord, read_runs};

/// What the page tells of the run in `folder`: the epochs after `after`, or why there is nothing to tell yet.
pub(super) fn look_at(folder: &Path, after: usize) -> Value {
    let records = match read_runs(&[folder.to_owned()]) {
        Ok(runs) => runs.records,
        Err(error) => return json!({ "epochs": [], "message": error.to_string() }),
    };
    let RunRecord { name, settings, history } = &records[0];
    let new: Vec<_> = history.epochs.iter().filter(|epoch| epoch.epoch > after).collect();
    json!({
        "name": name,
        "settings": settings,
        "epochs": new,
        "ended": folder.join("model.safetensors").exists(),
    })
}
