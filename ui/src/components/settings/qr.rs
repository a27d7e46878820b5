//! A text as a picture that an authenticator reads (ISO/IEC 18004).

use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};

/// Light squares around it, which readers need.
const QUIET: i32 = 4;

/// The picture; black on white in either theme, as cameras want it.
pub(super) fn qr(text: &str) -> Option<impl IntoView + use<>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let size = code.size() + 2 * QUIET;
    Some(view! {
        <svg class="set-qr" viewBox=format!("0 0 {size} {size}") shape-rendering="crispEdges" role="img" aria-label="The secret as a QR code">
            <rect width=size.to_string() height=size.to_string() fill="#ffffff"/>
            <path d=path(&code) fill="#000000"/>
        </svg>
    })
}

/// Runs of dark squares, one per run.
fn path(code: &QrCode) -> String {
    let mut out = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let start = x;
            while x < code.size() && code.get_module(x, y) {
                x += 1;
            }
            if x > start {
                out.push_str(&format!(
                    "M{},{}h{}v1h-{}z",
                    start + QUIET,
                    y + QUIET,
                    x - start,
                    x - start
                ));
            }
            x += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_every_dark_square_and_no_other() {
        let code = QrCode::encode_text("otpauth://totp/timberline:ada?secret=JBSWY3DP", QrCodeEcc::Medium).unwrap();
        let dark: i32 = (0..code.size())
            .map(|y| (0..code.size()).filter(|x| code.get_module(*x, y)).count() as i32)
            .sum();
        let drawn: i32 = path(&code)
            .split('M')
            .skip(1)
            .map(|run| run.split(['h', 'v']).nth(1).unwrap().parse::<i32>().unwrap())
            .sum();
        assert_eq!(drawn, dark);
        // The first corner's mark is seven squares wide.
        assert!(path(&code).starts_with("M4,4h7v1h-7z"));
    }
}
