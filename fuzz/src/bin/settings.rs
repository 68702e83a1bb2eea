//! TOML files of settings.
#![no_main]

use std::sync::LazyLock;

use gemmnist::train::Draft;
use gemmnist_fuzz::Place;
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::with(&[]));

fuzz_target!(|bytes: &[u8]| {
    let mut draft = Draft::default();
    draft.overlay_file(&PLACE.put("config.toml", bytes));
    if let Err(error) = draft.finish() {
        assert!(!error.to_string().is_empty());
    }
});
