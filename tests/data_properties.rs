//! What holds of every format, for data sets drawn at random and for files damaged at random.

mod data_support;

use std::fs;
use std::path::Path;

use data_support::*;
use gemmnist::data::convert::{Target, write};
use gemmnist::data::{self, Dataset, Splits, picture};

/// Numbers from a linear congruence.
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }

    /// `count` images of `classes`, all of which occur if `count` allows it.
    fn images(&mut self, count: usize, size: (usize, usize), classes: usize) -> Dataset {
        let mut labels: Vec<u8> = (0..count).map(|i| (i % classes) as u8).collect();
        (0..count).for_each(|i| labels.swap(i, self.below(count)));
        let bytes = (0..count * size.0 * size.1).map(|_| self.below(256) as u8).collect();
        Dataset::new(bytes, labels, size, classes)
    }

    fn splits(&mut self) -> Splits {
        let size = if self.below(2) == 0 {
            [(1, 1), (3, 3), (5, 5)][self.below(3)]
        } else {
            (1 + self.below(6), 1 + self.below(6))
        };
        let classes = 1 + self.below(12);
        let count = classes + self.below(20);
        let train = self.images(count, size, classes);
        let validation = (self.below(2) == 0).then(|| {
            let count = 1 + self.below(8);
            self.images(count, size, classes)
        });
        let count = 1 + self.below(8);
        Splits { train, validation, test: self.images(count, size, classes) }
    }
}

/// The data set with its images class after class, as folders have them.
fn sorted(images: &Dataset) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut order: Vec<_> = (0..images.len()).collect();
    order.sort_by_key(|&i| images.labels()[i]); // stable
    order.into_iter().map(|i| (images.labels()[i], images.image(i).to_vec())).unzip()
}

#[test]
fn any_data_set_comes_back_from_any_format() {
    let mut random = Random(1);
    for round in 0..60 {
        let splits = random.splits();
        let folder = Folder::empty();
        let convert = |target, name: &str| {
            let path = folder.file(name);
            write(&splits, target, &path).unwrap_or_else(|error| panic!("round {round}: {error}"));
            let survey = data::survey(&path).unwrap_or_else(|error| panic!("round {round}: {error}"));
            let read = data::load_folder(&path).unwrap_or_else(|error| panic!("round {round}: {error}"));
            let outline = (survey.train, survey.validation, survey.test, survey.size, survey.classes);
            let found = (read.train.len(), read.validation.as_ref().map(Dataset::len), read.test.len());
            assert_eq!(
                outline,
                (found.0, found.1, found.2, read.train.size(), read.train.classes()),
                "round {round}: {name}"
            );
            read
        };
        assert_eq!(convert(Target::Npz, "a.npz"), splits, "round {round}");
        assert_eq!(convert(Target::Csv, "csv"), splits, "round {round}");
        if splits.validation.is_some() {
            assert_eq!(convert(Target::Pickle, "a.pkl"), splits, "round {round}");
            assert_eq!(convert(Target::Pickle, "a.pkl.gz"), splits, "round {round}");
        }
        let pictures = convert(Target::Pictures, "pictures");
        let names: Vec<_> = (0..splits.train.classes()).map(|class| class.to_string()).collect();
        assert_eq!(pictures.train.class_names(), Some(&names[..]), "round {round}");
        assert_eq!(sorted(&pictures.train), sorted(&splits.train), "round {round}");
        assert_eq!(sorted(&pictures.test), sorted(&splits.test), "round {round}");
        if splits.validation.is_none() {
            assert_eq!(convert(Target::Idx, "idx"), splits, "round {round}");
        }
    }
}

#[test]
fn class_names_of_any_kind_come_back_from_pictures() {
    for names in [["cat", "dog", "eel"], ["Ä", "日本", "🙂"], ["a b", "a,b", "a.b"], ["7", "70", "8"], ["%", "'", "\""]]
    {
        let name = |name: &str| name.to_owned();
        let mut names = names.map(name);
        names.sort();
        if names.iter().all(|name| name.parse::<u64>().is_ok()) {
            names.sort_by_key(|name| name.parse::<u64>().unwrap());
        }
        let mut random = Random(2);
        let named = |images: Dataset| images.with_class_names(names.to_vec());
        let splits = Splits {
            train: named(random.images(9, (2, 3), 3)),
            validation: None,
            test: named(random.images(4, (2, 3), 3)),
        };
        let folder = Folder::empty();
        write(&splits, Target::Pictures, &folder.file("a")).unwrap();
        let read = data::load_folder(&folder.file("a")).unwrap();
        assert_eq!(read.train.class_names(), Some(&names[..]));
        assert_eq!((sorted(&read.train), sorted(&read.test)), (sorted(&splits.train), sorted(&splits.test)));
    }
}

