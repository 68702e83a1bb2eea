//! What a network saw of people's pictures.

use super::png;
use super::svg::{GRAY, Svg, fit};
use crate::format::count;

/// A picture as it was seen: its pixels, and below it what was thought of it, and its name.
pub type Tile<'a> = (&'a [u8], [String; 2]);

/// Side that an image is drawn with, about.
const SIDE: usize = 112;
/// Between two images.
const GAP: f64 = 20.0;
/// Below an image: two lines.
const LINES: f64 = 40.0;
/// Images beside each other.
const COLUMNS: usize = 6;
/// More do not fit on a picture that is looked at.
const MOST: usize = 120;
const MARGIN: f64 = 24.0;
/// Above the images.
const HEAD: f64 = 64.0;
/// Room for the heading where there is one image.
const LEAST_WIDTH: f64 = 320.0;

/// The images of `height` x `width` pixels that a network saw, as SVG; of many, the first.
pub fn seen(tiles: &[Tile<'_>], (height, width): (usize, usize)) -> String {
    let shown = &tiles[..tiles.len().min(MOST)];
    let scale = (SIDE / height.max(width)).max(1);
    let (row, column) = ((height * scale) as f64 + LINES + GAP, (width * scale) as f64 + GAP);
    let columns = shown.len().clamp(1, COLUMNS);
    let size = (
        (2.0 * MARGIN + columns as f64 * column - GAP).max(LEAST_WIDTH),
        HEAD + shown.len().div_ceil(columns) as f64 * row + MARGIN,
    );
    let told = match tiles.len() {
        all if all > MOST => format!("the first {MOST} of {}", count(all, "picture")),
        all => count(all, "picture"),
    };
    let mut svg = Svg::new(size, "What the network saw", &format!("Prepared images: {told}."));
    svg.text((MARGIN, 32.0), r#"font-size="17" font-weight="600""#, "What the network saw");
    svg.text((MARGIN, 50.0), &format!(r#"fill="{GRAY}""#), told);
    for (i, (pixels, [thought, name])) in shown.iter().enumerate() {
        let (left, top) = (MARGIN + (i % columns) as f64 * column, HEAD + (i / columns) as f64 * row);
        let (wide, high) = (width * scale, height * scale);
        let uri = png::data_uri(pixels, (height, width), 2 * scale);
        svg.add(format_args!(r#"<image x="{left}" y="{top}" width="{wide}" height="{high}" href="{uri}"/>"#));
        let below = top + high as f64;
        svg.text((left, below + 16.0), r#"font-size="13" font-weight="600""#, fit(thought, column - 4.0, 13.0));
        svg.text((left, below + 32.0), &format!(r#"font-size="11" fill="{GRAY}""#), fit(name, column - 4.0, 11.0));
    }
    svg.finish()
}
