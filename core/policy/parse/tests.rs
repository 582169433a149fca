use serde_json::json;

use super::*;
use proptest::prelude::*;

const ALL: [Format; 3] = [Format::Yaml, Format::Json, Format::Toml];

fn read(text: &str, format: Format) -> Reading<Node> {
    parse(Source { path: "file", text }, format)
}

fn errors(text: &str, format: Format) -> Vec<String> {
    read(text, format)
        .problems
        .sorted()
        .iter()
        .map(|problem| format!("{} {}", problem.span, problem.message))
        .collect()
}

#[test]
fn the_three_formats_give_the_same_tree() {
    let expected = json!({"a": {"b": [1, 2.5, true], "c": "x"}, "d": "2026-12-07"});
    for (text, format) in [
        ("a: {b: [1, 2.5, true], c: x}\nd: 2026-12-07\n", Format::Yaml),
        (r#"{"a": {"b": [1, 2.5, true], "c": "x"}, "d": "2026-12-07"}"#, Format::Json),
        ("a = {b = [1, 2.5, true], c = 'x'}\nd = 2026-12-07\n", Format::Toml),
    ] {
        let reading = read(text, format);
        assert!(reading.problems.is_empty(), "{:?}", reading.problems);
        let node = reading.value.unwrap();
        assert_eq!(node.to_json(), expected);
        let b = node.get("a").unwrap().get("b").unwrap();
        assert_eq!(b.span.line, 1);
        let Kind::List(items) = &b.kind else { panic!("a list") };
        let at = u32::try_from(text.find("2.5").unwrap()).unwrap();
        assert_eq!(items[1].span, Span { line: 1, column: at + 1, len: 3 }, "{format:?}");
    }
}

#[test]
fn keys_and_values_know_their_places() {
    let node = read("é: 1\r\nlist:\r\n  - \"zwei\" # x\r\n", Format::Yaml).value.unwrap();
    let Kind::Table(entries) = &node.kind else { panic!("a table") };
    assert_eq!(entries[0].value.span, Span { line: 1, column: 4, len: 1 });
    assert_eq!(entries[1].key_span, Span { line: 2, column: 1, len: 4 });
    let Kind::List(items) = &entries[1].value.kind else { panic!("a list") };
    assert_eq!(items[0].span, Span { line: 3, column: 5, len: 6 });
}

#[test]
fn plain_values_follow_the_core_schema() {
    for (text, expected) in [
        ("12", json!(12)),
        ("-3", json!(-3)),
        ("0x1F", json!(31)),
        ("0.042", json!(0.042)),
        ("1e3", json!(1000.0)),
        ("007", json!("007")),
        ("'12'", json!("12")),
        ("!!str 12", json!("12")),
        ("yes", json!("yes")),
        ("2pp", json!("2pp")),
        ("1.2.3", json!("1.2.3")),
        (".inf", json!(".inf")),
        ("99999999999999999999", json!("99999999999999999999")),
        ("2026-12-07", json!("2026-12-07")),
    ] {
        let node = read(&format!("x: {text}"), Format::Yaml).value.unwrap();
        assert_eq!(node.get("x").unwrap().to_json(), expected, "{text}");
    }
}

#[test]
fn every_duplicate_key_is_reported_with_the_first_place() {
    assert_eq!(
        errors("a: 1\nb: {c: 1, c: 2}\na: 2\n", Format::Yaml),
        ["2:11 duplicate key `c`, first on line 2", "3:1 duplicate key `a`, first on line 1"]
    );
    assert_eq!(
        errors("{\"a\": 1,\n \"a\": 2}", Format::Json),
        ["2:2 duplicate key `a`, first on line 1"]
    );
    assert_eq!(errors("a = 1\na = 2\n", Format::Toml), ["2:1 duplicate key `a`"]);
    assert_eq!(
        read("a: 1\na: 2\n", Format::Yaml).value.unwrap().to_json(),
        json!({"a": 1}),
        "the first value stays, so that what else is wrong is seen"
    );
}

#[test]
fn what_is_no_configuration_is_refused_with_its_place() {
    assert_eq!(
        errors("a: 1\n---\nb: 2\n", Format::Yaml),
        ["2:1 a second YAML document starts here"]
    );
    assert_eq!(
        errors("a: &x {b: 1}\nc:\n  <<: *x\n", Format::Yaml),
        ["3:3 merge keys (`<<`) are not read"]
    );
    assert_eq!(errors("a: !!binary aGk=\n", Format::Yaml), ["1:13 the tag `!!binary` is not read"]);
    assert_eq!(errors("a: *b\n", Format::Yaml), ["1:4 the alias `*b` stands for nothing"]);
    assert_eq!(errors("? [a]\n: 1\n", Format::Yaml), ["1:3 a list or a table can't be a key"]);
    assert_eq!(errors("a: b\0c\n", Format::Yaml), ["1:5 the file holds a NUL character"]);
    for format in ALL {
        assert_eq!(errors(" \n\n", format), ["1:1 the file is empty"]);
    }
    assert_eq!(errors("# nothing\n", Format::Yaml), ["1:1 the file is empty"]);
    assert_eq!(errors("null", Format::Json), ["1:1 the file is empty"]);
}

#[test]
fn a_syntax_error_has_one_problem_at_its_place() {
    for (text, format, line) in [
        ("a: [1, 2\nb: 3\n", Format::Yaml, 2),
        ("a:\n\tb: 1\n", Format::Yaml, 2),
        ("{\"a\": 1,}", Format::Json, 1),
        ("{\"a\": 01}", Format::Json, 1),
        ("{\n\"a\": \"x\n\"}", Format::Json, 2),
        ("{\"a\": \"x}", Format::Json, 1),
        ("{\"a\": 1} x", Format::Json, 1),
        ("{\"a\": \"\\x\"}", Format::Json, 1),
        ("a = \n", Format::Toml, 1),
        ("a = 1\nb = [1\n", Format::Toml, 2),
    ] {
        let reading = read(text, format);
        assert!(reading.value.is_none(), "{text}");
        let problems = reading.problems.sorted().into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].message.starts_with("this is not "), "{problems:?}");
        assert!(problems[0].span.line >= line, "{text}: {problems:?}");
    }
}

