//! Alert rules over a service's metrics: what they come to at a moment. The documents' alerts are such rules.

use std::collections::BTreeMap;

use crate::{AlertSpec, AlertValue, Scrape, System, SystemError};

impl System {
    /// The alert of that name.
    ///
    /// # Errors
    /// If system.yaml has none of that name.
    pub fn alert(&self, name: &str) -> Result<&AlertSpec, SystemError> {
        self.spec().alerts.iter().find(|alert| alert.name == name).ok_or_else(|| SystemError::Unknown {
            kind: "alert",
            name: name.to_owned(),
            known: self.spec().alerts.iter().map(|alert| alert.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// What a service and its other instances show now.
    ///
    /// # Errors
    /// If one of them does not answer.
    pub async fn scrape(&self, service: &str) -> Result<Scrape, SystemError> {
        let mut all = Scrape::default();
        for name in self.spec().with_instances(service) {
            // An instance that nobody has asked for yet shows nothing.
            if self.spec().service(name).is_some_and(|one| one.later) && !self.is_running(name).await {
                continue;
            }
            all.0.extend(Scrape::parse(&self.metrics(name).await?).0);
        }
        Ok(all)
    }
}

impl AlertSpec {
    /// What the rule comes to: of a gauge its highest value now; of counters and histograms what was added since `before`.
    /// `None` where the service does not show what the rule reads, or nothing was added to measure; a group's lag is not
    /// the service's to show.
    pub fn value_of(&self, before: &Scrape, now: &Scrape) -> Option<f64> {
        match &self.value {
            AlertValue::Gauge(name) => now.highest(name, &self.labels),
            AlertValue::Lag(_) => None,
            AlertValue::Share { part, of } => {
                let added = |name: &str| {
                    let known = before.sum(name, &self.labels).unwrap_or(0.0);
                    Some(now.sum(name, &self.labels)? - known)
                };
                // A counter with labels is not there before it first counts.
                let of: f64 = of.iter().filter_map(|name| added(name)).sum();
                let part = added(part)?;
                (of > 0.0).then(|| part / of)
            }
            AlertValue::Quantile { quantile, of } => {
                quantile_of(&added(&before.buckets(of, &self.labels), &now.buckets(of, &self.labels)), *quantile)
            }
        }
    }

    /// The first metric that the rule reads and the service does not show.
    pub fn missing<'a>(&'a self, now: &Scrape) -> Option<&'a str> {
        let none = BTreeMap::new();
        let is_shown = |name: &str| now.sum(name, &none).is_some();
        match &self.value {
            AlertValue::Lag(_) => None,
            AlertValue::Gauge(name) => (!is_shown(name)).then_some(name),
            AlertValue::Share { part, .. } if !is_shown(part) => Some(part),
            AlertValue::Share { of, .. } => {
                of.first().filter(|_| !of.iter().any(|name| is_shown(name))).map(String::as_str)
            }
            AlertValue::Quantile { of, .. } => now.buckets(of, &none).is_empty().then_some(of),
        }
    }
}

fn added(before: &[(f64, f64)], now: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let known = |bound: f64| before.iter().find(|(one, _)| *one == bound).map_or(0.0, |(_, count)| *count);
    now.iter().map(|(bound, count)| (*bound, count - known(*bound))).collect()
}

/// As Prometheus' `histogram_quantile`: linear within the bucket; of the last bucket, its lower bound.
fn quantile_of(buckets: &[(f64, f64)], quantile: f64) -> Option<f64> {
    let total = buckets.last()?.1;
    if total <= 0.0 {
        return None;
    }
    let rank = quantile * total;
    let at = buckets.iter().position(|(_, count)| *count >= rank)?;
    let (lower, below) = at.checked_sub(1).map_or((0.0, 0.0), |before| buckets[before]);
    let (upper, count) = buckets[at];
    if upper.is_infinite() {
        return Some(lower);
    }
    Some(lower + (upper - lower) * (rank - below) / (count - below).max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn alert(value: AlertValue) -> AlertSpec {
        AlertSpec {
            name: "a".into(),
            service: "s".into(),
            value,
            labels: BTreeMap::new(),
            above: 1.0,
            lasting: Duration::ZERO,
            scaled: 1.0,
        }
    }

    #[test]
    fn a_share_is_of_what_was_added() {
        let share = alert(AlertValue::Share { part: "failed".into(), of: vec!["ok".into(), "failed".into()] });
        let before = Scrape::parse("failed 10\nok 0\n");
        assert_eq!(share.value_of(&before, &Scrape::parse("failed 11\nok 19\n")), Some(0.05));
        assert_eq!(share.value_of(&before, &before), None);
        assert_eq!(share.missing(&Scrape::parse("ok 1\n")), Some("failed"));
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let p95 = alert(AlertValue::Quantile { quantile: 0.95, of: "seconds".into() });
        let text = |fast: u32, slow: u32, all: u32| {
            format!(
                "seconds_bucket{{le=\"0.1\"}} {fast}\nseconds_bucket{{le=\"1\"}} {slow}\nseconds_bucket{{le=\"+Inf\"}} {all}\n"
            )
        };
        let value = |text: String| p95.value_of(&Scrape::default(), &Scrape::parse(&text));
        assert_eq!(value(text(100, 100, 100)), Some(0.095));
        assert_eq!(value(text(90, 100, 100)).map(|v| (v * 1e3).round()), Some(550.0));
        assert_eq!(value(text(0, 0, 100)), Some(1.0), "what is above the last bound is at least that");
        assert_eq!(value(text(0, 0, 0)), None);
    }
}
