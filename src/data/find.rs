//! Where data sets are looked for.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::content::file_name;
use super::{Survey, is_data_set, survey};
use crate::error::{Error, Result};
use crate::names::nearest;

/// A data set that lies in one of [`places`].
#[derive(Debug)]
pub struct Found {
    /// What `--data` calls it: the name of its folder, or of the one file that holds it.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// Its outline, or why it cannot be used.
    pub survey: Result<Survey>,
    /// The folder that `--data` takes for this name, if it is another: places are asked in order.
    pub hidden_by: Option<PathBuf>,
}

/// The folders that hold data sets, in the order they are asked: `$GEMMNIST_DATA`, `./data`, the `data` folder this
/// crate was built with, and `gemmnist/data` in the user's data folder (`$XDG_DATA_HOME` or `~/.local/share`).
pub fn places() -> Vec<PathBuf> {
    let own = env::var_os("GEMMNIST_DATA").filter(|path| !path.is_empty()).map(PathBuf::from);
    // A relative $XDG_DATA_HOME is to be ignored, says the XDG Base Directory Specification.
    let shared = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let shared = shared.or_else(|| env::home_dir().map(|home| home.join(".local/share")));
    let fixed = [PathBuf::from("data"), Path::new(env!("CARGO_MANIFEST_DIR")).join("data")];
    own.into_iter().chain(fixed).chain(shared.map(|shared| shared.join("gemmnist/data"))).collect()
}

/// The folder of the data set `name_or_path`: a path is taken as it is, a name looked for in [`places`].
///
/// A folder here that happens to have the name of a data set, but holds none, does not hide it.
///
/// # Errors
/// [`Error::DataNotFound`] with the places searched and the nearest name there is.
pub fn find(name_or_path: &OsStr) -> Result<PathBuf> {
    find_in(&places(), name_or_path)
}

fn find_in(places: &[PathBuf], name_or_path: &OsStr) -> Result<PathBuf> {
    let path = Path::new(name_or_path);
    let is_name = path.file_name() == Some(name_or_path);
    let named = places.iter().filter(|_| is_name).map(|place| place.join(path));
    let candidates: Vec<_> = [path.to_owned()].into_iter().chain(named).filter(|path| path.exists()).collect();
    let found = candidates.iter().find(|path| is_data_set(path)).or(candidates.first());
    found.cloned().ok_or_else(|| {
        let name = name_or_path.to_string_lossy().into_owned();
        let names: Vec<_> = data_sets_in(places).into_iter().map(|(name, _)| name).collect();
        let nearest = nearest(&name.to_lowercase(), names.iter().map(String::as_str)).map(str::to_owned);
        let searched = if is_name { places.to_vec() } else { vec![path.to_owned()] };
        Error::DataNotFound { name, searched, nearest }
    })
}

/// Every data set in [`places`], usable or not, in the order they are asked.
pub fn list() -> Vec<Found> {
    let all = data_sets_in(&places());
    let taken = |name: &str| all.iter().find(|(other, _)| other == name).map(|(_, folder)| folder);
    let found = |(name, folder): &(String, PathBuf)| Found {
        name: name.clone(),
        folder: folder.clone(),
        survey: survey(folder),
        hidden_by: taken(name).filter(|taken| *taken != folder).cloned(),
    };
    all.iter().map(found).collect()
}

/// Name and folder of every data set in `places`; a folder that two places lead to is told once.
fn data_sets_in(places: &[PathBuf]) -> Vec<(String, PathBuf)> {
    let (mut sets, mut seen) = (Vec::new(), Vec::new());
    for folder in places.iter().flat_map(|place| entries_in(place)).filter(|folder| is_data_set(folder)) {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        if !seen.contains(&real) {
            seen.push(real);
            sets.push((file_name(&folder), folder));
        }
    }
    sets
}

/// What lies in `place`, by name; nothing if it cannot be read.
fn entries_in(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
