//! What is read, from which file, whatever the files are called.

mod data_support;

use data_support::*;
use gemmnist::data::{self, Dataset, Splits};
use gemmnist::nn::Network;
use gemmnist::train::{EpochRecord, Judgement, Observer, TrainSettings, Trainer};

fn load(folder: &Folder) -> Splits {
    data::load_folder(folder.path()).unwrap_or_else(|error| panic!("{error}"))
}

/// The data set of [`Folder::good`].
fn right() -> Splits {
    load(&Folder::good())
}

#[test]
fn images_labels_and_classes_are_those_in_the_files() {
    let Splits { train, validation, test } = right();
    assert_eq!(validation, None);
    assert_eq!((train.len(), train.size(), train.pixels(), train.classes()), (6, (2, 3), 6, 3));
    assert_eq!((train.labels(), train.image(5)), (&[0, 1, 2, 0, 1, 2][..], &[30, 31, 32, 33, 34, 35][..]));
    assert_eq!((test.len(), test.labels(), test.classes()), (3, &[2, 1, 0][..], 3));
}

#[test]
fn gzip_is_told_by_content_and_not_by_name() {
    let folder = Folder::good();
    folder.put(TRAIN_IMAGES, &gzip(&images(6))); // packed, without .gz
    folder.rename(TEST_IMAGES, &format!("{TEST_IMAGES}.gz")); // raw, with .gz
    assert_eq!(load(&folder), right());
}

#[test]
fn concatenated_gzip_members_are_one_file() {
    let folder = Folder::good();
    let whole = images(6);
    folder.put(TRAIN_IMAGES, &[gzip(&whole[..7]), gzip(&[]), gzip(&whole[7..])].concat());
    assert_eq!(load(&folder), right());
}

#[test]
fn labels_called_by_the_name_of_the_other_split_go_where_they_fit() {
    let folder = Folder::good();
    folder.rename(TRAIN_LABELS, "aside");
    folder.rename(TEST_LABELS, TRAIN_LABELS);
    folder.rename("aside", TEST_LABELS);
    assert_eq!(load(&folder), right());
}

#[test]
fn images_and_labels_called_by_each_others_names_are_told_apart() {
    let folder = Folder::good();
    folder.rename(TRAIN_LABELS, "aside");
    folder.rename(TRAIN_IMAGES, TRAIN_LABELS);
    folder.rename("aside", TRAIN_IMAGES);
    assert_eq!(load(&folder), right());
}

#[test]
fn four_files_of_any_names_are_a_data_set() {
    let folder = Folder::good();
    for (name, other) in [(TRAIN_IMAGES, "w"), (TRAIN_LABELS, "x"), (TEST_IMAGES, "y"), (TEST_LABELS, "z")] {
        folder.rename(name, other);
    }
    assert_eq!(load(&folder), right());
}

#[test]
fn a_packed_and_an_unpacked_copy_are_one_file() {
    let folder = Folder::good();
    for name in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS] {
        folder.put(&format!("{name}.gz"), &gzip(&folder.get(name)));
    }
    assert_eq!(load(&folder), right());
}

#[test]
fn other_files_and_folders_do_not_matter() {
    let folder = Folder::good();
    folder.put("README.md", b"# digits");
    folder.put("mnist.npz", b"PK\x03\x04");
    folder.put("broken.gz", &[0x1f, 0x8b, 8]);
    folder.put("nothing", b"");
    std::fs::create_dir(folder.file("raw")).unwrap();
    assert_eq!(load(&folder), right());
}

#[test]
fn on_equal_counts_names_decide() {
    for test in ["t10k", "test", "Test"] {
        let folder = Folder::with(&[
            (&format!("{test}-images"), images(3)),
            (&format!("{test}-labels"), labels(&[2, 1, 0])),
            ("train-images", images(3)),
            ("TRAIN.labels", labels(&[0, 1, 2])),
        ]);
        let Splits { train, test, .. } = load(&folder);
        assert_eq!((train.labels(), test.labels()), (&[0, 1, 2][..], &[2, 1, 0][..]));
    }
}

