//! An array in an archive whose checksums are right: what a fuzzer of archives does not get to.
#![no_main]

use std::sync::LazyLock;

use gemmnist::data::load_folder;
use gemmnist_fuzz::{Place, look_at, zip};
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::with(&[]));

fuzz_target!(|bytes: &[u8]| {
    let labels = b"\x93NUMPY\x01\0\x36\0{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}\n\0\x01";
    let arrays: [(&str, &[u8]); 4] =
        [("x_train.npy", bytes), ("y_train.npy", labels), ("x_test.npy", bytes), ("y_test.npy", labels)];
    if let Ok(splits) = load_folder(&PLACE.put("a.npz", &zip(&arrays))) {
        look_at(&splits);
    }
});
