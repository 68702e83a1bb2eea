//! Pictures of data, networks and results, as self-contained SVG. Never touches a file: what is drawn is handed back as text.

mod compare;
mod confusion;
mod curves;
mod network;
mod plot;
mod png;
mod samples;
mod scale;
mod svg;

pub use compare::compare;
pub use confusion::confusion;
pub use curves::curves;
pub use network::network;
pub use samples::{Sheet, sheet};
pub use svg::MARK;
