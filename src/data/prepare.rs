//! A person's picture, made into what MNIST's images are.
//!
//! LeCun, Cortes and Burges say of theirs (<https://yann.lecun.com/exdb/mnist/>): "size normalized to fit in a 20x20 pixel box while
//! preserving their aspect ratio. The resulting images contain grey levels as a result of the anti-aliasing technique
//! used by the normalization algorithm. The images were centered in a 28x28 image by computing the center of mass of the
//! pixels, and translating the image so as to position this point at the center of the 28x28 field."
//!
//! In the 60,000 training images that means: white on 0, the box exactly 20 wide or high, moved by whole pixels until
//! the centre of mass is in row and column 14, counted from 0, within half a pixel; the brightest pixel 254 or 255.

use std::ops::Range;

use super::picture::Picture;

/// Pixels to a side that are worked on: larger pictures are averaged down first, which also calms their noise.
const WORKING_SIDE: usize = 1024;
/// Pixels, about, by which the paper is found: with all of them, as many digits are recognised.
const SAMPLE: usize = 10_000;
/// Share of an image's side that the ink fills: 20 of MNIST's 28 pixels.
const BOX_SHARE: f32 = 20.0 / 28.0;
/// Levels from paper to ink below which there is no drawing but a stain: soft pencil has over 40.
const LEAST_CONTRAST: f32 = 24.0;
/// Pixels that a drawing has at least, along its longer side.
const LEAST_SIDE: f32 = 4.0;
/// From this share of the ink's level on, a pixel is ink: the edge of a bilevel stroke that was blurred is there.
const INK: f32 = 0.5;
/// Below this share of the ink's level a pixel is paper, whatever its noise: JPEG leaves ripples around strokes.
const FAINT: f32 = 0.08;
/// A piece of ink smaller than this share of the largest is a speck. The bar of a 5 that was drawn apart is ten times larger.
const SPECK: f32 = 0.01;
/// A piece smaller than this share of one that crosses the picture is dust beside a digit cut out tightly, not a small digit beside
/// a ruled line.
const DUST: f32 = 0.05;
/// Gray is kept this close to ink, in pixels of the result: it is the edge of a stroke. What is further away is a ruled
/// line, or a shadow.
const EDGE: f32 = 1.5;

/// The drawing in `picture`, as MNIST would have it: (H, W) bytes, white on black, in the middle. None if nothing is drawn.
///
/// Dark on light or light on dark, any size; the paper may be gray, noisy, unevenly lit, and ruled in a lighter colour, as
/// long as more than half of it, and of its border, is paper. An image that is prepared already stays what it is, to the byte.
pub fn prepare(picture: &Picture, size: (usize, usize)) -> Option<Vec<u8>> {
    if is_prepared(picture, size) {
        return Some(picture.pixels.clone());
    }
    let box_side = box_side(size);
    let mut plane = Plane::of(picture);
    let noise = plane.subtract_paper();
    let level = plane.normalise_ink(noise)?;
    let ink = plane.pieces_of_ink();
    let bounds = plane.bounds_of(&ink).filter(|bounds| bounds.longer_side() >= LEAST_SIDE)?;
    let scale = box_side as f32 / bounds.longer_side();
    plane.keep_near(&ink, (EDGE / scale).ceil() as usize, (4.0 * noise / level).max(FAINT));
    Some(plane.resample(plane.sharp_bounds(&bounds), box_side, size))
}

/// Pixels of the longer side of the ink in an image of this size.
fn box_side((height, width): (usize, usize)) -> usize {
    ((height.min(width) as f32 * BOX_SHARE).round() as usize).max(1)
}

/// Whether `picture` has what MNIST's images have: the size, black around, the box and the centre of mass.
fn is_prepared(picture: &Picture, size: (usize, usize)) -> bool {
    if picture.size != size {
        return false;
    }
    let plane = Plane::of(picture);
    let drawn: Vec<_> = plane.values.iter().map(|&value| value > 0.0).collect();
    let Some(bounds) = plane.bounds_of(&drawn) else { return false };
    let (y, x) = plane.centre_of_mass();
    let centred = |found: f32, side: usize| (found - 0.5 - (side / 2) as f32).abs() <= 0.51;
    bounds.longer_side() == box_side(size) as f32 && centred(y, size.0) && centred(x, size.1)
}

