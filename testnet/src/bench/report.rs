//! A measurement as a page to look at: its figures, its charts, and the object itself. It needs nothing beside it.

use super::Measurement;
use super::charts::{Chart, Series};
use eyre::WrapErr as _;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// Steps of the distribution's line.
const STEPS: u32 = 1000;

/// Writes `report.html`, its charts as SVG, and `report.json` into a directory, which is made if it is missing.
pub(super) fn write(measurement: &Measurement, dir: &Path) -> eyre::Result<()> {
    let charts = [
        ("latency", distribution(measurement).lines()?),
        ("latency-over-time", latency_over_time(measurement).lines()?),
        ("throughput", throughput(measurement).lines()?),
    ];
    let report = &measurement.report;
    let latency = &report.latency_ms;
    let figures = [
        ("Transactions a second, offered", report.rate.to_string()),
        ("Transactions a second, delivered", format!("{:.0}", report.tps)),
        ("Latency, median", format!("{:.1} ms", latency.p50)),
        ("Latency, 99 of 100 within", format!("{:.1} ms", latency.p99)),
        ("Blocks a second", format!("{:.1}", report.blocks_per_s)),
        ("Lost, duplicated, refused", format!("{}, {}, {}", report.lost, report.duplicated, report.refused)),
        ("Cores of all validators", format!("{:.2}", report.cpu_cores.nodes)),
        ("Validators, ordering groups", format!("{}, {}", report.validators, report.groups)),
    ];
    page("A network, measured", &figures, &charts, report, dir)
}

/// Writes a page with figures, charts and the object that they are of.
pub(crate) fn page(
    title: &str,
    figures: &[(&str, String)],
    charts: &[(&str, String)],
    object: &impl Serialize,
    dir: &Path,
) -> eyre::Result<()> {
    std::fs::create_dir_all(dir).wrap_err_with(|| format!("making {}", dir.display()))?;
    let json = serde_json::to_string_pretty(object)?;
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Fairlane: {title}</title>\n<style>\n{STYLE}</style>\n\
         <h1>{title}</h1>\n<p>Latency counts from when a transaction was due to be sent to its verified delivery at its rollup.</p>\n<dl>\n"
    );
    for (name, value) in figures {
        writeln!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>")?;
    }
    html.push_str("</dl>\n");
    let write = |name: &str, content: &str| {
        let path = dir.join(name);
        std::fs::write(&path, content).wrap_err_with(|| format!("writing {}", path.display()))
    };
    for (name, svg) in charts {
        write(&format!("{name}.svg"), svg)?;
        writeln!(html, "<figure>{svg}</figure>")?;
    }
    writeln!(
        html,
        "<h2>As JSON</h2>\n<pre>{}</pre>\n</html>",
        json.replace('&', "&amp;").replace('<', "&lt;")
    )?;
    write("report.json", &json)?;
    write("report.html", &html)
}

const STYLE: &str = "\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 800px; margin: 2rem auto; padding: 0 1rem }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 1rem }
dt { font-size: 0.85rem } dd { margin: 0; font-size: 1.4rem }
figure { margin: 1.5rem 0; background: white; border-radius: 6px; overflow-x: auto }
figure svg { max-width: 100%; height: auto }
pre { overflow-x: auto }
";

fn distribution(measurement: &Measurement) -> Chart {
    let share = |step: u32| {
        let share = f64::from(step) / f64::from(STEPS);
        (milliseconds(measurement.microseconds.value_at_quantile(share)), 100.0 * share)
    };
    // The slowest few would leave no room for all the others.
    let points = (0..=STEPS - 2).map(share).collect();
    Chart {
        title: "How many were delivered within which time",
        x: "latency, ms",
        y: "delivered, %",
        logarithmic: false,
        series: vec![Series { name: "legs", points }],
    }
}

fn latency_over_time(measurement: &Measurement) -> Chart {
    let quantile = |quantile: f64| {
        let slices = (0..).map(f64::from).zip(&measurement.seconds);
        let slices = slices.filter(|(_, slice)| slice.delivered > 0);
        slices.map(|(at, slice)| (at, milliseconds(slice.microseconds.value_at_quantile(quantile)))).collect()
    };
    Chart {
        title: "Latency over time",
        x: "second of the measurement",
        y: "latency, ms",
        logarithmic: true,
        series: vec![
            Series { name: "median", points: quantile(0.5) },
            Series { name: "99 of 100 within", points: quantile(0.99) },
        ],
    }
}

fn throughput(measurement: &Measurement) -> Chart {
    let delivered = (0..).map(f64::from).zip(measurement.seconds.iter().map(|slice| slice.delivered as f64));
    Chart {
        title: "Throughput over time",
        x: "second of the measurement",
        y: "legs a second",
        logarithmic: false,
        series: vec![Series { name: "delivered and verified", points: delivered.collect() }],
    }
}

fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_stands_alone_and_says_what_it_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let charts = [("line", "<svg></svg>".to_owned())];
        page("Title", &[("Name", "7".to_owned())], &charts, &["<script>"], &dir.path().join("new")).unwrap();
        let html = std::fs::read_to_string(dir.path().join("new/report.html")).unwrap();
        for text in
            ["Fairlane: Title", "<dt>Name</dt><dd>7</dd>", "<figure><svg></svg></figure>", "&lt;script>"]
        {
            assert!(html.contains(text), "{text} is missing in {html}");
        }
        assert!(!html.contains("src=") && !html.contains("href="));
        assert!(dir.path().join("new/line.svg").exists() && dir.path().join("new/report.json").exists());
    }
}
