//! Durations, rates, sizes and percentages as people write them.

use std::time::Duration;

/// `5s`, `200 ms`, `1m30s`, `2h`, `7d`. The error says what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("`{text}` is no duration: write a number and a unit, such as 200 ms, 5s, 1m30s, 2h or 7d");
    let compact: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let mut total = Duration::ZERO;
    let mut rest = compact.as_str();
    if rest.is_empty() {
        return Err(expected());
    }
    while !rest.is_empty() {
        let (number, after) = number(rest).ok_or_else(expected)?;
        let end = after.find(|letter: char| !letter.is_alphabetic()).unwrap_or(after.len());
        let seconds = seconds_of(&after[..end]).ok_or_else(expected)?;
        total += Duration::try_from_secs_f64(number * seconds).map_err(|_| expected())?;
        rest = &after[end..];
    }
    Ok(total)
}

fn seconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    })
}

fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// `1000/s`, `60/min`, `5/h`, as events per second.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    let expected = || format!("`{text}` is no rate: write a number of events per time, such as 1000/s or 60/min");
    let (count, unit) = text.split_once('/').ok_or_else(expected)?;
    let count: f64 = count.trim().replace(['_', ','], "").parse().map_err(|_| expected())?;
    let seconds = seconds_of(unit.trim()).ok_or_else(expected)?;
    let rate = count / seconds;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err(expected()) }
}

/// `1000 B`, `10 KB` (1000), `1 MiB` (1048576), a bare number being bytes.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let expected = || format!("`{text}` is no size: write a number and a unit, such as 1000 B, 10 KB or 1 MiB");
    let (number, unit) = number(text.trim()).ok_or_else(expected)?;
    let factor = match unit.trim() {
        "" | "B" => 1.0,
        "KB" | "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        _ => return Err(expected()),
    };
    Ok((number * factor).round() as u64)
}

/// `99.5 %`, as a share of one; the sign may be the wide one of Chinese texts.
pub fn parse_percent(text: &str) -> Result<f64, String> {
    let expected = || format!("`{text}` is no percentage: write a number and %, such as 99.5 %");
    let number = text.trim().strip_suffix(['%', '％']).ok_or_else(expected)?;
    number.trim().parse::<f64>().map(|percent| percent / 100.0).map_err(|_| expected())
}

/// A duration for people: `200 ms`, `1.5 s`, `5 min`.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1e-3 && seconds > 0.0 {
        format!("{} µs", trimmed(seconds * 1e6, 0))
    } else if seconds < 1.0 {
        format!("{} ms", trimmed(seconds * 1e3, 1))
    } else if seconds < 120.0 {
        format!("{} s", trimmed(seconds, 2))
    } else {
        format!("{} min", trimmed(seconds / 60.0, 1))
    }
}

fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let millis = |text| parse_duration(text).unwrap().as_millis();
        assert_eq!([millis("5s"), millis("200 ms"), millis("1m30s"), millis("0.5s")], [5000, 200, 90_000, 500]);
        assert_eq!(millis("7d"), 7 * 86_400_000);
        for wrong in ["", "5", "s", "5 parsecs", "-5s", "1e400s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_sizes_and_percentages_are_read() {
        assert_eq!(parse_rate("1000/s"), Ok(1000.0));
        assert_eq!(parse_rate("60/min"), Ok(1.0));
        assert!(parse_rate("0/s").is_err() && parse_rate("1000").is_err());
        assert_eq!(parse_size("1000 B"), Ok(1000));
        assert_eq!(parse_size("1 MiB"), Ok(1_048_576));
        assert!(parse_size("1 parsec").is_err());
        assert_eq!((parse_percent("99.5 %"), parse_percent("99％")), (Ok(0.995), Ok(0.99)));
        assert!(parse_percent("99").is_err());
    }

    #[test]
    fn durations_are_written_for_people() {
        let text = |millis| format_duration(Duration::from_millis(millis));
        assert_eq!([text(200), text(1500), text(5000), text(300_000)], ["200 ms", "1.5 s", "5 s", "5 min"]);
    }

    proptest::proptest! {
        #[test]
        fn a_written_duration_is_read_as_the_same(millis in 1u64..100_000) {
            let text = format!("{millis}ms");
            proptest::prop_assert_eq!(parse_duration(&text), Ok(Duration::from_millis(millis)));
        }
    }
}
