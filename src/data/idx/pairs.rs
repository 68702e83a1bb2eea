//! A folder of IDX files: which images go with which labels, and which pair is for training.
//!
//! Told by content. Names are asked only where two files could be exchanged without anybody noticing.

use std::path::{Path, PathBuf};

use super::{Header, Idx, Kind, header_of, read as read_idx};
use crate::data::assemble::{self, Part};
use crate::data::content::{Folder, Packing, Sniffed, TRANSPOSED, file_name, is_of_emnist, name_has};
use crate::data::{Checksums, Contents, FileReport, Survey};
use crate::error::{Error, Result};

/// A file whose header was believed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    path: PathBuf,
    packing: Packing,
    header: Header,
}

/// Images and their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    images: Candidate,
    labels: Candidate,
}

/// The files of a data set.
#[derive(Debug)]
struct Plan {
    train: Pair,
    test: Pair,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Split {
    Train,
    Test,
}

pub(super) fn is_in(folder: &Folder) -> bool {
    !folder.is_file && folder.files.iter().any(|file| header_of(file).is_some())
}

pub(super) fn survey(folder: &Folder) -> Result<Survey> {
    let Plan { train, test } = plan(folder)?;
    let labels = read_idx(&train.labels.path, Kind::Labels)?;
    Ok(Survey {
        format: super::FORMAT.name,
        train: train.images.header.count,
        validation: None,
        test: test.images.header.count,
        size: train.images.header.size,
        classes: assemble::classes(&train.labels.path, &labels.elements)?,
    })
}

pub(super) fn read(folder: &Folder, checksums: Checksums) -> Result<Contents> {
    let Plan { train, test } = plan(folder)?;
    let emnist = is_of_emnist(&train.images.path) || is_of_emnist(&test.images.path);
    let remarks = emnist.then(|| TRANSPOSED.to_owned()).into_iter().collect();
    let pair = |pair, split| move || read_pair(pair, split, checksums);
    let (train, test) = rayon::join(pair(train, Split::Train), pair(test, Split::Test));
    let ((train, mut files), (test, test_files)) = (train?, test?);
    files.extend(test_files);
    Ok(Contents { splits: assemble::splits(train, None, test)?, files, remarks })
}

/// Reads labels before images: a damaged small file is found before a large one is read.
fn read_pair(pair: Pair, split: Split, checksums: Checksums) -> Result<(Part, Vec<FileReport>)> {
    let labels = read_idx(&pair.labels.path, Kind::Labels)?;
    let images = read_idx(&pair.images.path, Kind::Images)?;
    let files = match checksums {
        Checksums::Skip => Vec::new(),
        Checksums::Compute => {
            vec![report(&pair.images.path, split, &images), report(&pair.labels.path, split, &labels)]
        }
    };
    let mut part = Part {
        size: images.header.size,
        images: images.elements,
        labels: labels.elements.into_vec(),
        images_path: pair.images.path,
        labels_path: pair.labels.path,
    };
    if is_of_emnist(&part.images_path) {
        part.transpose();
    }
    Ok((part, files))
}

fn report(path: &Path, split: Split, idx: &Idx) -> FileReport {
    let holds = match (split, idx.header.kind) {
        (Split::Train, Kind::Images) => "training images",
        (Split::Train, Kind::Labels) => "training labels",
        (Split::Test, Kind::Images) => "test images",
        (Split::Test, Kind::Labels) => "test labels",
    };
    let size = (idx.header.kind == Kind::Images).then_some(idx.header.size);
    FileReport { path: path.to_owned(), holds, count: idx.header.count, size, sha256: idx.sha256() }
}

/// Which file is what. A file with an IDX header that cannot be believed is an error only if it is missed: then it is
/// the reason.
fn plan(folder: &Folder) -> Result<Plan> {
    let (mut candidates, mut faults) = (Vec::new(), Vec::new());
    for file in &folder.files {
        match header_of(file) {
            Some(Ok(header)) => candidates.push(candidate(file, header)),
            Some(Err(fault)) => faults.push(fault),
            None => {}
        }
    }
    let candidates = without_packed_twins(candidates);
    let plan = pairs(folder, &candidates).and_then(|pairs| choose(folder, pairs));
    plan.map_err(|error| faults.into_iter().next().unwrap_or(error))
}

fn candidate(file: &Sniffed, header: Header) -> Candidate {
    Candidate { path: file.path.clone(), packing: file.packing, header }
}

/// Leaves out `x.gz` where `x` lies beside it with the same header: torchvision keeps both.
fn without_packed_twins(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let has_raw_twin = |packed: &Candidate| {
        candidates.iter().any(|raw| {
            packed.packing == Packing::Gzip
                && raw.packing == Packing::Raw
                && raw.header == packed.header
                && packed.path.extension().is_some_and(|extension| extension == "gz")
                && packed.path.with_extension("") == raw.path
        })
    };
    candidates.iter().filter(|candidate| !has_raw_twin(candidate)).cloned().collect()
}

/// Every file in its pair: by count; where several have the same count, by what their names say.
fn pairs(folder: &Folder, candidates: &[Candidate]) -> Result<Vec<Pair>> {
    let of = |kind| candidates.iter().filter(move |candidate| candidate.header.kind == kind);
    let same_count = |kind, count| of(kind).filter(move |candidate| candidate.header.count == count);
    if of(Kind::Images).count() < 2 || of(Kind::Labels).count() < 2 {
        return Err(too_few(folder, candidates));
    }
    let mut pairs = Vec::new();
    for images in of(Kind::Images) {
        let rivals: Vec<_> = same_count(Kind::Images, images.header.count).collect();
        let labels: Vec<_> = same_count(Kind::Labels, images.header.count).collect();
        let labels = match (&rivals[..], &labels[..]) {
            ([_], [labels]) => labels,
            _ if rivals.len() != labels.len() => return Err(unpaired(folder, candidates)),
            _ => by_name(images, &rivals, &labels).ok_or_else(|| names_do_not_tell(folder, candidates))?,
        };
        pairs.push(Pair { images: images.clone(), labels: labels.clone() });
    }
    let paired = |labels: &Candidate| pairs.iter().any(|pair| pair.labels == *labels);
    if of(Kind::Labels).all(paired) { Ok(pairs) } else { Err(unpaired(folder, candidates)) }
}

/// The only labels whose name says the same split as that of `images`, if no other images say so too.
fn by_name<'a>(images: &Candidate, rivals: &[&Candidate], labels: &[&'a Candidate]) -> Option<&'a Candidate> {
    let split = split_in_name(&images.path)?;
    let says_so = |candidate: &&&Candidate| split_in_name(&candidate.path) == Some(split);
    let mut matching = labels.iter().filter(|labels| says_so(labels));
    let labels = matching.next()?;
    (matching.next().is_none() && rivals.iter().filter(says_so).count() == 1).then_some(*labels)
}

