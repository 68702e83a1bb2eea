//! The sheet of samples, as the command writes it.
#![cfg(feature = "report")]

mod data_support;

use std::fs;

use data_support::*;

#[test]
fn a_sheet_is_written_and_its_path_printed() {
    let (data, folder) = (Folder::good(), Folder::empty());
    let out = folder.file("sheet.svg");
    let (code, printed, err) =
        gemmnist(&["data", "samples", "--data", data.path().to_str().unwrap(), "--split", "test", "--out"], &out);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(printed, format!("{}\n", out.display()));
    let svg = fs::read_to_string(&out).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<image ").count(), 3);
    assert!(svg.contains("<title>image 0, label 2</title>"), "{svg}");
}

#[test]
fn a_sheet_that_cannot_be_written_is_a_failure_that_names_it() {
    let (data, folder) = (Folder::good(), Folder::empty());
    let out = folder.file("nowhere/sheet.svg");
    let (code, printed, err) = gemmnist(&["data", "samples", "--data", data.path().to_str().unwrap(), "--out"], &out);
    assert_eq!((code, printed.as_str()), (1, ""));
    assert!(err.contains("sheet.svg: cannot write"), "{err}");
}

#[test]
fn a_sheet_of_bad_data_is_not_begun() {
    let (data, folder) = (Folder::good(), Folder::empty());
    data.put(TRAIN_LABELS, b"");
    let out = folder.file("sheet.svg");
    let (code, ..) = gemmnist(&["data", "samples", "--data", data.path().to_str().unwrap(), "--out"], &out);
    assert_eq!(code, 3);
    assert!(!out.exists());
}

#[test]
fn no_images_of_a_class_is_a_mistake_of_usage() {
    let folder = Folder::empty();
    let (code, ..) = gemmnist(&["data", "samples", "--per-class", "0", "--out"], &folder.file("sheet.svg"));
    assert_eq!(code, 2);
}

#[test]
fn a_sheet_under_the_name_of_another_format_is_refused() {
    let (data, folder) = (Folder::good(), Folder::empty());
    for name in ["sheet.png", "sheet"] {
        let out = folder.file(name);
        let (code, printed, err) =
            gemmnist(&["data", "samples", "--data", data.path().to_str().unwrap(), "--out"], &out);
        assert_eq!((code, printed.as_str()), (2, ""));
        let expected = "gemmnist: --out: expected the name of a file that ends in .svg, found";
        assert!(err.starts_with(&format!("{expected} {} (", out.display())), "{err}");
        assert!(!out.exists());
    }
}

#[test]
fn a_sheet_beyond_the_last_image_is_refused() {
    let (data, folder) = (Folder::good(), Folder::empty());
    let out = folder.file("sheet.svg");
    let (code, _, err) =
        gemmnist(&["data", "samples", "--data", data.path().to_str().unwrap(), "--skip", "9999", "--out"], &out);
    assert_eq!(code, 2);
    assert!(err.starts_with("gemmnist: --skip: expected fewer than "), "{err}");
    assert!(err.ends_with(", the training images of the largest class, found 9999\n"), "{err}");
    assert!(!out.exists());
}
