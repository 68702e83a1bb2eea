//! Raw IDX: images, with three labels beside them.
#![no_main]

use std::sync::LazyLock;

use gemmnist::data::idx::{self, Kind};
use gemmnist_fuzz::{Place, idx as file};
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    Place::with(&[
        ("train-labels", &file(&[3], &[0, 1, 2])),
        ("t10k-images", &file(&[2, 2, 2], &[7; 8])),
        ("t10k-labels", &file(&[2], &[1, 0])),
    ])
});

fuzz_target!(|bytes: &[u8]| {
    let path = PLACE.put("train-images", bytes);
    for kind in [Kind::Images, Kind::Labels] {
        if let Ok(idx) = idx::read(&path, kind) {
            assert!(!idx.elements.is_empty() && idx.elements.len() < bytes.len());
        }
    }
    PLACE.load();
});