#[test]
fn an_alias_stands_for_its_anchor_and_problems_point_to_the_alias() {
    let node = read("a: &x [1, 2]\nb: *x\n", Format::Yaml).value.unwrap();
    assert_eq!(node.to_json(), json!({"a": [1, 2], "b": [1, 2]}));
    assert_eq!(node.get("b").unwrap().span, Span { line: 2, column: 4, len: 2 });
}

#[test]
fn alias_bombs_are_defused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let below = format!("*a{}", level - 1);
        let list = vec![below; 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    let found = errors(&bomb, Format::Yaml);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("far more than a file may hold"), "{found:?}");
    let mut long = format!("a: &a \"{}\"\nb:\n", "x".repeat(500_000));
    long.push_str(&"  - *a\n".repeat(1000));
    assert!(errors(&long, Format::Yaml)[0].contains("far more"));
    let itself = errors("a: &a [*a]\n", Format::Yaml);
    assert_eq!(itself, ["1:8 an alias can't stand inside what it stands for"]);
}

#[test]
fn deep_nesting_never_overflows_the_stack() {
    let deep = 10_000;
    for (text, format) in [
        ("[".repeat(deep), Format::Yaml),
        ("{a: ".repeat(deep), Format::Yaml),
        ("- ".repeat(deep), Format::Yaml),
        ("? ".repeat(deep), Format::Yaml),
        ("[".repeat(deep) + &"]".repeat(deep), Format::Json),
        ("{\"a\":".repeat(deep), Format::Json),
        (format!("a = {}{}", "[".repeat(deep), "]".repeat(deep)), Format::Toml),
        (format!("a = {}", "{b = ".repeat(deep)), Format::Toml),
        (format!("{}a = 1", "a.".repeat(deep)), Format::Toml),
        (format!("[{}a]", "a.".repeat(deep)), Format::Toml),
        (
            format!("a = {}1{}", format!("{{{}a = ", "a.".repeat(78)).repeat(78), "}".repeat(78)),
            Format::Toml,
        ),
        (
            format!("a = {}1{}", format!("{{{}\na = ", "a.".repeat(78)).repeat(78), "}".repeat(78)),
            Format::Toml,
        ),
    ] {
        let reading = read(&text, format);
        assert!(reading.problems.has_errors(), "{format:?}");
        assert!(reading.value.is_none());
    }
    let mut by_alias = String::from("a0: &a0 [1]\n");
    for level in 1..200 {
        by_alias.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(errors(&by_alias, Format::Yaml)[0].contains("levels inside each other"));
}

#[test]
fn the_extension_says_the_format() {
    let of = |path: &str| Format::of_path(&path.parse().unwrap());
    assert_eq!(of("a/b.YML"), Some(Format::Yaml));
    assert_eq!(of("a.b/c.json"), Some(Format::Json));
    assert_eq!(Format::of_name("/abs/x.toml"), Some(Format::Toml));
    assert_eq!((of("a.yaml/b"), of("yaml"), of("x.txt")), (None, None, None));
}

#[test]
fn size_and_encoding_are_checked_before_parsing() {
    let large = "#".repeat(MAX_BYTES + 1);
    for format in ALL {
        assert_eq!(
            errors(&large, format),
            ["0:0 the file is 1048577 bytes; it may have 1 MiB, and was not read"]
        );
    }
    let messages = |bytes: &[u8]| {
        let problems = decode_text(bytes).unwrap_err();
        problems.sorted().iter().map(|p| format!("{} {}", p.span, p.message)).collect::<Vec<_>>()
    };
    assert_eq!(messages(large.as_bytes()).len(), 1);
    assert_eq!(messages(b"a: 1\nb: \xFFx"), ["2:4 the file is not UTF-8 from here on"]);
    assert_eq!(messages(b"\xFF\xFEa\0"), ["1:1 the file is UTF-16, not UTF-8"]);
    assert_eq!(decode_text("\u{FEFF}a: 1".as_bytes()).unwrap(), "a: 1");
}

#[test]
fn lines_break_as_yaml_breaks_them() {
    let found: Vec<_> = lines("a\r\nb\rc\n\nd").collect();
    assert_eq!(found, ["a", "b", "c", "", "d"]);
    let text = "a\r\nb\rc\n\nd";
    assert_eq!(Places::of(text).span(text.len() - 1, text.len()).line, 5);
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,200}") {
        for format in ALL {
            let _ = read(&text, format);
        }
    }

    #[test]
    fn no_likely_text_panics(text in "[a-c:{}\\[\\]\\-&*!?|>'\"#, \n\t=.0-9<%@\\\\\r]{0,120}") {
        for format in ALL {
            let _ = read(&text, format);
        }
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it(text in r#"([\[\]{},:]|"[a-c\\u0-9n]{0,3}"|-?[0-9.]{1,3}(e[0-9])?|true|null| ){0,12}"#) {
        let ours = read(&text, Format::Json);
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match theirs {
            Ok(serde_json::Value::Null) | Err(_) => prop_assert!(ours.value.is_none()),
            Ok(value) => {
                let duplicate = ours.problems.has_errors();
                if !duplicate {
                    prop_assert_eq!(ours.value.unwrap().to_json(), value);
                }
            }
        }
    }
}
