//! A sheet of digits: a column for each class, so that a wrong label stands out at first sight.

use super::png;
use super::svg::{GRAY, Svg};
use crate::data::Dataset;

/// What a sheet shows.
#[derive(Debug, Clone)]
pub struct Sheet<'a> {
    /// Stands above the columns, such as `mnist, training images`.
    pub title: &'a str,
    /// Images of each class, one below the other.
    pub per_class: usize,
    /// Images of each class to leave out first.
    pub skip: usize,
}

/// Side that a digit is drawn with, about, in pixels of the sheet: 28 x 28 twofold.
const DIGIT: usize = 56;
/// White between digits.
const GAP: usize = 8;
/// White around everything.
const MARGIN: usize = 24;
/// Title and column heads.
const HEAD: usize = 94;
/// Columns narrower than this would let their heads run into each other.
const LEAST_COLUMN: usize = 44;

/// Room for the title where there are few columns.
const LEAST_WIDTH: usize = 320;

/// The sheet of `dataset` as SVG: ink on paper, that is, 0 is white and 255 black. Images come in the order of the data;
/// each shows its number and label when pointed at. A class with fewer images leaves its column short.
pub fn sheet(dataset: &Dataset, sheet: &Sheet) -> String {
    let columns = columns(dataset, sheet);
    let layout = Layout::of(dataset, &columns);
    let title = sheet.title;
    let description = "Images in columns, one for each class.";
    let mut svg = Svg::new((layout.width as f64, layout.height as f64), title, description);
    draw_head(&mut svg, &layout, dataset, title);
    for (class, images) in columns.iter().enumerate() {
        for (row, &i) in images.iter().enumerate() {
            draw_digit(&mut svg, &layout, dataset, i, (class, row));
        }
    }
    svg.finish()
}

/// The numbers of the images to show, for each class.
fn columns(dataset: &Dataset, sheet: &Sheet) -> Vec<Vec<usize>> {
    let of = |class| (0..dataset.len()).filter(move |&i| usize::from(dataset.labels()[i]) == class);
    (0..dataset.classes()).map(|class| of(class).skip(sheet.skip).take(sheet.per_class).collect()).collect()
}

/// Sizes in pixels of the sheet.
struct Layout {
    width: usize,
    height: usize,
    /// Pixels of the sheet for one of the image.
    scale: usize,
    column: usize,
    row: usize,
}

impl Layout {
    fn of(dataset: &Dataset, columns: &[Vec<usize>]) -> Self {
        let (height, width) = dataset.size();
        let scale = (DIGIT / height.max(width)).max(1);
        let (column, row) = ((width * scale + GAP).max(LEAST_COLUMN), height * scale + GAP);
        let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
        let (wide, high) = (columns.len() * column - GAP, HEAD + rows * row - GAP);
        Self { width: wide.max(LEAST_WIDTH) + 2 * MARGIN, height: high + 2 * MARGIN, scale, column, row }
    }
}

/// Title, and above each column its class and how many images it has in all.
fn draw_head(svg: &mut Svg, layout: &Layout, dataset: &Dataset, title: &str) {
    let (left, top) = (MARGIN as f64, MARGIN as f64);
    let small = format!(r#"font-size="11" fill="{GRAY}""#);
    svg.add(format_args!("<style>image {{ image-rendering: pixelated }}</style>"));
    svg.text((left, top + 14.0), r#"font-size="16""#, title);
    svg.text((left, top + 32.0), &small, "under each class: how many there are");
    for (class, count) in dataset.class_counts().into_iter().enumerate() {
        let middle = (MARGIN + class * layout.column + dataset.size().1 * layout.scale / 2) as f64;
        svg.text((middle, top + 64.0), r#"font-size="16" font-weight="600" text-anchor="middle""#, class);
        svg.text((middle, top + 80.0), &format!(r#"text-anchor="middle" {small}"#), count);
    }
}

fn draw_digit(svg: &mut Svg, layout: &Layout, dataset: &Dataset, i: usize, (class, row): (usize, usize)) {
    let (height, width) = dataset.size();
    let ink: Vec<_> = dataset.image(i).iter().map(|&byte| 255 - byte).collect();
    svg.add(format_args!(
        r#"<image x="{}" y="{}" width="{}" height="{}" href="{}"><title>image {i}, label {class}</title></image>"#,
        MARGIN + class * layout.column,
        MARGIN + HEAD + row * layout.row,
        width * layout.scale,
        height * layout.scale,
        png::data_uri(&ink, dataset.size(), 2 * layout.scale),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six images of one pixel, labelled 0 1 2 0 1 0.
    fn six() -> Dataset {
        Dataset::new(vec![0, 50, 100, 150, 200, 250], vec![0, 1, 2, 0, 1, 0], (1, 1), 3)
    }

    fn shown(svg: &str) -> Vec<&str> {
        svg.split("<title>image ").skip(1).filter_map(|rest| rest.split('<').next()).collect()
    }

    #[test]
    fn a_sheet_shows_the_first_images_of_each_class_in_order() {
        let svg = sheet(&six(), &Sheet { title: "six", per_class: 2, skip: 0 });
        assert_eq!(shown(&svg), ["0, label 0", "3, label 0", "1, label 1", "4, label 1", "2, label 2"]);
    }

    #[test]
    fn skipped_images_make_room_for_the_next() {
        let svg = sheet(&six(), &Sheet { title: "six", per_class: 2, skip: 1 });
        assert_eq!(shown(&svg), ["3, label 0", "5, label 0", "4, label 1"]);
    }

    #[test]
    fn a_title_cannot_break_out_of_its_element() {
        let svg = sheet(&six(), &Sheet { title: "a < b & </text>", per_class: 1, skip: 0 });
        assert!(svg.contains("a &lt; b &amp; &lt;/text&gt;"), "{svg}");
    }
}
