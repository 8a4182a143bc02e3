//! Texts that match a pattern.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_regex::Regex;
use regex_syntax::hir::{Hir, HirKind};

/// How often `*` and `+` repeat at most.
const REPEAT: u32 = 8;
/// How many texts are tried for the bounds of a length.
const TRIES: usize = 200;

/// A text that matches `pattern` with a length within bounds; the error says what cannot be made.
pub(super) fn matching(pattern: &str, least: u64, most: u64, rng: &mut ChaCha8Rng) -> Result<String, String> {
    let whole =
        regex_syntax::parse(pattern).map_err(|error| format!("its pattern `{pattern}` is not read: {error}"))?;
    let made = Regex::with_hir(without_anchors(&whole), REPEAT);
    let made = made.map_err(|error| format!("no text can be made for its pattern `{pattern}`: {error}"))?;
    let checker = regex::Regex::new(pattern).map_err(|error| error.to_string())?;
    let fits = |text: &String| {
        let length = text.chars().count() as u64;
        (least..=most).contains(&length) && checker.is_match(text)
    };
    let found = (0..TRIES).map(|_| rng.sample::<String, _>(&made)).find(fits);
    found.ok_or_else(|| {
        format!("of {TRIES} texts none keeps to its pattern `{pattern}` and its length: give `examples`")
    })
}

/// A text that is generated begins and ends where the pattern does. What is any character becomes what people type.
fn without_anchors(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Look(_) => Hir::empty(),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(without_anchors).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(without_anchors).collect()),
        HirKind::Repetition(repetition) => Hir::repetition(regex_syntax::hir::Repetition {
            sub: Box::new(without_anchors(&repetition.sub)),
            ..repetition.clone()
        }),
        HirKind::Capture(capture) => without_anchors(&capture.sub),
        HirKind::Class(class) => typed(class),
        _ => hir.clone(),
    }
}

/// The printable ASCII of a class, where it has any.
fn typed(class: &regex_syntax::hir::Class) -> Hir {
    use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange};
    let Class::Unicode(whole) = class else { return Hir::class(class.clone()) };
    let mut printable = ClassUnicode::new([ClassUnicodeRange::new(' ', '~')]);
    printable.intersect(whole);
    let chosen = if printable.ranges().is_empty() { whole.clone() } else { printable };
    Hir::class(Class::Unicode(chosen))
}