/// A rectangle between pixels: a pixel lies from its number to the next.
#[derive(Debug, Clone, PartialEq)]
struct Bounds {
    rows: Range<f32>,
    columns: Range<f32>,
}

impl Bounds {
    fn longer_side(&self) -> f32 {
        (self.rows.end - self.rows.start).max(self.columns.end - self.columns.start)
    }
}

/// One number a pixel, row after row.
struct Plane {
    values: Vec<f32>,
    height: usize,
    width: usize,
}

impl Plane {
    /// The levels of `picture`, in squares of pixels averaged so that no side is above [`WORKING_SIDE`].
    fn of(picture: &Picture) -> Self {
        let (full_height, full_width) = picture.size;
        let step = full_height.max(full_width).div_ceil(WORKING_SIDE);
        let (height, width) = (full_height.div_ceil(step), full_width.div_ceil(step));
        let mean = |i: usize| {
            let (top, left) = (i / width * step, i % width * step);
            let (bottom, right) = ((top + step).min(full_height), (left + step).min(full_width));
            let rows = (top..bottom).map(|y| &picture.pixels[y * full_width + left..y * full_width + right]);
            let sum: u32 = rows.flatten().map(|&pixel| u32::from(pixel)).sum();
            sum as f32 / ((bottom - top) * (right - left)) as f32
        };
        Self { values: (0..height * width).map(mean).collect(), height, width }
    }

