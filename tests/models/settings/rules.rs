//! What rules of settings allow, and which texts are rules at all.

use zenith_db::models::{BadRule, ValidationRule};

fn rule(text: &str) -> ValidationRule {
    text.parse().unwrap_or_else(|reason: BadRule| panic!("{text:?}: {reason}"))
}

/// That the rule allows these values, and none of those.
fn check(text: &str, allowed: &[&str], refused: &[&str]) {
    let rule = rule(text);
    for value in allowed {
        assert!(rule.allows(value), "{text:?} refuses {value:?}");
    }
    for value in refused {
        assert!(!rule.allows(value), "{text:?} allows {value:?}");
    }
}

fn refused(text: &str, reason: &str) {
    let said = text.parse::<ValidationRule>().expect_err(text).to_string();
    assert!(said.contains(reason), "{text:?}: {said}");
}

#[test]
fn a_range_includes_both_its_ends() {
    check("range 1..100", &["1", "2", "99", "100"], &["0", "101", "-1"]);
    check("range -3..-1", &["-3", "-2", "-1"], &["-4", "0", "2"]);
    check("range 5..5", &["5", "5.0", "5e0"], &["4", "6", "5.0000001"]);
    check("range 0..0", &["0", "-0.0", "0.0"], &["1", "-1", "5e-324"]);
}

#[test]
fn either_end_of_a_range_may_be_left_out() {
    check("range 1..", &["1", "9223372036854775807", "1e308"], &["0", "0.999"]);
    check("range ..1", &["1", "-9223372036854775808", "-1e308"], &["2", "1.001"]);
}

#[test]
fn a_range_takes_decimals_and_exponents() {
    check("range 0.5..1.5", &["0.5", "1", "1.0", "1.5"], &["0.49", "0", "1.51", "2"]);
    check("range 1e3..1e4", &["1000", "10000", "1000.0"], &["999", "10001"]);
    check("range -.5...5", &["-0.5", "0", "0.5"], &["-0.51", "0.51"]);
}

#[test]
fn space_in_a_rule_does_not_matter() {
    for text in ["range 1..3", " range  1 .. 3 ", "range\t1..3\n", "\nrange\n1\n..\n3"] {
        check(text, &["1", "3"], &["0", "4"]);
    }
    check(" one-of  a | b c ", &["a", "b c"], &[" a", "a ", "b", "b c "]);
    check("  pattern  a b ", &["a b"], &["a b ", " a b", "ab"]);
}

#[test]
fn what_is_no_number_is_in_no_range() {
    let texts = ["", " ", "x", "1 2", "1,5", " 1", "1 ", "0x1", "NaN", "inf", "-inf", "1e999", "١"];
    check("range ..1e308", &["1"], &texts);
    check("range -1e308..", &["1"], &texts);
}

#[test]
fn whole_numbers_are_compared_exactly_to_the_last() {
    let (max, min) = ("9223372036854775807", "-9223372036854775808");
    check("range 9223372036854775807..", &[max], &["9223372036854775806", min, "0"]);
    check("range ..9223372036854775806", &["9223372036854775806", min], &[max]);
    check("range ..-9223372036854775808", &[min], &["-9223372036854775807", "0"]);
    check("range -9223372036854775807..", &["-9223372036854775807", max], &[min]);
    check(
        "range 9007199254740993..9007199254740993",
        &["9007199254740993"],
        &["9007199254740992", "9007199254740994"],
    );
    refused("range 9223372036854775807..9223372036854775806", "empty");
}

#[test]
fn a_whole_number_and_another_are_compared_exactly() {
    // 2^63, just beyond the greatest whole number; and 2^53, from which on floats have gaps.
    let max = "9223372036854775807";
    check("range 9223372036854775808..", &["9223372036854775808"], &[max]);
    check("range ..9007199254740992.0", &["9007199254740992"], &["9007199254740993"]);
    check("range 9007199254740993..", &["9007199254740993"], &["9007199254740992.0"]);
    refused("range 9007199254740993..9007199254740992.0", "empty");
}

