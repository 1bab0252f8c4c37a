//! A figure over time, ready to be drawn.

use switchback_domain::history::Series;

/// One span of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot {
    /// When the span began, in milliseconds since 1970.
    pub at_ms: i64,
    /// The smallest value in it.
    pub low: f64,
    /// The largest value in it.
    pub high: f64,
    /// The last value in it.
    pub last: f64,
}

/// A figure over time, oldest first. Where a dot is missing there was no reading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curve {
    /// The left edge, in milliseconds since 1970.
    pub from_ms: i64,
    /// The right edge, in milliseconds since 1970.
    pub until_ms: i64,
    /// How long the span of a dot is, in milliseconds.
    pub step_ms: i64,
    /// The dots.
    pub dots: Vec<Dot>,
}

impl From<&Series> for Curve {
    fn from(series: &Series) -> Curve {
        let dots = series.points.iter().map(|point| Dot {
            at_ms: point.at.as_millisecond(),
            low: to_float(point.min),
            high: to_float(point.max),
            last: to_float(point.last),
        });
        Curve {
            from_ms: series.from.as_millisecond(),
            until_ms: series.until.as_millisecond(),
            step_ms: i64::try_from(series.step.0).unwrap_or(i64::MAX).max(1),
            dots: dots.collect(),
        }
    }
}

/// Good for drawing: what is lost beyond 53 bits is far below a pixel.
#[expect(clippy::cast_precision_loss, reason = "a drawing has fewer than a thousand steps")]
pub(super) fn to_float(value: i64) -> f64 {
    value as f64
}

impl Curve {
    /// Adds the newest span and slides the window on. A span that is already there is replaced.
    pub fn push(&mut self, dot: Dot) {
        let width = self.until_ms - self.from_ms;
        self.dots.retain(|old| old.at_ms != dot.at_ms);
        let place = self.dots.partition_point(|old| old.at_ms < dot.at_ms);
        self.dots.insert(place, dot);
        let end = dot.at_ms + self.step_ms;
        if end > self.until_ms {
            self.until_ms = end;
            self.from_ms = end - width;
            self.dots.retain(|old| old.at_ms + self.step_ms > end - width);
        }
    }

    /// The smallest and the largest value, if there is any.
    pub fn range(&self) -> Option<(f64, f64)> {
        let low = self.dots.iter().map(|dot| dot.low).reduce(f64::min)?;
        let high = self.dots.iter().map(|dot| dot.high).reduce(f64::max)?;
        Some((low, high))
    }

    /// The newest value, if there is any.
    pub fn newest(&self) -> Option<f64> {
        self.dots.last().map(|dot| dot.last)
    }

    /// The dots in runs without a gap. A single span late is not a gap yet: readings are not taken to the millisecond.
    pub fn runs(&self) -> impl Iterator<Item = &[Dot]> {
        self.dots.chunk_by(|one, next| next.at_ms - one.at_ms <= self.step_ms * 2)
    }

    /// The stretches without readings, as pairs of times in milliseconds.
    pub fn gaps(&self) -> Vec<(i64, i64)> {
        let mut gaps = Vec::new();
        let mut end = self.from_ms;
        for run in self.runs() {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            if first.at_ms - end > self.step_ms * 2 {
                gaps.push((end, first.at_ms));
            }
            end = last.at_ms + self.step_ms;
        }
        if self.until_ms - end > self.step_ms * 2 {
            gaps.push((end, self.until_ms));
        }
        gaps
    }

    /// The dot whose span is nearest to a time.
    pub fn nearest(&self, at_ms: i64) -> Option<Dot> {
        let dot = self.dots.iter().min_by_key(|dot| (dot.at_ms + self.step_ms / 2 - at_ms).abs())?;
        ((dot.at_ms + self.step_ms / 2 - at_ms).abs() <= self.step_ms * 2).then_some(*dot)
    }
}

/// A rectangle to draw in, with the value at its top.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub ceiling: f64,
}

impl Frame {
    /// Where a time is, from the left.
    pub fn x(&self, curve: &Curve, at_ms: i64) -> f64 {
        let span = to_float((curve.until_ms - curve.from_ms).max(1));
        self.left + self.width * (to_float(at_ms - curve.from_ms) / span).clamp(0.0, 1.0)
    }

