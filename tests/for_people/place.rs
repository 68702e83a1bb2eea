//! A folder in which commands are run as a person types them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gemmnist::data::{self, Dataset};
use tempfile::TempDir;

/// A folder with a data set in `data/mnist`.
pub struct Place(TempDir);

impl Place {
    /// With three classes of 3 x 3 pixels: dark, gray, bright.
    pub fn new() -> Self {
        let split = |n: u32| {
            let pixel = |i: u32, pixel: u32| (100 * (i % 3) + (7 * i + pixel) % 50) as u8;
            let images: Vec<u8> = (0..n).flat_map(|i| (0..9).map(move |at| pixel(i, at))).collect();
            Dataset::new(images, (0..n).map(|i| (i % 3) as u8).collect(), (3, 3), 3)
        };
        Self::with(&split(60), &split(12))
    }

    /// With digits of 7 x 7 pixels, each six times, so that as many can be held out as of MNIST.
    pub fn with_digits() -> Self {
        let splits = data::load_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/digits-7x7")).unwrap();
        let train = &splits.train;
        let again = Dataset::new(train.images().repeat(6), train.labels().repeat(6), train.size(), train.classes());
        Self::with(&again, &splits.test)
    }

    fn with(train: &Dataset, test: &Dataset) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let idx = |dims: &[usize], elements: &[u8]| -> Vec<u8> {
            let sizes = dims.iter().flat_map(|&size| (size as u32).to_be_bytes());
            [0, 0, 8, dims.len() as u8].into_iter().chain(sizes).chain(elements.iter().copied()).collect()
        };
        for (split, images) in [("train", train), ("t10k", test)] {
            let (n, (height, width)) = (images.len(), images.size());
            place.put(&format!("data/mnist/{split}-images-idx3-ubyte"), &idx(&[n, height, width], &images.images()));
            place.put(&format!("data/mnist/{split}-labels-idx1-ubyte"), &idx(&[n], images.labels()));
        }
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The real program in this folder, by a shell, as nobody has set up anything, nor a CI, on which a dumb terminal has colours; the
    /// locale is one without Unicode.
    pub fn command(&self, line: &str) -> Command {
        let programs = Path::new(env!("CARGO_BIN_EXE_gemmnist")).parent().unwrap().to_owned();
        let path = std::env::join_paths([programs, "/usr/bin".into(), "/bin".into()]).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.0.path()).env("PATH", path).env("LC_ALL", "C");
        for variable in ["CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command.env("GEMMNIST_DATA", self.path("data"));
        command
    }

    pub fn shell(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// The same, which succeeds: what it prints.
    pub fn prints(&self, line: &str) -> String {
        let Output { status, stdout, stderr } = self.shell(line);
        assert!(status.success() && stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// Every file in it, in order.
    pub fn files(&self) -> Vec<PathBuf> {
        let walked = data::walk(self.0.path()).unwrap();
        let mut files = [walked.pictures, walked.others].concat();
        files.sort();
        files
    }
}

/// A PGM of 30 x 30: a bright square of 9 x 9 pixels on black, and nothing if `ink` is 0.
pub fn square(ink: u8) -> Vec<u8> {
    let pixel = |i: usize| if (8..17).contains(&(i / 30)) && (11..20).contains(&(i % 30)) { ink } else { 0 };
    b"P5 30 30 255\n".iter().copied().chain((0..900).map(pixel)).collect()
}
