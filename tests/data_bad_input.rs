//! Every way a data set can be wrong, and what the command says about it.

mod data_support;

use data_support::*;
use gemmnist::data::{self, idx};
use std::fs;

// ---- files that are not there, or not data

#[test]
fn an_empty_folder_is_refused() {
    assert_refused(&Folder::empty(), "", &["expected two IDX files of images and two of labels", "found nothing"]);
}

#[test]
fn a_path_that_is_not_there_is_refused() {
    let folder = Folder::empty();
    let (code, _, err) = gemmnist(&["data", "verify"], &folder.file("nowhere/mnist"));
    assert_eq!(code, 3);
    assert!(err.contains("nowhere/mnist: no such data set") && err.contains("fetch-data.sh"), "{err}");
}

#[test]
fn a_file_instead_of_its_folder_is_refused() {
    let (code, _, err) = gemmnist(&["data", "verify"], &Folder::good().file(TRAIN_IMAGES));
    assert_eq!(code, 3);
    assert!(err.contains("(give the folder it is in, if"), "{err}");
    assert!(err.contains("expected a folder, or an .npz or pickle that holds a whole data set, found"), "{err}");
}

#[test]
fn a_missing_file_is_refused_with_what_is_there() {
    let folder = Folder::good();
    folder.remove(TEST_LABELS);
    folder.put("README.md", b"# digits");
    assert_refused(&folder, "", &["two of labels", "README.md (text)", "train-labels-idx1-ubyte (IDX)"]);
}

#[test]
fn an_empty_file_is_refused() {
    let folder = Folder::good();
    folder.put(TRAIN_LABELS, b"");
    assert_refused(&folder, "", &["train-labels-idx1-ubyte (empty)"]);
}

#[test]
fn foreign_content_is_told_for_what_it_is() {
    let foreign: [(&[u8], &str); 7] = [
        (b"\x80\x02}q\x00U\x05", "a Python pickle"),
        (b"PK\x03\x04\x14\x00", "a zip or npz archive"),
        (b"\x93NUMPY\x01\x00", "a NumPy array"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"version https://git-lfs", "a git LFS pointer"),
        (b"5,0,0,0,0", "text"),
        (b"\0\0\x02\x03\xff", "unknown content"),
    ];
    for (bytes, what) in foreign {
        let folder = Folder::good();
        folder.put(TRAIN_IMAGES, bytes);
        assert_refused(&folder, "", &[&format!("train-images-idx3-ubyte ({what}")]);
        folder.put(TRAIN_IMAGES, &gzip(bytes));
        assert_refused(&folder, "", &[&format!("train-images-idx3-ubyte ({what}")]);
    }
}

#[test]
fn a_folder_of_many_foreign_files_is_described_in_one_line() {
    let folder = Folder::empty();
    (0..100).for_each(|i| folder.put(&format!("{i:03}.txt"), b"text"));
    assert_refused(&folder, "", &["005.txt (text) and 94 more"]);
}

#[cfg(unix)]
#[test]
fn names_that_are_not_text_or_break_lines_do_no_harm() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::good();
    for name in [&b"\xff\xfe"[..], b"\ntwo lines \x1b[31m", b" ", b"-", b"..."] {
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), b"text").unwrap();
    }
    assert_eq!(data::load_folder(folder.path()).unwrap().train.len(), 6);
    folder.remove(TEST_LABELS);
    assert_refused(&folder, "", &["found \\ntwo lines \\u{1b}[31m"]);
    folder.put("labels\n", &header(&[0]));
    let (code, _, err) = gemmnist(&["data", "verify"], folder.path());
    assert_eq!((code, err.lines().count()), (3, 1), "{err}");
}

#[cfg(unix)]
#[test]
fn a_folder_with_links_in_circles_does_no_harm() {
    let folder = Folder::good();
    std::os::unix::fs::symlink(folder.path(), folder.file("circle")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.file("dangling")).unwrap();
    assert_eq!(data::load_folder(folder.path()).unwrap().train.len(), 6);
}

// ---- headers that lie

#[test]
fn sixteen_bytes_that_claim_4294967295_images_are_refused() {
    let folder = Folder::good();
    folder.put(TRAIN_IMAGES, &header(&[u32::MAX, 28, 28]));
    assert_refused(&folder, TRAIN_IMAGES, &["number of elements: expected at most 2147483648, found 4294967295"]);
    folder.put(TRAIN_IMAGES, &header(&[u32::MAX, u32::MAX, u32::MAX]));
    assert_refused(&folder, TRAIN_IMAGES, &["4294967295"]);
}

