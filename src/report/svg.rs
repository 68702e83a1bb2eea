//! SVG as text: the few elements that our pictures are made of.

use std::fmt::{self, Display, Write};

/// What every picture of ours has near its start, so that it can be told from other people's files.
pub const MARK: &str = "<!-- drawn by gemmnist -->";

/// What is there on every desktop.
const FONTS: &str = "system-ui, 'Helvetica Neue', Helvetica, Arial, sans-serif";
/// Text.
pub(super) const INK: &str = "#1a1a1a";
/// Text beside the point.
pub(super) const GRAY: &str = "#666";

/// A place, in pixels from the left and from the top.
pub(super) type Point = (f64, f64);

/// A picture under construction. Attributes are ours and stand as they are; only text may come from outside.
#[derive(Debug)]
pub(super) struct Svg {
    text: String,
}

impl Svg {
    /// White paper of so many pixels; `title` and `description` are what a screen reader reads out.
    pub fn new((width, height): Point, title: &str, description: &str) -> Self {
        let (width, height) = (Px(width), Px(height));
        let (title, description) = (escape(title), escape(description));
        let mut svg = Self { text: String::new() };
        svg.add(format_args!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="{FONTS}" font-size="12" fill="{INK}">
{MARK}
<title>{title}</title>
<desc>{description}</desc>
<rect width="100%" height="100%" fill="#fff"/>"##
        ));
        svg
    }

    /// Anything, on a line of its own.
    pub fn add(&mut self, element: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{element}");
    }

    /// A text that starts, ends or has its middle at a point, as `text-anchor` in `attributes` says.
    pub fn text(&mut self, (x, y): Point, attributes: &str, text: impl Display) {
        let text = escape(&text.to_string());
        self.add(format_args!(r#"<text x="{}" y="{}" {attributes}>{text}</text>"#, Px(x), Px(y)));
    }

    /// A straight line.
    pub fn line(&mut self, (x1, y1): Point, (x2, y2): Point, attributes: &str) {
        self.add(format_args!(
            r#"<line x1="{}" y1="{}" x2="{}" y2="{}" {attributes}/>"#,
            Px(x1),
            Px(y1),
            Px(x2),
            Px(y2)
        ));
    }

    /// A line through all `points`.
    pub fn polyline(&mut self, points: impl IntoIterator<Item = Point>, attributes: &str) {
        let points: Vec<_> = points.into_iter().map(|(x, y)| format!("{},{}", Px(x), Px(y))).collect();
        self.add(format_args!(r#"<polyline points="{}" fill="none" {attributes}/>"#, points.join(" ")));
    }

    /// The whole picture.
    pub fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// A length: hundredths of a pixel, and no more digits than it needs.
pub(super) struct Px(pub f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = (self.0 * 100.0).round() / 100.0;
        write!(f, "{}", if rounded == 0.0 { 0.0 } else { rounded }) // no -0
    }
}

/// `text` between tags and in attributes: markup means itself, and what XML 1.0 does not allow becomes a replacement character.
pub(super) fn escape(text: &str) -> String {
    let allowed = |c: char| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    let text: String = text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// About how wide `text` is at this font size: a letter of Helvetica is little more than half as wide as high, an
/// ideograph as wide as high.
pub(super) fn width_of(text: &str, font_size: f64) -> f64 {
    let share = |c: char| if c < '\u{2e80}' { 0.56 } else { 1.0 };
    text.chars().map(share).sum::<f64>() * font_size
}

/// As much of `text` as fits into `width`, with an ellipsis where something is left out.
pub(super) fn fit(text: &str, width: f64, font_size: f64) -> String {
    if width_of(text, font_size) <= width {
        return text.to_owned();
    }
    let mut kept = text.to_owned();
    while !kept.is_empty() && width_of(&kept, font_size) + font_size > width {
        kept.pop();
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(escape("a < b & </text> \x1b\0"), "a &lt; b &amp; &lt;/text&gt; \u{fffd}\u{fffd}");
    }

    #[test]
    fn a_length_has_no_more_digits_than_it_needs() {
        let shown = [1.0, 0.1 + 0.2, -0.001, 1234.567].map(|length| Px(length).to_string());
        assert_eq!(shown, ["1", "0.3", "0", "1234.57"]);
    }

    #[test]
    fn a_long_text_is_cut_to_its_room_and_a_short_one_is_not() {
        assert_eq!(fit("short", 100.0, 10.0), "short");
        let cut = fit(&"long ".repeat(50), 100.0, 10.0);
        assert!(cut.ends_with('…') && width_of(&cut, 10.0) <= 100.0, "{cut}");
        assert!(width_of(&cut, 10.0) > 80.0, "{cut}: room is used");
    }
}
