//! Model files: safetensors, and what ours say about themselves.
#![no_main]

use std::sync::LazyLock;

use gemmnist::train::model_file;
use gemmnist_fuzz::Place;
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::with(&[]));

fuzz_target!(|bytes: &[u8]| {
    let path = PLACE.put("model.safetensors", bytes);
    if let Ok((mut network, description)) = model_file::read(&path) {
        assert_eq!(network.architecture(), &description.architecture);
        assert!(network.architecture().parameters() <= bytes.len());
        model_file::read_parameters(&path, &mut network).expect("what was read once");
    }
});