#[test]
fn more_than_a_gibibyte_of_packed_images_is_refused() {
    let folder = Folder::good();
    for sizes in [[1 << 20, 1 << 10, 2], [1 << 31, 1 << 31, 4], [2, u32::MAX, u32::MAX]] {
        folder.put(TRAIN_IMAGES, &gzip(&header(&sizes)));
        assert_refused(&folder, TRAIN_IMAGES, &["size: expected at most 1073741824 bytes"]);
    }
}

#[test]
fn raw_images_may_be_as_large_as_they_are_but_not_larger() {
    let folder = Folder::good();
    folder.put(TRAIN_IMAGES, &header(&[1 << 20, 1 << 10, 2]));
    assert_refused(&folder, TRAIN_IMAGES, &["length of the file: expected 2147483664 bytes", "found 16 bytes"]);
    for sizes in [[1 << 31, 1 << 31, 4], [2, u32::MAX, u32::MAX]] {
        folder.put(TRAIN_IMAGES, &header(&sizes));
        assert_refused(&folder, TRAIN_IMAGES, &["size: expected at most 9223372036854775807 bytes"]);
    }
}

#[test]
fn a_raw_file_of_more_than_a_gibibyte_is_a_data_set() {
    let (folder, count) = (Folder::good(), (1_u32 << 12) + 1);
    let sizes = [count, 1 << 10, 1 << 8]; // over a gibibyte, and as the file is sparse, no disk
    folder.put(TRAIN_IMAGES, &header(&sizes));
    let file = fs::File::options().write(true).open(folder.file(TRAIN_IMAGES)).unwrap();
    file.set_len(16 + (1 << 30) + (1 << 18)).unwrap();
    folder.put(TRAIN_LABELS, &labels(&vec![0; count as usize]));
    folder.put(TEST_IMAGES, &[header(&[1, 1 << 10, 1 << 8]), vec![7; 1 << 18]].concat());
    folder.put(TEST_LABELS, &labels(&[0]));
    let train = data::load_folder(folder.path()).unwrap().train;
    assert_eq!((train.len(), train.pixels()), (count as usize, 1 << 18));
    assert!(train.image(train.len() - 1).iter().all(|&pixel| pixel == 0));
}

#[test]
fn a_claim_beyond_what_gzip_can_hold_is_refused_unread() {
    let folder = Folder::good();
    folder.put(TRAIN_IMAGES, &gzip(&header(&[60000, 28, 28])));
    assert_refused(&folder, TRAIN_IMAGES, &["over 45581 bytes of gzip for 60000 images of 28x28"]);
}

#[test]
fn no_images_and_images_without_pixels_are_refused() {
    for sizes in [[0, 2, 3], [6, 0, 3], [6, 2, 0], [0, 0, 0]] {
        let folder = Folder::good();
        folder.put(TRAIN_IMAGES, &header(&sizes));
        assert_refused(&folder, TRAIN_IMAGES, &["expected at least one"]);
    }
    let folder = Folder::good();
    folder.put(TEST_LABELS, &header(&[0]));
    assert_refused(&folder, TEST_LABELS, &["expected at least one, found 0 labels"]);
}

#[test]
fn other_element_types_are_refused_by_name() {
    for (code, name) in [(9, "signed bytes"), (0xc, "32-bit integers"), (0xd, "32-bit floats"), (0xe, "64-bit floats")]
    {
        let folder = Folder::good();
        let mut bytes = images(6);
        bytes[2] = code;
        folder.put(TRAIN_IMAGES, &bytes);
        assert_refused(&folder, TRAIN_IMAGES, &["element type: expected unsigned bytes, found", name]);
    }
}

#[test]
fn other_dimensions_are_refused() {
    for sizes in [&[6, 3][..], &[6, 2, 3, 1]] {
        let folder = Folder::good();
        folder.put(TRAIN_IMAGES, &[header(sizes), vec![0; 36]].concat());
        let found = format!("dimensions: expected 3 (images) or 1 (labels), found {}", sizes.len());
        assert_refused(&folder, TRAIN_IMAGES, &[&found]);
    }
}

