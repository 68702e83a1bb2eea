//! Pictures of data, networks and results, as self-contained SVG, and pages of them, as self-contained HTML. Never touches a
//! file: what is drawn is handed back as text.

mod compare;
mod compare_page;
mod confusion;
mod curves;
mod html;
mod lr_find;
mod mistakes;
mod network;
mod plot;
mod png;
mod run_page;
mod samples;
mod scale;
mod seen;
mod svg;
mod weights;

pub use compare::compare;
pub use compare_page::compare_page;
pub use confusion::confusion;
pub use curves::curves;
pub use lr_find::sweep;
pub use network::network;
pub use run_page::{Outcome, RunReport, run_page};
pub use samples::{Sheet, sheet};
pub use seen::{Tile, seen};
pub use svg::MARK;
