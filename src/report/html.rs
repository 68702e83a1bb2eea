//! Pages as text: one file each that needs no script and no other file, in light and in dark, for wide screens and narrow.

use std::fmt::{self, Display, Write};

use super::svg::{MARK, escape};

/// How our pages look. The colours of our pictures become those of the page where it is dark.
const STYLE: &str = include_str!("page.css");

/// A page under construction. Markup is ours and stands as it is; text from outside goes through [`escape`].
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    /// Where the sections begin: an anchor and a heading each.
    sections: Vec<(&'static str, &'static str)>,
}

/// A cell of a table, as markup.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text(String),
    /// Aligned by its last digit.
    Number(String),
    /// What the row is about.
    Head(String),
}

impl Cell {
    pub fn text(text: impl Display) -> Self {
        Self::Text(escape(&text.to_string()))
    }

    pub fn number(number: impl Display) -> Self {
        Self::Number(escape(&number.to_string()))
    }

    pub fn head(text: impl Display) -> Self {
        Self::Head(escape(&text.to_string()))
    }
}

impl Page {
    /// With nothing on it yet.
    pub fn new() -> Self {
        Self { text: String::new(), sections: Vec::new() }
    }

    /// Anything, on a line of its own.
    pub fn add(&mut self, element: fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{element}"); // writing to a string does not fail
    }

    /// A part of the page with a heading, to which the list of sections leads.
    pub fn section(&mut self, anchor: &'static str, heading: &'static str, fill: impl FnOnce(&mut Self)) {
        self.sections.push((anchor, heading));
        self.add(format_args!("<section aria-labelledby=\"{anchor}\">\n<h2 id=\"{anchor}\">{heading}</h2>"));
        fill(self);
        self.add(format_args!("</section>"));
    }

    /// A sentence.
    pub fn paragraph(&mut self, text: impl Display) {
        self.add(format_args!("<p>{}</p>", escape(&text.to_string())));
    }

    /// What is wrong, or must be known before anything else.
    pub fn notice(&mut self, text: impl Display) {
        self.add(format_args!("<p class=\"notice\"><strong>{}</strong></p>", escape(&text.to_string())));
    }

    /// Something to be typed.
    pub fn command(&mut self, command: &str) {
        self.add(format_args!("<pre><code>{}</code></pre>", escape(command)));
    }

    /// Figures that tell most, large.
    pub fn figures(&mut self, figures: &[(String, String)]) {
        self.add(format_args!("<dl class=\"figures\">"));
        for (name, value) in figures {
            self.add(format_args!("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value)));
        }
        self.add(format_args!("</dl>"));
    }

    /// One of our pictures, as SVG; `wide`: one that is scrolled rather than made too small to read.
    pub fn picture(&mut self, svg: &str, wide: Option<&str>) {
        match wide {
            Some(label) => self.scrolled(label, |page| page.picture(svg, None)),
            None => self.add(format_args!("<figure>{}</figure>", svg.trim_end())),
        }
    }

    /// Beside each other where there is room: `beside` in columns of equal width, `matrix` as wide as they are.
    pub fn side_by_side(&mut self, class: &str, fill: impl FnOnce(&mut Self)) {
        self.add(format_args!("<div class=\"{class}\">"));
        fill(self);
        self.add(format_args!("</div>"));
    }

    /// What is read only by who asks for it.
    pub fn folded(&mut self, summary: &str, fill: impl FnOnce(&mut Self)) {
        self.add(format_args!("<details>\n<summary>{}</summary>", escape(summary)));
        fill(self);
        self.add(format_args!("</details>"));
    }

    /// A table; on a narrow screen it is scrolled, with the keyboard too.
    pub fn table(&mut self, caption: &str, head: &[Cell], rows: &[Vec<Cell>]) {
        self.scrolled(caption, |page| {
            page.add(format_args!("<table>\n<caption>{}</caption>\n<thead>", escape(caption)));
            page.row(head, "col");
            page.add(format_args!("</thead>\n<tbody>"));
            rows.iter().for_each(|row| page.row(row, "row"));
            page.add(format_args!("</tbody>\n</table>"));
        });
    }

    fn row(&mut self, cells: &[Cell], scope: &str) {
        let of_head = scope == "col";
        let cell = |cell: &Cell| match cell {
            Cell::Text(text) if of_head => format!("<th scope=\"col\">{text}</th>"),
            Cell::Number(text) if of_head => format!("<th scope=\"col\" class=\"number\">{text}</th>"),
            Cell::Text(text) => format!("<td>{text}</td>"),
            Cell::Number(text) => format!("<td class=\"number\">{text}</td>"),
            Cell::Head(text) => format!("<th scope=\"{scope}\">{text}</th>"),
        };
        let cells: String = cells.iter().map(cell).collect();
        self.add(format_args!("<tr>{cells}</tr>"));
    }

    fn scrolled(&mut self, label: &str, fill: impl FnOnce(&mut Self)) {
        self.add(format_args!("<div class=\"scroll\" role=\"group\" aria-label=\"{}\" tabindex=\"0\">", escape(label)));
        fill(self);
        self.add(format_args!("</div>"));
    }

    /// The whole page under a title, and below it a line of particulars.
    pub fn finish(self, title: &str, particulars: &str) -> String {
        let Self { text, sections } = self;
        let (title, particulars) = (escape(title), escape(particulars));
        let link = |(anchor, heading): &(&str, &str)| format!("<li><a href=\"#{anchor}\">{heading}</a></li>");
        let links: Vec<_> = sections.iter().map(link).collect();
        let contents = match links.len() {
            0 | 1 => String::new(),
            _ => format!("<nav aria-label=\"On this page\">\n<ul>\n{}\n</ul>\n</nav>\n", links.join("\n")),
        };
        format!(
            "<!DOCTYPE html>\n{MARK}\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
             </head>\n<body>\n<header>\n<h1>{title}</h1>\n<p>{particulars}</p>\n{contents}</header>\n<main>\n{text}</main>\n\
             <footer><p>Written by gemmnist {}.</p></footer>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION"),
        )
    }
}