#[test]
fn a_little_endian_file_is_refused_with_a_hint() {
    let folder = Folder::good();
    let mut bytes = images(6);
    bytes[..16].as_chunks_mut::<4>().0.iter_mut().for_each(|field| field.reverse());
    folder.put(TRAIN_IMAGES, &bytes);
    assert_refused(&folder, TRAIN_IMAGES, &["found 03 08 00 00", "little-endian"]);
    bytes[..4].reverse();
    folder.put(TRAIN_IMAGES, &bytes);
    assert_refused(&folder, TRAIN_IMAGES, &["little-endian"]);
    folder.put(TRAIN_IMAGES, &images(6));
    folder.put(TRAIN_LABELS, &[&[0, 0, 8, 1, 6, 0, 0, 0][..], &[0, 1, 2, 0, 1, 2]].concat());
    assert_refused(&folder, TRAIN_LABELS, &["100663296 labels", "little-endian"]);
}

// ---- files that are not whole

#[test]
fn a_short_file_and_a_long_file_are_refused_with_both_lengths() {
    let folder = Folder::good();
    let whole = images(6);
    folder.put(TRAIN_IMAGES, &whole[..whole.len() - 1]);
    assert_refused(&folder, TRAIN_IMAGES, &["expected 52 bytes for 6 images of 2x3, found 51 bytes"]);
    folder.put(TRAIN_IMAGES, &[&whole[..], b"\n"].concat());
    assert_refused(&folder, TRAIN_IMAGES, &["expected 52 bytes for 6 images of 2x3, found 53 bytes"]);
}

#[test]
fn a_packed_file_with_too_little_or_too_much_in_it_is_refused() {
    let folder = Folder::good();
    let whole = images(6);
    folder.put(TRAIN_IMAGES, &gzip(&whole[..51]));
    assert_refused(&folder, TRAIN_IMAGES, &["length of the content: expected 52 bytes, found 51"]);
    folder.put(TRAIN_IMAGES, &gzip(&[&whole[..], b"\n"].concat()));
    assert_refused(&folder, TRAIN_IMAGES, &["length of the content: expected 52 bytes, found more"]);
    folder.put(TRAIN_IMAGES, &[gzip(&whole), gzip(b"\n")].concat());
    assert_refused(&folder, TRAIN_IMAGES, &["length of the content: expected 52 bytes, found more"]);
    folder.put(TRAIN_IMAGES, &[gzip(&whole), b"garbage".to_vec()].concat());
    assert_refused(&folder, TRAIN_IMAGES, &["expected an undamaged file", "after 0 unpacked bytes"]);
}

#[test]
fn truncated_gzip_names_its_file() {
    let folder = Folder::good();
    let packed = gzip(&images(6));
    folder.put(TRAIN_IMAGES, &packed[..packed.len() - 9]);
    assert_refused(&folder, TRAIN_IMAGES, &["content: expected an undamaged file"]);
}

#[test]
fn a_wrong_gzip_checksum_is_refused() {
    for from_end in [5, 1] {
        let folder = Folder::good();
        let mut packed = gzip(&images(6)); // ends with four bytes of CRC and four of length
        let flipped = packed.len() - from_end;
        packed[flipped] ^= 1;
        folder.put(TRAIN_IMAGES, &packed);
        assert_refused(&folder, TRAIN_IMAGES, &["expected an undamaged file", "checksum"]);
    }
}

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    for (name, whole) in [(TRAIN_IMAGES, images(6)), (TRAIN_LABELS, labels(&[0, 1, 2, 0, 1, 2]))] {
        for whole in [gzip(&whole), whole] {
            let folder = Folder::good();
            for length in 0..whole.len() {
                folder.put(name, &whole[..length]);
                let kind = if name == TRAIN_IMAGES { idx::Kind::Images } else { idx::Kind::Labels };
                assert!(idx::read(&folder.file(name), kind).is_err(), "{name} cut to {length} bytes was read");
                assert!(data::load_folder(folder.path()).is_err(), "{name} cut to {length} bytes was loaded");
            }
            folder.put(name, &whole);
            assert!(data::load_folder(folder.path()).is_ok(), "{name} whole");
        }
    }
}

