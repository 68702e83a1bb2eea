//! PNG, JPEG and PGM, prepared as MNIST was.
#![no_main]

use std::sync::LazyLock;

use gemmnist::data::{picture, prepare};
use gemmnist_fuzz::Place;
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::with(&[]));

fuzz_target!(|bytes: &[u8]| {
    if let Ok(picture) = picture::read(&PLACE.put("picture", bytes)) {
        assert_eq!(picture.pixels.len(), picture.size.0 * picture.size.1);
        if let Some(image) = prepare(&picture, (28, 28)) {
            assert_eq!(image.len(), 784);
        }
    }
});
