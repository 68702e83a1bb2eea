//! What the targets share: a folder in memory, and the files of a small data set in it.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use flate2::Crc;
use gemmnist::data::{Splits, load_folder};

/// A folder of this process, in shared memory where the system has it. `scripts/fuzz.sh` removes it.
pub struct Place(PathBuf);

impl Place {
    /// An empty folder with these files.
    pub fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = std::env::temp_dir().join(format!("gemmnist-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder to write to");
        let place = Self(folder);
        files.iter().for_each(|(name, bytes)| drop(place.put(name, bytes)));
        place
    }

    /// Writes the file `name`.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("a file that can be written");
        path
    }

    /// Loads the data set in the folder, and looks at every image of it.
    pub fn load(&self) {
        if let Ok(splits) = load_folder(&self.0) {
            look_at(&splits);
        }
    }
}

/// Every image and label of `splits`, as a training would ask for them.
pub fn look_at(Splits { train, validation, test }: &Splits) {
    for set in [Some(train), validation.as_ref(), Some(test)].into_iter().flatten() {
        let bright = (0..set.len()).flat_map(|i| set.image(i)).filter(|&&pixel| pixel > 0).count();
        assert!(bright <= set.len() * set.pixels());
        assert_eq!(set.class_counts().iter().sum::<usize>(), set.len());
    }
}

/// An IDX file of unsigned bytes.
pub fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let sizes_in_file: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
    [&[0, 0, 8, sizes.len() as u8], &sizes_in_file[..], bytes].concat()
}

/// A zip archive of stored files, its checksums right.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = Crc::new();
        crc.update(content);
        let length = content.len() as u32;
        let mut common = [20_u16, 0, 0, 0, 0x21].map(u16::to_le_bytes).concat();
        common.extend([crc.sum(), length, length].map(u32::to_le_bytes).concat());
        common.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        let offset = (archive.len() as u32).to_le_bytes();
        directory.extend([&b"PK\x01\x02\x14\0"[..], &common, &[0; 10], &offset, name.as_bytes()].concat());
        archive.extend([b"PK\x03\x04", &common[..], name.as_bytes(), content].concat());
    }
    let count = [files.len() as u16; 2].map(u16::to_le_bytes).concat();
    let end = [directory.len() as u32, archive.len() as u32].map(u32::to_le_bytes).concat();
    [&archive[..], &directory, b"PK\x05\x06\0\0\0\0", &count, &end, &[0; 2]].concat()
}
