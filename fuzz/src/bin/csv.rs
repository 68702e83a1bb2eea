//! Tables of labels and pixels.
#![no_main]

use std::sync::LazyLock;

use gemmnist_fuzz::Place;
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::with(&[("test.csv", b"2,1,2,3,4\n")]));

fuzz_target!(|bytes: &[u8]| {
    PLACE.put("train.csv", bytes);
    PLACE.load();
});
