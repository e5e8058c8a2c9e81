//! How a number of bytes is worded, everywhere alike.

/// "1.2 MB": decimal units, two digits below ten, whole numbers from ten on.
#[must_use]
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Tenths of a unit, rounded; what rounds up to a thousand belongs to the next unit.
    let mut per_tenth: u128 = 100;
    for unit in UNITS {
        let tenths = (u128::from(bytes) + per_tenth / 2) / per_tenth;
        if tenths < 100 {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        let whole = (u128::from(bytes) + per_tenth * 5) / (per_tenth * 10);
        if whole < 1000 {
            return format!("{whole} {unit}");
        }
        per_tenth *= 1000;
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_worded_by_this_table() {
        let table: &[(u64, &str)] = &[
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1_250, "1.3 kB"),
            (9_949, "9.9 kB"),
            (9_950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (1_234_567, "1.2 MB"),
            (14_600_000, "15 MB"),
            (1_200_000_000, "1.2 GB"),
            (u64::MAX, "18 EB"),
        ];
        for (bytes, words) in table {
            assert_eq!(human_size(*bytes), *words, "{bytes} bytes");
        }
    }
}