    /// Where a value is, from the top.
    pub fn y(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - (value / self.ceiling).clamp(0.0, 1.0))
    }

    /// The line through the highest value of each span, and the area below it, as SVG path data.
    pub fn paths(&self, curve: &Curve) -> (String, String) {
        use std::fmt::Write;
        let (mut line, mut area) = (String::new(), String::new());
        let floor = self.top + self.height;
        for run in curve.runs() {
            let mut begun = None;
            let mut right = self.left;
            for dot in run {
                let x = self.x(curve, dot.at_ms + curve.step_ms / 2);
                let y = self.y(dot.high);
                let (pen, start) = if begun.is_none() { ('M', true) } else { ('L', false) };
                // Writing to a String cannot fail.
                let _ = write!(line, "{pen}{x:.1} {y:.1}");
                if start {
                    let _ = write!(area, "M{x:.1} {floor:.1}");
                    begun = Some(x);
                }
                let _ = write!(area, "L{x:.1} {y:.1}");
                right = x;
            }
            if let Some(left) = begun {
                // A run of one dot would be invisible: it gets the width of its span.
                if (right - left).abs() < f64::EPSILON {
                    let _ =
                        write!(line, "h{:.1}", self.width * to_float(curve.step_ms) / to_float((curve.until_ms - curve.from_ms).max(1)));
                }
                let _ = write!(area, "L{right:.1} {floor:.1}Z");
            }
        }
        (line, area)
    }
}

/// A round value at or above a figure: 1, 2 or 5 times a power of ten, and never 0.
pub(super) fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|round| *round >= value * 0.999).unwrap_or(value)
}

/// Steps of an axis of durations, in milliseconds, that read as round: none is told with more digits than it shows.
const STEPS: [f64; 23] =
    [5.0, 10.0, 20.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5];
const DAY: f64 = 864e5;

/// The top of an axis of durations, in milliseconds: four round steps.
pub fn ceiling_of_time(highest: f64) -> f64 {
    let step = STEPS.into_iter().find(|step| step * 4.0 >= highest);
    4.0 * step.unwrap_or_else(|| (highest / 4.0 / DAY).ceil() * DAY)
}

/// The top of an axis of bytes: a power of two, and never below 1 KiB.
pub fn ceiling_of_bytes(highest: f64) -> f64 {
    2_f64.powf(highest.max(1024.0).log2().ceil())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(times: &[i64]) -> Curve {
        let dots = times.iter().map(|at| Dot { at_ms: *at, low: 0.0, high: 1.0, last: 1.0 }).collect();
        Curve { from_ms: 0, until_ms: 100, step_ms: 10, dots }
    }

    #[test]
    fn a_stretch_without_readings_is_a_gap_and_breaks_the_line() {
        let broken = curve(&[0, 10, 60, 70]);
        assert_eq!(broken.gaps(), vec![(20, 60), (80, 100)].into_iter().filter(|(a, b)| b - a > 20).collect::<Vec<_>>());
        let frame = Frame { left: 0.0, top: 0.0, width: 100.0, height: 10.0, ceiling: 1.0 };
        assert_eq!(frame.paths(&broken).0.matches('M').count(), 2);
        assert!(curve(&[0, 10, 20, 30, 40, 50, 60, 70, 80, 90]).gaps().is_empty());
    }

    #[test]
    fn a_curve_without_readings_is_one_gap() {
        assert_eq!(curve(&[]).gaps(), vec![(0, 100)]);
        assert_eq!(curve(&[]).range(), None);
    }

    #[test]
    fn a_new_span_slides_the_window_and_drops_what_has_left_it() {
        let mut sliding = curve(&[0, 10, 90]);
        sliding.push(Dot { at_ms: 100, low: 0.0, high: 3.0, last: 3.0 });
        assert_eq!((sliding.from_ms, sliding.until_ms), (10, 110));
        assert_eq!(sliding.dots.iter().map(|dot| dot.at_ms).collect::<Vec<_>>(), [10, 90, 100]);
        sliding.push(Dot { at_ms: 100, low: 0.0, high: 4.0, last: 4.0 });
        assert_eq!(sliding.newest(), Some(4.0));
        assert_eq!(sliding.dots.len(), 3);
    }

    #[test]
    fn an_axis_ends_at_a_round_value_at_or_above_the_figure() {
        for (value, round) in [(0.0, 1.0), (1.0, 1.0), (1.2, 2.0), (480.0, 500.0), (501.0, 1000.0), (0.03, 0.05)] {
            assert!((round_up(value) - round).abs() < 1e-9, "{value} -> {}", round_up(value));
        }
    }

    #[test]
    fn an_axis_of_durations_has_four_round_steps_above_the_figure() {
        for (highest, top) in [(0.0, 20.0), (20.0, 20.0), (81.0, 400.0), (5_250.0, 8_000.0), (8_001.0, 20_000.0), (4e8, 8.0 * DAY)] {
            assert!((ceiling_of_time(highest) - top).abs() < 1e-9, "{highest} -> {}", ceiling_of_time(highest));
        }
    }

    #[test]
    fn an_axis_of_bytes_ends_at_a_power_of_two_at_or_above_the_figure() {
        for (highest, top) in [(0.0, 1024.0), (1024.0, 1024.0), (1025.0, 2048.0), (1_040_000.0, 1_048_576.0)] {
            assert!((ceiling_of_bytes(highest) - top).abs() < 1e-6, "{highest} -> {}", ceiling_of_bytes(highest));
        }
    }
}
