//! People's own pictures, to judge a network on: one folder a class, any size, each prepared as MNIST was.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::content::{Folder, Sniffed};
use super::{Dataset, FORMATS, picture, pictures, prepare};
use crate::error::{Error, Result};

/// What became of a folder of people's pictures.
#[derive(Debug, Clone)]
pub struct OwnPictures {
    /// The pictures, prepared, class after class.
    pub images: Dataset,
    /// The file of each image.
    pub files: Vec<PathBuf>,
    /// Pictures that are left out: nothing is drawn on them.
    pub blank: Vec<PathBuf>,
    /// Files beside them that are left out: they do not begin as a picture does.
    pub others: Vec<PathBuf>,
}

/// The pictures in `folder` as images of `size`, to judge a network with these classes on. None if `folder` holds something
/// else, or a test split of pictures that have that size already: [`load`](super::load) takes those as they are.
///
/// A folder in `folder` is called as its class is, or by the class's number.
///
/// # Errors
/// [`Error::Data`] naming the picture that cannot be read, the folder that is no class, or `folder` if nothing is drawn at all.
pub fn own_pictures(folder: &Path, size: (usize, usize), class_names: &[String]) -> Result<Option<OwnPictures>> {
    let folder = Folder::open(folder)?;
    let mut others = FORMATS.iter().filter(|format| format.name != pictures::FORMAT.name);
    if others.any(|format| (format.is_in)(&folder)) {
        return Ok(None); // pictures that lie beside a data set are none of it
    }
    let Some(root) = pictures::to_judge_on(&folder) else { return unsorted(&folder).map_or(Ok(None), Err) };
    let by_name = pictures::place_in(class_names);
    let by_number = |name: &str| name.parse().ok().filter(|&number: &u8| usize::from(number) < class_names.len());
    let files = pictures::files(root, class_names, |name| by_name(name).or_else(|| by_number(name)))?;
    let is_picture = |(path, _): &(PathBuf, u8)| picture::is_picture(&Sniffed::new(path.clone()).start);
    let (files, others): (Vec<_>, Vec<_>) = files.into_iter().partition(is_picture);
    let others = others.into_iter().map(|(path, _)| path).collect();
    if root != folder.path && all_of_size(&files, size)? {
        return Ok(None);
    }
    let prepared = |(path, _): &(PathBuf, u8)| Ok(prepare(&picture::read(path)?, size));
    let prepared = files.par_iter().map(prepared).collect::<Vec<_>>().into_iter().collect::<Result<Vec<_>>>()?;

    let (mut images, mut labels, mut kept, mut blank) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((path, label), image) in files.into_iter().zip(prepared) {
        match image {
            Some(image) => {
                images.extend(image);
                labels.push(label);
                kept.push(path);
            }
            None => blank.push(path),
        }
    }
    if labels.is_empty() {
        let (expected, found) = ("a picture on which something is drawn", format!("{} blank", blank.len()));
        let remedy = "draw dark on light paper or light on dark, and let most of the border be paper";
        return Err(Error::data(root, "pictures", expected, found, remedy));
    }
    let images = Dataset::new(images, labels, size, class_names.len()).with_class_names(class_names.to_vec());
    Ok(Some(OwnPictures { images, files: kept, blank, others }))
}

/// The error of a folder in which pictures lie without a folder for their class, if it is one.
fn unsorted(folder: &Folder) -> Option<Error> {
    let count = folder.files.iter().filter(|file| picture::is_picture(&file.start)).count();
    let remedy = "sort them into one folder a class, called as the class, to judge a network on them; gemmnist predict tells what \
                  each shows as they are";
    let found = format!("{count} that lie in none");
    (count > 0).then(|| Error::data(&folder.path, "pictures", "each in the folder of its class", found, remedy))
}

fn all_of_size(files: &[(PathBuf, u8)], size: (usize, usize)) -> Result<bool> {
    let sizes = files.par_iter().map(|(path, _)| picture::size(path)).collect::<Result<Vec<_>>>()?;
    Ok(sizes.iter().all(|&found| found == size))
}