    fn rows(&self) -> impl DoubleEndedIterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }

    /// The values of the first and the last row and column; corners are in both.
    fn border(&self) -> Vec<f32> {
        let (first, last) = (self.rows().next(), self.rows().next_back());
        let sides = self.rows().flat_map(|row| [row[0], row[self.width - 1]]);
        sides.chain([first, last].into_iter().flatten().flatten().copied()).collect()
    }

    /// Takes the paper's level away and makes what is drawn on it positive. Returns the deviation of the paper's noise.
    ///
    /// The level is a quadratic function of the place, fitted by least squares to the pixels that are paper: first those
    /// near the median of the border, then those near the function so far.
    fn subtract_paper(&mut self) -> f32 {
        let sample = self.sample();
        let mut paper = Surface([median(self.border()), 0.0, 0.0, 0.0, 0.0, 0.0]);
        let mut noise = f32::INFINITY;
        for count in [1, 3, 3, 3, 3, 6, 6, 6] {
            let distances: Vec<_> = sample.iter().map(|pixel| (pixel.value - paper.at(&pixel.terms)).abs()).collect();
            let deviation = median(distances.clone()); // paper is more than half of it
            noise = noise.min(1.4826 * deviation); // of a normal distribution; never more, or ink would become paper
            let near = 3.0 * noise + 2.0; // levels: paper without noise is rounded, too
            let pixels = sample.iter().zip(distances);
            paper = Surface::fitted(count, pixels.filter(|&(_, distance)| distance <= near).map(|(pixel, _)| pixel));
        }
        let (height, width) = (self.height, self.width);
        for (y, row) in self.values.chunks_exact_mut(width).enumerate() {
            for (x, value) in row.iter_mut().enumerate() {
                *value -= paper.at(&terms((y, x), (height, width)));
            }
        }
        let drawn = self.values.iter().filter(|residual| residual.abs() > 5.0 * noise);
        let sign = if drawn.sum::<f32>() < 0.0 { -1.0 } else { 1.0 };
        self.values.iter_mut().for_each(|value| *value = (sign * *value).max(0.0));
        noise
    }

    /// Some [`SAMPLE`] pixels, or all if there are fewer, from all over the picture: the step from one to the next has no
    /// factor in common with the width, or they would stand in columns, on ruled lines or between them.
    fn sample(&self) -> Vec<Sample> {
        let common_factor =
            |step: usize| (2..=step).any(|factor| step.is_multiple_of(factor) && self.width.is_multiple_of(factor));
        let least = (self.values.len() / SAMPLE).max(1);
        let step = (least..).find(|&step| !common_factor(step)).unwrap_or(1);
        let pixel = |(i, &value): (usize, &f32)| {
            let terms = terms((i / self.width, i % self.width), (self.height, self.width));
            Sample { terms, value }
        };
        self.values.iter().enumerate().step_by(step).map(pixel).collect()
    }

    /// Divides by the level of the ink, which becomes 1; returns it. None if there is no ink.
    ///
    /// Of the pixels above the noise, the ink is the upper class by Otsu's threshold: the lower one is edges and ruled lines.
    fn normalise_ink(&mut self, noise: f32) -> Option<f32> {
        let least = (5.0 * noise).max(LEAST_CONTRAST / 2.0);
        let drawn: Vec<_> = self.values.iter().copied().filter(|&value| value > least).collect();
        let threshold = otsu(&drawn)?;
        let (sum, count) = drawn
            .iter()
            .filter(|&&value| value >= threshold)
            .fold((0.0_f64, 0), |(sum, count), &value| (sum + f64::from(value), count + 1));
        let level = (sum / f64::from(count)) as f32;
        self.values.iter_mut().for_each(|value| *value = (*value / level).min(1.0));
        (level >= LEAST_CONTRAST.max(6.0 * noise)).then_some(level)
    }

    /// Which pixels are ink, without specks, and without what crosses the whole picture, unless there is nothing else.
    fn pieces_of_ink(&self) -> Vec<bool> {
        let mut pieces = self.pieces();
        let crosses = |piece: &Vec<usize>| {
            let touches = |on: &dyn Fn(usize) -> bool| piece.iter().any(|&i| on(i));
            let (last_row, last_column) = (self.height - 1, self.width - 1);
            touches(&|i| i / self.width == 0) && touches(&|i| i / self.width == last_row)
                || touches(&|i| i % self.width == 0) && touches(&|i| i % self.width == last_column)
        };
        let largest_of = |pieces: &[Vec<usize>]| pieces.iter().map(Vec::len).max().unwrap_or(0);
        let largest = largest_of(&pieces);
        if pieces.iter().any(|piece| !crosses(piece) && piece.len() as f32 > DUST * largest as f32) {
            pieces.retain(|piece| !crosses(piece));
        }
        let largest = largest_of(&pieces);
        let mut ink = vec![false; self.values.len()];
        for piece in pieces.iter().filter(|piece| piece.len() as f32 > SPECK * largest as f32) {
            piece.iter().for_each(|&i| ink[i] = true);
        }
        ink
    }

    /// The pixels of ink, those that touch each other together.
    fn pieces(&self) -> Vec<Vec<usize>> {
        let mut left: Vec<_> = self.values.iter().map(|&value| value >= INK).collect();
        let mut pieces = Vec::new();
        for start in 0..left.len() {
            if !std::mem::take(&mut left[start]) {
                continue;
            }
            let mut piece = vec![start];
            let mut next = 0;
            while let Some(&i) = piece.get(next) {
                next += 1;
                let (y, x) = (i / self.width, i % self.width);
                for y in y.saturating_sub(1)..(y + 2).min(self.height) {
                    for x in x.saturating_sub(1)..(x + 2).min(self.width) {
                        if std::mem::take(&mut left[y * self.width + x]) {
                            piece.push(y * self.width + x);
                        }
                    }
                }
            }
            pieces.push(piece);
        }
        pieces
    }

    /// What encloses the pixels that are `wanted`; none if none is.
    fn bounds_of(&self, wanted: &[bool]) -> Option<Bounds> {
        let row = |y: &usize| wanted[y * self.width..(y + 1) * self.width].contains(&true);
        let column = |x: &usize| wanted.iter().skip(*x).step_by(self.width).any(|&wanted| wanted);
        let (top, left) = ((0..self.height).find(row)?, (0..self.width).find(column)?);
        let (bottom, right) = ((0..self.height).rfind(row)?, (0..self.width).rfind(column)?);
        Some(Bounds { rows: top as f32..(bottom + 1) as f32, columns: left as f32..(right + 1) as f32 })
    }

    /// Blackens what is further than `radius` from the pixels of `ink`, and what is below `least`.
    fn keep_near(&mut self, ink: &[bool], radius: usize, least: f32) {
        let (height, width) = (self.height, self.width);
        let rows = spread(ink, height, width, radius, |line, at| line * width + at);
        let near = spread(&rows, width, height, radius, |line, at| at * width + line);
        for (value, near) in self.values.iter_mut().zip(near) {
            if !near || *value < least {
                *value = 0.0;
            }
        }
    }

    /// `bounds`, each edge moved to where the values pass through [`INK`] between two pixels.
    fn sharp_bounds(&self, bounds: &Bounds) -> Bounds {
        let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
        let row = |y: usize| largest(&mut self.values[y * self.width..(y + 1) * self.width].iter().copied());
        let column = |x: usize| largest(&mut self.values.iter().skip(x).step_by(self.width).copied());
        Bounds { rows: sharp(&bounds.rows, self.height, row), columns: sharp(&bounds.columns, self.width, column) }
    }

    /// Row and column of the centre of mass, in the coordinates of [`Bounds`].
    fn centre_of_mass(&self) -> (f32, f32) {
        let (mut mass, mut y_mass, mut x_mass) = (0.0_f64, 0.0, 0.0);
        for (i, &value) in self.values.iter().enumerate() {
            mass += f64::from(value);
            y_mass += f64::from(value) * ((i / self.width) as f64 + 0.5);
            x_mass += f64::from(value) * ((i % self.width) as f64 + 0.5);
        }
        ((y_mass / mass) as f32, (x_mass / mass) as f32)
    }

    /// An image of `size`, the longer side of `bounds` on `box_side` of its pixels, moved by whole pixels until the centre of
    /// mass is in the middle. A pixel is the mean of what it covers; the brightest becomes white.
    fn resample(&self, bounds: Bounds, box_side: usize, (height, width): (usize, usize)) -> Vec<u8> {
        let covered = bounds.longer_side() / box_side as f32; // pixels of ours, by a pixel of the result
        let (y, x) = self.centre_of_mass();
        let shift = |side: usize, centre: f32, start: f32| {
            ((side / 2) as f32 + 0.5 - (centre - start) / covered).round() // 14.5 is the middle of row 14
        };
        let top = bounds.rows.start - covered * shift(height, y, bounds.rows.start);
        let left = bounds.columns.start - covered * shift(width, x, bounds.columns.start);
        let points = (covered.ceil() as usize).max(2);
        let mean = |i: usize| {
            let at = |start: f32, pixel: usize, point: usize| {
                start + covered * (pixel as f32 + (point as f32 + 0.5) / points as f32)
            };
            let row = |point: usize| {
                let y = at(top, i / width, point);
                (0..points).map(|point| self.at(y, at(left, i % width, point))).sum::<f32>()
            };
            (0..points).map(row).sum::<f32>() / (points * points) as f32
        };
        let means: Vec<f32> = (0..height * width).map(mean).collect();
        let white = means.iter().copied().fold(0.0, f32::max);
        means.iter().map(|mean| (255.0 * mean / white).round() as u8).collect()
    }

    /// The value at a point, in the coordinates of [`Bounds`]: linear between the middles of pixels, 0 beyond the last.
    fn at(&self, y: f32, x: f32) -> f32 {
        let (y, x) = (y - 0.5, x - 0.5);
        let (top, left) = (y.floor(), x.floor());
        let value = |y: f32, x: f32| {
            let inside = y >= 0.0 && x >= 0.0 && y < self.height as f32 && x < self.width as f32;
            if inside { self.values[y as usize * self.width + x as usize] } else { 0.0 }
        };
        let row = |row: f32| value(row, left) * (1.0 + left - x) + value(row, left + 1.0) * (x - left);
        row(top) * (1.0 + top - y) + row(top + 1.0) * (y - top)
    }
}

