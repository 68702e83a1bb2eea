//! A data set written in one format and read back.

mod data_support;

use std::fs;

use data_support::*;
use gemmnist::data::convert::{Target, write};
use gemmnist::data::{self, Splits};

fn convert(splits: &Splits, target: Target, name: &str) -> (Folder, Splits) {
    let folder = Folder::empty();
    write(splits, target, &folder.file(name)).unwrap_or_else(|error| panic!("{error}"));
    let read = data::load_folder(&folder.file(name)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    (folder, read)
}

/// The images of the data set as IDX can hold them: no validation split, its images after those for training.
fn without_validation(name: &str) -> Splits {
    data::load_folder(&golden_format(name)).unwrap()
}

#[test]
fn npz_csv_and_pickles_come_back_as_they_were() {
    for splits in [golden_splits(), without_validation("stored.npz")] {
        assert_eq!(convert(&splits, Target::Npz, "mnist.npz").1, splits);
        assert_eq!(convert(&splits, Target::Csv, "csv").1, splits);
    }
    for name in ["mnist.pkl", "mnist.pkl.gz"] {
        assert_eq!(convert(&golden_splits(), Target::Pickle, name).1, golden_splits());
    }
}

#[test]
fn images_that_are_no_squares_come_back_from_npz_csv_idx_and_pictures() {
    let splits = data::load_folder(Folder::good().path()).unwrap();
    for (target, name) in [(Target::Npz, "a.npz"), (Target::Csv, "a"), (Target::Idx, "a")] {
        assert_eq!(convert(&splits, target, name).1, splits, "{target:?}");
    }
    assert_eq!(convert(&splits, Target::Pictures, "a").1.train.size(), (2, 3));
}

#[test]
fn idx_has_the_validation_images_after_those_for_training() {
    let Splits { train, validation, test } = golden_splits();
    let read = convert(&golden_splits(), Target::Idx, "idx").1;
    assert_eq!(read.train.labels(), [train.labels(), validation.unwrap().labels()].concat());
    assert_eq!((read.validation, read.test), (None, test));
}

#[test]
fn pictures_come_back_class_after_class_in_order() {
    let read = convert(&golden_splits(), Target::Pictures, "pictures").1;
    let train = golden_splits().train;
    assert_eq!(read.train.labels(), [0, 0, 1, 1, 2, 2]);
    let order = [0, 3, 1, 4, 2, 5];
    assert!(order.iter().enumerate().all(|(i, &was)| read.train.image(i) == train.image(was)));
    assert_eq!(read.validation.as_ref().map(|images| images.len()), Some(2));
    assert_eq!(convert(&read, Target::Pictures, "again").1, read);
}

#[test]
fn a_pickle_without_validation_images_gets_the_classic_sixth_from_the_end() {
    let splits = data::load_folder(Folder::good().path()).unwrap();
    assert_eq!(convert(&splits, Target::Pickle, "a.pkl").1.train, splits.train.slice(0..5));
    let mnist = without_validation("stored.npz");
    let read = convert(&mnist, Target::Pickle, "a.pkl.gz").1;
    assert_eq!((read.train, read.validation), (mnist.train.slice(0..5), Some(mnist.train.slice(5..6))));
}

#[test]
fn the_command_converts_and_prints_where() {
    let (from, folder) = (Folder::good(), Folder::empty());
    let out = folder.file("mnist.npz");
    let args = ["data", "convert", from.path().to_str().unwrap(), "--to", "npz", "--out"];
    let (code, printed, err) = gemmnist(&args, &out);
    assert_eq!((code, printed, err.as_str()), (0, format!("{}\n", out.display()), ""));
    let (code, _, err) = gemmnist(&args, &out);
    assert_eq!(code, 1);
    assert!(err.contains("mnist.npz: cannot write") && err.contains("choose a name that is free"), "{err}");
}

#[test]
fn a_conversion_that_cannot_be_written_leaves_nothing() {
    let folder = Folder::empty();
    for target in [Target::Idx, Target::Npz, Target::Csv, Target::Pictures, Target::Pickle] {
        let message = write(&golden_splits(), target, &folder.file("nowhere/out")).unwrap_err().to_string();
        assert!(message.contains("nowhere/out: cannot write"), "{message}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn class_names_that_are_no_folder_names_are_refused() {
    for name in ["../up", ".hidden", "a/b", ""] {
        let mut splits = golden_splits();
        splits.train = splits.train.with_class_names(vec!["a".to_owned(), name.to_owned(), "c".to_owned()]);
        let folder = Folder::empty();
        assert!(write(&splits, Target::Pictures, &folder.file("out")).is_err(), "{name:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
