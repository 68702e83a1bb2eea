//! Pictures and bars of characters, for terminals.

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Characters {
    /// Blocks and half blocks too.
    Unicode,
    Ascii,
}

impl Characters {
    /// Those of the locale, as POSIX has it: the first of these variables that is set tells.
    pub fn of_locale() -> Self {
        let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os);
        let locale = set.map(|value| value.to_string_lossy().to_lowercase()).find(|value| !value.is_empty());
        let utf8 = |locale: &String| locale.contains("utf-8") || locale.contains("utf8");
        match locale {
            Some(locale) if utf8(&locale) => Self::Unicode,
            None if cfg!(windows) => Self::Unicode,
            _ => Self::Ascii,
        }
    }

    /// The lines of `pixels`, `width` bytes a row, light on dark: two rows a line.
    pub fn draw(self, pixels: &[u8], width: usize) -> Vec<String> {
        let rows: Vec<_> = pixels.chunks_exact(width).collect();
        let line = |pair: &[&[u8]]| -> String {
            let below = |x: usize| pair.get(1).map_or(0, |row| row[x]);
            pair[0].iter().enumerate().map(|(x, &above)| self.two(above, below(x))).collect()
        };
        rows.chunks(2).map(|pair| line(pair).trim_end().to_owned()).collect()
    }

    /// A pixel and the one below it.
    fn two(self, above: u8, below: u8) -> char {
        /// From paper to ink.
        const SHADES: &[u8] = b" .:-=+*#%@";
        match self {
            Self::Ascii => {
                let mean = (usize::from(above) + usize::from(below)) / 2;
                char::from(SHADES[mean * (SHADES.len() - 1) / 255])
            }
            Self::Unicode => match (above >= 128, below >= 128) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            },
        }
    }

    /// A bar that fills `share` of `width` characters.
    pub fn bar(self, share: f32, width: usize) -> String {
        let full = (share.clamp(0.0, 1.0) * width as f32).round() as usize;
        let [on, off] = match self {
            Self::Unicode => ["█", "·"],
            Self::Ascii => ["#", "."],
        };
        on.repeat(full) + &off.repeat(width - full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_of_pixels_are_one_line_of_half_blocks() {
        let pixels = [255, 0, 200, 0, 255, 0, 255, 0, 90, 255, 0, 0];
        assert_eq!(Characters::Unicode.draw(&pixels, 4), ["█ █", " ▀"]);
        assert_eq!(Characters::Ascii.draw(&pixels, 4), ["@ %", ".="].map(str::to_owned));
    }

    #[test]
    fn a_bar_is_as_wide_as_it_was_asked_to_be() {
        for (share, bar) in [(0.0, "...."), (0.5, "##.."), (1.0, "####"), (f32::NAN, "...."), (7.0, "####")] {
            assert_eq!(Characters::Ascii.bar(share, 4), bar);
            assert_eq!(Characters::Unicode.bar(share, 4).chars().count(), 4);
        }
    }
}
