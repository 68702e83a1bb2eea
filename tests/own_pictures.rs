//! People's own pictures: what becomes of one, and how a network is judged on a folder of them.

mod data_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use data_support::*;
use gemmnist::data::picture::{self, Picture};
use gemmnist::data::{self, Dataset, Splits, prepare};
use serde_json::Value;

const SIZE: (usize, usize) = (28, 28);

fn mnist() -> Splits {
    data::load_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist")).unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pictures").join(name)
}

/// Numbers in [0, 1), from a linear congruence.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }

    fn between(&mut self, least: f32, most: f32) -> f32 {
        least + (most - least) * self.unit()
    }
}

/// A sheet of paper with an image of MNIST on it.
#[derive(Debug, Clone, Copy)]
struct Sheet {
    /// Pixels of the sheet for one of the image.
    scale: f32,
    /// Sides of the sheet for one of the image.
    room: f32,
    paper: f32,
    ink: f32,
    /// Levels, from one side of the sheet to the other.
    shadow: f32,
    noise: f32,
    ruled: bool,
}

const CLEAN: Sheet = Sheet { scale: 3.0, room: 1.5, paper: 235.0, ink: 30.0, shadow: 0.0, noise: 0.0, ruled: false };

impl Sheet {
    fn draw(self, image: &[u8], random: &mut Random) -> Picture {
        let drawn = (28.0 * self.scale).round();
        let side = (drawn * self.room).round();
        let (top, left) = (random.between(0.0, side - drawn).floor(), random.between(0.0, side - drawn).floor());
        let pixel = |i: usize| {
            let (y, x) = ((i / side as usize) as f32, (i % side as usize) as f32);
            let shade = self.shadow * (0.6 * x + 0.4 * y) / side;
            let line = if self.ruled && y % (drawn / 2.0).ceil() < (self.scale / 2.0).ceil() { 0.3 } else { 0.0 };
            let ink = linear(image, (y - top + 0.5) / self.scale, (x - left + 0.5) / self.scale).max(line);
            let noise = self.noise * (0..4).map(|_| random.unit() - 0.5).sum::<f32>() * 3_f32.sqrt();
            (self.paper + (self.ink - self.paper) * ink - shade + noise).round().clamp(0.0, 255.0) as u8
        };
        let side = side as usize;
        Picture { pixels: (0..side * side).map(pixel).collect(), size: (side, side) }
    }

    fn at_random(random: &mut Random) -> Self {
        let (mut paper, mut ink) = (random.between(170.0, 250.0), random.between(10.0, 80.0));
        if random.unit() < 0.5 {
            (paper, ink) = (255.0 - paper, 255.0 - ink);
        }
        let (scale, room) = (random.between(0.6, 6.0), random.between(1.0, 2.5));
        let (shadow, noise) = (random.between(-25.0, 25.0), random.between(0.0, 7.0));
        Self { scale, room, paper, ink, shadow, noise, ruled: random.unit() < 0.25 }
    }
}

/// The image at a point, in [0, 1]: linear between the middles of its pixels.
fn linear(image: &[u8], y: f32, x: f32) -> f32 {
    let value = |y: f32, x: f32| match (0.0..28.0).contains(&y) && (0.0..28.0).contains(&x) {
        true => f32::from(image[y as usize * 28 + x as usize]) / 255.0,
        false => 0.0,
    };
    let (y, x) = (y - 0.5, x - 0.5);
    let (top, left) = (y.floor(), x.floor());
    let row = |row: f32| value(row, left) * (1.0 + left - x) + value(row, left + 1.0) * (x - left);
    row(top) * (1.0 + top - y) + row(top + 1.0) * (y - top)
}

/// Mean difference of two images, in levels.
fn difference(a: &[u8], b: &[u8]) -> f32 {
    a.iter().zip(b).map(|(a, b)| f32::from(a.abs_diff(*b))).sum::<f32>() / a.len() as f32
}