/// Where the largest values of rows, or of columns, pass through [`INK`] at both ends of `range`.
fn sharp(range: &Range<f32>, side: usize, largest: impl Fn(usize) -> f32) -> Range<f32> {
    // From the last pixel of ink to its neighbour outside, which has less: the value is INK after this part of the way.
    let beyond = |ink: usize, outside: Option<usize>| {
        let (ink, outside) = (largest(ink), outside.map_or(0.0, &largest));
        ((ink - INK) / (ink - outside).max(1e-6)).clamp(0.0, 1.0) - 0.5
    };
    let (first, last) = (range.start as usize, range.end as usize - 1);
    let start = range.start - beyond(first, first.checked_sub(1));
    start..range.end + beyond(last, Some(last + 1).filter(|&outside| outside < side))
}

/// Whether one of `radius` pixels before or after in its line is set; pixel `at` of line `line` is number `index(line, at)`.
fn spread(
    set: &[bool],
    lines: usize,
    length: usize,
    radius: usize,
    index: impl Fn(usize, usize) -> usize,
) -> Vec<bool> {
    let mut near = vec![false; set.len()];
    for line in 0..lines {
        let mut window = (0..radius.min(length)).filter(|&at| set[index(line, at)]).count();
        for at in 0..length {
            window += usize::from(at + radius < length && set[index(line, at + radius)]);
            near[index(line, at)] = window > 0;
            window -= usize::from(at >= radius && set[index(line, at - radius)]);
        }
    }
    near
}

