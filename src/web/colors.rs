//! The colors of terminals: what a program chooses becomes what can be read. Pure.

use std::sync::LazyLock;

/// A color as a program chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    /// The terminal's own.
    Default,
    /// One of the 256 colors of xterm, of which the first sixteen have names.
    Index(u8),
    Rgb(Rgb),
}

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

/// The terminal's own colors of text and of the background, which `page.css` has as well.
pub(super) const INK: Rgb = rgb(0xe6e9ed);
pub(super) const PAPER: Rgb = rgb(0x14181d);

const WHITE: Rgb = [255; 3];
const BLACK: Rgb = [0; 3];

/// The sixteen colors with names: as text they are light, as a background dark.
const TEXT: [u32; 16] = [
    0x8b949e, 0xff8a80, 0x7ddc8c, 0xf0c060, 0x8ab8ff, 0xe6a0f0, 0x70d8e0, 0xd5dae0, 0xa3adb8,
    0xffa8a0, 0xa0f0ac, 0xffdc90, 0xb0d0ff, 0xf0c0f8, 0xa0ecf0, 0xffffff,
];
const BACKGROUND: [u32; 16] = [
    0x000000, 0x7a1d17, 0x16532a, 0x5e4300, 0x16407a, 0x5c2366, 0x0b5058, 0x49525c, 0x3a424b,
    0x8f2a22, 0x1f6b38, 0x6b4d00, 0x1f5296, 0x713080, 0x10646e, 0x5a636d,
];

/// The least contrast of text on its background, by WCAG 2.2 at level AA.
const LEAST_CONTRAST: f64 = 4.5;

/// In how many steps text becomes white or black.
const STEPS: u16 = 32;

/// How a program changes the colors of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Emphasis {
    /// Text and background are exchanged.
    pub(super) inverse: bool,
    pub(super) dim: bool,
}

/// Returns the colors of text and of its background as they are drawn.
pub(super) fn drawn(text: Color, background: Color, emphasis: Emphasis) -> (Rgb, Rgb) {
    let text = resolve(text, INK, &TEXT);
    let background = resolve(background, PAPER, &BACKGROUND);
    let (text, background) = match emphasis.inverse {
        true => (background, text),
        false => (text, background),
    };
    let text = match emphasis.dim {
        true => mix(text, background, STEPS / 4),
        false => text,
    };
    (readable(text, background), background)
}

const fn rgb(number: u32) -> Rgb {
    let [_, red, green, blue] = number.to_be_bytes();
    [red, green, blue]
}

fn resolve(color: Color, default: Rgb, named: &[u32; 16]) -> Rgb {
    match color {
        Color::Default => default,
        Color::Rgb(color) => color,
        Color::Index(index) => match named.get(usize::from(index)) {
            Some(number) => rgb(*number),
            None => indexed(index),
        },
    }
}

/// Returns a color of xterm's cube of 216 colors, which begins at 16, or one of the greys after it.
fn indexed(index: u8) -> Rgb {
    if index >= 232 {
        return [8 + (index - 232) * 10; 3];
    }
    let at = index - 16;
    [at / 36, at / 6 % 6, at % 6].map(|step| match step {
        0 => 0,
        step => 55 + step * 40,
    })
}

/// Returns text that is changed towards white or black, as little as needed to read it on the background.
fn readable(text: Rgb, background: Rgb) -> Rgb {
    let end = match contrast(WHITE, background) >= contrast(BLACK, background) {
        true => WHITE,
        false => BLACK,
    };
    let mut steps = (0..STEPS).map(|step| mix(text, end, step));
    let first = steps.find(|color| contrast(*color, background) >= LEAST_CONTRAST);
    first.unwrap_or(end)
}

/// Returns a color that is so many steps of [`STEPS`] on the way to another.
fn mix(from: Rgb, to: Rgb, step: u16) -> Rgb {
    std::array::from_fn(|at| {
        let (from, to) = (u16::from(from[at]), u16::from(to[at]));
        let mixed = (from * (STEPS - step) + to * step) / STEPS;
        u8::try_from(mixed).expect("it is between two bytes")
    })
}

/// Returns the contrast of two colors, as WCAG defines it: from 1 to 21.
fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Returns the relative luminance of a color, as WCAG defines it.
fn luminance([red, green, blue]: Rgb) -> f64 {
    static LINEAR: LazyLock<[f64; 256]> = LazyLock::new(|| {
        std::array::from_fn(|value| {
            let value = value as f64 / 255.0;
            match value <= 0.04045 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        })
    });
    let linear = |value: u8| LINEAR[usize::from(value)];
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Emphasis = Emphasis {
        inverse: false,
        dim: false,
    };

    #[test]
    fn contrast_is_that_of_wcag() {
        let rounded = |one, other| (contrast(rgb(one), rgb(other)) * 100.0).round() / 100.0;
        assert_eq!(rounded(0xffffff, 0x000000), 21.0);
        assert_eq!(rounded(0x777777, 0xffffff), 4.48);
        assert_eq!(rounded(0x0b5c8a, 0x14181d), 2.47);
    }

    #[test]
    fn every_color_can_be_read() {
        let named = || (0..16).map(Color::Index);
        let on_default = (0..=255).map(|index| (Color::Index(index), Color::Default));
        let of_default = (0..=255).map(|index| (Color::Default, Color::Index(index)));
        let of_names = named().flat_map(|text| named().map(move |back| (text, back)));
        let mut pairs: Vec<_> = on_default.chain(of_default).chain(of_names).collect();
        for dark in [[0, 0, 128], [10, 10, 10], [118, 118, 118], [255, 255, 0]] {
            pairs.push((Color::Rgb(dark), Color::Default));
            pairs.push((Color::Rgb(dark), Color::Rgb(dark)));
        }
        for (text, background) in pairs {
            for inverse in [false, true] {
                for dim in [false, true] {
                    let (ink, paper) = drawn(text, background, Emphasis { inverse, dim });
                    let contrast = contrast(ink, paper);
                    assert!(
                        contrast >= 4.5,
                        "{contrast:.2}: {text:?} on {background:?}, inverse {inverse}, dim {dim}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_can_be_read_is_not_changed() {
        assert_eq!(drawn(Color::Default, Color::Default, PLAIN), (INK, PAPER));
        let inverse = Emphasis {
            inverse: true,
            ..PLAIN
        };
        assert_eq!(drawn(Color::Default, Color::Default, inverse), (PAPER, INK));
        assert_eq!(
            drawn(Color::Index(2), Color::Index(0), PLAIN),
            (rgb(0x7ddc8c), BLACK)
        );
        // The cube and the greys of xterm.
        for (index, number) in [
            (16, 0x000000),
            (196, 0xff0000),
            (67, 0x5f87af),
            (232, 0x080808),
            (255, 0xeeeeee),
        ] {
            assert_eq!(indexed(index), rgb(number), "{index}");
        }
        let given = Color::Rgb([200, 100, 100]);
        assert_eq!(drawn(given, Color::Default, PLAIN).0, [200, 100, 100]);
        let dim = Emphasis { dim: true, ..PLAIN };
        assert_ne!(drawn(Color::Default, Color::Default, dim).0, INK);
    }
}
