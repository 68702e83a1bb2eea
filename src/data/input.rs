//! What a pixel becomes before a network sees it.

use std::fmt;

/// How a byte becomes an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// `byte / 255`, in [0, 1].
    Gray,
    /// 1 from this byte on, 0 below it.
    Binary {
        /// The least byte that becomes 1.
        threshold: u8,
    },
}

impl Input {
    /// Overwrites `x` with the inputs that `bytes`, as many, become.
    pub fn fill<'x>(self, x: impl Iterator<Item = &'x mut f32>, bytes: &[u8]) {
        match self {
            Self::Gray => x.zip(bytes).for_each(|(x, &byte)| *x = gray(byte)),
            Self::Binary { threshold } => {
                x.zip(bytes).for_each(|(x, &byte)| *x = f32::from(u8::from(byte >= threshold)))
            }
        }
    }

    /// Whether what a byte becomes is proportional to it.
    pub fn is_proportional(self) -> bool {
        self == Self::Gray
    }

    /// What each byte becomes.
    pub(super) fn values(self) -> &'static [f32; 256] {
        /// 0 for the first 256, 1 for the others.
        static STEP: [f32; 512] = {
            let (mut step, mut i) = ([0.0; 512], 256);
            while i < step.len() {
                step[i] = 1.0;
                i += 1;
            }
            step
        };
        static GRAY: [f32; 256] = {
            let (mut values, mut byte) = ([0.0; 256], 0);
            while byte < values.len() {
                values[byte] = gray(byte as u8);
                byte += 1;
            }
            values
        };
        match self {
            Self::Gray => &GRAY,
            Self::Binary { threshold } => {
                STEP[256 - usize::from(threshold)..].first_chunk().expect("256 from any of the first 257 on")
            }
        }
    }

    /// The least byte that becomes something else than zero.
    pub(super) fn least_that_counts(self) -> u8 {
        match self {
            Self::Gray => 1,
            Self::Binary { threshold } => threshold,
        }
    }

    /// The input that [`Display`](fmt::Display) writes as `text`.
    pub fn from_description(text: &str) -> Option<Self> {
        let threshold = text.strip_prefix("byte >= ").and_then(|threshold| threshold.parse().ok());
        match threshold {
            Some(threshold) => Some(Self::Binary { threshold }),
            None => (text == Self::Gray.to_string()).then_some(Self::Gray),
        }
    }
}

/// `byte / 255`, correctly rounded, as PyTorch's `ToTensor` has it. A division takes several times as long.
#[inline]
const fn gray(byte: u8) -> f32 {
    // 1/255 in two parts, the first of so few bits that its product is exact. A product with 1/255 rounded would differ in the last bit
    // for 126 of the 256.
    const HIGH: f32 = 257.0 / 65536.0;
    const LOW: f32 = 1.0 / (255.0 * 65536.0);
    byte as f32 * HIGH + byte as f32 * LOW
}

/// As it stands in model files: `byte / 255` or `byte >= 128`.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gray => f.write_str("byte / 255"),
            Self::Binary { threshold } => write!(f, "byte >= {threshold}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_pixel_is_one_from_the_threshold_on() {
        let mut x = [f32::NAN; 4];
        Input::Binary { threshold: 128 }.fill(x.iter_mut(), &[0, 127, 128, 255]);
        assert_eq!(x, [0.0, 0.0, 1.0, 1.0]);
    }

    /// What each byte becomes.
    fn table(input: Input) -> [f32; 256] {
        let (mut table, bytes) = ([f32::NAN; 256], std::array::from_fn::<u8, 256, _>(|byte| byte as u8));
        input.fill(table.iter_mut(), &bytes);
        table
    }

    #[test]
    fn a_gray_pixel_is_its_byte_by_255_correctly_rounded() {
        assert_eq!(table(Input::Gray), std::array::from_fn(|byte| byte as f32 / 255.0));
    }

    #[test]
    fn the_values_of_bytes_are_what_a_batch_is_filled_with() {
        for input in [
            Input::Gray,
            Input::Binary { threshold: 0 },
            Input::Binary { threshold: 77 },
            Input::Binary { threshold: 255 },
        ] {
            assert_eq!(*input.values(), table(input), "{input}");
        }
    }

    #[test]
    fn a_table_rises_from_zero_below_the_least_byte_that_counts() {
        for input in [Input::Gray, Input::Binary { threshold: 1 }, Input::Binary { threshold: 255 }] {
            let (table, least) = (table(input), usize::from(input.least_that_counts()));
            assert!(table[..least].iter().all(|&value| value == 0.0) && table[least] > 0.0, "{input}");
            assert!(table.is_sorted() && table[255] == 1.0, "{input}");
        }
    }

    #[test]
    fn what_is_written_of_an_input_is_read_as_the_same() {
        for input in [Input::Gray, Input::Binary { threshold: 1 }, Input::Binary { threshold: 255 }] {
            assert_eq!(Input::from_description(&input.to_string()), Some(input));
        }
        assert_eq!(Input::from_description("byte >= 256"), None);
        assert_eq!(Input::from_description("byte"), None);
    }
}
