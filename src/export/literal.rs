//! Numbers and names as they are written in source text.

use std::fmt::Write;

/// Numbers in a line of source text.
const A_LINE: usize = 8;

/// `values` as a list in source text, each with `suffix`: the shortest decimal that reads back as the same bits.
pub fn floats(values: &[f32], suffix: &str) -> String {
    let mut text = String::with_capacity(16 * values.len());
    for line in values.chunks(A_LINE) {
        text.push_str("   ");
        line.iter().for_each(|value| write!(text, " {value:e}{suffix},").expect("memory takes everything"));
        text.push('\n');
    }
    text
}

/// The name of the file `name` without its extension as an identifier: `my digits.h` as `my_digits`.
pub fn identifier(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let letters: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    match letters.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => letters,
        _ => format!("net_{letters}"), // a digit cannot come first, and leading underscores are the compiler's
    }
}

/// `text` as a string literal of C: whatever is no plain letter goes by its octal code, so that nothing ends it, begins a
/// trigraph or depends on the encoding of the source.
pub fn c_string(text: &str) -> String {
    let mut literal = String::from('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | b'?' => write!(literal, "\\{byte:03o}"),
            b' '..=b'~' => write!(literal, "{}", char::from(byte)),
            _ => write!(literal, "\\{byte:03o}"),
        }
        .expect("memory takes everything");
    }
    literal + "\""
}

/// `text` as a string literal of Python, and of JSON and YAML, which have the same.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_source_text_is_the_same_number() {
        let values = [0.1_f32, -0.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, 16_777_217.0, -1.0 / 3.0, 8.0, 9.0];
        let text = floats(&values, "f");
        assert_eq!(text.lines().count(), 2);
        let read: Vec<f32> =
            text.split_whitespace().map(|item| item.strip_suffix("f,").unwrap().parse().unwrap()).collect();
        assert_eq!(read.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), values.map(f32::to_bits));
    }

    #[test]
    fn any_name_of_a_file_makes_an_identifier() {
        let names = ["digits.h", "my digits.v2.h", "2.h", "_x", "", "\u{6570}.h"].map(identifier);
        assert_eq!(names, ["digits", "my_digits_v2", "net_2", "net__x", "net_", "net__"]);
    }

    #[test]
    fn a_string_of_c_holds_any_text() {
        assert_eq!(c_string("a\"b\\c?\u{e9}1 */"), r#""a\042b\134c\077\303\2511 */""#);
    }
}
