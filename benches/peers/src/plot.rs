//! The plots: the peers beside roadlab on one scale, and where the time of each start goes.

use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::program::Part;
use crate::report::{Report, Row, Side};

/// The height of a line, and the width of a plot, in pixels.
const LINE: u32 = 22;
const WIDTH: u32 = 960;
/// The place of the names, at the left.
const NAMES: i32 = 250;
/// The ratios at the two ends of the scale.
const SCALE: (f64, f64) = (0.5, 40.0);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(crate) fn write(report: &Report, folder: &Path) -> anyhow::Result<()> {
    ratios(report, &folder.join("ratios.svg"))?;
    for lab in &report.labs {
        waterfall(
            &lab.trace,
            &lab.lab,
            &folder.join(format!("start-{}.svg", lab.lab)),
        )?;
    }
    Ok(())
}

/// How many times what roadlab needs each peer needs, by lab and operation, on a logarithmic scale.
fn ratios(report: &Report, file: &Path) -> anyhow::Result<()> {
    let mut lines: Vec<(String, Vec<Row>)> = Vec::new();
    for lab in &report.labs {
        for row in lab
            .rows()
            .into_iter()
            .filter(|row| row.side != Side::Roadlab)
        {
            let name = format!("{}: {}", lab.lab, row.operation.name());
            match lines.last_mut() {
                Some((last, rows)) if *last == name => rows.push(row),
                _ => lines.push((name, vec![row])),
            }
        }
    }
    let count = u32::try_from(lines.len())?;
    let area = SVGBackend::new(file, (WIDTH, (count + 4) * LINE)).into_drawing_area();
    draw(area.fill(&WHITE))?;
    let bottom = i32::try_from((count + 2) * LINE)?;
    let x = |ratio: f64| {
        let part = (ratio.clamp(SCALE.0, SCALE.1) / SCALE.0).ln() / (SCALE.1 / SCALE.0).ln();
        NAMES + (part * f64::from(WIDTH as i32 - NAMES - 30)) as i32
    };
    text(&area, "times what roadlab needs", (NAMES, 8), &BLACK)?;
    for mark in [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0] {
        let colour = if mark == 1.0 {
            BLACK.mix(0.6)
        } else {
            BLACK.mix(0.15)
        };
        let line = vec![(x(mark), LINE as i32 * 2 - 4), (x(mark), bottom)];
        draw(area.draw(&PathElement::new(line, colour.stroke_width(1))))?;
        text(&area, &format!("{mark}"), (x(mark) - 6, bottom + 4), &BLACK)?;
    }
    for (side, at) in [
        (Side::Floor, 0),
        (Side::Compose, 110),
        (Side::Testcontainers, 210),
    ] {
        let left = NAMES + 250 + at;
        draw(area.draw(&Circle::new((left, 14), 5, colour(side).filled())))?;
        text(&area, side.name(), (left + 10, 8), &BLACK)?;
    }
    for (at, (name, rows)) in lines.iter().enumerate() {
        let y = (at as i32 + 2) * LINE as i32 + 6;
        text(&area, name, (8, y - 6), &BLACK)?;
        for row in rows {
            let Some(ratio) = row.ratio else { continue };
            draw(area.draw(&Circle::new((x(ratio), y), 5, colour(row.side).filled())))?;
        }
    }
    draw(area.present())
}

/// The parts of a start, from left to right.
fn waterfall(parts: &[Part], lab: &str, file: &Path) -> anyhow::Result<()> {
    let end = parts.iter().map(|(_, _, to)| *to).fold(1.0, f64::max);
    let count = u32::try_from(parts.len())?;
    let area = SVGBackend::new(file, (WIDTH, (count + 2) * LINE)).into_drawing_area();
    draw(area.fill(&WHITE))?;
    text(&area, &format!("up {lab}: {end:.0} ms"), (8, 6), &BLACK)?;
    let x = |millis: f64| NAMES + (millis / end * f64::from(WIDTH as i32 - NAMES - 90)) as i32;
    for (at, (name, from, to)) in parts.iter().enumerate() {
        let y = (at as i32 + 1) * LINE as i32 + 6;
        text(&area, name, (8, y), &BLACK)?;
        let bar = [(x(*from), y), (x(*to).max(x(*from) + 1), y + 12)];
        draw(area.draw(&Rectangle::new(bar, colour(Side::Compose).filled())))?;
        text(
            &area,
            &format!("{:.0} ms", to - from),
            (x(*to) + 6, y),
            &BLACK,
        )?;
    }
    draw(area.present())
}

fn colour(side: Side) -> RGBColor {
    match side {
        Side::Roadlab => BLACK,
        Side::Floor => RGBColor(120, 120, 120),
        Side::Compose => RGBColor(0, 90, 181),
        Side::Testcontainers => RGBColor(194, 87, 0),
    }
}

fn text(area: &Area<'_>, text: &str, at: (i32, i32), colour: &RGBColor) -> anyhow::Result<()> {
    let style = ("sans-serif", 13).into_font().color(colour);
    draw(area.draw(&Text::new(text.to_owned(), at, style)))
}

/// An error of the backend belongs to its area, which ends before the error does.
fn draw<T, E: std::fmt::Display>(result: Result<T, E>) -> anyhow::Result<T> {
    result.map_err(|error| anyhow!("cannot draw: {error}"))
}
