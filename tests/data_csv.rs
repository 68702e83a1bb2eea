//! Tables of labels and pixels, as Kaggle ships MNIST.

mod data_support;

use data_support::*;
use gemmnist::data::{self, Splits};

/// Images of 2 x 2 with these labels; the pixels of line i are i, 10 i, 20 i, 255.
fn lines(labels: &[u8]) -> String {
    let line = |(i, label): (usize, &u8)| format!("{label},{i},{},{},255\n", 10 * i, 20 * i);
    labels.iter().enumerate().map(line).collect()
}

fn folder(train: &str, test: &str) -> Folder {
    Folder::with(&[("mnist_train.csv", train.into()), ("mnist_test.csv", test.into())])
}

fn good() -> Folder {
    folder(&lines(&[0, 1, 2]), &lines(&[2, 0]))
}

fn load(folder: &Folder) -> Splits {
    data::load_folder(folder.path()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn labels_come_first_and_pixels_make_a_square() {
    let Splits { train, validation, test } = load(&good());
    assert_eq!((train.labels(), train.size(), train.image(2)), (&[0, 1, 2][..], (2, 2), &[2, 20, 40, 255][..]));
    assert_eq!((validation, test.labels()), (None, &[2, 0][..]));
}

#[test]
fn headers_quotes_line_ends_marks_and_gzip_make_no_difference() {
    let (train, test) = (lines(&[0, 1, 2]), lines(&[2, 0]));
    let right = load(&good());
    for header in
        ["label,pixel0,pixel1,pixel2,pixel3\n", "\"label\",\"1x1\",\"1x2\",\"2x1\",\"2x2\"\r\n", "\u{feff}label,,,,\n"]
    {
        assert_eq!(load(&folder(&format!("{header}{train}"), &test)), right, "{header}");
    }
    assert_eq!(load(&folder(&train.replace('\n', "\r\n"), &format!("\u{feff}{test}\n\n"))), right);
    assert_eq!(load(&folder(&train.replace(',', " , "), test.trim_end())), right);
    let packed = [("train.csv.gz", gzip(train.as_bytes())), ("test.csv.gz", gzip(test.as_bytes()))];
    assert_eq!(load(&Folder::with(&packed)), right);
}

#[test]
fn a_file_with_valid_in_its_name_is_the_validation_split() {
    let folder = good();
    folder.put("validation.csv", lines(&[1]).as_bytes());
    assert_eq!(load(&folder).validation.unwrap().labels(), [1]);
    folder.put("more_train.csv", lines(&[1]).as_bytes());
    assert_refused(&folder, "", &["CSV files: expected one with train and one with test", "more_train.csv"]);
}

#[test]
fn images_that_are_no_square_need_columns_that_say_so() {
    let header = "label,1x1,1x2,1x3,1x4\n";
    let train = load(&folder(&format!("{header}{}", lines(&[0, 1])), &format!("{header}{}", lines(&[0])))).train;
    assert_eq!(train.size(), (1, 4));
    assert_refused(
        &folder("0,1,2\n", "0,1,2\n"),
        "mnist_train.csv",
        &["columns: expected a label, and pixels that make a square", "found 3 in line 1"],
    );
}

#[test]
fn a_wrong_cell_is_refused_with_line_and_column() {
    for (wrong, found) in
        [("256", "\"256\""), ("-1", "\"-1\""), ("0.5", "\"0.5\""), ("", "\"\""), ("\u{1b}[2J", "u{1b}")]
    {
        let train = format!("0,1,2,3,4\n1,1,2,{wrong},4\n");
        let bad = folder(&train, &lines(&[0]));
        assert_refused(
            &bad,
            "mnist_train.csv",
            &["number: expected a pixel from 0 to 255", found, "at column 4 in line 2"],
        );
    }
    assert_refused(
        &folder(&lines(&[0, 1]), "label,a,b,c,d\n300,1,2,3,4\n"),
        "mnist_test.csv",
        &["a label from 0 to 255", "column 1 in line 2"],
    );
}

#[test]
fn a_line_with_another_number_of_columns_is_refused() {
    for (line, found) in [("1,2,3,4", "found 4"), ("1,2,3,4,5,6", "found 6"), ("1", "found 1")] {
        let bad = folder(&format!("{}{line}\n", lines(&[0, 1])), &lines(&[0]));
        assert_refused(&bad, "mnist_train.csv", &["columns: expected 5 as in the first line", found, "in line 3"]);
    }
}

#[test]
fn kaggles_test_file_without_labels_is_refused() {
    for header in ["pixel0,pixel1,pixel2,pixel3\n", "\"1x1\",1x2,2x1,2x2\n"] {
        let bad = folder(&lines(&[0, 1]), &format!("{header}1,2,3,4\n"));
        assert_refused(
            &bad,
            "mnist_test.csv",
            &[
                "labels: expected a first column of labels, found pixels only, as in Kaggle's test.csv",
                "(nothing can be judged",
            ],
        );
    }
    let bad = folder(&lines(&[0, 1]), "1,2,3,4\n");
    assert_refused(&bad, "mnist_test.csv", &["labels: expected a label before the pixels, found 4 columns"]);
}

#[test]
fn a_file_without_images_and_one_that_is_not_text_are_refused() {
    assert_refused(&folder("label,a,b,c,d\n", &lines(&[0])), "mnist_train.csv", &["images: expected at least one"]);
    let bad = good();
    bad.put("mnist_train.csv", b"0,1,2,3,4\n1,1,2,\xff,4\n");
    assert_refused(&bad, "", &[]);
}

#[test]
fn a_long_line_is_refused_before_it_is_kept() {
    let bad = good();
    bad.put("mnist_train.csv", &gzip(&[b"0,1,2,3,".to_vec(), vec![b'4'; 40 << 20]].concat()));
    assert_refused(&bad, "mnist_train.csv", &["a line: expected under 16777216 bytes"]);
}

#[test]
fn a_file_cut_or_flipped_anywhere_gives_an_error_or_the_same_columns() {
    let whole = lines(&[0, 1, 2]).into_bytes();
    let folder = good();
    for packed in [false, true] {
        let whole = if packed { gzip(&whole) } else { whole.clone() };
        for length in 0..whole.len() {
            folder.put("mnist_train.csv", &whole[..length]);
            let read = data::load_folder(folder.path());
            assert!(!packed || read.is_err(), "gzip cut to {length} bytes was loaded");
            assert!(read.is_err() || read.is_ok_and(|splits| splits.train.size() == (2, 2)), "cut to {length} bytes");
        }
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            folder.put("mnist_train.csv", &flipped);
            if let Ok(splits) = data::load_folder(folder.path()) {
                assert_eq!(splits.train.size(), (2, 2), "bit {bit}");
            }
        }
    }
}

#[test]
fn files_called_emnist_are_turned_whatever_their_folder_is_called() {
    let right = load(&good()).train;
    let named =
        [("emnist-digits-train.csv", lines(&[0, 1, 2]).into()), ("emnist-digits-test.csv", lines(&[2, 0]).into())];
    let folder = Folder::with(&named);
    let turned = load(&folder).train;
    assert_eq!((right.image(2), turned.image(2)), (&[2, 20, 40, 255][..], &[2, 40, 20, 255][..]));
    let (_, out, _) = gemmnist(&["data", "verify"], folder.path());
    assert!(out.contains("emnist-... hold each image with rows and columns exchanged"), "{out}");
}

#[test]
fn idx_files_called_emnist_are_turned_and_have_as_many_classes_as_labels() {
    let all: Vec<u8> = (0..62).collect();
    let files = [
        ("emnist-byclass-train-images-idx3-ubyte", images(62)),
        ("emnist-byclass-train-labels-idx1-ubyte", labels(&all)),
        ("emnist-byclass-test-images-idx3-ubyte", images(2)),
        ("emnist-byclass-test-labels-idx1-ubyte", labels(&[61, 0])),
    ];
    let train = load(&Folder::with(&files)).train;
    assert_eq!((train.size(), train.classes(), train.image(0)), ((3, 2), 62, &[0, 3, 1, 4, 2, 5][..]));
    let inside = Folder::empty();
    std::fs::create_dir(inside.file("emnist-mnist")).unwrap();
    let good = Folder::good();
    for name in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS] {
        std::fs::write(inside.file("emnist-mnist").join(name), good.get(name)).unwrap();
    }
    assert_eq!(data::load_folder(&inside.file("emnist-mnist")).unwrap(), load(&good));
}
