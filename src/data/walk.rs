//! Pictures wherever they lie in a folder, with labels or without.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::content::Sniffed;
use super::picture;
use crate::error::{Error, Result};

/// The files in a folder and in the folders in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walked {
    /// Those that begin as a picture does, by name.
    pub pictures: Vec<PathBuf>,
    /// All others but hidden ones, by name.
    pub others: Vec<PathBuf>,
}

/// What lies in `folder`. Links to folders are not followed: they may lead back.
///
/// # Errors
/// [`Error::Io`] if a folder cannot be read.
pub fn walk(folder: &Path) -> Result<Walked> {
    let mut walked = Walked::default();
    add(folder, &mut walked).map_err(|(path, source)| Error::Io {
        action: "read the folder",
        path,
        source,
        remedy: "give a folder that you may read",
    })?;
    Ok(walked)
}

fn add(folder: &Path, walked: &mut Walked) -> std::result::Result<(), (PathBuf, io::Error)> {
    let entries = || fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>();
    let mut entries = entries().map_err(|error| (folder.to_owned(), error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        if name.to_string_lossy().starts_with('.') || name == "Thumbs.db" {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            add(&path, walked)?;
        } else if path.is_file() {
            let is_picture = picture::is_picture(&Sniffed::new(path.clone()).start);
            let files = if is_picture { &mut walked.pictures } else { &mut walked.others };
            files.push(path);
        }
    }
    Ok(())
}
