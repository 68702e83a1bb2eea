//! Curves in a panel: axes, grid, lines that tell themselves apart without colour, and a legend beside them.

use super::scale::{Scale, is_drawable};
use super::svg::{GRAY, INK, Point, Px, Svg, fit, width_of};

/// Curves over a common pair of axes.
pub(super) struct Panel<'a> {
    /// Stands above it.
    pub title: &'a str,
    /// What goes to the right.
    pub x_label: &'a str,
    /// What goes up, and its unit.
    pub y_label: &'a str,
    pub x: Scale,
    pub y: Scale,
    pub curves: &'a [Curve],
    /// How a value is written. With it, the names of the curves stand between title and frame, and their last values at
    /// their ends.
    pub label: Option<fn(f64) -> String>,
}

/// Points joined by lines; a point without a value interrupts it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    /// For the legend.
    pub name: String,
    pub points: Vec<(f64, Option<f64>)>,
    pub look: Look,
}

/// How a curve is drawn. No two of a picture share colour, dashes and marker, so that it reads in black and white.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub color: &'static str,
    /// As `stroke-dasharray`.
    pub dashes: &'static str,
    pub width: f64,
    pub marker: Option<Marker>,
}

/// What stands at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
}

/// A rectangle, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Frame {
    fn right(self) -> f64 {
        self.left + self.width
    }

    fn bottom(self) -> f64 {
        self.top + self.height
    }
}

/// Room to the left of a frame for its labels.
const LEFT_OF_FRAME: f64 = 66.0;
/// Room to the right of a frame for the last values.
const RIGHT_OF_FRAME: f64 = 60.0;
/// Room below a frame for its labels.
pub(super) const BELOW_FRAME: f64 = 44.0;
/// Between two panels.
const BETWEEN: f64 = 24.0;
/// White around everything.
pub(super) const MARGIN: f64 = 24.0;
/// Length of the piece of line in a legend.
const SAMPLE: f64 = 30.0;
/// Font size of a legend.
const SMALL: f64 = 12.0;
/// Points that still have a marker each.
const MARKED_POINTS: usize = 25;
/// Markers of a curve with more points, about.
const MARKERS: usize = 12;
/// Points that a picture of this size can show; of more, every second is left out, or every third, ...
const MOST_POINTS: usize = 2000;

