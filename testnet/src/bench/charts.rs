//! Charts as SVG.

use plotters::prelude::*;
use std::ops::Range;

const SIZE: (u32, u32) = (760, 340);
const TEXT: (&str, i32) = ("sans-serif", 14);
const HEADING: (&str, i32) = ("sans-serif", 18);
/// Blue, orange and green that stay apart for eyes that confuse colours (Okabe and Ito, 2008).
const COLORS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

/// From this ratio on a logarithmic axis has marks enough to be read.
const FAR_APART: f64 = 20.0;
/// So many points can still be told from each other.
const TELLABLE: usize = 80;

/// A line and its name.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// What a chart shows.
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    /// Whether the vertical axis is logarithmic where values lie far apart. It then leaves out what is not above zero.
    pub(crate) logarithmic: bool,
    pub(crate) series: Vec<Series>,
}

impl Chart {
    /// Draws lines.
    pub(crate) fn lines(&self) -> eyre::Result<String> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = span(points().map(|point| point.0));
        let highest = points().map(|point| point.1).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            area.fill(&WHITE)?;
            let lowest = points().map(|point| point.1).filter(|y| *y > 0.0).fold(highest, f64::min);
            if self.logarithmic && highest / lowest >= FAR_APART {
                self.draw(&area, x, (lowest * 0.8..highest * 1.25).log_scale())?;
            } else {
                self.draw(&area, x, 0.0..highest * 1.1)?;
            }
            area.present()?;
        }
        Ok(svg)
    }

    fn draw<Y>(
        &self,
        area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        x: Range<f64>,
        y: impl plotters::coord::ranged1d::AsRangedCoord<CoordDescType = Y, Value = f64>,
    ) -> eyre::Result<()>
    where
        Y: Ranged<ValueType = f64> + plotters::coord::ranged1d::ValueFormatter<f64>,
    {
        let mut builder = ChartBuilder::on(area);
        builder.caption(self.title, HEADING).margin(12).x_label_area_size(42).y_label_area_size(64);
        let mut chart = builder.build_cartesian_2d(x, y)?;
        let label = |value: &f64| ((value * 100.0).round() / 100.0).to_string();
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(self.x).y_desc(self.y).label_style(TEXT).light_line_style(WHITE);
        mesh.x_label_formatter(&label).y_label_formatter(&label).draw()?;
        for (series, color) in self.series.iter().zip(COLORS.into_iter().cycle()) {
            let style = color.stroke_width(2);
            let drawable = |point: &&(f64, f64)| !self.logarithmic || point.1 > 0.0;
            let points: Vec<_> = series.points.iter().filter(drawable).copied().collect();
            let point_size = if points.len() > TELLABLE { 0 } else { 2 };
            let line = LineSeries::new(points, style).point_size(point_size);
            let legend = move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style);
            chart.draw_series(line)?.label(series.name).legend(legend);
        }
        let mut labels = chart.configure_series_labels();
        labels.background_style(WHITE.mix(0.85)).border_style(BLACK.mix(0.4)).label_font(TEXT);
        Ok(labels.position(SeriesLabelPosition::UpperLeft).draw()?)
    }
}

/// The range of some values, never empty.
fn span(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        (low, high) = (low.min(value), high.max(value));
    }
    match low < high {
        true => low..high,
        false if low.is_finite() => low - 1.0..low + 1.0,
        false => 0.0..1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(logarithmic: bool, points: Vec<(f64, f64)>) -> String {
        let series = vec![Series { name: "a line", points }];
        Chart { title: "A chart", x: "along", y: "up", logarithmic, series }.lines().unwrap()
    }

    #[test]
    fn a_chart_is_svg_with_its_names() {
        for logarithmic in [false, true] {
            let svg = chart(logarithmic, vec![(1.0, 10.0), (2.0, 0.0), (3.0, 30.0)]);
            assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
            for text in ["A chart", "a line", "along", "up"] {
                assert!(svg.contains(text), "{text} is missing");
            }
        }
    }

    #[test]
    fn too_little_to_draw_is_drawn_all_the_same() {
        for points in [vec![], vec![(1.0, 0.0)], vec![(1.0, 5.0)]] {
            chart(false, points.clone());
            chart(true, points);
        }
    }
}
