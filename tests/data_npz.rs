//! Archives of NumPy arrays, as Keras ships MNIST.

mod data_support;

use std::fs;

use data_support::*;
use gemmnist::data;

/// An array file of these bytes, with this header.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn plain(shape: &str, data: &[u8]) -> Vec<u8> {
    npy(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n"), data)
}

/// A stored archive, every number in it as told by `lie` (method, packed, unpacked).
fn zip(entries: &[(&str, Vec<u8>)], lie: Lie) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let (method, packed, unpacked) = lie(0, content.len() as u32, content.len() as u32);
        let mut common = [20_u16, 0, method, 0, 0x21].map(u16::to_le_bytes).concat();
        common.extend([crc.sum(), packed, unpacked].map(u32::to_le_bytes).concat());
        common.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        directory.extend([&b"PK\x01\x02\x14\0"[..], &common, &[0; 10], &(file.len() as u32).to_le_bytes()].concat());
        directory.extend(name.as_bytes());
        file.extend([&b"PK\x03\x04"[..], &common, name.as_bytes(), content].concat());
    }
    let (offset, size, count) = (file.len() as u32, directory.len() as u32, entries.len() as u16);
    file.extend(directory);
    file.extend([&b"PK\x05\x06\0\0\0\0"[..], &count.to_le_bytes(), &count.to_le_bytes()].concat());
    file.extend([&size.to_le_bytes()[..], &offset.to_le_bytes(), &[0; 2]].concat());
    file
}

/// What the headers say of method, packed and unpacked size.
type Lie = fn(u16, u32, u32) -> (u16, u32, u32);

fn honest(method: u16, packed: u32, unpacked: u32) -> (u16, u32, u32) {
    (method, packed, unpacked)
}

/// Two training images and one test image of 1 x 2.
fn good() -> [(&'static str, Vec<u8>); 4] {
    [
        ("x_train.npy", plain("(2, 1, 2)", &[1, 2, 3, 4])),
        ("y_train.npy", plain("(2,)", &[0, 1])),
        ("x_test.npy", plain("(1, 1, 2)", &[5, 6])),
        ("y_test.npy", plain("(1,)", &[1])),
    ]
}

/// The good archive with one array replaced.
fn with(name: &str, bytes: Vec<u8>) -> Vec<u8> {
    zip(&good().map(|(other, content)| (other, if other == name { bytes.clone() } else { content })), honest)
}

#[track_caller]
fn assert_npz_refused(bytes: &[u8], parts: &[&str]) {
    assert_refused(&Folder::with(&[("mnist.npz", bytes.to_vec())]), "mnist.npz", parts);
}

#[test]
fn archives_that_numpy_stored_or_deflated_are_read() {
    let right = golden_splits();
    for name in ["stored.npz", "deflated.npz"] {
        let splits = data::load_folder(&golden_format(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((&splits.train, &splits.test), (&right.train, &right.test), "{name}");
        assert_eq!(splits.validation, None);
    }
    assert_eq!(data::load_folder(&golden_format("validation-i8.npz")).unwrap(), right);
}

#[test]
fn an_archive_is_read_from_the_folder_that_holds_it() {
    let folder = Folder::with(&[("mnist.npz", zip(&good(), honest)), ("notes.txt", b"digits".to_vec())]);
    let splits = data::load_folder(folder.path()).unwrap();
    assert_eq!((splits.train.image(1), splits.test.labels()), (&[3, 4][..], &[1][..]));
    folder.put("again.npz", &zip(&good(), honest));
    assert_refused(&folder, "", &["zip archives: expected one in the folder, found again.npz, mnist.npz"]);
}

#[test]
fn a_missing_array_is_refused_with_what_is_there() {
    assert_npz_refused(
        &zip(&good()[..3], honest),
        &["expected x_train, y_train", "found x_train.npy, y_train.npy, x_test"],
    );
    let twice = [good().to_vec(), good()[..1].to_vec()].concat();
    assert_npz_refused(&zip(&twice, honest), &["x_train: expected one array, found 2"]);
}

#[test]
fn arrays_that_lie_about_their_shape_are_refused() {
    for shape in ["(1099511627776,)", "(1099511627776, 1099511627776)", "(2, 1, 3)", "(2, 1)", "()", "(3, 1, 2)"] {
        let claim = with("x_train.npy", plain(shape, &[1, 2, 3, 4]));
        assert_npz_refused(&claim, &["x_train: expected as many bytes as its shape takes"]);
    }
    assert_npz_refused(
        &with("x_train.npy", plain("(4,)", &[1, 2, 3, 4])),
        &["training images: expected images of shape"],
    );
    assert_npz_refused(
        &with("y_train.npy", plain("(1, 2)", &[0, 1])),
        &["training labels: expected integers of shape (N)"],
    );
    assert_npz_refused(&with("y_train.npy", plain("(1,)", &[0])), &["number of images: expected 1"]);
}

#[test]
fn arrays_of_other_types_and_orders_are_refused() {
    let array = |descr: &str, fortran: &str| {
        npy(&format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': (2, 1, 2), }}"), &[1, 2, 3, 4])
    };
    assert_npz_refused(
        &with("x_train.npy", array("'|O'", "False")),
        &["x_train: expected integers or floats, found |O"],
    );
    assert_npz_refused(&with("x_train.npy", array("'|u1'", "True")), &["expected an array in C order"]);
    assert_npz_refused(&with("x_train.npy", array("exec('x')", "False")), &["expected a header with descr"]);
    assert_npz_refused(&with("x_train.npy", b"\x93NUMPY\x04\0".to_vec()), &["version 1, 2 or 3"]);
    assert_npz_refused(&with("x_train.npy", b"\x93NUMPY\x02\0\xff\xff\xff\xff".to_vec()), &["a whole header"]);
}

#[test]
fn entries_that_lie_about_their_size_are_refused() {
    let lies: [Lie; 5] = [
        |_, packed, _| (8, packed, u32::MAX - 1),
        |_, _, _| (8, u32::MAX - 1, u32::MAX - 1),
        |_, packed, unpacked| (0, packed, unpacked + 1),
        |_, _, _| (0, 1 << 30, 1 << 30),
        |_, packed, _| (8, packed, 1 << 16),
    ];
    for lie in lies {
        assert_npz_refused(&zip(&good(), lie), &[]);
    }
    assert_npz_refused(&zip(&good(), |_, p, u| (12, p, u)), &["packing: expected stored or deflated, found method 12"]);
}

#[test]
fn an_archive_cut_at_any_byte_is_refused() {
    for name in ["stored.npz", "deflated.npz", "validation-i8.npz"] {
        let whole = fs::read(golden_format(name)).unwrap();
        let folder = Folder::empty();
        for length in 0..whole.len() {
            folder.put("a.npz", &whole[..length]);
            assert!(data::load_folder(&folder.file("a.npz")).is_err(), "{name} cut to {length} bytes was loaded");
        }
    }
}

#[test]
fn a_flipped_bit_in_an_archive_is_refused_or_without_effect() {
    for name in ["stored.npz", "deflated.npz"] {
        let whole = fs::read(golden_format(name)).unwrap();
        let folder = Folder::with(&[("a.npz", whole.clone())]);
        let right = data::load_folder(&folder.file("a.npz")).unwrap();
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            folder.put("a.npz", &flipped);
            if let Ok(splits) = data::load_folder(&folder.file("a.npz")) {
                assert_eq!(splits, right, "{name}: bit {bit} flipped gave other images");
            }
        }
    }
}
