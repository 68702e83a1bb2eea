//! Pictures of data and results, as self-contained SVG. Never touches a file: what is drawn is handed back as text.

mod png;
mod samples;

pub use samples::{Sheet, sheet};