impl Panel<'_> {
    /// Draws the panel with its axes along `frame`: title and legend above, labels left and below.
    pub fn draw(&self, svg: &mut Svg, frame: Frame) {
        let title = (frame.left, frame.top - if self.label.is_some() { 40.0 } else { 16.0 });
        svg.text(title, r#"font-size="14" font-weight="600""#, self.title);
        self.draw_grid(svg, frame);
        self.draw_axes(svg, frame);
        for curve in self.curves {
            self.draw_curve(svg, frame, curve);
        }
        if let Some(label) = self.label {
            let start = frame.left;
            self.curves.iter().fold(start, |x, curve| curve.look.legend(svg, (x, frame.top - 18.0), &curve.name));
            self.draw_last_values(svg, frame, label);
        }
    }

    /// Where a point stands on the paper.
    fn at(&self, frame: Frame, (x, y): Point) -> Point {
        (frame.left + self.x.place(x) * frame.width, frame.bottom() - self.y.place(y) * frame.height)
    }

    fn draw_grid(&self, svg: &mut Svg, frame: Frame) {
        for tick in self.y.ticks() {
            let y = frame.bottom() - self.y.place(tick.value) * frame.height;
            let color = if tick.label.is_some() { "#dcdcdc" } else { "#f0f0f0" };
            svg.line((frame.left, y), (frame.right(), y), &format!(r#"stroke="{color}""#));
            if let Some(label) = tick.label {
                svg.text((frame.left - 8.0, y + 4.0), r#"text-anchor="end""#, label);
            }
        }
    }

    fn draw_axes(&self, svg: &mut Svg, frame: Frame) {
        let corner = (frame.left, frame.bottom());
        let ink = format!(r#"stroke="{INK}""#);
        svg.line((frame.left, frame.top), corner, &ink);
        svg.line(corner, (frame.right(), frame.bottom()), &ink);
        for tick in self.x.ticks() {
            let x = frame.left + self.x.place(tick.value) * frame.width;
            svg.line((x, frame.bottom()), (x, frame.bottom() + 5.0), &ink);
            svg.text((x, frame.bottom() + 19.0), r#"text-anchor="middle""#, tick.label.unwrap_or_default());
        }
        let middle = frame.left + frame.width / 2.0;
        svg.text((middle, frame.bottom() + 38.0), r#"text-anchor="middle""#, self.x_label);
        let (x, y) = (frame.left - LEFT_OF_FRAME + 14.0, frame.top + frame.height / 2.0);
        let turned = format!(r#"text-anchor="middle" transform="rotate(-90 {} {})""#, Px(x), Px(y));
        svg.text((x, y), &turned, self.y_label);
    }

    /// Beside the last point of each curve its value, one below the other where they would overlap.
    fn draw_last_values(&self, svg: &mut Svg, frame: Frame, label: fn(f64) -> String) {
        let last = |curve: &Curve| {
            let (x, value) = curve.points.iter().rev().find_map(|(x, y)| Some((*x, y.filter(|y| is_drawable(*y))?)))?;
            Some((self.at(frame, (x, value)).1 + 4.0, label(value), curve.look.color))
        };
        let ends: Vec<_> = self.curves.iter().filter_map(last).collect();
        let heights: Vec<_> = ends.iter().map(|(y, ..)| *y).collect();
        for ((_, text, color), y) in ends.iter().zip(spread(&heights, SMALL + 2.0, frame.bottom())) {
            svg.text((frame.right() + 6.0, y), &format!(r#"font-size="{SMALL}" fill="{color}""#), text);
        }
    }

    fn draw_curve(&self, svg: &mut Svg, frame: Frame, curve: &Curve) {
        let points: Vec<_> = curve.points.iter().map(|(x, y)| Some((*x, y.filter(|y| is_drawable(*y))?))).collect();
        let place = |point: &Option<Point>| point.map(|point| self.at(frame, point));
        for unbroken in thinned(&points, MOST_POINTS).split(Option::is_none) {
            svg.polyline(unbroken.iter().filter_map(place), &curve.look.line());
            if let ([Some(point)], None) = (unbroken, curve.look.marker) {
                let look = Look { marker: Some(Marker::Circle), ..curve.look }; // a line of one point shows nothing
                look.mark(svg, self.at(frame, *point));
            }
        }
        let marked = if points.len() > MARKED_POINTS { thinned(&points, MARKERS) } else { points };
        for point in marked.iter().filter_map(place) {
            curve.look.mark(svg, point);
        }
    }
}

/// `wanted`, each moved by as little as keeps them `gap` apart and none below `end`; in the order of `wanted`.
fn spread(wanted: &[f64], gap: f64, end: f64) -> Vec<f64> {
    let mut order: Vec<_> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*b].total_cmp(&wanted[*a])); // from the bottom up
    let mut places = wanted.to_vec();
    let mut lowest = end;
    for i in order {
        places[i] = wanted[i].min(lowest);
        lowest = places[i] - gap;
    }
    places
}

/// Evenly chosen points, no more than about `most`, always with the first and the last.
fn thinned<T: Clone>(points: &[T], most: usize) -> Vec<T> {
    let stride = points.len().div_ceil(most).max(1);
    let last = points.len().saturating_sub(1);
    let chosen = points.iter().enumerate().filter(|(i, _)| i % stride == 0 || *i == last);
    chosen.map(|(_, point)| point.clone()).collect()
}

impl Look {
    fn line(self) -> String {
        let Self { color, dashes, width, .. } = self;
        let dashes = if dashes.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dashes}""#) };
        format!(r#"stroke="{color}" stroke-width="{width}"{dashes} stroke-linejoin="round""#)
    }

    fn mark(self, svg: &mut Svg, (x, y): Point) {
        let attributes = format!(r##"fill="#fff" stroke="{}" stroke-width="1.5""##, self.color);
        let corners = |corners: &[Point]| {
            let moved: Vec<_> = corners.iter().map(|(dx, dy)| format!("{},{}", Px(x + dx), Px(y + dy))).collect();
            format!("<polygon points=\"{}\" {attributes}/>", moved.join(" "))
        };
        let shape = match self.marker {
            None => return,
            Some(Marker::Circle) => format!(r#"<circle cx="{}" cy="{}" r="3" {attributes}/>"#, Px(x), Px(y)),
            Some(Marker::Square) => corners(&[(-2.7, -2.7), (2.7, -2.7), (2.7, 2.7), (-2.7, 2.7)]),
            Some(Marker::Triangle) => corners(&[(0.0, -3.8), (3.5, 2.5), (-3.5, 2.5)]),
            Some(Marker::Diamond) => corners(&[(0.0, -4.0), (4.0, 0.0), (0.0, 4.0), (-4.0, 0.0)]),
        };
        svg.add(format_args!("{shape}"));
    }

    /// A piece of the line and what it stands for, from `x` on; returns where the next entry may start.
    pub fn legend(self, svg: &mut Svg, (x, y): Point, text: &str) -> f64 {
        svg.polyline([(x, y - 4.0), (x + SAMPLE, y - 4.0)], &self.line());
        self.mark(svg, (x + SAMPLE / 2.0, y - 4.0));
        svg.text((x + SAMPLE + 6.0, y), &format!(r#"font-size="{SMALL}""#), text);
        x + legend_width(text)
    }
}

/// What a legend's entry takes, with the room to the next.
pub(super) fn legend_width(text: &str) -> f64 {
    SAMPLE + 6.0 + width_of(text, SMALL) + 18.0
}

/// Two panels of equal size beside each other, their frames from `top` down by `height`.
pub(super) fn draw_side_by_side(svg: &mut Svg, width: f64, (top, height): (f64, f64), panels: [&Panel<'_>; 2]) {
    let each = (width - 2.0 * MARGIN - BETWEEN) / 2.0;
    for (panel, left) in panels.into_iter().zip([MARGIN, MARGIN + each + BETWEEN]) {
        let right = if panel.label.is_some() { RIGHT_OF_FRAME } else { 0.0 };
        let width = each - LEFT_OF_FRAME - right;
        panel.draw(svg, Frame { left: left + LEFT_OF_FRAME, top, width, height });
    }
}

/// A panel as a picture of its own, small enough for the column of a page.
pub(super) fn alone(panel: &Panel<'_>) -> String {
    const SIZE: Point = (440.0, 310.0);
    /// Above the frame: title, and legend.
    const ABOVE: f64 = 62.0;
    let mut names: Vec<_> = panel.curves.iter().map(|curve| curve.name.as_str()).collect();
    names.dedup();
    let description = format!("{} by {}: {}.", panel.y_label, panel.x_label, names.join(", "));
    let mut svg = Svg::new(SIZE, panel.title, &description);
    let above = if panel.label.is_some() { ABOVE } else { ABOVE - 24.0 };
    let right = if panel.label.is_some() { RIGHT_OF_FRAME } else { 12.0 };
    let (width, height) = (SIZE.0 - 8.0 - LEFT_OF_FRAME - right, SIZE.1 - above - BELOW_FRAME - 4.0);
    panel.draw(&mut svg, Frame { left: LEFT_OF_FRAME + 4.0, top: above, width, height });
    svg.finish()
}

/// One panel over the whole width of a picture, its frame from `top` down.
pub(super) fn draw_below(svg: &mut Svg, (width, height): Point, top: f64, panel: &Panel<'_>) {
    let left = MARGIN + LEFT_OF_FRAME;
    panel.draw(
        svg,
        Frame { left, top, width: width - left - MARGIN, height: height - top - BELOW_FRAME - MARGIN / 2.0 },
    );
}

/// The heading of a picture: what it shows, and below it the particulars.
pub(super) fn draw_heading(svg: &mut Svg, width: f64, title: &str, particulars: &str) {
    svg.text((MARGIN, 32.0), r#"font-size="17" font-weight="600""#, fit(title, width - 2.0 * MARGIN, 18.0));
    svg.text((MARGIN, 52.0), &format!(r#"fill="{GRAY}""#), fit(particulars, width - 2.0 * MARGIN, 12.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_close_stand_one_below_the_other() {
        assert_eq!(spread(&[10.0, 50.0, 90.0], 14.0, 100.0), [10.0, 50.0, 90.0], "there is room");
        assert_eq!(spread(&[52.0, 50.0, 90.0], 14.0, 100.0), [52.0, 38.0, 90.0]);
        assert_eq!(spread(&[100.0, 100.0, 100.0], 14.0, 90.0), [90.0, 76.0, 62.0]);
    }

    #[test]
    fn of_many_points_the_first_and_the_last_stay() {
        let points: Vec<_> = (0..1001).collect();
        for most in [1, 10, 12, 1000, 2000] {
            let chosen = thinned(&points, most);
            assert!(chosen.len() <= most + 1 && chosen[0] == 0 && chosen.last() == Some(&1000), "{chosen:?}");
        }
        assert_eq!(thinned(&points, 2000), points);
    }
}