/// The terms of a quadratic function at the pixel in row y and column x, its place in [-1, 1].
fn terms((y, x): (usize, usize), (height, width): (usize, usize)) -> [f32; 6] {
    let place = |at: usize, side: usize| 2.0 * (at as f32 + 0.5) / side as f32 - 1.0;
    let (y, x) = (place(y, height), place(x, width));
    [1.0, x, y, x * x, x * y, y * y]
}

/// A pixel, by which the paper is found.
struct Sample {
    terms: [f32; 6],
    value: f32,
}

/// A quadratic function of the place, by the factors of its [`terms`].
struct Surface([f32; 6]);

impl Surface {
    fn at(&self, terms: &[f32; 6]) -> f32 {
        self.0.iter().zip(terms).map(|(factor, term)| factor * term).sum()
    }

    /// The least squares fit to these pixels of a function that has the first `count` terms: a level, a plane, or all.
    fn fitted<'a>(count: usize, pixels: impl Iterator<Item = &'a Sample>) -> Self {
        let mut equations = [[0.0_f64; 7]; 6]; // the normal equations, their right side last
        for Sample { terms, value } in pixels {
            let terms = terms.map(f64::from);
            for (equation, term) in equations.iter_mut().zip(terms).take(count) {
                equation.iter_mut().zip(terms).take(count).for_each(|(sum, other)| *sum += term * other);
                equation[6] += term * f64::from(*value);
            }
        }
        let points = equations[0][0].max(1.0);
        // Of a picture with one row, only a part of the factors is determined: this leaves the others 0.
        (1..6).for_each(|k| equations[k][k] += 1e-6 * points);
        equations[0][0] = points;
        for k in 0..6 {
            let pivot = equations[k].map(|value| value / equations[k][k]);
            for (other, equation) in equations.iter_mut().enumerate() {
                let factor = equation[k];
                match other == k {
                    true => *equation = pivot,
                    false => equation.iter_mut().zip(pivot).for_each(|(value, pivot)| *value -= factor * pivot),
                }
            }
        }
        Self(equations.map(|equation| equation[6] as f32))
    }
}

/// The middle of `values`, or the mean of the two middle ones: the same for dark on light as for light on dark. 0 of none.
fn median(mut values: Vec<f32>) -> f32 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    let is_odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    let lower = if is_odd { upper } else { below.iter().copied().max_by(f32::total_cmp).unwrap_or(upper) };
    (upper + lower) / 2.0
}

/// The value that best divides `values`, not negative, into two classes: the variance between them is largest (Otsu 1979).
fn otsu(values: &[f32]) -> Option<f32> {
    const BINS: usize = 256;
    let largest = values.iter().copied().fold(0.0, f32::max);
    let bin = |value: f32| ((value / largest * BINS as f32) as usize).min(BINS - 1);
    let mut counts = [0_u32; BINS];
    values.iter().for_each(|&value| counts[bin(value)] += 1);
    let moment = |bins: Range<usize>| {
        let sums = bins.map(|bin| (f64::from(counts[bin]), f64::from(counts[bin]) * bin as f64));
        sums.fold((0.0, 0.0), |(count, sum), (c, s)| (count + c, sum + s))
    };
    let between = |threshold: usize| {
        let ((below, below_sum), (above, above_sum)) = (moment(0..threshold), moment(threshold..BINS));
        if below * above == 0.0 { 0.0 } else { below * above * (below_sum / below - above_sum / above).powi(2) }
    };
    let best = (1..BINS).max_by(|&a, &b| between(a).total_cmp(&between(b)))?;
    let threshold = if between(best) > 0.0 { best as f32 * largest / BINS as f32 } else { 0.0 };
    (!values.is_empty()).then_some(threshold)
}
