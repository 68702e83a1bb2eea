//! Drawings that people collect: `FOLDER/CLASS/NUMBER.png`, a test set that `gemmnist eval --data FOLDER` reads.
//!
//! Every name is made here: a request says which class, by its number, and no more.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::data::convert::write_png;
use crate::data::picture::Picture;
use crate::error::{Error, Result};
use crate::files::write_atomically;

/// Drawings a class, after which no more are taken: whoever has the token cannot fill the disk.
const MOST: u32 = 9_999;

/// A folder that drawings go to.
#[derive(Debug)]
pub(super) struct Collection {
    folder: PathBuf,
    /// Class and number of what this server has saved, and may take back.
    saved: Mutex<HashSet<(usize, u32)>>,
}

impl Collection {
    /// Nothing is made before the first drawing.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, saved: Mutex::default() }
    }

    /// Where it is.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// The folder of class `class`: called as the class is, or by its number where not every class has a name for folders.
    fn class_folder(&self, names: &[String], class: usize) -> PathBuf {
        let plain = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
        let name = if names.iter().all(plain) { names[class].clone() } else { class.to_string() };
        self.folder.join(name)
    }

    /// The numbers that drawings of class `class` have.
    fn numbers(&self, names: &[String], class: usize) -> Result<Vec<u32>> {
        let folder = self.class_folder(names, class);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::Io { action: "read the folder", path: folder, source, remedy: REMEDY }),
        };
        let number = |name: &str| name.strip_suffix(".png")?.parse().ok();
        Ok(entries.flatten().filter_map(|entry| number(entry.file_name().to_str()?)).collect())
    }

    /// How many drawings of each class there are, (K).
    ///
    /// # Errors
    /// [`Error::Io`] if a folder cannot be read.
    pub fn counts(&self, names: &[String]) -> Result<Vec<usize>> {
        (0..names.len()).map(|class| Ok(self.numbers(names, class)?.len())).collect()
    }

    /// Saves a drawing of class `class`, and returns its number: the one after the largest there is. `None` if there are
    /// too many already.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, names: &[String], class: usize, drawing: &Picture) -> Result<Option<u32>> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.numbers(names, class)?.into_iter().max().unwrap_or(0).saturating_add(1);
        if number > MOST {
            return Ok(None);
        }
        let folder = self.class_folder(names, class);
        fs::create_dir_all(&folder).map_err(|source| Error::Io {
            action: "create the folder",
            path: folder.clone(),
            source,
            remedy: REMEDY,
        })?;
        let mut png = Vec::new();
        write_png(&mut png, &drawing.pixels, drawing.size).expect("writing to memory does not fail");
        write_atomically(&folder.join(file_name(number)), &png)?;
        saved.insert((class, number));
        Ok(Some(number))
    }

    /// Takes back what [`save`](Self::save) has saved under this number; false if that was not so.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn take_back(&self, names: &[String], class: usize, number: u32) -> Result<bool> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if !saved.remove(&(class, number)) {
            return Ok(false);
        }
        let folder = self.class_folder(names, class);
        let path = folder.join(file_name(number));
        match fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                saved.insert((class, number));
                Err(Error::Io { action: "remove", path, source, remedy: REMEDY })
            }
            _ => {
                let _ = fs::remove_dir(folder); // if nothing else is in it
                Ok(true)
            }
        }
    }
}

const REMEDY: &str = "choose another folder with --collect";

/// Sorted names keep the order of the numbers.
fn file_name(number: u32) -> String {
    format!("{number:04}.png")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        (0..3).map(|class| class.to_string()).collect()
    }

    fn drawing() -> Picture {
        Picture { pixels: vec![7; 6], size: (2, 3) }
    }

    #[test]
    fn a_drawing_gets_the_number_after_the_largest_and_can_be_taken_back() {
        let place = tempfile::tempdir().unwrap();
        let collection = Collection::new(place.path().join("mine"));
        assert_eq!(collection.counts(&names()).unwrap(), [0, 0, 0]);
        fs::create_dir_all(place.path().join("mine/2")).unwrap();
        fs::write(place.path().join("mine/2/0007.png"), "of an earlier day").unwrap();
        assert_eq!(collection.save(&names(), 2, &drawing()).unwrap(), Some(8));
        assert_eq!(collection.save(&names(), 0, &drawing()).unwrap(), Some(1));
        assert_eq!(collection.counts(&names()).unwrap(), [1, 0, 2]);
        let read = crate::data::picture::read(&place.path().join("mine/2/0008.png")).unwrap();
        assert_eq!(read, drawing());

        assert!(collection.take_back(&names(), 2, 8).unwrap());
        assert!(!collection.take_back(&names(), 2, 8).unwrap(), "once");
        assert!(!collection.take_back(&names(), 2, 7).unwrap(), "what others saved stays");
        assert!(collection.take_back(&names(), 0, 1).unwrap());
        assert_eq!(collection.counts(&names()).unwrap(), [0, 0, 1]);
        assert!(!place.path().join("mine/0").exists(), "an empty folder is no class");
    }

    #[test]
    fn a_full_class_takes_no_more() {
        let place = tempfile::tempdir().unwrap();
        let collection = Collection::new(place.path().to_owned());
        fs::create_dir(place.path().join("1")).unwrap();
        fs::write(place.path().join("1/9999.png"), "the last").unwrap();
        assert_eq!(collection.save(&names(), 1, &drawing()).unwrap(), None);
    }

    #[test]
    fn classes_whose_names_no_folder_should_have_are_called_by_their_numbers() {
        let place = tempfile::tempdir().unwrap();
        let collection = Collection::new(place.path().to_owned());
        let names = ["../up", "b", "c/d"].map(str::to_owned);
        (0..3).for_each(|class| assert_eq!(collection.save(&names, class, &drawing()).unwrap(), Some(1)));
        let mut folders: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        folders.sort();
        assert_eq!(folders, ["0", "1", "2"]);
    }
}