#[test]
fn a_range_without_numbers_or_without_room_is_no_rule() {
    refused("range ..", "at least one bound");
    refused("range  .. ", "at least one bound");
    refused("range 1", "MIN..MAX");
    refused("range 1.2", "MIN..MAX");
    refused("range 1-2", "MIN..MAX");
    refused("range 2..1", "empty");
    refused("range 0.2..0.1", "empty");
    refused("range 1..0.5", "empty");
    refused("range -1..-2", "empty");
    for text in ["range a..b", "range 1..x", "range 1..2..3", "range 1 2..3", "range NaN..1"] {
        refused(text, "is not a number");
    }
    for text in ["range 1..inf", "range -inf..1", "range ..1e999", "range 0x1..", "range 1_0.."] {
        refused(text, "is not a number");
    }
}

#[test]
fn one_of_is_one_word_exactly() {
    check(
        "one-of debug|info|warning",
        &["debug", "info", "warning"],
        &["", "Debug", "INFO", "debug|info", "debu", "debugs", "|", "info\n"],
    );
    check("one-of only", &["only"], &["", "on", "onl y"]);
    check("one-of größe|Ω|🦀", &["größe", "Ω", "🦀"], &["GRÖSSE", "ω", "grosse"]);
    // Neither patterns nor numbers: text.
    check("one-of .*|1|[ab]", &[".*", "1", "[ab]"], &["x", "1.0", "a", "01"]);
    check("one-of a||b", &["a", "", "b"], &["|", " "]);
}

#[test]
fn a_pattern_describes_the_whole_text() {
    check("pattern [a-z]+-[0-9]{4}", &["ab-1234"], &["ab-12345", "xab-123", " ab-1234", "AB-1234"]);
    check("pattern a", &["a"], &["", "aa", "ba", "ab"]);
    check("pattern a*", &["", "a", "aa"], &["b", "ab", "ba"]);
    check("pattern .", &["a", "ä", "🦀"], &["", "ab", "\n"]);
    check("pattern (?i)ab", &["ab", "AB", "aB"], &["abc"]);
    check("pattern ^a$", &["a"], &["ab", "ba"]);
}

#[test]
fn every_branch_of_a_pattern_describes_the_whole_text() {
    check("pattern a|b", &["a", "b"], &["ab", "ax", "xb", "ba", "a|b", ""]);
    check("pattern a|ab|abc", &["a", "ab", "abc"], &["abcd", "b", "aab"]);
    check("pattern |a", &["", "a"], &["b", "aa"]);
}

#[test]
fn the_end_of_a_line_is_not_the_end_of_the_text() {
    check("pattern a", &["a"], &["a\n", "\na", "a\nb", "a\r\n"]);
    check("pattern (?m)a", &["a"], &["a\n", "b\na", "a\nb"]);
    check("pattern (?m)a$", &["a"], &["a\n", "a\nb"]);
    check("pattern (?s).*", &["a\nb", "", "\n"], &[]);
    check("pattern .*", &["ab", ""], &["a\nb", "\n"]);
}

#[test]
fn a_pattern_cannot_break_out_of_its_anchors() {
    // No regular expression, and yet one once it is put between `^(?:` and `)$`.
    for text in ["pattern a)|(?:b", "pattern a)(?:b", "pattern )|("] {
        refused(text, "");
    }
}

#[test]
fn a_pattern_may_end_in_a_comment() {
    check("pattern (?x) a b # then c", &["ab"], &["a b", "ab "]);
}

#[test]
fn what_is_no_regular_expression_is_no_rule() {
    for text in
        ["pattern (", "pattern [", "pattern a{2", "pattern *", r"pattern \", "pattern a{2,1}"]
    {
        assert!(text.parse::<ValidationRule>().is_err(), "{text}");
    }
    let nested = format!("pattern {}a{}", "(".repeat(2000), ")".repeat(2000));
    assert!(nested.parse::<ValidationRule>().is_err());
    let huge = "pattern ((a{1000}){1000}){1000}";
    assert!(huge.parse::<ValidationRule>().is_err());
}

#[test]
fn a_rule_is_a_known_word_and_something_behind_it() {
    for text in ["", " ", "\n", "range", "one-of", "pattern", "range ", " pattern\t", "range1..2"] {
        refused(text, "a rule is `range MIN..MAX`, `one-of A|B|C` or `pattern REGEX`");
    }
    for text in ["Range 1..2", "oneof a|b", "regex a", "min 1", "1..2 range", "range: 1..2"] {
        refused(text, "is not a rule");
    }
    refused("minimum 1", "\"minimum\" is not a rule; the rules are range, one-of and pattern");
}
