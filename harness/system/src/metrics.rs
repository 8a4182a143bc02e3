//! Prometheus' text format, as far as sentences and alert rules need it.

use std::collections::BTreeMap;

/// One line of an exposition.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// What a service showed at one moment.
#[derive(Clone, Debug, Default)]
pub struct Scrape(pub Vec<Series>);

impl Scrape {
    /// Reads an exposition; lines that are none are left out.
    pub fn parse(text: &str) -> Scrape {
        Scrape(text.lines().filter_map(series).collect())
    }

    /// The series of a name that have at least these labels.
    pub fn of<'a>(&'a self, name: &'a str, labels: &'a BTreeMap<String, String>) -> impl Iterator<Item = &'a Series> {
        let has = |one: &Series| labels.iter().all(|(label, value)| one.labels.get(label) == Some(value));
        self.0.iter().filter(move |one| one.name == name && has(one))
    }

    /// The sum of a counter, over all its labels; `None` where it is not shown.
    pub fn sum(&self, name: &str, labels: &BTreeMap<String, String>) -> Option<f64> {
        let mut found = self.of(name, labels).map(|one| one.value).peekable();
        found.peek()?;
        Some(found.sum())
    }

    /// Whether a counter of this name is shown with labels of these names, whatever they say: where something was never counted
    /// its series is not there, while others of its kind are.
    pub fn shows(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        let has = |one: &Series| labels.keys().all(|label| one.labels.contains_key(label));
        self.0.iter().any(|one| one.name == name && has(one))
    }

    /// The highest of a gauge.
    pub fn highest(&self, name: &str, labels: &BTreeMap<String, String>) -> Option<f64> {
        self.of(name, labels).map(|one| one.value).reduce(f64::max)
    }

    /// The buckets of a histogram, summed over its other labels: (upper bound, count up to it), in order.
    pub fn buckets(&self, name: &str, labels: &BTreeMap<String, String>) -> Vec<(f64, f64)> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for one in self.of(&name, labels) {
            let Some(bound) = one.labels.get("le").and_then(|le| number(le)) else { continue };
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += one.value,
                None => buckets.push((bound, one.value)),
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }
}

fn series(line: &str) -> Option<Series> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (name, labels, rest) = match line.split_once('{') {
        Some((name, rest)) => {
            let (labels, rest) = labels(rest)?;
            (name, labels, rest)
        }
        None => {
            let (name, rest) = line.split_once(char::is_whitespace)?;
            (name, BTreeMap::new(), rest)
        }
    };
    let value = number(rest.split_whitespace().next()?)?;
    Some(Series { name: name.trim().to_owned(), labels, value })
}

/// Labels up to the closing brace, and what is behind it. A value may hold commas, braces and escaped quotes.
fn labels(text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    let mut rest = text.trim_start_matches([',', ' ']);
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.insert(name.trim().to_owned(), value);
        rest = after.trim_start_matches([',', ' ']);
    }
    Some((labels, &rest[1..]))
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        other => other.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_counted_is_told_from_what_is_not_shown() {
        let scrape = Scrape::parse("events_total{kind=\"a\"} 3\n");
        let shows = |name: &str, label: &str| scrape.shows(name, &BTreeMap::from([(label.to_owned(), "b".to_owned())]));
        assert!(shows("events_total", "kind") && scrape.shows("events_total", &BTreeMap::new()));
        assert!(!shows("events_total", "knd") && !shows("event_total", "kind"));
    }

    const TEXT: &str = "\
# HELP events_total Events.
# TYPE events_total counter
events_total{event_type=\"task.created\",topic=\"a,b}\\\"c\"} 3
events_total{event_type=\"task.deleted\"} 4 1700000000
lag 12.5
seconds_bucket{le=\"0.1\"} 8
seconds_bucket{le=\"+Inf\"} 10
nonsense{
";

    fn label(name: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn a_series_is_known_by_its_name_and_its_labels() {
        let scrape = Scrape::parse(TEXT);
        assert_eq!(scrape.sum("events_total", &BTreeMap::new()), Some(7.0));
        assert_eq!(scrape.sum("events_total", &label("topic", "a,b}\"c")), Some(3.0));
        assert_eq!(scrape.sum("events_total", &label("event_type", "task.updated")), None);
        assert_eq!(scrape.sum("events", &BTreeMap::new()), None);
        assert_eq!(scrape.highest("lag", &BTreeMap::new()), Some(12.5));
        assert_eq!(scrape.buckets("seconds", &BTreeMap::new()), [(0.1, 8.0), (f64::INFINITY, 10.0)]);
    }
}
