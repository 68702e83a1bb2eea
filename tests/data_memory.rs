//! Hostile headers do not get memory. Alone in its process, so that the peak is its own.

mod data_support;

use data_support::*;
use gemmnist::data::{self, idx};

/// What reading a hostile file may add to the peak of memory, in KiB.
const MOST_KIB: u64 = 16 << 10;

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

#[cfg(target_os = "linux")]
#[test]
fn a_hostile_file_adds_less_than_16_mib() {
    let gibibyte = [1 << 20, 1 << 5, 1 << 5];
    let hostile = [
        ("2^32-1 images in 16 bytes", header(&[u32::MAX, 28, 28])),
        ("a gibibyte in 16 bytes", header(&gibibyte)),
        ("a gibibyte in 2 MiB", [header(&gibibyte), noise(2 << 20)].concat()),
        ("2^32-1 images in packed 16 bytes", gzip(&header(&[u32::MAX, 28, 28]))),
        ("a gibibyte in packed 16 bytes", gzip(&header(&gibibyte))),
        ("a gibibyte in packed 2 MiB", gzip(&[header(&gibibyte), noise(2 << 20)].concat())),
        ("one image, then 64 MiB", gzip(&[header(&[6, 2, 3]), vec![0; 64 << 20]].concat())),
    ];
    let folder = Folder::good();
    data::load_folder(folder.path()).unwrap(); // starts the threads
    let other = [
        ("a string of 256 MiB in 11 bytes", [&b"\x80\x04\x8e"[..], &(1_u64 << 28).to_le_bytes()].concat()),
        ("the same, packed", gzip(&[&b"\x80\x04\x8e"[..], &(1_u64 << 28).to_le_bytes()].concat())),
        ("64 MiB of opcodes, packed", gzip(&[&b"\x80\x02"[..], &b"N0".repeat(32 << 20)].concat())),
        ("64 MiB of marks, packed", gzip(&[&b"\x80\x02"[..], &b"(".repeat(64 << 20)].concat())),
        ("a line of 64 MiB, packed", gzip(&[&b"\x80\x02c"[..], &b"a".repeat(64 << 20)].concat())),
    ];
    for (what, bytes) in other {
        folder.put("evil.pkl", &bytes);
        drop(bytes);
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = peak_kib();
        assert!(data::load_folder(&folder.file("evil.pkl")).is_err(), "{what}");
        let grown = peak_kib() - before;
        assert!(grown < MOST_KIB, "{what}: grown by {grown} KiB");
    }
    for (what, bytes) in hostile {
        folder.put(TRAIN_IMAGES, &bytes);
        drop(bytes);
        std::fs::write("/proc/self/clear_refs", "5").unwrap(); // resets the peak, which the making of `bytes` raised
        let before = peak_kib();
        assert!(idx::read(&folder.file(TRAIN_IMAGES), idx::Kind::Images).is_err(), "{what}");
        assert!(data::load_folder(folder.path()).is_err(), "{what}");
        let grown = peak_kib() - before;
        assert!(grown < MOST_KIB, "{what}: grown by {grown} KiB");
    }
}
