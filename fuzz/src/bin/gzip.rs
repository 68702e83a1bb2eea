//! Gzip, of IDX images or labels.
#![no_main]

use std::sync::LazyLock;

use gemmnist::data::idx::{self, Kind};
use gemmnist_fuzz::Place;
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::with(&[]));

fuzz_target!(|bytes: &[u8]| {
    let path = PLACE.put("images.gz", bytes);
    for kind in [Kind::Images, Kind::Labels] {
        let _ = idx::read(&path, kind);
    }
});