/// The least difference of `prepared` from `image`, moved by up to a pixel: where the centre of mass lies between two, either
/// is as good.
fn difference_but_for_a_pixel(prepared: &[u8], image: &[u8]) -> f32 {
    let moved = |by: isize| -> Vec<u8> {
        (0..784).map(|i: isize| usize::try_from(i + by).ok().and_then(|i| image.get(i)).copied().unwrap_or(0)).collect()
    };
    [-29, -28, -27, -1, 0, 1, 27, 28, 29]
        .map(|by| difference(prepared, &moved(by)))
        .into_iter()
        .fold(f32::MAX, f32::min)
}

fn pgm(Picture { pixels, size: (height, width) }: &Picture) -> Vec<u8> {
    [format!("P5 {width} {height} 255\n").as_bytes(), pixels].concat()
}

fn put(folder: &Folder, path: &str, bytes: &[u8]) {
    let path = folder.file(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

// ---- one picture

#[test]
fn the_images_of_mnist_stay_what_they_are_to_the_byte() {
    let test = mnist().test;
    let (mut same, mut worst) = (0, 0.0_f32);
    for i in 0..test.len() {
        let image = test.image(i);
        let prepared = prepare(&Picture { pixels: image.to_vec(), size: SIZE }, SIZE).expect("something is drawn");
        same += usize::from(prepared == image);
        worst = worst.max(difference_but_for_a_pixel(&prepared, image));
    }
    assert!(same >= 9_990, "{same} of {} images are the same", test.len()); // 3 have a box of 19 pixels
    assert!(worst < 12.0, "an image differs by {worst} levels");
}

#[test]
fn a_digit_on_any_paper_becomes_the_image_it_was() {
    let test = mnist().test;
    let mut random = Random(1);
    for (name, sheet, most) in [
        ("clean", CLEAN, 9.0),
        ("light on dark", Sheet { paper: 20.0, ink: 240.0, ..CLEAN }, 9.0),
        ("large", Sheet { scale: 12.0, ..CLEAN }, 9.0),
        ("small", Sheet { scale: 0.7, ..CLEAN }, 14.0),
        ("cut close", Sheet { room: 1.0, ..CLEAN }, 9.0),
        ("noisy", Sheet { noise: 8.0, ..CLEAN }, 10.0),
        ("in shadow", Sheet { shadow: 60.0, ..CLEAN }, 9.0),
        ("ruled", Sheet { ruled: true, ..CLEAN }, 11.0),
        ("faint", Sheet { paper: 200.0, ink: 140.0, noise: 3.0, ..CLEAN }, 10.0),
    ] {
        let differences = (0..40).map(|i| {
            let prepared = prepare(&sheet.draw(test.image(i), &mut random), SIZE);
            let prepared = prepared.unwrap_or_else(|| panic!("{name}: nothing was found of image {i}"));
            difference_but_for_a_pixel(&prepared, test.image(i))
        });
        let mean = differences.sum::<f32>() / 40.0;
        assert!(mean < most, "{name}: {mean} levels from the originals");
    }
}

/// The paper is found by some of the pixels; were each a hundred after the last, here all would be on a line.
#[test]
fn lines_at_round_distances_are_not_taken_for_paper() {
    let (test, mut random) = (mnist().test, Random(5));
    let sheet = Sheet { scale: 25.0, room: 1000.0 / 700.0, ..CLEAN };
    for i in 0..5 {
        let Picture { mut pixels, size } = sheet.draw(test.image(i), &mut random);
        assert_eq!(size, (1000, 1000));
        let lines = pixels.iter_mut().enumerate().filter(|(pixel, _)| pixel % 100 < 4);
        lines.for_each(|(_, level)| *level = (*level).min(170));
        let prepared = prepare(&Picture { pixels, size }, SIZE).expect("a digit is drawn");
        let found = difference_but_for_a_pixel(&prepared, test.image(i));
        assert!(found < 11.0, "image {i}: {found} levels from the original");
    }
}

#[test]
fn dark_on_light_gives_what_light_on_dark_gives() {
    let (test, mut random) = (mnist().test, Random(2));
    for i in 0..50 {
        let sheet = Sheet::at_random(&mut random);
        let Picture { pixels, size } = sheet.draw(test.image(i), &mut random);
        let inverted = Picture { pixels: pixels.iter().map(|pixel| 255 - pixel).collect(), size };
        let (one, other) = (prepare(&Picture { pixels, size }, SIZE), prepare(&inverted, SIZE));
        let (Some(one), Some(other)) = (one, other) else { panic!("nothing was found of image {i} on {sheet:?}") };
        let found = difference(&one, &other);
        assert!(found < 1.0, "image {i} differs by {found} levels on {sheet:?}");
    }
}

#[test]
fn the_ink_is_twenty_pixels_long_and_its_centre_in_the_middle() {
    // A bar of 10 x 100, dark on light, in a corner: 2 x 20 pixels, its centre between two columns.
    let bar = |i: usize| if (20..30).contains(&(i % 150)) && (40..140).contains(&(i / 150)) { 10 } else { 230 };
    let picture = Picture { pixels: (0..150 * 200).map(bar).collect(), size: (200, 150) };
    let image = prepare(&picture, SIZE).unwrap();
    let drawn: Vec<_> = (0..784).filter(|&i| image[i] > 127).map(|i| (i / 28, i % 28)).collect();
    let rows: std::collections::BTreeSet<_> = drawn.iter().map(|(y, _)| *y).collect();
    assert_eq!((rows.len(), drawn.len(), image.iter().max()), (20, 40, Some(&255)));
    assert!(drawn.iter().all(|(y, x)| (4..25).contains(y) && (13..=15).contains(x)), "{drawn:?}");
}

#[test]
fn nothing_is_found_on_paper_that_nothing_is_drawn_on() {
    let picture = |size: (usize, usize), level: &mut dyn FnMut(usize, usize) -> f32| {
        let pixels = (0..size.0 * size.1).map(|i| level(i / size.1, i % size.1).round() as u8).collect();
        Picture { pixels, size }
    };
    let mut random = Random(3);
    let mut noise = || 20.0 * (0..4).map(|_| random.unit() - 0.5).sum::<f32>();
    for size in [(1, 1), (1, 50), (50, 1), (2, 2), (28, 28), (100, 60), (1200, 900)] {
        assert_eq!(prepare(&picture(size, &mut |_, _| 0.0), SIZE), None, "black {size:?}");
        assert_eq!(prepare(&picture(size, &mut |_, _| 255.0), SIZE), None, "white {size:?}");
        assert_eq!(
            prepare(&picture(size, &mut |y, x| 200.0 - 0.04 * y as f32 - 0.05 * x as f32), SIZE),
            None,
            "{size:?}"
        );
        if size.0 * size.1 > 100 {
            assert_eq!(prepare(&picture(size, &mut |_, _| 200.0 + noise()), SIZE), None, "noisy {size:?}");
        }
    }
    let mut speck = picture((100, 100), &mut |_, _| 250.0);
    speck.pixels[5050] = 0;
    assert_eq!(prepare(&speck, SIZE), None, "a speck of dust");
}

#[test]
fn any_pixels_of_any_size_are_prepared_or_not_but_never_harm() {
    let mut random = Random(4);
    for round in 0..400 {
        let (height, width) = (random.between(1.0, 40.0) as usize, random.between(1.0, 40.0) as usize);
        let levels = [2.0, 3.0, 256.0][round % 3];
        let level = |_| (random.between(0.0, levels).floor() * 255.0 / (levels - 1.0)) as u8;
        let pixels = (0..height * width).map(level).collect();
        for size in [SIZE, (7, 7), (1, 1), (20, 9)] {
            let image = prepare(&Picture { pixels: Vec::clone(&pixels), size: (height, width) }, size);
            assert!(image.is_none_or(|image| image.len() == size.0 * size.1 && image.iter().any(|&pixel| pixel > 0)));
        }
    }
}

// ---- variants of files

#[test]
fn sixteen_bits_palettes_interlacing_and_alpha_give_the_same_gray() {
    let right: Vec<u8> = (0..64).map(|i| 24 * (i / 8) + 10 * (i % 8)).collect();
    for name in ["sixteen-bit.png", "palette.png", "interlaced.png", "rgba.png"] {
        let picture = picture::read(&golden(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(picture, Picture { pixels: right.clone(), size: (8, 8) }, "{name}");
    }
    let bits = picture::read(&golden("one-bit.png")).unwrap().pixels;
    assert!(bits.iter().zip(&right).all(|(bit, level)| *bit == if *level >= 128 { 255 } else { 0 }), "{bits:?}");
}

#[test]
fn black_ink_on_nothing_is_seen_on_white() {
    let pixels = picture::read(&golden("ink-on-nothing.png")).unwrap().pixels;
    let ink: Vec<_> = (0..64).filter(|&i| pixels[i] == 0).collect();
    assert_eq!(ink, (1..7).map(|y| 8 * y + 3).collect::<Vec<_>>());
    assert!(pixels.iter().all(|pixel| matches!(pixel, 0 | 255)));
}

/// The six blocks of the JPEGs, row after row.
fn blocks(picture: &Picture) -> Vec<u8> {
    let (height, width) = picture.size;
    let middle = |i: usize| (i / (width / 8) * 8 + 4) * width + i % (width / 8) * 8 + 4;
    (0..height / 8 * (width / 8)).map(|i| picture.pixels[middle(i)]).collect()
}

#[track_caller]
fn assert_blocks(name: &str, picture: &Picture, right: [u8; 6]) {
    let found = blocks(picture);
    let close = found.len() == 6 && found.iter().zip(right).all(|(found, right)| found.abs_diff(right) <= 2);
    assert!(close, "{name}: expected {right:?}, found {found:?}");
}

#[test]
fn jpegs_of_every_colour_space_give_the_same_gray() {
    for name in ["progressive.jpg", "cmyk.jpg", "subsampled.jpg", "rgb.jpg"] {
        let picture = picture::read(&golden(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(picture.size, (16, 24), "{name}");
        assert_blocks(name, &picture, [20, 60, 100, 140, 180, 220]);
    }
}

#[test]
fn a_picture_is_turned_upright_as_its_camera_noted() {
    let six = fs::read(golden("orientation-6.jpg")).unwrap();
    let entry = six.windows(4).position(|bytes| matches!(bytes, [0x01, 0x12, 0, 3] | [0x12, 0x01, 3, 0])).unwrap();
    let value = (entry + 8..entry + 10).find(|&at| six[at] == 6).unwrap();
    let folder = Folder::empty();
    let read = |orientation: u8| {
        let mut bytes = six.clone();
        bytes[value] = orientation;
        folder.put("a.jpg", &bytes);
        picture::read(&folder.file("a.jpg")).unwrap()
    };
    let (a, b, c, d, e, f) = (20, 60, 100, 140, 180, 220); // a b c above d e f
    for (orientation, size, right) in [
        (1, (16, 24), [a, b, c, d, e, f]),
        (2, (16, 24), [c, b, a, f, e, d]),
        (3, (16, 24), [f, e, d, c, b, a]),
        (4, (16, 24), [d, e, f, a, b, c]),
        (5, (24, 16), [a, d, b, e, c, f]),
        (6, (24, 16), [d, a, e, b, f, c]),
        (7, (24, 16), [f, c, e, b, d, a]),
        (8, (24, 16), [c, f, b, e, a, d]),
        (0, (16, 24), [a, b, c, d, e, f]),
        (9, (16, 24), [a, b, c, d, e, f]),
    ] {
        let picture = read(orientation);
        assert_eq!(picture.size, size, "orientation {orientation}");
        assert_blocks(&format!("orientation {orientation}"), &picture, right);
    }
}

#[test]
fn what_a_camera_puts_after_a_jpeg_does_no_harm_and_one_cut_off_is_refused() {
    for name in ["progressive.jpg", "subsampled.jpg", "orientation-6.jpg", "rgb.jpg"] {
        let whole = fs::read(golden(name)).unwrap();
        let folder = Folder::with(&[("a.jpg", [&whole[..], b"SEFT", &[0; 50]].concat())]);
        folder.put("b.jpg", &whole);
        let read = |name| picture::read(&folder.file(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read("a.jpg"), read("b.jpg"), "{name} with a trailer");
        for length in 2..whole.len() {
            folder.put("a.jpg", &whole[..length]);
            assert!(picture::read(&folder.file("a.jpg")).is_err(), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn pgm_has_white_at_any_level() {
    for (bytes, right) in [
        (&b"P5 2 1 15\n\x0f\x05"[..], [255, 85]),
        (b"P5 2 1 65535\n\xff\xff\x80\x80", [255, 128]),
        (b"P5 2 1 1023\n\x03\xff\x00\x00", [255, 0]),
    ] {
        let folder = Folder::with(&[("a.pgm", bytes.to_vec())]);
        assert_eq!(picture::read(&folder.file("a.pgm")).unwrap().pixels, right);
    }
}

// ---- a folder of them

/// The folder `few`, a data set, and the model that its 2,000 training images taught: enough for nine of ten. Made once.
fn few() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own_pictures");
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        fs::create_dir_all(&folder).unwrap();
        teach(&folder);
        folder
    })
}

fn teach(folder: &Path) {
    let Splits { train, test, .. } = mnist();
    let few = Splits { train: train.slice(0..2000), validation: None, test: test.slice(0..500) };
    data::convert::write(&few, data::convert::Target::Idx, &folder.join("few")).unwrap();
    let args =
        ["train", "--epochs", "4", "--hidden", "32", "--quiet", "--out", folder.to_str().unwrap(), "--name", "run"];
    let (code, _, err) = gemmnist(&[&args[..], &["--data"]].concat(), &folder.join("few"));
    assert_eq!((code, err.as_str()), (0, ""));
}

fn model() -> String {
    few().join("run").to_str().unwrap().to_owned()
}

fn eval(model: &str, args: &[&str], data: &Path) -> (u8, String, String) {
    gemmnist(&[&["eval", model], args, &["--data"]].concat(), data)
}

fn eval_json(model: &str, data: &Path) -> Value {
    let (code, out, err) = eval(model, &["--json"], data);
    assert_eq!((code, err.as_str()), (0, ""));
    serde_json::from_str(&out).unwrap()
}

fn originals(test: &Dataset, count: usize) -> Folder {
    let folder = Folder::empty();
    for i in 0..count {
        let picture = Picture { pixels: test.image(i).to_vec(), size: SIZE };
        put(&folder, &format!("mine/{}/{i:04}.pgm", test.labels()[i]), &pgm(&picture));
    }
    folder
}

#[test]
fn a_network_knows_digits_on_paper_as_well_as_the_originals() {
    let (model, test, mut random) = (model(), mnist().test, Random(5));
    let sheets = Folder::empty();
    for i in 0..500 {
        let picture = Sheet::at_random(&mut random).draw(test.image(i), &mut random);
        put(&sheets, &format!("mine/{}/{i:04}.pgm", test.labels()[i]), &pgm(&picture));
    }
    let own = eval_json(&model, &sheets.file("mine"));
    let as_they_are = eval_json(&model, &few().join("few"));
    let as_pictures = eval_json(&model, &originals(&test, 500).file("mine"));
    assert_eq!(
        (&own["images"], &own["prepared"], own["blank"].as_array().unwrap().len()),
        (&500.into(), &500.into(), 0)
    );
    let accuracy = |object: &Value| object["accuracy"].as_f64().unwrap();
    assert!(accuracy(&as_they_are) > 0.8, "{as_they_are}");
    assert!((accuracy(&as_pictures) - accuracy(&as_they_are)).abs() <= 0.001, "{as_pictures}");
    assert!((accuracy(&own) - accuracy(&as_they_are)).abs() < 0.03, "{own}, {as_they_are}"); // 15 of 500
    let mistakes = own["mistakes"].as_array().unwrap();
    assert_eq!(mistakes.len(), 500 - (500.0 * accuracy(&own)).round() as usize);
    let first = mistakes[0]["image"].as_str().unwrap();
    assert!(Path::new(first).is_file() && mistakes[0]["label"] != mistakes[0]["prediction"], "{}", mistakes[0]);
    assert!((0.1..=1.0).contains(&mistakes[0]["probability"].as_f64().unwrap()), "{}", mistakes[0]);
}

#[test]
fn folders_of_some_classes_keep_their_numbers_and_blank_pictures_are_told() {
    let (model, test) = (model(), mnist().test);
    let mine = Folder::empty();
    let of_class = |class: u8| (0..test.len()).filter(|&i| test.labels()[i] == class).take(12).collect::<Vec<_>>();
    for class in [3, 7] {
        for i in of_class(class) {
            put(&mine, &format!("mine/{class}/{i}.pgm"), &pgm(&CLEAN.draw(test.image(i), &mut Random(6))));
        }
    }
    put(&mine, "mine/7/blank.pgm", &[&b"P5 40 30 255\n"[..], &[200; 1200]].concat());
    put(&mine, "mine/notes.txt", b"pens: blue");
    put(&mine, "mine/7/a.heic", b"\0\0\0\x18ftypheic");
    let (code, out, err) = eval(&model, &[], &mine.file("mine"));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.contains("24 pictures prepared as MNIST was") && out.contains("1 picture left out, nothing is drawn on it")
    );
    assert!(out.contains("7/blank.pgm\n"), "{out}");
    assert!(out.contains("1 file left out, no picture:\n") && out.contains("7/a.heic\n"), "{out}");
    let object = eval_json(&model, &mine.file("mine"));
    let images: Vec<_> =
        object["classes"].as_array().unwrap().iter().map(|class| class["images"].as_u64().unwrap()).collect();
    assert_eq!(images, [0, 0, 0, 12, 0, 0, 0, 12, 0, 0]);
    let right: u64 = object["classes"].as_array().unwrap().iter().map(|class| class["right"].as_u64().unwrap()).sum();
    assert!(right > 12, "{object}");
    let mistakes = 24 - right as usize;
    assert_eq!(out.lines().filter(|line| line.contains(" for ") && line.ends_with(" %")).count(), mistakes, "{out}");
}

#[test]
fn splits_of_the_networks_size_stay_raw_and_others_are_prepared() {
    let (model, test, mine) = (model(), mnist().test, Folder::empty());
    for i in 0..20 {
        // Moved to a corner: preparing would move it back.
        let moved: Vec<u8> = [&test.image(i)[29..], &[0; 29]].concat();
        for split in ["train", "test"] {
            let picture = Picture { pixels: moved.clone(), size: SIZE };
            put(&mine, &format!("mine/{split}/{}/{i}.pgm", test.labels()[i]), &pgm(&picture));
        }
    }
    // The digits 0 to 9 all occur in the first 20, so the classes are the network's.
    let raw = eval_json(&model, &mine.file("mine"));
    assert!(raw["prepared"].is_null(), "{raw}");
    let large = CLEAN.draw(test.image(0), &mut Random(7));
    put(&mine, &format!("mine/test/{}/large.pgm", test.labels()[0]), &pgm(&large));
    let prepared = eval_json(&model, &mine.file("mine"));
    assert_eq!((&prepared["prepared"], &prepared["images"]), (&21.into(), &21.into()));
}

#[test]
fn mistakes_of_a_data_set_are_listed_when_asked_for() {
    let model = model();
    let (_, silent, _) = eval(&model, &[], &few().join("few"));
    let (code, out, _) = eval(&model, &["--mistakes"], &few().join("few"));
    assert_eq!(code, 0);
    let listed = out.lines().filter(|line| line.starts_with("image ")).count();
    let (_, json, _) = eval(&model, &["--json"], &few().join("few"));
    let object: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(listed, 500 - (500.0 * object["accuracy"].as_f64().unwrap()).round() as usize);
    assert!(listed > 0 && !silent.contains("\nimage ") && object["mistakes"].is_null(), "{silent}");
}

#[test]
fn folders_that_cannot_be_judged_on_or_learnt_from_are_refused_with_a_remedy() {
    let (model, test) = (model(), mnist().test);
    let mine = originals(&test, 30);
    let refused = |(code, out, err): (u8, String, String), parts: &[&str]| {
        assert_eq!((code, out.as_str(), err.lines().count()), (3, "", 1), "{err}");
        parts.iter().for_each(|part| assert!(err.contains(part), "no {part:?} in: {err}"));
    };
    let out = Folder::empty();
    let learn = ["train", "--epochs", "1", "--out", out.path().to_str().unwrap(), "--data"];
    refused(
        gemmnist(&learn, &mine.file("mine")),
        &["data set: expected the folders train and test", "eval --data", "train/CLASS"],
    );
    refused(eval(&model, &["--split", "train"], &mine.file("mine")), &["expected the folders train and test"]);
    put(&mine, "mine/ten/a.pgm", b"P5 1 1 255\n\0");
    refused(
        eval(&model, &[], &mine.file("mine")),
        &["mine/ten: class: expected folders of the classes 0 1 2", "found ten"],
    );
    fs::remove_dir_all(mine.file("mine/ten")).unwrap();
    put(&mine, "mine/3/a.jpg", b"\xff\xd8\xff\xe0 cut off");
    refused(eval(&model, &[], &mine.file("mine")), &["mine/3/a.jpg: picture: expected a whole PNG, JPEG or PGM"]);
    let flat = Folder::empty();
    put(&flat, "mine/3.pgm", b"P5 2 2 255\n\0\0\0\0");
    refused(eval(&model, &[], &flat.file("mine")), &["expected each in the folder of its class", "gemmnist predict"]);
    let blank = Folder::empty();
    put(&blank, "mine/3/a.pgm", b"P5 2 2 255\n\0\0\0\0");
    refused(eval(&model, &[], &blank.file("mine")), &["expected a picture on which something is drawn, found 1 blank"]);
}

#[test]
fn pictures_beside_a_data_set_are_none_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let classes: Vec<_> = (0..10).map(|class| class.to_string()).collect();
    fs::create_dir(folder.path().join("previews")).unwrap();
    fs::copy(golden("rgb.jpg"), folder.path().join("previews/a.jpg")).unwrap();
    assert!(data::own_pictures(folder.path(), SIZE, &classes).is_err(), "by itself it is a class that there is not");
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist")).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    assert!(data::own_pictures(folder.path(), SIZE, &classes).unwrap().is_none());
}

/// A "1" cut out so tightly that it runs from edge to edge, and a spot of dust.
#[test]
fn dust_beside_a_digit_that_fills_the_picture_is_not_the_drawing() {
    let (height, width) = (100, 60);
    let drawn = |spot: bool| {
        let ink = |i: usize| {
            let (y, x) = (i / width, i % width);
            (25..33).contains(&x) || spot && (10..16).contains(&y) && (50..56).contains(&x)
        };
        let pixels = (0..height * width).map(|i| if ink(i) { 20 } else { 240 }).collect();
        prepare(&Picture { pixels, size: (height, width) }, SIZE).unwrap()
    };
    let weight = |image: Vec<u8>| image.iter().map(|&byte| f64::from(byte)).sum::<f64>();
    let (clean, dusty) = (weight(drawn(false)), weight(drawn(true)));
    assert!((clean - dusty).abs() < 0.1 * clean, "{clean} {dusty}");
}
