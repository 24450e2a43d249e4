//! Times of the sides of a measurement, as a table with bars.

use std::time::Duration;

use crate::event::{SideTimes, ratios};
use crate::lab::Unit;
use crate::report::format::Paint;
use crate::report::table::table;
use crate::{localized, text_plural};

/// The columns of the longest bar.
const BAR: usize = 16;

/// Returns a table with one line for each side, named by `name`.
pub(crate) fn measured(
    sides: &[SideTimes],
    name: &dyn Fn(&SideTimes) -> String,
    paint: Paint,
) -> Vec<String> {
    let slowest = sides.iter().map(SideTimes::median).max();
    let slowest = slowest.unwrap_or_default().as_secs_f64().max(1e-9);
    let mut rows = vec![
        [
            String::new(),
            localized!("median"),
            localized!("95 % within"),
            String::new(),
            localized!("ratio"),
            localized!("read"),
        ]
        .map(|cell| paint.dim(&cell))
        .to_vec(),
    ];
    for (side, ratio) in sides.iter().zip(ratios(sides)) {
        let share = side.median().as_secs_f64() / slowest;
        rows.push(vec![
            name(side),
            time(side.median()),
            time(side.p95()),
            bar(share),
            format!("{ratio:.1} ×"),
            side.touched
                .map(|(count, unit)| touched(count, unit))
                .unwrap_or_default(),
        ]);
    }
    table(&rows)
}

/// Returns a bar of the share of the slowest side, from 0 to 1. It is never empty.
fn bar(share: f64) -> String {
    let length = (share * BAR as f64).round() as usize;
    "█".repeat(length.clamp(1, BAR))
}

/// Returns a time with three digits that count.
fn time(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    match millis {
        ..10.0 => format!("{millis:.2} ms"),
        ..100.0 => format!("{millis:.1} ms"),
        ..1000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1000.0),
    }
}

fn touched(count: u64, unit: Unit) -> String {
    let text = match unit {
        Unit::Rows => text_plural!("{count} row", "{count} rows", count),
        Unit::Documents => text_plural!("{count} document", "{count} documents", count),
        Unit::Keys => text_plural!("{count} key", "{count} keys", count),
        Unit::Pages => text_plural!("{count} page", "{count} pages", count),
        Unit::Bytes => text_plural!("{count} byte", "{count} bytes", count),
    };
    text.localized()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_the_share_and_is_never_empty() {
        assert_eq!(bar(1.0).chars().count(), BAR);
        assert_eq!(bar(0.5).chars().count(), BAR / 2);
        assert_eq!(bar(0.0001).chars().count(), 1);
    }

    #[test]
    fn a_time_has_three_digits_that_count() {
        let micros = |micros| time(Duration::from_micros(micros));
        assert_eq!(micros(420), "0.42 ms");
        assert_eq!(micros(42_04), "4.20 ms");
        assert_eq!(micros(42_040), "42.0 ms");
        assert_eq!(micros(420_400), "420 ms");
        assert_eq!(micros(4_204_000), "4.20 s");
    }
}
