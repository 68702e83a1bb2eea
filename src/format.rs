//! Numbers for people: 60,000 and 98.12 %.

/// `60000` as `60,000`.
pub fn thousands(number: impl std::fmt::Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `0.9812` as `98.12 %`.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// `75.3` seconds as `75.3 s`, above two minutes as `2 min 05 s`.
pub fn duration(seconds: f64) -> String {
    if seconds < 120.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    format!("{} min {:02} s", whole / 60, whole % 60)
}

/// `70,123,456` bytes as `70 MB`.
pub fn megabytes(bytes: u64) -> String {
    format!("{} MB", thousands((bytes as f64 / 1e6).round()))
}

/// `1 image`, `2 images`, `3 batches`.
pub fn count(number: usize, singular: &str) -> String {
    let plural = match number {
        1 => "",
        _ if singular.ends_with("tch") => "es",
        _ => "s",
    };
    format!("{} {singular}{plural}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            ["7", "100", "60,000", "1,234,567"],
            [7, 100, 60_000, 1_234_567].map(thousands).each_ref().map(|s| s.as_str())
        );
        assert_eq!([megabytes(70_500_000), megabytes(1_999_900_000)], ["71 MB", "2,000 MB"]);
        assert_eq!(percent(0.98125), "98.12 %");
        assert_eq!([duration(6.04), duration(125.4)], ["6.0 s", "2 min 05 s"]);
        assert_eq!(
            [count(1, "epoch"), count(20, "epoch"), count(300, "batch")],
            ["1 epoch", "20 epochs", "300 batches"]
        );
    }
}
