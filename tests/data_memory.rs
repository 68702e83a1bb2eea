//! Hostile files do not get memory. Alone in its process, so that the peak is its own.
#![cfg(target_os = "linux")]

mod data_support;

use std::path::Path;

use data_support::*;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use gemmnist::data::{self, HoldOut, idx, picture};
use gemmnist::seed::Seed;
use std::io::Write;

/// What reading a hostile file may add to the peak of memory, in KiB.
const MOST_KIB: u64 = 16 << 10;
/// What a line of a table may: 16 MiB are kept, in a string that doubles as it grows.
const MOST_KIB_OF_A_LINE: u64 = 40 << 10;
/// What a picture may that is what it claims: 4096 x 4096 pixels in colour, and as gray.
const MOST_KIB_OF_A_PICTURE: u64 = 160 << 10;

/// Peak of this process's memory so far, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Bytes that do not pack, from a linear congruence.
fn noise(bytes: usize) -> Vec<u8> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1), next).map(|state| (state >> 24) as u8).take(bytes).collect()
}

/// Writes `bytes` to `file` in `folder`, and holds `read` to adding at most `most` KiB.
#[track_caller]
fn assert_bounded(folder: &Folder, file: &str, (what, bytes): (&str, Vec<u8>), most: u64, read: fn(&Path) -> bool) {
    folder.put(file, &bytes);
    drop(bytes);
    std::fs::write("/proc/self/clear_refs", "5").unwrap(); // resets the peak, which the making of `bytes` raised
    let before = peak_kib();
    assert!(read(&folder.file(file)), "{what}: not what was expected of it");
    let grown = peak_kib() - before;
    assert!(grown < most, "{what}: grown by {grown} KiB");
}

fn refuses(path: &Path) -> bool {
    data::load_folder(path).is_err() && data::survey(path).is_err()
}

fn refuses_the_folder(path: &Path) -> bool {
    refuses(path.parent().unwrap())
}

// Whatever comes of it: a flipped bit may do nothing.

fn load_around(path: &Path) -> bool {
    let _ = (data::load_folder(path.parent().unwrap()), data::survey(path.parent().unwrap()));
    true
}

fn load_alone(path: &Path) -> bool {
    let _ = (data::load_folder(path), data::survey(path));
    true
}

fn read_picture(path: &Path) -> bool {
    let _ = picture::read(path);
    true
}

/// Loads a gibibyte of raw images, of which the disk holds nothing, and divides it in every way.
fn parts_of_a_mapped_gibibyte_are_read(path: &Path) -> bool {
    let (folder, count) = (path.parent().unwrap(), 1 << 20);
    let file = std::fs::File::create(folder.join(TRAIN_IMAGES)).unwrap();
    (&file).write_all(&header(&[count, 32, 32])).unwrap();
    file.set_len(16 + (1 << 30)).unwrap();
    let test = [header(&[3, 32, 32]), vec![0; 3 << 10]].concat();
    std::fs::write(path, test).unwrap();
    std::fs::write(folder.join(TRAIN_LABELS), labels(&vec![0; count as usize])).unwrap();
    std::fs::write(folder.join(TEST_LABELS), labels(&[0; 3])).unwrap();
    let train = data::load_folder(folder).unwrap().train;
    let parts = [HoldOut::Drawn, HoldOut::Last].map(|which| train.hold_out(100_000, which, Seed(1)));
    parts.iter().all(|(learnt, held_out)| learnt.len() == 948_576 && held_out.image(99_999) == [0; 1024])
}

/// An archive of one deflated array `x_train`, whose directory claims `unpacked` bytes.
fn npz(content: &[u8], unpacked: u32) -> Vec<u8> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(content).unwrap();
    let packed = packed.finish().unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let mut common = [20_u16, 0, 8, 0, 0x21].map(u16::to_le_bytes).concat();
    common.extend([crc.sum(), packed.len() as u32, unpacked].map(u32::to_le_bytes).concat());
    common.extend([11_u16, 0].map(u16::to_le_bytes).concat());
    let local = [&b"PK\x03\x04"[..], &common, b"x_train.npy", &packed].concat();
    let directory = [&b"PK\x01\x02\x14\0"[..], &common, &[0; 14], b"x_train.npy"].concat();
    let end = [directory.len() as u32, local.len() as u32].map(u32::to_le_bytes).concat();
    [&local[..], &directory, b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &end, &[0; 2]].concat()
}

fn npy(shape: &str) -> Vec<u8> {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat()
}

/// A gray PNG that claims `side` x `side` pixels and has `pixels`, a row after the other, each after its filter.
fn png(side: u32, color: u8, rows: &[u8]) -> Vec<u8> {
    let chunk = |name: &[u8], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(data);
        [&(data.len() as u32).to_be_bytes()[..], name, data, &crc.sum().to_be_bytes()].concat()
    };
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(rows).unwrap();
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[8, color, 0, 0, 0]].concat();
    let chunks = [chunk(b"IHDR", &header), chunk(b"IDAT", &packed.finish().unwrap()), chunk(b"IEND", b"")].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks].concat()
}

