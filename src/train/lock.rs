//! One process a run folder: a lock of the operating system, which is gone with its process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// The file that is locked, and names the process. It stays: to remove it would let a third process in beside a second.
const NAME: &str = ".lock";

/// Claims `folder` for this process, as long as the file lives. Where the file system knows no locks, nothing is claimed.
///
/// # Errors
/// [`Error::Busy`] naming the process that has it, [`Error::Io`] if the folder cannot be written.
pub fn claim(folder: &Path) -> Result<File> {
    let path = folder.join(NAME);
    let cannot = |source| Error::Io {
        action: "write",
        path: path.clone(),
        source,
        remedy: "make it a folder that you may write in, with room left",
    };
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(cannot)?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        let mut holder = String::new();
        let _ = file.take(20).read_to_string(&mut holder); // where a locked file cannot be read, there is no name to tell
        return Err(Error::Busy { folder: folder.to_owned(), process: holder.trim().parse().ok() });
    }
    let named = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    named.map_err(cannot)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_claimed_is_refused_and_names_the_process_until_it_is_left() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "4294967295\n a process that was killed\n").unwrap();
        let first = claim(folder.path()).unwrap();
        let error = claim(folder.path()).unwrap_err();
        let this = std::process::id();
        assert!(matches!(error, Error::Busy { process: Some(process), .. } if process == this), "{error:?}");
        drop(first);
        claim(folder.path()).unwrap();
    }
}
