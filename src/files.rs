//! Files appear whole or not at all; bytes of files that are too large to be read at once.

mod shared;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

pub use shared::SharedBytes;

/// Writes `bytes` to `path` so that a reader, or a crash at any moment, sees the old content or the new, never a part.
///
/// A temporary file beside it is written and synced, renamed over `path`, and the folder synced.
///
/// # Errors
/// [`Error::Io`] naming `path`; the temporary file is removed.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, || Ok(()))
}

/// The same, and what was at `path` is then at `before`, which is in the same folder. At any moment one of the two files is
/// there, whole, if one was.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_keeping(path: &Path, before: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, || match fs::rename(path, before) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    })
}

/// `make_room` is called when the new content is safely beside `path`.
fn replace(path: &Path, bytes: &[u8], make_room: impl FnOnce() -> io::Result<()>) -> Result<()> {
    let temporary = temporary_beside(path);
    let written = write_and_sync(&temporary, bytes)
        .and_then(|()| make_room())
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_folder(path));
    written.map_err(|source| {
        let _ = fs::remove_file(&temporary); // The error that matters is the first one.
        not_written(path, source)
    })
}

/// Removes from `folder` what processes that were killed left half-written. No other may be writing in it.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub(crate) fn remove_temporaries(folder: &Path) -> Result<()> {
    let cannot = |action: &'static str, path: &Path| {
        let (path, remedy) = (path.to_owned(), "make it a folder that you may write in");
        move |source| Error::Io { action, path, source, remedy }
    };
    for entry in fs::read_dir(folder).map_err(cannot("read", folder))?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(TEMPORARY) {
            fs::remove_file(entry.path()).map_err(cannot("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// How the names of temporary files end.
const TEMPORARY: &str = ".tmp";

/// Writes a file at `path` that `write` streams, so that a reader, or a crash at any moment, sees all of it or nothing.
///
/// # Errors
/// [`Error::Io`] naming `path`; the temporary file is removed.
pub fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let temporary = temporary_beside(path);
    let stream = || {
        let mut file = BufWriter::new(File::create(&temporary)?);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    };
    let written = stream().and_then(|()| fs::rename(&temporary, path)).and_then(|()| sync_folder(path));
    written.map_err(|source| {
        let _ = fs::remove_file(&temporary); // as above
        not_written(path, source)
    })
}

/// Makes a folder at `path`, where nothing is yet, of what `write` puts into it: all of it appears, or nothing.
///
/// # Errors
/// [`Error::Io`] naming `path`; the temporary folder is removed.
pub fn write_folder(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    let temporary = temporary_beside(path);
    let written = fs::create_dir(&temporary)
        .and_then(|()| write(&temporary))
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_folder(path));
    written.map_err(|source| {
        let _ = fs::remove_dir_all(&temporary); // as above
        not_written(path, source)
    })
}

fn not_written(path: &Path, source: io::Error) -> Error {
    let remedy = "choose a place you may write to, with room left";
    Error::Io { action: "write", path: path.to_owned(), source, remedy }
}

/// In the same folder, so that the rename stays within one file system; named by process, so that two never meet.
fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}{TEMPORARY}", std::process::id()))
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A rename is durable only once its folder is (on Unix; elsewhere a folder cannot be opened).
fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write_atomically(&path, b"a long first content").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_or_folder_that_fails_half_way_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let failure = || Err(io::Error::other("half way"));
        let half_a_file =
            write_file(&folder.path().join("file"), |file| file.write_all(b"half").and_then(|()| failure()));
        let half_a_folder =
            write_folder(&folder.path().join("folder"), |new| fs::write(new.join("a"), b"a").and_then(|()| failure()));
        for message in [half_a_file, half_a_folder].map(|outcome| outcome.unwrap_err().to_string()) {
            assert!(message.contains("cannot write: half way"), "{message}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("occupied");
        fs::create_dir_all(path.join("by a folder")).unwrap();
        let message = write_atomically(&path, b"new").unwrap_err().to_string();
        assert!(message.contains("occupied: cannot write"), "{message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
