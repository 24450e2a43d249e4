//! Korean particles that depend on the word before them. A translation writes both forms, `{name}을(를)`; the sound that the
//! filled-in text ends with chooses one.

use super::{Part, parts};

/// Particles as a translation writes them, the form after a consonant, the form after a vowel.
const PARTICLES: [(&str, &str, &str); 6] = [
    ("을(를)", "을", "를"),
    ("이(가)", "이", "가"),
    ("은(는)", "은", "는"),
    ("와(과)", "과", "와"),
    ("(으)로", "으로", "로"),
    ("(이)라", "이라", "라"),
];

/// How a word ends when it is read aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Vowel,
    /// The consonant ㄹ, after which 으로 is 로.
    Rieul,
    Consonant,
}

/// Fills in the values of a Korean template and chooses the particles of the template; those in values stay as they are.
pub(super) fn fill(template: &str, mut value: impl FnMut(&str, &mut String)) -> String {
    let mut out = String::new();
    for part in parts(template) {
        match part {
            Part::Literal(text) => append(&mut out, text),
            Part::Placeholder(name) => value(name, &mut out),
        }
    }
    out
}

fn append(out: &mut String, mut text: &str) {
    while let Some((at, particle)) = first_particle(text) {
        let (written, consonant, vowel) = particle;
        out.push_str(&text[..at]);
        out.push_str(match (ending(out), written) {
            (None, _) => written,
            (Some(Ending::Vowel), _) | (Some(Ending::Rieul), "(으)로") => vowel,
            (Some(Ending::Rieul | Ending::Consonant), _) => consonant,
        });
        text = &text[at + written.len()..];
    }
    out.push_str(text);
}

fn first_particle(text: &str) -> Option<(usize, (&'static str, &'static str, &'static str))> {
    let found = PARTICLES
        .iter()
        .filter_map(|particle| Some((text.find(particle.0)?, *particle)));
    found.min_by_key(|(at, _)| *at)
}

/// Returns how a text ends when it is read aloud, closing quotes and brackets aside; `None` if that cannot be told.
fn ending(text: &str) -> Option<Ending> {
    let text = text.trim_end_matches(['`', '\'', '"', '’', '”', ')', ']', '}', '>', '*', '…']);
    let last = text.chars().next_back()?;
    match last {
        '가'..='힣' => Some(match (u32::from(last) - u32::from('가')) % 28 {
            0 => Ending::Vowel,
            8 => Ending::Rieul,
            _ => Ending::Consonant,
        }),
        // 영 일 이 삼 사 오 육 칠 팔 구; 십, 백, 천 and 만 end with a consonant too.
        '0' | '3' | '6' => Some(Ending::Consonant),
        '1' | '7' | '8' => Some(Ending::Rieul),
        '2' | '4' | '5' | '9' => Some(Ending::Vowel),
        '%' => Some(Ending::Vowel),
        'a'..='z' | 'A'..='Z' => {
            let start = text
                .rfind(|c: char| !c.is_ascii_alphabetic())
                .map_or(0, |at| {
                    at + text[at..].chars().next().map_or(1, char::len_utf8)
                });
            Some(latin(&text[start..]))
        }
        _ => None,
    }
}

/// Returns how an English word or an abbreviation ends in Korean pronunciation, as the loanword rules write it:
/// a stop after a single short vowel closes the syllable (`git` 깃), any other gets a vowel of its own (`list` 리스트).
fn latin(word: &str) -> Ending {
    if word.chars().all(|c| c.is_ascii_uppercase()) {
        // Read letter by letter: 엘, 알, 엠, 엔; all others end with a vowel.
        return match word.chars().next_back() {
            Some('L' | 'R') => Ending::Rieul,
            Some('M' | 'N') => Ending::Consonant,
            _ => Ending::Vowel,
        };
    }
    let word = word.to_ascii_lowercase();
    // `MiB` and its like are read as bytes.
    if matches!(word.as_str(), "kib" | "mib" | "gib" | "kb" | "mb" | "gb") {
        return Ending::Vowel;
    }
    let letters: Vec<char> = word.chars().rev().collect();
    let is_vowel = |at: usize| {
        letters
            .get(at)
            .is_some_and(|c| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y'))
    };
    // The stop at this place from the end stands behind exactly one vowel, or behind `oo` or `ou`.
    let short = |at: usize| {
        is_vowel(at + 1)
            && (!is_vowel(at + 2)
                || matches!(
                    (letters.get(at + 2), letters.get(at + 1)),
                    (Some('o'), Some('o' | 'u'))
                ))
    };
    match letters.as_slice() {
        ['l', ..] | ['e', 'l', ..] => Ending::Rieul,
        ['m' | 'n', ..] | ['g', 'n', ..] => Ending::Consonant,
        ['e', 'm' | 'n', ..] if letters.len() > 3 => Ending::Consonant,
        ['k', 'c', ..] if short(1) => Ending::Consonant,
        ['p' | 't' | 'k' | 'c' | 'b', ..] if short(0) => Ending::Consonant,
        _ => Ending::Vowel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, value: &str, expected: &str) {
        let filled = fill(template, |_, out| out.push_str(value));
        assert_eq!(filled, expected);
    }

    #[test]
    fn a_korean_word_chooses_by_its_final_consonant() {
        check("{x}을(를)", "랩", "랩을");
        check("{x}을(를)", "이미지", "이미지를");
        check("{x}이(가) 없습니다", "파일", "파일이 없습니다");
        check("{x}(으)로", "파일", "파일로");
        check("{x}(으)로", "폴더", "폴더로");
        check("{x}(으)로", "랩", "랩으로");
        check("{x}와(과) {x}은(는)", "랩", "랩과 랩은");
    }

    #[test]
    fn latin_words_are_read_as_korean_writes_them() {
        for (word, expected) in [
            ("redis", "redis를"),
            ("postgres", "postgres를"),
            ("rabbitmq", "rabbitmq를"),
            ("airflow", "airflow를"),
            ("kafka", "kafka를"),
            ("docker", "docker를"),
            ("list", "list를"),
            ("file", "file을"),
            ("volume", "volume을"),
            ("git", "git을"),
            ("topic", "topic을"),
            ("webhook", "webhook을"),
            ("mysql", "mysql을"),
            ("JSON", "JSON을"),
            ("TTL", "TTL을"),
            ("API", "API를"),
            ("512 MiB", "512 MiB를"),
        ] {
            check("{x}을(를)", word, expected);
        }
        check("{x}(으)로", "mysql", "mysql로");
    }

    #[test]
    fn digits_are_read_as_numbers() {
        check("포트 {x}을(를)", "6379", "포트 6379를");
        check("포트 {x}을(를)", "8080", "포트 8080을");
        check("{x}(으)로", "8081", "8081로");
        check("{x}이(가)", "3", "3이");
    }

    #[test]
    fn closing_quotes_are_skipped() {
        check("`{x}`을(를)", "redis", "`redis`를");
        check("`roadlab up {x}`(으)로", "redis", "`roadlab up redis`로");
        check("{x}을(를)", "(랩)", "(랩)을");
    }

    #[test]
    fn what_cannot_be_read_keeps_both_forms() {
        check("{x}을(를)", "", "을(를)");
        check("{x}을(를)", "/", "/을(를)");
    }

    #[test]
    fn particles_in_a_value_stay() {
        check("{x}", "랩을(를)", "랩을(를)");
    }
}