/// The pairs whose names say so; where they do not, of two pairs the larger is for training.
fn choose(folder: &Folder, pairs: Vec<Pair>) -> Result<Plan> {
    let only = |split| {
        let mut named = pairs.iter().filter(|pair| split_of(pair) == Some(split));
        named.next().filter(|_| named.next().is_none()).cloned()
    };
    match (only(Split::Train), only(Split::Test), &pairs[..]) {
        (Some(train), Some(test), _) => Ok(Plan { train, test }),
        (_, _, [a, b]) if a.images.header.count != b.images.header.count => {
            let (train, test) = if a.images.header.count > b.images.header.count { (a, b) } else { (b, a) };
            Ok(Plan { train: train.clone(), test: test.clone() })
        }
        _ => {
            let files: Vec<_> = pairs.into_iter().flat_map(|pair| [pair.images, pair.labels]).collect();
            Err(names_do_not_tell(folder, &files))
        }
    }
}

/// What the names of a pair say, if they do not contradict each other.
fn split_of(pair: &Pair) -> Option<Split> {
    match (split_in_name(&pair.images.path), split_in_name(&pair.labels.path)) {
        (Some(a), Some(b)) if a != b => None,
        (a, b) => a.or(b),
    }
}

fn split_in_name(path: &Path) -> Option<Split> {
    match (name_has(path, &["train"]), name_has(path, &["test", "t10k"])) {
        (true, false) => Some(Split::Train),
        (false, true) => Some(Split::Test),
        _ => None,
    }
}

fn too_few(folder: &Folder, candidates: &[Candidate]) -> Error {
    wrong_name(candidates).unwrap_or_else(|| {
        Error::data(
            &folder.path,
            "data set",
            "two IDX files of images and two of labels",
            folder.describe(),
            "fetch the missing files with scripts/fetch-data.sh",
        )
    })
}

/// Files without partner: names what the name of one tells, or the two whose counts differ.
fn unpaired(folder: &Folder, candidates: &[Candidate]) -> Error {
    let alone = |kind| {
        let partner = |one: &Candidate, other: &Candidate| {
            one.header.kind != other.header.kind && one.header.count == other.header.count
        };
        let mut alone = candidates
            .iter()
            .filter(move |one| one.header.kind == kind && !candidates.iter().any(|other| partner(one, other)));
        alone.next().filter(|_| alone.next().is_none())
    };
    wrong_name(candidates).unwrap_or_else(|| match (alone(Kind::Images), alone(Kind::Labels)) {
        (Some(images), Some(labels)) => Error::data(
            &labels.path,
            "number of labels",
            format!("{} as there are images in {}", images.header.count, file_name(&images.path)),
            labels.header.count,
            "fetch both files again with scripts/fetch-data.sh",
        ),
        _ => Error::data(
            &folder.path,
            "data set",
            "as many images as labels",
            show(candidates),
            "leave one file of labels for each file of images",
        ),
    })
}

/// The first file that is called labels and holds images, or the reverse.
fn wrong_name(candidates: &[Candidate]) -> Option<Error> {
    candidates.iter().find_map(|Candidate { path, header, .. }| {
        let called = match (name_has(path, &["image"]), name_has(path, &["label"])) {
            (true, false) => Kind::Images,
            (false, true) => Kind::Labels,
            _ => return None,
        };
        (called != header.kind).then(|| super::wrong_kind(path, called, *header))
    })
}

fn names_do_not_tell(folder: &Folder, candidates: &[Candidate]) -> Error {
    Error::data(
        &folder.path,
        "which files are for training",
        "one pair with train and one with test or t10k in the names, as their counts do not tell",
        show(candidates),
        "rename them, or keep one data set in a folder",
    )
}

fn show(candidates: &[Candidate]) -> String {
    let each = |candidate: &Candidate| format!("{} ({})", file_name(&candidate.path), candidate.header);
    candidates.iter().map(each).collect::<Vec<_>>().join(", ")
}