#[test]
fn a_hostile_file_adds_little_memory() {
    let folder = Folder::good();
    data::load_folder(folder.path()).unwrap(); // starts the threads

    let gibibyte = [1 << 20, 1 << 5, 1 << 5];
    for hostile in [
        ("2^32-1 images in 16 bytes", header(&[u32::MAX, 28, 28])),
        ("a gibibyte in 16 bytes", header(&gibibyte)),
        ("a gibibyte in 2 MiB", [header(&gibibyte), noise(2 << 20)].concat()),
        ("2^32-1 images in packed 16 bytes", gzip(&header(&[u32::MAX, 28, 28]))),
        ("a gibibyte in packed 16 bytes", gzip(&header(&gibibyte))),
        ("a gibibyte in packed 2 MiB", gzip(&[header(&gibibyte), noise(2 << 20)].concat())),
        ("one image, then 64 MiB", gzip(&[header(&[6, 2, 3]), vec![0; 64 << 20]].concat())),
    ] {
        assert_bounded(&folder, TRAIN_IMAGES, hostile, MOST_KIB, |path| {
            idx::read(path, idx::Kind::Images).is_err() && data::load_folder(path.parent().unwrap()).is_err()
        });
    }

    for hostile in [
        ("a string of 256 MiB in 11 bytes", [&b"\x80\x04\x8e"[..], &(1_u64 << 28).to_le_bytes()].concat()),
        ("the same, packed", gzip(&[&b"\x80\x04\x8e"[..], &(1_u64 << 28).to_le_bytes()].concat())),
        ("64 MiB of opcodes, packed", gzip(&[&b"\x80\x02"[..], &b"N0".repeat(32 << 20)].concat())),
        ("64 MiB of marks, packed", gzip(&[&b"\x80\x02"[..], &b"(".repeat(64 << 20)].concat())),
        ("64 MiB of values, packed", gzip(&[&b"\x80\x02"[..], &b"]".repeat(64 << 20)].concat())),
        ("a line of 64 MiB, packed", gzip(&[&b"\x80\x02c"[..], &b"a".repeat(64 << 20)].concat())),
    ] {
        assert_bounded(&folder, "evil.pkl", hostile, MOST_KIB, refuses);
    }

    let (huge, zeros) = (npy("(1073741824,)"), vec![0; 64 << 20]);
    for hostile in [
        ("an array of a gibibyte in 100 bytes", npz(&huge, huge.len() as u32)),
        ("a directory that claims a gibibyte", npz(&huge, 1 << 30)),
        ("an array of 4 bytes in 64 MiB", npz(&[npy("(2, 1, 2)"), zeros.clone()].concat(), 64)),
        ("a header of 64 MiB", npz(&[&b"\x93NUMPY\x02\0\0\0\0\x04"[..], &zeros].concat(), 100)),
    ] {
        assert_bounded(&folder, "evil.npz", hostile, MOST_KIB, refuses);
    }

    let pixels = b"1,".repeat(32 << 20);
    for hostile in [
        ("a line of 64 MiB", [b"label,", &pixels[..]].concat()),
        ("the same, packed", gzip(&[b"label,", &pixels[..]].concat())),
        ("64 MiB of empty lines, packed", gzip(&[&b"1,2,3,4,5\n"[..], &b"\n".repeat(64 << 20), b"x"].concat())),
    ] {
        let folder = Folder::with(&[("test.csv", b"1,2,3,4,5\n".to_vec())]);
        assert_bounded(&folder, "train.csv", hostile, MOST_KIB_OF_A_LINE, refuses_the_folder);
    }

    assert_bounded(
        &folder,
        TEST_IMAGES,
        ("images that are mapped", images(3)),
        MOST_KIB,
        parts_of_a_mapped_gibibyte_are_read,
    );

    let good = Folder::good();
    for (name, file, read) in [
        (TRAIN_IMAGES, images(6), load_around as fn(&Path) -> bool),
        (TRAIN_IMAGES, gzip(&images(6)), load_around),
        ("flipped.pkl", std::fs::read(golden_format("numpy-protocol-4.pkl")).unwrap(), load_alone),
        ("flipped.npz", std::fs::read(golden_format("deflated.npz")).unwrap(), load_alone),
        ("flipped.png", png(3, 0, &[0; 12]), read_picture),
        ("flipped.pgm", b"P5 3 2 255\n123456".to_vec(), read_picture),
    ] {
        for bit in 0..8 * file.len() {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_bounded(&good, name, (&format!("{name}, bit {bit} flipped"), flipped), MOST_KIB, read);
        }
    }

    let rows = vec![0; 4096 * 4097];
    let unreadable: fn(&Path) -> bool = |path| picture::read(path).is_err();
    for hostile in [
        ("2^31 pixels to a side in 60 bytes", png(1 << 31, 0, &[])),
        ("4096 x 4096 pixels in 60 bytes", png(4096, 0, &[])),
        ("4097 x 4097 pixels", png(4097, 6, &rows)),
        ("one pixel, then 64 MiB", png(1, 0, &zeros)),
        ("a PGM of 4096 x 4096 pixels in 20 bytes", b"P5 4096 4096 255\n\0".to_vec()),
    ] {
        // A PNG with more rows than it claims is read, its pixel alone.
        let read = if hostile.0.starts_with("one pixel") {
            |path: &Path| picture::read(path).is_ok_and(|p| p.pixels.len() == 1)
        } else {
            unreadable
        };
        assert_bounded(&folder, "evil.picture", hostile, MOST_KIB, read);
    }
    let readable = ("4096 x 4096 pixels in 16 KiB", png(4096, 0, &rows));
    assert_bounded(&folder, "evil.picture", readable, MOST_KIB_OF_A_PICTURE, |path| picture::read(path).is_ok());
}
