//! What the units of the first layer look for: their weights, laid out as the pixels they belong to.

use super::png::{self, Color};
use crate::nn::{Network, Parameter};

/// Units that are shown at most.
const MOST_UNITS: usize = 256;
/// Pixels that are shown at most, so that a page stays small.
const MOST_PIXELS: usize = 400_000;
/// Between two units, in pixels.
const GAP: usize = 2;
/// Shades to either side of zero: as many as an eye tells apart, and half the bytes of all 127.
const SHADES: i32 = 24;
/// Weights above 0, in the colour that they have on the page of `gemmnist serve`.
const POSITIVE: [u8; 3] = [213, 94, 0];
/// Weights below 0.
const NEGATIVE: [u8; 3] = [0, 112, 192];
/// So many times the root mean square of all weights is the full colour.
const FULL: f32 = 3.0;

/// The weights of a first layer as one picture.
pub(super) struct Weights {
    /// As a `data:` URI.
    pub uri: String,
    /// Height and width, in pixels.
    pub size: (usize, usize),
    /// Units in it.
    pub shown: usize,
    /// Units in the layer.
    pub units: usize,
}

/// The weights of the first layer of `network` that has any, a tile of `height` x `width` a unit; `None` if its inputs are not
/// the pixels of such an image.
pub(super) fn first_layer(network: &Network, (height, width): (usize, usize)) -> Option<Weights> {
    let weights = network.parameters().find_map(|(_, parameter)| match parameter {
        Parameter::Weights(w) => Some(w),
        Parameter::Bias(_) => None,
    })?;
    let (inputs, units) = weights.dim();
    if inputs != height * width || inputs > MOST_PIXELS {
        return None;
    }
    let shown = units.min(MOST_UNITS).min(MOST_PIXELS / inputs);
    let columns = columns(shown);
    let (row, column) = (height + GAP, width + GAP);
    let size = (shown.div_ceil(columns) * row - GAP, columns * column - GAP);
    let mean_square = weights.iter().map(|w| w * w).sum::<f32>() / weights.len() as f32;
    let full = (FULL * mean_square.sqrt()).max(f32::MIN_POSITIVE);
    let mut pixels = vec![SHADES as u8; size.0 * size.1]; // zero: see through
    for unit in 0..shown {
        let (top, left) = (unit / columns * row, unit % columns * column);
        for (i, weight) in weights.column(unit).iter().enumerate() {
            let shade = (weight / full * SHADES as f32).round().clamp(-SHADES as f32, SHADES as f32) as i32;
            pixels[(top + i / width) * size.1 + left + i % width] = (SHADES + shade) as u8;
        }
    }
    Some(Weights { uri: png::colored_data_uri(&pixels, size, &palette()), size, shown, units })
}

/// Twice as wide as high, about: so that a wide screen shows it whole.
fn columns(tiles: usize) -> usize {
    let columns = (2.0 * tiles as f64).sqrt().ceil() as usize;
    (columns..=columns + 4).find(|columns| tiles.is_multiple_of(*columns)).unwrap_or(columns).min(tiles)
}

/// From the most negative weight to the most positive; what is near zero lets the page through.
fn palette() -> Vec<Color> {
    let color = |shade: i32| {
        let [r, g, b] = if shade < 0 { NEGATIVE } else { POSITIVE };
        [r, g, b, (255 * shade.abs() / SHADES) as u8]
    };
    (-SHADES..=SHADES).map(color).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_fill_their_rows_where_they_can() {
        let rows = |tiles: usize| (tiles.div_ceil(columns(tiles)), columns(tiles));
        assert_eq!([1, 10, 16, 30, 128, 192].map(rows), [(1, 1), (2, 5), (2, 8), (3, 10), (8, 16), (8, 24)]);
    }
}
