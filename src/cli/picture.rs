//! Pictures, and the files they go to.

use std::path::Path;

use crate::error::{Error, Result};
use crate::eval::Evaluation;
use crate::files::write_atomically;
use crate::nn::Architecture;
use crate::train::{History, RunRecord, Sweep, TrainConfig};

/// Something to draw.
#[cfg_attr(not(feature = "report"), expect(dead_code, reason = "nothing draws them"))]
pub enum Picture<'a> {
    /// Of a training.
    Curves(&'a Architecture, &'a TrainConfig, &'a History),
    /// Of several runs.
    Runs(&'a [RunRecord]),
    /// The same on a page, with the head and the rows of a table, and what was left out.
    Page(&'a [RunRecord], &'a [String], &'a [Vec<String>], &'a [String]),
    /// With the names of the classes and a title.
    Confusion(&'a Evaluation, &'a [String], &'a str),
    /// With a title.
    Sweep(&'a Sweep, &'a TrainConfig, &'a str),
    /// With the size of the images.
    Seen(&'a [(&'a [u8], [String; 2])], (usize, usize)),
    /// With a title.
    Network(&'a Architecture, &'a str),
}

impl Picture<'_> {
    /// The picture as SVG; `None` if this build draws none.
    #[cfg(feature = "report")]
    fn draw(&self) -> Option<String> {
        use crate::report;
        Some(match self {
            Self::Curves(architecture, config, history) => report::curves(architecture, config, history),
            Self::Runs(runs) => report::compare(runs),
            Self::Page(runs, head, rows, left_out) => report::compare_page(runs, head, rows, left_out),
            Self::Confusion(evaluation, names, title) => report::confusion(evaluation, names, title),
            Self::Sweep(sweep, config, title) => report::sweep(sweep, config, title),
            Self::Seen(tiles, size) => report::seen(tiles, *size),
            Self::Network(architecture, title) => report::network(architecture, title),
        })
    }

    #[cfg(not(feature = "report"))]
    fn draw(&self) -> Option<String> {
        None
    }

    /// Leaves the picture in a folder of ours, if this build draws any.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn leave(&self, path: &Path) -> Result<()> {
        self.draw().map_or(Ok(()), |svg| write_atomically(path, svg.as_bytes()))
    }

    /// Writes the picture where somebody wants it, which [`require_place`] has found fit.
    ///
    /// # Errors
    /// [`Error::NotBuilt`] if this build draws none, [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let svg = self.draw().ok_or(NOT_BUILT)?;
        write_atomically(path, svg.as_bytes())
    }
}

const NOT_BUILT: Error = Error::NotBuilt { what: "the drawing of pictures", feature: "report" };

/// That a picture may go to `path`, which `option` has named: its name promises SVG, and no file of somebody else's is
/// there. For before the work.
///
/// # Errors
/// [`Error::Settings`]; [`Error::NotBuilt`] if this build draws no pictures.
pub fn require_place(option: &str, path: &Path) -> Result<()> {
    require(option, path, has_extension(path, "svg"), "the name of a file that ends in .svg")
}

/// The same where a page may go, too: its name promises SVG or HTML.
///
/// # Errors
/// As [`require_place`].
pub fn require_place_of_page(option: &str, path: &Path) -> Result<()> {
    let named = is_page(path) || has_extension(path, "svg");
    require(option, path, named, "the name of a file that ends in .svg or .html")
}

/// Whether its name promises HTML.
pub fn is_page(path: &Path) -> bool {
    has_extension(path, "html")
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

#[cfg(feature = "report")]
fn require(option: &str, path: &Path, named: bool, name: &str) -> Result<()> {
    use crate::error::{OneLine, Problem};
    let problem = |expected: &str, found: String, remedy: &str| {
        let (place, expected, remedy) = (option.to_owned(), expected.to_owned(), Some(remedy.to_owned()));
        Err(Error::Settings(vec![Problem { place, expected, found, remedy }]))
    };
    let found = OneLine(path).to_string();
    if !named {
        return problem(name, found, "pictures are SVG: any browser shows them, and prints them as PDF");
    }
    if path.symlink_metadata().is_ok() && !is_ours(path) {
        let found = format!("{found}, which gemmnist has not drawn");
        return problem("a free place, or an earlier picture", found, "choose another name, or move that file away");
    }
    Ok(())
}

#[cfg(not(feature = "report"))]
fn require(_: &str, _: &Path, _: bool, _: &str) -> Result<()> {
    Err(NOT_BUILT)
}

/// Whether the file has our mark near its start.
#[cfg(feature = "report")]
fn is_ours(path: &Path) -> bool {
    use std::io::Read;
    /// The opening tag is before it.
    const NEAR: u64 = 1024;
    let mut start = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(NEAR).read_to_end(&mut start));
    read.is_ok() && String::from_utf8_lossy(&start).contains(crate::report::MARK)
}
