use proptest::prelude::*;

use super::*;

fn read(lines: &[&str]) -> CacheControl {
    CacheControl::of(lines.iter().copied())
}

#[test]
fn names_are_compared_without_case_and_empty_members_are_none() {
    let says = read(&[" , NO-Store,,Max-Age=5 ,\t", ""]);
    assert!(says.is_flagged("no-store"));
    assert_eq!(says.seconds("max-age"), Some(Seconds::Of(5)));
    assert!(says.unreadable.is_empty());
}

#[test]
fn a_quoted_argument_hides_what_is_in_it() {
    let says = read(&[r#"x="no-store, \"max-age=9\"", max-age="60""#]);
    assert!(!says.is_flagged("no-store"));
    assert_eq!(says.seconds("max-age"), Some(Seconds::Of(60)));
    assert!(says.unreadable.is_empty());
}

#[test]
fn a_quotation_without_an_end_takes_the_rest_with_it() {
    let says = read(&[r#"max-age=3, x="a"#, "no-cache"]);
    assert!(!says.is_flagged("no-cache"));
    assert_eq!(says.unreadable, [r#"x="a, no-cache"#]);
    assert_eq!(says.seconds("max-age"), Some(Seconds::Of(3)));
}

#[test]
fn seconds_are_digits_and_the_largest_is_a_bound() {
    let of = |text: &str| read(&[text]).seconds("max-age");
    assert_eq!(of("max-age=0060"), Some(Seconds::Of(60)));
    assert_eq!(
        of("max-age=99999999999999999999999999"),
        Some(Seconds::Of(MAX_SECONDS))
    );
    for text in [
        "max-age",
        "max-age=",
        "max-age=-1",
        "max-age=1.5",
        "max-age=1s",
        "max-age = 3",
    ] {
        assert!(matches!(of(text), Some(Seconds::Unreadable(_))), "{text}");
    }
    assert_eq!(
        of("max-age=1, max-age=2, max-age=1"),
        Some(Seconds::Several(1, vec![2]))
    );
    assert_eq!(of("max-age=1, max-age=\"1\""), Some(Seconds::Of(1)));
}

#[test]
fn a_flag_with_an_argument_is_not_the_flag() {
    let says = read(&["no-store=1, must-revalidate=true, no-cache=\"\""]);
    for name in ["no-store", "must-revalidate", "no-cache"] {
        assert!(!says.is_flagged(name), "{name}");
    }
    assert_eq!(says.unreadable, ["no-store=1", "must-revalidate=true"]);
    assert_eq!(says.qualified_no_cache(), Some(""));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(lines in proptest::collection::vec("\\PC*", 0..4)) {
        let says = CacheControl::of(lines.iter().map(String::as_str));
        says.normal();
        says.seconds("max-age");
    }

    #[test]
    fn several_lines_are_the_same_as_one(lines in proptest::collection::vec("[a-z=\", \\\\0-9-]{0,30}", 1..5)) {
        let apart = CacheControl::of(lines.iter().map(String::as_str));
        let joined = lines.join(", ");
        prop_assert_eq!(apart, CacheControl::of([joined.as_str()].into_iter()));
    }

    #[test]
    fn what_is_written_by_the_grammar_is_read_as_it_was_meant(
        names in proptest::collection::btree_set("[a-z]{1,8}x", 1..6),
        seconds in 0..10_000_u64,
    ) {
        let mut members: Vec<String> = names.iter().map(|name| format!("{name}=\"a, b\"")).collect();
        members.push(format!("MAX-age={seconds}"));
        let says = CacheControl::of(members.iter().map(String::as_str));
        prop_assert_eq!(says.seconds("max-age"), Some(Seconds::Of(seconds)));
        prop_assert!(says.unreadable.is_empty());
        prop_assert_eq!(says.normal().len(), names.len() + 1);
    }
}