#[test]
fn a_test_split_that_is_larger_is_the_test_split_if_its_names_say_so() {
    let folder = Folder::with(&[
        ("train-images", images(2)),
        ("train-labels", labels(&[0, 1])),
        ("t10k-images", images(5)),
        ("t10k-labels", labels(&[1, 0, 1, 0, 1])),
    ]);
    let Splits { train, test, .. } = load(&folder);
    assert_eq!((train.labels(), test.labels()), (&[0, 1][..], &[1, 0, 1, 0, 1][..]));
    folder.rename("train-images", "images-a");
    folder.rename("train-labels", "labels-a");
    folder.rename("t10k-images", "images-b");
    folder.rename("t10k-labels", "labels-b");
    assert_eq!(load(&folder).train.len(), 5, "without names the larger pair is for training");
}

#[test]
fn of_three_pairs_names_decide() {
    let folder = Folder::good();
    folder.put("extra-images", &images(60));
    folder.put("extra-labels", &labels(&[0; 60]));
    assert_eq!(load(&folder), right());
}

#[test]
fn a_training_on_mapped_images_is_that_on_packed_ones_and_ends_when_their_file_is_written() {
    let folder = Folder::good();
    let train = |images: &Dataset, observer: &mut dyn Observer| {
        let settings = TrainSettings { hidden: vec![4], batch_size: 2, epochs: 3, ..TrainSettings::default() };
        let mut trainer = Trainer::new(settings.check().unwrap(), images).unwrap();
        let judge = |_: &Network| Judgement { validation: None, test: None };
        trainer
            .run(&judge, observer)
            .map(|()| trainer.history().epochs.iter().map(|e| e.train_loss).collect::<Vec<_>>())
    };
    let mapped = load(&folder).train;
    let losses = train(&mapped, &mut ()).unwrap();
    folder.put(&format!("{TRAIN_IMAGES}.packed"), &gzip(&images(6)));
    folder.rename(&format!("{TRAIN_IMAGES}.packed"), TRAIN_IMAGES); // the mapped file is still there, without a name
    assert_eq!(train(&load(&folder).train, &mut ()).unwrap(), losses);
    assert_eq!(train(&mapped, &mut ()).unwrap(), losses);

    /// Writes the file after the first epoch.
    struct Writes(std::path::PathBuf);
    impl Observer for Writes {
        fn epoch(&mut self, _: &EpochRecord) -> gemmnist::Result<()> {
            std::fs::File::open(&self.0).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            Ok(())
        }
    }
    folder.put("again", &images(6));
    folder.rename("again", TRAIN_IMAGES);
    let error = train(&load(&folder).train, &mut Writes(folder.file(TRAIN_IMAGES))).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("train-images-idx3-ubyte: file in use: expected the file as it was"), "{error}");
}

#[test]
fn mnist_is_here_whole_and_as_published() {
    let mnist = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    let (code, out, err) = gemmnist(&["data", "verify", "--json"], &mnist);
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let published: Vec<_> = lines[..4].iter().map(|line| line["published"].as_str().unwrap()).collect();
    assert_eq!(published, ["MNIST training images", "MNIST training labels", "MNIST test images", "MNIST test labels"]);
    assert_eq!(lines[4]["train"][0], 5923);
    assert_eq!(lines[4]["test"][9], 1009);
    assert_eq!(lines.len(), 5);
}

#[test]
fn a_checksum_is_that_of_the_unpacked_content() {
    let folder = Folder::good();
    let raw = data::verify(folder.path()).unwrap();
    folder.put(TRAIN_IMAGES, &gzip(&images(6)));
    assert_eq!(data::verify(folder.path()).unwrap().files, raw.files);
    // printf '\0\0\010\001\0\0\0\003\002\001\0' | sha256sum
    assert_eq!(raw.files[3].sha256, "31273192f2c786a0e1b6c8f8dfa0d35685f89a873fda8cad2ddaea635a6c9dac");
    assert_eq!(data::published(&raw.files[3].sha256), None);
}
