//! Pickles of every protocol, packed or not.
#![no_main]

use std::sync::LazyLock;

use gemmnist::data::load_folder;
use gemmnist_fuzz::{Place, look_at};
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::with(&[]));

fuzz_target!(|bytes: &[u8]| {
    if let Ok(splits) = load_folder(&PLACE.put("a.pkl", bytes)) {
        look_at(&splits);
    }
});
