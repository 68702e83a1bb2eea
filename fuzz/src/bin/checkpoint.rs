//! Checkpoints whose checksum is right, which a fuzzer of bytes does not get to; and a training that goes on from them.
#![no_main]

use std::sync::LazyLock;

use gemmnist::data::Dataset;
use gemmnist::optim::OptimizerName;
use gemmnist::train::{Checkpoint, TrainSettings, Trainer};
use gemmnist_fuzz::Place;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::with(&[]));
/// Nine images of 2 x 2 in three classes.
static DATA: LazyLock<Dataset> =
    LazyLock::new(|| Dataset::new((0..36).collect(), (0..9).map(|i| i % 3).collect(), (2, 2), 3));

fuzz_target!(|bytes: &[u8]| {
    let checksum = Sha256::digest(bytes);
    let path = PLACE.put("checkpoint.safetensors", &[bytes, &checksum[..]].concat());
    let Ok(checkpoint) = Checkpoint::read(&path) else { return };
    assert_eq!(checkpoint.history().epochs.len() + 1, checkpoint.position().epoch);
    let settings = TrainSettings {
        hidden: vec![2],
        batch_size: 4,
        epochs: 3,
        threads: Some(1),
        optimizer: OptimizerName::Adam,
        ..TrainSettings::default()
    };
    let config = settings.check().expect("settings in their ranges");
    if let Ok(trainer) = Trainer::resumed(config, &DATA, &checkpoint) {
        assert_eq!(trainer.position(), checkpoint.position());
    }
});