#[test]
fn a_flipped_bit_in_a_header_is_refused() {
    for (name, bytes) in [(TRAIN_IMAGES, 16), (TRAIN_LABELS, 8), (TEST_IMAGES, 16), (TEST_LABELS, 8)] {
        let folder = Folder::good();
        let whole = folder.get(name);
        for bit in 0..8 * bytes {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            for packed in [gzip(&flipped), flipped] {
                folder.put(name, &packed);
                assert!(data::load_folder(folder.path()).is_err(), "{name}: bit {bit} flipped was not noticed");
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_a_packed_file_is_refused_or_without_effect() {
    let (folder, undamaged) = (Folder::good(), Folder::good());
    let right = data::load_folder(undamaged.path()).unwrap(); // mapped: must not be written over
    let whole = gzip(&images(6));
    for bit in 0..8 * whole.len() {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        folder.put(TRAIN_IMAGES, &flipped);
        if let Ok(splits) = data::load_folder(folder.path()) {
            assert_eq!(splits, right, "bit {bit} flipped gave other images");
        }
    }
}

// ---- files that do not fit each other

#[test]
fn images_in_the_file_of_labels_are_refused_and_the_reverse() {
    let folder = Folder::good();
    folder.put(TRAIN_LABELS, &images(6));
    assert_refused(&folder, TRAIN_LABELS, &["content: expected labels, found 6 images of 2x3"]);
    let folder = Folder::good();
    folder.put(TEST_IMAGES, &labels(&[0, 1, 2]));
    assert_refused(&folder, TEST_IMAGES, &["content: expected images, found 3 labels"]);
}

#[test]
fn images_read_as_labels_are_refused_and_the_reverse() {
    let folder = Folder::good();
    let found = idx::read(&folder.file(TRAIN_IMAGES), idx::Kind::Labels).unwrap_err().to_string();
    assert!(found.contains("content: expected labels, found images"), "{found}");
    let found = idx::read(&folder.file(TRAIN_LABELS), idx::Kind::Images).unwrap_err().to_string();
    assert!(found.contains("content: expected images, found labels"), "{found}");
}

#[test]
fn more_or_fewer_labels_than_images_are_refused_with_both_counts() {
    for count in [5_u8, 7] {
        let folder = Folder::good();
        folder.put(TRAIN_LABELS, &labels(&(0..count).collect::<Vec<_>>()));
        let found = format!("number of labels: expected 6 as there are images in {TRAIN_IMAGES}, found {count}");
        assert_refused(&folder, TRAIN_LABELS, &[&found]);
    }
}

#[test]
fn a_label_far_above_the_others_is_refused_with_its_place() {
    let folder = Folder::good();
    folder.put(TRAIN_LABELS, &labels(&[0, 1, 2, 200, 1, 2]));
    assert_refused(&folder, TRAIN_LABELS, &["labels out of range: expected 0 to 2, found 200 at image 3"]);
}

#[test]
fn a_test_label_that_training_does_not_know_is_refused_with_its_place() {
    let folder = Folder::good();
    folder.put(TEST_LABELS, &labels(&[0, 3, 1]));
    assert_refused(&folder, TEST_LABELS, &["labels out of range: expected 0 to 2, found 3 at image 1"]);
}

#[test]
fn test_images_of_another_size_are_refused() {
    let folder = Folder::good();
    folder.put(TEST_IMAGES, &[header(&[3, 3, 2]), vec![0; 18]].concat());
    assert_refused(&folder, TEST_IMAGES, &["size of the test images: expected 2x3", "found 3x2"]);
}

#[test]
fn equal_counts_without_names_that_tell_are_refused() {
    let four = [("a", images(3)), ("b", labels(&[0, 1, 2])), ("c", images(3)), ("d", labels(&[0, 1, 2]))];
    assert_refused(&Folder::with(&four), "", &["train", "test or t10k", "a (3 images of 2x3)", "rename them"]);
}

#[test]
fn two_files_of_one_split_are_refused() {
    let four = [("train-a", images(3)), ("train-b", labels(&[0, 1, 2])), ("train-c", images(3))];
    let folder = Folder::with(&four);
    folder.put("train-d", &labels(&[2, 1, 0]));
    folder.put("test-a", &images(2));
    folder.put("test-b", &labels(&[0, 1]));
    assert_refused(&folder, "", &["which files are for training"]);
}

#[test]
fn labels_without_images_are_refused() {
    let folder = Folder::good();
    folder.put("more", &labels(&[0, 1, 2, 0]));
    assert_refused(&folder, "", &["expected as many images as labels", "more (4 labels)"]);
}

#[test]
fn three_pairs_without_names_that_tell_are_refused() {
    let folder = Folder::good();
    folder.put("train-extra-images", &images(2));
    folder.put("train-extra-labels", &labels(&[0, 1]));
    assert_refused(&folder, "", &["which files are for training"]);
}
