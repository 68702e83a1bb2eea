//! Folders of pictures, one folder a class, and the pictures themselves.

mod data_support;

use std::fs;
use std::path::Path;

use data_support::*;
use gemmnist::data::{self, picture};

fn png(color: png::ColorType, (height, width): (u32, u32), pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

fn gray(pixels: &[u8]) -> Vec<u8> {
    png(png::ColorType::Grayscale, (2, 3), pixels)
}

fn pgm(pixels: &[u8]) -> Vec<u8> {
    [b"P5 # made here\n3 2\n255\n", pixels].concat()
}

fn put(folder: &Folder, path: &str, bytes: &[u8]) {
    let path = folder.file(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Two classes: two training images and one test image.
fn good(classes: [&str; 2]) -> Folder {
    let folder = Folder::empty();
    put(&folder, &format!("train/{}/a.png", classes[0]), &gray(&[1, 2, 3, 4, 5, 6]));
    put(&folder, &format!("train/{}/b.pgm", classes[1]), &pgm(&[7, 8, 9, 10, 11, 12]));
    put(&folder, &format!("test/{}/c.png", classes[1]), &gray(&[13, 14, 15, 16, 17, 18]));
    folder
}

fn read(bytes: &[u8]) -> gemmnist::Result<picture::Picture> {
    let folder = Folder::with(&[("picture", bytes.to_vec())]);
    picture::read(&folder.file("picture"))
}

#[test]
fn folders_are_classes_and_their_names_class_names() {
    let splits = data::load_folder(good(["dog", "cat"]).path()).unwrap();
    assert_eq!(splits.train.class_names().unwrap(), ["cat", "dog"]);
    assert_eq!((splits.train.labels(), splits.train.size()), (&[0, 1][..], (2, 3)));
    assert_eq!(
        (splits.train.image(0), splits.test.image(0)),
        (&[7, 8, 9, 10, 11, 12][..], &[13, 14, 15, 16, 17, 18][..])
    );
    assert_eq!((splits.test.labels(), splits.validation), (&[0][..], None));
}

#[test]
fn numbers_are_sorted_by_value_and_words_by_letter() {
    let labels = |classes| data::load_folder(good(classes).path()).unwrap().train.class_names().unwrap().to_vec();
    assert_eq!(labels(["9", "10"]), ["9", "10"]);
    assert_eq!(labels(["a9", "a10"]), ["a10", "a9"]);
}

#[test]
fn other_names_of_splits_and_hidden_files_make_no_difference() {
    let folder = good(["0", "1"]);
    let right = data::load_folder(folder.path()).unwrap();
    folder.rename("train", "training");
    folder.rename("test", "Testing");
    put(&folder, "training/.DS_Store", b"x");
    put(&folder, "training/0/Thumbs.db", b"x");
    assert_eq!(data::load_folder(folder.path()).unwrap(), right);
    put(&folder, "validation/0/x.png", &gray(&[0; 6]));
    assert_eq!(data::load_folder(folder.path()).unwrap().validation.unwrap().labels(), [0]);
}

#[test]
fn colours_become_gray_by_their_luma_and_the_transparent_black() {
    let pixels = |color, pixels: &[u8]| read(&png(color, (1, 2), pixels)).unwrap().pixels;
    assert_eq!(pixels(png::ColorType::Rgb, &[255, 0, 0, 200, 100, 50]), [76, 124]);
    assert_eq!(pixels(png::ColorType::Rgba, &[255, 255, 255, 255, 255, 255, 255, 0]), [255, 0]);
    assert_eq!(pixels(png::ColorType::GrayscaleAlpha, &[200, 255, 200, 128]), [200, 100]);
    for (name, level) in [("gray-200.jpg", 200), ("luma-124.jpg", 124)] {
        let jpeg = picture::read(&golden_format(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(jpeg.size, (8, 8));
        assert!(jpeg.pixels.iter().all(|&pixel: &u8| pixel.abs_diff(level) <= 1), "{name}: {:?}", jpeg.pixels);
    }
}

#[test]
fn a_picture_of_another_size_a_stray_file_and_an_unknown_class_are_refused() {
    let folder = good(["0", "1"]);
    put(&folder, "test/0/wide.png", &png(png::ColorType::Grayscale, (2, 2), &[0; 4]));
    assert_refused(&folder, "test/1/c.png", &["size of a picture: expected 2x2 as wide.png, found 2x3"]);
    fs::remove_file(folder.file("test/0/wide.png")).unwrap();
    put(&folder, "test/0/notes.txt", b"not a picture");
    assert_refused(&folder, "test/0/notes.txt", &["picture: expected a whole PNG, JPEG or PGM"]);
    fs::remove_file(folder.file("test/0/notes.txt")).unwrap();
    put(&folder, "test/7/d.png", &gray(&[0; 6]));
    assert_refused(&folder, "test/7", &["class: expected folders of the classes 0 1, found 7"]);
}

#[test]
fn empty_folders_are_refused() {
    let folder = Folder::empty();
    fs::create_dir_all(folder.file("train")).unwrap();
    fs::create_dir_all(folder.file("test/0")).unwrap();
    assert_refused(&folder, "train", &["classes: expected 1 to 256 folders, one a class, found 0"]);
    fs::create_dir_all(folder.file("train/0")).unwrap();
    assert_refused(&folder, "train", &["pictures: expected at least one, found none"]);
}

#[test]
fn pictures_that_claim_huge_sizes_are_refused() {
    let mut bomb = gray(&[0; 6]);
    bomb[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let mut crc = flate2::Crc::new();
    crc.update(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    assert!(read(&bomb).is_err());
    for header in ["P5 999999 999999 255\n", "P5 99999999 1 255\n", "P5 0 1 255\n", "P5 4097 1 255\n", "P5 1 1 65535\n"]
    {
        assert!(read(header.as_bytes()).is_err(), "{header}");
    }
    let mut jpeg = fs::read(golden_format("gray-200.jpg")).unwrap();
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    assert!(read(&jpeg).is_err());
}

#[test]
fn a_picture_that_is_too_large_says_how_large_it_may_be_and_what_to_do() {
    let mut photo = fs::read(golden_format("gray-200.jpg")).unwrap();
    let frame = photo.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    photo[frame + 5..frame + 9].copy_from_slice(&[6048_u16.to_be_bytes(), 8064_u16.to_be_bytes()].concat());
    let scan = png(png::ColorType::Grayscale, (1, 4097), &[0; 4097]);
    for (bytes, found) in [(&photo[..], "6048x8064"), (&scan[..], "1x4097"), (b"P5 4096 5000 255\n", "5000x4096")] {
        let error = read(bytes).unwrap_err().to_string();
        let said = format!(
            "expected a whole PNG, JPEG or PGM of at most 4096x4096 pixels, found {found} pixels (scale it down)"
        );
        assert!(error.contains(&said), "{error}");
    }
    assert!(read(&png(png::ColorType::Grayscale, (1, 4096), &[0; 4096])).is_ok());
}

#[test]
fn a_picture_cut_at_any_byte_is_refused() {
    let jpeg = |name| fs::read(golden_format(name)).unwrap();
    for whole in [gray(&[1, 2, 3, 4, 5, 6]), pgm(&[1, 2, 3, 4, 5, 6]), jpeg("gray-200.jpg"), jpeg("luma-124.jpg")] {
        assert!(read(&whole).is_ok());
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "cut to {length} of {} bytes", whole.len());
        }
    }
}

#[test]
fn a_flipped_bit_in_a_picture_never_panics() {
    let folder = Folder::empty();
    let jpeg = fs::read(golden_format("luma-124.jpg")).unwrap();
    for whole in [gray(&[1, 2, 3, 4, 5, 6]), pgm(&[1, 2, 3, 4, 5, 6]), jpeg] {
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            folder.put("picture", &flipped);
            if let Ok(picture) = picture::read(&folder.file("picture")) {
                assert_eq!(picture.pixels.len(), picture.size.0 * picture.size.1, "bit {bit}");
            }
        }
    }
}

#[test]
fn what_is_no_file_is_refused() {
    assert!(picture::read(Path::new("/dev/zero")).is_err());
    assert!(picture::read(Folder::empty().path()).is_err());
}