/// A small file of a format, and how it is read.
struct Sample {
    name: String,
    bytes: Vec<u8>,
    read: fn(&Path) -> Option<Vec<u8>>,
    /// Whether checksums guard every pixel: then damage is noticed, or of no effect.
    guarded: bool,
}

/// Every pixel and label that was read; none if it was refused.
fn data_set(path: &Path) -> Option<Vec<u8>> {
    let splits = data::load_folder(path).ok()?;
    let sets = [Some(&splits.train), splits.validation.as_ref(), Some(&splits.test)];
    Some(sets.into_iter().flatten().flat_map(|set| [&set.images(), set.labels()].concat()).collect())
}

/// The data set in the folder of the file.
fn around(path: &Path) -> Option<Vec<u8>> {
    data_set(path.parent().unwrap())
}

fn one_picture(path: &Path) -> Option<Vec<u8>> {
    picture::read(path).ok().map(|picture| picture.pixels)
}

fn samples() -> Vec<Sample> {
    let golden = |name: &str| fs::read(golden_format(name)).unwrap();
    let pictures = |name: &str| fs::read(golden_format("../pictures").join(name)).unwrap();
    let mut samples = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, read, guarded| {
        samples.push(Sample { name: name.to_owned(), bytes, read, guarded });
    };
    add(TRAIN_IMAGES, images(6), around, false);
    add(TRAIN_IMAGES, gzip(&images(6)), around, true);
    for protocol in 0..6 {
        let name = format!("numpy-protocol-{protocol}.pkl");
        add(&name, golden(&name), data_set, false);
    }
    add("cpickle.pkl.gz", golden("cpickle.pkl.gz"), data_set, true);
    add("stored.npz", golden("stored.npz"), data_set, true);
    add("deflated.npz", golden("deflated.npz"), data_set, true);
    add("train.csv", b"0,1,2,3,4\n1,10,20,30,40\n2,50,60,70,80\n".to_vec(), around, false);
    for (name, guarded) in
        [("interlaced.png", true), ("palette.png", true), ("cmyk.jpg", false), ("progressive.jpg", false)]
    {
        add(name, pictures(name), one_picture, guarded);
    }
    add("orientation-6.jpg", pictures("orientation-6.jpg"), one_picture, false);
    add("subsampled.jpg", pictures("subsampled.jpg"), one_picture, false);
    add("a.pgm", b"P5 3 2 255\n\x01\x02\x03\x04\x05\x06".to_vec(), one_picture, false);
    samples
}

/// The folder a sample is put into: with what else its data set needs.
fn folder_of(sample: &Sample) -> Folder {
    let folder = match &*sample.name {
        TRAIN_IMAGES => Folder::good(),
        "train.csv" => Folder::with(&[("test.csv", b"2,1,2,3,4\n".to_vec())]),
        _ => Folder::empty(),
    };
    folder.put(&sample.name, &sample.bytes);
    assert!((sample.read)(&folder.file(&sample.name)).is_some(), "{} is good", sample.name);
    folder
}

#[test]
fn ten_thousand_times_damaged_a_file_gives_an_error_or_the_right_data() {
    for sample in samples() {
        let (folder, mut random) = (folder_of(&sample), Random(3));
        let path = folder.file(&sample.name);
        let right = (sample.read)(&path);
        let mut refused = 0;
        for round in 0..10_000 {
            let mut bytes = sample.bytes.clone();
            let flips = 1 + round % 3;
            (0..flips).for_each(|_| bytes[random.below(sample.bytes.len())] ^= 1 << random.below(8));
            folder.put(&sample.name, &bytes);
            match (sample.read)(&path) {
                None => refused += 1,
                found if sample.guarded => assert!(found == right, "{}: round {round} gave other data", sample.name),
                Some(_) => {}
            }
        }
        assert!(refused > 0, "{}: nothing was noticed", sample.name);
    }
}

#[test]
fn a_file_cut_at_any_byte_is_refused_unless_what_is_left_is_whole() {
    for sample in samples() {
        let folder = folder_of(&sample);
        let path = folder.file(&sample.name);
        for length in 0..sample.bytes.len() {
            folder.put(&sample.name, &sample.bytes[..length]);
            let found = (sample.read)(&path);
            let whole = sample.name == "train.csv"; // a table has no end that could be missing
            assert!(found.is_none() || whole, "{} cut to {length} bytes was read", sample.name);
        }
    }
}
