//! Archives of arrays as they stand: the directory, its sizes, DEFLATE.
#![no_main]

use std::sync::LazyLock;

use gemmnist::data::{load_folder, survey};
use gemmnist_fuzz::{Place, look_at};
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::with(&[]));

fuzz_target!(|bytes: &[u8]| {
    let path = PLACE.put("a.npz", bytes);
    let _ = survey(&path);
    if let Ok(splits) = load_folder(&path) {
        look_at(&splits);
    }
});
