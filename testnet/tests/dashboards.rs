//! What dashboards and alert rules ask for is what `docs/metrics.md` promises.

use std::collections::BTreeSet;
use std::fs::read_to_string;

/// The series that the page's tables make: counters end in `_total`, histograms in three ways.
fn promised(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let series = |(name, rest): (&str, &str)| -> Vec<String> {
        let ends: &[&str] = match rest.split(' ').next() {
            Some("gauge") => &[""],
            Some("counter") => &["_total"],
            Some("histogram") => &["_bucket", "_sum", "_count"],
            other => panic!("{name} is of kind {other:?}"),
        };
        ends.iter().map(|end| format!("{name}{end}")).collect()
    };
    rows.flat_map(series).collect()
}

/// All words that look like a metric of ours.
fn asked(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("fairlane_")).collect()
}

#[test]
fn dashboards_and_rules_ask_for_metrics_that_there_are() {
    let promised = promised(&read_to_string("../docs/metrics.md").unwrap());
    assert!(promised.len() > 100, "{promised:?}");
    for file in ["docker/grafana/dashboards/network.json", "docker/prometheus/alerts.yml"] {
        let text = read_to_string(file).unwrap();
        let asked = asked(&text);
        assert!(asked.len() > 10, "{file}: {asked:?}");
        for name in asked {
            assert!(promised.contains(name), "{file} asks for {name}, which docs/metrics.md does not have");
        }
    }
}

#[test]
fn each_alert_is_explained() {
    let rules = read_to_string("docker/prometheus/alerts.yml").unwrap();
    let guide = read_to_string("../docs/operators/monitoring.md").unwrap();
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let mut count = 0;
    for alert in alerts {
        assert!(guide.contains(&format!("| {alert} |")), "{alert}");
        count += 1;
    }
    assert!(count > 10);
}
