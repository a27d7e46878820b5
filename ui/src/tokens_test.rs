//! Every pair of colours that can meet is far enough apart, in both themes.

use std::collections::HashMap;

const TOKENS: &str = include_str!("../style/0-tokens.css");
const TEXT_MIN: f64 = 4.5;
const MARK_MIN: f64 = 3.0;

type Colour = [f64; 3];

/// Light and dark, by name.
fn tokens() -> HashMap<&'static str, [Colour; 2]> {
    TOKENS
        .lines()
        .filter_map(|line| {
            let (name, value) = line.trim().strip_prefix("--")?.split_once(':')?;
            let (light, dark) = value
                .trim()
                .strip_prefix("light-dark(")?
                .strip_suffix(");")?
                .split_once(", ")?;
            Some((name, [colour(light)?, colour(dark)?]))
        })
        .collect()
}

fn colour(text: &str) -> Option<Colour> {
    let number = u32::from_str_radix(text.strip_prefix('#').filter(|hex| hex.len() == 6)?, 16).ok()?;
    Some([16, 8, 0].map(|shift| f64::from(number >> shift & 0xff) / 255.0))
}

fn luminance(colour: Colour) -> f64 {
    let linear = colour.map(|c| {
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(a: Colour, b: Colour) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// `share` of `over` upon `under`.
fn mix(over: Colour, under: Colour, share: f64) -> Colour {
    [0, 1, 2].map(|i| over[i] * share + under[i] * (1.0 - share))
}

#[track_caller]
fn check(what: &str, over: [Colour; 2], under: [Colour; 2], min: f64, failures: &mut Vec<String>) {
    for (theme, at) in [("light", 0), ("dark", 1)] {
        let found = contrast(over[at], under[at]);
        if found < min {
            failures.push(format!("{what}, {theme}: {found:.2} < {min}"));
        }
    }
}

#[test]
fn every_pair_of_colours_that_can_meet_is_far_enough_apart() {
    let tokens = tokens();
    let of = |name: &str| *tokens.get(name).unwrap_or_else(|| panic!("no token --{name}"));
    let tinted = |name: &str| [0, 1].map(|at| mix(of(name)[at], of("ground")[at], 0.1));
    let severities = ["none", "trace", "debug", "info", "warn", "error", "fatal"].map(|word| format!("sev-{word}"));
    let mut failures = Vec::new();

    for under in ["ground", "raised", "hover", "selected"] {
        for over in [
            "text",
            "quiet",
            "accent",
            "sev-warn",
            "sev-error",
            "sev-fatal",
            "sev-info",
        ] {
            check(
                &format!("{over} on {under}"),
                of(over),
                of(under),
                TEXT_MIN,
                &mut failures,
            );
        }
        for mark in severities.iter().map(String::as_str) {
            check(
                &format!("{mark} mark on {under}"),
                of(mark),
                of(under),
                MARK_MIN,
                &mut failures,
            );
        }
    }
    // The edge of a control sets it off from what is around it, not from what is in it.
    for under in ["ground", "raised"] {
        check(
            &format!("edge on {under}"),
            of("edge"),
            of(under),
            MARK_MIN,
            &mut failures,
        );
    }
    for series in 1..=8 {
        for under in ["ground", "raised"] {
            check(
                &format!("series-{series} on {under}"),
                of(&format!("series-{series}")),
                of(under),
                MARK_MIN,
                &mut failures,
            );
        }
    }
    check("text on tint", of("text"), of("tint"), TEXT_MIN, &mut failures);
    check(
        "on-accent on accent",
        of("on-accent"),
        of("accent"),
        TEXT_MIN,
        &mut failures,
    );
    for level in ["sev-error", "sev-fatal"] {
        for over in ["text", "quiet", level] {
            check(
                &format!("{over} on a row of {level}"),
                of(over),
                tinted(level),
                TEXT_MIN,
                &mut failures,
            );
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn colours_stand_in_the_token_file_only() {
    let sheets = [
        include_str!("../style/1-base.css"),
        include_str!("../style/shell.css"),
        include_str!("../style/ask.css"),
        include_str!("../style/histogram.css"),
        include_str!("../style/lines.css"),
        include_str!("../style/fields.css"),
        include_str!("../style/table.css"),
        include_str!("../style/chart.css"),
        include_str!("../style/boards.css"),
        include_str!("../style/settings.css"),
        include_str!("../style/pipeline.css"),
        include_str!("../style/z-narrow.css"),
    ];
    for line in sheets.iter().flat_map(|sheet| sheet.lines()) {
        let literal = line.contains("rgb(") || line.contains("hsl(") || line.contains(": #") || line.contains(" #");
        assert!(!literal, "a colour outside the token file: {line}");
    }
}
